"""The character between the fields is found by the header, or must be said."""

from pathlib import Path

import pytest

from tests.support.sources import findings_with, read_csv, the_finding, values


@pytest.mark.parametrize(
    ("delimiter", "called"), [(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar")]
)
def test_the_header_shows_the_delimiter(tmp_path: Path, delimiter: str, called: str) -> None:
    table = read_csv(tmp_path, f"Login{delimiter}Name\nada{delimiter}Ada L\n")
    assert values(table) == [{"Login": "ada", "Name": "Ada L"}]
    assert called in findings_with(table, "file-read-as")[0].message


def test_a_file_with_one_column_is_not_split_at_letters(tmp_path: Path) -> None:
    table = read_csv(tmp_path, "username\nada\nbob\n", used=["username"])
    assert values(table) == [{"username": "ada"}, {"username": "bob"}]


def test_the_columns_that_the_mapping_names_decide(tmp_path: Path) -> None:
    table = read_csv(tmp_path, "Last, first, middle;Login\nLee, Ann, X;ann\n", used=["Login"])
    assert values(table) == [{"Last, first, middle": "Lee, Ann, X", "Login": "ann"}]


def test_a_header_that_fits_two_delimiters_is_refused(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_csv(tmp_path, "a,b;c\n1,2;3\n"), "file-delimiter")
    assert "comma and semicolon" in finding.message
    assert finding.hint is not None and "delimiter:" in finding.hint


def test_the_mapping_says_the_delimiter(tmp_path: Path) -> None:
    assert values(read_csv(tmp_path, "a,b;c\n1,2;3\n", delimiter=";")) == [{"a,b": "1,2", "c": "3"}]


def test_a_wrong_delimiter_in_the_mapping_is_told_with_the_right_one(tmp_path: Path) -> None:
    finding = the_finding(
        lambda: read_csv(tmp_path, "Login;Name\na;b\n", used=["Login", "Name"], delimiter=","),
        "column-missing",
    )
    assert finding.hint == 'set delimiter: ";" in the mapping; Kanport then finds them'


def test_delimiters_within_quoted_headers_do_not_count(tmp_path: Path) -> None:
    table = read_csv(tmp_path, '"a;b;c",d\n1,2\n')
    assert table.columns == ("a;b;c", "d")


def test_the_first_line_with_which_excel_names_the_delimiter_is_understood(tmp_path: Path) -> None:
    table = read_csv(tmp_path, "sep=;\r\nLogin;Name\r\nada;Ada\r\n")
    assert values(table) == [{"Login": "ada", "Name": "Ada"}]
    assert table.rows[0].origin.row == 3
    finding = the_finding(lambda: read_csv(tmp_path, "sep=:\nLogin:Name\na:b\n"), "file-delimiter")
    assert finding.origin is not None and finding.origin.row == 1
