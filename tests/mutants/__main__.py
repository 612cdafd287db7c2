"""How many single-point changes of the deciding code the tests notice: `make mutants`.

A sample of changes is drawn over the deciding packages, or over the modules named. For each one,
the tests that run its lines are run on a copy of the project with that change in it: those of the
same package first, the quickest first, until one of them fails. Which tests run which lines is
measured in one run of the tests with coverage, and kept in `.mutants`; where the code has changed
since, lines are found again by what they say, and `--measure` measures anew. What survives is
printed with its change, to be looked at one by one.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory

from tests.mutants.covering import Tests, measure
from tests.mutants.points import Mutant, described, mutants_of

PACKAGES = ("plan", "normalize", "apply", "ledger", "sources")
# A browser, a month of nights and a live server tell too little for the time that they take.
LEFT_OUT = ("tests/report/browser", "tests/report/excel", "tests/live", "tests/nights", "tests/ops")
ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".mutants"
# Seconds beside those that the tests took when they were measured: for a start, and a busy machine.
SPARE = 60.0
FACTOR = 5.0
# Tests are chosen in chunks, as Python imports each module of tests before it runs the first one.
CHUNKS = (40, 150, 400)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw a sample of changes, run the tests on each, and print what survived and a score."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="how many changes (200)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (1)")
    parser.add_argument("--seconds", type=float, default=60, help="of tests for a change (60)")
    parser.add_argument("--jobs", type=int, default=1, help="changes at once (1)")
    parser.add_argument("--measure", action="store_true", help="which tests run which lines")
    parser.add_argument(
        "--tests",
        action="append",
        metavar="PATH",
        help="measure only these tests (all but the slowest); several times for several",
    )
    parser.add_argument("modules", nargs="*", default=PACKAGES, help="below src/kanport")
    options = parser.parse_args(arguments)
    if options.measure or options.tests or not (KEPT / "sources").exists():
        say("measuring which tests run which lines")
        measure(ROOT, KEPT, options.tests or ["tests"], LEFT_OUT)
    mutants = sample(options.modules, options.sample, options.seed)
    with copies(options.jobs) as (folders, first), ThreadPoolExecutor(options.jobs) as pool:
        tests = Tests(ROOT, KEPT, options.seconds, there=collected(first))

        def tried(mutant: Mutant) -> Tried:
            folder = folders.get()
            try:
                return try_out(mutant, folder, tests)
            finally:
                folders.put(folder)

        noticed = 0
        for number, seen in enumerate(pool.map(tried, mutants), start=1):
            noticed += seen.noticed
            if seen.late:
                say(f"{seen.change} made the tests run for too long\n{seen.diff}")
            elif not seen.noticed:
                say(f"{seen.change} survived {seen.tests} tests\n{seen.diff}")
            if number % 10 == 0:
                say(f"  … {noticed} of {number} noticed")
    say(f"{noticed} of {len(mutants)} changes noticed ({noticed / max(len(mutants), 1):.0%})")


def say(line: str) -> None:
    """Print a line at once, since the next one may be minutes away."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def sample(modules: Sequence[str], number: int, seed: int) -> list[Mutant]:
    """Return a random sample of the changes that can be made, the same one for the same seed."""
    paths: dict[Path, None] = {}
    for module in modules:
        where = ROOT / "src/kanport" / module
        paths.update(dict.fromkeys(sorted(where.rglob("*.py")) if where.is_dir() else [where]))
    everything = [
        mutant
        for path in paths
        for mutant in mutants_of(str(path.relative_to(ROOT)), path.read_bytes())
    ]
    return random.Random(seed).sample(everything, min(number, len(everything)))


class copies:  # noqa: N801
    """So many copies of the project to try changes in, in a queue; and the first one of them."""

    def __init__(self, number: int) -> None:
        """Prepare for so many copies."""
        self._number = number
        self._folder = TemporaryDirectory(prefix="mutants-")

    def __enter__(self) -> "tuple[Queue[Path], Path]":
        """Make the copies."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        free: Queue[Path] = Queue()
        for number in range(self._number):
            folder = Path(self._folder.name) / str(number)
            for name in filter(None, listed.split("\0")):
                if (ROOT / name).exists():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(ROOT / name, folder / name)
            free.put(folder)
        return free, Path(self._folder.name) / "0"

    def __exit__(self, *_: object) -> None:
        """Remove the copies."""
        self._folder.cleanup()


def collected(folder: Path) -> frozenset[str]:
    """Return the node ids of the tests that a copy has; others would be an error, not a failure."""
    command = [*_pytest(), "--collect-only", "-q", *(f"--ignore={name}" for name in LEFT_OUT)]
    listed = subprocess.run(
        command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False
    )
    return frozenset(line for line in listed.stdout.splitlines() if "::" in line)


@dataclass(frozen=True, slots=True)
class Tried:
    """A change, whether a test noticed it, and how many tests were run at most.

    `late` is True where the tests did not end in time, which counts as noticed.
    """

    change: str
    diff: str
    noticed: bool
    tests: int
    late: bool = False


def try_out(mutant: Mutant, folder: Path, tests: Tests) -> Tried:
    """Run tests on a copy with a change in it, until one of them notices it.

    A change that makes the tests run for ever is noticed, too.
    """
    chosen, seconds = tests.of(mutant)
    path = folder / mutant.path
    original = path.read_bytes()
    found = Tried(f"{mutant.path}:{mutant.line}", described(mutant, original), True, len(chosen))
    path.write_bytes(mutant.applied(original))
    try:
        for chunk in _chunks(chosen):
            ended = subprocess.run(
                [*_pytest(), "-qx", "-n0", "--timeout=120", *chunk],
                cwd=folder,
                env=_environment(folder),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=SPARE + FACTOR * seconds,
                check=False,
            )
            if ended.returncode != 0:
                return found
    except subprocess.TimeoutExpired:
        return replace(found, late=True)
    finally:
        path.write_bytes(original)
    return replace(found, noticed=False)


def _pytest() -> list[str]:
    return [sys.executable, "-B", "-m", "pytest", "-p", "no:randomly", "-p", "no:cacheprovider"]


def _environment(folder: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(folder / "src"), "CI": "1"}


def _chunks(tests: Sequence[str]) -> Iterator[Sequence[str]]:
    start, sizes = 0, list(CHUNKS)
    while start < len(tests):
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        yield tests[start : start + size]
        start += size


if __name__ == "__main__":
    main()
