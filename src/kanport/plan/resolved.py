"""Wanted relations of one kind by columns, beside those that the server holds. Pure.

What is plain stays in columns; an object is made of a wanted relation when asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from kanport.coded import Codes, Flags, LazySequence, Objects, RowsByCode
from kanport.frames import HeldRelations, Relations
from kanport.model import (
    AnyProject,
    User,
)
from kanport.origin import Origin, in_place_order
from kanport.plan.groups import FoundGroup
from kanport.records import dataclass

_AT_ONCE = 10_000


class Holder(NamedTuple):
    """Somebody who is to have a relation; `user` is None for one who is yet to be created."""

    name: str
    user: User | None

    @property
    def id(self) -> int | None:
        """The id of the user."""
        return None if self.user is None else self.user.id


HolderT = TypeVar("HolderT", bound=Holder | FoundGroup)
TargetT = TypeVar("TargetT", bound=AnyProject | FoundGroup)
EndT = TypeVar("EndT", bound=Holder | AnyProject | FoundGroup)


@dataclass(frozen=True, slots=True)
class ResolvedRelation(Generic[HolderT, TargetT]):
    """What a user or a group is to have: a role in a project, or a place in a group.

    `origins` are the cells that ask for it. `unlisted` is True where nothing else shows that
    somebody is still there (`DesiredRelation`).
    """

    holder: HolderT
    target: TargetT
    role: str
    origins: tuple[Origin, ...]
    unlisted: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ResolvedRelations(
    LazySequence[ResolvedRelation[HolderT, TargetT]], Generic[HolderT, TargetT]
):
    """Wanted relations of one kind by columns: the numbers of the holder and the target of each.

    `rows` are those of `asked` that ask for one, by its number in `pairs`.
    """

    asked: Relations
    holders: tuple[HolderT, ...]
    targets: tuple[TargetT, ...]
    rows: RowsByCode
    pairs: Codes
    holder: Codes
    target: Codes
    role: Codes
    unlisted: Flags

    def __len__(self) -> int:
        return len(self.pairs)

    def _made(self, at: int) -> ResolvedRelation[HolderT, TargetT]:
        return next(self.some(np.array([at])))

    def some(self, numbers: Codes) -> Iterator[ResolvedRelation[HolderT, TargetT]]:
        """Yield those with these numbers."""
        roles = self.asked.roles.values
        for holder, target, role, unlisted, origins in self.coded(numbers):
            who, where = self.holders[holder], self.targets[target]
            yield ResolvedRelation(who, where, roles[role], origins, unlisted)

    def coded(self, numbers: Codes) -> Iterator[tuple[int, int, int, bool, tuple[Origin, ...]]]:
        """Yield of each with these numbers the codes of holder, target and role, and the rest."""
        # In parts, so that no more than a few thousand are on the way at once.
        for first in range(0, len(numbers), _AT_ONCE):
            part = numbers[first : first + _AT_ONCE]
            columns = (self.holder, self.target, self.role, self.unlisted)
            yield from zip(
                *(column[part].tolist() for column in columns),
                self._origins(self.pairs[part]),
                strict=True,
            )

    def origins(self, at: int) -> tuple[Origin, ...]:
        """Return the cells that ask for one of them."""
        return next(self._origins(self.pairs[[at]]))

    def _origins(self, pairs: Codes) -> Iterator[tuple[Origin, ...]]:
        """Yield for each pair the cells that ask for it."""
        rows, counts = self.rows.several(pairs)
        cells = self.asked.cells(rows)
        for count in counts.tolist():
            if count == 1:
                yield next(cells)
            else:
                yield in_place_order(chain.from_iterable(islice(cells, count)))

    def chosen(self, rows: Flags) -> "ResolvedRelations[HolderT, TargetT]":
        """Return those for which a flag is set."""
        if rows.all():
            return self
        return replace(
            self,
            pairs=self.pairs[rows],
            holder=self.holder[rows],
            target=self.target[rows],
            role=self.role[rows],
            unlisted=self.unlisted[rows],
        )

    def of_holders(self, test: Callable[[str], bool]) -> Flags:
        """Return for each whether the name of its holder passes a test."""
        return np.array([test(one.name) for one in self.holders], dtype=bool)[self.holder]

    @property
    def roles(self) -> Objects:
        """The role of each."""
        return self.asked.roles.values[self.role]

    @property
    def holder_ids(self) -> Codes:
        """The id of the holder of each, 0 for one who is yet to be created."""
        return np.array([one.id or 0 for one in self.holders], dtype=np.int64)[self.holder]

    @property
    def target_ids(self) -> Codes:
        """The id of the project or the group of each; no id of the server for a planned one."""
        return np.array([one.id or 0 for one in self.targets], dtype=np.int64)[self.target]


class Compared(NamedTuple):
    """Wanted relations beside those of the server.

    `rows` are the rows of `held` that have them, -1 for none, `roles` the roles there and `same`
    whether these are the wanted ones. `unlisted` are the rows of `held` that nothing wants.
    """

    rows: Codes
    roles: Objects
    same: Flags
    unlisted: Flags


def compare(wanted: ResolvedRelations[HolderT, TargetT], held: HeldRelations) -> Compared:
    """Compare wanted relations with those that the server holds."""
    rows = held.rows(wanted.holder_ids, wanted.target_ids)
    roles = held.role_of(rows)
    unlisted = np.ones(len(held.holders), dtype=bool)
    unlisted[rows[rows >= 0]] = False
    return Compared(rows, roles, roles == wanted.roles, unlisted)
