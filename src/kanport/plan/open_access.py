"""Keep the access of users whom a row that cannot be used may want in a project otherwise. Pure.

A change of a group is proved by the rows about that group. Still, somebody may lose access with it
who would have had a membership of their own, had their row been usable; and with a membership,
somebody who would have had a group.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kanport.findings import found
from kanport.model import Project, User
from kanport.names import compare_key
from kanport.plan.change import Action, Change
from kanport.plan.groups import ProjectKey
from kanport.plan.model import PlanBecause
from kanport.plan.naming import sorted_names
from kanport.plan.projection import GroupProjection
from kanport.plan.relations import RemovalPolicy
from kanport.plan.roles import project_rank
from kanport.plan.withheld import Diff
from kanport.relations import About

_ENDING = frozenset(
    {Action.GROUP_MEMBER_REMOVE, Action.GROUP_ACCESS_REVOKE, Action.GROUP_ACCESS_CHANGE}
)
# The others are in the list of what is withheld; a group that stays has a finding of its own.
_LISTED = frozenset({Action.GROUP_MEMBER_REMOVE, Action.GROUP_ACCESS_REVOKE})


class _Kept(NamedTuple):
    """Why a change is not made, and for whom."""

    because: tuple[PlanBecause, ...]
    usernames: frozenset[str]

    def __or__(self, other: "_Kept") -> "_Kept":
        because = dict.fromkeys((*self.because, *other.because))
        return _Kept(tuple(because), self.usernames | other.usernames)


_NOTHING = _Kept((), frozenset())


def keep_open_access(
    policy: RemovalPolicy, parts: Sequence[Diff[Any]], others: Iterable[Change]
) -> GroupProjection:
    """Withhold the changes of groups that end access which the input leaves open.

    `parts` are the comparisons that may end something, `others` the other changes of groups and
    projects. Return what groups give once all of them are carried out.
    """
    others = tuple(others)
    while True:
        changes = [*others, *(change for part in parts for change in part.changes)]
        projection = GroupProjection.of(policy.current, policy.memory, changes)
        uncertain = policy.resolved.uncertainty.anything
        if not (projection.moves and (uncertain or policy.members_open or policy.access_open)):
            return projection
        kept = _kept(policy, projection, changes)
        if not kept:
            return projection
        for part in parts:
            _withhold(part, kept)


def open_through_groups(
    policy: RemovalPolicy, projection: GroupProjection, user: User, project: Project
) -> tuple[PlanBecause, ...]:
    """Return why the input leaves open whether a user gets access to a project through a group.

    So nobody loses a membership, or a group that gives access, before another group can give it.
    """
    because: list[PlanBecause] = []
    # To find the groups of a project takes long on a large server, so only where rows are about it.
    of_members = policy.members_open or About.GROUP_MEMBER in policy.open_kinds
    if of_members and (giving := projection.giving_then(ProjectKey.of(project))):
        because += policy.member(user, giving)
        because += policy.in_doubt(giving)
    if policy.access_open or About.GROUP_ACCESS in policy.open_kinds:
        groups = (*projection.now_in.get(user.id, ()), *projection.then_in.get(user.id, ()))
        if inside := {compare_key(group.name) for group in groups}:
            because += policy.access(inside, project)
    return tuple(dict.fromkeys(because))


def _kept(
    policy: RemovalPolicy, projection: GroupProjection, changes: Sequence[Change]
) -> dict[int, _Kept]:
    """Return the changes that are not to be made, by the id of the object."""
    kept: dict[int, _Kept] = {}
    for change in changes:
        if change.action not in _ENDING:
            continue
        for user, project in _affected(policy, projection, change):
            if not _loses(projection, user, project):
                continue
            because = policy.membership(user, project)
            if because := because or open_through_groups(policy, projection, user, project):
                one = _Kept(because, frozenset({user.username}))
                kept[id(change)] = kept.get(id(change), _NOTHING) | one
    # A group that stays keeps all that it has.
    of_group: dict[int | None, _Kept] = defaultdict(lambda: _NOTHING)
    for change in changes:
        if id(change) in kept:
            of_group[change.group_id] |= kept[id(change)]
    staying = {one.group_id for one in changes if one.action is Action.GROUP_REMOVE} & {*of_group}
    for change in changes:
        if change.group_id in staying:
            kept[id(change)] = of_group[change.group_id]
    return kept


def _affected(
    policy: RemovalPolicy, projection: GroupProjection, change: Change
) -> Iterator[tuple[User, Project]]:
    """Yield who may lose access to which project with a change of a group."""
    current = policy.current
    group = current.groups_by_id.get(change.group_id or 0)
    if group is None:
        return
    one_user = change.action is Action.GROUP_MEMBER_REMOVE
    projects = current.roles if one_user else [change.project_id]
    for project_id in projects:
        project = current.project_index.by_id.get(project_id or 0)
        if project is None:
            continue
        users = (
            [change.user_id]
            if one_user
            else group.members & projection.listed(ProjectKey.of(project)).keys()
        )
        for user_id in users:
            user = policy.resolved.people.by_id.get(user_id or 0)
            if user is not None and user.active:
                yield user, project


def _loses(projection: GroupProjection, user: User, project: Project) -> bool:
    """Return whether somebody may have less access than now when groups are as planned."""
    place = ProjectKey.of(project)
    held = projection.listed(place).get(user.id)
    if held is None:
        return False
    effective = projection.effective(user.id, place)
    if effective.settled:
        return False
    return project_rank(effective.at_least or "") < project_rank(held)


def _withhold(part: Diff[Any], kept: Mapping[int, _Kept]) -> None:
    changes, part.changes = part.changes, []
    for change in changes:
        why = kept.get(id(change), _NOTHING)
        part.end(change, why.because, listed=change.action in _LISTED)
        if why.because and change.action is Action.GROUP_REMOVE:
            name = change.group
            part.findings.append(
                found(
                    "group-kept",
                    case="in-doubt",
                    value=name,
                    group=name,
                    usernames=sorted_names(why.usernames),
                )
            )
