"""The history of a state folder: each run once, and no broken file passes for nothing."""

import json
from pathlib import Path

import pytest

from kanport.access.history import History
from kanport.apply.journal import Journal
from kanport.errors import UsageError
from kanport.report.document import as_excel, as_html, as_text
from tests.support.command_line import Kanport

STRICT = """\
kanport: 1
sources:
  more: {type: csv, path: more.csv}
users: {from: more, fields: {username: {from: login}}}
limits: {create: 1}
"""


def test_history_shows_each_run_and_each_stopped_plan(club: Path, kanport: Kanport) -> None:
    assert kanport("sync", str(club), "--state", "runs").code in (0, 3)
    made = History.of(Path("runs"))
    (run,) = made.runs
    assert run.recorded is not None
    assert run.grants == run.recorded.run.tally().done > 0
    Path("more.csv").write_text("login\nx1\nx2\nx3\n")
    Path("strict.yaml").write_text(STRICT)
    assert kanport("sync", "strict.yaml", "--state", "runs").code == 4
    Path("runs/broken.journal.jsonl").write_text("{}\n")
    Path("runs/broken.plan.json").write_text("{}\n")
    found = History.of(Path("runs"))
    assert [one.result.partition(":")[0] for one in found.runs] == [run.result, "stopped"]
    assert [path.name for path, _ in found.broken] == ["broken.journal.jsonl"]
    document = found.document()
    assert "stopped: limit-create" in as_text(document)
    assert "<svg class=columns" in as_html(document)
    as_excel(document)
    ended = kanport("history", "--state", "runs", "-o", "history.html", "-o", "history.json")
    assert ended.code == 0
    assert "kanport-history/1" in Path("history.json").read_text()


def test_without_a_state_folder_there_is_no_history(kanport: Kanport, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no state folder"):
        History.of(tmp_path / "nowhere")
    assert kanport("history").code == 2
    (tmp_path / "empty").mkdir()
    ended = kanport("history", "--state", str(tmp_path / "empty"))
    assert ended.code == 0
    assert "0 runs" in ended.out


def test_a_run_that_is_still_running_is_neither_stopped_nor_failed(
    club: Path, kanport: Kanport
) -> None:
    kanport("plan", str(club), "-o", "plan.json")
    assert kanport("apply", "plan.json", "--yes").code == 0
    path = Path("plan.journal.jsonl")
    records = path.read_bytes().splitlines(keepends=True)
    sent = next(n for n, line in enumerate(records) if b'"record": "sent"' in line)
    path.write_bytes(b"".join(records[: sent + 1]))
    number = len(json.loads(records[sent])["changes"])
    arguments = ("history", "--journal", str(path))
    cut_off = kanport(*arguments).out
    unanswered = f"{number} failed ({number} of them sent without an answer)"
    assert unanswered in cut_off and "1 incomplete" in cut_off
    assert unanswered in kanport("report", str(path)).out
    with Journal(path, now=lambda: "2026-01-01T00:00:00Z", resume=True):
        running = kanport(*arguments).out
        report = kanport("report", str(path))
        again = kanport("apply", "plan.json", "--yes")
    assert ", 0 failed; 0 incomplete, 0 stopped, 1 still running" in running
    assert "The run is still running." in report.out and "stopped early" not in report.out
    assert again.code == 8 and "is still running" in again.err
