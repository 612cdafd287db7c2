"""Reads what the server holds, in as few calls as can be."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeVar

from kanport.errors import Unreachable
from kanport.kanboard import procedures as api
from kanport.kanboard.client import Client
from kanport.kanboard.rpc import Call, Refused
from kanport.model import CurrentState, Group, Project, ServerInfo, User

T = TypeVar("T")

METHOD_NOT_FOUND = -32601


def read_current(
    client: Client,
    *,
    choose_projects: Callable[[tuple[Project, ...]], Collection[int]],
    with_groups: bool = True,
) -> CurrentState:
    """Give the current state: all users and projects, and the members of the projects chosen.

    `choose_projects` gets all projects and gives the ids of those whose members are wanted. Users,
    projects and groups come in the order of their ids, whatever order the server has.

    Somebody who is listed as a member with the role "" has a role that was stored empty.
    `users_complete` is False where a user's row could not be understood, so that nobody is called
    missing. Raises Unreachable where the server cannot be read, or is no Kanboard.
    """
    version, users, projects, groups = _overview(client, with_groups=with_groups)
    people = _people(client, users)
    every_project = _ordered(
        _understood(client, api.get_all_projects(), _all(map(api.project_from_row, projects)))
    )
    known = {project.id for project in every_project}
    wanted = sorted(known & set(choose_projects(every_project)))
    members, groups_read = _members(client, wanted, groups)
    return CurrentState(
        server=ServerInfo(url=client.url, version=version),
        users=_ordered(people),
        projects=every_project,
        groups=groups_read,
        roles=_roles(client, members),
        users_complete=None not in people,
    )


def _overview(client: Client, *, with_groups: bool) -> tuple[str, list[Any], list[Any], list[Any]]:
    calls = [api.get_version(), api.get_all_users(), api.get_all_projects()]
    if with_groups:
        calls.append(api.get_all_groups())
    answers = client.ask(calls)
    version = answers[0]
    if isinstance(version, Refused):
        raise Unreachable(
            f"{client.url} is no Kanboard: it speaks JSON-RPC, but knows no getVersion.",
            hint="The URL must lead to Kanboard's jsonrpc.php.",
        )
    rows: list[list[Any]] = []
    for call, answer in zip(calls[1:], answers[1:], strict=True):
        if isinstance(answer, Refused):
            # Groups came later than users and projects; a server without them has no groups.
            if call.method == "getAllGroups" and answer.code == METHOD_NOT_FOUND:
                rows.append([])
                continue
            raise client.refused(call, answer)
        rows.append(_understood(client, call, api.rows_of(answer.value)))
    users, projects, *groups = rows
    return _version(version.value), users, projects, groups[0] if groups else []


def _people(client: Client, rows: list[Any]) -> list[User | None]:
    silent = [
        (index, user.id)
        for index, row in enumerate(rows)
        if not api.says_active(row) and (user := api.user_from_row(row)) is not None
    ]
    active = client.read([api.is_active_user(user_id) for _, user_id in silent])
    told = {index: api.flag(answer) for (index, _), answer in zip(silent, active, strict=True)}
    return [api.user_from_row(row, active=told.get(index)) for index, row in enumerate(rows)]


def _members(
    client: Client, projects: list[int], group_rows: list[Any]
) -> tuple[dict[int, list[int]], tuple[Group, ...]]:
    groups = _ordered(
        _understood(client, api.get_all_groups(), _all(map(api.group_from_row, group_rows)))
    )
    of_projects = [api.get_project_users(project_id) for project_id in projects]
    of_groups = [api.get_group_members(group.id) for group in groups]
    calls = of_projects + of_groups
    answers = client.read(calls)
    members = {
        project_id: sorted(_understood(client, call, api.member_ids(answer)))
        for project_id, call, answer in zip(projects, calls, answers, strict=False)
    }
    filled = tuple(
        Group(group.id, group.name, group.external_id, _group_members(client, call, answer))
        for group, call, answer in zip(groups, of_groups, answers[len(projects) :], strict=True)
    )
    return members, filled


def _group_members(client: Client, call: Call, answer: object) -> frozenset[int]:
    rows = _understood(client, call, api.rows_of(answer))
    users = _understood(client, call, _all(api.user_from_row(row, active=False) for row in rows))
    return frozenset(user.id for user in users)


def _roles(client: Client, members: Mapping[int, list[int]]) -> dict[int, dict[int, str]]:
    pairs = [(project, user) for project, users in members.items() for user in users]
    answers = client.read([api.get_project_user_role(*pair) for pair in pairs])
    roles: dict[int, dict[int, str]] = {project: {} for project in members}
    for (project, user), answer in zip(pairs, answers, strict=True):
        roles[project][user] = api.role_from(answer)
    return roles


def _ordered(things: Iterable[Any]) -> tuple[Any, ...]:
    unique = {thing.id: thing for thing in things if thing is not None}
    return tuple(unique[key] for key in sorted(unique))


def _all(things: Iterable[T | None]) -> list[T] | None:
    found = list(things)
    return None if None in found else [thing for thing in found if thing is not None]


def _understood(client: Client, call: Call, value: T | None) -> T:
    if value is None:
        raise Unreachable(
            f"{client.url} answers {call.method} in a way that Kanport does not understand.",
            hint="Is it Kanboard, and is there nothing in between that changes answers?",
        )
    return value


def _version(value: object) -> str:
    # Whatever a server's administrator set as APP_VERSION: text to show, nothing to compare.
    version = api.text(value).strip()[:100]
    return version if version.isprintable() else ""
