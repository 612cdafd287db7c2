"""Collecting what is wrong with a file in one pass, without drowning in it."""

from collections import Counter
from collections.abc import Callable, Iterable

from kanport.findings import Finding, found
from kanport.origin import Origin

MAX_PER_CODE = 1_000
"""So many findings of one code are kept; more would be one mistake seen very often."""


class Problems:
    """Findings in the order in which they came; beyond a limit they are only counted."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._seen: Counter[str] = Counter()

    def add(self, code: str, make: Callable[[], Finding]) -> None:
        """Add a finding of this code; it is only made if it is kept."""
        self._seen[code] += 1
        if self._seen[code] <= MAX_PER_CODE:
            self._kept.append(make())

    def extend(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        for finding in findings:
            self.add(finding.code, lambda kept=finding: kept)  # type: ignore[misc]

    def all(self, origin: Origin) -> list[Finding]:
        """Give what was collected; `origin` is the place of the line that counts the rest."""
        rest = [
            found(code, origin, case="more", count=seen - MAX_PER_CODE)
            for code, seen in sorted(self._seen.items())
            if seen > MAX_PER_CODE
        ]
        return self._kept + rest


def too_many(max_rows: int, origin: Origin) -> Finding:
    """Give the finding for a source with more rows than the mapping allows."""
    return found("file-too-large", origin, case="rows", most=max_rows)
