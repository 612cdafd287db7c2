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
from kanport.plan.places import listed
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


def _not_there(scene: Scene, thing: Thing, change: Change) -> str:
    """Say why `_group` finds no group that a change is about."""
    group = _at(scene, thing)
    if group is None:
        return f"the group {change.subject.group!r} is gone"
    return f"group #{group.id} is called {group.name!r}, not {change.subject.group!r}, by now"


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
        before: dict[str, Any] = change.before or {}
        if group is None:
            findings.append(moved(_not_there(scene, group_id, change), change))
            continue
        now = {field: getattr(group, field) for field in before}
        if now == before:
            unchanged += 1
        elif now != change.after:
            what = f"the group {group.name!r} (#{group.id}) has other values by now"
            findings.append(moved(what, change))
        elif "name" in before and _taken(scene, str(before["name"]), group.id):
            what = f"another group is called {before['name']!r} by now"
            findings.append(impossible(what, change))
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
            findings.append(moved(_not_there(scene, thing, change), change))
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
        was, made = (change.before or {}).get("role"), (change.after or {}).get("role")
        anew = group is None and thing in scene.traces.groups.removed
        if project is None or (group is None and not anew):
            what = f"the project {change.subject.project!r} is gone"
            if project is not None:
                what = _not_there(scene, thing, change)
            findings.append(moved(what, change))
        elif not effect.certain:
            what = f"whether the run changed the access of {change.subject.group!r} is not known"
            findings.append(moved(what, change))
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
        what = (
            f"the group {change.subject.group!r} had access to {change.subject.project!r} before"
            " the run, with a role that Kanboard does not tell; it keeps the one that it has"
        )
        findings.append(partial(what, "set the role by hand, on the project's page"))
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
            what = f"whether the run created the group {name!r} cannot be told any more"
            findings.append(moved(what, change))
            continue
        others = [user for user in group.members if (group.id, user) not in leaving]
        if not remove:
            kept.append(group.name)
        elif group.name != name or others:
            what = f"the group {group.name!r} has other members or another name by now"
            findings.append(moved(what, change))
        else:
            before = {"name": group.name, "external_id": group.external_id}
            drafts.append(_draft(Action.GROUP_REMOVE, effect, group, before=before))
    if kept:
        what = f"{_count(kept, 'group')} that the run created stay, without those it put into them"
        findings.append(partial(f"{what}: {listed(kept)}", "--remove-created removes them instead"))
    return Back(tuple(drafts), tuple(findings), unchanged)


def _removed(scene: Scene) -> Back:
    drafts: list[Draft] = []
    findings: list[Finding] = []
    unchanged = 0
    for group_id, effect in scene.traces.groups.removed.items():
        change = effect.change
        before: dict[str, Any] = change.before or {}
        name = str(before.get("name", change.subject.group))
        if _group(scene, group_id, change) is not None:
            unchanged += 1
        elif _taken(scene, name, group_id):
            what = f"the group {name!r} was removed, and another has its name by now"
            findings.append(impossible(what, change))
        else:
            drafts.append(_draft(Action.GROUP_CREATE, effect, None, after=dict(before)))
            what = f"the group {name!r} is made anew: access that Kanport did not give it is lost"
            findings.append(partial(what, "give it the access by hand, on the project's page"))
    return Back(tuple(drafts), tuple(findings), unchanged)


def _projects(scene: Scene) -> Back:
    there = [
        project.label
        for label in scene.traces.groups.projects
        if (project := _project(scene, label)) is not None
    ]
    if not there:
        return Back()
    what = f"{_count(there, 'project')} that the run created stay: {listed(there)}"
    return Back((), (partial(what, "remove them in Kanboard, if nobody works there"),))


def _taken(scene: Scene, name: str, but: int) -> bool:
    key = compare_key(name)
    return any(compare_key(g.name) == key and g.id != but for g in scene.current.groups)


def _count(names: list[str], noun: str) -> str:
    return f"1 {noun}" if len(names) == 1 else f"{len(names)} {noun}s"


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
        user.username if user is not None else "",
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
