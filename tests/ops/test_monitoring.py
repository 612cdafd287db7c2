"""Status file and metrics tell how a run ended, however it ended, and keep the last good one."""

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanport.errors import Exit
from kanport.monitoring import exposition, last_success_in, write_metrics, write_status
from kanport.sandbox import Sandbox
from tests.support import endings
from tests.support.command_line import Kanport, Result
from tests.support.files import PEOPLE, write_files
from tests.support.metrics import read_metrics
from tests.support.summaries import GOOD, NOTHING, STOPPED, a_summary


@pytest.fixture
def world(server: Sandbox, tmp_path: Path) -> endings.Host:
    made = endings.a_host(server, tmp_path)
    made.environ |= {
        "KANPORT_STATUS": str(tmp_path / "status.json"),
        "KANPORT_PROMETHEUS": str(tmp_path / "kanport.prom"),
    }
    return made


def status_of(folder: Path) -> dict[str, Any]:
    status: dict[str, Any] = json.loads((folder / "status.json").read_text(encoding="utf-8"))
    return status


OUTCOMES: list[tuple[Callable[[endings.Host], Result], Exit, str, str]] = [
    (endings.changed, Exit.OK, "ok", "All 6 changes are done"),
    (endings.nothing_to_do, Exit.OK, "ok", "Nothing to change"),
    (endings.a_bug, Exit.BUG, "a bug", "ZeroDivisionError in <string>, line 5"),
    (endings.a_row_left_out, Exit.PARTIAL, "finished in part", "All 6 changes are done"),
    (endings.a_guard, Exit.GUARD, "stopped by a safety check", "1 safety check stopped the plan"),
    (endings.invalid_rows, Exit.SOURCE, "invalid source data", "1 error in the source data"),
    (endings.no_mapping, Exit.CONFIG, "invalid mapping or configuration", "no mapping none.yaml"),
    (endings.no_configuration, Exit.CONFIG, "invalid mapping or configuration", "2 problems"),
    (endings.wrong_configuration, Exit.CONFIG, "invalid mapping or configuration", "has a mistake"),
    (endings.nobody_there, Exit.UNREACHABLE, "not reachable", "nothing listens"),
    (endings.interrupted, Exit.INTERRUPTED, "interrupted", "The run stopped early"),
    (endings.interrupted_while_reading, Exit.INTERRUPTED, "interrupted", "Interrupted"),
]


@pytest.mark.parametrize(
    ("way", "code", "result", "message"), OUTCOMES, ids=lambda part: getattr(part, "__name__", "")
)
def test_whatever_the_outcome_monitoring_knows_it(
    world: endings.Host,
    way: Callable[[endings.Host], Result],
    code: Exit,
    result: str,
    message: str,
) -> None:
    said = way(world)
    assert said.code == code, said
    status = status_of(world.folder)
    last = status["last_run"]
    assert (last["exit_code"], last["result"]) == (code, result)
    assert message in last["message"]
    assert status["failures_since_success"] == (0 if code is Exit.OK else 1)
    assert (status["last_success"] is not None) == (code is Exit.OK)
    metrics = read_metrics((world.folder / "kanport.prom").read_text(encoding="utf-8"))
    name = "none" if way is endings.no_mapping else "club"
    assert metrics["kanport_last_run_exit_code", name] == code
    assert (("kanport_last_success_timestamp_seconds", name) in metrics) == (code is Exit.OK)
    secrets = {world.server.token, "another"}
    for file in ("status.json", "kanport.prom"):
        assert not any(secret in (world.folder / file).read_text() for secret in secrets)


def test_a_run_that_finds_another_one_at_work_leaves_its_files_alone(world: endings.Host) -> None:
    assert world.run("sync", "club.yaml").code == 0
    before = [(world.folder / name).read_bytes() for name in ("status.json", "kanport.prom")]
    assert endings.another_run(world).code == Exit.LOCKED
    after = [(world.folder / name).read_bytes() for name in ("status.json", "kanport.prom")]
    assert after == before


def test_the_last_success_outlives_failures(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    endings.a_host(server, tmp_path)
    options = ("--status", "status.json", "--prometheus", "kanport.prom")
    assert kanport("sync", "club.yaml", *options).code == 0
    good = status_of(tmp_path)["last_success"]
    metric = ("kanport_last_success_timestamp_seconds", "club")
    metrics = read_metrics((tmp_path / "kanport.prom").read_text())
    write_files(tmp_path, people=PEOPLE + "dan,Dan,no-address,\n")
    for night in (1, 2):
        assert kanport("sync", "club.yaml", *options).code == 5
        status = status_of(tmp_path)
        assert status["last_success"] == good
        assert status["failures_since_success"] == night
        assert status["server"] == server.url
        assert read_metrics((tmp_path / "kanport.prom").read_text())[metric] == metrics[metric]
    assert status["last_run"]["findings"]["error"] == 1
    assert "people.csv:5:3  error  email-invalid" in status["last_run"]["first_findings"][0]
    write_files(tmp_path)
    assert kanport("sync", "club.yaml", *options).code == 0
    assert status_of(tmp_path)["failures_since_success"] == 0


def test_a_status_file_that_cannot_be_written_is_told_before_anything_is_done(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    endings.a_host(server, tmp_path)
    refused = kanport("sync", "club.yaml", "--status", "none/status.json")
    assert refused.code == 2
    assert "there is no folder" in refused.err
    assert not server.requests


def test_a_status_file_that_fails_at_the_end_makes_a_success_a_partial_one(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    endings.a_host(server, tmp_path)
    (tmp_path / "there").mkdir()

    def gone(names: Any) -> None:
        (tmp_path / "there").rename(tmp_path / "gone") if (tmp_path / "there").exists() else None

    server.fault = gone
    done = kanport("sync", "club.yaml", "--status", "there/status.json")
    assert done.code == 3, done
    assert "Warning: there/status.json cannot be written" in done.err
    assert "ada" in server.store.snapshot().users


# --- the files themselves -------------------------------------------------------------------------


def test_a_file_of_another_mapping_says_nothing_about_this_one(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_status(path, GOOD)
    other = replace(STOPPED, mapping_path="/other.yaml")
    assert last_success_in(path, GOOD.mapping_path) == GOOD.finished_at
    assert last_success_in(path, other.mapping_path) is None
    write_status(path, other)
    assert json.loads(path.read_text())["last_success"] is None


def test_a_run_that_failed_is_one_failure_however_often_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    for night in (1, 2):
        run = replace(STOPPED, run_id=f"run {night}")
        write_status(path, run)
        write_status(path, run, [{"channel": "email", "sent": True}])
        assert json.loads(path.read_text())["failures_since_success"] == night
    write_status(path, replace(GOOD, run_id="run 3"))
    write_status(path, replace(STOPPED, run_id="run 3"))
    assert json.loads(path.read_text())["failures_since_success"] == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": "else"}', b"\xff", b"[" * 9999])
def test_a_status_file_that_is_none_is_simply_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "status.json"
    path.write_bytes(content)
    write_status(path, STOPPED)
    assert json.loads(path.read_text())["failures_since_success"] == 1


@pytest.mark.parametrize("moment", ["yesterday", "0001-01-01T00:00:00+23:59", 5, None])
def test_a_status_file_with_a_wrong_time_knows_of_no_success(
    tmp_path: Path, moment: object
) -> None:
    path, metrics = tmp_path / "status.json", tmp_path / "kanport.prom"
    write_status(path, GOOD)
    status = status_of(tmp_path)
    status["last_success"]["finished_at"] = moment
    path.write_text(json.dumps(status))
    before = last_success_in(path, GOOD.mapping_path)
    assert before is None
    write_metrics(metrics, STOPPED, last_success=before, sent=True)
    assert "kanport_last_success" not in metrics.read_text()


def test_others_may_read_what_is_for_monitoring(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_status(tmp_path / "status.json", GOOD)
        write_metrics(tmp_path / "kanport.prom", GOOD, last_success=None, sent=True)
    finally:
        os.umask(before)
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_missing_approval_is_not_called_a_safety_check() -> None:
    assert STOPPED.result == "stopped by a safety check"
    assert a_summary(STOPPED, guards=()).result == "no valid approval"


def test_metrics_say_what_happened() -> None:
    metrics = read_metrics(exposition(a_summary(STOPPED, changes={"user.disable": 40}), 5.0))
    assert metrics["kanport_last_run_planned", "nightly", "user.disable"] == 40
    assert metrics["kanport_last_run_guards_tripped", "nightly"] == 1
    assert metrics["kanport_last_success_timestamp_seconds", "nightly"] == 5.0
    assert metrics["kanport_last_run_findings", "nightly", "warning"] == 1
    assert read_metrics(exposition(GOOD, None))["kanport_last_run_outcomes", "nightly", "done"] == 3


@given(st.text())
def test_any_name_of_a_mapping_makes_valid_metrics(name: str) -> None:
    metrics = read_metrics(exposition(replace(NOTHING, mapping=name), 1.0))
    assert metrics["kanport_last_run_exit_code", name] == 0
