"""What becomes of the text in cells: kept, cleaned, or odd."""

import unicodedata
from pathlib import Path

import pytest

from tests.support.sources import (
    cell_issue,
    column,
    findings_with,
    read_csv,
    read_excel,
    values,
    workbook,
)


@pytest.mark.parametrize(
    "text", ["NA", "N/A", "None", "nan", "NaN", "null", "NULL", "<NA>", "n/a", "-", "true", "1e5"]
)
def test_words_that_programs_take_for_nothing_are_ordinary_text(tmp_path: Path, text: str) -> None:
    for table in (
        read_csv(tmp_path, f"Login,Name\n{text},{text}\n"),
        read_excel(tmp_path, workbook([["Login", "Name"], [text, text]])),
    ):
        assert values(table) == [{"Login": text, "Name": text}]
        assert not table.rows[0].odd


@pytest.mark.parametrize("text", ["007", "00", "1.0", "12345678901234567890", "1,5", "01/02/2024"])
def test_text_that_looks_like_a_number_is_kept_as_it_is(tmp_path: Path, text: str) -> None:
    for table in (
        read_csv(tmp_path, f"Login;Name\n{text};x\n"),
        read_excel(tmp_path, workbook([["Login", "Name"], [text, "x"]])),
    ):
        assert column(table, "Login") == [text]
        assert not table.rows[0].odd


@pytest.mark.parametrize(
    "text", ["#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#NV", "####"]
)
def test_the_text_of_a_spreadsheet_error_is_never_a_value(tmp_path: Path, text: str) -> None:
    found = cell_issue(read_csv(tmp_path, f"Login,Name\nada, {text}\n"), "Name")
    assert (found.code, found.value) == ("cell-error", text)


@pytest.mark.parametrize("text", ["#", "#1", "##", "C#", "#N/A-x", "Error", "Err"])
def test_other_text_with_a_hash_is_ordinary(tmp_path: Path, text: str) -> None:
    assert not read_csv(tmp_path, f"Login,Name\nada,{text}\n").rows[0].odd


@pytest.mark.parametrize(
    "blank", ["\u00a0", "\u200b", "\ufeff", "\u202f", "\u2003", "\t", "\u3000"]
)
def test_blanks_of_every_kind_are_stripped_at_the_ends_and_told(tmp_path: Path, blank: str) -> None:
    table = read_csv(tmp_path, f"Login;Name\n{blank} ada {blank};A{blank}da\n", delimiter=";")
    assert table.rows[0].values["Login"] == "ada"
    (finding,) = findings_with(table, "cell-trimmed")
    assert finding.value == "ada"
    assert finding.origin is not None and (finding.origin.row, finding.origin.position) == (2, 1)


def test_plain_spaces_at_the_ends_are_stripped_without_a_word(tmp_path: Path) -> None:
    table = read_csv(tmp_path, "Login;Name\n  ada  ;  \n", delimiter=";")
    assert values(table) == [{"Login": "ada", "Name": ""}]
    assert not findings_with(table, "cell-trimmed")


def test_what_was_stripped_is_told_once_a_column_with_the_other_cells(tmp_path: Path) -> None:
    rows = "".join(f"\u00a0u{number},x\n" for number in range(100))
    (finding,) = findings_with(read_csv(tmp_path, "Login,Name\n" + rows), "cell-trimmed")
    assert "100 values" in finding.message
    assert [origin.row for origin in finding.related[:2]] == [3, 4]
    assert len(finding.related) == 20


def test_columns_that_the_mapping_does_not_read_are_nobodys_business(tmp_path: Path) -> None:
    table = read_csv(tmp_path, "Login,Note\nada,\u00a0x\n", used=["Login"])
    assert not findings_with(table, "cell-trimmed")


def test_letters_and_accents_are_composed_and_that_is_told(tmp_path: Path) -> None:
    apart = unicodedata.normalize("NFD", "Näo Ødegård")
    for table in (
        read_csv(tmp_path, f"Login,Name\nnao,{apart}\n"),
        read_excel(tmp_path, workbook([["Login", "Name"], ["nao", apart]])),
    ):
        assert column(table, "Name") == ["Näo Ødegård"]
        assert len(findings_with(table, "cell-composed")) == 1


@pytest.mark.parametrize("char", ["\x07", "\x1b", "\t", "\x7f", "\x85", "\u2028"])
def test_control_characters_within_a_value_are_odd(tmp_path: Path, char: str) -> None:
    found = cell_issue(read_csv(tmp_path, f"Login,Name\nada,A{char}da\n", delimiter=","), "Name")
    assert found.code == "cell-control"


def test_a_line_break_within_a_value_is_left_to_the_mapping(tmp_path: Path) -> None:
    for table in (
        read_csv(tmp_path, 'Login,Projects\nada,"A\r\nB\rC"\n'),
        read_excel(tmp_path, workbook([["Login", "Projects"], ["ada", "A\nB\nC"]])),
    ):
        assert column(table, "Projects") == ["A\nB\nC"]
        assert not table.rows[0].odd


def test_letters_that_an_earlier_conversion_lost_are_odd(tmp_path: Path) -> None:
    found = cell_issue(read_csv(tmp_path, "Login,Name\nm,M\ufffdller\n"), "Name")
    assert found.code == "cell-garbled"


def test_secret_cells_stay_exactly_as_they_are_and_are_never_told(tmp_path: Path) -> None:
    secret = " \u00a0Na\u0308-Geheim\x07 "
    for table in (
        read_csv(tmp_path, f"Login,Password\nada,{secret}\n", secret=["Password"]),
        read_excel(
            tmp_path,
            workbook([["Login", "Password"], ["ada", secret.replace("\x07", "")]]),
            secret=["Password"],
        ),
    ):
        assert str(column(table, "Password")[0]).replace("\x07", "") == secret.replace("\x07", "")
        assert "Geheim" not in repr(table.findings) + repr(table.rows[0].odd)
        assert not table.rows[0].odd


def test_an_error_in_a_secret_cell_is_odd_without_its_value(tmp_path: Path) -> None:
    table = read_csv(tmp_path, "Login,Password\nada,#VALUE!\n", secret=["Password"])
    assert (cell_issue(table, "Password").code, cell_issue(table, "Password").value) == (
        "cell-error",
        None,
    )


def test_a_very_long_text_is_read_whole(tmp_path: Path) -> None:
    long = "x" * 32_767
    assert column(read_excel(tmp_path, workbook([["a"], [long]])), "a") == [long]
    assert column(read_csv(tmp_path, f"a\n{long}\n"), "a") == [long]


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("1.23E+11", "cell-converted"),
        ('="geheim"', "cell-converted"),
        ("#REF!", "cell-error"),
        ("Geheim-1", None),
        ("", None),
    ],
)
def test_a_password_that_a_spreadsheet_has_changed_is_none(
    tmp_path: Path, cell: str, code: str | None
) -> None:
    quoted = cell.replace('"', '""')
    table = read_csv(tmp_path, f'Login,Password\nada,"{quoted}"\n', secret=["Password"])
    found = table.rows[0].odd.get("Password")
    assert (found.code if found is not None else None) == code
    assert found is None or found.value is None
    verbatim = read_csv(
        tmp_path, f'Login,Password\nada,"{quoted}"\n', secret=["Password"], verbatim=True
    )
    spared = verbatim.rows[0].odd.get("Password")
    assert (spared is None) is (code != "cell-error")
