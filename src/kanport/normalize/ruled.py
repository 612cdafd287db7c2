"""A rule applied to a table: the distinct outcomes, and for each row the number of its outcome."""

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import numpy as np

from kanport.coded import Codes, Flags, numbered
from kanport.normalize.compiled import CompiledRule
from kanport.normalize.notes import Notes, Remark
from kanport.normalize.rows import FilledRows
from kanport.normalize.rules import Cell, CellResult, Oddities, apply
from kanport.records import dataclass

T = TypeVar("T")
U = TypeVar("U")

Work = Callable[[CompiledRule, Sequence[Cell], Oddities], T]
"""What is to be done for distinct cells, such as `apply`."""


@dataclass(frozen=True, slots=True, eq=False)
class Column(Generic[T]):
    """What came out for each row of a table: the distinct outcomes and the code of each row."""

    outcomes: Sequence[T]
    codes: Codes

    def __getitem__(self, row: int) -> T:
        return self.outcomes[int(self.codes[row])]

    def where(self, test: Callable[[T], object]) -> Flags:
        """Return for which rows a test of their outcome holds; it is made once for each outcome."""
        return np.fromiter((bool(test(one)) for one in self.outcomes), bool)[self.codes]

    def of_each(self, work: Callable[[T], U]) -> "Column[U]":
        """Return the column of what becomes of each outcome."""
        return Column([work(one) for one in self.outcomes], self.codes)

    def joined(self, other: "Column[U]") -> "Column[tuple[T, U]]":
        """Return the column of the pairs of outcomes that stand together in a row.

        >>> import numpy as np
        >>> roles = Column(["RW", "RO"], np.array([0, 1, 0]))
        >>> Column(["WEB", "OPS"], np.array([1, 1, 1])).joined(roles).outcomes
        [('OPS', 'RW'), ('OPS', 'RO')]
        """
        codes, first = together([self.codes, other.codes])
        return Column([(self[row], other[row]) for row in first], codes)

    def note(
        self, remarks: Callable[[T], Sequence[Remark]], rows: FilledRows, notes: Notes
    ) -> None:
        """Add the findings about the outcomes, for each row that has them."""
        said = [remarks(one) for one in self.outcomes]
        for row in np.flatnonzero(np.fromiter(map(bool, said), bool)[self.codes]).tolist():
            for remark in said[self.codes[row]]:
                notes.remark(remark, rows.place(row, remark.place))


def read_column(rule: CompiledRule, rows: FilledRows, notes: Notes) -> Column[CellResult]:
    """Return the one value that a rule makes of each row; findings go to `notes`."""
    found = worked(rule, rows, apply)
    found.note(lambda one: one.remarks, rows, notes)
    return found


def worked(rule: CompiledRule, rows: FilledRows, work: Work[T]) -> Column[T]:
    """Return the outcomes of work that is done once for distinct cells of the columns of a rule."""
    coded = [rows.coded(column) for column in rule.columns]
    outcomes: list[T]
    if len(coded) == 1:
        ((cells, codes),) = coded
        outcomes = [work(rule, (cell,), {}) for cell in cells]
    elif coded:
        codes, first = together([codes for _, codes in coded])
        columns = [[cells[code] for code in codes[first]] for cells, codes in coded]
        outcomes = [work(rule, cells, {}) for cells in zip(*columns, strict=True)]
    else:
        codes, outcomes = np.zeros(len(rows), dtype=np.intp), [work(rule, (), {})]
    if odd := rows.odd(rule.columns):
        codes = codes.copy()
        known: dict[object, int] = {}
        for row, oddities in odd.items():
            own = tuple(cells[codes[row]] for cells, codes in coded)
            key = own, tuple(oddities.items())
            if key not in known:
                known[key] = len(outcomes)
                outcomes.append(work(rule, own, oddities))
            codes[row] = known[key]
    return Column(outcomes, codes)


def together(columns: Sequence[Codes]) -> tuple[Codes, Codes]:
    """Return the codes of what stands together in several columns, and the first row of each.

    >>> import numpy as np
    >>> together([np.array([0, 1, 0]), np.array([4, 4, 4])])
    (array([0, 1, 0]), array([0, 1]))
    """
    combined = columns[0].astype(np.int64)
    for codes in columns[1:]:
        width = int(codes.max(initial=0)) + 1
        combined = numbered(combined * width + codes)[0]
    return combined, first_of(combined)


def first_of(codes: Codes) -> Codes:
    """Return the first row of each code that some row has, in the order of the codes.

    >>> import numpy as np
    >>> first_of(np.array([3, 1, 3]))
    array([1, 0])
    """
    first = np.full(int(codes.max(initial=-1)) + 1, -1)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first[first >= 0]


def spread(lists: Sequence[Sequence[int]], codes: Codes) -> tuple[Codes, Codes]:
    """Return row by row what stands in the list of its code, and of which row it is.

    >>> import numpy as np
    >>> spread([[7], [], [8, 9]], np.array([2, 1, 0]))
    (array([0, 0, 2]), array([8, 9, 7]))
    """
    sizes = np.fromiter(map(len, lists), dtype=np.intp, count=len(lists))
    flat = np.fromiter((one for several in lists for one in several), dtype=np.intp)
    starts = np.cumsum(sizes) - sizes
    each = sizes[codes]
    rows = np.repeat(np.arange(len(codes)), each)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(each) - each, each)
    return rows, flat[starts[codes][rows] + within]


class Numbers:
    """Numbers for texts: the same text always gets the same number.

    >>> numbers = Numbers()
    >>> numbers.of(["ada", None, "bob", "ada"]).tolist(), numbers.texts
    ([0, -1, 1, 0], ['ada', 'bob'])
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._numbers: dict[str, int] = {}

    def of(self, texts: Iterable[str | None]) -> Codes:
        """Return the numbers of texts; -1 for None."""
        known = self._numbers
        return np.fromiter(
            (-1 if text is None else known.setdefault(text, len(known)) for text in texts),
            dtype=np.intp,
        )

    def flags(self, texts: Iterable[str]) -> Flags:
        """Return for each number whether it is that of one of these texts; -1 is that of none."""
        flags = np.zeros(len(self) + 1, dtype=bool)
        flags[[self._numbers[text] for text in texts if text in self._numbers]] = True
        return flags

    def __contains__(self, text: str) -> bool:
        return text in self._numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def texts(self) -> list[str]:
        """The texts by their numbers."""
        return list(self._numbers)

    @property
    def ranks(self) -> Codes:
        """For each number the place of its text in the order of the texts."""
        texts = self.texts
        ranks = np.empty(len(texts), dtype=np.intp)
        ranks[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
        return ranks
