"""The guards about accounts: protected ones, administrators, and what goes with a removed one."""

from collections.abc import Collection, Iterable, Iterator

from kanport.facts import Fact, fact
from kanport.model import AppRole, CurrentState, Project
from kanport.plan.change import Action, Change, ChangesByAction, UserChange
from kanport.plan.guards.context import GuardContext
from kanport.plan.matching import name_matcher
from kanport.plan.model import GuardVerdict
from kanport.relations import About


def none_protected(context: GuardContext) -> Iterator[GuardVerdict]:
    """Touch nobody whom the mapping protects."""
    yield protected_accounts(context.by_action, context.mapping.protect)


def protected_accounts(changes: Iterable[Change], protect: Iterable[str]) -> GuardVerdict:
    """Make sure once more that no protected account is in a change."""
    protected = name_matcher(protect)
    named = {change.username for change in changes}
    touched = {name for name in named if name is not None and protected(name)}
    of_users = ChangesByAction.of(changes).users(*_OF_USERS)
    touched |= {change.username for change in of_users if protected(change.new_username)}
    if not touched:
        return GuardVerdict.of(fact("protected", case="passed"))
    return GuardVerdict.of(
        fact("protected", case="stopped", usernames=tuple(sorted(touched)), count=len(touched))
    )


_OF_USERS = tuple(action for action in Action if action.about is About.USER)


def private_projects_stay(context: GuardContext) -> Iterator[GuardVerdict]:
    """Remove nobody with whom other people's work would go; see `private_projects`."""
    yield from private_projects(context.by_action, context.current)


def private_projects(changes: Iterable[Change], current: CurrentState) -> Iterator[GuardVerdict]:
    """Stop a plan that deletes somebody's private project by taking somebody else away.

    Kanboard deletes every private project in which a removed user is a member, whosever it is, and
    every private one is for one person: to take others out of it is not for a list to decide.
    """
    by_action = ChangesByAction.of(changes)
    removed = {
        change.user_id: change.username
        for change in by_action[Action.USER_REMOVE]
        if change.user_id is not None
    }
    revoked = {
        (change.project_id, change.user_id) for change in by_action[Action.MEMBERSHIP_REVOKE]
    }
    unread: list[str] = []
    lost: list[Fact] = []

    def called(numbers: Iterable[int]) -> tuple[str | Fact, ...]:
        known = current.people.by_id
        names = sorted(known[id].username for id in numbers if id in known)
        others = (fact("user-unread", user_id=id) for id in sorted(numbers) if id not in known)
        return (*names, *others)

    for project in current.project_index.by_id.values():
        if not project.private:
            continue
        if project.id not in current.roles:
            unread.append(project.label)
            continue
        members = current.roles[project.id].keys()
        owners = _owners(project, members)
        going, others = members & removed.keys(), owners - removed.keys()
        out = {number for where, number in revoked if where == project.id and number is not None}
        for case, people, theirs in (
            ("deleted", going if others else (), others),
            ("revoked", out, owners),
        ):
            if people:
                lost.append(
                    fact(
                        "private-project",
                        case=case,
                        project=project.label,
                        usernames=called(people),
                        owners=called(theirs),
                    )
                )
    if removed and unread:
        labels = tuple(unread)
        lost.append(fact("private-project", case="unread", projects=labels, count=len(labels)))
    if lost:
        yield GuardVerdict.of(fact("private-projects", case="stopped", projects=tuple(lost)))
    elif removed and any(project.private for project in current.projects):
        yield GuardVerdict.of(fact("private-projects", case="passed"))


def _owners(project: Project, members: Collection[int]) -> set[int]:
    """Return whose a private project is: its owner, and everybody else who works in it."""
    return {*members, *([project.owner_id] if project.owner_id else [])}


def users_known(context: GuardContext) -> Iterator[GuardVerdict]:
    """Stop where a decision needs all users of the server and only some could be read.

    Whom the ledger knows is read by id, so stable ids need no list; with email addresses, both a
    new user and a rename may be wrong because of somebody who was not read.
    """
    users, current = context.mapping.users, context.current
    if current.users_complete or users is None:
        return
    missing = users.missing != "keep"
    by_email = "email" in users.find_by
    by_id = users.id is not None and current.unlisted is None
    distinct_names = [Action.USER_CREATE, Action.USER_RENAME] if by_email else [Action.USER_CREATE]
    renamed = (by_email or by_id) and bool(context.by_action.count(*distinct_names))
    if not (missing or renamed):
        return
    settings = ["missing: keep"] if missing else []
    if renamed and by_email:
        settings.append("find_by: [username]")
    need = "both" if missing and renamed else "missing" if missing else "renamed"
    if not settings:
        need += "-by-id"
    unlisted = current.unlisted
    why = None if unlisted is None else fact("no-list", case=unlisted.fault)
    yield GuardVerdict.of(
        fact(
            "users-incomplete",
            case=f"stopped-{need}{'-why' if why else ''}",
            missing=str(users.missing),
            settings=tuple(settings),
            why=why,
        )
    )


# --- administrators -------------------------------------------------------------------------------


def enough_admins(context: GuardContext) -> Iterator[GuardVerdict]:
    """Keep the last active administrator, and as many as the mapping wants."""
    changes, current = context.by_action, context.current
    yield last_admin(changes, current)
    if context.mapping.min_admins > 1:
        yield min_admins(changes, current, at_least=context.mapping.min_admins)


def last_admin(changes: Iterable[Change], current: CurrentState) -> GuardVerdict:
    """Keep at least one active administrator whom the plan leaves alone.

    Administrators whom the same plan makes do not count: what lowers comes first, and a run that
    breaks off in between would leave nobody to repair it.
    """
    staying, lost = _admins(changes, current)
    if not lost or staying:
        return GuardVerdict.of(fact("last-admin", case="passed", staying=staying))
    case = "stopped" if current.unlisted is None else "stopped-partial"
    return GuardVerdict.of(fact("last-admin", case=case, usernames=lost))


def min_admins(changes: Iterable[Change], current: CurrentState, *, at_least: int) -> GuardVerdict:
    """Keep so many active administrators whom the plan leaves alone.

    A server that has fewer already is not stopped by it, as long as the plan takes it from nobody.
    """
    staying, lost = _admins(changes, current)
    case = "stopped" if lost and staying < at_least else "passed"
    case += "" if current.unlisted is None else "-partial"
    why = fact("min-admins", case=case, staying=staying, at_least=at_least, usernames=lost)
    return GuardVerdict.of(why)


def _admins(changes: Iterable[Change], current: CurrentState) -> tuple[int, tuple[str, ...]]:
    """Return how many active administrators remain, and the usernames of those who do not."""
    admins = {user.id for user in current.users if user.active and user.role == AppRole.ADMIN}
    some = ChangesByAction.of(changes).users(*_MAY_LOSE_ADMIN)
    losing = {change.user_id for change in some if _may_lose_it(change)}
    lost = sorted(user.username for user in current.users if user.id in admins & losing)
    return len(admins - losing), tuple(lost)


_MAY_LOSE_ADMIN = (Action.USER_UPDATE, Action.USER_DISABLE, Action.USER_REMOVE)


def _may_lose_it(change: UserChange) -> bool:
    return change.action is not Action.USER_UPDATE or change.new.role not in (None, AppRole.ADMIN)


def admins_by_name(context: GuardContext) -> Iterator[GuardVerdict]:
    """Refuse users who become administrators through a source and are not in `allow_admins`.

    Who is created with it or raised to it gets it, and so does whoever gets an account that has it:
    a disabled one that is enabled, or an active one under a new username.
    """
    patterns = context.mapping.allow_admins
    allowed = name_matcher(patterns)
    names = sorted(set(_new_admins(context)))
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
        )
    )


def _new_admins(context: GuardContext) -> Iterator[str]:
    users, changes = context.current.people.by_id, context.by_action
    roles = {
        change.user_id: change.new.role
        for change in changes.users(Action.USER_UPDATE)
        if change.new.role is not None
    }
    new_names = {
        change.user_id: change.new_username for change in changes.users(Action.USER_RENAME)
    }
    for change in changes.users(Action.USER_CREATE):
        if change.new.role == AppRole.ADMIN:
            yield change.username
    for change in changes.users(Action.USER_UPDATE, Action.USER_ENABLE, Action.USER_RENAME):
        user = users.get(change.user_id) if change.user_id is not None else None
        if user is None or roles.get(user.id, user.role) != AppRole.ADMIN:
            continue
        is_one = user.active and user.role == AppRole.ADMIN
        if change.action is Action.USER_UPDATE and (is_one or change.new.role is None):
            continue
        if change.action is Action.USER_RENAME and user.role != AppRole.ADMIN:
            continue
        yield new_names.get(user.id, user.username)
