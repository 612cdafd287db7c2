"""Workbooks that Excel and LibreOffice open are read, whatever other parts of them are like."""

import datetime
import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from tests.support.sources import (
    SHEET,
    cell_issue,
    column,
    findings_with,
    read_excel,
    repacked,
    saved,
    values,
    with_cell,
    with_part,
    with_shared_text,
    workbook,
)

ROWS = [["Login", "Name"], ["ada", "Ada"], ["bob", "Bob"]]
READ = [{"Login": "ada", "Name": "Ada"}, {"Login": "bob", "Name": "Bob"}]
STYLES, BOOK = "xl/styles.xml", "xl/workbook.xml"


def good() -> bytes:
    return saved(workbook(ROWS))


CHANGES = [
    (STYLES, r"<fill>.*?</fill>", "<fill/>"),
    (STYLES, r"<fill>", "<fill><patternFill><extLst><ext/></extLst></patternFill></fill><fill>"),
    (STYLES, r"</styleSheet>", '<extLst><ext uri="{x}"><y xmlns="z"/></ext></extLst></styleSheet>'),
    (STYLES, r'<family val="2" ?/>', '<family val="99"/>'),
    (STYLES, r'<family val="2" ?/>', '<family val="swiss"/>'),
    (STYLES, r'<cellStyle name="Normal"', "<cellStyle"),
    (STYLES, r"<font>", '<font><color theme="zz" rgb="no"/>'),
    (STYLES, r"<border>.*?</border>", '<border><left style="wavy"/></border>'),
    (STYLES, r"<cellStyleXfs.*?</cellStyleXfs>", ""),
    (STYLES, r"</styleSheet>", "<dxfs><dxf><numFmt/></dxf></dxfs></styleSheet>"),
    (STYLES, r"<xf ", '<xf horizontal="Centre" '),
    ("docProps/core.xml", r"\d{4}-\d\d-\d\dT[\d:]+Z", "27.11.2026 10:00"),
    ("docProps/core.xml", r"\d{4}-\d\d-\d\dT[\d:]+Z", ""),
    ("docProps/core.xml", r"(?s)^.*$", "no XML at all"),
    ("docProps/app.xml", r"(?s)^.*$", "<Properties><TotalTime>x</TotalTime></Properties>"),
    ("docProps/app.xml", r"(?s)^.*$", ""),
    ("xl/theme/theme1.xml", r"(?s)^.*$", "<broken"),
    (BOOK, r"</sheets>", '</sheets><definedNames><definedName name="a b" x="1"/></definedNames>'),
    (BOOK, r'activeTab="0"', 'activeTab="-1" windowState="odd"'),
    (BOOK, r"<calcPr[^>]*>", '<calcPr calcMode="sometimes"/>'),
    (
        BOOK,
        r"</workbook>",
        "<externalReferences><externalReference/></externalReferences></workbook>",
    ),
    (SHEET, r"<pageMargins[^>]*>", '<pageSetup orientation="Portrait" paperSize="A4"/>'),
    (SHEET, r"<pageMargins[^>]*>", '<pageMargins left="wide"/>'),
    (SHEET, r"<sheetPr>", '<sheetPr codeName="" filterMode="2">'),
    (SHEET, r"<sheetView ", '<sheetView view="sideways" zoomScale="huge" '),
    (SHEET, r"<sheetFormatPr[^>]*>", '<sheetFormatPr defaultRowHeight="tall"/>'),
    (SHEET, r"<dimension[^>]*>", '<dimension ref="none"/>'),
    (SHEET, r'<row r="2"', '<row r="2" ht="auto" outlineLevel="x"'),
]
BELOW = [
    '<sheetProtection sheet="perhaps"/>',
    '<autoFilter ref="A1:B3"><filterColumn colId="x"/></autoFilter>',
    '<conditionalFormatting sqref="A"><cfRule type="magic" priority="x"/></conditionalFormatting>',
    '<dataValidations count="1"><dataValidation type="list" operator="about" sqref="B2"/>'
    "</dataValidations>",
    '<hyperlinks><hyperlink ref="?"/></hyperlinks>',
    '<printOptions horizontalCentered="x"/><headerFooter odd="1"><oddHeader>x</oddHeader>'
    "</headerFooter>",
    '<drawing/><legacyDrawing/><tableParts count="x"/><extLst><ext uri="?"/></extLst>',
    '<rowBreaks count="a"><brk id="b"/></rowBreaks><scenarios current="x"/>',
]


@pytest.mark.parametrize(
    ("part", "old", "new"),
    [*CHANGES, *((SHEET, "</sheetData>", f"</sheetData>{below}") for below in BELOW)],
)
def test_what_concerns_no_value_hinders_nobody(
    tmp_path: Path, part: str, old: str, new: str
) -> None:
    data = with_part(good(), part, lambda text: re.sub(old, lambda _: new, text, count=1))
    table = read_excel(tmp_path, data)
    assert values(table) == READ
    assert [finding.code for finding in table.findings] == ["file-read-as"]


@pytest.mark.parametrize(
    "part", ["docProps/core.xml", "docProps/app.xml", "xl/theme/theme1.xml", STYLES, "_rels/.rels"]
)
def test_a_part_that_is_not_needed_may_be_missing(tmp_path: Path, part: str) -> None:
    assert values(read_excel(tmp_path, repacked(good(), without=part))) == READ


def test_foreign_parts_may_hold_anything(tmp_path: Path) -> None:
    names = [
        *("xl/calcChain.xml", "xl/comments1.xml", "xl/drawings/drawing1.xml", "xl/metadata.xml"),
        *("xl/externalLinks/externalLink1.xml", "xl/tables/table1.xml", "customXml/item1.xml"),
        *("docProps/custom.xml", "xl/persons/person.xml", "xl/pivotTables/pivotTable1.xml"),
    ]
    extra = dict.fromkeys(names, b"\0not XML")
    assert values(read_excel(tmp_path, repacked(good(), extra=extra))) == READ


def moved(change: Callable[[str], str], text: Callable[[str], str] = str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good())) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            new.writestr(change(name), text(old.read(name).decode()))
    return stream.getvalue()


@pytest.mark.parametrize("change", [str.upper, lambda name: name.replace("/", "\\")])
def test_names_of_parts_depend_neither_on_case_nor_on_the_slash(
    tmp_path: Path, change: Callable[[str], str]
) -> None:
    data = moved(lambda name: change(name) if name.startswith("xl/worksheets") else name)
    assert values(read_excel(tmp_path, data)) == READ


def test_the_list_of_sheets_may_lie_elsewhere(tmp_path: Path) -> None:
    def renamed(text: str) -> str:
        return text.replace("xl/workbook.xml", "xl/book2.xml")

    data = moved(lambda name: renamed(name).replace("workbook.xml.rels", "book2.xml.rels"), renamed)
    assert values(read_excel(tmp_path, data)) == READ


# --- number formats -------------------------------------------------------------------------------


def with_date(number_format: str = "yyyy-mm-dd") -> bytes:
    book = workbook([["Login", "Start"], ["ada", datetime.date(2026, 1, 2)], ["bob", 7]])
    book["Staff"]["B2"].number_format = number_format
    return saved(book)


def test_number_formats_are_read_beside_broken_styles(tmp_path: Path) -> None:
    data = with_part(with_date(), STYLES, lambda text: re.sub(r"<fill>.*?</fill>", "<fill/>", text))
    table = read_excel(tmp_path, data)
    assert column(table, "Start") == ["2026-01-02", "7"]
    assert [cell_issue(table, "Start", row).code for row in (0, 1)] == ["cell-date", "cell-number"]


def test_without_number_formats_no_number_is_believed_and_that_is_told(tmp_path: Path) -> None:
    data = with_part(with_date(), STYLES, lambda _: "<styleSheet")
    table = read_excel(tmp_path, data)
    assert column(table, "Login") == ["ada", "bob"]
    assert cell_issue(table, "Start").code == "cell-unreadable"
    (finding,) = findings_with(table, "part-unreadable")
    assert "number formats" in finding.message


def test_a_style_that_is_none_shows_a_number_as_it_is(tmp_path: Path) -> None:
    data = with_cell(with_date(), "B3", '<c r="B3" s="999"><v>7</v></c>')
    assert cell_issue(read_excel(tmp_path, data), "Start", 1).code == "cell-number"


def test_formats_that_the_file_need_not_name_can_be_dates(tmp_path: Path) -> None:
    data = with_part(
        with_date(), STYLES, lambda text: re.sub(r'numFmtId="164"', 'numFmtId="31"', text)
    )
    assert cell_issue(read_excel(tmp_path, data), "Start").code == "cell-date"


def test_merged_cells_that_make_no_sense_are_told(tmp_path: Path) -> None:
    merged = '</sheetData><mergeCells><mergeCell ref="A:?"/></mergeCells>'
    data = with_part(good(), SHEET, lambda text: text.replace("</sheetData>", merged))
    table = read_excel(tmp_path, data)
    assert values(table) == READ
    (finding,) = findings_with(table, "part-unreadable")
    assert "merged cells" in finding.message


# --- cells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "xml",
    [
        *("<v>twelve</v>", "<v>1,5</v>", "<v>NaN</v>", "<v>12abc</v>", "<v>1 2</v>", "<v>inf</v>"),
        *("<v>0x1F</v>", "<v>-</v>", "<f>A1</f><v>1..2</v>"),
    ],
)
@pytest.mark.parametrize("kind", ["", ' t="n"', ' t="b"', ' t="zz"'])
def test_a_bad_number_is_an_error_at_its_cell(tmp_path: Path, xml: str, kind: str) -> None:
    table = read_excel(tmp_path, with_cell(good(), "B2", f'<c r="B2"{kind}>{xml}</c>'))
    assert column(table, "Login") == ["ada", "bob"]
    assert cell_issue(table, "Name").code == "cell-unreadable"
    assert not table.rows[1].odd
    assert str(table.rows[0].place("Name")).endswith("people.xlsx#Staff!B2")


def test_a_bad_number_in_a_secret_cell_is_not_shown(tmp_path: Path) -> None:
    data = with_cell(good(), "B2", '<c r="B2"><v>hunter22x</v></c>')
    table = read_excel(tmp_path, data, secret=["Name"])
    assert cell_issue(table, "Name").value is None and "hunter22x" not in repr(table.rows[0].odd)


@pytest.mark.parametrize(
    ("xml", "text"),
    [
        ("team_x005F_x2024_ops", "team_x2024_ops"),
        ("_x005F_x000D_", "_x000D_"),
        ("_x0041_da", "Ada"),
        ("_x00e4_x", "äx"),
        ("_xD83D__xDE00_", "😀"),
        ("a_x005f_b", "a_b"),
        ("_x005F_x005F_x005F_x0041_", "_x005F_x0041_"),
        ("a_x20_b", "a_x20_b"),
        ("a_X0041_b", "a_X0041_b"),
        ("_x0041_x0042_", "Ax0042_"),
    ],
)
def test_escaped_characters_are_decoded_wherever_text_stands(
    tmp_path: Path, xml: str, text: str
) -> None:
    inline = f'<c r="B2" t="inlineStr"><is><t>{xml}</t></is></c>'
    rich = f'<c r="B2" t="inlineStr"><is><r><rPr><b/></rPr><t>{xml}</t></r></is></c>'
    calculated = f'<c r="B2" t="str"><f>A1</f><v>{xml}</v></c>'
    shared = with_shared_text(with_cell(good(), "B2", '<c r="B2" t="s"><v>0</v></c>'), [xml])
    for data in (*(with_cell(good(), "B2", cell) for cell in (inline, rich, calculated)), shared):
        assert column(read_excel(tmp_path, data), "Name") == [text, "Bob"]


def test_half_a_character_is_an_error_at_its_cell(tmp_path: Path) -> None:
    cell = '<c r="B2" t="inlineStr"><is><t>a_xD83D_b</t></is></c>'
    assert (
        cell_issue(read_excel(tmp_path, with_cell(good(), "B2", cell)), "Name").code
        == "cell-control"
    )


def test_shared_rich_text_with_an_odd_font_is_read(tmp_path: Path) -> None:
    shared = with_shared_text(with_cell(good(), "B2", '<c r="B2" t="s"><v>0</v></c>'), ["X"])
    rich = (
        '<si><r><rPr><family val="99"/><u val="odd"/></rPr><t>A</t></r><r><t>da</t></r>'
        '<rPh sb="0" eb="1"><t>phonetic</t></rPh><phoneticPr type="?"/></si>'
    )
    data = with_part(
        shared, "xl/sharedStrings.xml", lambda text: text.replace("<si><t>X</t></si>", rich)
    )
    assert column(read_excel(tmp_path, data), "Name")[0] == "Ada"


def test_what_this_reader_takes_openpyxl_takes_as_well(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["a", "b", "c"], [1, "x", True], [2.5, None, "y"], ["", 0, "_x005F_x0041_"]):
        sheet.append(row)
    table = read_excel(tmp_path, book)
    again = load_workbook(tmp_path / "people.xlsx").active
    assert again is not None
    assert len(table.rows) == again.max_row - 1
