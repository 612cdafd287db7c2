"""The guards about single accounts: who is never touched, and what would go with a removed one."""

from collections.abc import Collection, Iterable, Iterator

from kanport.facts import Fact, fact
from kanport.model import CurrentState, Project
from kanport.plan.change import Action, Change, UserChange
from kanport.plan.guards.situation import Situation
from kanport.plan.matching import name_matcher
from kanport.plan.model import GuardVerdict


def none_protected(situation: Situation) -> Iterator[GuardVerdict]:
    """Touch nobody whom the mapping protects."""
    yield protected_accounts(situation.changes, situation.mapping.protect)


def protected_accounts(changes: Collection[Change], protect: Iterable[str]) -> GuardVerdict:
    """Make sure once more that no protected account is in a change."""
    protected = name_matcher(protect)
    named = {change.username for change in changes}
    touched = {name for name in named if name is not None and protected(name)}
    touched |= {
        change.username
        for change in changes
        if isinstance(change, UserChange) and protected(change.new_username)
    }
    if not touched:
        return GuardVerdict.of(fact("protected", case="passed"))
    return GuardVerdict.of(
        fact("protected", case="stopped", usernames=tuple(sorted(touched)), count=len(touched)),
        tripped=True,
    )


def private_projects_stay(situation: Situation) -> Iterator[GuardVerdict]:
    """Remove nobody with whom other people's work would go; see `private_projects`."""
    yield from private_projects(situation.changes, situation.current)


def private_projects(changes: Collection[Change], current: CurrentState) -> Iterator[GuardVerdict]:
    """Stop a plan that deletes somebody's private project by taking somebody else away.

    Kanboard deletes every private project in which a removed user is a member, whosever it is, and
    every private one is for one person: to take others out of it is not for a list to decide.
    """
    removed = {
        change.user_id: change.username
        for change in changes
        if change.action is Action.USER_REMOVE and change.user_id is not None
    }
    revoked = {
        (change.project_id, change.user_id)
        for change in changes
        if change.action is Action.MEMBERSHIP_REVOKE
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
        yield GuardVerdict.of(
            fact("private-projects", case="stopped", projects=tuple(lost)), tripped=True
        )
    elif removed and any(project.private for project in current.projects):
        yield GuardVerdict.of(fact("private-projects", case="passed"))


def _owners(project: Project, members: Collection[int]) -> set[int]:
    """Give whose a private project is: its owner, and everybody else who works in it."""
    return {*members, *([project.owner_id] if project.owner_id else [])}


def users_known(situation: Situation) -> Iterator[GuardVerdict]:
    """Stop where a decision needs all users of the server and only some could be read.

    Whom the ledger knows is read by id, so stable ids need no list; with e-mail addresses, both a
    new user and a rename may be wrong because of somebody who was not read.
    """
    users, current = situation.mapping.users, situation.current
    if current.users_complete or users is None:
        return
    missing = users.missing != "keep"
    by_email = "email" in users.find_by
    by_id = users.id is not None and current.unlisted is None
    told_apart = {Action.USER_CREATE, Action.USER_RENAME} if by_email else {Action.USER_CREATE}
    renamed = (by_email or by_id) and bool(situation.count(told_apart))
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
        ),
        tripped=True,
    )
