"""Entries become cells, each column from its attribute, as text; people and groups, a table."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kanport.coded import Coded, Codes, numbered, objects
from kanport.errors import SourceInvalid
from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.mapping.ldap import LdapSource
from kanport.mapping.patterns import TooSlow
from kanport.origin import Origin
from kanport.records import dataclass
from kanport.sources.ldap.attributes import MAY_BE_ABSENT, READS, choosers, judge, text_of, writers
from kanport.sources.ldap.ber import Attributes, Entry
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.names import dn_key, split_dn
from kanport.sources.ldap.search import STAMP, Directory, distinct
from kanport.table import ACTIVE, DirectoryEntry, Odd, Row, Table

GROUP = "group."
DN, ID = "dn", "id"

Cell = str | tuple[str, ...]
Places = Mapping[str, Mapping[str, int | str]]


@dataclass(frozen=True, slots=True)
class Shaped:
    """The cells of one entry, with what is odd about some, and the place of each."""

    dn: str
    values: Mapping[str, Cell]
    odd: Mapping[str, Odd]
    places: Places


@dataclass(frozen=True, slots=True)
class _Lacking:
    """The cells of an entry that lacks an attribute."""

    dn: str
    values: dict[str, Cell]
    odd: dict[str, Odd]


@dataclass(slots=True)
class Seen:
    """What was seen in all entries: the attributes, and where one of several values was taken.

    `newest` is the latest time of a change (`modifyTimestamp`), as the server writes it.
    """

    entries: int = 0
    attributes: set[str] = field(default_factory=set)
    newest: str = ""
    chosen: Counter[str] = field(default_factory=Counter)


class Shaper:
    """Makes cells of entries; `columns` are the names that the mapping uses, without any prefix.

    The columns `dn`, `id` and `active` are made, the latter two where the source has a rule for
    them; all others are attributes. `prefix` stands before each column in what is given.
    """

    def __init__(
        self,
        spec: LdapSource,
        columns: Iterable[str],
        *,
        now: datetime,
        prefix: str = "",
        stamped: bool = False,
    ) -> None:
        self._spec = spec
        self._stamped = stamped
        self._now = now
        self.columns = sorted(columns)
        self._writers = writers(spec)
        self._choosers = choosers(spec.choose)
        self._made = {DN} if prefix else {DN} | ({ID} if spec.id else set())
        if spec.active and not prefix:
            self._made.add(ACTIVE)
        self._plain = [
            (prefix + column, column.lower()) for column in self.columns if column not in self._made
        ]
        self._dn = prefix + DN if DN in self.columns else None
        self._id = spec.id if ID in self._made and ID in self.columns else None
        self._active = ACTIVE in self._made and ACTIVE in self.columns
        self._prefix = prefix
        self._places: dict[str, Places] = {}
        self._lacking: defaultdict[str, list[_Lacking]] = defaultdict(list)
        names = [name for rule in spec.active for name in READS[rule]] if self._active else []
        self._deciding = {name.lower(): name for name in names}
        self._unproven: Mapping[str, Collection[str]] = {}
        self.seen = Seen()

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes to ask for."""
        names = [column for column in self.columns if column not in self._made]
        if self._id:
            names.append(self._id)
        names += self._deciding.values()
        names += [STAMP] if self._stamped else []
        return tuple({name.lower(): name for name in names}.values())

    @property
    def plain(self) -> tuple[str, ...]:
        """The attributes that stand in columns of their own, in lower case."""
        return tuple(name for _, name in self._plain)

    @property
    def deciding(self) -> Mapping[str, str]:
        """The attributes that decide whether an account is active, by name in lower case."""
        return self._deciding

    @property
    def lacking(self) -> dict[str, frozenset[str]]:
        """The DNs of the entries without an attribute, by attribute in lower case."""
        return {
            name: frozenset(cells.dn for cells in several)
            for name, several in self._lacking.items()
        }

    def doubt(self, unproven: Mapping[str, Collection[str]]) -> None:
        """Make cells unknown whose attribute may only be hidden: DNs, by attribute in lower case.

        This holds for the entries so far and for those to come.
        """
        self._unproven = unproven
        for name, dns in unproven.items():
            for cells in self._lacking.get(name, ()):
                if cells.dn in dns:
                    self._make_unknown(name, cells.values, cells.odd)

    def _make_unknown(self, name: str, values: dict[str, Cell], odd: dict[str, Odd]) -> None:
        for column, attribute in self._plain:
            if attribute == name:
                odd[column] = Odd.unproven(column.removeprefix(self._prefix))
        # An account that another attribute disables is disabled, whatever this one says.
        if name in self._deciding and values[ACTIVE] == "true":
            values[ACTIVE] = ""
            odd[ACTIVE] = Odd.unproven(self._deciding[name])

    def shape(self, entry: Entry) -> Shaped:
        """Return the cells of an entry."""
        dn, attributes = entry
        self.seen.entries += 1
        self.seen.attributes.update(attributes)
        if self._stamped:
            stamps = map(_text, attributes.get(STAMP.lower(), ()))
            self.seen.newest = max(self.seen.newest, *stamps, "")
        values: dict[str, Cell] = {}
        odd: dict[str, Odd] = {}
        for column, name in self._plain:
            raw = attributes.get(name)
            if raw is None:
                values[column] = ""
            elif len(raw) == 1 and name not in self._writers:
                try:
                    values[column] = raw[0].decode()
                except UnicodeDecodeError:
                    values[column], odd[column] = "", _binary(name)
            else:
                values[column] = self._several(name, raw, dn, column, odd)
        if self._dn:
            values[self._dn] = dn
        if self._id:
            self._identify(entry, values, odd)
        decided = self._decide(entry, values, odd) if self._active else ""
        self._note_lacking(entry, values, odd)
        return Shaped(dn, values, odd, self._place(decided))

    def _note_lacking(self, entry: Entry, values: dict[str, Cell], odd: dict[str, Odd]) -> None:
        dn, attributes = entry
        for name in (*(name for _, name in self._plain), *self._deciding):
            if name not in attributes:
                self._lacking[name].append(_Lacking(dn, values, odd))
                if dn in self._unproven.get(name, ()):
                    self._make_unknown(name, values, odd)

    def findings(self, source: str, *, proves: bool = False) -> list[Finding]:
        """Return what is to be said of all entries together.

        `proves` is True where the server was asked for proof that absent attributes are absent.
        """
        where, entries = Origin(source), self.seen.entries
        told = []
        if entries:
            told += [
                found(
                    "attribute-nowhere", where.at(attribute=name), entries=entries, attribute=name
                )
                for name in sorted({name for _, name in self._plain} - self.seen.attributes)
            ]
            told += [
                found("active-nowhere", where.at(attribute=rule), entries=entries, attribute=rule)
                for rule in (self._spec.active if self._active and not proves else ())
                if rule in MAY_BE_ABSENT and rule.lower() not in self.seen.attributes
            ]
        told += [
            found("value-chosen", where.at(attribute=name), count=count, attribute=name)
            for name, count in sorted(self.seen.chosen.items())
        ]
        return told

    def _several(
        self, name: str, raw: list[bytes], dn: str, column: str, odd: dict[str, Odd]
    ) -> Cell:
        writer = self._writers.get(name)
        texts: list[str] = []
        for value in raw:
            text = text_of(value, writer)
            if text is None:
                odd[column] = _binary(name)
                return ""
            if text:
                texts.append(text)
        if len(texts) < 2:
            return texts[0] if texts else ""
        # A directory keeps no order, and the same question must give the same rows.
        texts.sort()
        try:
            chosen = self._choosers[name](texts, dn) if name in self._choosers else None
        except TooSlow as slow:
            why = fact("value-too-slow", pattern=slow.pattern, what=f"value of {name}")
            odd[column] = Odd(why)
            return ""
        if chosen is None:
            return tuple(texts)
        self.seen.chosen[name] += 1
        return chosen

    def _identify(self, entry: Entry, values: dict[str, Cell], odd: dict[str, Odd]) -> None:
        name = str(self._id)
        raw = entry.attributes.get(name.lower(), [])
        cell = self._several(name.lower(), raw, entry.dn, ID, odd)
        values[ID] = cell
        if not cell and ID not in odd:
            odd[ID] = Odd(fact("value-required", case="attribute", attribute=name))

    def _decide(self, entry: Entry, values: dict[str, Cell], odd: dict[str, Odd]) -> str:
        verdict = judge(self._spec.active, entry.attributes, self._now)
        values[ACTIVE] = "" if verdict.active is None else str(verdict.active).lower()
        if verdict.active is None:
            why = fact("active-unknown", case=verdict.why, attribute=verdict.attribute)
            odd[ACTIVE] = Odd(why)
        return verdict.attribute

    def _place(self, decided: str) -> Places:
        """Return the attribute of each column; the same for all entries, and so made once."""
        if decided not in self._places:
            prefix = self._prefix
            places = {column: {"attribute": column[len(prefix) :]} for column, _ in self._plain}
            if self._id:
                places[ID] = {"attribute": self._id}
            if decided:
                places[ACTIVE] = {"attribute": decided}
            self._places[decided] = {**places}
        return self._places[decided]


def row_of_hidden(origin: Origin, dn: str, columns: Iterable[str], why: Odd) -> Row:
    """Return a row for an entry that is not shown: what its first RDN tells, and the rest odd."""
    try:
        told = dict(split_dn(dn)[0])
    except (ValueError, IndexError):
        told = {}
    told[DN] = dn
    values = {column: told.get(column.lower(), "") for column in columns}
    odd = {column: why for column in columns if column.lower() not in told}
    return Row(origin.at(dn=dn), values, {}, odd)


class Fingerprint:
    """The SHA-256 and the size of what was read, whatever order it came in."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()
        self.size = 0

    def add(self, *parts: object) -> None:
        """Add one row, or one group; rows must come in a fixed order."""
        # repr keeps apart what joined text would not: ("a", "b") and ("a, b",).
        raw = repr(parts).encode("utf-8", "surrogatepass")
        self._sum.update(raw)
        self.size += len(raw)

    @property
    def sha256(self) -> str:
        """The sum in hex."""
        return self._sum.hexdigest()


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "replace")


def _binary(name: str) -> Odd:
    return Odd(fact("value-binary", attribute=name))


# --- people ---------------------------------------------------------------------------------------


IDS = ("entryUUID", "objectGUID", "nsUniqueId", "ipaUniqueID")
"""What a server calls an entry for good, whatever its DN becomes."""


@dataclass(frozen=True, slots=True)
class DirectoryPerson:
    """Somebody in the directory: the DN as DNs are compared, the cells, and what groups need.

    `id` is the id that the server gives to the entry for good, with the attribute that it is of.
    `outside` is True for somebody who lies below none of the bases, `locked` where the account of
    such a person is surely disabled or has expired.
    """

    key: str
    shaped: Shaped
    attributes: Attributes
    id: str = ""
    outside: bool = False
    locked: bool = False


def read_people(
    directory: Directory,
    spec: LdapSource,
    shaper: Shaper,
    source: str,
    *,
    extra: tuple[str, ...] = (),
) -> dict[str, DirectoryPerson]:
    """Return all people by their key, in its order; `extra` are attributes that groups need.

    Raises SourceInvalid where there is nobody at all, as that is no proof that all have gone.
    """
    asked = {name.lower(): name for name in (*shaper.attributes, *extra, *IDS)}
    people: dict[str, DirectoryPerson] = {}
    make = maker(shaper, extra)
    for base in spec.bases:
        question = Question(base, spec.scope, spec.filter, tuple(asked.values()))
        for _, entry in distinct(directory.search(question)):
            # Bases may lie in one another.
            person = make(entry)
            people.setdefault(person.key, person)
    if not people:
        place = Origin(source, dn=spec.bases[0])
        empty = found("directory-empty", place, filter=spec.filter, bases=tuple(spec.bases))
        raise SourceInvalid(f'the source "{source}" is empty: {empty.message}', findings=[empty])
    return dict(sorted(people.items()))


def maker(shaper: Shaper, extra: tuple[str, ...]) -> Callable[[Entry], DirectoryPerson]:
    """Return what makes a person of an entry, keeping only the raw attributes that groups need."""
    kept = tuple(name.lower() for name in extra)

    def make(entry: Entry) -> DirectoryPerson:
        raw = {name: entry.attributes[name] for name in kept if name in entry.attributes}
        return DirectoryPerson(dn_key(entry.dn), shaper.shape(entry), raw, _id_of(entry.attributes))

    return make


def _id_of(attributes: Attributes) -> str:
    for name in IDS:
        if values := attributes.get(name.lower()):
            return f"{name}={values[0].hex()}"
    return ""


# --- the table ------------------------------------------------------------------------------------

NO_GROUP = Shaped("", {}, {}, {})
NO_TWINS: Mapping[str, Set[str]] = {}
_NOBODY: frozenset[str] = frozenset()


class TableRows:
    """The rows of a table by numbers: a person each, and a group where the source lists groups.

    A directory has far more memberships than people and groups, whose cells are there once.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._people: list[DirectoryPerson] = []
        self._groups: list[Shaped] = []
        # How a group lists somebody: whether by login, and the twins.
        self._ways: dict[tuple[bool, Set[str]], int] = {}
        # For each row the numbers of the person, the group and the way.
        self._rows: list[NDArray[np.intp]] = [np.zeros((0, 3), dtype=np.intp)]

    @property
    def people(self) -> Sequence[DirectoryPerson]:
        """The people who have a row, each once."""
        return self._people

    def add(
        self,
        people: Iterable[DirectoryPerson],
        group: Shaped = NO_GROUP,
        logins: Collection[str] = (),
        twins: Mapping[str, Set[str]] = NO_TWINS,
    ) -> None:
        """Add a row for each of the people; `logins` and `twins` are as in `Reach`."""
        rows = []
        for person in people:
            number = self._numbers.setdefault(person.key, len(self._people))
            if number == len(self._people):
                self._people.append(person)
            way = person.key in logins, twins.get(person.key, _NOBODY)
            rows.append((number, len(self._groups), self._ways.setdefault(way, len(self._ways))))
        self._rows.append(np.array(rows, dtype=np.intp).reshape(-1, 3))
        self._groups.append(group)

    def table(
        self,
        columns: Iterable[str],
        entry: Callable[[DirectoryPerson], DirectoryEntry],
        **facts: Any,
    ) -> Table:
        """Return the table in the order of the DNs; `entry` returns the entry of a person."""
        people, groups = [one.shaped for one in self._people], self._groups
        rows = np.concatenate(self._rows)
        dns = Coded(objects(one.dn for one in people), rows[:, 0])
        who, where, how = rows[np.argsort(dns.ranks(str), kind="stable")].T
        source, path = facts["source"], facts["path"]
        origins = objects(Origin(source, dn=dn) for dn in dns.values)
        ways = [{"by_login": by_login, "twins": twins} for by_login, twins in self._ways]
        pairs, distinct = numbered(who * len(ways) + how)
        entries = objects(
            entry(self._people[one // len(ways)])._replace(**ways[one % len(ways)])
            for one in distinct.tolist()
        )
        joined = _joined_places(people, groups, who, where)
        first: Places = joined[0] if joined else {}
        others = {id(places) for places in joined if places is not first and places != first}
        return Table.of_columns(
            {
                column: _coded(column, groups, where)
                if column.startswith(GROUP)
                else _coded(column, people, who)
                for column in columns
            },
            numbers=np.zeros(len(who), dtype=np.intp),
            origin=Origin(source) if len(who) else Origin(source, file=path),
            places=first,
            odd=_odd_cells(people, groups, who, where),
            origins=tuple(origins[who]),
            own_places={at: each for at, each in enumerate(joined) if id(each) in others},
            entries=tuple(entries[pairs]),
            **facts,
        )


def _coded(column: str, shaped: Sequence[Shaped], numbers: Codes) -> Coded:
    """Return a column whose rows have the cells of these people or groups, by their numbers."""
    cells = Coded.of(one.values.get(column, "") for one in shaped)
    codes, used = numbered(cells.codes[numbers])
    return Coded(cells.values[used], codes)


def _joined_places(
    people: Sequence[Shaped], groups: Sequence[Shaped], who: Codes, where: Codes
) -> list[Places]:
    """Return the places of the columns of each row, one object for all rows that share them."""
    joined: dict[tuple[int, int], Places] = {}
    found = []
    for number, at in zip(who.tolist(), where.tolist(), strict=True):
        of_person = people[number].places
        places = joined.get((id(of_person), at))
        if places is None:
            of_group = groups[at].places
            places = {**of_person, **of_group} if of_group else of_person
            joined[id(of_person), at] = places
        found.append(places)
    return found


def _odd_cells(
    people: Sequence[Shaped], groups: Sequence[Shaped], who: Codes, where: Codes
) -> dict[str, dict[int, Odd]]:
    """Return what is odd about cells, by column and row."""
    flags = [
        np.array([bool(one.odd) for one in several], dtype=bool) for several in (people, groups)
    ]
    odd: dict[str, dict[int, Odd]] = {}
    if len(who):
        for row in np.flatnonzero(flags[0][who] | flags[1][where]).tolist():
            for column, why in {**people[who[row]].odd, **groups[where[row]].odd}.items():
                odd.setdefault(column, {})[row] = why
    return odd
