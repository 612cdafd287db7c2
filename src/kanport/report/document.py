"""A short document of sections and lists, as text, Markdown or HTML.

The comparison of two plans and the explanation of a user are such documents. The HTML page needs
no script and no network.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html import escape

from kanport.report.escape import escape_name, storable
from kanport.report.markdown import code, prose
from kanport.report.tables import csv_of
from kanport.report.view import Level


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


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its list; it is left out where the list is empty."""

    title: Words
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A title, what it comes to in one sentence, and the sections."""

    title: Words
    level: Level
    headline: Words
    sections: tuple[Section, ...]

    @property
    def filled(self) -> tuple[Section, ...]:
        """The sections that say something."""
        return tuple(section for section in self.sections if section.items)


def item(*words: Part, under: Iterable[Item] = ()) -> Item:
    """Return a line of a list from its words."""
    return Item(words, tuple(under))


_MARKS = {Level.GOOD: "OK", Level.NOTE: "Note", Level.LOOK: "Attention", Level.STOP: "Problem"}


def as_text(document: Document) -> str:
    """Return a document as plain lines that end with a line break."""
    return "\n".join(_text_lines(document)) + "\n"


def _text_lines(document: Document) -> Iterator[str]:
    yield plain(document.title)
    yield f"{_MARKS[document.level]}: {plain(document.headline)}"
    for section in document.filled:
        yield ""
        yield plain(section.title)
        yield from _indented(section.items, "  ", plain, "")


def as_markdown(document: Document) -> str:
    """Return a document as Markdown that ends with a line break."""
    return "\n".join(_markdown_lines(document)) + "\n"


def _markdown_lines(document: Document) -> Iterator[str]:
    yield f"# {_marked(document.title)}"
    yield ""
    yield f"**{_MARKS[document.level]}:** {_marked(document.headline)}"
    for section in document.filled:
        yield from ("", f"## {_marked(section.title)}", "")
        yield from _indented(section.items, "", _marked, "- ")


def _indented(
    items: Iterable[Item], indent: str, told: Callable[[Words], str], bullet: str
) -> Iterator[str]:
    for one in items:
        yield f"{indent}{bullet}{told(one.words)}"
        yield from _indented(one.items, f"{indent}  ", told, bullet)


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


def as_csv(document: Document) -> str:
    """Return a document as CSV with a line for each line of it."""
    return csv_of(("Section", "Line"), as_rows(document))


def as_excel(document: Document) -> bytes:
    """Return a document as an Excel file of one sheet."""
    from kanport.report.excel import fitting
    from kanport.workbook import SheetColumn, WorkbookSheet, write_book

    columns = (SheetColumn("Section", width=28), SheetColumn("Line", width=110))
    sheet = WorkbookSheet("Report", columns, as_rows(document), table="Report")
    return write_book([sheet], title=storable(plain(document.title)), text=fitting)


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
