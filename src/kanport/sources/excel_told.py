"""What is told about how a sheet was read: which one, its hidden rows and hidden columns."""

from collections.abc import Sequence
from typing import Literal

from kanport.findings import Finding
from kanport.origin import Origin
from kanport.sources.excel_sheet import RawRow, Sheet, SheetName
from kanport.sources.header import Column, listed

_SHOWN = 10


def read_as(chosen: SheetName, columns: Sequence[Column], sheet: Sheet, origin: Origin) -> Finding:
    """Say which sheet was read, and which of the columns that the mapping reads are hidden."""
    message = f'read the {"" if chosen.visible else "hidden "}sheet "{chosen.name}"'
    hidden = [
        column.name
        for column in columns
        if column.used and column.index + 1 in sheet.hidden_columns
    ]
    if hidden:
        message += f", also its hidden columns {listed(hidden)}"
    return Finding("file-read-as", message, origin)


def hidden_told(
    rows: Sequence[RawRow], policy: Literal["refuse", "read", "skip"], origin: Origin
) -> tuple[list[Finding], list[RawRow]]:
    """Treat hidden rows as the mapping says; give what is to be told, and the rows that stay."""
    hidden = [row.number for row in rows if row.hidden]
    kept = [row for row in rows if not (row.hidden and policy == "skip")]
    if not hidden:
        return [], kept
    numbers = _spans(hidden)
    these = f"row {numbers} is" if len(hidden) == 1 else f"{len(hidden):,} rows ({numbers}) are"
    place = origin.at(row=hidden[0])
    if policy == "refuse":
        hint = "show all rows and save, or say `hidden_rows: read` or `skip` in the mapping"
        message = f"{these} hidden; whether they count is unclear"
        return [Finding("row-hidden", message, place, hint=hint)], kept
    if policy == "read":
        return [Finding("file-read-as", f"{these} hidden, and read all the same", place)], kept
    message = f"{these} hidden, and left out; nobody is called missing because of that"
    return [Finding("rows-left-out", message, place)], kept


def _spans(numbers: Sequence[int]) -> str:
    """Write row numbers the short way.

    >>> _spans([3, 4, 5, 9])
    '3-5, 9'
    """
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    texts = [f"{start}" if start == end else f"{start}-{end}" for start, end in spans]
    return ", ".join(texts[:_SHOWN]) + (" …" if len(texts) > _SHOWN else "")
