"""Files that are missing, unreadable or of another kind; what a table says of its file."""

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kanport.errors import SourceInvalid, Unreachable
from kanport.mapping.sources import CsvSource, ExcelSource
from kanport.sources import SourceContext, file, read_source
from tests.support.sources import read_csv, read_excel, saved, the_finding, with_part, workbook

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 500


def archive(*names: str, first: bytes = b"") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as packed:
        if first:
            packed.writestr("mimetype", first)
        for name in names:
            packed.writestr(name, "x")
    return stream.getvalue()


KINDS = {
    "an old Excel workbook (.xls)": OLE + "Workbook".encode("utf-16-le"),
    "an Office file that is protected by a password": OLE + "EncryptedPackage".encode("utf-16-le"),
    "an old Office file": OLE,
    "an Excel workbook with macros (.xlsm)": archive("[Content_Types].xml", "xl/vbaProject.bin"),
    "an Excel workbook in the binary form (.xlsb)": archive("xl/workbook.bin"),
    "an OpenDocument spreadsheet (.ods)": archive(
        "content.xml", first=b"application/vnd.oasis.opendocument.spreadsheet"
    ),
    "an Office file, but no workbook": archive("[Content_Types].xml", "word/document.xml"),
    "a zip archive": archive("people.csv"),
    "a web page (HTML)": b"\xef\xbb\xbf \n<!DOCTYPE html><html><table><tr><td>a</td></tr></table>",
    "an XML file": "\ufeff<?xml version='1.0'?><Workbook/>".encode("utf-16-le"),
    "a PDF file": b"%PDF-1.7\n",
    "a packed file": b"\x1f\x8b\x08\0",
    "a JSON file": b'[{"login": "ada"}]',
    "a picture": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind_is_named_for_what_it_is(tmp_path: Path, kind: str) -> None:
    for read in (read_csv, read_excel):
        finding = the_finding(lambda read=read: read(tmp_path, KINDS[kind]), "file-kind")  # type: ignore[misc]
        assert f"this is {kind}, but" in finding.message
        assert finding.hint


def test_a_workbook_that_is_called_csv_is_told_with_the_right_type(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_csv(tmp_path, saved(workbook([["a"], ["b"]]))), "file-kind")
    assert finding.hint is not None and "type: excel" in finding.hint


def test_a_csv_file_that_is_called_xlsx_is_told_with_the_right_type(tmp_path: Path) -> None:
    finding = the_finding(lambda: read_excel(tmp_path, b"Login;Name\nada;Ada\n"), "file-kind")
    assert finding.hint is not None and "type: csv" in finding.hint


def test_a_workbook_with_macros_from_openpyxl_is_refused(tmp_path: Path) -> None:
    data = saved(workbook([["a"], ["b"]]))
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a") as packed:
        packed.writestr("xl/vbaProject.bin", b"x")
    finding = the_finding(lambda: read_excel(tmp_path, stream.getvalue()), "file-kind")
    assert finding.hint is not None and "save it as Excel Workbook (.xlsx)" in finding.hint


def test_strict_open_xml_is_refused_with_what_to_do(tmp_path: Path) -> None:
    data = with_part(
        saved(workbook([["a"], ["b"]])),
        "xl/workbook.xml",
        lambda text: text.replace(
            "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
            "http://purl.oclc.org/ooxml/spreadsheetml/main",
        ),
    )
    assert "Strict" in the_finding(lambda: read_excel(tmp_path, data), "file-kind").message


@pytest.mark.parametrize("kind", ["csv", "excel"])
def test_a_missing_file_is_unreachable_with_the_name_that_is_near(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "peopel.csv").write_text("a\n")
    spec = CsvSource(type="csv", path="people.csv")
    other = ExcelSource(type="excel", path="people.csv")
    with pytest.raises(Unreachable) as raised:
        read_source("people", spec if kind == "csv" else other, SourceContext(tmp_path))
    assert "does not exist" in raised.value.message
    assert raised.value.hint == 'did you mean "peopel.csv"?'


def read_path(base: Path, path: str) -> None:
    read_source("people", CsvSource(type="csv", path=path), SourceContext(base))


def test_a_missing_folder_and_a_folder_in_place_of_a_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as raised:
        read_path(tmp_path, "data/people.csv")
    assert raised.value.hint is not None and "there is no folder" in raised.value.hint
    (tmp_path / "data").mkdir()
    with pytest.raises(Unreachable, match="is a folder"):
        read_path(tmp_path, "data")
    with pytest.raises(Unreachable, match="cannot be read"):
        read_path(tmp_path, "a\0b")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "people.csv").touch(mode=0)
    with pytest.raises(Unreachable, match="may not be read"):
        read_path(tmp_path, "people.csv")


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "MAX_FILE_BYTES", 10)
    with pytest.raises(SourceInvalid) as raised:
        read_csv(tmp_path, "a\n" + "x" * 9)
    assert [finding.code for finding in raised.value.findings] == ["file-too-large"]


def test_a_table_is_bound_to_the_bytes_that_were_read(tmp_path: Path) -> None:
    table = read_csv(tmp_path, "Login\nada\n")
    data = b"Login\nada\n"
    assert (table.sha256, table.size) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (table.source, table.kind, table.path) == ("people", "csv", "people.csv")


def test_a_file_is_shown_relative_to_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    assert read_csv(Path("data/../data"), "a\n1\n").rows[0].origin.file == "data/people.csv"
    monkeypatch.chdir(tmp_path / "data")
    outside = read_csv(tmp_path, "a\n1\n").rows[0].origin.file
    assert outside == str(tmp_path / "people.csv")


def test_the_readers_are_loaded_only_when_a_source_is_read() -> None:
    code = (
        "import sys, kanport.sources; "
        "print([name for name in ('pandas', 'openpyxl', 'numpy') if name in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


@pytest.mark.parametrize("spec", [CsvSource, ExcelSource])
def test_a_pipe_is_no_source_and_is_not_waited_for(
    tmp_path: Path, spec: type[CsvSource] | type[ExcelSource]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    kind = "csv" if spec is CsvSource else "excel"
    source = spec.model_validate({"type": kind, "path": "pipe"})
    with pytest.raises(Unreachable, match="a pipe or a device"):
        read_source("people", source, SourceContext(tmp_path))
