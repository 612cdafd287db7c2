"""The result of a check: one line, and how to fix a problem."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kanport.errors import Exit, KanportError, SourceInvalid
from kanport.findings import Finding, Severity
from kanport.report.sentences import SEVERITIES

_MOST_FINDINGS = 10


class Level(StrEnum):
    """How a check ended. A warning needs a decision; a problem stops plan and apply."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its subject, its result, how to fix a problem, and more lines.

    `code` is the exit code for a problem.
    """

    about: str
    level: Level
    text: str
    hint: str | None = None
    details: tuple[str, ...] = ()
    code: Exit = Exit.OK

    def to_dict(self) -> dict[str, Any]:
        """Return the check for JSON, without empty parts."""
        parts: dict[str, Any] = {
            "about": self.about,
            "level": str(self.level),
            "text": self.text,
        }
        if self.hint is not None:
            parts["hint"] = self.hint
        if self.details:
            parts["details"] = list(self.details)
        return parts


def fine(about: str, text: str, *, details: Iterable[str] = ()) -> Check:
    """Return a passed check."""
    return Check(about, Level.OK, text, details=tuple(details))


def warning(
    about: str, text: str, *, hint: str | None = None, details: Iterable[str] = ()
) -> Check:
    """Return a check with a warning."""
    return Check(about, Level.WARNING, text, hint, tuple(details))


def problem(
    about: str, text: str, code: Exit, *, hint: str | None = None, details: Iterable[str] = ()
) -> Check:
    """Return a check with a problem."""
    return Check(about, Level.PROBLEM, text, hint, tuple(details), code)


def failed(about: str, error: KanportError) -> Check:
    """Return the check that failed with an error."""
    details = error.details
    if isinstance(error, SourceInvalid):
        details += finding_lines(
            finding for finding in error.findings if finding.severity is Severity.ERROR
        )
    return problem(about, error.message, error.exit_code, hint=error.hint, details=details)


def finding_lines(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return one line for each of the first findings."""
    found = list(findings)
    lines = [
        f"{finding.origin or ''}  {SEVERITIES[finding.severity].one}  {finding.message}".lstrip()
        for finding in found[:_MOST_FINDINGS]
    ]
    more = len(found) - _MOST_FINDINGS
    return (*lines, f"and {more} more") if more > 0 else tuple(lines)


# Problems that you can fix yourself come before those that need somebody else.
_WORST = (Exit.BUG, Exit.CONFIG, Exit.UNREACHABLE, Exit.SOURCE)


def exit_for(checks: Iterable[Check]) -> Exit:
    """Return the exit code for all checks: that of the worst problem, or 0."""
    codes = {check.code for check in checks if check.level is Level.PROBLEM}
    return next((code for code in _WORST if code in codes), max(codes, default=Exit.OK))


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with its noun.

    >>> counted(1, "row"), counted(2000, "row"), counted(0, "entry", "entries")
    ('1 row', '2,000 rows', '0 entries')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
