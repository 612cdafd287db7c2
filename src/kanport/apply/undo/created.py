"""Taking back that users were created: disabled, or removed where that was asked for."""

from kanport.apply.undo.notes import about_users, moved
from kanport.apply.undo.scene import Back, Scene, origin_of, reason_for
from kanport.apply.undo.traces import Created
from kanport.fields import UPDATABLE, values_of
from kanport.findings import Finding
from kanport.model import User
from kanport.plan.draft import Draft
from kanport.plan.model import Action
from kanport.plan.notes import protected_finding
from kanport.plan.risks import active_risks, removal_risks


def created_back(scene: Scene, *, remove: bool) -> Back:
    """Give what takes away the users whom the run created.

    With `remove`, whoever is as the run made them and is in no private project is removed: Kanboard
    removes with a user every private project that they have a part in. The others are disabled.
    """
    drafts: list[Draft] = []
    findings: list[Finding] = []
    already: list[str] = []
    unchanged = 0
    for made in scene.traces.created.values():
        user = scene.new_user(made)
        if user is None or not (made.certain or _as_made(made, user)):
            findings.extend(_not_found(scene, made, user))
            unchanged += user is None
        elif not scene.has_its_name(made, user):
            who = {"username": made.change.username, "renamed": user.username}
            findings.append(moved(made.change, "created-renamed", id=user.id, **who))
        elif scene.protected(user.username):
            findings.append(protected_finding(user.username, None))
        else:
            kept = _kept_because(scene, made, user) if remove else None
            if kept is not None:
                findings.append(kept)
            if remove and kept is None:
                drafts.append(_remove(made, user))
            elif user.active:
                drafts.append(_disable(made, user))
            else:
                already.append(user.username)
                unchanged += 1
    if not remove:
        disabled = [draft.username for draft in drafts if draft.action is Action.USER_DISABLE]
        all_stay = len(disabled) + len(already)
        findings.extend(about_users("created-disabled", disabled, stay=all_stay))
        findings.extend(about_users("created-stay", already, stay=all_stay))
    return Back(tuple(drafts), tuple(findings), unchanged)


def _not_found(scene: Scene, made: Created, user: User | None) -> list[Finding]:
    who = made.change.username
    if user is not None:
        return [moved(made.change, "created-differs", username=who)]
    if scene.current.users_complete and not scene.people.fitting(who):
        return []
    return [moved(made.change, "created-unclear", username=who)]


def _as_made(made: Created, user: User) -> bool:
    wanted = made.change.new.fields
    return all(one.of(user) == wanted[one.name] for one in UPDATABLE if one.name in wanted)


def _kept_because(scene: Scene, made: Created, user: User) -> Finding | None:
    """Return why somebody is disabled, and not removed; None where nothing speaks against it."""
    if not _as_made(made, user):
        return moved(made.change, "created-changed", username=user.username)
    for project in scene.current.projects:
        if project.private and user.id in scene.current.roles.get(project.id, {}):
            where = {"project": project.label, "username": user.username}
            return moved(made.change, "created-private", id=project.id, **where)
    return None


def _disable(made: Created, user: User) -> Draft:
    return Draft(
        Action.USER_DISABLE,
        user.username,
        user_id=user.id,
        before={"active": True},
        after={"active": False},
        reason=reason_for([made.change]),
        risk=active_risks(user.role, enable=False),
        origin=origin_of([made.change]),
    )


def _remove(made: Created, user: User) -> Draft:
    return Draft(
        Action.USER_REMOVE,
        user.username,
        user_id=user.id,
        before=values_of(user),
        reason=reason_for([made.change]),
        risk=removal_risks(user),
        origin=origin_of([made.change]),
    )
