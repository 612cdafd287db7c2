"""How a Kanboard of a certain release answers: what it lacks, and how it writes values."""

from typing import Any

from kanport.kanboard.history import SINCE
from kanport.sandbox.options import SandboxOptions


def of_age(version: str, **more: Any) -> SandboxOptions:
    """Give the options of a sandbox that answers as that release did; `more` are further ones.

    What is older than 1.2 ran on PHP before 8.1, whose drivers give numbers as text; before 1.0.38
    nobody in a project was a list; before 1.0.26 nobody could be disabled, and no row said so.
    """
    age = _numbers(version)
    lacking = frozenset(name for name, since in SINCE.items() if age < _numbers(since))
    given = {
        "version": version,
        "missing_procedures": lacking,
        "text_numbers": age < (1, 2),
        "empty_lists": age < (1, 0, 38),
        "user_rows": "old" if age < (1, 0, 26) else "full",
    }
    return SandboxOptions(**{**given, **more})


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
