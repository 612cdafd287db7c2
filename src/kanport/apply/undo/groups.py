"""Giving groups, their members and their access back as they were before a run."""

from collections.abc import Iterable
from typing import Any

from kanport.apply.undo.group_traces import Effect, Thing
from kanport.apply.undo.notes import impossible, moved, partial
from kanport.apply.undo.scene import Back, Scene, origin_of, reason_for
from kanport.findings import Finding
from kanport.model import Group, Project, User
from kanport.names import compare_key
from kanport.plan.draft import Draft
from kanport.plan.model import Action, Change, Risk
from kanport.plan.notes import protected_finding
from kanport.plan.risks import access_risks


def groups_back(scene: Scene, *, remove: bool) -> Back:
    """Give what restores groups; those that the run created go only with `remove`, and if empty.

    A group that the run removed is made anew, under another id, with the members and the access of
    which the run knew.
    """
    drafts: list[Draft] = []
    findings: list[Finding] = []
    unchanged = 0
    for part in (_updated(scene), _members(scene), _access(scene)):
        drafts += part.drafts
        findings += part.findings
        unchanged += part.unchanged
    leaving = {(d.group_id, d.user_id) for d in drafts if d.action is Action.GROUP_MEMBER_REMOVE}
    for part in (_created(scene, leaving, remove=remove), _removed(scene), _projects(scene)):
        drafts += part.drafts
        findings += part.findings
        unchanged += part.unchanged
    return Back(tuple(drafts), tuple(findings), unchanged)


def _at(scene: Scene, thing: Thing) -> Group | None:
    """Find a group by id, or one that the run created by the id that it got, else by its name."""
    made = scene.traces.groups.created.get(thing) if isinstance(thing, str) else None
    number = made.number if made is not None else thing
    for group in scene.current.groups:
        if group.id == number or (number is None and group.name == thing):
            return group
    return None


def _group(scene: Scene, thing: Thing, change: Change) -> Group | None:
    """Find a group as `_at` does, unless it has a name that the run did not know.

    It may be another group: SQLite gives the id of a removed one to the next that is made.
    """
    group = _at(scene, thing)
    renamed = scene.traces.groups.updated.get(thing) if isinstance(thing, int) else None
    known = {change.subject.group}
    for state in (renamed.change.before, renamed.change.after) if renamed is not None else ():
        known.add((state or {}).get("name"))
    return group if group is not None and group.name in known else None


def _not_there(scene: Scene, thing: Thing, change: Change) -> Finding:
    """Return why `_group` finds no group that a change is about."""
    group, named = _at(scene, thing), change.subject.group or ""
    if group is None:
        return moved(change, "group-gone", group=named)
    return moved(change, "group-renamed", id=group.id, group=named, called=group.name)


def _project(scene: Scene, thing: Thing) -> Project | None:
    made = scene.traces.groups.projects.get(thing) if isinstance(thing, str) else None
    number = made.number if made is not None else thing
    found = [p for p in scene.current.projects if number in (p.id, p.label)]
    return found[0] if len(found) == 1 else None


def _updated(scene: Scene) -> Back:
    drafts: list[Draft] = []
    findings: list[Finding] = []
    unchanged = 0
    for group_id, effect in scene.traces.groups.updated.items():
        group, change = _group(scene, group_id, effect.change), effect.change
        before = change.old.values
        if group is None:
            findings.append(_not_there(scene, group_id, change))
            continue
        now = {field: getattr(group, field) for field in before}
        if now == before:
            unchanged += 1
        elif now != change.new.values:
            findings.append(moved(change, "group-differs", group=group.name, id=group.id))
        elif (name := change.old.name) is not None and _taken(scene, name, group.id):
            findings.append(impossible(change, "group-name", group=name))
        else:
            drafts.append(
                _draft(Action.GROUP_UPDATE, effect, group, before=now, after=dict(before))
            )
    return Back(tuple(drafts), tuple(findings), unchanged)


def _members(scene: Scene) -> Back:
    drafts: list[Draft] = []
    findings: list[Finding] = []
    unchanged = 0
    for (thing, who), effect in scene.traces.groups.members.items():
        change, user = effect.change, scene.user(who)
        was_in = change.action is Action.GROUP_MEMBER_REMOVE
        if user is None:
            unchanged += 1
            continue
        if scene.protected(user.username):
            findings.append(protected_finding(user.username, None))
            continue
        group = _group(scene, thing, change)
        if group is None and was_in and thing in scene.traces.groups.removed:
            drafts.append(_draft(Action.GROUP_MEMBER_ADD, effect, None, user=user))
        elif group is None:
            findings.append(_not_there(scene, thing, change))
        elif (user.id in group.members) is was_in:
            unchanged += 1
        elif was_in:
            drafts.append(_draft(Action.GROUP_MEMBER_ADD, effect, group, user=user))
        else:
            risk = {Risk.ACCESS_LOST}
            drafts.append(_draft(Action.GROUP_MEMBER_REMOVE, effect, group, user=user, risk=risk))
    return Back(tuple(drafts), tuple(findings), unchanged)


def _access(scene: Scene) -> Back:
    """Give back the access of groups. What it is now cannot be read, so only what is certain."""
    drafts: list[Draft] = []
    findings: list[Finding] = []
    for (thing, where), effect in scene.traces.groups.access.items():
        change = effect.change
        group, project = _group(scene, thing, change), _project(scene, where)
        was, made = change.old.role, change.new.role
        anew = group is None and thing in scene.traces.groups.removed
        if project is None:
            named = change.subject.project or ""
            findings.append(moved(change, "project-gone", project=named))
        elif group is None and not anew:
            findings.append(_not_there(scene, thing, change))
        elif not effect.certain:
            findings.append(moved(change, "access-unclear", group=change.subject.group or ""))
        else:
            action = Action.GROUP_ACCESS_GRANT if made is None else Action.GROUP_ACCESS_CHANGE
            if was is None:
                action = Action.GROUP_ACCESS_REVOKE
            drafts.append(
                _draft(
                    action,
                    effect,
                    group,
                    project=project,
                    before=None if made is None else {"role": made},
                    after=None if was is None else {"role": was},
                    risk=access_risks(made, was),
                )
            )
    for change in scene.traces.groups.found:
        group_name, project_label = change.subject.group or "", change.subject.project or ""
        findings.append(partial("group-access", group=group_name, project=project_label))
    return Back(tuple(drafts), tuple(findings), 0)


def _created(scene: Scene, leaving: set[tuple[int | None, int | None]], *, remove: bool) -> Back:
    drafts: list[Draft] = []
    findings: list[Finding] = []
    unchanged = 0
    kept: list[str] = []
    for name, effect in scene.traces.groups.created.items():
        group, change = _at(scene, name), effect.change
        if group is None:
            unchanged += 1
            continue
        if not effect.certain and effect.number is None:
            findings.append(moved(change, "group-unclear", group=name))
            continue
        others = [user for user in group.members if (group.id, user) not in leaving]
        if not remove:
            kept.append(group.name)
        elif group.name != name or others:
            findings.append(moved(change, "group-used", group=group.name))
        else:
            before = {"name": group.name, "external_id": group.external_id}
            drafts.append(_draft(Action.GROUP_REMOVE, effect, group, before=before))
    if kept:
        findings.append(partial("groups-stay", groups=tuple(sorted(kept)), count=len(kept)))
    return Back(tuple(drafts), tuple(findings), unchanged)


def _removed(scene: Scene) -> Back:
    drafts: list[Draft] = []
    findings: list[Finding] = []
    unchanged = 0
    for group_id, effect in scene.traces.groups.removed.items():
        change = effect.change
        name = change.old.name or change.subject.group or ""
        if _group(scene, group_id, change) is not None:
            unchanged += 1
        elif _taken(scene, name, group_id):
            findings.append(impossible(change, "group-removed", group=name))
        else:
            drafts.append(_draft(Action.GROUP_CREATE, effect, None, after=dict(change.old.values)))
            findings.append(partial("group-anew", group=name))
    return Back(tuple(drafts), tuple(findings), unchanged)


def _projects(scene: Scene) -> Back:
    there = [
        project.label
        for label in scene.traces.groups.projects
        if (project := _project(scene, label)) is not None
    ]
    if not there:
        return Back()
    stay = partial("projects-stay", projects=tuple(sorted(there)), count=len(there))
    return Back((), (stay,))


def _taken(scene: Scene, name: str, but: int) -> bool:
    key = compare_key(name)
    return any(compare_key(g.name) == key and g.id != but for g in scene.current.groups)


def _draft(
    action: Action,
    effect: Effect,
    group: Group | None,
    *,
    user: User | None = None,
    project: Project | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    risk: Iterable[Risk] = (),
) -> Draft:
    return Draft(
        action,
        user.username if user is not None else None,
        user_id=user.id if user is not None else None,
        project=project,
        group=group.name if group is not None else effect.change.subject.group,
        group_id=group.id if group is not None else None,
        before=before,
        after=after,
        reason=reason_for([effect.change]),
        risk=tuple(risk),
        origin=origin_of([effect.change]),
    )
