"""Every number of the Excel report is the number of the JSON."""

import json

import pytest
from hypothesis import given, settings

from kanport.outcome import Run
from kanport.plan.model import Plan
from kanport.report import json_file
from kanport.report.make import of_plan, of_run
from kanport.report.view import View
from tests.report.test_excel import EMPTY, RUN, VALIDATION, VERIFICATION, VIEW
from tests.support.report.excel import numbers, opened, section, table
from tests.support.report.random_reports import whole_plans_and_runs

SEVERITIES = {"error": "error", "warning": "warning", "info": "note"}


def check(view: View) -> None:
    report, book = json.loads(json_file.render(view)), opened(view)
    expected = []
    for total in report["sums"]:
        expected += [total["total"]["number"], *(part["number"] for part in total["parts"])]
    expected += [count["number"] for count in report["counts"]]
    assert [n for row in section(book, "Counts") for n in numbers(row)] == expected
    actions = []
    for action in report["summary"]:
        told = action.get("tally") or action.get("verified") or {"planned": action["planned"]}
        actions.append(list(told.values()))
    if report["summary"]:
        total = report["tally"] or report["verified"] or {"planned": len(report["changes"])}
        actions.append(list(total.values()))
    assert [numbers(row) for row in section(book, "Summary")[1:]] == actions
    risks = [risk["number"] for risk in report["risks"]]
    assert [n for row in section(book, "Needs review") for n in numbers(row)] == risks
    kinds = [kind["number"] for kind in report["finding_kinds"]]
    assert [numbers(row)[0] for row in section(book, "Findings by kind")[1:]] == kinds
    undone = "Not as planned" if report["verified"] else "Not done"
    assert [numbers(row)[0] for row in section(book, undone)] == [
        one["number"] for one in report["undone"]
    ]
    if "Changes" in book:
        assert sorted(row["Change"] for row in table(book, "Changes")) == sorted(
            change["id"] for change in report["changes"]
        )
        told = [
            [row[k] for k in ("Granted", "Changed", "Revoked")] for row in table(book, "Projects")
        ]
        assert told == [
            [one[key] for key in ("granted", "changed", "revoked")] for one in report["projects"]
        ]
        if report["kind"] == "run":
            so = [row["Unchanged"] for row in table(book, "Projects")]
            assert so == [one["unchanged"] for one in report["projects"]]
    if "Findings" in book:
        assert [row["Severity"] for row in table(book, "Findings")] == [
            SEVERITIES[finding["severity"]] for finding in report["findings"]
        ]
    if "Access" in book:
        assert len(table(book, "Access")) == len(report["access"])
    if report["matrix"] is not None:
        roles = [one for one in report["access"] if one["before"] or one["after"]]
        people = table(book, "Users by projects")
        told = sum(value is not None for row in people for value in list(row.values())[5:])
        assert told >= len({(one["username"], one["project"]) for one in roles})
    if "Input rows" in book:
        fates = [(row["Place"], row["What became of it"]) for row in table(book, "Input rows")]
        assert fates == [(row["place"], row["fate"]) for row in report["rows"]]


@pytest.mark.parametrize("view", [VIEW, RUN, VALIDATION, VERIFICATION, EMPTY])
def test_every_number_is_that_of_the_json(view: View) -> None:
    check(view)


@settings(max_examples=25, deadline=None)
@given(whole_plans_and_runs())
def test_every_number_is_that_of_the_json_whatever_the_plan(case: tuple[Plan, Run]) -> None:
    check(of_plan(case[0]))
    check(of_run(*case))
