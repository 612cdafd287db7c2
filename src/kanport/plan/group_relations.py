"""Compare the members and the access of groups with what the sources want. Pure.

Kanboard has nothing that lists the access of groups to projects. Kanport knows what it granted, as
its ledger remembers; it believes that only as long as the server does not show otherwise.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from kanport.coded import objects
from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.frames import HeldRelations
from kanport.memory import LedgerState
from kanport.model import AnyProject, CurrentState, Group, Project
from kanport.names import compare_key
from kanport.origin import Origin, first_place
from kanport.plan.change import (
    Action,
    GroupChange,
    GroupSide,
    RelationChange,
    Risk,
    relation_action,
)
from kanport.plan.groups import FoundGroup, GroupKey, Groups, ProjectKey
from kanport.plan.matching import name_matcher
from kanport.plan.model import PlanBecause
from kanport.plan.naming import protected_finding
from kanport.plan.relations import Party, RemovalPolicy, relation_change
from kanport.plan.roles import project_rank, shown_not
from kanport.plan.wanted import Holder, ResolvedRelation, compare, match_group_access, match_members
from kanport.plan.withheld import Diff, cause
from kanport.relations import About

Place = tuple[GroupKey, ProjectKey]
"""A group and a project."""

Endings = Mapping[int, tuple[PlanBecause, ...]]
"""The groups, or the projects, whose relations end as a whole, by id, with what prevents it."""


# --- who is in a group ----------------------------------------------------------------------------


@dataclass(slots=True)
class MembersDiff(Diff[RelationChange | GroupChange]):
    """The changes of groups' members, and the removals of groups.

    `after` are the ids of the users on the server who are in each group then. `going` are the
    groups of the server that the mapping removes.
    """

    after: dict[GroupKey, set[int]] = field(default_factory=dict)
    going: dict[int, tuple[PlanBecause, ...]] = field(default_factory=dict)

    def join(self, policy: RemovalPolicy, one: ResolvedRelation[Holder, FoundGroup]) -> None:
        """Put a user into a group, unless the account is protected."""
        username, user_id = one.holder.name, one.holder.id
        if policy.protected(username):
            self.findings.append(protected_finding(username, first_place(one.origins)))
            return
        self.changes.append(
            relation_change(
                Action.GROUP_MEMBER_ADD,
                one.holder,
                one.target,
                after=one.role,
                origin=one.origins,
            )
        )
        if user_id is not None:
            self.after[one.target.key].add(user_id)

    def leave(
        self,
        change: RelationChange,
        group: Group,
        because: Iterable[PlanBecause],
        *,
        listed: bool = False,
    ) -> bool:
        """Take a user out of a group, or withhold that; return whether it is made."""
        leaves = self.end(change, because, finding_case="members" if listed else "")
        if leaves:
            inside = self.after.setdefault(GroupKey.of(group), set(group.members))
            inside.discard(change.user_id or 0)
        return leaves


def diff_members(policy: RemovalPolicy, groups: Groups) -> MembersDiff:
    """Compare who is to be in the groups with who is in them.

    A user whom no source puts into a described group leaves it if `group_members_missing` says so,
    unless the input leaves that open. Kanport leaves a group alone if it could not read all of its
    members.
    """
    diff = MembersDiff()
    matched = match_members(policy.resolved.desired, groups, policy.resolved.finder)
    wanted = matched.wanted
    there = {group.there.id: group for group in groups.described if group.there is not None}
    roles = {number: dict.fromkeys(sorted(group.members), "") for number, group in there.items()}
    held = HeldRelations.of(roles)
    compared = compare(wanted, held)
    unread = np.array([not group.complete for group in wanted.targets], dtype=bool)
    is_read = ~unread[wanted.target]
    diff.unchanged = int((compared.same & is_read).sum())
    diff.findings.extend(matched.findings)
    diff.findings.extend(
        _unread(wanted.targets[at]) for at in np.unique(wanted.target[~is_read]).tolist()
    )
    diff.after.update((group.key, set(group.members)) for group in groups.described)
    for one in wanted.some(np.flatnonzero(~compared.same & is_read)):
        diff.join(policy, one)
    if policy.mapping.group_members_missing == "remove":
        for at in np.flatnonzero(compared.unlisted).tolist():
            group = there[held.targets[at]]
            _end_unlisted(policy, diff, group, int(held.holders[at]), matched.doubtful)
    if policy.mapping.groups_missing == "remove":
        _remove_groups(policy, groups, diff)
    return diff


def _end_unlisted(
    policy: RemovalPolicy,
    diff: MembersDiff,
    group: FoundGroup,
    user_id: int,
    doubtful: Mapping[str, tuple[Origin, ...]],
) -> None:
    """Take a user out of a group whom no source puts there, or withhold that.

    A row may call the group by the name on the server, or by the name that the sources give it.
    """
    there, wanted = group.there, group.wanted
    if there is None or wanted is None or not wanted.members_listed:
        return
    user = policy.resolved.people.by_id.get(user_id)
    because: list[PlanBecause] = []
    if user is not None and not policy.manages(user):
        return
    if not there.complete:
        because = [cause("unread-members", case="server")]
    elif user is None:
        because = [cause("unread-users", case="user")]
    else:
        keys = {compare_key(group.name), wanted.key}
        because = [*policy.account(user), *policy.member(user, keys)]
        if doubtful:
            # A name that means nobody may be a slip of the pen for any member of the group.
            places = tuple(chain.from_iterable(doubtful.values()))
            because.append(cause("invalid-row", places, case="any", count=len(places)))
    username = None if user is None else user.username
    change = relation_change(Action.GROUP_MEMBER_REMOVE, Party(username, user_id), there, before="")
    diff.leave(change, there, because, listed=there.complete)


def _remove_groups(policy: RemovalPolicy, groups: Groups, diff: MembersDiff) -> None:
    """Remove managed groups that nothing names. Each is emptied first.

    So a plan shows user by user what a group takes away with it.
    """
    managed = name_matcher(policy.mapping.groups_managed)
    described = {group.id for group in groups.described}
    needed = {compare_key(one.holder.value) for one in policy.resolved.desired.group_access}
    names_open = open_names(policy, groups)
    why = fact("not-listed", case="group_member")
    for group in groups.of_server():
        key = compare_key(group.name)
        if group.id in described or not managed(group.name) or key in needed:
            continue
        is_open = not names_open.isdisjoint((None, key))
        kept, because, inside = _keeps_group(policy, groups, group, is_open=is_open)
        if kept:
            names = inside if kept == "protected" else ()
            name = group.name
            diff.findings.append(
                found("group-kept", case=kept, value=name, group=name, usernames=names)
            )
        for user in policy.members(group):
            if user is not None:
                change = relation_change(
                    Action.GROUP_MEMBER_REMOVE, user, group, before="", why=why
                )
                diff.leave(change, group, because)
        diff.end(
            GroupChange(
                action=Action.GROUP_REMOVE,
                group=group.name,
                group_id=group.id,
                before=GroupSide(group.name, group.external_id),
                why=fact("not-listed", case="group"),
                risk=(Risk.ACCESS_LOST,) if group.members else (),
            ),
            because,
        )
        diff.going[group.id] = because


def _keeps_group(
    policy: RemovalPolicy, groups: Groups, group: Group, *, is_open: bool
) -> tuple[str, tuple[PlanBecause, ...], tuple[str, ...]]:
    """Return why a group stays: the case of the finding, the causes, and protected accounts."""
    key, inside = compare_key(group.name), policy.accounts_in(group)
    if is_open:
        return "unproven", policy.resolved.causes.of_name(About.GROUP, {key}), inside
    if key in groups.unclear:
        return "unclear", (cause("unclear-group"),), inside
    if not group.complete or None in policy.members(group):
        return "unread", (cause("unread-members", case="server"),), inside
    if inside:
        return "protected", (_protects(inside),), inside
    return "", (), inside


def open_names(policy: RemovalPolicy, groups: Groups) -> frozenset[str | None]:
    """Return the keys of groups that something may name after all; None stands for any group."""
    names = policy.resolved.uncertainty.names_open(About.GROUP)
    return names | {None} if has_unknown_names(policy, groups) else names


def has_unknown_names(policy: RemovalPolicy, groups: Groups) -> bool:
    """Return whether access is wanted for a name that means no group, so that it may mean any."""
    access = policy.resolved.desired.group_access
    return not all(groups.fitting(name) for name in {one.holder.value for one in access})


def _protects(inside: tuple[str, ...]) -> PlanBecause:
    return cause("protected-account", case="group", usernames=inside)


def _unread(group: FoundGroup) -> Finding:
    place = first_place(group.wanted.name.origins) if group.wanted is not None else None
    return found("group-unread", place, value=group.name, group=group.name)


# --- which access a group has ---------------------------------------------------------------------


@dataclass(slots=True)
class GroupAccessDiff(Diff[RelationChange]):
    """The changes of the access of groups.

    `before` and `after` are the roles that are known, now and when the plan is carried out.
    """

    before: Mapping[Place, str] = field(default_factory=dict)
    after: dict[Place, str] = field(default_factory=dict)

    def give(
        self,
        policy: RemovalPolicy,
        one: ResolvedRelation[FoundGroup, AnyProject],
        held: str | None,
    ) -> None:
        """Grant or change the access of a group, unless a protected account in it prevents that."""
        group, project = one.holder, one.target
        change = relation_change(
            relation_action(About.GROUP_ACCESS, held, one.role),
            group,
            project,
            before=held,
            after=one.role,
            origin=one.origins,
        )
        inside = policy.accounts_in(group.there) if held is not None else ()
        if held is None or not inside:
            self.changes.append(change)
            self.after[group.key, ProjectKey.of(project)] = one.role
            return
        self.findings.append(_access_kept(group.name, project, inside))
        if project_rank(one.role) < project_rank(held):
            self.end(change, (_protects(inside),))


def known_access(current: CurrentState, memory: LedgerState) -> dict[tuple[int, int], str]:
    """Return the roles that groups are known to have, by group id and project id.

    A group with a member who is not listed in the project has no access to it any more, whatever
    the ledger says. Nothing is known of a group with another name by now, as the server may have
    reused its number.
    """
    groups, projects = current.groups_by_id, current.project_index.by_id
    return {
        (group_id, project_id): role
        for (group_id, project_id), role in sorted(memory.group_access.items())
        if group_id in groups
        and project_id in projects
        and memory.gave(groups[group_id], projects[project_id])
        and not shown_not(groups[group_id], project_id, current)
    }


def diff_group_access(
    policy: RemovalPolicy, groups: Groups, ending_groups: Endings, ending_projects: Endings
) -> GroupAccessDiff:
    """Compare the access that groups are to have with what is known of it.

    Kanport grants what it does not know of: if the group has it already, the server says so and
    nothing changes. Kanport revokes only what it granted itself: if `group_access_missing` says so,
    and with groups and projects that end.
    """
    there, projects = policy.current.groups_by_id, policy.current.project_index.by_id
    known = known_access(policy.current, policy.memory)
    before = {
        (GroupKey.of(there[group_id]), ProjectKey.of(projects[project_id])): role
        for (group_id, project_id), role in known.items()
    }
    matched = match_group_access(policy.resolved.desired, groups, policy.resolved.projects)
    policy.access_open = matched.left_open
    holders, targets = np.array(list(known), dtype=np.int64).reshape(-1, 2).T
    held = HeldRelations(targets, holders, objects(known.values()))
    compared = compare(matched.wanted, held)
    diff = GroupAccessDiff(before=before, after=dict(before))
    diff.unchanged = int(compared.same.sum())
    diff.findings.extend(matched.findings)
    differing = np.flatnonzero(~compared.same)
    for one, role in zip(matched.wanted.some(differing), compared.roles[differing], strict=True):
        diff.give(policy, one, role)
    names = groups.names()
    by_lists = policy.mapping.group_access_missing == "revoke"
    for at in np.flatnonzero(compared.unlisted).tolist():
        group, project = there[held.holders[at]], projects[held.targets[at]]
        endings = (ending_groups.get(group.id), ending_projects.get(project.id))
        ends = [because for because in endings if because is not None]
        if not (by_lists or ends):
            continue
        because = () if by_lists or () in ends else ends[0]
        name = names.get(group.id, group.name)
        _end_access(policy, diff, groups, group, name, project, held.roles[at], because)
    return diff


def _end_access(
    policy: RemovalPolicy,
    diff: GroupAccessDiff,
    groups: Groups,
    group: Group,
    name: str,
    project: Project,
    role: str,
    because: tuple[PlanBecause, ...],
) -> None:
    """End access that Kanport granted, or withhold that; `because` is known to prevent it.

    `name` is what the group is called once the plan is carried out.
    """
    keys = frozenset({compare_key(group.name), compare_key(name)})
    change = relation_change(Action.GROUP_ACCESS_REVOKE, group, project, before=role)
    if because:
        diff.end(change, because)
        return
    unclear = () if keys.isdisjoint(groups.unclear) else (cause("unclear-group"),)
    if because := unclear or policy.access(keys, project):
        diff.end(change, because, finding_case="access")
        return
    inside = policy.accounts_in(group)
    if inside:
        diff.findings.append(_access_kept(name, project, inside))
    if diff.end(change, (_protects(inside),) if inside else ()):
        del diff.after[GroupKey.of(group), ProjectKey.of(project)]


def _access_kept(group: str, project: AnyProject, inside: tuple[str, ...]) -> Finding:
    return found(
        "group-kept",
        case="access",
        value=group,
        group=group,
        project=project.label,
        usernames=inside,
    )
