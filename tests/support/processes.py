"""Commands as processes of their own, none of which has to import pandas first.

A process that has imported everything forks into each command: that takes some milliseconds, where
starting Python takes a second and more. What it does to start is all that differs: a command has
its own process id, streams, environment, signals and end. How Kanport itself starts is the subject
of `tests/cli/test_cli.py`, of the tests of closed streams and of `make smoke`.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from types import TracebackType
from typing import IO, Self

FORKING = str(Path(__file__).with_name("forking.py"))


class Nursery:
    """The process that forks, and the way to it."""

    def __init__(self, wrapped: tuple[str, ...], environ: Mapping[str, str]) -> None:
        self._ours, theirs = socket.socketpair()
        self._lock = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [*wrapped, sys.executable, FORKING, str(theirs.fileno())],
                env=environ,
                pass_fds=[theirs.fileno()],
                stdin=DEVNULL,
                stdout=DEVNULL,
            )
        atexit.register(self.close)

    def close(self) -> None:
        """End it."""
        self._ours.close()
        self._process.wait()

    def ask(self, request: Mapping[str, object], descriptors: list[int]) -> None:
        """Let it start a command."""
        body = json.dumps(request).encode()
        with self._lock:
            socket.send_fds(self._ours, [len(body).to_bytes(4)], descriptors)
            self._ours.sendall(body)


_nurseries: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], Nursery] = {}
_starting = threading.Lock()


def _nursery(wrapped: tuple[str, ...], environ: Mapping[str, str]) -> Nursery:
    """Give the one that was started so, with the same locale and the same settings of Python."""
    names = ("LANG", "LC_", "PYTHON")
    settings = tuple(sorted(item for item in environ.items() if item[0].startswith(names)))
    key = (wrapped, settings)
    with _starting:
        if key not in _nurseries:
            path = os.pathsep.join(part for part in sys.path if part)
            found = os.environ.get("PATH", os.defpath)
            _nurseries[key] = Nursery(
                wrapped, {"PATH": found, "PYTHONPATH": path, **dict(settings)}
            )
        return _nurseries[key]


class Command:
    """A running command; offers what tests need of `subprocess.Popen`."""

    def __init__(
        self,
        *arguments: object,
        program: str = "kanport",
        wrapped: tuple[str, ...] = (),
        cwd: Path | str,
        env: Mapping[str, str],
        stdin: int = DEVNULL,
        stdout: int = PIPE,
        stderr: int = PIPE,
        start_new_session: bool = False,
    ) -> None:
        """Start `kanport` or a script; `wrapped` is a program that starts another as someone."""
        self.args = [program, *map(str, arguments)]
        self.returncode: int | None = None
        ours: list[IO[str] | None] = []
        theirs: list[int] = []
        opened: list[int] = []
        for number, wanted in enumerate((stdin, stdout, stderr)):
            mine = None
            if wanted == PIPE:
                assert number, "tests answer by a file or a terminal"
                reading, wanted = os.pipe()
                opened.append(wanted)
                mine = os.fdopen(reading)
            elif wanted == DEVNULL:
                wanted = os.open(os.devnull, os.O_RDWR)
                opened.append(wanted)
            elif wanted == STDOUT:
                wanted = theirs[1]
            ours.append(mine)
            theirs.append(wanted)
        _, self.stdout, self.stderr = ours
        self._told, telling = os.pipe()
        _nursery(wrapped, env).ask(
            {
                "program": program,
                "arguments": self.args[1:],
                "cwd": str(cwd),
                "env": dict(env),
                "session": start_new_session,
            },
            [*theirs, telling],
        )
        for descriptor in (*opened, telling):
            os.close(descriptor)
        self._text = b""
        self._waiting = threading.Lock()
        self.pid = self._number(None)

    def _number(self, until: float | None) -> int:
        """Read the next message: the process id, and how it ended."""
        while b"\n" not in self._text:
            left = None if until is None else max(0, until - time.monotonic())
            if not select.select([self._told], [], [], left)[0]:
                raise TimeoutError
            some = os.read(self._told, 100)
            assert some, "the process that starts commands has ended"
            self._text += some
        line, _, self._text = self._text.partition(b"\n")
        return int(line)

    def poll(self) -> int | None:
        """Give the exit code, if it has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and give the exit code."""
        until = None if timeout is None else time.monotonic() + timeout
        late = subprocess.TimeoutExpired(self.args, timeout or 0)
        # A server in a thread of its own may wait for it at the same time.
        if not self._waiting.acquire(timeout=-1 if timeout is None else timeout):
            raise late
        try:
            if self.returncode is None:
                self.returncode = self._number(until)
                os.close(self._told)
            return self.returncode
        except TimeoutError:
            raise late from None
        finally:
            self._waiting.release()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end, and give what it said."""
        until = None if timeout is None else time.monotonic() + timeout
        said = ["", ""]

        def read(number: int, stream: IO[str]) -> None:
            said[number] = stream.read()
            stream.close()

        readers = [
            threading.Thread(target=read, args=(number, stream), daemon=True)
            for number, stream in enumerate((self.stdout, self.stderr))
            if stream is not None and not stream.closed
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(None if until is None else max(0, until - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
        self.wait(None if until is None else max(0, until - time.monotonic()))
        return said[0], said[1]

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()


def run(
    *arguments: object,
    wrapped: tuple[str, ...] = (),
    cwd: Path | str,
    env: Mapping[str, str],
    stdout: int = PIPE,
    stderr: int = PIPE,
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    command = Command(*arguments, wrapped=wrapped, cwd=cwd, env=env, stdout=stdout, stderr=stderr)
    out, err = command.communicate()
    return subprocess.CompletedProcess(command.args, command.wait(), out, err)
