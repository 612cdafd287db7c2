"""Giving the access to projects back as it was before a run."""

from kanport.apply.undo.notes import about_users, impossible, moved
from kanport.apply.undo.scene import Back, Scene, origin_of, reason_for
from kanport.apply.undo.traces import Trace, Who
from kanport.findings import Finding, found
from kanport.model import Project, User
from kanport.plan.access import group_finder
from kanport.plan.draft import Draft
from kanport.plan.model import Action, Risk
from kanport.plan.notes import protected_finding
from kanport.plan.risks import access_risks


def access_back(scene: Scene) -> Back:
    """Give what restores the memberships that the run changed."""
    projects = {project.id: project for project in scene.current.projects}
    groups = group_finder(scene.current)
    drafts: list[Draft] = []
    findings: list[Finding] = []
    unchanged = 0
    for (who, project_id), trace in scene.traces.access.items():
        user, project = scene.user(who), projects.get(project_id)
        if user is None:
            findings.extend(_nobody(scene, who, trace))
            continue
        if scene.protected(user.username):
            findings.append(protected_finding(user.username, None))
            continue
        if project is None or project_id not in scene.current.roles:
            named = trace.change.subject.project or ""
            findings.append(moved(trace.change, "project-gone", project=named))
            continue
        now = scene.current.roles[project_id].get(user.id)
        through = groups(user.id, project_id)
        cut = (who, project_id) in scene.traces.cut
        if now == trace.before:
            unchanged += 1
            if cut and through:
                findings.append(_ended(user, project, trace))
        elif now != trace.after and not (cut and through):
            findings.append(_moved(user, project, trace, now))
        elif now is None and project.private:
            who_where = {"username": user.username, "project": project.label}
            findings.append(impossible(trace.change, "private", **who_where))
        else:
            maybe = {Risk.MAYBE_THROUGH_GROUP} if through and now is not None else set()
            drafts.append(_draft(user, project, trace, now, maybe))
    beside = (draft.username for draft in drafts if _added_beside_group(draft, scene))
    findings.extend(about_users("direct", beside))
    return Back(tuple(drafts), tuple(dict.fromkeys(findings)), unchanged)


def _nobody(scene: Scene, who: Who, trace: Trace) -> list[Finding]:
    # Of whom the run removed or created, the account itself says what there is to say.
    if who in scene.traces.removed or who in scene.traces.created:
        return []
    return [moved(trace.change, scene.gone, username=trace.change.username)]


def _moved(user: User, project: Project, trace: Trace, now: str | None) -> Finding:
    case = "no-role" if now is None else "role" if trace.after is not None else "role-new"
    who_where = {"username": user.username, "project": project.label}
    return moved(trace.change, case, role=now, left=trace.after, **who_where)


def _ended(user: User, project: Project, trace: Trace) -> Finding:
    return found(
        "undo-partial",
        next(iter(trace.change.origin), None),
        case="ended",
        value=user.username,
        username=user.username,
        project=project.label,
    )


def _added_beside_group(draft: Draft, scene: Scene) -> bool:
    """Tell whether the run may have put a direct membership beside access through a group."""
    if draft.action is not Action.MEMBERSHIP_CHANGE or draft.project is None:
        return False
    place = draft.user_id or 0, draft.project.id
    trace = scene.traces.access.get(place)
    return trace is not None and any(
        Risk.MAYBE_THROUGH_GROUP in change.risk and change.action is Action.MEMBERSHIP_CHANGE
        for change in trace.changes
    )


def _draft(user: User, project: Project, trace: Trace, now: str | None, maybe: set[Risk]) -> Draft:
    if trace.before is None:
        action = Action.MEMBERSHIP_REVOKE
    else:
        action = Action.MEMBERSHIP_GRANT if now is None else Action.MEMBERSHIP_CHANGE
    return Draft(
        action,
        user.username,
        user_id=user.id,
        project=project,
        before=None if now is None else {"role": now},
        after=None if trace.before is None else {"role": trace.before},
        reason=reason_for(trace.changes),
        risk=access_risks(now, trace.before) | maybe,
        origin=origin_of(trace.changes),
    )
