"""Sentences in which something from outside may stand: what is not known to be harmless is masked.

A message can name somebody whom the plan does not know otherwise, such as the person of a row that
could not be used. So a word stays only if it is one of Kanport's own, or the name of something that
keeps its name.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from kanport.report.mask.pseudonyms import Pseudonyms

_QUOTED = re.compile(r"""(?<!\w)('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")(?!\w)""")
_EDGES = "()[]{}<>.,;:!?…'\"`“”„«»*"
_NUMBER = re.compile(r"#?[0-9]+(?:[.,:/–-][0-9]+)*%?")
_WORD = re.compile(r"[A-Za-z]+(?:[-'’/][A-Za-z]+)*")
_PIECES = re.compile(r"[-'’/]")
# A line, a field and a cell behind the name of a file.
_POSITION = re.compile(r"(?::[0-9]+){1,2}$|![A-Z]+[0-9]*$")
_LONGEST_NAME = 6  # words


@cache
def own_words() -> frozenset[str]:
    """Give the words of Kanport's own messages, in lower case."""
    text = files("kanport.report.mask").joinpath("words.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


class Prose:
    """Masks sentences; `harmless` are names that stay, such as those of projects."""

    def __init__(self, pseudonyms: Pseudonyms, harmless: Iterable[str]) -> None:
        self._pseudonyms = pseudonyms
        self._harmless = frozenset(filter(None, harmless))
        self._done: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        """Give a sentence with pseudonyms for whatever is not known to be harmless."""
        told = self._done.get(text)
        if told is None:
            parts = _QUOTED.split(text)
            parts[::2] = map(self._plain, parts[::2])
            parts[1::2] = map(self._quoted, parts[1::2])
            told = self._done[text] = "".join(parts)
        return told

    def value(self, text: str) -> str:
        """Give a value as it is where it is harmless, else its pseudonym."""
        known = self._pseudonyms.of(text)
        return known or (text if self._stays(text) else self._pseudonyms.other(text))

    def _quoted(self, run: str) -> str:
        quote, inside = run[0], run[1:-1]
        known = self._pseudonyms.of(inside) or self._pseudonyms.of(_unescaped(inside))
        if known is None and (inside in self._harmless or not inside.strip()):
            return run
        return f"{quote}{known or self._pseudonyms.other(_unescaped(inside))}{quote}"

    def _plain(self, text: str) -> str:
        pieces = re.split(r"(\s+)", text)  # words at even places, blanks between them
        told: list[str] = []
        at = 0
        while at < len(pieces):
            taken, word = self._longest(pieces, at)
            told.append(word)
            told.extend(pieces[at + taken : at + taken + 1])
            at += taken + 1
        return "".join(told)

    def _longest(self, pieces: list[str], at: int) -> tuple[int, str]:
        """Give how many pieces make up a known name from here on, and what to say instead."""
        for words in range(min(_LONGEST_NAME, (len(pieces) - at + 1) // 2), 1, -1):
            taken = 2 * words - 1
            run = "".join(pieces[at : at + taken])
            before, core, behind = _edged(run)
            known = self._pseudonyms.of(core)
            if known is not None or core in self._harmless:
                return taken, f"{before}{known or core}{behind}"
        return 1, self._word(pieces[at])

    def _word(self, text: str) -> str:
        before, core, behind = _edged(text)
        if not any(map(str.isalnum, core)):
            return text
        known = None if core.lower() in own_words() else self._pseudonyms.of(core)
        if known is None and self._stays(core):
            return text
        return f"{before}{known or self._pseudonyms.other(core)}{behind}"

    def _stays(self, core: str) -> bool:
        if core in self._harmless or core.lower() in own_words() or _NUMBER.fullmatch(core):
            return True
        place = _POSITION.sub("", core)
        if place in self._harmless:
            return True
        file, _, sheet = place.partition("#")
        if sheet and file in self._harmless and sheet in self._harmless:
            return True
        return bool(_WORD.fullmatch(core)) and all(
            piece.lower() in own_words() for piece in _PIECES.split(core)
        )


def _edged(text: str) -> tuple[str, str, str]:
    bare = text.lstrip(_EDGES)
    core = bare.rstrip(_EDGES)
    return text[: len(text) - len(bare)], core, bare[len(core) :]


def _unescaped(text: str) -> str:
    # As `repr` writes a quotation mark and a backslash.
    return re.sub(r"\\(['\"\\])", r"\1", text)
