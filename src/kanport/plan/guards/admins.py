"""The guards about administrators: enough of them stay, and nobody becomes one by accident."""

from collections.abc import Collection, Iterator

from kanport.model import AppRole, CurrentState
from kanport.plan.guards.allowances import NOT_LIFTED
from kanport.plan.guards.situation import Situation
from kanport.plan.match import name_matcher
from kanport.plan.model import Action, Change, GuardVerdict
from kanport.plan.places import listed

_ALL = 10_000


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
    tripped = bool(lost) and not staying
    hint = "make somebody else administrator in a plan of its own first, or protect this account"
    if not tripped:
        message = (
            "1 active administrator stays as they are"
            if staying == 1
            else f"{staying} active administrators stay as they are"
        )
    elif current.unlisted is None:
        message = f"no active administrator would be left: the plan takes it from {listed(lost)}"
    else:
        message = (
            "no active administrator would be left among the users who could be read: the plan"
            f" takes it from {listed(lost)}"
        )
        hint = (
            "name an administrator who stays in the sources or in a project that they name, or"
            " protect this account"
        )
    return GuardVerdict(
        guard="last-admin",
        tripped=tripped,
        message=message,
        hint=f"{hint} ({NOT_LIFTED})" if tripped else None,
    )


def min_admins(
    changes: Collection[Change], current: CurrentState, *, at_least: int
) -> GuardVerdict:
    """Keep so many active administrators whom the plan leaves alone.

    A server that has fewer already is not stopped by it, as long as the plan takes it from nobody.
    """
    staying, lost = _admins(changes, current)
    tripped = bool(lost) and staying < at_least
    said = f"{staying} of at least {at_least} active administrators"
    verb = "stays as they are" if staying == 1 else "stay as they are"
    among = " among the users who could be read" if current.unlisted is not None else ""
    return GuardVerdict(
        guard="min-admins",
        tripped=tripped,
        message=f"{said} {verb}{among}"
        + (f": the plan takes it from {listed(lost)}" if tripped else ""),
        hint="make others administrator in a plan of its own first, protect these accounts, or"
        f" lower min_admins in the mapping ({NOT_LIFTED})"
        if tripped
        else None,
    )


def _admins(changes: Collection[Change], current: CurrentState) -> tuple[int, list[str]]:
    """Give how many active administrators stay, and the usernames of those who do not."""
    admins = {user.id for user in current.users if user.active and user.role == AppRole.ADMIN}
    losing = {
        change.user_id
        for change in changes
        if change.action in (Action.USER_DISABLE, Action.USER_REMOVE)
        or (
            change.action is Action.USER_UPDATE
            and (change.after or {}).get("role", AppRole.ADMIN) != AppRole.ADMIN
        )
    }
    lost = [user.username for user in current.users if user.id in admins & losing]
    return len(admins - losing), lost


def admins_by_name(situation: Situation) -> Iterator[GuardVerdict]:
    """Let nobody get app-admin from a source whom the mapping does not allow it by name.

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
        yield GuardVerdict(
            guard="allow-admins",
            tripped=False,
            message=f"app-admin is got by {listed(names, at_most=_ALL)}, as allow_admins allows",
        )
        return
    who = listed(refused, at_most=_ALL)
    yield GuardVerdict(
        guard="allow-admins",
        tripped=True,
        message=f"app-admin would be got by {who}, whom allow_admins does not name",
        hint="if they are to be administrators, name them in the mapping:"
        f" allow_admins: [{', '.join((*patterns, *refused))}] ({NOT_LIFTED})",
    )


def _new_admins(situation: Situation) -> Iterator[str]:
    users = {user.id: user for user in situation.current.users}
    roles = {
        change.user_id: str((change.after or {})["role"])
        for change in situation.changes
        if change.action is Action.USER_UPDATE and "role" in (change.after or {})
    }
    new_names = {
        change.user_id: str((change.after or {})["username"])
        for change in situation.changes
        if change.action is Action.USER_RENAME
    }
    for change in situation.changes:
        after = change.after or {}
        if change.action is Action.USER_CREATE and after.get("role") == AppRole.ADMIN:
            yield change.username
        user = users.get(change.user_id) if change.user_id is not None else None
        if user is None or change.action not in _MAKES_ADMIN:
            continue
        is_one = user.active and user.role == AppRole.ADMIN
        if roles.get(user.id, user.role) != AppRole.ADMIN:
            continue
        if change.action is Action.USER_UPDATE and (is_one or "role" not in after):
            continue
        if change.action is Action.USER_RENAME and user.role != AppRole.ADMIN:
            continue
        yield new_names.get(user.id, user.username)


_MAKES_ADMIN = (Action.USER_UPDATE, Action.USER_ENABLE, Action.USER_RENAME)
