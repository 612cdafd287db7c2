"""What merged cells mean for the rows of a sheet: refused, marked as odd, or filled."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence

from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.origin import Origin
from kanport.sources.excel_sheet import Merged, RawCell, RawRow, letter
from kanport.sources.header import Column
from kanport.table import Odd


def fill_merged(
    rows: Sequence[RawRow], merged: Sequence[Merged], columns: Mapping[int, Column]
) -> None:
    """Give every cell of a merged range among the rows the value of its first cell.

    Rows that hold nothing of their own stay empty. A range that begins in the header or above it
    holds a header or a title, which is no value for a row.
    """
    for span, cell in _with_value(rows, merged):
        for row in _rows_within(rows, span):
            row.cells.update(dict.fromkeys(_columns_within(columns, span), cell))


def merged_problems(
    rows: Sequence[RawRow],
    merged: Sequence[Merged],
    columns: Mapping[int, Column],
    origin: Origin,
) -> tuple[list[Finding], dict[tuple[int, int], Odd]]:
    """Find merged cells that the rows depend on.

    Ranges that touch a column which the mapping names are findings. For the others, where only a
    pattern of the mapping may pick the column, the cells themselves are odd: by row and column.
    """
    findings: list[Finding] = []
    odd: dict[tuple[int, int], Odd] = {}
    for span, _ in _with_value(rows, merged):
        touched = [columns[number] for number in _columns_within(columns, span)]
        within = f"{cell_name(span.top, span.left)}:{cell_name(span.bottom, span.right)}"
        used = next((column for column in touched if column.used), None)
        if used is not None:
            cell = cell_name(span.top, used.index + 1)
            place = origin.at(row=span.top, column=used.name, cell=cell)
            findings.append(found("cell-merged", place, range=within))
        elif touched:
            trouble = Odd(fact("cell-merged", case="cell", range=within))
            for row in _rows_within(rows, span):
                odd |= {(row.number, column.index + 1): trouble for column in touched}
    return findings, odd


def cell_name(row: int, column: int) -> str:
    """Give the address of a cell, such as C7."""
    return f"{letter(column)}{row}"


def _with_value(
    rows: Sequence[RawRow], merged: Sequence[Merged]
) -> Iterator[tuple[Merged, RawCell]]:
    """Give the ranges of more than one cell whose first cell holds a value in one of the rows."""
    if not merged:
        return
    by_number = {row.number: row for row in rows}
    for span in merged:
        first = by_number.get(span.top)
        cell = first.cells.get(span.left) if first else None
        if cell is not None and (span.bottom > span.top or span.right > span.left):
            yield span, cell


def _rows_within(rows: Sequence[RawRow], span: Merged) -> Sequence[RawRow]:
    start = bisect_left(rows, span.top, key=lambda row: row.number)
    end = bisect_right(rows, span.bottom, key=lambda row: row.number)
    return rows[start:end]


def _columns_within(columns: Mapping[int, Column], span: Merged) -> list[int]:
    return [number for number in columns if span.left <= number <= span.right]
