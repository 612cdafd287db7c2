"""Compare the members and the access of groups with what the sources want. Pure."""

import itertools
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

import numpy as np

from kanport.coded import objects
from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.frames import HeldRelations
from kanport.model import AnyProject, Group, Project
from kanport.names import compare_key
from kanport.origin import first_place
from kanport.plan.change import (
    Action,
    GroupChange,
    GroupSide,
    RelationChange,
    Risk,
    relation_action,
)
from kanport.plan.groups import FoundGroup, GroupIndex
from kanport.plan.matching import name_matcher
from kanport.plan.model import PlanBecause
from kanport.plan.naming import protected_finding, sorted_names
from kanport.plan.projection import known_access
from kanport.plan.relations import Party, RemovalPolicy, relation_change
from kanport.plan.resolved import ResolvedRelation, compare
from kanport.plan.roles import project_rank
from kanport.plan.wanted import match_group_access, match_members
from kanport.plan.withheld import Diff, cause
from kanport.relations import About

Endings = Mapping[int, tuple[PlanBecause, ...]]
"""The groups, or the projects, whose relations end as a whole, by id, with what prevents it."""


# --- who is in a group ----------------------------------------------------------------------------


def diff_members(policy: RemovalPolicy, groups: GroupIndex) -> Diff[RelationChange]:
    """Compare who is to be in the groups with who is in them.

    A user whom no source puts into a described group leaves it if `group_members_missing` says so,
    unless the input leaves that open. Kanport leaves a group alone if it could not read all of its
    members.
    """
    resolved = policy.resolved
    wanted, doubtful, findings = match_members(resolved.desired, groups, resolved.finder)
    policy.members_open = doubtful
    there = {group.there.id: group for group in groups.described if group.there is not None}
    roles = {number: dict.fromkeys(sorted(group.members), "") for number, group in there.items()}
    held = HeldRelations.of(roles)
    compared = compare(wanted, held)
    unread = np.array([not group.complete for group in wanted.targets], dtype=bool)
    is_read = ~unread[wanted.target]
    diff: Diff[RelationChange] = Diff(unchanged=int((compared.same & is_read).sum()))
    diff.findings.extend(findings)
    diff.findings.extend(
        _unread(wanted.targets[at]) for at in np.unique(wanted.target[~is_read]).tolist()
    )
    for one in wanted.some(np.flatnonzero(~compared.same & is_read)):
        if policy.protected(one.holder.name):
            diff.findings.append(protected_finding(one.holder.name, first_place(one.origins)))
            continue
        who, into, role = one.holder, one.target, one.role
        diff.changes.append(
            relation_change(Action.GROUP_MEMBER_ADD, who, into, after=role, origin=one.origins)
        )
    if policy.ends_unlisted(About.GROUP_MEMBER):
        for at in np.flatnonzero(compared.unlisted).tolist():
            group = there[held.targets[at]]
            _end_unlisted(policy, diff, group, int(held.holders[at]))
    return diff


def _unread(group: FoundGroup) -> Finding:
    place = first_place(group.wanted.name.origins) if group.wanted is not None else None
    return found("group-unread", place, value=group.name, group=group.name)


def _end_unlisted(
    policy: RemovalPolicy,
    diff: Diff[RelationChange],
    group: FoundGroup,
    user_id: int,
) -> None:
    """Remove a user from a group in which no source lists them, or withhold that.

    A row may call the group by the name on the server, or by the name that the sources give it.
    """
    there, wanted = group.there, group.wanted
    if there is None or wanted is None or not wanted.members_listed:
        return
    user = policy.resolved.people.by_id.get(user_id)
    if user is not None and not policy.manages(user):
        return
    because: list[PlanBecause] = []
    if not there.complete:
        because = [cause("unread-members", case="server")]
    elif user is None:
        because = [cause("unread-users", case="user")]
    else:
        keys = {compare_key(group.name), wanted.key}
        because = [*policy.account(user), *policy.member(user, keys)]
        # A name that means nobody may be a slip of the pen for any member of the group.
        because += policy.in_doubt(keys)
    who = Party(None, user_id) if user is None else user
    change = relation_change(Action.GROUP_MEMBER_REMOVE, who, there, before="")
    diff.end(change, because, listed=there.complete)


# --- groups that nothing names --------------------------------------------------------------------


@dataclass(slots=True)
class GroupRemovals(Diff[RelationChange | GroupChange]):
    """The removals of groups; `going` are those groups by id, with what prevents it."""

    going: dict[int, tuple[PlanBecause, ...]] = field(default_factory=dict)


def remove_groups(policy: RemovalPolicy, groups: GroupIndex) -> GroupRemovals:
    """Remove managed groups that nothing names, if the mapping says so. Each is emptied first.

    So a plan shows user by user what a group takes away with it.
    """
    diff = GroupRemovals()
    if policy.mapping.groups_missing != "remove":
        return diff
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
        open_by = why_open(policy, groups, key) if is_open else ()
        kept, because, inside = _keeps_group(policy, groups, group, open_by)
        if kept:
            name = group.name
            diff.findings.append(
                found("group-kept", case=kept, value=name, group=name, usernames=inside)
            )
        for user in filter(None, policy.members(group)):
            change = relation_change(Action.GROUP_MEMBER_REMOVE, user, group, before="", why=why)
            diff.end(change, because)
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
    return diff


def _keeps_group(
    policy: RemovalPolicy, groups: GroupIndex, group: Group, open_by: tuple[PlanBecause, ...]
) -> tuple[str, tuple[PlanBecause, ...], tuple[str, ...]]:
    """Return why a group stays: the case of the finding, the causes, and the users for whom.

    `open_by` is why something may name it after all.
    """
    key = compare_key(group.name)
    if open_by:
        return "unproven", open_by, ()
    if key in groups.unclear:
        return "unclear", (cause("unclear-group"),), ()
    members = policy.members(group)
    if not group.complete or None in members:
        return "unread", (cause("unread-members", case="server"),), ()
    open_of = {user.username: policy.member(user, {key}, listed=False) for user in members if user}
    if in_doubt := sorted_names(name for name, because in open_of.items() if because):
        causes = itertools.chain.from_iterable(open_of[name] for name in in_doubt)
        return "in-doubt", tuple(dict.fromkeys(causes)), in_doubt
    if inside := policy.accounts_in(group):
        return "protected", (_protects(inside),), inside
    return "", (), inside


def open_names(policy: RemovalPolicy, groups: GroupIndex) -> frozenset[str | None]:
    """Return the keys of groups that something may name after all; None stands for any group."""
    names = policy.resolved.uncertainty.names_open(About.GROUP) | policy.members_open.keys()
    unclear = _new_names(policy, groups) or has_unknown_names(policy, groups)
    return names | {None} if unclear else names


def why_open(policy: RemovalPolicy, groups: GroupIndex, key: str) -> tuple[PlanBecause, ...]:
    """Return because of what something may name a group after all, by its key."""
    new = _new_names(policy, groups)
    rows = policy.in_doubt({key, *new})
    names = policy.resolved.uncertainty.names_open(About.GROUP)
    if rows and names.isdisjoint({None, key, *new}):
        return rows
    return (*policy.resolved.causes.of_name(About.GROUP, {key}), *rows)


def _new_names(policy: RemovalPolicy, groups: GroupIndex) -> Set[str]:
    """Return the keys in rows that cannot be used, or not wholly, that mean no group of the server.

    Such a name may be a slip of the pen, or lack the external id that says which group it means.
    """
    there = {compare_key(group.name) for group in groups.of_server()}
    there |= {one.wanted.key for one in groups.described if one.wanted and one.there}
    names = policy.resolved.uncertainty.names_open(About.GROUP) | policy.members_open.keys()
    return {name for name in names if name is not None} - there


def has_unknown_names(policy: RemovalPolicy, groups: GroupIndex) -> bool:
    """Return whether access is wanted for a name that means no group, so that it may mean any."""
    access = policy.resolved.desired.group_access
    return not all(groups.fitting(name) for name in {one.holder.value for one in access})


def _protects(inside: tuple[str, ...]) -> PlanBecause:
    return cause("protected-account", case="group", usernames=inside)


# --- which access a group has ---------------------------------------------------------------------


def diff_group_access(
    policy: RemovalPolicy, groups: GroupIndex, ending_groups: Endings, ending_projects: Endings
) -> Diff[RelationChange]:
    """Compare the access that groups are to have with what is known of it.

    Kanport grants what it does not know of: if the group has it already, the server says so and
    nothing changes. Kanport revokes only what it granted itself: if `group_access_missing` says so,
    and with groups and projects that end.
    """
    there, projects = policy.current.groups_by_id, policy.current.project_index.by_id
    known = known_access(policy.current, policy.memory)
    wanted, policy.access_open, findings = match_group_access(
        policy.resolved.desired, groups, policy.resolved.projects
    )
    holders, targets = np.array(list(known), dtype=np.int64).reshape(-1, 2).T
    held = HeldRelations(targets, holders, objects(known.values()))
    compared = compare(wanted, held)
    diff: Diff[RelationChange] = Diff(unchanged=int(compared.same.sum()), findings=findings)
    differing = np.flatnonzero(~compared.same)
    for one, role in zip(wanted.some(differing), compared.roles[differing], strict=True):
        _give(policy, diff, one, role)
    names, by_lists = groups.names(), policy.ends_unlisted(About.GROUP_ACCESS)
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


def _give(
    policy: RemovalPolicy,
    diff: Diff[RelationChange],
    one: ResolvedRelation[FoundGroup, AnyProject],
    held: str | None,
) -> None:
    """Grant or change the access of a group, unless a protected account in it prevents that."""
    group, project = one.holder, one.target
    action = relation_action(About.GROUP_ACCESS, held, one.role)
    change = relation_change(
        action, group, project, before=held, after=one.role, origin=one.origins
    )
    inside = policy.accounts_in(group.there) if held is not None else ()
    if held is None or not inside:
        diff.changes.append(change)
        return
    diff.findings.append(_access_kept(group.name, project, inside))
    if project_rank(one.role) < project_rank(held):
        diff.end(change, (_protects(inside),))


def _end_access(
    policy: RemovalPolicy,
    diff: Diff[RelationChange],
    groups: GroupIndex,
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
        diff.end(change, because, listed=True)
        return
    inside = policy.accounts_in(group)
    if inside:
        diff.findings.append(_access_kept(name, project, inside))
    diff.end(change, (_protects(inside),) if inside else ())


def _access_kept(group: str, project: AnyProject, inside: tuple[str, ...]) -> Finding:
    return found(
        "group-kept",
        case="access",
        value=group,
        group=group,
        project=project.label,
        usernames=inside,
    )
