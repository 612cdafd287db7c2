"""What became of each row of the input."""

from collections import Counter

import pytest

from kanport.origin import Origin
from kanport.plan.model import PlanRows, PlanSource
from kanport.plan.rows_read import rows_read, spans_of_rows
from kanport.report.changes import input_rows
from kanport.report.make import of_plan, of_validation
from kanport.report.view import RowResult, View
from tests.support.report.examples import FINDINGS, MAPPING, make_plan
from tests.support.report.random_reports import whole_plan

PLAN = whole_plan()
VIEW = of_plan(PLAN)


def fate(view: View, place: str) -> RowResult:
    (found,) = [row for row in view.rows if row.place == place]
    return found.fate


def test_every_row_of_a_source_is_told_once() -> None:
    assert len(VIEW.rows) == sum(source.rows for source in PLAN.sources)
    (told,) = [total for total in VIEW.sums if total.total.key == "rows"]
    counted = Counter(row.fate.value for row in VIEW.rows)
    assert {part.label: part.number for part in told.parts if part.number} == dict(counted)


def test_a_row_is_told_with_its_changes_and_its_findings() -> None:
    assert fate(VIEW, "staff.csv:3") is RowResult.CHANGED
    assert fate(VIEW, "staff.csv:27") is RowResult.LEFT_OUT  # its person stands in two rows
    assert fate(VIEW, "staff.csv:11") is RowResult.LEFT_OUT  # the other one of them
    assert fate(VIEW, "staff.csv:33") is RowResult.NOTHING  # a note stops nothing
    (row,) = [row for row in VIEW.rows if row.place == "staff.csv:14"]
    assert row.fate is RowResult.CHANGED
    assert [finding.code for finding in row.findings] == ["username-spelled", "email-invalid"]


def test_in_a_validation_no_row_could_lead_to_a_change() -> None:
    view = of_validation(MAPPING, PLAN.sources, FINDINGS, users=1, memberships=1)
    assert {row.fate for row in view.rows} == {RowResult.READ, RowResult.LEFT_OUT}


def test_a_plan_that_does_not_tell_its_rows_has_no_table_of_them() -> None:
    assert not of_plan(make_plan()).rows


def test_a_plan_that_tells_other_rows_than_it_counts_is_not_believed() -> None:
    source = PlanSource(
        name="a",
        type="csv",
        path="a.csv",
        sha256="",
        size=1,
        rows=2,
        read=(PlanRows(file="a.csv", rows="2-999999999"),),
    )
    assert spans_of_rows(source) == []


@pytest.mark.parametrize(
    "origins",
    [
        [Origin("a", file="a.csv", row=row) for row in (2, 3, 4, 9)],
        [Origin("a", file="a.xlsx", sheet=sheet, row=row) for sheet in "AB" for row in (2, 5)],
        [Origin("a", dn="uid=ann"), Origin("a", dn="uid=bob")],
        [],
    ],
)
def test_rows_are_read_back_as_they_were_said(origins: list[Origin]) -> None:
    source = PlanSource(
        name="a",
        type="csv",
        path="a",
        sha256="",
        size=1,
        rows=len(origins),
        read=rows_read(origins),
    )
    places = [span.place.at(row=row) for span in spans_of_rows(source) for row in span.rows]
    assert places == origins
    rows = input_rows([source], (), (), planned=True)
    assert [row.place for row in rows] == list(map(str, origins))
    assert [rows[number] for number in range(len(rows))] == list(rows)


def test_an_entry_that_gave_several_rows_says_how_many() -> None:
    (told,) = rows_read([Origin("a", dn="uid=ann")] * 3)
    assert told.entries == {"uid=ann": 3}
