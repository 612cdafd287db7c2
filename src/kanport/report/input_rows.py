"""What became of each row of the input."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from kanport.coded import LazySequence
from kanport.findings import Finding, Severity
from kanport.origin import Origin
from kanport.plan.model import PlanSource
from kanport.plan.rows_read import RowSpan, spans_of_rows
from kanport.report.parts import Count, Line, Sum
from kanport.report.tables import Fate, InputRow
from kanport.report.words import ROW

_Key = tuple[str, str | None, str | None, int | str | None]


def input_rows(
    sources: Iterable[PlanSource],
    lines: Sequence[Line],
    findings: Sequence[Finding],
    *,
    planned: bool,
) -> "InputRows":
    """Return each row that the sources had, with the changes that it asked for and its findings.

    A row that only has errors was left out. `planned` is False where nothing was
    compared with a server, so that no row could lead to a change.
    """
    spans = [span for source in sources for span in spans_of_rows(source)]
    asked: dict[_Key, dict[str, Line]] = defaultdict(dict)
    noted: dict[_Key, dict[int, Finding]] = defaultdict(dict)
    for line in lines:
        for origin in line.change.origin:
            asked[_key(origin)][line.change.id] = line
    for number, finding in enumerate(findings):
        for place in (finding.origin, *finding.related):
            if place is not None:
                noted[_key(place)][number] = finding
    with_more = {
        key: (tuple(asked.get(key, {}).values()), tuple(noted.get(key, {}).values()))
        for key in asked.keys() | noted.keys()
    }
    return InputRows(spans, with_more, planned=planned)


class InputRows(LazySequence[InputRow]):
    """The rows of the input, made when they are asked for: almost all are plain.

    `noted` has the changes and findings of the others, by their keys.
    """

    def __init__(
        self,
        spans: Sequence[RowSpan],
        noted: Mapping[_Key, tuple[Sequence[Line], Sequence[Finding]]],
        *,
        planned: bool,
    ) -> None:
        self._spans = spans
        self._noted = noted
        self._planned = planned
        self._ends = list(accumulate(len(span.rows) for span in spans))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[InputRow]:
        return (row for span in self._spans for row in self._of(span, span.rows))

    def _made(self, number: int) -> InputRow:
        which = bisect_right(self._ends, number)
        span = self._spans[which]
        back = number - self._ends[which]
        return next(self._of(span, span.rows[back:][:1]))

    def _of(self, span: RowSpan, rows: Iterable[int | None]) -> Iterator[InputRow]:
        place, times, noted = span.place, span.times, self._noted
        source, file, sheet, dn = _key_parts(place)
        start = str(place) if dn is not None else str(place.at(row=0))[:-1]
        plain = _fate((), (), planned=self._planned)
        for row in rows:
            text = start if row is None else f"{start}{row}"
            of_row = noted.get((source, file, sheet, dn if row is None else row))
            if of_row is None:
                yield InputRow(source, text, plain, times)
            else:
                yield InputRow(source, text, _fate(*of_row, planned=self._planned), times, *of_row)

    def fates(self) -> Counter[Fate]:
        """Count what became of the rows, without making an object of each."""
        counts: Counter[Fate] = Counter()
        plain, noted = _fate((), (), planned=self._planned), self._noted
        for span in self._spans:
            source, file, sheet, dn = _key_parts(span.place)
            keys = ((source, file, sheet, dn if row is None else row) for row in span.rows)
            special = [noted[key] for key in keys if key in noted] if noted else []
            counts[plain] += (len(span.rows) - len(special)) * span.times
            for of_row in special:
                counts[_fate(*of_row, planned=self._planned)] += span.times
        return counts


NO_ROWS = InputRows((), {}, planned=False)


def sum_of_rows(rows: InputRows, *, planned: bool) -> tuple[Sum, ...]:
    """Add up what became of the rows; nothing where a plan does not tell its rows."""
    if not rows:
        return ()
    numbers = rows.fates()
    total = numbers.total()
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


def _key_parts(place: Origin) -> tuple[str, str | None, str | None, str | None]:
    return place.source, place.file, place.sheet, place.dn


def _key(place: Origin) -> _Key:
    row = place.row if place.row is not None else place.dn
    return place.source, place.file, place.sheet, row
