"""At its exact limit a file is read, and with one more of the same it is refused."""

import csv
import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kanport.errors import SourceInvalid
from kanport.origin import Origin
from kanport.sources import excel, file, raw_table, yaml
from kanport.sources.excel import package_problems
from kanport.table import Table
from tests.support.sources import (
    SHEET,
    findings_of,
    findings_with,
    read_csv,
    read_excel,
    read_yaml,
    repacked,
    saved,
    the_finding,
    values,
    with_cell,
    with_part,
    workbook,
)

PEOPLE = [["Login", "Name"], ["ada", "Ada"], ["bob", "Bob"]]
BIG, SHEET_LIKE, MEDIA = "xl/customBig.xml", "xl/worksheets/extra.xml", "xl/media/image1.png"


def noise(size: int) -> bytes:
    """Make bytes that do not pack, the same ones each time."""
    return random.Random(size).randbytes(size)


def package(**extra: bytes) -> bytes:
    """Make a workbook whose archive has these parts besides."""
    return repacked(saved(workbook(PEOPLE)), extra=extra)


def parts(data: bytes) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.infolist()


def judged(data: bytes) -> list[str]:
    """Return the codes of what forbids opening a workbook."""
    return [finding.code for finding in package_problems(data, Origin(file="people.xlsx"))]


# --- the package of a workbook --------------------------------------------------------------------


def test_a_workbook_may_have_so_many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    data = package()
    monkeypatch.setattr(excel, "MAX_PARTS", len(parts(data)))
    assert judged(data) == []
    monkeypatch.setattr(excel, "MAX_PARTS", len(parts(data)) - 1)
    assert judged(data) == ["file-too-large"]


def test_a_workbook_may_unpack_to_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    data = package()
    whole = sum(part.file_size for part in parts(data))
    monkeypatch.setattr(excel, "MAX_UNPACKED_BYTES", whole)
    assert judged(data) == []
    monkeypatch.setattr(excel, "MAX_UNPACKED_BYTES", whole - 1)
    assert judged(data) == ["file-too-large"]


def test_one_part_may_unpack_to_so_much_where_it_is_held_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = package(**{BIG: noise(60_000)})
    monkeypatch.setattr(excel, "RATIO_FROM_BYTES", 60_000)
    monkeypatch.setattr(excel, "MAX_SHARED_BYTES", 60_000)
    assert judged(data) == []
    monkeypatch.setattr(excel, "MAX_SHARED_BYTES", 59_999)
    assert judged(data) == ["file-too-large"]
    (found,) = package_problems(data, Origin(file="people.xlsx"))
    assert BIG in found.message


@pytest.mark.parametrize("name", [SHEET_LIKE, MEDIA])
def test_a_part_that_is_not_held_as_a_whole_may_be_larger(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    data = package(**{name: noise(60_000)})
    monkeypatch.setattr(excel, "RATIO_FROM_BYTES", 1_000)
    monkeypatch.setattr(excel, "MAX_SHARED_BYTES", 50_000)
    assert judged(data) == []


def test_the_part_that_is_too_large_may_stand_behind_smaller_and_larger_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extra = {SHEET_LIKE: noise(70_000), BIG: noise(60_000), "xl/small.xml": noise(10)}
    for order in (sorted(extra), sorted(extra, reverse=True)):
        data = package(**{name: extra[name] for name in order})
        monkeypatch.setattr(excel, "RATIO_FROM_BYTES", 50_000)
        monkeypatch.setattr(excel, "MAX_SHARED_BYTES", 59_999)
        assert judged(data) == ["file-too-large"], order


def test_a_small_part_may_pack_as_well_as_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    data = package(**{MEDIA: bytes(500_000)})
    monkeypatch.setattr(excel, "RATIO_FROM_BYTES", 500_001)
    assert judged(data) == []
    monkeypatch.setattr(excel, "RATIO_FROM_BYTES", 500_000)
    assert judged(data) == ["file-too-large"]


def test_a_part_may_unpack_to_so_many_times_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    for size in range(100_000, 200_000, 500):
        data = package(**{MEDIA: bytes(size)})
        (part,) = [one for one in parts(data) if one.filename == MEDIA]
        if part.file_size % part.compress_size == 0:
            break
    else:
        raise AssertionError("no part unpacks to a whole multiple of its size")
    monkeypatch.setattr(excel, "RATIO_FROM_BYTES", 50_000)
    monkeypatch.setattr(excel, "MAX_RATIO", part.file_size // part.compress_size)
    assert judged(data) == []
    monkeypatch.setattr(excel, "MAX_RATIO", part.file_size // part.compress_size - 1)
    assert judged(data) == ["file-too-large"]


def test_no_ordinary_workbook_comes_near_the_limits(tmp_path: Path) -> None:
    rows = [["Login", "Name"], *([f"user{n}", f"Name {n}"] for n in range(3_000))]
    assert len(read_excel(tmp_path, workbook(rows)).rows) == 3_000


# --- rows and cells of a workbook -----------------------------------------------------------------


def last_row(number: int) -> bytes:
    return with_part(
        saved(workbook(PEOPLE)),
        SHEET,
        lambda text: text.replace(
            "</sheetData>",
            f'<row r="{number}"><c r="A{number}" t="inlineStr"><is><t>eve</t></is></c></row>'
            "</sheetData>",
        ),
    )


def test_the_last_row_that_a_sheet_can_have_is_read(tmp_path: Path) -> None:
    assert [row["Login"] for row in values(read_excel(tmp_path, last_row(1_048_576)))] == [
        "ada",
        "bob",
        "eve",
    ]
    the_finding(lambda: read_excel(tmp_path, last_row(1_048_577)), "file-damaged")


def test_the_last_column_that_a_sheet_can_have_is_read(tmp_path: Path) -> None:
    data = saved(workbook([["Login", "x"], ["ada", "x"]]))
    data = with_cell(data, "B1", '<c r="XFD1" t="inlineStr"><is><t>Last</t></is></c>')
    table = read_excel(tmp_path, with_cell(data, "B2", '<c r="XFD2"><v>1</v></c>'))
    assert table.columns == ("Login", "Last")
    assert values(table)[0]["Last"] == "1"


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_number_of_so_many_digits_is_exact(tmp_path: Path, sign: str) -> None:
    def read(number: str) -> Table:
        cell = f'<c r="B2"><v>{sign}{number}</v></c>'
        return read_excel(tmp_path, with_cell(saved(workbook(PEOPLE)), "B2", cell))

    assert read("9" * 15).rows[0].odd["Name"].code == "cell-number"
    assert read("1" + "0" * 15).rows[0].odd["Name"].code == "cell-number-inexact"


# --- rows of every kind of file -------------------------------------------------------------------


def csv_of(folder: Path, rows: int, **spec: Any) -> Table:
    return read_csv(folder, "Login;Name\n" + "ada;Ada\n" * rows, **spec)


def excel_of(folder: Path, rows: int, **spec: Any) -> Table:
    return read_excel(folder, workbook([["Login", "Name"], *[["ada", "Ada"]] * rows]), **spec)


def yaml_of(folder: Path, rows: int, **spec: Any) -> Table:
    return read_yaml(folder, "- {Login: ada, Name: Ada}\n" * rows, **spec)


@pytest.mark.parametrize("read", [csv_of, excel_of, yaml_of])
def test_a_source_may_have_so_many_rows(tmp_path: Path, read: Callable[..., Table]) -> None:
    assert len(read(tmp_path, 3, max_rows=3).rows) == 3
    the_finding(lambda: read(tmp_path, 4, max_rows=3), "file-too-large")
    assert len(read(tmp_path, 1, max_rows=1).rows) == 1


def test_lines_and_rows_without_anything_are_not_counted(tmp_path: Path) -> None:
    blank = "Login;Name\n\nada;Ada\n\n\nbob;Bob\n\n"
    assert len(read_csv(tmp_path, blank, max_rows=2).rows) == 2
    empty: list[list[object]] = [["Login", "Name"], ["ada", "Ada"], [None, None], ["bob", "Bob"]]
    assert len(read_excel(tmp_path, workbook(empty), max_rows=2).rows) == 2


@pytest.mark.parametrize("read", [csv_of, yaml_of])
def test_a_file_may_have_so_many_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[..., Table]
) -> None:
    read(tmp_path, 3)
    (written,) = tmp_path.iterdir()
    size = written.stat().st_size
    monkeypatch.setattr(file, "MAX_FILE_BYTES", size)
    monkeypatch.setattr(yaml, "MAX_FILE_BYTES", size)
    assert len(read(tmp_path, 3).rows) == 3
    monkeypatch.setattr(file, "MAX_FILE_BYTES", size - 1)
    the_finding(lambda: read(tmp_path, 3), "file-too-large")


def test_so_many_findings_of_one_code_are_shown_and_the_rest_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_table, "MAX_PER_CODE", 3)

    def ragged(rows: int) -> list[str]:
        # The good rows tell that it is the others that are wrong.
        text = "Login;Name\n" + "ada;Ada\n" * 5 + "bob\n" * rows
        found = findings_of(lambda: read_csv(tmp_path, text))
        return [str(one.origin) for one in found if one.code == "row-ragged"]

    assert len(ragged(2)) == 2
    assert len(set(ragged(3))) == len(ragged(3)) == 3
    many = ragged(5)
    assert len(many) == 4
    assert many[-1].endswith("people.csv"), "the last one counts the others, and has no row"


def test_what_is_refused_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(SourceInvalid) as raised:
        csv_of(tmp_path, 2, max_rows=1)
    (found,) = raised.value.findings
    assert found.origin is not None and found.origin.file is not None
    assert found.origin.file.endswith("people.csv")
    assert findings_with(csv_of(tmp_path, 2), "file-too-large") == []


def test_a_field_may_have_so_many_characters(tmp_path: Path) -> None:
    limit = csv.field_size_limit()

    def case(text: str) -> str:
        return the_finding(lambda: read_csv(tmp_path, "Login,Name\n" + text), "row-quotes").case

    for text in ("x" * limit, '"' + "x" * limit + '"'):
        assert (
            len(str(read_csv(tmp_path, f"Login,Name\nada,{text}\n").rows[0].values["Name"]))
            == limit
        )
    assert case("ada," + "x" * (limit + 1) + "\n") == "long"
    assert case('ada,"' + "x" * (limit + 1) + '"\n') == "long"
    # A quote that nobody closes takes in the lines below.
    assert case('ada,"' + "bob,x\n" * limit) == "open-long"
    assert case('ada,"x\nbob,x\n') == "open"


def test_a_range_of_one_cell_is_not_merged(tmp_path: Path) -> None:
    def merged(ref: str) -> bytes:
        cells = f'<mergeCells count="1"><mergeCell ref="{ref}"/></mergeCells>'
        text = "</sheetData>"
        return with_part(
            saved(workbook(PEOPLE)), SHEET, lambda xml: xml.replace(text, text + cells)
        )

    assert values(read_excel(tmp_path, merged("B2:B2"))) == values(read_excel(tmp_path, package()))
    assert values(read_excel(tmp_path, merged("B2"))) == values(read_excel(tmp_path, package()))
    for ref in ("B2:B3", "A2:B2"):
        findings_of(lambda ref=ref: read_excel(tmp_path, merged(ref)))  # type: ignore[misc]
