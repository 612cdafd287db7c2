"""`kanport undo` and `kanport verify` as a user calls them."""

import json
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.scenarios.test_checks_when_it_counts import unchained
from tests.support.command_line import Kanport
from tests.support.files import MAPPING, write_files


@pytest.fixture
def club(server: Sandbox, kanport: Kanport, tmp_path: Path) -> Path:
    """A run over a server with two projects: one renamed, one disabled, two new."""
    store = server.store
    alpha = store.add_project("Alpha", identifier="ALPHA")
    store.add_project("Beta board")
    store.add_member(alpha, store.add_user("gone", name="Gone Girl", email="gone@example.org"))
    store.add_user("robert", name="Bob Ross", email="bob@example.org")
    return write_files(tmp_path)


@pytest.fixture
def applied(kanport: Kanport, club: Path) -> Path:
    kanport("plan", club, "-o", "plan.json")
    done = kanport("apply", "plan.json", "--yes")
    assert done.code == 0, done
    return Path("plan.journal.jsonl")


def test_a_run_is_taken_back_with_an_ordinary_plan(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    before = server.store.snapshot()
    kanport("plan", club, "-o", "plan.json")
    kanport("apply", "plan.json", "--yes")
    server.forget_requests()
    planned = kanport("undo", "plan.journal.jsonl", "-o", "back.json")
    assert planned.code == 0, planned
    assert not server.writes
    assert "undo of run" in planned.out
    assert "undo-partial" in planned.out
    done = kanport("apply", "back.json", "--yes")
    assert done.code == 0, done
    after = server.store.snapshot()
    new = set(after.users) - set(before.users)
    assert new == {"ada", "chloé"}
    assert not any(after.users[name].is_active for name in new)
    assert {name: after.users[name] for name in before.users} == before.users
    assert after.memberships == before.memberships
    again = kanport("undo", "plan.journal.jsonl")
    assert again.code == 0
    assert "Nothing to change" in again.out


def test_json_is_the_plan_itself(kanport: Kanport, applied: Path) -> None:
    shown = kanport("undo", applied, "-o", "back.json", "--format", "json")
    assert json.loads(shown.out) == json.loads(Path("back.json").read_text(encoding="utf-8"))


def test_created_users_are_removed_where_that_is_asked_for_with_their_number(
    server: Sandbox, kanport: Kanport, applied: Path
) -> None:
    too_few = kanport("undo", applied, "-o", "back.json", "--remove-created", "1")
    assert too_few.code == 4, too_few
    assert "limit-remove" in too_few.out
    for command in (["apply", "--yes"], ["approve", "--by", "Ada", "--note", "x"]):
        refused = kanport(command[0], "back.json", *command[1:])
        assert refused.code == 4
        assert "kanport undo JOURNAL -o PLAN.json --remove-created NUMBER" in refused.err
    assert "nobody can approve it" in refused.err and "nothing was written" not in refused.err
    assert kanport("apply", "back.json", "--yes").code == 4
    assert "ada" in server.store.snapshot().users
    assert kanport("undo", applied, "-o", "back.json", "--remove-created", "2").code == 0
    done = kanport("apply", "back.json", "--yes")
    assert done.code == 0, done
    assert set(server.store.snapshot().users) == {"admin", "gone", "robert"}


def test_nobody_is_removed_together_with_a_private_project(
    server: Sandbox, kanport: Kanport, applied: Path
) -> None:
    ada = server.store.snapshot().users["ada"].id
    secret = server.store.add_project("Somebody else's", private=True)
    server.store.add_member(secret, ada)
    planned = kanport("undo", applied, "-o", "back.json", "--remove-created", "2")
    assert planned.code == 3, planned
    assert "private project" in planned.out
    kanport("apply", "back.json", "--yes")
    after = server.store.snapshot()
    assert not after.users["ada"].is_active
    assert "chloé" not in after.users
    assert "Somebody else's" in after.projects


def test_a_removal_asked_for_after_the_undo_still_works(
    server: Sandbox, kanport: Kanport, applied: Path
) -> None:
    kanport("undo", applied, "-o", "back.json")
    kanport("apply", "back.json", "--yes")
    assert kanport("undo", applied, "-o", "more.json", "--remove-created", "2").code == 0
    assert kanport("apply", "more.json", "--yes").code == 0
    assert set(server.store.snapshot().users) == {"admin", "gone", "robert"}


def test_what_has_moved_is_left_and_the_exit_code_says_so(
    server: Sandbox, kanport: Kanport, applied: Path
) -> None:
    server.store.change("UPDATE project_has_users SET role = 'project-viewer'")
    planned = kanport("undo", applied, "-o", "back.json")
    assert planned.code == 3, planned
    assert "undo-moved" in planned.out
    done = kanport("apply", "back.json", "--yes")
    assert done.code == 3, done
    assert server.store.snapshot().memberships["ALPHA", "ada"] == "project-viewer"


def test_whoever_is_protected_by_now_is_left_alone(
    server: Sandbox, kanport: Kanport, applied: Path, tmp_path: Path
) -> None:
    write_files(tmp_path, mapping=MAPPING.replace("[admin,", "[admin, ada,"))
    planned = kanport("undo", applied, "-o", "back.json")
    assert "person-protected" in planned.out
    kanport("apply", "back.json", "--yes")
    assert server.store.snapshot().users["ada"].is_active


def test_a_mapping_that_is_gone_is_said(kanport: Kanport, applied: Path, club: Path) -> None:
    club.unlink()
    planned = kanport("undo", applied)
    assert planned.code == 0, planned
    assert "Kanport cannot read" in planned.err
    assert kanport("undo", applied, "--mapping", club).code == 6


def test_a_run_that_was_killed_before_its_answers_were_written_down_is_taken_back(
    server: Sandbox, kanport: Kanport, applied: Path
) -> None:
    records = map(json.loads, applied.read_text(encoding="utf-8").splitlines())
    unchained(Path("cut.jsonl"), [each for each in records if each["record"] in ("run", "sent")])
    planned = kanport("undo", "cut.jsonl", "-o", "back.json")
    assert planned.code == 0, planned
    assert "was interrupted" in planned.err
    assert kanport("apply", "back.json", "--yes").code == 0
    after = server.store.snapshot()
    assert {user.username for user in after.users.values() if user.is_active} == {
        "admin",
        "gone",
        "robert",
    }
    assert after.memberships == {("ALPHA", "gone"): "project-member"}


@pytest.mark.parametrize("command", ["undo", "verify"])
def test_another_server_is_refused(kanport: Kanport, applied: Path, command: str) -> None:
    with Sandbox() as other:
        refused = kanport(command, applied, "--url", other.url)
    assert refused.code == 9, refused
    assert "not for" in refused.err


@pytest.mark.parametrize("command", ["undo", "verify"])
def test_a_file_of_another_kind_is_wrong_usage(kanport: Kanport, club: Path, command: str) -> None:
    assert kanport(command, club).code == 2


# --- verify ---------------------------------------------------------------------------------------


def test_after_apply_everything_is_as_planned_and_nothing_is_written(
    server: Sandbox, kanport: Kanport, applied: Path
) -> None:
    server.forget_requests()
    for path in ("plan.json", applied):
        verified = kanport("verify", path)
        assert verified.code == 0, verified
        assert "as planned" in verified.out
    assert not server.writes
    told = json.loads(kanport("verify", "plan.json", "--format", "json").out)
    count = told["verified"]
    assert told["kind"] == "verification"
    assert count["planned"] == count["as_planned"] == len(told["changes"]) > 0
    assert told["tally"] is None


def test_exactly_what_somebody_tampered_with_is_named(
    server: Sandbox, kanport: Kanport, applied: Path
) -> None:
    store = server.store
    store.change("UPDATE users SET is_active = 0 WHERE username = 'ada'")
    store.change("UPDATE users SET username = 'rob' WHERE username = 'bob'")
    store.change("UPDATE project_has_users SET role = 'project-manager' WHERE user_id = 5")
    store.change("DELETE FROM project_has_users WHERE user_id = 3")
    verified = kanport("verify", applied, "--format", "json")
    assert verified.code == 3, verified
    told = json.loads(verified.out)
    assert {
        (c["action"], c["username"]): c["verdict"]["instead"]
        for c in told["changes"]
        if c["verdict"]["standing"] == "not as planned"
    } == {
        ("user.create", "ada"): "the user is disabled",
        ("user.rename", "robert"): 'the username is "rob"',
        ("membership.grant", "bob"): "the user has no role in this project",
        ("membership.grant", "chloé"): "the role is project-manager",
    }
    assert len(told["undone"]) == 4
    for form, words in (("text", "the user is disabled"), ("markdown", "**not as planned**")):
        shown = kanport("verify", "plan.json", "--format", form)
        assert shown.code == 3
        assert words in shown.out


def test_before_apply_a_plan_does_not_hold(kanport: Kanport, club: Path) -> None:
    kanport("plan", club, "-o", "plan.json")
    assert kanport("verify", "plan.json").code == 3


def test_after_undo_the_plan_does_not_hold_and_the_undo_does(
    kanport: Kanport, applied: Path
) -> None:
    kanport("undo", applied, "-o", "back.json")
    kanport("apply", "back.json", "--yes")
    assert kanport("verify", "plan.json").code == 3
    assert kanport("verify", "back.json").code == 0


def test_a_server_that_is_not_there_is_said(
    server: Sandbox, kanport: Kanport, applied: Path
) -> None:
    server.stop()
    assert kanport("verify", applied).code == 7


def test_a_plan_that_is_stale_in_many_ways_names_the_first_and_the_command_that_makes_it_again(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    names = [f"user{number}" for number in range(12)]
    (tmp_path / "m.yaml").write_text(
        "kanport: 1\nsources: {people: {type: csv, path: p.csv}}\n"
        "users: {from: people, fields: {username: {from: login}}}\n",
        encoding="utf-8",
    )
    (tmp_path / "p.csv").write_text("\n".join(["login", *names, ""]), encoding="utf-8")
    assert kanport("plan", "m.yaml", "-o", "many.json", "--only", "user:user*").code == 0
    for name in names:
        server.store.add_user(name)
    stale = kanport("apply", "many.json", "--yes")
    assert stale.code == 9
    assert stale.err.count("who exists already") == 10 and "  and 2 more\n" in stale.err
    assert "kanport plan m.yaml --only 'user:user*' -o PLAN.json" in stale.err


def test_a_stale_plan_of_undo_says_how_it_is_made_again(
    server: Sandbox, kanport: Kanport, applied: Path
) -> None:
    assert kanport("undo", applied, "-o", "back.json").code == 0
    server.store.change("UPDATE users SET is_active = 0 WHERE username = 'ada'")
    stale = kanport("apply", "back.json", "--yes")
    assert stale.code == 9
    assert "kanport undo JOURNAL -o PLAN.json (JOURNAL: the one of the run " in stale.err
