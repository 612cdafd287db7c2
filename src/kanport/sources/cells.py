"""Cleaning the cells of one column: blanks, composed letters, and what is no text at all."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from kanport.coded import Coded, objects
from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.names import normalize as in_form
from kanport.origin import Origin
from kanport.records import dataclass
from kanport.rules import control_problem, strip_blanks
from kanport.spreadsheet import converted_texts, unwrapped
from kanport.table import Odd

_RELATED = 20
_OPENINGS = frozenset(" =#Ee")
_ERROR = re.compile(
    r"""\#(N/A|REF!|NAME\?|VALUE!|DIV/0!|NULL!|NUM!|SPILL!|CALC!|FIELD!|GETTING_DATA
        |RIF!|VALORE!|NOME\?|VALOR!|ARG!|LICZBA!|NAZWA\?|ADR!|WAARDE!|NAAM\?|VERW!|GETAL!
        |VÄRDEFEL!|NAMN\?|REFERENS!|OGILTIGT!|SAKNAS!|VÆRDI!|VERDI!|NAVN\?|DEĞER!|AD\?|SAYI!
        |ÉRTÉK!|NÉV\?|HIV!|HIÁNYZIK|HODNOTA!|NÁZEV\?|ODKAZ!|ARVO!|NIMI\?|VIITTAUS!|PUUTTUU!
        |ЗНАЧ!|ИМЯ\?|ССЫЛКА!|ЧИСЛО!|ДЕЛ/0!|Н/Д
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


def clean_column(raw: Coded, *, spreadsheet: bool = False) -> Cleaned:
    r"""Strip blanks at the ends of each cell, and put letters into Unicode's composed form (NFC).

    Line breaks become `\n`. A cell counts as trimmed where more than plain spaces were left out.
    With `spreadsheet`, look for what such programs do to texts. Each text is looked at once,
    however often it stands in the column.
    """
    before: list[str] = raw.values.tolist()
    bare = before.copy()
    trimmed: list[int] = []
    composed: list[int] = []
    wrapped: list[int] = []
    odd: dict[int, Odd] = {}
    for number in _not_plain(before):
        text = before[number]
        stripped = _strip(text)
        plain = _compose(stripped)
        bare[number] = unwrapped(plain) if spreadsheet else plain
        if stripped != text and _is_trimmed(text):
            trimmed.append(number)
        if plain != stripped:
            composed.append(number)
        if bare[number] != plain:
            wrapped.append(number)
        if found := odd_text(bare[number]):
            odd[number] = found
    if spreadsheet:
        empty = [number for number, text in enumerate(before) if not text]
        filled = len(raw.codes) - int(np.isin(raw.codes, empty).sum())
        for number, found in converted_texts(bare, filled).items():
            odd.setdefault(number, found)
    again = raw if bare == before else Coded.of(objects(bare))
    return Cleaned(
        raw if again is raw else Coded(again.values, again.codes[raw.codes]),
        trimmed=_where(raw.codes, trimmed),
        composed=_where(raw.codes, composed),
        unwrapped=_where(raw.codes, wrapped),
        odd={row: odd[int(raw.codes[row])] for row in _where(raw.codes, odd)},
    )


def _not_plain(texts: Sequence[str]) -> list[int]:
    """Return the numbers of the texts that may not stay as they are: quick, as it sees them all."""
    together = "".join(texts)
    if together.isascii() and together.isprintable():
        return [n for n, text in enumerate(texts) if text[:1] in _OPENINGS or text[-1:] == " "]
    return [
        n
        for n, text in enumerate(texts)
        if text[:1] in _OPENINGS or text[-1:] == " " or not (text.isascii() and text.isprintable())
    ]


def odd_text(text: str) -> Odd | None:
    r"""Return why a text is none that a person would have meant, if so.

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
    """Return the finding that a cell holds what a spreadsheet shows instead of a value."""
    if text.startswith("##"):
        return Odd(fact("cell-error", case="narrow"), text)
    return Odd(fact("cell-error", error=text), text)


def change_notes(cleaned: Cleaned, name: str, place: Callable[[int], Origin]) -> list[Finding]:
    """Return what cleaning changed in a column: one finding for each kind of change.

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


def _is_trimmed(text: str) -> bool:
    return _strip(text) != _broken(text).strip(" ")


def _where(codes: NDArray[np.intp], chosen: Iterable[int]) -> list[int]:
    """Return the rows that have one of these codes."""
    listed = list(chosen)
    return np.flatnonzero(np.isin(codes, listed)).tolist() if listed else []
