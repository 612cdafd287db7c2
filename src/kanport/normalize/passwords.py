"""The one place where passwords leave their cells."""

from collections.abc import Callable, Collection, Mapping

import numpy as np
from pydantic import SecretStr

from kanport.mapping import LoadedMapping
from kanport.mapping.spec import Users
from kanport.names import compare_key
from kanport.normalize.notes import Notes
from kanport.normalize.rows import FilledRows, UserRow, contexts
from kanport.normalize.ruled import read_column
from kanport.normalize.users import (
    bind_username,
    cell_password_problem,
    password_column,
    password_text,
    person_key,
)
from kanport.table import Table


def read_passwords(
    mapping: LoadedMapping, tables: Mapping[str, Table], wanted: Collection[str]
) -> dict[str, SecretStr]:
    """Give the passwords that the sources have for the usernames in `wanted`, by compare key.

    The first source in the order of `users.from` with a password wins, as in the desired state,
    which holds only the place of the cell. Unusable passwords are left out; `normalize` has told
    about them.
    """
    users = mapping.spec.users
    keys = {compare_key(username) for username in wanted}
    found: dict[str, SecretStr] = {}
    if users is None or not keys:
        return found
    shared = contexts(mapping.spec)
    for source in users.sources:
        column = password_column(users, tables[source])
        if column is None:
            continue
        rows = FilledRows(tables[source])
        username = read_column(bind_username(users.fields.username, shared[source]), rows, Notes())
        named = username.where(lambda one: person_key(one) in keys)
        for row in np.flatnonzero(named).tolist():
            key = person_key(username[row]) or ""
            text = password_text(rows[row], column)
            usable = text and cell_password_problem(text, shared[source].clear) is None
            if usable and key not in found:
                found[key] = SecretStr(text)
    return found


def same_password(users: Users, rows: FilledRows) -> Callable[[UserRow, UserRow], bool]:
    """Return a function that compares whether two rows of a source have the same password."""
    column = password_column(users, rows.table) or ""

    def same(one: UserRow, other: UserRow) -> bool:
        texts = (password_text(rows.table.row(row.id[1]), column) for row in (one, other))
        return next(texts) == next(texts)

    return same
