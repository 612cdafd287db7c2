"""All that a plan does to groups and new projects, and what follows from it for people's access."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kanport.findings import Finding
from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerState
from kanport.model import CurrentState, User
from kanport.plan.change import Action, Change
from kanport.plan.dropped_groups import dropped_groups, empty_dropped, group_findings, unproven
from kanport.plan.group_access import diff_group_access
from kanport.plan.group_members import diff_members
from kanport.plan.groups import Groups, diff_groups, match_groups
from kanport.plan.model import PlanBecause
from kanport.plan.ownership import ownership_of
from kanport.plan.projection import GroupProjection
from kanport.plan.projects import create_projects
from kanport.plan.resolve import Resolved
from kanport.plan.withheld import Withheld


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """The changes of groups and projects, how many need none, and the projected access.

    `dropped` are the ids of the groups that no source names any more.
    """

    changes: tuple[Change, ...]
    unchanged: Mapping[str, int]
    projection: GroupProjection
    findings: tuple[Finding, ...]
    groups: Groups
    dropped: frozenset[int] = frozenset()
    withheld: tuple[Withheld, ...] = ()


def plan_groups(
    resolved: Resolved,
    current: CurrentState,
    mapping: MappingFile,
    memory: LedgerState,
    dropped_projects: Collection[int] = (),
    open_projects: Mapping[int, tuple[PlanBecause, ...]] = MappingProxyType({}),
) -> GroupPlan:
    """Compare the groups, their members and their access with what is wanted of them.

    `dropped_projects` are the ids of projects in which the access ends that Kanport gave groups,
    `open_projects` those in which it would end but for what prevents it.
    """
    groups = match_groups(resolved.desired.groups, current.groups)
    managed = ownership_of(mapping.users, memory).to_revoke
    own, same_groups = diff_groups(groups)

    def may_leave(user: User) -> bool:
        return managed(user, user.username)

    members = diff_members(resolved, groups, mapping, may_leave=may_leave)
    dropped = dropped_groups(resolved, groups, current, mapping, memory)
    emptied, not_emptied = empty_dropped(dropped, resolved, mapping, memory, may_leave)
    members = members.without(emptied, current)
    going = [one.group_id for one in members.changes if one.action is Action.GROUP_REMOVE]
    if mapping.groups_missing == "revoke":
        going += dropped.proven
    open_groups = {
        one.change.group_id: one.because
        for one in members.withheld
        if one.change.action is Action.GROUP_REMOVE and one.change.group_id is not None
    }
    if mapping.groups_missing == "revoke":
        open_groups |= {
            group.id: unproven(group, dropped, resolved)
            for group in dropped.groups
            if group.id in dropped.unproven
        }
    access = diff_group_access(
        resolved,
        groups,
        current,
        mapping,
        memory,
        going=going,
        dropped_projects=dropped_projects,
        open_groups=open_groups,
        open_projects=open_projects,
    )
    about_dropped = group_findings(
        dropped,
        {(one.user_id, one.group_id) for one in emptied},
        resolved,
        mapping,
        memory,
        access.after,
        current,
    )
    projects, about_owners = create_projects(resolved.new_projects, resolved.finder)
    unchanged: dict[str, int] = {}
    if mapping.groups:
        unchanged |= {"groups": same_groups, "group_members": members.unchanged}
    if mapping.group_access:
        unchanged["group_access"] = access.unchanged
    return GroupPlan(
        (*own, *members.changes, *access.changes, *projects),
        unchanged,
        GroupProjection.of(current, memory, members, access),
        (*groups.findings, *members.findings, *access.findings, *about_owners, *about_dropped),
        groups,
        frozenset(group.id for group in dropped.groups),
        (*members.withheld, *access.withheld, *not_emptied),
    )
