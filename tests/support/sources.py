"""Reading of small real files that a test makes: CSV from bytes, workbooks with openpyxl."""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from kanport.errors import SourceInvalid
from kanport.findings import Finding
from kanport.mapping.sources import CsvSource, ExcelSource, YamlSource
from kanport.sources import SourceContext, read_source
from kanport.table import Odd, Table

SHEET = "xl/worksheets/sheet1.xml"


def read_csv(
    folder: Path,
    data: bytes | str,
    *,
    used: Iterable[str] | None = None,
    secret: Iterable[str] = (),
    **spec: Any,
) -> Table:
    """Write a CSV file and read it; text is written as UTF-8."""
    content = data.encode() if isinstance(data, str) else data
    (folder / "people.csv").write_bytes(content)
    return read_source(
        "people",
        CsvSource(type="csv", path="people.csv", **spec),
        SourceContext(
            folder, frozenset(secret), columns_used=None if used is None else frozenset(used)
        ),
    )


def read_excel(
    folder: Path,
    content: Workbook | bytes,
    *,
    used: Iterable[str] | None = None,
    secret: Iterable[str] = (),
    **spec: Any,
) -> Table:
    """Write a workbook and read it."""
    data = content if isinstance(content, bytes) else saved(content)
    (folder / "people.xlsx").write_bytes(data)
    return read_source(
        "people",
        ExcelSource(type="excel", path="people.xlsx", **spec),
        SourceContext(
            folder, frozenset(secret), columns_used=None if used is None else frozenset(used)
        ),
    )


def read_yaml(folder: Path, text: str, **spec: Any) -> Table:
    """Write a YAML file and read it."""
    (folder / "people.yaml").write_text(text, encoding="utf-8")
    source = YamlSource.model_validate({"type": "yaml", "path": "people.yaml", **spec})
    return read_source("people", source, SourceContext(folder))


def workbook(rows: Iterable[Iterable[object]], title: str = "Staff") -> Workbook:
    """Make a workbook with one sheet."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    return book


def saved(book: Workbook) -> bytes:
    """Give the bytes of a workbook."""
    stream = io.BytesIO()
    book.save(stream)
    book.close()
    return stream.getvalue()


def repacked(data: bytes, *, without: str = "", extra: Mapping[str, bytes] | None = None) -> bytes:
    """Give an archive without one part, and with others added."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", 8) as new:
        for info in old.infolist():
            if info.filename != without:
                new.writestr(info.filename, old.read(info))
        for name, content in (extra or {}).items():
            new.writestr(name, content)
    return stream.getvalue()


def with_part(data: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """Give a workbook with one part changed: what openpyxl itself cannot write."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        before = archive.read(part).decode()
    after = change(before)
    assert after != before, f"nothing changed in {part}"
    return repacked(data, without=part, extra={part: after.encode()})


def with_shared_text(data: bytes, texts: Iterable[str]) -> bytes:
    """Give a workbook with a table of texts that cells share, as Excel keeps them."""
    items = "".join(f"<si><t>{text}</t></si>" for text in texts)
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    table = f'<sst xmlns="{space}">{items}</sst>'.encode()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    entry = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    typed = with_part(data, "[Content_Types].xml", lambda text: text.replace("</Types>", entry))
    return repacked(typed, without="xl/sharedStrings.xml", extra={"xl/sharedStrings.xml": table})


def with_cell(data: bytes, cell: str, xml: str) -> bytes:
    """Give a workbook with the XML of one cell of its first sheet replaced."""
    pattern = rf'<c r="{cell}"[^>]*?(/>|>.*?</c>)'
    return with_part(data, SHEET, lambda text: re.sub(pattern, lambda _: xml, text))


def findings_of(read: Callable[[], Table]) -> list[Finding]:
    """Read a file whose form is broken, and give its findings."""
    with pytest.raises(SourceInvalid) as raised:
        read()
    return list(raised.value.findings)


def the_finding(read: Callable[[], Table], code: str) -> Finding:
    """Read a file whose form is broken in one way, and give the only finding."""
    (finding,) = findings_of(read)
    assert finding.code == code
    return finding


def values(table: Table) -> list[Mapping[str, object]]:
    """Give the values of all rows."""
    return [dict(row.values) for row in table.rows]


def column(table: Table, name: str) -> list[str | tuple[str, ...]]:
    """Give the values of one column."""
    return [row.values[name] for row in table.rows]


def findings_with(table: Table, code: str) -> list[Finding]:
    """Give the findings of a table with this code."""
    return [finding for finding in table.findings if finding.code == code]


def cell_issue(table: Table, name: str, row: int = 0) -> Odd:
    """Give what is odd about a cell."""
    return table.rows[row].odd[name]


__all__ = [
    "SHEET",
    "Workbook",
    "cell_issue",
    "column",
    "findings_of",
    "findings_with",
    "read_csv",
    "read_excel",
    "read_yaml",
    "repacked",
    "saved",
    "the_finding",
    "values",
    "with_cell",
    "with_part",
    "with_shared_text",
    "workbook",
]
