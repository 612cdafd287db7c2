"""Options that several commands share."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from kanport.cli.invocation import invocation_of, value_of
from kanport.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])


class OutputFile(click.Path):
    """The name of a file to be written; nothing, `-` and folders are wrong usage."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, readable=False, path_type=Path)

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Give the path, or tell what is wrong with the name."""
        if not os.fspath(value):
            self.fail("the name of the file is empty", param, ctx)
        if os.fspath(value) == "-":
            self.fail("name a file; stdout gets what --format says", param, ctx)
        return super().convert(value, param, ctx)


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    # The same switch may stand before or behind the name of the command.
    name = parameter.name or ""
    if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
        invocation_of(ctx).flags[name] = value


def setting(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Return an option that `Invocation` keeps, and that no command gets by itself."""
    return click.option(*names, expose_value=False, callback=_remember, **attributes)


COMMON = (
    setting(
        "-q",
        "--quiet",
        is_flag=True,
        help="Nothing on stderr but warnings and errors; sync prints nothing where all is well.",
    ),
    setting(
        "-v",
        "--verbose",
        count=True,
        help="Log on stderr what is done; twice: each request.",
    ),
    setting(
        "--color/--no-color",
        default=None,
        help="Colour or not; by default only on a terminal.",
    ),
    setting(
        "--debug",
        is_flag=True,
        help="Show the traceback of a bug.",
    ),
    setting(
        "--log-format",
        type=click.Choice(["text", "json"]),
        help="With json, stderr holds the log and nothing else, an object a line.  [env:"
        " KANPORT_LOG_FORMAT]",
    ),
    setting(
        "--log-file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Append the log to this file instead.  [env: KANPORT_LOG_FILE]",
    ),
)

CONFIGURATION = (
    setting(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The configuration; by default kanport.toml here, in the user's configuration folder,"
        " or in /etc/kanport.  [env: KANPORT_CONFIG]",
    ),
    setting(
        "--profile",
        metavar="NAME",
        help="The profile in it, such as staging.  [env: KANPORT_PROFILE]",
    ),
)

REQUEST_TIMEOUT = setting(
    "--request-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Seconds that one request to the server or to a directory may take in all, from the"
    " look-up of its name to the last byte (default: 900).  [env: KANPORT_REQUEST_TIMEOUT]",
)

STATE = setting(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The state folder: plans, journals and locks, and the ledger where it cannot lie beside"
    " the mapping.  [env: KANPORT_STATE; default: kanport in the state folder of the user]",
)

MAPPING = click.argument("mapping", type=click.Path(path_type=Path))

SERVER = (
    setting("--url", help="The server, with or without /jsonrpc.php.  [env: KANPORT_URL]"),
    setting(
        "--token-file",
        type=click.Path(path_type=Path),
        help="The file with the application token.  [env: KANPORT_TOKEN_FILE, or KANPORT_TOKEN"
        " with the token itself]",
    ),
    setting("--token-stdin", is_flag=True, help="Read the token from standard input."),
    setting(
        "--ca-file",
        type=click.Path(path_type=Path),
        help="Certificates of a private authority, in PEM.  [env: KANPORT_CA_FILE]",
    ),
    setting(
        "--allow-http",
        is_flag=True,
        help="Send the token over plain http:// to other machines.  [env: KANPORT_ALLOW_HTTP]",
    ),
    setting(
        "--auth-header",
        metavar="NAME",
        help="Send the credentials in this header, for servers behind FastCGI that lose the usual"
        " one (X-API-Auth).  [env: KANPORT_AUTH_HEADER]",
    ),
    setting(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="How long the server may be silent.  [env: KANPORT_TIMEOUT]",
    ),
    REQUEST_TIMEOUT,
    setting(
        "--batch-size",
        type=click.IntRange(1, 5000),
        metavar="CALLS",
        help="Calls in one request; by default as many as the server answers in about a second."
        "  [env: KANPORT_BATCH_SIZE]",
    ),
)

WRITING = (
    click.option(
        "--passwords-to",
        type=OutputFile(),
        metavar="FILE",
        help="Write the random passwords of new users to this new file (mode 0600).",
    ),
    click.option(
        "--discard-passwords",
        is_flag=True,
        help="Keep no random passwords of new users, and do not ask or warn about it.",
    ),
    setting(
        "--connections",
        type=click.IntRange(1, 64),
        help="Connections at most at once, 8 by default; fewer where more bring nothing."
        "  [env: KANPORT_CONNECTIONS]",
    ),
    setting(
        "--deadline",
        metavar="TIME",
        help="End the run after this time as Ctrl-C does: 90m, 2h, 1d or off (default: 24h for"
        " sync, off for apply and resume).  [env: KANPORT_DEADLINE]",
    ),
    setting(
        "--rate",
        type=click.FloatRange(min=0, min_open=True),
        metavar="CALLS",
        help="Calls a second at most while applying, for a server that others need as well."
        "  [env: KANPORT_RATE]",
    ),
    setting(
        "--max-errors",
        type=click.IntRange(min=0),
        metavar="N",
        help="Stop when more than N items have failed.  [env: KANPORT_MAX_ERRORS]",
    ),
)


MONITORING = (
    setting(
        "--status",
        type=OutputFile(),
        metavar="FILE",
        help="Replace this JSON file after each run, for monitoring.  [env: KANPORT_STATUS]",
    ),
    setting(
        "--prometheus",
        type=OutputFile(),
        metavar="FILE",
        help="The same as metrics, for the textfile collector (.prom).  [env: KANPORT_PROMETHEUS]",
    ),
)

WAIT = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Wait so long for another run on the same server or ledger to end; by default not at all.",
)

YES = click.option(
    "-y", "--yes", is_flag=True, help="Do not ask; apply needs it where there is no terminal."
)


def approval_options(command: F) -> F:
    """Add the options that demand an approval."""
    return _with(
        command,
        (
            click.option(
                "--require-approval",
                is_flag=True,
                help="Refuse (exit 4) without an approval of this very plan; see kanport approve.",
            ),
            click.option(
                "--approval",
                "approval_path",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="The approval, which is then required; by default PLAN.approval.json beside"
                " the plan.",
            ),
        ),
    )


def _allowed(ctx: click.Context, parameter: click.Parameter, texts: Any) -> dict[str, int]:
    if not texts:
        return {}
    from kanport import api

    try:
        return api.allowance(texts)
    except UsageError as problem:
        raise click.BadParameter(problem.message, ctx, parameter) from None


ALLOW = click.option(
    "--allow",
    "allowed",
    multiple=True,
    metavar="GUARD=NUMBER",
    callback=_allowed,
    help="Lift one guard for this run, up to a number: disable=40, or revoke:WEB=8 for one project."
    " The hint of a guard says how it is called; may be given several times.",
)


def format_option(*more: str) -> Callable[[F], F]:
    """Give the option that says what stdout gets: what every command can, and these."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["text", "json", "markdown", "html", *more]),
        default="text",
        show_default=True,
        help="What stdout gets.",
    )


FORMAT = format_option()

MASK = click.option(
    "--mask",
    "masked",
    is_flag=True,
    help="Put pseudonyms in the place of names, logins and e-mail addresses.",
)

TABLE = click.option(
    "--table",
    type=click.Choice(["changes", "findings", "access", "rows"]),
    help="The table that a CSV file holds; by default the changes, of validate the findings.",
)


def common_options(command: F) -> F:
    """Add the options that every command has, and start the log that they ask for."""

    @functools.wraps(command)
    def logged(*args: Any, **values: Any) -> Any:
        ctx = click.get_current_context()
        if not isinstance(ctx.command, click.Group):
            from kanport.cli.invocation import check_targets_of, start_log_of

            start_log_of(ctx)
            check_targets_of(ctx, _targets(ctx))
        return command(*args, **values)

    return _with(cast(F, logged), COMMON)


def _targets(ctx: click.Context) -> list[Path]:
    """Return the files that a command is to write."""
    named = [
        value_of(ctx, parameter.name or "")
        for parameter in ctx.command.params
        if isinstance(parameter.type, OutputFile) or parameter.name == "target"
    ]
    several = [path for paths in named for path in (paths if isinstance(paths, tuple) else [paths])]
    return [path for path in several if path is not None]


def configuration_options(command: F) -> F:
    """Add the options that name the configuration and the profile in it."""
    return _with(command, CONFIGURATION)


def server_options(command: F) -> F:
    """Add the options that name the server, and the configuration that may name it."""
    return _with(configuration_options(command), SERVER)


def writing_options(command: F) -> F:
    """Add the options of the commands that write to the server."""
    return _with(command, WRITING)


def with_options(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return what adds several options."""
    return lambda command: _with(command, options)


def _with(command: F, options: tuple[Callable[[F], F], ...]) -> F:
    for option in reversed(options):
        command = option(command)
    return command
