"""Servers full of people, groups, projects and access of every kind, to be moved to another one."""

import random
from dataclasses import dataclass
from pathlib import Path

from kanport.export import MEMBERSHIPS, PROJECTS
from kanport.sandbox import LdapUser, Sandbox

ROLES = ("project-manager", "project-member", "project-viewer")
CUSTOM = ("Tester", "Release Team")
APP_ROLES = ("app-user", "app-user", "app-user", "app-manager")

MAPPING = """
kanport: 1
name: move
sources:
{sources}
users:
  from: users
  fields:
    username: {{from: username}}
    name: {{from: name}}
    email: {{from: email}}
    role: {{from: role}}
    active: {{from: active}}
    ldap: {{from: ldap}}
  inactive: create
groups:
  - {{from: groups, name: {{from: group}}, external_id: {{from: external_id}}}}
  - {{from: group_members, name: {{from: group}}, member: {{from: username}}}}
projects:
  - from: projects
    name: {{from: name}}
    identifier: {{from: identifier}}
    owner: {{from: owner}}
    description: {{from: description}}
    private: {{from: private}}
    active: {{from: active}}
    called: {{from: project}}
memberships:
  - from: memberships
    username: {{from: username}}
    project: {{from: project}}
    role: {{from: role}}
custom_roles: {{{custom}}}
"""


@dataclass(frozen=True)
class Size:
    """How much is on a server."""

    users: int = 1000
    groups: int = 100
    projects: int = 60
    people_in_a_group: int = 12
    people_in_a_project: int = 15


def people_of_ldap(size: Size) -> tuple[LdapUser, ...]:
    """Give whom the LDAP of both servers knows: every fiftieth."""
    return tuple(
        LdapUser(f"user{number}", f"User {number}", f"user{number}@example.org")
        for number in range(0, size.users, 50)
    )


def fill(server: Sandbox, size: Size, seed: int = 7) -> None:
    """Put people, groups, projects and mixed access on a server."""
    draw = random.Random(seed)
    store = server.store
    by_ldap = {person.username for person in people_of_ldap(size)}
    with store.transaction():
        users = [
            store.add_user(
                name,
                name=f"User {number}" if number % 9 or name in by_ldap else "",
                email=f"{name}@example.org" if number % 7 or name in by_ldap else "",
                role=draw.choice(APP_ROLES),
                active=bool(number % 12),
                ldap=name in by_ldap,
            )
            for number in range(size.users)
            for name in (f"user{number}",)
        ]
        groups = [
            store.add_group(
                f"Group {number}", external_id=f"cn=g{number},dc=example" if number % 2 else ""
            )
            for number in range(size.groups)
        ]
        for group in groups:
            for user in draw.sample(users, draw.randrange(size.people_in_a_group)):
                store.add_group_member(group, user)
        for number in range(size.projects):
            project = store.add_project(
                f"Project {number}",
                identifier=f"P{number}" if number % 4 else "",
                active=number % 20 != 3,
                private=number % 30 == 5,
                owner_id=draw.choice(users),
                description=f"About {number}\nand more",
            )
            for user in draw.sample(users, draw.randrange(size.people_in_a_project)):
                custom = draw.random() < 0.1
                store.add_member(project, user, draw.choice(CUSTOM if custom else ROLES))
            for group in draw.sample(groups, min(draw.randrange(4), len(groups))):
                store.add_group_access(project, group, draw.choice((*ROLES, CUSTOM[0])))


def mapping_from(server: Sandbox, size: Size) -> str:
    """Give a mapping that reads the other server through its API, with the token in $OLD."""
    sources = "".join(
        f'  {name}: {{type: kanboard, url: "{server.url}", token: {{env: OLD}}, read: {name}}}\n'
        for name in ("users", "groups", "group_members", PROJECTS, MEMBERSHIPS)
    )
    labels = (f"P{n}" if n % 4 else f"Project {n}" for n in range(size.projects))
    custom = ", ".join(f"{label}: [{', '.join(CUSTOM)}]" for label in labels)
    return MAPPING.format(sources=sources, custom=custom)


def tables(folder: Path) -> dict[str, set[str]]:
    """Give the rows of an export, by table."""
    return {
        path.stem: set(path.read_text("utf-8").split("\n")) for path in sorted(folder.iterdir())
    }
