"""Columns of large tables: each distinct value once, and for each row the number of its value.

So work is done once for a value, however many rows have it, and an object is made only of a row
that somebody asks for.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, NamedTuple, Self, TypeVar, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray

T_co = TypeVar("T_co", covariant=True)

Codes = NDArray[np.intp]
Flags = NDArray[np.bool_]
Objects = NDArray[np.object_]


class Coded(NamedTuple):
    """A column by its distinct values, in the order in which they come, and the code of each row.

    >>> Coded.of(["WEB", "OPS", "WEB"])
    Coded(values=array(['WEB', 'OPS'], dtype=object), codes=array([0, 1, 0]))
    """

    values: Objects
    codes: Codes

    @classmethod
    def of(cls, cells: Iterable[Any]) -> Self:
        """Return the column of these cells, which may be tuples."""
        listed = cells if isinstance(cells, np.ndarray) else objects(cells)
        codes, values = pd.factorize(listed)
        return cls(values, codes)

    @property
    def cells(self) -> Objects:
        """The cell of each row."""
        return self.values[self.codes]

    @property
    def used(self) -> tuple[Any, ...]:
        """The distinct values that any row has."""
        return tuple(self.values[np.unique(self.codes)])

    def at(self, row: int) -> Any:
        """Return the cell of one row."""
        return self.values[self.codes[row]]

    def having(self, test: Callable[[Any], bool]) -> Flags:
        """Return for each row whether its cell passes a test, which each distinct one takes once.

        >>> Coded.of(["WEB", "OPS", "WEB"]).having("WEB".__eq__)
        array([ True, False,  True])
        """
        return np.array([test(value) for value in self.values], dtype=bool)[self.codes]

    def ranks(self, key: Callable[[Any], Any]) -> Codes:
        """Return for each row the place of its cell among the distinct ones, in the order of a key.

        >>> Coded.of(["WEB", "OPS", "WEB"]).ranks(str.lower)
        array([1, 0, 1])
        """
        keys = list(map(key, self.values))
        ranks = np.empty(len(keys), dtype=np.intp)
        ranks[sorted(range(len(keys)), key=keys.__getitem__)] = np.arange(len(keys))
        return ranks[self.codes]

    def keys(self, key: Callable[[Any], str]) -> "Coded":
        """Return the column of the keys of the cells: what is compared instead of them."""
        codes, distinct = pd.factorize(objects(map(key, self.values)))
        return Coded(distinct, codes[self.codes])


class RowsByCode:
    """The numbers of rows by a code that each of them has.

    >>> RowsByCode(np.array([1, 0, 1]), np.array([10, 11, 12]), 2)[1]
    array([10, 12])
    """

    def __init__(self, codes: Codes, numbers: Codes, count: int) -> None:
        """Keep the code of each row, below `count`, and its number."""
        self.codes, self.numbers, self._count = codes, numbers, count

    @cached_property
    def _sorted(self) -> tuple[Codes, Codes]:
        order = np.argsort(self.codes, kind="stable")
        ends = np.cumsum(np.bincount(self.codes, minlength=self._count))
        return self.numbers[order], np.concatenate(([0], ends))

    def __getitem__(self, code: int) -> Codes:
        """Return the numbers of the rows with a code, in their order."""
        numbers, ends = self._sorted
        return numbers[ends[code] : ends[code + 1]]

    def several(self, codes: Codes) -> tuple[Codes, Codes]:
        """Return the numbers of the rows with several codes, code by code, and how many each has.

        >>> RowsByCode(np.array([1, 0, 1]), np.array([10, 11, 12]), 2).several(np.arange(2))
        (array([11, 10, 12]), array([1, 2]))
        """
        numbers, ends = self._sorted
        counts = ends[codes + 1] - ends[codes]
        # The place of each number: where its code begins, and how many of that code came before.
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return numbers[np.repeat(ends[codes], counts) + within], counts


class LazySequence(Sequence[T_co]):
    """A sequence whose items are made when they are asked for, by their number (`_made`)."""

    __slots__ = ()

    @abstractmethod
    def _made(self, at: int) -> T_co:
        """Return the item with a number from 0 on."""

    @overload
    def __getitem__(self, at: int) -> T_co: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[T_co, ...]: ...
    def __getitem__(self, at: int | slice) -> T_co | tuple[T_co, ...]:
        numbers = range(len(self))[at]
        return self._made(numbers) if isinstance(numbers, int) else tuple(map(self._made, numbers))

    def __eq__(self, other: object) -> bool:
        """Compare as sequences, also with a tuple."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]


def numbered(values: NDArray[Any]) -> tuple[Codes, NDArray[Any]]:
    """Return the distinct values as they come, and before them the number that each row has.

    >>> numbered(np.array([7, 3, 7]))
    (array([0, 1, 0]), array([7, 3]))
    """
    codes, distinct = pd.factorize(values)
    return codes, distinct


def objects(values: Iterable[Any]) -> Objects:
    """Return an array of objects, each value one of them, also where it is a tuple."""
    return np.fromiter(values, dtype=object)
