"""What became of each row of the input."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from kanport.findings import Finding, Severity
from kanport.origin import Origin
from kanport.plan.model import PlanSource
from kanport.plan.rows_read import places_of_rows
from kanport.report.parts import Count, Line, Sum
from kanport.report.tables import Fate, InputRow
from kanport.report.words import ROW

_Row = tuple[str, str | None, str | None, int | str | None]


def input_rows(
    sources: Iterable[PlanSource],
    lines: Sequence[Line],
    findings: Sequence[Finding],
    *,
    planned: bool,
) -> tuple[InputRow, ...]:
    """Give each row that the sources had, with the changes that it asked for and its findings.

    A row of which only an error is to be told was left out. `planned` is False where nothing was
    compared with a server, so that no row could lead to a change.
    """
    asked: dict[_Row, dict[str, Line]] = defaultdict(dict)
    noted: dict[_Row, dict[int, Finding]] = defaultdict(dict)
    for line in lines:
        for origin in line.change.origin:
            asked[_key(origin)][line.change.id] = line
    for number, finding in enumerate(findings):
        for place in (finding.origin, *finding.related):
            if place is not None:
                noted[_key(place)][number] = finding
    rows = []
    for source in sources:
        for place, times in places_of_rows(source):
            key = _key(place)
            changes = tuple(asked[key].values()) if key in asked else ()
            notes = tuple(noted[key].values()) if key in noted else ()
            fate = _fate(changes, notes, planned=planned)
            rows.append(InputRow(source.name, str(place), fate, times, changes, notes))
    return tuple(rows)


def sum_of_rows(rows: Sequence[InputRow], *, planned: bool) -> tuple[Sum, ...]:
    """Add up what became of the rows; nothing where a plan does not tell its rows."""
    if not rows:
        return ()
    numbers = dict.fromkeys(Fate, 0)
    for row in rows:
        numbers[row.fate] += row.times
    total = sum(numbers.values())
    if not planned:
        told = [Fate.LEFT_OUT, Fate.READ]
    else:
        told = [Fate.CHANGED, Fate.NOT_MADE, Fate.LEFT_OUT, Fate.NOTHING]
        if not numbers[Fate.NOT_MADE]:
            told.remove(Fate.NOT_MADE)
    parts = tuple(Count(fate.replace(" ", "_"), numbers[fate], fate.value) for fate in told)
    return (Sum(Count("rows", total, f"{ROW(total)} of the input"), parts),)


def _fate(changes: Sequence[Line], notes: Sequence[Finding], *, planned: bool) -> Fate:
    if changes:
        return Fate.CHANGED if any(line.in_place for line in changes) else Fate.NOT_MADE
    if any(finding.severity is Severity.ERROR for finding in notes):
        return Fate.LEFT_OUT
    return Fate.NOTHING if planned else Fate.READ


def _key(place: Origin) -> _Row:
    row = place.row if place.row is not None else place.dn
    return place.source, place.file, place.sheet, row
