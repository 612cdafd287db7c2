"""The one place that reads with openpyxl: a sheet's cells as a stream, with what stands round them.

openpyxl's two public ways each lack half: the read-only one knows neither hidden rows nor merged
cells, the other holds every formatted cell in memory and cannot tell a formula's value from its
lack. So its parser for sheets is driven directly; the version is pinned to 3.1.
"""

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from openpyxl import load_workbook
from openpyxl.cell.read_only import ReadOnlyCell
from openpyxl.utils import coordinate_to_tuple, get_column_letter
from openpyxl.workbook import Workbook
from openpyxl.worksheet._read_only import ReadOnlyWorksheet
from openpyxl.worksheet._reader import WorkSheetParser
from openpyxl.xml.constants import SHEET_MAIN_NS

from kanport.errors import SourceInvalid
from kanport.origin import Origin
from kanport.sources.excel_package import damaged, workbook_xml
from kanport.sources.file_bytes import refused

MAX_ROW = 1_048_576
MAX_COLUMN = 16_384
_FORMULA = f"{{{SHEET_MAIN_NS}}}f"
_ASKS = re.compile(rb"<(\w+:)?calcPr\b[^>]*\bfullCalcOnLoad\s*=\s*[\"'](1|true)[\"']")
_INLINE = f"{{{SHEET_MAIN_NS}}}is"
_TEXT = f"{{{SHEET_MAIN_NS}}}t"
_VALUE = f"{{{SHEET_MAIN_NS}}}v"


class RawCell(NamedTuple):
    """A cell that holds something.

    `type` is openpyxl's: n number, d date, s text, b boolean, e error. `raw` is the text of the
    value as the file has it. `formula` is True where the value was calculated; `stale` where it
    was not calculated, or not by a spreadsheet. `format` is the number format of a number.
    """

    value: Any
    type: str
    raw: str
    formula: bool = False
    stale: bool = False
    format: str = "General"


class RawRow(NamedTuple):
    """A row that holds something: its number and its cells by column, both from 1."""

    number: int
    cells: dict[int, RawCell]
    hidden: bool


class Merged(NamedTuple):
    """A merged range: its first and last row and column, from 1."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(slots=True)
class Sheet:
    """What stands round the cells of a sheet; complete once all rows are read."""

    hidden_columns: set[int] = field(default_factory=set)
    merged: list[Merged] = field(default_factory=list)


class SheetName(NamedTuple):
    """A sheet of a workbook, in its order."""

    name: str
    visible: bool
    chart: bool


@contextmanager
def open_workbook(data: bytes, origin: Origin) -> Iterator[Workbook]:
    """Open a workbook for reading; raises SourceInvalid where it is damaged."""
    with guarded(origin):
        workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
    try:
        yield workbook
    finally:
        workbook.close()


def sheet_names(workbook: Workbook) -> list[SheetName]:
    """Give the sheets of a workbook in their order."""
    return [
        SheetName(
            sheet.title,
            getattr(sheet, "sheet_state", "visible") == "visible",
            not isinstance(sheet, ReadOnlyWorksheet),
        )
        for sheet in _sheets(workbook)
    ]


def read_rows(workbook: Workbook, number: int, sheet: Sheet, origin: Origin) -> Iterator[RawRow]:
    """Give the rows of the sheet with this number (from 0) that hold anything; fill in `sheet`.

    Formatted rows and cells without a value cost no memory. Raises SourceInvalid where the sheet
    cannot be read to its end.
    """
    worksheet: Any = _sheets(workbook)[number]
    with guarded(origin):
        source = worksheet._get_source()
    with source:
        parser = _Parser(source, worksheet)
        parsed = parser.parse()
        last = 0
        while True:
            with guarded(origin):
                found: Any = next(parsed, None)
                hidden = parser.take_hidden()
            if found is None:
                break
            row, cells = found
            if not last < row <= MAX_ROW:
                raise refused([damaged(origin, f"row {row} stands after row {last}")], origin)
            last = row
            if cells:
                yield RawRow(row, cells, hidden)
    with guarded(origin):
        sheet.hidden_columns |= parser.hidden_columns()
        sheet.merged += parser.merged()


@contextmanager
def guarded(origin: Origin) -> Iterator[None]:
    """Turn whatever openpyxl raises for a broken file into SourceInvalid; its warnings are mute.

    The messages of its errors are left out, and with them the values of cells that they may show.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SourceInvalid:
        raise
    except Exception as problem:
        # openpyxl lets pass what zipfile, the XML parser and int() raise for broken parts.
        why = f"{type(problem.__cause__ or problem).__name__} on reading it"
        raise refused([damaged(origin, why)], origin) from None


def _sheets(workbook: Workbook) -> list[Any]:
    return list(workbook._sheets)  # type: ignore[attr-defined]


class _Parser(WorkSheetParser):
    """openpyxl's parser; it also tells whether a value was calculated, and forgets empty cells."""

    def __init__(self, source: Any, worksheet: Any) -> None:
        workbook = worksheet.parent
        super().__init__(
            source,
            worksheet._shared_strings,
            data_only=True,
            epoch=workbook.epoch,
            date_formats=workbook._date_formats,
            timedelta_formats=workbook._timedelta_formats,
        )
        self._worksheet = worksheet
        # Programs that cannot calculate write 0 and ask whoever opens the file to do it. openpyxl
        # takes that for granted, so the part itself is looked at.
        self._uncalculated = _ASKS.search(workbook_xml(workbook._archive)) is not None
        self._passed: str | None = None

    def take_hidden(self) -> bool:
        """Say whether the row just parsed is hidden, and forget its format."""
        formats: Any = self.row_dimensions.popitem()[1] if self.row_dimensions else {}
        self.row_dimensions.clear()
        flat = formats.get("ht") is not None and float(formats["ht"]) == 0
        return flat or _is_true(formats.get("hidden"))

    def parse_row(self, row: Any) -> tuple[int, dict[int, RawCell]]:  # type: ignore[override]
        """Give the number of a row and its cells that hold anything."""
        self._passed = None
        parsed: Any = super().parse_row(row)
        return parsed[0], {column: cell for column, cell in parsed[1] if cell is not None}

    def parse_cell(self, element: Any) -> tuple[int, RawCell | None]:  # type: ignore[override]
        """Give the column of a cell, from 1, with what it holds."""
        reference = element.get("r")
        if len(element) == 0 and reference is not None:
            # Only formatted: there may be millions, so even its column is not worked out.
            self._passed = reference
            return 0, None
        if reference is None and self._passed is not None:
            self.col_counter = coordinate_to_tuple(self._passed)[1]
        self._passed = None
        plain = _plain_text(element)
        if plain is not None and reference is not None:
            # The same by a shorter way: openpyxl makes half a dozen objects of each such text.
            row, column = coordinate_to_tuple(reference)
            self.col_counter = column
            cell: dict[str, Any] = {"row": row, "column": column, "value": plain, "data_type": "s"}
        else:
            cell = super().parse_cell(element)
            column = cell["column"]
        if not 1 <= column <= MAX_COLUMN or cell["row"] != self.row_counter:
            raise ValueError("a cell stands in the wrong place")
        return column, self._raw_cell(element, cell)

    def _raw_cell(self, element: Any, cell: dict[str, Any]) -> RawCell | None:
        value, kind = cell["value"], cell["data_type"]
        raw = element.findtext(_VALUE) or ""
        formula = element.find(_FORMULA) is not None
        if value is None:
            # A formula whose result is the empty text has the type of text, and an empty value.
            calculated = element.get("t") == "str" and element.find(_VALUE) is not None
            if formula and not calculated:
                return RawCell(None, "f", "", formula=True, stale=True)
            return None
        if kind == "e" and element.get("t") != "e":
            # A number that is formatted as a date and too large for one.
            kind, value = "d", raw
        style = "General"
        if kind == "n":
            style = ReadOnlyCell(self._worksheet, **cell).number_format
        stale = formula and raw == "0" and self._uncalculated
        return RawCell(value, kind, raw, formula, stale, style)

    def hidden_columns(self) -> set[int]:
        """Give the numbers of the columns that are hidden, from 1."""
        hidden = set()
        for formats in self.column_dimensions.values():
            if _is_true(formats.get("hidden")) or float(formats.get("width", 1)) == 0:
                last = min(int(formats["max"]), MAX_COLUMN)
                hidden |= set(range(int(formats["min"]), last + 1))
        return hidden

    def merged(self) -> list[Merged]:
        """Give the ranges of merged cells."""
        ranges = getattr(self.merged_cells, "mergeCell", None) or ()
        return [Merged(r.min_row, r.min_col, r.max_row, r.max_col) for r in ranges]


def _plain_text(element: Any) -> str | None:
    """Give the text that stands within a cell; None where there is none, or it has formats."""
    if element.get("t") != "inlineStr" or len(element) != 1 or len(element[0]) != 1:
        return None
    inner = element[0][0]
    return inner.text if element[0].tag == _INLINE and inner.tag == _TEXT else None


def _is_true(text: str | None) -> bool:
    return text in ("1", "true")


letter: Callable[[int], str] = get_column_letter
