"""The log of a command: on stderr with `--verbose` or as JSON, or in a file; one event per line.

Only Kanport's own events are logged: libraries log headers, which hold credentials.
"""

import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from kanport.errors import ConfigInvalid
from kanport.events import Event
from kanport.files import NO_WAIT
from kanport.records import dataclass
from kanport.report.escape import escape_control, json_safe

# Events that stderr shows as messages anyway.
_SPOKEN = frozenset({"note", "warning", "error", "bug"})


@dataclass(frozen=True)
class LogChoice:
    """How to log: `form` is text or json, `path` None for stderr."""

    form: str
    path: Path | None
    verbosity: int
    quiet: bool
    run_id: str

    @property
    def replaces_stderr(self) -> bool:
        """Whether stderr holds only JSON objects, one per line."""
        return self.form == "json" and self.path is None

    @property
    def level(self) -> int | None:
        """The lowest level to log; None for no log."""
        if self.verbosity > 1:
            return logging.DEBUG
        if self.path is not None or (self.replaces_stderr and not self.quiet) or self.verbosity:
            return logging.INFO
        return logging.WARNING if self.replaces_stderr else None


def start_log(choice: LogChoice) -> Callable[[], None]:
    """Start the log; return the function that ends it. Raise ConfigInvalid for an unusable file."""
    level = choice.level
    if level is None:
        return lambda: None
    handler: logging.Handler
    if choice.path is not None:
        handler = _FileLog(choice.path)
    else:
        handler = logging.StreamHandler()
        if not choice.replaces_stderr:
            handler.addFilter(lambda record: _told(record).event not in _SPOKEN)
    handler.setFormatter(_AsJson(choice.run_id) if choice.form == "json" else _AsText())
    logger = logging.getLogger("kanport")
    before = logger.level
    logger.setLevel(level)
    logger.addHandler(handler)

    def stop() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)
        handler.close()

    return stop


def _told(record: logging.LogRecord) -> Event:
    args = record.args
    if isinstance(args, tuple) and args and isinstance(args[0], Event):
        return args[0]
    return Event("log", record.getMessage())


class _AsText(logging.Formatter):
    """Writes each event on one line and makes every character visible."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).astimezone()
        head = f"{moment:%Y-%m-%dT%H:%M:%S%z} {record.levelname} {record.name}"
        return escape_control(f"{head} {_told(record)}")


class _AsJson(logging.Formatter):
    """Writes each event as one JSON object on one line."""

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self._run_id = run_id

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told = _told(record)
        parts: dict[str, object] = {
            "ts": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": told.event,
            "run": self._run_id,
        }
        if told.message:
            parts["message"] = told.message
        return json_safe(json.dumps(parts | dict(told.fields), ensure_ascii=False, default=str))


class _FileLog(logging.Handler):
    """Appends whole lines to a file; warns once about a full disk and continues."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._told = False
        # Opening a pipe without a reader would block the run.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | NO_WAIT
        try:
            self._file = os.open(path, flags, 0o640)
            if NO_WAIT:
                os.set_blocking(self._file, True)
        except (OSError, ValueError) as problem:
            why = problem.strerror if isinstance(problem, OSError) else "the path is invalid"
            raise ConfigInvalid(
                f"the log file {path} cannot be written: {why}",
                hint="name a file in an existing folder that you can write to",
            ) from problem

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line at once, so that the lines of two runs do not mix."""
        try:
            os.write(self._file, f"{self.format(record)}\n".encode("utf-8", "backslashreplace"))
        except OSError as problem:
            if not self._told:
                self._told = True
                print(  # noqa: T201
                    f"Warning: the log file {self._path} cannot be written: {problem.strerror}",
                    file=sys.stderr,
                )

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        super().close()
