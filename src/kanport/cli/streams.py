"""Streams that may break: what was done counts, not whether it could be told.

Whoever reads stdout may go (`kanport plan … | head`), the disk behind it may be full, and a lost
connection takes the terminal away. None of that may stop a run, or change what its exit code says.
"""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast


class Sturdy:
    """A stream that goes silent when it cannot be written to, and tells `broken` why, once."""

    def __init__(self, stream: TextIO, broken: Callable[[OSError], None]) -> None:
        self._stream = stream
        self._broken = broken

    def write(self, text: str) -> int:
        """Write a text, or nothing where the stream has broken."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Let out what was written."""
        self._try(self._stream.flush)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as problem:
            _silence(self._stream)
            self._broken(problem)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def sturdy_streams() -> Callable[[], bool]:
    """Make stdout and stderr sturdy; return what tells whether something of stdout is lost.

    A reader who has left (a broken pipe) wanted no more, so nothing is lost then. What is printed
    while stdout is closed (`>&-`) is lost.
    """
    lost: list[OSError] = []

    def broken(problem: OSError) -> None:
        if not isinstance(problem, BrokenPipeError):
            lost.append(problem)
            print(f"Error: the output cannot be written: {problem.strerror}", file=sys.stderr)  # noqa: T201

    sys.stdout = cast(TextIO, Sturdy(sys.stdout or cast(TextIO, _Closed()), broken))
    sys.stderr = cast(TextIO, Sturdy(sys.stderr or _nowhere(), lambda problem: None))
    return lambda: bool(lost)


class _Closed(io.StringIO):
    """Stands for a stream that was closed before the start: nothing can be written to it."""

    def write(self, text: str) -> int:
        """Raise OSError, as a closed file does."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _nowhere() -> TextIO:
    # Python has None for a stream that the caller has closed, as `>&-` does.
    return Path(os.devnull).open("w", encoding="utf-8")


def _silence(stream: TextIO) -> None:
    # What did not get out stays in Python's buffer, and would fail once more at the very end.
    with contextlib.suppress(OSError, ValueError):
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
