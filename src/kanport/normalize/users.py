"""What the rows of one source say of people."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from pydantic import SecretStr

from kanport.catalogue import FINDINGS
from kanport.coded import Flags
from kanport.facts import Fact, fact
from kanport.fields import BESIDE_USERNAME, Holds, UserField
from kanport.mapping import LoadedMapping
from kanport.mapping.rules import Rule
from kanport.mapping.users import PasswordColumn, Users
from kanport.names import compare_key
from kanport.normalize.columns import source_column
from kanport.normalize.compiled import CompiledRule, Context, compile_rule
from kanport.normalize.notes import Notes, Remark, remark, without_password
from kanport.normalize.rows import FilledRows, RowId, UserRow, Value, contexts, placed
from kanport.normalize.ruled import Column, read_column, worked
from kanport.normalize.rules import NOTHING, Cell, CellResult, Oddities, State
from kanport.records import dataclass
from kanport.rules import (
    as_boolean,
    password_problem,
    username_problem,
)
from kanport.table import Row, Table


def boolean_problem(text: str) -> Fact | None:
    """Return why a text is no yes and no no; None where it is one."""
    return fact("value-not-boolean") if as_boolean(text) is None else None


def compile_username(rule: Rule, context: Context) -> CompiledRule:
    """Make the rule for a username ready for one source."""
    bound = compile_rule(rule, "username", context, check=username_problem, names=True)
    # A source without a username column would have been refused as incomplete; one that the rule
    # does not name at all gives nobody.
    return bound or CompiledRule("username", context, constant="")


@dataclass(frozen=True, slots=True, eq=False)
class UserColumns:
    """What the rows of one source say of people, by columns; see `UserRow`."""

    rows: FilledRows
    username: Column[CellResult]
    fields: Mapping[str, Column[CellResult]]
    stable_id: Column[CellResult] | None
    password: Column[CellResult] | None

    def any(self, state: State, *columns: Column[CellResult] | None) -> Flags:
        """Return which rows have a state in one of several columns."""
        flags = np.zeros(len(self.rows), dtype=bool)
        for column in columns:
            if column is not None:
                flags |= column.where(lambda one: one.state is state)
        return flags

    def row(self, number: int) -> UserRow:
        """Return what one row says."""
        row = self.rows[number]
        password = self.password[number] if self.password is not None else NOTHING
        return UserRow(
            self.rows.id(number),
            row.origin,
            placed(self.username[number], row),
            {name: placed(column[number], row) for name, column in self.fields.items()},
            placed(password, row).origins[0] if password.state is State.GIVEN else None,
            placed(self.stable_id[number], row) if self.stable_id is not None else None,
            row.entry,
        )


def read_users(
    users: Users, rows: FilledRows, context: Context, notes: Notes, bad: set[RowId]
) -> UserColumns:
    """Return what the rows of a source say of people; ids of unusable rows go into `bad`.

    A plain column or a template that this source does not have is left to the other sources.
    """
    table = rows.table
    username = read_column(compile_username(users.fields.username, context), rows, notes)
    username.note(nobody, rows, notes)
    fields = {
        field.name: read_column(bound, rows, notes)
        for field in BESIDE_USERNAME
        if (bound := compile_field(users.fields.rule(field), field, table, context)) is not None
    }
    id_rule = compile_id(users.id, table, context)
    stable_id = read_column(id_rule, rows, notes) if id_rule is not None else None
    column = password_column(users, table)
    password = None
    if column is not None:
        password = worked(CompiledRule("password", context, (column,)), rows, password_outcome)
        password.note(lambda one: one.remarks, rows, notes)
    columns = UserColumns(rows, username, fields, stable_id, password)
    unusable = username.where(lambda one: one.state is not State.GIVEN)
    unusable |= columns.any(State.BAD, *fields.values(), stable_id, password)
    bad.update(rows.chosen(unusable))
    return columns


def person_key(who: CellResult | Value) -> str | None:
    """Return the compare key of whom a row names; None where it names nobody readable."""
    return compare_key(who.text) if who.state is State.GIVEN else None


def nobody(who: CellResult) -> tuple[Remark, ...]:
    """Return the remark that a row names nobody, where that is so."""
    if who.state is not State.EMPTY:
        return ()
    return (remark("username-empty", who.places[0], case="row"),)


def compile_field(
    rule: Rule | None, field: UserField, table: Table, context: Context
) -> CompiledRule | None:
    """Make the rule for a field ready for one source; None where this source does not give it."""
    bound = compile_rule(
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


def compile_id(rule: Rule | None, table: Table, context: Context) -> CompiledRule | None:
    """Make the rule for the stable id ready for one source; None where it gives none."""
    # A number in a cell is no reason to warn: an id is compared, and never shown to anybody.
    bound = compile_rule(rule, "stable id", context, closed=True, names=True)
    return bound if bound is not None and set(bound.columns) <= set(table.columns) else None


def password_column(users: Users, table: Table) -> str | None:
    """Return the column of this source with passwords; None where it has none."""
    if not isinstance(users.password, PasswordColumn):
        return None
    column = source_column(users.password.from_, table.source)
    return column if column in table.columns else None


def password_outcome(rule: CompiledRule, cells: Sequence[Cell], odd: Oddities) -> CellResult:
    """Return whether a password stands in a cell, without it, and what is wrong with it."""
    column = rule.columns[0]
    text = _password_in(cells[0])
    trouble = odd.get(column)
    if trouble is not None and FINDINGS[trouble.code].severity == "error":
        problem: Fact | None = trouble.fact
    else:
        problem = cell_password_problem(text, rule.context.clear) if text else None
    if problem is not None:
        return CellResult(State.BAD, places=rule.places, remarks=(Remark.of(problem, column),))
    if not text:
        return CellResult(State.EMPTY, places=rule.places, remarks=(without_password(column),))
    return CellResult(State.GIVEN, places=rule.places)


def cell_password_problem(text: str, clear: str) -> Fact | None:
    """Return what is wrong with a password cell; the source's clear token is no password."""
    if text.strip() == clear:
        return fact("value-not-clearable", case="password")
    return password_problem(text)


def password_text(row: Row, column: str) -> str:
    """Return the password in a cell as it stands there; blanks alone are no password."""
    return _password_in(row.values.get(column, ""))


def _password_in(cell: Cell) -> str:
    text = cell if isinstance(cell, str) else (cell[0] if len(cell) == 1 else "")
    return text if text.strip() else ""


# --- the one place where passwords leave their cells ----------------------------------------------


def read_passwords(
    mapping: LoadedMapping, tables: Mapping[str, Table], wanted: Collection[str]
) -> dict[str, SecretStr]:
    """Return the passwords that the sources have for the usernames in `wanted`, by compare key.

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
        username = read_column(
            compile_username(users.fields.username, shared[source]), rows, Notes()
        )
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
