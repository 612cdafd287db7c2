"""Which rows a source had, written briefly and read back."""

import pytest

from kanport.origin import Origin
from kanport.plan.model import PlanRows, PlanSource
from kanport.plan.rows_read import rows_read, spans_of_rows
from kanport.report.changes import input_rows


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
