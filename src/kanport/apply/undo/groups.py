"""Restore groups and projects as they were before a run."""

from kanport.apply.undo.context import (
    Effect,
    UndoContext,
    UndoPart,
    impossible,
    moved,
    origin_of,
    partial,
    reason_for,
)
from kanport.apply.undo.relations import undo_relations
from kanport.findings import Finding
from kanport.model import Group
from kanport.names import compare_key
from kanport.plan.change import (
    Action,
    Change,
    GroupAction,
    GroupChange,
    GroupSide,
)
from kanport.relations import About


def groups_back(context: UndoContext, *, remove: bool) -> UndoPart:
    """Return what restores groups; those that the run created go only with `remove`, and if empty.

    A group that the run removed is made anew, under another id, with the members and the access of
    which the run knew.
    """
    relations = UndoPart.of(
        undo_relations(context, about) for about in (About.GROUP_MEMBER, About.GROUP_ACCESS)
    )
    leaving = {
        (one.group_id, one.user_id)
        for one in relations.changes
        if one.action is Action.GROUP_MEMBER_REMOVE
    }
    created = _created(context, leaving, remove=remove)
    parts = (_updated(context), relations, created, _removed(context), _projects(context))
    return UndoPart.of(parts)


def _updated(context: UndoContext) -> UndoPart:
    changes: list[Change] = []
    findings: list[Finding] = []
    unchanged = 0
    for group_id, effect in context.effects.groups_updated.items():
        group, change = context.group(group_id, effect.change), effect.change
        before = change.old.values
        if group is None:
            findings.append(context.no_group(group_id, change))
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


def _created(
    context: UndoContext, leaving: set[tuple[int | None, int | None]], *, remove: bool
) -> UndoPart:
    changes: list[Change] = []
    findings: list[Finding] = []
    unchanged = 0
    kept: list[str] = []
    for name, effect in context.effects.groups_created.items():
        group, change = context.group_at(name), effect.change
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
    for group_id, effect in context.effects.groups_removed.items():
        change = effect.change
        name = change.old.name or change.group or ""
        if context.group(group_id, change) is not None:
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
        for label in context.effects.projects
        if (project := context.project(label)) is not None
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
