"""Users whom Kanboard makes from its own LDAP: planned, made, set right, and never by guesswork."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanport.apply.reconcile import observe
from kanport.facts import fact
from kanport.sandbox import InjectedFault, LdapUser, Sandbox, SandboxOptions
from kanport.sandbox import web_page as page
from tests.support.changes import new_user
from tests.support.command_line import Kanport, Result

MAPPING = """\
kanport: 1
sources:
  people: {type: csv, path: people.csv}
users:
  from: people
  fields:
    username: {from: Login}
    name: {from: Name}
    email: {from: Mail}
    role: {from: Role}
  password: ldap
memberships:
  - {from: people, username: {from: Login}, project: {value: ALPHA}, role: project-member}
"""
PEOPLE = """\
Login,Name,Mail,Role
ada,Ada Lovelace,ada@example.org,
Bob,Bob R. Ross,<clear>,app-manager
carl,,,
"""
DIRECTORY = (
    LdapUser("ada", "Ada Lovelace", "ada@example.org"),
    LdapUser("bob", "Bob Ross", "bob@example.org"),
    LdapUser("carl", "Carl", "carl@example.org"),
)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    people = getattr(request, "param", DIRECTORY)
    with Sandbox(SandboxOptions(ldap_users=people)) as sandbox:
        sandbox.store.add_project("Alpha", identifier="ALPHA")
        yield sandbox


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    path = tmp_path / "people.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


def planned(kanport: Kanport, mapping: Path) -> dict[str, object]:
    shown = kanport("plan", mapping, "-o", "plan.json", "--format", "json")
    assert shown.code == 0, shown
    plan: dict[str, object] = json.loads(shown.out)
    return plan


def applied(kanport: Kanport, code: int = 0) -> dict[str, tuple[str, str]]:
    done = kanport("apply", "plan.json", "--yes", "--format", "json")
    assert done.code == code, done
    return {
        f"{change['action']} {change['username']}": (
            change["outcome"]["status"],
            change["outcome"].get("reason") or "",
        )
        for change in json.loads(done.out)["changes"]
    }


def sent(server: Sandbox, name: str) -> list[tuple[str, ...]]:
    return [log.procedures for log in server.requests if name in log.procedures]


def test_plan_apply_plan_is_empty_though_kanboard_fills_in_what_its_ldap_says(
    server: Sandbox, kanport: Kanport, mapping: Path
) -> None:
    planned(kanport, mapping)
    assert not server.writes
    assert {status for status, _ in applied(kanport).values()} == {"done"}
    users = server.store.snapshot().users
    assert (users["bob"].name, users["bob"].email) == ("Bob R. Ross", "")
    assert users["bob"].role == "app-manager"
    assert (users["carl"].name, users["carl"].email) == ("Carl", "carl@example.org")
    assert len(server.store.snapshot().memberships) == 3
    again = kanport("plan", mapping, "--check")
    assert again.code == 0, again


def test_the_plan_says_that_kanboard_makes_them_and_holds_no_role_of_its_own(
    kanport: Kanport, mapping: Path
) -> None:
    changes = planned(kanport, mapping)["changes"]
    assert isinstance(changes, list)
    assert [change["after"] for change in changes if change["action"] == "user.create"] == [
        {
            "username": "ada",
            "name": "Ada Lovelace",
            "email": "ada@example.org",
            "password": "ldap",
        },
        {
            "username": "Bob",
            "name": "Bob R. Ross",
            "email": "",
            "role": "app-manager",
            "password": "ldap",
        },
        {"username": "carl", "password": "ldap"},
    ]


def test_only_what_differs_is_set_afterwards(
    server: Sandbox, kanport: Kanport, mapping: Path
) -> None:
    planned(kanport, mapping)
    server.forget_requests()
    applied(kanport)
    assert sent(server, "updateUser") == [("updateUser",)]
    assert not sent(server, "createUser")


def findings(kanport: Kanport, mapping: Path) -> set[str]:
    found = planned(kanport, mapping)["findings"]
    assert isinstance(found, list)
    return {finding["code"] for finding in found}


def test_the_plan_says_what_cannot_be_known_beforehand(
    server: Sandbox, kanport: Kanport, mapping: Path
) -> None:
    assert "ldap-unproven" in findings(kanport, mapping)
    server.store.add_user("zoe", ldap=True)
    found = findings(kanport, mapping)
    assert "ldap-expected" in found
    assert "ldap-unproven" not in found
    assert not server.writes


def test_a_local_account_that_will_become_one_of_ldap_is_told(
    server: Sandbox, kanport: Kanport, mapping: Path
) -> None:
    server.store.add_user("ada", name="Ada Lovelace", email="ada@example.org")
    assert "user-local" in findings(kanport, mapping)
    mapping.write_text(MAPPING + "protect: [ada]\n", encoding="utf-8")
    assert "user-local" not in findings(kanport, mapping)


@pytest.mark.parametrize("server", [(LdapUser("ömer", "Ömer"),)], indirect=True)
def test_somebody_whom_kanboards_ldap_spells_differently_is_found_by_the_new_id(
    kanport: Kanport, mapping: Path, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text("Login,Name,Mail,Role\nÖmer,,,\n", encoding="utf-8")
    planned(kanport, mapping)
    assert {status for status, _ in applied(kanport).values()} == {"done"}
    assert kanport("plan", mapping, "--check").code == 0


def test_a_new_user_with_another_name_is_not_taken_for_the_one_who_was_wanted() -> None:
    # A filter such as (|(uid=%s)(mail=%s)) finds somebody by what is no username.
    wanted = new_user(1, "ada@example.org", password="ldap")
    row = {"id": 7, "username": "ada", "is_ldap_user": 1, "is_active": 1, "role": "app-user"}
    seen = observe(wanted, row)
    assert not seen.ok
    assert seen.user_id is None
    assert seen.actual == fact("kanboard-ldap-name", username="ada")


def test_a_local_user_of_that_name_is_no_user_of_ldap() -> None:
    row = {"id": 7, "username": "ada", "is_ldap_user": 0, "is_active": 1, "role": "app-user"}
    seen = observe(new_user(1, "ada", password="ldap"), row)
    assert not seen.ok
    assert not seen.fixups


@pytest.mark.parametrize("server", [()], indirect=True)
def test_without_ldap_one_is_tried_and_the_others_are_left_out(
    server: Sandbox, kanport: Kanport, mapping: Path
) -> None:
    planned(kanport, mapping)
    server.forget_requests()
    told = applied(kanport, code=3)
    assert sent(server, "createLdapUser") == [("createLdapUser",)]
    assert told["user.create ada"][0] == "failed"
    for who in ("Bob", "carl"):
        status, reason = told[f"user.create {who}"]
        assert status == "skipped"
        assert "no LDAP server is configured in Kanboard" in reason
    assert told["membership.grant carl"] == ("skipped", 'user "carl" was not created')
    assert set(server.store.snapshot().users) == {"admin"}


@pytest.mark.parametrize("server", [DIRECTORY[1:]], indirect=True)
def test_somebody_whom_kanboards_ldap_does_not_know_fails_alone(
    kanport: Kanport, mapping: Path
) -> None:
    planned(kanport, mapping)
    told = applied(kanport, code=3)
    status, reason = told["user.create ada"]
    assert status == "failed"
    assert "does not know this person" in reason
    assert told["membership.grant ada"][0] == "skipped"
    assert told["user.create carl"] == told["membership.grant carl"] == ("done", "")


@pytest.mark.parametrize("after", [0, 1, 2])
@pytest.mark.parametrize("reply", [None, page(502, "Bad Gateway")])
def test_a_lost_answer_neither_doubles_nor_loses_anybody(
    server: Sandbox, kanport: Kanport, mapping: Path, after: int, reply: object
) -> None:
    planned(kanport, mapping)
    faults = iter([None, InjectedFault(after=after, reply=reply)])  # type: ignore[arg-type]
    server.fault = lambda names: next(faults, None) if "createLdapUser" in names else None
    assert {status for status, _ in applied(kanport).values()} <= {"done", "already so"}
    assert set(server.store.snapshot().users) == {"admin", "ada", "bob", "carl"}
    assert kanport("plan", mapping, "--check").code == 0


def test_nobody_of_ldap_gets_into_the_file_of_passwords(
    kanport: Kanport, mapping: Path, tmp_path: Path
) -> None:
    planned(kanport, mapping)
    done: Result = kanport("apply", "plan.json", "--yes", "--passwords-to", "new.csv")
    assert done.code == 0, done
    assert (tmp_path / "new.csv").read_text(encoding="utf-8") == "username,password\n"


def test_a_field_that_cannot_be_set_is_told_and_takes_no_access_away(
    server: Sandbox, kanport: Kanport, mapping: Path
) -> None:
    planned(kanport, mapping)
    server.fault = lambda names: (
        InjectedFault(after=0, reply=page(502, "Bad Gateway")) if names == ("updateUser",) else None
    )
    told = applied(kanport, code=3)
    status, reason = told["user.create Bob"]
    assert status == "failed"
    assert 'the name is "Bob Ross"' in reason
    assert told["membership.grant Bob"][0] == "done"
