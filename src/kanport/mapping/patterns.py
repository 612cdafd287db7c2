r"""Regular expressions and templates of a mapping.

`re` runs forever on one hostile cell if quantifiers are nested, and nothing can stop it. The engine
of the package `regex` has a timeout, in seconds of the processor, so that a busy machine changes
nothing. A linear-time engine (re2) is not available on every system that Kanport runs on, and its
`\w` knows ASCII only. A template is text with columns in braces, such as `{First} {Last}`.
"""

import functools
import re
import warnings
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

SECONDS = 1.0
"""Seconds of the processor that one pattern may take for one text."""

# So many texts may take too long, each for that time. After that no text is tried that is as long
# as one of them.
_PATIENCE = 5
# Remembered results of a pattern; groups of a directory stand at thousands of people.
_REMEMBERED = 4096
# A brace that `re` takes literally begins a fuzzy match in `regex`: {e}, {i<=2}.
_BRACES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(?!\d*,?\d*\})", re.DOTALL)


class NotAPattern(ValueError):
    """The text is no regular expression; the message says why, and where."""


class TooSlow(Exception):
    """A pattern takes too long for a text."""

    def __init__(self, pattern: str) -> None:
        super().__init__(f"the pattern {pattern} takes too long")
        self.pattern = pattern


class PatternMatch(Protocol):
    """What a pattern found in a text."""

    def groupdict(self) -> dict[str, str | None]:
        """Return the named parts."""

    def __getitem__(self, name: str) -> str | None: ...


class Pattern:
    """A regular expression that ends. Safe to share among rules; not among threads."""

    def __init__(self, text: str) -> None:
        """Compile a pattern; raises NotAPattern."""
        import regex

        self.pattern = text
        try:
            with warnings.catch_warnings():
                # `re` warns of what it takes literally for now, and `regex` does not: [[a-z]].
                warnings.simplefilter("error", FutureWarning)
                known = re.compile(text)
            self._engine: Any = regex.compile(_literal_braces(text), regex.VERSION0)
        except re.error as wrong:
            where = "" if wrong.pos is None else f" at character {wrong.pos + 1}"
            raise NotAPattern(f"{wrong.msg}{where}") from wrong
        except FutureWarning as wrong:
            raise NotAPattern(str(wrong).lower()) from wrong
        except regex.error as wrong:
            raise NotAPattern(wrong.msg) from wrong
        except (OverflowError, RecursionError, MemoryError) as wrong:
            raise NotAPattern("it is too large") from wrong
        self.parts: Mapping[str, int] = known.groupindex
        self.brackets = known.groups
        self._slow: list[int] = []
        self._search = functools.lru_cache(_REMEMBERED)(self._ended)

    def search(self, text: str) -> PatternMatch | None:
        """Return the first place where the pattern is found; raise TooSlow where it takes long."""
        found: PatternMatch | None = self._search(text)
        return found

    def _ended(self, text: str) -> PatternMatch | None:
        if len(self._slow) >= _PATIENCE and len(text) >= min(self._slow):
            raise TooSlow(self.pattern)
        try:
            found: PatternMatch | None = self._engine.search(text, timeout=SECONDS)
        except TimeoutError:
            self._slow.append(len(text))
            raise TooSlow(self.pattern) from None
        return found


def _literal_braces(text: str) -> str:
    r"""Return a pattern in which the braces that repeat nothing are escaped.

    >>> print(_literal_braces(r"^{i}[{e}]a{2,3}\{\N{DASH}"))
    ^\{i}[{e}]a{2,3}\{\N{DASH}
    """

    def escaped(found: re.Match[str]) -> str:
        return "\\{" if found[0] == "{" else found[0]

    # The braces of \N{…} belong to the name.
    pieces = re.split(r"(\\N\{[^}]*\})", text)
    return "".join(
        piece if number % 2 else _BRACES.sub(escaped, piece) for number, piece in enumerate(pieces)
    )


@functools.cache
def compiled(text: str) -> Pattern:
    """Return the pattern of a text, the same each time; raises NotAPattern."""
    return Pattern(text)


# --- templates: text with columns in braces, such as `{First} {Last}`; {{ and }} are plain braces -

_TOKEN = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<column>[^{}]*)\}|(?P<text>[^{}]+)")


class Piece(NamedTuple):
    """A part of a template: plain text, or the name of a column."""

    text: str
    is_column: bool


def parse_template(template: str) -> tuple[Piece, ...]:
    """Split a template into its parts; raise ValueError in plain words for unmatched braces.

    >>> parse_template("{Last}, {First}")[1]
    Piece(text=', ', is_column=False)
    >>> parse_template("{First")
    Traceback (most recent call last):
    ValueError: a brace is not closed: {First
    """
    pieces: list[Piece] = []
    position = 0
    while position < len(template):
        token = _TOKEN.match(template, position)
        if token is None:
            rest = template[position:]
            what = "not closed" if rest.startswith("{") else "closed that was never opened"
            raise ValueError(f"a brace is {what}: {rest}")
        if token["column"] is None:
            pieces.append(Piece(token["text"] or token["brace"][0], is_column=False))
        elif not token["column"].strip():
            raise ValueError("there is no column between these braces: {}")
        else:
            pieces.append(Piece(token["column"].strip(), is_column=True))
        position = token.end()
    return tuple(pieces)


def template_columns(template: str) -> tuple[str, ...]:
    """Return the columns that a template names, each once, in their order.

    >>> template_columns("{First} {Last} ({First})")
    ('First', 'Last')
    """
    return tuple(dict.fromkeys(piece.text for piece in parse_template(template) if piece.is_column))
