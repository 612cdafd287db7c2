"""The last step of every file reader: headers and raw columns become a `Table` of clean text.

Collects findings without drowning in them, finds the columns that the mapping reads, and marks
cells that a spreadsheet has changed.
"""

import difflib
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kanport.coded import Coded
from kanport.facts import fact
from kanport.findings import Finding, finding, found
from kanport.mapping.sources import FileSource
from kanport.names import normalize as in_form
from kanport.origin import Origin
from kanport.records import dataclass
from kanport.rules import strip_blanks
from kanport.sources.cells import Cleaned, change_notes, clean_column, odd_text
from kanport.sources.file import FileBytes, refused, shown_path
from kanport.spreadsheet import converted, stray_rows, unwrapped
from kanport.table import FileRead, Odd, Place, Row, Table

MAX_PER_CODE = 1_000
"""Number of findings of one code that are kept; more would repeat one mistake."""


class Problems:
    """Findings in order of arrival; beyond a limit, Kanport only counts them."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._seen: Counter[str] = Counter()

    def add(self, code: str, make: Callable[[], Finding]) -> None:
        """Add a finding of this code; make it only if there is room."""
        self._seen[code] += 1
        if self._seen[code] <= MAX_PER_CODE:
            self._kept.append(make())

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        for one in findings:
            self.add(one.code, lambda kept=one: kept)  # type: ignore[misc]

    def all(self, origin: Origin) -> list[Finding]:
        """Return the collected findings; `origin` is that of the finding that counts the rest."""
        rest = [
            found(code, origin, case="more", count=seen - MAX_PER_CODE)
            for code, seen in sorted(self._seen.items())
            if seen > MAX_PER_CODE
        ]
        return self._kept + rest


def too_many(max_rows: int, origin: Origin) -> Finding:
    """Return the finding for a source with more rows than the mapping allows."""
    return found("file-too-large", origin, case="rows", most=max_rows)


# --- the headers of a table: which columns there are, and whether they are distinct ---------------

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class WantedColumns:
    """The columns that the mapping may read of a source (None: any), and the secret ones."""

    columns: frozenset[str] | None
    secret: frozenset[str]

    @property
    def named(self) -> frozenset[str]:
        """All columns that the mapping names."""
        return (self.columns or frozenset()) | self.secret

    def uses(self, name: str) -> bool:
        """Whether the mapping may read this column."""
        return self.columns is None or name in self.columns or name in self.secret


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column with a header: its index in the file, from 0, and its name."""

    index: int
    name: str
    used: bool
    secret: bool


def header_text(text: str) -> str:
    r"""Return a header as a mapping writes it: one line, no blanks at the ends, composed.

    >>> header_text(" Access\n level\u00a0")
    'Access level'
    """
    line = strip_blanks(in_form("NFC", re.sub(r"\s*[\r\n]\s*", " ", text)))
    return strip_blanks(unwrapped(line))


def header_key(text: str) -> str:
    """Return the text under which two headers are the same for a reader.

    >>> header_key("Ｎame ") == header_key("name")
    True
    """
    return strip_blanks(in_form("NFKC", header_text(text)).casefold())


def columns_of(texts: Sequence[str], wanted: WantedColumns) -> list[SourceColumn]:
    """Return the columns with a header, called as the mapping spells them where it names them."""
    spelled = {header_text(name): name for name in sorted(wanted.named)}
    columns = []
    for index, text in enumerate(texts):
        header = header_text(text)
        if header:
            name = spelled.get(header, header)
            columns.append(SourceColumn(index, name, wanted.uses(name), name in wanted.secret))
    return columns


def header_problems(
    columns: Sequence[SourceColumn], wanted: WantedColumns, origin_of: Callable[[int], Origin]
) -> list[Finding]:
    """Return findings for headers that occur twice, and for a first line that is no header.

    `origin_of` gives the place of the header by its index.
    """
    keys = {header_key(column.name) for column in columns}
    named = wanted.named
    if named and not any(header_key(name) in keys for name in named):
        return [_no_header(columns, wanted, origin_of(0).at(position=None, cell=None))]
    first: dict[str, SourceColumn] = {}
    problems = []
    for column in columns:
        same = first.setdefault(header_key(column.name), column)
        if same is not column:
            problems.append(
                found(
                    "header-duplicate",
                    origin_of(column.index),
                    related=(origin_of(same.index),),
                    column=shortened(column.name),
                )
            )
    return problems


def first_note(strays: Collection[int], last: int) -> int | None:
    """Return the first column of the notes right of a list; None without any.

    An empty column separates notes from the list; a column next to the list may lack its header.
    `strays` are the columns with values and without a header, `last` is the last one with a header.
    """
    apart = (number for number in sorted(strays) if number > last + 1 and number - 1 not in strays)
    return next(apart, None)


def headless(strays: Mapping[int, Origin]) -> list[Finding]:
    """Return the findings for columns that hold values and have no header, by their first value."""
    return [found("header-empty", origin) for _, origin in sorted(strays.items())]


def shortened(name: str) -> str:
    """Return a name as a finding shows it: a header may be as long as a cell."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def closest(word: str, known: Collection[str]) -> str | None:
    """Return the known word that is nearest, or None if none is near."""
    folded = {header_key(other): other for other in known}
    close = difflib.get_close_matches(header_key(word), folded, n=1)
    return folded[close[0]] if close else None


def _no_header(columns: Sequence[SourceColumn], wanted: WantedColumns, origin: Origin) -> Finding:
    named = tuple(sorted(wanted.named))
    if wanted.secret:
        # Without a header the first line is somebody's row, with a password in it.
        return found("column-missing", origin, case="unshown", wanted=named)
    there = tuple(map(shortened, (column.name for column in columns)))
    near = tuple(close for name in named if (close := closest(name, there)))
    case = "near" if near else "header"
    return found("column-missing", origin, case=case, wanted=named, headers=there, alike=near)


# --- cells as a file has them, made into the rows of a table: the same for every kind of file -----


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of all columns with a header.

    `numbers` are the rows' lines in the file; `cells` holds each column, in the order of
    `columns`; `odd` says what is odd about a cell, by the number of its row and of its column,
    both from 0. `place_of` gives what the origin of a column says besides its name, and `header` is
    the line of the headers. `spreadsheet` is True where a spreadsheet may have changed the texts.
    `strays` has an error for each row that is none of the list, by its number from 0.
    """

    columns: Sequence[SourceColumn]
    numbers: Sequence[int] | NDArray[np.intp]
    cells: Sequence[Coded]
    place_of: Callable[[SourceColumn], Place]
    header: int
    odd: Mapping[tuple[int, int], Odd] = field(default_factory=dict)
    spreadsheet: bool = False
    strays: Mapping[int, Finding] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether no row is one of the list."""
        return len(self.strays) == len(self.numbers)


def with_strays(grid: Grid, origin: Origin) -> Grid:
    """Return the grid with an error for each header or total among its rows."""
    if not grid.spreadsheet:
        return grid
    used = [n for n, column in enumerate(grid.columns) if column.used and not column.secret]
    shown = [n for n, column in enumerate(grid.columns) if not column.secret]
    names = [grid.columns[number].name for number in shown]
    looked_at = [at for at, number in enumerate(shown) if number in used]
    found = {}
    for stray in stray_rows(names, [grid.cells[number] for number in shown], looked_at):
        column = grid.columns[shown[stray.column]]
        row = Row(
            origin.at(row=int(grid.numbers[stray.row])), {}, {column.name: grid.place_of(column)}
        )
        found[stray.row] = finding(stray.why, row.place(column.name), value=stray.value)
    return replace(grid, strays=found) if found else grid


_UNIT = re.compile(r"\(.*\)|\[.*\]", re.DOTALL)


def without_units(grid: Grid, origin: Origin) -> tuple[Grid, list[Finding]]:
    """Return the grid without a row below the headers that has only units or hints, with a note.

    Each of its values is in brackets, such as `(text)` or `[dd.mm.yyyy]`, and it has at least two.
    """
    if not grid.spreadsheet or not len(grid.numbers):
        return grid, []
    first = [strip_blanks(column.at(0)) for column in grid.cells]
    filled = [text for text in first if text]
    if len(filled) < 2 or not all(map(_UNIT.fullmatch, filled)):
        return grid, []
    row = int(grid.numbers[0])
    note = found("rows-filtered", origin.at(row=row), case="units", count=1)
    return _part(grid, {0}, stray=False), [note]


def headers_of(grid: Grid, origin: Origin) -> dict[str, Origin]:
    """Return the places of the headers, by column."""
    places = {column.name: grid.place_of(column) for column in grid.columns}
    row = Row(origin.at(row=grid.header), {}, places)
    return {name: row.place(name) for name in places}


def table_of(
    grid: Grid,
    origin: Origin,
    file: FileBytes,
    spec: FileSource,
    *,
    findings: Iterable[Finding] = (),
    **facts: Any,
) -> Table:
    """Return the table of a grid with clean cells; `findings` come before those of cleaning.

    Rows that are none of the list are kept apart, so that they say nothing of its columns either.
    """
    strays: tuple[Row, ...] = ()
    kept = grid
    if grid.strays:
        kept = _part(grid, grid.strays, stray=False)
        left, _ = _cleaned(_part(grid, grid.strays, stray=True), origin)
        strays = tuple(Table.of_columns(**left, source="", kind="", path="").rows)
    cleaned, found = _cleaned(kept, origin)
    return Table.of_columns(
        **cleaned,
        source=origin.source,
        kind=spec.type,
        path=spec.path,
        strays=strays,
        sha256=file.sha256,
        modified_at=file.modified_at,
        size=len(file.data),
        findings=(*findings, *grid.strays.values(), *found),
        header_rows={origin.file or "": grid.header},
        **facts,
    )


def _part(grid: Grid, strays: Collection[int], *, stray: bool) -> Grid:
    """Return the grid with only the rows that are strays, or only those that are not."""
    kept = np.array([row for row in range(len(grid.numbers)) if (row in strays) is stray], np.intp)
    place = {row: number for number, row in enumerate(kept.tolist())}
    odd = {(place[row], at): found for (row, at), found in grid.odd.items() if row in place}
    return replace(
        grid,
        numbers=np.asarray(grid.numbers)[kept],
        cells=[Coded.of(column.cells[kept]) for column in grid.cells],
        odd=odd,
        strays={},
    )


def _cleaned(grid: Grid, origin: Origin) -> tuple[dict[str, Any], list[Finding]]:
    """Return what a table holds of the rows of a grid, and what was found on cleaning them."""
    places = {column.name: grid.place_of(column) for column in grid.columns}
    numbers = np.asarray(grid.numbers, dtype=np.intp)
    odd: dict[str, dict[int, Odd]] = {}
    for (row, number), cell in grid.odd.items():
        column = grid.columns[number]
        odd.setdefault(column.name, {})[row] = _unshown(cell) if column.secret else cell
    coded: dict[str, Coded] = {}
    findings: list[Finding] = []
    for column, cells in zip(grid.columns, grid.cells, strict=True):
        spreadsheet = grid.spreadsheet and column.used
        cleaned = (
            _secret_column(cells, spreadsheet=spreadsheet)
            if column.secret
            else clean_column(cells, spreadsheet=spreadsheet)
        )
        coded[column.name] = cleaned.cells
        if cleaned.odd:
            odd[column.name] = {**cleaned.odd, **odd.get(column.name, {})}
        if column.used and (cleaned.trimmed or cleaned.composed or cleaned.unwrapped):
            place = partial(_place, origin, numbers, column.name, places[column.name])
            findings.extend(change_notes(cleaned, column.name, place))
    facts = {
        "coded": coded,
        "numbers": numbers,
        "origin": origin,
        "places": places,
        "odd": odd,
    }
    return facts, findings


def _place(origin: Origin, numbers: NDArray[np.intp], name: str, place: Place, row: int) -> Origin:
    return Row(origin.at(row=int(numbers[row])), {}, {name: place}).place(name)


def _secret_column(cells: Coded, *, spreadsheet: bool) -> Cleaned:
    """Leave the cells as they are; what a spreadsheet has made of a password is none all the same.

    An `="…"` round a password is refused and not taken away: it may be part of it.
    """
    odd: dict[int, Odd] = {}
    for row, text in enumerate(cells.cells):
        found = odd_text(text) if text else None
        if found is not None and found.code == "cell-error":
            odd[row] = _unshown(found)
        elif spreadsheet and text and (converted(text) or unwrapped(text) != text):
            odd[row] = Odd(fact("cell-converted", case="secret"))
    return Cleaned(cells, odd=odd)


def _unshown(odd: Odd) -> Odd:
    """Leave out of the trouble all that could say what stands in a secret cell."""
    return Odd(fact(odd.code, case="secret"))


# --- several files of one shape ------------------------------------------------------------------


def joined(source: str, spec: FileSource, tables: Sequence[Table], base: Path) -> Table:
    """Return the rows of several files of one shape as one table.

    Its digest follows from those of the files. Raises SourceInvalid where the columns differ, and
    for more rows than one file may have.
    """
    first = tables[0]
    for table in tables[1:]:
        if set(table.columns) != set(first.columns):
            more = sorted(set(table.columns) - set(first.columns))
            less = sorted(set(first.columns) - set(table.columns))
            place = Origin(source, file=table.whole.file)
            finding = found(
                "files-differ",
                place,
                case="more" if more else "less",
                columns=tuple(more or less),
                count=len(more or less),
                first=first.whole.file,
            )
            raise refused([finding], place)
    if sum(len(table.numbers) for table in tables) > spec.max_rows:
        place = Origin(source, file=shown_path(base / spec.path))
        raise refused([too_many(spec.max_rows, place)], place)
    digest = hashlib.sha256()
    for table in tables:
        digest.update(f"{table.path}\0{table.sha256}\n".encode("utf-8", "surrogatepass"))
    made = Table.of_rows(
        source,
        first.kind,
        spec.path,
        first.columns,
        chain.from_iterable(table.rows for table in tables),
        sha256=digest.hexdigest(),
        size=sum(table.size for table in tables),
        findings=tuple(chain.from_iterable(table.findings for table in tables)),
        partial=any(table.partial for table in tables),
        headers=first.headers,
        header_rows=dict(chain.from_iterable(table.header_rows.items() for table in tables)),
        modified_at=max(table.modified_at for table in tables),
        strays=tuple(chain.from_iterable(table.strays for table in tables)),
        files=tuple(
            FileRead(table.path, table.sha256, table.size, table.modified_at) for table in tables
        ),
    )
    return replace(made, origin=Origin(source, file=shown_path(base / spec.path)))
