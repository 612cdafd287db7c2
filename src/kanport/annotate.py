"""Send a list back to the people who keep it: a copy with marked cells, and the rejected rows.

`kanport validate --annotate` writes the user's own workbook (or the CSV file as a workbook) with a
mark and a comment on each cell that has a finding, and a sheet that lists all of them.
`--rejects` writes the rows that Kanport leaves out, as they were, with a column of reasons; the
same mapping can read that file. All else stays as it is in the copy, except charts, pictures and
drawings, which openpyxl drops (`Written.lost`). Marks of an earlier copy are removed, so a
corrected copy can be annotated again.
"""

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanport.errors import SourceInvalid, UsageError
from kanport.files import write_file
from kanport.findings import Finding, Severity, errors_in, in_order
from kanport.mapping import LoadedMapping
from kanport.mapping.sources import CsvSource, ExcelSource
from kanport.normalize.columns import columns_used, secret_columns
from kanport.origin import Origin
from kanport.records import dataclass
from kanport.sources.csv import Delimiter, header_of, tell_delimiter
from kanport.sources.csv_encoding import Decoded, decode
from kanport.sources.csv_records import BrokenRecord, Lines, Record, records
from kanport.sources.excel import check_package, sheet_name
from kanport.sources.excel_sheet import letter
from kanport.sources.file import FileBytes, files_of, read_bytes, refused
from kanport.sources.raw_table import WantedColumns
from kanport.spreadsheet import escaped_xstring
from kanport.table import Table

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

FINDINGS = "Kanport findings"
"""The title of the sheet with all findings, and what its first cell says."""

AUTHOR = "Kanport"
REASONS = "Kanport: why this row was left out"
_NAMES = {Severity.ERROR: "Error", Severity.WARNING: "Warning", Severity.INFO: "Note"}
_COLORS = {Severity.ERROR: "FFFFB3B3", Severity.WARNING: "FFFFE699", Severity.INFO: "FFDDEBF7"}
_OWN_FORMULA = 'LEN("Kanport '
_BELOW = "\n—\nKanport:\n"
_WIDTHS = (9, 10, 20, 28, 60, 60, 24)
# What openpyxl does not keep when it writes a workbook that it has read.
_LOST = {"xl/charts/": "charts", "xl/media/": "pictures", "xl/drawings/drawing": "drawings"}
_MOST_COMMENT = 2_000
_MOST_OTHERS = 10


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written for a source: its marked cells or rows, and what the copy lacks.

    `path` is None if Kanport cannot open the list, so there is no copy.
    """

    path: Path | None
    source: str
    count: int
    lost: tuple[str, ...] = ()


def write_annotated(
    mapping: LoadedMapping, findings: Iterable[Finding], target: Path
) -> tuple[Written, ...]:
    """Write a copy of each list with its findings marked, and return what was written.

    `target` is a workbook (`.xlsx`). If the mapping reads several lists, each copy has the name of
    its source before the extension. A list that Kanport cannot open gives no copy. Raise UsageError
    for another extension, if no source is a CSV or Excel file, if a part of a workbook is damaged
    that only a copy needs, or if the file cannot be written.
    """
    _check_extension(target, ".xlsx", "--annotate")
    of_source = _by_source(findings)
    written = []
    for name, spec, path in _lists(mapping, target):
        lost: tuple[str, ...] = ()
        rows: Mapping[int, int] = {}
        try:
            file = read_bytes(name, spec.path, mapping.path.parent)
            if isinstance(spec, ExcelSource):
                book, lost = _own_workbook(file)
                sheet = _sheet_of(book, file, spec)
            else:
                book, rows = _as_workbook(file, spec, _wanted(mapping, name))
                sheet = book.worksheets[0]
        except SourceInvalid:
            written.append(Written(None, name, 0))
            continue
        found = [one for one in in_order(of_source[name]) if _is_of(one.origin, file, spec)]
        marked = _mark(book, sheet, found, rows)
        stream = io.BytesIO()
        book.save(stream)
        write_file(path, stream.getvalue(), secret=True)
        written.append(Written(path, name, marked, lost))
    return tuple(written)


def write_rejects(
    mapping: LoadedMapping,
    tables: Mapping[str, Table],
    findings: Iterable[Finding],
    target: Path,
) -> tuple[Written, ...]:
    """Write the rows of each list that are left out, as they were, with a column of reasons.

    The file has the type of its list, so the same mapping reads it. A list without rejected rows
    gives no file. Raise UsageError as `write_annotated`.
    """
    errors = in_order(errors_in(findings))
    written = []
    for name, spec, path in _lists(mapping, target):
        _check_extension(target, _extension(spec), "--rejects", f"{name} is {spec.path}")
        file = read_bytes(name, spec.path, mapping.path.parent)
        reasons = _reasons(errors, name, file, spec)
        if not reasons:
            continue
        header = tables[name].header_rows[file.origin.file or ""]
        content, count = (
            _rejects_csv(file, spec, _wanted(mapping, name), header, reasons)
            if isinstance(spec, CsvSource)
            else _rejects_workbook(file, spec, header, reasons)
        )
        if count:
            write_file(path, content, secret=True)
            written.append(Written(path, name, count))
    return tuple(written)


def check_lists(mapping: LoadedMapping, annotated: Path | None, rejected: Path | None) -> None:
    """Check the names of the files for `write_annotated` and `write_rejects`; read no list.

    Raise UsageError as these do.
    """
    lists = _list_sources(mapping)
    if annotated is not None:
        _check_extension(annotated, ".xlsx", "--annotate")
    for name, spec in lists if rejected is not None else ():
        assert rejected is not None  # noqa: S101 - for the type checker
        _check_extension(rejected, _extension(spec), "--rejects", f"{name} is {spec.path}")


def _extension(spec: CsvSource | ExcelSource) -> str:
    return ".csv" if isinstance(spec, CsvSource) else ".xlsx"


def _check_extension(target: Path, extension: str, option: str, why: str = "") -> None:
    if target.suffix.lower() != extension:
        raise UsageError(
            f"{option} {target}: the file must end in {extension}" + (f", as {why}" if why else ""),
            hint=f"write {option} {target.with_suffix(extension)}",
        )


def _lists(
    mapping: LoadedMapping, target: Path
) -> Iterator[tuple[str, CsvSource | ExcelSource, Path]]:
    """Yield the files of the CSV and Excel sources, each with the file to write for it."""
    lists = _list_sources(mapping)
    for name, spec in lists:
        path = target if len(lists) == 1 else target.with_stem(f"{target.stem}-{name}")
        for file in files_of(name, spec, mapping.path.parent):
            several = path.with_stem(f"{path.stem}-{Path(file).stem}")
            one = spec.model_copy(update={"path": file})
            yield name, one, path if spec.files is None else several


def _list_sources(mapping: LoadedMapping) -> list[tuple[str, CsvSource | ExcelSource]]:
    """Return the CSV and Excel sources; raise UsageError where there are none."""
    lists = [
        (name, spec)
        for name, spec in mapping.spec.sources.items()
        if isinstance(spec, CsvSource | ExcelSource)
    ]
    if not lists:
        raise UsageError(
            "the mapping reads no CSV or Excel file that could be sent back",
            hint="leave out --annotate and --rejects",
        )
    return lists


def _is_of(origin: Origin | None, file: FileBytes, spec: CsvSource | ExcelSource) -> bool:
    """Return whether a place of a source is in this one of its files."""
    return spec.files is None or origin is None or origin.file == file.origin.file


def _wanted(mapping: LoadedMapping, name: str) -> WantedColumns:
    """Return the columns that the mapping names, by which the header of a list is found."""
    return WantedColumns(
        columns_used(mapping.spec).get(name),
        secret_columns(mapping.spec).get(name, frozenset()),
    )


def _by_source(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    of_source: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        if finding.origin is not None and finding.origin.source is not None:
            of_source[finding.origin.source].append(finding)
    return of_source


def _reasons(
    errors: Iterable[Finding], name: str, file: FileBytes, spec: CsvSource | ExcelSource
) -> Mapping[int, Sequence[str]]:
    """Return why rows of a file are left out: an error that is about several is in each."""
    reasons: dict[int, list[str]] = defaultdict(list)
    for finding in errors:
        rows = {place.at(column=None, position=None, cell=None): place for place in finding.places}
        for row, place in rows.items():
            if row.source == name and row.row is not None and _is_of(row, file, spec):
                others = list(islice((str(one) for one in rows if one != row), _MOST_OTHERS))
                reason = f"{place.column}: {finding.message}" if place.column else finding.message
                if others:
                    reason += f" (see also {', '.join(others)})"
                reasons[row.row].append(reason)
    return reasons


# --- the copy: the user's workbook, or a CSV file as a workbook -----------------------------------


def _own_workbook(file: FileBytes, *, values: bool = False) -> "tuple[Workbook, tuple[str, ...]]":
    """Return a workbook, with values in place of formulas if asked, and what a copy will lack."""
    from openpyxl import load_workbook

    check_package(file)
    with zipfile.ZipFile(io.BytesIO(file.data)) as archive:
        parts = archive.namelist()
    lost = [word for start, word in _LOST.items() if any(part.startswith(start) for part in parts)]
    try:
        book = load_workbook(io.BytesIO(file.data), rich_text=not values, data_only=values)
    except Exception as problem:
        # openpyxl raises many things for parts that Kanport does not need, such as styles.
        raise UsageError(
            f"{file.origin.file} cannot be copied: a part of the workbook is damaged",
            hint="open it in Excel or LibreOffice, save it again, and validate the new file",
        ) from problem
    return book, tuple(lost)


def _sheet_of(book: "Workbook", file: FileBytes, spec: ExcelSource) -> "Worksheet":
    """Return the sheet that Kanport reads."""
    name = sheet_name(file, spec)
    return next(sheet for sheet in book.worksheets if sheet.title == name)


def _decoded(
    file: FileBytes, spec: CsvSource, wanted: WantedColumns
) -> tuple[Decoded, Lines, Delimiter]:
    """Return the text of a file, its lines and its delimiter; `wanted` finds the header."""
    decoded = decode(file.data, spec.encoding, file.origin)
    if isinstance(decoded, list):
        raise refused(decoded, file.origin)
    lines = Lines(decoded.text)
    delimiter = tell_delimiter(
        lines,
        spec.delimiter,
        wanted,
        file.origin,
        below_title=spec.columns is None,
        header_row=spec.header_row,
    )
    if isinstance(delimiter, Finding):
        raise refused([delimiter], file.origin)
    return decoded, lines, delimiter


def _as_workbook(
    file: FileBytes, spec: CsvSource, wanted: WantedColumns
) -> "tuple[Workbook, Mapping[int, int]]":
    """Return a CSV file as a workbook of text cells, and the row of each record by its line."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    _, lines, delimiter = _decoded(file, spec, wanted)
    title = Path(spec.path).stem
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "".join("_" if mark in "[]:*?/\\'" else mark for mark in title)[:31] or "List"
    rows: dict[int, int] = {}
    shift = 0
    header = header_of(lines, delimiter.char, delimiter.skip).line
    for record in records(lines, delimiter.char, 0):
        if isinstance(record, BrokenRecord):
            rows[record.line] = record.line - shift
            continue
        rows[record.line] = row = record.line - shift
        shift += record.last - record.line
        for number, value in enumerate(record.fields, start=1):
            cell = _put(sheet, row, number, value)
            if row == header:
                cell.font = Font(bold=True)
    sheet.freeze_panes = f"A{rows.get(header, 1) + 1}"
    return book, rows


def _put(sheet: "Worksheet", row: int, column: int, value: str) -> Any:
    """Write a text that stays text, also if it looks like a formula or a number."""
    cell = sheet.cell(row, column)
    cell.number_format = "@"
    if value:
        cell.value = _printable(value)
        cell.data_type = "s"
        cell.quotePrefix = True
    return cell


def _printable(text: str) -> str:
    """Return a text as a workbook can hold it: control characters as escapes."""
    shown = escaped_xstring(text)[:32_767]
    return "".join(
        letter if letter in "\t\n\r" or ord(letter) >= 32 else f"_x{ord(letter):04X}_"
        for letter in shown
    )


# --- the marks ------------------------------------------------------------------------------------


def _mark(
    book: "Workbook", sheet: "Worksheet", findings: Sequence[Finding], rows: Mapping[int, int]
) -> int:
    """Mark the cells of findings and list the findings; return the number of marked cells."""
    _unmark(book)
    of_cell: dict[str, list[Finding]] = defaultdict(list)
    for finding in findings:
        address = _address(finding.origin, rows)
        if address is not None:
            of_cell[address].append(finding)
    of_severity: dict[Severity, list[str]] = defaultdict(list)
    for address, found in of_cell.items():
        of_severity[min((one.severity for one in found), key=list(Severity).index)].append(address)
        _comment(sheet, address, found)
    _color(sheet, of_severity)
    _list(book, sheet, findings, rows)
    return len(of_cell)


def _address(origin: Origin | None, rows: Mapping[int, int]) -> str | None:
    """Return the cell of a place in the copy: of a row without a column, its first one."""
    if origin is None or origin.row is None:
        return None
    if origin.cell is not None:
        return origin.cell
    return f"{letter(origin.position or 1)}{rows.get(origin.row, origin.row)}"


def _color(sheet: "Worksheet", of_severity: Mapping[Severity, Sequence[str]]) -> None:
    # A conditional format leaves the style of the cell as it is, and can be removed again.
    from openpyxl.formatting.rule import FormulaRule
    from openpyxl.styles import PatternFill

    for other in sheet.conditional_formatting:
        for rule in other.rules:
            rule.priority += len(Severity)
    for number, (severity, cells) in enumerate(of_severity.items(), start=1):
        fill = PatternFill("solid", start_color=_COLORS[severity], end_color=_COLORS[severity])
        rule = FormulaRule(  # type: ignore[no-untyped-call]
            formula=[f'{_OWN_FORMULA}{severity}")>0'], fill=fill
        )
        sheet.conditional_formatting.add(" ".join(cells), rule)
        rule.priority = number


def _comment(sheet: "Worksheet", address: str, findings: Sequence[Finding]) -> None:
    from openpyxl.comments import Comment

    lines = []
    for finding in findings:
        lines.append(f"{_NAMES[finding.severity]}: {finding.message}")
        if finding.hint:
            lines.append(f"Fix: {finding.hint}")
    text = _printable("\n".join(lines))[:_MOST_COMMENT]
    cell = sheet[address]
    there = cell.comment
    if there is not None:
        comment = Comment(f"{there.text}{_BELOW}{text}", there.author)
    else:
        comment = Comment(text, AUTHOR)
    comment.width, comment.height = 380, 60 + 22 * len(lines)
    cell.comment = comment


def _unmark(book: "Workbook") -> None:
    """Remove what an earlier copy was marked with: the sheet, the comments and the colors."""
    from openpyxl.comments import Comment
    from openpyxl.formatting.formatting import ConditionalFormattingList

    if FINDINGS not in book.sheetnames or book[FINDINGS]["A1"].value != FINDINGS:
        return
    del book[FINDINGS]
    for sheet in book.worksheets:
        kept = ConditionalFormattingList()
        for one in sheet.conditional_formatting:
            for rule in one.rules:
                # Rules such as a color scale have no formula.
                if not (rule.formula and str(rule.formula[0]).startswith(_OWN_FORMULA)):
                    kept.add(str(one.sqref), rule)
        sheet.conditional_formatting = kept
        for row in sheet.iter_rows():
            for cell in row:
                comment = cell.comment
                if comment is None:
                    continue
                own, mark, _ = comment.text.partition(_BELOW)
                if comment.author == AUTHOR:
                    cell.comment = None
                elif mark:
                    cell.comment = Comment(own, comment.author)


def _list(
    book: "Workbook", sheet: "Worksheet", findings: Sequence[Finding], rows: Mapping[int, int]
) -> None:
    """Add a sheet with a line for each finding, and a link to its cell."""
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.worksheet.hyperlink import Hyperlink

    lines = book.create_sheet(FINDINGS)
    lines["A1"] = FINDINGS
    lines["A1"].font = Font(bold=True, size=14)
    counts = ", ".join(
        f"{count} {_NAMES[severity].lower()}{'s' if count != 1 else ''}"
        for severity in Severity
        if (count := sum(one.severity is severity for one in findings))
    )
    errors = any(one.severity is Severity.ERROR for one in findings)
    what = "Correct the cells in red, then send the file back." if errors else "Nothing to correct."
    others = any(one.severity is not Severity.ERROR for one in findings)
    only = "Cells in other colors are only for your information." if others else ""
    lines["A2"] = " ".join(filter(None, (counts and f"{counts}.", what, only)))
    heads = ("Severity", "Cell", "Column", "Value", "What is wrong", "How to fix it", "Code")
    for number, (head, width) in enumerate(zip(heads, _WIDTHS, strict=True), start=1):
        cell = lines.cell(4, number, head)
        cell.font = Font(bold=True, color="FFFFFFFF")
        cell.fill = PatternFill("solid", start_color="FF1F4E79", end_color="FF1F4E79")
        lines.column_dimensions[letter(number)].width = width
    order = list(Severity).index
    ordered = sorted(findings, key=lambda finding: order(finding.severity))
    for row, finding in enumerate(ordered, start=5):
        address = _address(finding.origin, rows)
        column = finding.origin.column if finding.origin is not None else None
        texts = (
            _NAMES[finding.severity],
            address or "whole list",
            column or "",
            finding.value or "",
            finding.message,
            finding.hint or "",
            finding.code,
        )
        for number, text in enumerate(texts, start=1):
            cell = _put(lines, row, number, text)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        if address is not None:
            place = sheet.title.replace("'", "''")
            cell = lines.cell(row, 2)
            cell.hyperlink = Hyperlink(cell.coordinate, location=f"'{place}'!{address}")
            cell.font = Font(color="FF0563C1", underline="single")
    lines.freeze_panes = "A5"
    lines.auto_filter.ref = f"A4:{letter(len(heads))}{max(4 + len(ordered), 5)}"


# --- the rejected rows ----------------------------------------------------------------------------


def _rejects_csv(
    file: FileBytes,
    spec: CsvSource,
    wanted: WantedColumns,
    header: int,
    reasons: Mapping[int, Sequence[str]],
) -> tuple[bytes, int]:
    """Return the lines up to the header and those of rejected rows, as they are, with reasons."""
    decoded, lines, delimiter = _decoded(file, spec, wanted)
    # With names by position the header must not get wider than they are.
    explained = spec.columns is None
    pieces = [_text(lines, 1, header - 1)]
    count = 0
    for record in records(lines, delimiter.char, header - 1):
        if isinstance(record, BrokenRecord):
            continue
        if record.line == header:
            pieces.append(_with(lines, record, REASONS if explained else "", delimiter.char))
        elif record.line in reasons:
            why = "; ".join(reasons[record.line]) if explained else ""
            pieces.append(_with(lines, record, why, delimiter.char))
            count += 1
    return decoded.encode("".join(pieces)), count


def _text(lines: Lines, first: int, last: int) -> str:
    """Return physical lines, from 1, as they are in the file."""
    return "".join(lines[number - 1] for number in range(first, last + 1))


def _with(lines: Lines, record: Record, more: str, delimiter: str) -> str:
    """Return the lines of a record with one more field."""
    text = _text(lines, record.line, record.last)
    ending = text[len(text.rstrip("\r\n")) :] or "\n"
    if not more:
        return text.rstrip("\r\n") + ending
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow([more])
    return f"{text.rstrip(chr(13) + chr(10))}{delimiter}{out.getvalue()}{ending}"


def _rejects_workbook(
    file: FileBytes, spec: ExcelSource, header: int, reasons: Mapping[int, Sequence[str]]
) -> tuple[bytes, int]:
    """Return a workbook with the rows up to the header and the rejected ones, with reasons."""
    from openpyxl import Workbook

    own, _ = _own_workbook(file, values=True)
    source = _sheet_of(own, file, spec)
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = source.title
    numbers = [*range(1, header + 1), *sorted(row for row in reasons if row > header)]
    last = source.max_column + 1
    for at, number in enumerate(numbers, start=1):
        for column in range(1, last):
            old = source.cell(number, column)
            if old.value is not None:
                new = sheet.cell(at, column, old.value)
                new.data_type = old.data_type
                new.number_format = old.number_format
        if number == header:
            _put(sheet, at, last, REASONS)
        elif number in reasons:
            _put(sheet, at, last, "; ".join(reasons[number]))
    sheet.column_dimensions[letter(last)].width = 80
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue(), len(numbers) - header
