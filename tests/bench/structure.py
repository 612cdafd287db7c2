"""How much of Kanport one small `sync` goes through: functions, files and lines that it executes.

Run `python -m tests.bench.structure`. Imports don't count, only what the run itself executes.
"""

import importlib
import os
import pkgutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

from click.testing import CliRunner

import kanport
from kanport.cli import cli
from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.files import write_files

SOURCE = str(Path(kanport.__file__).parent)
SANDBOX = f"{SOURCE}/sandbox"


class Executed(NamedTuple):
    """What of Kanport a run executes: functions, lines and files."""

    functions: int
    lines: int
    files: int


def main() -> None:
    """Print the numbers."""
    run = executed_by_a_sync()
    sys.stdout.write(
        f"A small sync executes {run.functions} functions and {run.lines} lines"
        f" in {run.files} of {len(list(Path(SOURCE).rglob('*.py')))} files.\n"
    )


def executed_by_a_sync() -> Executed:
    """Run a small `sync` against the sandbox and return what it executes."""
    for module in pkgutil.walk_packages(kanport.__path__, "kanport."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    codes: set[CodeType] = set()
    lines: set[tuple[str, int]] = set()
    with Sandbox(SandboxOptions()) as server, tempfile.TemporaryDirectory() as folder:
        server.store.add_project("Alpha", identifier="ALPHA")
        server.store.add_project("Beta board")
        path = write_files(Path(folder))
        os.environ |= {"KANPORT_URL": server.url, "KANPORT_TOKEN": server.token}
        with traced(codes, lines):
            ended = CliRunner().invoke(cli, ["sync", str(path), "--state", folder])
        assert ended.exit_code == 0, ended.output
    return Executed(len(codes), len(lines), len({code.co_filename for code in codes}))


@contextmanager
def traced(codes: set[CodeType], lines: set[tuple[str, int]]) -> Iterator[None]:
    """Collect what of Kanport is executed inside, in all threads but those of the sandbox."""

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        if not code.co_filename.startswith(SOURCE) or code.co_filename.startswith(SANDBOX):
            return None
        # Comprehensions and class bodies are no functions that anybody reads.
        if not code.co_name.startswith("<"):
            codes.add(code)
        lines.add((code.co_filename, frame.f_lineno))
        return trace

    sys.settrace(trace)
    threading.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)
        threading.settrace(None)


if __name__ == "__main__":
    main()
