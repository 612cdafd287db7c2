"""Restore the values that users had before a run, and disable or remove those it created."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from kanport.apply.undo.context import (
    Effect,
    RecordedEffect,
    UndoContext,
    UndoPart,
    about_users,
    impossible,
    moved,
    origin_of,
    reason_for,
)
from kanport.fields import UPDATABLE, field_named, values_of
from kanport.findings import Finding, found
from kanport.model import User
from kanport.names import compare_key
from kanport.plan.change import Action, Risk, UserAction, UserChange, UserSide, sorted_risks
from kanport.plan.naming import protected_finding
from kanport.plan.roles import active_risks, removal_risks, role_risks
from kanport.rules import email_problem, is_app_role

_Made = Effect[UserChange]
_Effect = RecordedEffect[UserChange]


def undo_user_changes(context: UndoContext) -> UndoPart:
    """Return what restores the users whom the run changed, and say who cannot be brought back."""
    changes: list[UserChange] = []
    findings: list[Finding] = []
    unchanged = 0
    for user_id, change in context.effects.removed.items():
        if user_id not in context.people.by_id:
            findings.append(impossible(change, "removed", username=change.username))
    for user_id, effects in context.effects.fields.items():
        user = context.people.by_id.get(user_id)
        if user is None:
            if user_id not in context.effects.removed:
                gone = next(iter(effects.values())).change
                findings.append(moved(gone, context.gone, username=gone.username))
            continue
        names = (
            {user.username, str(effects["username"].before)}
            if "username" in effects
            else {user.username}
        )
        if any(map(context.protected, names)):
            findings.append(protected_finding(user.username, None))
            continue
        wanted, notes = _restorable(user, effects)
        findings.extend(notes)
        own = list(_changes(user, wanted))
        unchanged += not own and not notes
        changes.extend(own)
    changes, blocked = _without_blocked(context, changes)
    findings.extend(blocked)
    # Kanboard closes the private projects of whoever is disabled and forgets the address of their
    # feeds.
    enabled = (change.username for change in changes if change.action is Action.USER_ENABLE)
    findings.extend(about_users("enabled", enabled))
    return UndoPart(tuple(changes), tuple(findings), unchanged)


def _restorable(
    user: User, effects: Mapping[str, _Effect]
) -> tuple[dict[str, _Effect], list[Finding]]:
    """Return the values that the run left and that can be as before, and findings for the others.

    What is as before already needs nothing.
    """
    wanted: dict[str, _Effect] = {}
    notes: list[Finding] = []
    for name, effect in effects.items():
        now = field_named(name).of(user)
        if now == effect.before:
            continue
        if now != effect.after:
            values = {"now": now, "left": effect.after}
            notes.append(
                moved(effect.change, "value", username=user.username, field=name, **values)
            )
        elif _is_refused(name, effect.before):
            before = {"username": user.username, "field": name, "before": effect.before}
            notes.append(impossible(effect.change, name, **before))
        else:
            wanted[name] = effect
    return wanted, notes


def _is_refused(name: str, value: Any) -> bool:
    """Return whether the server would not take an old value again.

    Kanboard checks its rules anew with each update, and old rows need not keep them. It would take
    an empty username, with which nobody can log in.
    """
    if name == "username":
        return not str(value).strip()
    if name == "email":
        return bool(value) and email_problem(value) is not None
    return name == "role" and bool(value) and not is_app_role(value)


def _changes(user: User, wanted: Mapping[str, _Effect]) -> Iterator[UserChange]:
    if rename := wanted.get("username"):
        yield _change(Action.USER_RENAME, user, {"username": rename})
    fields = {one.name: wanted[one.name] for one in UPDATABLE if one.name in wanted}
    if fields:
        role = fields.get("role")
        risk = role_risks(user.role, role.before) if role is not None else set()
        yield _change(Action.USER_UPDATE, user, fields, risk)
    if active := wanted.get("active"):
        enable = bool(active.before)
        role_then = fields["role"].before if "role" in fields else user.role
        yield _change(
            Action.USER_ENABLE if enable else Action.USER_DISABLE,
            user,
            {"active": active},
            active_risks(role_then if enable else user.role, enable=enable),
        )


def _change(
    action: UserAction,
    user: User,
    wanted: Mapping[str, _Effect],
    risk: Collection[Risk] = (),
) -> UserChange:
    changes = list({c.id: c for effect in wanted.values() for c in effect.changes}.values())
    return UserChange(
        action=action,
        username=user.username,
        user_id=user.id,
        before=UserSide({name: field_named(name).of(user) for name in wanted}),
        after=UserSide({name: effect.before for name, effect in wanted.items()}),
        why=reason_for(changes),
        risk=sorted_risks(risk),
        origin=origin_of(changes),
    )


def _without_blocked(
    context: UndoContext, changes: Sequence[UserChange]
) -> tuple[list[UserChange], list[Finding]]:
    """Leave out the renames whose old username is somebody else's by now."""
    renames = [change for change in changes if change.action is Action.USER_RENAME]
    findings: list[Finding] = []
    while True:
        freed = {rename.user_id for rename in renames}
        held = {
            id(rename): holder for rename in renames if (holder := _holder(context, rename, freed))
        }
        if not held:
            break
        for rename in renames:
            if holder := held.get(id(rename)):
                findings.append(_taken(rename, holder))
        renames = [rename for rename in renames if id(rename) not in held]
    kept = {id(rename) for rename in renames}
    others = (d for d in changes if d.action is not Action.USER_RENAME or id(d) in kept)
    return list(others), findings


def _holder(context: UndoContext, rename: UserChange, freed: set[int | None]) -> User | None:
    others = context.people.by_key.get(compare_key(rename.new_username), ())
    return next((o for o in others if o.id != rename.user_id and o.id not in freed), None)


def _taken(rename: UserChange, holder: User) -> Finding:
    return found(
        "undo-impossible",
        rename.origin[0] if rename.origin else None,
        case="username-taken",
        value=rename.username,
        username=rename.username,
        wanted=rename.new_username,
        id=holder.id,
    )


def undo_created_users(context: UndoContext, *, remove: bool) -> UndoPart:
    """Return what takes away the users whom the run created.

    With `remove`, whoever is as the run made them and is in no private project is removed: Kanboard
    removes with a user every private project that they have a part in. The others are disabled.
    """
    changes: list[UserChange] = []
    findings: list[Finding] = []
    already: list[str] = []
    unchanged = 0
    for made in context.effects.created.values():
        user = context.new_user(made)
        if user is None or not (made.certain or _as_made(made, user)):
            findings.extend(_not_found(context, made, user))
            unchanged += user is None
        elif not context.has_its_name(made, user):
            who = {"username": made.change.username, "renamed": user.username}
            findings.append(moved(made.change, "created-renamed", id=user.id, **who))
        elif context.protected(user.username):
            findings.append(protected_finding(user.username, None))
        else:
            kept = _why_not_removed(context, made, user) if remove else None
            if kept is not None:
                findings.append(kept)
            if remove and kept is None:
                changes.append(_remove(made, user))
            elif user.active:
                changes.append(_disable(made, user))
            else:
                already.append(user.username)
                unchanged += 1
    if not remove:
        disabled = [change.username for change in changes if change.action is Action.USER_DISABLE]
        all_stay = len(disabled) + len(already)
        findings.extend(about_users("created-disabled", disabled, stay=all_stay))
        findings.extend(about_users("created-stay", already, stay=all_stay))
    return UndoPart(tuple(changes), tuple(findings), unchanged)


def _not_found(context: UndoContext, made: _Made, user: User | None) -> list[Finding]:
    who = made.change.username
    if user is not None:
        return [moved(made.change, "created-differs", username=who)]
    if context.current.users_complete and not context.people.fitting(who):
        return []
    return [moved(made.change, "created-unclear", username=who)]


def _as_made(made: _Made, user: User) -> bool:
    wanted = made.change.new.fields
    return all(one.of(user) == wanted[one.name] for one in UPDATABLE if one.name in wanted)


def _why_not_removed(context: UndoContext, made: _Made, user: User) -> Finding | None:
    """Return why somebody is disabled, and not removed; None where nothing speaks against it."""
    if not _as_made(made, user):
        return moved(made.change, "created-changed", username=user.username)
    for project in context.current.projects:
        if project.private and user.id in context.current.roles.get(project.id, {}):
            where = {"project": project.label, "username": user.username}
            return moved(made.change, "created-private", id=project.id, **where)
    return None


def _disable(made: _Made, user: User) -> UserChange:
    return UserChange(
        action=Action.USER_DISABLE,
        username=user.username,
        user_id=user.id,
        before=UserSide({"active": True}),
        after=UserSide({"active": False}),
        why=reason_for([made.change]),
        risk=sorted_risks(active_risks(user.role, enable=False)),
        origin=origin_of([made.change]),
    )


def _remove(made: _Made, user: User) -> UserChange:
    return UserChange(
        action=Action.USER_REMOVE,
        username=user.username,
        user_id=user.id,
        before=UserSide(values_of(user)),
        why=reason_for([made.change]),
        risk=sorted_risks(removal_risks(user)),
        origin=origin_of([made.change]),
    )
