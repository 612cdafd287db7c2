"""What becomes of the cells of a sheet: nothing is guessed, and nothing looks empty that is not."""

import datetime
import re
from pathlib import Path

import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont

from tests.support.sources import (
    SHEET,
    cell_issue,
    column,
    findings_with,
    read_excel,
    saved,
    the_finding,
    values,
    with_cell,
    with_part,
    with_shared_text,
    workbook,
)


def one_cell(xml: str) -> bytes:
    """Give a workbook whose cell B2, under the header Name, has this XML."""
    return with_cell(saved(workbook([["Login", "Name"], ["ada", "x"]])), "B2", xml)


def test_a_cell_is_named_by_its_address(tmp_path: Path) -> None:
    row = read_excel(tmp_path, workbook([["Login", "Name"], [], ["ada", "Ada"]])).rows[0]
    place = row.place("Name")
    assert (place.sheet, place.row, place.cell) == ("Staff", 3, "B3")
    assert str(place).endswith("people.xlsx#Staff!B3")


def test_blank_rows_are_skipped_and_the_numbers_stay_right(tmp_path: Path) -> None:
    table = read_excel(
        tmp_path, workbook([["a", "b"], [], [" ", "\u00a0"], ["x", None], [], ["y"]])
    )
    assert [row.origin.row for row in table.rows] == [4, 6]
    first, second = table.rows
    assert first.places is second.places


@pytest.mark.parametrize(
    ("value", "text"), [(7, "7"), (0, "0"), (-3, "-3"), (7.0, "7"), (999_999_999_999_999, "9" * 15)]
)
def test_a_whole_number_is_text_with_a_warning(tmp_path: Path, value: float, text: str) -> None:
    table = read_excel(tmp_path, workbook([["Login", "Name"], [value, "x"]]))
    found = cell_issue(table, "Login")
    assert column(table, "Login") == [text]
    assert (found.code, found.value) == ("cell-number", text)
    assert "Text" in (found.fact.hint or "")


def test_numbers_among_empty_cells_get_no_fraction(tmp_path: Path) -> None:
    table = read_excel(tmp_path, workbook([["a", "b"], [7, "x"], [None, "y"], [8, "z"]]))
    assert column(table, "a") == ["7", "", "8"]


@pytest.mark.parametrize("value", [7.5, 0.1, 1e15, 12345678901234567890, -(10**15), 1e300])
def test_a_number_that_lost_digits_or_has_a_fraction_is_an_error(
    tmp_path: Path, value: float
) -> None:
    found = cell_issue(read_excel(tmp_path, workbook([["a"], [value]])), "a")
    assert found.code == "cell-number-inexact"
    assert found.value


def test_zeros_that_only_the_format_shows_are_named_and_never_filled_in(tmp_path: Path) -> None:
    book = workbook([["Login"], [7]])
    book["Staff"]["A2"].number_format = "000"
    table = read_excel(tmp_path, book)
    assert column(table, "Login") == ["7"]
    why = cell_issue(table, "Login").fact
    assert why.code == "cell-converted"
    assert (why.case, why["shown"], why["text"]) == ("padded", "007", "7")


def test_a_format_that_shows_a_number_otherwise_is_named(tmp_path: Path) -> None:
    book = workbook([["Login"], [7]])
    book["Staff"]["A2"].number_format = '"P-"0000'
    why = cell_issue(read_excel(tmp_path, book), "Login").fact
    assert (why.case, why["format"]) == ("formatted", '"P-"0000')


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (datetime.date(2024, 1, 2), "2024-01-02"),
        (datetime.datetime(2024, 1, 2, 8, 30), "2024-01-02T08:30:00"),
        (datetime.time(8, 30), "08:30:00"),
        (datetime.timedelta(days=1, hours=2), "1 day, 2:00:00"),
    ],
)
def test_a_date_is_an_error_with_its_iso_form(tmp_path: Path, value: object, text: str) -> None:
    table = read_excel(tmp_path, workbook([["Login", "Name"], ["march1", value]]))
    found = cell_issue(table, "Name")
    assert column(table, "Name") == [text]
    assert (found.code, found.value) == ("cell-date", text)


def test_dates_count_from_1904_where_the_workbook_says_so(tmp_path: Path) -> None:
    book = workbook([["a"], [datetime.date(2024, 1, 2)]])
    data = with_part(
        saved(book),
        "xl/workbook.xml",
        lambda text: text.replace("<workbookPr />", '<workbookPr date1904="1" />'),
    )
    assert column(read_excel(tmp_path, data), "a") == ["2028-01-03"]


def test_a_serial_number_without_a_date_format_is_a_number(tmp_path: Path) -> None:
    table = read_excel(tmp_path, workbook([["a"], [45292]]))
    assert (column(table, "a"), cell_issue(table, "a").code) == (["45292"], "cell-number")


def test_a_date_outside_of_all_calendars_is_odd_and_no_spreadsheet_error(tmp_path: Path) -> None:
    book = workbook([["a"], [99_999_999_999]])
    book["Staff"]["A2"].number_format = "yyyy-mm-dd"
    assert cell_issue(read_excel(tmp_path, book), "a").code == "cell-date"


def test_a_date_that_is_written_as_iso_text_is_a_date(tmp_path: Path) -> None:
    data = one_cell('<c r="B2" t="d"><v>2024-01-02</v></c>')
    assert cell_issue(read_excel(tmp_path, data), "Name").value == "2024-01-02"


def test_truth_values_are_words_and_odd(tmp_path: Path) -> None:
    table = read_excel(tmp_path, workbook([["a"], [True], [False]]))
    assert column(table, "a") == ["TRUE", "FALSE"]
    found = [cell_issue(table, "a", row) for row in (0, 1)]
    assert [(each.code, each.value) for each in found] == [
        ("cell-boolean", "TRUE"),
        ("cell-boolean", "FALSE"),
    ]
    calculated = one_cell('<c r="B2" t="b"><f>TRUE()</f><v>1</v></c>')
    assert column(read_excel(tmp_path, calculated), "Name") == ["TRUE"]


@pytest.mark.parametrize(
    "error", ["#N/A", "#REF!", "#NAME?", "#DIV/0!", "#VALUE!", "#NULL!", "#NUM!"]
)
def test_an_error_cell_is_never_empty(tmp_path: Path, error: str) -> None:
    data = one_cell(f'<c r="B2" t="e"><v>{error}</v></c>')
    found = cell_issue(read_excel(tmp_path, data), "Name")
    assert (found.code, found.value) == ("cell-error", error)


def test_an_error_that_a_formula_gave_is_odd(tmp_path: Path) -> None:
    data = one_cell('<c r="B2" t="e"><f>VLOOKUP(A2,X:Y,2,0)</f><v>#N/A</v></c>')
    assert cell_issue(read_excel(tmp_path, data), "Name").code == "cell-error"


def test_a_row_of_nothing_but_an_error_is_not_blank(tmp_path: Path) -> None:
    data = with_cell(
        saved(workbook([["a"], ["x"], ["y"]])), "A2", '<c r="A2" t="e"><v>#N/A</v></c>'
    )
    assert cell_issue(read_excel(tmp_path, data), "a", row=0).code == "cell-error"


def test_a_formula_without_its_value_is_an_error_and_not_empty(tmp_path: Path) -> None:
    table = read_excel(tmp_path, workbook([["Login", "Name"], ["ada", '=A2&" L"']]))
    assert cell_issue(table, "Name").code == "cell-formula"
    assert cell_issue(table, "Name").fact.hint is not None


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        ('<c r="B2" t="str"><f>A2</f><v>Ada</v></c>', "Ada"),
        ('<c r="B2" t="str"><f>IF(1,"","x")</f><v></v></c>', ""),
        ('<c r="B2" t="str"><f t="array" ref="B2:B2">A2</f><v>Ada</v></c>', "Ada"),
        ('<c r="B2" t="str"><f t="shared" si="0"/><v>Ada</v></c>', "Ada"),
    ],
)
def test_the_value_of_a_calculated_formula_is_read(tmp_path: Path, xml: str, text: str) -> None:
    table = read_excel(tmp_path, one_cell(xml))
    assert column(table, "Name") == [text]
    assert not table.rows[0].odd


def test_that_values_were_calculated_is_told(tmp_path: Path) -> None:
    data = one_cell('<c r="B2" t="str"><f>A2</f><v>Ada</v></c>')
    (finding,) = findings_with(read_excel(tmp_path, data), "cell-calculated")
    assert finding.origin is not None and finding.origin.cell == "B2"
    assert not findings_with(read_excel(tmp_path, data, used=["Login"]), "cell-calculated")


def test_a_zero_from_a_program_that_cannot_calculate_is_no_value(tmp_path: Path) -> None:
    data = one_cell('<c r="B2"><f>A2</f><v>0</v></c>')
    assert cell_issue(read_excel(tmp_path, data), "Name").code == "cell-formula"
    settled = with_part(data, "xl/workbook.xml", lambda xml: xml.replace('fullCalcOnLoad="1"', ""))
    assert cell_issue(read_excel(tmp_path, settled), "Name").code == "cell-number"


def test_rich_text_is_read_as_its_text(tmp_path: Path) -> None:
    rich = CellRichText("Ada ", TextBlock(InlineFont(b=True), "Love"), "lace")
    assert column(read_excel(tmp_path, workbook([["a"], [rich]])), "a") == ["Ada Lovelace"]


def test_text_within_a_cell_is_read_without_its_phonetic_guide(tmp_path: Path) -> None:
    data = one_cell(
        '<c r="B2" t="inlineStr"><is><t>山田</t><rPh sb="0" eb="1"><t>ヤマダ</t></rPh></is></c>'
    )
    assert column(read_excel(tmp_path, data), "Name") == ["山田"]


def test_text_that_cells_share_is_read(tmp_path: Path) -> None:
    data = with_shared_text(one_cell('<c r="B2" t="s"><v>1</v></c>'), ["Bob", "Ada"])
    assert column(read_excel(tmp_path, data), "Name") == ["Ada"]


def test_cells_without_addresses_are_counted(tmp_path: Path) -> None:
    data = with_part(
        saved(workbook([["Login", "Note", "Name"], ["ada", "x", "Ada"]])),
        SHEET,
        lambda text: re.sub(r'<c r="B2".*?</c><c r="C2"', '<c r="B2" s="0"/><c', text),
    )
    assert values(read_excel(tmp_path, data)) == [{"Login": "ada", "Note": "", "Name": "Ada"}]


def test_escaped_control_characters_are_seen(tmp_path: Path) -> None:
    table = read_excel(tmp_path, workbook([["a"], ["x_x0007_y"], ["one_x000D_\ntwo"]]))
    assert cell_issue(table, "a", 0).code == "cell-control"
    assert column(table, "a")[1] == "one\ntwo"


def test_what_is_odd_in_a_secret_cell_is_told_without_its_value(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["Login", "Password"],
        ["a", 12345678],
        ["b", 1234.5678],
        ["c", datetime.date(1987, 6, 5)],
    ]
    book = workbook(rows)
    book["Staff"]["B2"].number_format = "0000000000"
    table = read_excel(tmp_path, book, secret=["Password"])
    assert column(table, "Password")[0] == "12345678"
    found = [cell_issue(table, "Password", row) for row in range(3)]
    assert [each.code for each in found] == ["cell-converted", "cell-number-inexact", "cell-date"]
    shown = repr(found) + repr(table.findings)
    assert not any(text in shown for text in ("1234", "1987"))


def test_an_error_in_a_column_that_nobody_reads_does_not_stop_the_rest(tmp_path: Path) -> None:
    data = one_cell('<c r="B2" t="e"><v>#N/A</v></c>')
    assert column(read_excel(tmp_path, data, used=["Login"]), "Login") == ["ada"]


def test_a_header_may_be_a_number_or_a_date_but_not_an_uncalculated_formula(tmp_path: Path) -> None:
    rows: list[list[object]] = [["Login", 2026, datetime.date(2026, 1, 1)], ["a", "b", "c"]]
    assert read_excel(tmp_path, workbook(rows)).columns == ("Login", "2026", "2026-01-01")
    book = workbook([["Login", '="Na"&"me"'], ["a", None]])
    finding = the_finding(lambda: read_excel(tmp_path, book), "cell-formula")
    assert finding.origin is not None and finding.origin.cell == "B1"


def test_a_formula_with_an_empty_text_within_its_cell_is_a_formula(tmp_path: Path) -> None:
    data = one_cell('<c r="B2" t="inlineStr"><f>""</f><is><t></t></is></c>')
    found = findings_with(read_excel(tmp_path, data), "cell-calculated")
    assert len(found) == 1
