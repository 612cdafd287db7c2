"""The journal holds what happened, line by line, and can be read back after any crash."""

import hashlib
import json
import os
import re
import threading
from pathlib import Path

import pytest

from kanport.apply import journal
from kanport.apply.journal import (
    NOT_ON_RECORD,
    Answered,
    Heard,
    Journal,
    JournalBroken,
    load_journal,
)
from kanport.errors import LockHeld, UsageError
from kanport.facts import as_written, fact
from kanport.kanboard.rpc import CallResult, NoAnswer, RefusedCall
from kanport.outcome import CUT_OFF, SENT_UNKNOWN, STILL_RUNNING, Outcome, Status, Tally
from tests.support.changes import grant, new_user, plan_of

PLAN = plan_of(new_user(1, "ada"), new_user(2, "bo\u2028b"), grant(3, "ada", 1))


def now() -> str:
    return "2026-01-01T00:00:00Z"


def write(path: Path, *outcomes: Outcome, end: bool = True) -> None:
    with Journal(path, now=now) as journal:
        journal.begin("run-1", PLAN, version="0")
        journal.sent(1, "createUser", ["c0001", "c0002"])
        journal.answered(1, [CallResult(7), NoAnswer(fact("connection-ended"))])
        journal.outcomes(outcomes)
        if end:
            tally = Tally(planned=3, done=len(outcomes), not_attempted=3 - len(outcomes))
            journal.end(tally, stopped=None)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    outcomes = [Outcome(change.id, Status.DONE) for change in PLAN.changes]
    write(path, *outcomes)
    recorded = load_journal(path)
    assert recorded.plan == PLAN
    assert recorded.run.outcomes == tuple(outcomes)
    assert recorded.ended
    assert recorded.run.stopped is None


def test_a_journal_tells_what_was_sent_and_what_the_server_said_each_time(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, now=now) as journal:
        journal.begin("run-1", PLAN, version="0")
        journal.sent(1, "createUser", ["c0001", "c0002"])
        journal.answered(1, [CallResult(7), NoAnswer(fact("connection-ended"))])
        journal.sent(2, "createUser", ["c0002"])
    answers = load_journal(path).answers
    lost = Answered(Heard.LOST, why=fact("connection-ended"))
    assert answers == {"c0001": (Answered(Heard.ID, 7),), "c0002": (lost, NOT_ON_RECORD)}


def test_of_a_run_that_was_cut_off_what_was_sent_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path, Outcome("c0001", Status.DONE), end=False)
    recorded = load_journal(path)
    assert not recorded.ended
    assert [(outcome.status, outcome.why) for outcome in recorded.run.outcomes] == [
        (Status.DONE, None),
        (Status.FAILED, SENT_UNKNOWN),
        (Status.NOT_ATTEMPTED, CUT_OFF),
    ]
    assert recorded.sent == {"c0002"}
    assert recorded.run.tally().planned == 3


def test_of_a_run_that_is_still_running_nothing_is_called_failed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path, Outcome("c0001", Status.DONE), end=False)
    assert (
        load_journal(path).run.tally().failed_words == "1 failed (1 of them sent without an answer)"
    )
    with Journal(path, now=now, resume=True):
        recorded = load_journal(path)
    assert recorded.running and recorded.sent == {"c0002"}
    assert recorded.run.stopped == STILL_RUNNING
    assert [outcome.status for outcome in recorded.run.outcomes] == [
        Status.DONE,
        Status.NOT_ATTEMPTED,
        Status.NOT_ATTEMPTED,
    ]
    assert not load_journal(path).running


def test_what_never_left_was_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, now=now) as journal:
        journal.begin("run-1", PLAN, version="0")
        journal.sent(1, "createUser", ["c0001", "c0002"])
        journal.answered(1, [NoAnswer(fact("no-connection", place="host"), sent=False)] * 2)
    assert load_journal(path).sent == frozenset()


def test_nobody_else_can_write_to_it_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, now=now), pytest.raises(LockHeld, match="another run"):
        Journal(path, now=now, resume=True)


def test_it_is_gone_on_with_behind_the_last_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path, Outcome("c0001", Status.DONE), end=False)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"record": "outc')
    with Journal(path, now=now, resume=True) as journal:
        journal.resume()
        journal.outcomes([Outcome("c0002", Status.DONE)])
    assert path.read_bytes().startswith(whole)
    assert [outcome.status for outcome in load_journal(path).run.outcomes[:2]] == [Status.DONE] * 2


def test_a_torn_last_line_is_passed_over_wherever_it_is_torn(tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    write(whole, Outcome("c0001", Status.FAILED, as_written("refused: Jürgen")), end=False)
    data = whole.read_bytes()
    last = data.rstrip(b"\n").rfind(b"\n") + 1
    for cut in range(last, len(data)):
        torn = tmp_path / "torn.jsonl"
        torn.write_bytes(data[:cut])
        assert len(load_journal(torn).run.outcomes) == 3


def test_a_torn_line_in_the_middle_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path)
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[1] = lines[1][:10]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(UsageError, match=r"run\.jsonl:2"):
        load_journal(path)


def test_a_journal_whose_plan_was_changed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path)
    text = path.read_text(encoding="utf-8").replace('"ada"', '"eve"', 1)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="was changed"):
        load_journal(path)


@pytest.mark.parametrize(
    "text", ["", "not json\n", "[]\n", '{"format": "kanport-plan/1"}\n', "[" * 100_000]
)
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError):
        load_journal(path)


@pytest.mark.parametrize(
    ("record", "name", "value"),
    [
        (0, "at", 5),
        (0, "at", None),
        (0, "run", 5),
        (0, "run", None),
        (0, "by", ["ada"]),
        (0, "passwords_to", 5),
        (0, "approved", {"by": 5}),
        (1, "batch", [1]),
        (1, "changes", None),
        (1, "changes", [5]),
        (2, "answers", [1, None]),
        (3, "change", 5),
        (3, "status", ["done"]),
        (3, "reason", 5),
        (3, "through_group", {}),
        (-1, "at", 5),
        (-1, "stopped", 5),
    ],
)
def test_a_record_whose_parts_are_of_another_kind_is_refused(
    tmp_path: Path, record: int, name: str, value: object
) -> None:
    path = tmp_path / "run.jsonl"
    write(path, *(Outcome(change.id, Status.DONE) for change in PLAN.changes))
    records = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    for part in records:
        # As of an earlier version, so that the chain does not tell it first.
        del part["previous"]
    if value is None and name != "changes":
        del records[record][name]
    else:
        records[record][name] = value
    path.write_text("".join(json.dumps(part) + "\n" for part in records), "utf-8")
    with pytest.raises(UsageError):
        load_journal(path)


def test_a_journal_may_have_so_many_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.jsonl"
    write(path, Outcome("c0001", Status.DONE), Outcome("c0002", Status.DONE))
    size = path.stat().st_size
    monkeypatch.setattr(journal, "MAX_BYTES", size)
    assert load_journal(path).ended
    monkeypatch.setattr(journal, "MAX_BYTES", size - 1)
    with pytest.raises(UsageError, match="bytes"):
        load_journal(path)


def test_the_journal_of_an_earlier_run_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        Journal(path, now=now)
    assert path.read_bytes() == before


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path)
    assert path.stat().st_mode & 0o077 == 0


def test_an_error_of_the_server_is_told_by_its_code_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, now=now) as journal:
        journal.answered(1, [RefusedCall(0, fact("sql-error", state="23502", number=0))])
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["answers"] == ["error 0"]


def test_a_record_is_on_disk_before_the_call_returns(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, now=now) as journal:
        journal.begin("run-1", PLAN, version="0")
        journal.sent(1, "createUser", ["c0001"])
        lines = path.read_text(encoding="utf-8").splitlines()
        assert json.loads(lines[-1])["record"] == "sent"


def test_what_is_to_be_sent_and_all_before_it_is_on_disk_before_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl"
    on_disk: list[int] = []

    def fsync(descriptor: int) -> None:
        on_disk.append(path.read_bytes().count(b"\n"))

    monkeypatch.setattr(os, "fdatasync", fsync)
    with Journal(path, now=now) as journal:
        journal.begin("run-1", PLAN, version="0")
        journal.sent(1, "createUser", ["c0001"])
        assert on_disk == [2]
        journal.answered(1, [CallResult(7)])
        journal.outcomes([Outcome("c0001", Status.DONE)])
        journal.sent(2, "createUser", ["c0002"])
        assert on_disk == [2, 5]
        journal.end(Tally(planned=1, done=1), stopped=None)
        assert on_disk == [2, 5, 6]


def test_threads_that_wait_for_the_disk_at_the_same_time_share_one_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []
    slow = threading.Event()

    def fsync(descriptor: int) -> None:
        waits.append(descriptor)
        slow.wait(5)

    monkeypatch.setattr(os, "fdatasync", fsync)
    with Journal(tmp_path / "run.jsonl", now=now) as journal:
        lanes = [
            threading.Thread(target=journal.sent, args=(at, "createUser", ["c0001"]))
            for at in range(1, 9)
        ]
        for lane in lanes:
            lane.start()
        while journal.path.read_bytes().count(b"\n") < len(lanes):
            assert lanes[0].is_alive()
        slow.set()
        for lane in lanes:
            lane.join()
    assert len(waits) <= 2


def test_a_disk_that_failed_once_is_not_believed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([OSError(5, "Input/output error"), None])

    def fsync(descriptor: int) -> None:
        if (problem := next(answers)) is not None:
            raise problem

    monkeypatch.setattr(os, "fdatasync", fsync)
    with Journal(tmp_path / "run.jsonl", now=now) as journal:
        for _ in range(2):
            with pytest.raises(JournalBroken, match="Input/output error"):
                journal.sent(1, "createUser", ["c0001"])


def test_it_keeps_codes_and_parameters_beside_the_words(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    why = fact("not-created", case="user", username="ada")
    with Journal(path, now=now) as journal:
        journal.begin("run-1", PLAN, version="0")
        journal.outcomes([Outcome("c0001", Status.SKIPPED, why)])
        journal.end(Tally(planned=3, skipped=1, not_attempted=2), stopped=fact("stopped-by-signal"))
    _, outcome, end = map(json.loads, path.read_text("utf-8").split("\n")[:-1])
    assert outcome["reason"] == 'user "ada" was not created'
    assert (outcome["code"], outcome["case"]) == ("not-created", "user")
    assert outcome["params"] == {"username": "ada"}
    assert (end["stopped"], end["code"]) == ("interrupted by a signal", "stopped-by-signal")
    recorded = load_journal(path)
    assert recorded.run.outcomes[0].why == why
    assert recorded.run.stopped == fact("stopped-by-signal")


def test_a_code_of_a_later_version_is_left_to_its_wording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path, Outcome("c0001", Status.FAILED, fact("sent-unknown")), end=False)
    text = path.read_text("utf-8").replace('"code": "sent-unknown"', '"code": "later"')
    path.write_text(re.sub(', "previous": "[0-9a-f]*"', "", text), "utf-8")
    assert load_journal(path).run.outcomes[0].why == as_written(fact("sent-unknown").text)


def test_the_digest_of_a_journal_is_that_of_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    write(path, end=False)
    assert load_journal(path).run.journal_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("content", ["# A page\n", "{", "[]\n"])
def test_a_file_that_is_no_journal_is_called_so(tmp_path: Path, content: str) -> None:
    path = tmp_path / "README.md"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=r"README\.md is not a journal") as refused:
        load_journal(path)
    assert "name the .jsonl file" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"record": "run", "format": "kanport-journal/1", "pl', "is cut off in its first record"),
        (
            '{"record": "run", "format": "kanport-journal/1", "pl\n',
            "is damaged in its first record",
        ),
        ("", "is empty"),
    ],
)
def test_a_journal_without_a_whole_record_is_called_what_it_is(
    tmp_path: Path, content: str, words: str
) -> None:
    path = tmp_path / "plan.journal.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=words) as refused:
        load_journal(path)
    assert refused.value.hint is not None and "kanport resume" not in refused.value.hint
