"""Compare roles, and work out what a user may do in a project: directly or through groups. Pure.

The model is Kanboard's own (facts C5 and C6). A direct role wins, even if it is lower than the role
of a group; without one the highest role of the groups counts. Any text that is no built-in role is
a custom role and ranks with project-manager. Of several that rank alike, the first row that the
database returns counts: on SQLite and PostgreSQL that of the oldest access, on MariaDB that of the
group with the lowest id (seen on 1.2.53). A direct role that is stored empty counts as none; an
empty role of a group beats the others, as a custom one does.

Kanboard lists the members of a project without saying how they got there, and cannot list its
groups at all. A user in no group has direct access. A group with a member who is not listed in the
project has no access to it, as all members of an attached group are listed (`getProjectUsers`
merges both). Everything else stays uncertain.
"""

from collections.abc import Callable, Iterable

from kanport.model import (
    APP_ROLE_RANK,
    PROJECT_ROLE_RANK,
    AppRole,
    CurrentState,
    Group,
    ProjectRole,
    User,
)
from kanport.plan.change import Risk


def app_rank(role: str) -> int:
    """Return the rank of an application role; a text that is none ranks below all of them.

    Kanboard stores an empty role, which then passes no check of roles.
    """
    return APP_ROLE_RANK.get(role, 0)


def project_rank(role: str) -> int:
    """Return the rank of a project role; no role at all ranks below all of them.

    A custom role ranks with project-manager, as Kanboard ranks it (`AccessMap::getHighestRole`).
    """
    return kanboard_rank(role) if role else 0


def kanboard_rank(role: str) -> int:
    """Return the rank of a role among those of several groups, as Kanboard has it.

    It counts how many roles may do at least as much, and knows that of the built-in ones only: any
    other text, the empty one too, ranks with project-manager.

    >>> [kanboard_rank(role) for role in ("project-viewer", "project-member", "Tester", "")]
    [1, 2, 3, 3]
    """
    return PROJECT_ROLE_RANK.get(role, PROJECT_ROLE_RANK[ProjectRole.MANAGER])


def role_risks(before: str, after: str) -> set[Risk]:
    """Return the risks of another role on the whole server.

    >>> sorted(role_risks("app-user", "app-admin"))
    [<Risk.ADMIN_GRANTED: 'admin-granted'>, <Risk.PRIVILEGE_RAISED: 'privilege-raised'>]
    """
    risks = {Risk.PRIVILEGE_RAISED if app_rank(after) > app_rank(before) else Risk.ACCESS_LOST}
    if after == AppRole.ADMIN:
        risks.add(Risk.ADMIN_GRANTED)
    elif before == AppRole.ADMIN:
        risks.add(Risk.ADMIN_LOST)
    return risks


def active_risks(role: str, *, enable: bool) -> set[Risk]:
    """Return the risks of enabling or disabling somebody with this role."""
    admin = role == AppRole.ADMIN
    if enable:
        return {Risk.ADMIN_GRANTED} if admin else set()
    return {Risk.ACCESS_LOST, Risk.ADMIN_LOST} if admin else {Risk.ACCESS_LOST}


def removal_risks(user: User) -> set[Risk]:
    """Return the risks of removing a user; who is disabled has no access to lose."""
    return {Risk.DELETES_DATA} | (active_risks(user.role, enable=False) if user.active else set())


def access_risks(before: str | None, after: str | None) -> set[Risk]:
    """Return the risks of another role in a project; None is no role.

    Access that is new carries no risk of its own; it is what a plan is made for.

    >>> access_risks(None, "project-manager"), access_risks("project-viewer", None)
    (set(), {<Risk.ACCESS_LOST: 'access-lost'>})
    """
    if before is None:
        return set()
    if after is None or project_rank(after) < project_rank(before):
        return {Risk.ACCESS_LOST}
    return {Risk.PRIVILEGE_RAISED} if project_rank(after) > project_rank(before) else set()


def highest_roles(roles: Iterable[str]) -> frozenset[str]:
    """Return the roles of which one counts, whatever order the database has.

    >>> sorted(highest_roles(["Tester", "project-viewer", "project-manager"]))
    ['Tester', 'project-manager']
    """
    several = tuple(roles)
    top = max(map(kanboard_rank, several), default=0)
    return frozenset(role for role in several if kanboard_rank(role) == top)


def highest_role(roles: Iterable[str]) -> str:
    """Return the role that counts of those that somebody has through groups, in the order given.

    >>> highest_role(["project-viewer", "project-member"])
    'project-member'
    >>> highest_role(["Tester", "project-manager"]), highest_role(["project-manager", "Tester"])
    ('Tester', 'project-manager')
    """
    return max(roles, key=kanboard_rank, default="")


def effective_role(direct: str | None, through: Iterable[str] = ()) -> str:
    """Return the role that somebody has; empty for none.

    `direct` is None without a direct membership; `through` are the roles of the groups, in the
    order in which the database has them.

    >>> effective_role("project-viewer", ["project-manager"])
    'project-viewer'
    """
    # Kanboard tests with PHP's empty(), for which "0" is nothing as well.
    if direct not in (None, "", "0"):
        return direct or ""
    role = highest_role(through)
    return "" if role == "0" else role


def group_finder(current: CurrentState) -> Callable[[int, int], tuple[Group, ...]]:
    """Return a function that tells the groups through which a user may have access to a project.

    It takes the ids of the user and the project. No group means that the access is direct. Groups
    are compared with a project's members only when somebody asks, and once.
    """
    possible: dict[tuple[int, int], bool] = {}

    def groups_that_may_give(user_id: int, project_id: int) -> tuple[Group, ...]:
        listed = current.roles.get(project_id, {})
        for group in current.groups_of.get(user_id, ()):
            if (group.id, project_id) not in possible:
                possible[group.id, project_id] = listed.keys() >= group.members
        return tuple(
            group for group in current.groups_of.get(user_id, ()) if possible[group.id, project_id]
        )

    return groups_that_may_give


def shown_not(group: Group, project_id: int, current: CurrentState) -> bool:
    """Return whether the server shows that a group has no access to a project.

    It does where a member of the group is not listed there. Of a project that was not read, and of
    a group without members, nothing shows.
    """
    listed = current.roles.get(project_id)
    return listed is not None and not listed.keys() >= group.members
