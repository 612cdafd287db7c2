"""Encodings of CSV files: known or refused, never guessed."""

import codecs
from pathlib import Path

import pytest

from tests.support.sources import column, findings_of, findings_with, read_csv, the_finding

TEXT = "Login;Name\r\njorg;Jörg Müller\r\nzoe;Zoë Łukasz\r\n"
WESTERN = "Login;Name\njorg;Jörg Müller\nzoe;Zoë Lefèvre\n"


def test_utf_8_needs_no_mark(tmp_path: Path) -> None:
    assert column(read_csv(tmp_path, TEXT), "Name") == ["Jörg Müller", "Zoë Łukasz"]


@pytest.mark.parametrize(
    ("mark", "encoding", "called"),
    [
        (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte order mark"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    ],
)
def test_a_byte_order_mark_decides_and_is_no_part_of_the_first_header(
    tmp_path: Path, mark: bytes, encoding: str, called: str
) -> None:
    table = read_csv(tmp_path, mark + TEXT.encode(encoding))
    assert table.columns == ("Login", "Name")
    assert column(table, "Name") == ["Jörg Müller", "Zoë Łukasz"]
    assert called in findings_with(table, "file-read-as")[0].message


def test_a_byte_order_mark_beats_what_the_mapping_declares(tmp_path: Path) -> None:
    table = read_csv(tmp_path, codecs.BOM_UTF8 + TEXT.encode(), encoding="cp1252")
    assert column(table, "Name")[0] == "Jörg Müller"


def test_valid_utf_8_beats_a_declared_encoding_that_would_garble_it(tmp_path: Path) -> None:
    assert column(read_csv(tmp_path, TEXT, encoding="cp1252"), "Name")[0] == "Jörg Müller"


def test_a_file_that_is_not_utf_8_is_read_as_the_mapping_declares(tmp_path: Path) -> None:
    table = read_csv(tmp_path, WESTERN.encode("cp1252"), encoding="cp1252")
    assert column(table, "Name") == ["Jörg Müller", "Zoë Lefèvre"]
    assert "cp1252" in findings_with(table, "file-read-as")[0].message


@pytest.mark.parametrize("encoding", ["cp1252", "cp850", "mac_roman"])
def test_an_undeclared_old_encoding_is_refused_with_line_byte_and_a_hint(
    tmp_path: Path, encoding: str
) -> None:
    data = WESTERN.encode(encoding)
    findings = findings_of(lambda: read_csv(tmp_path, data))
    first = findings[0]
    assert (first.code, first.origin and first.origin.row) == ("file-encoding", 2)
    byte = "ö".encode(encoding)[0]
    assert f"byte 0x{byte:02X} at position 7" in first.message
    assert first.hint is not None and encoding in first.hint
    assert [(finding.case, finding.params) for finding in findings[1:]] == [
        ("more", (("count", 1),))
    ]


def test_cp1252_is_never_a_silent_fallback(tmp_path: Path) -> None:
    bad = b"Login;Name\nx;\x81\x8d\n"
    the_finding(lambda: read_csv(tmp_path, bad), "file-encoding")


def test_single_bad_lines_in_utf_8_are_each_named(tmp_path: Path) -> None:
    data = "Login\njörg\n".encode() + b"m\xfcller\r\n" + "zoë\r".encode() + b"\xe9ric\n"
    findings = findings_of(lambda: read_csv(tmp_path, data))
    assert [finding.origin and finding.origin.row for finding in findings] == [3, 5]
    assert all(
        finding.hint and "the rest of the file is UTF-8" in finding.hint for finding in findings
    )


def test_bytes_that_are_not_what_was_declared_are_refused(tmp_path: Path) -> None:
    finding = the_finding(
        lambda: read_csv(tmp_path, b"Login\n\xfc\n\x81\n", encoding="cp1252"), "file-encoding"
    )
    assert finding.origin is not None and finding.origin.row == 3


def test_half_a_utf_16_character_is_refused(tmp_path: Path) -> None:
    data = codecs.BOM_UTF16_LE + "Login\nx\n".encode("utf-16-le") + b"\x00"
    the_finding(lambda: read_csv(tmp_path, data), "file-encoding")


def test_utf_16_without_a_mark_is_refused_with_the_encoding_to_declare(tmp_path: Path) -> None:
    data = "Login;Name\nada;Ada\n".encode("utf-16-be")
    finding = the_finding(lambda: read_csv(tmp_path, data), "file-encoding")
    assert finding.hint is not None and "encoding: utf-16-be" in finding.hint
    assert column(read_csv(tmp_path, data, encoding="utf-16-be"), "Name") == ["Ada"]


def test_a_nul_is_refused_with_its_line(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_csv(tmp_path, b"Login\nada\nb\0b\n"), "file-encoding")
    assert finding.origin is not None and finding.origin.row == 3


def test_an_encoding_that_hides_in_ascii_is_read_as_declared(tmp_path: Path) -> None:
    data = "Login,Name\nshin,山田\n".encode("iso-2022-jp")
    assert data.isascii()
    assert column(read_csv(tmp_path, data, encoding="iso-2022-jp"), "Name") == ["山田"]


def test_no_text_of_a_bad_line_is_shown(tmp_path: Path) -> None:
    data = "Login;Password\njorg;Geheim-ü-1\n".encode("cp1252")
    findings = findings_of(lambda: read_csv(tmp_path, data, secret=["Password"]))
    assert "Geheim" not in repr(findings)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["Zoe", "Zoë", "Мария"])
def test_utf_16_without_a_mark_is_named(tmp_path: Path, encoding: str, name: str) -> None:
    data = f"Login;Name\nz;{name}\ny;Ann\n".encode(encoding)
    found = findings_of(lambda: read_csv(tmp_path, data))
    assert f"set encoding: {encoding} in" in (found[0].hint or "")
