"""Approving a plan and applying it, as a user does."""

import json
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.files import write_files

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _planned(
    kanport: Kanport, server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KANPORT_APPROVAL_KEY", raising=False)
    monkeypatch.delenv("KANPORT_APPROVAL_KEY_FILE", raising=False)
    for name, identifier in (("Alpha", "ALPHA"), ("Beta board", "")):
        server.store.add_project(name, identifier=identifier)
    write_files(tmp_path)
    planned = kanport("plan", "club.yaml", "-o", "plan.json")
    assert planned.code == 0, planned


def test_nothing_is_written_without_an_approval_where_one_is_required(
    kanport: Kanport, server: Sandbox
) -> None:
    refused = kanport("apply", "plan.json", "--yes", "--require-approval")
    assert refused.code == 4
    assert "this plan is not approved (there is no" in refused.err
    assert not server.writes


def test_an_approved_plan_is_applied_and_the_run_says_by_whom(
    kanport: Kanport, server: Sandbox, tmp_path: Path
) -> None:
    approved = kanport("approve", "plan.json", "--by", "Ada", "--note", "Ticket 4711")
    assert approved.code == 0, approved
    assert "Ada approves" in approved.out
    assert "not signed" in approved.err
    applied = kanport("apply", "plan.json", "--yes", "--require-approval")
    assert applied.code == 0, applied
    assert "Approved: " in applied.out and "by Ada on" in applied.out
    assert "Ticket 4711" in applied.out
    told = json.loads(kanport("report", "plan.journal.jsonl", "--format", "json").out)
    assert told["facts"]["run"]["approved"]["by"] == "Ada"
    assert told["facts"]["run"]["approved"]["signed"] is False
    assert "@" in told["facts"]["run"]["by"]


def test_the_report_of_a_run_without_an_approval_says_so(kanport: Kanport) -> None:
    applied = kanport("apply", "plan.json", "--yes")
    assert applied.code == 0, applied
    assert "Approved: no" in applied.out


def test_an_approval_of_another_plan_is_refused(
    kanport: Kanport, server: Sandbox, tmp_path: Path
) -> None:
    assert kanport("approve", "plan.json", "--by", "Ada", "--note", "x").code == 0
    (tmp_path / "people.csv").write_text("Login,Name,Mail,Role\nada,Ada,,\n", "utf-8")
    (tmp_path / "grants.csv").write_text("Login,Project,Access\nada,ALPHA,M\n", "utf-8")
    assert kanport("plan", "club.yaml", "-o", "plan.json").code == 0
    refused = kanport("apply", "plan.json", "--yes", "--require-approval")
    assert refused.code == 4
    assert "it is for another plan" in refused.err
    assert not server.writes


def test_a_plan_made_again_with_the_same_result_stays_approved(kanport: Kanport) -> None:
    assert kanport("approve", "plan.json", "--by", "Ada", "--note", "x").code == 0
    assert kanport("plan", "club.yaml", "-o", "plan.json").code == 0
    assert kanport("apply", "plan.json", "--yes", "--require-approval").code == 0


def test_an_approval_that_was_changed_is_refused(
    kanport: Kanport, server: Sandbox, tmp_path: Path
) -> None:
    assert kanport("approve", "plan.json", "--by", "Ada", "--note", "x", "-o", "ok.json").code == 0
    path = tmp_path / "ok.json"
    path.write_text(path.read_text("utf-8").replace('"Ada"', '"Eve"'), "utf-8")
    refused = kanport("apply", "plan.json", "--yes", "--approval", "ok.json")
    assert refused.code == 4
    assert "it was changed after it was made" in refused.err
    assert not server.writes


def test_a_broken_approval_that_nobody_asked_for_is_told_and_counts_for_nothing(
    kanport: Kanport, tmp_path: Path
) -> None:
    (tmp_path / "plan.approval.json").write_text("{}", "utf-8")
    applied = kanport("apply", "plan.json", "--yes")
    assert applied.code == 0
    assert "Kanport ignores the approval plan.approval.json" in applied.err
    assert "Approved: no" in applied.out


def test_an_approval_of_another_plan_that_nobody_asked_for_says_only_why_it_does_not_count(
    kanport: Kanport, tmp_path: Path
) -> None:
    path = tmp_path / "plan.approval.json"
    kanport("approve", "plan.json", "--by", "Ada", "--note", "seen")
    approval = json.loads(path.read_text("utf-8")) | {"plan": "0" * 64}
    path.write_text(json.dumps(approval), "utf-8")
    applied = kanport("apply", "plan.json", "--yes")
    assert applied.code == 0
    assert "so this run is not approved: it was changed" in applied.err
    assert "it is for another plan" in applied.err
    assert "nothing was written" not in applied.err


def test_with_a_key_an_approval_must_be_signed_with_it(
    kanport: Kanport, server: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kanport("approve", "plan.json", "--by", "Eve", "--note", "x").code == 0
    monkeypatch.setenv("KANPORT_APPROVAL_KEY", KEY)
    refused = kanport("apply", "plan.json", "--yes", "--require-approval")
    assert refused.code == 4
    assert "it is not signed" in refused.err
    assert not server.writes
    approved = kanport("approve", "plan.json", "--by", "Ada", "--note", "x")
    assert "not signed" not in approved.err
    applied = kanport("apply", "plan.json", "--yes", "--require-approval")
    assert applied.code == 0, applied
    assert "signature valid" in applied.out
    assert KEY not in applied.out + applied.err


@pytest.mark.parametrize("span", ["", "7", "0d", "-1d", "7m", "1000d", "٧d"])
def test_a_span_that_is_none_is_wrong_usage(kanport: Kanport, span: str) -> None:
    asked = kanport("approve", "plan.json", "--by", "Ada", "--note", "x", "--expires", span)
    assert asked.code == 2
    assert "12h, 7d or 2w" in asked.err


def test_a_plan_that_a_guard_stops_cannot_be_approved(kanport: Kanport, tmp_path: Path) -> None:
    text = (tmp_path / "club.yaml").read_text("utf-8")
    (tmp_path / "club.yaml").write_text(text + "limits: {create: 0}\n", "utf-8")
    assert kanport("plan", "club.yaml", "-o", "plan.json").code == 4
    refused = kanport("approve", "plan.json", "--by", "Ada", "--note", "x")
    assert refused.code == 4
    assert not (tmp_path / "plan.approval.json").exists()


def test_a_plan_that_was_carried_out_is_not_said_to_lack_an_approval(kanport: Kanport) -> None:
    assert kanport("apply", "plan.json", "--yes").code == 0
    again = kanport("apply", "plan.json", "--yes", "--require-approval")
    assert again.code == 2 and "this plan was carried out by run" in again.err
    approved = kanport("approve", "plan.json", "--by", "Ada", "--note", "x")
    assert "this plan was carried out by run" in approved.err


def test_the_hint_names_the_command_that_approves_this_plan(kanport: Kanport) -> None:
    refused = kanport("apply", "plan.json", "--yes", "--require-approval")
    assert refused.code == 4
    assert refused.err.rstrip().endswith("kanport approve plan.json --by NAME --note TEXT")
    elsewhere = kanport("apply", "plan.json", "--yes", "--approval", "ok.json")
    assert elsewhere.err.rstrip().endswith("--note TEXT -o ok.json")


def test_what_to_do_next_names_no_file_that_is_there(kanport: Kanport, tmp_path: Path) -> None:
    (tmp_path / "new-passwords.csv").touch()
    (tmp_path / "plan.journal.jsonl").touch()
    planned = kanport("plan", "club.yaml", "-o", "plan.json")
    assert "plan.journal.jsonl is the journal of an earlier plan" in planned.err
    assert "--journal plan-2.journal.jsonl --passwords-to new-passwords-2.csv" in planned.out
    assert "-o plan-2.json" in kanport("plan", "club.yaml").out
