"""Undo a run: from what it left behind and what the server holds now, an ordinary plan.

Only what the run itself did is undone, and only where the server still has it as the run left
it. What the API cannot undo, or what somebody has changed since, becomes a finding. Pure.
"""

from collections import Counter
from collections.abc import Iterable

from kanport.apply.journal import Recorded
from kanport.apply.undo.context import UndoContext, effects_of
from kanport.apply.undo.groups import groups_back
from kanport.apply.undo.relations import undo_relations
from kanport.apply.undo.users import undo_created_users, undo_user_changes
from kanport.findings import in_order
from kanport.frames import HeldRelations
from kanport.model import CurrentState, Project
from kanport.plan.change import Action, Change, ChangesByAction, undone_by
from kanport.plan.guards import judge_undo
from kanport.plan.model import Plan, PlanIdentity, PlanServer, PlanUndone
from kanport.plan.order import in_plan_order
from kanport.plan.plan_file import sealed
from kanport.plan.projection import GroupProjection, indirect_changes
from kanport.plan.unchanged_access import people_named, unchanged_access
from kanport.relations import About

__all__ = ["people_to_read", "projects_to_read", "undo_plan"]


def people_to_read(recorded: Recorded) -> tuple[frozenset[str], frozenset[int]]:
    """Return the usernames and the ids of all whom taking a run back is about.

    Besides those whom the plan names, these are whoever may have a username by now that is to be
    given back, and the users whom the run created.
    """
    names: set[str] = set()
    for change in recorded.plan.changes:
        named = change.user_id is None or change.action is Action.USER_RENAME
        given = [change.username] if named else []
        if change.about is About.USER:
            given += (change.old.username, change.new.username)
        names.update(name for name in given if name is not None)
    ids = {change.user_id for change in recorded.plan.changes if change.user_id is not None}
    made = (created.number for created in effects_of(recorded).created.values())
    return frozenset(names), frozenset(ids | {user_id for user_id in made if user_id is not None})


def projects_to_read(plan: Plan, projects: Iterable[Project], *, removing: bool) -> frozenset[int]:
    """Return the ids of the projects whose members must be known to undo a run of this plan.

    Removing somebody deletes the private projects that they are in, so these are looked at as well.
    """
    touched = {change.project_id for change in plan.changes}
    created = {change.project for change in plan.changes if change.action is Action.PROJECT_CREATE}
    return frozenset(
        project.id
        for project in projects
        if project.id in touched or project.label in created or (removing and project.private)
    )


def undo_plan(
    recorded: Recorded,
    current: CurrentState,
    *,
    protect: Iterable[str] = (),
    remove_at_most: int | None = None,
    created_at: str,
    version: str,
    made_by: str | None = None,
) -> Plan:
    """Return the plan that undoes a run.

    `current` must have been read with `projects_to_read`. Users whom the run created are disabled,
    and groups that it created stay. Where `remove_at_most` is given, both are removed, the groups
    if they are empty, and a guard stops the plan if the users are more than that. `protect` are
    patterns of accounts that are left alone. `created_at` is in UTC (RFC 3339), `version` is
    Kanport's, `made_by` the user and the machine. What the mapping says of approvals holds for this
    plan as well.
    """
    patterns = tuple(protect)
    context = UndoContext.of(effects_of(recorded), current, patterns)
    people = undo_user_changes(context)
    created = undo_created_users(context, remove=remove_at_most is not None)
    access = undo_relations(context, About.MEMBERSHIP)
    groups = groups_back(context, remove=remove_at_most is not None)
    changes = in_plan_order(
        (*people.changes, *created.changes, *groups.changes, *access.changes),
        (user.username for user in current.users),
    )
    counted = Counter(change.action for change in changes)
    run, mapping = recorded.run, recorded.plan.mapping
    moves = indirect_changes(changes, current, GroupProjection.of_changes(changes, current))
    held = HeldRelations.of(current.roles)
    beside = unchanged_access(ChangesByAction.of(changes), current, held, moves)
    approval = recorded.plan.approval
    if approval is not None and approval.planner is not None:
        approval = approval.model_copy(update={"planner": made_by or ""})
    plan = Plan(
        created_at=created_at,
        made_by=made_by,
        kanport=version,
        server=PlanServer(url=current.server.url, version=current.server.version),
        mapping=mapping.model_copy(update={"name": f"undo of run {run.id}"}),
        summary={str(action): counted[action] for action in Action if counted[action]},
        unchanged={
            "users": people.unchanged + created.unchanged,
            "memberships": access.unchanged,
            **({"groups": groups.unchanged} if groups.unchanged else {}),
        },
        guards=judge_undo(changes, current, protect=patterns, remove_at_most=remove_at_most),
        protect=patterns or None,
        approval=approval,
        changes=changes,
        findings=tuple(
            in_order((*people.findings, *created.findings, *groups.findings, *access.findings))
        ),
        identities=_identities(recorded.plan, context, changes),
        access=beside,
        people=people_named(changes, beside, current),
        undoes=_undone(recorded, changes),
    )
    return sealed(plan)


def _undone(recorded: Recorded, changes: Iterable[Change]) -> PlanUndone:
    """Return the run that is taken back, with each change that a change of the plan names."""
    named = {name for change in changes for name in undone_by(change)}
    plan, run = recorded.plan, recorded.run
    return PlanUndone(
        run=run.id,
        started_at=run.started_at,
        by=run.by,
        made_by=plan.made_by or "",
        digest=plan.digest,
        sources=plan.sources,
        changes=tuple(change for change in plan.changes if change.id in named),
    )


def _identities(
    plan: Plan, context: UndoContext, changes: Iterable[Change]
) -> tuple[PlanIdentity, ...]:
    """Return whom the stable ids of the run mean once it is taken back."""
    names = {
        change.user_id: change.new_username
        for change in changes
        if change.action is Action.USER_RENAME
    }
    return tuple(
        PlanIdentity(id=identity.id, username=names.get(user.id, user.username), user_id=user.id)
        for identity in plan.identities
        if identity.user_id is not None
        and (user := context.people.by_id.get(identity.user_id)) is not None
    )
