"""Find projects and groups that sources named and no longer name, and end what is left there. Pure.

`memberships_missing` and `group_members_missing` work within what the sources name, so they do
nothing in a project or a group that the sources drop: with the last row of a team, or the only
group of a project. The ledger remembers it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from typing import Generic, TypeVar

import numpy as np

from kanport.facts import Fact, Param, fact
from kanport.findings import Finding, finding
from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerState
from kanport.model import CurrentState, Group, Project, User
from kanport.names import compare_key, spelling_key
from kanport.plan.change import Action, RelationChange
from kanport.plan.group_relations import (
    Endings,
    has_unknown_names,
    open_names,
    why_open,
)
from kanport.plan.groups import GroupIndex, ProjectKey
from kanport.plan.matching import name_matcher, texts_of_projects
from kanport.plan.memberships import MembershipDiff
from kanport.plan.model import PlanBecause, PlanNamed
from kanport.plan.naming import sorted_names
from kanport.plan.open_access import open_through_groups
from kanport.plan.projection import GroupProjection, known_access
from kanport.plan.relations import RemovalPolicy, relation_change
from kanport.plan.resolve import Resolved
from kanport.plan.withheld import DECIDED, Diff, cause
from kanport.records import dataclass
from kanport.relations import About


def undecided(mapping: MappingFile, key: str) -> bool:
    """Return whether nobody has accepted what stays: an explicit keep in the mapping does."""
    return getattr(mapping, key) != "keep" or key not in mapping.model_fields_set


ThingT = TypeVar("ThingT", Project, Group)


@dataclass(frozen=True, slots=True)
class Dropped(Generic[ThingT]):
    """Projects, or groups, that the ledger knows from the sources and that they name no longer.

    `why_open` says by id why the input leaves that open; `open` are the ids of those that something
    may name after all. `accessed` are the ids of those that no access of a group names either.
    """

    things: tuple[ThingT, ...] = ()
    why_open: Mapping[int, tuple[PlanBecause, ...]] = field(default_factory=dict)
    accessed: frozenset[int] = frozenset()
    open: frozenset[int] = frozenset()

    @property
    def ids(self) -> frozenset[int]:
        """The ids of them all."""
        return frozenset(one.id for one in self.things)

    def endings(self, setting: str) -> Endings:
        """Return those whose access of groups a setting ends, with what prevents it."""
        ends = self.ids & self.accessed if setting == "revoke" else ()
        return {one.id: self.why_open.get(one.id, ()) for one in self.things if one.id in ends}

    def finding(self, one: ThingT, remaining: Iterable[Fact]) -> Finding:
        """Return the finding for one in which access remains."""
        about = About.PROJECT if isinstance(one, Project) else About.GROUP
        label = one.label if isinstance(one, Project) else one.name
        case = "unproven" if one.id in self.why_open else ""
        named: dict[str, Param] = {about.named_by: label, "remaining": tuple(remaining)}
        return finding(fact(f"{about}-dropped", case=case, **named), value=label)


# --- projects -------------------------------------------------------------------------------------


def dropped_projects(policy: RemovalPolicy) -> Dropped[Project]:
    """Find the projects that the ledger knows from the sources and that they name no longer."""
    resolved, current, memory = policy.resolved, policy.current, policy.memory
    if not policy.mapping.ends_by_absence:
        return Dropped()
    texts = {*texts_of_projects(resolved.desired)}
    texts |= {resolved.wanted.targets[at].label for at in np.unique(resolved.wanted.target)}
    access_texts = {access.target.value for access in resolved.desired.group_access}
    named = {project.id for text in texts for project in resolved.projects.fitting(text)}
    named |= {project.id for project in resolved.scope}
    accessed = {p.id for text in access_texts for p in resolved.projects.fitting(text)}
    # A name that means no project may be a slip of the pen, or an old name of any of them.
    unclear = any(not resolved.projects.fitting(text) for text in texts | access_texts)
    remembered = memory.projects_remembered()
    given = {project_id for _, project_id in known_access(current, memory)}
    projects = tuple(
        project
        for project in current.project_index.by_id.values()
        if project.id in remembered
        and project.id in current.roles
        and not project.private
        and project.id not in named
        and (project.id in given or _is_remembered(project, resolved, current, memory))
    )
    names, causes = resolved.uncertainty.names_open(About.PROJECT), resolved.causes
    may_be_named = {
        project.id: causes.of_name(About.PROJECT, policy.project_keys(project))
        for project in projects
        if not names.isdisjoint((None, *policy.project_keys(project)))
    }
    because = (cause("unclear-project"),) if unclear else ()
    why_open = {one.id: (*because, *may_be_named.get(one.id, ())) for one in projects}
    return Dropped(
        projects,
        {number: several for number, several in why_open.items() if several},
        frozenset(project.id for project in projects) - accessed,
        frozenset(may_be_named),
    )


def _is_remembered(
    project: Project, resolved: Resolved, current: CurrentState, memory: LedgerState
) -> bool:
    """Return whether the number still means the project that the ledger knows."""
    if _had_members(project, memory):
        return True
    users = (resolved.people.by_id.get(user_id) for user_id in current.roles[project.id])
    return any(memory.gave(About.MEMBERSHIP, user, project) for user in users if user is not None)


def _had_members(project: Project, memory: LedgerState) -> bool:
    names = {spelling_key(name) for name in (project.identifier, project.name) if name}
    return spelling_key(memory.named_projects.get(project.id, "")) in names


class DroppedDiff(MembershipDiff):
    """What ends in dropped projects; `settled` are the ids of those where nothing is left."""

    def __init__(
        self, dropped: Dropped[Project], policy: RemovalPolicy, projection: GroupProjection
    ) -> None:
        """Compare who has access in dropped projects with what the mapping says about these.

        With `projects_missing: revoke` the memberships end that Kanport granted, unless the input
        leaves that open. A finding names whoever else has access there because the sources asked
        for it until now.
        """
        super().__init__(policy, projection)
        self._dropped = dropped
        self.settled: set[int] = set()
        mapping = policy.mapping
        lists_end = policy.ends_unlisted(About.MEMBERSHIP)
        self._everybody = lists_end and mapping.memberships_managed == "all"
        self._leaving = {change.user_id for change in policy.offboarding.changes}
        # Access that no list names ends anyway then, or a finding says why it stays.
        ends = policy.ends_unlisted(About.GROUP_ACCESS)
        groups = {} if ends else _groups_with_access(dropped, projection)
        for project in dropped.things:
            left, granted = self._end_members(project)
            if left or groups.get(project.id):
                if undecided(mapping, "projects_missing"):
                    remaining = _remaining(left, granted, groups.get(project.id, ()))
                    self.findings.append(dropped.finding(project, remaining))
            elif not policy.current.roles[project.id] and project.id not in dropped.why_open:
                self.settled.add(project.id)

    def _end_members(self, project: Project) -> tuple[list[User], int]:
        """End what Kanport granted; return the users who keep access, and how many it granted."""
        policy = self.policy
        left: list[User] = []
        granted = 0
        for user_id, role in sorted(policy.current.roles[project.id].items()):
            user = policy.resolved.people.by_id.get(user_id)
            if user is None:
                continue
            ours = policy.memory.gave(About.MEMBERSHIP, user, project)
            if ours and self._ends_or_is_open(user, project, role):
                continue
            if policy.protected(user.username) or not user.active or user.id in self._leaving:
                continue
            effective = self.projection.effective(user.id, ProjectKey.of(project))
            had_members = self._everybody and _had_members(project, policy.memory)
            if ours or (had_members and effective.at_least is None):
                left.append(user)
                granted += ours
        return left, granted

    def _ends_or_is_open(self, user: User, project: Project, role: str) -> bool:
        """End or withhold a membership; return whether it ends, or the input leaves that open."""
        policy = self.policy
        if policy.mapping.projects_missing != "revoke" or not policy.manages(user):
            return False
        because = self._obstacles(user, project)
        why = fact("project-unnamed")
        ends = self.end_membership(user, project, role, why, because, finding_case="dropped")
        return bool(ends) or any(one.why.code not in DECIDED for one in because)

    def _obstacles(self, user: User, project: Project) -> tuple[PlanBecause, ...]:
        policy = self.policy
        waiting = policy.waiting(user) if user.id in policy.offboarding.waiting else ()
        because = (
            *policy.account(user),
            *waiting,
            *self._dropped.why_open.get(project.id, ()),
        )
        if project.id in self._dropped.open:
            return because
        because = (*because, *policy.membership(user, project))
        return because or open_through_groups(policy, self.projection, user, project)


def _groups_with_access(
    dropped: Dropped[Project], projection: GroupProjection
) -> Mapping[int, list[str]]:
    groups: dict[int, list[str]] = {}
    for group, project in projection.after:
        if project.id is not None and project.id in dropped.accessed:
            groups.setdefault(project.id, []).append(group.name)
    return groups


def _remaining(left: list[User], granted: int, groups: Iterable[str]) -> Iterator[Fact]:
    """Yield what remains in a project: users, of whom Kanport granted some access, and groups."""
    if left:
        yield fact(
            "remaining",
            case="users" if granted == len(left) else "granted",
            count=len(left),
            granted=granted,
            users=sorted_names(user.username for user in left),
        )
    if some := sorted_names(groups):
        yield fact("remaining", case="groups", count=len(some), groups=some)


# --- groups ---------------------------------------------------------------------------------------


def dropped_groups(policy: RemovalPolicy, groups: GroupIndex) -> Dropped[Group]:
    """Find the groups that the ledger knows from the sources and that they name no longer.

    Without those that `groups_missing: remove` removes.
    """
    mapping, resolved, memory = policy.mapping, policy.resolved, policy.memory
    if not mapping.ends_by_absence:
        return Dropped()
    described = {group.id for group in groups.described}
    texts = {access.holder.value for access in resolved.desired.group_access}
    needed = {group.id for text in texts for group in groups.fitting(text)}
    removed = name_matcher(mapping.groups_managed if mapping.groups_missing == "remove" else ())
    known = {group_id for group_id, _ in known_access(policy.current, memory)}
    remembered = memory.groups_remembered()
    dropped = tuple(
        group
        for group in policy.current.groups_by_id.values()
        if group.id in remembered
        and group.id not in described | needed
        and compare_key(group.name) not in groups.unclear
        and not removed(group.name)
        and (group.id in known or _group_is_remembered(group, policy))
    )
    names, unclear = open_names(policy, groups), has_unknown_names(policy, groups)
    return Dropped(
        dropped,
        {
            group.id: _why_open(group, policy, groups, unclear=unclear)
            for group in dropped
            if not names.isdisjoint((None, compare_key(group.name))) or not group.complete
        },
        frozenset(group.id for group in dropped),
    )


def _group_is_remembered(group: Group, policy: RemovalPolicy) -> bool:
    memory = policy.memory
    if compare_key(memory.named_groups.get(group.id, "")) == compare_key(group.name):
        return True
    return any(
        memory.gave(About.GROUP_MEMBER, user, group)
        for user in policy.members(group)
        if user is not None
    )


def _why_open(
    group: Group, policy: RemovalPolicy, groups: GroupIndex, *, unclear: bool
) -> tuple[PlanBecause, ...]:
    if not group.complete:
        return (cause("unread-members", case="server"),)
    if unclear:
        return (cause("unclear-group", case="any"),)
    return why_open(policy, groups, compare_key(group.name))


def empty_dropped(dropped: Dropped[Group], policy: RemovalPolicy) -> Diff[RelationChange]:
    """Remove from dropped groups whom Kanport put there, if the mapping says so."""
    diff: Diff[RelationChange] = Diff()
    if policy.mapping.groups_missing != "revoke":
        return diff
    why = fact("group-unnamed")
    for group in dropped.things:
        keys = {compare_key(group.name)}
        why_open = dropped.why_open.get(group.id, ())
        for user in filter(None, policy.members(group)):
            ours = policy.memory.gave(About.GROUP_MEMBER, user, group)
            if not ours or not policy.manages(user):
                continue
            because = (*policy.account(user), *why_open, *policy.member(user, keys, listed=False))
            change = relation_change(Action.GROUP_MEMBER_REMOVE, user, group, before="", why=why)
            diff.end(change, because)
    return diff


def group_findings(
    dropped: Dropped[Group],
    policy: RemovalPolicy,
    changes: Iterable[RelationChange],
    projection: GroupProjection,
) -> Iterator[Finding]:
    """Yield a finding for each dropped group in which users, or whose access, stay.

    `changes` are those that empty dropped groups.
    """
    mapping, memory = policy.mapping, policy.memory
    if not undecided(mapping, "groups_missing"):
        return
    everybody = policy.ends_unlisted(About.GROUP_MEMBER)
    taken_out = {(one.user_id, one.group_id) for one in changes}
    # Access that no list names ends anyway then, or a finding says why it stays.
    places = () if policy.ends_unlisted(About.GROUP_ACCESS) else tuple(projection.after)
    for group in dropped.things:
        left = sorted_names(
            user.username
            for user in filter(None, policy.members(group))
            if user.active
            and not policy.protected(user.username)
            and (user.id, group.id) not in taken_out
            and (everybody or memory.gave(About.GROUP_MEMBER, user, group))
        )
        remaining = []
        if left:
            remaining.append(fact("remaining", case="members", count=len(left), users=left))
        if projects := sorted_names(one.label for who, one in places if who.id == group.id):
            remaining.append(fact("remaining", case="projects", projects=projects))
        if remaining:
            yield dropped.finding(group, remaining)


# --- what the ledger is to know -------------------------------------------------------------------


def named_by_sources(
    policy: RemovalPolicy, groups: GroupIndex, settled: Collection[int]
) -> PlanNamed | None:
    """Return what the sources name and what the server lacks, for the ledger; None without one."""
    current, memory = policy.current, policy.memory
    if not policy.mapping.keeps_ledger:
        return None
    there, groups_there = current.project_index.by_id.keys(), current.groups_by_id.keys()
    gone = (memory.projects_remembered() - there if there else frozenset()) | set(settled)
    gone_groups = memory.groups_remembered() - groups_there if groups_there else frozenset()
    return PlanNamed(
        projects={project.id: project.label for project in policy.resolved.scope},
        groups={
            group.id: group.name
            for group in sorted(groups.described, key=lambda group: group.id or 0)
            if group.id is not None
        },
        gone_projects=tuple(sorted(gone)),
        gone_groups=tuple(sorted(gone_groups)),
    )
