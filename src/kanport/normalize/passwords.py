"""The one place where passwords leave their cells."""

from collections.abc import Callable, Collection, Mapping

from pydantic import SecretStr

from kanport.mapping import LoadedMapping
from kanport.mapping.spec import Users
from kanport.names import compare_key
from kanport.normalize.notes import Notes
from kanport.normalize.rows import UserRow, contexts, rows_in_order
from kanport.normalize.users import (
    bind_username,
    cell_password_problem,
    password_column,
    password_text,
)
from kanport.normalize.value import State, read_one
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
        username = bind_username(users.fields.username, shared[source])
        for _, row in rows_in_order(tables[source]):
            who = read_one(username, row, Notes())
            key = compare_key(who.text) if who.state is State.GIVEN else None
            if key not in keys or key in found or key is None:
                continue
            text = password_text(row, column)
            if text and cell_password_problem(text, shared[source].clear) is None:
                found[key] = SecretStr(text)
    return found


def same_password(users: Users, table: Table) -> Callable[[UserRow, UserRow], bool]:
    """Give a function that tells whether two rows of a source have the same password."""
    column = password_column(users, table) or ""
    rows = dict(rows_in_order(table))

    def same(one: UserRow, other: UserRow) -> bool:
        return password_text(rows[one.id], column) == password_text(rows[other.id], column)

    return same
