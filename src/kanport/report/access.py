"""Access before and after, person by person and project by project."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from kanport.model import PROJECT_ROLE_RANK, ProjectRole
from kanport.names import compare_key
from kanport.plan.change import Action, RelationChange, Risk, called
from kanport.plan.model import Plan, PlanAccess, PlanMove
from kanport.plan.roles import project_rank
from kanport.relations import About
from kanport.report.effective import (
    EffectiveRole,
    EffectiveRoles,
    Where,
    Who,
    place_of,
    where_of,
    who_of,
)
from kanport.report.view import AccessRow, Account, ChangeView, Matrix, MatrixRow, RoleCount

_Key = tuple[str, int | None]


def access_of(plan: Plan, lines: Sequence[ChangeView]) -> tuple[AccessRow, ...]:
    """Return who has which role before and after: one row for each user and project.

    After a run, the roles follow from the changes that were made, those of groups too. The rows are
    sorted by person and project. Where a plan does not tell the access that it leaves as it is,
    there are rows for the changes only.
    """
    rows = list(_Rows(plan, lines))
    key = cache(compare_key)
    rows.sort(
        key=lambda row: (
            key(row.person),
            row.person,
            key(row.project),
            row.project,
            row.project_id or 0,
        )
    )
    return tuple(rows)


class _Rows:
    """Makes the rows of a report: those that changes are about, and those of the plan's access."""

    def __init__(self, plan: Plan, lines: Sequence[ChangeView]) -> None:
        self._plan = plan
        self._lines = lines
        self._logins = _Logins(lines)
        self._accounts = _accounts(plan, lines, self._logins)
        self._label = ProjectLabels(plan)
        self._roles = EffectiveRoles(plan, lines)
        self._groups_done = all(line.in_place for line in lines if line.change.group is not None)
        self._names = {self._logins.of(one.username): one.name or "" for one in plan.people}
        self._names |= _new_names(lines, self._logins)

    def __iter__(self) -> Iterator[AccessRow]:
        removals = {who_of(line): line for line in self._lines if _is(line, Action.USER_REMOVE)}
        changed = [
            (line, line.change)
            for line in self._lines
            if isinstance(line.change, RelationChange) and line.change.about is About.MEMBERSHIP
        ]
        changes = {(where_of(line), who_of(line)) for line, _ in changed}
        held: dict[tuple[Where, Who], str] = {}
        for access in self._plan.access or ():
            where, who = place_of(access), self._logins.id_of
            held |= {(where, who(username)): role for username, role in access.held.items()}
            known = {one.username: one.user_id for one in access.basis or ()}
            for username, role in access.kept.items():
                yield self._beside(access, username, known.get(username, username), role, None)
            for username, role in access.removed.items():
                line = removals.get(who(username))
                yield self._beside(access, username, who(username), role, line)
            for move in access.moved:
                yield self._moved(access, move)
            said = {move.user_id for move in access.moved}
            for basis in access.basis or ():
                told = basis.user_id in said or (where, basis.user_id) in changes
                if basis.role is None and not told:
                    # They were to leave a group that gets access.
                    removal = removals.get(basis.user_id)
                    row = self._beside(access, basis.username, basis.user_id, None, removal)
                    if row.after is not None or row.maybe:
                        yield row
        for line, change in changed:
            where, somebody = where_of(line), who_of(line)
            before = change.old_role
            if before is None:
                before = held.get((where, somebody))
            end = self._roles.ending(somebody, where, before, line)
            if somebody in removals and removals[somebody].in_place:
                end = EffectiveRole(None, sure=True)
            if line.status is None and Risk.MAYBE_THROUGH_GROUP in change.risk:
                # A run reads back what it has done, and so knows.
                end = end._replace(sure=False, either=end.role is None)
            person, label = self._logins.after(line), change.target
            yield self._row(person, label, change.project_id, before, end, line)

    def _beside(
        self,
        access: PlanAccess,
        username: str,
        who: Who,
        role: str | None,
        removal: ChangeView | None,
    ) -> AccessRow:
        """Return the row of a role that no change of a membership is about."""
        where, person = place_of(access), self._logins.of(username)
        if removal is not None or self._roles.knows(who, where):
            end = self._roles.ending(who, where, role, removal)
        else:
            end = EffectiveRole(role, sure=True)
        return self._row(person, access.project, access.project_id, role, end, removal)

    def _moved(self, access: PlanAccess, move: PlanMove) -> AccessRow:
        if access.basis is None:
            # Plans of earlier versions say nothing of what a role depends on.
            person = self._logins.of(move.username)
            end = EffectiveRole(
                move.after if self._groups_done else move.before,
                move.sure and self._groups_done,
                move.through,
                by_groups=True,
                either=not (move.sure and self._groups_done),
            )
        else:
            person = move.username if move.user_id is None else self._logins.of(move.username)
            who = move.username if move.user_id is None else move.user_id
            end = self._roles.ending(who, place_of(access), move.before, None)
        return self._row(person, access.project, access.project_id, move.before, end, None)

    def _row(
        self,
        person: str,
        project: str,
        project_id: int | None,
        before: str | None,
        end: EffectiveRole,
        line: ChangeView | None,
    ) -> AccessRow:
        return AccessRow(
            person,
            self._names.get(person, ""),
            self._label(project, project_id),
            project_id,
            before,
            end.role,
            self._accounts.get(person, Account.ACTIVE),
            line,
            maybe=not end.sure,
            through=end.through if end.by_groups or not end.sure else (),
            moves=end.by_groups and (end.role != before or not end.sure),
            either=end.either,
        )


def matrix_of(plan: Plan, rows: Iterable[AccessRow]) -> Matrix | None:
    """Count the roles of each project, before and after; None where the plan tells only changes.

    The roles go from the lowest to the highest, custom ones last; the projects by name.
    """
    if plan.access is None:
        return None
    label = ProjectLabels(plan)
    before: Counter[tuple[_Key, str]] = Counter()
    after: Counter[tuple[_Key, str]] = Counter()
    unsure: Counter[_Key] = Counter()
    more: Counter[_Key] = Counter()
    projects: set[_Key] = {
        (label(access.project, access.project_id), access.project_id) for access in plan.access
    }
    for row in rows:
        project = (row.project, row.project_id)
        projects.add(project)
        if row.before is not None:
            before[project, row.before] += 1
        if row.after is not None:
            after[project, row.after] += 1
        if row.either:
            (more if row.after is None else unsure)[project] += 1
    ranks = dict(PROJECT_ROLE_RANK)
    roles = sorted(
        {role for _, role in (*before, *after)}, key=lambda role: (ranks.get(role, 9), role)
    )
    told = tuple(
        _matrix_row(
            project,
            [RoleCount(r, before[project, r], after[project, r]) for r in roles],
            unsure[project],
            more[project],
        )
        for project in sorted(projects, key=lambda p: (compare_key(p[0]), p[0], p[1] or 0))
    )
    totals = tuple(
        RoleCount(
            role,
            sum(row.cells[number].before for row in told),
            sum(row.cells[number].after for row in told),
        )
        for number, role in enumerate(roles)
    )
    return Matrix(tuple(roles), told, totals, before.total(), after.total())


def _matrix_row(project: _Key, cells: list[RoleCount], unsure: int, more: int) -> MatrixRow:
    before, after = sum(cell.before for cell in cells), sum(cell.after for cell in cells)
    return MatrixRow(*project, before, after, tuple(cells), unsure, more)


class PersonAccess(NamedTuple):
    """Somebody's roles in all projects, by the label of the project."""

    person: str
    name: str
    account: Account
    roles: Mapping[str, AccessRow]

    @property
    def changed(self) -> bool:
        """Whether any of the roles changes, or may."""
        return any(map(is_changed, self.roles.values()))

    @property
    def privileged(self) -> bool:
        """Whether any of the roles, before or after, is that of a manager or a custom one."""
        return any(
            project_rank(role) >= _PRIVILEGED
            for row in self.roles.values()
            for role in (row.before, row.after)
            if role
        )


class PeopleByProjects(NamedTuple):
    """Who has which role in which project: people in their order, and projects by name."""

    projects: tuple[str, ...]
    rows: tuple[PersonAccess, ...]


_PRIVILEGED = PROJECT_ROLE_RANK[ProjectRole.MANAGER]


def is_changed(row: AccessRow) -> bool:
    """Return whether a role changes, or may."""
    return row.before != row.after or row.maybe


def people_by_projects(rows: Iterable[AccessRow]) -> PeopleByProjects:
    """Return the roles of all people by project; `rows` are in the order of the people."""
    people: dict[str, dict[str, AccessRow]] = {}
    for row in rows:
        if row.before is not None or row.after is not None or row.maybe:
            people.setdefault(row.person, {})[row.project] = row
    projects = {project for roles in people.values() for project in roles}
    return PeopleByProjects(
        tuple(sorted(projects, key=lambda one: (compare_key(one), one))),
        tuple(
            PersonAccess(person, first.name, first.account, roles)
            for person, roles in people.items()
            for first in [next(iter(roles.values()))]
        ),
    )


class ProjectLabels:
    """What projects are called: where several have one label, with their ids."""

    def __init__(self, plan: Plan) -> None:
        ids: dict[str, set[int | None]] = defaultdict(set)
        for access in plan.access or ():
            ids[access.project].add(access.project_id)
        for change in plan.changes:
            if change.project is not None:
                ids[change.project].add(change.project_id)
        self._shared = {label for label, some in ids.items() if len(some) > 1}

    def __call__(self, label: str, project_id: int | None) -> str:
        """Return what a project with this label and id is called."""
        if label not in self._shared:
            return label
        return f"{label} (new)" if project_id is None else f"{label} (#{project_id})"


class _Logins:
    """What people are called in the end: whoever reviews access looks for them by that name."""

    def __init__(self, lines: Iterable[ChangeView]) -> None:
        self._ids: dict[str, Who] = {}
        self._in_the_end: dict[Who, str] = {}
        others: dict[str, Who] = {}
        for line in lines:
            change, who = line.change, who_of(line)
            if change.action is not Action.USER_RENAME:
                if change.username is not None:
                    others.setdefault(change.username, who)
                continue
            # By way of a temporary username somebody is renamed twice.
            if who not in self._in_the_end:
                self._ids[change.username] = who
                self._in_the_end[who] = change.username
            if line.in_place:
                self._in_the_end[who] = change.new_username
        for username, who in others.items():
            if who not in self._in_the_end:
                self._ids.setdefault(username, who)

    def id_of(self, username: str) -> Who:
        """Return who had this username before: the id if a change has it, else the name."""
        return self._ids.get(username, username)

    def of(self, username: str) -> str:
        """Return what somebody is called in the end who had this username before."""
        return self._in_the_end.get(self.id_of(username), username)

    def after(self, line: ChangeView) -> str:
        """Return what the user of a change is called in the end."""
        return self._in_the_end.get(who_of(line), called(line.change) or "")


def _is(line: ChangeView, action: Action) -> bool:
    return line.change.action is action


def _new_names(lines: Iterable[ChangeView], logins: _Logins) -> dict[str, str]:
    found = {}
    for line in lines:
        change = line.change
        if change.action is Action.USER_CREATE:
            found[logins.after(line)] = change.new.name or ""
        elif change.action is Action.USER_UPDATE and line.in_place and change.new.name is not None:
            found[logins.after(line)] = change.new.name
    return found


def _accounts(plan: Plan, lines: Iterable[ChangeView], logins: _Logins) -> dict[str, Account]:
    """Return how the accounts stand in the end, of those who are not simply active."""
    accounts = {
        logins.of(person.username): Account.DISABLED for person in plan.people if person.disabled
    }
    for line in lines:
        if line.change.about is not About.USER:
            continue
        who = logins.after(line)
        if _is(line, Action.USER_CREATE):
            accounts[who] = Account.ACTIVE if line.in_place else Account.ABSENT
        elif not line.in_place:
            continue
        elif _is(line, Action.USER_DISABLE):
            accounts[who] = Account.DISABLED
        elif _is(line, Action.USER_ENABLE):
            accounts[who] = Account.ACTIVE
        elif _is(line, Action.USER_REMOVE):
            accounts[who] = Account.REMOVED
    return accounts
