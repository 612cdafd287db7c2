"""The guards about administrators: enough of them stay, and nobody becomes one by accident."""

from collections.abc import Collection, Iterator

from kanport.facts import fact
from kanport.model import AppRole, CurrentState
from kanport.plan.change import Action, Change, UserChange
from kanport.plan.guards.situation import Situation
from kanport.plan.matching import name_matcher
from kanport.plan.model import GuardVerdict


def enough_admins(situation: Situation) -> Iterator[GuardVerdict]:
    """Keep the last active administrator, and as many as the mapping wants."""
    changes, current = situation.changes, situation.current
    yield last_admin(changes, current)
    if situation.mapping.min_admins > 1:
        yield min_admins(changes, current, at_least=situation.mapping.min_admins)


def last_admin(changes: Collection[Change], current: CurrentState) -> GuardVerdict:
    """Keep at least one active administrator whom the plan leaves alone.

    Administrators whom the same plan makes do not count: what lowers comes first, and a run that
    breaks off in between would leave nobody to repair it.
    """
    staying, lost = _admins(changes, current)
    if not lost or staying:
        return GuardVerdict.of(fact("last-admin", case="passed", staying=staying))
    case = "stopped" if current.unlisted is None else "stopped-partial"
    return GuardVerdict.of(fact("last-admin", case=case, usernames=lost), tripped=True)


def min_admins(
    changes: Collection[Change], current: CurrentState, *, at_least: int
) -> GuardVerdict:
    """Keep so many active administrators whom the plan leaves alone.

    A server that has fewer already is not stopped by it, as long as the plan takes it from nobody.
    """
    staying, lost = _admins(changes, current)
    tripped = bool(lost) and staying < at_least
    case = "stopped" if tripped else "passed"
    case += "" if current.unlisted is None else "-partial"
    why = fact("min-admins", case=case, staying=staying, at_least=at_least, usernames=lost)
    return GuardVerdict.of(why, tripped=tripped)


def _admins(changes: Collection[Change], current: CurrentState) -> tuple[int, tuple[str, ...]]:
    """Return how many active administrators remain, and the usernames of those who do not."""
    admins = {user.id for user in current.users if user.active and user.role == AppRole.ADMIN}
    losing = {
        change.user_id
        for change in changes
        if isinstance(change, UserChange) and _may_lose_it(change)
    }
    lost = sorted(user.username for user in current.users if user.id in admins & losing)
    return len(admins - losing), tuple(lost)


def _may_lose_it(change: UserChange) -> bool:
    if change.action is Action.USER_UPDATE:
        return change.new.role not in (None, AppRole.ADMIN)
    return change.action in (Action.USER_DISABLE, Action.USER_REMOVE)


def admins_by_name(situation: Situation) -> Iterator[GuardVerdict]:
    """Let only users become administrators through a source whom allow_admins lists.

    Who is created with it or raised to it gets it, and so does whoever gets an account that has it:
    a disabled one that is enabled, or an active one under a new username.
    """
    patterns = situation.mapping.allow_admins
    allowed = name_matcher(patterns)
    names = sorted(set(_new_admins(situation)))
    refused = [name for name in names if not allowed(name)]
    if not names:
        return
    if not refused:
        yield GuardVerdict.of(
            fact("allow-admins", case="passed", usernames=tuple(names), count=len(names))
        )
        return
    yield GuardVerdict.of(
        fact(
            "allow-admins",
            case="stopped",
            usernames=tuple(refused),
            count=len(refused),
            allowed=(*patterns, *refused),
        ),
        tripped=True,
    )


def _new_admins(situation: Situation) -> Iterator[str]:
    users = situation.current.people.by_id
    changes = [change for change in situation.changes if isinstance(change, UserChange)]
    roles = {
        change.user_id: change.new.role
        for change in changes
        if change.action is Action.USER_UPDATE and change.new.role is not None
    }
    new_names = {
        change.user_id: change.new_username
        for change in changes
        if change.action is Action.USER_RENAME
    }
    for change in changes:
        if change.action is Action.USER_CREATE and change.new.role == AppRole.ADMIN:
            yield change.username
        user = users.get(change.user_id) if change.user_id is not None else None
        if user is None or change.action not in _MAKES_ADMIN:
            continue
        is_one = user.active and user.role == AppRole.ADMIN
        if roles.get(user.id, user.role) != AppRole.ADMIN:
            continue
        if change.action is Action.USER_UPDATE and (is_one or change.new.role is None):
            continue
        if change.action is Action.USER_RENAME and user.role != AppRole.ADMIN:
            continue
        yield new_names.get(user.id, user.username)


_MAKES_ADMIN = (Action.USER_UPDATE, Action.USER_ENABLE, Action.USER_RENAME)
