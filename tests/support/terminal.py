"""Run the command line on a terminal of its own, and answer what it asks."""

import os
import pty
import select
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.processes import Command

# Seconds until a question that never comes ends the test; nothing depends on it being exact.
PATIENCE = 1200


class Terminal:
    """A command on a terminal; `text` is all that it has printed so far."""

    def __init__(
        self, *arguments: object, folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        ours, theirs = pty.openpty()
        self._master = ours
        self.text = ""
        self._process = Command(
            *arguments,
            cwd=folder,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "400", **(environ or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    def wait_for(self, words: str) -> None:
        """Read until the command has printed these words."""
        until = time.monotonic() + PATIENCE
        while words not in self.text:
            assert time.monotonic() < until, f"{words!r} never came: {self.text}"
            if not self._read():
                raise AssertionError(f"it ended without {words!r}: {self.text}")

    def answer(self, *lines: str) -> None:
        """Type lines."""
        for line in lines:
            os.write(self._master, f"{line}\n".encode())

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        while self._read():
            pass
        return self._process.wait(PATIENCE)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], PATIENCE)
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            # Linux: the other end of the terminal is closed.
            return False
        self.text += data.decode(errors="replace")
        return bool(data)


def last_lines(text: str, count: int = 3) -> str:
    """Return the last lines that were printed."""
    lines: Sequence[str] = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-count:])
