"""What is told about how a sheet was read: which one, its hidden rows and hidden columns."""

from collections.abc import Sequence
from typing import Literal

from kanport.findings import Finding, found
from kanport.origin import Origin
from kanport.sources.excel_sheet import RawRow, Sheet, SheetName
from kanport.sources.header import Column


def read_as(chosen: SheetName, columns: Sequence[Column], sheet: Sheet, origin: Origin) -> Finding:
    """Say which sheet was read, and which of the columns that the mapping reads are hidden."""
    hidden = tuple(
        column.name
        for column in columns
        if column.used and column.index + 1 in sheet.hidden_columns
    )
    case = ("sheet" if chosen.visible else "hidden") + ("-columns" if hidden else "")
    return found("file-read-as", origin, case=case, sheet=chosen.name, columns=hidden)


def hidden_told(
    rows: Sequence[RawRow], policy: Literal["refuse", "read", "skip"], origin: Origin
) -> tuple[list[Finding], list[RawRow]]:
    """Treat hidden rows as the mapping says; give what is to be told, and the rows that stay."""
    hidden = [row.number for row in rows if row.hidden]
    kept = [row for row in rows if not (row.hidden and policy == "skip")]
    if not hidden:
        return [], kept
    code, case = _HIDDEN[policy]
    place = origin.at(row=hidden[0])
    return [found(code, place, case=case, count=len(hidden), rows=_spans(hidden))], kept


_HIDDEN = {
    "refuse": ("row-hidden", ""),
    "read": ("file-read-as", "rows"),
    "skip": ("rows-left-out", ""),
}


def _spans(numbers: Sequence[int]) -> tuple[str, ...]:
    """Return row numbers the short way.

    >>> _spans([3, 4, 5, 9])
    ('3-5', '9')
    """
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return tuple(f"{start}" if start == end else f"{start}-{end}" for start, end in spans)
