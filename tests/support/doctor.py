"""Examinations for the tests, and what they say."""

from collections.abc import Iterable
from datetime import UTC, datetime

from kanport.doctor.checks import Check, CheckStatus

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)


def text_of(checks: Iterable[Check], level: CheckStatus | None = None) -> str:
    """Give all that checks say, those of one level where it is given."""
    return "\n".join(
        "\n".join((check.text, check.hint or "", *check.details))
        for check in checks
        if level is None or check.level is level
    )
