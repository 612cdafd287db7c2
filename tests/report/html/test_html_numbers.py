"""Every number of a page is the number of the JSON."""

import json
import re

import pytest
from hypothesis import given

from kanport.outcome import Run
from kanport.plan.model import Plan
from kanport.report import html, json_file
from kanport.report.make import of_plan, of_run
from kanport.report.view import View
from tests.support.report.drawing import MOVES, numbers, plans_and_runs, project_numbers
from tests.support.report.html import Part, Reader
from tests.support.report.views import VIEWS

KINDS = pytest.mark.parametrize(
    "view", [pytest.param(view, id=kind) for kind, view in VIEWS.items()]
)


def parts_of(view: View) -> dict[str, Part]:
    return Reader(html.render(view)).parts


def check(view: View) -> None:
    report = json.loads(json_file.render(view))
    parts = parts_of(view)
    told = [number for item in parts["Counts"].items for number in numbers(item)]
    expected = []
    for total in report["sums"]:
        expected += [total["total"]["number"], *(part["number"] for part in total["parts"])]
    expected += [count["number"] for count in report["counts"]]
    assert told == expected
    glance = parts.get("At a glance", Part()).rows
    summary = [
        list((row.get("tally") or row.get("verified") or {"planned": row["planned"]}).values())
        for row in report["summary"]
    ]
    first = glance[1 : 1 + len(summary)]
    assert [[int(cell) for cell in row[2:]] for row in first] == summary


@KINDS
def test_counts_and_kinds_are_those_of_the_json(view: View) -> None:
    check(view)


@given(plans_and_runs())
def test_counts_and_kinds_are_those_of_the_json_whatever_the_plan(case: tuple[Plan, Run]) -> None:
    plan, run = case
    check(of_plan(plan))
    check(of_run(plan, run))


@KINDS
def test_the_figures_at_the_top_are_those_of_the_json(view: View) -> None:
    report = json.loads(json_file.render(view))
    known = {count["key"]: count["number"] for count in report["counts"]}
    known |= {key: (report["tally"] or {}).get(key) for key in ("failed", "skipped")}
    known |= {total["total"]["key"]: total["total"]["number"] for total in report["sums"]}
    figures = [item for item in parts_of(view)["In short"].items if re.match(r"\d", item)]
    labels = {
        "changes planned": "changes",
        "users touched": "people",
        "projects touched": "projects",
        "changes need review": "risky",
        "removals withheld": "withheld",
        "failed": "failed",
        "skipped": "skipped",
        "findings": "findings",
        "users read": "users",
        "memberships read": "memberships",
        "rows with errors": "invalid_rows",
    }
    told = {item.partition(" ")[2]: int(item.partition(" ")[0]) for item in figures}
    assert told
    assert {labels[label]: number for label, number in told.items() if label in labels} == {
        labels[label]: known[labels[label]] for label in told
    }


@KINDS
def test_planned_and_done_add_up_as_in_the_json(view: View) -> None:
    report = json.loads(json_file.render(view))
    tally = report["tally"] or report["verified"]
    title = "Did it work?" if report["tally"] else "Is it as planned?"
    part = parts_of(view).get(title)
    assert (part is None) == (tally is None)
    if part is not None:
        assert [int(item.split()[0]) for item in part.items] == list(tally.values())[1:]
        assert numbers(part.text)[0] == tally["planned"]


@KINDS
def test_projects_access_and_findings_are_counted_as_in_the_json(view: View) -> None:
    report = json.loads(json_file.render(view))
    parts = parts_of(view)
    if report["projects"]:
        glance = {row[0]: row[2:] for row in parts["At a glance"].rows}
        for one in report["projects"]:
            assert glance[one["project"]] == [
                str(one[key] + one["groups_made"][key]) for key in MOVES
            ]
        text_numbers = numbers(parts["By project"].text)
        for one in report["projects"]:
            wanted = project_numbers(one)
            assert any(
                text_numbers[n : n + len(wanted)] == wanted for n in range(len(text_numbers))
            )
    if report["finding_kinds"]:
        rows = {row[2]: row[1] for row in parts["Findings"].rows if len(row) == 4}
        for kind in report["finding_kinds"]:
            assert rows[kind["code"]] == str(kind["number"])
        severities = {"error": "✕ error", "warning": "! warning", "info": "i note"}
        told = [row for row in parts["Findings"].rows if row[1] in severities.values()]
        assert [(row[1], row[3]) for row in told] == [
            (severities[one["severity"]], one["code"]) for one in report["findings"]
        ]
    assert ("Needs review" in parts) == bool(report["risky"] or report["removals"])
    for risk in report["risks"]:
        assert f"{risk['number']} {risk['label']}" in parts["Needs review"].items


def test_people_by_projects_say_what_the_json_says() -> None:
    view = VIEWS["run"]
    rows = parts_of(view)["Access before and after"].rows
    projects = rows[0][1:]
    told = {}
    for row in rows[1:]:
        for project, cell in zip(projects, row[1:], strict=True):
            if cell:
                told[next(p for p in PEOPLE if row[0].endswith(p)), project] = cell
    for one in json.loads(json_file.render(view))["access"]:
        if one["before"] is None and one["after"] is None:
            continue
        before, after = (one[key] or "no access" for key in SIDES)
        words = after if before == after else f"{before} → {after}"
        assert told.pop((one["username"], one["project"])) == words
    assert told == {}


SIDES = ("before", "after")
PEOPLE = sorted({row.person for row in VIEWS["run"].access}, key=len, reverse=True)


@KINDS
def test_what_did_not_work_stands_apart_with_its_reason(view: View) -> None:
    report = json.loads(json_file.render(view))
    title = "Not as planned" if report["verified"] else "Not done"
    part = parts_of(view).get(title, Part())
    told = [(row[0][2:], row[1], row[2]) for row in part.rows if len(row) == 3 and row[1].isdigit()]
    words = {"already so": "unchanged", "not attempted": "not started"}
    assert told == [
        (words.get(one["status"], one["status"]), str(one["number"]), one["reason"])
        for one in report["undone"]
    ]
