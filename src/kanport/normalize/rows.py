"""What the rows of the sources say, rule by rule, before anything is put together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kanport.mapping.spec import MappingFile
from kanport.normalize.bound import Context
from kanport.normalize.columns import secret_columns
from kanport.normalize.value import State, Value
from kanport.origin import Origin
from kanport.table import DirectoryEntry, Row, Table

RowId = tuple[str, int]
"""A source, and the number of a row among its rows in the order of their places."""


@dataclass(frozen=True, slots=True)
class UserRow:
    """What one row says of a person; `password` is the place of the cell, if one stands there.

    `stable_id` is None where the mapping reads no id from this source, `entry` where the row is not
    that of a directory.
    """

    id: RowId
    origin: Origin
    username: Value
    fields: Mapping[str, Value] = field(default_factory=dict)
    password: Origin | None = None
    stable_id: Value | None = None
    entry: DirectoryEntry | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """A project that a row speaks of, with the role that it wants there (EMPTY for none)."""

    project: Value
    role: Value


@dataclass(frozen=True, slots=True)
class MemberRow:
    """What one row says of a person's memberships; `open` is True where a project is unreadable.

    `highest` is True where it may stand beside a row that wants another role: the higher one wins.
    `entry` is the entry of a directory that the row is about; `withheld` is True where that may or
    may not be the user, `unlisted` where no source of users has it.
    """

    id: RowId
    origin: Origin
    username: Value
    asks: tuple[Ask, ...] = ()
    open: bool = False
    highest: bool = False
    entry: DirectoryEntry | None = None
    withheld: bool = False
    unlisted: bool = False

    @property
    def wants(self) -> Iterator[Ask]:
        """The asks that can be used: project and role are both there."""
        given = State.GIVEN
        return (ask for ask in self.asks if ask.project.state is ask.role.state is given)


def contexts(spec: MappingFile) -> dict[str, Context]:
    """Give what all rules of a source share, by source."""
    secret = secret_columns(spec)
    return {
        name: Context(name, source.clear, secret[name]) for name, source in spec.sources.items()
    }


def rows_in_order(table: Table) -> list[tuple[RowId, Row]]:
    """Give the rows that hold anything, in the order of their places, each with its id."""
    return [
        ((table.source, number), row)
        for number, row in enumerate(table.rows)
        if row.odd or any(row.values.values())
    ]
