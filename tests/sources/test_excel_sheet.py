"""Which sheet is read, and what hidden rows, merged cells and odd headers mean for it."""

import datetime
import time
from pathlib import Path
from typing import Literal

import pytest
from openpyxl.chart import BarChart
from openpyxl.styles import PatternFill

from kanport.errors import SourceInvalid
from tests.support.sources import (
    SHEET,
    Workbook,
    cell_issue,
    column,
    findings_of,
    findings_with,
    read_excel,
    saved,
    the_finding,
    values,
    with_part,
    workbook,
)


def staff(rows: list[list[object]] | None = None) -> Workbook:
    return workbook(rows or [["Login", "Name", "Note"], ["ada", "Ada", "x"], ["bob", "Bob", "y"]])


# --- which sheet ----------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["hidden", "veryHidden"])
def test_the_first_visible_sheet_is_read_and_named(
    tmp_path: Path, state: Literal["hidden", "veryHidden"]
) -> None:
    book = staff()
    book.create_sheet("Old", 0).append(["Login"])
    book["Old"].sheet_state = state
    book.active = book["Staff"]
    table = read_excel(tmp_path, book)
    assert column(table, "Login") == ["ada", "bob"]
    (finding,) = findings_with(table, "file-read-as")
    assert finding.message == 'read the sheet "Staff"'
    assert finding.origin is not None and finding.origin.sheet == "Staff"


def test_a_hidden_sheet_that_is_named_is_read_and_that_is_told(tmp_path: Path) -> None:
    book = staff()
    book.create_sheet("Front", 0)
    book["Staff"].sheet_state = "hidden"
    table = read_excel(tmp_path, book, sheet="Staff")
    assert findings_with(table, "file-read-as")[0].message == 'read the hidden sheet "Staff"'


def test_a_sheet_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    book = staff()
    book.create_sheet("Notes")
    finding = the_finding(lambda: read_excel(tmp_path, book, sheet="staf"), "sheet-missing")
    assert finding.hint == 'did you mean "Staff"? The sheets are "Staff" and "Notes"'


def test_a_chart_is_no_sheet_to_read(tmp_path: Path) -> None:
    book = staff()
    book.create_chartsheet("Chart", 0).add_chart(BarChart())
    data = saved(book)
    assert column(read_excel(tmp_path, data), "Login") == ["ada", "bob"]
    finding = the_finding(lambda: read_excel(tmp_path, data, sheet="Chart"), "sheet-missing")
    assert finding.hint == 'the sheets are "Staff"'


def test_a_workbook_of_hidden_sheets_needs_one_to_be_named(tmp_path: Path) -> None:
    data = with_part(
        saved(staff()), "xl/workbook.xml", lambda t: t.replace('state="visible"', 'state="hidden"')
    )
    finding = the_finding(lambda: read_excel(tmp_path, data), "sheet-missing")
    assert "no visible sheet" in finding.message


# --- headers --------------------------------------------------------------------------------------


def test_the_mapping_says_in_which_row_the_headers_are(tmp_path: Path) -> None:
    book = staff([["Staff 2026"], [], ["Login", "Name"], ["ada", "Ada"]])
    table = read_excel(tmp_path, book, header_row=3)
    assert values(table) == [{"Login": "ada", "Name": "Ada"}]
    assert table.rows[0].origin.row == 4


def test_a_title_in_place_of_the_headers_is_told_with_the_right_row(tmp_path: Path) -> None:
    book = staff([["zoe", "Zoe"], [None, None], ["Login", "Name"], ["ada", "Ada"]])
    data = saved(book)
    wrong = the_finding(lambda: read_excel(tmp_path, data, used=["Login"]), "column-missing")
    assert wrong.hint == "row 3 has them: set header_row: 3 in the mapping"
    empty = the_finding(
        lambda: read_excel(tmp_path, data, used=["Login"], header_row=2), "file-empty"
    )
    assert empty.hint == wrong.hint


def test_an_empty_sheet_and_one_with_headers_only_are_refused(tmp_path: Path) -> None:
    assert the_finding(lambda: read_excel(tmp_path, Workbook()), "file-empty").message
    finding = the_finding(lambda: read_excel(tmp_path, staff([["a", "b"], [" "]])), "file-empty")
    assert "no rows" in finding.message
    the_finding(lambda: read_excel(tmp_path, b""), "file-empty")


def test_headers_that_stand_twice_or_lack_are_told_with_their_cells(tmp_path: Path) -> None:
    book = staff([["Mail", " mail", None, None], ["a", "b", None, None], ["c", "d", "e", None]])
    found = findings_of(lambda: read_excel(tmp_path, book))
    assert [(each.code, each.origin and each.origin.cell) for each in found] == [
        ("header-duplicate", "B1"),
        ("header-empty", "C3"),
    ]


def test_notes_right_of_the_list_are_told_and_ignored(tmp_path: Path) -> None:
    book = staff()
    before = read_excel(tmp_path, book)
    book["Staff"]["XFD3"] = "a note"
    book["Staff"]["XFD99"] = "below the list"
    table = read_excel(tmp_path, book)
    assert [row.values for row in table.rows] == [row.values for row in before.rows]
    (finding,) = [one for one in table.findings if one.code == "notes-beside"]
    assert finding.origin is not None and finding.origin.cell == "XFD3"


def test_a_row_in_place_of_the_header_is_not_shown_with_its_password(tmp_path: Path) -> None:
    book = staff([["ada", "Sup3r-Geheim"], ["bob", "x"]])
    finding = the_finding(
        lambda: read_excel(tmp_path, book, used=["Login"], secret=["Password"]), "column-missing"
    )
    assert "Geheim" not in repr(finding)


# --- hidden rows and columns ----------------------------------------------------------------------


def with_hidden_rows() -> Workbook:
    book = staff([["Login"], ["a"], ["b"], ["c"], ["d"], [None], ["e"]])
    for row in (3, 4, 6, 7):
        book["Staff"].row_dimensions[row].hidden = True
    return book


def test_hidden_rows_are_refused_unless_the_mapping_says_what_to_do(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_excel(tmp_path, with_hidden_rows()), "row-hidden")
    assert "3 rows are hidden (3-4 and 7)" in finding.message
    assert finding.origin is not None and finding.origin.row == 3
    assert finding.hint is not None and "hidden_rows" in finding.hint


def test_hidden_rows_are_read_or_skipped_as_the_mapping_says(tmp_path: Path) -> None:
    read = read_excel(tmp_path, with_hidden_rows(), hidden_rows="read")
    assert column(read, "Login") == ["a", "b", "c", "d", "e"]
    skipped = read_excel(tmp_path, with_hidden_rows(), hidden_rows="skip")
    assert column(skipped, "Login") == ["a", "d"]
    assert [row.origin.row for row in skipped.rows] == [2, 5]
    assert any(found.case == "rows" for found in findings_with(read, "file-read-as"))
    assert not read.partial
    # Whoever stands in them is not gone.
    assert [
        found.origin.row for found in findings_with(skipped, "rows-left-out") if found.origin
    ] == [3]
    assert skipped.partial


def test_a_row_with_a_height_of_nothing_is_hidden(tmp_path: Path) -> None:
    data = with_part(
        saved(staff()), SHEET, lambda text: text.replace('<row r="2"', '<row r="2" ht="0"')
    )
    the_finding(lambda: read_excel(tmp_path, data), "row-hidden")


def test_hidden_rows_outside_of_the_data_do_not_matter(tmp_path: Path) -> None:
    book = staff([["Title"], ["Login"], ["a"]])
    for row in (1, 9):
        book["Staff"].row_dimensions[row].hidden = True
    assert column(read_excel(tmp_path, book, header_row=2), "Login") == ["a"]


def test_hidden_columns_are_read_as_the_mapping_names_them_and_told(tmp_path: Path) -> None:
    book = staff()
    book["Staff"].column_dimensions["B"].hidden = True
    table = read_excel(tmp_path, book, used=["Login", "Name"])
    assert column(table, "Name") == ["Ada", "Bob"]
    assert 'its hidden columns "Name"' in findings_with(table, "file-read-as")[0].message
    assert (
        "hidden"
        not in findings_with(read_excel(tmp_path, book, used=["Login"]), "file-read-as")[0].message
    )


# --- merged cells ---------------------------------------------------------------------------------


def merged(*ranges: str, rows: list[list[object]] | None = None) -> Workbook:
    book = staff(
        rows or [["Login", "Team", "Note"], ["a", "X", "1"], ["b", None, "2"], ["c", "Y", "3"]]
    )
    for each in ranges:
        book["Staff"].merge_cells(each)
    return book


def test_merged_cells_in_a_column_that_is_read_are_refused(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_excel(tmp_path, merged("B2:B3")), "cell-merged")
    assert "B2:B3" in finding.message
    assert finding.origin is not None and finding.origin.cell == "B2"
    assert finding.hint is not None and "merged_cells: fill" in finding.hint


def test_merged_cells_are_filled_where_the_mapping_says_so(tmp_path: Path) -> None:
    book = merged(
        "B2:B4", "A5:B5", rows=[["Login", "Team", "Note"], ["a", "X", "1"], ["b"], [], ["d"]]
    )
    table = read_excel(tmp_path, book, merged_cells="fill")
    assert column(table, "Team") == ["X", "X", "d"]
    assert [row.origin.row for row in table.rows] == [2, 3, 5]


def test_merged_cells_in_columns_that_nobody_names_are_only_odd(tmp_path: Path) -> None:
    table = read_excel(tmp_path, merged("B2:B3"), used=["Login"])
    assert [row.odd.get("Team") is not None for row in table.rows] == [True, True, False]
    assert cell_issue(table, "Team", 1).code == "cell-merged"


def test_merged_cells_outside_of_the_data_or_without_a_value_do_not_matter(tmp_path: Path) -> None:
    rows: list[list[object]] = [["A title"], ["Login", "Team"], ["a", None], ["b", None]]
    book = merged("A1:D1", "B3:B4", "A8:B9", rows=rows)
    assert column(read_excel(tmp_path, book, header_row=2), "Login") == ["a", "b"]


def test_a_header_that_reaches_down_into_the_rows_is_refused_and_never_filled_in(
    tmp_path: Path,
) -> None:
    rows: list[list[object]] = [["Login", "Team"], [None, "first"], ["a", "X"]]
    the_finding(lambda: read_excel(tmp_path, merged("A1:A2", rows=rows)), "cell-merged")
    table = read_excel(tmp_path, merged("A1:A2", rows=rows), merged_cells="fill")
    assert column(table, "Login") == ["", "a"]


# --- size -----------------------------------------------------------------------------------------


def test_formats_down_to_the_last_cell_cost_nothing(tmp_path: Path) -> None:
    book = staff()
    book["Staff"]["XFD1048576"].fill = PatternFill("solid", fgColor="FF0000")
    book["Staff"].column_dimensions.group("D", "XFD", hidden=True)
    merge = '</sheetData><mergeCells count="1"><mergeCell ref="D4:XFC1048575"/></mergeCells>'
    data = with_part(saved(book), SHEET, lambda text: text.replace("</sheetData>", merge))
    started = time.process_time()
    table = read_excel(tmp_path, data)
    assert len(table.rows) == 2
    assert time.process_time() - started < 10


def test_a_hundred_thousand_formatted_rows_are_no_rows(tmp_path: Path) -> None:
    empty = "".join(
        f'<row r="{n}" s="1" ht="15"><c r="A{n}" s="0"/></row>' for n in range(4, 100_004)
    )
    data = with_part(
        saved(staff()), SHEET, lambda text: text.replace("</sheetData>", empty + "</sheetData>")
    )
    assert len(read_excel(tmp_path, data, max_rows=2).rows) == 2


def test_more_rows_than_the_mapping_allows_are_refused(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_excel(tmp_path, staff(), max_rows=1), "file-too-large")
    assert finding.hint is not None and "max_rows" in finding.hint
    below = workbook([[], [], ["a"], ["b"], ["c"]])
    assert len(read_excel(tmp_path, below, header_row=3, max_rows=2).rows) == 2
    the_finding(lambda: read_excel(tmp_path, below, header_row=3, max_rows=1), "file-too-large")


def test_reading_stops_where_there_are_too_many_rows(tmp_path: Path) -> None:
    many = workbook([["a"], *([number] for number in range(50))])
    broken = with_part(saved(many), SHEET, lambda text: text.replace('<row r="40"', '<row r="4"'))
    the_finding(lambda: read_excel(tmp_path, broken, max_rows=10), "file-too-large")
    the_finding(lambda: read_excel(tmp_path, broken), "file-damaged")


def test_every_header_has_its_place(tmp_path: Path) -> None:
    book = workbook([["Access"], ["Login", None, "ALPHA"], ["ada", None, "R"]])
    headers = read_excel(tmp_path, book, header_row=2).headers
    assert {name: place.cell for name, place in headers.items()} == {"Login": "A2", "ALPHA": "C2"}
    assert {str(place).partition("#")[2] for place in headers.values()} == {"Staff!A2", "Staff!C2"}


def test_more_problems_of_a_kind_than_are_shown_are_counted(tmp_path: Path) -> None:
    book = staff([[f"=A{column}" for column in range(1, 1103)], ["a"] * 1102])
    with pytest.raises(SourceInvalid) as raised:
        read_excel(tmp_path, book)
    formulas = [found for found in raised.value.findings if found.code == "cell-formula"]
    assert len(formulas) == 1001
    assert (formulas[-1].case, formulas[-1].params) == ("more", (("count", 102),))


def test_a_row_counts_where_one_of_its_cells_holds_something(tmp_path: Path) -> None:
    rows = [["Login", "Name"], ["ada", "  "], [" ", "Bob"], ["  ", " "], ["eve", "Eve"]]
    table = read_excel(tmp_path, workbook(rows))
    assert [row.origin.row for row in table.rows] == [2, 3, 5]
    assert column(table, "Login") == ["ada", "", "eve"]


def test_no_row_looks_like_the_header_where_no_column_is_named(tmp_path: Path) -> None:
    data = workbook([["List of people"], [None], ["Login", "Name"], ["ada", "Ada"]])
    unnamed = the_finding(lambda: read_excel(tmp_path, data, header_row=2), "file-empty")
    assert unnamed.hint is None
    named = the_finding(
        lambda: read_excel(tmp_path, data, used=["Login"], header_row=2), "file-empty"
    )
    assert named.hint is not None and "header_row: 3" in named.hint


BOOK, RELATIONS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"


def test_a_sheet_that_leads_nowhere_is_an_error_and_not_passed_over_like_a_chart(
    tmp_path: Path,
) -> None:
    book = staff()
    front = book.create_sheet("Front", 0)
    for row in (["Login"], ["zoe"]):
        front.append(row)
    assert column(read_excel(tmp_path, saved(book)), "Login") == ["zoe"]
    data = with_part(saved(book), BOOK, lambda text: text.replace('r:id="rId1"', 'r:id="rId99"'))
    the_finding(lambda: read_excel(tmp_path, data), "file-damaged")


def test_styles_that_a_workbook_names_and_lacks_are_unknown_like_broken_ones(
    tmp_path: Path,
) -> None:
    data = saved(staff([["Login", "Since"], ["ada", datetime.date(2026, 1, 2)]]))
    for part, change in (
        (RELATIONS, lambda text: text.replace("styles.xml", "nowhere.xml")),
        ("xl/styles.xml", lambda _: "no XML at all"),
    ):
        table = read_excel(tmp_path, with_part(data, part, change))
        assert cell_issue(table, "Since").code == "cell-unreadable"
