"""Which of several places in the input a finding points at, whatever order the rows came in."""

from collections.abc import Iterable

from kanport.origin import first_place, in_place_order

__all__ = ["first_place", "in_place_order", "listed"]


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
