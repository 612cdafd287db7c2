"""Entries of directories: two of them are two people, and a member is the entry at its DN.

A login is a text, and somebody else may have it: a partner in another branch, or whoever left
before it was given away again. So what a directory says of an entry counts for the user that the
sources of users make of the same entry, and for a login only where a group lists logins.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, partial
from typing import NamedTuple

from kanport.mapping.rules import Rule
from kanport.names import compare_key
from kanport.normalize.compiled import Context
from kanport.normalize.notes import Notes, shown
from kanport.normalize.relations import RelationColumns
from kanport.normalize.rows import RowId, UserRow, read_one
from kanport.normalize.ruled import Column
from kanport.normalize.rules import NOTHING, CellResult, State
from kanport.normalize.users import compile_username, person_key
from kanport.origin import Origin, in_place_order
from kanport.relations import About
from kanport.table import DirectoryEntry, Table

Insiders = Mapping[str, Sequence[DirectoryEntry]]
"""The people below the base of a source with groups, by the compare key of what they are called."""


class Verdict(Enum):
    """Whether a row of a directory counts for the user that its username names.

    `COUNTS`: it does. `UNLISTED`: it does, but no source of users has this entry, so it says
    nothing of whether somebody is still there. `OPEN`: it may, so nothing is granted or taken away.
    `SHARED`: so it is with several entries that have the login that a group lists. The others say
    why it does not: the username is that of another entry, the entry is in no source of users, or
    it is locked.
    """

    COUNTS = "counts"
    UNLISTED = "unlisted"
    OPEN = "open"
    SHARED = "shared"
    OTHER = "other"
    NO_USER = "no user"
    LOCKED = "locked"


class Entries:
    """What the sources of users say of entries; `listed` is False where the mapping has none."""

    def __init__(
        self, users: Iterable[tuple[str | None, DirectoryEntry | None]], *, listed: bool
    ) -> None:
        """Keep the compare keys of users, as far as they have one, and their entries."""
        self._listed = listed
        self._by_key: dict[str, list[DirectoryEntry | None]] = defaultdict(list)
        self._directories: set[str] = set()
        self._known: set[str] = set()
        for key, entry in users:
            if entry is not None:
                self._directories |= entry.directory
                self._known |= _names(entry)
            if key is not None:
                self._by_key[key].append(entry)

    def judge(
        self, key: str, entry: DirectoryEntry, insiders: Insiders
    ) -> tuple[Verdict, DirectoryEntry | None]:
        """Judge whether an entry with this username is the user of that name.

        The second value is the entry that the username belongs to, where that is another one.
        """
        users = self._by_key.get(key, [])
        if not entry.outside and any(one is not None and one.id == entry.id != "" for one in users):
            # The same by a shorter way: almost every member of a large directory takes it.
            return Verdict.COUNTS, None
        theirs = [one for one in users if one is not None and one.is_of(entry)]
        if entry.by_login and theirs:
            return Verdict.COUNTS, None
        if entry.outside and entry.locked:
            return Verdict.LOCKED, None
        if entry.by_login:
            gone = entry.outside and self._listed and not users
            return (Verdict.NO_USER if gone else Verdict.COUNTS), None
        if any(one is not None and one.is_same(entry) for one in users):
            return Verdict.COUNTS, None
        if theirs:
            # Where the entry is a user as well, the mapping itself gives it another's name.
            known = not self._known.isdisjoint(_names(entry))
            return (Verdict.OPEN if known else Verdict.OTHER), theirs[0]
        for one in insiders.get(key, ()) if entry.outside else ():
            if not one.is_same(entry):
                return Verdict.OTHER, one
        if not self._listed:
            return Verdict.COUNTS, None
        same_directory = not self._directories.isdisjoint(entry.directory)
        if entry.outside:
            if users:
                return Verdict.OPEN, None
            return Verdict.NO_USER, None
        return (Verdict.UNLISTED if same_directory else Verdict.COUNTS), None


def _names(entry: DirectoryEntry) -> set[str]:
    """Return what an entry is known by: its id, and its DN in each name of its directory."""
    return {f"{name} {entry.key}" for name in entry.directory} | ({entry.id} if entry.id else set())


def insiders(rule: Rule | None, table: Table, context: Context) -> Insiders:
    """Return the people below the base of a source, by what a rule makes their usernames."""
    found: dict[str, list[DirectoryEntry]] = defaultdict(list)
    if rule is not None and table.people:
        bound = compile_username(rule, context)
        for row in table.people:
            who = read_one(bound, row, Notes())
            if who.state is State.GIVEN and row.entry is not None:
                found[compare_key(who.text)].append(row.entry)
    return found


_CASES = {Verdict.LOCKED: "locked", Verdict.SHARED: "login"}


# --- rows that do not count -----------------------------------------------------------------------


class _Said(NamedTuple):
    """Whom a finding is about: the row, its username and entry, and whose the username is."""

    origin: Origin
    username: str
    entry: DirectoryEntry
    other: DirectoryEntry | None


@dataclass
class Judge:
    """Judges the rows of memberships and groups, and gathers what is to be said of them.

    `users` returns what the sources of users say of entries; it is asked only if a row has one.
    """

    users: Callable[[], Entries]
    notes: Notes
    _said: dict[tuple[Verdict, str, str], _Said] = field(default_factory=dict)

    @cached_property
    def _entries(self) -> Entries:
        return self.users()

    def holders(self, columns: RelationColumns, insiders: Insiders) -> None:
        """Mark the rows that do not count, or may not, or prove nothing.

        Of several holders in a row only those stay who count.
        """
        rows, holders = columns.rows, columns.holders
        keys = [[person_key(one) for one in several] for several in holders.outcomes]
        left_out: dict[int, set[int]] = defaultdict(set)
        called: dict[str, set[str | None]] = defaultdict(set)
        for row, entry in enumerate(rows.entries):
            if entry is not None and entry.twins:
                called[entry.key].update(keys[holders.codes[row]])
        for row, entry in enumerate(rows.entries):
            code = holders.codes[row]
            for at, key in enumerate(keys[code] if entry is not None else ()):
                if key is None or entry is None:
                    continue
                who = holders.outcomes[code][at].text
                # Entries of one login are one user where all of them have one username.
                names = {name for twin in entry.twins for name in called[twin] or {None}}
                place = partial(rows.place, row, None)
                verdict = self._judge(key, who, entry, place, insiders, shared=len(names) > 1)
                if verdict is Verdict.UNLISTED:
                    columns.unlisted[row] = True
                elif verdict in (Verdict.OPEN, Verdict.SHARED):
                    columns.withheld[row] = True
                elif verdict is not Verdict.COUNTS:
                    left_out[row].add(at)
        if left_out:
            columns.holders = self._staying(columns, left_out)

    def _staying(
        self, columns: RelationColumns, left_out: Mapping[int, Collection[int]]
    ) -> Column[tuple[CellResult, ...]]:
        outcomes, codes = list(columns.holders.outcomes), columns.holders.codes.copy()
        # Who is in a group that may only be hidden is uncertain, whoever the row is about.
        hidden = columns.hidden & (columns.kind is About.GROUP_MEMBER)
        for row, out in left_out.items():
            several = columns.holders[row]
            staying = tuple(one for at, one in enumerate(several) if at not in out)
            if staying or hidden[row]:
                codes[row] = len(outcomes)
                outcomes.append(staying or (NOTHING,))
            else:
                columns.aside[row] = True
        return Column(outcomes, codes)

    def _judge(
        self,
        key: str,
        username: str,
        entry: DirectoryEntry,
        place: Callable[[], Origin],
        insiders: Insiders,
        *,
        shared: bool,
    ) -> Verdict:
        verdict, other = (
            (Verdict.SHARED, None) if shared else self._entries.judge(key, entry, insiders)
        )
        if verdict not in (Verdict.COUNTS, Verdict.UNLISTED):
            origin = place()
            self._said.setdefault(
                (verdict, origin.source, entry.key if other is None else f"{entry.key} {key}"),
                _Said(origin, username, entry, other),
            )
        return verdict

    def note(self) -> None:
        """Add the findings: one for each username in doubt and one for all others."""
        gathered: dict[tuple[Verdict, str], list[_Said]] = defaultdict(list)
        for (verdict, source, _), said in self._said.items():
            if said.other is not None:
                self.notes.add(
                    "member-other",
                    said.origin,
                    case="" if verdict is Verdict.OTHER else "both",
                    value=shown(said.username),
                    username=shown(said.username),
                    owner=said.other.dn,
                    member=said.entry.dn,
                )
            else:
                gathered[verdict, source].append(said)
        for (verdict, _), several in gathered.items():
            unclear = verdict in (Verdict.OPEN, Verdict.SHARED)
            code = "member-unclear" if unclear else "member-outside"
            self.notes.add(
                code,
                in_place_order(said.origin for said in several)[0],
                case=_CASES.get(verdict, ""),
                members=len(several),
                names=tuple(sorted(said.entry.dn for said in several)),
            )


# --- people who are two ---------------------------------------------------------------------------


def refuse_entries(
    people: Mapping[str, Sequence[UserRow]], bad: Collection[RowId], notes: Notes
) -> set[RowId]:
    """Find usernames that several entries of one directory have; return the ids of their rows.

    They are one person only where the mapping's own stable id says so.
    """
    refused: set[RowId] = set()
    for rows in people.values():
        if len(rows) < 2 or all(row.id in bad for row in rows):
            continue
        entries: list[DirectoryEntry] = []
        for row in rows:
            own = row.entry
            if own is None or any(own.is_same(one) for one in entries):
                continue
            if not entries or any(own.is_of(one) for one in entries):
                entries.append(own)
        if len(entries) < 2 or _one_id(rows):
            continue
        places = in_place_order(row.origin for row in rows)
        username = shown(rows[0].username.text)
        notes.add(
            "login-shared",
            places[0],
            value=username,
            related=places[1:],
            username=username,
            entries=len(entries),
            names=tuple(sorted(entry.dn for entry in entries)),
        )
        refused.update(row.id for row in rows)
    return refused


def _one_id(rows: Iterable[UserRow]) -> bool:
    ids = {
        row.stable_id.text
        if row.stable_id is not None and row.stable_id.state is State.GIVEN
        else None
        for row in rows
        if row.entry is not None
    }
    return len(ids) == 1 and None not in ids
