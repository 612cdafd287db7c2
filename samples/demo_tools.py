"""Shared by the demos: a sandbox server, and commands that are printed before they run."""

import contextlib
import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kanport.kanboard.client import Client
from kanport.kanboard.rpc import Call

SAMPLES = Path(__file__).parent
ROOT = SAMPLES.parent
KANPORT = [sys.executable, "-m", "kanport"]


@contextmanager
def sandbox(token: str) -> Iterator[str]:
    """Run a sandbox server in a separate process; yield the URL of its API."""
    server = subprocess.Popen(  # noqa: S603 - our own command
        [*KANPORT, "sandbox", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "KANPORT_TOKEN": token},
    )
    try:
        line = server.stdout.readline() if server.stdout else ""
        if not line.startswith("listening on "):
            raise SystemExit("the sandbox server did not start")
        yield line.removeprefix("listening on ").strip()
    finally:
        server.terminate()
        server.wait()


def call(client: Client, wanted: Call) -> Any:
    """Make one call and return its result."""
    (answer,) = client.batch([wanted])
    result = getattr(answer, "value", False)
    if result is False:
        raise SystemExit(f"the sandbox refused {wanted!r}: {answer!r}")
    return result


def tell(text: str) -> None:
    """Print what comes next."""
    print()
    print(textwrap.fill(text, 96))
    print(flush=True)


def run(environment: dict[str, str], expected: int, *arguments: str, shown_lines: int = 0) -> None:
    """Run a command of Kanport in a terminal; exit if its exit code is not the expected one.

    `shown_lines` above 0 shows only this number of the last lines.
    """
    print(f"$ kanport {' '.join(arguments)}", flush=True)
    code, text = in_terminal([*KANPORT, *arguments], {**environment, "CI": "1"})
    if not sys.stdout.isatty():
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    lines = text.splitlines()
    if shown_lines and len(lines) > shown_lines:
        lines = ["  …", *lines[-shown_lines:]]
    print("\n".join(lines))
    print(f"(exit code {code})", flush=True)
    if code != expected:
        raise SystemExit(f"the demo expected exit code {expected}")


def in_terminal(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a command in a terminal of its own, as wide as ours; return its exit code and output."""
    ours, its = pty.openpty()
    width = shutil.get_terminal_size((100, 50)).columns
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=its, stderr=its)  # noqa: S603 - our own command
    os.close(its)
    parts = []
    # Reading fails once the command has closed its side.
    with contextlib.suppress(OSError):
        while part := os.read(ours, 65536):
            parts.append(part)
    os.close(ours)
    return process.wait(), b"".join(parts).decode("utf-8", "replace").replace("\r\n", "\n")
