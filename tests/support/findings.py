"""The codes of findings, wherever findings are."""

from collections.abc import Iterable
from typing import Protocol

from kanport.findings import Finding


class HasFindings(Protocol):
    """A plan, a table, or whatever else has findings."""

    @property
    def findings(self) -> Iterable[Finding]:
        """The findings, in the order in which they are shown."""


def codes(found: HasFindings) -> list[str]:
    """Return the codes of findings, in their order."""
    return [finding.code for finding in found.findings]
