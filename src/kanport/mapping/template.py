"""Templates: text with columns in braces, such as `{First} {Last}`; {{ and }} are plain braces."""

import re
from typing import NamedTuple

_TOKEN = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<column>[^{}]*)\}|(?P<text>[^{}]+)")


class Piece(NamedTuple):
    """A part of a template: plain text, or the name of a column."""

    text: str
    is_column: bool


def parse_template(template: str) -> tuple[Piece, ...]:
    """Take a template apart; raises ValueError in plain words where its braces do not fit.

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
    """Give the columns that a template names, each once, in their order.

    >>> template_columns("{First} {Last} ({First})")
    ('First', 'Last')
    """
    return tuple(dict.fromkeys(piece.text for piece in parse_template(template) if piece.is_column))
