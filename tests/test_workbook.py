"""Workbooks hold the cells that they were given, as what they are."""

import io
import zipfile
from xml.etree import ElementTree

import pytest
from openpyxl import load_workbook

from kanport.spreadsheet import plain_xstring
from kanport.workbook import SheetColumn, WorkbookSheet, write_book


def written(*values: str | int) -> list[object]:
    """Return what a reader finds in a sheet of one column with these values."""
    sheet = WorkbookSheet("Sheet", (SheetColumn("Value"),), [(value,) for value in values])
    book = load_workbook(io.BytesIO(write_book([sheet])))
    return [row[0] for row in book["Sheet"].iter_rows(values_only=True)]


def test_numbers_that_would_lose_their_end_are_text() -> None:
    assert written(10**15 + 1, 999_999) == [str(10**15 + 1), 999_999]


@pytest.mark.parametrize(
    "text",
    [
        "_x0041_x0042_",
        "a_x005F_x0041_",
        "<r>Rita</r>",
        "<r><t>Rita</t></r>",
        "<r>_x0041_ & </r>",
        "<r>",
    ],
)
def test_no_text_is_markup_or_an_escape(text: str) -> None:
    sheet = WorkbookSheet("Sheet", (SheetColumn("Value"),), [(text,)])
    with zipfile.ZipFile(io.BytesIO(write_book([sheet]))) as package:
        strings = ElementTree.fromstring(package.read("xl/sharedStrings.xml"))  # noqa: S314
    assert [plain_xstring("".join(string.itertext())) for string in strings] == [text]


def test_more_rows_than_a_sheet_has_go_on_in_another_one() -> None:
    sheet = WorkbookSheet(
        "Rows", (SheetColumn("Number"),), [(number,) for number in range(25)], table="Rows"
    )
    found = load_workbook(io.BytesIO(write_book([sheet], most_rows=11)))
    assert found.sheetnames == ["Rows", "Rows (2)", "Rows (3)"]
    told = [row[0] for one in found for row in one.iter_rows(min_row=2, values_only=True)]
    assert told == list(range(25))
    assert [name for one in found.worksheets for name in one.tables] == ["Rows", "Rows2", "Rows3"]
