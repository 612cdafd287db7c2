"""Measures of the code: `python -m tests.house.measures` prints them as a table.

They say how much a reader has to take in: lines and files, modules that one other imports, class
names with several meanings, and what one small `sync` runs through.
"""

import ast
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.bench.structure import executed_by_a_sync

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "kanport"
# A docstring of a function begins with what the function does.
WEAK_VERBS = frozenset({"Give", "Tell", "Say", "Let", "Look", "Take"})


def main() -> None:
    """Print the table."""
    modules = {_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}
    trees = {name: ast.parse(path.read_text("utf-8")) for name, path in modules.items()}
    sizes = {name: len(path.read_text("utf-8").splitlines()) for name, path in modules.items()}
    content = {name: size for name, size in sizes.items() if size > 1}
    classes = Counter(
        node.name for tree in trees.values() for node in tree.body if isinstance(node, ast.ClassDef)
    )
    shared = sorted(name for name, count in classes.items() if count > 1)
    tests = sorted((ROOT / "tests").rglob("*.py"))
    run = executed_by_a_sync()
    rows = {
        "source lines": sum(sizes.values()),
        "source files": len(content),
        "lines in a file, median": round(statistics.median(content.values())),
        "files of less than 100 lines": sum(size < 100 for size in content.values()),
        "files of more than 500 lines": sum(size > 500 for size in content.values()),
        "modules imported by exactly one other": len(_imported_by_one(trees)),
        "classes": sum(classes.values()),
        "class names with several meanings": f"{len(shared)} {' '.join(shared)}".strip(),
        "docstrings with a weak verb": sum(_weak(trees.values())),
        "functions that a small sync executes": run.functions,
        "files that a small sync executes": run.files,
        "test lines": sum(len(path.read_text("utf-8").splitlines()) for path in tests),
        "test files": len(tests),
        "modules without a test file of their name": len(_without_test(content, tests)),
    }
    for label, value in rows.items():
        sys.stdout.write(f"{label:<45} {value}\n")


def _name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported_by_one(trees: dict[str, ast.Module]) -> list[str]:
    importers: dict[str, set[str]] = defaultdict(set)
    for name, tree in trees.items():
        for target in _imports(tree):
            importers[target if target in trees else target.rpartition(".")[0]].add(name)
    return [name for name in trees if len(importers[name] - {name}) == 1]


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _weak(trees: Iterable[ast.Module]) -> Iterator[bool]:
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = (ast.get_docstring(node) or "").partition(" ")[0]
                yield first in WEAK_VERBS


def _without_test(modules: dict[str, int], tests: list[Path]) -> list[str]:
    tested = {path.stem.removeprefix("test_") for path in tests if path.stem.startswith("test_")}
    return [name for name in modules if name.rpartition(".")[2] not in tested]


if __name__ == "__main__":
    main()
