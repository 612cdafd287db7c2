"""What the rows of one source say of memberships: one project a row, or a matrix of projects."""

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from kanport.mapping.spec import Matrix, Membership, RoleRule
from kanport.model import Given, ProjectRole
from kanport.names import as_written, spelling_key
from kanport.normalize.bound import BoundRule, Context, bind, fold_table
from kanport.normalize.columns import header_origin, matrix_columns
from kanport.normalize.notes import Notes
from kanport.normalize.rows import Ask, MemberRow, RowId, rows_in_order
from kanport.normalize.users import bind_username, note_nobody
from kanport.normalize.value import (
    EMPTY,
    State,
    Value,
    read_one,
    read_several,
    refused,
    shape,
)
from kanport.origin import Origin
from kanport.rules import project_role_problem
from kanport.table import Row, Table

CustomRoles = Mapping[str, Collection[str]]
"""The custom roles of projects, by the spelling key of the project."""


AskReader = Callable[[Row, Notes], tuple[tuple[Ask, ...], bool]]
"""Gives what a row asks for, and whether it cannot be used."""


def read_member_rows(
    rule: Membership,
    table: Table,
    context: Context,
    custom: CustomRoles,
    notes: Notes,
    bad: set[RowId],
) -> list[MemberRow]:
    """Give what each row of a source says of memberships; ids of unusable rows go into `bad`."""
    username = bind_username(rule.username, context)
    highest = rule.several == "highest" or (rule.several is None and table.kind == "ldap")
    read_asks = (
        _matrix_reader(rule.matrix, table, context, custom)
        if rule.matrix is not None
        else _row_reader(rule, context, custom)
    )
    found = []
    for row_id, row in rows_in_order(table):
        asks, unusable = read_asks(row, notes)
        who = read_one(username, row, notes)
        asked = unusable or any(ask.role.state is not State.EMPTY for ask in asks)
        if who.state is State.EMPTY and asked:
            note_nobody(row, who, notes)
            unusable = True
        if unusable or who.state is State.BAD:
            bad.add(row_id)
        is_open = any(ask.project.state in (State.BAD, State.UNKNOWN) for ask in asks)
        found.append(MemberRow(row_id, row.origin, who, asks, is_open, highest, row.entry))
    return found


class ScopesRead(NamedTuple):
    """The projects that scopes name, and those of which not everybody is known (None: any).

    `unread` are the latter with the places of their groups.
    """

    named: tuple[Given[str], ...] = ()
    unread: frozenset[tuple[str | None, Origin]] = frozenset()

    @property
    def open(self) -> frozenset[str | None]:
        """The projects of which not everybody is known (None: any)."""
        return frozenset(project for project, _ in self.unread)


def read_scopes(rule: Membership, table: Table, context: Context, notes: Notes) -> ScopesRead:
    """Give what a source speaks of besides its rows, as the spelling keys of projects.

    So a project counts as named even where its group has no members, and a group of which not all
    members are known leaves open who is to be in its project.
    """
    if rule.project is None or not table.scopes:
        return ScopesRead()
    project_rule = bind(rule.project, "project", context, names=True) or bind_nothing(
        "project", context
    )
    named: list[Given[str]] = []
    is_open: set[tuple[str | None, Origin]] = set()
    for scope in table.scopes:
        for project in read_several(project_rule, scope.row, notes):
            if project.state is State.GIVEN:
                named.append(Given(project.text, project.origins[:1] or (scope.row.origin,)))
            if project.state in (State.BAD, State.UNKNOWN):
                is_open.add((None, scope.row.origin))
            elif project.state is State.GIVEN and scope.open:
                is_open.add((spelling_key(project.text), scope.row.origin))
    return ScopesRead(tuple(named), frozenset(is_open))


# --- one project a row ----------------------------------------------------------------------------


def _row_reader(rule: Membership, context: Context, custom: CustomRoles) -> AskReader:
    assert rule.project is not None and rule.role is not None  # noqa: S101 - the model sees to it
    project_rule = bind(rule.project, "project", context, names=True) or bind_nothing(
        "project", context
    )
    role_rule, part = bind_role(rule.role, context)
    # A role without a project is a hole in the row, but where a pattern picks the projects out of
    # many values, having none is nothing odd.
    needs_project = bool(role_rule.columns) and not project_rule.each

    def read_asks(row: Row, notes: Notes) -> tuple[tuple[Ask, ...], bool]:
        projects = read_several(project_rule, row, notes)
        role = read_one(role_rule, row, notes) if part is None else EMPTY
        if projects[0].state is State.EMPTY:
            lacking = needs_project and role.state is State.GIVEN and not role.assumed
            if lacking:
                notes.add("value-required", projects[0].place(row.origin), case="project")
            if lacking or role.state is State.BAD:
                return (Ask(Value(State.BAD), role),), True
            return (), False
        asks = []
        for project in projects:
            if part is not None:
                role = shape(role_rule, project.parts.get(part) or "", project.origins, notes)
            asks.append(Ask(project, judged_role(role_rule, project, role, custom, notes)))
        if any(ask.role.state is State.EMPTY for ask in asks):
            notes.add("value-required", role.place(row.origin), case="role")
            return tuple(asks), True
        states = {state for ask in asks for state in (ask.project.state, ask.role.state)}
        return tuple(asks), State.BAD in states

    return read_asks


def bind_role(role: RoleRule | str, context: Context) -> tuple[BoundRule, str | None]:
    """Give the rule for the role, and the part of the project's pattern that it reads, if any."""
    if isinstance(role, str):
        return BoundRule("role", context, constant=role), None
    bound = bind(role, "role", context, closed=True) or bind_nothing("role", context)
    return bound, role.part


def bind_nothing(what: str, context: Context) -> BoundRule:
    """Give the rule for a value that this source never gives."""
    return BoundRule(what, context, constant="")


def judged_role(
    rule: BoundRule, project: Value, role: Value, custom: CustomRoles, notes: Notes
) -> Value:
    """Refuse a role that the project does not have; an unreadable project might have any."""
    if role.state is not State.GIVEN or project.state is not State.GIVEN:
        return role
    own = custom.get(spelling_key(as_written(project.text)), ())
    problem = project_role_problem(role.text, own)
    return role if problem is None else refused(rule, problem, role, notes)


# --- a matrix -------------------------------------------------------------------------------------


def _matrix_reader(
    matrix: Matrix, table: Table, context: Context, custom: CustomRoles
) -> AskReader:
    cells = [
        (
            column,
            Value(State.GIVEN, project, (header_origin(table, column),)),
            role_cell(matrix, column, project, context, custom),
            custom.get(spelling_key(project), ()),
        )
        for column, project in matrix_columns(matrix, table.columns).items()
    ]

    def read_asks(row: Row, notes: Notes) -> tuple[tuple[Ask, ...], bool]:
        asks = []
        for column, project, rule, roles in cells:
            if not row.values.get(column) and column not in row.odd:
                asks.append(Ask(project, EMPTY))
                continue
            asks.append(Ask(project, _read_role(rule, row, roles, notes)))
        return tuple(asks), any(ask.role.state is State.BAD for ask in asks)

    return read_asks


def role_cell(
    matrix: Matrix, column: str, project: str, context: Context, custom: CustomRoles
) -> BoundRule:
    """Make ready the reading of one column: the table says what stands there, or it is a role."""
    table: dict[str, str] | None = None
    if matrix.values is not None:
        roles = [*map(str, ProjectRole), *custom.get(spelling_key(project), ())]
        table = {**matrix.values, **{role: role for role in roles if role not in matrix.values}}
    return BoundRule(
        "role",
        context,
        (column,),
        steps=matrix.transform,
        table=table,
        folded=fold_table(matrix.values or {}),
        closed=True,
    )


def _read_role(rule: BoundRule, row: Row, custom: Collection[str], notes: Notes) -> Value:
    """Give the role in a cell of a matrix: what the table says of it, or a role spelled out."""
    role = read_one(rule, row, notes)
    if role.state is not State.GIVEN:
        return role
    problem = project_role_problem(role.text, custom)
    return role if problem is None else refused(rule, problem, role, notes)
