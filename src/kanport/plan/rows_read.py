"""Which rows a source had, said so briefly that a plan can hold it, and read back again. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from kanport.origin import Origin
from kanport.plan.model import PlanRows, PlanSource

# More than any sheet or list has; a plan that says otherwise is not believed.
_MOST = 5_000_000


def rows_read(origins: Iterable[Origin]) -> tuple[PlanRows, ...]:
    """Say in short which rows these are: spans of rows for each file and sheet, or entries.

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
        PlanRows(file=file, sheet=sheet, rows=_spans(sorted(set(numbers))))
        for (file, sheet), numbers in rows.items()
    ]
    if entries:
        told.append(PlanRows(entries=dict(sorted(entries.items()))))
    return tuple(told)


def places_of_rows(source: PlanSource) -> Iterator[tuple[Origin, int]]:
    """Give the place of each row of a source, and how many rows the source made of it.

    Nothing is given where a plan does not tell its rows, or tells another number than it counts.
    """
    told = sum(map(_number, source.read))
    if told != source.rows or told > _MOST:
        return
    for part in source.read:
        for first, last in _spans_in(part):
            for row in range(first, last + 1):
                yield Origin(source.name, file=part.file, sheet=part.sheet, row=row), 1
        for dn, times in (part.entries or {}).items():
            yield Origin(source.name, dn=dn), times


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
