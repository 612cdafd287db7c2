"""The catalogue: what each code means, how much it matters, and how it is worded.

A code never changes its meaning. Its severity is fixed here, so that the same problem never counts
as an error in one place and as a warning in another. Its wording is a template
(`kanport.messages`) that no code reads back, so it can change at any time.

Findings are in `sources`, `values`, `server` and `undoing`; `reasons` says why a change is planned,
`outcomes` what became of it and why a run stopped, `answers` what servers answer, `guards` what the
safety checks say, `notices` what else a person must know of a run, `staleness` what has changed
since a plan was made; `parts` what sentences of these name within them, `withheld` what
prevents a removal.

The entries are loaded when they are first used: no command needs them to print its help.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kanport.catalogue.kinds import Kind, Personal, Text

if TYPE_CHECKING:
    from kanport.catalogue.entries import (
        ALL,
        ANSWERS,
        FINDINGS,
        GUARDS,
        NOTICES,
        OUTCOMES,
        PARTS,
        REASONS,
        STALENESS,
        WITHHELD,
    )

__all__ = [
    "ALL",
    "ANSWERS",
    "FINDINGS",
    "GUARDS",
    "NOTICES",
    "OUTCOMES",
    "PARTS",
    "REASONS",
    "STALENESS",
    "WITHHELD",
    "Kind",
    "Personal",
    "Text",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module("kanport.catalogue.entries"), name)
    globals()[name] = found
    return found
