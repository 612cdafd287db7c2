"""The catalogue: what each code means, how much it matters, and how it is worded.

A code never changes its meaning. Its severity is fixed here, so that the same problem never counts
as an error in one place and as a warning in another. Its wording is a template
(`kanport.messages`) that no code reads back, so it can change at any time.

Findings are in `sources`, `values`, `server` and `undoing`; `reasons` says why a change is planned,
`outcomes` what became of it and why a run stopped, `answers` what servers answer, `guards` what the
safety checks say, `notices` what else a person must know of a run, `staleness` what has changed
since a plan was made; `parts` what sentences of these name within them, `withheld` what
prevents a removal.
"""

from collections.abc import Mapping

from kanport.catalogue.answers import ANSWERS
from kanport.catalogue.guards import GUARDS
from kanport.catalogue.kinds import Kind, Personal, Text
from kanport.catalogue.notices import NOTICES
from kanport.catalogue.outcomes import OUTCOMES
from kanport.catalogue.parts import PARTS
from kanport.catalogue.reasons import REASONS
from kanport.catalogue.server import SERVER
from kanport.catalogue.sources import SOURCES
from kanport.catalogue.staleness import STALENESS
from kanport.catalogue.undoing import UNDOING
from kanport.catalogue.values import VALUES
from kanport.catalogue.withheld import WITHHELD

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

# In this order reports count findings.
FINDINGS: Mapping[str, Kind] = {**SOURCES, **VALUES, **SERVER, **UNDOING}
ALL: Mapping[str, Kind] = {
    **FINDINGS,
    **REASONS,
    **OUTCOMES,
    **ANSWERS,
    **GUARDS,
    **NOTICES,
    **STALENESS,
    **PARTS,
    **WITHHELD,
}
