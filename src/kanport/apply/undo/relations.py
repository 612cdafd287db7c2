"""Restore memberships, members of groups and group access as they were before a run."""

from kanport.apply.undo.context import (
    Place,
    RecordedEffect,
    UndoContext,
    UndoPart,
    about_users,
    impossible,
    moved,
    origin_of,
    partial,
    reason_for,
)
from kanport.facts import fact
from kanport.findings import Finding, finding
from kanport.model import Group, Project, User
from kanport.plan.change import (
    Action,
    Change,
    RelationAbout,
    RelationChange,
    Risk,
    relation_action,
)
from kanport.plan.naming import protected_finding
from kanport.plan.relations import Party, relation_change
from kanport.plan.roles import access_risks, group_finder
from kanport.records import dataclass
from kanport.relations import RELATIONS, About

_Effect = RecordedEffect[RelationChange]


@dataclass(frozen=True, slots=True)
class _Endpoints:
    """The user, group and project that a relation connects, as they are on the server now.

    A group that the run removed, and that is made anew, is None as well.
    """

    user: User | None = None
    group: Group | None = None
    project: Project | None = None


def undo_relations(context: UndoContext, kind: RelationAbout) -> UndoPart:
    """Return the changes that restore the relations of a kind that the run changed."""
    through = group_finder(context.current)
    parts: list[UndoPart] = []
    for place, effect in context.effects.relations.items():
        if place.about is kind:
            ends = _ends(context, place, effect)
            if isinstance(ends, _Endpoints):
                groups = (
                    through(ends.user.id, ends.project.id) if ends.user and ends.project else ()
                )
                parts.append(
                    _undo_relation(context, place, effect, ends, through_group=bool(groups))
                )
            else:
                parts.append(ends)
    part = UndoPart.of(parts)
    if kind is About.MEMBERSHIP:
        beside = (one.username or "" for one in part.changes if _added_beside_group(one, context))
        notes = about_users("direct", beside)
    else:
        found_there = context.effects.found if kind is About.GROUP_ACCESS else ()
        notes = [
            partial("group-access", group=one.group or "", project=one.project or "")
            for one in found_there
        ]
    return UndoPart(part.changes, tuple(dict.fromkeys((*part.findings, *notes))), part.unchanged)


def _ends(context: UndoContext, place: Place, effect: _Effect) -> _Endpoints | UndoPart:
    """Return the endpoints of a relation; if one is gone, return the finding instead, if any."""
    change, relation = effect.change, RELATIONS[place.about]
    user = group = project = None
    if relation.holder is About.USER:
        user = context.user(place.holder)
        if user is None:
            return _undo_without_user(context, place, effect)
        if context.protected(user.username):
            return UndoPart(findings=(protected_finding(user.username, None),))
    if relation.target is About.PROJECT:
        project = context.project(place.target)
        read = project is not None and project.id in context.current.roles
        if project is None or (place.about is About.MEMBERSHIP and not read):
            if place.about is About.MEMBERSHIP and isinstance(place.target, str):
                return UndoPart()
            named = change.project or ""
            return UndoPart(findings=(moved(change, "project-gone", project=named),))
    if About.GROUP in relation.ends:
        ref = place.target if relation.target is About.GROUP else place.holder
        group = context.group(ref, change)
        recreated = ref in context.effects.groups_removed and effect.before is not None
        if group is None and not recreated:
            return UndoPart(findings=(context.no_group(ref, change),))
    return _Endpoints(user, group, project)


def _undo_without_user(context: UndoContext, place: Place, effect: _Effect) -> UndoPart:
    if place.about is About.GROUP_MEMBER:
        # Whoever is gone is in no group either.
        return UndoPart(unchanged=1)
    # Of whom the run removed or created, the account itself says what there is to say.
    if place.holder in context.effects.removed or place.holder in context.effects.created:
        return UndoPart()
    username = effect.change.username
    return UndoPart(findings=(moved(effect.change, context.gone, username=username),))


def _undo_relation(
    context: UndoContext, place: Place, effect: _Effect, ends: _Endpoints, *, through_group: bool
) -> UndoPart:
    """Return the changes that restore a relation; its access may come through a group as well."""
    if place.about is About.GROUP_ACCESS and not effect.certain:
        named = effect.change.group or ""
        return UndoPart(findings=(moved(effect.change, "access-unclear", group=named),))
    now = _role_now(context, place, effect, ends)
    direct_part_ended = place in context.effects.direct_part_ended and through_group
    if now == effect.before:
        notes = (_ended(effect, ends),) if direct_part_ended else ()
        return UndoPart(findings=notes, unchanged=1)
    if now != effect.after and not direct_part_ended:
        return UndoPart(findings=(_moved(effect, ends, now),))
    if now is None and ends.user is not None and ends.project is not None and ends.project.private:
        return UndoPart(findings=(impossible(effect.change, "private", **_who_where(ends)),))
    return UndoPart((_change(place, effect, ends, now, through_group=through_group),))


def _role_now(context: UndoContext, place: Place, effect: _Effect, ends: _Endpoints) -> str | None:
    """Return the role that the server has; None is none, and "" that of a member of a group.

    The access of groups cannot be read: it is taken to be as the run certainly left it.
    """
    if ends.user is None:
        return effect.after  # type: ignore[no-any-return]
    if place.about is About.GROUP_MEMBER:
        return "" if ends.group is not None and ends.user.id in ends.group.members else None
    return context.current.roles[ends.project.id if ends.project else 0].get(ends.user.id)


def _who_where(ends: _Endpoints) -> dict[str, str]:
    return {
        "username": ends.user.username if ends.user is not None else "",
        "project": ends.project.label if ends.project is not None else "",
    }


def _moved(effect: _Effect, ends: _Endpoints, now: str | None) -> Finding:
    case = "no-role" if now is None else "role" if effect.left is not None else "role-new"
    return moved(effect.change, case, role=now, left_role=effect.left, **_who_where(ends))


def _ended(effect: _Effect, ends: _Endpoints) -> Finding:
    why = fact("undo-partial", case="ended", **_who_where(ends))
    value = ends.user.username if ends.user is not None else None
    return finding(why, next(iter(effect.change.origin), None), value=value)


def _added_beside_group(undone: Change, context: UndoContext) -> bool:
    """Return whether the run may have put a direct membership beside access through a group."""
    if undone.action is not Action.MEMBERSHIP_CHANGE:
        return False
    place = Place(About.MEMBERSHIP, undone.user_id or 0, undone.project_id or 0)
    effect = context.effects.relations.get(place)
    return effect is not None and any(
        Risk.MAYBE_THROUGH_GROUP in change.risk and change.action is Action.MEMBERSHIP_CHANGE
        for change in effect.changes
    )


def _change(
    place: Place, effect: _Effect, ends: _Endpoints, now: str | None, *, through_group: bool
) -> RelationChange:
    before, after = now, effect.before
    risk = access_risks(before, after)
    if place.about is About.MEMBERSHIP and through_group and now is not None:
        risk |= {Risk.MAYBE_THROUGH_GROUP}
    # Only a group may be missing: it is made anew.
    recreated = Party(effect.change.group, None)
    parties = {About.USER: ends.user, About.GROUP: ends.group, About.PROJECT: ends.project}
    holder, target = (Party.of(parties[end] or recreated) for end in RELATIONS[place.about].ends)
    return relation_change(
        relation_action(place.about, before, after),
        holder,
        target,
        before=before,
        after=after,
        why=reason_for(effect.changes),
        risk=risk,
        origin=origin_of(effect.changes),
    )
