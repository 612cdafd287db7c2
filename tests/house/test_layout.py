"""Test files mirror the source: each is named after a module, and helpers are in tests/support."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SOURCE = TESTS.parent / "src" / "kanport"

# Tests that belong to no module: stories through several packages, servers, records, the house.
APART = frozenset(
    {"bench", "contract", "hostile", "house", "live", "mutants", "nights", "ops", "recorded"}
) | {"scenarios", "support", "versions"}


def _tests() -> list[str]:
    files = (path.relative_to(TESTS) for path in sorted(TESTS.rglob("test_*.py")))
    return [file.as_posix() for file in files if file.parts[0] not in APART]


@pytest.mark.parametrize("file", _tests())
def test_a_test_file_is_named_after_a_module(file: str) -> None:
    # `test_csv_hints.py` is about the hints of `csv.py`.
    path = Path(file)
    about = path.stem.removeprefix("test_")
    modules = {module.stem for module in (SOURCE / path.parent).glob("*.py")}
    modules |= {package.parent.name for package in (SOURCE / path.parent).glob("*/__init__.py")}
    modules.add(path.parent.name)
    assert any(about == module or about.startswith(f"{module}_") for module in modules)


def test_what_tests_share_is_in_one_place() -> None:
    helpers = [
        path.relative_to(TESTS).as_posix()
        for path in sorted(TESTS.rglob("*.py"))
        if not path.name.startswith(("test_", "__init__", "conftest"))
        and path.relative_to(TESTS).parts[0] not in APART
    ]
    assert helpers == ["smoke.py"]
