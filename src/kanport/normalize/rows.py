"""What the rows of the sources say, rule by rule, before anything is put together."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import field
from functools import partial
from typing import NamedTuple

import numpy as np

from kanport.coded import Codes, Flags
from kanport.mapping.spec import MappingFile
from kanport.model import Blocker, Pair
from kanport.names import compare_key
from kanport.normalize.columns import secret_columns
from kanport.normalize.compiled import CompiledRule, Context
from kanport.normalize.notes import Notes, Place
from kanport.normalize.rules import (
    NO_PARTS,
    Cell,
    CellResult,
    State,
    apply,
    apply_several,
    texts_of,
)
from kanport.origin import Origin, RowPlace
from kanport.records import dataclass
from kanport.relations import RELATIONS, About
from kanport.table import DirectoryEntry, Odd, Row, Table


class Value(NamedTuple):
    """What a rule made of a row: an outcome with the origins of its cells."""

    state: State
    text: str = ""
    origins: tuple[Origin, ...] = ()
    assumed: bool = False
    parts: Mapping[str, str | None] = NO_PARTS

    def place(self, otherwise: Origin) -> Origin:
        """Return the first place that it comes from, or another one where it has none."""
        return self.origins[0] if self.origins else otherwise


EMPTY = Value(State.EMPTY)


def read_one(rule: CompiledRule, row: Row, notes: Notes) -> Value:
    """Return the one value that a rule makes of a row; findings go to `notes`."""
    return _noted(apply(rule, _cells(rule, row), row.odd), row, notes)


def read_several(rule: CompiledRule, row: Row, notes: Notes) -> list[Value]:
    """Return the values that a rule makes of a row, each once; see `apply_several`."""
    return [_noted(one, row, notes) for one in apply_several(rule, _cells(rule, row), row.odd)]


def written(rule: CompiledRule, row: Row) -> tuple[str, ...] | State:
    """Return the texts of the cells before any step; the state of what needs no step any more."""
    texts = texts_of(rule, _cells(rule, row), row.odd, [])
    return texts.state if isinstance(texts, CellResult) else texts


def placed(outcome: CellResult, row: Row) -> Value:
    """Return what came out, with the places in a row that it comes from."""
    origins = tuple(_origin(row, place) for place in outcome.places)
    return Value(outcome.state, outcome.text, origins, outcome.assumed, outcome.parts)


def _noted(outcome: CellResult, row: Row, notes: Notes) -> Value:
    for said in outcome.remarks:
        notes.remark(said, _origin(row, said.place))
    return placed(outcome, row)


def _origin(row: Row, place: Place) -> Origin:
    if isinstance(place, Origin):
        return place
    return row.origin if place is None else row.place(place)


def _cells(rule: CompiledRule, row: Row) -> list[Cell]:
    return [row.values.get(column, "") for column in rule.columns]


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

    def blockers(self, bad: Collection[RowId]) -> Iterator[Blocker]:
        """Yield what the row leaves open if it cannot be used."""
        if self.id in bad:
            given = self.username.state is State.GIVEN
            key = compare_key(self.username.text) if given else None
            yield Blocker("row", key, self.origin)
            if key is not None and self.stable_id and self.stable_id.state is not State.GIVEN:
                # Without its id, the row may mean anybody under a new username.
                yield Blocker("row", None, self.origin)


@dataclass(frozen=True, slots=True)
class RelationRow:
    """What one row says of relations: each of its holders to each target, with the role there.

    A role is EMPTY where the row wants none. `highest` is True where it may stand beside a row that
    wants another role: the higher one wins. `withheld` is True where the entry of a directory that
    the row is about may or may not be the user, `unlisted` where no source of users has it.
    """

    kind: About
    id: RowId
    origin: Origin
    holders: tuple[Value, ...]
    requests: tuple[tuple[Value, Value], ...]
    highest: bool = False
    withheld: bool = False
    unlisted: bool = False

    @property
    def usable(self) -> Iterator[tuple[Value, Value, Value]]:
        """The holder, target and role of each request of which all three are there."""
        for holder in self.holders:
            for target, role in self.requests:
                if holder.state is target.state is role.state is State.GIVEN:
                    yield holder, target, role

    def pairs(self, *, hidden: bool = False) -> Iterator[Pair]:
        """Yield the keys of what it names; with `hidden`, of what may only be hidden."""
        key_of = RELATIONS[self.kind].key_of
        for holder in self.holders:
            for target, role in self.requests:
                if not hidden or State.UNKNOWN in (holder.state, target.state, role.state):
                    yield (
                        compare_key(holder.text) if holder.state is State.GIVEN else None,
                        key_of(target.text) if target.state is State.GIVEN else None,
                    )

    def blockers(self, bad: Collection[RowId]) -> Iterator[Blocker]:
        """Yield what the row leaves open if it cannot be used, or not for sure."""
        if self.id not in bad and not self.withheld and not any(self.pairs(hidden=True)):
            return
        nobody = any(holder.state is not State.GIVEN for holder in self.holders)
        if self.kind is About.MEMBERSHIP and nobody:
            yield Blocker("row", None, self.origin)
        for who, what in self.pairs():
            yield Blocker("row", who, self.origin, self.kind, what)


def contexts(spec: MappingFile) -> dict[str, Context]:
    """Return what all rules of a source share, by source."""
    secret = secret_columns(spec)
    return {
        name: Context(name, source.clear, secret[name]) for name, source in spec.sources.items()
    }


class FilledRows:
    """The rows of a table that hold anything, by columns and in the order of their places.

    Each has a number here, from 0. `in_table` are their numbers among all rows of the table.
    """

    def __init__(self, table: Table) -> None:
        """Find the rows that hold anything."""
        self.table = table
        filled = np.zeros(len(table.numbers), dtype=bool)
        for odd in table.odd.values():
            filled[list(odd)] = True
        for column in table.columns:
            if filled.all():
                break
            filled |= table.coded(column).values.astype(bool)[table.coded(column).codes]
        self.in_table = np.flatnonzero(filled)
        self._all = bool(filled.all())
        self._here = np.cumsum(filled) - 1

    def __len__(self) -> int:
        return len(self.in_table)

    def __getitem__(self, number: int) -> Row:
        return self.table.row(int(self.in_table[number]))

    def coded(self, column: str) -> tuple[Sequence[Cell], Codes]:
        """Return the distinct cells of a column, and for each row the number of its cell."""
        coded = self.table.coded(column)
        codes = coded.codes if self._all else coded.codes[self.in_table]
        return coded.values.tolist(), codes

    def odd(self, columns: Collection[str]) -> dict[int, dict[str, Odd]]:
        """Return what is odd about the cells of some columns, by row and column."""
        found: dict[int, dict[str, Odd]] = {}
        for column in columns:
            for number, odd in self.table.odd.get(column, {}).items():
                found.setdefault(int(self._here[number]), {})[column] = odd
        return found

    def id(self, number: int) -> RowId:
        """Return the id of a row."""
        return self.table.source, int(self.in_table[number])

    def flags(self, ids: Collection[RowId]) -> Flags:
        """Return which of the rows are among those of these ids."""
        flags = np.zeros(len(self.table.numbers), dtype=bool)
        flags[[number for source, number in ids if source == self.table.source]] = True
        return flags[self.in_table]

    def maybe_in(self, rows: Set[RowPlace]) -> Flags:
        """Return which of the rows may have a place in these rows of sources; no others have."""
        return self.table.maybe_in(rows)[self.in_table]

    def chosen(self, flags: Flags) -> Iterator[RowId]:
        """Yield the ids of the rows that are flagged."""
        return ((self.table.source, number) for number in self.in_table[flags].tolist())

    def place(self, number: int, place: Place) -> Origin:
        """Return a place in a row: that of a column, or the whole row."""
        if isinstance(place, Origin):
            return place
        at = int(self.in_table[number])
        return self.table.row_origin(at) if place is None else self.table.place(at, place)

    def places(self, place: Place) -> Callable[[int], Origin]:
        """Return what returns this place in a row, by the number of the row, as `place` does."""
        if not isinstance(place, str):
            return partial(self.place, place=place)
        in_table, at = self.in_table.item, self.table.places_in(place)
        return lambda number: at(in_table(number))

    @property
    def alike(self) -> bool:
        """Whether each column has the same place in all rows, so that places are in their order."""
        return not self.table.own_places

    @property
    def entries(self) -> Sequence[DirectoryEntry | None]:
        """The entries of a directory that the rows are about; none for other sources."""
        entries = self.table.entries
        return [entries[number] for number in self.in_table.tolist()] if entries else ()


def rows_in_order(table: Table) -> list[tuple[RowId, Row]]:
    """Return the rows that hold anything, in the order of their places, each with its id."""
    rows = FilledRows(table)
    return [(rows.id(number), rows[number]) for number in range(len(rows))]
