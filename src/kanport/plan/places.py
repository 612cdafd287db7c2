"""Which of several places in the input a finding points at, whatever order the rows came in."""

from collections.abc import Iterable
from typing import Any

from kanport.origin import Origin


def _order(origin: Origin) -> tuple[Any, ...]:
    return (
        origin.source,
        origin.file or "",
        origin.sheet or "",
        origin.dn or "",
        origin.row or 0,
        origin.position or 0,
        origin.column or "",
        origin.attribute or "",
        origin.cell or "",
    )


def in_place_order(origins: Iterable[Origin]) -> tuple[Origin, ...]:
    """Give the origins in the order of the input, each once."""
    once = tuple(dict.fromkeys(origins))
    return once if len(once) < 2 else tuple(sorted(once, key=_order))


def first_place(origins: Iterable[Origin]) -> Origin | None:
    """Give the origin that comes first in the input, or None where there is none."""
    return min(origins, key=_order, default=None)


def listed(names: Iterable[str], *, at_most: int = 5) -> str:
    """Give some names as words, in order, and say how many there are beyond `at_most`.

    A name that is nothing, or that begins or ends with a blank, is put in quotes.

    >>> listed(["carl", "ann", "bob"], at_most=2)
    'ann, bob and 1 more'
    >>> listed(["", "ALICE"])
    '"", ALICE'
    """
    ordered = sorted(dict.fromkeys(names))
    more = len(ordered) - at_most
    shown = ", ".join(
        name if name and name == name.strip() else f'"{name}"' for name in ordered[:at_most]
    )
    return f"{shown} and {more} more" if more > 0 else shown
