"""The catalogue: meaning, severity and wording of each code.

A code never changes its meaning. Its severity is fixed here, so that the same problem never counts
as an error in one place and as a warning in another. Its wording is a template
(`kanport.messages`) that no code reads back, so it can change at any time.

Findings are in `sources`, `values`, `server`, `undoing` and `reviews`. `reasons` says why Kanport
plans a change, `outcomes` how a change or a run ended, `answers` what servers answer, `guards` what
the safety checks say, `notices` what else a user must know of a run, `staleness` what changed on
the server since the plan, `withheld` what prevents a removal. `parts` holds phrases within these
sentences.

The entries are loaded on first use: `--help` needs none of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from kanport.catalogue.kinds import CatalogueEntry, Personal, Text

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
    "CatalogueEntry",
    "Personal",
    "Text",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module("kanport.catalogue.entries"), name)
    globals()[name] = found
    return found
