"""A TOML file as plain values, with the place of every key and value.

The standard library reads TOML but keeps no places. What it has accepted is walked once more here,
so this only has to find its way through text that is known to be right.
"""

import re
import tomllib
from typing import Any

from kanport.mapping.yaml_file import Document, Mistake, NotYaml, Spot, Steps

_BLANK = re.compile(r"(?:[\s,]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'', re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}#\n]+")
_AT = re.compile(r"\(at (?:line (\d+), column (\d+)|end of document)\)$")


def read_toml(text: str) -> Document:
    """Read a TOML document; raises NotYaml with the one mistake where the text is no TOML."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as wrong:
        raise NotYaml(_syntax(str(wrong), text)) from wrong
    except RecursionError as wrong:
        raise NotYaml(Mistake(Spot(1, 1), "tables stand in one another too deeply")) from wrong
    document = Document(data=data)
    # The library counts a line break of two characters as one.
    _Walk(text.replace("\r\n", "\n"), document).file()
    return document


def _syntax(message: str, text: str) -> Mistake:
    found = _AT.search(message)
    spot = Spot(max(text.count("\n") + (not text.endswith("\n")), 1), 1)
    if found and found[1]:
        spot = Spot(int(found[1]), int(found[2]))
    told = _AT.sub("", message).strip()
    hint = None
    line = (text.splitlines() or [""])[min(spot.line, len(text.splitlines()) or 1) - 1]
    if re.search(r"^\s*[\w.-]+\s*:", line):
        hint = 'TOML has an equals sign between key and value: url = "https://…"'
    elif "Invalid value" in told:
        hint = "text belongs in quotes"
    return Mistake(spot, f"this is no TOML: {told[:1].lower()}{told[1:]}", hint)


class _Walk:
    """Goes through the text from left to right and notes where each key and value stands."""

    def __init__(self, text: str, document: Document) -> None:
        self._text = text
        self._at = 0
        self._document = document
        self._arrays: dict[Steps, int] = {}

    def file(self) -> None:
        """Walk through all of it."""
        table: Steps = ()
        while self._blank() < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Steps:
        start = self._at
        many = self._text.startswith("[[", start)
        self._at += 2 if many else 1
        path = self._path(())
        self._at = self._text.index("]", self._at) + (2 if many else 1)
        if many:
            if isinstance(path[-1], int):
                path = path[:-1]
            number = self._arrays.get(path, -1) + 1
            self._arrays[path] = number
            path = (*path, number)
            self._note(self._document.keys, path, start, self._at)
        self._document.collections.add(path)
        return path

    def _pair(self, table: Steps) -> None:
        path = self._path(table)
        self._at = self._text.index("=", self._at) + 1
        self._value(path)

    def _path(self, before: Steps) -> Steps:
        """Read a key with its dots; each part of it leads one step deeper."""
        path = before
        while True:
            self._blank()
            start = self._at
            found = _STRING.match(self._text, start) or _BARE.match(self._text, start)
            assert found is not None, "the library has accepted it"  # noqa: S101
            self._at = found.end()
            word = found[0]
            path = (*path, _unquoted(word) if word[0] in "\"'" else word)
            if path in self._arrays:
                path = (*path, self._arrays[path])
            elif path not in self._document.keys:
                self._note(self._document.keys, path, start, self._at)
                # Tables have no place of their own but their key; other values come after it.
                self._note(self._document.values, path, start, self._at)
            dot = _DOT.match(self._text, self._at)
            if dot is None:
                return path
            self._at = dot.end()

    def _value(self, path: Steps) -> None:
        self._blank()
        start, first = self._at, self._text[self._at]
        if first in "[{":
            self._document.collections.add(path)
            self._at += 1
            number = 0
            while self._text[self._blank()] not in "]}":
                if first == "[":
                    self._value((*path, number))
                    number += 1
                else:
                    self._pair(path)
            self._at += 1
        else:
            found = _STRING.match(self._text, start) or _SCALAR.match(self._text, start)
            assert found is not None, "the library has accepted it"  # noqa: S101
            self._at = start + len(found[0].rstrip())
        self._note(self._document.values, path, start, self._at)

    def _blank(self) -> int:
        found = _BLANK.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at

    def _note(self, index: dict[Steps, Spot], path: Steps, start: int, end: int) -> None:
        line = self._text.count("\n", 0, start) + 1
        begin = self._text.rfind("\n", 0, start) + 1
        until = self._text.find("\n", start)
        length = min(end, len(self._text) if until < 0 else until) - start
        index[path] = Spot(line, start - begin + 1, max(length, 1))


def _unquoted(word: str) -> str:
    value: Any = tomllib.loads(f"x = {word}")["x"]
    return str(value)
