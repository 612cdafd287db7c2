"""A column with passwords is read for nothing else: whatever another rule reads can be shown."""

from collections.abc import Iterator
from typing import Any

from pydantic_core import PydanticCustomError

from kanport.mapping.base import Table, written
from kanport.mapping.patterns import NotAPattern, TooSlow, compiled
from kanport.mapping.problems import problem
from kanport.mapping.template import template_columns
from kanport.names import normalize as in_form

Steps = tuple[str | int, ...]
Places = Iterator[tuple[Steps, bool]]
"""Places in the mapping, each with whether its key is meant."""


def password_mistakes(raw: Table) -> Iterator[PydanticCustomError]:
    """Give every place of a mapping, as it was written, that reads a column with passwords.

    A plan shows names, usernames and projects, and a finding the value that it is about, so that
    a password that came to stand in one of them would be shown in clear.
    """
    users = raw.get("users")
    password = users.get("password") if isinstance(users, dict) else None
    if not isinstance(users, dict) or not isinstance(password, dict):
        return
    secret = _by_source(written(password, "from"), _names(written(users, "from")))
    memberships = raw.get("memberships")
    places = list(_in_users(users, secret))
    for number, rule in enumerate(memberships if isinstance(memberships, list | tuple) else ()):
        source = written(rule, "from") if isinstance(rule, dict) else None
        if isinstance(source, str) and source in secret:
            places += _in_membership(rule, ("memberships", number), {source: secret[source]})
    for at, on_key in places:
        yield problem(
            "this column holds the passwords, and what is read here can be shown",
            at=at,
            on_key=on_key,
            hint="name another column; the one with the passwords is read for nothing else",
        )


def _in_users(users: Table, secret: dict[str, str]) -> Places:
    fields = users.get("fields")
    for name, rule in fields.items() if isinstance(fields, dict) else ():
        yield from _in_rule(rule, ("users", "fields", name), secret)
    yield from _in_rule(users.get("id"), ("users", "id"), secret)


def _in_membership(rule: Table, at: Steps, secret: dict[str, str]) -> Places:
    for key in ("username", "project", "role"):
        yield from _in_rule(rule.get(key), (*at, key), secret)
    matrix = rule.get("matrix")
    if not isinstance(matrix, dict):
        return
    columns, pattern = matrix.get("columns"), matrix.get("match")
    held = _keys(secret)
    if isinstance(columns, dict | list | tuple):
        for number, column in enumerate(columns):
            if _key(column) in held:
                by_name = isinstance(columns, dict)
                yield (*at, "matrix", "columns", column if by_name else number), by_name
    if isinstance(pattern, str) and any(_fits(pattern, column) for column in secret.values()):
        yield (*at, "matrix", "match"), False


def _in_rule(rule: Any, at: Steps, secret: dict[str, str]) -> Places:
    if not isinstance(rule, dict):
        return
    read = written(rule, "from")
    if isinstance(read, dict):
        for source, column in read.items():
            if source in secret and _key(secret[source]) == _key(column):
                yield (*at, "from", source), False
    elif isinstance(read, str) and _key(read) in _keys(secret):
        yield (*at, "from"), False
    if any(_key(column) in _keys(secret) for column in _columns_of(rule.get("template"))):
        yield (*at, "template"), False


def _by_source(columns: Any, sources: tuple[str, ...]) -> dict[str, str]:
    """Give the column that a `from` means of each source."""
    if isinstance(columns, dict):
        return {name: str(columns[name]) for name in sources if name in columns}
    return dict.fromkeys(sources, columns) if isinstance(columns, str) else {}


def _names(sources: Any) -> tuple[str, ...]:
    named = sources if isinstance(sources, list | tuple) else (sources,)
    return tuple(name for name in named if isinstance(name, str))


def _keys(secret: dict[str, str]) -> frozenset[str]:
    return frozenset(map(_key, secret.values()))


def _key(column: Any) -> str:
    # A directory gives an attribute by whatever case it is asked for.
    return in_form("NFC", str(column)).casefold()


def _columns_of(template: Any) -> tuple[str, ...]:
    try:
        return template_columns(template) if isinstance(template, str) else ()
    except ValueError:
        return ()


def _fits(pattern: str, column: str) -> bool:
    try:
        return compiled(pattern).search(in_form("NFC", column)) is not None
    except (NotAPattern, TooSlow):
        # What reads the columns comes upon the same, and refuses it.
        return False
