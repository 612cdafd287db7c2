"""Mistakes in a file as they are shown: the place, the line of the file, a caret, what to do."""

import functools
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from kanport.errors import ConfigInvalid
from kanport.mapping.yaml_file import Mistake, Spot
from kanport.messages import MASK

_WIDTH = 100
# Word by word, as one expression for all would look at each letter of a long word anew.
_WORD = re.compile(r"[\w-]+")
_NAMES = ("password", "passwd", "secret", "token")
_BEHIND = re.compile(
    r"(?i)[\"']?(?:\s*:\s+|\s*=\s*(?=[\"']))(?P<value>(?!random\b|\{)\S.*)", re.DOTALL
)
_CREDENTIALS = re.compile(r"://(?P<value>[^/\s@]+@.*)")


def with_mistakes(
    path: Path, text: str, mistakes: Iterable[Mistake], *, what: str = "mapping"
) -> ConfigInvalid:
    """Give the error that tells of all mistakes in the text of a file, in their order.

    Whoever writes a secret into the file does not find it in the message.
    """
    ordered = sorted(dict.fromkeys(mistakes), key=lambda found: (found.spot, found.message))
    lines = re.split(r"\r\n|\r|\n", text)
    count = "a mistake" if len(ordered) == 1 else f"{len(ordered)} mistakes"
    return ConfigInvalid(
        f"the {what} {path} has {count}",
        details=[_shown(path, lines, mistake) for mistake in ordered],
    )


def _shown(path: Path, lines: list[str], mistake: Mistake) -> str:
    spot = mistake.spot
    parts = [f"{path}:{spot.line}:{spot.column}: {mistake.message}"]
    if spot.line <= len(lines) and lines[spot.line - 1].strip():
        number = f"{spot.line:>6} | "
        line, before, under = _window(lines[spot.line - 1], spot)
        parts.append(f"{number}{line}")
        parts.append(
            f"{'|':>{len(number) - 1}} {' ' * _cells(before)}{'^' * max(_cells(under), 1)}"
        )
    if mistake.hint:
        parts.append(f"    hint: {mistake.hint}")
    return "\n".join(parts)


def _window(line: str, spot: Spot) -> tuple[str, str, str]:
    """Give what to show of a line, what of it is before the mistake, and the mistake itself."""
    secret = _secret_at(line)
    start, length = spot.column - 1, spot.length
    if secret is not None:
        # Whoever writes a secret into a mapping should not find it in a log as well.
        line = line[:secret] + MASK
        if start >= secret:
            start, length = secret, len(MASK)
    offset = 0
    if len(line) > _WIDTH:
        offset = max(0, min(start - _WIDTH // 2, len(line) - _WIDTH))
    cut = line[offset : offset + _WIDTH]
    shown = "".join(char if char.isprintable() else " " for char in cut).rstrip()
    begin = start - offset
    return shown, shown[:begin].ljust(begin), shown[begin : begin + length]


@functools.lru_cache(4)
def _secret_at(line: str) -> int | None:
    """Return where a secret begins in a line; None where there is none.

    >>> _secret_at("bind_password: hunter2"), _secret_at("password: random")
    (15, None)
    """
    for word in _WORD.finditer(line):
        if any(name in word[0].lower() for name in _NAMES):
            behind = _BEHIND.match(line, word.end())
            if behind is not None:
                return behind.start("value")
    credentials = _CREDENTIALS.search(line)
    return None if credentials is None else credentials.start("value")


def _cells(text: str) -> int:
    """Give how wide a text is on a terminal, where some characters take two cells or none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
