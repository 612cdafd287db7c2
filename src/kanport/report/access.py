"""Access before and after, person by person and project by project."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

from kanport.model import PROJECT_ROLE_RANK
from kanport.names import compare_key
from kanport.plan.change import About, Action, Risk
from kanport.plan.model import Plan
from kanport.report.parts import Line
from kanport.report.tables import AccessRow, Account, Matrix, MatrixRow, RoleCount

_Key = tuple[str, int | None]


def access_of(plan: Plan, lines: Sequence[Line]) -> tuple[AccessRow, ...]:
    """Give who has which role in which project, before and after: a row for each of both.

    After a run it is what was really done that counts. The rows are sorted by person and project.
    Where a plan does not tell the access that it leaves as it is, there are rows for the changes
    only.
    """
    logins = _Logins(lines)
    names = {logins.of(person.username): person.name or "" for person in plan.people}
    names.update(_new_names(lines))
    accounts = _accounts(plan, lines, logins)
    removals = {line.change.username: line for line in lines if _is(line, Action.USER_REMOVE)}
    groups_so = all(line.in_place for line in lines if line.change.group is not None)
    held = {
        (access.project_id, who): role
        for access in plan.access or ()
        for who, role in access.held.items()
    }
    label = ProjectLabels(plan)
    rows: list[AccessRow] = []
    for access in plan.access or ():
        project = label(access.project, access.project_id)
        for called, role in access.kept.items():
            person = logins.of(called)
            account = accounts.get(person, Account.ACTIVE)
            rows.append(
                AccessRow(
                    person, names.get(person, ""), project, access.project_id, role, role, account
                )
            )
        for called, role in access.removed.items():
            person = logins.of(called)
            line = removals.get(called)
            rows.append(
                AccessRow(
                    person,
                    names.get(person, ""),
                    project,
                    access.project_id,
                    role,
                    None if line is None or line.in_place else role,
                    accounts.get(person, Account.ACTIVE),
                    line,
                )
            )
        for move in access.moved:
            person = logins.of(move.username)
            rows.append(
                AccessRow(
                    person,
                    names.get(person, ""),
                    project,
                    access.project_id,
                    move.before,
                    move.after if groups_so else move.before,
                    accounts.get(person, Account.ACTIVE),
                    maybe=not (move.sure and groups_so),
                    through=move.through,
                    moves=True,
                )
            )
    for line in lines:
        change = line.change
        if change.about is not About.MEMBERSHIP:
            continue
        before, after = change.old_role, change.new_role
        if before is None:
            before = held.get((change.project_id, change.holder))
        person = logins.after(change.user_id, change.holder)
        rows.append(
            AccessRow(
                person,
                names.get(person, ""),
                label(change.target, change.project_id),
                change.project_id,
                before,
                after if line.in_place else _left(line, before),
                accounts.get(person, Account.ACTIVE),
                line,
                # A run reads back what it has done, and so knows.
                maybe=line.status is None and Risk.MAYBE_THROUGH_GROUP in change.risk,
            )
        )
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


def matrix_of(plan: Plan, rows: Iterable[AccessRow]) -> Matrix | None:
    """Count the roles of each project, before and after; None where the plan tells only changes.

    The roles go from the lowest to the highest, custom ones last; the projects by name.
    """
    if plan.access is None:
        return None
    label = ProjectLabels(plan)
    before: Counter[tuple[_Key, str]] = Counter()
    after: Counter[tuple[_Key, str]] = Counter()
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
    ranks = dict(PROJECT_ROLE_RANK)
    roles = sorted(
        {role for _, role in (*before, *after)}, key=lambda role: (ranks.get(role, 9), role)
    )
    told = tuple(
        _matrix_row(project, [RoleCount(r, before[project, r], after[project, r]) for r in roles])
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


def _matrix_row(project: _Key, cells: list[RoleCount]) -> MatrixRow:
    before, after = sum(cell.before for cell in cells), sum(cell.after for cell in cells)
    return MatrixRow(*project, before, after, tuple(cells))


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

    def __init__(self, lines: Iterable[Line]) -> None:
        self._by_name: dict[str, str] = {}
        self._by_id: dict[int | None, str] = {}
        for line in lines:
            change = line.change
            if change.action is Action.USER_RENAME and change.new.username and line.in_place:
                self._by_name[change.username] = change.new.username
                self._by_id[change.user_id] = change.new.username

    def of(self, username: str) -> str:
        """Give what somebody is called in the end who had this username before."""
        return self._by_name.get(username, username)

    def after(self, user_id: int | None, username: str) -> str:
        """Return what the user of a change is called in the end."""
        return username if user_id is None else self._by_id.get(user_id, username)


def _is(line: Line, action: Action) -> bool:
    return line.change.action is action


def _left(line: Line, before: str | None) -> str | None:
    """Give the role after a change that is not in place: what a group gives may be another."""
    through = line.outcome.through_group if line.outcome is not None else None
    return before if through is None else through


def _new_names(lines: Iterable[Line]) -> dict[str, str]:
    found = {}
    for line in lines:
        change = line.change
        if change.action is Action.USER_CREATE:
            found[change.username] = change.new.name or ""
        elif change.action is Action.USER_UPDATE and line.in_place and change.new.name is not None:
            found[change.username] = change.new.name
    return found


def _accounts(plan: Plan, lines: Iterable[Line], logins: "_Logins") -> dict[str, Account]:
    """Give how the accounts stand in the end, of those who are not simply active."""
    accounts = {
        logins.of(person.username): Account.DISABLED for person in plan.people if person.disabled
    }
    for line in lines:
        if line.change.about is not About.USER:
            continue
        who = logins.after(line.change.user_id, line.change.username)
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
