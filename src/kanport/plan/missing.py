"""Who is on the server and provably in no source, and what the mapping does with them."""

from collections.abc import Callable

from kanport.findings import Finding
from kanport.mapping.spec import MappingFile
from kanport.model import AppRole, CurrentState, User
from kanport.names import compare_key
from kanport.plan.draft import Draft
from kanport.plan.match import name_matcher
from kanport.plan.model import Action, Risk
from kanport.plan.places import listed
from kanport.plan.resolve import Resolved


def missing_people(
    resolved: Resolved,
    current: CurrentState,
    mapping: MappingFile,
    protected: Callable[[str], bool],
) -> tuple[list[Draft], list[Finding]]:
    """Give the changes for managed users who are provably in no source."""
    if mapping.users is None or mapping.users.missing == "keep" or mapping.users.managed is None:
        return [], []
    if current.unlisted is not None:
        # A guard stops such a plan; the few users that were read say nothing of the others.
        return [], []
    remove = mapping.users.missing == "remove"
    managed = name_matcher(mapping.users.managed.usernames)
    present = {person.user.id for person in resolved.persons if person.user is not None}
    asked_for = {person.desired.key for person in resolved.persons}
    changes: list[Draft] = []
    unproven: list[str] = []
    for user in current.users:
        if user.id in present or not (user.active or remove):
            continue
        if not managed(user.username) or protected(user.username):
            continue
        key = compare_key(user.username)
        proven = (
            current.users_complete
            and not resolved.doubt.missing(key)
            and key not in asked_for
            and user.id not in resolved.named
        )
        if proven:
            changes.append(_remove(user) if remove else _disable(user))
        else:
            unproven.append(user.username)
    if not unproven:
        return changes, []
    what = "removed" if remove else "disabled"
    count, were = ("1 user", "was") if len(unproven) == 1 else (f"{len(unproven)} users", "were")
    finding = Finding(
        "missing-unknown",
        f"{count} who may be missing from the sources {were} not {what}, as the input does not"
        f" prove it: {listed(unproven)}",
        hint="correct the invalid rows, and take leavers out of every source that names them",
    )
    return changes, [finding]


def _disable(user: User) -> Draft:
    admin = user.role == AppRole.ADMIN
    return Draft(
        Action.USER_DISABLE,
        user.username,
        user_id=user.id,
        before={"active": True},
        after={"active": False},
        reason="in no source",
        risk={Risk.ACCESS_LOST, Risk.ADMIN_LOST} if admin else {Risk.ACCESS_LOST},
    )


def _remove(user: User) -> Draft:
    risk = {Risk.DELETES_DATA}
    if user.active:
        risk.add(Risk.ACCESS_LOST)
        if user.role == AppRole.ADMIN:
            risk.add(Risk.ADMIN_LOST)
    return Draft(
        Action.USER_REMOVE,
        user.username,
        user_id=user.id,
        before={
            "username": user.username,
            "name": user.name,
            "email": user.email,
            "role": str(user.role),
            "active": user.active,
        },
        reason="in no source",
        risk=risk,
    )
