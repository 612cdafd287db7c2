"""Derive from a plan, and from a run of it, what the ledger records for the next plan. Pure."""

from collections.abc import Iterable, Mapping

from kanport.memory import (
    DirectoryMemory,
    GoodRun,
    Grant,
    GroupMember,
    KnownEntry,
    LedgerUpdate,
    Missed,
    SourceMemory,
)
from kanport.model import About, Identity
from kanport.names import compare_key
from kanport.outcome import Run, Status
from kanport.plan.change import Action, Change, RelationChange
from kanport.plan.model import Plan, PlanDirectory, PlanIdentity, PlanNamed
from kanport.plan.people import Persons

_HOLDS = (Status.DONE, Status.ALREADY)


def ledger_update(plan: Plan, run: Run | None) -> LedgerUpdate:
    """Return what to remember after a run of a plan, or after a plan that had nothing to do (None).

    What Kanport did itself is managed from then on; what somebody else had done before is not.
    """
    statuses = {} if run is None else {one.change_id: one.status for one in run.outcomes}
    holds = [change for change in plan.changes if statuses.get(change.id) in _HOLDS]
    done = [change for change in holds if statuses[change.id] is Status.DONE]
    user_ids: Mapping[str, int] = {} if run is None else run.user_ids
    created = {
        user_ids[change.id]: change.username
        for change in done
        if change.action is Action.USER_CREATE and change.id in user_ids
    }
    renames = [change for change in plan.changes if change.action is Action.USER_RENAME]
    # Somebody may be renamed twice, by way of a temporary username.
    names = {change.user_id: change.username for change in reversed(renames)} | {
        change.user_id: change.new_username
        for change in holds
        if change.action is Action.USER_RENAME
    }
    numbers = {compare_key(name): user_id for user_id, name in created.items()}
    granted: dict[tuple[int, int], Grant] = {}
    for change in done:
        if change.action is not Action.MEMBERSHIP_GRANT:
            continue
        user_id = change.user_id or numbers.get(compare_key(change.holder))
        if user_id is not None and change.project_id is not None:
            username = names.get(user_id, change.holder)
            granted[user_id, change.project_id] = Grant(username, change.target)
    access = _group_access(holds, run)
    named = plan.named or PlanNamed()
    disabled = _users(done, Action.USER_DISABLE)
    enabled = _users(holds, Action.USER_ENABLE)
    return LedgerUpdate(
        planned_at=plan.created_at,
        identities=identities_after(plan, run),
        created=created,
        renamed={
            change.user_id: names[change.user_id]
            for change in _of(holds, Action.USER_RENAME)
            if change.user_id is not None
        },
        removed=_users(holds, Action.USER_REMOVE),
        granted=granted,
        revoked=frozenset(
            (change.user_id, change.project_id)
            for change in _of(holds, Action.MEMBERSHIP_REVOKE)
            if change.user_id is not None and change.project_id is not None
        ),
        missed={
            one.user_id: Missed(
                names.get(one.user_id, one.username), one.active, one.user_id in disabled
            )
            for one in plan.absences
            if one.state == "missing"
        },
        back={
            one.user_id: one.active or one.user_id in enabled
            for one in plan.absences
            if one.state == "back"
        },
        enabled=enabled | {one.user_id for one in plan.absences if one.state == "enabled"},
        through_group=_through_group(plan, run),
        group_access={place: one.new_role for place, one in access.items()},
        group_names={group_id: one.holder for (group_id, _), one in access.items()}
        | {
            change.group_id: change.new.name
            for change in holds
            if change.action is Action.GROUP_UPDATE
            and change.group_id is not None
            and change.new.name is not None
        },
        entries=_entries(plan),
        project_names={number: one.target for (_, number), one in access.items()},
        put_in=_put_in(done, run, numbers, names),
        taken_out=frozenset(
            (change.user_id, change.group_id)
            for change in _of(holds, Action.GROUP_MEMBER_REMOVE)
            if change.user_id is not None and change.group_id is not None
        ),
        named_projects=named.projects,
        named_groups=named.groups,
        gone_projects=frozenset(named.gone_projects),
        gone_groups=frozenset(named.gone_groups)
        | {
            change.group_id
            for change in _of(holds, Action.GROUP_REMOVE)
            if change.group_id is not None
        },
    )


def _entries(plan: Plan) -> dict[str, dict[str, KnownEntry]] | None:
    if plan.entries is None:
        return None
    found: dict[str, dict[str, KnownEntry]] = {}
    for one in plan.entries:
        known = KnownEntry(one.username, one.projects, one.groups)
        found.setdefault(one.source, {})[one.dn] = known
    return found


def _put_in(
    done: list[Change],
    run: Run | None,
    numbers: Mapping[str, int],
    names: Mapping[int | None, str],
) -> dict[tuple[int, int], GroupMember]:
    """Return whom the run put into which group, by the ids of both."""
    created = {} if run is None else run.group_ids
    groups = {
        change.group: created[change.id]
        for change in _of(done, Action.GROUP_CREATE)
        if change.id in created
    }
    found: dict[tuple[int, int], GroupMember] = {}
    for change in done:
        if change.action is not Action.GROUP_MEMBER_ADD:
            continue
        user_id = change.user_id or numbers.get(compare_key(change.holder))
        group_id = change.group_id or groups.get(change.group)
        if user_id is not None and group_id is not None:
            found[user_id, group_id] = GroupMember(names.get(user_id, change.holder), change.target)
    return found


def _through_group(plan: Plan, run: Run | None) -> dict[tuple[int, int], str | None]:
    """Return the roles that were found to come through a group; None for what took effect."""
    found: dict[tuple[int, int], str | None] = {}
    outcomes = {} if run is None else {one.change_id: one for one in run.outcomes}
    for change in plan.changes:
        outcome = outcomes.get(change.id)
        if outcome is None or change.about is not About.MEMBERSHIP:
            continue
        if change.user_id is not None and change.project_id is not None:
            place = change.user_id, change.project_id
            if outcome.through_group is not None:
                found[place] = outcome.through_group
            elif outcome.status in _HOLDS:
                found[place] = None
    return found


def _group_access(holds: list[Change], run: Run | None) -> dict[tuple[int, int], RelationChange]:
    """Return the changes of groups' access that took effect, by the ids of group and project."""
    groups: dict[str | None, int] = {}
    projects: dict[str | None, int] = {}
    for change in holds:
        if run is not None and change.id in run.group_ids:
            groups[change.group] = run.group_ids[change.id]
        if run is not None and change.id in run.project_ids:
            projects[change.project] = run.project_ids[change.id]
    found: dict[tuple[int, int], RelationChange] = {}
    for change in holds:
        group = change.group_id or groups.get(change.group)
        project = change.project_id or projects.get(change.project)
        if change.about is About.GROUP_ACCESS and group is not None and project is not None:
            found[group, project] = change
    return found


def good_run_of(plan: Plan, *, run_id: str, now: str) -> GoodRun:
    """Return what to remember of a plan after which nothing was left to do."""
    return GoodRun(
        run_id,
        now,
        {
            source.name: SourceMemory(
                source.rows, frozenset(source.columns), _directory_memory(source.directory)
            )
            for source in plan.sources
            if source.directory is None or source.directory.sure
        },
        unsure=frozenset(
            source.name
            for source in plan.sources
            if source.directory is not None and not source.directory.sure
        ),
    )


def _directory_memory(directory: PlanDirectory | None) -> DirectoryMemory | None:
    if directory is None:
        return None
    return DirectoryMemory(
        seen=frozenset(directory.seen),
        had={name: frozenset(keys) for name, keys in directory.had.items()},
        referrals=frozenset(directory.referrals),
        server=directory.server,
        marks=directory.marks,
        newest=directory.newest,
    )


def _of(changes: "list[Change] | tuple[Change, ...]", action: Action) -> list[Change]:
    return [change for change in changes if change.action is action]


def _users(changes: list[Change], action: Action) -> frozenset[int]:
    return frozenset(
        change.user_id for change in _of(changes, action) if change.user_id is not None
    )


def identities_of(persons: Persons, changes: Iterable[Change]) -> tuple[PlanIdentity, ...]:
    """Return everybody with a stable id who is on the server when these changes are carried out."""
    if not persons.desired.special.any():
        return ()
    renamed: dict[int | None, str] = {}
    created: dict[str, str] = {}
    for change in changes:
        if change.action is Action.USER_RENAME:
            renamed[change.user_id] = change.new_username
        elif change.action is Action.USER_CREATE:
            created[compare_key(change.username)] = change.username
    found: list[PlanIdentity] = []
    for person in persons.special:
        stable_id, user = person.desired.stable_id, person.user
        if stable_id is None:
            continue
        if user is not None:
            name = renamed.get(user.id, user.username)
            found.append(PlanIdentity(id=stable_id.value, username=name, user_id=user.id))
        elif person.desired.key in created:
            found.append(PlanIdentity(id=stable_id.value, username=created[person.desired.key]))
    return tuple(sorted(found, key=lambda identity: identity.id))


def identities_after(plan: Plan, run: Run | None) -> tuple[Identity, ...]:
    """Return whom the ids of a plan mean now: after a run of it, or without one (None).

    Who was not renamed has the old username still; who was not created is nobody yet.
    """
    outcomes = {} if run is None else {one.change_id: one.status for one in run.outcomes}
    user_ids: Mapping[str, int] = {} if run is None else run.user_ids
    kept: dict[int | None, str] = {}
    created: dict[str, int] = {}
    for change in plan.changes:
        holds = outcomes.get(change.id) in _HOLDS
        if change.action is Action.USER_RENAME and not holds:
            # By way of a temporary username somebody is renamed twice: the first one that failed
            # says how they are called.
            kept.setdefault(change.user_id, change.username)
        elif change.action is Action.USER_CREATE and holds and change.id in user_ids:
            created[change.username] = user_ids[change.id]
    return tuple(
        Identity(identity.id, number, kept.get(number, identity.username))
        for identity in plan.identities
        if (number := identity.user_id or created.get(identity.username)) is not None
    )
