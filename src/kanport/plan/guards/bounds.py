"""Whether numbers are within a limit, in words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from kanport.mapping.limit_spec import Limit


@dataclass(frozen=True, slots=True)
class Counted:
    """How much of one kind is planned, and of how much: `number` of `base`, which is called so."""

    number: int
    base: int
    called: str


@dataclass(frozen=True, slots=True)
class Share:
    """What holds where the mapping says nothing: a share, rounded up, but never less than some."""

    percent: int
    floor: int = 0

    def of(self, base: int) -> int:
        """Give how many are allowed.

        >>> Share(10).of(11), Share(50, floor=3).of(2)
        (2, 3)
        """
        return max(-(-self.percent * base // 100), self.floor)


@dataclass(frozen=True, slots=True)
class Held:
    """What came of holding numbers against a limit: whether they are within it, and what to say."""

    within: bool
    message: str
    lifted: bool = False


def share_of(percent: float, base: int) -> int:
    """Return how many a share of the mapping allows: rounded down, but at least one.

    A share of a small server rounds to none, and one leaver must not stop every night. Whoever
    wants none at all writes 0 or 0%.

    >>> share_of(5, 16), share_of(5, 59), share_of(0, 16)
    (1, 2, 0)
    """
    return max(math.floor(Fraction(str(percent)) * base / 100), 1 if percent else 0)


def held_to(limit: Limit, parts: Sequence[Counted], *, caveat: str = "") -> Held:
    """Compare numbers with a limit of the mapping, each part with its own base.

    `caveat` is added where a base is in doubt.
    """
    total = sum(part.number for part in parts)
    problems: list[str] = []
    if limit.max is not None and total > limit.max:
        problems.append(f"{total} planned, {limit.max} allowed")
    for part in parts:
        if limit.share is None:
            continue
        allowed = share_of(limit.share, part.base)
        if part.number > allowed:
            problems.append(
                f"{part.number} planned, {allowed} allowed"
                f" ({limit.share:g}% of {part.base} {part.called}{caveat})"
            )
    if problems:
        return Held(False, "; ".join(problems))
    within = [f"{limit.max}"] if limit.max is not None else []
    within += [f"{limit.share:g}%"] if limit.share is not None else []
    return Held(True, f"{total} planned, within {' and '.join(within)}")


def held_to_default(share: Share, parts: Sequence[Counted], *, caveat: str = "") -> Held:
    """Hold numbers against what holds by default; only what is over is told, where something is."""
    good: list[str] = []
    bad: list[str] = []
    for part in parts:
        allowed = share.of(part.base)
        why = f"{share.percent}% of {part.base} {part.called}"
        why += f", at least {share.floor}," if share.floor else ""
        why += f" by default{caveat}"
        if part.number > allowed:
            bad.append(f"{part.number} planned, {allowed} allowed ({why})")
        else:
            good.append(f"{part.number} planned, within {allowed} ({why})")
    return Held(not bad, "; ".join(bad or good))


def lifted(message: str, number: int, most: int | None) -> Held:
    """Give what comes of a limit that does not hold where so many are allowed for this run."""
    if most is None:
        return Held(False, message)
    if number > most:
        return Held(False, f"{message}; --allow lifts it up to {most} for this run")
    return Held(True, f"{message}; lifted for this run, up to {most}", lifted=True)
