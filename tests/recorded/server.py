"""What the servers of the cases hold: everything as it really is, nothing, or something else."""

from random import Random

from kanport.model import CurrentState, Group, Project, ServerInfo, User
from tests.recorded.people import CUSTOM, GROUPS, PROJECTS, Person

URL = "http://kanboard.test/jsonrpc.php"
FIRST_PROJECT, FIRST_GROUP = 11, 31


def state_for(rng: Random, people: list[Person], number: int) -> CurrentState:
    """Return the state of the server of a case: by turns the same, empty, and different."""
    kind = ("same", "other", "empty", "other", "other")[number // 2 % 5]
    projects = [
        Project(at + FIRST_PROJECT, name, identifier)
        for at, (identifier, name) in enumerate(PROJECTS)
    ]
    admin = User(1, "admin", "Ada Min", "admin@example.org", "app-admin")
    server = ServerInfo(URL, "1.2.53")
    if kind == "empty":
        roles: dict[int, dict[int, str]] = {project.id: {} for project in projects}
        return CurrentState(server, (admin,), tuple(projects), (), roles)
    other = kind == "other"
    users = [admin, *(_user(rng, person, other=other) for person in people)]
    roles = {project.id: {1: "project-manager"} if other else {} for project in projects}
    for person in people:
        for at, role in person.grants.items():
            if not other or rng.random() < 0.7:
                roles[at + FIRST_PROJECT][person.number] = role
            elif rng.random() < 0.5:
                some = ("project-viewer", "project-manager", CUSTOM)
                roles[at + FIRST_PROJECT][person.number] = rng.choice(some)
    groups = {
        at: {p.number for p in people if at in p.groups and not (other and rng.random() < 0.3)}
        for at in range(len(GROUPS))
    }
    if other:
        users = [user for user in users if user.id == 1 or rng.random() < 0.85]
        users += [
            User(90, "leaver90", "Lea Ver", "lea@example.org"),
            User(91, "leaver91", "Lee Ver", people[0].mail, active=False),
            User(92, "leaver92", "Leo Ver", "", "app-admin"),
            User(93, "by.ldap", "Lou Dap", ldap=True),
            User(94, people[1].login.title() + ".old", people[1].name, people[1].mail),
        ]
        there = {user.id for user in users}
        for project_id, members in roles.items():
            roles[project_id] = {who: role for who, role in members.items() if who in there}
            if rng.random() < 0.5:
                roles[project_id][rng.choice((90, 91, 92, 93))] = "project-member"
        groups = {at: members & there for at, members in groups.items()}
        groups[5] |= {90, 93}
        projects += [
            Project(50, "Nowhere", active=False),
            Project(51, "Private of Lea", private=True, owner_id=90),
            *([Project(52, "Operations", "")] if rng.random() < 0.5 else []),
        ]
        roles |= {project.id: {90: "project-manager"} for project in projects[len(PROJECTS) :]}
    made = [
        Group(at + FIRST_GROUP, name, f"cn={at},dc=x" if at % 2 else "", frozenset(groups[at]))
        for at, name in enumerate(GROUPS)
        if not (other and rng.random() < 0.2)
    ]
    if other:
        made.append(Group(40, "Old team", "", frozenset({90})))
        made.append(Group(41, "Renamed", "cn=2,dc=x", frozenset(), complete=rng.random() < 0.5))
    complete = not (other and rng.random() < 0.1)
    return CurrentState(server, tuple(users), tuple(projects), tuple(made), roles, complete)


def _user(rng: Random, person: Person, *, other: bool) -> User:
    user = User(person.number, person.login, person.name, person.mail, person.role, person.active)
    if not other or rng.random() < 0.6:
        return user
    return User(
        user.id,
        rng.choice((user.username, user.username, user.username.upper(), f"{user.username}.x")),
        rng.choice((user.name, "", "Somebody Else")),
        rng.choice((user.email, user.email.upper(), "old@example.org")),
        rng.choice((user.role, "app-user", "app-manager")),
        rng.random() < 0.7,
    )
