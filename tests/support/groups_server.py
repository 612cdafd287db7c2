"""A Kanboard of a few lines that knows of groups what its API does not tell, and carries plans out.

What holds by the recordings: a direct role wins, else the highest of the groups' roles counts;
a second direct membership is refused; a role is changed only where there is a direct membership,
and Kanport then puts one beside the group (`kanport.apply.steps`).
"""

from dataclasses import dataclass, field, replace

from kanport.memory import Grant, LedgerState
from kanport.model import PROJECT_ROLE_RANK, CurrentState, Group, Project, User
from kanport.plan.change import Action, Change
from kanport.plan.model import Plan
from tests.support.changes import after_of
from tests.support.planning import ADMIN, SERVER


@dataclass(frozen=True)
class GroupsServer:
    """A server: `direct` by project and user id, `attached` by group and project id.

    `names` are the groups with their external ids.
    """

    users: tuple[User, ...]
    projects: tuple[Project, ...]
    names: dict[int, tuple[str, str]] = field(default_factory=dict)
    members: dict[int, frozenset[int]] = field(default_factory=dict)
    direct: dict[tuple[int, int], str] = field(default_factory=dict)
    attached: dict[tuple[int, int], str] = field(default_factory=dict)

    def of_groups(self, project_id: int, user_id: int) -> str | None:
        """Return the role that groups give, None for none."""
        roles = [
            role
            for (group_id, where), role in self.attached.items()
            if where == project_id and user_id in self.members[group_id]
        ]
        return max(roles, key=lambda role: PROJECT_ROLE_RANK[role], default=None)

    def role(self, project_id: int, user_id: int) -> str | None:
        """Return the role that counts, None for none."""
        return self.direct.get((project_id, user_id)) or self.of_groups(project_id, user_id)

    def seen(self) -> CurrentState:
        """Return what the API shows."""
        roles = {
            project.id: {
                user.id: role
                for user in (ADMIN, *self.users)
                if (role := self.role(project.id, user.id)) is not None
            }
            for project in self.projects
        }
        groups = tuple(
            Group(number, name, external_id, self.members[number])
            for number, (name, external_id) in self.names.items()
        )
        return CurrentState(SERVER, (ADMIN, *self.users), self.projects, groups, roles)

    def known(self) -> LedgerState:
        """Return a ledger that knows all access of groups, with the names of today."""
        labels = {project.id: project.label for project in self.projects}
        return LedgerState(
            group_access=dict(self.attached),
            access_names={
                (group, project): Grant(self.names[group][0], labels[project])
                for group, project in self.attached
            },
        )


def carried_out(server: GroupsServer, plan: Plan) -> GroupsServer:
    """Return the server after all changes of a plan."""
    for change in plan.changes:
        server = _after(server, change)
    return server


def _after(server: GroupsServer, change: Change) -> GroupsServer:
    after = after_of(change)
    names, members = dict(server.names), dict(server.members)
    direct, attached = dict(server.direct), dict(server.attached)
    group, user = _group(server, change), _user(server, change)
    project = change.project_id or 0
    match change.action:
        case Action.GROUP_CREATE:
            number = max(names, default=0) + 1
            names[number] = (after["name"], after.get("external_id", ""))
            members[number] = frozenset()
        case Action.GROUP_UPDATE:
            name, external_id = names[group]
            names[group] = (after.get("name", name), after.get("external_id", external_id))
        case Action.GROUP_REMOVE:
            del names[group], members[group]
            attached = {place: role for place, role in attached.items() if place[0] != group}
        case Action.GROUP_MEMBER_ADD:
            assert user not in members[group], f"{change.id}: is in the group already"
            members[group] |= {user}
        case Action.GROUP_MEMBER_REMOVE:
            assert user in members[group], f"{change.id}: is not in the group"
            members[group] -= {user}
        case Action.GROUP_ACCESS_GRANT:
            # Where the group has access already, the server says so, and Kanport goes on.
            attached[group, project] = after["role"]
        case Action.GROUP_ACCESS_CHANGE:
            assert (group, project) in attached, f"{change.id}: has no access to change"
            attached[group, project] = after["role"]
        case Action.GROUP_ACCESS_REVOKE:
            assert (group, project) in attached, f"{change.id}: has no access to revoke"
            del attached[group, project]
        case Action.MEMBERSHIP_GRANT:
            direct.setdefault((project, user), after["role"])
        case Action.MEMBERSHIP_CHANGE:
            direct[project, user] = after["role"]
        case Action.MEMBERSHIP_REVOKE:
            direct.pop((project, user), None)
        case other:
            raise AssertionError(f"{other} is not for this server")
    return replace(server, names=names, members=members, direct=direct, attached=attached)


def _group(server: GroupsServer, change: Change) -> int:
    if change.group_id is not None:
        return change.group_id
    found = [number for number, (name, _) in server.names.items() if name == change.group]
    return found[0] if found else 0


def _user(server: GroupsServer, change: Change) -> int:
    if change.user_id is None and change.username is not None:
        return next(user.id for user in server.users if user.username == change.username)
    return change.user_id or 0
