"""What pipelines read: JUnit XML, SARIF and the annotations of GitHub."""

import json
import re
from collections import Counter
from typing import Any
from xml.etree import ElementTree

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import given, settings

from kanport.findings import Finding
from kanport.origin import Origin
from kanport.outcome import Run, Status
from kanport.plan.model import Plan
from kanport.report import ci
from kanport.report.escape import escape_name
from kanport.report.make import of_plan, of_run, of_validation, of_verification
from kanport.report.view import View
from tests.support.report.examples import (
    FINDINGS,
    MAPPING,
    SOURCES,
    TRIPPED,
    make_plan,
    make_run,
    make_verdicts,
)
from tests.support.report.random_reports import whole_plans_and_runs

VIEW = of_validation(MAPPING, SOURCES, FINDINGS, users=46, memberships=110, version="0.1.0")
CLEAN = of_validation(MAPPING, SOURCES, (), users=46, memberships=110)
LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def severities(view: View) -> Counter[str]:
    return Counter(finding.severity.value for finding in view.findings)


# --- JUnit ----------------------------------------------------------------------------------------


def suites(view: View) -> ElementTree.Element:
    root: ElementTree.Element = fromstring(ci.junit(view))
    assert root.tag == "testsuites"
    return root


def test_each_source_is_a_suite_and_each_error_a_test_that_failed() -> None:
    root = suites(VIEW)
    names = [suite.get("name") for suite in root]
    assert names[:2] == ["staff", "access"]
    assert int(root.get("failures", "")) == severities(VIEW)["error"] == 3
    assert len(root.findall(".//failure")) == 3
    assert len(root.findall(".//testcase")) == int(root.get("tests", "")) == len(FINDINGS)
    for suite in root:
        assert len(suite.findall("testcase")) == int(suite.get("tests", ""))
        assert len(suite.findall("testcase/failure")) == int(suite.get("failures", ""))


def test_a_failure_says_where_what_and_what_to_do() -> None:
    (case,) = [c for c in suites(VIEW).iter("testcase") if c.get("classname", "").endswith("valid")]
    assert case.get("classname") == "staff.email-invalid"
    assert (case.get("file"), case.get("line")) == ("staff.csv", "14")
    (failure,) = case
    assert failure.get("type") == "email-invalid"
    assert "anna(at)x.de" in (failure.text or "")
    assert "hint: use an address" in (failure.text or "")


def test_a_source_without_findings_is_a_test_that_passed() -> None:
    cases = list(suites(CLEAN).iter("testcase"))
    assert [(c.get("classname"), c.get("name"), len(c)) for c in cases] == [
        ("staff", "48 rows read", 0),
        ("access", "51 rows read", 0),
    ]


@settings(max_examples=40, deadline=None)
@given(whole_plans_and_runs())
def test_no_name_breaks_the_xml(case: tuple[Plan, Run]) -> None:
    for view in (of_plan(case[0]), of_run(*case)):
        root = suites(view)
        found = [c for c in root.iter("testcase") if len(c)]
        undone = sum(len(row.lines) for row in view.undone)
        assert len(found) == len(view.findings) + len(view.guards) + undone
        assert {child.tag for c in found for child in c} <= {"failure", "skipped", "system-out"}
        for count, of in (("tests", ""), ("failures", "/failure"), ("skipped", "/skipped")):
            for element in (root, *root):
                assert len(element.findall(f".//testcase{of}")) == int(element.get(count, "")), of


def test_safety_checks_that_stop_a_plan_are_tests_that_failed() -> None:
    root = suites(of_plan(make_plan(guards=(TRIPPED,))))
    (suite,) = [suite for suite in root if suite.get("name") == "safety checks"]
    (failure,) = suite.iter("failure")
    assert (failure.get("type"), failure.get("message")) == (TRIPPED.guard, TRIPPED.message)
    assert TRIPPED.hint and TRIPPED.hint in (failure.text or "")


def test_each_change_of_a_run_is_a_test() -> None:
    plan = make_plan()
    assert "changes" not in [suite.get("name") for suite in suites(of_plan(plan))]
    special = {1: (Status.FAILED, "no"), 2: (Status.SKIPPED, "left"), 3: (Status.ALREADY, "")}
    view = of_run(plan, make_run(plan, special))
    (suite,) = [suite for suite in suites(view) if suite.get("name") == "changes"]
    assert [suite.get(one) for one in ("tests", "failures", "skipped")] == [
        str(len(plan.changes)),
        "1",
        "1",
    ]
    failed, skipped, unchanged, *_ = suite
    assert (failed.get("name") or "").startswith(f"{plan.changes[0].id} ")
    assert [one.get("message") for one in (*failed, *skipped)] == ["failed: no", "skipped: left"]
    assert not len(unchanged)
    checked = suites(of_verification(plan, make_verdicts(plan, {1: "there is no role"})))
    assert [one.get("message") for one in checked.iter("failure")][-1:] == [
        "not as planned: there is no role"
    ]


# --- SARIF ----------------------------------------------------------------------------------------


def log(view: View) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(ci.sarif(view))
    return told


def check_log(view: View) -> None:
    """Hold a log to what the standard asks for (SARIF 2.1.0, sections 3.13 to 3.30)."""
    told = log(view)
    assert set(told) == {"$schema", "version", "runs"}
    assert told["version"] == "2.1.0"
    (run,) = told["runs"]
    assert set(run) == {"tool", "columnKind", "results"}
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert len(run["results"]) == len(view.findings)
    for result, finding in zip(run["results"], view.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.code
        assert result["level"] == LEVELS[finding.severity.value]
        assert result["message"]["text"].startswith(escape_name(finding.message))
        for place in (*result["locations"], *result.get("relatedLocations", ())):
            if "physicalLocation" in place:
                address = place["physicalLocation"]["artifactLocation"]["uri"]
                assert re.fullmatch(r"[A-Za-z0-9._~%/+:-]*", address)
                assert place["physicalLocation"].get("region", {"startLine": 1})["startLine"] >= 1
        assert all(isinstance(mark, str) for mark in result["partialFingerprints"].values())


def test_sarif_is_as_the_standard_says() -> None:
    check_log(VIEW)
    check_log(CLEAN)
    assert log(VIEW)["runs"][0]["tool"]["driver"]["version"] == "0.1.0"


def test_a_file_whose_name_is_no_utf8_can_be_told() -> None:
    finding = Finding("file-kind", "no", Origin("a", file="a\ud800b.csv"))
    check_log(of_validation(MAPPING, SOURCES, [finding], users=0, memberships=0))


@settings(max_examples=40, deadline=None)
@given(whole_plans_and_runs())
def test_sarif_is_as_the_standard_says_whatever_the_names(case: tuple[Plan, Run]) -> None:
    check_log(of_plan(case[0]))


def test_a_result_points_at_the_line_of_a_list_and_the_cell_of_a_sheet() -> None:
    results = {one["ruleId"]: one for one in log(VIEW)["runs"][0]["results"]}
    (place,) = results["email-invalid"]["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "staff.csv"},
        "region": {"startLine": 14},
    }
    (cell,) = results["role-unknown"]["locations"]
    assert "region" not in cell["physicalLocation"]  # rows of a sheet are no lines
    assert cell["logicalLocations"][0]["fullyQualifiedName"] == "access.xlsx#Projects!G9"
    (entry,) = log(
        of_validation(
            MAPPING,
            SOURCES,
            [Finding("email-invalid", "no", Origin("people", dn="uid=ada,dc=x"))],
            users=0,
            memberships=0,
        )
    )["runs"][0]["results"]
    (where,) = entry["locations"]
    assert where["physicalLocation"]["artifactLocation"]["uri"] == MAPPING.path
    assert where["logicalLocations"][0]["fullyQualifiedName"] == "ldap:uid=ada,dc=x"


def test_a_finding_keeps_its_fingerprint_when_rows_are_added_above_it() -> None:
    def marks(row: int) -> Any:
        origin = Origin("staff", file="staff.csv", row=row, column="E-Mail", position=3)
        finding = Finding("email-invalid", "not an address", origin, "anna(at)x.de")
        view = of_validation(MAPPING, SOURCES, [finding], users=0, memberships=0)
        return log(view)["runs"][0]["results"][0]["partialFingerprints"]

    assert marks(14) == marks(15)


# --- GitHub ---------------------------------------------------------------------------------------

COMMAND = re.compile(r"::(error|warning|notice) ([^:]*)::(.*)")


def test_each_finding_is_an_annotation_of_its_line() -> None:
    lines = ci.github(VIEW).splitlines()
    commands = [match for line in lines if (match := COMMAND.fullmatch(line))]
    assert Counter(match[1] for match in commands) == {"error": 3, "warning": 3, "notice": 4}
    assert any(
        match[2] == "file=staff.csv,line=14,title=email-invalid" and "Hint: use" in match[3]
        for match in commands
    )
    assert any(match[2] == "file=access.xlsx,title=role-unknown" for match in commands)
    assert any(match[2] == f"file={MAPPING.path},title=missing-unknown" for match in commands)
    assert lines[-1].startswith("99 rows of the input") or lines[-1].startswith("10 findings")


def test_a_guard_that_tripped_is_an_annotation() -> None:
    text = ci.github(of_plan(make_plan(guards=(TRIPPED,))))
    assert "::error title=limit-remove::1 user is removed, and the limit is 0." in text


@settings(max_examples=60, deadline=None)
@given(whole_plans_and_runs())
def test_no_name_begins_or_ends_a_command(case: tuple[Plan, Run]) -> None:
    for view in (of_plan(case[0]), of_run(*case)):
        lines = ci.github(view).split("\n")
        commands = [line for line in lines if line.startswith("::")]
        tripped = sum(guard.tripped for guard in view.guards)
        assert len(commands) == len(view.findings) + tripped + len(view.undone)
        assert all(COMMAND.fullmatch(line) for line in commands)


@pytest.mark.parametrize("draw", [ci.junit, ci.sarif, ci.github])
def test_the_same_input_gives_the_same_bytes(draw: Any) -> None:
    again = of_validation(
        MAPPING, SOURCES, reversed(FINDINGS), users=46, memberships=110, version="0.1.0"
    )
    assert draw(again) == draw(VIEW)
