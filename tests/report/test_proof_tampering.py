"""A journal that was changed is refused, and reports say of a signature only what was found out."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kanport.outcome import Signature
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.files import write_files

RECORDED = Path(__file__).parents[1] / "versions" / "v0_1_0"
KEY = "a key of sixteen and more characters"
Edit = Callable[[list[str]], list[str]]


@pytest.fixture
def journal(kanport: Kanport, server: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journal of a run whose approval was signed; the key is set."""
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    write_files(Path.cwd())
    monkeypatch.setenv("KANPORT_APPROVAL_KEY", KEY)
    assert kanport("plan", "club.yaml", "-o", "plan.json").code == 0
    assert kanport("approve", "plan.json", "--by", "Grace", "--note", "Ticket 7").code == 0
    assert kanport("apply", "plan.json", "--yes", "--require-approval").code == 0
    return Path("plan.journal.jsonl")


def edited(path: Path, edit: Edit) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(edit(lines)), encoding="utf-8")


def sed(old: str, new: str) -> Edit:
    def edit(lines: list[str]) -> list[str]:
        changed = [re.sub(old, new, line, count=1) for line in lines]
        assert changed != lines
        return changed

    return edit


EDITS: dict[str, Edit] = {
    "an outcome": sed('"status": "done"', '"status": "failed"'),
    "the tally": sed('"done": [0-9]+', '"done": 99'),
    "the approver": sed('"by": "Grace"', '"by": "Eve"'),
    "a time": sed('"at": "2', '"at": "3'),
    "a record left out": lambda lines: lines[:3] + lines[4:],
    "a record twice": lambda lines: [*lines[:4], lines[3], *lines[4:]],
    "two records swapped": lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]],
    "the beginning": lambda lines: [lines[0].replace('"run": "', '"run": "x'), *lines[1:]],
    "a chain that ends": lambda lines: [
        *lines[:-1],
        re.sub(', "previous": "[0-9a-f]*"', "", lines[-1]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize(
    "command",
    [
        ("resume", "plan.journal.jsonl"),
        ("report", "plan.journal.jsonl"),
        ("undo", "plan.journal.jsonl"),
        ("verify", "plan.journal.jsonl"),
        ("verify-report", "run.html", "--journal", "plan.journal.jsonl"),
    ],
    ids=lambda command: command[0],
)
def test_a_journal_that_was_changed_is_refused(
    kanport: Kanport, server: Sandbox, journal: Path, edit: Edit, command: tuple[str, ...]
) -> None:
    assert kanport("report", journal, "-o", "run.html").code == 0
    edited(journal, edit)
    server.forget_requests()
    ended = kanport(*command)
    assert ended.code == 2, ended.out
    assert "was changed" in ended.err
    assert server.writes.total() == 0


def test_a_journal_without_its_chain_is_read_and_called_what_it_is(
    kanport: Kanport, journal: Path
) -> None:
    edited(journal, lambda lines: [re.sub(', "previous": "[0-9a-f]*"', "", one) for one in lines])
    ended = kanport("report", journal)
    assert ended.code == 0
    assert "not chained" in ended.out


def test_what_counts_otherwise_than_its_end_is_refused_without_a_chain_too(
    kanport: Kanport, server: Sandbox
) -> None:
    shutil.copy2(RECORDED / "plan.journal.jsonl", "old.jsonl")
    assert "not chained" in kanport("report", "old.jsonl").out
    edited(Path("old.jsonl"), sed('"status": "failed"', '"status": "done"'))
    ended = kanport("report", "old.jsonl")
    assert ended.code == 2
    assert "does not count" in ended.err


def test_a_run_that_is_resumed_goes_on_with_the_chain(kanport: Kanport, server: Sandbox) -> None:
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    write_files(Path.cwd())
    assert kanport("plan", "club.yaml", "-o", "plan.json").code == 0
    assert kanport("apply", "plan.json", "--yes").code == 0
    path = Path("plan.journal.jsonl")
    # As a kill leaves it: the last outcome and the end are missing, a line is torn.
    edited(path, lambda lines: [*lines[:-2], lines[-2][:20]])
    ended = kanport("resume", path)
    assert ended.code == 0, ended.err
    assert kanport("report", path).code == 0
    assert "not chained" not in kanport("report", path).out
    edited(path, lambda lines: [*lines[:-3], *lines[-2:]])
    assert kanport("report", path).code == 2


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (KEY, Signature.VALID),
        (None, Signature.UNCHECKED),
        (KEY[::-1], Signature.MISMATCH),
    ],
)
def test_a_report_says_of_the_signature_what_its_maker_could_check(
    kanport: Kanport,
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    key: str | None,
    told: Signature,
) -> None:
    if key is None:
        monkeypatch.delenv("KANPORT_APPROVAL_KEY")
    else:
        monkeypatch.setenv("KANPORT_APPROVAL_KEY", key)
    for form in ("text", "markdown"):
        assert str(told) in kanport("report", journal, "--format", form).out
    facts = json.loads(kanport("report", journal, "--format", "json").out)["facts"]
    assert facts["run"]["approved"]["signature"] == told


@pytest.mark.parametrize("field", ["by", "note", "expires_at", "approved_at"])
def test_an_approval_whose_words_were_changed_does_not_match_even_without_a_chain(
    kanport: Kanport, journal: Path, field: str
) -> None:
    def edit(lines: list[str]) -> list[str]:
        bare = [re.sub(', "previous": "[0-9a-f]*"', "", line) for line in lines]
        return [re.sub(f'("{field}": ")', r"\g<1>9", bare[0], count=2), *bare[1:]]

    edited(journal, edit)
    assert Signature.MISMATCH in kanport("report", journal).out


@pytest.mark.parametrize(("made_with", "checked_with"), [(KEY, None), (None, KEY), (KEY, KEY)])
@pytest.mark.parametrize("form", ["html", "json", "txt"])
def test_a_report_is_checked_with_and_without_the_key(
    kanport: Kanport,
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    made_with: str | None,
    checked_with: str | None,
    form: str,
) -> None:
    def use(key: str | None) -> None:
        if key is None:
            monkeypatch.delenv("KANPORT_APPROVAL_KEY", raising=False)
        else:
            monkeypatch.setenv("KANPORT_APPROVAL_KEY", key)

    use(made_with)
    assert kanport("report", journal, "-o", f"run.{form}").code == 0
    use(checked_with)
    ended = kanport("verify-report", f"run.{form}", "--journal", journal)
    assert ended.code == 0, ended.out
    assert "approval: " in ended.out
    use(KEY[::-1])
    ended = kanport("verify-report", f"run.{form}", "--journal", journal)
    assert ended.code == 3
