"""Streams that may break without stopping a run.

The reader of stdout can end (`kanport plan … | head`), its disk can be full, and a lost connection
closes the terminal. None of this may stop a run or change the meaning of its exit code.
"""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO, cast


class SafeStream:
    """A stream that goes silent after a failed write, and calls `broken` once with the error."""

    def __init__(self, stream: TextIO, broken: Callable[[OSError], None]) -> None:
        self._stream = stream
        self._broken = broken

    def write(self, text: str) -> int:
        """Write a text, or nothing after a failure."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._try(self._stream.flush)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as problem:
            _silence(self._stream)
            self._broken(problem)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def safe_streams() -> Callable[[], bool]:
    """Make stdout and stderr sturdy; return a function that says whether output was lost.

    A reader that has ended (a broken pipe) wanted no more, so nothing is lost. Output to a closed
    stdout (`>&-`) is lost.
    """
    lost: list[OSError] = []

    def broken(problem: OSError) -> None:
        if not isinstance(problem, BrokenPipeError):
            lost.append(problem)
            print(f"Error: cannot write the output: {problem.strerror}", file=sys.stderr)  # noqa: T201

    sys.stdout = cast(TextIO, SafeStream(sys.stdout or cast(TextIO, _Closed()), broken))
    sys.stderr = cast(TextIO, SafeStream(sys.stderr or _nowhere(), lambda problem: None))
    return lambda: bool(lost)


class _Closed(io.StringIO):
    """Replaces a stream that was closed before the start: each write fails."""

    def write(self, text: str) -> int:
        """Raise OSError, as a closed file does."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _nowhere() -> TextIO:
    # Python has None for a stream that the caller has closed, as `>&-` does.
    return Path(os.devnull).open("w", encoding="utf-8")


def _silence(stream: TextIO) -> None:
    # Unwritten output stays in Python's buffer and would fail again at the end.
    with contextlib.suppress(OSError, ValueError):
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)
