"""How names are compared: usernames the way the strictest database under a Kanboard would.

MariaDB and MySQL compare usernames by the collation utf8mb4_unicode_ci (contract recording of
MariaDB: "jörg" is refused where "jorg" exists); SQLite and PostgreSQL tell the spellings apart.
Kanport compares the strict way everywhere, so that a plan that is right on one is right on all.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Literal

# Unicode's stream-safe form (UAX #15) allows 30 in a row; no script needs nearly as many.
_MOST_MARKS = 30
# Characters up to which sorting takes no time worth mentioning.
_LONG = 1000


def normalize(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
    r"""Return a text in a normal form of Unicode, in a time that grows as the text does.

    Python sorts each run of combining marks by insertion, which takes minutes for one hostile cell.
    A run that no language has is put into the form in pieces.

    >>> normalize("NFC", "Zoe\u0308")
    'Zoë'
    """
    if len(text) <= _LONG:
        return unicodedata.normalize(form, text)
    pieces: list[str] = []
    begin = marks = 0
    for at, char in enumerate(text):
        marks = marks + 1 if unicodedata.combining(char) else 0
        if marks > _MOST_MARKS:
            pieces.append(text[begin:at])
            begin, marks = at, 1
    pieces.append(text[begin:])
    return "".join(unicodedata.normalize(form, piece) for piece in pieces)


def compare_key(name: str) -> str:
    r"""Return the text under which two spellings of one username are the same.

    It agrees with utf8mb4_unicode_ci (version 4 of the Unicode collation algorithm, its first
    level; checked character by character on MariaDB 10.11) in what people write names with:

    - Case, accents, blanks at the ends and what cannot be seen (control characters, joiners,
      variation selectors) do not count; œ is oe, ß is ss, but æ, ø, ł and й are letters of their
      own, and so are the vowel signs of Thai and Indic scripts.
    - Hiragana and katakana, large and small, are the same, and so are the digits of all scripts.
    - Every character beyond U+FFFF is like every other: all emoji are one.

    It is stricter where characters are newer than that version or are compatibility forms, which
    nobody tells apart by eye. What it leaves apart are symbols and what few names hold: runes,
    radicals, letters of phonetics, Syriac and old Georgian.

    >>> compare_key("Jörg ") == compare_key("JORG"), compare_key("Cœur") == compare_key("coeur")
    (True, True)
    >>> compare_key("ann") == compare_key("anna"), compare_key("Андрей") == compare_key("Андреи")
    (False, False)
    >>> compare_key("ann😀") == compare_key("ann🎉"), compare_key("ann😀") == compare_key("ann")
    (True, False)
    """
    if name.isascii() and name.isprintable():
        # The same by a shorter way: almost every name of a large directory takes it.
        return name.lower().strip()
    composed = normalize("NFC", _BEYOND.sub("\ufffd", name))
    return "".join(map(_letter, composed)).strip()


def spelling_key(text: str) -> str:
    """Return the text under which spellings of a project, or of a pattern, mean the same.

    No database decides about these: case, accents and compatibility forms do not count, and
    whatever else differs does, so that "🟢 Ops" is not taken for "🔴 Ops".

    >>> spelling_key("Über uns") == spelling_key("uber UNS")
    True
    """
    if text.isascii():
        return text.lower().strip()
    # Folding can bring new combining marks (İ), so the marks go after it.
    folded = normalize("NFKD", normalize("NFKD", text).casefold())
    return "".join(char for char in folded if not unicodedata.combining(char)).strip()


def case_key(text: str) -> str:
    """Return the text under which spellings that differ in case alone are the same.

    Letter by letter, so that ß is not ss, İ not i̇ and Ⅷ not viii: directories keep these apart.

    >>> case_key("WEB") == case_key("web"), case_key("Weiß") == case_key("WEISS")
    (True, False)
    """
    if text.isascii():
        return text.lower()
    lowered = ((char, char.lower()) for char in text)
    return "".join(lower if len(lower) == 1 else char for char, lower in lowered)


def other_spellings(name: str) -> tuple[str, ...]:
    """Return the usual other spellings of a name, all of which compare the same.

    For a server that tells spellings apart and can only be asked for one at a time.

    >>> other_spellings("ada.lovelace")
    ('ADA.LOVELACE', 'Ada.Lovelace', 'Ada.lovelace')
    >>> "jorg" in other_spellings("Jörg")
    True
    """
    key = compare_key(name)
    composed, decomposed = (normalize(form, name) for form in ("NFC", "NFD"))
    found = {
        spelling
        for form in (name, composed, decomposed, key)
        for spelling in (form, form.lower(), form.upper(), form.title(), form.capitalize())
    }
    return tuple(sorted(other for other in found - {name} if compare_key(other) == key))


def id_text(number: int) -> str:
    r"""Return the text that means the project with this id and can never be a name.

    No value of a source holds a control character, so nothing that somebody wrote is like it.

    >>> id_text(3)
    '\x00#3'
    """
    return f"\0#{number}"


def id_in(text: str) -> int | None:
    """Return the id that `id_text` made a text of; None for every other text, which is a name.

    >>> id_in(id_text(3)), id_in("#3"), id_in("3")
    (3, None, None)
    """
    return int(text[2:]) if text.startswith("\0#") else None


def plain_number(text: str) -> int | None:
    """Return the number that a text can be as an id: ASCII digits without a leading zero.

    >>> plain_number("3"), plain_number("03"), plain_number("0"), plain_number("٣")
    (3, None, None, None)
    """
    # No database has longer ids, and Python refuses to read numbers of thousands of digits.
    fits = text.isascii() and text.isdigit() and text[0] != "0" and len(text) < 20
    return int(text) if fits else None


def as_written(text: str) -> str:
    """Return how messages call a project that a text means: its name, or `#3` for an id.

    >>> as_written(id_text(3)), as_written("WEB")
    ('#3', 'WEB')
    """
    return text.lstrip("\0")


def lookalike_key(name: str) -> str:
    """Return the text under which names are the same that a reader cannot tell apart.

    >>> lookalike_key("сосо") == lookalike_key("coco"), lookalike_key("анна") == "anna"
    (True, False)
    """
    return compare_key(name if name.isascii() else name.translate(_LIKE_LATIN))


def like_latin(char: str) -> str | None:
    """Return the Latin letter that a Cyrillic or Greek one looks like, if there is one.

    >>> like_latin("а"), like_latin("ж")
    ('a', None)
    """
    number = _LIKE_LATIN.get(ord(char))
    return None if number is None else chr(number)


_LIKE_LATIN = str.maketrans(
    # Cyrillic, then Greek.
    "аеорсухіјѕһԁԛԝӏүАВЕКМНОРСТУХІЈЅαορνικυΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdqwlyABEKMHOPCTYXIJSaopvikuABEZHIKMNOPTYX",
)


def temporary_username(user_id: int, number: int = 1) -> str:
    """Return the username that a user has while another one takes over theirs.

    It says whose it is, so that a run that is cut off in between leaves nobody unknown.

    >>> temporary_username(5), temporary_username(5, 2)
    ('kanport-rename-5', 'kanport-rename-5-2')
    """
    return f"{_TEMPORARY}{user_id}" + (f"-{number}" if number > 1 else "")


def is_temporary_username(username: str, user_id: int | None) -> bool:
    """Return whether a user has a username that `temporary_username` made for just this user.

    >>> is_temporary_username("kanport-rename-5", 5), is_temporary_username("kanport-rename-5", 6)
    (True, False)
    """
    found = _TEMPORARY_USERNAME.fullmatch(username)
    return found is not None and found[1] == str(user_id)


_TEMPORARY = "kanport-rename-"
_TEMPORARY_USERNAME = re.compile(rf"{_TEMPORARY}(\d{{1,19}})(?:-\d{{1,9}})?", re.ASCII)

# --- names that were probably meant ---------------------------------------------------------------

_MOST_PAIRS = 20_000
_NO_LETTER = re.compile(r"[\W_]+")
_UMLAUTS = {"ae": "a", "oe": "o", "ue": "u", "æ": "a", "ø": "o"}
_UMLAUT = re.compile("|".join(_UMLAUTS))


def loose_key(text: str) -> str:
    """Return the text under which somebody takes two names for one: for questions only.

    >>> loose_key("Web-Shop ") == loose_key("webshop"), loose_key("Einfuehrung")
    (True, 'einfuhrung')
    >>> loose_key("Einführung") == loose_key("einfuhrung") == loose_key("Ein Führung")
    True
    """
    return _UMLAUT.sub(lambda found: _UMLAUTS[found[0]], _NO_LETTER.sub("", spelling_key(text)))


def near_names(texts: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Return for each text the one name that was probably meant, if it is only one.

    A name with other digits is another one. Slips of the pen are looked for only where the texts
    and names are few, because that compares each with each.

    >>> near_names(["Ein-fuehrung", "web shp", "u124"], ["Einführung", "Webshop", "u123"])
    {'Ein-fuehrung': 'Einführung', 'web shp': 'Webshop'}
    """
    by_key: dict[str, dict[str, str]] = {}
    for name in names:
        by_key.setdefault(loose_key(name), {}).setdefault(spelling_key(name), name)
    keys, found = {text: loose_key(text) for text in sorted(set(texts))}, {}
    few = len(keys) * len(by_key) <= _MOST_PAIRS
    for text, key in keys.items():
        near = {key} & by_key.keys()
        if not near and few and len(key) > 3:
            near = {
                one
                for one in difflib.get_close_matches(key, by_key, n=2, cutoff=0.8)
                if _digits(one) == _digits(key)
            }
        fitting = {name for one in near if key for name in by_key[one].values()}
        if len(fitting) == 1:
            found[text] = fitting.pop()
    return found


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


# --- what counts of a character -------------------------------------------------------------------

_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_LETTERS_OF_THEIR_OWN = frozenset("йїўѓќѷӑӓӗӛӝӟӥӧӫӭӱӳӵӹآأؤإئ")
"""They look like a letter with an accent, and count as another letter."""

_VOWEL_SIGNS = frozenset((0, 9, 84, 91, 103, 118, 129, 130, 132))
"""Combining classes of marks that count as much as letters do."""

_SIGNS = re.compile(
    # Of class 0 as well, but not counted: signs of nasals, breath and tone, variation selectors.
    "[\u034f\u0488\u0489\u0900-\u0903\u0981-\u0983\u0a01-\u0a03\u0a70\u0a71\u0a81-\u0a83"
    "\u0b01-\u0b03\u0b82\u0c01-\u0c03\u0c82\u0c83\u0d02\u0d03\u0d82\u0d83\u0e47\u0e4e"
    "\u0f7e\u0f7f\u1036\u1038\u17c6-\u17d1\u17d3\u180b-\u180d\u20dd-\u20e4\ufe00-\ufe0f]"
)
_SMALL_KANA = dict(zip("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ", strict=True))
_SAME = {"œ": "oe", "ґ": "г", "〇": "0", **dict(zip("ךםןףץ", "כמנפצ", strict=True)), **_SMALL_KANA}


@cache
def _letter(char: str) -> str:
    """Return what counts of one character."""
    lowered = normalize("NFKC", char).lower()
    if lowered in _LETTERS_OF_THEIR_OWN:
        return lowered
    base = normalize("NFKD", char)
    if unicodedata.category(char) == "Sk" and base.startswith(" "):
        return char
    seen = "".join(part for part in base if _counts(part))
    folded = normalize("NFKD", seen.casefold())
    return "".join(_same(part) for part in folded if _counts(part))


def _counts(char: str) -> bool:
    if unicodedata.category(char) in ("Cc", "Cf"):
        return char in "\t\n\v\f\r\x85"
    return unicodedata.combining(char) in _VOWEL_SIGNS and not _SIGNS.match(char)


def _same(char: str) -> str:
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    katakana = chr(ord(char) + 0x60) if "\u3041" <= char <= "\u3096" else char
    return _SAME.get(katakana, katakana)
