"""The rules that stop a plan before the first write. Pure: changes and state in, verdicts out."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from kanport.mapping.spec import DEFAULT_SHARES, Limit, MappingFile
from kanport.model import AppRole, CurrentState
from kanport.plan.match import name_matcher
from kanport.plan.model import Action, Change, GuardVerdict
from kanport.plan.places import listed


@dataclass(frozen=True, slots=True)
class Situation:
    """What a guard looks at."""

    changes: tuple[Change, ...]
    current: CurrentState
    mapping: MappingFile

    def count(self, actions: Collection[Action]) -> int:
        """Count the changes with one of these actions."""
        return sum(change.action in actions for change in self.changes)


def last_admin(changes: Collection[Change], current: CurrentState) -> GuardVerdict:
    """Keep at least one active administrator whom the plan leaves alone.

    Administrators whom the same plan makes do not count: what lowers comes first, and a run that
    breaks off in between would leave nobody to repair it.
    """
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
    tripped = bool(lost) and admins <= losing
    hint = "make somebody else administrator in a plan of its own first, or protect this account"
    if not tripped:
        staying = len(admins - losing)
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
        guard="last-admin", tripped=tripped, message=message, hint=hint if tripped else None
    )


def _last_admin(situation: Situation) -> Iterator[GuardVerdict]:
    yield last_admin(situation.changes, situation.current)


def _protected(situation: Situation) -> Iterator[GuardVerdict]:
    yield protected_accounts(situation.changes, situation.mapping.protect)


def protected_accounts(changes: Iterable[Change], protect: Iterable[str]) -> GuardVerdict:
    """Make sure once more that no protected account is in a change."""
    protected = name_matcher(protect)
    touched = [
        change.username
        for change in changes
        if protected(change.username) or protected(str((change.after or {}).get("username", "")))
    ]
    return GuardVerdict(
        guard="protected",
        tripped=bool(touched),
        message=f"protected accounts would be changed: {listed(touched)}"
        if touched
        else "no protected account is changed",
    )


_USERS = "active users"
_ACCESS = "memberships in the projects read"
_LIMITED: Mapping[str, tuple[tuple[str, frozenset[Action]], ...]] = {
    "create": ((_USERS, frozenset({Action.USER_CREATE})),),
    "update": (
        (_USERS, frozenset({Action.USER_UPDATE, Action.USER_RENAME, Action.USER_ENABLE})),
        (_ACCESS, frozenset({Action.MEMBERSHIP_CHANGE})),
    ),
    "disable": ((_USERS, frozenset({Action.USER_DISABLE})),),
    "revoke": ((_ACCESS, frozenset({Action.MEMBERSHIP_REVOKE})),),
    "remove": ((_USERS, frozenset({Action.USER_REMOVE})),),
}


def _limits(situation: Situation) -> Iterator[GuardVerdict]:
    """Hold the plan against the limits of the mapping, on servers of every size."""
    for name, kinds in _LIMITED.items():
        limit: Limit | None = getattr(situation.mapping.limits, name)
        if limit is not None:
            yield _limit(situation, name, limit, kinds)
        elif name in DEFAULT_SHARES:
            for base_name, actions in kinds:
                if count := situation.count(actions):
                    yield _default_limit(situation, name, count, base_name)


def _limit(
    situation: Situation,
    name: str,
    limit: Limit,
    kinds: tuple[tuple[str, frozenset[Action]], ...],
) -> GuardVerdict:
    total = sum(situation.count(actions) for _, actions in kinds)
    problems: list[str] = []
    hint = f"look at the plan; if it is right, raise limits.{name} in the mapping"
    if limit.max is not None and total > limit.max:
        problems.append(f"{total} planned, {limit.max} allowed")
    for base_name, actions in kinds:
        count, base = situation.count(actions), _base(situation.current, base_name)
        if limit.share is not None and count * 100 > limit.share * base:
            problem = f"{count} planned, {limit.share:g}% of {base} {base_name} allowed"
            if base_name == _USERS and situation.current.unlisted is not None:
                problem += ", counting only those who could be read"
                hint += ", as a number: the server cannot list its users"
            problems.append(problem)
    allowed = [f"{limit.max}"] if limit.max is not None else []
    allowed += [f"{limit.share:g}%"] if limit.share is not None else []
    return GuardVerdict(
        guard=f"limit-{name}",
        tripped=bool(problems),
        message=f"{name}: {'; '.join(problems)}"
        if problems
        else f"{name}: {total} planned, within {' and '.join(allowed)}",
        hint=hint if problems else None,
    )


def _default_limit(situation: Situation, name: str, count: int, base_name: str) -> GuardVerdict:
    share, base = DEFAULT_SHARES[name], _base(situation.current, base_name)
    allowed = -(-share * base // 100)
    why = f"{share}% of {base} {base_name} by default"
    if base_name == _USERS and situation.current.unlisted is not None:
        why += ", counting only those who could be read"
    tripped = count > allowed
    return GuardVerdict(
        guard=f"limit-{name}",
        tripped=tripped,
        message=f"{name}: {count} planned, {allowed} allowed ({why})"
        if tripped
        else f"{name}: {count} planned, within {allowed} ({why})",
        hint=f"look at the plan; if it is right, say in the mapping how many may: limits: "
        f"{{{name}: {count}}}"
        if tripped
        else None,
    )


def _base(current: CurrentState, name: str) -> int:
    if name == _USERS:
        return sum(user.active for user in current.users)
    return sum(len(roles) for roles in current.roles.values())


def _remove_confirmed(situation: Situation) -> Iterator[GuardVerdict]:
    """Remove nobody unless a limit says how many: it deletes other people's private projects."""
    count = situation.count({Action.USER_REMOVE})
    if count and situation.mapping.limits.remove is None:
        users = "1 user" if count == 1 else f"{count} users"
        yield GuardVerdict(
            guard="remove-unconfirmed",
            tripped=True,
            message=f"{users} would be removed, and limits.remove does not say how many may",
            hint="disable them instead (missing: disable), or set limits.remove",
        )


def _users_complete(situation: Situation) -> Iterator[GuardVerdict]:
    """Stop where a decision needs all users of the server and only some could be read.

    Whom the ledger knows is read by id, so stable ids need no list; with e-mail addresses, both a
    new user and a rename may be wrong because of somebody who was not read.
    """
    users, current = situation.mapping.users, situation.current
    if current.users_complete or users is None:
        return
    needs, ways = [], []
    if users.missing != "keep":
        needs.append(f"who is missing from the sources (missing: {users.missing})")
        ways.append("missing: keep")
    by_email = "email" in users.find_by
    by_id = users.id is not None and current.unlisted is None
    told_apart = {Action.USER_CREATE, Action.USER_RENAME} if by_email else {Action.USER_CREATE}
    if (by_email or by_id) and situation.count(told_apart):
        needs.append("who only has a new username")
        ways.extend(["find_by: [username]"] if by_email else [])
    if needs:
        why = "" if current.unlisted is None else f", as {current.unlisted.why}"
        way = f"set {' and '.join(ways)}, or " if ways else ""
        yield GuardVerdict(
            guard="users-incomplete",
            tripped=True,
            message=f"only some users of the server could be read{why}; {' and '.join(needs)}"
            " cannot be told",
            hint=f"{way}raise PHP's memory_limit on the server",
        )


GUARDS: tuple[Callable[[Situation], Iterator[GuardVerdict]], ...] = (
    _last_admin,
    _protected,
    _limits,
    _remove_confirmed,
    _users_complete,
)


def judge(
    changes: tuple[Change, ...], current: CurrentState, mapping: MappingFile
) -> tuple[GuardVerdict, ...]:
    """Ask every guard; a tripped verdict stops the plan before the first write."""
    situation = Situation(changes, current, mapping)
    return tuple(verdict for guard in GUARDS for verdict in guard(situation))


def judge_undo(
    changes: tuple[Change, ...],
    current: CurrentState,
    *,
    protect: Iterable[str],
    remove_at_most: int | None,
) -> tuple[GuardVerdict, ...]:
    """Ask the guards that hold without a mapping, of a plan that takes a run back.

    The limits of the mapping are for what sources ask for, and not asked. Removing people needs a
    number all the same: `remove_at_most`, as it was asked for.
    """
    verdicts = [last_admin(changes, current), protected_accounts(changes, protect)]
    count = sum(change.action is Action.USER_REMOVE for change in changes)
    if count or remove_at_most is not None:
        allowed = remove_at_most or 0
        tripped = count > allowed
        verdicts.append(
            GuardVerdict(
                guard="limit-remove",
                tripped=tripped,
                message=f"remove: {count} planned, {allowed} allowed"
                if tripped
                else f"remove: {count} planned, within {allowed}",
                hint="look at whom the run created; if all are to go, name their number"
                if tripped
                else None,
            )
        )
    return tuple(verdicts)
