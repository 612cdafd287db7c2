"""What works without the modules and calls that Windows lacks: all that writes to no server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox

# Leaves Python as it is on Windows, as far as Kanport and its libraries look.
AS_ON_WINDOWS = """
import os, signal, sys

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
main()
"""


@pytest.fixture
def elsewhere(server: Sandbox, club: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(club.parent)
    monkeypatch.setenv("KANPORT_URL", server.url)
    monkeypatch.setenv("KANPORT_TOKEN", server.token)
    return club


def kanport(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", AS_ON_WINDOWS, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={name: value for name, value in os.environ.items() if name != "USER"}
        | {"LOGNAME": "ada"},
    )


def test_what_writes_to_no_server_works(elsewhere: Path) -> None:
    for call in (
        ("--version",),
        ("validate", elsewhere),
        ("plan", elsewhere, "-o", "plan.json", "-o", "plan.html", "--log-file", "k.log"),
        ("report", "plan.json", "-o", "plan.xlsx"),
        ("explain", elsewhere, "ada"),
        ("export", "-o", "server.yaml"),
        ("init", "people.csv"),
    ):
        ended = kanport(*call)
        assert ended.returncode == 0, (call, ended.stderr)
    Path("token").write_text(os.environ["KANPORT_TOKEN"])
    del os.environ["KANPORT_TOKEN"]
    ended = kanport("doctor", "--token-file", "token")
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_what_writes_to_a_server_is_refused_before_it_begins(
    elsewhere: Path, server: Sandbox
) -> None:
    kanport("plan", elsewhere, "-o", "plan.json")
    server.forget_requests()
    for call in (("apply", "plan.json", "--yes"), ("sync", elsewhere)):
        ended = kanport(*call)
        assert ended.returncode == 2, ended.stderr
        assert "this system has no locks" in ended.stderr
    assert not server.requests
