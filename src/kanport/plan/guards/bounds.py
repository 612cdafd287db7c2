"""Hold numbers against limits. The results are values; the catalogue words them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from kanport.facts import Fact, fact
from kanport.mapping.limit_spec import Limit

Base = Literal["users", "access", "members", "rows"]


@dataclass(frozen=True, slots=True)
class Counted:
    """How much of one kind is planned, and of how much: `number` of `base`, which are `of`.

    `partial` is True where only some of the base could be read.
    """

    number: int
    base: int
    of: Base
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """What holds where the mapping says nothing: a share, rounded up, but never less than some."""

    percent: int
    floor: int = 0

    def of(self, base: int) -> int:
        """Return how many are allowed.

        >>> Share(10).of(11), Share(50, floor=3).of(2)
        (2, 3)
        """
        return max(-(-self.percent * base // 100), self.floor)


@dataclass(frozen=True, slots=True)
class Bound:
    """A number that is planned beside the one that is allowed; `share` says how that follows."""

    planned: int
    allowed: int
    share: Fact | None = None

    @property
    def exceeded(self) -> bool:
        """Whether more is planned than allowed."""
        return self.planned > self.allowed

    def told_of(self, name: str) -> Fact:
        """Return it as a part of the wording of a limit; `name` is the class of changes."""
        if self.share is None:
            return fact("limit-part", case=name, planned=self.planned, allowed=self.allowed)
        return fact(
            "limit-part",
            case=f"{name}-share",
            planned=self.planned,
            allowed=self.allowed,
            share=self.share,
        )


def share_of(percent: float, base: int) -> int:
    """Return how many a share of the mapping allows: rounded down, but at least one.

    A share of a small server rounds to none, and one leaver must not stop every night. Whoever
    wants none at all writes 0 or 0%.

    >>> share_of(5, 16), share_of(5, 59), share_of(0, 16)
    (1, 2, 0)
    """
    return max(math.floor(Fraction(str(percent)) * base / 100), 1 if percent else 0)


def bounds_of(limit: Limit | Share, parts: Sequence[Counted]) -> tuple[Bound, ...]:
    """Return the bounds that a limit sets: its number for all parts, its share for each part."""
    if isinstance(limit, Share):
        return tuple(
            Bound(part.number, limit.of(part.base), _share(limit.percent, part, limit.floor))
            for part in parts
        )
    bounds = []
    if limit.max is not None:
        bounds.append(Bound(sum(part.number for part in parts), limit.max))
    if limit.share is not None:
        bounds += [
            Bound(part.number, share_of(limit.share, part.base), _share(limit.share, part))
            for part in parts
        ]
    return tuple(bounds)


def worded(bounds: Iterable[Bound], name: str) -> tuple[Fact, ...]:
    """Return the bounds that a verdict shows: the exceeded ones, else those with a number."""
    some = tuple(bounds)
    shown = [bound for bound in some if bound.exceeded]
    shown = shown or [bound for bound in some if bound.planned] or list(some[:1])
    return tuple(bound.told_of(name) for bound in shown)


def _share(percent: float, part: Counted, floor: int | None = None) -> Fact:
    flags = {"default": floor is not None, "floor": floor, "partial": part.partial}
    case = "-".join((part.of, *(flag for flag, on in flags.items() if on)))
    if floor:
        return fact("limit-share", case=case, share=percent, base=part.base, floor=floor)
    return fact("limit-share", case=case, share=percent, base=part.base)
