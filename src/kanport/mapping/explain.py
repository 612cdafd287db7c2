"""What the models' errors mean, in plain words: one message for each mistake, at its place."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from kanport.mapping.base import TAG_MARK
from kanport.mapping.problems import CODE, listed, near, quoted
from kanport.mapping.yaml_file import Document, Mistake, Steps

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
    wrong: ValidationError, document: Document, *, yes_no: str = IN_YAML
) -> Iterator[Mistake]:
    """Return each of the models' errors in plain words at its place in the document.

    `yes_no` is what to do about a text such as `yes` in the place of true or false.
    """
    for error in wrong.errors(include_url=False):
        yield _mistake(error, document, yes_no)


def _mistake(error: Any, document: Document, yes_no: str) -> Mistake:
    kind, context = error["type"], error.get("ctx", {})
    path: Steps = tuple(step for step in error["loc"] if not str(step).startswith(TAG_MARK))
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


def _with_subject(path: Steps, message: str) -> str:
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
        return f"must be {_shown(choices)}", r'a tab is written "\t", in double quotes'
    if value in choices:
        return f"must be {_shown(choices)}", f"write {value} without quotes"
    if choices == ["1"]:
        return "must be 1", "this Kanport reads version 1 of the format"
    close = near(value, choices) if isinstance(value, str) else None
    return f"must be {_shown(choices)}", f"did you mean {close}?" if close else None


def _unescape(found: tuple[str, str]) -> str:
    return (found[0] or found[1]).replace(r"\t", "\t")


def _shown(choices: list[str]) -> str:
    signs = all(not choice.isalnum() and len(choice) == 1 for choice in choices)
    shown = (r'"\t"' if choice == "\t" else f'"{choice}"' for choice in choices)
    return listed(shown) if signs else listed(choices)


def _how_to_write(kind: str, value: Any, part: str) -> str | None:
    if isinstance(value, str) and part.endswith("Rule"):
        return f"for a column, write {{from: {value}}}"
    if isinstance(value, str) and part == "Managed":
        return f'write {{usernames: ["{value}"]}}'
    if kind == "string_type":
        if isinstance(value, bool):
            return f'write "{str(value).lower()}" in quotes'
        if isinstance(value, int | float):
            return f'write "{value}" in quotes'
        if isinstance(value, dict):
            return 'text with braces belongs in quotes: "{First} {Last}"'
        if isinstance(value, list):
            return "one text, without brackets"
    if kind == "tuple_type" and isinstance(value, str):
        return f"write [{value}]" if re.fullmatch(r"[\w.-]+", value) else f'write ["{value}"]'
    if kind.startswith("int") and isinstance(value, str) and value.isdecimal():
        return f"write {value} without quotes"
    return None
