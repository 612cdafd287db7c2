"""Reports as a user asks for them: by the ending of a file, by format, masked, one table."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from defusedxml.ElementTree import fromstring
from openpyxl import load_workbook

from kanport.report import FORMATS, format_of
from kanport.sandbox import Sandbox
from tests.scenarios.test_kept_passwords import stop_after
from tests.support.command_line import Kanport
from tests.support.files import PEOPLE, write_files

ENDINGS = [ending for form in FORMATS.values() for ending in form.endings]


@pytest.fixture
def club(server: Sandbox, tmp_path: Path) -> Path:
    """Give a mapping, and a server on which it has something to do."""
    store = server.store
    with store.transaction():
        alpha = store.add_project("Alpha", identifier="ALPHA")
        store.add_project("Beta board")
        eve = store.add_user("eve", name="Eve Moneypenny")
        store.add_member(alpha, eve, "project-viewer")
    return write_files(tmp_path)


@pytest.fixture
def plan(kanport: Kanport, club: Path) -> str:
    kanport("plan", club, "-o", "plan.json")
    return "plan.json"


def test_a_report_is_written_as_the_ending_of_its_file_says(
    kanport: Kanport, plan: str, tmp_path: Path
) -> None:
    files = [f"report{ending}" for ending in ENDINGS]
    told = kanport("report", plan, *(part for file in files for part in ("-o", file)))
    assert told.code == 0 and told.out == ""
    for file in files:
        assert (tmp_path / file).stat().st_size > 100
    assert load_workbook(tmp_path / "report.xlsx").sheetnames[0] == "Summary"
    assert json.loads((tmp_path / "report.json").read_text())["kind"] == "plan"
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert fromstring((tmp_path / "report.xml").read_text()).tag == "testsuites"


def test_another_ending_is_refused_before_anything_is_written(
    kanport: Kanport, plan: str, tmp_path: Path
) -> None:
    told = kanport("report", plan, "-o", "good.md", "-o", "report.docx")
    assert told.code == 2
    assert ".xlsx" in told.err and "report.docx" in told.err
    assert not (tmp_path / "good.md").exists()


@pytest.mark.parametrize("table", ["changes", "findings", "access", "rows"])
def test_csv_holds_the_table_that_is_asked_for(kanport: Kanport, plan: str, table: str) -> None:
    told = kanport("report", plan, "--format", "csv", "--table", table)
    report = json.loads(kanport("report", plan, "--format", "json").out)
    assert len(list(csv.reader(io.StringIO(told.out)))) == len(report[table]) + 1


def test_the_access_that_stays_and_each_row_of_the_input_are_told(
    kanport: Kanport, plan: str
) -> None:
    report = json.loads(kanport("report", plan, "--format", "json").out)
    (eve,) = [row for row in report["access"] if row["username"] == "eve"]
    assert (eve["name"], eve["project"]) == ("Eve Moneypenny", "ALPHA")
    assert (eve["before"], eve["after"]) == ("project-viewer", None)
    assert report["matrix"]["after"] == 3
    assert [row["fate"] for row in report["rows"]] == ["led to changes"] * 6


def test_masked_reports_name_nobody_and_agree_with_each_other(
    kanport: Kanport, plan: str, tmp_path: Path
) -> None:
    kanport("report", plan, "--mask", "-o", "masked.md", "-o", "masked.csv", "-o", "masked.json")
    texts = [
        kanport("report", plan, "--mask").out,
        *((tmp_path / f"masked.{ending}").read_text() for ending in ("md", "csv", "json")),
    ]
    for text in texts:
        assert not [name for name in ("Lovelace", "Moneypenny", "chlo", "bob@") if name in text]
    report = json.loads(texts[-1])
    for person in report["people"]:
        assert all(person["username"] in text for text in texts)
    assert kanport("verify-report", "masked.md", "--plan", plan).code == 0


def test_a_masked_plan_is_for_people_and_never_for_apply(kanport: Kanport, club: Path) -> None:
    told = kanport("plan", club, "--mask")
    assert "Lovelace" not in told.out and "masked-" in told.out
    refused = kanport("plan", club, "--mask", "--format", "json")
    assert refused.code == 2
    assert "cannot change the plan itself" in refused.err


def test_two_plans_are_not_compared_masked(kanport: Kanport, plan: str) -> None:
    assert kanport("report", "--mask", "--compare", plan, plan).code == 2


def test_validate_tells_a_pipeline_in_its_own_forms_and_still_fails(
    kanport: Kanport, tmp_path: Path
) -> None:
    club = write_files(tmp_path, people=PEOPLE.replace("bob@example.org", "bob(at)example"))
    told = kanport("validate", club, "--format", "github", "-o", "junit.xml", "-o", "k.sarif")
    assert told.code == 5
    assert "::error file=people.csv,line=3,title=email-invalid::" in told.out
    assert fromstring((tmp_path / "junit.xml").read_text()).get("failures") == "1"
    log = json.loads((tmp_path / "k.sarif").read_text())
    assert [result["ruleId"] for result in log["runs"][0]["results"]].count("email-invalid") == 1


def test_validate_writes_its_files_also_where_a_source_cannot_be_used(
    kanport: Kanport, tmp_path: Path
) -> None:
    club = write_files(tmp_path, people="")
    told = kanport("validate", club, "-o", "junit.xml")
    assert told.code == 5
    assert fromstring((tmp_path / "junit.xml").read_text()).get("failures") == "1"


def test_validate_masks_what_it_tells(kanport: Kanport, tmp_path: Path) -> None:
    club = write_files(tmp_path, people=PEOPLE.replace("bob@example.org", "bob(at)example"))
    told = kanport("validate", club, "--mask")
    assert "bob(at)" not in told.out
    assert "masked-value-" in told.out
    assert "email-invalid" in told.out


def test_verify_masks_what_it_tells(kanport: Kanport, plan: str) -> None:
    told = kanport("verify", plan, "--mask", "--format", "markdown")
    assert told.code == 3
    # A digest can hold the letters of any name.
    assert "ada" not in re.sub("[0-9a-f]{8,}|already", "", told.out)


def test_a_report_is_never_written_over_what_it_is_made_of(kanport: Kanport, plan: str) -> None:
    assert kanport("report", plan, "-o", plan).code == 2


def test_endings_are_told_without_regard_to_case() -> None:
    assert format_of(Path("REPORT.XLSX")).name == "excel"


def test_a_refused_plan_names_as_many_errors_as_its_report(
    kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    # Two usernames that are one on MariaDB: an error that alone would not stop the plan.
    write_files(tmp_path, people=f"{PEOPLE}dan,Dan,no-address,\njörg,Jörg,,\njorg,Jorg,,\n")
    told = kanport("plan", club)
    assert told.code == 5
    assert "2 errors in the source data" in told.err
    assert "The data is not valid: 2 errors" in told.out


def test_what_an_interrupted_run_did_not_start_is_not_said_to_be_changed_by_somebody(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    kanport("plan", write_files(tmp_path), "-o", "plan.json")
    stop_after(server, 1)
    assert kanport("apply", "plan.json", "--yes", "--discard-passwords").code == 7
    server.fault = None
    verified = kanport("verify", "plan.journal.jsonl")
    assert verified.code == 3
    assert "the run did not start it: the user has no role in this project" in verified.out
    assert "the run got no answer: there is no such user" in verified.out
    assert "finish the run" in verified.out and "who changed the server" not in verified.out
    assert kanport("verify", "plan.journal.jsonl", "--mask").code == 3
    assert "the run did not start it" not in kanport("verify", "plan.json").out
