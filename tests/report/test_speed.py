"""No format takes longer than ten times what `json.dumps` needs for the plan that it tells."""

import json

import pytest

from kanport.plan.model import Plan
from kanport.report import FORMATS, drawn
from kanport.report.make import of_plan
from kanport.report.tables import TABLES
from kanport.report.view import View
from tests.bench.reports import large_plan, seconds

CHANGES = 5_000  # the ratios are those of 50,000: everything grows with the number of changes
MOST = 10


@pytest.fixture(scope="module")
def plan() -> Plan:
    return large_plan(CHANGES)


@pytest.fixture(scope="module")
def view(plan: Plan) -> View:
    return of_plan(plan)


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_written_in_no_more_than_ten_times_json_dumps(
    plan: Plan, view: View, name: str
) -> None:
    content = plan.model_dump(mode="json", exclude_none=True)
    form = FORMATS[name]
    for table in TABLES if form.tabular else (None,):
        drawn(view, form, table=table)  # modules are loaded only once
        ratios = []
        # Others use the machine as well: one good round shows what it takes.
        for _ in range(5):
            yard = seconds(lambda: json.dumps(content))
            took = seconds(lambda: drawn(view, form, table=table), times=1)  # noqa: B023
            ratios.append(took / yard)
            if ratios[-1] <= MOST:
                break
        assert min(ratios) <= MOST, ratios
