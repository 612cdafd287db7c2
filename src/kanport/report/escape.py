"""Names made safe to show: control characters and invisible marks come out as what they are.

A name can hold an escape sequence that repaints a terminal, or a mark that turns the direction of
what follows. Nothing of that may reach a reader raw, and nothing may be lost: an auditor has to
see that it is there.
"""

import re
import unicodedata
from functools import lru_cache

# Controls, formats (which include all marks of direction), surrogates, line and paragraph ends.
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# Letters by their category, and yet nothing to be seen: the Hangul fillers and the Braille blank.
_BLANK = "\u115f\u1160\u3164\uffa0\u2800"
_SUSPECT = re.compile("[^ -~]")
_SUSPECT_IN_LINES = re.compile("[^ -~\n]")


def escape_name(text: str, encoding: str | None = None) -> str:
    r"""Return a text on one line in which every character can be seen.

    With an encoding, what it cannot hold is escaped as well. A text that is empty, or begins or
    ends with a blank, is given in quotes.

    >>> escape_name("Ada\x1b[2JLove\nlace"), escape_name("\u202ecod.exe"), escape_name(" ada")
    ('Ada\\x1b[2JLove\\nlace', '\\u202ecod.exe', '" ada"')
    >>> escape_name("Jörg", "ascii")
    'J\\xf6rg'
    """
    text = escape_control(text, encoding)
    return f'"{text}"' if text != text.strip() or not text else text


def escape_control(text: str, encoding: str | None = None) -> str:
    r"""Return a text with every character that cannot be seen escaped, and nothing else changed.

    >>> escape_control("  a\x1b[31mb")
    '  a\\x1b[31mb'
    """
    if not (text.isascii() and text.isprintable()):
        text = _SUSPECT.sub(lambda found: _shown(found[0]), text)
        if encoding is not None:
            text = text.encode(encoding, "backslashreplace").decode(encoding)
    return text


@lru_cache(maxsize=4096)
def _shown(character: str) -> str:
    if unicodedata.category(character) in _UNSAFE or character in _BLANK:
        return character.encode("unicode_escape").decode("ascii")
    return character


def storable(text: str) -> str:
    r"""Return a text as `escape_control` does, without two more characters that XML forbids.

    >>> storable("a\ufffe\x00")
    'a\\ufffe\\x00'
    """
    return escape_control(text).replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def json_safe(text: str) -> str:
    r"""Escape in JSON what is unsafe to show; it stays the same JSON value.

    >>> json_safe('{"name": "\u202eada"}')
    '{"name": "\\u202eada"}'
    """
    if text.isascii() and "\x7f" not in text:
        # JSON escapes the other control characters itself; a long report takes this way.
        return text
    # In JSON text such characters stand inside strings only, where an escape means the same.
    return _SUSPECT_IN_LINES.sub(lambda found: _escaped(found[0]), text)


@lru_cache(maxsize=4096)
def _escaped(character: str) -> str:
    if character == _shown(character):
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
