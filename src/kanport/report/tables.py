"""The tables behind a report: access before and after, and what became of each row of the input.

Frozen values, whose sums have been checked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from kanport.findings import Finding

if TYPE_CHECKING:
    from kanport.report.parts import Line


class Account(StrEnum):
    """How somebody's account stands in the end."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REMOVED = "removed"
    ABSENT = "not there"


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One person's role in one project, before and after; None where there is or will be none.

    `line` is the change of it, and None for a role that none is about. `moves` is True where it is
    groups that make it what it is in the end, and not this change, and `maybe` where it may be
    another role, as not all is known of groups. `through` are the groups that give it then, or may.
    Somebody whose account is disabled keeps the role, and cannot use it.
    """

    person: str
    name: str
    project: str
    project_id: int | None
    before: str | None
    after: str | None
    account: Account
    line: "Line | None" = None
    maybe: bool = False
    through: tuple[str, ...] = ()
    moves: bool = False

    @property
    def change_id(self) -> str | None:
        """The id of the change."""
        return self.line.change.id if self.line is not None else None

    @property
    def reason(self) -> str:
        """Why it changes, or that it does not."""
        if not self.moves:
            return "stays as it is" if self.line is None else self.line.change.reason
        return f"through {', '.join(self.through)}" if self.through else "its groups change"


@dataclass(frozen=True, slots=True)
class RoleCount:
    """How many people have a role, before and after."""

    role: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """How many people have which role in a project; a row that does not add up cannot be made."""

    project: str
    project_id: int | None
    before: int
    after: int
    cells: tuple[RoleCount, ...]

    def __post_init__(self) -> None:
        _check(self, self.cells)


@dataclass(frozen=True, slots=True)
class Matrix:
    """Projects by roles, each with how many people have it, before and after; it adds up.

    Every row has a cell for each role, in the same order. `totals` are over all projects, so that a
    person counts once for each project.
    """

    roles: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    totals: tuple[RoleCount, ...]
    before: int
    after: int

    def __post_init__(self) -> None:
        _check(self, self.totals)
        _check(self, self.rows)
        for number, total in enumerate(self.totals):
            _check(total, [row.cells[number] for row in self.rows])


def _check(
    total: RoleCount | MatrixRow | Matrix, parts: Iterable[RoleCount] | Iterable[MatrixRow]
) -> None:
    counted = [(part.before, part.after) for part in parts]
    if (total.before, total.after) != (sum(b for b, _ in counted), sum(a for _, a in counted)):
        raise AssertionError(f"the access does not add up: {total}")


class Fate(StrEnum):
    """What became of a row of the input."""

    CHANGED = "led to changes"
    NOT_MADE = "led to changes that were not made"
    LEFT_OUT = "left out"
    NOTHING = "led to no change"
    READ = "read"


class InputRow(NamedTuple):
    """One row of a file, or one entry of a directory, and what became of it.

    `times` is how many rows the source made of it: one for a file, and for an entry of a directory
    one for each group that it is in, where the mapping reads groups.
    """

    source: str
    place: str
    fate: Fate
    times: int = 1
    lines: Sequence["Line"] = ()
    findings: Sequence[Finding] = ()
