"""Approvals that the mapping asks for: of several people, and of others than the planner."""

import json
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.files import MAPPING, write_files


@pytest.fixture
def plan(server: Sandbox, kanport: Kanport, tmp_path: Path) -> Path:
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    write_files(tmp_path, mapping=f"{MAPPING}approval: {{approvers: 2}}\n")
    assert kanport("plan", "club.yaml", "-o", "plan.json").code == 0
    return tmp_path / "plan.json"


def approve(kanport: Kanport, monkeypatch: pytest.MonkeyPatch, name: str, account: str) -> str:
    monkeypatch.setattr("kanport.pipeline.apply.current_actor", lambda: f"{account}@desk")
    done = kanport("approve", "plan.json", "--by", name, "--note", "Ticket 4711")
    assert done.code == 0, done
    return done.err


def test_two_people_approve_one_after_the_other(
    server: Sandbox,
    kanport: Kanport,
    plan: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KANPORT_APPROVAL_KEY", "0123456789abcdef")
    missing = kanport("apply", plan, "--yes")
    assert missing.code == 4 and "this plan is not approved" in missing.err
    approve(kanport, monkeypatch, "Ada", "ada")
    one = kanport("apply", plan, "--yes")
    assert one.code == 4 and "1 of 2 approvals are there" in one.err
    approve(kanport, monkeypatch, "Ada L.", "ada")
    assert kanport("apply", plan, "--yes").code == 4
    approve(kanport, monkeypatch, "Bob", "bob")
    assert not server.writes
    applied = kanport("apply", plan, "--yes")
    assert applied.code == 0, applied
    report = kanport("report", "plan.journal.jsonl", "-o", "run.html", "-o", "run.json")
    assert report.code == 0
    approved = json.loads((tmp_path / "run.json").read_text("utf-8"))["facts"]["run"]["approved"]
    assert (approved["by"], approved["others"]) == ("Bob", ["Ada L."])
    assert approved["signature"] == "signature valid"
    assert "Ada L., Bob" in (tmp_path / "run.html").read_text("utf-8")
    shown = kanport("verify-report", "run.html", "--journal", "plan.journal.jsonl")
    assert shown.code == 0, shown
    masked = kanport("report", "plan.journal.jsonl", "--mask")
    assert "Ada L." not in masked.out and "Bob" not in masked.out.split("By person")[0]


def test_a_second_approval_from_the_same_account_says_whose_it_replaces(
    kanport: Kanport, plan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = approve(kanport, monkeypatch, "Ada", "ada")
    assert "1 of 2 approvals." in first and "replaces" not in first
    second = approve(kanport, monkeypatch, "Bob", "ada")
    assert "replaces the approval by Ada: both come from the user account ada" in second
    assert "1 of 2 approvals." in second
    assert "2 of 2 approvals." in approve(kanport, monkeypatch, "Cyd", "cyd")


def test_what_to_do_next_begins_with_the_approvals(kanport: Kanport, plan: Path) -> None:
    told = kanport("plan", "club.yaml", "-o", "plan.json").out
    approval = told.index("kanport approve plan.json --by NAME --note TEXT")
    assert "by 2 people" in told
    assert approval < told.index("kanport apply plan.json")


def test_sync_leaves_what_needs_approvals_to_people(
    server: Sandbox, kanport: Kanport, plan: Path
) -> None:
    stopped = kanport("sync", "club.yaml", "--state", "state")
    assert stopped.code == 4 and "so sync cannot apply this plan" in stopped.err
    assert not server.writes
