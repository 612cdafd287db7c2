"""Make the plan: what to do so that the server is as the sources ask. Pure and deterministic."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Any, NamedTuple

from kanport.checks import accept
from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.frames import HeldRelations, Relations, uncollected
from kanport.mapping.spec import MappingFile
from kanport.memory import NOTHING, Entries, LedgerState, with_present_names
from kanport.model import CurrentState, DesiredState, Project
from kanport.names import compare_key, is_temporary_username
from kanport.origin import first_place
from kanport.plan.change import Action, Change, ChangesByAction, RelationChange, UserChange
from kanport.plan.dropped import (
    Dropped,
    DroppedDiff,
    dropped_groups,
    dropped_projects,
    empty_dropped,
    group_findings,
    named_by_sources,
)
from kanport.plan.group_relations import diff_group_access, diff_members, remove_groups
from kanport.plan.groups import GroupIndex, diff_groups, match_groups
from kanport.plan.guards import Allowances, GuardContext, SourceUsage, judge
from kanport.plan.guards.limits import names_without_meaning
from kanport.plan.guards.separation import separation_findings
from kanport.plan.ledger_update import identities_of
from kanport.plan.lifecycle import Offboarding, offboard
from kanport.plan.memberships import diff_memberships
from kanport.plan.model import (
    Plan,
    PlanApproval,
    PlanEntry,
    PlanMapping,
    PlanServer,
    PlanSource,
)
from kanport.plan.naming import sorted_names, user_part, with_near_names
from kanport.plan.open_access import keep_open_access
from kanport.plan.open_removals import carried
from kanport.plan.order import in_plan_order
from kanport.plan.partial import Only, check_known, part_of
from kanport.plan.plan_file import sealed
from kanport.plan.projection import GroupProjection, empty_group_findings, indirect_changes
from kanport.plan.projects import create_projects
from kanport.plan.relations import RemovalPolicy
from kanport.plan.resolve import Resolved, resolve, without_gone
from kanport.plan.unchanged_access import people_named, unchanged_access
from kanport.plan.users import diff_users
from kanport.plan.withheld import Diff, in_order_of_plan, withheld_findings

_NO_ALLOWANCES: Mapping[str, int] = MappingProxyType({})


@uncollected()
def make_plan(
    desired: DesiredState,
    current: CurrentState,
    mapping: MappingFile,
    *,
    findings: Iterable[Finding],
    mapping_ref: PlanMapping,
    sources: tuple[PlanSource, ...],
    created_at: str,
    version: str,
    made_by: str | None = None,
    memory: LedgerState = NOTHING,
    entries: Entries | None = None,
    allowed: Mapping[str, int] = _NO_ALLOWANCES,
    only: Only | None = None,
) -> Plan:
    """Compare what is wanted with what is, and say what to do about the difference.

    `findings` are those of reading, normalizing and checking: rows with an error are not used, and
    whoever they name loses nothing. The plan holds them together with its own. `created_at` is in
    UTC (RFC 3339), `version` is Kanport's, `made_by` the user and the machine. `memory` is what the
    ledger knows of the server, `entries` what it is to know of directories from then on, `allowed`
    what is allowed for this run beyond the limits (`kanport.plan.guards.allowances`). With `only`
    the plan is a part of the whole one, and the guards judge that part. The same input gives the
    same plan, whatever order the rows, users or projects come in.
    """
    given, memory = tuple(findings), with_present_names(memory, current)
    held = HeldRelations.of(current.roles)
    made = _compare(desired, current, mapping, given, memory, held, created_at)
    resolved, groups = made.policy.resolved, made.groups
    changes = in_plan_order(
        (change for part in made.parts for change in part.changes),
        (user.username for user in current.users),
    )
    withheld = [one for part in made.parts for one in part.withheld]
    projection, new_projects = groups.projection, tuple(resolved.new_projects.projects)
    part = None
    if only is not None:
        check_known(only, current, desired, changes)
        part = part_of(changes, only, current)
        changes = part.changes
        projection = GroupProjection.of(current, memory, changes)
        created = {one.project for one in changes if one.action is Action.PROJECT_CREATE}
        new_projects = tuple(one for one in new_projects if one.label in created)
    by_action = ChangesByAction(changes)
    moves = indirect_changes(changes, current, projection, new_projects)
    beside = unchanged_access(by_action, current, held, moves)
    context = GuardContext(
        by_action,
        current,
        mapping,
        memory=memory,
        sources=sources,
        usable=_usable(resolved, mapping, made.dropped_projects.ids, groups.dropped),
        allowed=Allowances(allowed),
        access=beside,
        at=created_at,
    )
    projects, named_groups = resolved.projects, groups.groups.by_key.values()
    found_by_server = with_near_names(
        (*resolved.findings, *(finding for part in made.parts for finding in part.findings)),
        {
            "person-unknown": lambda: (*current.people.by_name, *resolved.finder.new.values()),
            "project-unknown": lambda: (
                name
                for index in (projects.by_name, projects.by_identifier)
                for name, some in index.items()
                if not all(project.private for project in some)
            ),
            "group-unknown": lambda: (group.name for some in named_groups for group in some),
        },
    )
    found_by_all = (
        *given,
        *found_by_server,
        *withheld_findings(withheld, mapping),
        *_temporary(current, by_action),
        *empty_group_findings(changes, current),
        *unlisted_findings(resolved, current),
        *names_without_meaning(mapping, allowed, current),
        *separation_findings(context),
        *((part.finding,) if part is not None else ()),
    )
    absences, named = tuple(made.offboarding.absences), None
    if part is not None:
        # What a part does not do must not count as seen, done or gone.
        absences, entries = part.absences(absences), None
    else:
        named = named_by_sources(made.policy, groups.groups, made.dropped.settled)
    return plan_of(
        context,
        made_by=made_by,
        version=version,
        mapping_ref=mapping_ref,
        sources=tuple(sorted(sources, key=lambda source: source.name)),
        unchanged=made.unchanged,
        findings=accept(found_by_all, mapping, created_at, complete=True),
        withheld=in_order_of_plan(withheld),
        open=carried(memory.open, changes, in_order_of_plan(withheld), found_by_all, current)
        or None,
        identities=identities_of(resolved.persons, changes),
        absences=absences,
        entries=_entries(entries),
        named=named,
        partial=part.partial if part is not None else None,
    )


def plan_of(
    context: GuardContext,
    *,
    made_by: str | None,
    version: str,
    mapping_ref: PlanMapping,
    sources: tuple[PlanSource, ...],
    unchanged: Mapping[str, int],
    findings: Iterable[Finding],
    **more: Any,
) -> Plan:
    """Return the plan of the changes of a context, judged by all guards and held to its mapping.

    `more` are fields of the plan that only some plans have.
    """
    changes, current, mapping = context.by_action, context.current, context.mapping
    return sealed(
        Plan(
            created_at=context.at,
            made_by=made_by,
            kanport=version,
            server=PlanServer(url=current.server.url, version=current.server.version),
            mapping=mapping_ref,
            sources=sources,
            summary={str(one): number for one in Action if (number := changes.count(one))},
            unchanged=dict(unchanged),
            guards=judge(context),
            allowed=dict(sorted(context.allowed.numbers.items())),
            min_admins=mapping.min_admins,
            protect=mapping.protect or None,
            limits=mapping.limits,
            separation=mapping.separation or None,
            custom_roles=mapping.custom_roles if mapping.separation else None,
            approval=PlanApproval.of(mapping.approval, made_by),
            changes=tuple(changes),
            findings=tuple(findings),
            access=context.access,
            people=people_named(changes, context.access, current),
            **more,
        )
    )


class _Compared(NamedTuple):
    """What is wanted beside what is, part by part."""

    policy: RemovalPolicy
    dropped_projects: Dropped[Project]
    users: Diff[UserChange]
    offboarding: Offboarding
    groups: "_GroupDiff"
    memberships: Diff[RelationChange]
    dropped: DroppedDiff

    @property
    def parts(self) -> tuple[Diff[Any], ...]:
        """All comparisons, in the order in which they are made."""
        return self.users, self.offboarding, self.groups, self.memberships, self.dropped

    @property
    def unchanged(self) -> dict[str, int]:
        """How many things need nothing, by what they are."""
        counts = {"users": self.users.unchanged, "memberships": self.memberships.unchanged}
        return {**counts, **self.groups.counts}


def _compare(
    desired: DesiredState,
    current: CurrentState,
    mapping: MappingFile,
    given: tuple[Finding, ...],
    memory: LedgerState,
    held: HeldRelations,
    now: str,
) -> _Compared:
    resolved = resolve(desired, current, mapping, given, memory.identities)
    users = diff_users(resolved, current, mapping, memory)
    offboarding = offboard(resolved, current, mapping, memory, now)
    resolved = without_gone(resolved, offboarding.gone)
    policy = RemovalPolicy(resolved, current, mapping, memory, offboarding)
    projects = dropped_projects(policy)
    groups = _diff_groups(policy, projects)
    access = diff_memberships(policy, held, groups.projection)
    dropped = DroppedDiff(projects, policy, groups.projection)
    return _Compared(policy, projects, users, offboarding, groups, access, dropped)


@dataclass(slots=True, kw_only=True)
class _GroupDiff(Diff[Change]):
    """The changes of groups and projects, how many need none (`counts`), and projected access.

    `dropped` are the ids of the groups that no source names any more.
    """

    counts: Mapping[str, int]
    projection: GroupProjection
    groups: GroupIndex
    dropped: frozenset[int]


def _diff_groups(policy: RemovalPolicy, projects: Dropped[Project]) -> _GroupDiff:
    """Compare the groups, their members and their access with what is wanted of them."""
    resolved, current, mapping = policy.resolved, policy.current, policy.mapping
    groups = match_groups(resolved.desired.groups, current.groups)
    own, same_groups = diff_groups(groups)
    members, removed = diff_members(policy, groups), remove_groups(policy, groups)
    dropped = dropped_groups(policy, groups)
    emptied = empty_dropped(dropped, policy)
    ending = {**removed.going, **dropped.endings(mapping.groups_missing)}
    access = diff_group_access(policy, groups, ending, projects.endings(mapping.projects_missing))
    made, about_owners = create_projects(resolved.new_projects, resolved.finder)
    counts: dict[str, int] = {}
    if mapping.groups:
        counts |= {"groups": same_groups, "group_members": members.unchanged}
    if mapping.group_access:
        counts["group_access"] = access.unchanged
    parts: tuple[Diff[Any], ...] = (members, removed, emptied, access)
    projection = keep_open_access(policy, parts, (*own, *made))
    changes = [*own, *(change for part in parts for change in part.changes), *made]
    return _GroupDiff(
        changes=changes,
        findings=[
            *groups.findings,
            *(finding for part in parts for finding in part.findings),
            *about_owners,
            *group_findings(dropped, policy, emptied.changes, projection),
        ],
        withheld=[one for part in parts for one in part.withheld],
        counts=counts,
        projection=projection,
        groups=groups,
        dropped=dropped.ids,
    )


def _entries(entries: Entries | None) -> tuple[PlanEntry, ...] | None:
    if entries is None:
        return None
    return tuple(
        PlanEntry(
            source=source,
            dn=dn,
            username=known.username,
            projects=known.projects,
            groups=known.groups,
        )
        for source, by_dn in sorted(entries.items())
        for dn, known in sorted(by_dn.items())
    )


def _usable(
    resolved: Resolved,
    mapping: MappingFile,
    dropped_projects: frozenset[int],
    dropped_groups: frozenset[int],
) -> SourceUsage:
    desired = resolved.desired
    # A group of a directory says who is in it, be it nobody; where that is in doubt, nothing is
    # taken away because of it.
    projects = (
        [place for place in given.origins if place.dn is not None]
        for given in desired.projects_named
    )
    groups = (
        [place for place in group.name.origins if place.dn is not None]
        for group in desired.groups
        if group.members_listed
    )
    disputed = resolved.finder.disputed
    memberships = Relations.of(desired)
    theirs = memberships.holders.having(lambda username: compare_key(username) in disputed)
    return SourceUsage.of(
        {
            # A row is of use also where it is open who somebody is: the source is not empty.
            "users": chain(
                (p.desired.rows or p.desired.username.origins for p in resolved.persons),
                resolved.unclear,
            ),
            "memberships": chain(
                map(resolved.wanted.origins, range(len(resolved.wanted))),
                (one.role.origins or one.holder.origins for one in memberships.chosen(theirs)),
                projects,
            ),
            "group members": chain((one.holder.origins for one in desired.group_members), groups),
            "group access": (one.holder.origins for one in desired.group_access),
        },
        mapping,
        (project.id for project in resolved.scope),
        dropped_projects,
        dropped_groups,
    )


def _temporary(current: CurrentState, changes: ChangesByAction) -> list[Finding]:
    """Name the users whom a run that was cut off left under a temporary username."""
    renamed = {change.user_id for change in changes[Action.USER_RENAME]}
    return [
        found("username-temporary", value=user.username, user=user_part(user))
        for user in current.users
        if is_temporary_username(user.username, user.id) and user.id not in renamed
    ]


def unlisted_findings(resolved: Resolved, current: CurrentState) -> list[Finding]:
    """Return findings if the users could not be listed: that, and whom it leaves in doubt."""
    unlisted = current.unlisted
    if unlisted is None:
        return []
    why = fact("no-list", case=unlisted.fault)
    findings = [found("users-unlisted", why=why, count=len(current.users))]
    absent = [person.desired for person in resolved.persons if person.user is None]
    if absent and not unlisted.folds_case:
        names = sorted_names(wanted.username.value for wanted in absent)
        places = (place for wanted in absent for place in wanted.username.origins or wanted.rows)
        findings.append(
            found("person-unsearched", first_place(places), usernames=names, count=len(names))
        )
    return findings
