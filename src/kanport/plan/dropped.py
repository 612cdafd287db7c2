"""Projects that sources named and no longer name: who keeps access there, and what ends.

`memberships_missing` works within the projects that the sources name, so it does nothing in one
that they drop: the last row of a team, or the only group of a project. The ledger remembers it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerState
from kanport.model import CurrentState, Project, User
from kanport.names import compare_key, spelling_key
from kanport.plan.change import RelationChange
from kanport.plan.dropped_groups import undecided
from kanport.plan.group_access import known_access
from kanport.plan.groups import Groups
from kanport.plan.lifecycle import Offboarding
from kanport.plan.matching import name_matcher, texts_of_projects
from kanport.plan.memberships import missing_since, revoke
from kanport.plan.model import PlanBecause, PlanNamed
from kanport.plan.naming import sorted_names
from kanport.plan.ownership import ownership_of
from kanport.plan.projection import GroupProjection
from kanport.plan.resolve import Resolved
from kanport.plan.withheld import DECIDED, Withheld, cause


@dataclass(frozen=True, slots=True)
class Dropped:
    """What the ledger knows and no source names any more.

    `projects` are those in which no membership is asked for. By id, `had_members` are those in
    which one was, `accessed` those that no access of a group names either, and `open` those of
    which the input leaves that open; `unclear` is True where a name may mean any of them.
    """

    projects: tuple[Project, ...] = ()
    had_members: frozenset[int] = frozenset()
    accessed: frozenset[int] = frozenset()
    open: frozenset[int] = frozenset()
    unclear: bool = False

    @property
    def ids(self) -> frozenset[int]:
        """The ids of the projects."""
        return frozenset(project.id for project in self.projects)

    @property
    def unproven(self) -> frozenset[int]:
        """The ids of the projects of which the input leaves open whether anything names them."""
        return self.ids if self.unclear else self.open

    def why_open(self, project: Project, resolved: Resolved) -> tuple[PlanBecause, ...]:
        """Return why it is open whether anything names a project; nothing where it is not."""
        because = (cause("unclear-project"),) if self.unclear else ()
        if project.id not in self.open:
            return because
        return (*because, *resolved.causes.of_project(resolved.projects.keys_of(project)))

    @property
    def proven(self) -> frozenset[int]:
        """The ids of the projects that are named provably no longer."""
        return self.ids - self.unproven


@dataclass(frozen=True, slots=True)
class DroppedDiff:
    """What ends in dropped projects, what was found, and the ids of those where nothing is left."""

    changes: tuple[RelationChange, ...] = ()
    findings: tuple[Finding, ...] = ()
    settled: frozenset[int] = frozenset()
    withheld: tuple[Withheld, ...] = ()


def dropped_projects(
    resolved: Resolved, current: CurrentState, mapping: MappingFile, memory: LedgerState
) -> Dropped:
    """Find the projects that the ledger knows from the sources and that they name no longer."""
    if not mapping.ends_by_absence:
        return Dropped()
    texts = {*texts_of_projects(resolved.desired)}
    texts |= {resolved.wanted.projects[at].label for at in np.unique(resolved.wanted.project)}
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
    return Dropped(
        projects,
        frozenset(project.id for project in projects if _had_members(project, memory)),
        frozenset(project.id for project in projects) - accessed,
        frozenset(project.id for project in projects if _is_open(project, resolved)),
        unclear,
    )


def _is_remembered(
    project: Project, resolved: Resolved, current: CurrentState, memory: LedgerState
) -> bool:
    """Return whether the number still means the project that the ledger knows."""
    if _had_members(project, memory):
        return True
    users = (resolved.people.by_id.get(user_id) for user_id in current.roles[project.id])
    return any(memory.granted(user, project) for user in users if user is not None)


def _had_members(project: Project, memory: LedgerState) -> bool:
    names = {spelling_key(name) for name in (project.identifier, project.name) if name}
    return spelling_key(memory.named_projects.get(project.id, "")) in names


def _is_open(project: Project, resolved: Resolved) -> bool:
    unknown = resolved.desired.unknown
    pairs = unknown.memberships | unknown.group_access
    keys = resolved.projects.keys_of(project)
    return resolved.uncertainty.everybody or any(what is None or what in keys for _, what in pairs)


def diff_dropped(
    dropped: Dropped,
    resolved: Resolved,
    current: CurrentState,
    mapping: MappingFile,
    memory: LedgerState,
    missing: Offboarding,
    projection: GroupProjection,
) -> DroppedDiff:
    """Compare who has access in dropped projects with what the mapping says about these.

    With `projects_missing: revoke` ends what Kanport granted; whoever else has access there because
    the sources asked for it until now is named. Nothing ends that the input does not prove.
    """
    protected = name_matcher(mapping.protect)
    managed = ownership_of(mapping.users, memory).to_revoke
    leaving = {change.user_id for change in missing.changes}
    # What is asked for no more ends anyway then, or is told with the reason why it stays.
    ends = mapping.group_access_missing == "revoke"
    groups = {} if ends else _groups_with_access(dropped, projection)
    everybody = mapping.memberships_missing == "revoke" and mapping.memberships_managed == "all"
    changes: list[RelationChange] = []
    findings: list[Finding] = []
    withheld: list[Withheld] = []
    settled: set[int] = set()
    for project in dropped.projects:
        left: list[User] = []
        granted = 0
        members = [
            (resolved.people.by_id.get(user_id), role)
            for user_id, role in sorted(current.roles[project.id].items())
        ]
        for user, role in members:
            if user is None:
                continue
            ours = memory.granted(user, project)
            ends = mapping.projects_missing == "revoke" and ours and managed(user, user.username)
            if ends:
                revoked = revoke(user, project, role, projection, fact("project-unnamed"))
                because = _obstacles(user, project, dropped, resolved, missing, protected)
                if revoked is not None and because:
                    since = missing_since(user, memory)
                    withheld.append(Withheld(revoked[0], because, since, "dropped"))
                elif revoked is not None:
                    changes.append(revoked[0])
                    findings.extend(revoked[1])
                    continue
                if any(one.why.code not in DECIDED for one in because):
                    continue
            if protected(user.username):
                continue
            if not user.active or user.id in leaving:
                continue
            by_group = projection.effective(user.id, project.id).at_least is not None
            if ours or (everybody and project.id in dropped.had_members and not by_group):
                left.append(user)
                granted += ours
        if left or groups.get(project.id):
            if undecided(mapping, "projects_missing"):
                findings.append(_project_finding(project, left, granted, groups, dropped))
        elif not members and project.id not in dropped.unproven:
            settled.add(project.id)
    return DroppedDiff(tuple(changes), tuple(findings), frozenset(settled), tuple(withheld))


def _obstacles(
    user: User,
    project: Project,
    dropped: Dropped,
    resolved: Resolved,
    missing: Offboarding,
    protected: Callable[[str], bool],
) -> tuple[PlanBecause, ...]:
    """Return what keeps a membership in a dropped project from ending."""
    because: list[PlanBecause] = []
    if protected(user.username):
        because.append(cause("protected-account"))
    if user.id in missing.waiting:
        because += missing.held.get(user.id, ())
    key, keys = compare_key(user.username), resolved.projects.keys_of(project)
    because += dropped.why_open(project, resolved)
    if project.id not in dropped.open and resolved.uncertainty.not_asked_for(key, keys):
        because += resolved.causes.of_membership((key,), keys)
    return tuple(dict.fromkeys(because))


def _groups_with_access(dropped: Dropped, projection: GroupProjection) -> Mapping[int, list[str]]:
    found: dict[int, list[str]] = {}
    for group, project_id in projection.after:
        if project_id in dropped.accessed:
            found.setdefault(project_id, []).append(projection.names.get(group, str(group)))
    return found


def _project_finding(
    project: Project,
    left: list[User],
    granted: int,
    groups: Mapping[int, list[str]],
    dropped: Dropped,
) -> Finding:
    remaining = []
    if left:
        remaining.append(
            fact(
                "remaining",
                case="users" if granted == len(left) else "granted",
                count=len(left),
                granted=granted,
                users=sorted_names(user.username for user in left),
            )
        )
    if some := sorted_names(groups.get(project.id, ())):
        remaining.append(fact("remaining", case="groups", count=len(some), groups=some))
    return found(
        "project-dropped",
        case="unproven" if project.id in dropped.unproven else "",
        value=project.label,
        project=project.label,
        remaining=tuple(remaining),
    )


def named_by_sources(
    resolved: Resolved,
    groups: Groups,
    current: CurrentState,
    mapping: MappingFile,
    memory: LedgerState,
    settled: frozenset[int],
) -> PlanNamed | None:
    """Return what the sources name and what the server lacks, for the ledger; None without one."""
    if not mapping.keeps_ledger:
        return None
    there, groups_there = current.project_index.by_id.keys(), current.groups_by_id.keys()
    gone = (memory.projects_remembered() - there if there else frozenset()) | settled
    gone_groups = memory.groups_remembered() - groups_there if groups_there else frozenset()
    return PlanNamed(
        projects={project.id: project.label for project in resolved.scope if not project.new},
        groups={
            group.id: group.name
            for group in sorted(groups.described, key=lambda group: group.id or 0)
            if group.id is not None
        },
        gone_projects=tuple(sorted(gone)),
        gone_groups=tuple(sorted(gone_groups)),
    )
