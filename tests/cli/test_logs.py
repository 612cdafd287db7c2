"""`--log-format json` and `--log-file`: an object a line, stable names, nothing that is secret."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kanport.events import EVENTS, Event, log_event
from kanport.sandbox import Sandbox
from tests.support import endings
from tests.support.command_line import Kanport
from tests.support.files import write_files

FULL = Path("/dev/full")


def events(text: str) -> list[dict[str, Any]]:
    """Read a log in which every line is an event of the catalogue."""
    found = [json.loads(line) for line in text.splitlines()]
    for event in found:
        assert event["event"] in EVENTS, event
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["ts"])
        assert event["level"] in ("debug", "info", "warning", "error")
        assert None not in event.values()
    return found


def test_stderr_is_the_log_and_nothing_else(host: endings.Host) -> None:
    said = host.run("sync", "club.yaml", "--log-format", "json", "-vv")
    assert said.code == 0
    log = events(said.err)
    assert len({event["run"] for event in log}) == 1
    names = [event["event"] for event in log if event["level"] == "info"]
    assert names == [
        "run.started", "sources.read", "plan.made", *["change.settled"] * 6, "note",
        "run.verified", "note", "run.ended",
    ]  # fmt: skip
    settled = [event for event in log if event["event"] == "change.settled"]
    assert {event["username"] for event in settled} == {"ada", "bob", "chloé"}
    assert all(event["status"] == "done" for event in settled)
    assert log[-1]["exit_code"] == 0
    assert log[-1]["tally"]["done"] == 6
    assert host.server.token not in said.err


def test_a_plan_logs_its_steps_as_a_run_does(host: endings.Host) -> None:
    said = host.run("plan", "club.yaml", "--log-format", "json", "-v")
    assert said.code == 0
    assert [event["event"] for event in events(said.err)] == ["sources.read", "plan.made"]
    text = host.run("validate", "club.yaml", "-v").err
    assert "sources.read users=3" in text


@pytest.mark.parametrize(
    ("way", "code"), [(endings.a_guard, 4), (endings.invalid_rows, 5), (endings.no_mapping, 6)]
)
def test_what_stops_a_run_is_an_event_too(host: endings.Host, way: Any, code: int) -> None:
    host.environ["KANPORT_LOG_FORMAT"] = "json"
    log = events(way(host).err)
    ended = [event for event in log if event["event"] == "run.ended"]
    assert [event["exit_code"] for event in ended] == [code]
    assert log[-1]["event"] == "error"
    assert log[-1]["exit_code"] == code
    tripped = [event["guard"] for event in log if event["event"] == "guard.tripped"]
    assert tripped == (["limit-create"] if code == 4 else [])


def test_a_bug_is_an_event_too(host: endings.Host) -> None:
    host.environ["KANPORT_LOG_FORMAT"] = "json"
    log = events(endings.a_bug(host).err)
    assert (log[-1]["event"], log[-1]["type"]) == ("bug", "ZeroDivisionError")


def test_a_quiet_log_holds_warnings_and_errors_only(host: endings.Host) -> None:
    host.environ["KANPORT_LOG_FORMAT"] = "json"
    assert host.run("sync", "club.yaml", "--quiet").err == ""
    assert host.run("sync", "none.yaml", "--quiet").err.count("\n") == 2


def test_a_file_gets_the_log_and_people_still_get_their_words(host: endings.Host) -> None:
    log = host.folder / "log"
    options = ("--log-file", log, "--log-format", "json")
    first = host.run("sync", "club.yaml", *options)
    assert first.err.endswith("Verified: a second plan has no changes.\n")
    assert "{" not in first.err
    second = host.run("sync", "none.yaml", *options)
    assert second.err.startswith("Error: there is no mapping")
    found = events(log.read_text(encoding="utf-8"))
    assert [event["event"] for event in found].count("run.ended") == 2
    assert len({event["run"] for event in found}) == 2
    assert log.stat().st_mode & 0o007 == 0


def test_a_log_file_may_be_text_for_people(host: endings.Host) -> None:
    host.run("sync", "club.yaml", "--log-file", "log")
    lines = (host.folder / "log").read_text(encoding="utf-8").splitlines()
    assert re.match(r"\S+ INFO kanport\.\S+ run\.started command=sync", lines[0])
    assert "run.ended exit_code=0" in lines[-1]


def test_a_log_file_that_cannot_be_opened_stops_it_before_anything_is_done(
    kanport: Kanport, server: Sandbox, host: endings.Host
) -> None:
    refused = kanport("sync", "club.yaml", "--log-file", "none/log")
    assert refused.code == 6
    assert "the log file none/log cannot be written: No such file or directory" in refused.err
    assert not server.requests


@pytest.mark.skipif(not FULL.is_char_device(), reason="there is no /dev/full here")
def test_a_full_disk_is_told_once_and_stops_nothing(host: endings.Host) -> None:
    said = host.run("sync", "club.yaml", "--log-file", FULL)
    assert said.code == 0
    assert said.err.count("Warning: the log file /dev/full cannot be written") == 1
    assert "ada" in host.server.store.snapshot().users


def test_only_events_of_the_catalogue_can_be_told() -> None:
    import logging

    with pytest.raises(KeyError):
        log_event(logging.getLogger("kanport.x"), "run.strated")
    assert str(Event("log", "a b", {"x": "y z", "n": 1, "s": "t"})) == 'log x="y z" n=1 s=t a b'


def test_every_event_is_told_somewhere_and_every_one_that_is_told_is_in_the_catalogue() -> None:
    source = Path(__file__).parents[2] / "src" / "kanport"
    texts = "".join(path.read_text(encoding="utf-8") for path in source.rglob("*.py"))
    told = set(re.findall(r'(?:log_event\(\s*logger|echo\(\s*\S+),\s*"([a-z.]+)"', texts))
    assert told <= set(EVENTS)
    assert set(EVENTS) - told == {"log"}


# --- `--verbose` tells what is done, one event a line, and nothing that is secret -----------------


def test_nothing_is_logged_unless_it_is_asked_for(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    club = write_files(tmp_path)
    assert kanport("plan", club).err == ""
    logged = kanport("plan", club, "-vv").err.splitlines()
    assert any("procedure=getAllUsers" in line or "procedure=getVersion" in line for line in logged)
    assert all(" kanport." in line for line in logged)
    assert kanport("plan", club).err == ""
