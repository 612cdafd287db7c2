"""Reading one sheet of an Excel workbook into a table, each value with the address of its cell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from kanport.coded import Coded, objects
from kanport.findings import Finding, found
from kanport.mapping.spec import ExcelSource
from kanport.origin import Origin
from kanport.rules import strip_blanks
from kanport.sources.excel_cell import cell_text
from kanport.sources.excel_merged import cell_name, fill_merged, merged_problems
from kanport.sources.excel_package import package_problems
from kanport.sources.excel_sheet import (
    RawRow,
    Sheet,
    SheetName,
    letter,
    open_workbook,
    read_rows,
    unread_parts,
)
from kanport.sources.excel_told import hidden_told, read_as
from kanport.sources.file_bytes import read_bytes, refused
from kanport.sources.file_kind import Kind, kind_of, wrong_kind
from kanport.sources.grid import Grid, headers_of, table_of, with_strays
from kanport.sources.header import (
    Column,
    Wanted,
    closest,
    columns_of,
    header_key,
    header_problems,
    headless,
)
from kanport.sources.problems import Problems, too_many
from kanport.table import Odd, Table


def read_excel(
    name: str,
    spec: ExcelSource,
    *,
    base: Path,
    secret_columns: frozenset[str],
    columns_used: frozenset[str] | None,
) -> Table:
    """Give the rows of a sheet; for what goes in and what is raised, see `read_source`."""
    file = read_bytes(name, spec.path, base)
    origin = file.origin
    kind = kind_of(file.data)
    if not file.data:
        raise refused([found("file-empty", origin, what="file")], origin)
    if kind is not Kind.XLSX:
        raise refused([wrong_kind(kind, wanted="excel", origin=origin)], origin)
    if problems := package_problems(file.data, origin):
        raise refused(problems, origin)
    wanted = Wanted(columns_used, secret_columns)
    with open_workbook(file.data, origin) as workbook:
        names = workbook.sheets
        number = _choose(names, spec.sheet, origin)
        if isinstance(number, Finding):
            raise refused([number], origin)
        chosen = names[number]
        origin = origin.at(sheet=chosen.name)
        sheet = Sheet()
        rows: list[RawRow] = []
        for row in read_rows(workbook, number, sheet, origin):
            rows.append(row)
            if len(rows) > spec.max_rows + spec.header_row:
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


def _choose(names: Sequence[SheetName], wanted: str | None, origin: Origin) -> int | Finding:
    """Give the number of the sheet that is named, or of the first visible one."""
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
    rows: Sequence[RawRow], sheet: Sheet, spec: ExcelSource, wanted: Wanted, origin: Origin
) -> tuple[Grid, list[Finding]]:
    """Find header and rows; raises SourceInvalid with all that is wrong with their structure."""
    if not any(_holds_text(row) for row in rows):
        raise refused([found("file-empty", origin, what="sheet")], origin)
    header = next((row for row in rows if row.number == spec.header_row), None)
    if header is None or not _holds_text(header):
        other = _header_row(rows, spec.header_row, wanted)
        problem = found(
            "file-empty",
            origin.at(row=spec.header_row),
            case="header-elsewhere" if other else "header",
            row=spec.header_row,
            other=other,
        )
        raise refused([problem], origin)
    problems = Problems()
    headers = _header_texts(header, origin, problems)
    columns = columns_of(headers, wanted)
    at_header = partial(_cell_origin, origin, header.number)
    for problem in header_problems(columns, wanted, at_header):
        if problem.code == "column-missing":
            if row := _header_row(rows, spec.header_row, wanted):
                named = tuple(sorted(wanted.named))
                problem = found("column-missing", problem.origin, case="row", wanted=named, row=row)
            raise refused([*problems.all(origin), problem], origin)
        problems.extend([problem])
    by_number = {column.index + 1: column for column in columns}
    below = [row for row in rows if row.number > header.number and _holds_text(row)]
    if len(below) > spec.max_rows:
        raise refused([too_many(spec.max_rows, origin)], origin)
    problems.extend(headless(_strays(below, by_number, origin)))
    findings, below = hidden_told(below, spec.hidden_rows, origin)
    problems.extend(finding for finding in findings if finding.code == "row-hidden")
    merged_odd: Mapping[tuple[int, int], Odd] = {}
    if spec.merged_cells == "fill":
        fill_merged(below, sheet.merged, by_number)
    else:
        merged, merged_odd = merged_problems([header, *below], sheet.merged, by_number, origin)
        problems.extend(merged)
    grid = _fill_grid(columns, header.number, below, merged_odd, origin, findings)
    grid = with_strays(replace(grid, spreadsheet=not spec.verbatim), origin)
    if grid.is_empty and not spec.may_be_empty and not problems.all(origin):
        place = origin.at(row=header.number)
        problems.extend([found("file-empty", place, case="rows", what="sheet")])
    if broken := problems.all(origin):
        raise refused([*broken, *grid.strays.values()], origin)
    return grid, findings


def _fill_grid(
    columns: Sequence[Column],
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
    """Give the headers of all columns up to the last one that has one."""
    texts = [""] * max(header.cells)
    for number, cell in header.cells.items():
        texts[number - 1], trouble = cell_text(cell)
        if trouble is not None and trouble.code == "cell-formula":
            place = _cell_origin(origin, header.number, number - 1)
            problems.extend([found("cell-formula", place)])
    return texts


def _header_row(rows: Sequence[RawRow], header_row: int, wanted: Wanted) -> int | None:
    """Return which other row looks like the header, if one of the first rows does."""
    named = {header_key(name) for name in wanted.named}
    for row in rows[:50]:
        texts = {header_key(cell_text(cell)[0]) for cell in row.cells.values()}
        if row.number != header_row and named and named <= texts:
            return row.number
    return None


def _strays(
    rows: Sequence[RawRow], columns: Mapping[int, Column], origin: Origin
) -> dict[int, Origin]:
    """Give the place of the first value of each column that has no header."""
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
