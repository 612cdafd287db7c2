"""Journals of version 0.1.0 say in sentences what later ones keep as facts."""

from pathlib import Path

import pytest

from kanport.apply.journal import Answered, Heard, load_journal
from kanport.apply.old_journals import fact_of, result_of, upgraded
from kanport.facts import Fact, as_written, fact

VERSION = Path(__file__).parents[1] / "versions" / "v0_1_0"
SENTENCES = {
    "stopped by a signal": fact("stopped-by-signal"),
    "stopped, because the run took longer than its deadline": fact("stopped-by-deadline"),
    "stopped, because too many items failed": fact("stopped-by-errors"),
    "the journal /a/b c.jsonl cannot be written: No space left on device": fact(
        "journal-broken", path="/a/b c.jsonl", error="No space left on device"
    ),
    "the passwords file new.csv cannot be written: No space left on device": fact(
        "passwords-broken", path="new.csv", error="No space left on device"
    ),
    "The server cannot be reached any more: nothing listens on h:1.": fact(
        "server-lost", answer=as_written("nothing listens on h:1")
    ),
    "What c0001 did cannot be read back: there is no role.": fact(
        "cannot-read-back", change="c0001", found=fact("role-now", case="none")
    ),
    "the run was cut off": fact("cut-off"),
    "the run was cut off, and the rest left to the next one": fact("left-to-next-run"),
    "it was sent, and did not take effect before the run was cut off": fact("sent-in-vain"),
    "it was sent, and what became of it is not known": fact("sent-unknown"),
    "the server refused it; not tried again, as the run ended": fact(
        "not-tried-again", last=as_written("the server refused it")
    ),
    "the server has changed since the plan was made: the role is project-viewer": fact(
        "changed-since-plan", found=fact("role-now", role="project-viewer")
    ),
    "a.schmidt was not created": fact("not-created", case="user", username="a.schmidt"),
    "the project Web shop was not created": fact("not-created", case="project", project="Web shop"),
    "the username ada is not free, as its user was not renamed": fact(
        "username-not-free", username="ada"
    ),
    "the username ada is not free, as its user was not renamed; until the next run gives it to"
    " them, they are called ada-1": fact(
        "username-not-free", case="temporary", username="ada", temporary="ada-1"
    ),
    "there is no such user": fact("not-there", case="user"),
    "the server said yes, but the group is gone; there is no such group": fact(
        "no-effect",
        case="found",
        found=(as_written("the group is gone"), fact("not-there", case="group")),
    ),
    "the server refused it (Invalid params (code -32602)); there is no role": fact(
        "rejected",
        case="error-found",
        answer=as_written("Invalid params (code -32602)"),
        found=(fact("role-now", case="none"),),
    ),
    "still a member through one of the groups Board, Crew; the role is project-member": fact(
        "still-through-group", case="groups", role="project-member", groups=("Board", "Crew"), n=2
    ),
    "somebody wrote this": as_written("somebody wrote this"),
}


@pytest.mark.parametrize(("sentence", "expected"), SENTENCES.items())
def test_a_sentence_becomes_a_fact(sentence: str, expected: Fact) -> None:
    assert fact_of(sentence) == expected
    assert upgraded({"record": "outcome", "reason": sentence}).get("code") == expected.code


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true", Answered(Heard.TRUE)),
        ("false", Answered(Heard.FALSE)),
        ("id 12", Answered(Heard.ID, 12)),
        ("error -32601", Answered(Heard.REFUSED, -32601)),
        ("none: the answer is empty", Answered(Heard.LOST)),
        ("never sent: nothing listens on h:1", Answered(Heard.NEVER_SENT)),
        ("another kind of answer", Answered(Heard.OTHER)),
        ("id of nobody", Answered(Heard.OTHER)),
    ],
)
def test_an_answer_gets_its_type(text: str, expected: Answered) -> None:
    assert Answered.from_json(result_of(text)) == expected


def test_the_reasons_of_recorded_journals_are_known() -> None:
    recorded = load_journal(VERSION / "plan.journal.jsonl")
    assert {one.why for one in recorded.run.outcomes if one.why is not None} == {
        fact("rejected", case="silent-found", found=(fact("role-now", case="none"),))
    }
    cut = load_journal(VERSION / "cut.journal.jsonl")
    assert cut.run.stopped == fact("cut-off")
    assert {fact("sent-unknown"), fact("cut-off")} >= {one.why for one in cut.run.outcomes} - {None}


def test_what_has_a_code_is_not_read() -> None:
    record = {"record": "outcome", "reason": "a later reason", "code": "a-later-code"}
    assert upgraded(record) == record
