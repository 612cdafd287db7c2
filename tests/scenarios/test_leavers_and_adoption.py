"""Leavers and adoption as the command line does them, with a real server and a real file."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from kanport import ledger
from kanport.memory import LedgerState
from kanport.pipeline import state_dir
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.terminal import Terminal

MAPPING = """\
kanport: 1
sources: {people: {type: csv, path: people.csv}}
users:
  from: people
  fields: {username: {from: username}}
  missing: {after: 3 runs, or: 7 days, then: disable, and: revoke, remove_after: 30 days}
  managed: ledger
memberships:
  - {from: people, username: {from: username}, project: {from: project}, role: project-member}
memberships_missing: revoke
memberships_managed: ledger
ledger: people.ledger
limits: {disable: 100%, revoke: 100%, remove: 5}
protect: [admin]
"""
EVERYBODY = ("ada,ALPHA", "bob,ALPHA")


@pytest.fixture
def tomorrow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let days go by."""
    clock = [datetime(2026, 1, 1, 2, tzinfo=UTC)]

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock[0]

    def after(days: int = 1) -> None:
        clock[0] += timedelta(days=days)

    monkeypatch.setattr(state_dir, "datetime", Clock)
    return after


@pytest.fixture
def project(server: Sandbox) -> int:
    return server.store.add_project("Alpha", identifier="ALPHA")


def write(folder: Path, *rows: str, mapping: str = MAPPING) -> None:
    (folder / "night.yaml").write_text(mapping, encoding="utf-8")
    lines = ["username,project", *rows, ""]
    (folder / "people.csv").write_text("\n".join(lines), encoding="utf-8")


def memory(folder: Path, server: Sandbox) -> LedgerState:
    return ledger.recall(folder / "people.ledger", server.url)


def active(server: Sandbox) -> dict[str, bool]:
    users = server.store.snapshot().users
    return {name: user.is_active for name, user in users.items() if name != "admin"}


def test_a_leaver_goes_step_by_step_and_every_night_ends_with_0(
    server: Sandbox,
    kanport: Kanport,
    tmp_path: Path,
    tomorrow: Callable[..., None],
    project: int,
) -> None:
    write(tmp_path, *EVERYBODY)
    assert kanport("sync", "night.yaml").code == 0
    write(tmp_path, "bob,ALPHA")
    for left in (2, 1):
        tomorrow()
        assert kanport("plan", "night.yaml", "--check").code == 0, "planning counts for nothing"
        quiet = kanport("--quiet", "sync", "night.yaml")
        assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
        assert f"{left} more run" in kanport("plan", "night.yaml").out
        assert active(server) == {"ada": True, "bob": True}
    tomorrow()
    night = kanport("sync", "night.yaml")
    assert night.code == 0, night
    assert "a second plan has no changes" in night.err
    assert active(server) == {"ada": False, "bob": True}
    assert ("ALPHA", "ada") not in server.store.snapshot().memberships
    tomorrow(3)
    write(tmp_path, *EVERYBODY)
    assert kanport("sync", "night.yaml").code == 0
    assert active(server) == {"ada": True, "bob": True}
    write(tmp_path, "bob,ALPHA")
    for days, there in ((1, True), (8, False), (29, False), (2, None)):
        tomorrow(days)
        night = kanport("sync", "night.yaml")
        assert night.code == 0, night
        assert active(server).get("ada") is there
    assert memory(tmp_path, server).absent == {}


def test_a_plan_that_is_applied_is_remembered_as_a_sync_is(
    server: Sandbox, kanport: Kanport, tmp_path: Path, project: int
) -> None:
    write(tmp_path, *EVERYBODY)
    assert kanport("plan", "night.yaml", "-o", "plan.json").code == 0
    assert memory(tmp_path, server).users == {}
    assert kanport("apply", "plan.json", "--yes").code == 0
    known = memory(tmp_path, server)
    assert sorted(known.users.values()) == ["ada", "bob"]
    assert {grant.target for grant in known.grants.values()} == {"ALPHA"}
    assert known.last_good is not None
    people = known.last_good.sources["people"]
    assert (people.rows, people.columns) == (2, frozenset({"username", "project"}))


def test_a_run_that_did_not_end_well_is_no_good_run(
    server: Sandbox, kanport: Kanport, tmp_path: Path, project: int
) -> None:
    skipping = MAPPING + "invalid_rows: skip\n"
    write(tmp_path, "ada,ALPHA", "bob,NOWHERE", mapping=skipping)
    assert kanport("sync", "night.yaml").code == 3
    assert memory(tmp_path, server).last_good is None
    write(tmp_path, "ada,ALPHA", mapping=skipping)
    assert kanport("sync", "night.yaml").code == 0
    first = memory(tmp_path, server).last_good
    assert first is not None and first.sources["people"].rows == 1


def test_what_is_adopted_is_managed_from_then_on(
    server: Sandbox,
    kanport: Kanport,
    tmp_path: Path,
    tomorrow: Callable[..., None],
    project: int,
) -> None:
    for name in ("ada", "zoe"):
        user = server.store.add_user(name)
        server.store.add_member(project, user)
    write(tmp_path, *EVERYBODY, "admin,ALPHA")
    server.forget_requests()
    dry = kanport("adopt", "night.yaml")
    assert "manages nothing by its ledger" not in dry.err
    assert dry.code == 0, dry
    assert "1 user and 1 membership. Managed already" in dry.out
    assert "membership  ada in ALPHA" in dry.out and "zoe" not in dry.out
    assert "bob" not in dry.out, "who is not on the server cannot be adopted"
    assert "admin" not in dry.out, "who is protected is not"
    assert "Nothing was recorded. To record without a question, add --yes." in dry.err
    assert not (tmp_path / "people.ledger").exists()
    assert kanport("adopt", "night.yaml", "--yes").code == 0
    assert not server.writes
    known = memory(tmp_path, server)
    assert list(known.users.values()) == ["ada"]
    assert [(one.holder, one.target) for one in known.grants.values()] == [("ada", "ALPHA")]
    again = kanport("adopt", "night.yaml", "--yes")
    assert "0 users and 0 memberships. Managed already" in again.out
    assert "Managed already: 1 user and 1 membership" in again.out
    write(tmp_path, "bob,ALPHA")
    for _ in range(3):
        tomorrow()
        assert kanport("sync", "night.yaml").code == 0
    assert active(server) == {"ada": False, "bob": True, "zoe": True}


def test_people_and_projects_can_be_adopted_by_pattern(
    server: Sandbox, kanport: Kanport, tmp_path: Path, project: int
) -> None:
    other = server.store.add_project("Other", identifier="OTHER")
    for name in ("ext-1", "ext-2", "ada"):
        user = server.store.add_user(name)
        for place in (project, other):
            server.store.add_member(place, user)
    write(tmp_path, "ada,ALPHA")
    assert kanport("adopt", "night.yaml", "--users", "EXT-*", "--yes").code == 0
    known = memory(tmp_path, server)
    assert sorted(known.users.values()) == ["ext-1", "ext-2"] and known.grants == {}
    done = kanport("adopt", "night.yaml", "--memberships", "other", "--yes")
    assert done.code == 0, done
    known = memory(tmp_path, server)
    assert sorted(known.users.values()) == ["ext-1", "ext-2"]
    assert {(one.holder, one.target) for one in known.grants.values()} == {
        (name, "OTHER") for name in ("ext-1", "ext-2", "ada")
    }


@pytest.mark.parametrize("option", ["--users", "--memberships"])
def test_a_pattern_of_adopt_that_nothing_fits_is_refused(
    option: str, server: Sandbox, kanport: Kanport, tmp_path: Path, project: int
) -> None:
    server.store.add_member(project, server.store.add_user("ada"))
    write(tmp_path, "ada,ALPHA")
    known = "ada" if option == "--users" else "ALPHA"
    refused = kanport("adopt", "night.yaml", option, known, option, "zzz*", "--yes")
    assert refused.code == 2 and f'fits {option} "zzz*"' in refused.err
    assert not (tmp_path / "people.ledger").exists()
    assert kanport("adopt", "night.yaml", option, known, "--yes").code == 0
    again = kanport("adopt", "night.yaml", option, known)
    assert "Managed already, of those that you name: 1" in again.out or option == "--memberships"


def test_no_as_the_answer_of_adopt_has_the_exit_code_of_a_no(
    server: Sandbox, kanport: Kanport, tmp_path: Path, project: int
) -> None:
    server.store.add_user("ada")
    write(tmp_path, "ada,ALPHA")
    environ = {"KANPORT_URL": server.url, "KANPORT_TOKEN": server.token}
    with Terminal("adopt", "night.yaml", folder=tmp_path, environ=environ) as terminal:
        terminal.wait_for("from now on?")
        terminal.answer("n")
        assert terminal.end() == 3
    assert "You answered no; Kanport recorded nothing." in terminal.text
    assert not (tmp_path / "people.ledger").exists()


def test_adopting_needs_a_ledger(kanport: Kanport, tmp_path: Path) -> None:
    plain = "\n".join(
        line for line in MAPPING.splitlines() if not line.startswith(("ledger", "memberships_man"))
    )
    plain = plain.replace("  managed: ledger\n", "")
    plain = "\n".join(line for line in plain.splitlines() if "missing" not in line)
    write(tmp_path, "ada,ALPHA", mapping=plain)
    refused = kanport("adopt", "night.yaml")
    assert refused.code == 6, refused
    assert "names no ledger" in refused.err and "add ledger:" in refused.err


@pytest.mark.parametrize("part", ["id: {from: username}", "managed: ledger"])
def test_a_mapping_that_needs_a_ledger_says_so(kanport: Kanport, tmp_path: Path, part: str) -> None:
    text = f"""\
kanport: 1
sources: {{people: {{type: csv, path: people.csv}}}}
users:
  from: people
  fields: {{username: {{from: username}}}}
  {part}
"""
    write(tmp_path, "ada,ALPHA", mapping=text)
    refused = kanport("validate", "night.yaml")
    assert refused.code == 6
    assert "the mapping names none" in refused.err and "night.yaml:6:" in refused.err


def test_no_secret_is_in_the_ledger(
    server: Sandbox, kanport: Kanport, tmp_path: Path, project: int
) -> None:
    write(tmp_path, *EVERYBODY)
    assert kanport("sync", "night.yaml", "--passwords-to", "new.csv").code == 0
    kept = (tmp_path / "people.ledger").read_bytes()
    passwords = (tmp_path / "new.csv").read_text(encoding="utf-8").splitlines()
    for line in passwords[1:]:
        assert line.split(",")[-1].encode() not in kept
    assert server.token.encode() not in kept


def test_what_is_granted_in_a_new_project_ends_with_its_row(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    mapping = MAPPING + "projects: create\n"
    write(tmp_path, "ada,NEW", "bob,NEW", mapping=mapping)
    assert kanport("sync", "night.yaml").code == 0
    users = server.store.snapshot().users
    granted = memory(tmp_path, server).grants
    assert {who for who, _ in granted} == {users["ada"].id, users["bob"].id}
    assert {one.target for one in granted.values()} == {"NEW"}
    write(tmp_path, "ada,NEW", "bob,OTHER", mapping=mapping)
    assert kanport("sync", "night.yaml").code == 0
    assert set(server.store.snapshot().memberships) == {("NEW", "ada"), ("OTHER", "bob")}


def test_what_is_granted_in_a_new_project_ends_when_no_source_names_the_project(
    server: Sandbox, kanport: Kanport, tmp_path: Path, project: int
) -> None:
    mapping = MAPPING + "projects: create\nprojects_missing: revoke\n"
    write(tmp_path, "ada,NEW", "bob,ALPHA", mapping=mapping)
    assert kanport("sync", "night.yaml").code == 0
    write(tmp_path, "ada,ALPHA", "bob,ALPHA", mapping=mapping)
    assert kanport("sync", "night.yaml").code == 0
    assert set(server.store.snapshot().memberships) == {("ALPHA", "ada"), ("ALPHA", "bob")}


@pytest.mark.parametrize("records", ["sent", "answered", "outcome"])
def test_a_resumed_run_remembers_what_it_granted_in_a_new_project(
    records: str, server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    mapping = MAPPING + "projects: create\n"
    write(tmp_path, "ada,NEW", "bob,NEW", mapping=mapping)
    kanport("plan", "night.yaml", "-o", "p.json")
    assert kanport("apply", "p.json", "--yes", "--discard-passwords").code == 0
    journal = tmp_path / "p.journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    # What a run leaves that was killed after this record, before it wrote the ledger.
    granting = next(n for n, line in enumerate(lines) if b"addProjectUser" in line)
    kept = granting + ("sent", "answered", "outcome").index(records) + 1
    journal.write_bytes(b"".join(lines[:kept]))
    (tmp_path / "people.ledger").unlink()
    assert kanport("resume", str(journal), "--yes", "--discard-passwords").code == 0
    users = server.store.snapshot().users
    assert {who for who, _ in memory(tmp_path, server).grants} == {users["ada"].id, users["bob"].id}


def test_adopt_says_when_the_mapping_does_not_manage_by_its_ledger(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    told = kanport("adopt", club)
    assert told.code == 0, told
    assert "adopting changes nothing now" in told.err
