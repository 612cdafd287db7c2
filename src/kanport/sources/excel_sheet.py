"""A workbook's cells as a stream, with what stands round them; only the parts that they need.

openpyxl reads every part of a workbook and refuses it for a font, a date of its properties or the
paper that it is printed on, so the few parts that values depend on are read here: the list of
sheets, the shared texts, the number formats, and the sheet itself (ECMA-376, part 1, chapter 18).
"""

import datetime
import io
import posixpath
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import IO, Any, NamedTuple

from defusedxml.ElementTree import fromstring, iterparse
from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils import column_index_from_string, get_column_letter
from openpyxl.utils.datetime import (
    CALENDAR_MAC_1904,
    CALENDAR_WINDOWS_1900,
    from_excel,
    from_ISO8601,
)
from openpyxl.xml.constants import REL_NS, SHEET_MAIN_NS

from kanport.errors import SourceInvalid
from kanport.findings import Finding, found
from kanport.origin import Origin
from kanport.sources.file import refused
from kanport.spreadsheet import plain_xstring

MAX_ROW = 1_048_576
MAX_COLUMN = 16_384
# A row with a formula in each column has a fifth of it.
MAX_TAGS = 1_000_000
_ADDRESS = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")
_MAIN = f"{{{SHEET_MAIN_NS}}}"
_CELL, _ROW, _COLUMN, _MERGED = (f"{_MAIN}{tag}" for tag in ("c", "row", "col", "mergeCell"))
_FORMULA, _INLINE, _VALUE = (f"{_MAIN}{tag}" for tag in ("f", "is", "v"))
_ITEM, _TEXT, _RUN = (f"{_MAIN}{tag}" for tag in ("si", "t", "r"))
_ID = f"{{{REL_NS}}}id"
_CJK_DATES = frozenset((*range(27, 37), *range(50, 59)))
"""Built-in formats that are dates in East Asian editions of Excel, and that the file need not name
(ECMA-376, part 1, 18.8.30)."""


class RawCell(NamedTuple):
    """A cell that holds something.

    `type` is n number, d date, s text, b boolean, e error, f formula without a value, or ? for what
    cannot be read. `raw` is the text of the value as the file has it. `formula` is True where the
    value was calculated; `stale` where it was not calculated, or not by a spreadsheet. `format` is
    the number format of a number.
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
class SheetLayout:
    """What stands round the cells of a sheet; complete once all rows are read."""

    hidden_columns: set[int] = field(default_factory=set)
    merged: list[Merged] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


class SheetName(NamedTuple):
    """A sheet of a workbook, in its order; `part` is where it lies in the archive."""

    name: str
    visible: bool
    chart: bool
    part: str


@dataclass(slots=True)
class Workbook:
    """What all sheets of an open workbook share.

    `formats` are the number formats by the number of the style of a cell; None where they cannot be
    read. `uncalculated` is True where the program that wrote it asks others to calculate: such
    programs write 0 for all values of formulas.
    """

    archive: zipfile.ZipFile
    names: Mapping[str, str]
    sheets: list[SheetName] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    formats: list[str] | None = field(default_factory=list)
    epoch: datetime.datetime = CALENDAR_WINDOWS_1900
    uncalculated: bool = False

    def open(self, part: str) -> IO[bytes]:
        """Open a part of the archive; raise KeyError where it is missing."""
        # Names of parts do not depend on case, and some programs write backslashes.
        return self.archive.open(self.names[part.lower()])

    def read(self, part: str) -> Any:
        """Return the root element of a part."""
        with self.open(part) as source:
            return fromstring(source.read())


@contextmanager
def open_workbook(data: bytes, origin: Origin) -> Iterator[Workbook]:
    """Open a workbook for reading; raise SourceInvalid where it is damaged."""
    with guarded(origin):
        archive = zipfile.ZipFile(io.BytesIO(data))
    with archive:
        names = {name.replace("\\", "/").lower(): name for name in archive.namelist()}
        workbook = Workbook(archive, names)
        with guarded(origin):
            _read_workbook(workbook)
        yield workbook


def unread_parts(workbook: Workbook, sheet: SheetLayout, origin: Origin) -> list[Finding]:
    """Return a warning for each part that values may depend on and that cannot be read."""
    parts = [*sheet.unread, *(["formats"] if workbook.formats is None else [])]
    return [found("part-unreadable", origin, case=part) for part in dict.fromkeys(parts)]


def read_rows(
    workbook: Workbook, number: int, sheet: SheetLayout, origin: Origin
) -> Iterator[RawRow]:
    """Yield the rows of the sheet with this number (from 0) that hold anything; fill in `sheet`.

    Formatted rows and cells without a value cost no memory. Raises SourceInvalid where the sheet
    cannot be read to its end.
    """
    with guarded(origin):
        source = workbook.open(workbook.sheets[number].part)
    with source:
        cells = _Cells(workbook)
        bounded = _Bounded(source)
        elements = iterparse(bounded)
        last = 0
        while True:
            with guarded(origin):
                row = _next_row(elements, cells, sheet, last)
            if row is None:
                return
            if not last < row.number <= MAX_ROW:
                problem = found("file-damaged", origin, case="rows", row=row.number, last=last)
                raise refused([problem], origin)
            last = row.number
            bounded.tags = 0
            if row.cells:
                yield row


@contextmanager
def guarded(origin: Origin) -> Iterator[None]:
    """Turn whatever a broken file raises into SourceInvalid.

    The messages of its errors are left out, and with them the values of cells that they may show.
    """
    try:
        yield
    except SourceInvalid:
        raise
    except Exception as problem:
        # zipfile, zlib, the XML parser and int() raise many things for broken parts.
        error = type(problem).__name__
        finding = found("file-damaged", origin, case="reading", error=error)
        raise refused([finding], origin) from None


# --- the workbook ---------------------------------------------------------------------------------


def _read_workbook(workbook: Workbook) -> None:
    part = _workbook_part(workbook)
    root = workbook.read(part)
    relations = _relations(workbook, part)
    types = {kind.rpartition("/")[2]: target for kind, target in relations.values()}
    for sheet in root.iter(f"{_MAIN}sheet"):
        kind, target = relations.get(sheet.get(_ID), ("", ""))
        chart = bool(kind) and not kind.endswith("/worksheet")
        visible = sheet.get("state", "visible") == "visible"
        name = plain_xstring(sheet.get("name", ""))
        workbook.sheets.append(SheetName(name, visible, chart, target))
    if not workbook.sheets:
        raise ValueError("no sheets")
    if _is_true(_attribute(root, "workbookPr", "date1904")):
        workbook.epoch = CALENDAR_MAC_1904
    workbook.uncalculated = _is_true(_attribute(root, "calcPr", "fullCalcOnLoad"))
    folder = posixpath.dirname(part)
    texts = types.get("sharedStrings", posixpath.join(folder, "sharedStrings.xml"))
    if texts.lower() in workbook.names:
        with workbook.open(texts) as source:
            workbook.texts = list(_texts(source))
    styles = types.get("styles", posixpath.join(folder, "styles.xml"))
    if "styles" in types or styles.lower() in workbook.names:
        workbook.formats = _formats(workbook, styles)


def _workbook_part(workbook: Workbook) -> str:
    """Return where the list of sheets lies: usually xl/workbook.xml."""
    try:
        for kind, target in _relations(workbook, "").values():
            if kind.endswith("/officeDocument"):
                return target
    except Exception:
        # The package's own list of parts is often broken by tools that repack archives.
        return "xl/workbook.xml"
    return "xl/workbook.xml"


def _relations(workbook: Workbook, part: str) -> dict[str | None, tuple[str, str]]:
    """Return type and target of what a part refers to, by id."""
    folder, _, name = part.rpartition("/")
    listed = workbook.read(posixpath.join(folder, "_rels", f"{name}.rels"))
    found: dict[str | None, tuple[str, str]] = {}
    for relation in listed:
        target = relation.get("Target", "").replace("\\", "/")
        whole = posixpath.normpath(posixpath.join("/", folder, target)).lstrip("/")
        found[relation.get("Id")] = relation.get("Type", ""), whole
    return found


def _attribute(root: Any, tag: str, name: str) -> str | None:
    element = root.find(f"{_MAIN}{tag}")
    return None if element is None else element.get(name)


def _texts(source: IO[bytes]) -> Iterator[str]:
    """Yield the texts that cells share."""
    bounded = _Bounded(source)
    for _, element in iterparse(bounded):
        if element.tag == _ITEM:
            yield _text_of(element)
            element.clear()
            bounded.tags = 0


class _Bounded:
    """A part of a workbook that may hold only so much between two rows, or two texts.

    The parser keeps every element until its row or text is whole, and some 300 bytes for each.
    `tags` counts those that began or ended since; whoever takes a row or a text sets it to 0.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.tags = 0

    def read(self, size: int = -1) -> bytes:
        """Read on; raise ValueError where the parser would have to keep too much."""
        data = self._source.read(size)
        self.tags += data.count(b"<")
        if self.tags > MAX_TAGS:
            raise ValueError("too many elements")
        return data


def _text_of(element: Any) -> str:
    """Return a text without its formats and its phonetic guide."""
    found = []
    for part in element:
        if part.tag == _TEXT:
            found.append(part.text or "")
        elif part.tag == _RUN:
            found.extend(text.text or "" for text in part.iter(_TEXT))
    return plain_xstring("".join(found))


def _formats(workbook: Workbook, part: str) -> list[str] | None:
    """Return the number format of each style; None where they cannot be read.

    Nothing else of the styles is looked at, so fonts, fills and extensions may be as they like.
    """
    try:
        root = workbook.read(part)
        named = {
            int(one.get("numFmtId")): one.get("formatCode", "General")
            for one in root.iterfind(f"{_MAIN}numFmts/{_MAIN}numFmt")
        }
        numbers = [
            int(one.get("numFmtId", 0)) for one in root.iterfind(f"{_MAIN}cellXfs/{_MAIN}xf")
        ]
    except Exception:
        # Whatever is wrong with it: without formats a date looks like a number.
        return None
    return [named.get(number) or _built_in(number) for number in numbers]


def _built_in(number: int) -> str:
    if number in _CJK_DATES:
        return "yyyy/m/d"
    return BUILTIN_FORMATS.get(number, "General")


# --- the sheet ------------------------------------------------------------------------------------


def _next_row(elements: Any, cells: "_Cells", sheet: SheetLayout, last: int) -> RawRow | None:
    """Return the next row; what stands round the rows is filled in on the way."""
    for _, element in elements:
        if element.tag == _ROW:
            row = cells.row(element, last)
            element.clear()
            return row
        if element.tag == _COLUMN:
            _note_column(element, sheet)
        elif element.tag == _MERGED:
            _note_merged(element, sheet)
    return None


def _note_column(element: Any, sheet: SheetLayout) -> None:
    try:
        first, last = int(element.get("min")), min(int(element.get("max")), MAX_COLUMN)
    except (TypeError, ValueError):
        sheet.unread.append("columns")
        return
    if _is_true(element.get("hidden")) or _is_zero(element.get("width")):
        sheet.hidden_columns |= set(range(first, last + 1))


def _note_merged(element: Any, sheet: SheetLayout) -> None:
    try:
        first, _, last = element.get("ref").partition(":")
        left, top = _place(first)
        right, bottom = _place(last or first)
    except (AttributeError, ValueError):
        sheet.unread.append("merged")
    else:
        sheet.merged.append(Merged(top, left, bottom, right))


class _Cells:
    """Reads the cells of a sheet."""

    def __init__(self, workbook: Workbook) -> None:
        self._workbook = workbook
        formats = workbook.formats
        self._formats = formats or []
        self._formats_known = formats is not None
        self._dates = {n for n, code in enumerate(self._formats) if _is_date(code)}
        self._spans = {n for n in self._dates if is_timedelta_format(self._formats[n])}

    def row(self, element: Any, last: int) -> RawRow:
        """Return a row with its cells that hold anything."""
        number = _row_number(element.get("r"), last)
        hidden = _is_true(element.get("hidden")) or _is_zero(element.get("ht"))
        cells: dict[int, RawCell] = {}
        column = 0
        passed: str | None = None
        for inner in element:
            if inner.tag != _CELL:
                continue
            reference = inner.get("r")
            if len(inner) == 0 and reference is not None:
                # Only formatted: there may be millions, so even its column is not worked out.
                passed = reference
                continue
            if reference is None:
                column = 1 + (column if passed is None else _place(passed)[0])
            else:
                column, row = _place(reference)
                if row != number:
                    raise ValueError("a cell stands in the wrong row")
            passed = None
            if not 1 <= column <= MAX_COLUMN:
                raise ValueError("a cell stands in the wrong place")
            cell = self._cell(inner)
            if cell is not None:
                cells[column] = cell
        return RawRow(number, cells, hidden)

    def _cell(self, element: Any) -> RawCell | None:
        """Return what a cell holds; None where that is nothing."""
        kind = element.get("t", "n")
        formula = element.find(_FORMULA) is not None
        if kind == "inlineStr":
            inline = element.find(_INLINE)
            text = "" if inline is None else _text_of(inline)
            return RawCell(text, "s", text, formula) if text or formula else None
        value = element.find(_VALUE)
        raw = "" if value is None else value.text or ""
        if not raw:
            # A formula whose result is the empty text has the type of text, and an empty value.
            calculated = kind == "str" and value is not None
            if formula and not calculated:
                return RawCell(None, "f", "", formula=True, stale=True)
            return None
        if kind == "n":
            return self._number(element, raw.strip(), formula=formula)
        stale = formula and raw == "0" and self._workbook.uncalculated
        if kind == "s":
            number = int(raw)
            if number < 0:
                raise ValueError("a cell refers to no text")
            text = self._workbook.texts[number]
            return RawCell(text, "s", raw, formula) if text else None
        if kind == "b" and raw.strip() in _BOOLEANS:
            return RawCell(_BOOLEANS[raw.strip()], "b", raw, formula, stale)
        if kind == "d":
            return RawCell(_from_iso(raw), "d", raw, formula)
        if kind in ("str", "e"):
            text = plain_xstring(raw)
            return RawCell(text, "e" if kind == "e" else "s", text, formula, stale)
        return RawCell(raw, "?", raw, formula)

    def _number(self, element: Any, raw: str, *, formula: bool) -> RawCell:
        stale = formula and raw == "0" and self._workbook.uncalculated
        try:
            number = Decimal(raw)
        except InvalidOperation:
            return RawCell(raw, "?", raw, formula, stale)
        style = element.get("s")
        if not number.is_finite() or (style is not None and not self._formats_known):
            return RawCell(raw, "?", raw, formula, stale)
        index = int(style) if style is not None and style.isdecimal() else 0
        if index in self._dates:
            try:
                moment = from_excel(
                    float(number), self._workbook.epoch, timedelta=index in self._spans
                )
            except (OverflowError, ValueError):
                # A number that is formatted as a date and too large for one.
                return RawCell(raw, "d", raw, formula, stale)
            return RawCell(moment, "d", raw, formula, stale)
        code = self._formats[index] if index < len(self._formats) else "General"
        return RawCell(raw, "n", raw, formula, stale, code)


_BOOLEANS = {"0": False, "1": True, "false": False, "true": True}


def _is_date(code: str) -> bool:
    # "Standard" is how some programs write General in German.
    return code.casefold() not in ("general", "standard", "@") and bool(is_date_format(code))


def _row_number(text: str | None, last: int) -> int:
    if text is None:
        return last + 1
    number = Decimal(text)
    if number != number.to_integral_value():
        raise ValueError("a row has no number")
    return int(number)


def _place(reference: str) -> tuple[int, int]:
    """Return column and row of an address such as C7."""
    found = _ADDRESS.fullmatch(reference)
    if found is None:
        raise ValueError("a cell has no address")
    return _column_number(found[1]), int(found[2])


@cache
def _column_number(letters: str) -> int:
    return int(column_index_from_string(letters))


def _is_true(text: str | None) -> bool:
    return text in ("1", "true")


def _is_zero(text: str | None) -> bool:
    try:
        return text is not None and float(text) == 0
    except ValueError:
        return False


_from_iso: Callable[[str], Any] = from_ISO8601
letter: Callable[[int], str] = get_column_letter
