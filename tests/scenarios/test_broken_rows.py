"""A row with an error is evidence of nothing: nobody loses anything because of it."""

import json
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport

MAPPING = """\
kanport: 1
sources:
  people: {type: csv, path: people.csv}
  access: {type: csv, path: access.csv, only_rows: {State: active}}
  teams: {type: csv, path: teams.csv}
users:
  from: people
  fields: {username: {from: Login}, email: {from: Mail}}
  missing: disable
  managed: {usernames: ["*"]}
memberships:
  - {from: access, username: {from: Login}, project: {from: Project}, role: project-member}
memberships_missing: revoke
groups:
  - {from: teams, name: {from: Team}, external_id: {from: DN}, member: {from: Login}}
group_members_missing: remove
groups_missing: remove
groups_managed: ["*"]
invalid_rows: skip
protect: [admin]
limits: {disable: 9, revoke: 9, by_project: {revoke: 9}}
ledger: night.ledger
"""
FILES = {
    "people.csv": "Login,Mail\nada,ada@example.org\nbob,bob@example.org\n",
    "access.csv": "Login,Project,State\nada,WEB,active\nbob,WEB,active\neve,WEB,active\n",
    "teams.csv": "Team,DN,Login\nRed,cn=red,ada\nRed,cn=red,bob\nBlue,cn=blue,gus\n",
}


@pytest.fixture
def night(server: Sandbox, tmp_path: Path) -> Path:
    """A server that is as the files want it; no row of people names eve and gus."""
    store = server.store
    web = store.add_project("Web", identifier="WEB")
    red, blue = store.add_group("Red"), store.add_group("Blue")
    ids = {name: store.add_user(name, email=f"{name}@example.org") for name in ("ada", "bob")}
    ids |= {name: store.add_user(name) for name in ("eve", "gus")}
    for name in ("ada", "bob", "eve"):
        store.add_member(web, ids[name])
    for group, name in ((red, "ada"), (red, "bob"), (blue, "gus")):
        store.add_group_member(group, ids[name])
    (tmp_path / "night.yaml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


def planned(kanport: Kanport, folder: Path, before: str = "", after: str = "") -> list[str]:
    """Return what a plan changes where one row is another one."""
    for name, text in FILES.items():
        (folder / name).write_text(text.replace(before, after), encoding="utf-8")
    kanport("plan", "night.yaml", "-o", "plan.json")
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    assert not before or any(one["severity"] == "error" for one in plan["findings"])
    return [f"{one['action']} {one['subject']}" for one in plan["changes"]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", ""),
        # Two slips at once: in the name of the group, and a cell that cannot be read.
        ("Red,cn=red,bob", "Rde,cn=red,b\x01ob"),
        ("Red,cn=red,bob", "Rde,cn=r\x01ed,bob"),
        ("Blue,cn=blue,gus", "Bleu,cn=blue,g\x01us"),
        ("Blue,cn=blue,gus", "Bleu,cn=b\x01lue,gus"),
        # Nobody can read whom the row lists, and it may be gus, whom no other row names.
        ("Blue,cn=blue,gus", "Blue,cn=blue,g\x01us"),
        ("Red,cn=red,bob\nBlue,cn=blue,gus", "Red,cn=red,bob\nBlue,cn=blue,ada\nBlue,cn=blue,"),
        # The row names nobody, and may list whoever is there already.
        ("Blue,cn=blue,gus", "Blue,cn=blue,gsu"),
        ("Blue,cn=blue,gus", "Bleu,cn=blue,gsu"),
        ("eve,WEB,active", "evve,WEB,active"),
        ("eve,WEB,active", "evve,WBE,active"),
        # The row names eve, but whether it counts cannot be read.
        ("eve,WEB,active", "eve,WEB,act\x01ive"),
        ("eve,WEB,active", "e\x01ve,WEB,act\x01ive"),
    ],
)
def test_nothing_is_taken_away_because_of_a_row_with_an_error(
    night: Path, kanport: Kanport, before: str, after: str
) -> None:
    lost = ("user.disable", "membership.revoke", "group_member.remove", "group.remove")
    changes = planned(kanport, night, before, after)
    assert not [one for one in changes if one.startswith(lost)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Blue,cn=blue,gus", "Blue,cn=blue,g\x01us"),
        ("Blue,cn=blue,gus", "Blue,cn=blue,gsu"),
        ("eve,WEB,active", "evve,WEB,active"),
    ],
)
def test_who_is_nowhere_in_the_project_or_group_of_the_row_is_disabled(
    night: Path, server: Sandbox, kanport: Kanport, before: str, after: str
) -> None:
    web = server.store.add_project("Other", identifier="OTHER")
    server.store.add_member(web, server.store.add_user("old"))
    server.store.add_group_member(server.store.add_group("Others"), server.store.add_user("older"))
    changes = planned(kanport, night, before, after)
    disabled = [one for one in changes if one.startswith("user.disable")]
    assert len(disabled) == 2
    assert all("'old" in one for one in disabled)
