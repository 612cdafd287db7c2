"""The structure of CSV files: records, physical line numbers, headers, limits."""

import csv
import io
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanport.sources import raw_table
from tests.support.sources import column, findings_of, findings_with, read_csv, the_finding, values


def lines(table_or_findings: object) -> list[int | None]:
    return [item.origin.row for item in table_or_findings]  # type: ignore[attr-defined]


def test_every_header_has_its_place(tmp_path: Path) -> None:
    table = read_csv(tmp_path, "\n\nLogin,,ALPHA\nada,,R\n")
    found = [(name, place.column, str(place)) for name, place in table.headers.items()]
    file = table.rows[0].origin.file
    assert found == [("Login", "Login", f"{file}:3:1"), ("ALPHA", "ALPHA", f"{file}:3:3")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_numbers_are_physical_after_blank_lines_and_quoted_line_breaks(
    tmp_path: Path, end: str
) -> None:
    text = end.join(
        [
            "",
            "Login,Note",
            "ada,x",
            "",
            '"bob","one',
            "",
            'two"',
            " , ",
            "cle,",
            "",
            '"d\nd",y',
            "e,z",
        ]
    )
    table = read_csv(tmp_path, text)
    assert lines(table.rows) == [3, 5, 9, 11, 13]
    assert column(table, "Note") == ["x", "one\n\ntwo", "", "y", "z"]


def test_a_cell_is_named_by_line_and_number_of_its_field(tmp_path: Path) -> None:
    row = read_csv(tmp_path, "a,b,c\n1,2,3\n").rows[0]
    place = row.place("c")
    assert (place.row, place.position, place.column) == (2, 3, "c")
    assert str(place).endswith("people.csv:2:3")


def test_the_places_of_columns_are_shared_by_all_rows(tmp_path: Path) -> None:
    first, second = read_csv(tmp_path, "a\n1\n2\n").rows
    assert first.places is second.places


def test_all_rows_with_a_wrong_number_of_fields_are_told_in_one_pass(tmp_path: Path) -> None:
    text = 'a,b,c\n1,2,3\n1,2\n"x\ny",2,3\n1,2,3,4\n\nTotal\n1,2,3\n'
    findings = findings_of(lambda: read_csv(tmp_path, text))
    assert [(f.code, f.origin and f.origin.row) for f in findings] == [
        ("row-ragged", 3),
        ("row-ragged", 6),
        ("row-ragged", 8),
    ]
    assert findings[1].message == "the row has 4 fields, the header has 3"
    assert "Total" not in repr(findings)


def test_one_field_more_in_every_row_never_shifts_the_values(tmp_path: Path) -> None:
    findings = findings_of(lambda: read_csv(tmp_path, "a,b\n1,2,3\n4,5,6\n"))
    assert [finding.code for finding in findings] == ["row-ragged", "row-ragged"]


def test_findings_beyond_a_thousand_of_a_kind_are_counted(tmp_path: Path) -> None:
    text = "a,b\n" + "1\n" * (raw_table.MAX_PER_CODE + 234)
    findings = findings_of(lambda: read_csv(tmp_path, text))
    assert len(findings) == raw_table.MAX_PER_CODE + 1
    assert findings[-1].message == "234 more places have the same problem"


def test_quotation_marks_that_do_not_pair_are_told_on_their_own_lines(tmp_path: Path) -> None:
    text = 'a,b\n1,"2"x\n3,4\n"5,6\n7,8\n'
    findings = findings_of(lambda: read_csv(tmp_path, text))
    assert [(f.code, f.origin and f.origin.row) for f in findings] == [
        ("row-quotes", 2),
        ("row-quotes", 4),
    ]
    assert "never closed" in findings[1].message


def test_a_quotation_mark_that_swallows_very_much_is_told_as_such(tmp_path: Path) -> None:
    text = 'a,b\n1,"2\n' + "3,4\n" * 60_000
    finding = the_finding(lambda: read_csv(tmp_path, text), "row-quotes")
    assert "not closed" in finding.message
    assert finding.origin is not None and finding.origin.row == 2


def test_a_field_that_is_too_long_is_refused(tmp_path: Path) -> None:
    text = "a,b\n1," + "x" * 200_000 + "\n"
    assert "131,072" in the_finding(lambda: read_csv(tmp_path, text), "row-quotes").message


def test_doubled_quotation_marks_stand_for_one(tmp_path: Path) -> None:
    assert column(read_csv(tmp_path, 'a,b\n"Ann ""Al"" Lee",x\n'), "a") == ['Ann "Al" Lee']


def test_a_quotation_mark_within_an_unquoted_value_is_kept(tmp_path: Path) -> None:
    assert column(read_csv(tmp_path, 'a,b\nAnn "Al" Lee,x\n'), "a") == ['Ann "Al" Lee']


def test_a_blank_before_a_quotation_mark_is_refused(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_csv(tmp_path, 'a,b\n1, "x"\n'), "row-quotes")
    assert finding.origin is not None and finding.origin.position == 2


@pytest.mark.parametrize("second", ["Mail", "mail ", "ＭＡＩＬ", "\u00a0Mail"])
def test_headers_that_read_the_same_are_refused_with_both_places(
    tmp_path: Path, second: str
) -> None:
    finding = the_finding(
        lambda: read_csv(tmp_path, f"Mail,x,{second}\n1,2,3\n"), "header-duplicate"
    )
    assert finding.origin is not None and (finding.origin.row, finding.origin.position) == (1, 3)
    assert [origin.position for origin in finding.related] == [1]


def test_a_column_without_header_may_be_empty(tmp_path: Path) -> None:
    assert values(read_csv(tmp_path, "a,,b,\n1,,2,\n3, ,4,\n")) == [
        {"a": "1", "b": "2"},
        {"a": "3", "b": "4"},
    ]


def test_a_column_without_header_that_holds_values_is_refused(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_csv(tmp_path, "a,\n1,\n2,x\n3,y\n"), "header-empty")
    assert finding.origin is not None and (finding.origin.row, finding.origin.position) == (3, 2)


def test_notes_right_of_the_list_are_told_and_ignored(tmp_path: Path) -> None:
    table = read_csv(tmp_path, "a;b;;;\n1;2;;a note;\n3;4;;;\n;;;only a note;and more\n")
    assert values(table) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    (finding,) = [one for one in table.findings if one.code == "notes-beside"]
    assert finding.origin is not None and (finding.origin.row, finding.origin.position) == (2, 4)


def test_everything_that_is_wrong_with_a_file_is_told_at_once(tmp_path: Path) -> None:
    findings = findings_of(lambda: read_csv(tmp_path, 'a,A,\n1,2,3\n1\n"x"y,2,3\n'))
    assert sorted(finding.code for finding in findings) == [
        "header-duplicate",
        "header-empty",
        "row-quotes",
        "row-ragged",
    ]


def test_headers_are_called_as_the_mapping_spells_them(tmp_path: Path) -> None:
    text = ' E-Mail\u00a0,"Access\nlevel",Na\u0308me\na,b,c\n'
    table = read_csv(tmp_path, text, used=["E-Mail", "Access level", "Näme"])
    assert table.columns == ("E-Mail", "Access level", "Näme")
    assert read_csv(tmp_path, "Login\nada\n", used=["Login "]).columns == ("Login ",)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b" ; \n;;\n"])
def test_an_empty_file_is_refused(tmp_path: Path, data: bytes) -> None:
    the_finding(lambda: read_csv(tmp_path, data), "file-empty")


@pytest.mark.parametrize("text", ["Login;Name", "Login;Name\n", "Login;Name\n\n;\n"])
def test_a_header_without_rows_is_refused(tmp_path: Path, text: str) -> None:
    assert "no rows" in the_finding(lambda: read_csv(tmp_path, text), "file-empty").message


def test_a_header_with_none_of_the_columns_tells_those_that_are_there(tmp_path: Path) -> None:
    finding = the_finding(
        lambda: read_csv(tmp_path, "Logn,Fullname\na,b\n", used=["Login", "Name"]), "column-missing"
    )
    assert '"Login" and "Name"' in finding.message
    assert finding.hint is not None
    assert 'did you mean "Logn" and "Fullname"?' in finding.hint
    assert '"Logn" and "Fullname"' in finding.hint


def test_a_row_in_place_of_the_header_is_not_shown_if_it_may_hold_a_password(
    tmp_path: Path,
) -> None:
    finding = the_finding(
        lambda: read_csv(
            tmp_path, "ada,Sup3r-Geheim\nbob,x\n", used=["Login"], secret=["Password"]
        ),
        "column-missing",
    )
    assert "Geheim" not in repr(finding)


def test_some_of_the_columns_may_lack_here_as_another_source_may_have_them(tmp_path: Path) -> None:
    assert read_csv(tmp_path, "Login\nada\n", used=["Login", "Name"]).columns == ("Login",)


def test_more_rows_than_the_mapping_allows_are_refused(tmp_path: Path) -> None:
    assert len(read_csv(tmp_path, "a\n1\n2\n", max_rows=2).rows) == 2
    finding = the_finding(lambda: read_csv(tmp_path, "a\n1\n2\n3\n", max_rows=2), "file-too-large")
    assert finding.hint is not None and "max_rows" in finding.hint


FIELD = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc", "Cs", "Z", "Cf"], exclude_characters="\ufffd#"
    ),
    min_size=1,
    max_size=8,
)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60
)
@given(rows=st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=5), blank=st.booleans())
def test_what_the_csv_module_writes_is_read_back_with_its_lines(
    tmp_path: Path, rows: list[tuple[str, str]], blank: bool
) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
    writer.writerow(["first", "second"])
    for row in rows:
        if blank:
            stream.write("\r\n")
        writer.writerow([row[0], row[1] + "\n" + row[1]])
    table = read_csv(tmp_path, stream.getvalue())
    nfc = [unicodedata.normalize("NFC", first) for first, _ in rows]
    assert column(table, "first") == nfc
    step = 3 if blank else 2
    assert [row.origin.row for row in table.rows] == [
        2 + blank + step * number for number in range(len(rows))
    ]


def test_a_line_break_within_a_value_is_no_blank_that_was_left_out(tmp_path: Path) -> None:
    table = read_csv(tmp_path, 'Login;Name\r\nann;"Ann\r\nLee"\r\nben;" Ben\r\nOh "\r\n')
    assert column(table, "Name") == ["Ann\nLee", "Ben\nOh"]
    assert findings_with(table, "cell-trimmed") == []
