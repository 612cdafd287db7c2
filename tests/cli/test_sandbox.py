"""`kanport sandbox` as a process: what it prints, and how it ends."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command_line import Kanport
from tests.support.rpc_client import Client, call

TOKEN = "from-the-environment"
LINE = re.compile(r"listening on (http://127\.0\.0\.1:(\d+)/jsonrpc\.php)\n")


class Process:
    """A sandbox in a process of its own."""

    def __init__(self, popen: subprocess.Popen[str], line: str, token: str):
        match = LINE.fullmatch(line)
        assert match, line
        self.popen = popen
        self.url = match[1]
        self.token = token


@contextmanager
def started(*arguments: str, token: str | None = TOKEN) -> Iterator[Process]:
    environment = {key: value for key, value in os.environ.items() if key != "KANPORT_TOKEN"}
    if token is not None:
        environment["KANPORT_TOKEN"] = token
    with subprocess.Popen(
        [sys.executable, "-m", "kanport", "sandbox", *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as popen:
        assert popen.stdout is not None
        try:
            yield Process(popen, popen.stdout.readline(), token or "")
        finally:
            popen.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_tells_one_line_and_ends_on_a_signal(number: signal.Signals) -> None:
    with started() as process, Client(process) as client:
        assert client.result("getVersion")
        process.popen.send_signal(number)
        rest, errors = process.popen.communicate(timeout=600)
        assert (process.popen.returncode, rest, errors) == (0, "", "")


def test_without_a_token_a_new_one_is_told_on_stderr() -> None:
    with started(token=None) as process:
        assert process.popen.stderr is not None
        told = re.fullmatch(r"token: (\S{32,})\n", process.popen.stderr.readline())
        assert told
        process.token = told[1]
        with Client(process) as client:
            assert client.result("getVersion")


def test_options_reach_the_server(tmp_path: Path) -> None:
    options = ["--token", "given", "--dialect", "postgres", "--user-rows", "safe"]
    options += ["--ldap-user", "ada:Ada Lovelace", "--store", str(tmp_path / "sandbox.db")]
    with started(*options, "--no-display-errors", "--workers", "3") as process:
        process.token = "given"
        with Client(process) as client:
            ada = client.result("getUser", client.result("createLdapUser", "ada"))
            assert (ada["name"], ada["is_ldap_user"]) == ("Ada Lovelace", True)
            assert "password" not in ada
            assert client.send(call("createUser", "nul", "123456\0")).status == 500
    assert (tmp_path / "sandbox.db").exists()


def test_a_store_that_cannot_be_used_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database" * 100)
    done = subprocess.run(
        [sys.executable, "-m", "kanport", "sandbox", "--store", str(tmp_path / "notes.txt")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "cannot be used as a store" in done.stderr


def test_a_port_in_use_is_an_error_with_the_way_out(kanport: Kanport) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = kanport("sandbox", "--port", taken.getsockname()[1])
    assert ended.code == 2
    assert "choose another --port" in ended.err


def test_a_sandbox_that_cannot_start_leaves_the_signals_as_they_are(kanport: Kanport) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert kanport("sandbox", "--port", str(taken.getsockname()[1])).code == 2
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
