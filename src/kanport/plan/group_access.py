"""What would change of the access of groups to projects, as far as it is known.

Kanboard has nothing that lists it. What is known is what Kanport gave, as its ledger remembers; and
that is believed only where the server does not show otherwise.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerState
from kanport.model import CurrentState, DesiredRelation, Group, Project
from kanport.names import compare_key, spelling_key
from kanport.origin import first_place
from kanport.plan.change import Action, RelationChange, role_side, sorted_risks
from kanport.plan.groups import FoundGroup, Groups
from kanport.plan.matching import name_matcher
from kanport.plan.model import PlanBecause
from kanport.plan.naming import group_part, sorted_names
from kanport.plan.resolve import Resolved
from kanport.plan.roles import access_risks, project_rank, shown_not
from kanport.plan.wanted import project_problem
from kanport.plan.withheld import Withheld, cause

Place = tuple[int | str, int]
"""A group, by its id or, where it is yet to be created, by its name; and the id of a project."""

_Open = tuple[str | None, str | None]
"""The keys of a group and a project of which the input leaves open what it wants; None for any."""


_NOTHING: Mapping[int, tuple[PlanBecause, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class GroupAccessDiff:
    """The changes of the access of groups, and how many need none.

    `before` and `after` are the roles that are known, now and when the plan is carried out.
    """

    changes: tuple[RelationChange, ...]
    unchanged: int
    before: Mapping[Place, str]
    after: Mapping[Place, str]
    findings: tuple[Finding, ...]
    withheld: tuple[Withheld, ...]


def known_access(current: CurrentState, memory: LedgerState) -> dict[Place, str]:
    """Return the roles that groups are known to have, by group id and project id.

    A group with a member who is not listed in the project has no access to it any more, whatever
    the ledger says; and nothing is known of one that has another name by now, as the server may
    have given its number to another one.
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
    resolved: Resolved,
    groups: Groups,
    current: CurrentState,
    mapping: MappingFile,
    memory: LedgerState,
    *,
    going: Collection[int | None] = (),
    dropped_projects: Collection[int] = (),
    open_groups: Mapping[int, tuple[PlanBecause, ...]] = _NOTHING,
    open_projects: Mapping[int, tuple[PlanBecause, ...]] = _NOTHING,
) -> GroupAccessDiff:
    """Compare the access that groups are to have with what is known of it.

    What is not known is given: where the group has it already, the server says so and nothing
    changes. Only what Kanport itself gave is ever revoked; of groups that are `going` and projects
    that are dropped (`dropped_projects`), by id, all that is known of. `open_groups` and
    `open_projects` are those that would be `going` and dropped but for what prevents it.
    """
    known = known_access(current, memory)
    after = dict(known)
    changes: list[RelationChange] = []
    withheld: list[Withheld] = []
    findings: list[Finding] = []
    unchanged = 0
    asked: set[Place] = set()
    unusable: set[_Open] = set()
    protected = name_matcher(mapping.protect)
    for wanted in resolved.desired.group_access:
        given = _place(wanted, resolved, groups)
        if isinstance(given, Finding):
            findings.append(given)
            unusable.add(_left_open(wanted, resolved, groups))
            continue
        group, project = given
        place: Place = (group.id if group.id is not None else group.name, project.id)
        asked.add(place)
        held = known.get(place)
        after[place] = wanted.role.value
        if held == wanted.role.value:
            unchanged += 1
            continue
        if held is not None and (inside := _protected_in(group.there, resolved, protected)):
            findings.append(_access_kept(group.name, project, inside))
            after[place] = held
            if project_rank(wanted.role.value) < project_rank(held):
                because = cause("protected-account", case="group", usernames=inside)
                withheld.append(Withheld(_change(group, project, held, wanted), (because,)))
            continue
        changes.append(_change(group, project, held, wanted))

    def prevented(group_id: int, project_id: int) -> tuple[PlanBecause, ...] | None:
        """Return what prevents the access from ending; None where nothing ends it."""
        if mapping.group_access_missing == "revoke":
            return ()
        if group_id in going or project_id in dropped_projects:
            return ()
        return open_groups.get(group_id) or open_projects.get(project_id)

    is_open = resolved.desired.unknown.group_access | unusable
    revoked, notes, not_revoked = _not_asked_for(
        is_open, resolved, current, mapping, groups, known, asked, after, prevented
    )
    changes.extend(revoked)
    findings.extend(notes)
    withheld.extend(not_revoked)
    return GroupAccessDiff(
        tuple(changes), unchanged, known, after, tuple(findings), tuple(withheld)
    )


def _place(
    wanted: DesiredRelation, resolved: Resolved, groups: Groups
) -> tuple[FoundGroup, Project] | Finding:
    name = wanted.holder.value
    fitting = groups.fitting(name)
    place = first_place(wanted.holder.origins)
    if compare_key(name) in groups.unclear:
        return found("row-skipped", place, case="group", value=name, group=name)
    if len(fitting) > 1:
        choice = tuple(group_part(group.name, group.id) for group in fitting)
        return found(
            "group-unclear", place, case="several-exact", value=name, group=name, groups=choice
        )
    if not fitting:
        return found("group-unknown", place, value=name, group=name)
    projects = resolved.projects.fitting(wanted.target.value)
    if problem := project_problem(wanted.target, projects):
        return problem
    if projects[0].private:
        label = projects[0].label
        place = first_place(wanted.target.origins)
        return found("project-private", place, case="group", value=label, group=name, project=label)
    return fitting[0], projects[0]


def _change(
    group: FoundGroup, project: Project, held: str | None, wanted: DesiredRelation
) -> RelationChange:
    role = wanted.role.value
    return RelationChange(
        action=Action.GROUP_ACCESS_GRANT if held is None else Action.GROUP_ACCESS_CHANGE,
        group=group.name,
        group_id=group.id,
        project=project.label,
        project_id=project.server_id,
        before=role_side(held),
        after=role_side(role),
        why=fact("no-group-access" if held is None else "role-differs"),
        risk=sorted_risks(access_risks(held, role)),
        origin=wanted.role.origins,
    )


def _left_open(wanted: DesiredRelation, resolved: Resolved, groups: Groups) -> _Open:
    """Return what an unusable row leaves open; a name that means nothing may mean any."""
    group, project = wanted.holder.value, wanted.target.value
    return (
        compare_key(group) if groups.fitting(group) else None,
        spelling_key(project) if resolved.projects.fitting(project) else None,
    )


def _not_asked_for(
    is_open: Collection[_Open],
    resolved: Resolved,
    current: CurrentState,
    mapping: MappingFile,
    groups: Groups,
    known: Mapping[Place, str],
    asked: set[Place],
    after: dict[Place, str],
    prevented: Callable[[int, int], tuple[PlanBecause, ...] | None],
) -> tuple[list[RelationChange], list[Finding], list[Withheld]]:
    there = current.groups_by_id
    names = {group.id: group.name for several in groups.by_key.values() for group in several}
    projects = current.project_index.by_id
    changes: list[RelationChange] = []
    withheld: list[Withheld] = []
    kept: list[Finding] = []
    protected = name_matcher(mapping.protect)
    for (group_id, project_id), role in known.items():
        if (group_id, project_id) in asked or not isinstance(group_id, int):
            continue
        because = prevented(group_id, project_id)
        if because is None:
            continue
        group, project = there[group_id], projects[project_id]
        name = names.get(group_id, group.name)
        keys = {compare_key(group.name), compare_key(name)}
        open_to = resolved.projects.keys_of(project)
        revoked = RelationChange(
            action=Action.GROUP_ACCESS_REVOKE,
            group=group.name,
            group_id=group_id,
            project=project.label,
            project_id=project_id,
            before=role_side(role),
            why=fact("not-listed", case="access"),
            risk=sorted_risks(access_risks(role, None)),
        )
        if because:
            withheld.append(Withheld(revoked, because))
            continue
        if not keys.isdisjoint(groups.unclear):
            because = (cause("unclear-group"),)
        elif _open(is_open, keys, open_to):
            because = resolved.causes.of_access(keys, open_to)
        if because:
            withheld.append(Withheld(revoked, because, told_as="access"))
            continue
        if inside := _protected_in(group, resolved, protected):
            kept.append(_access_kept(name, project, inside))
            because = (cause("protected-account", case="group", usernames=inside),)
            withheld.append(Withheld(revoked, because))
            continue
        del after[group_id, project_id]
        changes.append(revoked)
    return changes, kept, withheld


def _protected_in(
    group: Group | None, resolved: Resolved, protected: Callable[[str], bool]
) -> tuple[str, ...]:
    """Return the protected accounts in a group, whose access would end or change with it."""
    members = group.members if group is not None else ()
    users = (resolved.people.by_id.get(user_id) for user_id in members)
    return sorted_names(user.username for user in users if user and protected(user.username))


def _access_kept(group: str, project: Project, inside: tuple[str, ...]) -> Finding:
    return found(
        "group-kept",
        case="access",
        value=group,
        group=group,
        project=project.label,
        usernames=inside,
    )


def _open(is_open: Iterable[_Open], groups: set[str], projects: frozenset[str]) -> bool:
    return any(
        (who is None or who in groups) and (what is None or spelling_key(what) in projects)
        for who, what in is_open
    )
