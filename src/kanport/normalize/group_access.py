"""Which groups are to have which role in which projects."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from kanport.mapping import LoadedMapping
from kanport.mapping.spec import GroupAccess
from kanport.model import About, DesiredRelation, Given, Pair
from kanport.names import compare_key, spelling_key
from kanport.normalize.bound import BoundRule, Context, bind
from kanport.normalize.groups import name_problem
from kanport.normalize.listed import CONTEXT, GROUP_ACCESS, listed_access
from kanport.normalize.memberships import CustomRoles, Said, bind_role, role_in
from kanport.normalize.notes import Notes, remark, shown
from kanport.normalize.rows import FilledRows, RowId
from kanport.normalize.ruled import Column, worked
from kanport.normalize.rules import NOTHING, Outcome, apply, apply_several
from kanport.normalize.value import State, Value, placed
from kanport.origin import Origin, in_place_order, place_order
from kanport.table import Table


@dataclass(frozen=True, slots=True)
class AccessRow:
    """What one row says of the access of groups: each of them to each project, with its role."""

    id: RowId
    origin: Origin
    groups: tuple[Value, ...]
    asks: tuple[tuple[Value, Value], ...]


def read_group_access(
    mapping: LoadedMapping,
    tables: Mapping[str, Table],
    shared: Mapping[str, Context],
    custom: CustomRoles,
    notes: Notes,
    bad: set[RowId],
) -> tuple[AccessRow, ...]:
    """Give what the rows, and the mapping's own lists, say of the access of groups.

    Ids of rows that cannot be used go into `bad`. In a list, a role stands for itself.
    """
    rows: list[AccessRow] = []
    for number, rule in enumerate(mapping.spec.group_access):
        if rule.list is not None:
            table = listed_access(mapping, number)
            rows += _rows(GROUP_ACCESS, table, CONTEXT, custom, notes, bad, f"access {number}")
        elif rule.from_ is not None:
            table, context = tables[rule.from_], shared[rule.from_]
            rows += _rows(rule, table, context, custom, notes, bad)
    return tuple(rows)


def _rows(
    rule: GroupAccess,
    table: Table,
    context: Context,
    custom: CustomRoles,
    notes: Notes,
    bad: set[RowId],
    start: str | None = None,
) -> Iterator[AccessRow]:
    assert rule.group is not None and rule.project is not None  # noqa: S101 - the model sees to it
    assert rule.role is not None  # noqa: S101
    nothing = BoundRule("group", context, constant="")
    group = bind(rule.group, "group", context, check=name_problem, names=True) or nothing
    project = bind(rule.project, "project", context, names=True) or nothing
    role, part = bind_role(rule.role, context)

    def said(read: tuple[tuple[tuple[Outcome, ...], tuple[Outcome, ...]], Outcome]) -> Said:
        (groups, projects), given = read
        remarks = tuple(one for value in (*groups, *projects, given) for one in value.remarks)
        # A row without a group or without a project is about something else.
        if groups[0].state is State.EMPTY or projects[0].state is State.EMPTY:
            states = {groups[0].state, projects[0].state, given.state}
            asks: list[tuple[Outcome, Outcome]] = []
            if State.BAD in states or State.UNKNOWN in states:
                asks = [(projects[0], given)]
            return Said(tuple(asks), State.BAD in states, remarks)
        asks, unusable = [], False
        for one in projects:
            own = role_in(one, given, role, part, custom)
            remarks += own.remarks
            if own.state is State.EMPTY:
                place = next(iter(own.places), None)
                remarks += (remark("value-required", place, case="group-role"),)
                unusable = True
            asks.append((one, own))
        states = {value.state for ask in asks for value in ask} | {one.state for one in groups}
        return Said(tuple(asks), unusable or State.BAD in states, remarks)

    rows = FilledRows(table)
    groups = worked(group, rows, apply_several)
    projects = worked(project, rows, apply_several)
    if part is None:
        given = worked(role, rows, apply)
    else:
        given = Column([NOTHING], np.zeros(len(rows), dtype=np.intp))
    read = groups.joined(projects).joined(given).of_each(said)
    read.tell(lambda one: one.remarks, rows, notes)
    for number in np.flatnonzero(read.where(lambda one: one.asks or one.unusable)).tolist():
        row, one = rows[number], read[number]
        row_id = rows.id(number) if start is None else (start, rows.id(number)[1])
        if one.unusable:
            bad.add(row_id)
        yield AccessRow(
            row_id,
            row.origin,
            tuple(placed(group, row) for group in groups[number]),
            tuple((placed(project, row), placed(own, row)) for project, own in one.asks),
        )


def refuse_differing_access(rows: Iterable[AccessRow], notes: Notes) -> set[RowId]:
    """Find groups that are to have two roles in one project; give the ids of all rows that say so.

    Kanboard stores one role for a group in a project.
    """
    bad: set[RowId] = set()
    for wanted in _by_pair(rows).values():
        roles = sorted({role.text for _, _, _, role in wanted})
        if len(roles) > 1:
            _, group, project, _ = wanted[0]
            places = in_place_order(role.place(row.origin) for row, _, _, role in wanted)
            notes.add(
                "group-differs",
                places[0],
                case="role",
                related=places[1:],
                group=shown(group.text),
                roles=tuple(roles),
                project=shown(project.text),
            )
            bad.update(row.id for row, _, _, _ in wanted)
    return bad


def access_wanted(
    rows: Iterable[AccessRow], *, bad: Collection[RowId], partial: bool
) -> tuple[tuple[DesiredRelation, ...], frozenset[Pair]]:
    """Give the access that usable rows want, and what the others leave open (group, project)."""
    rows = tuple(rows)
    is_open: set[Pair] = {(None, None)} if partial else set()
    for row in rows:
        if row.id in bad or _is_hidden(row):
            is_open.update(access_pairs(row))
    found = []
    for pair, wanted in sorted(_by_pair(row for row in rows if row.id not in bad).items()):
        if pair in is_open:
            continue
        _, group, project, role = wanted[0]
        places = in_place_order(asked.place(row.origin) for row, _, _, asked in wanted)
        found.append(
            DesiredRelation(
                About.GROUP_ACCESS,
                Given(group.text, group.origins[:1]),
                Given(project.text, project.origins[:1]),
                Given(role.text, places),
            )
        )
    return tuple(found), frozenset(is_open)


def _by_pair(
    rows: Iterable[AccessRow],
) -> dict[tuple[str, str], list[tuple[AccessRow, Value, Value, Value]]]:
    found: dict[tuple[str, str], list[tuple[AccessRow, Value, Value, Value]]] = {}
    given = State.GIVEN
    for row in rows:
        for group in row.groups:
            for project, role in row.asks:
                if group.state is project.state is role.state is given:
                    pair = compare_key(group.text), spelling_key(project.text)
                    found.setdefault(pair, []).append((row, group, project, role))
    for wanted in found.values():
        wanted.sort(key=lambda one: (place_order(one[3].place(one[0].origin)), one[1].text))
    return found


def access_pairs(row: AccessRow) -> Iterator[Pair]:
    """Yield the keys of the groups and projects that a row names; None for what is unreadable."""
    groups = {_key(group, compare_key) for group in row.groups}
    return ((group, _key(project, spelling_key)) for group in groups for project, _ in row.asks)


def _is_hidden(row: AccessRow) -> bool:
    values = (*row.groups, *(value for ask in row.asks for value in ask))
    return any(value.state is State.UNKNOWN for value in values)


def _key(value: Value, key: Callable[[str], str]) -> str | None:
    return key(value.text) if value.state is State.GIVEN else None
