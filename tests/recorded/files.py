"""Write the generated lists as CSV, workbooks and YAML, byte for byte the same each time."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr


@dataclass
class Sheet:
    """A list: the names of its columns, and its rows.

    A cell is a text, or for a workbook anything that `cell_xml` takes.
    """

    columns: list[str]
    rows: list[list[object]] = field(default_factory=list)


def as_text(cell: object) -> str:
    """Return a cell as a text file has it."""
    if isinstance(cell, bool):
        return str(cell).upper()
    return cell.xml_text if isinstance(cell, Special) else str(cell)


# --- CSV ------------------------------------------------------------------------------------------


@dataclass
class Csv:
    """How a CSV file is written."""

    delimiter: str = ","
    encoding: str = "utf-8"
    mark: bytes = b""
    end: str = "\n"
    quote_all: bool = False
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    blank_after: tuple[int, ...] = ()
    surplus: tuple[int, ...] = ()
    """Numbers of rows after which a blank line stands, and that have empty fields at their end."""

    def line(self, fields: Sequence[str]) -> str:
        """Return a record, without its end; Python's writer quotes other fields in each version."""
        return self.delimiter.join(map(self._quoted, fields))

    def _quoted(self, field: str) -> str:
        if self.quote_all or any(char in field for char in (self.delimiter, '"', "\n", "\r")):
            return '"' + field.replace('"', '""') + '"'
        return field


def csv_bytes(sheet: Sheet, style: Csv) -> bytes:
    """Return a list as the bytes of a CSV file."""
    lines = [*style.above, style.line(sheet.columns)]
    for number, row in enumerate(sheet.rows):
        more = [""] * 2 if number in style.surplus else []
        lines.append(style.line([*map(as_text, row), *more]))
        lines += [""] if number in style.blank_after else []
    text = "".join(line + style.end for line in (*lines, *style.below))
    return style.mark + text.encode(style.encoding, errors="replace")


# --- workbooks ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Special:
    """A cell of a workbook as XML: its type, its value, its style and its formula."""

    kind: str
    value: str
    style: int = 0
    formula: str = ""

    @property
    def xml_text(self) -> str:
        """What a text file has instead."""
        return self.value


FORMATS = ("General", "yyyy-mm-dd", "000000", "0.00", "[h]:mm", "#,##0", "General")
"""The number formats of the styles 0 to 6."""


@dataclass
class Book:
    """How a workbook is written: what stands round the cells of its sheet."""

    title: str = "List"
    shared: bool = False
    header_row: int = 1
    above: tuple[str, ...] = ()
    gap: int = 0
    hidden_rows: tuple[int, ...] = ()
    hidden_columns: tuple[int, ...] = ()
    merged: tuple[str, ...] = ()
    others: Mapping[str, str] = field(default_factory=dict)
    hidden_sheet: bool = False
    epoch_1904: bool = False
    full_calc: bool = False
    styles: bool = True


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def book_bytes(sheet: Sheet, book: Book) -> bytes:
    """Return a list as the bytes of a workbook; `others` are the other sheets and their states."""
    texts: list[str] = []
    titles = [book.title, *book.others]
    states = ["hidden" if book.hidden_sheet else "visible", *book.others.values()]
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": _relations({"rId1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": _workbook(titles, states, book),
        "xl/_rels/workbook.xml.rels": _relations(
            {
                **{
                    f"rId{at}": ("worksheet", f"worksheets/sheet{at}.xml")
                    for at in range(1, len(titles) + 1)
                },
                "rId90": ("styles", "styles.xml"),
                "rId91": ("sharedStrings", "sharedStrings.xml"),
            }
        ),
        "xl/worksheets/sheet1.xml": _sheet(sheet, book, texts),
        **{
            f"xl/worksheets/sheet{at}.xml": f'<worksheet xmlns="{_MAIN}"><sheetData/></worksheet>'
            for at in range(2, len(titles) + 1)
        },
        "xl/styles.xml": _styles() if book.styles else "<broken",
    }
    items = "".join(f"<si>{_t(text)}</si>" for text in texts)
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}">{items}</sst>'
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), _HEAD + content)
    return stream.getvalue()


def letters(column: int) -> str:
    """Return the letters of a column, from 1.

    >>> letters(1), letters(27)
    ('A', 'AA')
    """
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name


def _workbook(titles: Sequence[str], states: Sequence[str], book: Book) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(title)} sheetId="{at}" state="{state}" r:id="rId{at}"/>'
        for at, (title, state) in enumerate(zip(titles, states, strict=True), 1)
    )
    return (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_REL}">'
        f'<workbookPr date1904="{int(book.epoch_1904)}"/><sheets>{sheets}</sheets>'
        f'<calcPr fullCalcOnLoad="{int(book.full_calc)}"/></workbook>'
    )


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="{name}" Type="{_REL}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{inner}</Relationships>'


def _styles() -> str:
    formats = "".join(
        f'<numFmt numFmtId="{200 + at}" formatCode={quoteattr(code)}/>'
        for at, code in enumerate(FORMATS)
    )
    used = "".join(f'<xf numFmtId="{200 + at if at else 0}"/>' for at in range(len(FORMATS)))
    return (
        f'<styleSheet xmlns="{_MAIN}"><numFmts>{formats}</numFmts>'
        f"<cellXfs>{used}</cellXfs></styleSheet>"
    )


def _sheet(sheet: Sheet, book: Book, texts: list[str]) -> str:
    lines: list[Sequence[object]] = [[text] for text in book.above]
    lines += [[]] * (book.header_row - 1 - len(lines))
    lines.append(sheet.columns)
    lines += [[]] * book.gap
    lines += sheet.rows
    rows = []
    for number, line in enumerate(lines, 1):
        hidden = ' hidden="1"' if number in book.hidden_rows else ""
        cells = "".join(
            cell_xml(cell, f"{letters(at)}{number}", texts if book.shared else None)
            for at, cell in enumerate(line, 1)
        )
        rows.append(f'<row r="{number}"{hidden}>{cells}</row>')
    columns = "".join(
        f'<col min="{at}" max="{at}" hidden="1" width="0"/>' for at in book.hidden_columns
    )
    merged = "".join(f'<mergeCell ref="{ref}"/>' for ref in book.merged)
    return (
        f'<worksheet xmlns="{_MAIN}">'
        + (f"<cols>{columns}</cols>" if columns else "")
        + f"<sheetData>{''.join(rows)}</sheetData>"
        + (f"<mergeCells>{merged}</mergeCells>" if merged else "")
        + "</worksheet>"
    )


def cell_xml(cell: object, place: str, texts: list[str] | None) -> str:
    """Return a cell as XML; `texts` takes its text where cells share them."""
    if isinstance(cell, Special):
        formula = f"<f>{escape(cell.formula)}</f>" if cell.formula else ""
        value = f"<v>{escape(cell.value)}</v>" if cell.value or cell.kind == "str" else ""
        return f'<c r="{place}" t="{cell.kind}" s="{cell.style}">{formula}{value}</c>'
    if isinstance(cell, bool):
        return f'<c r="{place}" t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, int | float):
        return f'<c r="{place}"><v>{cell}</v></c>'
    text = str(cell)
    if not text:
        return f'<c r="{place}" s="1"/>'
    if texts is None:
        return f'<c r="{place}" t="inlineStr"><is>{_t(text)}</is></c>'
    texts.append(text)
    return f'<c r="{place}" t="s"><v>{len(texts) - 1}</v></c>'


def _t(text: str) -> str:
    # XML has no control characters; workbooks escape them.
    kept = "".join(
        f"_x{ord(char):04X}_" if char < " " and char not in "\t\n" else char for char in text
    )
    return f'<t xml:space="preserve">{escape(kept)}</t>'


# --- YAML -----------------------------------------------------------------------------------------


def yaml_bytes(sheet: Sheet, under: str | None) -> bytes:
    """Return a list as YAML: a table for each row, of which empty cells are left out or null."""
    lines = [] if under is None else [f"{under}:"]
    for row in sheet.rows:
        lead = "- "
        for number, (column, cell) in enumerate(zip(sheet.columns, row, strict=True)):
            if cell == "" and number % 3:
                continue
            lines.append(f"{lead}{json.dumps(column, ensure_ascii=False)}: {_plain(cell)}")
            lead = "  "
        if lead == "- ":
            lines.append("- {}")
    return ("\n".join(lines) + "\n").encode("utf-8", errors="replace")


def _plain(cell: object) -> str:
    if cell == "":
        return "null"
    if isinstance(cell, Special):
        return json.dumps(cell.value)
    # JSON's escapes are YAML's, but for characters beyond U+FFFF.
    return json.dumps(cell) if not isinstance(cell, str) or cell.isascii() else _quoted(cell)


def _quoted(text: str) -> str:
    made = "".join(
        f"\\u{ord(char):04x}" if not char.isprintable() or char in '"\\' else char for char in text
    )
    return f'"{made}"'
