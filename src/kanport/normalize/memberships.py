"""What the rows of one source say of memberships: one project a row, or a matrix of projects."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from kanport.coded import Flags
from kanport.mapping.spec import Matrix, Membership, RoleRule
from kanport.model import Given, ProjectRole
from kanport.names import as_written, spelling_key
from kanport.normalize.bound import BoundRule, Context, bind, fold_table
from kanport.normalize.columns import header_origin, matrix_columns
from kanport.normalize.notes import Notes, Remark, remark
from kanport.normalize.rows import Ask, FilledRows, MemberRow, RowId
from kanport.normalize.ruled import Column, read_column, worked
from kanport.normalize.rules import (
    NOTHING,
    Cell,
    Oddities,
    Outcome,
    State,
    apply,
    apply_several,
    refused,
    shape,
)
from kanport.normalize.users import bind_username, nobody
from kanport.normalize.value import placed, read_several
from kanport.origin import Origin
from kanport.rules import project_role_problem
from kanport.table import Table

CustomRoles = Mapping[str, Collection[str]]
"""The custom roles of projects, by the spelling key of the project."""


class Said(NamedTuple):
    """What some cells ask for: projects, each with the role there, EMPTY for none.

    `unusable` is True where nothing of the row can be used.
    """

    asks: tuple[tuple[Outcome, Outcome], ...] = ()
    unusable: bool = False
    remarks: tuple[Remark, ...] = ()

    @property
    def asks_something(self) -> bool:
        """Whether a row has to say who asks."""
        return self.unusable or any(role.state is not State.EMPTY for _, role in self.asks)

    @property
    def is_open(self) -> bool:
        """Whether a project cannot be read."""
        return any(project.state in (State.BAD, State.UNKNOWN) for project, _ in self.asks)

    @property
    def is_hidden(self) -> bool:
        """Whether a project or a role may only be hidden."""
        return any(State.UNKNOWN in (project.state, role.state) for project, role in self.asks)


@dataclass(slots=True, eq=False)
class MemberColumns:
    """What the rows of one source say of memberships, by columns; see `MemberRow`.

    `said` are what they ask for: one column, or one for each column of a matrix. `withheld` and
    `unlisted` are as in `MemberRow`; rows that are `aside` count for nobody.
    """

    rows: FilledRows
    username: Column[Outcome]
    said: Sequence[Column[Said]]
    highest: bool
    withheld: Flags
    unlisted: Flags
    aside: Flags

    def row(self, number: int) -> MemberRow:
        """Return what one row says."""
        row = self.rows[number]
        said = [column[number] for column in self.said]
        return MemberRow(
            self.rows.id(number),
            row.origin,
            placed(self.username[number], row),
            tuple(
                Ask(placed(project, row), placed(role, row))
                for one in said
                for project, role in one.asks
            ),
            any(one.is_open for one in said),
            self.highest,
            row.entry,
            bool(self.withheld[number]),
            bool(self.unlisted[number]),
        )


def read_members(
    rule: Membership,
    rows: FilledRows,
    context: Context,
    custom: CustomRoles,
    notes: Notes,
    bad: set[RowId],
) -> MemberColumns:
    """Return what the rows of a source say of memberships; ids of unusable rows go into `bad`."""
    if rule.matrix is not None:
        said = _matrix(rule.matrix, rows, context, custom)
    else:
        said = [_one_project(rule, rows, context, custom)]
    username = read_column(bind_username(rule.username, context), rows, notes)
    unusable, asking = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    for column in said:
        column.tell(lambda one: one.remarks, rows, notes)
        unusable |= column.where(lambda one: one.unusable)
        asking |= column.where(lambda one: one.asks_something)
    nameless = username.where(lambda one: one.state is State.EMPTY) & asking
    for row in np.flatnonzero(nameless).tolist():
        for one in nobody(username[row]):
            notes.remark(one, rows.place(row, one.place))
    unusable |= nameless | username.where(lambda one: one.state is State.BAD)
    bad.update(rows.chosen(unusable))
    highest = rule.several == "highest" or (rule.several is None and rows.table.kind == "ldap")
    flags = [np.zeros(len(rows), dtype=bool) for _ in range(3)]
    return MemberColumns(rows, username, said, highest, *flags)


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


def _one_project(
    rule: Membership, rows: FilledRows, context: Context, custom: CustomRoles
) -> Column[Said]:
    assert rule.project is not None and rule.role is not None  # noqa: S101 - the model sees to it
    project_rule = bind(rule.project, "project", context, names=True) or bind_nothing(
        "project", context
    )
    role_rule, part = bind_role(rule.role, context)
    # A role without a project is a hole in the row, but where a pattern picks the projects out of
    # many values, having none is nothing odd.
    needs_project = bool(role_rule.columns) and not project_rule.each

    def said(pair: tuple[tuple[Outcome, ...], Outcome]) -> Said:
        projects, role = pair
        remarks = (*(one for project in projects for one in project.remarks), *role.remarks)
        if projects[0].state is State.EMPTY:
            lacking = needs_project and role.state is State.GIVEN and not role.assumed
            if lacking:
                place = next(iter(projects[0].places), None)
                remarks += (remark("value-required", place, case="project"),)
            if lacking or role.state is State.BAD:
                return Said(((Outcome(State.BAD), role),), unusable=True, remarks=remarks)
            return Said(remarks=remarks)
        asks = []
        for project in projects:
            own = role_in(project, role, role_rule, part, custom)
            remarks += own.remarks
            asks.append((project, own._replace(remarks=())))
        states = {one.state for ask in asks for one in ask}
        if any(own.state is State.EMPTY for _, own in asks):
            place = next(iter(asks[-1][1].places), None)
            remarks += (remark("value-required", place, case="role"),)
            return Said(tuple(asks), unusable=True, remarks=remarks)
        return Said(tuple(asks), State.BAD in states, remarks)

    projects = worked(project_rule, rows, apply_several)
    if part is not None:
        return projects.of_each(lambda several: said((several, NOTHING)))
    return projects.joined(worked(role_rule, rows, apply)).of_each(said)


def bind_role(role: RoleRule | str, context: Context) -> tuple[BoundRule, str | None]:
    """Give the rule for the role, and the part of the project's pattern that it reads, if any."""
    if isinstance(role, str):
        return BoundRule("role", context, constant=role), None
    bound = bind(role, "role", context, closed=True) or bind_nothing("role", context)
    return bound, role.part


def bind_nothing(what: str, context: Context) -> BoundRule:
    """Give the rule for a value that this source never gives."""
    return BoundRule(what, context, constant="")


def role_in(
    project: Outcome, role: Outcome, rule: BoundRule, part: str | None, custom: CustomRoles
) -> Outcome:
    """Return the role in a project: `role`, or what a part of the project's pattern says."""
    if part is None:
        return judged_role(rule, project, role._replace(remarks=()), custom)
    own = shape(rule, project.parts.get(part) or "", project.places)
    return judged_role(rule, project, own, custom)


def judged_role(rule: BoundRule, project: Outcome, role: Outcome, custom: CustomRoles) -> Outcome:
    """Refuse a role that the project does not have; an unreadable project might have any."""
    if role.state is not State.GIVEN or project.state is not State.GIVEN:
        return role
    own = custom.get(spelling_key(as_written(project.text)), ())
    problem = project_role_problem(role.text, own)
    return role if problem is None else refused(rule, problem, role)


# --- a matrix -------------------------------------------------------------------------------------


def _matrix(
    matrix: Matrix, rows: FilledRows, context: Context, custom: CustomRoles
) -> list[Column[Said]]:
    found = []
    for column, name in matrix_columns(matrix, rows.table.columns).items():
        project = Outcome(State.GIVEN, name, (header_origin(rows.table, column),))
        rule = role_cell(matrix, column, name, context, custom)

        def said(rule: BoundRule, cells: Sequence[Cell], odd: Oddities, project: Outcome) -> Said:
            if not cells[0] and not odd:
                return Said(((project, NOTHING),))
            role = apply(rule, cells, odd)
            judged = judged_role(rule, project, role, custom)
            return Said(((project, judged),), judged.state is State.BAD, judged.remarks)

        found.append(worked(rule, rows, partial(said, project=project)))
    return found


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
