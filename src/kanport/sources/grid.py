"""Cells as a file has them, made into the rows of a table: the same for every kind of file."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kanport.coded import Coded
from kanport.facts import fact
from kanport.findings import Finding, finding
from kanport.mapping.spec import CsvSource, ExcelSource, YamlSource
from kanport.origin import Origin
from kanport.sources.cells import Cleaned, changes_told, clean_column, odd_text
from kanport.sources.file_bytes import FileBytes
from kanport.sources.header import Column
from kanport.spreadsheet import converted, stray_rows, unwrapped
from kanport.table import Odd, Place, Row, Table

FileSpec = CsvSource | ExcelSource | YamlSource


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of all columns with a header.

    `numbers` are the rows' lines in the file; `cells` holds each column, in the order of
    `columns`; `odd` says what is odd about a cell, by the number of its row and of its column,
    both from 0. `place_of` gives what the origin of a column says besides its name, and `header` is
    the line of the headers. `spreadsheet` is True where a spreadsheet may have changed the texts.
    `strays` has an error for each row that is none of the list, by its number from 0.
    """

    columns: Sequence[Column]
    numbers: Sequence[int] | NDArray[np.intp]
    cells: Sequence[Coded]
    place_of: Callable[[Column], Place]
    header: int
    odd: Mapping[tuple[int, int], Odd] = field(default_factory=dict)
    spreadsheet: bool = False
    strays: Mapping[int, Finding] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether no row is one of the list."""
        return len(self.strays) == len(self.numbers)


def with_strays(grid: Grid, origin: Origin) -> Grid:
    """Return the grid with an error for each row that is none of the list: headers and totals."""
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


def headers_of(grid: Grid, origin: Origin) -> dict[str, Origin]:
    """Give the places of the headers, by column."""
    places = {column.name: grid.place_of(column) for column in grid.columns}
    row = Row(origin.at(row=grid.header), {}, places)
    return {name: row.place(name) for name in places}


def table_of(
    grid: Grid,
    origin: Origin,
    file: FileBytes,
    spec: FileSpec,
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
    for (row, number), found in grid.odd.items():
        column = grid.columns[number]
        odd.setdefault(column.name, {})[row] = _unshown(found) if column.secret else found
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
            findings.extend(changes_told(cleaned, column.name, place))
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
