"""The findings of a broken CSV file lead to what has to be done."""

from pathlib import Path

import pytest

from tests.support.sources import column, findings_of, findings_with, read_csv, the_finding, values


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        *(("mac_roman", "Renée Äpfel"), ("mac_roman", "Jörg Müller"), ("mac_roman", "Ñandú, José")),
        *(("mac_roman", "Hélène Strauß"), ("mac_roman", "Åsa Ærø"), ("cp1252", "Renée Äpfel")),
        *(("cp1252", "Jørgen Strauß"), ("cp1252", "Zoë O’Neil"), ("cp1252", "Mário Gonçalves")),
        *(("cp850", "Jörg Müller"), ("cp850", "João Gonçalves"), ("cp1250", "Wałęsa Żółw")),
        *(("cp1250", "Šimić Đorđe"), ("iso8859_2", "Dvořák Šťastný"), ("cp1251", "Анна Ковалёва")),
        *(("koi8_r", "Иван Петров"), ("cp866", "Иван Петров"), ("cp1254", "Yılmaz Şahin")),
        *(("cp1253", "Γιώργος Παπαδόπουλος"), ("shift_jis", "山田 さくら"), ("gbk", "张伟 李娜")),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r"])
def test_the_hint_names_the_encoding_that_gives_names(
    tmp_path: Path, encoding: str, name: str, end: str
) -> None:
    data = end.join(["Login;Name", f"ann;{name}", "ben;Ben", ""]).encode(encoding)
    finding = the_finding(lambda: read_csv(tmp_path, data), "file-encoding")
    guesses = dict(finding.params)["guesses"]
    assert isinstance(guesses, tuple) and guesses[0] == encoding
    assert encoding in (finding.hint or "")
    assert column(read_csv(tmp_path, data, encoding=encoding), "Name") == [name, "Ben"]


def test_where_two_encodings_are_as_good_both_are_named(tmp_path: Path) -> None:
    data = "Login;Name\nzoe;Zoë\n".encode("mac_roman")
    finding = the_finding(lambda: read_csv(tmp_path, data), "file-encoding")
    assert dict(finding.params)["guesses"] == ("mac_roman", "cp850")
    assert "one of mac_roman, cp850" in (finding.hint or "")


@pytest.mark.parametrize(
    ("encoding", "declared"), [("mac_roman", "cp1252"), ("cp850", "cp1252"), ("cp1251", "latin-1")]
)
def test_a_declared_encoding_that_gives_no_names_is_a_warning(
    tmp_path: Path, encoding: str, declared: str
) -> None:
    name = "Анна" if encoding == "cp1251" else "Märta Jörgé"
    data = f"Login;Name\nann;{name}\n".encode(encoding)
    table = read_csv(tmp_path, data, encoding=declared)
    (warning,) = findings_with(table, "encoding-doubtful")
    assert warning.hint is not None and f"encoding: {encoding}" in warning.hint


@pytest.mark.parametrize("encoding", ["cp1252", "iso8859_15", "mac_roman", "cp850"])
def test_a_declared_encoding_that_gives_names_is_believed(tmp_path: Path, encoding: str) -> None:
    data = "Login;Name\nann;Renée Müller\n".encode(encoding)
    assert not findings_with(read_csv(tmp_path, data, encoding=encoding), "encoding-doubtful")


# --- delimiters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "a;b\n1;2;\n3;4;\n",
        "a;b\n1;2;;;\n3;4;;;\n",
        "a;b;\n1;2\n3;4\n",
        "a;b;;\n1;2\n3;4;\n",
        "a;b\n1;2; \n3;4;\u00a0\n",
        'a;b\n1;2;""\n3;4;\n',
    ],
)
def test_empty_fields_beyond_the_header_and_missing_ones_without_a_name_are_read(
    tmp_path: Path, text: str
) -> None:
    table = read_csv(tmp_path, text)
    assert values(table) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert [finding.code for finding in table.findings] == ["file-read-as"]


def test_a_surplus_in_some_rows_only_is_read_with_a_warning(tmp_path: Path) -> None:
    table = read_csv(tmp_path, "a;b\n1;2;\n3;4\n5;6;;\n")
    assert [row["a"] for row in values(table)] == ["1", "3", "5"]
    (warning,) = findings_with(table, "row-surplus")
    assert warning.origin is not None and warning.origin.row == 2 and len(warning.related) == 1


def test_a_name_that_came_apart_is_no_surplus(tmp_path: Path) -> None:
    text = "Name,Login,Mail\nAnn,ann,a@x.org\nWeiß, Ben,ben,\n"
    finding = the_finding(lambda: read_csv(tmp_path, text), "row-ragged")
    assert finding.origin is not None and finding.origin.row == 3


def test_only_a_surplus_that_holds_something_is_an_error(tmp_path: Path) -> None:
    found = findings_of(lambda: read_csv(tmp_path, "a;b\n1;2;\n3;4;5\n6;7;\n"))
    assert [(f.code, f.origin and f.origin.row) for f in found] == [("row-ragged", 3)]


def test_a_missing_field_under_a_named_header_is_an_error(tmp_path: Path) -> None:
    found = findings_of(lambda: read_csv(tmp_path, "a;b;c\n1;2\n3;4;5\n"))
    assert [(f.code, f.origin and f.origin.row) for f in found] == [("row-ragged", 2)]


def test_rows_that_all_have_one_value_more_lack_a_header(tmp_path: Path) -> None:
    first, *_ = findings_of(lambda: read_csv(tmp_path, "a;b\n1;2;3\n4;5;6\n"))
    assert first.hint is not None and "a header" in first.hint


def test_names_in_the_mapping_may_leave_out_an_empty_last_column(tmp_path: Path) -> None:
    table = read_csv(tmp_path, "x;y;\n1;2;\n", columns=["a", "b"])
    assert values(table) == [{"a": "1", "b": "2"}]


# --- quotation marks ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line", ['1, "Weiß, Ben"', '1,\t"Weiß, Ben"', '1,\u00a0"Weiß, Ben, Dr."', '1, "x"', ' "1","x"']
)
def test_a_blank_before_a_quoted_value_is_named_as_such(tmp_path: Path, line: str) -> None:
    text = f"a,b\n{line}\n2,y\n"
    finding = the_finding(lambda: read_csv(tmp_path, text, delimiter=","), "row-quotes")
    assert finding.origin is not None and finding.origin.row == 2
    assert finding.hint is not None and "remove the space" in finding.hint


@pytest.mark.parametrize("line", ['ben; "Weiß; Ben"', 'ben; "Weiß; Ben";', 'ben; "Weiß"; "b"'])
def test_a_value_that_came_apart_there_is_never_read_as_two(tmp_path: Path, line: str) -> None:
    text = f"Login;Name;Mail\nann;Ann;a\n{line}\n"
    found = findings_of(lambda: read_csv(tmp_path, text))
    assert {(f.code, f.origin and f.origin.row) for f in found} == {("row-quotes", 3)}


def test_a_blank_before_a_quoted_header_is_named_as_such(tmp_path: Path) -> None:
    text = 'Login, "Name", "Mail"\nann, "Ann", "a@x.org"\n'
    used = ["Login", "Name"]
    found = findings_of(lambda: read_csv(tmp_path, text, used=used))
    assert {finding.code for finding in found} == {"row-quotes"}
    assert all(finding.hint and "remove the space" in finding.hint for finding in found)


def test_a_blank_behind_a_quoted_value_is_named_as_such(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_csv(tmp_path, 'a,b\n"1" ,2\n'), "row-quotes")
    assert finding.hint is not None and "remove the space" in finding.hint


def test_typographic_quotation_marks_are_named_as_such(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_csv(tmp_path, "a,b\n1,“Weiß, Ben”\n"), "row-ragged")
    assert finding.hint is not None and "straight quotation marks" in finding.hint


# --- titles ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "title", ["Staff list 2026-11\n\n", "Staff;;\n;;\n", "\n", '"Staff, all"\nof 2026\n\n']
)
def test_the_header_below_a_title_is_found(tmp_path: Path, title: str) -> None:
    text = f"{title}Login;Name;Mail\nann;Ann;\n"
    table = read_csv(tmp_path, text, used=["Login", "Name"])
    assert column(table, "Login") == ["ann"]
    assert table.headers["Login"].row == title.count("\n") + 1
    (note,) = findings_with(table, "file-read-as")
    assert ("below a title" in note.message) == (title != "\n")


@pytest.mark.parametrize("above", ["ann;Ann;a@x.org\n", "ann;Ann;\n", "Login;;\n"])
def test_rows_above_a_header_are_never_passed_over(tmp_path: Path, above: str) -> None:
    text = f"{above}Login;Name;Mail\nben;Ben;\n"
    assert findings_of(lambda: read_csv(tmp_path, text, used=["Login", "Name"]))


def test_a_blank_before_a_quotation_mark_is_told_where_the_delimiter_has_split_the_value(
    tmp_path: Path,
) -> None:
    text = 'a,b\nada, "Lovelace, Ada\nbob,Bob\n'
    finding = the_finding(lambda: read_csv(tmp_path, text, delimiter=","), "row-quotes")
    assert finding.case == "blank-before"
    assert finding.origin is not None and (finding.origin.row, finding.origin.position) == (2, 2)
