"""Which column of a table holds what, told by the headers that such lists have. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kanport.fields import ACTIVE, EMAIL, NAME, USER_FIELDS, USERNAME, UserField
from kanport.names import normalize as in_form
from kanport.table import Table


def _of(*fields: UserField) -> dict[str, tuple[str, ...]]:
    return {field.name: field.headers for field in fields}


# What a header says once it is in small letters, without accents, blanks and marks; the first
# column that fits is taken, the most telling word first.
_HEADERS: dict[str, tuple[str, ...]] = {
    **_of(USERNAME),
    **_of(EMAIL),
    "first": ("firstname", "givenname", "forename", "vorname", "prenom", "nombre"),
    "last": ("lastname", "surname", "familyname", "nachname", "familienname", "apellido"),
    **_of(NAME),
    **_of(ACTIVE),
    "project": ("project", "projectname", "projects", "board", "projekt", "projet", "proyecto"),
    **_of(*(field for field in USER_FIELDS if field.headers)),
}


@dataclass(frozen=True, slots=True)
class Guess:
    """The column for each part of a mapping, as far as a header says it, and the other columns."""

    columns: dict[str, str]
    others: tuple[str, ...]


def guess(columns: Sequence[str]) -> Guess:
    """Tell from the headers which column is which.

    >>> guess(["Login", "E-Mail", "Vorname", "Nachname", "Telefon"]).columns["first"]
    'Vorname'
    >>> guess(["Login", "Phone"]).others
    ('Phone',)
    """
    by_key: dict[str, str] = {}
    for column in columns:
        by_key.setdefault(_key(column), column)
    found: dict[str, str] = {}
    for part, words in _HEADERS.items():
        fitting = next((by_key[word] for word in words if word in by_key), None)
        if fitting is not None and fitting not in found.values():
            found[part] = fitting
    return Guess(found, tuple(column for column in columns if column not in found.values()))


def texts_in(table: Table, column: str, *, at_most: int = 20) -> tuple[str, ...]:
    """Give the different texts of a column in order; none where there are more than `at_most`."""
    seen: set[str] = set()
    for row in table.rows:
        value = row.values.get(column, "")
        if isinstance(value, str) and value and column not in row.odd:
            seen.add(value)
        if len(seen) > at_most:
            return ()
    return tuple(sorted(seen))


def _key(header: str) -> str:
    plain = in_form("NFKD", header.casefold())
    return re.sub(r"[^a-z0-9]", "", plain)
