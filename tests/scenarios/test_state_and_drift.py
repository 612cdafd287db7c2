"""A quarter on a server: a snapshot, runs of Kanport, changes by hand, and what an auditor sees."""

import json
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport

MAPPING = """\
kanport: 1
sources:
  access: {type: csv, path: access.csv}
users: {from: access, fields: {username: {from: login}}}
memberships:
  - {from: access, username: {from: login}, project: {from: project}, role: {from: role}}
memberships_missing: revoke
invalid_rows: skip
limits: {revoke: 100%}
"""


def write(*rows: str) -> None:
    Path("access.csv").write_text("login,project,role\n" + "".join(f"{row}\n" for row in rows))


@pytest.fixture
def quarter(server: Sandbox, kanport: Kanport) -> Sandbox:
    store = server.store
    with store.transaction():
        alpha = store.add_project("Alpha", identifier="ALPHA")
        store.add_project("Beta", identifier="BETA")
        eve, bob = store.add_user("eve", twofactor_activated=1), store.add_user("bob")
        team = store.add_group("Team")
        store.add_group_member(team, eve)
        store.add_group_access(alpha, team, "project-member")
        store.add_member(alpha, bob, "project-member")
    Path("m.yaml").write_text(MAPPING)
    write("ann,ALPHA,project-manager")
    return server


def test_drift_is_told_apart_from_what_kanport_did(quarter: Sandbox, kanport: Kanport) -> None:
    assert kanport("state", "-o", "old.json").code == 0
    # Bob's membership is revoked; Eve's comes through a group and stays.
    assert kanport("sync", "m.yaml", "--state", "runs", "--discard-passwords").code == 3
    with quarter.store.transaction():
        quarter.store.add_user("stranger", role="app-admin")
    assert kanport("state", "m.yaml", "--state", "runs", "-o", "new.json").code == 0
    compared = kanport("state", "--compare", "old.json", "new.json", "--state", "runs",
                       "-o", "drift.json", "-o", "drift.html", "-o", "drift.xlsx")  # fmt: skip
    assert compared.code == 0
    told = json.loads(Path("drift.json").read_text())
    (run,) = told["runs"]
    found = {
        (one.get("username"), one["kind"], one["effect"], one["run"] == run)
        for one in told["differences"]
    }
    assert found == {
        ("ann", "user", "gained", True),
        ("ann", "membership", "gained", True),
        ("bob", "membership", "lost", True),
        ("stranger", "user", "gained", False),
    }
    snapshot = json.loads(Path("new.json").read_text())
    sources = {user["username"]: user["sources"] for user in snapshot["users"]}
    assert sources == {"admin": [], "ann": ["access"], "bob": [], "eve": [], "stranger": []}
    # Where access comes from is certain after the run that tried to end it.
    (eves,) = [one for one in snapshot["memberships"] if one["user_id"] == 2]
    assert (eves["direct"], eves["through"]) == (False, [1])


def test_a_run_of_apply_is_known_by_the_journal_beside_its_plan(
    quarter: Sandbox, kanport: Kanport
) -> None:
    kanport("state", "-o", "old.json")
    kanport("plan", "m.yaml", "-o", "plan.json")
    assert kanport("apply", "plan.json", "--yes", "--discard-passwords").code == 3
    (journal,) = Path().glob("*.journal.jsonl")

    def unexplained(*arguments: object) -> list[bool]:
        kanport("state", "--compare", "old.json", "-o", "drift.json", *arguments)
        told = json.loads(Path("drift.json").read_text())
        Path("drift.json").unlink()
        return [one["run"] is None for one in told["differences"]]

    assert all(unexplained()) and unexplained()
    assert not any(unexplained("--journal", journal))
    listed = kanport("history", "--journal", journal, "--format", "json")
    assert listed.code == 0
    (run,) = json.loads(listed.out)["runs"]
    assert run["revocations"] == 1 and run["grants"] == 2


def test_what_a_group_keeps_stays_on_the_list_until_it_is_gone(
    quarter: Sandbox, kanport: Kanport
) -> None:
    def open_now() -> list[tuple[str, str, str]]:
        status = json.loads(Path("status.json").read_text())["last_run"]["open_removals"]
        assert status["number"] == len(status["first"])
        return [(one["username"], one["why"], one["since"]) for one in status["first"]]

    sync = ("sync", "m.yaml", "--state", "runs", "--discard-passwords", "--status", "status.json")
    assert kanport(*sync).code == 3
    ((who, why, since),) = open_now()
    assert (who, why) == ("eve", "through-group")
    again = kanport(*sync, "--format", "json")
    assert [one["username"] for one in json.loads(again.out)["open"]] == ["eve"]
    assert open_now() == [("eve", "through-group", since)]
    listed = kanport("state", "m.yaml", "--state", "runs", "--table", "open", "--format", "csv")
    assert listed.out.splitlines()[1].startswith("eve,ALPHA,revoke membership,access comes through")
    quarter.store.change("DELETE FROM group_has_users WHERE user_id = 2")
    assert kanport(*sync).code in (0, 3)
    assert open_now() == []


def test_state_and_plan_agree_on_what_should_be_gone(quarter: Sandbox, kanport: Kanport) -> None:
    def rows(*arguments: object) -> list[str]:
        listed = kanport("state", "m.yaml", "--state", "runs", "--format", "csv", *arguments)
        return sorted(line.split(",")[0] for line in listed.out.splitlines()[1:])

    def in_plan() -> list[str]:
        kanport("plan", "m.yaml", "--state", "runs", "-o", "plan.json", "-o", "view.json")
        return sorted(one["username"] for one in json.loads(Path("plan.json").read_text())["open"])

    # Nothing proves that Bob and Eve are not wanted while a row cannot be read.
    write("ann,ALPHA,project-manager", ",ALPHA,project-member")
    assert kanport("sync", "m.yaml", "--state", "runs", "--discard-passwords").code == 3
    assert rows("--table", "open") == in_plan() == ["bob", "eve"]
    # What somebody did by hand since is done; the ledger knows of it only after the next run.
    quarter.store.change("DELETE FROM project_has_users WHERE user_id = 3")
    assert rows("--table", "open") == in_plan() == ["eve"]


def test_state_says_whom_the_next_run_creates(quarter: Sandbox, kanport: Kanport) -> None:
    Path("people.csv").write_text(
        "login,name,mail,active\n"
        "new,New One,new@example.org,yes\n"
        "left,Left One,left@example.org,no\n"
        "wrong,Wrong One,wrong(at)example.org,yes\n"
        "twin,Twin One,eve@example.org,yes\n"
    )
    Path("teams.csv").write_text("team,login\nTeam,twin\nTeam,bob\n")
    write("ann,ALPHA,project-manager", "twin,ALPHA,project-member", "new,BETA,project-viewer",
          "eve,BETA,project-viewer")  # fmt: skip
    Path("m.yaml").write_text(MAPPING.replace(
        "users: {from: access, fields: {username: {from: login}}}\n",
        "  people: {type: csv, path: people.csv}\n"
        "  teams: {type: csv, path: teams.csv}\n"
        "users:\n  from: people\n  find_by: [username, email]\n  fields:\n"
        "    username: {from: login}\n    name: {from: name}\n    email: {from: mail}\n"
        "    active: {from: active}\n"
        "groups:\n  - {from: teams, name: {from: team}, member: {from: login}}\n",
    ))  # fmt: skip
    quarter.store.change("UPDATE users SET email = 'eve@example.org' WHERE username = 'eve'")
    listed = kanport("state", "m.yaml", "--table", "no-account", "--format", "csv")
    assert listed.out.splitlines()[1:] == [
        "ann,,access only,access,not created",
        "left,Left One,leaver,people,not created",
        'new,New One,active,"access, people",created',
        'twin,Twin One,active,"access, people, teams",not created',
    ]
    kanport("plan", "m.yaml", "-o", "plan.json")
    plan = json.loads(Path("plan.json").read_text())
    created = [one["subject"] for one in plan["changes"] if one["action"] == "user.create"]
    assert created == [{"username": "new"}]
    # Bob is named by a list of groups only, which is a source as well.
    users = kanport("state", "m.yaml", "--table", "users", "--format", "csv").out.splitlines()
    assert [line.rsplit(",", 1)[1] for line in users if line.startswith("bob,")] == ["teams"]
    # Where errors stop everything, the next run creates nobody.
    text = Path("m.yaml").read_text()
    Path("m.yaml").write_text(text.replace("invalid_rows: skip", "invalid_rows: abort"))
    stopped = kanport("state", "m.yaml", "--table", "no-account", "--format", "csv")
    assert ",created" not in stopped.out
