"""No name can harm a reader of the Excel report, and every name can be read back from it."""

import io
import zipfile

from hypothesis import given, settings
from openpyxl import load_workbook

from kanport.outcome import Run
from kanport.plan.model import Plan
from kanport.report import excel
from kanport.report.excel import fitting
from kanport.report.make import of_plan, of_run
from tests.support.report.random_reports import whole_plans_and_runs


@settings(max_examples=25, deadline=None)
@given(whole_plans_and_runs())
def test_every_cell_is_text_or_a_number_and_never_a_formula(case: tuple[Plan, Run]) -> None:
    content = excel.render(of_run(*case))
    book = load_workbook(io.BytesIO(content))
    for sheet in book:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type in ("s", "n", "d")
                assert (
                    cell.data_type != "s"
                    or not str(cell.value).startswith(("=", "+", "-", "@"))
                    or cell.quotePrefix
                )
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        assert b"<f>" not in b"".join(
            package.read(name) for name in package.namelist() if "worksheets/sheet" in name
        )


@settings(max_examples=25, deadline=None)
@given(whole_plans_and_runs())
def test_every_name_is_there_as_it_was_or_with_what_cannot_be_seen_escaped(
    case: tuple[Plan, Run],
) -> None:
    plan = case[0]
    book = load_workbook(io.BytesIO(excel.render(of_plan(plan))))
    heads, *rows = book["Changes"].iter_rows(values_only=True)
    at = heads.index("User")
    told = [str(row[at] or "") for row in rows][: len(plan.changes)]
    assert sorted(told) == sorted(fitting(change.username or "") for change in plan.changes)
