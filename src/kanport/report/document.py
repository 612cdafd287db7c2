"""A document of sections, lists and tables, as text, Markdown, HTML, CSV or Excel.

The comparison of two plans and the explanation of a user are short documents. The state of a
server, what changed between two of them, and the history of runs have figures and tables. The HTML
page needs no network, and reads without its script.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

from kanport.errors import UsageError
from kanport.records import dataclass
from kanport.report.escape import escape_control, escape_name, storable
from kanport.report.markdown import code, prose
from kanport.report.sentences import Noun, some_of
from kanport.report.tables import Cell, csv_of
from kanport.report.view import Count, Level, Sum

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Data:
    """A text from outside: a name, a value, a place."""

    text: str


@dataclass(frozen=True, slots=True)
class Prose:
    """A sentence in which something from outside may stand, such as a reason or a message."""

    text: str


Part = str | Data | Prose
"""A piece of a line; a plain text is ours, and has nothing from outside in it."""

Words = tuple[Part, ...]
"""A line, put together of its pieces without blanks between."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a list, with what belongs under it."""

    words: Words
    items: tuple["Item", ...] = ()

    def flat(self, depth: int = 0) -> Iterator[tuple[int, Words]]:
        """Yield the line and those under it, each with its depth."""
        yield depth, self.words
        for one in self.items:
            yield from one.flat(depth + 1)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its list; it is left out where the list is empty."""

    title: Words
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table with its title; every cell is data.

    `key` names the table in options and links. `names` are what a short form shows of the rows,
    `number` is how many things the rows are about: a person may have several rows. `review` is True
    where each of them needs a look, `wide` where the columns are as many as the projects.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]
    note: str = ""
    names: Sequence[str] = ()
    number: int = 0
    review: bool = False
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns over time: for each moment its label and a number for each kind."""

    title: str
    kinds: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A title, what it comes to in one sentence, and the sections.

    `figures` are the numbers that everybody asks for, `sums` show that all numbers add up.
    `of_mapping` are the keys of tables that it would have with a mapping.
    """

    title: Words
    level: Level
    headline: Words
    sections: tuple[Section, ...] = ()
    about: tuple[str, ...] = ()
    figures: tuple[Count, ...] = ()
    sums: tuple[Sum, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[DataTable, ...] = ()
    of_mapping: tuple[str, ...] = ()

    @property
    def filled(self) -> tuple[Section, ...]:
        """The sections that say something."""
        return tuple(section for section in self.sections if section.items)

    @property
    def shown(self) -> tuple[DataTable, ...]:
        """The tables that have rows."""
        return tuple(table for table in self.tables if table.rows)

    @property
    def empty(self) -> tuple[str, ...]:
        """The titles of the tables without rows: nothing was left out."""
        return tuple(table.title for table in self.tables if not table.rows)

    def table(self, key: str | None = None) -> DataTable:
        """Return one table, by default the first; raise UsageError for an unknown name."""
        for table in self.tables:
            if key in (None, table.key):
                return table
        if key in self.of_mapping:
            raise UsageError(
                f'the list "{key}" needs a mapping', hint=f"kanport state MAPPING --table {key}"
            )
        known = ", ".join(table.key for table in self.tables)
        raise UsageError(f'there is no table "{key}"', hint=f"use one of {known}")


def item(*words: Part, under: Iterable[Item] = ()) -> Item:
    """Return a line of a list from its words."""
    return Item(words, tuple(under))


_MARKS = {Level.GOOD: "OK", Level.NOTE: "Note", Level.LOOK: "Attention", Level.STOP: "Problem"}


def as_text(document: Document) -> str:
    """Return a document as plain lines that end with a line break."""
    return "\n".join(_text_lines(document)) + "\n"


def as_summary(document: Document) -> str:
    """Return the answer and the counts of a document as plain lines that end with a line break."""
    return as_text(replace(document, about=(), sections=(), tables=()))


def _text_lines(document: Document) -> Iterator[str]:
    yield plain(document.title)
    yield f"{_MARKS[document.level]}: {plain(document.headline)}"
    yield from map(escape_control, document.about)
    yield from (one.text for one in document.sums)
    for section in document.filled:
        yield ""
        yield plain(section.title)
        yield from _indented(section.items, "  ", plain, "")
    for table in document.shown:
        yield ""
        yield f"{table.title}: {table.number}"
        yield from (f"  {escape_control(line)}" for line in filter(None, [table.note]))
        yield f"  {' | '.join(map(_cell, table.columns))}"
        yield from (f"  {' | '.join(map(_cell, row))}" for row in table.rows)
    if document.empty:
        yield from ("", f"Nothing to list under: {', '.join(document.empty)}")


def _cell(cell: Cell) -> str:
    return "-" if cell in (None, "") else escape_name(str(cell))


# --- on a terminal: the answer first, on one screen ---

LINES = 25
"""Lines that a screen has at most."""
_TABLE = Noun("table", "tables")


def show(
    document: Document, console: "Console", *, full_command: str = "", next_step: str = ""
) -> None:
    """Print a document with tables on one screen.

    `full_command` is the command that prints all, `next_step` the one to run next.
    """
    from kanport.report.page import Page, padded

    page = Page.on(console)
    style = {Level.GOOD: "bold green", Level.STOP: "bold red"}.get(document.level, "bold")
    page.add(page.prose(f"{_MARKS[document.level]}: {plain(document.headline)}", style), hang=2)
    for line in document.about[:1]:
        page.add(page.cut(page.prose(line, "dim"), 2), indent=2)
    for one in document.sums:
        page.add(page.prose(one.text), indent=2, hang=4)
    for section in document.filled:
        for each in section.items:
            page.add(page.prose(plain(each.words)), indent=2, hang=2)
    named = {"All details": full_command, "Next": next_step}
    last = [page.prose(f"{label}: {line}", "dim") for label, line in named.items() if line]
    room = LINES - len(page.lines) - len(last)
    tables = sorted((one for one in document.shown if not one.wide), key=lambda one: not one.review)
    for table in tables[: room if len(tables) <= room else room - 1]:
        number = page.mark(f"{table.number:>5}  ", "bold yellow" if table.review else "")
        words = padded(page.mark(table.title), 46).append_text(
            page.prose(some_of(table.names), "dim")
        )
        page.add(page.cut(number.append_text(words), 2), indent=2)
    if (rest := len(tables) - room) > 0:
        page.add(page.mark(f"and {rest + 1} more {_TABLE(rest + 1)}"), indent=2)
    for text in last:
        page.add(page.cut(text, 2), indent=2)
    page.show()


def as_markdown(document: Document) -> str:
    """Return a document as Markdown that ends with a line break."""
    return "\n".join(_markdown_lines(document)) + "\n"


def _markdown_lines(document: Document) -> Iterator[str]:
    yield f"# {_marked(document.title)}"
    yield ""
    yield f"**{_MARKS[document.level]}:** {_marked(document.headline)}"
    yield from (part for line in document.about for part in ("", prose(line)))
    if document.sums:
        yield from ("", *(f"- {prose(one.text)}" for one in document.sums))
    for section in document.filled:
        yield from ("", f"## {_marked(section.title)}", "")
        yield from _indented(section.items, "", _marked, "- ")
    for table in document.shown:
        yield from ("", f"## {table.title}: {table.number}", "")
        if table.note:
            yield from (prose(table.note), "")
        yield f"| {' | '.join(map(_md_cell, table.columns))} |"
        yield f"|{' --- |' * len(table.columns)}"
        yield from (f"| {' | '.join(map(_md_cell, row))} |" for row in table.rows)


def _md_cell(cell: Cell) -> str:
    # GitHub's tables end a cell at a bar even within code.
    return "" if cell in (None, "") else prose(str(cell)).replace("|", "\\|")


def _indented(
    items: Iterable[Item], indent: str, told: Callable[[Words], str], bullet: str
) -> Iterator[str]:
    for one in items:
        for depth, words in one.flat():
            yield f"{indent}{'  ' * depth}{bullet}{told(words)}"


def plain(words: Words) -> str:
    """Return words as text on one line, in which every character can be seen.

    >>> plain(("user ", Data("ada\\x1b[2J")))
    'user ada\\\\x1b[2J'
    """
    return "".join(part if isinstance(part, str) else escape_name(part.text) for part in words)


def _marked(words: Words) -> str:
    return "".join(map(_piece, words))


def _piece(part: Part) -> str:
    if isinstance(part, str):
        return part
    return code(part.text) if isinstance(part, Data) else prose(part.text)


# --- as a table ---


def as_rows(document: Document) -> list[tuple[str, str]]:
    """Return a document as rows of a section and a line, each with what belongs under it."""
    rows = [("", plain(document.title)), (_MARKS[document.level], plain(document.headline))]
    for section in document.filled:
        title = plain(section.title)
        rows += [(title, text) for text in _indented(section.items, "", plain, "")]
    return rows


def as_csv(document: Document, table: str | None = None) -> str:
    """Return one table of a document as CSV; without tables, a line for each line of it."""
    if document.tables or table is not None:
        chosen = document.table(table)
        return csv_of(chosen.columns, chosen.rows)
    return csv_of(("Section", "Line"), as_rows(document))


def as_excel(document: Document) -> bytes:
    """Return a document as an Excel file: a sheet for its lines, and one for each table."""
    from kanport.report.excel import data_sheet, fitting
    from kanport.workbook import SheetColumn, WorkbookSheet, write_book

    columns = (SheetColumn("Section", width=28), SheetColumn("Line", width=110))
    rows = as_rows(document)
    rows[2:2] = [("", text) for text in (*document.about, *(one.text for one in document.sums))]
    rows += [(one.title, str(one.number)) for one in document.tables if not one.wide]
    sheets = [WorkbookSheet("Report", columns, rows, table="Report")]
    sheets += [data_sheet(one.title, one.key, one.columns, one.rows) for one in document.shown]
    return write_book(sheets, title=storable(plain(document.title)), text=fitting)


# --- as HTML ---

_HTML_MARKS = {
    Level.GOOD: "✓ OK",
    Level.NOTE: "• Note",
    Level.LOOK: "! Attention",
    Level.STOP: "✕ Problem",
}
_STYLE = """\
:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid}
.headline{font-weight:600}
ul{padding-left:1.2rem}li{margin:.2rem 0;overflow-wrap:anywhere}
.data{font-family:ui-monospace,monospace;white-space:pre-wrap}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}li{break-inside:avoid}}
"""


def as_html(document: Document) -> str:
    """Return a document as an HTML page that ends with a line break."""
    if document.tables:
        from kanport.report.html import render_document

        return render_document(document, plain)
    return "".join(f"{line}\n" for line in _html_lines(document))


def _html_lines(document: Document) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(plain(document.title))}</title>"
    yield f"<style>\n{_STYLE}</style>"
    yield "</head>"
    yield "<body>"
    yield "<main>"
    yield f"<h1>{_html(document.title)}</h1>"
    yield f'<p class="headline">{_HTML_MARKS[document.level]}: {_html(document.headline)}</p>'
    for section in document.filled:
        yield "<section>"
        yield f"<h2>{_html(section.title)}</h2>"
        yield from _html_list(section.items)
        yield "</section>"
    yield "</main>"
    yield "</body>"
    yield "</html>"


def _html_list(items: Iterable[Item]) -> Iterator[str]:
    yield "<ul>"
    for one in items:
        if one.items:
            yield f"<li>{_html(one.words)}"
            yield from _html_list(one.items)
            yield "</li>"
        else:
            yield f"<li>{_html(one.words)}</li>"
    yield "</ul>"


def _html(words: Words) -> str:
    return "".join(map(_html_piece, words))


def _html_piece(part: Part) -> str:
    if isinstance(part, str):
        return escape(part)
    # A name from right to left must not turn what stands around it.
    kind = ' class="data"' if isinstance(part, Data) else ""
    return f"<bdi{kind}>{escape(escape_name(part.text))}</bdi>"
