"""What a command was told: by flags, by the environment, and by the configuration file."""

import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from kanport.errors import ConfigInvalid
from kanport.events import new_run_id, tell

logger = logging.getLogger(__name__)


def options_of(ctx: click.Context | None) -> dict[str, Any]:
    """Give the options that may stand before or behind the name of the command."""
    if ctx is None:
        return {}
    found: dict[str, Any] = ctx.find_root().ensure_object(dict)
    return found


def run_id_of(ctx: click.Context) -> str:
    """Give the id of the run that this command is, the same each time."""
    return str(options_of(ctx).setdefault("run_id", new_run_id()))


def layers_of(ctx: click.Context | None, **flags: Any) -> Any:
    """Give flags, environment and configuration file (`kanport.config.Layers`).

    The file is read once. Raises ConfigInvalid for a file that is wrong.
    """
    from kanport.config import Layers, load_configuration

    options = options_of(ctx)
    if "configuration" not in options:
        options["configuration"] = load_configuration(
            options.get("config"), options.get("profile"), environ=os.environ
        )
    return Layers(flags, os.environ, options["configuration"])


def request_timeout_of(ctx: click.Context) -> float:
    """Return the seconds that one exchange with a server or a directory may take in all.

    A configuration file that is wrong does not count here: commands that need it refuse it.
    """
    from kanport.config.catalogue import REQUEST_TIMEOUT
    from kanport.config.layers import Layers
    from kanport.network import LONGEST_EXCHANGE

    flags = {REQUEST_TIMEOUT.key: ctx.params.get(REQUEST_TIMEOUT.key)}
    try:
        layers = layers_of(ctx, **flags)
    except ConfigInvalid:
        layers = Layers(flags, os.environ)
    return layers.take(REQUEST_TIMEOUT).value or LONGEST_EXCHANGE


def files_of_settings(ctx: click.Context) -> list[Path]:
    """Return the files of settings and secrets that are named to a command, by whatever way.

    A configuration file that is wrong names none: commands that need it refuse it.
    """
    options = options_of(ctx)
    named = [ctx.params.get("token_file"), ctx.params.get("ca_file"), options.get("config")]
    named += [os.environ.get(f"KANPORT_{name}") for name in _FILE_VARIABLES]
    files = [Path(name) for name in named if name]
    if "url" in ctx.params:
        try:
            file = layers_of(ctx).file
        except ConfigInvalid:
            options.pop("configuration", None)
        else:
            files += file.files
    return files


_FILE_VARIABLES = ("CONFIG", "TOKEN_FILE", "CA_FILE", "APPROVAL_KEY_FILE")


def check_targets_of(ctx: click.Context, targets: Iterable[Path]) -> None:
    """Raise UsageError where a command is to write over a file of settings or a secret."""
    from kanport.files import check_not_read

    if existing := [path for path in targets if path.is_file()]:
        inputs = files_of_settings(ctx)
        for path in existing:
            check_not_read(path, inputs)


def read_stdin() -> str:
    """Read all of standard input, where a secret may come from."""
    from kanport.files import LONGEST_SECRET

    return sys.stdin.read(LONGEST_SECRET + 1)


def start_log_of(ctx: click.Context) -> None:
    """Start the log that a command was told to write; it ends with the command."""
    options = options_of(ctx)
    choice = _choice(ctx)
    from kanport.cli.logs import start_log

    if choice.path is not None:
        _check_log(ctx, choice.path)

    options["json_log"] = choice.replaces_stderr
    ctx.find_root().call_on_close(start_log(choice))


def _check_log(ctx: click.Context, path: Path) -> None:
    """Raise ConfigInvalid where the log would be appended to what is no log."""
    from kanport.errors import KanportError
    from kanport.files import check_not_read, check_target

    if not path.is_file():
        return
    read = [value for value in ctx.params.values() if isinstance(value, Path)]
    if (mapping := ctx.params.get("mapping")) is not None:
        from kanport.pipeline.inputs import files_named

        read += files_named(mapping)
    try:
        check_target(path)
        check_not_read(path, [*read, *files_of_settings(ctx)])
    except KanportError as problem:
        raise ConfigInvalid(f"the log file {problem.message}", hint=problem.hint) from problem


def _choice(ctx: click.Context) -> Any:
    from kanport.cli.logs import LogChoice
    from kanport.config.catalogue import LOG_FILE, LOG_FORMAT
    from kanport.config.layers import Layers

    options = options_of(ctx)
    flags = {"log_format": options.get("log_format"), "log_file": options.get("log_file")}
    layers = Layers(flags, os.environ)
    if "url" in ctx.params:
        try:
            layers = layers_of(ctx, **flags)
        except ConfigInvalid:
            # The command itself comes upon it, and tells it in its own way.
            options.pop("configuration", None)
    return LogChoice(
        form=layers.take(LOG_FORMAT).value or "text",
        path=layers.take(LOG_FILE).value,
        verbosity=int(options.get("verbose") or 0),
        quiet=bool(options.get("quiet")),
        run_id=run_id_of(ctx),
    )


def say(ctx: click.Context | None, event: str, shown: str, message: str, **fields: Any) -> None:
    """Say something on stderr, and in the log; where stderr is the log, only there."""
    levels = {"note": logging.INFO, "warning": logging.WARNING}
    tell(logger, event, message, level=levels.get(event, logging.ERROR), **fields)
    if not options_of(ctx).get("json_log"):
        click.echo(shown, err=True)
