"""What became of each change of a plan, and the tally that must add up."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from kanport.errors import Exit
from kanport.facts import Fact, fact
from kanport.records import dataclass

STOPPED_BY_SIGNAL = fact("stopped-by-signal")
STOPPED_BY_DEADLINE = fact("stopped-by-deadline")
STOPPED_BY_ERRORS = fact("stopped-by-errors")
CUT_OFF = fact("cut-off")
STILL_RUNNING = fact("still-running")
LEFT = fact("left-to-next-run")
SENT_IN_VAIN = fact("sent-in-vain")
SENT_UNKNOWN = fact("sent-unknown")
NOT_REACHED = fact("not-reached")
NO_REASON = fact("no-reason")

# The exit codes of the reasons to stop; with all others, the server was lost.
_EXITS: Mapping[str, Exit] = {
    "stopped-by-signal": Exit.INTERRUPTED,
    "stopped-by-deadline": Exit.INTERRUPTED,
    "stopped-by-errors": Exit.PARTIAL,
    "journal-broken": Exit.PARTIAL,
    "passwords-broken": Exit.PARTIAL,
}


class EndsRun(Exception):
    """Ends a run before its end; `why` says why."""

    def __init__(self, why: Fact) -> None:
        super().__init__(why.text)
        self.why = why


class Status(StrEnum):
    """What became of one change: reports call `already so` unchanged, `not attempted` not started.

    A change is skipped where one that it depends on failed.
    """

    DONE = "done"
    ALREADY = "already so"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_ATTEMPTED = "not attempted"

    @property
    def word(self) -> str:
        """What reports call it; journals and JSON keep the value."""
        return {"already so": "unchanged", "not attempted": "not started"}.get(self, self.value)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change; `why` says why it was not done.

    `through_group` is the role that remains through a group where a membership could not be ended.
    """

    change_id: str
    status: Status
    why: Fact | None = None
    through_group: str | None = None

    @property
    def reason(self) -> str | None:
        """The wording of `why`."""
        return None if self.why is None else self.why.text

    @property
    def unknown(self) -> bool:
        """Whether the change was sent, and nobody knows what became of it."""
        return self.why is not None and self.why.code == SENT_UNKNOWN.code

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as the journal holds it."""
        parts: dict[str, Any] = {"change": self.change_id, "status": str(self.status)}
        if self.why is not None:
            parts |= {"reason": self.why.text, **self.why.to_dict()}
        if self.through_group is not None:
            parts["through_group"] = self.through_group
        return parts


@dataclass(frozen=True, slots=True)
class Tally:
    """planned = done + unchanged + failed + skipped + not started. It adds up, always.

    `unanswered` is how many of the failed were sent without an answer, so that they may be made.
    """

    planned: int
    done: int = 0
    already: int = 0
    failed: int = 0
    skipped: int = 0
    not_attempted: int = 0
    unanswered: int = 0

    def __post_init__(self) -> None:
        parts = self.done + self.already + self.failed + self.skipped + self.not_attempted
        if self.planned != parts:
            raise AssertionError(f"the tally does not add up: {self}")

    @classmethod
    def of(cls, planned: int, outcomes: Iterable[Outcome]) -> "Tally":
        """Count the outcomes of a plan with so many changes.

        Raises AssertionError where there is not exactly one outcome for each change.
        """
        outcomes = tuple(outcomes)
        counted = Counter(outcome.status for outcome in outcomes)
        return cls(
            planned=planned,
            unanswered=sum(outcome.unknown for outcome in outcomes),
            done=counted[Status.DONE],
            already=counted[Status.ALREADY],
            failed=counted[Status.FAILED],
            skipped=counted[Status.SKIPPED],
            not_attempted=counted[Status.NOT_ATTEMPTED],
        )

    @property
    def failed_words(self) -> str:
        """How many failed, and how many of these may be made all the same."""
        if not self.unanswered:
            return f"{self.failed} failed"
        return f"{self.failed} failed ({self.unanswered} of them sent without an answer)"

    @property
    def complete(self) -> bool:
        """Whether everything planned is now as planned."""
        return self.failed == self.skipped == self.not_attempted == 0

    def to_dict(self) -> dict[str, int]:
        """Return the tally as the journal and the JSON report hold it."""
        return {
            "planned": self.planned,
            "done": self.done,
            "already_so": self.already,
            "failed": self.failed,
            "skipped": self.skipped,
            "not_attempted": self.not_attempted,
        }


class Signature(StrEnum):
    """What is known of the signature of an approval."""

    VALID = "signature valid"
    UNCHECKED = "signature not checked (no key)"
    MISMATCH = "signature does not match"
    NONE = "not signed"
    NOT_KEPT = "signed when the run began; its journal does not keep the signature"


@dataclass(frozen=True, slots=True)
class Approved:
    """Who approved a plan, why, when and until when (UTC, RFC 3339), as their approval says.

    `digest` is that of the approval, `recorded_by` the user and the machine that wrote it. `signed`
    is True where the run saw that it was signed with the key that it was given. `document` is the
    whole approval as JSON, its signature included, by which `signature` was found out; journals of
    earlier versions have none. `others` are the names of those who approved it before.
    """

    by: str
    note: str
    approved_at: str
    expires_at: str
    digest: str
    recorded_by: str = ""
    signed: bool = False
    document: str = ""
    signature: Signature = Signature.NONE
    others: tuple[str, ...] = ()

    @property
    def names(self) -> str:
        """Everybody who approved it, for people."""
        return ", ".join((*self.others, self.by))

    def to_dict(self) -> dict[str, Any]:
        """Return the approval as the JSON report holds it."""
        left_out = {"document"} if self.others else {"document", "others"}
        parts = {name: getattr(self, name) for name in self.__slots__ if name not in left_out}
        parts |= {"others": list(self.others)} if self.others else {}
        return parts | {"signature": str(self.signature)}

    def recorded(self) -> dict[str, Any]:
        """Return the approval as the journal holds it: with its document, and nobody's verdict."""
        parts = self.to_dict()
        del parts["signature"]
        return parts | ({"document": self.document} if self.document else {})


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a plan: its id, when (UTC, RFC 3339), the outcomes in the plan's order.

    `stopped` says why the run did not come to its end, and is None where it did. `user_ids` are the
    ids of new users by the change that made them; a run that is read from a journal has none. `by`
    is the user and the machine that began it, `journal_sha256` the digest of its journal so far,
    `journal_chained` whether each record of that holds the digest of the one before; those of
    earlier versions do not.
    """

    id: str
    started_at: str
    finished_at: str | None
    outcomes: tuple[Outcome, ...]
    stopped: Fact | None = None
    user_ids: Mapping[str, int] = field(default_factory=dict, compare=False)
    group_ids: Mapping[str, int] = field(default_factory=dict, compare=False)
    project_ids: Mapping[str, int] = field(default_factory=dict, compare=False)
    by: str = ""
    approved: Approved | None = None
    journal_sha256: str = field(default="", compare=False)
    journal_chained: bool = field(default=True, compare=False)

    def tally(self) -> Tally:
        """Count the outcomes; there is one for each change of the plan."""
        return Tally.of(len(self.outcomes), self.outcomes)

    @property
    def exit_code(self) -> Exit:
        """The exit code of the run alone: 0 only if it came to its end with all changes in place.

        What the plan left out has an exit code of its own.
        """
        if self.stopped is not None:
            return _EXITS.get(self.stopped.code, Exit.UNREACHABLE)
        return Exit.OK if self.tally().complete else Exit.PARTIAL


class VerifyStatus(StrEnum):
    """Whether the server is as a change wanted it."""

    MATCH = "as planned"
    MISMATCH = "not as planned"

    @property
    def word(self) -> str:
        """What reports call it."""
        return self.value


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """Whether the server is as one change wanted it; `actual` says what is there if not."""

    change_id: str
    standing: VerifyStatus
    actual: Fact | None = None

    @property
    def instead(self) -> str | None:
        """The wording of `actual`."""
        return None if self.actual is None else self.actual.text


@dataclass(frozen=True, slots=True)
class Verified:
    """planned = as planned + not as planned. It adds up, always."""

    planned: int
    matching: int = 0
    mismatching: int = 0

    def __post_init__(self) -> None:
        if self.planned != self.matching + self.mismatching:
            raise AssertionError(f"the verdicts do not add up: {self}")

    @classmethod
    def of(cls, planned: int, verdicts: Iterable[VerifyResult]) -> "Verified":
        """Count the verdicts on a plan with so many changes, one for each."""
        counted = Counter(verdict.standing for verdict in verdicts)
        return cls(
            planned,
            matching=counted[VerifyStatus.MATCH],
            mismatching=counted[VerifyStatus.MISMATCH],
        )

    @property
    def complete(self) -> bool:
        """Whether everything is as planned."""
        return not self.mismatching

    def to_dict(self) -> dict[str, int]:
        """Return the counts as the JSON report holds them."""
        return {
            "planned": self.planned,
            "as_planned": self.matching,
            "not_as_planned": self.mismatching,
        }
