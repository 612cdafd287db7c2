"""What works without the modules and calls that Windows lacks: all that writes to no server."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox

# Leaves Python as it is on Windows, as far as Kanport and its libraries look.
AS_ON_WINDOWS = """
import contextlib, json, os, signal, sys

for name in ("fcntl", "grp", "pwd", "resource", "syslog", "termios", "tty", "pty"):
    sys.modules[name] = None
import pandas, openpyxl, httpx, rich.console, subprocess, tempfile  # they look at the system itself
for module, names in {
    os: ("geteuid", "getuid", "getegid", "getgid", "fchown", "fchmod", "chown", "set_blocking"),
    signal: ("SIGHUP", "SIGALRM", "SIGUSR1", "pthread_kill", "alarm", "setitimer"),
}.items():
    for name in names:
        delattr(module, name)
for name in ("O_NONBLOCK", "O_NOCTTY", "O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY"):
    delattr(os, name)
from kanport.cli import main

ended = []
for number, arguments in enumerate(json.loads(sys.argv[1])):
    said = open(f"said-{number}.txt", "w+", encoding="utf-8")
    sys.argv[1:] = arguments
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code
    said.seek(0)
    ended.append((code, said.read()))
json.dump(ended, sys.stdout)
"""


@pytest.fixture
def elsewhere(server: Sandbox, club: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(club.parent)
    monkeypatch.setenv("KANPORT_URL", server.url)
    monkeypatch.setenv("KANPORT_TOKEN", server.token)
    return club


def kanport(*calls: Sequence[object]) -> list[tuple[int, str]]:
    """Run commands, one after another, and return how each ended and what it said."""
    ended = subprocess.run(
        [sys.executable, "-c", AS_ON_WINDOWS, json.dumps(calls, default=str)],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "USER"}
        | {"LOGNAME": "ada"},
    )
    assert ended.returncode == 0, ended.stderr
    return [(code, said) for code, said in json.loads(ended.stdout)]


def test_what_writes_to_no_server_works(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = [
        ("--version",),
        ("validate", elsewhere),
        ("plan", elsewhere, "-o", "plan.json", "-o", "plan.html", "--log-file", "k.log"),
        ("report", "plan.json", "-o", "plan.xlsx"),
        ("explain", elsewhere, "ada"),
        ("export", "-o", "server.yaml"),
        ("init", "people.csv"),
    ]
    for call, ended in zip(calls, kanport(*calls), strict=True):
        assert ended[0] == 0, (call, ended)
    Path("token").write_text(os.environ["KANPORT_TOKEN"])
    monkeypatch.delenv("KANPORT_TOKEN")
    ((code, said),) = kanport(("doctor", "--token-file", "token"))
    assert code == 0, said


def test_what_writes_to_a_server_is_refused_before_it_begins(
    elsewhere: Path, server: Sandbox
) -> None:
    kanport(("plan", elsewhere, "-o", "plan.json"))
    server.forget_requests()
    for code, said in kanport(("apply", "plan.json", "--yes"), ("sync", elsewhere)):
        assert code == 2, said
        assert "this system has no locks" in said
    assert not server.requests
