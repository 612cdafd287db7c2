"""The journal: the append-only record of a run, on disk before and after each batch.

One JSON object a line, `kanport-journal/1`. The first holds the whole plan, so that a journal alone
is enough to report on a run. No line holds a secret: calls are named by the change that they carry
out, and answers are told as `true`, `false`, an id or the kind of failure.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kanport.errors import UsageError
from kanport.kanboard.rpc import Answer, NoAnswer, Refused
from kanport.outcome import Outcome, Run, Status, Tally
from kanport.plan.model import Plan
from kanport.plan.plan_file import plan_digest

FORMAT = "kanport-journal/1"


class Journal:
    """Writes the record of one run; every record is on disk when its call returns.

    `now` gives the time as text (RFC 3339, UTC). An existing file is refused with UsageError: it
    is the only record of an earlier run.
    """

    def __init__(self, path: Path, *, now: Callable[[], str]) -> None:
        self.path = path
        self._now = now
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except FileExistsError:
            raise UsageError(
                f"{path} exists already: it is the journal of an earlier run",
                hint="name another file with --journal, or move that one away",
            ) from None
        except OSError as problem:
            raise UsageError(
                f"the journal {path} cannot be written: {problem.strerror}",
                hint="name another file with --journal",
            ) from problem
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def begin(self, run_id: str, plan: Plan, *, version: str) -> str:
        """Record that a run of this plan begins, and give the time that was recorded."""
        return self._write(
            "run",
            format=FORMAT,
            run=run_id,
            kanport=version,
            plan=plan.model_dump(mode="json", exclude_none=True),
        )

    def sent(self, batch: int, procedure: str, changes: Sequence[str]) -> None:
        """Record that a batch is about to be sent."""
        self._write("sent", batch=batch, procedure=procedure, changes=list(changes))

    def answered(self, batch: int, answers: Iterable[Answer]) -> None:
        """Record what the server said, call by call."""
        self._write("answered", batch=batch, answers=[told(answer) for answer in answers])

    def outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Record what became of changes, as reading back showed it."""
        at = self._now()
        self._append(_line("outcome", at, **outcome.to_dict()) for outcome in outcomes)

    def end(self, tally: Tally, *, stopped: str | None) -> str:
        """Record the tally and, where the run did not come to its end, why."""
        parts: dict[str, Any] = {"tally": tally.to_dict()}
        if stopped is not None:
            parts["stopped"] = stopped
        return self._write("end", **parts)

    def _write(self, record: str, **parts: Any) -> str:
        at = self._now()
        self._append([_line(record, at, **parts)])
        return at

    def _append(self, lines: Iterable[str]) -> None:
        self._file.writelines(lines)
        self._file.flush()
        os.fsync(self._file.fileno())


def _line(record: str, at: str, **parts: Any) -> str:
    return json.dumps({"record": record, "at": at, **parts}, ensure_ascii=False) + "\n"


def told(answer: Answer) -> str:
    """Tell an answer in a form that holds no secret.

    >>> told(NoAnswer("PHP: memory exhausted"))
    'none: PHP: memory exhausted'
    """
    if isinstance(answer, NoAnswer):
        return f"none: {answer.why}"
    if isinstance(answer, Refused):
        return f"error {answer.code}"
    if isinstance(answer.value, bool):
        return "true" if answer.value else "false"
    return f"id {answer.value}" if isinstance(answer.value, int) else "another kind of answer"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a journal says: the plan, the run so far, and whether it came to its end.

    `answers` has, for each change that was sent, what the server said each time, as `told` tells
    it; "" where no answer was written down.
    """

    plan: Plan
    run: Run
    ended: bool
    answers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def load_journal(path: Path) -> Recorded:
    """Read a journal back.

    A torn last line, as a crash leaves it, is passed over. Changes without an outcome are *not
    attempted*. Raises UsageError where the file is no journal.
    """
    records = _records(path)
    first = records[0] if records else {}
    if first.get("format") != FORMAT:
        raise UsageError(f"{path} is not a journal of Kanport", hint=f"expected {FORMAT}")
    try:
        plan = Plan.model_validate(first["plan"])
        told_so_far = {
            record["change"]: Outcome(
                record["change"], Status(record["status"]), record.get("reason")
            )
            for record in records
            if record.get("record") == "outcome"
        }
        answers = _answers(records)
    except (KeyError, ValueError) as problem:
        raise UsageError(f"{path} is damaged: its records cannot be read") from problem
    if plan_digest(plan) != plan.digest:
        raise UsageError(f"{path} was changed: the plan in it does not have its digest")
    ends = [record for record in records if record.get("record") == "end"]
    stopped = ends[-1].get("stopped") if ends else "the run was cut off"
    run = Run(
        id=first["run"],
        started_at=first["at"],
        finished_at=ends[-1]["at"] if ends else None,
        outcomes=tuple(
            told_so_far.get(change.id, Outcome(change.id, Status.NOT_ATTEMPTED, stopped))
            for change in plan.changes
        ),
        stopped=stopped,
    )
    return Recorded(plan=plan, run=run, ended=bool(ends), answers=answers)


def _answers(records: Iterable[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    said: dict[str, list[str]] = {}
    in_flight: dict[int, list[str]] = {}
    for record in records:
        if record.get("record") == "sent":
            in_flight[record["batch"]] = record["changes"]
            for change in record["changes"]:
                said.setdefault(change, []).append("")
        elif record.get("record") == "answered":
            changes = in_flight.pop(record["batch"], [])
            for change, answer in zip(changes, record["answers"], strict=False):
                said[change][-1] = answer
    return {change: tuple(answers) for change, answers in said.items()}


def _records(path: Path) -> list[dict[str, Any]]:
    try:
        text = path.read_bytes().decode("utf-8", errors="replace")
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}") from problem
    # Not splitlines(): a name may hold U+2028, which is no end of a record.
    lines = text.removesuffix("\n").split("\n")
    records: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError:
            if number == len(lines) and records:
                break
            raise UsageError(f"{path}:{number} is not a record of a journal") from None
        if not isinstance(record, dict):
            raise UsageError(f"{path}:{number} is not a record of a journal")
        records.append(record)
    return records
