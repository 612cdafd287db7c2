"""`kanport sandbox`: a Kanboard-compatible server on loopback."""

import os
import secrets
import signal
import threading
from pathlib import Path
from typing import Any

import click

from kanport.errors import UsageError

_TOKEN_BYTES = 24


@click.command("sandbox")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Where to listen; 0, the default, takes a free port.",
)
@click.option(
    "--token",
    help="The application token. By default KANPORT_TOKEN from the environment, otherwise a new "
    "one that is printed on stderr. A token given here can be read in the list of processes.",
)
@click.option(
    "--dialect",
    type=click.Choice(["sqlite", "mariadb", "postgres"]),
    default="sqlite",
    show_default=True,
    help="The database whose habits to show.",
)
@click.option(
    "--ldap-user",
    "ldap_users",
    multiple=True,
    metavar="NAME[:FULL NAME[:EMAIL]]",
    help="Somebody whom createLdapUser finds; may be repeated.",
)
@click.option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file to keep the state in; without it, it is gone at the end.",
)
@click.option(
    "--user-rows",
    type=click.Choice(["full", "safe", "old"]),
    default="full",
    show_default=True,
    help="How a user looks in answers: as in 1.0.25 to 1.2.53, without secrets, as in 1.0.24.",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="A batch that takes longer is cut off (max_execution_time).",
)
@click.option(
    "--memory-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MB",
    help="getAllUsers of more users than fit into this breaks (memory_limit; stock is 128).",
)
@click.option(
    "--display-errors/--no-display-errors",
    default=True,
    show_default=True,
    help="Whether a crash of PHP answers its text with 200, or 500 with nothing.",
)
@click.option(
    "--hash-cost",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="What each password costs; a real server takes about 0.07.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=2,
    show_default=True,
    help="How many passwords can be hashed at a time.",
)
@click.option(
    "--delay",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="What each request waits at first.",
)
def command(token: str | None, ldap_users: tuple[str, ...], **settings: Any) -> None:
    """Run a Kanboard-compatible server on loopback, to try things on.

    It starts with the user `admin` and nothing else, prints its address once it is ready, and ends
    on Ctrl-C or SIGTERM.

    \b
    Example:
      export KANPORT_TOKEN=secret
      kanport sandbox --port 8800 &
      KANPORT_URL=http://127.0.0.1:8800/jsonrpc.php kanport plan mappings/users-csv.yaml
    """
    from kanport.sandbox import LdapUser, Sandbox, SandboxOptions

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    people = tuple(LdapUser.parse(text) for text in ldap_users)
    given = token or os.environ.get("KANPORT_TOKEN")
    token = given or secrets.token_urlsafe(_TOKEN_BYTES)
    try:
        server = Sandbox(SandboxOptions(token=token, ldap_users=people, **settings))
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise UsageError(f"the sandbox cannot start: {why}") from error
    with server:
        if given is None:
            click.echo(f"token: {token}", err=True)
        click.echo(f"listening on {server.url}")
        ended.wait()
