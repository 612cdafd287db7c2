"""Leave out the rows of a source that are none of the mapping's list: `only_rows`, `skip_rows`.

Runs right after a source is read, so nothing later sees the rows that are left out. Each distinct
cell is tested once. A row of which Kanport cannot tell is an error, and counts like a row that
cannot be read: it grants nothing, and nobody whom it may name loses anything.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from kanport.coded import Flags
from kanport.errors import SourceInvalid
from kanport.findings import Finding, found
from kanport.mapping.base import near
from kanport.mapping.conditions import CellTest, Condition, Conditions, alternatives
from kanport.mapping.ldap import several
from kanport.mapping.patterns import TooSlow, compiled
from kanport.mapping.sources import FileSource, Source
from kanport.names import normalize
from kanport.table import STRAY, Cell, Odd, Row, Table

_SHOWN = 10


class _Verdict(NamedTuple):
    """For each row whether a filter holds, and whether that is known."""

    holds: Flags
    known: Flags


def select_rows(table: Table, spec: Source) -> Table:
    """Return the table with the rows that the mapping wants, and findings about the others.

    A table without one of the columns stays as it is, since no run uses it. Raises SourceInvalid
    where a file has rows, and none of them is left.
    """
    if not _columns(spec) <= set(table.columns):
        return table
    only, slow_only = _filter(table, alternatives(spec.only_rows), of_none=True)
    skip, slow_skip = _filter(table, alternatives(spec.skip_rows), of_none=False)
    outside = only.known & ~only.holds
    skipped = skip.known & skip.holds & ~outside
    undecided = ~outside & ~skipped & ~(only.known & skip.known)
    kept = table.only(~(outside | skipped | undecided))
    strays, stray_findings = _strays(table, spec)
    slow = {**slow_only, **slow_skip}
    doubts = [
        _undecided(table, spec, number, slow.get(number))
        for number in np.flatnonzero(undecided).tolist()
    ]
    counts = [
        found("rows-filtered", table.whole, case=case, count=int(rows.sum()))
        for case, rows in (("only", outside), ("skip", skipped))
        if rows.any()
    ]
    if (
        isinstance(spec, FileSource)
        and not (len(kept.numbers) or spec.may_be_empty or doubts)
        and len(table.numbers)
    ):
        raise SourceInvalid(
            f"no row of the source {table.source} is left",
            findings=[
                found("file-empty", table.whole, case="filtered", count=len(table.numbers)),
                *_unused(table, spec),
            ],
        )
    return replace(
        kept,
        findings=(*stray_findings, *counts, *_unused(table, spec), *doubts),
        strays=(*strays, *(table.row(number) for number in np.flatnonzero(undecided).tolist())),
    )


def _filter(
    table: Table, tables: tuple[Conditions, ...], *, of_none: bool
) -> tuple[_Verdict, dict[int, str]]:
    """Return for which rows one of the tables holds, and the rows that a pattern is too slow for.

    Without any table the filter holds for all rows, or for none (`of_none`).
    """
    size = len(table.numbers)
    slow: dict[int, str] = {}
    if not tables:
        return _Verdict(np.full(size, of_none), np.ones(size, bool)), slow
    some, all_known = np.zeros(size, bool), np.ones(size, bool)
    for conditions in tables:
        fails, sure = np.zeros(size, bool), np.ones(size, bool)
        for column, condition in conditions.items():
            one = _tested(table, normalize("NFC", column), condition, slow)
            fails |= one.known & ~one.holds
            sure &= one.known
        some |= sure & ~fails
        all_known &= sure | fails
    return _Verdict(some, some | all_known), slow


def _tested(table: Table, column: str, condition: Condition, slow: dict[int, str]) -> _Verdict:
    coded = table.coded(column)
    test = _test_of(condition)
    too_slow: dict[int, str] = {}

    def result(code: int, cell: Cell) -> bool:
        try:
            return test(cell)
        except TooSlow as problem:
            too_slow[code] = problem.pattern
            return False

    results = np.array([result(code, cell) for code, cell in enumerate(coded.values)], bool)
    holds = results[coded.codes] if len(results) else np.zeros(len(coded.codes), bool)
    known = ~np.isin(coded.codes, list(too_slow))
    for number in np.flatnonzero(~known).tolist():
        slow[number] = too_slow[int(coded.codes[number])]
    odd = table.odd.get(column, {})
    known[[number for number, why in odd.items() if not _is_usable(why)]] = False
    return _Verdict(holds, known)


def _is_usable(odd: Odd) -> bool:
    """Return whether a cell has a text to compare, as a number has, and what only a name needs."""
    return odd.names or odd.code == "cell-number"


def _test_of(condition: Condition) -> Callable[[Cell], bool]:
    """Return the test of a cell; of several values, one must pass it, and none a negation.

    >>> leaver = _test_of(("left", "retired"))
    >>> leaver("left"), leaver(""), leaver(("active", "left"))
    (True, False, True)
    """
    if not isinstance(condition, CellTest):
        texts = {normalize("NFC", text) for text in several(condition)}
        return lambda cell: not texts.isdisjoint(_values(cell))
    if condition.empty is not None:
        empty = condition.empty
        return lambda cell: (not any(_values(cell))) is empty
    if condition.not_ is not None:
        unwanted = {normalize("NFC", text) for text in several(condition.not_)}
        return lambda cell: unwanted.isdisjoint(_values(cell))
    pattern = compiled(condition.matches or "")
    return lambda cell: any(pattern.search(value) is not None for value in _values(cell))


def _columns(spec: Source) -> set[str]:
    """Return the columns that the filters of a source compare."""
    return {
        normalize("NFC", column)
        for rows in (spec.only_rows, spec.skip_rows)
        for conditions in alternatives(rows)
        for column in conditions
    }


def _values(cell: Cell) -> tuple[str, ...]:
    return cell if isinstance(cell, tuple) else (cell,)


def _strays(table: Table, spec: Source) -> tuple[tuple[Row, ...], list[Finding]]:
    """Return the rows that are none of the list and that no filter leaves out, and the findings."""
    gone: set[int | None] = set()
    strays = []
    for row in table.strays:
        outside = spec.only_rows is not None and not _holds(row, alternatives(spec.only_rows))
        if outside or _holds(row, alternatives(spec.skip_rows)):
            gone.add(row.origin.row)
        else:
            strays.append(row)
    findings = [
        finding
        for finding in table.findings
        if finding.code not in STRAY or finding.origin is None or finding.origin.row not in gone
    ]
    return tuple(strays), findings


def _holds(row: Row, tables: tuple[Conditions, ...]) -> bool:
    def fits(column: str, condition: Condition) -> bool:
        name = normalize("NFC", column)
        try:
            usable = name not in row.odd or _is_usable(row.odd[name])
            return usable and _test_of(condition)(row.values.get(name, ""))
        except TooSlow:
            return False

    return any(all(fits(*one) for one in conditions.items()) for conditions in tables)


def _undecided(table: Table, spec: Source, number: int, pattern: str | None) -> Finding:
    columns = sorted(_columns(spec))
    column = next((name for name in columns if number in table.odd.get(name, {})), columns[0])
    place = table.place(number, column)
    if pattern is not None and number not in table.odd.get(column, {}):
        return found("row-undecided", place, case="slow", pattern=pattern)
    return found("row-undecided", place, column=column)


def _unused(table: Table, spec: Source) -> Iterator[Finding]:
    """Yield a warning for each value that a filter compares with and that no row has."""
    for key in ("only_rows", "skip_rows"):
        for conditions in alternatives(getattr(spec, key)):
            for name, condition in conditions.items():
                column = normalize("NFC", name)
                texts = condition.not_ if isinstance(condition, CellTest) else condition
                there = {value for cell in table.coded(column).values for value in _values(cell)}
                there |= {
                    value for row in table.strays for value in _values(row.values.get(column, ""))
                }
                there -= {""}
                for text in several(texts or ()):
                    if normalize("NFC", text) not in there:
                        close = near(text, there)
                        yield found(
                            "filter-unused",
                            table.headers.get(column) or table.whole,
                            case="near" if close else "",
                            key=key,
                            column=column,
                            text=text,
                            values=tuple(sorted(there)[:_SHOWN]),
                            near=close or "",
                        )
