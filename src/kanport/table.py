"""The rows of one source, in the one form that all kinds of sources give them."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kanport.facts import Fact
from kanport.findings import Finding
from kanport.origin import Origin

_NOWHERE: Mapping[str, Any] = {}

UNPROVEN, LOST = "absence-unproven", "absence-since"
ABSENCES = frozenset({UNPROVEN, LOST})
"""The codes of a cell that is empty because its attribute is not there, or only hidden.

UNPROVEN: the directory could prove it, and does not. LOST: it cannot, and the entry had one.
"""


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


class DirectoryEntry(NamedTuple):
    """The entry of a directory that a row is about.

    `directory` names the directory in each way that can be told: by its servers, and by what it is
    and holds; two sets that share a name are one directory. `key` is the DN as every server
    compares it, `id` the id that the server gives to an entry for good, empty where it shows none.
    `by_login` is True where a group lists the login and not the entry, `outside` where the entry
    does not lie below the base of its source, `locked` where such an entry is surely locked.
    """

    directory: frozenset[str]
    key: str
    dn: str
    id: str = ""
    by_login: bool = False
    outside: bool = False
    locked: bool = False

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

    An empty cell is the empty string. A value is a tuple where the source has several values for
    one attribute. `places` gives the origin of each column. `entry` is what a row of a directory
    is about.
    """

    origin: Origin
    values: Mapping[str, str | tuple[str, ...]] = field(repr=False)
    places: Mapping[str, Mapping[str, int | str]] = field(default_factory=dict)
    odd: Mapping[str, Odd] = field(default_factory=dict)
    entry: DirectoryEntry | None = None

    def place(self, column: str) -> Origin:
        """Give the origin of the value in this column."""
        # Field by field: this is called for each cell that is read, and `at` is slow.
        place: Mapping[str, Any] = self.places.get(column, _NOWHERE)
        origin, cell = self.origin, place.get("cell")
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
    """What a source speaks of even where no row does, such as a group without members.

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
class Directory:
    """What a directory tells besides its rows; it is compared with the last good run.

    `asked` are the attributes that decide a computed column (`active`), `seen` those of them that
    some entry has, `proven` those that every entry without them provably lacks. `proves` is True
    where the server was asked for such proof of each absence; elsewhere `holders` are the entries
    that have one of the attributes asked for, and `absent` those that provably lack one, by
    attribute, as `entry_key` gives them. `referrals` are the places that other servers have,
    `server` is the one that answered, of `servers` in their order. `marks` and `newest` say how new
    its data are (`kanport.sources.ldap.freshness`), `older` says why they may be older than those
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


@dataclass(frozen=True, slots=True)
class Table:
    """All rows of one source, with its columns, fingerprint and what was found on reading.

    `sha256` and `size` (in bytes) are those of the file as it was read, so that a plan can be
    bound to it; of a directory, those of what was read in a fixed order. `scopes` are what the
    source speaks of besides its rows, `unread` whom it does not show, `directory` what it
    tells besides. `partial` is True where rows
    were left out on purpose, so that what is not there proves nothing. `headers` are the places of
    the columns' headers, where the source has such. `modified_at` is when a file was changed last
    (UTC, RFC 3339); a directory has no such time. `people` are the people below the base of a
    directory, where groups list others as well: what they are called is nobody else's name.
    `strays` are rows that are none of the list, such as a total below it; each has an error.
    """

    source: str
    kind: str
    path: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    sha256: str = ""
    size: int = 0
    findings: tuple[Finding, ...] = ()
    scopes: tuple[Scope, ...] = ()
    unread: tuple[Unread, ...] = ()
    partial: bool = False
    headers: Mapping[str, Origin] = field(default_factory=dict)
    modified_at: str = ""
    people: tuple[Row, ...] = ()
    strays: tuple[Row, ...] = ()
    directory: Directory | None = None

    @property
    def filled(self) -> tuple[str, ...]:
        """The columns that hold anything in some row."""
        if self.scopes and not self.rows:
            # Groups without members: nobody is there of whom a column could be empty.
            return self.columns
        empty = dict.fromkeys(self.columns)
        for row in self.rows:
            if not empty:
                break
            for column in [name for name in empty if row.values.get(name) or _is_odd(row, name)]:
                del empty[column]
        return tuple(column for column in self.columns if column not in empty)


def entry_key(row: Row) -> str:
    """Return what an entry of a directory is remembered by: a hash of its id, else of its DN."""
    known = row.values.get("id")
    text = known if isinstance(known, str) and known else (row.origin.dn or "").casefold()
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _is_odd(row: Row, column: str) -> bool:
    return column in row.odd and row.odd[column].code not in ABSENCES
