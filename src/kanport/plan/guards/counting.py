"""What of a plan counts for which limit, and who loses access to what."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Literal

from kanport.memory import NOTHING, LedgerState
from kanport.model import CurrentState
from kanport.names import is_temporary_username
from kanport.plan.change import CHANGES, GIVES, Action, Change, ChangesByAction, UserChange
from kanport.plan.guards.context import SourceUsage
from kanport.plan.projection import GroupStates, known_access
from kanport.plan.review import GroupRef, moves_role, privileged_groups, raises
from kanport.plan.roles import group_finder

Pair = tuple[int, int]
"""The ids of a user and of a project."""

Base = Literal["users", "access", "members", "rows"]
"""What shares are of."""

USERS: Base = "users"
ACCESS: Base = "access"
THROUGH_GROUPS = "revoke through groups"
"""The revocations among those of `revoke` that no change of a membership makes."""

_OF_USERS = {
    Action.USER_CREATE: "create",
    Action.USER_UPDATE: "update",
    Action.USER_RENAME: "update",
    Action.USER_ENABLE: "update",
    Action.USER_DISABLE: "disable",
    Action.USER_REMOVE: "remove",
}
_OF_ACCESS: Mapping[Action, str] = {
    **dict.fromkeys(GIVES, "grant"),
    **dict.fromkeys(CHANGES, "update"),
}
# What raises or lowers a role or opens a way to one, and of what its share is.
_MOVING: Mapping[Action, Base] = {
    Action.USER_CREATE: USERS,
    Action.USER_UPDATE: USERS,
    Action.USER_ENABLE: USERS,
    **dict.fromkeys((*GIVES, *CHANGES), ACCESS),
}
_MEMBERSHIPS = frozenset({Action.MEMBERSHIP_GRANT, Action.MEMBERSHIP_CHANGE})
_LEAVING = (Action.USER_DISABLE, Action.USER_REMOVE)
# What may be a part of another change.
_PARTS = frozenset({Action.USER_DISABLE, Action.USER_RENAME})


def counted(
    changes: Iterable[Change],
    current: CurrentState,
    memory: LedgerState = NOTHING,
    usable: SourceUsage | None = None,
) -> Counter[tuple[str, Base]]:
    """Count the changes by class and by what its share is one of, over all projects.

    What ends in projects and groups that no source names any more (`usable`) has a class of its
    own: a project that goes as a whole must not look like a broken source in the others.
    """
    usable = usable or SourceUsage()
    numbers: Counter[tuple[str, Base]] = Counter()
    changes = ChangesByAction.of(changes)
    privileged = _privileged(changes, current, memory)
    for action, same in changes.items():
        for base, of in ((USERS, _OF_USERS), (ACCESS, _OF_ACCESS)):
            if action in of:
                parts = sum(map(_counts_not, same)) if action in _PARTS else 0
                numbers[of[action], base] += len(same) - parts
        if action in _MOVING:
            for (way, _), number in _moves(same, privileged).items():
                numbers[way, _MOVING[action]] += number
    revoked = access_revoked(changes, current, memory)
    dropped = {pair for pair in revoked if pair[1] in usable.dropped_projects}
    direct = _pairs(changes[Action.MEMBERSHIP_REVOKE])
    numbers["revoke", ACCESS] = len(revoked - dropped)
    numbers[THROUGH_GROUPS, ACCESS] = len(revoked - dropped - direct)
    numbers["dropped", ACCESS] = len(dropped) + sum(
        change.group_id in usable.dropped_groups for change in changes[Action.GROUP_MEMBER_REMOVE]
    )
    return numbers


def _privileged(
    changes: ChangesByAction, current: CurrentState, memory: LedgerState
) -> frozenset[GroupRef]:
    """Return the groups that give a privileged role, where somebody joins a group at all."""
    if not changes[Action.GROUP_MEMBER_ADD]:
        return frozenset()
    return privileged_groups(known_access(current, memory), changes)


def _moves(
    same: Sequence[Change], privileged: Set[GroupRef] = frozenset()
) -> Counter[tuple[str, int]]:
    """Count the changes of one action that raise or lower access, by that and the project's id.

    Half a million memberships have few pairs of roles in each project, and users fewer still, so
    one of each is judged.
    """
    numbers: Counter[tuple[str, int]] = Counter()
    alike: list[Hashable]
    if same and same[0].action in _MEMBERSHIPS:
        alike = [(id(change.before), id(change.after), change.project_id or 0) for change in same]
    else:
        alike = list(map(_roles_of_user, same))
    examples = dict(zip(alike, same, strict=True))
    for key, number in Counter(alike).items():
        change = examples[key]
        if (way := _way(change, privileged)) is not None:
            numbers[way, change.project_id or 0] += number
    return numbers


def _roles_of_user(change: Change) -> Hashable:
    """Return all that counts of a change of a user; of another one, the change."""
    return (change.old_role, change.new_role) if isinstance(change, UserChange) else id(change)


def _way(change: Change, privileged: Set[GroupRef]) -> str | None:
    """Return whether a change raises or lowers access; None for neither."""
    lowers = moves_role(change) < 0
    return "raise" if raises(change, privileged) else "lower" if lowers else None


def _counts_not(change: Change) -> bool:
    """Return whether a change is part of another one, which counts.

    It disables somebody whom the plan itself creates, so that nobody loses anything, or is the
    second half of a rename by way of a temporary username.
    """
    if change.action is Action.USER_DISABLE:
        return change.user_id is None
    return change.action is Action.USER_RENAME and is_temporary_username(
        change.username, change.user_id
    )


def counted_in_projects(
    changes: Iterable[Change],
    current: CurrentState,
    memory: LedgerState = NOTHING,
    usable: SourceUsage | None = None,
) -> dict[tuple[str, int], int]:
    """Count the changes to the members of each project, by class and project id.

    Leavers count in each project that they are in; somebody new in each that they get into. In
    projects that no source names any more (`usable`) nobody counts: often all of a team go.
    """
    dropped = usable.dropped_projects if usable is not None else frozenset()
    numbers: Counter[tuple[str, int]] = Counter()
    changes = ChangesByAction.of(changes)
    leaving = {change.user_id: change.action for change in changes.users(*_LEAVING)}
    for action in _OF_ACCESS:
        same = [change for change in changes[action] if change.project_id is not None]
        for project_id, number in Counter(change.project_id for change in same).items():
            numbers[_OF_ACCESS[action], project_id or 0] += number
        if action is Action.MEMBERSHIP_GRANT:
            new = Counter(change.project_id for change in same if change.user_id is None)
            for project_id, number in new.items():
                numbers["create", project_id or 0] += number
        if action in _MOVING:
            numbers.update(_moves(same))
    for project_id, roles in current.roles.items():
        if project_id in dropped:
            continue
        for user_id in roles.keys() & leaving.keys():
            numbers[_OF_USERS[leaving[user_id]], project_id] += 1
    for _, project_id in access_lost(changes, current, memory):
        if project_id not in dropped:
            numbers["revoke", project_id] += 1
    return numbers


def access_lost(
    changes: Iterable[Change], current: CurrentState, memory: LedgerState = NOTHING
) -> frozenset[Pair]:
    """Return who loses access to what, in whatever way, among the memberships that were read.

    Disabled and removed users lose all of theirs. `memory` is what the ledger knows.
    """
    changes = ChangesByAction.of(changes)
    leaving = {change.user_id for change in changes.users(*_LEAVING)}
    gone = {
        (user_id, project_id)
        for project_id, roles in current.roles.items()
        for user_id in roles.keys() & leaving
    }
    return access_revoked(changes, current, memory) | gone


def access_revoked(
    changes: Iterable[Change], current: CurrentState, memory: LedgerState = NOTHING
) -> frozenset[Pair]:
    """Return who loses access to what, directly or through a group, and keeps their account.

    Kanboard does not tell who has access through which group, so whoever may lose it that way
    counts, also where they have it directly as well; but not where it is certain that they keep
    it, or get it again, through another group or directly.
    """
    changes = ChangesByAction.of(changes)
    revoked = _pairs(changes[Action.MEMBERSHIP_REVOKE])
    through_groups = [change for action in _THROUGH_GROUPS for change in changes[action]]
    if not through_groups:
        return revoked
    lost = frozenset(_lost_through_groups(through_groups, current))
    given = _pairs(changes[Action.MEMBERSHIP_GRANT]) | _kept_through_groups(
        changes, current, memory
    )
    return revoked | (lost - given)


def _pairs(changes: Iterable[Change]) -> frozenset[Pair]:
    return frozenset(
        (change.user_id, change.project_id)
        for change in changes
        if change.user_id is not None and change.project_id is not None
    )


_THROUGH_GROUPS = (Action.GROUP_MEMBER_REMOVE, Action.GROUP_ACCESS_REVOKE, Action.GROUP_REMOVE)


def _lost_through_groups(changes: Iterable[Change], current: CurrentState) -> Iterator[Pair]:
    """Yield the pairs that depend on a group which may give access, by what is known of it."""
    may_give = group_finder(current)
    projects_of: dict[int, list[int]] = defaultdict(list)
    for project_id, roles in current.roles.items():
        for user_id in roles:
            projects_of[user_id].append(project_id)
    for change in changes:
        if change.group_id is None:
            continue
        group = current.groups_by_id.get(change.group_id)
        people = group.members if group is not None else frozenset()
        if change.action is Action.GROUP_MEMBER_REMOVE:
            people = people & {change.user_id}
        for user_id in people:
            for project_id in projects_of[user_id]:
                if change.action is Action.GROUP_ACCESS_REVOKE and project_id != change.project_id:
                    continue
                if any(one.id == change.group_id for one in may_give(user_id, project_id)):
                    yield user_id, project_id


def _kept_through_groups(
    changes: Iterable[Change], current: CurrentState, memory: LedgerState
) -> frozenset[Pair]:
    """Return who certainly has access to what through a group once the plan is carried out.

    Certain is the access that Kanport gave a group itself, where the server does not show that it
    is gone.
    """
    then = GroupStates.of(current, memory).after(changes, current)
    return frozenset(
        (user_id, project.id)
        for group, project in then.access
        if project.id is not None
        for user_id in then.members.get(group, ())
    )
