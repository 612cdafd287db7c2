"""`kanport sandbox`: a Kanboard-compatible server on loopback."""

import errno
import os
import secrets
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from kanport.cli.options import Command, common_options
from kanport.errors import UsageError

_TOKEN_BYTES = 24


@click.command("sandbox", cls=Command)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    default=0,
    show_default=True,
    help="Port to listen on; 0 selects a free port.",
)
@click.option(
    "--token",
    metavar="TOKEN",
    help="Application token (default: KANPORT_TOKEN, or a new token that the command prints). Other"
    " users of this machine can read a token from the command line.",
)
@click.option(
    "--dialect",
    type=click.Choice(["sqlite", "mariadb", "postgres"]),
    default="sqlite",
    show_default=True,
    help="Database to imitate.",
)
@click.option(
    "--ldap-user",
    "ldap_users",
    multiple=True,
    metavar="NAME[:FULL NAME[:EMAIL]]",
    help="User in the imitated LDAP of Kanboard. Can be repeated.",
)
@click.option(
    "--store",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File that keeps the data (default: the data is lost at the end).",
)
@click.option(
    "--user-rows",
    type=click.Choice(["full", "safe", "old"]),
    default="full",
    show_default=True,
    help="User fields that the server returns: full (as Kanboard 1.0.25 to 1.2.53), safe (without"
    " secrets, as newer versions), or old (as Kanboard 1.0.24).",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Cut off a batch that takes longer (PHP's max_execution_time).",
)
@click.option(
    "--memory-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MB",
    help="Let getAllUsers fail if its users need more memory (PHP's memory_limit, usually 128).",
)
@click.option(
    "--display-errors/--no-display-errors",
    default=True,
    show_default=True,
    help="Imitate PHP's display_errors: answer a crash with its message and status 200,"
    " or with an empty 500.",
)
@click.option(
    "--hash-cost",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Time to hash one password; a real server needs about 0.07.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    default=2,
    show_default=True,
    help="Number of passwords hashed at the same time.",
)
@click.option(
    "--delay",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="Delay before each request.",
)
@common_options
def sandbox_command(token: str | None, ldap_users: tuple[str, ...], **settings: Any) -> None:
    """Run a Kanboard-compatible server on loopback, to try Kanport.

    The server answers Kanboard's JSON-RPC API and has no web pages. Without --store, it starts with
    the user `admin` only. It prints its address when it is ready, and ends on Ctrl-C or SIGTERM.

    \b
    Example:
      export KANPORT_TOKEN=secret
      kanport sandbox --port 8800 &
      KANPORT_URL=http://127.0.0.1:8800/jsonrpc.php kanport plan mappings/users-csv.yaml
    """
    from kanport.sandbox import LdapUser, Sandbox, SandboxOptions

    people = tuple(LdapUser.parse(text) for text in ldap_users)
    given = token or os.environ.get("KANPORT_TOKEN")
    token = given or secrets.token_urlsafe(_TOKEN_BYTES)
    try:
        server = Sandbox(SandboxOptions(token=token, ldap_users=people, **settings))
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        raise UsageError(
            f"the sandbox cannot start: {why}",
            hint="choose another --port, or 0 for a free one" if in_use else None,
        ) from error
    with _ended_by_signals() as ended, server:
        if given is None:
            # Whatever the log and --quiet say: nobody could use the server without it.
            click.echo(f"token: {token}", err=True)
        click.echo(f"listening on {server.url}")
        ended.wait()


@contextmanager
def _ended_by_signals() -> Iterator[threading.Event]:
    """Yield what Ctrl-C and SIGTERM set meanwhile."""
    ended = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: ended.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
