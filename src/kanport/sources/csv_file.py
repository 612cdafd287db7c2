"""Reading a CSV file: its structure strictly and with physical line numbers, then its cells."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from kanport.findings import Finding
from kanport.mapping.spec import CsvSource
from kanport.origin import Origin
from kanport.rules import strip_blanks
from kanport.sources.csv_delimiter import CALLED, Delimiter, better_delimiter, tell_delimiter
from kanport.sources.csv_encoding import decode
from kanport.sources.csv_records import Broken, Record, broken_finding, lines_of, records
from kanport.sources.file_bytes import read_bytes, refused
from kanport.sources.file_kind import Kind, kind_of, wrong_kind
from kanport.sources.grid import Grid, headers_of, rows_of, strays_in
from kanport.sources.header import (
    Wanted,
    columns_of,
    header_problems,
    headless,
)
from kanport.sources.problems import Problems, too_many
from kanport.table import Table

_SOMETHING = re.compile(r'[^\s,;|"]')
_LATE_QUOTE = re.compile(r'[ \t\u00a0]+".*', re.DOTALL)


def read_csv(
    name: str,
    spec: CsvSource,
    *,
    base: Path,
    secret_columns: frozenset[str],
    columns_used: frozenset[str] | None,
) -> Table:
    """Give the rows of a CSV file; for what goes in and what is raised, see `read_source`."""
    file = read_bytes(name, spec.path, base)
    origin = file.origin
    wanted = Wanted(columns_used, secret_columns)
    kind = kind_of(file.data)
    if kind is not Kind.TEXT:
        raise refused([wrong_kind(kind, wanted="csv", origin=origin)], origin)
    decoded = decode(file.data, spec.encoding, origin)
    if isinstance(decoded, list):
        raise refused(decoded, origin)
    if not _SOMETHING.search(decoded.text):
        raise refused([_empty("the file is empty", origin)], origin)
    lines = lines_of(decoded.text)
    delimiter = tell_delimiter(lines, spec.delimiter, wanted, origin)
    if isinstance(delimiter, Finding):
        raise refused([delimiter], origin)
    grid = _read_grid(lines, delimiter, wanted, spec, origin)
    rows, findings = rows_of(grid, origin)
    read_as = Finding(
        "file-read-as",
        f"read as {decoded.encoding}, with a {CALLED[delimiter.char]} between the fields",
        origin,
    )
    return Table(
        source=name,
        kind=spec.type,
        path=spec.path,
        columns=tuple(column.name for column in grid.columns),
        rows=rows,
        sha256=file.sha256,
        modified_at=file.modified_at,
        size=len(file.data),
        findings=(read_as, *findings),
        headers=headers_of(grid, origin),
    )


def _read_grid(
    lines: Sequence[str], delimiter: Delimiter, wanted: Wanted, spec: CsvSource, origin: Origin
) -> Grid:
    """Read header and rows; raises SourceInvalid with all that is wrong with their structure."""
    problems = Problems()
    found = _filled(records(lines, delimiter.char, delimiter.skip))
    header = next(found, None)
    if header is None:
        raise refused([_empty("the file is empty", origin)], origin)
    if isinstance(header, Broken):
        # Without its header nothing can be said about the rows.
        raise refused([broken_finding(header, origin)], origin)
    if spec.columns is not None and len(spec.columns) != len(header.fields):
        raise refused([_otherwise_wide(header, spec.columns, delimiter.char, origin)], origin)
    columns = columns_of(spec.columns or header.fields, wanted)
    at_header = partial(_field_origin, origin, header.line)
    problems.extend(
        _with_delimiter(problem, better_delimiter(lines, delimiter, wanted))
        for problem in header_problems(columns, wanted, at_header)
    )
    numbers: list[int] = []
    rows: list[list[str]] = []
    strays: dict[int, Origin] = {}
    width = len(header.fields)
    nameless = sorted(set(range(width)) - {column.index for column in columns})
    for record in found:
        if isinstance(record, Broken):
            problems.add("row-quotes", partial(broken_finding, record, origin))
            continue
        if len(record.fields) != width:
            problems.add("row-ragged", partial(_ragged, record, width, delimiter.char, origin))
            continue
        for index in nameless:
            if index not in strays and strip_blanks(record.fields[index]):
                strays[index] = _field_origin(origin, record.line, index)
        _look_for_late_quotes(record, lines, origin, problems)
        numbers.append(record.line)
        rows.append(record.fields)
        if len(rows) > spec.max_rows:
            problems.extend([too_many(spec.max_rows, origin)])
            break
    problems.extend(headless(strays))
    cells: list[Sequence[str]] = list(zip(*rows, strict=True)) or [()] * width
    grid = Grid(
        columns=columns,
        numbers=numbers,
        cells=[cells[column.index] for column in columns],
        place_of=lambda column: {"position": column.index + 1},
        header=header.line,
        spreadsheet=not spec.verbatim,
    )
    problems.extend(strays_in(grid, origin))
    if not rows and not spec.may_be_empty and not (broken := problems.all(origin)):
        broken.append(_empty("the file has a header and no rows", origin))
        raise refused(broken, origin)
    if broken := problems.all(origin):
        raise refused(broken, origin)
    return grid


def _otherwise_wide(
    header: Record, names: Sequence[str], delimiter: str, origin: Origin
) -> Finding:
    return Finding(
        "row-ragged",
        f"the first line has {len(header.fields)} fields, with a {CALLED[delimiter]} between them;"
        f" the mapping names {len(names)} columns",
        origin.at(row=header.line),
        hint="name each column of the file under columns in the mapping",
    )


def _filled(found: Iterator[Record | Broken]) -> Iterator[Record | Broken]:
    """Leave out blank records: empty lines, and lines of nothing but delimiters and blanks."""
    return (
        record
        for record in found
        if isinstance(record, Broken) or strip_blanks("".join(record.fields))
    )


def _field_origin(origin: Origin, line: int, index: int) -> Origin:
    return origin.at(row=line, position=index + 1)


def _ragged(record: Record, width: int, delimiter: str, origin: Origin) -> Finding:
    count = len(record.fields)
    fields = "one field" if count == 1 else f"{count} fields"
    return Finding(
        "row-ragged",
        f"the row has {fields}, the header has {width}",
        origin.at(row=record.line),
        hint=f"put a value that holds a {CALLED[delimiter]} into double quotation marks"
        if count > width
        else "an empty field needs its delimiter too; is a line break within a value not quoted?",
    )


def _look_for_late_quotes(
    record: Record, lines: Sequence[str], origin: Origin, problems: Problems
) -> None:
    """Report a blank before an opening quotation mark: the marks would become part of the value."""
    if ' "' not in lines[record.line - 1] and '\t"' not in lines[record.line - 1]:
        return
    for index, field in enumerate(record.fields):
        if _LATE_QUOTE.fullmatch(field) and strip_blanks(field).endswith('"'):
            place = _field_origin(origin, record.line, index)
            problems.add(
                "row-quotes",
                partial(
                    Finding,
                    "row-quotes",
                    "a blank stands before the quotation mark that opens a value",
                    place,
                    hint="take away the blank between the delimiter and the quotation mark",
                ),
            )


def _with_delimiter(problem: Finding, better: str | None) -> Finding:
    if problem.code != "column-missing" or better is None:
        return problem
    return replace(problem, hint=f'with `delimiter: "{better}"` they would be there')


def _empty(message: str, origin: Origin) -> Finding:
    return Finding("file-empty", message, origin, hint="is it the right file, and was it saved?")
