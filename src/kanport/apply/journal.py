"""The journal: the append-only record of a run, on disk before and after each batch.

One JSON object a line, `kanport-journal/1`. The first holds the whole plan, so that a journal alone
is enough to report on a run. Each holds the digest of the line before, so that a record that is
changed, left out or put in shows; journals of earlier versions have no such chain. No line holds a
secret: calls are named by the change that they carry out, and answers are written as `true`,
`false`, an id or the kind of failure.
"""

import itertools
import json
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from pathlib import Path
from typing import Any, Self

from kanport.apply.old_journals import upgraded
from kanport.approval import with_signature
from kanport.errors import LockHeld, UsageError
from kanport.facts import Fact, as_written, fact
from kanport.files import ArtifactKind, cannot_read, kind_of, made_for, open_regular
from kanport.kanboard.rpc import Answer, CallResult, NoAnswer, RefusedCall
from kanport.lock import is_locked, lock_file
from kanport.outcome import (
    CUT_OFF,
    SENT_UNKNOWN,
    STILL_RUNNING,
    Approved,
    EndsRun,
    Outcome,
    Run,
    Status,
    Tally,
)
from kanport.plan.model import Plan
from kanport.plan.plan_file import plan_digest
from kanport.records import dataclass

FORMAT = "kanport-journal/1"
# The journal of a million changes has about this size; what is larger is none, or never ends.
MAX_BYTES = 1024 * 1024 * 1024
_KEPT_COPY = "take an unchanged copy of it; this one proves nothing"
# Bytes that are read at a time from the end of a journal.
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Terms:
    """What a run was begun under, and what therefore holds when it is resumed.

    `approval` is the file of the approval that it needs, None where it needs none. `passwords_to`
    is the file that keeps the random passwords of new users; None where none does.
    """

    approval: Path | None = None
    passwords_to: Path | None = None

    def to_dict(self) -> dict[str, str]:
        """Return the terms as records of a journal hold them."""
        named = {"approval": self.approval, "passwords_to": self.passwords_to}
        return {name: str(path.absolute()) for name, path in named.items() if path is not None}


class Journal:
    """Writes the record of one run: what is sent is on disk before it is sent.

    Every record is with the system when its call returns, so that it outlives this process. Only
    `sent` and `end` wait for the disk, and what came before is on it then too: a machine that loses
    its power forgets at most answers and outcomes, and what was sent is looked at when the run is
    resumed. Threads that wait for the disk at the same time share one wait.

    `now` gives the time as text (RFC 3339, UTC). A new run makes the file: one that exists is
    refused with UsageError, as it is the only record of an earlier run. With `resume` the file is
    gone on with. While it is open, no other process can write to it: LockHeld is raised there.
    Safe to use from several threads. `by` is the user and the machine that run it, `approved` the
    approval that a new run was given, `terms` what it is run under.
    """

    def __init__(
        self,
        path: Path,
        *,
        now: Callable[[], str],
        resume: bool = False,
        by: str = "",
        approved: Approved | None = None,
        terms: Terms | None = None,
    ) -> None:
        self.path = path
        self._now = now
        self._by = {"by": by} if by else {}
        self._approved = {} if approved is None else {"approved": approved.recorded()}
        self._terms = {} if terms is None else terms.to_dict()
        self._lock = threading.Lock()
        self._disk = threading.Lock()
        self._written = self._synced = 0
        self._resumed = resume
        self._previous = ""
        self._broken: Fact | None = None
        flags = os.O_RDWR | os.O_APPEND | (0 if resume else os.O_CREAT | os.O_EXCL)
        try:
            descriptor = os.open(path, flags, 0o600)
        except FileExistsError:
            raise UsageError(
                f"{path} exists already: it is the journal of an earlier run",
                hint="name another file with --journal, or move that one away; kanport resume"
                " finishes a run that was cut off",
            ) from None
        except OSError as problem:
            raise UsageError(
                f"the journal {path} cannot be written: {problem.strerror}",
                hint="name another file with --journal",
            ) from problem
        self._file = os.fdopen(descriptor, "ab")
        try:
            lock_file(descriptor)
        except OSError:
            self._file.close()
            raise LockHeld(
                f"another run is writing the journal {path}",
                hint="wait until it has ended",
            ) from None
        if resume:
            self._previous = _last_digest(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._file.close()
        except OSError:
            # What it could not take before was reported already.
            if self._broken is None:
                raise
        finally:
            if not self._written and not self._resumed:
                # Nothing was sent, so the file is the record of nothing, and only in the way.
                self.path.unlink(missing_ok=True)

    def begin(self, run_id: str, plan: Plan, *, version: str) -> str:
        """Record that a run of this plan begins, and return the time that was recorded."""
        at = self._now()
        parts = {"format": FORMAT, "run": run_id, "kanport": version, **self._by, **self._approved}
        parts |= self._terms
        # By way of Python's objects the plan takes four times as long, at the start of every run.
        body = plan.model_dump_json(exclude_none=True)
        self._append([f'{_opening("run", at, **parts)}, "plan": {body}'])
        return at

    def resume(self) -> None:
        """Record that the run is gone on with."""
        self._write("resumed", **self._by, **self._approved, **self._terms)

    def sent(self, batch: int, procedure: str, changes: Sequence[str]) -> None:
        """Record that a batch is about to be sent."""
        self._write("sent", batch=batch, procedure=procedure, changes=list(changes))
        self._sync()

    def answered(self, batch: int, answers: Iterable[Answer]) -> None:
        """Record what the server said, call by call."""
        said = list(answers)
        if all(type(one) is CallResult and one.value is True for one in said):
            # This is how nearly every batch of updates and grants ends.
            kept: dict[str, list[Any]] = {
                "answers": ["true"] * len(said),
                "results": [True] * len(said),
            }
        else:
            kept = {"answers": list(map(answer_text, said)), "results": list(map(_kept, said))}
        self._write("answered", batch=batch, **kept)

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Record what became of changes, as reading back showed it."""
        # The parts that all of them share are written once: a large plan has many.
        opening = _opening("outcome", self._now())
        self._append([f"{opening}, {_outcome_parts(one)}" for one in outcomes])

    def end(self, tally: Tally, *, stopped: Fact | None) -> str:
        """Record the tally and, where the run did not come to its end, why.

        Changes of which nobody can tell what became of them have no record of an outcome, so that
        they are looked at again when the run is resumed.
        """
        parts: dict[str, Any] = {"tally": tally.to_dict()}
        if stopped is not None:
            parts |= {"stopped": stopped.text, **stopped.to_dict()}
        at = self._write("end", **parts)
        self._sync()
        return at

    def _write(self, record: str, **parts: Any) -> str:
        at = self._now()
        self._append([_opening(record, at, **parts)])
        return at

    def _append(self, openings: Sequence[str]) -> None:
        """Write records, each of which ends with the digest of the line before."""
        with self._lock:
            lines = []
            previous = self._previous
            for opening in openings:
                line = f'{opening}, "previous": "{previous}"}}'.encode()
                previous = sha256(line).hexdigest()
                lines.append(line)
            self._previous = previous
            lines.append(b"")
            self._try(lambda: self._file.write(b"\n".join(lines)))
            self._try(self._file.flush)
            self._written += 1

    def _sync(self) -> None:
        """Wait until all that was written so far is on disk."""
        with self._lock:
            mine = self._written
        with self._disk:
            if self._synced >= mine:
                return
            with self._lock:
                reached = self._written
            self._try(lambda: _to_disk(self._file.fileno()))
            self._synced = reached

    def _try(self, work: Callable[[], object]) -> None:
        # Once only: a system may call the next fsync a success though records are lost.
        if self._broken is None:
            try:
                work()
                return
            except OSError as problem:
                error = problem.strerror or "the disk failed"
                self._broken = fact("journal-broken", path=str(self.path), error=error)
        raise JournalBroken(self._broken)


def _to_disk(descriptor: int) -> None:
    # It writes the content and the size, and spares the disk the time of the change (POSIX); macOS
    # does not have it.
    getattr(os, "fdatasync", os.fsync)(descriptor)


class JournalBroken(EndsRun):
    """The disk does not take the journal any more, so nothing more may be sent."""


def _last_digest(descriptor: int) -> str:
    """Cut off what a crash left of a last line, which is no record; return the digest of the last.

    Only the end of the file is read, as far as its last record reaches.
    """
    size = os.fstat(descriptor).st_size
    tail, at = b"", size
    while at and tail.count(b"\n") < 2:
        at = max(0, at - _CHUNK)
        tail = os.pread(descriptor, min(_CHUNK, size - at), at) + tail
    whole = tail[: tail.rfind(b"\n") + 1]
    os.ftruncate(descriptor, size - len(tail) + len(whole))
    last = whole.removesuffix(b"\n").rpartition(b"\n")[2]
    return _digest_of(last) if whole else ""


def _digest_of(line: bytes) -> str:
    return sha256(line).hexdigest()


_to_json = json.JSONEncoder(ensure_ascii=False).encode


def _opening(record: str, at: str, **parts: Any) -> str:
    """Return a record up to what every record ends with."""
    return _to_json({"record": record, "at": at, **parts})[:-1]


def _outcome_parts(outcome: Outcome) -> str:
    if outcome.why is not None or outcome.through_group is not None:
        return _to_json(outcome.to_dict())[1:-1]
    return f'"change": {quoted(outcome.change_id)}, "status": {_STATUS_JSON[outcome.status]}'


_STATUS_JSON = {status: _to_json(str(status)) for status in Status}


def answer_text(answer: Answer) -> str:
    """Word an answer for people who read a journal, in a form that holds no secret.

    >>> answer_text(NoAnswer(fact("connection-ended")))
    'none: the connection ended before the answer was complete'
    """
    if isinstance(answer, CallResult) and answer.value is True:
        return "true"
    if isinstance(answer, NoAnswer):
        return f"{'none' if answer.sent else 'never sent'}: {answer.why}"
    if isinstance(answer, RefusedCall):
        return f"error {answer.code}"
    if isinstance(answer.value, bool):
        return "true" if answer.value else "false"
    return f"id {answer.value}" if isinstance(answer.value, int) else "another kind of answer"


def _kept(answer: Answer) -> Any:
    """Return what a record holds of an answer."""
    if isinstance(answer, CallResult) and isinstance(answer.value, bool | int):
        return answer.value
    return Answered.of(answer).to_json()


class Heard(StrEnum):
    """What kind of answer a call had."""

    TRUE = "true"
    FALSE = "false"
    ID = "id"
    OTHER = "other"
    REFUSED = "refused"
    LOST = "lost"  # it was sent, and there is no answer, or none is on record
    NEVER_SENT = "never-sent"  # it cannot have reached the server


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server said to a call, as a journal keeps it: nothing of a value but an id.

    `number` is an id, or the code of an error; `why` says why there is no answer, or why the call
    was refused, where that is on record.
    """

    kind: Heard
    number: int | None = None
    why: Fact | None = None

    @classmethod
    def of(cls, answer: Answer) -> Self:
        """Return what is kept of an answer."""
        match answer:
            case NoAnswer():
                kind = Heard.LOST if answer.sent else Heard.NEVER_SENT
                return cls(kind, why=answer.reason)
            case RefusedCall():
                return cls(Heard.REFUSED, answer.code, answer.reason)
            case CallResult(value=bool(value)):
                return cls(Heard.TRUE if value else Heard.FALSE)
            case CallResult(value=int(value)):
                return cls(Heard.ID, value)
            case _:
                return cls(Heard.OTHER)

    def to_json(self) -> Any:
        """Return it as a record holds it."""
        why = {} if self.why is None else self.why.to_dict()
        match self.kind:
            case Heard.TRUE | Heard.FALSE:
                return self.kind is Heard.TRUE
            case Heard.ID:
                return self.number
            case Heard.REFUSED:
                return {"error": self.number, **why}
            case Heard.LOST | Heard.NEVER_SENT:
                return {"sent": self.kind is Heard.LOST, **why}
            case Heard.OTHER:
                return None

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read back what `to_json` gave; raise ValueError for what it cannot have given."""
        match value:
            case None:
                return cls(Heard.OTHER)
            case bool():
                return cls(Heard.TRUE if value else Heard.FALSE)
            case int():
                return cls(Heard.ID, value)
            case {"error": int(number)}:
                return cls(Heard.REFUSED, number, _fact_in(value))
            case {"sent": bool(sent)}:
                return cls(Heard.LOST if sent else Heard.NEVER_SENT, why=_fact_in(value))
        raise ValueError(f"no answer is kept as {value!r}")


NOT_ON_RECORD = Answered(Heard.LOST)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a journal says: the plan, the run so far, and whether it came to its end.

    `running` is True where a process writes it right now.

    `settled` are the outcomes that were recorded, by change id; `sent` the ids of changes that were
    sent and have none, so that nobody knows what became of them. `answers` has, for each change
    that was sent, what the server said each time. `terms` are those of the whole run.
    """

    plan: Plan
    run: Run
    ended: bool
    settled: Mapping[str, Outcome] = field(default_factory=dict)
    sent: frozenset[str] = frozenset()
    answers: Mapping[str, tuple[Answered, ...]] = field(default_factory=dict)
    terms: Terms = Terms()
    running: bool = False

    @property
    def finished(self) -> bool:
        """Whether nothing is left to resume: it came to its end, and every change has an outcome.

        Such a journal must stay as it is, byte for byte: the reports of the run name its digest.
        """
        reached = self.ended and self.run.stopped is None
        return reached and all(change.id in self.settled for change in self.plan.changes)


def load_journal(path: Path) -> Recorded:
    """Read a journal back.

    A torn last line, as a crash leaves it, is passed over. Changes without an outcome are *not
    attempted*, and *failed* where they were sent: nobody knows what became of them. While a process
    writes the journal, they are all *not started*: their outcome is to come. The signature
    of an approval is not checked here, for want of a key. Raises UsageError where the file is no
    journal, or was changed since: where a record does not hold the digest of the one before, or the
    end does not count what stands before it.
    """
    records, chained, digest = _records(path)
    if not records:
        raise UsageError(
            f"the journal {path} is empty", hint="nothing of a run is recorded; make a new plan"
        )
    first = records[0]
    if first.get("format") != FORMAT:
        raise UsageError(f"{path} is not a journal of Kanport", hint=f"expected {FORMAT}")
    try:
        plan = Plan.model_validate(first["plan"])
        settled = {
            record["change"]: Outcome(
                record["change"],
                Status(record["status"]),
                _fact_in(record, "reason"),
                record.get("through_group"),
            )
            for record in records
            if record.get("record") == "outcome"
        }
        answers = _answers(records)
        approved = None
        if "approved" in first:
            others = tuple(first["approved"].get("others", ()))
            approved = Approved(**first["approved"] | {"others": others})
            approved = with_signature(approved, plan, None)
        terms = _terms(records)
        run_id = first["run"]
    except (KeyError, TypeError, ValueError) as problem:
        raise UsageError(f"{path} is damaged: its records cannot be read") from problem
    if plan_digest(plan) != plan.digest:
        raise UsageError(f"{path} was changed: the plan in it does not have its digest")
    last = records[-1]
    ended = last.get("record") == "end"
    running = not ended and _is_written(path)
    stopped = _fact_in(last, "stopped") if ended else STILL_RUNNING if running else CUT_OFF
    sent = frozenset(
        change
        for change, each in answers.items()
        if change not in settled and any(one.kind is not Heard.NEVER_SENT for one in each)
    )
    run = Run(
        id=run_id,
        started_at=first["at"],
        finished_at=last["at"] if ended else None,
        outcomes=tuple(
            settled.get(change.id) or _unsettled(change.id, () if running else sent, stopped)
            for change in plan.changes
        ),
        stopped=stopped,
        by=first.get("by", ""),
        approved=approved,
        journal_sha256=digest,
        journal_chained=chained,
    )
    if ended and last.get("tally") != run.tally().to_dict():
        raise UsageError(
            f"{path} was changed after it was written: its end does not count what it holds",
            hint=_KEPT_COPY,
        )
    return Recorded(plan, run, ended, settled, sent, answers, terms, running)


def _is_written(path: Path) -> bool:
    """Return whether a process holds the lock of a journal, as one that writes it does."""
    try:
        with open_regular(path) as file:
            return is_locked(file.fileno())
    except OSError:
        return False


def _terms(records: Iterable[Mapping[str, Any]]) -> Terms:
    named: dict[str, Path] = {}
    for record in records:
        if record.get("record") in ("run", "resumed"):
            named |= {
                key: Path(record[key]) for key in ("approval", "passwords_to") if key in record
            }
    return Terms(**named)


def _fact_in(record: Mapping[str, Any], name: str = "code") -> Fact | None:
    """Return the fact of a record; None where the part `name` says that it has none.

    What this version has no words for stays as it was written.
    """
    if name not in record:
        return None
    try:
        known = Fact.from_dict(record)
        # Another version may know other parameters.
        str(known)
    except KeyError:
        return as_written(record.get(name, ""))
    return known


def _answers(records: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Answered, ...]]:
    said: dict[str, list[Answered]] = {}
    in_flight: dict[int, list[str]] = {}
    for record in records:
        if record.get("record") == "sent":
            in_flight[record["batch"]] = record["changes"]
            for change in record["changes"]:
                said.setdefault(change, []).append(NOT_ON_RECORD)
        elif record.get("record") == "answered":
            changes = in_flight.pop(record["batch"], [])
            for change, answer in zip(changes, record["results"], strict=False):
                said[change][-1] = Answered.from_json(answer)
    return {change: tuple(answers) for change, answers in said.items()}


def _unsettled(change_id: str, sent: Collection[str], stopped: Fact | None) -> Outcome:
    if change_id in sent:
        return Outcome(change_id, Status.FAILED, SENT_UNKNOWN)
    return Outcome(change_id, Status.NOT_ATTEMPTED, stopped)


def journal_digest(path: Path) -> str:
    """Return the SHA-256 of a journal as it is now; it changes where a run is gone on with."""
    whole = sha256()
    left = MAX_BYTES
    try:
        with open_regular(path) as file:
            while part := file.read(_CHUNK):
                left -= len(part)
                if left < 0:
                    raise _too_large(path)
                whole.update(part)
    except OSError as problem:
        raise UsageError(cannot_read(path, problem, "journal")) from problem
    return whole.hexdigest()


def _too_large(path: Path) -> UsageError:
    return UsageError(f"{path} is not a journal: it has more than {MAX_BYTES:,} bytes")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the numbered lines of a journal with their ends, no more of it than any journal has."""
    left = MAX_BYTES
    try:
        with open_regular(path) as file:
            for number in itertools.count(1):
                line = file.readline(left + 1)
                if not line:
                    return
                left -= len(line)
                if left < 0:
                    raise _too_large(path)
                yield number, line
    except OSError as problem:
        raise UsageError(cannot_read(path, problem, "journal")) from problem


def _not_a_journal(path: Path, *, cut_off: bool) -> UsageError:
    if kind_of(path) is ArtifactKind.JOURNAL:
        how = "cut off" if cut_off else "damaged"
        return UsageError(
            f"{path} is {how} in its first record, so it cannot be read",
            hint="Kanport writes this record before it sends anything: use a complete copy of the"
            " journal, or make a new plan",
        )
    hint = made_for(path) or "name the .jsonl file that kanport apply or kanport sync wrote"
    return UsageError(f"{path} is not a journal", hint=hint)


def _records(path: Path) -> tuple[list[Mapping[str, Any]], bool, str]:
    """Return the records of a journal, whether all of them are chained, and the digest of it."""
    records: list[Mapping[str, Any]] = []
    whole = sha256()
    chained, previous = None, ""
    for number, line in _lines(path):
        whole.update(line)
        if not line.endswith(b"\n"):
            if not records:
                raise _not_a_journal(path, cut_off=True)
            break  # torn by a crash
        line = line.removesuffix(b"\n")
        try:
            record = json.loads(line.decode("utf-8", errors="replace"))
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            if not records:
                raise _not_a_journal(path, cut_off=False)
            raise UsageError(f"{path}:{number} is not a record of a journal")
        if not _has_its_form(record):
            raise UsageError(f"{path}:{number} is damaged: this record cannot be read")
        if (said := record.get("previous")) is None:
            if chained:
                raise _broken_chain(path, number)
        elif said != previous:
            raise _broken_chain(path, number)
        else:
            chained = chained is not False
        chained = chained or False
        previous = _digest_of(line)
        records.append(upgraded(record))
    return records, bool(chained), whole.hexdigest()


# What the parts of a record are, whichever record has them; some are those of an approval.
_TEXTS = frozenset(
    {"record", "at", "format", "run", "by", "change", "status", "reason", "through_group"}
    | {"stopped", "approval", "passwords_to", "note", "approved_at", "expires_at", "digest"}
    | {"recorded_by", "document", "code", "case"}
)
_LISTS = frozenset({"changes", "answers", "others"})


def _has_its_form(record: Mapping[str, Any]) -> bool:
    """Return whether each part of a record has the type that Kanport writes it with."""
    if "record" in record and "at" not in record:
        return False
    for name, value in record.items():
        if name in _TEXTS:
            right = isinstance(value, str)
        elif name in _LISTS:
            right = isinstance(value, list) and all(isinstance(item, str) for item in value)
        elif name == "batch":
            right = isinstance(value, int)
        elif name == "params":
            right = isinstance(value, dict)
        elif name == "results":
            right = isinstance(value, list)
        elif name == "approved":
            right = isinstance(value, dict) and _has_its_form(value)
        elif name == "signed":
            right = isinstance(value, bool)
        else:
            continue
        if not right:
            return False
    return True


def _broken_chain(path: Path, number: int) -> UsageError:
    return UsageError(
        f"{path} was changed after it was written: record {number} does not follow from record"
        f" {number - 1}",
        hint=_KEPT_COPY,
    )
