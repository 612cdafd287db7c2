"""What a notice says."""

import json

import pytest

from kanport.notify import payload, subject, text, wanted
from tests.support.summaries import GOOD, NOTHING, STOPPED, a_summary


@pytest.mark.parametrize(
    ("on", "nothing", "changed", "failed"),
    [("failure", False, False, True), ("change", False, True, True), ("always", True, True, True)],
)
def test_who_wants_to_hear_of_what(on: str, nothing: bool, changed: bool, failed: bool) -> None:
    told = [wanted(on, one) for one in (NOTHING, GOOD, STOPPED)]  # type: ignore[arg-type]
    assert told == [nothing, changed, failed]


def test_a_subject_says_it_all_on_one_line() -> None:
    assert subject(NOTHING) == "Kanport nightly: nothing to change"
    assert subject(GOOD) == "Kanport nightly: 3 changed"
    assert subject(STOPPED) == "Kanport nightly: stopped by a safety check (exit code 4)"
    odd = subject(a_summary(mapping="a\r\nBcc: evil@example.org\x1b[2J"))
    assert odd == r"Kanport a\r\nBcc: evil@example.org\x1b[2J: 3 changed"
    assert len(subject(a_summary(mapping="x" * 500))) == 150


def test_a_notice_tells_everything_that_somebody_needs_at_three_at_night() -> None:
    assert (
        text(a_summary(STOPPED, changes={"user.disable": 40}))
        == """\
1 guard stopped the plan; nothing was written
What to do: look at the source

mapping    nightly (/etc/kanport/nightly.yaml)
server     https://kb.example.org/jsonrpc.php
run        20270203T020000Z-abc123, sync
time       2027-02-03T02:00:00Z to 2027-02-03T02:00:12Z, 12.3 s
exit code  4: stopped by a safety check

Planned:
      40  user.disable

Safety checks that stopped it, before anything was written:
  limit-disable: disable: 40 planned, 5 allowed

Findings to look at, 1 in all:
  people.csv:2:1  warning  email-shared  two people have one address

journal    /var/lib/kanport/nightly.journal.jsonl
"""
    )


def test_a_notice_for_programs_holds_the_same(tmp_path: object) -> None:
    told = json.loads(json.dumps(payload(GOOD)))
    assert told["format"] == "kanport-notice/1"
    assert told["text"].startswith("Kanport nightly: 3 changed\n")
    assert told["tally"]["done"] == told["changed"] == 3
    assert told["server"] == "https://kb.example.org/jsonrpc.php"
