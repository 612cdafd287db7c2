"""Write briefly which rows a source had, for the plan, and read that back. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from kanport.origin import Origin
from kanport.plan.model import PlanRows, PlanSource

# More than any sheet or list has; a plan that says otherwise is not believed.
_MOST = 5_000_000


def rows_read(origins: Iterable[Origin]) -> tuple[PlanRows, ...]:
    """Return in short which rows these are: spans of rows for each file and sheet, or entries.

    >>> rows_read([Origin("a", file="a.csv", row=row) for row in (2, 3, 4, 7)])[0].rows
    '2-4,7'
    """
    rows: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    entries: Counter[str] = Counter()
    for origin in origins:
        if origin.row is not None:
            rows[origin.file or "", origin.sheet].append(origin.row)
        elif origin.dn is not None:
            entries[origin.dn] += 1
    told = [
        part
        for (file, sheet), numbers in rows.items()
        for part in rows_of_file(Origin(file=file, sheet=sheet), numbers)
    ]
    if entries:
        told.append(PlanRows(entries=dict(sorted(entries.items()))))
    return tuple(told)


def rows_of_file(origin: Origin, numbers: Iterable[int]) -> tuple[PlanRows, ...]:
    """Return rows of one file or sheet as spans; nothing if there are none.

    >>> rows_of_file(Origin("a", file="a.csv"), [3, 2, 4, 7])[0].rows
    '2-4,7'
    """
    spans = _spans(sorted(set(numbers)))
    return (PlanRows(file=origin.file or "", sheet=origin.sheet, rows=spans),) if spans else ()


class RowSpan(NamedTuple):
    """Rows of a file or sheet from `first` to `last`, or an entry of a directory.

    `place` is that of the file, the sheet or the entry. `times` is how many rows the source made
    of each.
    """

    place: Origin
    first: int | None = None
    last: int | None = None
    times: int = 1

    @property
    def rows(self) -> Sequence[int | None]:
        """The numbers of the rows; one None for an entry."""
        if self.first is None or self.last is None:
            return (None,)
        return range(self.first, self.last + 1)


def spans_of_rows(source: PlanSource) -> list[RowSpan]:
    """Return the rows of a source that the plan lists.

    Nothing is returned if a plan does not list its rows, or lists another number than it counts.
    """
    told = sum(map(_number, source.read))
    if told != source.rows or told > _MOST:
        return []
    spans = []
    for part in source.read:
        file = Origin(source.name, file=part.file, sheet=part.sheet)
        spans += [RowSpan(file, first, last) for first, last in _spans_in(part)]
        spans += [
            RowSpan(Origin(source.name, dn=dn), times=times)
            for dn, times in (part.entries or {}).items()
        ]
    return spans


def _spans(rows: list[int]) -> str:
    spans: list[list[int]] = []
    for row in rows:
        if spans and row == spans[-1][1] + 1:
            spans[-1][1] = row
        else:
            spans.append([row, row])
    return ",".join(f"{a}-{b}" if a != b else str(a) for a, b in spans)


def _spans_in(part: PlanRows) -> Iterator[tuple[int, int]]:
    for span in part.rows.split(",") if part.rows else ():
        first, _, last = span.partition("-")
        yield int(first), int(last or first)


def _number(part: PlanRows) -> int:
    rows = sum(last - first + 1 for first, last in _spans_in(part))
    return rows + sum((part.entries or {}).values())
