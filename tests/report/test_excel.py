"""The Excel report is a real workbook: tables, filters, types, and room for a reviewer."""

import io
import zipfile
from datetime import datetime
from xml.etree import ElementTree

import pytest
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from kanport.outcome import Status
from kanport.report import excel
from kanport.report.excel import fitting
from kanport.report.make import of_plan, of_run, of_validation, of_verification
from kanport.report.view import View
from kanport.workbook import MOST_CHARACTERS
from tests.support.report.examples import (
    FINDINGS,
    MAPPING,
    SOURCES,
    make_plan,
    make_run,
    make_verdicts,
)
from tests.support.report.excel import opened, section, table
from tests.support.report.random_reports import FORMULA, partial_run, whole_plan

PLAN = whole_plan()
VIEW = of_plan(PLAN)
RUN = of_run(PLAN, partial_run(PLAN))
VALIDATION = of_validation(MAPPING, SOURCES, FINDINGS, users=1, memberships=2)
VERIFICATION = of_verification(make_plan(), make_verdicts(make_plan(), {5: "there is no role"}))
EMPTY = of_plan(make_plan([], findings=(), guards=()))


@pytest.mark.parametrize(
    ("view", "sheets"),
    [
        (
            RUN,
            [
                *("Summary", "Changes", "Projects", "Access", "Users by projects"),
                *("Findings", "Input rows"),
            ],
        ),
        (VALIDATION, ["Summary", "Findings", "Input rows"]),
        (VERIFICATION, ["Summary", "Changes", "Projects", "Access", "Findings"]),
        (
            EMPTY,
            ["Summary", "Changes", "Projects", "Access", "Findings", "Input rows"],
        ),
    ],
)
def test_each_kind_of_report_has_its_sheets(view: View, sheets: list[str]) -> None:
    assert opened(view).sheetnames == sheets


@pytest.mark.parametrize("view", [RUN, EMPTY])
def test_every_sheet_but_the_summary_is_a_table_with_filters_and_a_frozen_head(view: View) -> None:
    for sheet in opened(view).worksheets[1:]:
        assert isinstance(sheet, Worksheet)
        (found,) = sheet.tables.values()
        assert found.autoFilter is not None and found.autoFilter.ref == found.ref
        assert found.ref == f"A1:{sheet.cell(max(sheet.max_row, 2), sheet.max_column).coordinate}"
        heads = [cell.value for cell in sheet[1]]
        assert [column.name for column in found.tableColumns] == heads
        assert len({str(head).lower() for head in heads}) == len(heads)
        assert sheet.freeze_panes == "A2"
        assert sheet.print_title_rows == "$1:$1"
        widths = [
            sheet.column_dimensions[get_column_letter(at)].width for at in range(1, len(heads) + 1)
        ]
        assert all(6 <= width <= 64 for width in widths)


def test_a_reviewer_decides_about_each_access_in_columns_of_their_own() -> None:
    sheet = opened(RUN)["Access"]
    heads = [cell.value for cell in sheet[1]]
    at = heads.index("Decision")
    assert heads[at : at + 4] == ["Decision", "Reviewer", "Date", "Comment"]
    (choice,) = sheet.data_validations.dataValidation
    assert choice.formula1 == '"keep,revoke,change"'
    letter = get_column_letter(heads.index("Decision") + 1)
    assert str(choice.sqref) == f"{letter}2:{letter}{len(RUN.access) + 1}"


def test_the_review_has_one_row_for_a_person_and_a_project() -> None:
    rows = table(opened(RUN), "Access")
    assert len({(row["User"], row["Project"]) for row in rows}) == len(rows) == len(RUN.access)
    told = {(row["User"], row["Project"]): row for row in rows}
    assert told["j.moreau", "INTRANET"]["What happens"] == "failed"
    assert told["e.rossi", "MOBILE"]["What happens"] == "granted"
    assert told["e.rossi", "MOBILE"]["Origin"] == "access.xlsx#Projects!D11"
    assert told["x.one", "WEBSHOP"]["What happens"] == "stays"
    assert told["x.two", "OPS"]["What happens"] == "granted through a group"
    assert told[FORMULA, "WEBSHOP"]["Account"] == "disabled"


def test_numbers_are_numbers_and_times_are_times() -> None:
    found = opened(RUN)
    sources = section(found, "Sources")
    assert [row[2:4] for row in sources[1:]] == [[48, 4096], [51, 20480]]
    assert sources[1][6] == datetime(2026, 11, 2, 6, 30)
    about = {row[0]: row[1] for row in section(found, "About")}
    assert about["Planned at (UTC)"] == datetime(2026, 11, 3, 22, 15, 7)
    assert all(isinstance(row["Rows"], int) for row in table(found, "Input rows"))


def test_what_looks_like_a_formula_is_text_and_stays_text_when_it_is_edited() -> None:
    sheet = opened(VIEW)["Access"]
    (cell,) = [row[0] for row in sheet.iter_rows() if row[0].value == FORMULA]
    assert (cell.data_type, cell.quotePrefix) == ("s", True)
    heads = [one.value for one in sheet[1]]
    name = sheet.cell(cell.row, heads.index("Name") + 1)
    assert (name.value, name.data_type, name.quotePrefix) == ("+49 30 1234", "s", True)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("a\x00b\x0b", "a\\x00b\\x0b"),
        ("line\nbreak\r", "line\\nbreak\\r"),
        ("\ud800", "\\ud800"),
        ("_x000D_", "_x000D_"),
        ("  blanks  ", "  blanks  "),
        ("\ufffe", "\\ufffe"),
        ("<b>&amp;", "<b>&amp;"),
    ],
)
def test_a_cell_holds_what_no_xml_may_hold(text: str, held: str) -> None:
    plan = make_plan([{"action": "user.create", "who": text}])
    assert table(opened(of_plan(plan)), "Changes")[0]["User"] == held


def test_a_text_that_is_too_long_for_a_cell_says_that_it_was_cut() -> None:
    for text in ("x" * 40_000, "😀" * 20_000):
        held = fitting(text)
        assert len(held.encode("utf-16-le")) // 2 <= MOST_CHARACTERS
        assert f"{len(text)} characters in all" in held
    assert fitting("y" * MOST_CHARACTERS) == "y" * MOST_CHARACTERS


def test_the_same_input_gives_the_same_bytes_whenever_it_is_drawn() -> None:
    again = whole_plan()
    assert excel.render(of_run(again, partial_run(again))) == excel.render(RUN)
    with zipfile.ZipFile(io.BytesIO(excel.render(RUN))) as package:
        assert {part.date_time for part in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_every_part_is_xml_and_every_relation_leads_somewhere() -> None:
    with zipfile.ZipFile(io.BytesIO(excel.render(RUN))) as package:
        names = set(package.namelist())
        for name in names:
            root = ElementTree.fromstring(package.read(name))  # noqa: S314 - it is our own
            if name.endswith(".rels"):
                folder = name.replace("_rels/", "").rpartition("/")[0]
                for relation in root:
                    target = f"{folder}/{relation.get('Target')}".removeprefix("/")
                    while "/../" in target:
                        head, _, tail = target.partition("/../")
                        target = f"{head.rpartition('/')[0]}/{tail}"
                    assert target in names


def test_its_properties_say_what_it_is_and_when_it_was_made() -> None:
    properties = opened(VIEW).properties
    assert (properties.title, properties.creator) == (VIEW.title, "Kanport")
    assert properties.created == datetime(2026, 11, 3, 22, 15, 7)


def test_what_did_not_work_is_marked_by_a_rule_and_said_in_words() -> None:
    sheet = opened(of_run(make_plan(), make_run(make_plan(), {5: (Status.FAILED, "no")})))[
        "Changes"
    ]
    heads = [cell.value for cell in sheet[1]]
    marked = {str(area.sqref).partition("2:")[0] for area in sheet.conditional_formatting}
    assert get_column_letter(heads.index("Outcome") + 1) in marked
    # Most severe first.
    assert sheet.cell(2, heads.index("Outcome") + 1).value == "failed"


def test_at_most_eight_columns_are_printed_on_a4_landscape() -> None:
    for sheet in opened(RUN).worksheets:
        assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
        # One page wide, as many high as it takes.
        assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) in ((None, 0), (1, 0))
        if sheet.max_column > 8:
            assert sheet.print_area.endswith(f"$H${sheet.max_row}")


def test_the_most_severe_changes_come_first_in_plain_words() -> None:
    rows = table(opened(VIEW), "Changes")
    assert rows[0]["Action"] == "update user"
    assert rows[0]["Risk"] == "grants administrator rights"
    assert all(row["Risk"] for row in rows[: len(VIEW.risky)])
    removing = {row["Action"] for row in rows[len(VIEW.risky) :][: len(VIEW.removals)]}
    assert removing == {"disable user", "revoke membership"}


def test_people_by_projects_tell_each_role_before_and_after() -> None:
    rows = {row["User"]: row for row in table(opened(VIEW), "Users by projects")}
    assert rows["x.two"]["OPS"] == "no access → project-member"
    assert (rows["x.two"]["Changed"], rows["x.two"]["Privileged"]) == ("yes", "no")
    assert rows["x.one"]["WEBSHOP"] == "project-member"
    assert rows["x.one"]["Privileged"] == "yes"  # a custom role
