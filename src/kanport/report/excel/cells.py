"""Cells of a sheet as XML: text that stays text, numbers, times.

The XML is written here and not by a library, because a report of 50,000 changes has two million
cells, for which openpyxl takes nearly nine times as long.
"""

from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple

from kanport.report.visible import storable
from kanport.spreadsheet import escaped_xstring

# What a cell can hold, in units of UTF-16; the limits of Excel.
MOST_CHARACTERS = 32_767
# A number has fifteen digits in Excel; longer ones would lose their end.
_MOST_NUMBER = 10**15
_EPOCH = datetime(1899, 12, 30, tzinfo=UTC)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Style(IntEnum):
    """The styles of cells, by their number in the file; `book` writes down what they are."""

    PLAIN = 0
    QUOTED = 1
    TIME = 2
    TITLE = 3
    SECTION = 4
    HEAD = 5
    DAY = 6
    ENTRY = 7
    STRONG = 8
    MUTED = 9
    MUTED_RIGHT = 10
    MUTED_INDENT = 11
    INDENT = 12


class Styled(NamedTuple):
    """A value with a style of its own."""

    value: "str | int | datetime | None"
    style: Style


Value = str | int | datetime | Styled | None


class Cells(dict[Value, str]):
    """Gives the XML of a cell behind its address, for any value; each is made only once.

    Texts go into the table of shared strings, `strings`, in the order in which they come up.
    """

    def __init__(self) -> None:
        super().__init__()
        self.strings: dict[str, int] = {}

    def __missing__(self, value: Value) -> str:
        made = self._made(value, Style.PLAIN)
        self[value] = made
        return made

    def _made(self, value: Value, style: Style) -> str:
        if isinstance(value, Styled):
            return self._made(value.value, value.style)
        if isinstance(value, datetime):
            days = (value.astimezone(UTC) - _EPOCH).total_seconds() / 86400
            return f' s="{style or Style.TIME}"><v>{days!r}</v></c>'
        named = f' s="{style}"' if style else ""
        if value is None or value == "":
            return f"{named}/>"
        if isinstance(value, int) and abs(value) < _MOST_NUMBER:
            return f"{named}><v>{value}</v></c>"
        text = str(value)
        if style is Style.PLAIN and text.startswith(_FORMULA):
            named = f' s="{Style.QUOTED}"'
        number = self.strings.setdefault(fitting(text), len(self.strings))
        return f'{named} t="s"><v>{number}</v></c>'


def fitting(text: str) -> str:
    r"""Give a text as a cell can hold it: what cannot be seen is escaped, what is too long cut.

    >>> fitting("a\x1bb"), len(fitting("x" * 40000))
    ('a\\x1bb', 32767)
    """
    text = storable(text)
    if len(text) * 2 > MOST_CHARACTERS and _units(text) > MOST_CHARACTERS:
        end = f" … (cut here; {len(text)} characters in all, the JSON report has them)"
        text = text[: MOST_CHARACTERS - len(end)]
        while _units(text) + len(end) > MOST_CHARACTERS:
            text = text[: -(_units(text) + len(end) - MOST_CHARACTERS + 1) // 2]
        text += end
    return text


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def text_xml(text: str) -> str:
    """Give a text as the inside of an element or of an attribute in double quotes."""
    text = escaped_xstring(text)
    if "&" in text or "<" in text or ">" in text or '"' in text:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        text = text.replace('"', "&quot;")
    return text


def shared_strings(strings: dict[str, int]) -> str:
    """Give the table of shared strings; blanks at the ends of a text count."""
    items = "".join(
        f'<si><t xml:space="preserve">{text_xml(text)}</t></si>'
        if text[:1].isspace() or text[-1:].isspace() or "  " in text
        else f"<si><t>{text_xml(text)}</t></si>"
        for text in strings
    )
    return (
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        f' uniqueCount="{len(strings)}">{items}</sst>'
    )
