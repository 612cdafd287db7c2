"""What the rows of one source say of relations: who, or which group, is wanted where, and as what.

Memberships, members of groups and the access of groups are read, judged and put together in one
way: a row names holders, and targets each with a role. What differs is which rules they have.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from kanport.coded import Flags
from kanport.facts import Fact, fact
from kanport.mapping.relations import Groups, MatrixRule, Membership
from kanport.mapping.rules import RoleRule, Rule
from kanport.model import Blocker, Given, Pair, ProjectRole
from kanport.names import as_written, spelling_key
from kanport.normalize.columns import header_origin, matrix_columns
from kanport.normalize.compiled import Check, CompiledRule, Context, compile_rule, fold_table
from kanport.normalize.notes import Notes, Remark, remark
from kanport.normalize.rows import FilledRows, RelationRow, RowId, Value, placed, read_several
from kanport.normalize.ruled import Column, first_of, read_column, worked
from kanport.normalize.rules import (
    NOTHING,
    Cell,
    CellResult,
    Oddities,
    State,
    apply,
    apply_several,
    refused,
    shape,
)
from kanport.normalize.users import compile_username, nobody
from kanport.origin import Origin
from kanport.relations import RELATIONS, About
from kanport.rules import project_role_problem, username_problem
from kanport.table import Table

CellResults = tuple[CellResult, ...]
CustomRoles = Mapping[str, Collection[str]]
"""The custom roles of projects, by the spelling key of the project."""

NAME_MAX = 191
"""Code points that MariaDB holds of a group's name; SQLite and PostgreSQL take more."""

_NO_ROLE = CellResult(State.GIVEN)
"""What a member of a group has instead of a role."""


class Request(NamedTuple):
    """A target with the role that a row wants there."""

    target: CellResult
    role: CellResult


class Requested(NamedTuple):
    """What some cells ask for: targets, each with the role there, EMPTY for none.

    `unusable` is True where nothing of the row can be used.
    """

    requests: tuple[Request, ...] = ()
    unusable: bool = False
    remarks: tuple[Remark, ...] = ()

    @property
    def asks_something(self) -> bool:
        """Whether a row has to say who asks."""
        return self.unusable or any(one.role.state is not State.EMPTY for one in self.requests)


@dataclass(slots=True, eq=False)
class RelationColumns:
    """What the rows of one source say of relations of one kind, by columns; see `RelationRow`.

    `requested` is what they ask for: one column, or one for each column of a matrix. `withheld` and
    `unlisted` are as in `RelationRow`; rows that are `aside` count for nobody.
    """

    kind: About
    rows: FilledRows
    holders: Column[CellResults]
    requested: Sequence[Column[Requested]]
    highest: bool
    withheld: Flags
    unlisted: Flags
    aside: Flags

    @classmethod
    def of(
        cls,
        kind: About,
        rows: FilledRows,
        holders: Column[CellResults],
        requested: Sequence[Column[Requested]],
        *,
        highest: bool = False,
    ) -> "RelationColumns":
        """Return the columns of rows that all count, as far as is known."""
        flags = [np.zeros(len(rows), dtype=bool) for _ in range(3)]
        return cls(kind, rows, holders, requested, highest, *flags)

    def row(self, number: int) -> RelationRow:
        """Return what one row says."""
        row = self.rows[number]
        return RelationRow(
            self.kind,
            self.rows.id(number),
            row.origin,
            tuple(placed(holder, row) for holder in self.holders[number]),
            tuple(
                (placed(target, row), placed(role, row))
                for column in self.requested
                for target, role in column[number].requests
            ),
            self.highest,
            bool(self.withheld[number]),
            bool(self.unlisted[number]),
        )

    @property
    def hidden(self) -> Flags:
        """Which rows have a holder, a target or a role that may only be hidden."""
        hidden = self.holders.where(lambda one: any(v.state is State.UNKNOWN for v in one))
        for column in self.requested:
            hidden |= column.where(
                lambda one: any(
                    State.UNKNOWN in (request.target.state, request.role.state)
                    for request in one.requests
                )
            )
        return hidden

    def targets(self, rows: Flags | None = None) -> Iterator[tuple[int, str, Origin]]:
        """Yield the targets that rows name, each with a row and the place where it names it.

        Where all rows have the place at the same column, the first row has the first place of all,
        and stands for the others. With `rows`, only these are looked at.
        """
        chosen = np.arange(len(self.rows)) if rows is None else np.flatnonzero(rows)
        for column in self.requested:
            some = chosen[first_of(column.codes[chosen])] if self.rows.alike else chosen
            for row in some.tolist():
                for target, _ in column[row].requests:
                    if target.state is State.GIVEN:
                        yield row, target.text, self.rows.place(row, target.places[0])


class ScopeRead(NamedTuple):
    """A target that a source names besides its rows; `open` is True if not all are known."""

    kind: About
    target: Value
    open: bool
    origin: Origin

    @property
    def given(self) -> Given[str]:
        """The target with its place."""
        return Given(self.target.text, self.target.origins[:1] or (self.origin,))

    @property
    def uncertain(self) -> Pair | None:
        """The keys of what is open because of it; None where nothing is."""
        if self.target.state is State.GIVEN:
            key = RELATIONS[self.kind].key_of(self.target.text)
            return (None, key) if self.open else None
        return (None, None)

    @property
    def names_project(self) -> bool:
        """Whether it is a project that memberships may be in."""
        return self.kind is About.MEMBERSHIP and self.target.state is State.GIVEN

    def blockers(self) -> Iterator[Blocker]:
        """Yield why it is open who is wanted there."""
        if self.uncertain is not None:
            yield Blocker("group", None, self.origin, self.kind, self.uncertain[1])


def read_scopes(
    kind: About, rule: CompiledRule | None, table: Table, notes: Notes
) -> tuple[ScopeRead, ...]:
    """Return what a source names besides its rows.

    So a project counts as named even where its group has no members, and a group of which not all
    members are known leaves open who is to be in it.
    """
    return tuple(
        ScopeRead(kind, target, scope.open, scope.row.origin)
        for scope in table.scopes
        for target in (read_several(rule, scope.row, notes) if rule is not None else ())
        if target.state is not State.EMPTY
    )


# --- memberships ----------------------------------------------------------------------------------


def read_memberships(
    rule: Membership,
    rows: FilledRows,
    context: Context,
    custom: CustomRoles,
    notes: Notes,
    bad: set[RowId],
) -> RelationColumns:
    """Return what the rows of a source say of memberships; ids of unusable rows go into `bad`."""
    if rule.matrix is not None:
        requested = _matrix(rule.matrix, rows, context, custom)
    else:
        requested = [_one_project(rule, rows, context, custom)]
    username = read_column(compile_username(rule.username, context), rows, notes)
    unusable, asking = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    for column in requested:
        column.note(lambda one: one.remarks, rows, notes)
        unusable |= column.where(lambda one: one.unusable)
        asking |= column.where(lambda one: one.asks_something)
    nameless = username.where(lambda one: one.state is State.EMPTY) & asking
    for row in np.flatnonzero(nameless).tolist():
        for one in nobody(username[row]):
            notes.remark(one, rows.place(row, one.place))
    unusable |= nameless | username.where(lambda one: one.state is State.BAD)
    bad.update(rows.chosen(unusable))
    highest = rule.several == "highest" or (rule.several is None and rows.table.kind == "ldap")
    holders: Column[CellResults] = username.of_each(lambda one: (one,))
    return RelationColumns.of(About.MEMBERSHIP, rows, holders, requested, highest=highest)


def compile_project(rule: Rule, context: Context) -> CompiledRule:
    """Make the rule for a project ready for one source."""
    return compile_rule(rule, "project", context, names=True) or compile_nothing("project", context)


def compile_nothing(what: str, context: Context) -> CompiledRule:
    """Return the rule for a value that this source never gives."""
    return CompiledRule(what, context, constant="")


def _one_project(
    rule: Membership, rows: FilledRows, context: Context, custom: CustomRoles
) -> Column[Requested]:
    assert rule.project is not None and rule.role is not None  # noqa: S101 - the model sees to it
    project_rule = compile_project(rule.project, context)
    role_rule, part = compile_role(rule.role, context)
    # A role without a project is a hole in the row, but where a pattern picks the projects out of
    # many values, having none is nothing odd.
    needs_project = bool(role_rule.columns) and not project_rule.each

    def requested(pair: tuple[CellResults, CellResult]) -> Requested:
        projects, role = pair
        remarks = (*(one for project in projects for one in project.remarks), *role.remarks)
        if projects[0].state is State.EMPTY:
            lacking = needs_project and role.state is State.GIVEN and not role.assumed
            if lacking:
                place = next(iter(projects[0].places), None)
                remarks += (remark("value-required", place, case="project"),)
            if lacking or role.state is State.BAD:
                return Requested((Request(CellResult(State.BAD), role),), True, remarks)
            return Requested(remarks=remarks)
        asked, said = with_roles(projects, role, role_rule, part, custom)
        unusable = State.BAD in {one.state for request in asked for one in request}
        if any(own.state is State.EMPTY for _, own in asked):
            place = next(iter(asked[-1].role.places), None)
            said += (remark("value-required", place, case="role"),)
            unusable = True
        return Requested(asked, unusable, remarks + said)

    projects = worked(project_rule, rows, apply_several)
    return projects.joined(role_column(role_rule, part, rows)).of_each(requested)


def role_column(rule: CompiledRule, part: str | None, rows: FilledRows) -> Column[CellResult]:
    """Return the roles of rows; none where a part of the project's pattern says them."""
    if part is not None:
        return Column([NOTHING], np.zeros(len(rows), dtype=np.intp))
    return worked(rule, rows, apply)


def with_roles(
    projects: Sequence[CellResult],
    role: CellResult,
    rule: CompiledRule,
    part: str | None,
    custom: CustomRoles,
) -> tuple[tuple[Request, ...], tuple[Remark, ...]]:
    """Return each project with its role, and what there is to say of the roles.

    It is `role`, or what a part of the project's pattern says.
    """
    asked = []
    for project in projects:
        own = role._replace(remarks=())
        if part is not None:
            own = shape(rule, project.parts.get(part) or "", project.places)
        asked.append((project, judged_role(rule, project, own, custom)))
    return (
        tuple(Request(project, own._replace(remarks=())) for project, own in asked),
        tuple(said for _, own in asked for said in own.remarks),
    )


def compile_role(role: RoleRule | str, context: Context) -> tuple[CompiledRule, str | None]:
    """Return the rule for the role, and the part of the project's pattern that it reads, if any."""
    if isinstance(role, str):
        return CompiledRule("role", context, constant=role), None
    bound = compile_rule(role, "role", context, closed=True) or compile_nothing("role", context)
    return bound, role.part


def judged_role(
    rule: CompiledRule, project: CellResult, role: CellResult, custom: CustomRoles
) -> CellResult:
    """Refuse a role that the project does not have; an unreadable project might have any."""
    if role.state is not State.GIVEN or project.state is not State.GIVEN:
        return role
    own = custom.get(spelling_key(as_written(project.text)), ())
    problem = project_role_problem(role.text, own)
    return role if problem is None else refused(rule, problem, role)


def _matrix(
    matrix: MatrixRule, rows: FilledRows, context: Context, custom: CustomRoles
) -> list[Column[Requested]]:
    found = []
    for column, name in matrix_columns(matrix, rows.table.columns).items():
        project = CellResult(State.GIVEN, name, (header_origin(rows.table, column),))
        rule = role_cell(matrix, column, name, context, custom)

        def requested(
            rule: CompiledRule, cells: Sequence[Cell], odd: Oddities, project: CellResult
        ) -> Requested:
            if not cells[0] and not odd:
                return Requested((Request(project, NOTHING),))
            role = judged_role(rule, project, apply(rule, cells, odd), custom)
            return Requested((Request(project, role),), role.state is State.BAD, role.remarks)

        found.append(worked(rule, rows, partial(requested, project=project)))
    return found


def role_cell(
    matrix: MatrixRule, column: str, project: str, context: Context, custom: CustomRoles
) -> CompiledRule:
    """Make ready the reading of one column: the table says what stands there, or it is a role."""
    table: dict[str, str] | None = None
    if matrix.values is not None:
        roles = [*map(str, ProjectRole), *custom.get(spelling_key(project), ())]
        table = {**matrix.values, **{role: role for role in roles if role not in matrix.values}}
    return CompiledRule(
        "role",
        context,
        (column,),
        steps=matrix.transform,
        table=table,
        folded=fold_table(matrix.values or {}),
        closed=True,
    )


# --- members of groups ----------------------------------------------------------------------------


def name_problem(text: str) -> Fact | None:
    """Return why this cannot be the name of a group: Kanboard would take any text.

    >>> name_problem("Engineers"), name_problem("x" * 192).code
    (None, 'group-name-odd')
    """
    if len(text) <= NAME_MAX:
        return None
    return fact("group-name-odd", case="group", limit=NAME_MAX)


def read_members(
    rule: Groups, rows: FilledRows, context: Context, notes: Notes, bad: set[RowId]
) -> tuple[RelationColumns, Column[CellResult]]:
    """Return who is to be in which groups, and the external ids of the groups.

    A group may stand there without a member. Ids of unusable rows go into `bad`.
    """
    name = compile_names(rule.name, "group", context, name_problem)
    member = compile_names(rule.member, "member", context, username_problem)
    names, members = _read(name, rows, notes), _read(member, rows, notes)
    external = Column([NOTHING], np.zeros(len(rows), dtype=np.intp))
    id_rule = compile_rule(rule.external_id, "external id", context, clearable=True, names=True)
    if id_rule is not None:
        external = read_column(id_rule, rows, notes)
    given = external.where(lambda one: one.state in (State.GIVEN, State.CLEAR))
    unusable = external.where(lambda one: one.state is State.BAD)
    for column in (names, members):
        unusable |= column.where(lambda one: any(value.state is State.BAD for value in one))
    unnamed = names.where(lambda one: one[0].state is State.EMPTY)
    # Where a pattern picks the groups out of many values, having none is nothing odd.
    needs_name = name is not None and bool(name.columns) and not name.each and member is None
    lacking = unnamed & external.where(lambda one: one.state is not State.EMPTY) & needs_name
    for row in np.flatnonzero(lacking).tolist():
        place = rows.place(row, next(iter(names[row][0].places), None))
        notes.add("value-required", place, case="group")
    aside = unnamed & ~lacking
    doubled = given & names.where(lambda one: sum(v.state is State.GIVEN for v in one) > 1)
    for row in np.flatnonzero(doubled).tolist():
        place = rows.place(row, next(iter(external[row].places), None))
        notes.add("value-not-single", place, case="external-id")
    bad.update(rows.chosen(((unusable | doubled) & ~aside) | lacking))
    requested = names.of_each(lambda one: Requested(tuple(Request(v, _NO_ROLE) for v in one)))
    columns = RelationColumns.of(About.GROUP_MEMBER, rows, members, [requested])
    columns.aside |= aside
    return columns, external


def compile_names(
    rule: Rule | None, what: str, context: Context, check: Check
) -> CompiledRule | None:
    """Make the rule for names of users or groups ready for one source."""
    return compile_rule(rule, what, context, check=check, names=True)


def _read(rule: CompiledRule | None, rows: FilledRows, notes: Notes) -> Column[CellResults]:
    if rule is None:
        return Column([(NOTHING,)], np.zeros(len(rows), dtype=np.intp))
    found = worked(rule, rows, apply_several)
    found.note(lambda several: [said for one in several for said in one.remarks], rows, notes)
    return found
