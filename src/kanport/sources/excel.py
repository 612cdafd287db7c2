"""Excel workbooks: one sheet becomes a `Table`.

The archive is checked before anything is unpacked; `excel_sheet` streams rows of raw cells; here
cells become texts, merged and hidden ones are refused or filled as the mapping says.
"""

import datetime
import io
import re
import zipfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Literal

from kanport.coded import Coded, objects
from kanport.facts import Fact, fact
from kanport.findings import Finding, finding, found
from kanport.mapping.sources import ExcelSource
from kanport.origin import Origin
from kanport.rules import strip_blanks
from kanport.sources import SourceContext
from kanport.sources.cells import error_cell
from kanport.sources.excel_sheet import (
    Merged,
    RawCell,
    RawRow,
    SheetLayout,
    SheetName,
    letter,
    open_workbook,
    read_rows,
    unread_parts,
)
from kanport.sources.file import FileBytes, FileKind, kind_of, read_bytes, refused, wrong_kind
from kanport.sources.raw_table import (
    Grid,
    Problems,
    SourceColumn,
    WantedColumns,
    closest,
    columns_of,
    first_note,
    header_key,
    header_problems,
    headers_of,
    headless,
    table_of,
    too_many,
    with_strays,
    without_units,
)
from kanport.table import Odd, Table

MAX_PARTS = 10_000
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
"""A million rows of twenty cells unpack to about this."""

MAX_SHARED_BYTES = 256 * 1024 * 1024
"""For each part that is held in memory as a whole: all but the sheets, which are streamed."""

MAX_RATIO = 200
"""Sheets pack to a tenth, sheets of nothing but formats to a fiftieth; bombs to a thousandth."""

RATIO_FROM_BYTES = 16 * 1024 * 1024
"""Smaller parts may pack as well as they like."""

_STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"


def package_problems(data: bytes, origin: Origin) -> list[Finding]:
    """Find what forbids opening a workbook: damage, passwords, parts that unpack to far too much.

    The sizes are those of the archive's directory; Python's zipfile unpacks no more than they say.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            problem = _problem_of(archive.infolist(), origin)
            if problem is None and _STRICT in workbook_xml(archive)[:4096]:
                problem = found("file-kind", origin, case="strict")
    except Exception as wrong:
        # zipfile raises many things for broken archives, from BadZipFile to struct.error.
        return [found("file-damaged", origin, case="archive", error=type(wrong).__name__)]
    return [problem] if problem else []


def workbook_xml(archive: zipfile.ZipFile) -> bytes:
    """Return the part that lists the sheets; nothing where it has an unusual name."""
    name = "xl/workbook.xml"
    return archive.read(name) if name in archive.namelist() else b""


def _problem_of(parts: list[zipfile.ZipInfo], origin: Origin) -> Finding | None:
    names = {part.filename for part in parts}
    if "[Content_Types].xml" not in names:
        return found("file-damaged", origin, case="content")
    # Names of parts do not depend on case, and some programs write backslashes.
    if len({name.replace("\\", "/").lower() for name in names}) < len(parts):
        return found("file-damaged", origin, case="twice")
    if any(part.flag_bits & 1 for part in parts):
        return found("file-kind", origin, case="encrypted")
    why = _too_large(parts)
    return finding(why, origin) if why is not None else None


def _too_large(parts: list[zipfile.ZipInfo]) -> Fact | None:
    too_large = partial(fact, "file-too-large")
    if len(parts) > MAX_PARTS:
        return too_large(case="parts", parts=len(parts))
    total = sum(part.file_size for part in parts)
    if total > MAX_UNPACKED_BYTES:
        return too_large(case="unpacked", size=total // 2**20)
    for part in parts:
        if part.file_size < RATIO_FROM_BYTES:
            continue
        if part.file_size > MAX_RATIO * max(part.compress_size, 1):
            return too_large(case="ratio", part=part.filename, most=MAX_RATIO)
        sheet = part.filename.startswith(("xl/worksheets/", "xl/media/"))
        if part.file_size > MAX_SHARED_BYTES and not sheet:
            return too_large(case="part", part=part.filename, size=part.file_size // 2**20)
    return None


# --- from a cell of a sheet to text, with what is odd about it: nothing is guessed or made to fit -

MAX_DIGITS = 15
"""Excel keeps no more digits of a number; all after them are zeros."""

TITLE_ROWS = 10
"""A title has no more rows above the headers."""

_PADDED = re.compile(r"0{2,}")


def cell_text(cell: RawCell) -> tuple[str, Odd | None]:
    """Return a cell's value as text, and why it is not plain text, if so.

    Text is given as it stands; error texts and control characters are found on cleaning.
    """
    if cell.stale:
        return "", Odd(fact("cell-formula"))
    match cell.type:
        case "e":
            return str(cell.value), error_cell(str(cell.value))
        case "b":
            text = "TRUE" if cell.value else "FALSE"
            return text, Odd(fact("cell-boolean", text=text), text)
        case "d":
            text = _date_text(cell)
            return text, Odd(fact("cell-date", date=text), text)
        case "n":
            return _number(cell)
        case "?":
            return cell.raw, Odd(fact("cell-unreadable"), cell.raw)
    return str(cell.value), None


def _date_text(cell: RawCell) -> str:
    match cell.value:
        case datetime.datetime() as moment if moment.time() == datetime.time():
            return moment.date().isoformat()
        case datetime.datetime() | datetime.date() | datetime.time() as moment:
            return moment.isoformat()
    return str(cell.value)


def _number(cell: RawCell) -> tuple[str, Odd | None]:
    try:
        number = Decimal(cell.raw)
        whole = number == number.to_integral_value()
    except InvalidOperation:
        number, whole = Decimal(0), False
    if not whole or abs(number) >= 10**MAX_DIGITS:
        case = "digits" if whole else "fraction"
        return cell.raw, Odd(fact("cell-number-inexact", case=case, digits=MAX_DIGITS), cell.raw)
    text = str(int(number))
    padded = text.zfill(len(cell.format)) if _PADDED.fullmatch(cell.format) else text
    if padded != text:
        # Nobody can tell which of the two is meant.
        why = fact("cell-converted", case="padded", shown=padded, text=text)
        return text, Odd(why, text, names=True)
    if cell.format in ("General", "0", "@", "#,##0"):
        why = fact("cell-number")
    else:
        why = fact("cell-number", case="formatted", format=cell.format)
    return text, Odd(why, text)


# --- what merged cells mean for the rows of a sheet: refused, marked as odd, or filled ------------


def fill_merged(
    rows: Sequence[RawRow], merged: Sequence[Merged], columns: Mapping[int, SourceColumn]
) -> None:
    """Fill every cell of a merged range among the rows with the value of its first cell.

    Rows that hold nothing of their own stay empty. A range that begins in the header or above it
    holds a header or a title, which is no value for a row.
    """
    for span, cell in _with_value(rows, merged):
        for row in _rows_within(rows, span):
            row.cells.update(dict.fromkeys(_columns_within(columns, span), cell))


def merged_problems(
    rows: Sequence[RawRow],
    merged: Sequence[Merged],
    columns: Mapping[int, SourceColumn],
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
    """Return the address of a cell, such as C7."""
    return f"{letter(column)}{row}"


def _with_value(
    rows: Sequence[RawRow], merged: Sequence[Merged]
) -> Iterator[tuple[Merged, RawCell]]:
    """Yield the ranges of more than one cell whose first cell holds a value in one of the rows."""
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


def _columns_within(columns: Mapping[int, SourceColumn], span: Merged) -> list[int]:
    return [number for number in columns if span.left <= number <= span.right]


# --- notes about how a sheet was read: which one, its hidden rows and hidden columns --------------


def read_as(
    chosen: SheetName, columns: Sequence[SourceColumn], sheet: SheetLayout, origin: Origin
) -> Finding:
    """Return which sheet was read, and which of the columns that the mapping reads are hidden."""
    hidden = tuple(
        column.name
        for column in columns
        if column.used and column.index + 1 in sheet.hidden_columns
    )
    case = ("sheet" if chosen.visible else "hidden") + ("-columns" if hidden else "")
    return found("file-read-as", origin, case=case, sheet=chosen.name, columns=hidden)


def hidden_notes(
    rows: Sequence[RawRow], policy: Literal["refuse", "read", "skip"], origin: Origin
) -> tuple[list[Finding], list[RawRow]]:
    """Treat hidden rows as the mapping says; return the findings, and the rows that stay."""
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


# --- reading one sheet of an Excel workbook into a table, each value with the address of its cell -


def read_excel(name: str, spec: ExcelSource, context: SourceContext) -> Table:
    """Return the rows of a sheet; raises as `read_source`."""
    columns_used, secret_columns = context.columns_used, context.secret_columns
    file = read_bytes(name, spec.path, context.base)
    origin = file.origin
    check_package(file)
    wanted = WantedColumns(columns_used, secret_columns)
    with open_workbook(file.data, origin) as workbook:
        names = workbook.sheets
        number = _choose(names, spec.sheet, origin)
        if isinstance(number, Finding):
            raise refused([number], origin)
        chosen = names[number]
        origin = origin.at(sheet=chosen.name)
        sheet = SheetLayout()
        rows: list[RawRow] = []
        for row in read_rows(workbook, number, sheet, origin):
            rows.append(row)
            if len(rows) > spec.max_rows + (spec.header_row or TITLE_ROWS):
                raise refused([too_many(spec.max_rows, origin)], origin)
        unread = unread_parts(workbook, sheet, origin)
    grid, findings = _make_grid(rows, sheet, spec, wanted, origin)
    return table_of(
        grid,
        origin,
        file,
        spec,
        findings=(read_as(chosen, grid.columns, sheet, origin), *unread, *findings),
        partial=any(finding.code == "rows-left-out" for finding in findings),
        headers=headers_of(grid, origin),
    )


def check_package(file: FileBytes) -> None:
    """Raise SourceInvalid for a file that is no workbook, or that nobody should unpack."""
    origin = file.origin
    kind = kind_of(file.data)
    if not file.data:
        raise refused([found("file-empty", origin, what="file")], origin)
    if kind is not FileKind.XLSX:
        raise refused([wrong_kind(kind, wanted="excel", origin=origin)], origin)
    if problems := package_problems(file.data, origin):
        raise refused(problems, origin)


def sheet_name(file: FileBytes, spec: ExcelSource) -> str:
    """Return the name of the sheet that is read; raise SourceInvalid if there is none."""
    with open_workbook(file.data, file.origin) as workbook:
        number = _choose(workbook.sheets, spec.sheet, file.origin)
        if isinstance(number, Finding):
            raise refused([number], file.origin)
        return workbook.sheets[number].name


def _choose(names: Sequence[SheetName], wanted: str | None, origin: Origin) -> int | Finding:
    """Return the number of the sheet that is named, or of the first visible one."""
    there = tuple(sheet.name for sheet in names if not sheet.chart)
    for number, sheet in enumerate(names):
        if sheet.chart:
            continue
        if sheet.visible if wanted is None else sheet.name == wanted:
            return number
    if wanted is None:
        case = "hidden" if there else "charts"
        return found("sheet-missing", origin, case=case, sheets=there)
    near = closest(wanted, there)
    return found(
        "sheet-missing",
        origin,
        case="near" if near else "",
        value=wanted,
        sheet=wanted,
        sheets=there,
        near=near,
    )


def _make_grid(
    rows: Sequence[RawRow],
    sheet: SheetLayout,
    spec: ExcelSource,
    wanted: WantedColumns,
    origin: Origin,
) -> tuple[Grid, list[Finding]]:
    """Find header and rows; raises SourceInvalid with all that is wrong with their structure."""
    if not any(_holds_text(row) for row in rows):
        raise refused([found("file-empty", origin, what="sheet")], origin)
    header_row = spec.header_row or _below_title(rows, sheet, wanted) or 1
    header = next((row for row in rows if row.number == header_row), None)
    if header is None or not _holds_text(header):
        other = _header_row(rows, header_row, wanted)
        problem = found(
            "file-empty",
            origin.at(row=header_row),
            case="header-elsewhere" if other else "header",
            row=header_row,
            other=other,
        )
        raise refused([problem], origin)
    problems = Problems()
    headers = _header_texts(header, origin, problems)
    columns = columns_of(headers, wanted)
    at_header = partial(_cell_origin, origin, header.number)
    for problem in header_problems(columns, wanted, at_header):
        if problem.code == "column-missing":
            if row := _header_row(rows, header_row, wanted):
                named = tuple(sorted(wanted.named))
                problem = found("column-missing", problem.origin, case="row", wanted=named, row=row)
            raise refused([*problems.all(origin), problem], origin)
        problems.extend([problem])
    by_number = {column.index + 1: column for column in columns}
    below, beside = _without_notes(
        [row for row in rows if row.number > header.number and _holds_text(row)], by_number, origin
    )
    if len(below) > spec.max_rows:
        raise refused([too_many(spec.max_rows, origin)], origin)
    problems.extend(headless(_strays(below, by_number, origin)))
    findings, below = hidden_notes(below, spec.hidden_rows, origin)
    findings += beside
    problems.extend(finding for finding in findings if finding.code == "row-hidden")
    merged_odd: Mapping[tuple[int, int], Odd] = {}
    if spec.merged_cells == "fill":
        fill_merged(below, sheet.merged, by_number)
    else:
        merged, merged_odd = merged_problems([header, *below], sheet.merged, by_number, origin)
        problems.extend(merged)
    grid = _fill_grid(columns, header.number, below, merged_odd, origin, findings)
    grid, units = without_units(replace(grid, spreadsheet=not spec.verbatim), origin)
    grid = with_strays(grid, origin)
    findings += units
    if spec.header_row is None and header_row > 1:
        findings.append(found("file-read-as", at_header(0), case="headers", row=header_row))
    if grid.is_empty and not spec.may_be_empty and not problems.all(origin):
        place = origin.at(row=header.number)
        problems.extend([found("file-empty", place, case="rows", what="sheet")])
    if broken := problems.all(origin):
        raise refused([*broken, *grid.strays.values()], origin)
    return grid, findings


def _fill_grid(
    columns: Sequence[SourceColumn],
    header: int,
    rows: Sequence[RawRow],
    merged: Mapping[tuple[int, int], Odd],
    origin: Origin,
    findings: list[Finding],
) -> Grid:
    """Turn the cells into texts; tells in `findings` which columns were calculated."""
    cells: list[Coded] = []
    odd: dict[tuple[int, int], Odd] = {}
    for number, column in enumerate(columns):
        texts: list[str] = []
        calculated: list[int] = []
        place = column.index + 1
        for index, row in enumerate(rows):
            cell = row.cells.get(place)
            text, trouble = ("", None) if cell is None else cell_text(cell)
            texts.append(text)
            trouble = merged.get((row.number, place), trouble)
            if trouble is not None:
                odd[index, number] = trouble
            if cell is not None and cell.formula and not cell.stale:
                calculated.append(row.number)
        cells.append(Coded.of(objects(texts)))
        if calculated and column.used:
            first = _cell_origin(origin, calculated[0], column.index)
            findings.append(
                found("cell-calculated", first, count=len(calculated), column=column.name)
            )
    return Grid(
        columns=columns,
        numbers=[row.number for row in rows],
        cells=cells,
        place_of=lambda column: {"cell": letter(column.index + 1)},
        header=header,
        odd=odd,
    )


def _header_texts(header: RawRow, origin: Origin, problems: Problems) -> list[str]:
    """Return the headers of all columns up to the last one that has one."""
    texts = [""] * max(header.cells)
    for number, cell in header.cells.items():
        texts[number - 1], trouble = cell_text(cell)
        if trouble is not None and trouble.code == "cell-formula":
            place = _cell_origin(origin, header.number, number - 1)
            problems.extend([found("cell-formula", place)])
    return texts


def _header_row(rows: Sequence[RawRow], header_row: int, wanted: WantedColumns) -> int | None:
    """Return which other row looks like the header, if one of the first rows does."""
    named = {header_key(name) for name in wanted.named}
    for row in rows[:50]:
        texts = {header_key(cell_text(cell)[0]) for cell in row.cells.values()}
        if row.number != header_row and named and named <= texts:
            return row.number
    return None


def _below_title(rows: Sequence[RawRow], sheet: SheetLayout, wanted: WantedColumns) -> int | None:
    """Return the row of the headers if it is clear that only titles are above it.

    It has all columns that the mapping names. A title is one value, or values of merged cells, each
    above several columns. What else is above the headers may be people, and is never passed over.
    """
    row_number = _header_row(rows, 0, wanted)
    if row_number is None or row_number > TITLE_ROWS:
        return None
    merged = {(span.top, span.left) for span in sheet.merged if span.right > span.left}
    for row in rows:
        if row.number >= row_number:
            break
        filled = [number for number in row.cells if not _is_blank(row, number)]
        if len(filled) > 1 and not all((row.number, number) in merged for number in filled):
            return None
    return row_number


def _without_notes(
    rows: list[RawRow], columns: Mapping[int, SourceColumn], origin: Origin
) -> tuple[list[RawRow], list[Finding]]:
    """Return the rows without the notes right of the list, and the finding about them."""
    strays = _strays(rows, columns, origin)
    first = first_note(strays, max(columns, default=0))
    if first is None:
        return rows, []
    without = [
        row._replace(cells={n: cell for n, cell in row.cells.items() if n < first}) for row in rows
    ]
    return list(filter(_holds_text, without)), [found("notes-beside", strays[first])]


def _strays(
    rows: Sequence[RawRow], columns: Mapping[int, SourceColumn], origin: Origin
) -> dict[int, Origin]:
    """Return the place of the first value of each column that has no header."""
    strays: dict[int, Origin] = {}
    for row in rows:
        for number in row.cells.keys() - columns.keys() - strays.keys():
            if not _is_blank(row, number):
                strays[number] = _cell_origin(origin, row.number, number - 1).at(column=None)
    return strays


def _is_blank(row: RawRow, number: int) -> bool:
    cell = row.cells[number]
    return cell.type == "s" and not strip_blanks(str(cell.value))


def _holds_text(row: RawRow) -> bool:
    return any(not _is_blank(row, number) for number in row.cells)


def _cell_origin(origin: Origin, row: int, index: int) -> Origin:
    return origin.at(row=row, cell=cell_name(row, index + 1))
