"""CSV files: encoding, delimiter, header and rows become a `Table`.

`csv_encoding` decodes, `csv_records` splits into records with their physical lines; here the
delimiter is found and the structure is checked: what is broken is refused with line and column.
"""

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import field
from functools import partial
from itertools import islice
from typing import NamedTuple, Self

import numpy as np

from kanport.coded import Coded, objects
from kanport.findings import Finding, found
from kanport.mapping.sources import CsvSource
from kanport.origin import Origin
from kanport.records import dataclass
from kanport.rules import strip_blanks
from kanport.sources import SourceContext
from kanport.sources.csv_encoding import decode
from kanport.sources.csv_records import (
    BrokenRecord,
    Flags,
    Lines,
    Numbers,
    Record,
    broken_finding,
    careful_records,
    records,
)
from kanport.sources.file import FileKind, kind_of, read_bytes, refused, wrong_kind
from kanport.sources.raw_table import (
    Grid,
    Problems,
    WantedColumns,
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
from kanport.table import Table

CALLED = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SPELLED = {"\t": "\\t"}
_TITLE_LINES = 10
_SEP_LINE = re.compile(r'"?sep=(?P<delimiter>.)"?[\r\n]*', re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Delimiter:
    """The character between the fields, and the number of lines above the header."""

    char: str
    skip: int = 0
    titled: bool = False


def tell_delimiter(
    lines: Lines,
    declared: str | None,
    wanted: WantedColumns,
    origin: Origin,
    *,
    below_title: bool = True,
    header_row: int | None = None,
) -> Delimiter | Finding:
    """Return the delimiter, or the finding that says why there is none.

    The header decides: the delimiter is the one with which most of the columns are there that the
    mapping names, then the one that gives most columns. Excel's first line `sep=;` is understood.
    The header is in the line `header_row`; without it, in the first one, or below a title.
    """
    first = _SEP_LINE.fullmatch(lines[0]) if len(lines) else None
    skip = 1 if first else 0
    named = {header_key(name) for name in wanted.named}

    def start(char: str) -> Delimiter:
        if header_row is not None:
            return Delimiter(char, header_row - 1)
        title = _title(lines, char, skip, named) if below_title else 0
        return Delimiter(char, skip + title, titled=title > 0)

    if declared is not None:
        return start(declared)
    if first is not None:
        char = first["delimiter"]
        if char not in CALLED:
            return found("file-delimiter", origin.at(row=1), case="sep", char=char)
        return start(char)
    starts = {char: start(char) for char in CALLED}
    scores: dict[str, tuple[int, int]] = {}
    for char, begun in starts.items():
        headers = [header_key(field) for field in header_of(lines, char, begun.skip).fields]
        scores[char] = len(named & set(headers)), len(headers)
    best = max(scores.values())
    fitting = [char for char, score in scores.items() if score == best]
    if len(fitting) == 1 or best[1] <= 1:
        return starts[fitting[0]]
    kinds = tuple(CALLED[char] for char in fitting)
    return found("file-delimiter", origin.at(row=1), fitting=kinds)


def _title(lines: Lines, char: str, start: int, named: Set[str]) -> int:
    """Return the number of lines that a title has above the header; 0 where there is none.

    A title has no more than one value; below it, the header has all columns that the mapping names,
    and more than one. What else stands above a header may be people, and is never passed over.
    """
    if not named:
        return 0
    titled = False
    for record in islice(records(lines, char, start), _TITLE_LINES):
        if isinstance(record, BrokenRecord):
            break
        filled = [header_key(field) for field in record.fields if strip_blanks(field)]
        if len(filled) > 1 and named <= set(filled):
            return record.line - 1 - start if titled else 0
        titled = titled or bool(filled)
        if len(filled) > 1 or not named.isdisjoint(filled):
            break
    return 0


def header_of(lines: Lines, delimiter: str, start: int) -> Record:
    """Return the first record that is not blank, from the line with this number (from 0) on."""
    for record in records(lines, delimiter, start):
        if isinstance(record, Record):
            if strip_blanks("".join(record.fields)):
                return record
        else:
            break
    return Record(0, [], 0)


def better_delimiter(lines: Lines, taken: Delimiter, wanted: WantedColumns) -> str | None:
    """Return another delimiter with which all columns are there that the mapping names, if any."""
    named = {header_key(name) for name in wanted.named}
    for char in CALLED:
        headers = {header_key(field) for field in header_of(lines, char, taken.skip).fields}
        if char != taken.char and named and named <= headers:
            return _SPELLED.get(char, char)
    return None


# --- reading a CSV file: its structure strictly and with physical line numbers, then its cells ----

_RELATED = 20
_SOMETHING = re.compile(r'[^\s,;|"]')
_OTHER_QUOTES = frozenset("“”„‟«»‘’‚'")
_LATE_QUOTE = re.compile(r'[ \t\u00a0]+".*', re.DOTALL)


def read_csv(name: str, spec: CsvSource, context: SourceContext) -> Table:
    """Return the rows of a CSV file; raises as `read_source`."""
    columns_used, secret_columns = context.columns_used, context.secret_columns
    file = read_bytes(name, spec.path, context.base)
    origin = file.origin
    wanted = WantedColumns(columns_used, secret_columns)
    kind = kind_of(file.data)
    if kind is not FileKind.TEXT:
        raise refused([wrong_kind(kind, wanted="csv", origin=origin)], origin)
    decoded = decode(file.data, spec.encoding, origin)
    if isinstance(decoded, list):
        raise refused(decoded, origin)
    if not _SOMETHING.search(decoded.text):
        raise refused([found("file-empty", origin, what="file")], origin)
    lines = Lines(decoded.text)
    if spec.header_row is not None and not any(
        map(_SOMETHING.search, lines.after(spec.header_row - 1))
    ):
        place = origin.at(row=spec.header_row)
        raise refused([found("file-empty", place, case="header", row=spec.header_row)], origin)
    delimiter = tell_delimiter(
        lines,
        spec.delimiter,
        wanted,
        origin,
        below_title=spec.columns is None,
        header_row=spec.header_row,
    )
    if isinstance(delimiter, Finding):
        raise refused([delimiter], origin)
    grid, found_in_grid = _read_grid(lines, delimiter, wanted, spec, origin)
    read_as = found(
        "file-read-as",
        origin,
        case="titled" if delimiter.titled else "",
        encoding=decoded.encoding,
        delimiter=CALLED[delimiter.char],
    )
    findings = [read_as, *decoded.doubts, *found_in_grid]
    return table_of(grid, origin, file, spec, findings=findings, headers=headers_of(grid, origin))


def _read_grid(
    lines: Lines, delimiter: Delimiter, wanted: WantedColumns, spec: CsvSource, origin: Origin
) -> tuple[Grid, list[Finding]]:
    """Read header and rows, and return them with the warnings about them.

    Raises SourceInvalid with all that is wrong with their structure.
    """
    problems = Problems()
    header = next(filter(_holds_text, records(lines, delimiter.char, delimiter.skip)), None)
    if header is None:
        raise refused([found("file-empty", origin, what="file")], origin)
    if isinstance(header, BrokenRecord):
        # Without its header nothing can be said about the rows.
        raise refused([_broken(header, lines, origin)], origin)
    late_lines = lines.late_quotes()
    if header.line in late_lines and (late := _late_quotes(header, strict=False)):
        raise refused([_late_quote(_field_origin(origin, header.line, at)) for at in late], origin)
    if spec.columns is not None and not (
        _filled_width(header) <= len(spec.columns) <= len(header.fields)
    ):
        raise refused([_otherwise_wide(header, spec.columns, delimiter.char, origin)], origin)
    columns = columns_of(spec.columns or header.fields, wanted)
    at_header = partial(_field_origin, origin, header.line)
    problems.extend(
        _with_delimiter(problem, better_delimiter(lines, delimiter, wanted), wanted)
        for problem in header_problems(columns, wanted, at_header)
    )
    width = len(header.fields)
    nameless = sorted(set(range(width)) - {column.index for column in columns})
    body = _Body(width, tuple(nameless), late_lines)
    more = body.read(lines, delimiter.char, header.last, spec.max_rows, origin)
    for _, make in body.quotes:
        problems.add("row-quotes", make)
    if more:
        problems.extend([too_many(spec.max_rows, origin)])
    for shape in (*body.ragged, *body.split):
        tell = partial(_ragged, shape, width, delimiter.char, origin, all_alike=body.all_alike)
        problems.add("row-ragged", tell)
    beside = body.without_notes(origin)
    problems.extend(headless(body.strays(origin)))
    grid = Grid(
        columns=columns,
        numbers=body.numbers,
        cells=[body.columns[column.index] for column in columns],
        place_of=lambda column: {"position": column.index + 1},
        header=header.line,
        spreadsheet=not spec.verbatim,
    )
    grid, units = without_units(grid, origin)
    grid = with_strays(grid, origin)
    if grid.is_empty and not spec.may_be_empty and not (broken := problems.all(origin)):
        broken.append(found("file-empty", origin, case="rows", what="file"))
        raise refused([*broken, *grid.strays.values()], origin)
    if broken := problems.all(origin):
        raise refused([*broken, *grid.strays.values()], origin)
    return grid, [*body.surplus_notes(origin), *beside, *units]


class _Shape(NamedTuple):
    """A record by its line, its number of fields, and what is odd about their beginnings."""

    line: int
    fields: int
    spaced: bool
    other_quotes: bool

    @classmethod
    def of(cls, record: Record) -> Self:
        starts = [(field[:1], strip_blanks(field)[:1]) for field in record.fields[1:] if field]
        return cls(
            record.line,
            len(record.fields),
            any(first != start and start for first, start in starts),
            any(strip_blanks(field)[:1] in _OTHER_QUOTES for field in record.fields if field),
        )


@dataclass(slots=True)
class _Body:
    """The rows of a file by columns, each row as wide as the header, and what is wrong with others.

    `nameless` are the columns without a name. Empty fields beyond the header, and missing ones
    under a header without a name, are what many programs write. Where all rows have them, that is
    their way. Where only some have them, a value may have come apart at an unquoted delimiter:
    those are `surplus`. `quotes` are the records with a bad quotation mark, by line.
    """

    width: int
    nameless: tuple[int, ...]
    late_lines: frozenset[int]
    numbers: Numbers = field(default_factory=lambda: np.empty(0, np.intp))
    columns: list[Coded] = field(default_factory=list)
    quotes: list[tuple[int, Callable[[], Finding]]] = field(default_factory=list)
    ragged: list[_Shape] = field(default_factory=list)
    surplus: list[_Shape] = field(default_factory=list)

    def read(self, lines: Lines, delimiter: str, start: int, most: int, origin: Origin) -> bool:
        """Read the records from the line `start` on; return whether there are more than `most`."""
        plain = lines.plain(delimiter, self.width, start)
        careful: list[Record] = []
        for record in filter(_holds_text, careful_records(lines, delimiter, start, plain)):
            if isinstance(record, BrokenRecord):
                why = partial(_broken, record, lines, origin)
                self.quotes.append((record.line, why))
            elif self._is_whole(record, origin):
                careful.append(self._in_width(record))
        self.numbers = np.flatnonzero(plain) + 1
        columns = lines.split(plain, delimiter, self.width)
        if careful:
            self.numbers = np.append(self.numbers, [record.line for record in careful])
            order = np.argsort(self.numbers, kind="stable")
            self.numbers = self.numbers[order]
            for at, cells in enumerate(columns):
                columns[at] = np.append(cells, objects(one.fields[at] for one in careful))[order]
        self.columns = list(map(Coded.of, columns))
        self._leave_out(self._blank_rows())
        if len(self.numbers) <= most:
            return False
        self._cut(int(self.numbers[most]))
        return True

    def _is_whole(self, record: Record, origin: Origin) -> bool:
        """Return whether a record is a row; take down what is wrong with it otherwise."""
        if record.line in self.late_lines:
            strict = len(record.fields) == self.width
            if late := _late_quotes(record, strict=strict):
                places = (_field_origin(origin, record.line, at) for at in late)
                self.quotes += [(record.line, partial(_late_quote, place)) for place in places]
                return False
        if not self._fits(record):
            self.ragged.append(_Shape.of(record))
            return False
        return True

    def _fits(self, record: Record) -> bool:
        """Return whether a record has all named fields, and no value beyond the header."""
        count = len(record.fields)
        if count < self.width:
            return set(range(count, self.width)) <= set(self.nameless)
        return count == self.width or _filled_width(record) <= self.width

    def _in_width(self, record: Record) -> Record:
        """Return a record that fits, as wide as the header."""
        fields = record.fields
        if len(fields) > self.width:
            self.surplus.append(_Shape.of(record))
        fields[self.width :] = [""] * (self.width - len(fields))
        return record

    def _blank_rows(self) -> Flags:
        """Return which rows hold nothing but blanks."""
        blank = np.ones(len(self.numbers), dtype=bool)
        for column in self.columns:
            blank &= _blanks(column)
            if not blank.any():
                break
        return blank

    def _leave_out(self, rows: Flags) -> None:
        if rows.any():
            self.numbers = self.numbers[~rows]
            self.columns = [Coded.of(column.cells[~rows]) for column in self.columns]

    def _cut(self, last: int) -> None:
        """Leave out everything below this line."""
        self._leave_out(self.numbers > last)
        self.quotes = [(line, make) for line, make in self.quotes if line <= last]
        self.ragged = [shape for shape in self.ragged if shape.line <= last]
        self.surplus = [shape for shape in self.surplus if shape.line <= last]

    @property
    def split(self) -> list[_Shape]:
        """The records with a surplus, among others without, that begin a field with a blank."""
        if len(self.surplus) == len(self.numbers):
            return []
        return [shape for shape in self.surplus if shape.spaced]

    @property
    def all_alike(self) -> bool:
        """Whether no record fits, and all of them have the same number of fields."""
        several = not len(self.numbers) and len(self.ragged) > 1
        return several and len({shape.fields for shape in self.ragged}) == 1

    def strays(self, origin: Origin) -> dict[int, Origin]:
        """Return the place of the first value of each column without a name."""
        found = {}
        for index in self.nameless:
            filled = np.flatnonzero(~_blanks(self.columns[index]))
            if len(filled):
                found[index] = _field_origin(origin, int(self.numbers[filled[0]]), index)
        return found

    def without_notes(self, origin: Origin) -> list[Finding]:
        """Leave out the notes right of the list, and return the finding about them."""
        strays = self.strays(origin)
        named = set(range(self.width)) - set(self.nameless)
        first = first_note(strays, max(named, default=-1))
        if first is None:
            return []
        self.nameless = tuple(index for index in self.nameless if index < first)
        self.columns = self.columns[:first]
        self._leave_out(self._blank_rows())
        return [found("notes-beside", strays[first])]

    def surplus_notes(self, origin: Origin) -> list[Finding]:
        """Return a warning where some rows have empty fields beyond the header, and others not."""
        if not self.surplus or len(self.surplus) == len(self.numbers):
            return []
        places = [origin.at(row=shape.line) for shape in self.surplus]
        return [found("row-surplus", places[0], related=places[1:_RELATED], count=len(places))]


def _blanks(column: Coded) -> Flags:
    """Return which rows hold nothing but blanks in a column."""
    # Almost all values begin with a letter or a digit, which is quick to see.
    values = enumerate(column.values)
    suspects = (pair for pair in values if not (pair[1].isascii() and pair[1][:1].isalnum()))
    blank = [number for number, text in suspects if not strip_blanks(text)]
    return np.isin(column.codes, blank) if blank else np.zeros(len(column.codes), dtype=bool)


def _otherwise_wide(
    header: Record, names: Sequence[str], delimiter: str, origin: Origin
) -> Finding:
    return found(
        "row-ragged",
        origin.at(row=header.line),
        case="named",
        fields=len(header.fields),
        delimiter=CALLED[delimiter],
        names=len(names),
    )


def _holds_text(record: Record | BrokenRecord) -> bool:
    if isinstance(record, BrokenRecord):
        return True
    # Almost all rows begin with a value, which is quick to see.
    first = record.fields[0] if record.fields else ""
    return (first.isascii() and first.isalnum()) or bool(strip_blanks("".join(record.fields)))


def _field_origin(origin: Origin, line: int, index: int) -> Origin:
    return origin.at(row=line, position=index + 1)


def _filled_width(record: Record) -> int:
    """Return the number of fields up to the last one that holds anything."""
    width = len(record.fields)
    while width and not strip_blanks(record.fields[width - 1]):
        width -= 1
    return width


def _ragged(
    shape: _Shape, width: int, delimiter: str, origin: Origin, *, all_alike: bool
) -> Finding:
    if shape.fields < width:
        case = "short"
    elif all_alike:
        case = "alike"
    else:
        case = "quotes" if shape.other_quotes else "long"
    return found(
        "row-ragged",
        origin.at(row=shape.line),
        case=case,
        fields=shape.fields,
        width=width,
        delimiter=CALLED[delimiter],
    )


def _late_quotes(record: Record, *, strict: bool) -> list[int]:
    """Return the fields with a blank before the quotation mark that opens their value.

    The marks would become part of the value, and a delimiter between them has split it. In a record
    of the right width (`strict`) there has to be one that closes, in the same field or a later one.
    """
    closed = max((n for n, field in enumerate(record.fields) if _closes(field)), default=-1)
    return [
        index
        for index, field in enumerate(record.fields)
        if _LATE_QUOTE.fullmatch(field) and (not strict or index <= closed)
    ]


def _broken(broken: BrokenRecord, lines: Lines, origin: Origin) -> Finding:
    return broken_finding(broken, origin, lines[broken.line - 1])


def _closes(field: str) -> bool:
    return strip_blanks(field).endswith('"')


def _late_quote(place: Origin) -> Finding:
    return found("row-quotes", place, case="blank-before")


def _with_delimiter(problem: Finding, better: str | None, wanted: WantedColumns) -> Finding:
    if problem.code != "column-missing" or better is None:
        return problem
    named = tuple(sorted(wanted.named))
    return found("column-missing", problem.origin, case="delimiter", wanted=named, delimiter=better)
