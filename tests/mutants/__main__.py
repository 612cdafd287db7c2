"""How many single-point changes of the deciding code the tests notice: `make mutants`.

A sample of changes is drawn over the deciding packages; for each one, the tests that run its lines
are run, quickest first, on a copy of the project with that change in it. Which tests run which
lines is measured first, in one run of the suite with coverage, and kept in `.mutants` until the
code changes. What survives is printed with its change, to be looked at one by one.
"""

import argparse
import difflib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory

from coverage import CoverageData

from tests.mutants.points import Mutant, mutants_of

PACKAGES = ("plan", "normalize", "apply", "ledger", "sources")
# A browser, a month of nights and a live server tell too little for the time that they take.
LEFT_OUT = ("tests/report/browser", "tests/report/excel", "tests/live", "tests/nights", "tests/ops")
ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".mutants"


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw a sample of changes, run the tests on each, and print what survived and a score."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="how many changes (200)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (1)")
    parser.add_argument("--seconds", type=float, default=60, help="of tests for a change (60)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("packages", nargs="*", default=PACKAGES, help="below src/kanport")
    options = parser.parse_args(arguments)
    tests = Tests(options.seconds)
    mutants = sample(options.packages, options.sample, options.seed)
    noticed = 0
    with copies(options.jobs) as free, ThreadPoolExecutor(options.jobs) as pool:

        def tried(mutant: Mutant) -> bool:
            folder = free.get()
            try:
                return try_out(mutant, folder, tests.of(mutant))
            finally:
                free.put(folder)

        for mutant, seen in zip(mutants, pool.map(tried, mutants), strict=True):
            noticed += seen
            if not seen:
                say(described(mutant, len(tests.of(mutant))))
    say(f"{noticed} of {len(mutants)} changes noticed ({noticed / len(mutants):.0%})")


def say(line: str) -> None:
    """Print a line at once, since the next one may be minutes away."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def sample(packages: Sequence[str], number: int, seed: int) -> list[Mutant]:
    """Return a random sample of the changes that can be made, the same one for the same seed."""
    everything = [
        mutant
        for package in packages
        for path in sorted((ROOT / "src/kanport" / package).rglob("*.py"))
        for mutant in mutants_of(str(path.relative_to(ROOT)), path.read_bytes())
    ]
    return random.Random(seed).sample(everything, min(number, len(everything)))


class Tests:
    """Which tests run which lines, and how long each takes."""

    def __init__(self, seconds: float) -> None:
        """Read what was measured, or measure it, and allow so many seconds for each change."""
        self._limit = seconds
        data, timing = KEPT / "coverage", KEPT / "timing.json"
        stamp = KEPT / f"{_digest()}.stamp"
        if not stamp.exists():
            shutil.rmtree(KEPT, ignore_errors=True)
            KEPT.mkdir()
            sys.stderr.write("measuring which tests run which lines\n")
            _measure(data, timing)
            stamp.touch()
        self._seconds: dict[str, float] = json.loads(timing.read_text(encoding="utf-8"))
        self._coverage = CoverageData(str(data))
        self._coverage.read()
        self._by_file: dict[str, dict[int, list[str]]] = {}

    def of(self, mutant: Mutant) -> list[str]:
        """Return the node ids of the tests that run the lines of a change, quickest first."""
        if mutant.path not in self._by_file:
            whole = str(ROOT / mutant.path)
            self._by_file[mutant.path] = self._coverage.contexts_by_lineno(whole)
        lines = self._by_file[mutant.path]
        names = {
            context.rpartition("|")[0] for line in mutant.lines for context in lines.get(line, ())
        }
        known = sorted((self._seconds[name], name) for name in names & self._seconds.keys())
        chosen: list[str] = []
        left = self._limit
        for seconds, name in known:
            if chosen and seconds > left:
                break
            chosen.append(name)
            left -= seconds
        return chosen


def _measure(data: Path, timing: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--quiet", "--numprocesses=auto"]
    command += ["--cov=src/kanport", "--cov-context=test", "--cov-report="]
    command += ["-p", "tests.mutants.timing", *(f"--ignore={folder}" for folder in LEFT_OUT)]
    subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"COVERAGE_FILE": str(data), "MUTANTS_TIMING": str(timing)},
        stdout=subprocess.DEVNULL,
        check=False,
    )


def _digest() -> str:
    whole = sha256()
    for path in sorted((*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/**/*.py"))):
        whole.update(path.read_bytes())
    return whole.hexdigest()[:16]


class copies:  # noqa: N801
    """So many copies of the project to try changes in; a context manager that gives a queue."""

    def __init__(self, number: int) -> None:
        """Prepare for so many copies."""
        self._number = number
        self._folder = TemporaryDirectory(prefix="mutants-")

    def __enter__(self) -> "Queue[Path]":
        """Make the copies."""
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        free: Queue[Path] = Queue()
        for number in range(self._number):
            folder = Path(self._folder.name) / str(number)
            for name in filter(None, listed.split("\0")):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
            free.put(folder)
        return free

    def __exit__(self, *_: object) -> None:
        """Remove the copies."""
        self._folder.cleanup()


def try_out(mutant: Mutant, folder: Path, tests: Sequence[str]) -> bool:
    """Run tests on a copy with a change in it; return whether one of them noticed it.

    A change that makes the tests run for ever is noticed, too.
    """
    if not tests:
        return False
    path = folder / mutant.path
    original = path.read_bytes()
    path.write_bytes(mutant.applied(original))
    try:
        for chunk in _chunks(tests):
            command = [sys.executable, "-B", "-m", "pytest", "-qx", "-n0", "-p", "no:randomly"]
            ended = subprocess.run(
                [*command, "-p", "no:cacheprovider", "--timeout=120", *chunk],
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(folder / "src"), "CI": "1"},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=900,
                check=False,
            )
            if ended.returncode != 0:
                return True
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        path.write_bytes(original)


def _chunks(tests: Sequence[str], size: int = 300) -> Iterator[Sequence[str]]:
    for start in range(0, len(tests), size):
        yield tests[start : start + size]


def described(mutant: Mutant, tests: int) -> str:
    """Return where a change is and what it changes, as a short diff."""
    before = (ROOT / mutant.path).read_bytes()
    after = mutant.applied(before).decode().splitlines()
    lines = difflib.unified_diff(before.decode().splitlines(), after, lineterm="", n=0)
    changed = [
        f"    {line}" for line in lines if line[:1] in "-+" and line[:3] not in ("---", "+++")
    ]
    return "\n".join([f"{mutant.path}:{mutant.line} survived {tests} tests", *changed])


if __name__ == "__main__":
    main()
