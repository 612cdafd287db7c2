"""Options that several commands share."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from kanport.cli.context import invocation_of, value_of
from kanport.report import ON_STDOUT

F = TypeVar("F", bound=Callable[..., Any])


class OutputFile(click.Path):
    """The name of a file to write; an empty name and folders are wrong usage.

    `stdout` allows `-`. `endings` are those that the name may have; it needs none.
    """

    def __init__(
        self, *, stdout: bool = False, endings: tuple[str, ...] = (), folder: bool = False
    ) -> None:
        super().__init__(dir_okay=folder, readable=False, path_type=Path)
        self._stdout = stdout
        self._endings = endings

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> Any:
        """Return the path; fail with what is wrong with the name."""
        if not os.fspath(value):
            self.fail("the name of the file is empty", param, ctx)
        if os.fspath(value) == "-":
            if self._stdout:
                from kanport.files import STDOUT

                return STDOUT
            self.fail("name a file; Kanport does not write this to stdout", param, ctx)
        path = Path(value)
        if self._endings and path.suffix and path.suffix.lower() not in self._endings:
            *others, last = (ending for ending in self._endings if ending)
            endings = f"{', '.join(others)} or {last}" if others else last
            must = "the name must end in"
            if "" in self._endings:
                must = "name a folder, or a file that ends in"
            self.fail(f"{path}: {must} {endings}", param, ctx)
        return super().convert(value, param, ctx)


class DeadlineText(click.ParamType[str]):
    """A time as the setting `deadline` takes it; another text is wrong usage."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the text as it is; fail with what is wrong with it."""
        from kanport.config.settings import DEADLINE
        from kanport.errors import ConfigInvalid

        try:
            DEADLINE.read(value, "the time")
        except ConfigInvalid as problem:
            self.fail(problem.message, param, ctx)
        return value


def is_special(path: Path) -> bool:
    """Return whether a path is that of a pipe or a device, such as /dev/stdout."""
    return path.exists() and not path.is_file() and not path.is_dir()


def output_option(
    name: str,
    help: str,
    *,
    endings: tuple[str, ...] = (),
    folder: bool = False,
    stdout: bool = True,
    metavar: str = "FILE",
    **attributes: Any,
) -> Callable[[F], F]:
    """Return `-o`, which is the same everywhere: several files, `-` for stdout, formats by ending.

    The command gets the paths under `name`, each once. With `stdout=False`, `-` is wrong usage.
    """
    return click.option(
        "-o",
        "--output",
        name,
        type=OutputFile(stdout=stdout, endings=endings, folder=folder),
        multiple=True,
        callback=lambda ctx, parameter, paths: tuple(dict.fromkeys(paths)),
        metavar=metavar,
        help=f"{help}{' `-` is stdout.' if stdout else ''} Can be repeated.",
        **attributes,
    )


class Option(click.Option):
    """An option that `--help` shows under the heading `section`."""

    def __init__(self, *args: Any, section: str = "Options", **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.section = section


# Options that lower security: whoever wants one knows its name.
NEVER_SUGGESTED = frozenset(
    {"--allow", "--allow-http", "--discard-passwords", "--remove-created", "--yes", "-y"}
)


class Command(click.Command):
    """A command whose `--help` explains the arguments, and groups the options by subject."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options; for an unknown one, suggest none that lowers security."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as problem:
            suggested = problem.possibilities or ()
            safe = [one for one in suggested if one not in NEVER_SUGGESTED]
            import difflib

            safe = difflib.get_close_matches(problem.option_name, safe, n=2, cutoff=0.75)
            raise click.NoSuchOption(problem.option_name, possibilities=safe, ctx=ctx) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments, the options of the command itself, and the shared ones."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], "Options": []}
        for parameter in self.get_params(ctx):
            section = parameter.section if isinstance(parameter, Option) else "Options"
            record = parameter.get_help_record(ctx)
            if isinstance(parameter, click.Argument):
                section, name = "Arguments", parameter.human_readable_name
                record = (name.strip("[]."), ARGUMENTS[name.strip("[].")])
            if record is not None:
                sections.setdefault(section, []).append(record)
        for section, records in sections.items():
            if records:
                with formatter.section(section):
                    formatter.write_dl(records)


# The arguments of the commands, as usage lines name them.
ARGUMENTS = {
    "FILE": "CSV or Excel file.",
    "FOLDER": "Folder of a review that `kanport review start` made.",
    "JOURNAL": "Journal of a run (.jsonl).",
    "MAPPING": "Mapping: the YAML file that says what to read and what each column means.",
    "MAPPING-or-SNAPSHOT": "Mapping, to say which source names each user; or a snapshot (.json)"
    " that `kanport state -o` saved.",
    "PLAN-or-JOURNAL": "Plan (.json), or journal of a run (.jsonl).",
    "PLAN.json": "Plan that `kanport plan -o` or `kanport undo -o` saved.",
    "REPORT": "Report that Kanport wrote.",
    "SHELL": "bash, zsh or fish.",
    "WHO": "Username, email address or stable id of a user.",
}


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    # The same switch may come before or after the name of the command.
    name = parameter.name or ""
    if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT:
        invocation_of(ctx).flags[name] = value


def setting(*names: str, **attributes: Any) -> Callable[[F], F]:
    """Return an option that `Invocation` keeps, and that is no argument of the command."""
    return click.option(*names, cls=Option, expose_value=False, callback=_remember, **attributes)


_common = functools.partial(setting, section="Common options")
_server = functools.partial(setting, section="Server options")
_run = functools.partial(setting, section="Run options")


COMMON = (
    _common(
        "-q",
        "--quiet",
        is_flag=True,
        help="Print only errors, and warnings that the mapping does not accept. The output of"
        " commands that show something, such as report, state and approve, remains.",
    ),
    _common(
        "-v",
        "--verbose",
        count=True,
        help="Log each step to stderr; -vv logs each request.",
    ),
    _common(
        "--color/--no-color",
        default=None,
        help="Use color, or not (default: only on a terminal).",
    ),
    _common(
        "--debug",
        is_flag=True,
        help="Show the traceback if Kanport itself fails.",
    ),
    _common(
        "--log-format",
        type=click.Choice(["text", "json"]),
        help="Format of the log. With json, stderr holds only the log, one object per line."
        "  [env: KANPORT_LOG_FORMAT; default: text]",
    ),
    _common(
        "--log-file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Append the log to this file instead of stderr.  [env: KANPORT_LOG_FILE]",
    ),
)

CONFIGURATION = (
    _common(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Configuration file (default: kanport.toml in the current folder, your configuration"
        " folder or /etc/kanport).  [env: KANPORT_CONFIG]",
    ),
    _common(
        "--profile",
        metavar="NAME",
        help="Profile in the configuration file, such as staging.  [env: KANPORT_PROFILE]",
    ),
)


def _request_timeout(section: str, to: str) -> Callable[[F], F]:
    return setting(
        "--request-timeout",
        section=section,
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help=f"Maximum time for one whole request to {to} (default: 900)."
        "  [env: KANPORT_REQUEST_TIMEOUT]",
    )


# For a command that reads sources and no server.
SOURCE_TIMEOUT = _request_timeout("Options", "a directory or another Kanboard")

STATE = setting(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for plans, journals and locks, and for the ledger if the mapping's folder cannot"
    " hold it (default: kanport in XDG_STATE_HOME or ~/.local/state).  [env: KANPORT_STATE]",
)

MAPPING = click.argument("mapping", type=click.Path(path_type=Path))

SERVER = (
    _server(
        "--url",
        metavar="URL",
        help="URL of the server, with or without /jsonrpc.php.  [env: KANPORT_URL]",
    ),
    _server(
        "--token-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="File that holds the application token.  [env: KANPORT_TOKEN_FILE, or KANPORT_TOKEN"
        " for the token itself]",
    ),
    _server("--token-stdin", is_flag=True, help="Read the token from standard input."),
    _server(
        "--ca-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="PEM file with the certificates of a private certificate authority."
        "  [env: KANPORT_CA_FILE]",
    ),
    _server(
        "--allow-http",
        is_flag=True,
        help="Allow http:// to another machine. The token travels unencrypted."
        "  [env: KANPORT_ALLOW_HTTP]",
    ),
    _server(
        "--auth-header",
        metavar="NAME",
        help="Send the token in this header, for example X-API-Auth. Some servers behind FastCGI"
        " drop the Authorization header.  [env: KANPORT_AUTH_HEADER]",
    ),
    _server(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Maximum time without a byte from the server (default: 120).  [env: KANPORT_TIMEOUT]",
    ),
    _request_timeout("Server options", "the server or to a directory"),
    _server(
        "--batch-size",
        type=click.IntRange(1, 5000),
        metavar="CALLS",
        help="Calls in one request (default: as many as the server answers in about a second)."
        "  [env: KANPORT_BATCH_SIZE]",
    ),
)

PASSWORDS = (
    click.option(
        "--passwords-to",
        cls=Option,
        section="Password options",
        type=OutputFile(),
        metavar="FILE",
        help="Write the random passwords of new users to this new file (mode 0600). Without it,"
        " apply and resume ask for a file on a terminal; otherwise these passwords are lost.",
    ),
    click.option(
        "--discard-passwords",
        cls=Option,
        section="Password options",
        is_flag=True,
        help="Do not keep the random passwords of new users, and do not ask or warn.",
    ),
)

WRITING = (
    _run(
        "--connections",
        type=click.IntRange(1, 64),
        metavar="N",
        help="Maximum number of connections (default: 8). Kanport uses fewer if more do not help."
        "  [env: KANPORT_CONNECTIONS]",
    ),
    _run(
        "--deadline",
        type=DeadlineText(),
        metavar="TIME",
        help="Interrupt the run after this time: 90m, 2h, 1d or off (default: 24h for sync, off for"
        " apply and resume).  [env: KANPORT_DEADLINE]",
    ),
    _run(
        "--rate",
        type=click.FloatRange(min=0, min_open=True),
        metavar="CALLS",
        help="Maximum number of calls per second while applying (default: no limit)."
        "  [env: KANPORT_RATE]",
    ),
    _run(
        "--max-errors",
        type=click.IntRange(min=0),
        metavar="N",
        help="Stop the run if more than N changes fail (default: no limit)."
        "  [env: KANPORT_MAX_ERRORS]",
    ),
)


MONITORING = (
    setting(
        "--status",
        type=OutputFile(),
        metavar="FILE",
        help="Write the result of each run to this JSON file, for monitoring."
        "  [env: KANPORT_STATUS]",
    ),
    setting(
        "--prometheus",
        type=OutputFile(),
        metavar="FILE",
        help="Write the result as metrics for Prometheus' textfile collector (.prom)."
        "  [env: KANPORT_PROMETHEUS]",
    ),
)

WAIT = click.option(
    "--wait",
    cls=Option,
    section="Run options",
    type=click.FloatRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Seconds to wait for another run to finish (default: fail at once).",
)


def yes_option(without_terminal: str) -> Callable[[F], F]:
    """Return `--yes`; `without_terminal` says what the command does where it cannot ask."""
    return click.option(
        "-y",
        "--yes",
        is_flag=True,
        help=f"Do not ask for confirmation. {without_terminal}",
    )


def moved_mapping_option(needed: str) -> Callable[[F], F]:
    """Return the option for the place of the mapping of a plan; `needed` says what for."""
    return click.option(
        "--mapping",
        "mapping_path",
        type=click.Path(path_type=Path),
        metavar="MAPPING",
        help=f"Where the mapping is now, if it moved. {needed}",
    )


def approval_options(command: F) -> F:
    """Add the options that require an approval."""
    return _with(
        command,
        (
            click.option(
                "--require-approval",
                is_flag=True,
                help="Refuse to run (exit 4) without an approval of exactly this plan; see kanport"
                " approve.",
            ),
            click.option(
                "--approval",
                "approval_path",
                type=click.Path(path_type=Path),
                metavar="FILE",
                help="File with the approval, which is then required (default: PLAN.approval.json"
                " beside the plan).",
            ),
        ),
    )


def _allowed(ctx: click.Context, parameter: click.Parameter, texts: Any) -> dict[str, int]:
    if not texts:
        return {}
    from kanport import api
    from kanport.errors import UsageError

    try:
        return api.allowance(texts)
    except UsageError as problem:
        raise click.BadParameter(problem.message, ctx, parameter) from None


ALLOW = click.option(
    "--allow",
    "allowed",
    multiple=True,
    metavar="CHECK=NUMBER",
    callback=_allowed,
    help="Override one safety check for this run, up to a number: disable=40, or revoke:WEB=8 for"
    " one project. A stopped plan shows the names. Can be repeated.",
)


def _selected(ctx: click.Context, parameter: click.Parameter, texts: Any) -> Any:
    if texts:
        from kanport import api
        from kanport.errors import UsageError

        try:
            api.parse_only(texts)
        except UsageError as problem:
            hint = f" ({problem.hint})" if problem.hint else ""
            raise click.BadParameter(f"{problem.message}{hint}", ctx, parameter) from None
    return texts


ONLY = click.option(
    "--only",
    multiple=True,
    metavar="PART",
    callback=_selected,
    help="Plan a part only: user:PATTERN, project:PATTERN, or an action such as membership.grant."
    " Several users are alternatives, as are several projects and several actions; a change must"
    " fit each kind that you name. Kanport adds the changes that it needs. Can be repeated.",
)


def format_option(*formats: str) -> Callable[[F], F]:
    """Return the option for the format of stdout."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        default="text",
        show_default=True,
        help="Format of the output on stdout.",
    )


TEXT_OR_JSON = format_option("text", "json")
FORMAT = format_option("text", "json", "markdown", "html")
REPORT_FORMAT = format_option(*dict.fromkeys(("text", "json", "markdown", "html", *ON_STDOUT)))

MASK = click.option(
    "--mask",
    "masked",
    is_flag=True,
    help="Replace usernames, full names, email addresses and stable ids by pseudonyms.",
)


def table_option(*names: str) -> Callable[[F], F]:
    """Return the option for the table of a CSV file; the first name is the default."""
    return click.option(
        "--table",
        type=click.Choice(names),
        help=f"Table to write as CSV (default: {names[0]}).",
    )


FULL = setting("--full", is_flag=True, help="Print everything, also on a terminal.")
SUMMARY = setting("--summary", is_flag=True, help="Print only the result and the counts.")
DETAIL = (
    setting(
        "--full",
        is_flag=True,
        help="Print every list in full, with digests and times, also on a terminal. Without"
        " it, a terminal shows a summary.",
    ),
    SUMMARY,
)


def common_options(command: F) -> F:
    """Add the options that every command has, and start the log that they configure."""

    @functools.wraps(command)
    def logged(*args: Any, **values: Any) -> Any:
        ctx = click.get_current_context()
        if not isinstance(ctx.command, click.Group):
            from kanport.cli.context import check_targets_of, start_log_of

            start_log_of(ctx)
            check_targets_of(ctx, _targets(ctx))
        return command(*args, **values)

    return _with(cast(F, logged), COMMON)


def _targets(ctx: click.Context) -> list[Path]:
    """Return the files that a command writes."""
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

    @functools.wraps(command)
    def checked(*args: Any, **values: Any) -> Any:
        if values["passwords_to"] is not None and values["discard_passwords"]:
            from kanport.errors import UsageError

            raise UsageError(
                "--passwords-to and --discard-passwords contradict each other",
                hint="use one of them",
            )
        return command(*args, **values)

    return _with(cast(F, checked), (*PASSWORDS, *WRITING))


def with_options(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return a decorator that adds several options."""
    return lambda command: _with(command, options)


def _with(command: F, options: tuple[Callable[[F], F], ...]) -> F:
    for option in reversed(options):
        command = option(command)
    return command
