"""Which groups the rows want, apart from who is in them, and which access groups are to have."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from functools import partial

import numpy as np

from kanport.coded import Codes, Flags
from kanport.mapping import LoadedMapping
from kanport.mapping.relations import GroupAccess, Groups, ListedGroup
from kanport.mapping.rules import ListRule, ProjectRule, RoleRule, Rule
from kanport.model import DesiredGroup, Given
from kanport.names import case_key, compare_key
from kanport.normalize.compiled import Context, compile_rule
from kanport.normalize.entries import Judge, insiders
from kanport.normalize.notes import Notes, remark, shown
from kanport.normalize.relations import (
    CellResults,
    CustomRoles,
    RelationColumns,
    Request,
    Requested,
    ScopeRead,
    compile_names,
    compile_nothing,
    compile_project,
    compile_role,
    name_problem,
    read_members,
    read_scopes,
    role_column,
    with_roles,
)
from kanport.normalize.rows import FilledRows, RowId
from kanport.normalize.ruled import Column, Numbers, spread, worked
from kanport.normalize.rules import CellResult, State, apply_several
from kanport.origin import Origin, in_place_order, place_order
from kanport.records import dataclass
from kanport.relations import About
from kanport.table import Row, Table

# --- what a mapping itself lists, as rows: so that it is read and judged like that of a file ------

# The columns of the rows that a list stands for.
GROUP, MEMBER, EXTERNAL_ID, PROJECT, ROLE = "group", "member", "external id", "project", "role"
CONTEXT = Context("", clear="\0")
"""What all lists share: no source, and no token that clears."""

GROUPS = Groups.model_construct(
    from_="",
    name=ListRule.model_construct(from_=GROUP),
    member=ListRule.model_construct(from_=MEMBER),
    external_id=Rule.model_construct(from_=EXTERNAL_ID),
)
GROUP_ACCESS = GroupAccess.model_construct(
    from_="",
    group=ListRule.model_construct(from_=GROUP),
    project=ProjectRule.model_construct(from_=PROJECT),
    role=RoleRule.model_construct(from_=ROLE),
)


def listed_groups(mapping: LoadedMapping, number: int) -> tuple[Table, frozenset[str]]:
    """Return the rows that a list of groups stands for, and the groups whose members it lists."""
    rows: list[Row] = []
    complete: set[str] = set()
    for name, listed in (mapping.spec.groups[number].list or {}).items():
        at = ("groups", number, "list", name)
        external_id: str = ""
        members: tuple[str, ...] = ()
        if isinstance(listed, ListedGroup):
            external_id, members = listed.external_id or "", listed.members or ()
        else:
            members = listed
        if not isinstance(listed, ListedGroup) or listed.members is not None:
            complete.add(name)
        rows.append(Row(mapping.place(at), {GROUP: (name,), EXTERNAL_ID: external_id}))
        rows += [Row(mapping.place(at), {GROUP: (name,), MEMBER: (who,)}) for who in members]
    return _table(mapping, f"list {number}", rows), frozenset(complete)


def listed_access(mapping: LoadedMapping, number: int) -> Table:
    """Return the rows that a list of the access of groups stands for."""

    def rows() -> Iterator[Row]:
        for group, projects in (mapping.spec.group_access[number].list or {}).items():
            for project, role in projects.items():
                place = mapping.place(("group_access", number, "list", group, project))
                yield Row(place, {GROUP: (group,), PROJECT: (project,), ROLE: role})

    return _table(mapping, f"access {number}", rows())


def _table(mapping: LoadedMapping, name: str, rows: Iterable[Row]) -> Table:
    columns = (GROUP, MEMBER, EXTERNAL_ID, PROJECT, ROLE)
    return Table.of_rows(name, "mapping", str(mapping.path), columns, rows)


# --- the groups -----------------------------------------------------------------------------------


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


# --- the access of groups -------------------------------------------------------------------------


def read_access(
    mapping: LoadedMapping,
    rows_of: Mapping[str, FilledRows],
    shared: Mapping[str, Context],
    custom: CustomRoles,
    notes: Notes,
    bad: set[RowId],
) -> list[RelationColumns]:
    """Return what the rows, and the mapping's own lists, say of the access of groups.

    Ids of rows that cannot be used go into `bad`. In a list, a role stands for itself.
    """
    found = []
    for number, rule in enumerate(mapping.spec.group_access):
        if rule.list is not None:
            rows = FilledRows(listed_access(mapping, number))
            found.append(_access(GROUP_ACCESS, rows, CONTEXT, custom, notes, bad))
        elif rule.from_ is not None:
            rows, context = rows_of[rule.from_], shared[rule.from_]
            found.append(_access(rule, rows, context, custom, notes, bad))
    return found


def _access(
    rule: GroupAccess,
    rows: FilledRows,
    context: Context,
    custom: CustomRoles,
    notes: Notes,
    bad: set[RowId],
) -> RelationColumns:
    assert rule.project is not None and rule.role is not None  # noqa: S101 - the model sees to it
    group = compile_names(rule.group, "group", context, name_problem) or compile_nothing(
        "group", context
    )
    role_rule, part = compile_role(rule.role, context)

    def requested(
        read: tuple[tuple[CellResults, CellResults], CellResult],
    ) -> Requested:
        (groups, projects), role = read
        remarks = tuple(one for value in (*groups, *projects, role) for one in value.remarks)
        # A row without a group or without a project is about something else.
        if groups[0].state is State.EMPTY or projects[0].state is State.EMPTY:
            states = {groups[0].state, projects[0].state, role.state}
            odd = State.BAD in states or State.UNKNOWN in states
            about = (Request(projects[0], role),) if odd else ()
            return Requested(about, State.BAD in states, remarks)
        asked, said = with_roles(projects, role, role_rule, part, custom)
        empty = [own for _, own in asked if own.state is State.EMPTY]
        said += tuple(
            remark("value-required", next(iter(own.places), None), case="group-role")
            for own in empty
        )
        states = {one.state for request in asked for one in request} | {g.state for g in groups}
        return Requested(asked, bool(empty) or State.BAD in states, remarks + said)

    groups = worked(group, rows, apply_several)
    projects = worked(compile_project(rule.project, context), rows, apply_several)
    roles = role_column(role_rule, part, rows)
    column = groups.joined(projects).joined(roles).of_each(requested)
    column.note(lambda one: one.remarks, rows, notes)
    bad.update(rows.chosen(column.where(lambda one: one.unusable)))
    return RelationColumns.of(About.GROUP_ACCESS, rows, groups, [column])
