"""A Kanboard of a few lines: what it does with a plan's changes, by the rules that matter here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kanport.fields import USER_FIELDS, attributes, field_named
from kanport.model import PROJECT_ROLE_RANK, CurrentState, Group, Project, User
from kanport.names import compare_key
from kanport.plan.change import Action, Change
from kanport.plan.model import Plan
from tests.support.changes import after_of, before_of
from tests.support.planning import SERVER


@dataclass(frozen=True)
class Kanboard:
    """A server that knows what its API does not tell: who is direct, and which groups have access.

    `direct` maps project and user to a role, `attached` project and group.
    """

    users: Mapping[int, User]
    projects: tuple[Project, ...] = ()
    groups: tuple[Group, ...] = ()
    direct: Mapping[tuple[int, int], str] | None = None
    attached: Mapping[tuple[int, int], str] | None = None

    def seen(self) -> CurrentState:
        """Give what the API shows of it: a direct role wins, else the highest of the groups."""
        groups = {group.id: group for group in self.groups}
        roles: dict[int, dict[int, str]] = {project.id: {} for project in self.projects}
        for (project_id, group_id), role in (self.attached or {}).items():
            for member in groups[group_id].members:
                held = roles[project_id].get(member)
                if held is None or PROJECT_ROLE_RANK[role] > PROJECT_ROLE_RANK[held]:
                    roles[project_id][member] = role
        for (project_id, user_id), role in (self.direct or {}).items():
            roles[project_id][user_id] = role
        return CurrentState(SERVER, tuple(self.users.values()), self.projects, self.groups, roles)

    def admins(self) -> set[int]:
        """Give the ids of the active administrators."""
        return {user.id for user in self.users.values() if user.active and user.role == "app-admin"}


def apply_plan(server: Kanboard, plan: Plan) -> list[Kanboard]:
    """Carry out the plan, and give the server after each of its changes."""
    states = [server]
    for change in plan.changes:
        states.append(apply_change(states[-1], change))
    return states


def apply_change(server: Kanboard, change: Change) -> Kanboard:
    """Carry out one change, as the server would: it refuses what it holds to be wrong."""
    before, after = before_of(change), after_of(change)
    if change.action is Action.USER_CREATE:
        return _create(server, after)
    user = _user(server, change)
    users = dict(server.users)
    direct = dict(server.direct or {})
    if change.project_id is not None:
        place = (change.project_id, user.id)
        if change.action is Action.MEMBERSHIP_GRANT:
            assert place not in direct, f"{change.id}: a membership that exists is not granted"
            direct[place] = after["role"]
        elif change.action is Action.MEMBERSHIP_CHANGE and place in direct:
            direct[place] = after["role"]
        elif change.action is Action.MEMBERSHIP_REVOKE:
            direct.pop(place, None)
        return replace(server, direct=direct)
    assert all(field_named(name).of(user) == value for name, value in before.items())
    if change.action is Action.USER_REMOVE:
        del users[user.id]
        groups = tuple(replace(g, members=g.members - {user.id}) for g in server.groups)
        direct = {place: role for place, role in direct.items() if place[1] != user.id}
        return replace(server, users=users, groups=groups, direct=direct)
    if "username" in after:
        _assert_free(server, after["username"], but=user.id)
    values = {field.name: field.of(user) for field in USER_FIELDS}
    users[user.id] = User(user.id, **attributes(values | after))
    return replace(server, users=users)


def _create(server: Kanboard, after: Mapping[str, Any]) -> Kanboard:
    _assert_free(server, after["username"])
    fields = {name: value for name, value in after.items() if name != "password"}
    number = max(server.users, default=0) + 1
    return replace(server, users={**server.users, number: User(number, **attributes(fields))})


def _user(server: Kanboard, change: Change) -> User:
    name = change.username
    if change.user_id is None:
        (user,) = [user for user in server.users.values() if user.username == name]
        return user
    user = server.users[change.user_id]
    assert user.username == name, f"{change.id}: called {name!r}, and is {user.username!r} by then"
    return user


def _assert_free(server: Kanboard, username: str, but: int | None = None) -> None:
    taken = [
        user
        for user in server.users.values()
        if user.id != but and compare_key(user.username) == compare_key(username)
    ]
    assert not taken, f"{username!r} is taken"
