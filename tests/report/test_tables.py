"""CSV of one table: whole, one record a line, and no formula in it."""

import csv
import io

import pytest
from hypothesis import given, settings

from kanport.errors import UsageError
from kanport.outcome import Run
from kanport.plan.model import Plan
from kanport.report import tables
from kanport.report.escape import escape_control
from kanport.report.make import of_plan, of_run, of_validation
from kanport.report.tables import TABLES
from kanport.report.view import View
from tests.support.report.examples import FINDINGS, MAPPING, SOURCES, make_plan
from tests.support.report.random_reports import (
    FORMULA,
    partial_run,
    whole_plan,
    whole_plans_and_runs,
)

PLAN = whole_plan()
VIEW = of_plan(PLAN)
RUN = of_run(PLAN, partial_run(PLAN))
VALIDATION = of_validation(MAPPING, SOURCES, FINDINGS, users=1, memberships=2)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def rows_of(view: View, table: str) -> int:
    return len(
        {
            "changes": view.lines,
            "findings": view.findings,
            "access": view.access,
            "rows": view.rows,
            "withheld": view.withheld,
            "open": view.open,
        }[table]
    )


@pytest.mark.parametrize("table", TABLES)
def test_each_table_has_a_record_for_each_item(table: str) -> None:
    assert len(read(tables.render(RUN, table))) == rows_of(RUN, table)


def test_without_a_choice_it_is_the_changes_and_of_a_validation_the_findings() -> None:
    assert tables.render(VIEW) == tables.render(VIEW, "changes")
    assert tables.render(VALIDATION) == tables.render(VALIDATION, "findings")


@pytest.mark.parametrize(
    ("view", "table"),
    [
        (VALIDATION, "changes"),
        (VALIDATION, "access"),
        (VALIDATION, "withheld"),
        (VALIDATION, "open"),
    ],
)
def test_a_table_that_a_report_does_not_have_is_refused(view: View, table: str) -> None:
    with pytest.raises(UsageError, match="has no table of"):
        tables.render(view, table)


def test_a_change_is_told_with_what_became_of_it() -> None:
    told = {row["Change"]: row for row in read(tables.render(RUN))}
    assert told["c0005"]["Outcome"] == "failed"
    assert told["c0005"]["Outcome reason"] == "the server said false"
    assert told["c0011"]["Before"] == "email: e.rossi@old.example"
    assert told["c0026"]["After"] == "project-manager"
    assert told["c0014"]["Before"] == "name: S Lindqvist; email: (empty)"


def test_records_end_as_the_standard_says() -> None:
    text = tables.render(VIEW)
    assert text.endswith("\r\n")
    assert text.count("\r\n") == len(VIEW.lines) + 1


def test_what_looks_like_a_formula_has_an_apostrophe_before_it() -> None:
    who = [row["User"] for row in read(tables.render(VIEW, "access"))]
    assert f"'{FORMULA}" in who and FORMULA not in who
    for sign in "=+-@\t\r":
        plan = make_plan([{"action": "user.create", "who": f"{sign}1"}])
        (row,) = read(tables.render(of_plan(plan)))
        assert row["User"] == f"'{escape_control(f'{sign}1')}"


@settings(max_examples=50, deadline=None)
@given(whole_plans_and_runs())
def test_no_name_breaks_a_record_or_becomes_a_formula(case: tuple[Plan, Run]) -> None:
    view = of_run(*case)
    for table in TABLES:
        text = tables.render(view, table)
        rows = read(text)
        assert len(rows) == rows_of(view, table) == len(text.split("\r\n")) - 2
        cells = [cell for row in rows for cell in row.values()]
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
        assert all("\n" not in cell for cell in cells)
    names = [row["User"].removeprefix("'") for row in read(tables.render(view))]
    told = [escape_control(change.username or "").removeprefix("'") for change in case[0].changes]
    assert names == told
