"""What a use case returns, and what it reports on the way to a callback and to the log.

A callback gets each of these values as it arises: `Started` and `Ended` around everything that
takes time, `SourcesRead`, `PlanMade`, `Settled` for each change, `RunEnded`, `RemainingChanges`
after the second plan of `sync`, and `Notice` for what a person must know. `Settled` may come from
any thread, one at a time; the others come from the thread that called.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import field
from enum import StrEnum
from os import PathLike
from pathlib import Path
from typing import TypeAlias

from kanport.errors import Exit
from kanport.events import log_event
from kanport.facts import Fact
from kanport.findings import Finding
from kanport.model import RandomPassword
from kanport.outcome import (
    Outcome,
    Run,
    Status,
    Tally,
    Verified,
    VerifyResult,
    VerifyStatus,
)
from kanport.pipeline.inputs import Inputs
from kanport.plan.change import Action, Change
from kanport.plan.model import GuardVerdict, Plan, PlanWithheld
from kanport.records import dataclass

logger = logging.getLogger(__name__)

FilePath = str | PathLike[str]

# --- on the way -----------------------------------------------------------------------------------


class Stage(StrEnum):
    """What takes time."""

    SOURCES = "sources"
    SERVER = "server"
    SERVER_AGAIN = "server again"
    CHANGES = "changes"
    VERIFICATION = "verification"


@dataclass(frozen=True, slots=True)
class Started:
    """A stage has begun.

    Where it carries out changes, `total` is their number and `journal` the record of the run.
    """

    stage: Stage
    total: int = 0
    journal: Path | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A stage has ended, however it ended."""

    stage: Stage


@dataclass(frozen=True, slots=True)
class SourcesRead:
    """The mapping and its sources have been read."""

    inputs: Inputs


@dataclass(frozen=True, slots=True)
class PlanMade:
    """The plan has been made; `path` is the file that keeps it, if one does."""

    plan: Plan
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The outcome of one change is known."""

    change: Change
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person must know; it changes nothing of what follows."""

    fact: Fact


# --- results --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a plan.

    `run` is None where nothing was to be done. `journal` is the record of the run, `plan_file` the
    file that keeps the plan, both None where there is none; `passwords_to` are the files with the
    random passwords of new users. `remembered` is False where the ledger could not be written.
    `needed` are the changes that a second plan still has, None where none was made. `notices` are
    what a person must know.
    """

    plan: Plan
    run: Run | None = None
    journal: Path | None = None
    plan_file: Path | None = None
    passwords_to: tuple[Path, ...] = ()
    remembered: bool = True
    needed: tuple[Change, ...] | None = None
    notices: tuple[Fact, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """The changes that were planned."""
        return self.plan.changes

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is wrong with single rows and values."""
        return self.plan.findings

    @property
    def withheld(self) -> tuple[PlanWithheld, ...]:
        """The removals that Kanport does not make because the input does not prove them."""
        return self.plan.withheld or ()

    @property
    def guards(self) -> tuple[GuardVerdict, ...]:
        """The verdicts of the safety checks."""
        return self.plan.guards

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """What became of each change, in the order of the plan."""
        return self.run.outcomes if self.run is not None else ()

    @property
    def tally(self) -> Tally:
        """The outcomes, counted; the figures add up to the number of changes."""
        return Tally.of(len(self.outcomes), self.outcomes)

    @property
    def exit_code(self) -> Exit:
        """The exit code of the command line: 0 only if all that was asked for is done."""
        code = self.plan.exit_code if self.run is None else exit_code_of(self.plan, self.run)
        if code is Exit.OK and (self.needed or not self.remembered):
            return Exit.PARTIAL
        return code

    @property
    def lost_passwords(self) -> tuple[str, ...]:
        """The new users whose random passwords no file keeps."""
        if self.run is None or self.passwords_to:
            return ()
        made = {
            outcome.change_id
            for outcome in self.run.outcomes
            if outcome.status is Status.DONE or outcome.unknown
        }
        return random_passwords(self.plan, {change.id for change in self.plan.changes} - made)


@dataclass(frozen=True, slots=True)
class Verification:
    """The server compared with a plan, change by change.

    `run` is the run whose journal the plan came from, `verified_at` when the server was read (UTC,
    RFC 3339).
    """

    plan: Plan
    verdicts: tuple[VerifyResult, ...]
    verified_at: str
    run: Run | None = None

    @property
    def tally(self) -> Verified:
        """The verdicts, counted."""
        return Verified.of(len(self.plan.changes), self.verdicts)

    @property
    def mismatches(self) -> tuple[VerifyResult, ...]:
        """The changes that the server does not show as planned."""
        return tuple(one for one in self.verdicts if one.standing is not VerifyStatus.MATCH)

    @property
    def exit_code(self) -> Exit:
        """The exit code of the command line: 0 only if everything is as planned."""
        return Exit.OK if self.tally.complete else Exit.PARTIAL


@dataclass(frozen=True, slots=True)
class RunEnded:
    """The run has come to its end, and the ledger is written."""

    result: Result


@dataclass(frozen=True, slots=True)
class RemainingChanges:
    """Both sides were read again, and these changes are still needed."""

    needed: tuple[Change, ...]


Progress: TypeAlias = (
    Started | Ended | SourcesRead | PlanMade | Settled | RunEnded | RemainingChanges | Notice
)
OnProgress: TypeAlias = Callable[[Progress], None]


def exit_code_of(plan: Plan, run: Run) -> Exit:
    """Return the exit code of a run: 0 only if everything asked for is done."""
    return plan.exit_code if run.exit_code is Exit.OK else run.exit_code


def random_passwords(plan: Plan, settled: Collection[str] = ()) -> tuple[str, ...]:
    """Return the usernames that a plan creates with a random password.

    Those whose change is in `settled` (ids) are left out.
    """
    return tuple(
        change.username
        for change in plan.changes
        if change.action is Action.USER_CREATE
        and isinstance(change.new.password, RandomPassword)
        and change.id not in settled
    )


# --- reporting ------------------------------------------------------------------------------------


def ignore(event: Progress) -> None:
    """Do nothing: the callback of whoever does not want to know."""


def never() -> bool:
    """Return False: a run that nobody stops."""
    return False


@dataclass(frozen=True, slots=True)
class Reporter:
    """Passes events on to a callback, and keeps the notices for the result."""

    progress: OnProgress = ignore
    notices: list[Fact] = field(default_factory=list)

    def __call__(self, event: Progress) -> None:
        """Log what was read and planned, and pass an event on."""
        match event:
            case Notice():
                self.notices.append(event.fact)
            case SourcesRead():
                _log_sources(event.inputs)
            case PlanMade():
                _log_plan(event.plan)
        self.progress(event)

    def notice(self, fact: Fact) -> None:
        """Report a fact that a person must know."""
        self(Notice(fact))

    @contextmanager
    def stage(self, stage: Stage, total: int = 0, journal: Path | None = None) -> Iterator[None]:
        """Report that a stage has begun, and that it has ended."""
        self.progress(Started(stage, total, journal))
        try:
            yield
        finally:
            self.progress(Ended(stage))


def reporter_of(progress: OnProgress) -> Reporter:
    """Return the reporter for a callback; a use case inside another one keeps its reporter."""
    return progress if isinstance(progress, Reporter) else Reporter(progress)


def path_of(path: FilePath | None) -> Path | None:
    """Return a path for what names a file."""
    return None if path is None else Path(path)


# --- the log --------------------------------------------------------------------------------------


def _log_sources(inputs: Inputs) -> None:
    """Log the size of the sources."""
    desired = inputs.desired
    log_event(
        logger,
        "sources.read",
        users=len(desired.users),
        memberships=len(desired.memberships),
    )


def _log_plan(plan: Plan) -> None:
    """Log a plan with the safety checks that stop it and its findings."""
    log_event(logger, "plan.made", changes=len(plan.changes), actions=dict(plan.summary))
    for verdict in plan.blocked_by:
        level = logging.ERROR
        log_event(logger, "guard.tripped", verdict.message, level=level, guard=verdict.guard)
    _log_findings(plan.findings)


def _log_findings(findings: Iterable[Finding]) -> None:
    if logger.isEnabledFor(logging.DEBUG):
        for finding in findings:
            log_event(
                logger,
                "finding",
                finding.message,
                level=logging.DEBUG,
                code=finding.code,
                severity=str(finding.severity),
                place=str(finding.origin) if finding.origin else None,
            )
