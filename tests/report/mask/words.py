"""The words of Kanport's own messages, which a masked report may show: `make words` writes them.

They are gathered from the texts in the code, but not from docstrings, whose examples hold names.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import kanport

SOURCE = Path(kanport.__file__).parent
TARGET = SOURCE / "report" / "mask" / "words.txt"
# Their texts never stand in a report.
_LEFT_OUT = ("sandbox", "cli", "mapping", "doctor", "export", "mask", "html", "excel")
_TOKEN = re.compile("[a-z][a-z0-9_.'@-]*[a-z0-9]|[a-z]")
_EDGES = "()[]{}<>.,;:!?…'\"`“”„«»*"


def texts_in(tree: ast.Module) -> Iterator[str]:
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docstrings
        ):
            yield node.value


def words() -> list[str]:
    found: set[str] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        if set(path.relative_to(SOURCE).parts) & set(_LEFT_OUT):
            continue
        for text in texts_in(ast.parse(path.read_text(encoding="utf-8"))):
            for token in text.split():
                core = token.strip(_EDGES).lower()
                if _TOKEN.fullmatch(core):
                    found.update((core, *core.split("-")))
    return sorted(found - {""})


def main() -> None:
    TARGET.write_text("".join(f"{word}\n" for word in words()), encoding="utf-8")


if __name__ == "__main__":
    main()
