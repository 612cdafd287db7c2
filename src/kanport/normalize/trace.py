"""How one value came about: from the cells of a row, step by step, to what a rule made of it.

The steps are taken with the very functions that `rules` takes them with, and what came out in the
end is its own result; so what is explained here is what was done.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from kanport.findings import Finding
from kanport.mapping.patterns import TooSlow
from kanport.normalize.bound import BoundRule
from kanport.normalize.notes import Notes, shown
from kanport.normalize.rules import items_of, matched, meaning_of, transformed
from kanport.normalize.value import State, Value, read_one, read_several, written
from kanport.origin import Origin
from kanport.table import Row


class Cell(NamedTuple):
    """A cell that a rule reads, with the texts that stand in it; masked where they are secret."""

    column: str
    origin: Origin
    texts: tuple[str, ...]


class Step(NamedTuple):
    """One step of a rule, and the text after it; None where the step leaves no value."""

    name: str
    text: str | None


class Thread(NamedTuple):
    """The way of one text through the steps of a rule."""

    start: str
    steps: tuple[Step, ...]


class Trace(NamedTuple):
    """How a rule read a row: the cells, the steps of each text in them, and what came out.

    `threads` is empty where nothing stands in the cells, and for what is secret.
    """

    what: str
    cells: tuple[Cell, ...]
    threads: tuple[Thread, ...]
    values: tuple[Value, ...]
    findings: tuple[Finding, ...] = ()


def trace(rule: BoundRule, row: Row, *, several: bool = False) -> Trace:
    """Read a row as `read_one` does, or `read_several`, and give the steps as well."""
    notes = Notes()
    values = read_several(rule, row, notes) if several else [read_one(rule, row, notes)]
    secret = rule.is_secret
    threads = () if secret else tuple(_threads(rule, row, several=several))
    kept = tuple(value._replace(text=shown(value.text, masked=True)) for value in values)
    return Trace(
        rule.what,
        tuple(_cell(rule, row, column) for column in rule.columns),
        threads,
        kept if secret else tuple(values),
        tuple(notes.findings()),
    )


def thread(rule: BoundRule, text: str) -> Thread:
    """Give the way of one text through the steps of a rule."""
    return Thread(text, tuple(_steps(rule, text)))


def _cell(rule: BoundRule, row: Row, column: str) -> Cell:
    cell = row.values.get(column, "")
    texts = cell if isinstance(cell, tuple) else (cell,) if cell else ()
    masked = column in rule.context.secret
    return Cell(column, row.place(column), tuple(shown(text, masked=masked) for text in texts))


def _threads(rule: BoundRule, row: Row, *, several: bool) -> Iterator[Thread]:
    if rule.constant is not None:
        yield Thread(rule.constant, ())
        return
    there = written(rule, row)
    if isinstance(there, State):
        return
    texts = dict.fromkeys(items_of(rule, there) if several else there)
    speaks = rule.default is not None or meaning_of(rule, "") is not None
    for text in texts or ([""] if speaks else []):
        if text == rule.context.clear:
            yield Thread(text, (Step("clear", None),))
        else:
            yield thread(rule, text)


def _steps(rule: BoundRule, text: str) -> Iterator[Step]:
    stepped = text
    for transform in rule.steps:
        stepped = transform(stepped)
        yield Step(_named(transform.written()), stepped)
    shaped = transformed(rule, text)
    if shaped != stepped:
        yield Step("blanks and accents", shaped)
    if rule.pattern is not None and shaped:
        try:
            found = matched(rule.pattern, shaped)
        except TooSlow:
            yield Step(f"match {rule.pattern.pattern} takes too long", None)
            return
        shaped = found[0] if found is not None else ""
        yield Step(f"match {rule.pattern.pattern}", shaped if found is not None else None)
        if found is None:
            return
    meaning = meaning_of(rule, shaped)
    if meaning is not None:
        yield Step("values", meaning)
    elif rule.default is not None and (rule.table is not None or not shaped):
        yield Step("default", rule.default)
    elif rule.table is not None and shaped:
        yield Step("values", None)


def _named(written: Any) -> str:
    """Give a transform as it stands in a mapping.

    >>> _named("lower"), _named({"replace": {"from": "a", "to": "b"}}), _named({"prefix": "x"})
    ('lower', "replace 'a', 'b'", "prefix 'x'")
    """
    if isinstance(written, str):
        return written
    ((name, argument),) = written.items()
    arguments = argument.values() if isinstance(argument, dict) else (argument,)
    return f"{name} {', '.join(map(repr, arguments))}"


def result(traced: Trace) -> str | None:
    """Give what came out, where it is one value that is given; None otherwise."""
    given = [value for value in traced.values if value.state is State.GIVEN]
    return given[0].text if len(given) == 1 else None
