"""What spreadsheets and data tools do to the texts of a list on its way into a file.

A login such as 00441e5 is a number to Excel, and `jan-2` is a day. What comes out of that cannot
be turned back, so Kanport refuses such a text where it should be a name or an id. Below the list
stand totals, and where files were joined, the header once more; neither is a person.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np

from kanport.coded import Coded
from kanport.facts import Fact, fact
from kanport.names import normalize as in_form
from kanport.rules import strip_blanks
from kanport.table import Odd

# Always with a sign: `891e3` and `1e5` are ids, and Excel writes `8.91E+05`. It may be one of
# several values of a cell.
_SCIENTIFIC = re.compile(
    r"(?:^|[;|,\n])\s*[-+]?(?:\d{1,3}(?:[.,]\d+)?[eE]\+|\d[.,]\d+[eE]-)\d{1,3}\s*(?:$|[;|,\n])"
)
# Excel keeps 15 digits of a number; what follows becomes zeros.
_ROUNDED = re.compile(r"[-+]?[1-9]\d{14}0{3,}")
_GUARDED = re.compile(r'=\s*"(?P<text>(?:[^"]|"")*)"')
_DECIMALS = re.compile(r"[-+]?\d+[.,]0+")
# Not with a dot: 1.234 may well be the number of a project.
_GROUPED = re.compile("\\d{1,3}(?:([,'’ \u00a0\u202f])\\d{3}(?:\\1\\d{3})*)?")

_MONTHS = (
    # English, German, French, Spanish, Italian, Dutch and Portuguese, as Excel shortens them.
    "jan feb mar apr may jun jul aug sep oct nov dec"
    " jän mrz mär mai okt dez"
    " janv févr mars avr juin juil août sept déc"
    " ene abr ago dic"
    " gen mag giu lug set ott"
    " mrt mei fev out"
)
_MONTH = rf"(?:{'|'.join(_MONTHS.split())})\.?"
_TIME = r"(?:[T ]\d\d?:\d\d(?::\d\d(?:\.\d+)?)?)?"
_DATE = re.compile(
    # `2-Jan` of jan-2, `Mar-26` of March 2026, `02. Jan` in German, `01/02/2024` of 1-2-24.
    rf"(?:\d\d?(?:-|\. ?|/| ){_MONTH}|{_MONTH}[- ]\d\d|\d\d?-{_MONTH}-\d\d(?:\d\d)?"
    rf"|(?:19|20)\d\d([-/.])\d\d\1\d\d|\d\d?([/.])\d\d?\2(?:19|20)\d\d|\d\d-\d\d-(?:19|20)\d\d)"
    rf"{_TIME}",
    re.IGNORECASE,
)
# The mark guards what a spreadsheet would change; 't Hart, 's Jacob and the '90s are names.
_MARKED = re.compile(
    rf"['‘’](?:[\d.,;|/:\s+-]*\d[\d.,;|/:\s+-]*(?:e[+-]?\d+)?['‘’]?|[=+@-].*"
    rf"|\d\d?[-./ ]+{_MONTH}.*|{_MONTH}[a-z]*[-./ ]+\d+)",
    re.IGNORECASE | re.DOTALL,
)
_LONGEST = 256
"""No name is longer; the pattern would need the square of the time for what is none."""
_MARKS = ("'", "‘", "’")
_OPENINGS = frozenset("0123456789+-'‘’")
"""What a changed text begins with, unless it has a sign in its middle."""
_SHARE = 3
"""Texts stand out in a column where no more than one in so many is like them."""


def unwrapped(text: str) -> str:
    r"""Return the text inside `="…"`, with which programs keep Excel from changing it.

    >>> unwrapped('="0044"'), unwrapped('="Ann ""Al"" Lee"'), unwrapped("=A1")
    ('0044', 'Ann "Al" Lee', '=A1')
    """
    if not text.startswith("="):
        return text
    found = _GUARDED.fullmatch(text)
    return text if found is None else strip_blanks(found["text"].replace('""', '"'))


def converted(text: str) -> Odd | None:
    """Return why a text cannot be what somebody wrote, if a spreadsheet has changed it for certain.

    >>> converted("1.23457E+11").code, converted("'0042").code
    ('cell-converted', 'cell-converted')
    >>> converted("891e3"), converted("1e5"), converted("'t Hart"), converted("a+b")
    (None, None, None, None)
    """
    if text[:1].isdigit() or text[:1] in "-+":
        if _ROUNDED.fullmatch(text):
            return Odd(fact("cell-converted", case="rounded"), text)
    elif text.startswith(_MARKS) and _MARKED.fullmatch(text[:_LONGEST]):
        return _marked(text)
    if ("+" in text or "-" in text) and ("E" in text or "e" in text) and _SCIENTIFIC.search(text):
        return Odd(fact("cell-converted", case="shortened"), text, names=True)
    return None


def converted_texts(distinct: Sequence[str], filled: int) -> dict[int, Odd]:
    """Return what is odd about texts of a column that a spreadsheet has changed, by number.

    `distinct` and `filled` are as for `converted_in_column`.
    """
    in_column = converted_in_column(distinct, filled)
    suspects = (
        (number, text)
        for number, text in enumerate(distinct)
        if text[:1] in _OPENINGS or "+" in text or "-" in text or text in in_column
    )
    return {
        number: odd
        for number, text in suspects
        if (odd := converted(text) or in_column.get(text)) is not None
    }


def converted_in_column(distinct: Sequence[str], filled: int) -> Mapping[str, Odd]:
    """Return what is odd about texts of a column that only their neighbors show.

    `distinct` has each text once, `filled` is the number of cells that have one; one cell is no
    column. Whole numbers with decimals are what a data tool makes of ids when a cell of their
    column is empty, and separated thousands what a spreadsheet shows; a column that has other texts
    as well cannot come from there. What Excel makes
    of a name looks like a date among names.
    """
    if filled < 2:
        return {}
    given = [text for text in distinct if text]
    if given and all(map(_DECIMALS.fullmatch, given)):
        return {text: _decimals(text) for text in given}
    if not all(map(str.isdigit, given)) and all(map(_GROUPED.fullmatch, given)):
        return {text: _grouped(text) for text in given if not text.isdigit()}
    if len(given) > 1 and all(text.startswith(_MARKS) for text in given):
        return {text: _marked(text) for text in given}
    # Almost all texts are no dates, which is quick to see: there is a sign between its parts.
    suspects = (text for text in given if not text.isalnum())
    numbered = (text for text in suspects if text[-1:].isdigit() or text[:1].isdigit())
    dates = [text for text in numbered if is_date(text)]
    if not dates or len(dates) * _SHARE > len(given):
        return {}
    return {text: Odd(fact("cell-date-like"), text, names=True) for text in dates}


def is_date(text: str) -> bool:
    """Return whether a text has a form that Excel gives to a date.

    >>> is_date("2-Jan"), is_date("Mar-26"), is_date("01.02.2024"), is_date("2026-12-31")
    (True, True, True, True)
    >>> is_date("jan-2"), is_date("April-5"), is_date("March 2026"), is_date("1/2"), is_date("mar1")
    (False, False, False, False, False)
    """
    return _DATE.fullmatch(text) is not None


def _marked(text: str) -> Odd:
    return Odd(fact("cell-converted", case="marked"), text, names=True)


def _grouped(text: str) -> Odd:
    return Odd(fact("cell-converted", case="grouped"), text, names=True)


def _decimals(text: str) -> Odd:
    whole = re.split("[.,]", text)[0]
    return Odd(fact("cell-decimals", text=text, whole=whole), text, names=True)


# --- characters that a workbook escapes -----------------------------------------------------------

_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_LOOKS_ESCAPED = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def plain_xstring(text: str) -> str:
    r"""Return a text of a workbook without its escapes (ECMA-376, part 1, 22.9.2.19, ST_Xstring).

    >>> plain_xstring("a_x000D_b"), plain_xstring("team_x005F_x2024_ops")
    ('a\rb', 'team_x2024_ops')
    """
    if "_x" not in text:
        return text
    plain = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    # Characters beyond U+FFFF are two escapes.
    return _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), plain)


def escaped_xstring(text: str) -> str:
    """Return a text as a workbook has to hold it, so that nobody takes a part of it for an escape.

    >>> escaped_xstring("team_x2024_ops"), escaped_xstring("a_xyz")
    ('team_x005F_x2024_ops', 'a_xyz')
    """
    return _LOOKS_ESCAPED.sub("_x005F_", text) if "_x" in text else text


# --- rows that name nobody ------------------------------------------------------------------------


class Stray(NamedTuple):
    """A row that is no row of the list: its number, the column that shows it, and why (from 0)."""

    row: int
    column: int
    why: Fact
    value: str


def stray_rows(
    headers: Sequence[str], columns: Sequence[Coded], looked_at: Sequence[int]
) -> list[Stray]:
    """Return the rows that repeat the header, or hold a total or another line below a list.

    `headers` and `columns` go together; `looked_at` are the numbers of the columns of which
    one has to show it. A person stays one whose name contains such a word, or who has other values.
    """
    fold = [_folded(header).strip(_EDGES) for header in headers]
    named = frozenset(fold)
    suspects: set[int] = set()
    for column in map(columns.__getitem__, looked_at):
        if numbers := _suspects(column.values, named):
            suspects.update(np.flatnonzero(np.isin(column.codes, numbers)).tolist())
    usual = cache(lambda number: _usual(columns[number]))
    found = []
    for row in sorted(suspects):
        texts_of_row = [strip_blanks(unwrapped(one.at(row))) for one in columns]
        if (at := _header_at(texts_of_row, fold)) is not None:
            why = fact("row-header")
        elif (at := _total_at(texts_of_row, usual)) is not None:
            why = fact("row-total")
        elif (at := _ruled_at(texts_of_row)) is not None:
            why = fact("row-total", case="ruled")
        else:
            continue
        found.append(Stray(row, at, why, texts_of_row[at]))
    return found


@cache
def _words() -> Mapping[str, frozenset[str]]:
    """Return the words that mark a row that names nobody, by kind; see the file."""
    text = (files("kanport") / "spreadsheet_words.txt").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    kind = ""
    for line in text.splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif not line.startswith("#"):
            found.setdefault(kind, []).extend(line.split(","))
    return {kind: frozenset(map(str.strip, words)) - {""} for kind, words in found.items()}


@cache
def _telling_words() -> frozenset[str]:
    """Return the words that have to be looked at wherever they begin or end a text."""
    kinds = ("total", "total or name", "notes")
    return frozenset[str]().union(*(_words()[kind] for kind in kinds))


_NOTE = re.compile(
    r"(?:page|seite|página|pagina|strona) \d+(?:\W*(?:of|von|de|di|van|z)? ?\d+)?"
    r"|(?:end|ende|fin|fine) (?:of|der|de|della?|du|des) .{1,30}"
    r"|(?:exported|generated|created|printed|as of|stand|exportiert|erstellt|gedruckt|généré"
    r"|exporté|imprimé|edité|copyright)\b.{0,40}\d.{0,40}"
    r"|(?:report|bericht) (?:generated|created|printed|erstellt|gedruckt)\b.{0,60}"
    r"|applied filters:.*|eof",
    re.IGNORECASE,
)
_NUMBER = r"[-+]?[\d.,'\u00a0\u202f ]*\d[.,]?\s*%?"
_BARE = re.compile(rf"{_NUMBER}(?:\s+[^\s\d]{{1,20}})?|[-–—./*#=_\s]+|=.*", re.DOTALL)
_RULED = re.compile(r"[-–—=_*#~+|.\s]{3,}")
_ELIDED = re.compile("^[dl]['’]")
_EDGES = " \t\u00a0:=.*#-–—_()[]{}<>|!\"'\ufeff"
_SPLIT = re.compile(r"[\s:=*#()\[\]{}<>|!\"]+")
_DIGITS = re.compile(r"[\d.,'%+-]*\d[\d.,'%]*")
_MOST_WORDS = 8
_MOST = 0.75
_MANY = 5_000


class _Usual(NamedTuple):
    """How many rows a column has, in how many it is filled, and in how many with a number."""

    rows: int
    filled: int
    numbers: int

    @property
    def mostly_filled(self) -> bool:
        """Whether most rows have a value, seen from one that has none."""
        return self.filled >= _MOST * (self.rows - 1) > 0

    @property
    def mostly_text(self) -> bool:
        """Whether most values are no numbers, seen from one that is one."""
        return self.numbers - 1 <= (1 - _MOST) * (self.filled - 1) and self.filled > 1


def _folded(text: str) -> str:
    return strip_blanks(in_form("NFKC", text)).casefold().strip('"')


def _suspects(texts: Iterable[str], headers: Set[str]) -> list[int]:
    """Return the numbers of the texts whose rows have to be looked at: quick, as it sees them all.

    What has nothing but letters and digits is only compared.
    """
    exact = (headers | _telling_words() | _words()["headers"]) - {""}
    is_ruled, found = _RULED.fullmatch, []
    for number, text in enumerate(texts):
        if text.isalnum() and text.isascii():
            if text.lower() in exact and len(text) <= _LONGEST:
                found.append(number)
            continue
        if "@" in text or len(text) > _LONGEST:
            continue
        folded = (text.casefold() if text.isascii() else _folded(text)).strip(_EDGES)
        if folded in exact or (not folded.isalnum() and (_is_suspect(folded) or is_ruled(text))):
            found.append(number)
    return found


def _is_suspect(folded: str) -> bool:
    """Return whether a text of several words begins or ends as totals and notes do."""
    telling = _telling_words()
    marked = ":" in folded or "=" in folded or "(" in folded
    words = (_SPLIT.split(folded) if marked else folded.split()) or [""]
    first, last = words[0].strip(_EDGES), words[-1].strip(_EDGES)
    if first in telling or last in telling:
        return True
    counted = _words()["counted"] | _words()["links"] if marked or first[:1].isdigit() else ()
    return first in counted or last in counted


def _header_at(texts: Sequence[str], headers: Sequence[str]) -> int | None:
    """Return the column that shows that a row repeats the header; None where it does not."""
    given = [(n, text) for n, cell in enumerate(texts) if (text := _folded(cell).strip(_EDGES))]
    words = _words()["headers"] | (_words()["headers or name"] if len(given) > 2 else frozenset())
    own = [number for number, text in given if text == headers[number]]
    alike = [number for number, text in given if text in headers or text in words]
    whole = len(alike) == len(given) and (len(given) > 1 or bool(own))
    nearly = len(given) > 3 and len(own) > 1 and len(alike) * 4 >= len(given) * 3
    return alike[0] if whole or nearly else None


def _ruled_at(texts: Sequence[str]) -> int | None:
    """Return the first column of a row of nothing but lines, as of dashes; None where it is none.

    Reports draw one below a header, or above a total.
    """
    given = [number for number, text in enumerate(texts) if text]
    return given[0] if given and all(_RULED.fullmatch(texts[n]) for n in given) else None


def _total_at(texts: Sequence[str], usual: Callable[[int], _Usual]) -> int | None:
    """Return the column that shows that a row is a total or a note; None where it is a row."""
    given = [number for number, text in enumerate(texts) if text]
    if len(given) == 1 and len(texts) > 1 and _NOTE.fullmatch(texts[given[0]].strip(_EDGES)):
        return given[0]
    labels = {number: sure for number in given if (sure := _is_label(texts[number])) is not None}
    if not labels:
        return None
    others = [number for number in given if number not in labels]
    bare = all(_BARE.fullmatch(texts[number]) or is_date(texts[number]) for number in others)
    numbers = [number for number in others if _is_amount(texts[number])]
    odd_number = any(usual(number).mostly_text for number in numbers)
    lacking = any(not text and usual(number).mostly_filled for number, text in enumerate(texts))
    first = next(iter(labels))
    if any(labels.values()):
        if (bare and (first == given[0] or lacking)) or odd_number:
            return first
    elif (
        bare
        and first == given[0]
        and (odd_number or (lacking and (numbers or _has_digit(texts[first]))))
    ):
        return first
    return None


def _is_label(text: str) -> bool | None:
    """Return True for what only a total is called, False for what it may be called, else None."""
    parts = (_ELIDED.sub("", part.strip(_EDGES)) for part in _SPLIT.split(text.casefold()))
    words = [part for part in parts if part]
    named = [word for word in words if not _DIGITS.fullmatch(word)]
    if not named or len(words) > _MOST_WORDS:
        return None
    total, counted = _words()["total"], _words()["counted"]
    if all(word in total or word in counted or word in _words()["links"] for word in named):
        if any(word in total for word in named):
            return True
        # `600 persons`, `Users: 600`; but `User 1` is the name of somebody.
        amount = len(named) < len(words)
        leading = words[0] not in named
        marked = leading or ":" in text or "=" in text
        if amount and marked and any(word in counted for word in named):
            return True
    ends = (named[0], named[-1])
    return False if any(w in total or w in _words()["total or name"] for w in ends) else None


def _is_amount(text: str) -> bool:
    return _has_digit(text) and _BARE.fullmatch(text) is not None and not text.startswith("=")


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def _usual(column: Coded) -> _Usual:
    cells = column.values[column.codes[:_MANY]]
    filled = [text for text in cells if text and not text.isspace()]
    numbers = sum(1 for text in filled if _is_amount(text))
    return _Usual(len(cells), len(filled), numbers)
