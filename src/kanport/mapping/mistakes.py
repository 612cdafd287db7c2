"""The mistakes in a mapping or a configuration file: one message each, at its place in the file.

`explain` words the errors of the models; `with_mistakes` shows the line of the file with a caret.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kanport.errors import ConfigInvalid
from kanport.mapping.base import CODE, TAG_MARK, listed, near, quoted
from kanport.mapping.yaml_file import KeyPath, LocatedDocument, Mistake, Spot
from kanport.messages import MASK

_SHAPES = {
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list: [a, b]",
    "dict_type": "must be a table of keys and values",
    "model_type": "must be a table of keys and values",
    "model_attributes_type": "must be a table of keys and values",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}
IN_YAML = "yes, no, on and off are text in YAML 1.2"
_YES_NO = ("yes", "no", "on", "off")
_BOUNDS = {
    "greater_than": ("must be more than {gt}", "gt"),
    "greater_than_equal": ("must be at least {ge}", "ge"),
    "less_than": ("must be less than {lt}", "lt"),
    "less_than_equal": ("must be at most {le}", "le"),
}


def explain(
    wrong: ValidationError, document: LocatedDocument, *, yes_no: str = IN_YAML
) -> Iterator[Mistake]:
    """Return each of the models' errors in plain words at its place in the document.

    `yes_no` is what to do about a text such as `yes` in the place of true or false.
    """
    for error in wrong.errors(include_url=False):
        yield _mistake(error, document, yes_no)


def _mistake(error: Any, document: LocatedDocument, yes_no: str) -> Mistake:
    kind, context = error["type"], error.get("ctx", {})
    path: KeyPath = tuple(step for step in error["loc"] if not str(step).startswith(TAG_MARK))
    if kind == CODE:
        path = (*path, *context.get("at", ()))
        place = document.key if context.get("on_key") else document.value
        message = _with_subject(path, context.get("message", error["msg"]))
        return Mistake(place(path), message, context.get("hint"))
    if kind == "missing":
        return Mistake(document.key(path[:-1]), f"{path[-1]} is missing")
    if kind == "extra_forbidden":
        # Only a name of Python's own spelling, such as from_, is left to the models to refuse.
        hint = f"did you mean {str(path[-1]).rstrip('_')}?"
        return Mistake(document.key(path), f"unknown key {quoted(path[-1])}", hint)
    message, what_to_do = _in_plain_words(kind, context, error, yes_no)
    return Mistake(document.value(path), _with_subject(path, message), what_to_do)


def _with_subject(path: KeyPath, message: str) -> str:
    """Begin the sentence with what it is about."""
    if not message.startswith(("must ", "needs ")):
        return message
    if not path:
        return f"a mapping {message}"
    return f"{path[-1]} {message}" if isinstance(path[-1], str) else f"this {message}"


def _in_plain_words(kind: str, context: Any, error: Any, yes_no: str) -> tuple[str, str | None]:
    value = error["input"]
    if kind == "literal_error":
        return _choice(context["expected"], value)
    if kind in _BOUNDS:
        message, name = _BOUNDS[kind]
        return message.format(**{name: f"{context[name]:g}"}), None
    if kind in ("bool_type", "bool_parsing") and str(value).casefold() in _YES_NO:
        return _SHAPES[kind], yes_no
    if kind in _SHAPES:
        return _SHAPES[kind], _how_to_write(kind, value, context.get("class_name", ""))
    return str(error["msg"]).lower(), None


def _choice(expected: str, value: Any) -> tuple[str, str | None]:
    choices = [_unescape(text) for text in re.findall(r"'((?:[^'\\]|\\.)*)'|(\d+)", expected)]
    if value in (r"\t", "tab"):
        return f"must be {_shown_choices(choices)}", r'a tab is written "\t", in double quotes'
    if value in choices:
        return f"must be {_shown_choices(choices)}", f"write {value} without quotes"
    if choices == ["1"]:
        return "must be 1", "this Kanport reads version 1 of the format"
    close = near(value, choices) if isinstance(value, str) else None
    hint = f"did you mean {close}?" if close else None
    if choices == ["keep", "disable", "remove"]:
        hint = hint or "steps are possible, too: {after: 3 runs, then: disable}"
    return f"must be {_shown_choices(choices)}", hint


def _unescape(found: tuple[str, str]) -> str:
    return (found[0] or found[1]).replace(r"\t", "\t")


def _shown_choices(choices: list[str]) -> str:
    signs = all(not choice.isalnum() and len(choice) == 1 for choice in choices)
    shown = (r'"\t"' if choice == "\t" else f'"{choice}"' for choice in choices)
    return listed(shown) if signs else listed(choices)


def _how_to_write(kind: str, value: Any, part: str) -> str | None:
    if isinstance(value, str) and part.endswith("Rule") and "{" in value:
        return f'for a template, write {{template: "{value}"}}'
    if isinstance(value, str) and part.endswith("Rule"):
        return f"for a column, write {{from: {value or 'COLUMN'}}}"
    if isinstance(value, str) and part == "Managed":
        return f'write {{usernames: ["{value}"]}}'
    if kind == "string_type":
        if isinstance(value, bool):
            return f'write it in quotes: "{str(value).lower()}"'
        if isinstance(value, int | float):
            return f'write it in quotes: "{value}"'
        if isinstance(value, dict):
            return 'text with braces belongs in quotes: "{First} {Last}"'
        if isinstance(value, list):
            return "one text, without brackets"
    if kind == "tuple_type" and isinstance(value, str):
        return f"write [{value}]" if re.fullmatch(r"[\w.-]+", value) else f'write ["{value}"]'
    if kind.startswith("int") and isinstance(value, str) and value.isdecimal():
        return f"write {value} without quotes"
    return None


# --- mistakes in a file as they are shown: the place, the line of the file, a caret, what to do ---

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
    """Return the error that tells of all mistakes in the text of a file, in their order.

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
    """Return what to show of a line, what of it is before the mistake, and the mistake itself."""
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
    """Return how wide a text is on a terminal, where some characters take two cells or none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
