"""What a server holds as tables of text: what `export` writes and a `kanboard` source gives. Pure.

Ids are not in them, since on another server they mean somebody else, but to tell projects of one
name apart; no secret is in them either, since none comes out of the rows that the server hands out.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kanport.facts import fact
from kanport.fields import USER_FIELDS
from kanport.messages import listed, quoted
from kanport.model import CurrentState, Group, Project, ProjectIndex
from kanport.names import compare_key, spelling_key
from kanport.plan.roles import group_finder

USERS, GROUPS, GROUP_MEMBERS = "users", "groups", "group_members"
PROJECTS, MEMBERSHIPS = "projects", "memberships"
DIRECT = "direct"

COLUMNS: dict[str, tuple[str, ...]] = {
    USERS: tuple(field.name for field in USER_FIELDS),
    GROUPS: ("group", "external_id"),
    GROUP_MEMBERS: ("group", "username"),
    PROJECTS: ("project", "name", "identifier", "owner", "description", "active", "private"),
    MEMBERSHIPS: ("username", "project", "role", "access"),
}
"""The tables, in the order in which they are written, with the columns of each."""

Record = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """One table: its name, its columns, and its rows in an order that does not depend on ids."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Record, ...]


def listings(state: CurrentState) -> dict[str, Listing]:
    """Give all tables of what was read of a server, by name.

    A membership is the access that somebody has, whichever way they have it: `access` is `direct`
    or names the groups that it may come through. Kanboard says no more than that: it lists the
    members of a project without saying how they got there (see `kanport.plan.roles`). Whoever is
    listed with a role that was stored empty has none, and is left out.
    """
    made = {
        USERS: _users(state),
        GROUPS: _groups(state),
        GROUP_MEMBERS: _group_members(state),
        PROJECTS: _projects(state),
        MEMBERSHIPS: _memberships(state),
    }
    return {
        name: Listing(name, COLUMNS[name], tuple(sorted(rows, key=_order)))
        for name, rows in made.items()
    }


def not_whole(state: CurrentState) -> str | None:
    """Say what of a server could not be read, as half a list would pass for a whole one; or None.

    Whoever is in a project or a group and not among the users shows that those are not all.
    """
    if not state.users_complete:
        why = f": {fact('no-list', case=state.unlisted.fault)}" if state.unlisted else ""
        return f"not all users of {state.server.url} can be read{why}"
    if unread := sorted(quoted(group.name) for group in state.groups if not group.complete):
        return f"not all members of groups of {state.server.url} can be read: {listed(unread)}"
    members = {user_id for roles in state.roles.values() for user_id in roles}
    members.update(user_id for group in state.groups for user_id in group.members)
    if strangers := members - {user.id for user in state.users}:
        numbers = listed([f"#{number}" for number in sorted(strangers)])
        return (
            f"{state.server.url} lists members who are not among its users ({numbers}): something"
            " was changed there meanwhile, or is left out"
        )
    return None


def project_keys(projects: Iterable[Project]) -> dict[int, str]:
    """Give what finds each project on any server: its identifier, else its name.

    Where that could mean another project as well, the id stands beside it: no server finds anything
    by this, so nobody gets into one of two projects for having been in the other.
    """
    projects = tuple(projects)
    index = ProjectIndex.of(projects)
    keys = {project.id: project.identifier or project.name for project in projects}
    meant = Counter(spelling_key(key) for key in keys.values())
    return {
        project.id: key
        if meant[spelling_key(key)] == 1 and index.fitting(key) == (project,)
        else f"{project.name} (#{project.id})"
        for project in projects
        for key in (keys[project.id],)
    }


def _order(row: Record) -> tuple[Record, Record]:
    return tuple(map(compare_key, row)), row


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _users(state: CurrentState) -> Iterator[Record]:
    for user in state.users:
        values = (field.of(user) for field in USER_FIELDS)
        yield tuple(_flag(value) if isinstance(value, bool) else value for value in values)


def _groups(state: CurrentState) -> Iterator[Record]:
    for group in state.groups:
        yield group.name, group.external_id


def _group_members(state: CurrentState) -> Iterator[Record]:
    users = state.people.by_id
    for group in state.groups:
        for user_id in group.members:
            if user_id in users:
                yield group.name, users[user_id].username


def _projects(state: CurrentState) -> Iterator[Record]:
    users, keys = state.people.by_id, project_keys(state.projects)
    for project in state.projects:
        owner = users.get(project.owner_id or 0)
        yield (
            keys[project.id],
            project.name,
            project.identifier,
            owner.username if owner is not None else "",
            _on_lines(project.description),
            _flag(project.active),
            _flag(project.private),
        )


def _memberships(state: CurrentState) -> Iterator[Record]:
    users, keys = state.people.by_id, project_keys(state.projects)
    may_give = group_finder(state)
    for project in state.projects:
        for user_id, role in state.roles.get(project.id, {}).items():
            if user_id in users and role:
                through = may_give(user_id, project.id)
                yield users[user_id].username, keys[project.id], role, _access(through)


def _access(through: tuple[Group, ...]) -> str:
    if not through:
        return DIRECT
    return f"maybe through {', '.join(group.name for group in through)}"


def _on_lines(text: str) -> str:
    """Give a text of several lines without the characters that no table takes."""
    lines = ("".join(c if c.isprintable() else " " for c in line) for line in text.splitlines())
    return "\n".join(line.rstrip() for line in lines).strip()
