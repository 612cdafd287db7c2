"""Whom stable ids mean: as a plan will leave it, and as a run left it."""

from collections.abc import Iterable, Mapping

from kanport.model import Identity
from kanport.names import compare_key
from kanport.outcome import Run, Status
from kanport.plan.change import Action, Change
from kanport.plan.model import Plan, PlanIdentity
from kanport.plan.people import Persons

_HOLDS = (Status.DONE, Status.ALREADY)


def identities_of(persons: Persons, changes: Iterable[Change]) -> tuple[PlanIdentity, ...]:
    """Give everybody with a stable id who is on the server when these changes are carried out."""
    if not persons.desired.special.any():
        return ()
    renamed: dict[int | None, str] = {}
    created: dict[str, str] = {}
    for change in changes:
        if change.action is Action.USER_RENAME:
            renamed[change.user_id] = change.new_username
        elif change.action is Action.USER_CREATE:
            created[compare_key(change.username)] = change.username
    found: list[PlanIdentity] = []
    for person in persons.special:
        stable_id, user = person.desired.stable_id, person.user
        if stable_id is None:
            continue
        if user is not None:
            name = renamed.get(user.id, user.username)
            found.append(PlanIdentity(id=stable_id.value, username=name, user_id=user.id))
        elif person.desired.key in created:
            found.append(PlanIdentity(id=stable_id.value, username=created[person.desired.key]))
    return tuple(sorted(found, key=lambda identity: identity.id))


def identities_after(plan: Plan, run: Run | None) -> tuple[Identity, ...]:
    """Give whom the ids of a plan mean now: after a run of it, or without one (None).

    Who was not renamed has the old username still; who was not created is nobody yet.
    """
    outcomes = {} if run is None else {one.change_id: one.status for one in run.outcomes}
    user_ids: Mapping[str, int] = {} if run is None else run.user_ids
    kept: dict[int | None, str] = {}
    created: dict[str, int] = {}
    for change in plan.changes:
        holds = outcomes.get(change.id) in _HOLDS
        if change.action is Action.USER_RENAME and not holds:
            # By way of a temporary username somebody is renamed twice: the first one that failed
            # says how they are called.
            kept.setdefault(change.user_id, change.username)
        elif change.action is Action.USER_CREATE and holds and change.id in user_ids:
            created[change.username] = user_ids[change.id]
    return tuple(
        Identity(identity.id, number, kept.get(number, identity.username))
        for identity in plan.identities
        if (number := identity.user_id or created.get(identity.username)) is not None
    )
