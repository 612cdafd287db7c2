"""Large sets by columns: each distinct text once, and for each row the number of its text.

A directory of a university asks for half a million memberships. As objects they would take a
gigabyte; as columns, a few megabytes. What works on one of them gets an object, made when asked.
"""

import gc
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import NamedTuple, Self

import numpy as np
import pandas as pd

from kanport.coded import Coded, Codes, Flags, LazySequence, Objects, objects
from kanport.fields import BESIDE_USERNAME
from kanport.model import DesiredRelation, DesiredState, DesiredUser, Given, RandomPassword
from kanport.origin import Origin, RowPlace, in_place_order
from kanport.records import dataclass
from kanport.relations import About


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from looking for cycles of garbage, also as a decorator.

    It looks through all objects again whenever their number has grown by a quarter. Where large
    sets are made it finds nothing, in a quarter of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            # All that was made counts as old, or Python would look through it at once.
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


class HeldRelations(NamedTuple):
    """The relations of one kind that a server holds, by columns: the ids of both ends, and a role.

    Those of a current state are in the order of the targets' ids.
    """

    targets: Codes
    holders: Codes
    roles: Objects

    @classmethod
    def of(cls, roles: Mapping[int, Mapping[int, str]]) -> Self:
        """Return the columns of roles by the ids of target and holder."""
        ordered = [(number, roles[number]) for number in sorted(roles)]
        ids = np.array([number for number, _ in ordered], dtype=np.int64)
        return cls(
            np.repeat(ids, [len(listed) for _, listed in ordered]),
            np.array([who for _, listed in ordered for who in listed], dtype=np.int64),
            objects([role for _, listed in ordered for role in listed.values()]),
        )

    def rows(self, holders: Codes, targets: Codes) -> Codes:
        """Return the row of each pair of a holder and a target, by their ids; -1 for one not held.

        >>> listed = HeldRelations.of({3: {7: "project-viewer", 8: "project-member"}})
        >>> listed.rows(np.array([8, 8]), np.array([3, 4]))
        array([ 1, -1])
        """
        who, _ = pd.factorize(np.concatenate((self.holders, holders)))
        where, distinct = pd.factorize(np.concatenate((self.targets, targets)))
        pairs = who * len(distinct) + where
        rows: Codes = pd.Index(pairs[: len(self.holders)]).get_indexer(pairs[len(self.holders) :])
        return rows

    def role_of(self, rows: Codes) -> Objects:
        """Return the role of each row; None for -1."""
        return np.append(self.roles, [None])[rows]


class Places(ABC):
    """The origins of the three parts of a relation; each is found when it is asked for."""

    __slots__ = ()

    @property
    @abstractmethod
    def holder(self) -> tuple[Origin, ...]:
        """Where the holder is named."""

    @property
    @abstractmethod
    def target(self) -> tuple[Origin, ...]:
        """Where the target is named."""

    @property
    @abstractmethod
    def role(self) -> tuple[Origin, ...]:
        """Where the role stands."""

    @property
    def cells(self) -> tuple[Origin, ...]:
        """Where the request as a whole stands: the role, else the target, else the holder."""
        return self.role or self.target or self.holder


class PlacesOf(Places):
    """The origins that a relation has."""

    __slots__ = ("_relation",)

    def __init__(self, relation: DesiredRelation) -> None:
        """Keep the relation."""
        self._relation = relation

    @property
    def holder(self) -> tuple[Origin, ...]:
        """Where the holder is named."""
        return self._relation.holder.origins

    @property
    def target(self) -> tuple[Origin, ...]:
        """Where the target is named."""
        return self._relation.target.origins

    @property
    def role(self) -> tuple[Origin, ...]:
        """Where the role stands."""
        return self._relation.role.origins


@dataclass(frozen=True, slots=True, eq=False)
class Relations(LazySequence[DesiredRelation]):
    """Desired relations of one kind by columns; `places` returns the origins of one by its number.

    The columns hold texts as the sources spell them: a holder, a target, a role. `unlisted` is as
    for `DesiredRelation`. `maybe_in` returns which relations may come from some rows of the
    sources; the others do not, so that only these few need a look at their places. `cells` yields
    the `cells` of the places of several, all at once.
    """

    kind: About
    holders: Coded
    targets: Coded
    roles: Coded
    unlisted: Flags
    places: Callable[[int], Places]
    cells: Callable[[Codes], Iterator[tuple[Origin, ...]]]
    maybe_in: Callable[[Set[RowPlace]], Flags]

    @classmethod
    def of(cls, desired: DesiredState, kind: About = About.MEMBERSHIP) -> "Relations":
        """Return the columns of what is desired of a kind; those that are columns, as they are."""
        given = desired.relations(kind)
        if isinstance(given, Relations):
            return given
        listed = tuple(given)
        return cls(
            kind,
            Coded.of(one.holder.value for one in listed),
            Coded.of(one.target.value for one in listed),
            Coded.of(one.role.value for one in listed),
            np.array([one.unlisted for one in listed], dtype=bool),
            lambda at: PlacesOf(listed[at]),
            lambda numbers: (PlacesOf(listed[at]).cells for at in numbers.tolist()),
            lambda rows: np.full(len(listed), bool(rows)),
        )

    def __len__(self) -> int:
        return len(self.unlisted)

    def texts(self, at: int) -> tuple[str, str]:
        """Return the holder and the target of one, as it spells them."""
        return self.holders.at(at), self.targets.at(at)

    def chosen(self, rows: Flags | Codes) -> "Relations":
        """Return the relations of some rows only: by flags, or by numbers."""
        numbers = np.arange(len(self))[rows]
        places, cells, maybe_in = self.places, self.cells, self.maybe_in
        return Relations(
            self.kind,
            self.holders._replace(codes=self.holders.codes[numbers]),
            self.targets._replace(codes=self.targets.codes[numbers]),
            self.roles._replace(codes=self.roles.codes[numbers]),
            self.unlisted[numbers],
            lambda at: places(int(numbers[at])),
            lambda some: cells(numbers[some]),
            lambda rows: maybe_in(rows)[numbers],
        )

    def _made(self, at: int) -> DesiredRelation:
        places = self.places(at)
        return DesiredRelation(
            self.kind,
            Given(self.holders.at(at), places.holder),
            Given(self.targets.at(at), places.target),
            Given(self.roles.at(at), places.role),
            unlisted=bool(self.unlisted[at]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class DesiredUsers(LazySequence[DesiredUser]):
    """Desired users by columns, in the order of their compare keys; `made` returns one of them.

    `named` returns where one of them is named: the cells of the username, else the rows. `values`
    holds for each field the wanted values, None where nothing is given for this user. `special`
    marks whoever has more to them than values: a stable id, unknown fields, or a password of a kind
    of its own. `maybe_in` is as for `Relations`.
    """

    usernames: Objects
    keys: Objects
    values: Mapping[str, Objects]
    special: Flags
    made: Callable[[int], DesiredUser]
    maybe_in: Callable[[Set[RowPlace]], Flags]
    named: Callable[[int], tuple[Origin, ...]]

    @classmethod
    def of(cls, given: Iterable[DesiredUser]) -> "DesiredUsers":
        """Return the columns of users; those that are columns already, as they are."""
        if isinstance(given, DesiredUsers):
            return given
        listed = tuple(given)
        return cls(
            objects([user.username.value for user in listed]),
            objects([user.key for user in listed]),
            {
                field.name: objects(
                    [None if (one := field.wanted(user)) is None else one.value for user in listed]
                )
                for field in BESIDE_USERNAME
            },
            np.array([_is_special(user) for user in listed], dtype=bool),
            listed.__getitem__,
            lambda rows: np.full(len(listed), bool(rows)),
            lambda at: in_place_order(listed[at].username.origins or listed[at].rows),
        )

    def __len__(self) -> int:
        return len(self.special)

    def _made(self, at: int) -> DesiredUser:
        return self.made(at)

    def having(self, keys: Set[str]) -> Codes:
        """Return the numbers of the users who have one of these compare keys."""
        return np.flatnonzero([key in keys for key in self.keys]) if keys else _NONE

    def chosen(self, rows: Flags | Codes) -> "DesiredUsers":
        """Return some users only: by flags, or by numbers."""
        numbers = np.arange(len(self))[rows]
        made, maybe_in, named = self.made, self.maybe_in, self.named
        return DesiredUsers(
            self.usernames[numbers],
            self.keys[numbers],
            {name: values[numbers] for name, values in self.values.items()},
            self.special[numbers],
            lambda at: made(int(numbers[at])),
            lambda rows: maybe_in(rows)[numbers],
            lambda at: named(int(numbers[at])),
        )


_NONE: Codes = np.empty(0, dtype=np.intp)


def joined(parts: Sequence[DesiredUsers]) -> DesiredUsers:
    """Return the users of several parts in the order of their compare keys."""
    keys = np.concatenate([part.keys for part in parts])
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.intp)
    part_of = np.repeat(np.arange(len(parts)), [len(part) for part in parts])[order]
    number = np.concatenate([np.arange(len(part)) for part in parts])[order]
    return DesiredUsers(
        np.concatenate([part.usernames for part in parts])[order],
        keys[order],
        {
            field.name: np.concatenate([part.values[field.name] for part in parts])[order]
            for field in BESIDE_USERNAME
        },
        np.concatenate([part.special for part in parts])[order],
        lambda at: parts[part_of[at]].made(int(number[at])),
        lambda rows: np.concatenate([part.maybe_in(rows) for part in parts])[order],
        lambda at: parts[part_of[at]].named(int(number[at])),
    )


def _is_special(user: DesiredUser) -> bool:
    plain = isinstance(user.password, RandomPassword)
    return not plain or user.stable_id is not None or bool(user.unknown)
