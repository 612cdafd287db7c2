"""Excel reports as a program that reads them sees them."""

import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook, load_workbook

from kanport.report import excel
from kanport.report.view import View


def opened(view: View) -> Workbook:
    return load_workbook(io.BytesIO(excel.render(view)))


def table(book: Workbook, sheet: str) -> list[dict[str, Any]]:
    """Give the rows of a sheet with a head, by the titles of its columns."""
    head, *rows = book[sheet].iter_rows(values_only=True)
    told = [dict(zip(map(str, head), row, strict=True)) for row in rows]
    return [row for row in told if any(cell is not None for cell in row.values())]


def section(book: Workbook, title: str) -> list[list[Any]]:
    """Give the rows of a section of the summary, each without the empty cells at its end."""
    rows = [_filled(row) for row in book["Summary"].iter_rows(values_only=True)]
    if [title] not in rows:
        return []
    start = rows.index([title]) + 1
    end = next((at for at in range(start, len(rows)) if not rows[at]), len(rows))
    return rows[start:end]


def _filled(row: Sequence[Any]) -> list[Any]:
    cells = list(row)
    while cells and cells[-1] is None:
        cells.pop()
    return cells


def numbers(row: Sequence[Any]) -> list[int]:
    return [cell for cell in row if isinstance(cell, int)]
