"""Random servers, sources and mappings for the property tests."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import strategies as st

from kanport.model import AppRole, ProjectRole
from kanport.sandbox import Sandbox

NAMES = ("ada", "bob", "Chloé", "dörte", "eve", "o'neil", "Frank", "ext-gus", "ext-ida", "svc-x")
BLANK = ""
"""What Kanboard stores where a username is only blanks; no row can name such a user."""
PROJECTS = {"ALPHA": "Alpha", "BETA": "Beta board", "": "Gamma, no identifier"}
APP_ROLES = {"U": AppRole.USER, "M": AppRole.MANAGER, "A": AppRole.ADMIN}
PROJECT_ROLES = {"R": ProjectRole.VIEWER, "W": ProjectRole.MEMBER, "M": ProjectRole.MANAGER}


@dataclass(frozen=True)
class Case:
    """A server, two CSV files and a mapping, as plain values: one case of a property test."""

    users: dict[str, dict[str, Any]]
    members: Mapping[tuple[str, str], str]
    groups: Mapping[str, frozenset[str]]
    group_access: Mapping[tuple[str, str], str]
    people: list[list[str]]
    grants: list[list[str]]
    options: dict[str, str] = field(default_factory=dict)

    def with_rows_in_another_order(self, seed: int) -> "Case":
        """Give the same world with the rows of both files shuffled."""
        people, grants = list(self.people), list(self.grants)
        Random(seed).shuffle(people)
        Random(seed + 1).shuffle(grants)
        return replace(self, people=people, grants=grants)

    def fill(self, server: Sandbox) -> None:
        """Put the server's part of the world on a fresh server."""
        store = server.store
        with store.transaction():
            ids = {name: store.add_user(name, **parts) for name, parts in self.users.items()}
            projects = {
                name: store.add_project(name, identifier=identifier)
                for identifier, name in PROJECTS.items()
            }
            for (project, user), role in self.members.items():
                store.add_member(projects[project], ids[user], role)
            for group, members in self.groups.items():
                group_id = store.add_group(group)
                for user in members:
                    store.add_group_member(group_id, ids[user])
                for project in projects:
                    if (project, group) in self.group_access:
                        role = self.group_access[project, group]
                        store.add_group_access(projects[project], group_id, role)

    def write(self, folder: Path) -> Path:
        """Write the files into a folder, and give the mapping's path."""
        (folder / "people.csv").write_text(
            _csv([["Login", "Name", "Mail", "Role", "Active"], *self.people]), encoding="utf-8"
        )
        (folder / "grants.csv").write_text(
            _csv([["Login", "Project", "Access"], *self.grants]), encoding="utf-8"
        )
        path = folder / "world.yaml"
        path.write_text(MAPPING.format(**self.options), encoding="utf-8")
        return path


MAPPING = """\
kanport: 1
sources:
  people: {{type: csv, path: people.csv}}
  grants: {{type: csv, path: grants.csv}}
users:
  from: people
  find_by: {find_by}
  fields:
    username: {{from: Login}}
    name: {{from: Name}}
    email: {{from: Mail}}
    role: {{from: Role, values: {{U: app-user, M: app-manager, A: app-admin}}}}
    {active}
  missing: {missing}
  managed: {{usernames: [{managed}]}}
memberships:
  - from: grants
    username: {{from: Login}}
    project: {{from: Project}}
    role: {{from: Access, values: {{R: project-viewer, W: project-member, M: project-manager}}}}
memberships_missing: {memberships_missing}
invalid_rows: skip
protect: [admin, "svc-*"]
allow_admins: ["*"]
limits: {{lower: 1000, remove: 100, disable: 1000, revoke: 1000}}
"""

ACTIVE = (
    "active: {from: Active}",
    "active: {from: Active}\n  inactive: create",
    "# active is not mapped",
)
"""Whether the mapping decides who is active, and whether it creates those who are not."""

_mails = st.sampled_from(["", "a@example.org", "b@example.org", "c@example.org"])
_subset = st.lists(st.sampled_from(NAMES), unique=True)
# A file without rows is refused as a whole, which is another story.
_some = st.lists(st.sampled_from(NAMES), unique=True, min_size=1)


def _csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


@st.composite
def cases(draw: st.DrawFn, *, groups: bool = False, broken: bool = False) -> Case:
    """Draw a world; with `groups` some access comes through groups, with `broken` rows are bad."""
    on_server = [*draw(_subset), *draw(st.sampled_from([(), (BLANK,)]))]
    users = {
        name: {
            "name": draw(st.sampled_from(["", "Old Name"])),
            "email": draw(_mails),
            "role": draw(st.sampled_from(list(APP_ROLES.values()))),
            "active": draw(st.booleans()),
        }
        for name in on_server
    }
    pairs = [(project, name) for project in PROJECTS.values() for name in on_server]
    members = {
        pair: draw(st.sampled_from(list(PROJECT_ROLES.values())))
        for pair in draw(st.lists(st.sampled_from(pairs), unique=True) if pairs else st.just([]))
    }
    in_source = draw(_some)
    mail = st.sampled_from(["not-an-address"]) | _mails if broken else _mails
    login = st.sampled_from(["", "\u00a0"]) if broken else st.nothing()
    people = [
        [
            draw(st.just(name) | st.just(name.upper() if name.isascii() else name) | login),
            draw(st.sampled_from(["", "New Name", "<clear>"])),
            draw(mail),
            draw(st.sampled_from(["", "boss"] if broken else ["", "U", "M", "A"])),
            draw(st.sampled_from(["yes", "no", "", "?"] if broken else ["yes", "no", ""])),
        ]
        for name in in_source
    ]
    # A row that names nobody may be about anybody, so only broken files have such rows.
    known = sorted(
        {*on_server, *in_source, BLANK} if broken else {*on_server, *in_source} - {BLANK}
    )
    projects = st.sampled_from(["ALPHA", "beta", "Gamma, no identifier"])
    wanted = st.lists(st.tuples(st.sampled_from(known), projects), unique=True, min_size=1)
    letters = ["R", "W", "M", "?"] if broken else ["R", "W", "M"]
    grants = [[*pair, draw(st.sampled_from(letters))] for pair in draw(wanted)]
    group_members = {
        f"G{number}": frozenset(draw(_members(on_server))) for number in range(2 if groups else 0)
    }
    group_access = {
        (project, group): draw(st.sampled_from(list(PROJECT_ROLES.values())))
        for project in PROJECTS.values()
        for group in group_members
        if draw(st.booleans())
    }
    options = {
        "find_by": draw(st.sampled_from(["[username]", "[username, email]"])),
        "active": draw(st.sampled_from(ACTIVE)),
        "missing": draw(st.sampled_from(["keep", "disable", "remove"])),
        "managed": draw(st.sampled_from(['"*"', '"ext-*"'])),
        "memberships_missing": draw(st.sampled_from(["keep", "revoke"])),
    }
    return Case(users, members, group_members, group_access, people, grants, options)


def _members(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), unique=True) if names else st.just([])
