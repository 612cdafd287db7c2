"""What `-o` and its like may name, and that nothing that was read is written over."""

from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport


@pytest.mark.parametrize("name", [".", "/", "", "no/such/folder.json"])
def test_a_name_that_no_file_can_have_is_wrong_usage_before_anything_is_read(
    server: Sandbox, kanport: Kanport, club: Path, name: str
) -> None:
    refused = kanport("plan", club, "-o", name)
    assert refused.code == 2, refused
    assert "bug" not in refused.err
    assert not server.requests


@pytest.mark.parametrize("name", ["people.csv", "grants.csv", "link.csv"])
def test_no_source_is_written_over(
    server: Sandbox, kanport: Kanport, club: Path, name: str
) -> None:
    Path("link.csv").symlink_to("people.csv")
    before = Path(name).read_bytes()
    refused = kanport("plan", club, "-o", name)
    assert refused.code == 2, refused
    assert "read here" in refused.err
    assert Path(name).read_bytes() == before
    assert not server.requests


def test_a_report_is_not_written_over_the_plan_that_it_tells(kanport: Kanport, club: Path) -> None:
    kanport("plan", club, "-o", "plan.json")
    before = Path("plan.json").read_bytes()
    refused = kanport("report", "plan.json", "-o", "plan.json")
    assert refused.code == 2, refused
    assert Path("plan.json").read_bytes() == before


@pytest.mark.parametrize("option", ["--journal", "--passwords-to"])
def test_a_folder_is_no_file_for_apply_either(
    server: Sandbox, kanport: Kanport, club: Path, option: str
) -> None:
    kanport("plan", club, "-o", "plan.json")
    server.forget_requests()
    refused = kanport("apply", "plan.json", "--yes", option, ".")
    assert refused.code == 2, refused
    assert not server.requests


OUTPUTS = {
    "init people.csv": ("new.yaml", "new.json"),
    "validate club.yaml": ("found.html", "found.yaml"),
    "plan club.yaml": ("again.json", "plan.yaml"),
    "report plan.json": ("plan.html", "plan"),
    "report --compare plan.json plan.json": ("compared.md", "compared.pdf"),
    "approve plan.json --by Ada --note Why": ("approval.json", "approval.txt"),
    "undo plan.journal.jsonl": ("back.json", "back.docx"),
    "export": ("server.yaml", "server.csv"),
}


@pytest.mark.parametrize("command", OUTPUTS)
def test_every_command_writes_several_files_and_stdout_and_refuses_a_wrong_ending(
    kanport: Kanport, club: Path, command: str
) -> None:
    kanport("plan", club, "-o", "plan.json")
    kanport("apply", "plan.json", "--yes", "--discard-passwords")
    before = set(Path().iterdir())
    right, wrong = OUTPUTS[command]

    refused = kanport(*command.split(), "-o", right, "-o", wrong)
    assert (refused.code, refused.out) == (2, "")
    assert wrong in refused.err
    assert set(Path().iterdir()) == before

    made = kanport(*command.split(), "-o", right, "-o", "-", "-o", f"more-{right}")
    assert made.code == 0, made
    assert made.out
    assert set(Path().iterdir()) - before == {Path(right), Path(f"more-{right}")}
    if command.split()[0] not in ("init", "report", "validate"):
        assert made.out == Path(right).read_text() == Path(f"more-{right}").read_text()


def test_a_plan_is_saved_and_reported_by_ending(kanport: Kanport, club: Path) -> None:
    assert kanport("plan", club, "-o", "plan.html", "-o", "plan.json", "-o", "plan.md").code == 0
    assert kanport("report", "plan.json", "-o", "again.html", "-o", "again.md").code == 0
    assert Path("plan.html").read_bytes() == Path("again.html").read_bytes()
    assert Path("plan.md").read_bytes() == Path("again.md").read_bytes()
    refused = kanport("plan", club, "-o", "-", "--format", "markdown")
    assert (refused.code, refused.out) == (2, "")


def test_a_plan_and_an_approval_need_no_ending(kanport: Kanport, club: Path) -> None:
    assert kanport("plan", club, "-o", "plan").code == 0
    assert kanport("approve", "plan", "--by", "Ada", "--note", "Why", "-o", "approval").code == 0
    assert (
        kanport("apply", "plan", "--yes", "--discard-passwords", "--approval", "approval").code == 0
    )
