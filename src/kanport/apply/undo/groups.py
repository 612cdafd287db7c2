"""Giving groups, their members and their access back as they were before a run."""

from collections.abc import Collection

from kanport.apply.undo.context import (
    UndoContext,
    UndoPart,
    impossible,
    moved,
    origin_of,
    partial,
    reason_for,
)
from kanport.apply.undo.effects import Effect, Thing
from kanport.findings import Finding
from kanport.model import Group, Project, User
from kanport.names import compare_key
from kanport.plan.change import (
    Action,
    Change,
    GroupAction,
    GroupChange,
    GroupSide,
    RelationAction,
    RelationChange,
    Risk,
    role_side,
    sorted_risks,
)
from kanport.plan.naming import protected_finding
from kanport.plan.roles import access_risks


def groups_back(context: UndoContext, *, remove: bool) -> UndoPart:
    """Return what restores groups; those that the run created go only with `remove`, and if empty.

    A group that the run removed is made anew, under another id, with the members and the access of
    which the run knew.
    """
    changes: list[Change] = []
    findings: list[Finding] = []
    unchanged = 0
    for part in (_updated(context), _members(context), _access(context)):
        changes += part.changes
        findings += part.findings
        unchanged += part.unchanged
    leaving = {(d.group_id, d.user_id) for d in changes if d.action is Action.GROUP_MEMBER_REMOVE}
    for part in (_created(context, leaving, remove=remove), _removed(context), _projects(context)):
        changes += part.changes
        findings += part.findings
        unchanged += part.unchanged
    return UndoPart(tuple(changes), tuple(findings), unchanged)


def _at(context: UndoContext, thing: Thing) -> Group | None:
    """Find a group by id, or one that the run created by the id that it got, else by its name."""
    made = context.effects.groups.created.get(thing) if isinstance(thing, str) else None
    number = made.number if made is not None else thing
    for group in context.current.groups:
        if group.id == number or (number is None and group.name == thing):
            return group
    return None


def _group(context: UndoContext, thing: Thing, change: Change) -> Group | None:
    """Find a group as `_at` does, unless it has a name that the run did not know.

    It may be another group: SQLite gives the id of a removed one to the next that is made.
    """
    group = _at(context, thing)
    updated = context.effects.groups.updated.get(thing) if isinstance(thing, int) else None
    known = {change.group}
    if updated is not None:
        known |= {updated.change.old.name, updated.change.new.name}
    return group if group is not None and group.name in known else None


def _not_there(context: UndoContext, thing: Thing, change: Change) -> Finding:
    """Return why `_group` finds no group that a change is about."""
    group, named = _at(context, thing), change.group or ""
    if group is None:
        return moved(change, "group-gone", group=named)
    return moved(change, "group-renamed", id=group.id, group=named, called=group.name)


def _project(context: UndoContext, thing: Thing) -> Project | None:
    made = context.effects.groups.projects.get(thing) if isinstance(thing, str) else None
    number = made.number if made is not None else thing
    found = [p for p in context.current.projects if number in (p.id, p.label)]
    return found[0] if len(found) == 1 else None


def _updated(context: UndoContext) -> UndoPart:
    changes: list[Change] = []
    findings: list[Finding] = []
    unchanged = 0
    for group_id, effect in context.effects.groups.updated.items():
        group, change = _group(context, group_id, effect.change), effect.change
        before = change.old.values
        if group is None:
            findings.append(_not_there(context, group_id, change))
            continue
        now = {field: getattr(group, field) for field in before}
        if now == before:
            unchanged += 1
        elif now != change.new.values:
            findings.append(moved(change, "group-differs", group=group.name, id=group.id))
        elif (name := change.old.name) is not None and _taken(context, name, group.id):
            findings.append(impossible(change, "group-name", group=name))
        else:
            changes.append(
                _group_change(
                    Action.GROUP_UPDATE, effect, group, GroupSide(**now), GroupSide(**before)
                )
            )
    return UndoPart(tuple(changes), tuple(findings), unchanged)


def _members(context: UndoContext) -> UndoPart:
    changes: list[Change] = []
    findings: list[Finding] = []
    unchanged = 0
    for (thing, who), effect in context.effects.groups.members.items():
        change, user = effect.change, context.user(who)
        was_in = change.action is Action.GROUP_MEMBER_REMOVE
        if user is None:
            unchanged += 1
            continue
        if context.protected(user.username):
            findings.append(protected_finding(user.username, None))
            continue
        group = _group(context, thing, change)
        if group is None and was_in and thing in context.effects.groups.removed:
            changes.append(_relation_change(Action.GROUP_MEMBER_ADD, effect, None, user=user))
        elif group is None:
            findings.append(_not_there(context, thing, change))
        elif (user.id in group.members) is was_in:
            unchanged += 1
        elif was_in:
            changes.append(_relation_change(Action.GROUP_MEMBER_ADD, effect, group, user=user))
        else:
            risk = {Risk.ACCESS_LOST}
            changes.append(
                _relation_change(Action.GROUP_MEMBER_REMOVE, effect, group, user=user, risk=risk)
            )
    return UndoPart(tuple(changes), tuple(findings), unchanged)


def _access(context: UndoContext) -> UndoPart:
    """Give back the access of groups. What it is now cannot be read, so only what is certain."""
    changes: list[Change] = []
    findings: list[Finding] = []
    for (thing, where), effect in context.effects.groups.access.items():
        change = effect.change
        group, project = _group(context, thing, change), _project(context, where)
        was, made = change.old_role, change.new_role
        anew = group is None and thing in context.effects.groups.removed
        if project is None:
            named = change.project or ""
            findings.append(moved(change, "project-gone", project=named))
        elif group is None and not anew:
            findings.append(_not_there(context, thing, change))
        elif not effect.certain:
            findings.append(moved(change, "access-unclear", group=change.group or ""))
        else:
            action: RelationAction = Action.GROUP_ACCESS_REVOKE
            if was is not None:
                action = Action.GROUP_ACCESS_GRANT if made is None else Action.GROUP_ACCESS_CHANGE
            changes.append(
                _relation_change(
                    action,
                    effect,
                    group,
                    project=project,
                    roles=(made, was),
                    risk=access_risks(made, was),
                )
            )
    for change in context.effects.groups.found:
        group_name, project_label = change.group or "", change.project or ""
        findings.append(partial("group-access", group=group_name, project=project_label))
    return UndoPart(tuple(changes), tuple(findings), 0)


def _created(
    context: UndoContext, leaving: set[tuple[int | None, int | None]], *, remove: bool
) -> UndoPart:
    changes: list[Change] = []
    findings: list[Finding] = []
    unchanged = 0
    kept: list[str] = []
    for name, effect in context.effects.groups.created.items():
        group, change = _at(context, name), effect.change
        if group is None:
            unchanged += 1
            continue
        if not effect.certain and effect.number is None:
            findings.append(moved(change, "group-unclear", group=name))
            continue
        others = [user for user in group.members if (group.id, user) not in leaving]
        if not remove:
            kept.append(group.name)
        elif others or (group.name, group.external_id) != (name, change.new.external_id or ""):
            findings.append(moved(change, "group-used", group=group.name))
        else:
            before = GroupSide(group.name, group.external_id)
            changes.append(_group_change(Action.GROUP_REMOVE, effect, group, before, None))
    if kept:
        findings.append(partial("groups-stay", groups=tuple(sorted(kept)), count=len(kept)))
    return UndoPart(tuple(changes), tuple(findings), unchanged)


def _removed(context: UndoContext) -> UndoPart:
    changes: list[Change] = []
    findings: list[Finding] = []
    unchanged = 0
    for group_id, effect in context.effects.groups.removed.items():
        change = effect.change
        name = change.old.name or change.group or ""
        if _group(context, group_id, change) is not None:
            unchanged += 1
        elif _taken(context, name, group_id):
            findings.append(impossible(change, "group-removed", group=name))
        else:
            after = GroupSide(**change.old.values)
            changes.append(_group_change(Action.GROUP_CREATE, effect, None, None, after))
            findings.append(partial("group-anew", group=name))
    return UndoPart(tuple(changes), tuple(findings), unchanged)


def _projects(context: UndoContext) -> UndoPart:
    there = [
        project.label
        for label in context.effects.groups.projects
        if (project := _project(context, label)) is not None
    ]
    if not there:
        return UndoPart()
    stay = partial("projects-stay", projects=tuple(sorted(there)), count=len(there))
    return UndoPart((), (stay,))


def _taken(context: UndoContext, name: str, but: int) -> bool:
    key = compare_key(name)
    return any(compare_key(g.name) == key and g.id != but for g in context.current.groups)


def _group_change(
    action: GroupAction,
    effect: Effect[GroupChange],
    group: Group | None,
    before: GroupSide | None,
    after: GroupSide | None,
) -> GroupChange:
    return GroupChange(
        action=action,
        group=group.name if group is not None else effect.change.group,
        group_id=group.id if group is not None else None,
        before=before,
        after=after,
        why=reason_for([effect.change]),
        origin=origin_of([effect.change]),
    )


def _relation_change(
    action: RelationAction,
    effect: Effect[RelationChange],
    group: Group | None,
    *,
    user: User | None = None,
    project: Project | None = None,
    roles: tuple[str | None, str | None] = (None, None),
    risk: Collection[Risk] = (),
) -> RelationChange:
    return RelationChange(
        action=action,
        username=user.username if user is not None else None,
        user_id=user.id if user is not None else None,
        group=group.name if group is not None else effect.change.group,
        group_id=group.id if group is not None else None,
        project=project.label if project is not None else None,
        project_id=project.id if project is not None else None,
        before=role_side(roles[0]),
        after=role_side(roles[1]),
        why=reason_for([effect.change]),
        risk=sorted_risks(risk),
        origin=origin_of([effect.change]),
    )
