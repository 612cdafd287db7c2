"""Which groups are to have which role in which projects."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from kanport.mapping import LoadedMapping
from kanport.mapping.spec import GroupAccess
from kanport.model import DesiredGroupAccess, Given
from kanport.names import compare_key, spelling_key
from kanport.normalize.bound import BoundRule, Context, bind
from kanport.normalize.groups import Pair, name_problem
from kanport.normalize.listed import CONTEXT, GROUP_ACCESS, listed_access
from kanport.normalize.memberships import CustomRoles, bind_role, judged_role
from kanport.normalize.notes import Notes, shown
from kanport.normalize.rows import RowId, rows_in_order
from kanport.normalize.value import EMPTY, State, Value, read_one, read_several, shape
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
    for row_id, row in rows_in_order(table):
        own_id = row_id if start is None else (start, row_id[1])
        groups = read_several(group, row, notes)
        projects = read_several(project, row, notes)
        given = read_one(role, row, notes) if part is None else EMPTY
        # A row without a group or without a project is about something else.
        if groups[0].state is State.EMPTY or projects[0].state is State.EMPTY:
            states = {groups[0].state, projects[0].state, given.state}
            if State.BAD in states:
                bad.add(own_id)
            if State.BAD in states or State.UNKNOWN in states:
                yield AccessRow(own_id, row.origin, tuple(groups), ((projects[0], given),))
            continue
        asks = []
        for one in projects:
            own = given
            if part is not None:
                own = shape(role, one.parts.get(part) or "", one.origins, notes)
            own = judged_role(role, one, own, custom, notes)
            if own.state is State.EMPTY:
                notes.add("value-required", own.place(row.origin), case="group-role")
                bad.add(own_id)
            asks.append((one, own))
        states = {value.state for ask in asks for value in ask} | {one.state for one in groups}
        if State.BAD in states:
            bad.add(own_id)
        yield AccessRow(own_id, row.origin, tuple(groups), tuple(asks))


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
) -> tuple[tuple[DesiredGroupAccess, ...], frozenset[Pair]]:
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
            DesiredGroupAccess(
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
