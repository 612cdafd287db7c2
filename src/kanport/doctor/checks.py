"""What an examination finds: one line a check, with what to do about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kanport.errors import Exit, KanportError, SourceInvalid
from kanport.findings import Finding, Severity
from kanport.report.words import SEVERITIES

_MOST_FINDINGS = 10


class Level(StrEnum):
    """How a check ended. A warning is for a person to weigh; a problem stops plan and apply."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what about, how it is, what to do, and more lines to it.

    `code` is the exit code that a problem leads to.
    """

    about: str
    level: Level
    text: str
    hint: str | None = None
    details: tuple[str, ...] = ()
    code: Exit = Exit.OK

    def to_dict(self) -> dict[str, Any]:
        """Give the check as JSON holds it; parts that are not set are left out."""
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
    """Give a check that ended well."""
    return Check(about, Level.OK, text, details=tuple(details))


def warning(
    about: str, text: str, *, hint: str | None = None, details: Iterable[str] = ()
) -> Check:
    """Give a check of something to be weighed."""
    return Check(about, Level.WARNING, text, hint, tuple(details))


def problem(
    about: str, text: str, code: Exit, *, hint: str | None = None, details: Iterable[str] = ()
) -> Check:
    """Give a check of something that has to be mended."""
    return Check(about, Level.PROBLEM, text, hint, tuple(details), code)


def failed(about: str, error: KanportError) -> Check:
    """Give the check that an error ended."""
    details = error.details
    if isinstance(error, SourceInvalid):
        details += finding_lines(
            finding for finding in error.findings if finding.severity is Severity.ERROR
        )
    return problem(about, error.message, error.exit_code, hint=error.hint, details=details)


def finding_lines(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Give findings a line each, the first few of them."""
    found = list(findings)
    lines = [
        f"{finding.origin or ''}  {SEVERITIES[finding.severity].one}  {finding.message}".lstrip()
        for finding in found[:_MOST_FINDINGS]
    ]
    more = len(found) - _MOST_FINDINGS
    return (*lines, f"and {more} more") if more > 0 else tuple(lines)


# What can be mended at home comes before what needs somebody else.
_WORST = (Exit.BUG, Exit.CONFIG, Exit.UNREACHABLE, Exit.SOURCE)


def exit_for(checks: Iterable[Check]) -> Exit:
    """Give the exit code for all checks: that of the worst problem, 0 where there is none."""
    codes = {check.code for check in checks if check.level is Level.PROBLEM}
    return next((code for code in _WORST if code in codes), max(codes, default=Exit.OK))


def counted(number: int, one: str, many: str | None = None) -> str:
    """Give a number with its noun.

    >>> counted(1, "row"), counted(2000, "row"), counted(0, "entry", "entries")
    ('1 row', '2,000 rows', '0 entries')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
