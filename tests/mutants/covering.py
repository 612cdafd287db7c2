"""Which tests run which lines, measured once, and found again in code that has changed since."""

import difflib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from coverage import CoverageData

from tests.mutants.points import Mutant


def measure(root: Path, kept: Path, tests: Sequence[str], left_out: Sequence[str]) -> None:
    """Run tests with coverage, and keep what they ran, how long each took, and the code."""
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    command = [sys.executable, "-m", "pytest", "--quiet", "--numprocesses=auto"]
    command += ["-p", "no:cacheprovider", "-p", "tests.mutants.timing"]
    command += ["--cov=src/kanport", "--cov-context=test", "--cov-report="]
    command += [*(f"--ignore={folder}" for folder in left_out), *tests]
    subprocess.run(
        command,
        cwd=root,
        env=os.environ
        | {"COVERAGE_FILE": str(kept / "coverage"), "MUTANTS_TIMING": str(kept / "timing.json")},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    shutil.copytree(root / "src", kept / "sources/src", ignore=shutil.ignore_patterns("*.pyc"))


class Tests:
    """Which tests run which lines, and how long each takes.

    `there` are the node ids of the tests that there are now.
    """

    def __init__(self, root: Path, kept: Path, seconds: float, there: Collection[str]) -> None:
        """Read what was measured, and allow so many seconds for each change."""
        self._root, self._sources = root, kept / "sources"
        self._limit = seconds
        timing: dict[str, float] = json.loads((kept / "timing.json").read_text(encoding="utf-8"))
        self._seconds = {name: took for name, took in timing.items() if name in there}
        self._new = [name for name in there if name not in timing]
        self._coverage = CoverageData(str(kept / "coverage"))
        self._coverage.read()
        self._by_file: dict[str, dict[int, list[str]]] = {}
        self._lines: dict[str, dict[int, int]] = {}

    def of(self, mutant: Mutant) -> tuple[list[str], float]:
        """Return the node ids of the tests that run a change, and the seconds that they take.

        Tests of the same package come first, the quickest first; those that were written since
        nothing is known of, so that they are run where they stand beside the package.
        """
        beside = f"tests/{mutant.path.split('/')[2]}/"
        names = self._running(mutant)
        known = sorted(
            (not name.startswith(beside), self._seconds[name], name)
            for name in names & self._seconds.keys()
        )
        chosen = sorted(name for name in self._new if name.startswith(beside))
        spent = float(len(chosen))
        for _, seconds, name in known:
            if chosen and spent + seconds > self._limit:
                continue
            chosen.append(name)
            spent += seconds
        return chosen, spent

    def _running(self, mutant: Mutant) -> set[str]:
        path = mutant.path
        if path not in self._by_file:
            # As the measuring named it, wherever that was.
            measured = [one for one in self._coverage.measured_files() if one.endswith(f"/{path}")]
            contexts = self._coverage.contexts_by_lineno(measured[0]) if measured else {}
            self._by_file[path] = contexts
            self._lines[path] = then_by_now(_read(self._sources / path), _read(self._root / path))
        contexts, then = self._by_file[path], self._lines[path]
        found: set[str] = set()
        for now in mutant.lines:
            found |= {name.rpartition("|")[0] for name in contexts.get(then.get(now, 0), ())}
        if not found:
            # A line that was not there: whatever runs the rest of the module may run it.
            found = {name.rpartition("|")[0] for some in contexts.values() for name in some}
        return found


def then_by_now(then: Sequence[str], now: Sequence[str]) -> dict[int, int]:
    """Return by line of a text, from 1, the line of an earlier text that it was.

    >>> then_by_now(["a", "b", "c"], ["a", "x", "b", "c"])
    {1: 1, 3: 2, 4: 3}
    """
    blocks = difflib.SequenceMatcher(None, then, now, autojunk=False).get_matching_blocks()
    return {b + at + 1: a + at + 1 for a, b, size in blocks for at in range(size)}


def _read(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
