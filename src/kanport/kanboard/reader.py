"""Read what the server holds, in as few calls as can be.

First what it lists: users, projects and groups; then the members of the projects chosen and of all
groups, with their roles. `getAllUsers` gives everybody in one answer, which outgrows PHP's
memory_limit on a large server (measured: with 128 MB somewhere between 20,000 and 50,000
users); there is no paging, so users are read by name and by id then. What is not understood is
never taken for nothing.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, TypeVar

from kanport.errors import Unreachable
from kanport.events import log_event
from kanport.kanboard import procedures as api
from kanport.kanboard.client import Client, GaveUp
from kanport.kanboard.faults import NoAnswer
from kanport.kanboard.rpc import METHOD_NOT_FOUND, Call, Calls, RefusedCall
from kanport.model import CurrentState, Group, Project, ServerInfo, Unlisted, User
from kanport.names import other_spellings
from kanport.records import dataclass, rarely_collected

logger = logging.getLogger(__name__)


# An answer is a word each, so that many fit into one request.
ROLES_AT_ONCE = 500


@rarely_collected()
def read_current(
    client: Client,
    *,
    choose_projects: Callable[[tuple[Project, ...]], Collection[int]],
    with_groups: bool = True,
    usernames: Collection[str] = (),
    user_ids: Collection[int] = (),
) -> CurrentState:
    """Return the current state: all users and projects, and the members of the projects chosen.

    `choose_projects` gets all projects and gives the ids of those whose members are wanted. Users,
    projects and groups come in the order of their ids, whatever order the server has.

    Where listing all users is too much for the server (`unlisted` says why), the users are those
    of `usernames` and `user_ids`, the members of the projects chosen and of all groups, and user 1.
    That it is too much is found out once for each client. Of a group that is too large in the same
    way, only the members of the projects chosen are given.

    Somebody who is listed as a member with the role "" has a role that was stored empty.
    `users_complete` is False where a user's row could not be understood, so that nobody is called
    missing. Raises Unreachable where the server cannot be read, or is no Kanboard.
    """
    seen = _overview(client, with_groups=with_groups)
    every_project = _ordered(
        understood(
            client,
            api.get_all_projects(),
            api.all_or_none(map(api.project_from_row, seen.projects)),
        )
    )
    known = {project.id for project in every_project}
    wanted = sorted(known & set(choose_projects(every_project)))
    every_group = _ordered(
        understood(
            client, api.get_all_groups(), api.all_or_none(map(api.group_from_row, seen.groups))
        )
    )
    with ThreadPoolExecutor(1) as beside:
        # The server works on the members while the rows of its users are read.
        reading = beside.submit(users_of, client, seen.users or [])
        members = read_members(client, wanted, every_group)
        roles = _roles(client, members.projects)
        people = reading.result()
    unlisted = None
    if seen.users is None:
        ids = {*user_ids, *(user_id for some in members.projects.values() for user_id in some)}
        ids.update(user_id for group in members.groups for user_id in group.members)
        found, folds_case = read_by_name(client, usernames, ids, members.people)
        people.extend(found.values())
        unlisted = Unlisted(client.too_much[_LIST.method], folds_case)
    return CurrentState(
        server=ServerInfo(url=client.url, version=seen.version),
        users=_ordered(people),
        projects=every_project,
        groups=members.groups,
        roles=roles,
        users_complete=unlisted is None and None not in people,
        unlisted=unlisted,
    )


_LIST = api.get_all_users()


@dataclass(frozen=True, slots=True)
class _Overview:
    """The version and the rows of what the server lists; None for users that it cannot list."""

    version: str
    users: list[Any] | None
    projects: list[Any]
    groups: list[Any]


def _overview(client: Client, *, with_groups: bool, patient: bool = False) -> _Overview:
    calls = [api.get_version(), api.get_all_projects()]
    if with_groups:
        calls.append(api.get_all_groups())
    if _LIST.method not in client.too_much:
        # The last, so that the server has shown that it answers others when this one fails.
        calls.append(_LIST)
    try:
        answers = client.ask(calls, spare=() if patient else (_LIST,))
    except GaveUp as problem:
        if problem.call != _LIST or not problem.answer.too_much:
            raise
        if not patient and isinstance(client.batch(calls[:1])[0], NoAnswer):
            # It is the server that is down at the moment, not the list that is too long.
            return _overview(client, with_groups=with_groups, patient=True)
        client.too_much[_LIST.method] = problem.answer.fault
        log_event(logger, "server.unlisted", f"{problem.answer.why}; reading by name")
        return _overview(client, with_groups=with_groups)
    version = answers[0]
    if isinstance(version, RefusedCall):
        raise Unreachable(
            f"{client.url} is not a Kanboard: it speaks JSON-RPC, but does not know getVersion",
            hint="the URL must lead to Kanboard's jsonrpc.php",
        )
    rows: dict[str, list[Any]] = {}
    for call, answer in zip(calls[1:], answers[1:], strict=True):
        if isinstance(answer, RefusedCall):
            # Groups came later than users and projects; a server without them has no groups.
            if call.method == "getAllGroups" and answer.code == METHOD_NOT_FOUND:
                continue
            raise client.refused(call, answer)
        rows[call.method] = understood(client, call, api.rows_of(answer.value))
    return _Overview(
        version=_version(version.value),
        users=rows.get(_LIST.method),
        projects=rows["getAllProjects"],
        groups=rows.get("getAllGroups", []),
    )


def _roles(client: Client, members: Mapping[int, list[int]]) -> dict[int, dict[int, str]]:
    pairs = [(project, user) for project, users in members.items() for user in users]
    calls = Calls(api.get_project_user_role, pairs)
    roles = client.read(calls, batch_size=ROLES_AT_ONCE)
    if not set(map(type, roles)) <= {str}:
        for call, answer in zip(calls, roles, strict=True):
            if answer is not None and answer is not False and not isinstance(answer, str):
                understood(client, call, None)
        roles = list(map(api.role_from, roles))
    each = iter(roles)
    return {
        project: dict(zip(users, islice(each, len(users)), strict=True))
        for project, users in members.items()
    }


def _ordered(things: Iterable[Any]) -> tuple[Any, ...]:
    unique = {thing.id: thing for thing in things if thing is not None}
    return tuple(unique[key] for key in sorted(unique))


def _version(value: object) -> str:
    # Whatever a server's administrator set as APP_VERSION: text to show, nothing to compare.
    version = api.text(value).strip()[:100]
    return version if version.isprintable() else ""


# --- the members of projects and groups -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Members:
    """The user ids in projects, the groups with theirs, and users whose rows came with a group."""

    projects: Mapping[int, list[int]]
    groups: tuple[Group, ...]
    people: tuple[User, ...]


def read_members(client: Client, projects: Sequence[int], groups: Sequence[Group]) -> Members:
    """Read the members of these projects and groups.

    A group gives the whole rows of its members in one answer, which can be too much for the server
    as all users can. Of such a group, only those are given who are in one of the projects.
    """
    of_projects = [api.get_project_users(project_id) for project_id in projects]
    while True:
        listed = [group for group in groups if _key(group.id) not in client.too_much]
        of_groups = [api.get_group_members(group.id) for group in listed]
        try:
            answers = client.read(of_projects + of_groups, spare=of_groups)
            break
        except GaveUp as problem:
            if problem.call not in of_groups or not problem.answer.too_much:
                raise
            group_id = problem.call.params["group_id"]
            client.too_much[_key(group_id)] = problem.answer.fault
            log_event(logger, "server.unlisted", problem.answer.why, group_id=group_id)
    in_projects = {
        project_id: sorted(understood(client, call, api.member_ids(answer)))
        for project_id, call, answer in zip(projects, of_projects, answers, strict=False)
    }
    ids: dict[int, frozenset[int]] = {}
    people: list[User] = []
    for group, call, answer in zip(listed, of_groups, answers[len(projects) :], strict=True):
        rows = understood(client, call, api.rows_of(answer))
        users = understood(client, call, api.all_or_none(map(api.user_from_row, rows)))
        ids[group.id] = frozenset(user.id for user in users)
        people.extend(user for user, row in zip(users, rows, strict=True) if api.says_active(row))
    if len(listed) < len(groups):
        several = {user_id for some in in_projects.values() for user_id in some}
        ids = {**_groups_of(client, several), **ids}
    filled = tuple(
        Group(
            group.id,
            group.name,
            group.external_id,
            ids.get(group.id, frozenset()),
            complete=_key(group.id) not in client.too_much,
        )
        for group in groups
    )
    return Members(in_projects, filled, tuple(people))


def _groups_of(client: Client, user_ids: Collection[int]) -> dict[int, frozenset[int]]:
    calls = [api.get_member_groups(user_id) for user_id in sorted(user_ids)]
    found: dict[int, set[int]] = defaultdict(set)
    for call, answer in zip(calls, client.read(calls), strict=True):
        rows: list[Any] = understood(client, call, api.rows_of(answer))
        for group in understood(client, call, api.all_or_none(map(api.group_from_row, rows))):
            found[group.id].add(call.params["user_id"])
    return {group_id: frozenset(members) for group_id, members in found.items()}


def _key(group_id: int) -> str:
    return f"getGroupMembers {group_id}"


# --- the users of a server that cannot list them: read by name and by id, in batches --------------

# The administrator that every Kanboard starts with: somebody to try a spelling on, and mostly one
# administrator more whom a plan leaves alone.
FIRST_USER = 1
# How many rows are held at a time: they come with hashes and tokens, which are dropped here.
_AT_A_TIME = 1000


def read_by_name(
    client: Client, usernames: Collection[str], user_ids: Collection[int], known: Iterable[User]
) -> tuple[dict[int, User], bool]:
    """Return the users with these names and ids, and those known already, by id.

    A name that the server does not have in this spelling is asked for in the usual other ones as
    well, as SQLite and PostgreSQL tell case and accents apart. The second value is whether the
    server was seen to find a name in another case. Raises Unreachable where a row cannot be had or
    understood: nobody is taken for absent because of that.
    """
    users = {user.id: user for user in known}
    names = sorted(set(usernames))
    _add(users, client, [api.get_user_by_name(name) for name in names])
    ids = sorted({FIRST_USER, *user_ids} - users.keys())
    _add(users, client, [api.get_user(user_id) for user_id in ids])
    there = {user.username for user in users.values()}
    others = {spelling for name in names if name not in there for spelling in other_spellings(name)}
    _add(users, client, [api.get_user_by_name(name) for name in sorted(others.difference(names))])
    return users, _folds_case(client, users)


def _add(users: dict[int, User], client: Client, calls: list[Call]) -> None:
    for start in range(0, len(calls), _AT_A_TIME):
        some = calls[start : start + _AT_A_TIME]
        # Nobody is null; Kanboard's other questions for one thing say false.
        rows = [row for row in client.read(some) if row is not None and row is not False]
        found = understood(client, some[0], api.all_or_none(users_of(client, rows)))
        users.update((user.id, user) for user in found)


def _folds_case(client: Client, users: dict[int, User]) -> bool:
    names = {user.username for user in users.values()}
    for user_id in sorted(users):
        name = users[user_id].username
        other = name.swapcase()
        if name.isascii() and other not in names and other != name:
            found: dict[int, User] = {}
            _add(found, client, [api.get_user_by_name(other)])
            return user_id in found
    return False


# --- what rows of an answer become; what is not understood is never taken for nothing -------------

T = TypeVar("T")


def understood(client: Client, call: Call, value: T | None) -> T:
    """Return what an answer was read as; raise Unreachable where it could not be (None)."""
    if value is None:
        raise Unreachable(
            f"{client.url} answers {call.method} in a way that Kanport does not understand",
            hint="is it Kanboard, and is there nothing in between that changes answers?",
        )
    return value


def users_of(client: Client, rows: list[Any]) -> list[User | None]:
    """Return the users of rows, None for a row that is no user's.

    Rows of the old shape do not say who is active; the server is asked for that. One that does not
    know the question is older than disabling people, so everybody is active there.
    """
    silent = [
        (index, user.id)
        for index, row in enumerate(rows)
        if not api.says_active(row) and (user := api.user_from_row(row)) is not None
    ]
    calls = [api.is_active_user(user_id) for _, user_id in silent]
    active = {}
    for (index, _), call, answer in zip(silent, calls, client.ask(calls), strict=True):
        if isinstance(answer, RefusedCall) and answer.code != METHOD_NOT_FOUND:
            raise client.refused(call, answer)
        active[index] = isinstance(answer, RefusedCall) or api.flag(answer.value)
    return [api.user_from_row(row, active=active.get(index)) for index, row in enumerate(rows)]
