"""What the transforms of a mapping do to a text; each is a plain function of it."""

import re
import unicodedata

from kanport.names import normalize as in_form
from kanport.rules import INVISIBLE

# Letters that Unicode does not take apart into a base letter and a mark.
_BASE_LETTERS = str.maketrans(
    {
        "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
        "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th",
        "ħ": "h", "Ħ": "H", "ı": "i", "ŧ": "t", "Ŧ": "T", "ŋ": "n", "Ŋ": "N", "ĸ": "k",
        "’": "'", "‘": "'", "ʼ": "'", "‐": "-", "‑": "-", "–": "-",
    }
)  # fmt: skip

_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ẞ": "SS"}
)


def collapse(text: str) -> str:
    r"""Make one plain blank of every run of blanks.

    >>> collapse("Anna\u00a0  Schmidt")
    'Anna Schmidt'
    """
    if text.isprintable() and text.isascii() and "  " not in text:
        return text
    # A run without a visible blank may join the letters of one word, so it is left alone.
    return re.sub(
        rf"[\s{INVISIBLE}]+",
        lambda run: " " if any(char.isspace() for char in run[0]) else run[0],
        text,
    )


def lower(text: str) -> str:
    """Make all letters small.

    >>> lower("MÜLLER")
    'müller'
    """
    return text.lower()


def upper(text: str) -> str:
    """Make all letters capital.

    >>> upper("straße")
    'STRASSE'
    """
    return text.upper()


def title(text: str) -> str:
    """Begin each word with a capital and make the rest small, as in names written in capitals.

    >>> title("SEÁN O'BRIEN-MÜLLER")
    "Seán O'Brien-Müller"
    """
    # str.title takes a combining mark for a word boundary and so does not know "Zoë" typed as
    # two characters.
    composed = in_form("NFC", text).lower()
    return re.sub(r"(^|[\s\-'’‐‑.])(\w)", lambda found: found[1] + found[2].title(), composed)


def ascii_letters(text: str) -> str:
    """Replace Latin letters with marks by plain ones; other scripts stay as they are.

    >>> ascii_letters("Łukasz Groß, Søren Ægir, José")
    'Lukasz Gross, Soren AEgir, Jose'
    """
    kept, on_latin = [], False
    for char in in_form("NFD", text):
        if not unicodedata.combining(char):
            on_latin = unicodedata.name(char, "").startswith("LATIN")
        elif on_latin:
            continue
        kept.append(char)
    return in_form("NFC", "".join(kept).translate(_BASE_LETTERS))


def umlauts(text: str) -> str:
    """Write German umlauts as two letters, as German usernames mostly have them.

    >>> umlauts("Jörg Müßig")
    'Joerg Muessig'
    """
    return in_form("NFC", text).translate(_UMLAUTS)


def before(text: str, mark: str) -> str:
    """Give what stands before the first `mark`; the whole text where there is none.

    >>> before("anna@example.org", "@")
    'anna'
    """
    return text.partition(mark)[0]


def after(text: str, mark: str) -> str:
    r"""Give what stands after the first `mark`; the whole text where there is none.

    >>> after("CORP\\anna", "\\"), after("anna", "\\")
    ('anna', 'anna')
    """
    _, found, rest = text.partition(mark)
    return rest if found else text


def prefix(text: str, start: str) -> str:
    """Put `start` before the text.

    >>> prefix("anna", "ext-")
    'ext-anna'
    """
    return start + text


def suffix(text: str, end: str) -> str:
    """Put `end` after the text.

    >>> suffix("anna", "@example.org")
    'anna@example.org'
    """
    return text + end


def replace(text: str, old: str, new: str) -> str:
    """Replace every `old` by `new`; both are plain text.

    >>> replace("anna.b.schmidt", ".", "-")
    'anna-b-schmidt'
    """
    return text.replace(old, new)


def zero_pad(text: str, width: int) -> str:
    """Bring a number back to `width` digits; what is not all digits stays as it is.

    >>> zero_pad("42", 4), zero_pad("A42", 4)
    ('0042', 'A42')
    """
    return text.rjust(width, "0") if re.fullmatch(r"[0-9]+", text) else text
