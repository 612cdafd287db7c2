"""Mistakes in a file as they are shown: the place, the line of the file, a caret, what to do."""

import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from kanport.errors import ConfigInvalid
from kanport.findings import MASK
from kanport.mapping.yaml_file import Mistake, Spot

_WIDTH = 100
_SECRET = re.compile(
    r"(?i)(?P<key>[\w-]*(password|passwd|secret|token)[\w-]*[\"']?(\s*:\s+|\s*=\s*(?=[\"'])))"
    r"(?P<value>(?!random\b|\{)\S.*)"
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
    secret = _SECRET.search(line) or _CREDENTIALS.search(line)
    start, length = spot.column - 1, spot.length
    if secret:
        # Whoever writes a secret into a mapping should not find it in a log as well.
        line = line[: secret.start("value")] + MASK
        if start >= secret.start("value"):
            start, length = secret.start("value"), len(MASK)
    line = "".join(char if char.isprintable() else " " for char in line)
    offset = 0
    if len(line) > _WIDTH:
        offset = max(0, min(start - _WIDTH // 2, len(line) - _WIDTH))
    shown = line[offset : offset + _WIDTH].rstrip()
    begin = start - offset
    return shown, shown[:begin].ljust(begin), shown[begin : begin + length]


def _cells(text: str) -> int:
    """Give how wide a text is on a terminal, where some characters take two cells or none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
