"""The guards about single accounts: who is never touched, and what would go with a removed one."""

from collections.abc import Collection, Iterable, Iterator

from kanport.model import CurrentState, Project
from kanport.plan.guards.allowances import NOT_LIFTED
from kanport.plan.guards.situation import Situation
from kanport.plan.match import name_matcher
from kanport.plan.model import Action, Change, GuardVerdict
from kanport.plan.places import listed


def none_protected(situation: Situation) -> Iterator[GuardVerdict]:
    """Touch nobody whom the mapping protects."""
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
        hint=f"take them out of the sources, or out of protect ({NOT_LIFTED})" if touched else None,
    )


def private_projects_stay(situation: Situation) -> Iterator[GuardVerdict]:
    """Remove nobody with whom other people's work would go; see `private_projects`."""
    yield from private_projects(situation.changes, situation.current)


def private_projects(changes: Collection[Change], current: CurrentState) -> Iterator[GuardVerdict]:
    """Stop a plan that deletes somebody's private project by taking somebody else away.

    Kanboard deletes every private project in which a removed user is a member, whosever it is, and
    every private one is for one person: to take others out of it is not for a list to decide.
    """
    names = {user.id: user.username for user in current.users}
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
    told: list[str] = []
    for project in sorted(current.projects, key=lambda project: project.id):
        if not project.private:
            continue
        if project.id not in current.roles:
            unread.append(project.label)
            continue
        members = current.roles[project.id].keys()
        going = sorted(members & removed.keys())
        others = _owners(project, members) - removed.keys()
        if going and others:
            owners = listed(names.get(number, f"user #{number}") for number in others)
            who = listed(removed[number] for number in going)
            told.append(f"{project.label} of {owners} would be deleted with {who}")
        out = {number for where, number in revoked if where == project.id and number is not None}
        if out:
            owners = listed(names.get(n, f"user #{n}") for n in _owners(project, members))
            who = listed(names.get(number, f"user #{number}") for number in out)
            told.append(f"{who} would be taken out of {project.label} of {owners}")
    if removed and unread:
        told.append(f"nobody could read who is in {listed(unread)}")
    if told:
        yield GuardVerdict(
            guard="private-projects",
            tripped=True,
            message=f"private projects: {'; '.join(told)}",
            hint="disable them instead (missing: disable), take them out of these projects by hand"
            f" first, or protect them ({NOT_LIFTED})",
        )
    elif removed and any(project.private for project in current.projects):
        yield GuardVerdict(
            guard="private-projects",
            tripped=False,
            message="nobody else's private project goes with whoever is removed",
        )


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
            hint=f"{way}raise PHP's memory_limit on the server ({NOT_LIFTED})",
        )
