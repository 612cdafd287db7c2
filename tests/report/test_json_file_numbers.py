"""Every number of every format is the number of the JSON, and all of them add up."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanport.outcome import Run, Status
from kanport.plan.model import Plan
from kanport.report import json_file, markdown, tables
from kanport.report.make import of_plan, of_run, of_validation, of_verification
from kanport.report.view import Count, Sum, View
from tests.bench.reports import large_plan
from tests.support.report.drawing import (
    MOVES,
    in_range,
    numbers,
    pipe,
    plans_and_runs,
    project_numbers,
    screen,
    section,
)
from tests.support.report.examples import (
    FINDINGS,
    MAPPING,
    SOURCES,
    make_plan,
    make_run,
    make_verdicts,
)
from tests.support.report.random_reports import partial_run, whole_plan, whole_plans_and_runs

PLAN = make_plan()
RUN = make_run(
    PLAN,
    {
        5: (Status.FAILED, "the server said false"),
        15: (Status.SKIPPED, "a.schmidt was not created"),
        16: (Status.SKIPPED, "a.schmidt was not created"),
        20: (Status.ALREADY, ""),
        29: (Status.NOT_ATTEMPTED, "the run ended before this change"),
    },
)
WHOLE = whole_plan()
VIEWS = [
    pytest.param(of_plan(PLAN), id="plan"),
    pytest.param(of_plan(WHOLE), id="plan with access"),
    pytest.param(of_run(WHOLE, partial_run(WHOLE)), id="run with access"),
    pytest.param(of_plan(make_plan([], findings=(), guards=())), id="empty plan"),
    pytest.param(of_run(PLAN, RUN), id="run"),
    pytest.param(of_run(make_plan([]), make_run(make_plan([]))), id="empty run"),
    pytest.param(
        of_validation(MAPPING, SOURCES, FINDINGS, users=46, memberships=110), id="validation"
    ),
    pytest.param(
        of_verification(PLAN, make_verdicts(PLAN, {5: "there is no role", 7: "there is no role"})),
        id="verification",
    ),
]
FORMATS = [
    pytest.param(lambda view: screen(view, 80), id="narrow screen"),
    pytest.param(lambda view: screen(view, 140), id="wide screen"),
    pytest.param(pipe, id="pipe"),
    pytest.param(markdown.render, id="markdown"),
]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("draw", FORMATS)
def test_every_format_ends_with_the_numbers_of_the_json(
    view: View, draw: Callable[[View], str]
) -> None:
    report = json.loads(json_file.render(view))
    expected = []
    for total in report["sums"]:
        expected += [total["total"]["number"], *(part["number"] for part in total["parts"])]
    expected += [count["number"] for count in report["counts"]]
    assert numbers(section(draw(view), "Counts")) == expected


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("draw", FORMATS)
def test_every_format_tells_the_access_as_the_json_does(
    view: View, draw: Callable[[View], str]
) -> None:
    matrix = json.loads(json_file.render(view))["matrix"]
    expected = []
    for row in matrix["projects"] if matrix else ():
        expected += [row["before"], *in_range(row)]
        for role in row["roles"]:
            if role["before"] or role["after"]:
                expected += [role["before"], role["after"]]
    assert numbers(section(draw(view), "Access before and after")) == expected


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("draw", FORMATS)
def test_every_format_sums_up_the_actions_as_the_json_does(
    view: View, draw: Callable[[View], str]
) -> None:
    report = json.loads(json_file.render(view))
    expected = []
    for row in report["summary"]:
        told = row.get("tally") or row.get("verified") or {"planned": row["planned"]}
        expected += list(told.values())
    if report["summary"]:
        total = report["tally"] or report["verified"] or {"planned": len(report["changes"])}
        expected += list(total.values())
    assert numbers(section(draw(view), "Summary")) == expected


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("draw", FORMATS)
def test_every_format_counts_projects_and_findings_as_the_json_does(
    view: View, draw: Callable[[View], str]
) -> None:
    report, text = json.loads(json_file.render(view)), draw(view)
    projects = [number for one in report["projects"] for number in project_numbers(one)]
    assert numbers(section(text, "By project")) == projects
    kinds = [kind["number"] for kind in report["finding_kinds"]]
    assert numbers(section(text, "Findings by kind")) == kinds
    for severity, word in (("error", "error"), ("warning", "warning"), ("info", "note")):
        lines = [
            line for line in section(text, "Findings").splitlines() if f"{word} " in f"{line} "
        ]
        assert len([li for li in lines if "hint" not in li]) >= sum(
            finding["severity"] == severity for finding in report["findings"]
        )


@pytest.mark.parametrize("table", ["changes", "findings", "access", "rows"])
@pytest.mark.parametrize("view", VIEWS)
def test_csv_has_as_many_records_as_the_json_has_items(view: View, table: str) -> None:
    report = json.loads(json_file.render(view))
    if view.kind in ("validation", "verification") and table in ("changes", "access"):
        return
    text = tables.render(view, table)
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == len(report[table])
    if table == "changes":
        told = Counter(row["Action"] for row in rows)
        assert told == {row["action"]: row["planned"] for row in report["summary"]}


def test_a_ticket_holds_a_large_plan_and_says_how_much_it_leaves_out() -> None:
    view = of_plan(large_plan(5_000))
    text = markdown.render(view)
    assert len(text) <= markdown.LIMIT
    left = [int(n) for n in re.findall(r"… and (\d+) more changes", text)]
    told = re.findall(r"^- `[^`]+`( \([^)]*\))?: `[+~-]` ", text, re.MULTILINE)
    assert left == [len(view.lines) - len(view.others) - len(told)]
    findings = [int(n) for n in re.findall(r"… and (\d+) more findings", text)]
    assert findings and findings[0] < len(view.findings)
    assert "changes revoke or lower access" in text


@settings(max_examples=20, deadline=None)
@given(whole_plans_and_runs(), st.integers(1, 3000))
def test_a_ticket_never_gets_too_long_whatever_names_are_like(
    case: tuple[Plan, Run], times: int
) -> None:
    plan, run = case
    long = plan.model_copy(
        update={"findings": tuple(replace(f, value="x" * times * 20) for f in plan.findings)}
    )
    assert len(markdown.render(of_run(long, run))) <= markdown.LIMIT


@given(plans_and_runs())
def test_the_numbers_agree_with_the_items_that_they_count(case: tuple[Plan, Run]) -> None:
    plan, run = case
    view = of_run(plan, run)
    report = json.loads(json_file.render(view))
    ids = [change["id"] for change in report["changes"]]
    assert report["tally"]["planned"] == len(ids) == sum(r["planned"] for r in report["summary"])
    of_people = [line.change.id for line in view.lines if line.username is not None]
    assert sorted(i for person in report["people"] for i in person["changes"]) == of_people
    statuses = Counter(change["outcome"]["status"] for change in report["changes"])
    assert list(report["tally"].values())[1:] == [statuses[status.value] for status in Status]
    undone = [i for row in report["undone"] for i in row["changes"]]
    assert len(undone) == sum(list(report["tally"].values())[3:])
    for row in report["summary"]:
        assert sum(list(row["tally"].values())[1:]) == row["planned"]
    columns = zip(*(row["tally"].values() for row in report["summary"]), strict=True)
    if ids:
        assert list(report["tally"].values()) == [sum(column) for column in columns]
    assert len(report["findings"]) == sum(kind["number"] for kind in report["finding_kinds"])
    for access in report["projects"]:
        moves = access["planned"], access["groups_planned"]
        number = sum(sum(part.values()) for part in moves)
        created = sum(
            change["action"] == "project.create"
            for change in report["changes"]
            if change["id"] in access["changes"]
        )
        assert number + created == len(access["changes"])


@settings(max_examples=15, deadline=None)
@given(whole_plans_and_runs(), st.sampled_from([pipe, markdown.render]))
def test_each_project_adds_up_from_before_to_after_by_what_was_made(
    case: tuple[Plan, Run], draw: Callable[[View], str]
) -> None:
    plan, run = case
    for view in (of_plan(plan), of_run(plan, run)):
        report = json.loads(json_file.render(view))
        good = {
            change["id"]
            for change in report["changes"]
            if "outcome" not in change or change["outcome"]["status"] in ("done", "already so")
        }
        unchanged = {
            change["id"]
            for change in report["changes"]
            if "outcome" in change and change["outcome"]["status"] == "already so"
        }
        actions = {change["id"]: change["action"] for change in report["changes"]}
        matrix = {one["project"]: one for one in (report["matrix"] or {"projects": ()})["projects"]}
        for one in report["projects"]:
            made = Counter(actions[change] for change in one["changes"] if change in good)
            assert [one[key] for key in MOVES] == [
                made[f"membership.{action}"] for action in ("grant", "change", "revoke")
            ]
            assert [one["groups_made"][key] for key in MOVES] == [
                made[f"group_access.{action}"] for action in ("grant", "change", "revoke")
            ]
            so = Counter(actions[change] for change in one["changes"] if change in unchanged)
            for key, about in (("unchanged", "membership"), ("groups_unchanged", "group_access")):
                assert one[key] == sum(so[f"{about}.{a}"] for a in ("grant", "change", "revoke"))
            if (people := one["people"]) is None:
                continue
            gone = people["revoked"] + people["lost"] + people["removed"]
            assert people["before"] + people["granted"] + people["gained"] - gone == people["after"]
            if one["project"] in matrix:
                at = matrix[one["project"]]
                assert (people["before"], people["after"]) == (at["before"], at["after"])
        # Names may hold digits, or be written with some.
        shown = numbers(section(draw(view), "By project"))
        for one in report["projects"]:
            wanted = project_numbers(one)
            starts = range(len(shown) + 1)  # a project that is only created has no number
            assert any(shown[n : n + len(wanted)] == wanted for n in starts)


def test_a_sum_that_is_wrong_cannot_be_made() -> None:
    with pytest.raises(AssertionError, match="do not add up"):
        Sum(Count("all", 3, "all"), (Count("one", 1, "one"), Count("two", 1, "two")))


def test_big_numbers_are_plain_digits() -> None:
    view = of_validation(MAPPING, SOURCES, (), users=1234567, memberships=50000)
    for text in (screen(view), pipe(view), markdown.render(view)):
        assert "1234567 users" in text
        assert "50000 memberships" in text
