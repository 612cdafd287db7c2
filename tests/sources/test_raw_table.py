"""Where the headers of a list are: in the row that is named, or below what is clearly a title."""

from pathlib import Path

import pytest
from openpyxl import Workbook

from kanport.errors import SourceInvalid
from kanport.findings import Finding
from kanport.pipeline.inputs import Inputs, read_inputs
from tests.support.sources import saved, workbook

MAPPING = """\
kanport: 1
sources:
  people: {{type: {type}, path: people.{ending}{options}}}
users:
  from: people
  fields:
    username: {{from: Login}}
    name: {{from: Name}}
"""
Rows = list[list[object]]
LIST: Rows = [["Login", "Name", "Room"], ["ann", "Ann", "1"], ["bob", "Bob", "2"]]


def read(folder: Path, kind: str, rows: Rows | Workbook, options: str = "") -> Inputs:
    if kind == "excel":
        book = rows if isinstance(rows, Workbook) else workbook(rows)
        (folder / "people.xlsx").write_bytes(saved(book))
    else:
        assert isinstance(rows, list)
        lines = [";".join("" if cell is None else str(cell) for cell in row) for row in rows]
        (folder / "people.csv").write_text("\n".join(lines) + "\n", "utf-8")
    mapping = folder / "mapping.yaml"
    ending = {"excel": "xlsx", "csv": "csv"}[kind]
    text = MAPPING.format(type=kind, ending=ending, options=options)
    mapping.write_text(text, "utf-8")
    return read_inputs(mapping)


def users(inputs: Inputs) -> list[tuple[str, int | None]]:
    return sorted((user.username.value, user.rows[0].row) for user in inputs.desired.users)


def cases(inputs: Inputs, code: str) -> list[str]:
    return [finding.case for finding in inputs.findings if finding.code == code]


def refused(folder: Path, kind: str, rows: Rows | Workbook, options: str = "") -> list[Finding]:
    with pytest.raises(SourceInvalid) as raised:
        read(folder, kind, rows, options)
    return list(raised.value.findings)


@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_the_headers_are_in_the_row_that_the_mapping_names(tmp_path: Path, kind: str) -> None:
    rows: Rows = [["Zoe", "Personnel", "7"], ["Login", "Was", "Old"], *LIST]
    inputs = read(tmp_path, kind, rows, ", header_row: 3")
    assert users(inputs) == [("ann", 4), ("bob", 5)]


@pytest.mark.parametrize("kind", ["csv", "excel"])
@pytest.mark.parametrize(
    "above", [[["Staff list"]], [["Staff list"], [None], ["as of May"]], [[None], [None, "Staff"]]]
)
def test_headers_below_a_title_are_found_and_told(tmp_path: Path, kind: str, above: Rows) -> None:
    inputs = read(tmp_path, kind, [*above, *LIST])
    assert users(inputs) == [("ann", len(above) + 2), ("bob", len(above) + 3)]
    assert {"headers", "titled"} & set(cases(inputs, "file-read-as"))


def test_group_headers_of_merged_cells_are_a_title(tmp_path: Path) -> None:
    book = workbook([["Person", None, "Place"], *LIST])
    sheet = book.active
    assert sheet is not None
    sheet.merge_cells("A1:B1")
    sheet.merge_cells("C1:D1")
    inputs = read(tmp_path, "excel", book)
    assert users(inputs) == [("ann", 3), ("bob", 4)]
    assert "headers" in cases(inputs, "file-read-as")


@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_a_row_above_the_headers_that_may_be_a_person_is_never_passed_over(
    tmp_path: Path, kind: str
) -> None:
    (finding,) = refused(tmp_path, kind, [["zoe", "Zoe", "7"], *LIST])
    assert finding.code == "column-missing"


def test_headers_far_below_are_named_in_the_hint_only(tmp_path: Path) -> None:
    remarks: Rows = [["Remark"] for _ in range(15)]
    rows = [*remarks, *LIST]
    (finding,) = refused(tmp_path, "excel", rows)
    assert finding.hint is not None
    assert "header_row: 16" in finding.hint


def test_a_named_row_without_anything_below_is_an_error_of_this_row(tmp_path: Path) -> None:
    for kind in ("csv", "excel"):
        (finding,) = refused(tmp_path, kind, LIST, ", header_row: 9")
        assert finding.code == "file-empty"
        assert finding.origin is not None
        assert finding.origin.row == 9


@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_a_row_of_units_below_the_headers_is_left_out_with_a_note(
    tmp_path: Path, kind: str
) -> None:
    units: Rows = [LIST[0], ["(text)", "[last, first]", None], *LIST[1:]]
    inputs = read(tmp_path, kind, units)
    assert users(inputs) == [("ann", 3), ("bob", 4)]
    assert cases(inputs, "rows-filtered") == ["units"]
    verbatim = read(tmp_path, kind, units, ", verbatim: true")
    assert "(text)" in [username for username, _ in users(verbatim)]


@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_one_value_in_brackets_is_no_row_of_units(tmp_path: Path, kind: str) -> None:
    rows: Rows = [LIST[0], ["cem", "(Cem)", None], *LIST[1:]]
    assert [name for name, _ in users(read(tmp_path, kind, rows))] == ["ann", "bob", "cem"]
