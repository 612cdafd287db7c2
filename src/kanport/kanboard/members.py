"""The members of projects and groups."""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kanport.events import log_event
from kanport.kanboard import procedures as api
from kanport.kanboard.client import Client, GaveUp
from kanport.kanboard.rows import all_or_none, understood
from kanport.model import Group, User

logger = logging.getLogger(__name__)


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
        users = understood(client, call, all_or_none(map(api.user_from_row, rows)))
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
        for group in understood(client, call, all_or_none(map(api.group_from_row, rows))):
            found[group.id].add(call.params["user_id"])
    return {group_id: frozenset(members) for group_id, members in found.items()}


def _key(group_id: int) -> str:
    return f"getGroupMembers {group_id}"
