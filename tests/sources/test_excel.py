"""Workbooks that are damaged or dangerous are refused, always with a finding."""

import io
import random
import zipfile
from pathlib import Path

import pytest

from kanport.errors import SourceInvalid
from kanport.sources import excel, excel_sheet
from tests.support.sources import (
    SHEET,
    findings_of,
    read_excel,
    repacked,
    saved,
    the_finding,
    values,
    with_cell,
    with_part,
    with_shared_text,
    workbook,
)

ROWS = [["Login", "Name"], ["ada", "Ada"]]


def good() -> bytes:
    return saved(workbook(ROWS))


def test_a_part_that_unpacks_to_far_more_than_its_size_is_not_opened(tmp_path: Path) -> None:
    bomb = repacked(good(), extra={"xl/media/image1.png": b"\0" * (32 * 1024 * 1024)})
    assert len(bomb) < 100_000
    finding = the_finding(lambda: read_excel(tmp_path, bomb), "file-too-large")
    assert "xl/media/image1.png unpacks to more than 200 times its size" in finding.message


def test_a_bomb_in_the_sheet_itself_is_not_opened(tmp_path: Path) -> None:
    data = with_part(
        good(), SHEET, lambda text: text.replace("</sheetData>", " " * 2**25 + "</sheetData>")
    )
    the_finding(lambda: read_excel(tmp_path, data), "file-too-large")


@pytest.mark.parametrize("place", ["<sheetData>", '<row r="1">', "</sheetData>"])
@pytest.mark.parametrize("junk", ["<a>", "<a/>", "<a></a>"])
def test_elements_without_end_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, junk: str
) -> None:
    monkeypatch.setattr(excel, "RATIO_FROM_BYTES", 2**40)
    monkeypatch.setattr(excel_sheet, "MAX_TAGS", 20_000)
    data = with_part(good(), SHEET, lambda text: text.replace(place, place + junk * 200_000, 1))
    the_finding(lambda: read_excel(tmp_path, data), "file-damaged")
    few = with_part(good(), SHEET, lambda text: text.replace(place, place + "<a/>" * 2_000, 1))
    assert values(read_excel(tmp_path, few)) == values(read_excel(tmp_path, good()))


@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [
        ("MAX_PARTS", 5, "parts"),
        ("MAX_UNPACKED_BYTES", 1000, "unpacks to"),
        ("MAX_SHARED_BYTES", 10, "unpacks to"),
    ],
)
def test_a_workbook_beyond_the_limits_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, said: str
) -> None:
    monkeypatch.setattr(excel, limit, value)
    monkeypatch.setattr(excel, "RATIO_FROM_BYTES", 0)
    finding = the_finding(lambda: read_excel(tmp_path, good()), "file-too-large")
    assert said in finding.message


def test_a_part_that_says_it_is_smaller_than_it_is_unpacks_no_further(tmp_path: Path) -> None:
    big = with_part(
        good(), SHEET, lambda text: text.replace("</sheetData>", " " * 2**25 + "</sheetData>")
    )
    with zipfile.ZipFile(io.BytesIO(big)) as archive:
        size = archive.getinfo(SHEET).file_size
    lying = big.replace(size.to_bytes(4, "little"), (5000).to_bytes(4, "little"))
    assert lying != big
    the_finding(lambda: read_excel(tmp_path, lying), "file-damaged")


@pytest.mark.parametrize(
    "part",
    ["[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels"],
)
def test_a_workbook_without_one_of_its_parts_is_damaged(tmp_path: Path, part: str) -> None:
    the_finding(lambda: read_excel(tmp_path, repacked(good(), without=part)), "file-damaged")


def test_a_sheet_whose_part_is_missing_is_never_an_empty_sheet(tmp_path: Path) -> None:
    findings_of(lambda: read_excel(tmp_path, repacked(good(), without=SHEET)))


def test_text_whose_part_is_missing_is_never_empty(tmp_path: Path) -> None:
    shared = with_shared_text(with_cell(good(), "B2", '<c r="B2" t="s"><v>0</v></c>'), ["Ada"])
    lacking = repacked(shared, without="xl/sharedStrings.xml")
    the_finding(lambda: read_excel(tmp_path, lacking), "file-damaged")


def test_a_part_that_is_there_twice_is_damage(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        double = repacked(good(), extra={SHEET: b"<worksheet/>"})
    the_finding(lambda: read_excel(tmp_path, double), "file-damaged")


def test_a_workbook_that_is_cut_off_is_damaged(tmp_path: Path) -> None:
    data = good()
    for length in (len(data) // 4, len(data) // 2, len(data) - 10):
        the_finding(lambda length=length: read_excel(tmp_path, data[:length]), "file-damaged")  # type: ignore[misc]


@pytest.mark.parametrize(
    "xml",
    [
        '<c r="B2" t="s"><v>999</v></c>',
        '<c r="B9"><v>1</v></c>',
        '<c r="B2" t="d"><v>yesterday</v></c>',
        '<c r="XFE2"><v>1</v></c>',
        '<c r="B2"><v>1</v>',
    ],
)
def test_a_cell_that_makes_no_sense_is_damage_and_its_text_is_not_shown(
    tmp_path: Path, xml: str
) -> None:
    finding = the_finding(
        lambda: read_excel(tmp_path, with_cell(good(), "B2", xml)), "file-damaged"
    )
    assert "yesterday" not in repr(finding)


def test_rows_that_go_backwards_are_damage(tmp_path: Path) -> None:
    data = with_part(
        good(),
        SHEET,
        lambda text: text.replace("</sheetData>", '<row r="1"><c r="A1"/></row></sheetData>'),
    )
    the_finding(lambda: read_excel(tmp_path, data), "file-damaged")


def test_entities_are_never_expanded(tmp_path: Path) -> None:
    data = with_part(good(), SHEET, lambda text: '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>' + text)
    finding = the_finding(lambda: read_excel(tmp_path, data), "file-damaged")
    assert "EntitiesForbidden" in finding.message


def test_an_archive_with_a_password_is_told_as_such(tmp_path: Path) -> None:
    data = bytearray(good())
    place = data.find(b"PK\x01\x02")
    data[place + 8] |= 1
    finding = the_finding(lambda: read_excel(tmp_path, bytes(data)), "file-kind")
    assert "password" in finding.message


def test_damaged_bytes_anywhere_give_a_finding_or_the_right_rows(tmp_path: Path) -> None:
    data = good()
    chance = random.Random(4711)
    refused: list[int] = []
    for _ in range(150):
        broken = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            table = read_excel(tmp_path, bytes(broken))
        except SourceInvalid as problem:
            refused.append(len(problem.findings))
        else:
            assert values(table) == [{"Login": "ada", "Name": "Ada"}]
    assert len(refused) > 10 and all(refused)
