"""A document as one HTML file that needs nothing from anywhere: no script, no style, no network."""

from collections.abc import Iterable, Iterator
from html import escape

from kanport.report.document import Data, Document, Item, Part, Words, plain
from kanport.report.parts import Level
from kanport.report.visible import visible

_MARKS = {
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
    """Give a document as an HTML page that ends with a line break."""
    return "".join(f"{line}\n" for line in _lines(document))


def _lines(document: Document) -> Iterator[str]:
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
    yield f"<h1>{_told(document.title)}</h1>"
    yield f'<p class="headline">{_MARKS[document.level]}: {_told(document.headline)}</p>'
    for section in document.told:
        yield "<section>"
        yield f"<h2>{_told(section.title)}</h2>"
        yield from _list(section.items)
        yield "</section>"
    yield "</main>"
    yield "</body>"
    yield "</html>"


def _list(items: Iterable[Item]) -> Iterator[str]:
    yield "<ul>"
    for one in items:
        if one.items:
            yield f"<li>{_told(one.words)}"
            yield from _list(one.items)
            yield "</li>"
        else:
            yield f"<li>{_told(one.words)}</li>"
    yield "</ul>"


def _told(words: Words) -> str:
    return "".join(map(_piece, words))


def _piece(part: Part) -> str:
    if isinstance(part, str):
        return escape(part)
    # A name from right to left must not turn what stands around it.
    kind = ' class="data"' if isinstance(part, Data) else ""
    return f"<bdi{kind}>{escape(visible(part.text))}</bdi>"
