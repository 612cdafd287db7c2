"""Which groups the rows want, apart from who is in them."""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial

import numpy as np

from kanport.coded import Codes, Flags
from kanport.mapping import LoadedMapping
from kanport.model import DesiredGroup, Given
from kanport.names import case_key, compare_key
from kanport.normalize.compiled import Context, compile_rule
from kanport.normalize.entries import Judge, insiders
from kanport.normalize.notes import Notes, shown
from kanport.normalize.relations import (
    CONTEXT,
    GROUPS,
    RelationColumns,
    Requested,
    ScopeRead,
    listed_groups,
    name_problem,
    read_members,
    read_scopes,
)
from kanport.normalize.rows import FilledRows, RowId
from kanport.normalize.ruled import Column, Numbers, spread
from kanport.normalize.rules import CellResult, State
from kanport.origin import Origin, in_place_order, place_order
from kanport.relations import About


@dataclass(frozen=True, slots=True, eq=False)
class GroupColumns:
    """What the rows of one source, or a list in the mapping, say of groups.

    `listing` marks the rows that belong to a list of who is in their groups, `listed` is True where
    the mapping itself lists them. `lists_members` is True where `scopes`, the groups that a source
    names besides its rows, are listed with their members.
    """

    members: RelationColumns
    external_id: Column[CellResult]
    listing: Flags
    listed: bool = False
    scopes: tuple[ScopeRead, ...] = ()
    lists_members: bool = False

    def rows_by_group(self, groups: Numbers) -> tuple[Codes, Codes]:
        """Return each row that names a group, and the number of the group's key."""
        (column,) = self.members.requested
        keys = [
            groups.of(compare_key(target.text) for target, _ in one.requests if _given(target))
            for one in column.outcomes
        ]
        return spread([key.tolist() for key in keys], column.codes)

    def names(self, row: int) -> Iterator[tuple[str, Origin]]:
        """Yield the groups that a row names, each with its place."""
        (column,), rows = self.members.requested, self.members.rows
        for target, _ in column[row].requests:
            if _given(target):
                yield target.text, rows.place(row, target.places[0])

    def with_id(self, usable: Flags) -> Iterator[tuple[int, CellResult]]:
        """Yield the usable rows that give an external id, or clear it."""
        told = self.external_id.where(lambda one: one.state in (State.GIVEN, State.CLEAR))
        for row in np.flatnonzero(told & usable).tolist():
            yield row, self.external_id[row]

    def usable(self, bad: Collection[RowId]) -> Flags:
        """Return which rows can be used."""
        return ~self.members.rows.flags(bad)


def _names_any(names: Set[str], one: Requested) -> bool:
    return one.requests[0].target.text in names


def _given(value: CellResult) -> bool:
    return value.state is State.GIVEN


def read_groups(
    mapping: LoadedMapping,
    rows_of: Mapping[str, FilledRows],
    shared: Mapping[str, Context],
    judge: Judge,
    notes: Notes,
    bad: set[RowId],
) -> list[GroupColumns]:
    """Return what the rows, and the mapping's own lists, say of groups and their members.

    Ids of rows that cannot be used go into `bad`. `judge` judges which members count.
    """
    found = []
    for number, rule in enumerate(mapping.spec.groups):
        if rule.list is not None:
            table, complete = listed_groups(mapping, number)
            members, ids = read_members(GROUPS, FilledRows(table), CONTEXT, notes, bad)
            (names,) = members.requested
            listing = names.where(partial(_names_any, complete))
            found.append(GroupColumns(members, ids, listing, listed=True))
        elif rule.from_ is not None:
            assert rule.name is not None  # noqa: S101 - the model sees to it
            rows, context = rows_of[rule.from_], shared[rule.from_]
            members, ids = read_members(rule, rows, context, notes, bad)
            judge.holders(members, insiders(rule.member, rows.table, context))
            name = compile_rule(rule.name, "group", context, check=name_problem)
            scopes = read_scopes(About.GROUP_MEMBER, name, rows.table, notes)
            lists = rule.member is not None
            listing = np.full(len(rows), lists)
            found.append(GroupColumns(members, ids, listing, False, scopes, lists))
    return found


def refuse_differing(read: Sequence[GroupColumns], notes: Notes) -> set[RowId]:
    """Find rows that contradict other rows about a group, or have a hole; return their ids."""
    bad = _refuse_clashes(read, notes)
    bad |= _refuse_holes(read, notes)
    given: dict[str, list[tuple[RowId, str, Origin]]] = {}
    for group in read:
        rows = group.members.rows
        for row, value in group.with_id(np.ones(len(rows), dtype=bool)):
            place = rows.place(row, value.places[0])
            for name, _ in group.names(row):
                given.setdefault(compare_key(name), []).append((rows.id(row), value.text, place))
    for key, several in given.items():
        ids = sorted({text for _, text, _ in several})
        if len(ids) > 1:
            places = in_place_order(place for _, _, place in several)
            notes.add(
                "group-differs",
                places[0],
                case="external-id",
                related=places[1:],
                group=shown(_first_named(read, key)),
                ids=tuple(map(shown, ids)),
            )
            bad.update(row_id for row_id, _, _ in several)
    return bad


def _first_named(read: Sequence[GroupColumns], key: str) -> str:
    """Return the first name in the first row that names a group by its key."""
    return next(
        next(group.names(row))[0]
        for group in read
        for row in range(len(group.members.rows))
        if any(compare_key(name) == key for name, _ in group.names(row))
    )


def _refuse_holes(read: Sequence[GroupColumns], notes: Notes) -> set[RowId]:
    """Find rows without a member beside others that have one; return their ids.

    A group may stand alone in a row, without anybody in it; beside rows that name members, such a
    row has lost its member, and nobody knows whom it meant.
    """
    bad: set[RowId] = set()
    groups = Numbers()
    by_group = [group.rows_by_group(groups) for group in read]
    count, holes = np.zeros(len(groups), np.intp), np.zeros(len(groups), np.intp)
    empty_rows = []
    for group, (rows, key) in zip(read, by_group, strict=True):
        of_file = group.listing & ~group.members.aside & (not group.listed)
        empty = of_file & group.members.holders.where(lambda v: v[0].state is State.EMPTY)
        count += np.bincount(key[of_file[rows]], minlength=len(groups))
        holes += np.bincount(key[empty[rows]], minlength=len(groups))
        empty_rows.append(empty)
    for group, (rows, key), empty in zip(read, by_group, empty_rows, strict=True):
        own = group.members.rows
        for row in rows[empty[rows] & (holes < count)[key]].tolist():
            place = next(iter(group.members.holders[row][0].places), None)
            notes.add("username-empty", own.place(row, place), case="group")
            bad.add(own.id(row))
    return bad


def _refuse_clashes(read: Sequence[GroupColumns], notes: Notes) -> set[RowId]:
    """Find groups of directories whose names are one to Kanboard; return the ids of their rows."""
    spelled: dict[str, set[str]] = {}
    for group in read:
        named = [(text, place) for _, text, place in group.members.targets()]
        named += [(one.given.value, one.given.origins[0]) for one in group.scopes if _is_given(one)]
        for text, place in named:
            if place.dn is not None:
                spelled.setdefault(compare_key(text), set()).add(case_key(text))
    clashing: dict[str, list[tuple[str, Origin]]] = {
        key: [] for key, by_case in spelled.items() if len(by_case) > 1
    }
    bad: set[RowId] = set()
    for group in read if clashing else ():
        for row in range(len(group.members.rows)):
            for text, place in group.names(row):
                if compare_key(text) in clashing:
                    bad.add(group.members.rows.id(row))
                    clashing[compare_key(text)].append((text, place))
        for one in group.scopes:
            if _is_given(one) and compare_key(one.target.text) in clashing:
                place = one.given.origins[0]
                clashing[compare_key(one.target.text)].append((one.target.text, place))
    for several in clashing.values():
        of_directories = [(text, place) for text, place in several if place.dn is not None]
        names = sorted({text for text, _ in of_directories})
        origins = in_place_order(place for _, place in of_directories)
        notes.add(
            "group-clash",
            origins[0],
            value=shown(names[0]),
            related=origins[1:],
            names=tuple(map(shown, names)),
        )
    return bad


def _is_given(scope: ScopeRead) -> bool:
    return scope.target.state is State.GIVEN


def groups_wanted(
    read: Sequence[GroupColumns], *, bad: Collection[RowId]
) -> tuple[DesiredGroup, ...]:
    """Return the groups that usable rows want."""
    names: dict[str, tuple[object, Given[str]]] = {}
    listing: set[str] = set()

    def take(text: str, place: Origin) -> str:
        key, rank = compare_key(text), (place_order(place), text)
        if key not in names or rank < names[key][0]:  # type: ignore[operator]
            names[key] = rank, Given(text, (place,))
        return key

    ids: dict[str, list[tuple[str, tuple[Origin, ...]]]] = {}
    for group in read:
        usable, rows = group.usable(bad), group.members.rows
        for _, text, place in group.members.targets(usable):
            take(text, place)
        if group.listing.any():
            listed = group.members.targets(usable & group.listing)
            listing.update(compare_key(text) for _, text, _ in listed)
        for scope in filter(_is_given, group.scopes):
            key = take(scope.target.text, scope.given.origins[0])
            listing.update([key] if group.lists_members else [])
        for row, value in group.with_id(usable):
            places = tuple(rows.place(row, place) for place in value.places)
            for name, _ in group.names(row):
                ids.setdefault(compare_key(name), []).append((value.text, places))
    external = {
        key: Given(said[0][0], in_place_order(place for _, places in said for place in places))
        for key, said in ids.items()
    }
    return tuple(
        DesiredGroup(name, external.get(key), key in listing)
        for key, (_, name) in sorted(names.items())
    )
