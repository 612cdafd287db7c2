"""The file around the sheets: a zip of XML parts (ECMA-376), the same for the same sheets."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from kanport.report.excel.cells import Cells, shared_strings, text_xml
from kanport.report.excel.sheet import MOST_ROWS, Sheet, sheet_xml, split, table_xml
from kanport.report.excel.styles import STYLES

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# Little is won by trying harder: the parts are much the same, line after line.
_EFFORT = 1


def book(
    sheets: Iterable[Sheet], *, title: str, made_at: str, kanport: str, most_rows: int = MOST_ROWS
) -> bytes:
    """Give an Excel file with these sheets; the same ones give the same bytes.

    `made_at` (RFC 3339) and `kanport`, the version, stand in its properties.
    """
    parts = [part for sheet in sheets for part in split(sheet, most_rows)]
    cells = Cells()
    tables = [sheet for sheet in parts if sheet.table]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=_EFFORT) as package:
        _add(package, "[Content_Types].xml", [_content_types(len(parts), len(tables))])
        _add(package, "_rels/.rels", [_relations(_ROOT)])
        _add(package, "docProps/core.xml", [_core(title, made_at)])
        _add(package, "docProps/app.xml", [_app(kanport)])
        _add(package, "xl/workbook.xml", [_workbook(parts)])
        _add(package, "xl/_rels/workbook.xml.rels", [_relations(_book_relations(len(parts)))])
        _add(package, "xl/styles.xml", [STYLES])
        for number, sheet in enumerate(parts, start=1):
            pieces = sheet_xml(sheet, cells, first=number == 1)
            _add(package, f"xl/worksheets/sheet{number}.xml", pieces)
        for number, sheet in enumerate(tables, start=1):
            _add(package, f"xl/tables/table{number}.xml", [table_xml(sheet, number)])
            target = [(f"{_OFFICE}/table", f"../tables/table{number}.xml")]
            name = f"xl/worksheets/_rels/sheet{parts.index(sheet) + 1}.xml.rels"
            _add(package, name, [_relations(target)])
        _add(package, "xl/sharedStrings.xml", [shared_strings(cells.strings)])
    return buffer.getvalue()


_ROOT = [
    (f"{_OFFICE}/officeDocument", "xl/workbook.xml"),
    (f"{_PACKAGE}/relationships/metadata/core-properties", "docProps/core.xml"),
    (f"{_OFFICE}/extended-properties", "docProps/app.xml"),
]


def _add(package: zipfile.ZipFile, name: str, pieces: Iterable[str]) -> None:
    # A fixed time, for the same bytes; it is the first that a zip can tell.
    part = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    part.compress_type = zipfile.ZIP_DEFLATED
    part._compresslevel = _EFFORT  # type: ignore[attr-defined]
    with package.open(part, "w") as file:
        file.write(_HEAD.encode())
        for piece in pieces:
            file.write(piece.encode("utf-8"))


def _content_types(sheets: int, tables: int) -> str:
    parts = [
        ("/xl/workbook.xml", f"{_TYPE}.sheet.main+xml"),
        ("/xl/styles.xml", f"{_TYPE}.styles+xml"),
        ("/xl/sharedStrings.xml", f"{_TYPE}.sharedStrings+xml"),
        ("/docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml"),
        (
            "/docProps/app.xml",
            "application/vnd.openxmlformats-officedocument.extended-properties+xml",
        ),
        *((f"/xl/worksheets/sheet{n}.xml", f"{_TYPE}.worksheet+xml") for n in _upto(sheets)),
        *((f"/xl/tables/table{n}.xml", f"{_TYPE}.table+xml") for n in _upto(tables)),
    ]
    told = "".join(f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in parts)
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels"'
        ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{told}</Types>'
    )


def _upto(number: int) -> range:
    return range(1, number + 1)


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    told = "".join(
        f'<Relationship Id="rId{number}" Type="{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{told}</Relationships>'


def _book_relations(sheets: int) -> list[tuple[str, str]]:
    return [
        *((f"{_OFFICE}/worksheet", f"worksheets/sheet{number}.xml") for number in _upto(sheets)),
        (f"{_OFFICE}/styles", "styles.xml"),
        (f"{_OFFICE}/sharedStrings", "sharedStrings.xml"),
    ]


def _workbook(sheets: Sequence[Sheet]) -> str:
    listed = "".join(
        f'<sheet name="{text_xml(sheet.name)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, sheet in enumerate(sheets, start=1)
    )
    # The head of a table is repeated on each page that is printed.
    titles = "".join(
        f'<definedName name="_xlnm.Print_Titles" localSheetId="{number}">'
        f"'{text_xml(sheet.name)}'!$1:$1</definedName>"
        for number, sheet in enumerate(sheets)
        if sheet.table
    )
    names = f"<definedNames>{titles}</definedNames>" if titles else ""
    return (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><bookViews><workbookView/></bookViews>'
        f"<sheets>{listed}</sheets>{names}</workbook>"
    )


def _core(title: str, made_at: str) -> str:
    when = ""
    try:
        made = datetime.fromisoformat(made_at)
    except ValueError:
        pass
    else:
        utc = made.replace(tzinfo=made.tzinfo or UTC).astimezone(UTC)
        text = f"{utc:%Y-%m-%dT%H:%M:%SZ}"
        when = "".join(
            f'<dcterms:{word} xsi:type="dcterms:W3CDTF">{text}</dcterms:{word}>'
            for word in ("created", "modified")
        )
    return (
        f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{text_xml(title)}</dc:title><dc:creator>Kanport</dc:creator>{when}"
        "</cp:coreProperties>"
    )


def _app(kanport: str) -> str:
    space = "http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"
    named = f"Kanport {kanport}".strip()
    return f'<Properties xmlns="{space}"><Application>{text_xml(named)}</Application></Properties>'
