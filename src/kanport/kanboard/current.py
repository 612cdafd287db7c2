"""Reads what the server holds, in as few calls as can be."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

from kanport.errors import Unreachable
from kanport.events import log_event
from kanport.kanboard import procedures as api
from kanport.kanboard.by_name import read_by_name
from kanport.kanboard.client import Client, GaveUp
from kanport.kanboard.faults import NoAnswer
from kanport.kanboard.members import read_members
from kanport.kanboard.rows import all_or_none, understood, users_of
from kanport.kanboard.rpc import METHOD_NOT_FOUND, Calls, Refused
from kanport.model import CurrentState, Project, ServerInfo, Unlisted

logger = logging.getLogger(__name__)


# An answer is a word each, so that many fit into one request.
ROLES_AT_ONCE = 500


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
            client, api.get_all_projects(), all_or_none(map(api.project_from_row, seen.projects))
        )
    )
    known = {project.id for project in every_project}
    wanted = sorted(known & set(choose_projects(every_project)))
    every_group = _ordered(
        understood(client, api.get_all_groups(), all_or_none(map(api.group_from_row, seen.groups)))
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
    if isinstance(version, Refused):
        raise Unreachable(
            f"{client.url} is no Kanboard: it speaks JSON-RPC, but knows no getVersion.",
            hint="The URL must lead to Kanboard's jsonrpc.php.",
        )
    rows: dict[str, list[Any]] = {}
    for call, answer in zip(calls[1:], answers[1:], strict=True):
        if isinstance(answer, Refused):
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
