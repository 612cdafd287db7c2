"""Whole runs against servers that never end: they end, say so, and let the next one in."""

import json
import threading
from collections.abc import Iterator

import pytest

from kanport.errors import Exit
from tests.support import endings
from tests.support.hostile import Peer, listening

pytestmark = pytest.mark.timeout(1800)

DIRECTORY = """\
kanport: 1
sources:
  people: {type: ldap, url: "ldap://127.0.0.1:PORT", base: "dc=x", timeout: 600}
users:
  from: people
  fields:
    username: {from: uid}
"""


@pytest.fixture
def released() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def headers_byte_by_byte(peer: Peer) -> None:
    peer.request()
    peer.drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 100_000)


def hang_at(host: endings.Host, procedure: str, released: threading.Event) -> None:
    def fault(names: list[str]) -> None:
        if procedure in names:
            released.wait()

    host.server.fault = fault  # type: ignore[assignment]


@pytest.mark.parametrize("command", ["plan", "sync", "export"])
def test_a_server_that_never_ends_is_exit_7(host: endings.Host, command: str) -> None:
    arguments = {"export": ("-o", "all.yaml")}.get(command, ("club.yaml",))
    with listening(headers_byte_by_byte) as port:
        host.environ |= {
            "KANPORT_URL": f"http://127.0.0.1:{port}",
            "KANPORT_REQUEST_TIMEOUT": "1",
        }
        said = host.run(command, *arguments)
    assert said.code == Exit.UNREACHABLE
    assert "whole answer took longer than 1 s" in said.err
    assert "--request-timeout" in said.err


def test_the_flag_and_the_file_say_how_long_a_request_may_take(host: endings.Host) -> None:
    with listening(headers_byte_by_byte) as port:
        host.environ["KANPORT_URL"] = f"http://127.0.0.1:{port}"
        (host.folder / "kanport.toml").write_text("request_timeout = 1.5\n")
        assert "longer than 1.5 s" in host.run("plan", "club.yaml").err
        assert "longer than 1 s" in host.run("plan", "club.yaml", "--request-timeout", "1").err


@pytest.mark.parametrize("how", ["flag", "environment", "file"])
def test_a_directory_that_never_ends_is_exit_7(host: endings.Host, how: str) -> None:
    arguments: tuple[str, ...] = ()
    if how == "flag":
        arguments = ("--request-timeout", "1")
    elif how == "environment":
        host.environ["KANPORT_REQUEST_TIMEOUT"] = "1"
    else:
        (host.folder / "kanport.toml").write_text("request_timeout = 1\n")
    with listening(lambda peer: peer.hang()) as port:
        (host.folder / "ldap.yaml").write_text(DIRECTORY.replace("PORT", str(port)))
        said = host.run("validate", "ldap.yaml", *arguments)
    assert said.code == Exit.UNREACHABLE
    assert "longer than 1 s" in said.err


def test_another_kanboard_that_never_ends_is_exit_7(host: endings.Host) -> None:
    with listening(headers_byte_by_byte) as port:
        (host.folder / "other.yaml").write_text(
            "kanport: 1\n"
            "sources:\n"
            f"  other: {{type: kanboard, url: 'http://127.0.0.1:{port}', token: {{env: T}},"
            " read: users}\n"
            "users: {from: other, fields: {username: {from: username}}}\n"
        )
        host.environ |= {"T": "token", "KANPORT_REQUEST_TIMEOUT": "1"}
        said = host.run("validate", "other.yaml")
    assert said.code == Exit.UNREACHABLE
    assert "whole answer took longer than 1 s" in said.err


def test_a_run_that_takes_too_long_is_ended_as_with_ctrl_c(
    host: endings.Host, released: threading.Event
) -> None:
    hang_at(host, "getAllUsers", released)
    said = host.run("sync", "club.yaml", "--deadline", "2s", "--status", "status.json")
    assert said.code == Exit.INTERRUPTED
    assert said.err == (
        "The run took longer than its deadline (2 s). Kanport stopped it and sent nothing more.\n"
    )
    status = json.loads((host.folder / "status.json").read_text())
    assert status["last_run"]["exit_code"] == Exit.INTERRUPTED
    assert "deadline" in status["last_run"]["message"]
    # The lock is free again.
    host.server.fault = None
    assert host.run("sync", "club.yaml", "--deadline", "off").code == Exit.OK


def test_a_source_that_takes_too_long_ends_the_run(host: endings.Host) -> None:
    with listening(lambda peer: peer.hang()) as port:
        (host.folder / "ldap.yaml").write_text(DIRECTORY.replace("PORT", str(port)))
        host.environ["KANPORT_DEADLINE"] = "2s"
        said = host.run("sync", "ldap.yaml")
    assert said.code == Exit.INTERRUPTED
    assert "deadline (2 s)" in said.err


@pytest.mark.parametrize("command", ["sync", "apply"])
def test_the_journal_says_how_far_an_ended_run_came(
    host: endings.Host, released: threading.Event, command: str
) -> None:
    assert host.run("plan", "club.yaml", "-o", "plan.json").code == Exit.OK
    hang_at(host, "addProjectUser", released)
    arguments = ("club.yaml",) if command == "sync" else ("plan.json", "--yes")
    said = host.run(command, *arguments, "--deadline", "10s")
    assert said.code == Exit.INTERRUPTED
    host.server.fault = None
    (journal,) = [*host.folder.rglob("*.journal.jsonl")]
    last = json.loads(journal.read_text().splitlines()[-1])
    assert "deadline" in json.dumps(last)
    assert "kanport resume" in said.err
    assert host.run("resume", journal).code == Exit.OK
    assert host.run("plan", "club.yaml", "--check").code == Exit.OK


def test_apply_has_no_deadline_of_its_own(host: endings.Host) -> None:
    shown = json.loads(host.run("config", "show", "--format", "json").out)
    settings = {row["setting"]: row["value"] for row in shown["settings"]}
    assert settings["deadline"] == "24h for sync, none for apply and resume"
    assert settings["request_timeout"] == 900


@pytest.mark.parametrize("text", ["soon", "-5", "2 h", "1w", "31d", "0", "1h99999999999s", "h"])
def test_a_deadline_that_makes_no_sense_is_refused(host: endings.Host, text: str) -> None:
    said = host.run("sync", "club.yaml", f"--deadline={text}")
    assert said.code == Exit.USAGE
    assert "it must be a time such as 90m" in said.err


@pytest.mark.parametrize("text", ["90", "90s", "90m", "2h", "1h30m", "1d", "OFF"])
def test_a_deadline_is_written_as_people_write_times(host: endings.Host, text: str) -> None:
    assert host.run("config", "show", f"--deadline={text}").code == Exit.OK
