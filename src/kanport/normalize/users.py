"""What the rows of one source say of people."""

from functools import partial

from kanport.catalogue import FINDINGS
from kanport.facts import Fact, fact
from kanport.fields import BESIDE_USERNAME, Holds, UserField
from kanport.mapping.spec import PasswordColumn, Rule, Users
from kanport.normalize.bound import BoundRule, Context, bind
from kanport.normalize.columns import source_column
from kanport.normalize.notes import Notes
from kanport.normalize.rows import RowId, UserRow, rows_in_order
from kanport.normalize.value import State, Value, read_one
from kanport.normalize.words import as_boolean
from kanport.origin import Origin
from kanport.rules import (
    password_problem,
    username_problem,
)
from kanport.table import Row, Table


def boolean_problem(text: str) -> Fact | None:
    """Say why a text is no yes and no no; None where it is one."""
    return fact("value-not-boolean") if as_boolean(text) is None else None


def bind_username(rule: Rule, context: Context) -> BoundRule:
    """Make the rule for a username ready for one source."""
    bound = bind(rule, "username", context, check=username_problem, names=True)
    # A source without a username column would have been refused as incomplete; one that the rule
    # does not name at all gives nobody.
    return bound or BoundRule("username", context, constant="")


def read_user_rows(
    users: Users, table: Table, context: Context, notes: Notes, bad: set[RowId]
) -> list[UserRow]:
    """Give what each row of a source says of a person; ids of unusable rows go into `bad`.

    A plain column or a template that this source does not have is left to the other sources.
    """
    username = bind_username(users.fields.username, context)
    fields = {
        field.name: bound
        for field in BESIDE_USERNAME
        if (bound := bind_field(users.fields.rule(field), field, table, context)) is not None
    }
    stable_id = bind_id(users.id, table, context)
    password = password_column(users, table)
    read_password = partial(_password_place, password, clear=context.clear, notes=notes, bad=bad)
    found = []
    for row_id, row in rows_in_order(table):
        who = read_one(username, row, notes)
        if who.state is State.EMPTY:
            note_nobody(row, who, notes)
        values = {name: read_one(rule, row, notes) for name, rule in fields.items()}
        known_as = None if stable_id is None else read_one(stable_id, row, notes)
        read = (*values.values(), *(() if known_as is None else (known_as,)))
        unusable = any(value.state is State.BAD for value in read)
        if who.state is not State.GIVEN or unusable:
            bad.add(row_id)
        place = read_password(row_id, row)
        found.append(UserRow(row_id, row.origin, who, values, place, known_as, row.entry))
    return found


def note_nobody(row: Row, who: Value, notes: Notes) -> None:
    """Take down that a row names nobody."""
    notes.add("username-empty", who.place(row.origin), case="row")


def bind_field(
    rule: Rule | None, field: UserField, table: Table, context: Context
) -> BoundRule | None:
    """Make the rule for a field ready for one source; None where this source does not give it."""
    if rule is None:
        return None
    bound = bind(
        rule,
        field.label,
        context,
        check=boolean_problem if field.holds is Holds.FLAG else field.check,
        closed=field.holds is not Holds.TEXT,
        clearable=field.clearable,
        names=field.is_name,
    )
    if bound is None or not set(bound.columns) <= set(table.columns):
        return None
    return bound


def bind_id(rule: Rule | None, table: Table, context: Context) -> BoundRule | None:
    """Make the rule for the stable id ready for one source; None where it gives none."""
    # A number in a cell is no reason to warn: an id is compared, and never shown to anybody.
    bound = None if rule is None else bind(rule, "stable id", context, closed=True, names=True)
    return bound if bound is not None and set(bound.columns) <= set(table.columns) else None


def password_column(users: Users, table: Table) -> str | None:
    """Give the column of this source with passwords; None where it has none."""
    if not isinstance(users.password, PasswordColumn):
        return None
    column = source_column(users.password.from_, table.source)
    return column if column in table.columns else None


def _password_place(
    column: str | None, row_id: RowId, row: Row, *, clear: str, notes: Notes, bad: set[RowId]
) -> Origin | None:
    """Check the password cell of a row and give its place; None where nothing stands there."""
    if column is None:
        return None
    origin = row.place(column)
    text = password_text(row, column)
    odd = row.odd.get(column)
    if odd is not None and FINDINGS[odd.code].severity == "error":
        problem: Fact | None = odd.fact
    else:
        problem = cell_password_problem(text, clear) if text else None
    if problem is not None:
        notes.take(problem, origin)
        bad.add(row_id)
        return None
    if not text:
        notes.no_password(origin)
        return None
    return origin


def cell_password_problem(text: str, clear: str) -> Fact | None:
    """Say what is wrong with what stands in a password cell; the source's clear token is none."""
    if text.strip() == clear:
        return fact("value-not-clearable", case="password")
    return password_problem(text)


def password_text(row: Row, column: str) -> str:
    """Give the password in a cell as it stands there; blanks alone are no password."""
    cell = row.values.get(column, "")
    text = cell if isinstance(cell, str) else (cell[0] if len(cell) == 1 else "")
    return text if text.strip() else ""
