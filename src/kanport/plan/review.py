"""Which changes of a plan need review, most severe first, and which of them raise access. Pure.

Whether a change needs review can depend on the whole plan: on how many roles one user gets, or on
how many rows name a project. So it follows from the plan and is not stored in it; plans of every
version are judged alike. `limits.raise` counts by the same rules (`raises`).
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from enum import StrEnum
from typing import Any

from kanport.model import PROJECT_ROLE_RANK, AppRole, ProjectRole
from kanport.origin import Origin
from kanport.plan.change import Action, Change, RelationChange, Risk, UserChange
from kanport.plan.model import Plan
from kanport.plan.roles import app_rank, project_rank

SEVERAL_ROLES = 5
"""From so many new roles on, a user gets several at once."""

GroupRef = int | str
"""A group by id, or by name where the plan creates it."""


class Review(StrEnum):
    """Why a change needs review, most severe first."""

    ADMIN_GRANTED = "admin-granted"
    PRIVILEGE_GRANTED = "privilege-granted"
    RE_ENABLED = "re-enabled"
    GROUP_ACCESS = "group-access"
    SEVERAL_ROLES = "several-roles"
    PROJECT_FROM_ONE_ROW = "project-from-one-row"
    LOGIN_CHANGED = "login-changed"
    DELETES_DATA = "deletes-data"
    ADMIN_LOST = "admin-lost"


RANKS = {review: rank for rank, review in enumerate(Review)}

_PRIVILEGED = PROJECT_ROLE_RANK[ProjectRole.MANAGER]
_IN_PROJECTS = frozenset(
    {
        Action.MEMBERSHIP_GRANT,
        Action.MEMBERSHIP_CHANGE,
        Action.GROUP_ACCESS_GRANT,
        Action.GROUP_ACCESS_CHANGE,
    }
)
_OF_USERS = frozenset({Action.USER_CREATE, Action.USER_UPDATE})
_CHANGED = frozenset({Action.MEMBERSHIP_CHANGE, Action.GROUP_ACCESS_CHANGE, Action.USER_UPDATE})


def reviews_of(plan: Plan) -> dict[str, tuple[Review, ...]]:
    """Return why changes need review, by the id of the change; others are left out."""
    known = {
        (one.group_id, access.project_id or access.project): one.role
        for access in plan.access or ()
        for one in access.givers or ()
        if one.role is not None
    }
    privileged = privileged_groups(known, plan.changes)
    grants = Counter(
        change.user_id or change.username
        for change in plan.changes
        if change.action is Action.MEMBERSHIP_GRANT and change.before is None
    )
    several = {who for who, number in grants.items() if number >= SEVERAL_ROLES}
    one_row = _projects_of_one_row(plan.changes)
    found = {}
    for change in plan.changes:
        reasons = set(_by_itself(change, privileged))
        if change.action is Action.MEMBERSHIP_GRANT and change.before is None:
            if (change.user_id or change.username) in several:
                reasons.add(Review.SEVERAL_ROLES)
        elif change.action is Action.PROJECT_CREATE and change.project in one_row:
            reasons.add(Review.PROJECT_FROM_ONE_ROW)
        if reasons:
            found[change.id] = tuple(sorted(reasons, key=RANKS.__getitem__))
    return found


def _by_itself(change: Change, privileged: Iterable[GroupRef]) -> Iterable[Review]:
    if Risk.ADMIN_GRANTED in change.risk or (
        isinstance(change, UserChange) and _granted_role(change) == AppRole.ADMIN
    ):
        yield Review.ADMIN_GRANTED
    if _grants_privilege(change, privileged) or _privileged_by_group(change):
        yield Review.PRIVILEGE_GRANTED
    if change.action is Action.USER_ENABLE:
        yield Review.RE_ENABLED
    elif change.action is Action.GROUP_ACCESS_GRANT:
        yield Review.GROUP_ACCESS
    elif change.action is Action.USER_RENAME:
        yield Review.LOGIN_CHANGED
    elif change.action is Action.USER_REMOVE:
        yield Review.DELETES_DATA
    if Risk.ADMIN_LOST in change.risk:
        yield Review.ADMIN_LOST


def _granted_role(change: UserChange) -> str | None:
    """Return the role on the whole server that somebody gets and that ranks above the old one."""
    new = change.new_role if change.action in _OF_USERS else None
    return new if new is not None and app_rank(new) > app_rank(change.old_role or "") else None


def _grants_privilege(change: Change, privileged: Iterable[GroupRef]) -> bool:
    if isinstance(change, UserChange):
        return _granted_role(change) == AppRole.MANAGER
    if not isinstance(change, RelationChange):
        return False
    if change.action in _IN_PROJECTS:
        new, old = project_rank(change.new_role or ""), project_rank(change.old_role or "")
        return new >= _PRIVILEGED and new > old
    if change.action is Action.GROUP_MEMBER_ADD:
        return (change.group_id or change.group or "") in privileged
    return False


def _privileged_by_group(change: Change) -> bool:
    """Return whether somebody whose direct role ends has a privileged one through a group.

    `limits.raise` counts the access of the group instead.
    """
    if change.action is not Action.MEMBERSHIP_REVOKE or not isinstance(change, RelationChange):
        return False
    return (
        Risk.PRIVILEGE_RAISED in change.risk and project_rank(change.new_role or "") >= _PRIVILEGED
    )


def privileged_groups(
    known: Mapping[tuple[Any, Any], str], changes: Iterable[Change]
) -> frozenset[GroupRef]:
    """Return the groups that give a privileged role in some project once the plan is carried out.

    `known` are the roles that groups have now, by group and project.
    """
    roles: dict[tuple[GroupRef, Hashable], str] = dict(known)
    for change in changes:
        group = change.group_id or change.group
        if group is None:
            continue
        place = group, change.project_id or change.project
        if change.action in _IN_PROJECTS and isinstance(change, RelationChange):
            roles[place] = change.new_role or ""
        elif change.action is Action.GROUP_ACCESS_REVOKE:
            roles.pop(place, None)
    return frozenset(
        group for (group, _), role in roles.items() if project_rank(role) >= _PRIVILEGED
    )


def raises(change: Change, privileged: Iterable[GroupRef]) -> bool:
    """Return whether a change raises access, so that `limits.raise` counts it.

    These are privileged roles and administrator rights that are granted, all roles that become
    higher, users who are re-enabled, and access that a group gets.
    """
    if change.action is Action.USER_ENABLE or change.action is Action.GROUP_ACCESS_GRANT:
        return True
    if change.action in _CHANGED:
        return moves_role(change) > 0
    if isinstance(change, UserChange):
        return _granted_role(change) in (AppRole.ADMIN, AppRole.MANAGER)
    return _grants_privilege(change, privileged)


def moves_role(change: Change) -> int:
    """Return a number above 0 where a change raises a role, below 0 where it lowers one."""
    if change.action not in _CHANGED or not isinstance(change, UserChange | RelationChange):
        return 0
    if change.old_role is None or change.new_role is None:
        return 0
    rank = app_rank if isinstance(change, UserChange) else project_rank
    return rank(change.new_role) - rank(change.old_role)


def _projects_of_one_row(changes: Iterable[Change]) -> frozenset[str | None]:
    """Return the new projects that one single row or entry names."""
    made = {one.project for one in changes if one.action is Action.PROJECT_CREATE}
    rows: dict[str | None, set[Hashable]] = defaultdict(set)
    if made:
        for change in changes:
            if change.project in made and change.project_id is None:
                rows[change.project].update(map(_row, change.origin))
    return frozenset(project for project, places in rows.items() if len(places) == 1)


def _row(origin: Origin) -> Hashable:
    return origin.source, origin.file, origin.sheet, origin.row, origin.dn
