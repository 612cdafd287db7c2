"""Shared by the demos: a sandbox server, and commands that are printed before they run."""

import os
import subprocess
import sys
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
    """Run a command of Kanport as a user would; exit if its exit code is not the expected one.

    `shown_lines` above 0 shows only this number of the last lines.
    """
    print(f"$ kanport {' '.join(arguments)}", flush=True)
    ended = subprocess.run(  # noqa: S603 - our own command
        [*KANPORT, *arguments],
        env=environment,
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE if shown_lines else None,
        text=True,
    )
    if shown_lines:
        lines = ended.stdout.splitlines()
        print("\n".join(["  …", *lines[-shown_lines:]] if len(lines) > shown_lines else lines))
    print(f"(exit code {ended.returncode})", flush=True)
    if ended.returncode != expected:
        raise SystemExit(f"the demo expected exit code {expected}")
