"""Cleaning the cells of one column: blanks, composed letters, and what is no text at all."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.names import normalize as in_form
from kanport.origin import Origin
from kanport.rules import control_problem, strip_blanks
from kanport.spreadsheet import converted, converted_in_column, unwrapped
from kanport.table import Coded, Odd, objects

_RELATED = 20
_ERROR = re.compile(
    r"""\#(N/A|REF!|NAME\?|VALUE!|DIV/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|GETTING_DATA
        |NV|BEZUG!|WERT!|ZAHL!|VALEUR!|NOM\?|NOMBRE!|¡REF!|¿NOMBRE\?|¡VALOR!|¡NUM!|¡DIV/0!
        |\#{2,})
      |Err:\d{3}""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """The cells of one column, and the numbers (from 0) of those that were changed or are odd."""

    cells: Coded
    trimmed: Sequence[int] = ()
    composed: Sequence[int] = ()
    unwrapped: Sequence[int] = ()
    odd: Mapping[int, Odd] = field(default_factory=dict)


def clean_column(texts: Sequence[str], *, spreadsheet: bool = False) -> Cleaned:
    r"""Strip blanks at the ends of each cell, and put letters into Unicode's composed form (NFC).

    Line breaks become `\n`. A cell counts as trimmed where more than plain spaces were left out.
    With `spreadsheet`, look for what such programs do to texts. Each text is looked at once,
    however often it stands in the column.
    """
    numbers, distinct = pd.factorize(pd.Series(texts, dtype=object))
    before: list[str] = list(distinct)
    stripped = list(map(_strip, before))
    plain = list(map(_compose, stripped))
    cells = pd.Series(numbers)
    bare = list(map(unwrapped, plain)) if spreadsheet else plain
    odd = {
        number: found
        for number, text in enumerate(bare)
        if not _is_plain(text) and (found := odd_text(text))
    }
    if spreadsheet:
        filled = sum(map(bool, texts))
        in_column = converted_in_column(bare, filled)
        for number, text in enumerate(bare):
            found = converted(text) or in_column.get(text)
            if found is not None:
                odd.setdefault(number, found)
    again = Coded.of(objects(bare))
    return Cleaned(
        Coded(again.codes[numbers], again.values),
        trimmed=_where(cells, (n for n in _changed(before, stripped) if _is_trimmed(before[n]))),
        composed=_where(cells, _changed(stripped, plain)),
        unwrapped=_where(cells, _changed(plain, bare)),
        odd={row: odd[numbers[row]] for row in cells.index[cells.isin(list(odd))]} if odd else {},
    )


def _is_plain(text: str) -> bool:
    """Return whether nothing can be odd about a text by itself: quick, as it sees every text."""
    return text.isascii() and text.isprintable() and text[:1] not in "#Ee"


def odd_text(text: str) -> Odd | None:
    r"""Say why a text is none that a person would have meant, if so.

    A line break is left to the rules of the mapping: some cells hold several values.

    >>> odd_text("#N/A").code
    'cell-error'
    >>> odd_text("N/A"), odd_text("None"), odd_text("nan")
    (None, None, None)
    """
    if text[:1] in "#Ee" and _ERROR.fullmatch(text):
        return error_cell(text)
    if "\ufffd" in text:
        return Odd(fact("cell-garbled"), text)
    if "\ufeff" in text:
        return Odd(fact("cell-control", case="joined"), text)
    problem = control_problem(text.replace("\n", " "))
    return None if problem is None else Odd(problem, text)


def error_cell(text: str) -> Odd:
    """Say that a cell holds what a spreadsheet shows where it has no value."""
    if text.startswith("##"):
        return Odd(fact("cell-error", case="narrow"), text)
    return Odd(fact("cell-error", error=text), text)


def changes_told(cleaned: Cleaned, name: str, place: Callable[[int], Origin]) -> list[Finding]:
    """Tell what cleaning changed in a column: one finding for each kind of change.

    `place` gives the origin of a cell by its row. The finding stands at the first cell; the next
    ones are related.
    """
    changed = {
        "cell-trimmed": cleaned.trimmed,
        "cell-composed": cleaned.composed,
        "cell-unwrapped": cleaned.unwrapped,
    }
    return [
        found(
            code,
            place(rows[0]),
            value=cleaned.cells.at(rows[0]),
            related=map(place, rows[1 : _RELATED + 1]),
            count=len(rows),
            column=name,
        )
        for code, rows in changed.items()
        if rows
    ]


def _strip(text: str) -> str:
    return strip_blanks(_broken(text))


def _broken(text: str) -> str:
    r"""Return a text with `\n` for each line break."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _compose(text: str) -> str:
    return text if text.isascii() else in_form("NFC", text)


def _changed(before: Sequence[str], after: Sequence[str]) -> Iterator[int]:
    return (n for n, (old, new) in enumerate(zip(before, after, strict=True)) if old != new)


def _is_trimmed(text: str) -> bool:
    return _strip(text) != _broken(text).strip(" ")


def _where(cells: "pd.Series[int]", distinct: Iterable[int]) -> list[int]:
    chosen = list(distinct)
    return list(cells.index[cells.isin(chosen)]) if chosen else []
