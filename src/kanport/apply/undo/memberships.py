"""Giving the access to projects back as it was before a run."""

from kanport.apply.undo.context import (
    UndoContext,
    UndoPart,
    about_users,
    impossible,
    moved,
    origin_of,
    reason_for,
)
from kanport.apply.undo.effects import RecordedEffect, Who
from kanport.findings import Finding, found
from kanport.model import Project, User
from kanport.plan.change import (
    Action,
    RelationAction,
    RelationChange,
    Risk,
    role_side,
    sorted_risks,
)
from kanport.plan.naming import protected_finding
from kanport.plan.roles import access_risks, group_finder


def memberships_back(context: UndoContext) -> UndoPart:
    """Return what restores the memberships that the run changed."""
    projects = context.current.project_index.by_id
    groups = group_finder(context.current)
    changes: list[RelationChange] = []
    findings: list[Finding] = []
    unchanged = 0
    for (who, project_id), effect in context.effects.access.items():
        user, project = context.user(who), projects.get(project_id)
        if user is None:
            findings.extend(_nobody(context, who, effect))
            continue
        if context.protected(user.username):
            findings.append(protected_finding(user.username, None))
            continue
        if project is None or project_id not in context.current.roles:
            named = effect.change.project or ""
            findings.append(moved(effect.change, "project-gone", project=named))
            continue
        now = context.current.roles[project_id].get(user.id)
        through = groups(user.id, project_id)
        cut = (who, project_id) in context.effects.cut
        if now == effect.before:
            unchanged += 1
            if cut and through:
                findings.append(_ended(user, project, effect))
        elif now != effect.after and not (cut and through):
            findings.append(_moved(user, project, effect, now))
        elif now is None and project.private:
            who_where = {"username": user.username, "project": project.label}
            findings.append(impossible(effect.change, "private", **who_where))
        else:
            maybe = {Risk.MAYBE_THROUGH_GROUP} if through and now is not None else set()
            changes.append(_change(user, project, effect, now, maybe))
    beside = (one.username or "" for one in changes if _added_beside_group(one, context))
    findings.extend(about_users("direct", beside))
    return UndoPart(tuple(changes), tuple(dict.fromkeys(findings)), unchanged)


def _nobody(context: UndoContext, who: Who, effect: RecordedEffect) -> list[Finding]:
    # Of whom the run removed or created, the account itself says what there is to say.
    if who in context.effects.removed or who in context.effects.created:
        return []
    return [moved(effect.change, context.gone, username=effect.change.username)]


def _moved(user: User, project: Project, effect: RecordedEffect, now: str | None) -> Finding:
    case = "no-role" if now is None else "role" if effect.left is not None else "role-new"
    who_where = {"username": user.username, "project": project.label}
    return moved(effect.change, case, role=now, left_role=effect.left, **who_where)


def _ended(user: User, project: Project, effect: RecordedEffect) -> Finding:
    return found(
        "undo-partial",
        next(iter(effect.change.origin), None),
        case="ended",
        value=user.username,
        username=user.username,
        project=project.label,
    )


def _added_beside_group(undone: RelationChange, context: UndoContext) -> bool:
    """Return whether the run may have put a direct membership beside access through a group."""
    if undone.action is not Action.MEMBERSHIP_CHANGE:
        return False
    effect = context.effects.access.get((undone.user_id or 0, undone.project_id or 0))
    return effect is not None and any(
        Risk.MAYBE_THROUGH_GROUP in change.risk and change.action is Action.MEMBERSHIP_CHANGE
        for change in effect.changes
    )


def _change(
    user: User, project: Project, effect: RecordedEffect, now: str | None, maybe: set[Risk]
) -> RelationChange:
    action: RelationAction = Action.MEMBERSHIP_REVOKE
    if effect.before is not None:
        action = Action.MEMBERSHIP_GRANT if now is None else Action.MEMBERSHIP_CHANGE
    return RelationChange(
        action=action,
        username=user.username,
        user_id=user.id,
        project=project.label,
        project_id=project.id,
        before=role_side(now),
        after=role_side(effect.before),
        why=reason_for(effect.changes),
        risk=sorted_risks(access_risks(now, effect.before) | maybe),
        origin=origin_of(effect.changes),
    )
