"""One sheet as XML: its cells, columns, filter and what a reviewer may fill in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from kanport.report.excel.cells import Cells, Style, Styled, Value, text_xml

MOST_ROWS = 1_048_576  # of a sheet, in Excel
_SAMPLE = 2000  # rows that the widths are taken from
_CHUNK = 5000  # rows that are handed on in one piece
_WIDEST = 64.0

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its head, how wide it may be, and what a reviewer may fill in.

    `choices` are the only values that may be entered; `style` is that of cells which are still
    empty. `alarm` marks cells that hold any of these words.
    """

    title: str
    widest: float = _WIDEST
    choices: tuple[str, ...] = ()
    style: Style = Style.PLAIN
    alarm: tuple[str, ...] = ()
    width: float | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: a table with a head if it has a `table` name, else just cells."""

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Value]]
    table: str | None = None
    landscape: bool = field(default=True)

    @property
    def area(self) -> str:
        """The cells of the table with its head; a table has one row at least, if an empty one."""
        return f"A1:{letters(len(self.columns))}{max(len(self.rows), 1) + 1}"


def split(sheet: Sheet, most: int = MOST_ROWS) -> Iterator[Sheet]:
    """Give a sheet as one or, where it has more rows than Excel allows, as several."""
    room = most - 1
    for number, start in enumerate(range(0, max(len(sheet.rows), 1), room), start=1):
        again = number > 1
        yield Sheet(
            f"{sheet.name} ({number})" if again else sheet.name,
            sheet.columns,
            sheet.rows[start : start + room] if len(sheet.rows) > room else sheet.rows,
            f"{sheet.table}{number}" if again and sheet.table else sheet.table,
            sheet.landscape,
        )


def letters(number: int) -> str:
    """Give the letters of a column from its number, from 1.

    >>> letters(1), letters(26), letters(27), letters(703)
    ('A', 'Z', 'AA', 'AAA')
    """
    name = ""
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def sheet_xml(sheet: Sheet, cells: Cells, *, first: bool) -> Iterator[str]:
    """Give a sheet as XML, in pieces; texts are added to the shared strings of `cells`."""
    yield f'<worksheet xmlns="{_MAIN}" xmlns:r="{_RELATIONS}">'
    yield '<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
    yield _views(sheet, first=first)
    yield '<sheetFormatPr defaultRowHeight="15"/>'
    yield _columns(sheet)
    yield "<sheetData>"
    start = 1
    if sheet.table:
        yield _row(1, [Styled(column.title, Style.HEAD) for column in sheet.columns], cells)
        start = 2
    names = [letters(number) for number in range(1, len(sheet.columns) + 1)]
    rows = iter(sheet.rows)
    while chunk := list(islice(rows, _CHUNK)):
        pieces = []
        for number, row in enumerate(chunk, start=start):
            inside = "".join(
                [f'<c r="{name}{number}"{cells[value]}' for name, value in zip(names, row)]  # noqa: B905
            )
            pieces.append(f'<row r="{number}">{inside}</row>')
        yield "".join(pieces)
        start += len(chunk)
    yield "</sheetData>"
    if sheet.table:
        yield from _alarms(sheet)
        yield from _choices(sheet)
    yield '<pageMargins left="0.4" right="0.4" top="0.5" bottom="0.6" header="0.3" footer="0.3"/>'
    turned = "landscape" if sheet.landscape else "portrait"
    yield f'<pageSetup paperSize="9" orientation="{turned}" fitToWidth="1" fitToHeight="0"/>'
    footer = "&amp;L&amp;A&amp;RPage &amp;P of &amp;N"
    yield f"<headerFooter><oddFooter>{footer}</oddFooter></headerFooter>"
    if sheet.table:
        yield '<tableParts count="1"><tablePart r:id="rId1"/></tableParts>'
    yield "</worksheet>"


def table_xml(sheet: Sheet, number: int) -> str:
    """Give the table of a sheet, with its filter; `number` tells it from all other tables."""
    columns = "".join(
        f'<tableColumn id="{at}" name="{text_xml(column.title)}"/>'
        for at, column in enumerate(sheet.columns, start=1)
    )
    return (
        f'<table xmlns="{_MAIN}" id="{number}" name="{sheet.table}" displayName="{sheet.table}"'
        f' ref="{sheet.area}" totalsRowShown="0"><autoFilter ref="{sheet.area}"/>'
        f'<tableColumns count="{len(sheet.columns)}">{columns}</tableColumns>'
        '<tableStyleInfo name="TableStyleLight1" showFirstColumn="0" showLastColumn="0"'
        ' showRowStripes="1" showColumnStripes="0"/></table>'
    )


def _row(number: int, row: Sequence[Value], cells: Cells) -> str:
    inside = "".join(
        f'<c r="{letters(at)}{number}"{cells[value]}' for at, value in enumerate(row, start=1)
    )
    return f'<row r="{number}">{inside}</row>'


def _views(sheet: Sheet, *, first: bool) -> str:
    selected = ' tabSelected="1"' if first else ""
    grid = "" if sheet.table else ' showGridLines="0"'
    if not sheet.table:
        return f'<sheetViews><sheetView{grid}{selected} workbookViewId="0"/></sheetViews>'
    return (
        f'<sheetViews><sheetView{selected} workbookViewId="0">'
        '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
        '<selection pane="bottomLeft" activeCell="A2" sqref="A2"/></sheetView></sheetViews>'
    )


def _columns(sheet: Sheet) -> str:
    told = []
    for at, column in enumerate(sheet.columns):
        width = column.width
        if width is None:
            longest = max(
                (_length(row[at]) for row in sheet.rows[:_SAMPLE] if at < len(row)), default=0
            )
            # The head has a button for the filter beside its words.
            width = min(max(longest + 1.5, len(column.title) + 5), column.widest)
        style = f' style="{column.style}"' if column.style else ""
        told.append(
            f'<col min="{at + 1}" max="{at + 1}" width="{width:g}"{style} customWidth="1"/>'
        )
    return f"<cols>{''.join(told)}</cols>"


def _length(value: Value) -> int:
    return 0 if value is None else len(str(value))


def _span(sheet: Sheet, at: int) -> str:
    name = letters(at + 1)
    return f"{name}2:{name}{max(len(sheet.rows), 1) + 1}"


def _alarms(sheet: Sheet) -> Iterator[str]:
    for at, column in enumerate(sheet.columns):
        if not column.alarm:
            continue
        first = f"{letters(at + 1)}2"
        tests = ",".join(f'{first}="{word}"' for word in column.alarm)
        test = f"OR({tests})" if column.alarm != ("*",) else f"LEN({first})&gt;0"
        test = test.replace('"', "&quot;")
        yield (
            f'<conditionalFormatting sqref="{_span(sheet, at)}"><cfRule type="expression"'
            f' dxfId="0" priority="{at + 1}"><formula>{test}</formula></cfRule>'
            "</conditionalFormatting>"
        )


def _choices(sheet: Sheet) -> Iterator[str]:
    asked = [(at, column) for at, column in enumerate(sheet.columns) if column.choices]
    if not asked:
        return
    yield f'<dataValidations count="{len(asked)}">'
    for at, column in asked:
        listed = ",".join(column.choices)
        yield (
            '<dataValidation type="list" allowBlank="1" showInputMessage="1"'
            f' showErrorMessage="1" errorTitle="{text_xml(column.title)}"'
            f' error="Choose one of: {listed.replace(",", ", ")}" sqref="{_span(sheet, at)}">'
            f"<formula1>&quot;{listed}&quot;</formula1></dataValidation>"
        )
    yield "</dataValidations>"
