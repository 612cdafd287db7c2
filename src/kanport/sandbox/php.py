"""What PHP does with the values of a JSON request, as far as a client can see it.

Kanboard declares no types and binds every value to SQL as a string, so these rules decide what a
number, a list or `null` in the wrong place becomes. Exchanges are numbered as `kanport.sandbox`
says.
"""

import html
import math
from collections.abc import Mapping, Sequence
from functools import cmp_to_key
from typing import Any

SOURCE_ROOT = "/srv/kanboard"
"""Where the sandbox pretends that Kanboard's PHP files lie; only crash texts show it."""

_BLANKS = " \t\n\r\0\x0b"


class FatalError(Exception):
    """PHP gives up on the whole request; what was done before stays done (exchange 41).

    Args:
        message: what PHP prints after "Fatal error", as HTML.
        line: where in the source it says this happened, as `path:line`.
    """

    def __init__(self, message: str, *, line: str):
        super().__init__(message)
        path, _, number = line.rpartition(":")
        self.page = (
            f"<br />\n<b>Fatal error</b>:  {message} in <b>{SOURCE_ROOT}/{path}</b> "
            f"on line <b>{number}</b><br />\n"
        )


class TypeMismatchError(FatalError):
    """PHP's TypeError or ValueError, which Kanboard's JSON-RPC server does not catch.

    Args:
        message: the class of the error and its text.
        line: where it happened, as `path:line`.
        frames: the functions that were running, innermost first.
    """

    def __init__(self, message: str, *, line: str, frames: Sequence[str]):
        path, _, number = line.rpartition(":")
        place = f"{SOURCE_ROOT}/{path}({number}): "
        trace = "".join(
            f"#{depth} {'' if frame.startswith('[') else place}{frame}\n"
            for depth, frame in enumerate((*frames, "{main}"))
        )
        text = f"Uncaught {message} in {SOURCE_ROOT}/{line}\nStack trace:\n{trace}  thrown"
        super().__init__(html.escape(text, quote=False), line=line)


def is_blank(value: Any) -> bool:
    """Return whether PHP's `empty()` holds.

    >>> [is_blank(value) for value in (None, "", "0", 0, [], " ", "a")]
    [True, True, True, True, True, False, False]
    """
    return not value or value == "0"


def is_given(value: Any) -> bool:
    """Return whether a validation rule checks a value at all: not null and not an empty string."""
    return value is not None and value != ""


def text(value: Any) -> str | None:
    """Return the string that a value becomes when it is bound to SQL; null stays null.

    >>> [text(value) for value in (7, True, False, 1.5, 2.0, ["x"])]
    ['7', '1', '', '1.5', '2', 'Array']
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        whole = math.isfinite(value) and value == int(value) and abs(value) < 1e15
        return str(int(value)) if whole else repr(value).upper()
    return "Array"


def trim(value: str) -> str:
    """Return a string without the ASCII blanks at its ends; other blanks stay, as in Kanboard."""
    return value.strip(_BLANKS)


def upper(value: str) -> str:
    """Return a string with its ASCII letters raised and no others.

    >>> upper("äb")
    'äB'
    """
    return "".join(char.upper() if char.isascii() else char for char in value)


def items(value: Any) -> list[Any] | None:
    """Return the items of what PHP takes for a list; None for anything else, an empty list too.

    >>> items({"0": "a", "1": "b"}), items({"a": 1}), items([])
    (['a', 'b'], None, None)
    """
    if isinstance(value, list):
        return value or None
    if isinstance(value, Mapping) and value:
        expected = [str(number) for number in range(len(value))]
        return list(value.values()) if list(value) == expected else None
    return None


def sorted_by_name(names: Mapping[int, str]) -> dict[str, str]:
    """Return ids and names in the order of PHP's `asort`: bytes, but numbers among them as numbers.

    >>> sorted_by_name({1: "b", 2: "a", 3: "B"})
    {'3': 'B', '2': 'a', '1': 'b'}
    """
    pairs = list(names.items())
    if any(_number(name) is not None for name in names.values()):
        by_value = cmp_to_key(_compare)
        pairs.sort(key=lambda pair: by_value(pair[1]))
    else:
        pairs.sort(key=lambda pair: pair[1])
    return {str(row_id): name for row_id, name in pairs}


def _compare(one: str, other: str) -> int:
    one_number, other_number = _number(one), _number(other)
    if one_number is not None and other_number is not None:
        return (one_number > other_number) - (one_number < other_number)
    return (one > other) - (one < other)


def _number(name: str) -> float | None:
    if not name or not (name[0].isascii() and (name[0].isdigit() or name[0] in "+-. \t")):
        return None
    try:
        number = float(name)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in name else None
