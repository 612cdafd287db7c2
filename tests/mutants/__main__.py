"""How many single-point changes of the deciding code the tests notice: `make mutants`.

A sample of changes is drawn over the deciding packages, or over the modules named. For each one,
the tests that run its function are run in a process of their own with that change in it: those of
the same package first, the quickest first, until one of them fails. Which tests run which functions
is measured the first time, and kept in `.mutants`; `--measure` measures anew. What survives is
printed with its change, to be looked at one by one.
"""

import argparse
import os
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.mutants.points import Mutant, mutants_of
from tests.mutants.trying import Result, Trying

PACKAGES = ("plan", "normalize", "apply", "ledger", "sources")
# A browser, a month of nights and programs that are started tell too little for their time.
LEFT_OUT = (
    "tests/scenarios/test_kill.py",
    "tests/bench",
    "tests/live",
    "tests/mutants",
    "tests/nights",
    "tests/ops",
    "tests/report/html/test_html_accessibility.py",
    "tests/report/html/test_html_in_a_browser.py",
    "tests/report/test_excel_libreoffice.py",
)
ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".mutants"


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw a sample of changes, run the tests on each, and print what survived and a score."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=200, help="how many changes (200)")
    parser.add_argument("--seed", type=int, default=1, help="which sample (1)")
    parser.add_argument("--seconds", type=float, default=60, help="of tests for a change (60)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="at once (all)")
    parser.add_argument("--measure", action="store_true", help="which tests run which functions")
    parser.add_argument(
        "--tests",
        action="append",
        metavar="PATH",
        help="take only these tests, with those in the code (all); several times for several",
    )
    parser.add_argument("modules", nargs="*", default=PACKAGES, help="below src/kanport")
    options = parser.parse_args(arguments)
    paths = modules(options.modules)
    mutants = sample(paths, options.sample, options.seed)
    endings: Counter[str] = Counter()

    def told(result: Result) -> None:
        endings[result.ending] += 1
        mutant = result.mutant
        where = f"{mutant.path}:{mutant.line} {mutant.function}"
        if result.ending == "survived":
            say(f"{where} survived {result.tests} tests\n{result.diff}")
        elif result.ending != "noticed":
            say(f"{where}: {result.ending}\n{result.diff}")
        if (tried := sum(endings.values())) % 10 == 0:
            say(f"  … {tried - endings['survived'] - endings['void']} of {tried} noticed")

    trying = Trying(
        ROOT,
        KEPT,
        mutants,
        limit=options.seconds,
        anew=options.measure,
        workers=options.workers,
        told=told,
    )
    arguments = ["-qqs", "-p", "no:cacheprovider", "-p", "no:randomly", "-n0"]
    arguments += ["--rootdir", str(ROOT), *(f"--ignore={ROOT / name}" for name in LEFT_OUT)]
    arguments += [str(ROOT / name) for name in options.tests or ["tests"]]
    code = pytest.main([*arguments, *map(str, paths)], plugins=[trying])
    counted = len(mutants) - endings["void"]
    noticed = endings["noticed"] + endings["late"]
    say(f"{noticed} of {counted} changes noticed ({noticed / max(counted, 1):.0%})")
    return int(code) if sum(endings.values()) < len(mutants) else 0


def say(line: str) -> None:
    """Print a line at once, since the next one may be minutes away."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def modules(names: Sequence[str]) -> list[Path]:
    """Return the files of packages and modules."""
    found: dict[Path, None] = {}
    for name in names:
        where = ROOT / "src/kanport" / name
        found.update(dict.fromkeys(sorted(where.rglob("*.py")) if where.is_dir() else [where]))
    return list(found)


def sample(paths: Sequence[Path], number: int, seed: int) -> list[Mutant]:
    """Return a random sample of the changes that can be made, the same one for the same seed."""
    everything = [
        mutant
        for path in paths
        for mutant in mutants_of(str(path.relative_to(ROOT)), path.read_bytes())
    ]
    return random.Random(seed).sample(everything, min(number, len(everything)))


if __name__ == "__main__":
    sys.exit(main())
