"""Giving users back the values that they had before a run."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from kanport.apply.undo.notes import about_users, impossible, moved
from kanport.apply.undo.scene import Back, Scene, origin_of, reason_for
from kanport.apply.undo.traces import Trace
from kanport.fields import UPDATABLE, field_named
from kanport.findings import Finding, found
from kanport.model import User
from kanport.names import compare_key
from kanport.plan.draft import Draft
from kanport.plan.model import Action, Risk
from kanport.plan.notes import protected_finding
from kanport.plan.risks import active_risks, role_risks
from kanport.rules import email_problem, is_app_role


def people_back(scene: Scene) -> Back:
    """Give what restores the users whom the run changed, and say who cannot be brought back."""
    drafts: list[Draft] = []
    findings: list[Finding] = []
    unchanged = 0
    for user_id, change in scene.traces.removed.items():
        if user_id not in scene.people.by_id:
            findings.append(impossible(change, "removed", username=change.username))
    for user_id, traces in scene.traces.fields.items():
        user = scene.people.by_id.get(user_id)
        if user is None:
            if user_id not in scene.traces.removed:
                change = next(iter(traces.values())).change
                findings.append(moved(change, scene.gone, username=change.username))
            continue
        names = (
            {user.username, str(traces["username"].before)}
            if "username" in traces
            else {user.username}
        )
        if any(map(scene.protected, names)):
            findings.append(protected_finding(user.username, None))
            continue
        wanted, notes = _restorable(user, traces)
        findings.extend(notes)
        own = list(_drafts(user, wanted))
        unchanged += not own and not notes
        drafts.extend(own)
    drafts, blocked = _without_blocked(scene, drafts)
    findings.extend(blocked)
    # Kanboard closes the private projects of whoever is disabled and forgets the address of their
    # feeds (facts of Kanboard, C4).
    enabled = (draft.username for draft in drafts if draft.action is Action.USER_ENABLE)
    findings.extend(about_users("enabled", enabled))
    return Back(tuple(drafts), tuple(findings), unchanged)


def _restorable(user: User, traces: Mapping[str, Trace]) -> tuple[dict[str, Trace], list[Finding]]:
    """Give the values that the run left and that can be as before, and what to say of the others.

    What is as before already needs nothing.
    """
    wanted: dict[str, Trace] = {}
    notes: list[Finding] = []
    for name, trace in traces.items():
        now = field_named(name).of(user)
        if now == trace.before:
            continue
        if now != trace.after:
            values = {"now": now, "left": trace.after}
            notes.append(moved(trace.change, "value", username=user.username, field=name, **values))
        elif _is_refused(name, trace.before):
            before = {"username": user.username, "before": trace.before}
            notes.append(impossible(trace.change, name, **before))
        else:
            wanted[name] = trace
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


def _drafts(user: User, wanted: Mapping[str, Trace]) -> Iterator[Draft]:
    if rename := wanted.get("username"):
        yield _draft(Action.USER_RENAME, user, {"username": rename})
    fields = {one.name: wanted[one.name] for one in UPDATABLE if one.name in wanted}
    if fields:
        role = fields.get("role")
        risk = role_risks(user.role, role.before) if role is not None else set()
        yield _draft(Action.USER_UPDATE, user, fields, risk)
    if active := wanted.get("active"):
        enable = bool(active.before)
        role_then = fields["role"].before if "role" in fields else user.role
        yield _draft(
            Action.USER_ENABLE if enable else Action.USER_DISABLE,
            user,
            {"active": active},
            active_risks(role_then if enable else user.role, enable=enable),
        )


def _draft(
    action: Action, user: User, wanted: Mapping[str, Trace], risk: Collection[Risk] = ()
) -> Draft:
    changes = list({c.id: c for trace in wanted.values() for c in trace.changes}.values())
    return Draft(
        action,
        user.username,
        user_id=user.id,
        before={name: field_named(name).of(user) for name in wanted},
        after={name: trace.before for name, trace in wanted.items()},
        reason=reason_for(changes),
        risk=risk,
        origin=origin_of(changes),
    )


def _without_blocked(scene: Scene, drafts: Sequence[Draft]) -> tuple[list[Draft], list[Finding]]:
    """Leave out the renames whose old username is somebody else's by now."""
    renames = [draft for draft in drafts if draft.action is Action.USER_RENAME]
    findings: list[Finding] = []
    while True:
        freed = {rename.user_id for rename in renames}
        held = {
            id(rename): holder for rename in renames if (holder := _holder(scene, rename, freed))
        }
        if not held:
            break
        for rename in renames:
            if holder := held.get(id(rename)):
                findings.append(_taken(rename, holder))
        renames = [rename for rename in renames if id(rename) not in held]
    kept = {id(rename) for rename in renames}
    others = (d for d in drafts if d.action is not Action.USER_RENAME or id(d) in kept)
    return list(others), findings


def _holder(scene: Scene, rename: Draft, freed: set[int | None]) -> User | None:
    others = scene.people.by_key.get(compare_key(rename.new_username), ())
    return next((o for o in others if o.id != rename.user_id and o.id not in freed), None)


def _taken(rename: Draft, holder: User) -> Finding:
    return found(
        "undo-impossible",
        rename.origin[0] if rename.origin else None,
        case="username-taken",
        value=rename.username,
        username=rename.username,
        wanted=rename.new_username,
        id=holder.id,
    )
