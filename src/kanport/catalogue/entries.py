"""All entries of the catalogue, by code."""

from collections.abc import Mapping

from kanport.catalogue.answers import ANSWERS
from kanport.catalogue.guards import GUARDS
from kanport.catalogue.kinds import CatalogueEntry
from kanport.catalogue.notices import NOTICES
from kanport.catalogue.outcomes import OUTCOMES
from kanport.catalogue.parts import PARTS
from kanport.catalogue.reasons import REASONS
from kanport.catalogue.reviews import REVIEWS
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
]

# In this order reports count findings.
FINDINGS: Mapping[str, CatalogueEntry] = {**SOURCES, **VALUES, **SERVER, **UNDOING, **REVIEWS}
ALL: Mapping[str, CatalogueEntry] = {
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
