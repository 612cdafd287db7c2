"""Who the sources name: rows that contradict each other, and several sources put together."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
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
from kanport.normalize.ruled import Column, Numbers
from kanport.normalize.rules import Outcome, State
from kanport.normalize.users import UserColumns, person_key
from kanport.origin import Origin, in_place_order
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


def _meaning(field: UserField, value: Value) -> str | bool | None:
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
    order = [*rule.precedence, *(name for name in users.sources if name not in rule.precedence)]
    values = [
        (row, value)
        for row in in_source_order(rows, order)
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

    Almost everybody has one row. Only people with several become objects to be weighed.
    """

    def __init__(self, users: Users | None, read: Sequence[UserColumns], people: Numbers) -> None:
        """Take what the sources say; `people` are the numbers of compare keys."""
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
        """Return the rows of people with several, or whose id is not all of theirs, by source.

        FilledRows in `bad` are among them.
        """
        return {
            columns.rows.table.source: [
                columns.row(row)
                for row in np.flatnonzero(
                    self._several(who) | doubtful | columns.rows.flags(bad)
                ).tolist()
            ]
            for columns, who, doubtful in zip(self._read, self._who, self._ids, strict=True)
        }

    def _several(self, who: Codes) -> Flags:
        return (who >= 0) & (self._rows[who] > 1)

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

    def wanted(
        self, in_doubt: Collection[str], rows: Iterable[UserRow], notes: Notes
    ) -> DesiredUsers:
        """Return the people as the sources want them, in the order of their compare keys.

        `rows` are those of people with several, people in doubt are left out.
        """
        users = self._users
        if users is None:
            return DesiredUsers.of(())
        several = [
            merge_person(users, group, notes)
            for key, group in by_person(rows).items()
            if len(group) > 1 and key not in in_doubt
        ]
        wanted = ~self._people.flags(in_doubt)
        chosen = [
            np.flatnonzero((who >= 0) & (self._rows[who] == 1) & wanted[who]) for who in self._who
        ]
        plain = [
            _plain_users(users, columns, self._people.texts, who[rows], rows)
            for columns, who, rows in zip(self._read, self._who, chosen, strict=True)
        ]
        return joined([*plain, DesiredUsers.of(several)])


def _plain_users(
    users: Users, columns: UserColumns, keys: Sequence[str], who: Codes, rows: Codes
) -> DesiredUsers:
    """Return the people who have one row, which says all of them."""

    def of(column: Column[Outcome], value: Callable[[Outcome], Any]) -> Objects:
        return objects(map(value, column.outcomes))[column.codes[rows]]

    def named(at: int) -> tuple[Origin, ...]:
        row = int(rows[at])
        places = columns.username[row].places or (None,)
        return in_place_order(columns.rows.place(row, place) for place in places)

    nothing = np.full(len(rows), None)
    values = {
        field.name: of(columns.fields[field.name], partial(_wanted, field))
        if field.name in columns.fields and field.changed_by is not ChangedBy.NOTHING
        else nothing
        for field in BESIDE_USERNAME
    }
    special = np.full(len(rows), users.password == "ldap")  # noqa: S105 - no password
    for column in columns.fields.values():
        special |= column.where(lambda one: one.state is State.UNKNOWN)[rows]
    for own in (columns.stable_id, columns.password):
        if own is not None:
            special |= own.where(lambda one: one.state is State.GIVEN)[rows]
    if LDAP.name in columns.fields:
        special |= columns.fields[LDAP.name].where(partial(_wanted, LDAP))[rows]
    return DesiredUsers(
        of(columns.username, lambda one: one.text),
        objects(keys)[who],
        values,
        special,
        lambda at: merge_person(users, [columns.row(int(rows[at]))], Notes()),
        lambda places: columns.rows.maybe_in(places)[rows],
        named,
    )


def _wanted(field: UserField, value: Outcome) -> str | bool | None:
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
