"""What stops a run, each with its exit code. What is wrong with single rows is a finding instead.

KanportError
├── UsageError            2   the command line asks for something that makes no sense
├── Declined              3   the user answered no, so nothing was done
├── GuardTripped          4   a guard stopped the plan, or a required approval is missing
├── SourceInvalid         5   the source data are invalid
├── ConfigInvalid         6   the mapping or the configuration is invalid
├── Unreachable           7   a server or a source could not be reached, or refused
├── LockHeld              8   another run holds the lock
├── PlanStale             9   the server is no longer as the plan says
└── Interrupted         130   stopped by a signal
"""

import os
import traceback
from collections.abc import Iterable
from enum import IntEnum
from typing import ClassVar

from kanport.facts import Fact, as_written
from kanport.findings import Finding


class Exit(IntEnum):
    """The exit codes, a contract with every script that calls Kanport."""

    OK = 0
    BUG = 1
    USAGE = 2
    PARTIAL = 3
    GUARD = 4
    SOURCE = 5
    CONFIG = 6
    UNREACHABLE = 7
    LOCKED = 8
    STALE = 9
    PENDING = 10
    INTERRUPTED = 130


class KanportError(Exception):
    """Stops a run. `message` says what is wrong, `hint` what to do, `details` one thing a line.

    `why` is the fact that the message words; a message that is given as a text is its own.
    """

    exit_code: ClassVar[Exit] = Exit.BUG

    def __init__(
        self, message: str | Fact, *, hint: str | None = None, details: Iterable[str] = ()
    ) -> None:
        self.why = as_written(message) if isinstance(message, str) else message
        self.message = self.why.text
        super().__init__(self.message)
        self.hint = hint or self.why.hint
        self.details = tuple(details)


class UsageError(KanportError):
    """The command line asks for something that makes no sense."""

    exit_code = Exit.USAGE


class Declined(KanportError):
    """The user answered no to the question whether to go on; nothing was done."""

    exit_code = Exit.PARTIAL


class GuardTripped(KanportError):
    """A guard or a missing approval stopped the plan before the first write; `details` says why."""

    exit_code = Exit.GUARD


class SourceInvalid(KanportError):
    """The source data are invalid; `findings` says where and why."""

    exit_code = Exit.SOURCE

    def __init__(
        self, message: str, *, findings: Iterable[Finding] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.findings = tuple(findings)


class ConfigInvalid(KanportError):
    """The mapping or the configuration is invalid; `details` shows each place."""

    exit_code = Exit.CONFIG


class Unreachable(KanportError):
    """A server or a source could not be reached, or refused.

    `findings` are about other sources, which could be read and are invalid.
    """

    exit_code = Exit.UNREACHABLE

    def __init__(
        self,
        message: str | Fact,
        *,
        hint: str | None = None,
        details: Iterable[str] = (),
        findings: Iterable[Finding] = (),
    ) -> None:
        super().__init__(message, hint=hint, details=details)
        self.findings = tuple(findings)


class LockHeld(KanportError):
    """Another run holds the lock."""

    exit_code = Exit.LOCKED


class PlanStale(KanportError):
    """The server is no longer as the plan says; `details` has the differences."""

    exit_code = Exit.STALE


class Interrupted(KanportError):
    """A signal stopped the run; the journal says how far it came."""

    exit_code = Exit.INTERRUPTED


def place_of(bug: Exception) -> tuple[str, str, int | None]:
    """Return what a bug is, in which module, and in which line."""
    place = traceback.extract_tb(bug.__traceback__)[-1]
    module = os.path.basename(place.filename)  # noqa: PTH119 - a name to show, not a path
    return type(bug).__name__, module, place.lineno
