"""The rows of one source, in the one form that all kinds of sources give them."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import field, replace
from functools import cached_property, partial
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kanport.coded import Coded, Flags, LazySequence, Objects, objects
from kanport.facts import Fact, fact
from kanport.findings import Finding
from kanport.origin import Origin, RowPlace, place_order
from kanport.records import dataclass

Cell = str | tuple[str, ...]
"""An empty cell is the empty string; a cell is a tuple where a source has several values."""

Place = Mapping[str, int | str]
"""What the origin of a cell says of its column."""

_NOWHERE: Mapping[str, Any] = {}
_PLAIN: Mapping[str, Any] = {}

ACTIVE = "active"
"""The column of a directory that says whether an account is active, by the rules of the source."""

UNPROVEN, LOST = "absence-unproven", "absence-since"
ABSENCES = frozenset({UNPROVEN, LOST})
"""The codes of a cell that is empty because its attribute is not there, or only hidden.

UNPROVEN: the directory could prove it, and does not. LOST: it cannot, and the entry had one.
"""


STRAY = frozenset({"row-header", "row-total", "row-undecided"})
"""The codes of errors about rows that are none of the list (`Table.strays`)."""


# A key escapes a backslash, a comma and a plus, each as two hexadecimal digits.
_ESCAPED = re.compile(r"\\(5c|2c|2b)")


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


class Odd(NamedTuple):
    """Why a cell is not plain text.

    The fact becomes a finding only where the mapping uses the cell: an error cell in a column that
    nobody reads is nobody's business. `value` is what to show; it is None where nothing can be.
    `names` is True where it matters only if the cell is the name or the id of a person, a group or
    a project.
    """

    fact: Fact
    value: str | None = None
    names: bool = False

    @property
    def code(self) -> str:
        """The code of the finding."""
        return self.fact.code

    @classmethod
    def unproven(cls, attribute: str, code: str = UNPROVEN) -> "Odd":
        """Return why a cell is unknown whose attribute may only be hidden from the bind account."""
        return cls(fact(code, case="cell", attribute=attribute), attribute)


class DirectoryEntry(NamedTuple):
    """The entry of a directory that a row is about.

    `directory` names the directory in each way that is known: by its servers, and by what it is
    and holds; two sets that share a name are one directory. `key` is the DN as every server
    compares it, `id` the id that the server gives to an entry for good, empty where it shows none.
    `by_login` is True where a group lists the login and not the entry, `outside` where the entry
    does not lie below the base of its source, `locked` where such an entry is surely locked.
    `twins` are the keys of all entries with the login that a group lists, where it is not known
    which of them is meant.
    """

    directory: frozenset[str]
    key: str
    dn: str
    id: str = ""
    by_login: bool = False
    outside: bool = False
    locked: bool = False
    twins: frozenset[str] = frozenset()

    @property
    def rdn(self) -> dict[str, str]:
        """What the first name of its DN tells, by attribute type, in the case of its key.

        >>> DirectoryEntry(frozenset(), "cn=smith\\\\2c jo+uid=jo,dc=x", "").rdn
        {'cn': 'smith, jo', 'uid': 'jo'}
        """
        first, _, _ = self.key.partition(",")
        pairs = (part.partition("=") for part in first.split("+"))
        return {kind: _ESCAPED.sub(_unescaped, value) for kind, _, value in pairs}

    def is_of(self, other: "DirectoryEntry") -> bool:
        """Return whether both are of one directory, so that they can be compared."""
        return not self.directory.isdisjoint(other.directory)

    def is_same(self, other: "DirectoryEntry") -> bool:
        """Return whether both are one entry; its id counts more than its DN, which can change."""
        kind, _, own = self.id.partition("=")
        other_kind, _, others = other.id.partition("=")
        if own and kind == other_kind:
            return own == others
        return self.is_of(other) and self.key == other.key


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its place, its values by column, and what is odd about single cells.

    `places` holds what the origin of each column says besides its name. `entry` is what a row of a
    directory is about.
    """

    origin: Origin
    values: Mapping[str, Cell] = field(repr=False)
    places: Mapping[str, Place] = field(default_factory=dict)
    odd: Mapping[str, Odd] = field(default_factory=dict)
    entry: DirectoryEntry | None = None

    def place(self, column: str) -> Origin:
        """Return the origin of the value in this column."""
        return _cell_origin(self.origin, column, self.places.get(column, _NOWHERE))


def _cell_origin(origin: Origin, column: str, place: Mapping[str, Any]) -> Origin:
    # Field by field: this is called for each cell that is read, and `at` is slow.
    cell = place.get("cell")
    if cell is not None and origin.row is not None:
        cell = f"{cell}{origin.row}"
    return Origin(
        origin.source,
        origin.file,
        origin.sheet,
        origin.row,
        column,
        place.get("position", origin.position),
        cell or origin.cell,
        place.get("dn", origin.dn),
        place.get("attribute", origin.attribute),
    )


@dataclass(frozen=True, slots=True)
class Scope:
    """What a source names even where no row does, such as a group without members.

    Its row has only the columns of the scope. `open` is True where not everybody in it is known, so
    that nobody may be said to be missing from it. `inner` are the DNs of the groups in a group, at
    any depth.
    """

    row: Row
    open: bool = False
    inner: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """Somebody of whom a directory does not show everything.

    `row` has what is known of them; the cells of all other columns are odd. `absent` is True where
    the entry itself is not shown, so that there is no row of this person, and False where only the
    groups that they are in are unknown.
    """

    row: Row
    absent: bool = True


@dataclass(frozen=True, slots=True)
class DirectoryInfo:
    """What a directory tells besides its rows; it is compared with the last good run.

    `asked` are the attributes that decide a computed column (`active`), `seen` those of them that
    some entry has, `proven` those that every entry without them provably lacks. `proves` is True
    where the server was asked for such proof of each absence; elsewhere `holders` are the entries
    that have one of the attributes asked for, and `absent` those that provably lack one, by
    attribute, as `entry_key` gives them. `referrals` are the places that other servers have,
    `server` is the one that answered, of `servers` in their order. `marks` and `newest` say how new
    its data are (`kanport.sources.ldap.search`), `older` says why they may be older than those
    of the last good run. `sure` is False where the source is not as in the last good run, so that
    this run does not count as one.
    """

    asked: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    proven: frozenset[str] = frozenset()
    proves: bool = False
    referrals: frozenset[str] = frozenset()
    server: str = ""
    servers: tuple[str, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    newest: str = ""
    older: str = ""
    holders: Mapping[str, frozenset[str]] = field(default_factory=dict)
    absent: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sure: bool = True


class FileRead(NamedTuple):
    """One of several files of a source: its path, digest, bytes and time of its last change."""

    path: str
    sha256: str
    size: int
    modified_at: str


@dataclass(frozen=True, eq=False)
class Table:
    """All rows of one source as a frame, with their places and what was found on reading.

    `frame` has a column of text (or of tuples, where a source has several values) for each header,
    its rows in the order of their places. `numbers` are the lines of the rows in the file, 0 where
    a source has none. `origin` is the place of the whole source, `places` what the origin of each
    column says besides its name, and `odd` what is odd about cells: by column, then by the number
    of the row in the frame. `origins` are the places of the rows where their numbers do not say
    them, and `own_places` the places of columns in rows that differ from the others. `entries` is
    what each row of a directory is about; it is empty for other sources.

    `sha256` and `size` (in bytes) are those of the file as it was read, so that a plan can be
    bound to it; of a directory, those of what was read in a fixed order. `scopes` are what the
    source names besides its rows, `unread` whom it does not show, `directory` what it
    tells besides. `partial` is True where rows
    were left out on purpose, so that what is not there proves nothing. `headers` are the places of
    the columns' headers, where the source has such (of several files, those of the first one), and
    `header_rows` the row of the headers in each file. `modified_at` is when a file was changed last
    (UTC, RFC 3339); a directory has no such time. `people` are the people below the base of a
    directory, where groups list others as well: what they are called is nobody else's name.
    `strays` are rows that are none of the list, such as a total below it; each has an error.
    `files` are the files that the rows come from if there are several; `path` is then the pattern.
    """

    source: str
    kind: str
    path: str
    frame: pd.DataFrame = field(repr=False)
    numbers: NDArray[np.intp] = field(repr=False)
    origin: Origin
    places: Mapping[str, Place] = field(default_factory=dict)
    odd: Mapping[str, Mapping[int, Odd]] = field(default_factory=dict)
    origins: Sequence[Origin] = field(default=(), repr=False)
    own_places: Mapping[int, Mapping[str, Place]] = field(default_factory=dict, repr=False)
    entries: Sequence[DirectoryEntry | None] = field(default=(), repr=False)
    sha256: str = ""
    size: int = 0
    findings: tuple[Finding, ...] = ()
    scopes: tuple[Scope, ...] = ()
    unread: tuple[Unread, ...] = ()
    partial: bool = False
    headers: Mapping[str, Origin] = field(default_factory=dict)
    header_rows: Mapping[str, int] = field(default_factory=dict)
    modified_at: str = ""
    people: tuple[Row, ...] = ()
    strays: tuple[Row, ...] = ()
    directory: DirectoryInfo | None = None
    files: tuple[FileRead, ...] = ()
    _coded: dict[str, Coded] = field(default_factory=dict, repr=False)

    @classmethod
    def of_rows(
        cls,
        source: str,
        kind: str,
        path: str,
        columns: Sequence[str],
        rows: Iterable[Row],
        **facts: Any,
    ) -> Self:
        """Return the table of these rows, in the order of their places; `facts` are its fields."""
        parts = _parts_of(Origin(source, file=path), columns, rows)
        return cls(source=source, kind=kind, path=path, **parts, **facts)

    @classmethod
    def of_columns(cls, coded: Mapping[str, Coded], **facts: Any) -> Self:
        """Return the table of these columns; `facts` are its other fields."""
        frame = frame_of({name: column.cells for name, column in coded.items()})
        return cls(frame=frame, _coded=dict(coded), **facts)

    def with_rows(self, rows: Iterable[Row]) -> Self:
        """Return the table with other rows of the same columns."""
        parts = _parts_of(Origin(self.source, file=self.path), self.columns, rows)
        return replace(self, **parts, _coded={})

    def only(self, rows: Flags) -> Self:
        """Return the table with these rows alone, each with its place and entry."""
        kept = np.flatnonzero(rows)
        number_of = {old: new for new, old in enumerate(kept.tolist())}
        return replace(
            self,
            frame=frame_of({column: cells[kept] for column, cells in self.cells.items()}),
            numbers=self.numbers[kept],
            odd={
                column: {number_of[at]: why for at, why in cells.items() if at in number_of}
                for column, cells in self.odd.items()
            },
            origins=[self.origins[at] for at in number_of] if self.origins else (),
            own_places={
                number_of[at]: places for at, places in self.own_places.items() if at in number_of
            },
            entries=[self.entries[at] for at in number_of] if self.entries else (),
            _coded={},
        )

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.frame.columns)

    @property
    def whole(self) -> Origin:
        """The place of the whole table: its file and sheet, without a row."""
        return self.origin if len(self.numbers) else Origin(self.source, file=self.path)

    @property
    def rows(self) -> "Rows":
        """The rows as objects, each made when it is asked for."""
        return Rows(self)

    def row(self, number: int) -> Row:
        """Return the row with this number in the frame."""
        return Row(
            self.row_origin(number),
            {column: cells[number] for column, cells in self.cells.items()},
            self.own_places.get(number, self.places),
            self._odd_by_row.get(number, _PLAIN),
            self.entries[number] if self.entries else None,
        )

    def row_origin(self, number: int) -> Origin:
        """Return the place of the row with this number in the frame."""
        if self.origins:
            return self.origins[number]
        whole = self.origin
        return Origin(whole.source, whole.file, whole.sheet, int(self.numbers[number]))

    def maybe_in(self, rows: Set[RowPlace]) -> NDArray[np.bool_]:
        """Return which rows may be among these, or have a column whose place is; no others are."""
        lines = {row.row for row in rows if row.row is not None}
        if not self.origins:
            return np.isin(self.numbers, list(lines))
        dns = {row.dn for row in rows if row.dn is not None}
        # Rows of one group share their places.
        shared = {id(places): places for places in (self.places, *self.own_places.values())}
        near = {
            key
            for key, places in shared.items()
            if any(place.get("dn") in dns for place in places.values())
        }
        return np.array(
            [
                origin.row in lines
                or origin.dn in dns
                or id(self.own_places.get(number, self.places)) in near
                for number, origin in enumerate(self.origins)
            ],
            dtype=bool,
        )

    def place(self, number: int, column: str) -> Origin:
        """Return the origin of the cell in this row and column."""
        return self.places_in(column)(number)

    @cached_property
    def _places_in(self) -> dict[str, Callable[[int], Origin]]:
        return {}

    def places_in(self, column: str) -> Callable[[int], Origin]:
        """Return what returns the origin of the cell in this column of a row, by its number.

        There is a place for each of half a million changes, most of them in one column.
        """
        if column not in self._places_in:
            alike = not (self.origins or self.own_places)
            own = self._cell_places(column) if alike else partial(self._own_place, column)
            self._places_in[column] = own
        return self._places_in[column]

    def _cell_places(self, column: str) -> Callable[[int], Origin]:
        whole, number_of = self.origin, self.numbers.item
        source, file, sheet = whole.source, whole.file, whole.sheet
        place: Mapping[str, Any] = self.places.get(column, _NOWHERE)
        position, cell = place.get("position"), place.get("cell")
        dn, attribute = place.get("dn"), place.get("attribute")

        def at(number: int) -> Origin:
            row = number_of(number)
            address = None if cell is None else f"{cell}{row}"
            return Origin(source, file, sheet, row, column, position, address, dn, attribute)

        return at

    def _own_place(self, column: str, number: int) -> Origin:
        places = self.own_places.get(number, self.places)
        return _cell_origin(self.row_origin(number), column, places.get(column, _NOWHERE))

    @cached_property
    def cells(self) -> Mapping[str, Objects]:
        """The cells of each column."""
        return {column: self.frame[column].to_numpy() for column in self.columns}

    def coded(self, column: str) -> Coded:
        """Return a column by its distinct cells; they are found once."""
        if column not in self._coded:
            self._coded[column] = Coded.of(self.cells[column])
        return self._coded[column]

    @property
    def filled(self) -> tuple[str, ...]:
        """The columns that hold anything in some row."""
        if self.scopes and not len(self.numbers):
            # Groups without members: nobody is there of whom a column could be empty.
            return self.columns
        return tuple(column for column in self.columns if self._is_filled(column))

    def _is_filled(self, column: str) -> bool:
        odd = self.odd.get(column, {}).values()
        return any(self.coded(column).values) or any(one.code not in ABSENCES for one in odd)

    @cached_property
    def _odd_by_row(self) -> Mapping[int, Mapping[str, Odd]]:
        found: dict[int, dict[str, Odd]] = {}
        for column, cells in self.odd.items():
            for number, why in cells.items():
                found.setdefault(number, {})[column] = why
        return found


class Rows(LazySequence[Row]):
    """The rows of a table as objects, each made when it is asked for."""

    def __init__(self, table: Table) -> None:
        """Keep the table."""
        self._table = table

    def __len__(self) -> int:
        return len(self._table.numbers)

    def _made(self, at: int) -> Row:
        return self._table.row(at)

    def __iter__(self) -> Iterator[Row]:
        return map(self._table.row, range(len(self)))


def frame_of(columns: Mapping[str, Objects]) -> pd.DataFrame:
    """Return a frame of columns of objects, as they are."""
    frame = pd.DataFrame(dict(enumerate(columns.values())), dtype=object, copy=False)
    frame.columns = pd.Index(list(columns), dtype=object)
    return frame


def _parts_of(whole: Origin, columns: Sequence[str], rows: Iterable[Row]) -> dict[str, Any]:
    """Return the fields of a table that its rows decide; `whole` is its place if it has no row."""
    ordered = sorted(rows, key=lambda row: place_order(row.origin))
    first = ordered[0] if ordered else Row(whole, {})
    odd: dict[str, dict[int, Odd]] = {}
    for number, row in enumerate(ordered):
        for column, why in row.odd.items():
            odd.setdefault(column, {})[number] = why
    return {
        "frame": frame_of(
            {name: objects(row.values.get(name, "") for row in ordered) for name in columns}
        ),
        "numbers": np.array([row.origin.row or 0 for row in ordered], dtype=np.intp),
        "origin": Origin(first.origin.source, first.origin.file, first.origin.sheet),
        "places": first.places,
        "odd": odd,
        "origins": tuple(row.origin for row in ordered),
        "own_places": {
            number: row.places for number, row in enumerate(ordered) if row.places != first.places
        },
        "entries": tuple(row.entry for row in ordered)
        if any(row.entry is not None for row in ordered)
        else (),
    }


def entry_key(row: Row) -> str:
    """Return what an entry of a directory is remembered by: a hash of its id, else of its DN."""
    known = row.values.get("id")
    text = known if isinstance(known, str) and known else (row.origin.dn or "").casefold()
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
