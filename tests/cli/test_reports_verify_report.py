"""verify-report as an auditor calls it."""

import json
from pathlib import Path

import pytest

from kanport.report import FORMATS
from kanport.report.proof import has_place
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.files import write_files

ENDINGS = {form.name: form.endings[0] for form in FORMATS.values() if form.endings}


@pytest.fixture(autouse=True)
def _planned(kanport: Kanport, server: Sandbox, tmp_path: Path) -> None:
    for name, identifier in (("Alpha", "ALPHA"), ("Beta board", "")):
        server.store.add_project(name, identifier=identifier)
    write_files(tmp_path)
    planned = kanport("plan", "club.yaml", "-o", "plan.json")
    assert planned.code == 0, planned


@pytest.mark.parametrize("form", ENDINGS)
def test_a_report_of_a_plan_belongs_to_it(kanport: Kanport, tmp_path: Path, form: str) -> None:
    name = f"told{ENDINGS[form]}"
    made = kanport("report", "plan.json", "-o", name)
    if made.code != 0:
        pytest.skip("a plan cannot be written in this format")
    assert kanport("verify-report", name).code == 0
    checked = kanport("verify-report", name, "--plan", "plan.json")
    assert checked.code == 0, checked
    assert "rendered again: yes" in checked.out
    assert (tmp_path / f"{name}.proof.json").exists() != has_place(form)


@pytest.mark.parametrize("form", ENDINGS)
def test_a_report_of_a_run_belongs_to_its_journal(
    kanport: Kanport, tmp_path: Path, form: str
) -> None:
    assert kanport("apply", "plan.json", "--yes").code == 0
    name = f"told{ENDINGS[form]}"
    made = kanport("report", "plan.journal.jsonl", "-o", name)
    if made.code != 0:
        pytest.skip("a run cannot be written in this format")
    checked = kanport("verify-report", name, "--journal", "plan.journal.jsonl")
    assert checked.code == 0, checked
    assert "run: yes" in checked.out and "rendered again: yes" in checked.out
    by_plan = kanport("verify-report", name, "--plan", "plan.json")
    assert by_plan.code == 0, by_plan
    assert "name the journal with --journal" in by_plan.out


def test_what_apply_itself_prints_is_the_report_of_its_journal(
    kanport: Kanport, tmp_path: Path
) -> None:
    applied = kanport("apply", "plan.json", "--yes", "--format", "json")
    (tmp_path / "run.json").write_text(applied.out, "utf-8")
    checked = kanport(
        "verify-report", "run.json", "--journal", "plan.journal.jsonl", "--plan", "plan.json"
    )
    assert checked.code == 0, checked
    assert "rendered again: yes" in checked.out


def test_what_plan_prints_as_markdown_is_the_report_of_the_plan(
    kanport: Kanport, tmp_path: Path
) -> None:
    planned = kanport("plan", "club.yaml", "-o", "plan.json", "--format", "markdown")
    (tmp_path / "plan.md").write_text(planned.out, "utf-8")
    checked = kanport("verify-report", "plan.md", "--plan", "plan.json")
    assert checked.code == 0, checked


def test_a_changed_report_is_detected(kanport: Kanport, tmp_path: Path) -> None:
    assert kanport("report", "plan.json", "-o", "plan.md").code == 0
    path = tmp_path / "plan.md"
    text = path.read_text("utf-8")
    assert "`ada`" in text
    path.write_text(text.replace("`ada`", "`eve`"), "utf-8")
    checked = kanport("verify-report", "plan.md")
    assert checked.code == 3
    assert "it was changed after it was made" in checked.out
    assert "is NOT valid" in checked.out


@pytest.mark.parametrize("ending", [".csv", ".xml", ".sarif"])
def test_a_proof_file_that_is_missing_or_changed_is_named(
    kanport: Kanport, tmp_path: Path, ending: str
) -> None:
    name = f"report{ending}"
    assert kanport("report", "plan.json", "-o", name).code == 0
    proof = tmp_path / f"{name}.proof.json"
    proof.write_text("{}", "utf-8")
    checked = kanport("verify-report", name)
    assert (checked.code, f"{proof.name} holds no digest" in checked.out) == (3, True)
    proof.unlink()
    checked = kanport("verify-report", name)
    assert (checked.code, f"{proof.name} is missing" in checked.out) == (3, True)


def test_a_report_of_another_plan_does_not_belong(kanport: Kanport, tmp_path: Path) -> None:
    assert kanport("report", "plan.json", "-o", "old.md").code == 0
    (tmp_path / "grants.csv").write_text("Login,Project,Access\nada,ALPHA,W\n", "utf-8")
    assert kanport("plan", "club.yaml", "-o", "new.json").code == 0
    checked = kanport("verify-report", "old.md", "--plan", "new.json")
    assert checked.code == 3
    assert "plan: NO" in checked.out


def test_the_journal_of_another_run_does_not_belong_to_a_report(kanport: Kanport) -> None:
    assert kanport("apply", "plan.json", "--yes").code == 0
    assert kanport("report", "plan.journal.jsonl", "-o", "run.md").code == 0
    assert kanport("undo", "plan.journal.jsonl", "-o", "back.json").code == 0
    assert kanport("apply", "back.json", "--yes").code == 0
    checked = kanport("verify-report", "run.md", "--journal", "back.journal.jsonl")
    assert checked.code == 3
    assert "run: NO" in checked.out


def test_the_same_answer_comes_as_json(kanport: Kanport) -> None:
    assert kanport("report", "plan.json", "-o", "plan.md").code == 0
    told = json.loads(
        kanport("verify-report", "plan.md", "--plan", "plan.json", "--format", "json").out
    )
    assert told["holds"] is True
    assert {one["what"]: one["holds"] for one in told["checked"]} == {
        "unchanged": True,
        "plan": True,
        "rendered again": True,
    }


def test_a_report_names_server_mapping_sources_versions_and_who_made_it(
    kanport: Kanport, server: Sandbox
) -> None:
    facts = json.loads(kanport("report", "plan.json", "--format", "json").out)["facts"]
    assert facts["server"]["url"] == server.url
    assert facts["mapping"]["path"] == "club.yaml" and len(facts["mapping"]["sha256"]) == 64
    for source in facts["sources"]:
        assert len(source["sha256"]) == 64 and source["size"] > 0
        assert source["modified_at"].endswith("Z")
    assert facts["kanport"] and "@" in facts["made_by"] and len(facts["digest"]) == 64
    assert kanport("apply", "plan.json", "--yes").code == 0
    told = json.loads(kanport("report", "plan.journal.jsonl", "--format", "json").out)
    assert len(told["facts"]["run"]["journal_sha256"]) == 64
    assert told["facts"]["run"]["id"] and "@" in told["facts"]["run"]["by"]


def test_a_plan_or_a_journal_is_not_called_an_invalid_report(kanport: Kanport) -> None:
    kanport("apply", "plan.json", "--yes")
    for name, kind in ("plan.json", "a plan"), ("plan.journal.jsonl", "the journal of a run"):
        told = kanport("verify-report", name)
        assert told.code == 2 and f"{name} is {kind}, not a report" in told.err
        assert f"kanport report {name} -o report.html" in told.err


def test_a_byte_for_byte_comparison_is_proposed_for_a_valid_report_alone(
    kanport: Kanport, tmp_path: Path
) -> None:
    kanport("report", "plan.json", "-o", "plan.html")
    assert "byte for byte" in kanport("verify-report", "plan.html").err
    report = tmp_path / "plan.html"
    report.write_bytes(report.read_bytes().replace(b"Kanport", b"Kanpart", 1))
    changed = kanport("verify-report", "plan.html")
    assert changed.code == 3 and "byte for byte" not in changed.err
