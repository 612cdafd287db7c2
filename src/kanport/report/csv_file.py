"""One table of a report as CSV (RFC 4180), in UTF-8.

A text that a spreadsheet would take for a formula gets an apostrophe before it, and what cannot be
seen is escaped, so that each record is one line.
"""

import csv
import io
from functools import cache

from kanport.report.columns import Cell, table_of
from kanport.report.parts import View, ViewKind
from kanport.report.visible import escaped

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(view: View, table: str | None = None) -> str:
    """Give one table of a report: changes, findings, access or rows.

    By default it is the changes; of a validation, which has none, the findings. Raises UsageError
    where this kind of report has no such table.
    """
    told = table_of(view, table or ("findings" if view.kind is ViewKind.VALIDATION else "changes"))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(told.columns)
    harmless = cache(_harmless)
    writer.writerows([[harmless(cell) for cell in row] for row in told.rows])
    return stream.getvalue()


def _harmless(cell: Cell) -> Cell:
    r"""Give a cell that no spreadsheet takes for a formula.

    >>> _harmless("=1+1"), _harmless("a\nb"), _harmless(-1)
    ("'=1+1", 'a\\nb', -1)
    """
    if not isinstance(cell, str):
        return cell
    return f"'{escaped(cell)}" if cell.startswith(_FORMULA) else escaped(cell)
