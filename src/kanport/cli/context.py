"""One call of the command line: its options in any position, the settings, and the deadline."""

import os
import shlex
import signal
import sys
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kanport.api import Options
    from kanport.cli.logs import LogChoice
    from kanport.config.file import Configuration, Layers
    from kanport.config.settings import Settings

_FILE_VARIABLES = ("CONFIG", "TOKEN_FILE", "CA_FILE", "APPROVAL_KEY_FILE")


def _new_run_id() -> str:
    from kanport.events import new_run_id

    return new_run_id()


@dataclass
class Invocation:
    """The shared options of one call; it is in `ctx.obj`.

    `flags` holds the options of the command line by name. `json_log` is True if stderr is the log,
    `findings_shown` if a report has already shown the findings that stop the command.
    """

    flags: dict[str, Any] = field(default_factory=dict)
    run_id: str = field(default_factory=_new_run_id)
    json_log: bool = False
    findings_shown: bool = False
    _configuration: "Configuration | None" = None

    @property
    def quiet(self) -> bool:
        """Whether only warnings and errors go to stderr."""
        return bool(self.flags.get("quiet"))

    @property
    def color(self) -> bool | None:
        """Whether to use color; None for only on a terminal."""
        color: bool | None = self.flags.get("color")
        return color

    def layers(self) -> "Layers":
        """Return options, environment and configuration file; raise ConfigInvalid for a wrong file.

        The file is read once.
        """
        from kanport.config.file import Layers, load_configuration

        if self._configuration is None:
            self._configuration = load_configuration(
                self.flags.get("config"), self.flags.get("profile"), environ=os.environ
            )
        return Layers(self.flags, os.environ, self._configuration)

    def layers_without_file(self) -> "Layers":
        """Return options and environment, for notices that do not need a valid file."""
        from kanport.config.file import Layers

        return Layers(self.flags, os.environ)

    @property
    def state(self) -> Path | None:
        """The configured state folder, or None."""
        from kanport.config.settings import STATE

        state: Path | None = self.layers().take(STATE).value
        return state

    @property
    def request_timeout(self) -> float:
        """Maximum seconds for one whole request to a server or a directory.

        An invalid configuration file is ignored here: commands that need it refuse it.
        """
        from kanport.config.settings import REQUEST_TIMEOUT
        from kanport.errors import ConfigInvalid
        from kanport.network import LONGEST_EXCHANGE

        try:
            layers = self.layers()
        except ConfigInvalid:
            layers = self.layers_without_file()
        return layers.take(REQUEST_TIMEOUT).value or LONGEST_EXCHANGE

    def settings(self) -> "Settings":
        """Return how to reach the server; raise ConfigInvalid if that is not configured."""
        from kanport.config.settings import settings_of

        return settings_of(self.layers(), read_stdin)

    def options(self, settings: "Settings") -> "Options":
        """Return how to apply a plan; raise ConfigInvalid for invalid values."""
        from kanport.api import Options
        from kanport.config.settings import CONNECTIONS, MAX_ERRORS, RATE

        layers = self.layers()
        return Options(
            batch_size=settings.batch_size,
            connections=layers.take(CONNECTIONS).value or Options().connections,
            rate=layers.take(RATE).value,
            max_errors=layers.take(MAX_ERRORS).value,
        )


def invocation_of(ctx: click.Context) -> Invocation:
    """Return the invocation that a command belongs to."""
    return ctx.find_root().ensure_object(Invocation)


def files_of_settings(ctx: click.Context) -> list[Path]:
    """Return the files of settings and secrets that options, environment and configuration name.

    An invalid configuration file names none: commands that need it refuse it.
    """
    invocation = invocation_of(ctx)
    named = [invocation.flags.get(name) for name in ("token_file", "ca_file", "config")]
    named += [ctx.params.get("ca_file")]
    named += [os.environ.get(f"KANPORT_{name}") for name in _FILE_VARIABLES]
    files = [Path(name) for name in named if name]
    if _reads_file(ctx):
        from kanport.errors import ConfigInvalid

        with suppress(ConfigInvalid):
            files += invocation.layers().file.files
    return files


def _reads_file(ctx: click.Context) -> bool:
    return any(parameter.name == "url" for parameter in ctx.command.params)


def value_of(ctx: click.Context, name: str) -> Any:
    """Return the value of an option, whether it is an argument of the command or shared."""
    return ctx.params.get(name, invocation_of(ctx).flags.get(name))


def typed_options(
    ctx: click.Context, command: click.Command, *, but: Collection[str] = ()
) -> list[str]:
    """Return the options of the call that another command takes too, as a shell gets them.

    Those in `but` are left out, and those that only concern the output.
    """
    options = (one for one in command.params if isinstance(one, click.Option))
    wanted = {option.name for option in options} - _OF_OUTPUT - set(but)
    given = invocation_of(ctx).flags
    parts = []
    for parameter in ctx.command.params:
        name = parameter.name or ""
        typed = ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if isinstance(parameter, click.Option) and name in wanted and (typed or name in given):
            parts += _typed(parameter, value_of(ctx, name))
    return parts


def typed_again(ctx: click.Context, *more: str, but: Collection[str] = ()) -> str:
    """Return the call as a command line, with `more` behind it and without the options in `but`."""
    command = ctx.command
    arguments = [
        str(one)
        for parameter in command.params
        if isinstance(parameter, click.Argument)
        and (value := ctx.params.get(parameter.name or "")) is not None
        for one in (value if isinstance(value, tuple) else (value,))
    ]
    names = [ctx.info_name or ""]
    parent = ctx.parent
    while parent is not None and parent.parent is not None:
        names.insert(0, parent.info_name or "")
        parent = parent.parent
    parts = ["kanport", *names, *arguments]
    return shlex.join([*parts, *typed_options(ctx, command, but=but), *more])


def full_again(ctx: click.Context) -> str:
    """Return the call as the command line that prints everything, and writes no file again."""
    return typed_again(ctx, "--full", but=_WRITTEN)


_WRITTEN = frozenset({"paths", "report_paths", "annotated_path", "rejects_path"})
_OF_OUTPUT = frozenset(
    {"quiet", "verbose", "color", "debug", "log_format", "log_file", "full", "summary", "form"}
)


def _typed(option: click.Option, value: Any) -> list[str]:
    name = max(option.opts, key=len)
    if option.is_flag:
        return [name] if value else []
    if isinstance(value, dict):
        value = tuple(f"{key}={number}" for key, number in value.items())
    values = value if isinstance(value, tuple) else (value,)
    return [
        part
        for one in values
        for part in (name, f"{one:g}" if isinstance(one, float) else str(one))
    ]


def check_targets_of(ctx: click.Context, targets: Iterable[Path]) -> None:
    """Raise UsageError if a command would overwrite a file of settings or a secret."""
    from kanport.files import check_not_read

    if existing := [path for path in targets if path.is_file()]:
        inputs = files_of_settings(ctx)
        for path in existing:
            check_not_read(path, inputs)


def read_stdin() -> str:
    """Read a secret from standard input."""
    from kanport.files import LONGEST_SECRET

    return sys.stdin.read(LONGEST_SECRET + 1)


def start_log_of(ctx: click.Context) -> None:
    """Start the log that the options configure; it ends with the command."""
    choice = _choice(ctx)
    from kanport.cli.logs import start_log

    if choice.path is not None:
        _check_log(ctx, choice.path)
    invocation_of(ctx).json_log = choice.replaces_stderr
    ctx.find_root().call_on_close(start_log(choice))


def _check_log(ctx: click.Context, path: Path) -> None:
    """Raise ConfigInvalid if Kanport would append the log to another kind of file."""
    from kanport.errors import ConfigInvalid, KanportError
    from kanport.files import check_not_read, check_target

    if not path.is_file():
        return
    given = [*ctx.params.values(), *invocation_of(ctx).flags.values()]
    # The log itself is not an input.
    log_file = invocation_of(ctx).flags.get("log_file")
    read = [value for value in given if isinstance(value, Path) and value is not log_file]
    if (mapping := ctx.params.get("mapping")) is not None:
        from kanport.api import files_named

        read += files_named(mapping)
    try:
        check_target(path)
        check_not_read(path, [*read, *files_of_settings(ctx)])
    except KanportError as problem:
        raise ConfigInvalid(f"the log file {problem.message}", hint=problem.hint) from problem


def _choice(ctx: click.Context) -> "LogChoice":
    from kanport.cli.logs import LogChoice
    from kanport.config.settings import LOG_FILE, LOG_FORMAT
    from kanport.errors import ConfigInvalid

    invocation = invocation_of(ctx)
    layers = invocation.layers_without_file()
    if _reads_file(ctx):
        # The command itself reports an invalid file.
        with suppress(ConfigInvalid):
            layers = invocation.layers()
    return LogChoice(
        form=layers.take(LOG_FORMAT).value or "text",
        path=layers.take(LOG_FILE).value,
        verbosity=int(invocation.flags.get("verbose") or 0),
        quiet=invocation.quiet,
        run_id=invocation.run_id,
    )


def echo(ctx: click.Context, event: str, shown: str | None, message: str, **fields: Any) -> None:
    """Print a message on stderr and log it; if stderr is the log, or with None, only log it."""
    import logging

    from kanport.events import log_event

    logger = logging.getLogger(__name__)
    levels = {"note": logging.INFO, "warning": logging.WARNING}
    log_event(logger, event, message, level=levels.get(event, logging.ERROR), **fields)
    if shown is not None and not invocation_of(ctx).json_log:
        click.echo(shown, err=True)


# --- the deadline ---------------------------------------------------------------------------------

SYNC_DEADLINE = 24 * 3600.0


class OutOfTime(KeyboardInterrupt):
    """The run has used up the time of --deadline; the message says so."""


@contextmanager
def ending_in_time(ctx: click.Context, default: float = 0.0) -> Iterator[None]:
    """Interrupt the block at --deadline, and let no request continue for long after it.

    `default` is in seconds and applies without a setting; 0 means no deadline. Raise ConfigInvalid
    for an invalid time.
    """
    from kanport.config.settings import DEADLINE
    from kanport.network import run_until

    given = invocation_of(ctx).layers().take(DEADLINE).value
    seconds = default if given is None else given
    if not seconds or not hasattr(signal, "SIGALRM"):
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise OutOfTime(reached(seconds))

    main = threading.main_thread()
    # Only in the main thread the signal ends a wait and runs the handler.
    timer = threading.Timer(seconds, lambda: signal.pthread_kill(main.ident or 0, signal.SIGALRM))
    timer.daemon = True
    before = signal.signal(signal.SIGALRM, end)
    timer.start()
    try:
        with run_until(seconds):
            yield
    finally:
        timer.cancel()
        signal.signal(signal.SIGALRM, before)


def reached(seconds: float) -> str:
    """Return the message for a run that reached its deadline."""
    return (
        f"The run took longer than its deadline ({seconds:g} s). Kanport stopped it and sent"
        " nothing more."
    )
