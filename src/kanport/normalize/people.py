"""Who the sources name: rows that contradict each other, and several sources put together."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import Any

import numpy as np

from kanport.coded import Codes, Flags, Objects, objects
from kanport.fields import (
    ACTIVE,
    BESIDE_USERNAME,
    LDAP,
    USER_FIELDS,
    USERNAME,
    ChangedBy,
    Holds,
    UserField,
    attributes,
)
from kanport.frames import DesiredUsers, joined
from kanport.mapping.users import Users
from kanport.model import DesiredUser, Given, LdapPassword, PasswordCell, RandomPassword
from kanport.normalize.notes import Notes, shown
from kanport.normalize.rows import RowId, UserRow, Value
from kanport.normalize.ruled import Numbers
from kanport.normalize.rules import CellResult, State
from kanport.normalize.users import UserColumns, person_key
from kanport.origin import Origin, RowPlace, in_place_order
from kanport.rules import as_boolean
from kanport.table import DirectoryEntry

Same = Callable[[UserRow, UserRow], bool]
"""Whether the passwords of two rows are the same."""

_SAID = (State.GIVEN, State.CLEAR)
_WEIGHED = (*_SAID, State.UNKNOWN)


def by_person(rows: Iterable[UserRow]) -> dict[str, list[UserRow]]:
    """Return the rows that name somebody, by the compare key of the person."""
    found: dict[str, list[UserRow]] = {}
    for row in rows:
        key = person_key(row.username)
        if key is not None:
            found.setdefault(key, []).append(row)
    return found


def refuse_contradictions(
    rows: Iterable[UserRow], *, several_expected: bool, same_password: Same, notes: Notes
) -> set[RowId]:
    """Find rows of one source that name one person differently; return the ids of all of them.

    A cell that is empty contradicts nothing. `several_expected` says that the source has a row for
    each membership, so that repeating a person is what it is made for.
    """
    bad: set[RowId] = set()
    for group in by_person(rows).values():
        if len(group) == 1:
            continue
        spellings = tuple(map(shown, sorted({row.username.text for row in group})))
        differing = _differing(group, same_password)
        places = in_place_order(row.username.place(row.origin) for row in group)
        if len(spellings) > 1:
            notes.add(
                "user-clash",
                places[0],
                value=shown(group[0].username.text),
                related=places[1:],
                usernames=spellings,
            )
        elif differing:
            notes.add(
                "user-duplicate",
                places[0],
                value=spellings[0],
                related=places[1:],
                username=spellings[0],
                rows=len(group),
                fields=tuple(differing),
            )
        else:
            if not several_expected:
                notes.add(
                    "user-repeated",
                    places[0],
                    value=spellings[0],
                    related=places[1:],
                    username=spellings[0],
                    rows=len(group),
                )
            continue
        bad.update(row.id for row in group)
    return bad


def _differing(group: Sequence[UserRow], same_password: Same) -> list[str]:
    differing = []
    for field in BESIDE_USERNAME:
        said = {
            (value.state, _meaning(field, value))
            for row in group
            if (value := row.fields.get(field.name)) is not None
            and value.state in _SAID
            and not value.assumed
        }
        if len(said) > 1:
            differing.append(field.name)
    with_password = [row for row in group if row.password is not None]
    if any(not same_password(with_password[0], row) for row in with_password[1:]):
        differing.append("password")
    return differing


def _meaning(field: UserField, value: Value | CellResult) -> str | bool | None:
    return as_boolean(value.text) if field.holds is Holds.FLAG else value.text


def merge_person(users: Users, rows: Sequence[UserRow], notes: Notes) -> DesiredUser:
    """Put together what all rows say of one person; what they disagree on becomes a finding.

    For each field the sources are asked in the order of its precedence, else of `users.from`, and
    the first that says something wins. A default counts only where no source says anything.
    """
    merged = {field: _merge(field, users, rows, notes) for field in USER_FIELDS}
    values = {
        field.name: _typed(field, given)
        for field, given in merged.items()
        if field.changed_by is not ChangedBy.NOTHING
    }
    ldap = _typed(LDAP, merged[LDAP])
    return DesiredUser(
        **attributes(values),
        password=_password(users, rows, by_ldap=ldap is not None and ldap.value is True),
        rows=in_place_order(row.origin for row in rows),
        stable_id=merge_id(rows),
        unknown=frozenset(
            field.name for field in BESIDE_USERNAME if _is_unknown(field, merged[field], rows)
        ),
    )


def _typed(field: UserField, given: Given[str] | None) -> Given[Any] | None:
    if given is None or field.holds is not Holds.FLAG:
        return given
    return Given(bool(as_boolean(given.value)), given.origins)


def _is_unknown(field: UserField, merged: Given[str] | None, rows: Sequence[UserRow]) -> bool:
    return merged is None and any(
        field.name in row.fields and row.fields[field.name].state is State.UNKNOWN for row in rows
    )


def _password(
    users: Users, rows: Sequence[UserRow], *, by_ldap: bool
) -> RandomPassword | PasswordCell | LdapPassword:
    if by_ldap or users.password == "ldap":  # noqa: S105 - the name of a way, not a password
        return LdapPassword()
    places = [row.password for row in in_source_order(rows, users.sources) if row.password]
    return PasswordCell(places[0]) if places else RandomPassword()


def in_source_order(rows: Iterable[UserRow], sources: Sequence[str]) -> list[UserRow]:
    """Return the rows in the order in which their sources win, those of one source as they come."""
    rank = {source: number for number, source in enumerate(sources)}
    return sorted(rows, key=lambda row: rank[row.id[0]])


def _merge(
    field: UserField, users: Users, rows: Sequence[UserRow], notes: Notes
) -> Given[str] | None:
    rule = users.fields.rule(field)
    if rule is None:
        return None
    if len(rows) == 1:
        # Almost everybody has one row, and then there is nothing to weigh.
        value = _value(field, rows[0])
        return Given(value.text, value.origins) if value and value.state in _SAID else None
    values = [
        (row, value)
        for row in in_source_order(rows, _precedence(field, users))
        if (value := _value(field, row)) is not None and value.state in _WEIGHED
    ]
    values = [pair for pair in values if not pair[1].assumed] or values
    # What may be hidden might say anything: nobody behind it, and no default, speaks for it. That
    # somebody is not active is safe to believe all the same.
    first_unknown = next((n for n, (_, v) in enumerate(values) if v.state is State.UNKNOWN), None)
    if first_unknown is not None:
        certain = [pair for pair in values if pair[1].state in _SAID]
        if field is ACTIVE:
            values = [pair for pair in certain if not as_boolean(pair[1].text)]
        else:
            values = certain if first_unknown > 0 else []
    if not values:
        return None
    winner, first = values[0]
    wanted = first.state, _meaning(field, first)
    agreeing = [value for _, value in values if (value.state, _meaning(field, value)) == wanted]
    others = {
        row.id[0]: value
        for row, value in reversed(values)
        if (value.state, _meaning(field, value)) != wanted
    }
    if others and not first.assumed:
        _note_conflict(field, winner, first, others, notes)
    return Given(first.text, in_place_order(place for value in agreeing for place in value.origins))


def _precedence(field: UserField, users: Users) -> list[str]:
    """Return the sources in the order in which they win for a field."""
    rule = users.fields.rule(field)
    return list(dict.fromkeys((*(rule.precedence if rule else ()), *users.sources)))


def _value(field: UserField, row: UserRow) -> Value | None:
    return row.username if field is USERNAME else row.fields.get(field.name)


def _note_conflict(
    field: UserField, row: UserRow, first: Value, others: Mapping[str, Value], notes: Notes
) -> None:
    notes.add(
        "sources-conflict",
        first.origins[0],
        value=shown(first.text),
        related=in_place_order(place for value in others.values() for place in value.origins),
        username=shown(row.username.text),
        field=field.name,
        source=row.id[0],
        text=shown(first.text),
        others=tuple(sorted(others)),
        texts=tuple(shown(value.text) for _, value in sorted(others.items())),
    )


# --- by columns -----------------------------------------------------------------------------------


class People:
    """The rows of all sources of users by columns: whom each names.

    Almost everybody has one row in a source, and the sources agree. Only the others become objects.
    """

    def __init__(self, users: Users | None, read: Sequence[UserColumns], people: Numbers) -> None:
        """Keep what the sources say; `people` are the numbers of compare keys."""
        self._users, self._read, self._people = users, read, people
        self._who = [
            people.of(map(person_key, columns.username.outcomes))[columns.username.codes]
            for columns in read
        ]

    @cached_property
    def _rows(self) -> Codes:
        """How many rows each person has, by number; a last 0 for who has none."""
        named = np.concatenate([np.zeros(0, dtype=np.intp), *self._who])
        return np.bincount(named[named >= 0], minlength=len(self._people) + 1)

    def names(self, key: str) -> bool:
        """Return whether a row names the person of a compare key."""
        return key in self._people and bool(self._rows[self._people.of([key])].any())

    def entries(self) -> Iterator[tuple[str | None, DirectoryEntry | None]]:
        """Yield the compare key and the entry of each row."""
        for columns in self._read:
            keys = [person_key(one) for one in columns.username.outcomes]
            entries = columns.rows.entries or itertools.repeat(None)
            yield from zip((keys[code] for code in columns.username.codes), entries, strict=False)

    def rows(self, bad: Collection[RowId] = ()) -> dict[str, list[UserRow]]:
        """Return the rows of people whose rows do not simply agree, or are in `bad`, by source.

        With them are rows whose id is not all theirs.
        """
        unusable = [columns.rows.flags(bad) for columns in self._read]
        weighed = ~self._agreed
        for who, flags in zip(self._who, unusable, strict=True):
            weighed[who[flags]] = True
        # A row that names nobody has the number -1.
        weighed[-1] = False
        return {
            columns.rows.table.source: [
                columns.row(row) for row in np.flatnonzero(weighed[who] | doubtful | flags).tolist()
            ]
            for columns, who, doubtful, flags in zip(
                self._read, self._who, self._ids, unusable, strict=True
            )
        }

    @cached_property
    def _ids(self) -> list[Flags]:
        """For each source, which rows lack their stable id, or have one that another row has."""
        texts = Numbers()
        ids = [
            None
            if columns.stable_id is None
            else texts.of(
                one.text if one.state is State.GIVEN else None for one in columns.stable_id.outcomes
            )[columns.stable_id.codes]
            for columns in self._read
        ]
        given = np.concatenate(
            [np.zeros(0, dtype=np.intp), *(one for one in ids if one is not None)]
        )
        holders = np.bincount(given[given >= 0], minlength=len(texts) + 1)
        return [
            np.zeros(len(columns.rows), dtype=bool)
            if numbers is None
            else (numbers < 0) | (holders[numbers] > 1)
            for columns, numbers in zip(self._read, ids, strict=True)
        ]

    @cached_property
    def _agreed(self) -> Flags:
        """Whose rows say all of them, by number, so that nothing is to be weighed or noted.

        Whoever has several rows has them in different sources, which want the same. None of them
        leaves a value unknown, and they have one stable id and one entry of a directory at most.
        """
        agreed: Flags = self._rows > 1
        entries, ids = np.zeros((2, len(self._rows)), dtype=np.intp)
        for columns, who, doubtful in zip(self._read, self._who, self._ids, strict=True):
            agreed &= self._count(who) < 2
            agreed[who[doubtful | columns.any(State.UNKNOWN, *columns.fields.values())]] = False
            of_directory = np.array([one is not None for one in columns.rows.entries], dtype=bool)
            entries += self._count(who[np.flatnonzero(of_directory)])
            ids += self._count(who[columns.any(State.GIVEN, columns.stable_id)])
        agreed &= (entries < 2) & (ids < 2)
        for _, differing in self._weighed.values():
            agreed &= ~differing
        agreed |= self._rows == 1
        return agreed

    def _count(self, who: Codes) -> Codes:
        return np.bincount(who[who >= 0], minlength=len(self._rows))

    @cached_property
    def _weighed(self) -> Mapping[str, tuple[Objects, Flags]]:
        """For each field the wanted values, by the number of the person, and who differs."""
        users = self._users
        return {} if users is None else {one.name: self._weigh(one, users) for one in USER_FIELDS}

    def _weigh(self, field: UserField, users: Users) -> tuple[Objects, Flags]:
        # What each person is said to have, as a number; see `_merge` for what it is made of.
        nothing, default = -2, -1
        known: dict[object, int] = {}

        def number(one: CellResult) -> int:
            if one.state not in _SAID:
                return nothing
            if one.assumed or len(self._read) == 1:
                # One source says all there is, so what it says need not be compared.
                return default
            return known.setdefault((one.state, _meaning(field, one)), len(known))

        values = np.full(len(self._rows), None)
        wanted = np.full(len(self._rows), nothing)
        differing = np.zeros(len(self._rows), dtype=bool)
        of_source = {
            columns.rows.table.source: (columns, who)
            for columns, who in zip(self._read, self._who, strict=True)
        }
        for source in _precedence(field, users):
            columns, who = of_source[source]
            column = columns.username if field is USERNAME else columns.fields.get(field.name)
            if column is None:
                continue
            said = np.fromiter(map(number, column.outcomes), dtype=np.intp)[column.codes]
            differing[who[(said >= 0) & (wanted[who] >= 0) & (said != wanted[who])]] = True
            first = (wanted[who] < 0) & (said > wanted[who]) & (who >= 0)
            texts = objects(_wanted(field, one) for one in column.outcomes)
            values[who[first]] = texts[column.codes[first]]
            wanted[who[first]] = said[first]
        return values, differing

    def wanted(
        self, in_doubt: Collection[str], rows: Iterable[UserRow], notes: Notes
    ) -> DesiredUsers:
        """Return the people as the sources want them, in the order of their compare keys.

        `rows` are those of `rows`, people in doubt are left out.
        """
        users = self._users
        if users is None:
            return DesiredUsers.of(())
        several = [
            merge_person(users, group, notes)
            for key, group in by_person(rows).items()
            if len(group) > 1 and key not in in_doubt
        ]
        sure = ~self._people.flags(in_doubt)[: len(self._rows)]
        agreed = self._desired(np.flatnonzero(self._agreed & sure), users)
        return joined([agreed, DesiredUsers.of(several)])

    def _desired(self, people: Codes, users: Users) -> DesiredUsers:
        """Return people whose rows agree, by their numbers."""
        values = {name: values[people] for name, (values, _) in self._weighed.items()}
        special = (users.password == "ldap") | values[LDAP.name].astype(bool)  # noqa: S105 - a way
        numbers = []
        for columns, who in zip(self._read, self._who, strict=True):
            # The row of each person in this source, -1 for none.
            row_of = np.full(len(self._rows), -1)
            row_of[who] = np.arange(len(who))
            numbers.append(row_of[people])
            own = columns.any(State.UNKNOWN, *columns.fields.values())
            own |= columns.any(State.GIVEN, columns.stable_id, columns.password)
            special |= np.append(own, False)[numbers[-1]]

        def rows(at: int) -> list[tuple[UserColumns, int]]:
            found = zip(self._read, (each.item(at) for each in numbers), strict=True)
            return [(columns, row) for columns, row in found if row >= 0]

        def made(at: int) -> DesiredUser:
            return merge_person(users, [columns.row(row) for columns, row in rows(at)], Notes())

        def named(at: int) -> tuple[Origin, ...]:
            found = [
                columns.rows.place(row, place)
                for columns, row in rows(at)
                for place in columns.username[row].places
            ]
            return in_place_order(
                found or [columns.rows.place(row, None) for columns, row in rows(at)]
            )

        def maybe_in(places: Set[RowPlace]) -> Flags:
            flags = np.zeros(len(people), dtype=bool)
            for columns, each in zip(self._read, numbers, strict=True):
                flags |= np.append(columns.rows.maybe_in(places), False)[each]
            return flags

        nothing = np.full(len(people), None)
        return DesiredUsers(
            values[USERNAME.name],
            objects(self._people.texts)[people],
            {
                field.name: nothing if field.changed_by is ChangedBy.NOTHING else values[field.name]
                for field in BESIDE_USERNAME
            },
            special,
            made,
            maybe_in,
            named,
        )


def _wanted(field: UserField, value: CellResult) -> str | bool | None:
    if value.state not in _SAID:
        return None
    return bool(as_boolean(value.text)) if field.holds is Holds.FLAG else value.text


# --- stable ids: each person has one, and nobody else has it --------------------------------------


Rows = Sequence[UserRow]


def refuse_identities(people: Mapping[str, Rows], notes: Notes) -> set[RowId]:
    """Find people without an id, with two, or with somebody else's; return the ids of their rows.

    `people` are the rows of all sources by person. Whom no source with ids names has none, and is
    told by username alone.
    """
    bad: set[RowId] = set()
    holders: dict[str, list[Rows]] = defaultdict(list)
    for rows in people.values():
        found = ids_of(rows)
        for text in found:
            holders[text].append(rows)
        if len(found) > 1:
            bad |= _two_ids(rows, sorted(found), notes)
        elif not found and any(_is_empty(row) for row in rows):
            bad |= _no_id(rows, notes)
    for text, several in sorted(holders.items()):
        if len(several) > 1:
            bad |= _shared(text, several, notes)
    return bad


def ids_of(rows: Iterable[UserRow]) -> frozenset[str]:
    """Return the ids that these rows give, also those that cannot be used otherwise."""
    return frozenset(
        row.stable_id.text
        for row in rows
        if row.stable_id is not None and row.stable_id.state is State.GIVEN
    )


def merge_id(rows: Iterable[UserRow]) -> Given[str] | None:
    """Return the one id of a person with every place that it came from."""
    given = [
        row.stable_id
        for row in rows
        if row.stable_id is not None and row.stable_id.state is State.GIVEN
    ]
    if not given:
        return None
    places = (place for value in given for place in value.origins)
    return Given(given[0].text, in_place_order(places))


def _is_empty(row: UserRow) -> bool:
    return row.stable_id is not None and row.stable_id.state is State.EMPTY


def _places(rows: Iterable[UserRow]) -> tuple[Origin, ...]:
    """Return the cells of the ids; where a row has none, the row."""
    return in_place_order(
        row.stable_id.place(row.origin) if row.stable_id else row.origin for row in rows
    )


def _two_ids(rows: Rows, ids: Sequence[str], notes: Notes) -> set[RowId]:
    places = _places(row for row in rows if ids_of([row]))
    username = shown(rows[0].username.text)
    notes.add(
        "id-differs",
        places[0],
        value=username,
        related=places[1:],
        username=username,
        ids=tuple(map(shown, ids)),
    )
    return {row.id for row in rows}


def _no_id(rows: Rows, notes: Notes) -> set[RowId]:
    place = _places(row for row in rows if _is_empty(row))[0]
    notes.add("value-required", place, case="id", username=shown(rows[0].username.text))
    return {row.id for row in rows}


def _shared(text: str, several: Sequence[Rows], notes: Notes) -> set[RowId]:
    having = [row for rows in several for row in rows if text in ids_of([row])]
    names = sorted({row.username.text for row in having})
    places = _places(having)
    notes.add(
        "id-shared",
        places[0],
        value=shown(text),
        related=places[1:],
        usernames=tuple(map(shown, names)),
        id=shown(text),
    )
    return {row.id for rows in several for row in rows}
