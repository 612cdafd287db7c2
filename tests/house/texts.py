"""Find code that decides by the wording of a message: it must ask for codes and parameters.

`make check` runs it. The catalogue words messages, and renderers show them; these alone may look at
the words. `old_journals` knows the sentences that version 0.1.0 wrote without codes.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "kanport"
# The wordings of findings, guards, outcomes, verdicts, reasons to stop and errors.
WORDINGS = {"message", "hint", "reason", "stopped", "actual"}
# Renderers, what makes wordings, the reader of old sentences, and what shows those of OpenSSL.
MAY_LOOK = {"report", "messages.py", "facts.py", "catalogue", "old_journals.py", "tls.py"}
READING = {
    *("startswith", "endswith", "find", "rfind", "index", "rindex", "count", "replace"),
    *("split", "rsplit", "partition", "rpartition", "removeprefix", "removesuffix", "splitlines"),
    *("lower", "upper", "casefold", "translate", "search", "match", "fullmatch", "findall"),
    *("finditer", "sub", "subn"),
}


def main() -> int:
    """Print each place where code reads a wording, and return how many there are, at most 1."""
    found = [
        f"{path.relative_to(SOURCE.parent.parent)}:{line}: reads the wording {name!r}; ask for its"
        " code or its parameters"
        for path in sorted(SOURCE.rglob("*.py"))
        if MAY_LOOK.isdisjoint(path.relative_to(SOURCE).parts)
        for line, name in read_in(path.read_text(encoding="utf-8"))
    ]
    sys.stdout.write("\n".join(found or ["No code reads the wording of a message"]) + "\n")
    return min(len(found), 1)


def read_in(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and name of each wording that a module compares, searches or takes apart.

    >>> list(read_in("if run.stopped.startswith('the journal'): pass"))
    [(1, 'stopped')]
    >>> list(read_in("if 'SQL' in answer.message and finding.hint is None: pass"))
    [(1, 'message')]
    """
    for node in ast.walk(ast.parse(source)):
        for part in _looked_at(node):
            name = _wording(part)
            if name is not None:
                yield part.lineno, name


def _looked_at(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            # Whether there is one at all says nothing of its words.
            if not all(isinstance(operator, ast.Is | ast.IsNot) for operator in ops):
                yield from (left, *others)
        case ast.Call(func=ast.Attribute(value=value, attr=attr), args=arguments):
            if attr in READING:
                yield from (value, *arguments)
        case ast.Subscript(value=value):
            yield value
        case ast.Match(subject=subject):
            yield subject


def _wording(part: ast.expr) -> str | None:
    """Return the name of a wording, also where it is made a text first; None for anything else."""
    match part:
        case ast.Attribute(attr=name) if name in WORDINGS:
            return name
        case ast.BoolOp(values=values):
            return next(filter(None, map(_wording, values)), None)
        case ast.Call(func=ast.Name(id="str" | "repr"), args=[argument]):
            return _wording(argument)
        case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in READING:
            return _wording(value)
    return None


if __name__ == "__main__":
    sys.exit(main())
