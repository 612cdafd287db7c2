"""A list that is sent back: the copy with marked cells, and the rejected rows."""

import io
from pathlib import Path
from zipfile import ZipFile

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule, ColorScaleRule
from openpyxl.styles import Font, PatternFill

from kanport.annotate import AUTHOR, FINDINGS, REASONS
from kanport.pipeline.inputs import read_inputs
from kanport.sources import excel
from tests.support.command_line import Kanport

FIELDS = """\
users:
  from: people
  fields:
    username: {from: Login}
    name: {from: Name}
    email: {from: Mail}
"""
CSV = "kanport: 1\nsources:\n  people: {type: csv, path: people.csv%s}\n" + FIELDS
EXCEL = "kanport: 1\nsources:\n  people: {type: excel, path: people.xlsx%s}\n" + FIELDS
PEOPLE = (
    "Login;Name;Mail;Note\n"
    "ann;Ann;ann@example.org;=1+1\n"
    "bob;Bob;bob(at)example.org;007\n"
    'cem;"Cem\nOz";cem@x;"a;b"\n'
    "dan;Dan;dan@example.org;\n"
)


def marked(path: Path, sheet: str) -> dict[str, str]:
    """Return the comments of a sheet by their cells; each must be the cell of a color too."""
    book = load_workbook(path)
    found = {
        cell.coordinate: cell.comment.text
        for row in book[sheet].iter_rows()
        for cell in row
        if cell.comment is not None
    }
    colored = {
        cell
        for area in book[sheet].conditional_formatting
        for rule in area.rules
        if rule.formula and str(rule.formula[0]).startswith('LEN("Kanport')
        for cell in str(area.sqref).split()
    }
    assert colored == set(found)
    return found


def test_each_bad_cell_of_a_csv_file_is_marked_and_explained(
    kanport: Kanport, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE, "utf-8")
    (tmp_path / "m.yaml").write_text(CSV % "", "utf-8")
    done = kanport("validate", "m.yaml", "--annotate", "out.xlsx")
    assert done.code == 5
    assert "Wrote out.xlsx: 3 cells marked." in done.err
    found = marked(tmp_path / "out.xlsx", "people")
    # The record of Cem has two lines, and one row in the workbook.
    assert set(found) == {"C3", "B4", "C4"}
    assert "it has no @" in found["C3"]
    assert "Fix: write it as name@example.org" in found["C3"]
    sheet = load_workbook(tmp_path / "out.xlsx")["people"]
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        ["Login", "Name", "Mail", "Note"],
        ["ann", "Ann", "ann@example.org", "=1+1"],
        ["bob", "Bob", "bob(at)example.org", "007"],
        ["cem", "Cem\nOz", "cem@x", "a;b"],
        ["dan", "Dan", "dan@example.org", None],
    ]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} <= {"s", "n"}
    assert sheet["D2"].data_type == "s"


def test_the_sheet_of_findings_has_each_one_with_a_link_to_its_cell(
    kanport: Kanport, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE, "utf-8")
    (tmp_path / "m.yaml").write_text(CSV % "", "utf-8")
    kanport("validate", "m.yaml", "--annotate", "out.xlsx")
    findings = read_inputs(tmp_path / "m.yaml").findings
    lines = load_workbook(tmp_path / "out.xlsx")[FINDINGS]
    rows = list(lines.iter_rows(min_row=5))
    assert sorted(str(row[6].value) for row in rows) == sorted(one.code for one in findings)
    links = {row[1].value: row[1].hyperlink for row in rows}
    assert links["C3"] is not None
    assert links["C3"].location == "'people'!C3"
    assert [row[0].value for row in rows] == ["Error", "Error", "Error", "Note"]
    assert rows[0][5].value == "write it as name@example.org, or leave the cell empty"


def own_workbook() -> Workbook:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Staff"
    for row in (
        ["Login", "Name", "Mail", "Days"],
        ["ann", "Ann", "ann@example.org", "=2*3"],
        ["bob", "Bob", "bob(at)example.org", 7],
        ["cem", "Cem", "cem@x", 8],
    ):
        sheet.append(row)
    sheet["B3"].font = Font(italic=True)
    sheet["C3"].fill = PatternFill("solid", start_color="FF00FF00", end_color="FF00FF00")
    sheet["C4"].comment = Comment("Ask Cem", "Zoe")
    rule = CellIsRule("greaterThan", ["7"], font=Font(bold=True))  # type: ignore[no-untyped-call]
    sheet.conditional_formatting.add("D2:D9", rule)
    scale = ColorScaleRule("min", None, "FFFFFFFF", "max", None, "FF00FF00")  # type: ignore[no-untyped-call]
    sheet.conditional_formatting.add("D2:D9", scale)
    sheet.column_dimensions["C"].width = 33
    book.create_sheet("Codes").append(["R", "read"])
    return book


def content(book: Workbook) -> dict[str, list[tuple[object, ...]]]:
    return {
        sheet.title: [
            (cell.coordinate, cell.value, cell.font.i, cell.fill.start_color.rgb)
            for row in sheet.iter_rows()
            for cell in row
        ]
        for sheet in book.worksheets
        if sheet.title != FINDINGS
    }


def test_in_the_users_own_workbook_nothing_else_changes(kanport: Kanport, tmp_path: Path) -> None:
    own_workbook().save(tmp_path / "people.xlsx")
    (tmp_path / "m.yaml").write_text(EXCEL % "", "utf-8")
    assert kanport("validate", "m.yaml", "--annotate", "out.xlsx").code == 5
    before, after = load_workbook(tmp_path / "people.xlsx"), load_workbook(tmp_path / "out.xlsx")
    assert content(after) == content(before)
    assert after.sheetnames == ["Staff", "Codes", FINDINGS]
    assert after["Staff"].column_dimensions["C"].width == 33
    assert "D2:D9" in {str(area.sqref) for area in after["Staff"].conditional_formatting}
    found = marked(tmp_path / "out.xlsx", "Staff")
    assert found["C4"].startswith("Ask Cem")
    assert "the domain after the @ is too short" in found["C4"]


def test_a_corrected_copy_has_no_marks_any_more(kanport: Kanport, tmp_path: Path) -> None:
    own_workbook().save(tmp_path / "people.xlsx")
    (tmp_path / "m.yaml").write_text(EXCEL % "", "utf-8")
    kanport("validate", "m.yaml", "--annotate", "out.xlsx")
    corrected = load_workbook(tmp_path / "out.xlsx")
    corrected["Staff"]["C3"] = "bob@example.org"
    corrected.save(tmp_path / "people.xlsx")
    assert kanport("validate", "m.yaml", "--annotate", "again.xlsx").code == 5
    assert set(marked(tmp_path / "again.xlsx", "Staff")) == {"C4"}
    corrected["Staff"]["C4"] = "cem@example.org"
    corrected.save(tmp_path / "people.xlsx")
    assert kanport("validate", "m.yaml", "--annotate", "last.xlsx").code == 0
    last = load_workbook(tmp_path / "last.xlsx")["Staff"]
    assert last["C3"].comment is None
    assert last["C4"].comment is not None
    assert (last["C4"].comment.text, last["C4"].comment.author) == ("Ask Cem", "Zoe")
    assert [str(area.sqref) for area in last.conditional_formatting] == ["D2:D9"]
    rules = [rule.type for area in last.conditional_formatting for rule in area.rules]
    assert rules == ["cellIs", "colorScale"]
    assert AUTHOR not in {
        cell.comment.author for row in last.iter_rows() for cell in row if cell.comment
    }


@pytest.mark.parametrize(
    ("people", "said"),
    [
        ("Login;Name;Mail\nann;Ann;x\n", "Correct the cells in red, then send the file back."),
        ("Login;Name;Mail\nann;Ann;ann@example.org\n", "Nothing to correct."),
    ],
)
def test_the_copy_asks_to_correct_errors_only(
    kanport: Kanport, tmp_path: Path, people: str, said: str
) -> None:
    (tmp_path / "people.csv").write_text(people, "utf-8")
    (tmp_path / "m.yaml").write_text(CSV % "", "utf-8")
    kanport("validate", "m.yaml", "--annotate", "out.xlsx")
    assert said in load_workbook(tmp_path / "out.xlsx")[FINDINGS]["A2"].value


def test_a_list_whose_structure_is_broken_is_annotated_as_well(
    kanport: Kanport, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text("Login;Name;Mail\nann;Ann\nbob;Bob;b@x;y\n", "utf-8")
    (tmp_path / "m.yaml").write_text(CSV % "", "utf-8")
    assert kanport("validate", "m.yaml", "--annotate", "out.xlsx").code == 5
    assert set(marked(tmp_path / "out.xlsx", "people")) == {"A2", "A3"}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"Login;Name\nann;Ann\n"])
def test_a_list_that_cannot_be_opened_keeps_its_error_and_gives_no_copy(
    kanport: Kanport, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "people.xlsx").write_bytes(content)
    (tmp_path / "m.yaml").write_text(EXCEL % "", "utf-8")
    done = kanport("validate", "m.yaml", "--annotate", "out.xlsx", "--rejects", "bad.xlsx")
    assert done.code == 5
    assert "Kanport cannot open the list of people" in done.err
    assert "cannot be used" in done.err
    assert not (tmp_path / "out.xlsx").exists()


def test_a_file_in_an_unknown_encoding_keeps_its_error(kanport: Kanport, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_bytes("Login;Name;Mail\nann;Müller;\n".encode("cp1252"))
    (tmp_path / "m.yaml").write_text(CSV % "", "utf-8")
    done = kanport("validate", "m.yaml", "--annotate", "out.xlsx")
    assert done.code == 5
    assert "is not UTF-8" in done.out + done.err


def test_a_workbook_that_unpacks_to_far_too_much_is_not_opened(
    kanport: Kanport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_workbook().save(tmp_path / "people.xlsx")
    (tmp_path / "m.yaml").write_text(EXCEL % "", "utf-8")
    monkeypatch.setattr(excel, "MAX_UNPACKED_BYTES", 10)
    monkeypatch.setattr("openpyxl.load_workbook", lambda *_, **__: pytest.fail("opened"))
    assert kanport("validate", "m.yaml", "--annotate", "out.xlsx").code == 5


def test_each_list_of_a_mapping_has_a_copy_of_its_own(kanport: Kanport, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE, "utf-8")
    (tmp_path / "access.csv").write_text("Login;Project\nann;WEB\nzoe,;WEB\n", "utf-8")
    text = CSV % ""
    text = text.replace("users:", "  access: {type: csv, path: access.csv}\nusers:")
    text += (
        "memberships:\n  - {from: access, username: {from: Login}, project: {from: Project},"
        " role: project-member}\n"
    )
    (tmp_path / "m.yaml").write_text(text, "utf-8")
    done = kanport("validate", "m.yaml", "--annotate", "out.xlsx")
    assert "Wrote out-people.xlsx: 3 cells marked." in done.err
    assert (tmp_path / "out-access.xlsx").exists()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_rejected_rows_stay_as_they_were_and_the_mapping_reads_them(
    kanport: Kanport, tmp_path: Path, encoding: str
) -> None:
    text = f"Personnel\r\n\r\n{PEOPLE}".replace("Cem", "Çem").replace("\ndan", "\r\ndan")
    (tmp_path / "people.csv").write_bytes(text.encode(encoding))
    option = f", encoding: {encoding}" if encoding == "cp1252" else ""
    (tmp_path / "m.yaml").write_text(CSV % option, "utf-8")
    done = kanport("validate", "m.yaml", "--rejects", "rejects.csv")
    assert "Wrote rejects.csv: 2 rows left out." in done.err
    rejects = (tmp_path / "rejects.csv").read_bytes().decode(encoding)
    start = f"Personnel\r\n\r\nLogin;Name;Mail;Note;{REASONS}\nbob;Bob;bob(at)example.org;007;"
    assert rejects.startswith(start)
    assert 'cem;"Çem\nOz";cem@x;"a;b";' in rejects
    corrected = rejects.replace("(at)", "@").replace('"Çem\nOz"', "Çem").replace("@x", "@x.org")
    (tmp_path / "people.csv").write_bytes(corrected.encode(encoding))
    done = kanport("validate", "m.yaml", "--rejects", "none.csv")
    assert done.code == 0
    assert "No row has an error" in done.err
    assert not (tmp_path / "none.csv").exists()
    users = read_inputs(tmp_path / "m.yaml").desired.users
    assert [user.username.value for user in users] == ["bob", "cem"]


def test_each_row_of_a_duplicate_is_rejected_and_counted_as_left_out(
    kanport: Kanport, tmp_path: Path
) -> None:
    rows = ["Login;Name;Mail", "ann;Ann;", "bob;Bob;", "ann;Anna;", "cem;Cem;"]
    (tmp_path / "people.csv").write_text("\n".join(rows) + "\n", "utf-8")
    (tmp_path / "m.yaml").write_text(CSV % "", "utf-8")
    done = kanport("validate", "m.yaml", "--rejects", "rejects.csv")
    assert "Wrote rejects.csv: 2 rows left out." in done.err
    assert "1 error in 2 rows" in done.out
    assert "4 rows of the input = 2 left out because of errors + 2 without errors" in done.out
    assert "2 rows with errors" in done.out
    rejects = (tmp_path / "rejects.csv").read_text("utf-8").splitlines()
    assert [line[:8] for line in rejects[1:]] == ["ann;Ann;", "ann;Anna"]
    assert "see also people.csv:4" in rejects[1]
    assert "see also people.csv:2" in rejects[2]


def test_rejected_rows_of_a_workbook_are_a_workbook(kanport: Kanport, tmp_path: Path) -> None:
    book = own_workbook()
    book["Staff"].insert_rows(1, 2)
    book["Staff"]["A1"] = "Staff of May"
    book.save(tmp_path / "people.xlsx")
    (tmp_path / "m.yaml").write_text(EXCEL % "", "utf-8")
    assert kanport("validate", "m.yaml", "--rejects", "rejects.csv").code == 2
    assert kanport("validate", "m.yaml", "--rejects", "rejects.xlsx").code == 5
    book = load_workbook(tmp_path / "rejects.xlsx")
    sheet = book["Staff"]
    rows = [[cell.value for cell in row][:4] for row in sheet.iter_rows()]
    assert rows[2:] == [
        ["Login", "Name", "Mail", "Days"],
        ["bob", "Bob", "bob(at)example.org", 7],
        ["cem", "Cem", "cem@x", 8],
    ]
    assert sheet["E3"].value == REASONS
    assert "Mail: Kanboard refuses" in str(sheet["E4"].value)
    sheet["C4"], sheet["C5"] = "bob@example.org", "cem@example.org"
    stream = io.BytesIO()
    book.save(stream)
    (tmp_path / "people.xlsx").write_bytes(stream.getvalue())
    assert kanport("validate", "m.yaml").code == 0


@pytest.mark.parametrize("option", ["--annotate", "--rejects"])
def test_a_workbook_with_a_damaged_part_is_not_copied(
    kanport: Kanport, tmp_path: Path, option: str
) -> None:
    own_workbook().save(tmp_path / "whole.xlsx")
    with ZipFile(tmp_path / "whole.xlsx") as whole, ZipFile(tmp_path / "people.xlsx", "w") as book:
        for part in whole.namelist():
            book.writestr(part, whole.read(part) if "comments" not in part else b"<comments")
    (tmp_path / "m.yaml").write_text(EXCEL % "", "utf-8")
    done = kanport("validate", "m.yaml", option, "out.xlsx")
    assert done.code == 2
    assert "people.xlsx cannot be copied: a part of the workbook is damaged" in done.err
    assert "save it again, and validate the new file" in done.err
    assert not (tmp_path / "out.xlsx").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--annotate", "out.csv"), "must end in .xlsx"),
        (("--rejects", "out.xlsx"), "must end in .csv"),
        (("--annotate", "out.xlsx", "--mask"), "write the list with its names"),
        (("--annotate", "people.csv"), "people.csv"),
    ],
)
def test_what_cannot_be_written_is_a_usage_error(
    kanport: Kanport, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE, "utf-8")
    (tmp_path / "m.yaml").write_text(CSV % "", "utf-8")
    done = kanport("validate", "m.yaml", *options)
    assert done.code == 2
    assert says in done.err
    assert (tmp_path / "people.csv").read_text("utf-8") == PEOPLE
    assert not done.out, "the name is checked before the list is read"
