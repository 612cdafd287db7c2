"""The exit code depends on the work alone, whatever becomes of stdout and stderr."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support import processes
from tests.support.files import write_files
from tests.support.terminal import Terminal

FULL = Path("/dev/full")


@pytest.fixture
def gone() -> Iterator[int]:
    """A pipe that nobody reads any more."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def kanport(
    server: Sandbox, folder: Path, *arguments: object, stdout: int, stderr: int = subprocess.PIPE
) -> tuple[int, str]:
    """Run the command in a process of its own; give its exit code and what stderr got."""
    ended = processes.run(
        *arguments,
        cwd=folder,
        env={**os.environ, "KANPORT_URL": server.url, "KANPORT_TOKEN": server.token},
        stdout=stdout,
        stderr=stderr,
    )
    return ended.returncode, ended.stderr or ""


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_reader_who_leaves_changes_no_exit_code(
    server: Sandbox, tmp_path: Path, club: Path, gone: int, form: str
) -> None:
    answers = [
        ("plan", club, "--check", 10),
        ("plan", club, "-o", "plan.json", 0),
        ("apply", "plan.json", "--yes", 0),
        ("plan", club, "--check", 0),
        ("plan", tmp_path / "none.yaml", 6),
    ]
    for *arguments, code in answers:
        ended = kanport(server, tmp_path, *arguments, "--format", form, stdout=gone)
        assert ended[0] == code, (arguments, ended)
        assert "bug" not in ended[1]
        assert "Exception" not in ended[1]


def test_a_run_that_fails_in_part_says_so_to_a_closed_pipe_too(
    server: Sandbox, tmp_path: Path, club: Path, gone: int
) -> None:
    mapping = club.read_text(encoding="utf-8") + "invalid_rows: skip\n"
    people = (tmp_path / "people.csv").read_text(encoding="utf-8")
    write_files(tmp_path, mapping=mapping, people=people + "dan,Dan,no-address,\n")
    code, told = kanport(server, tmp_path, "sync", club, "--state", "state", stdout=gone)
    assert code == 3, told
    assert "ada" in server.store.snapshot().users
    assert "Verified" in told


def test_a_terminal_says_once_what_stops_it(server: Sandbox, tmp_path: Path, club: Path) -> None:
    environ = {"KANPORT_URL": server.url, "KANPORT_TOKEN": server.token}

    def printed(*arguments: str) -> str:
        with Terminal("plan", "club.yaml", *arguments, folder=tmp_path, environ=environ) as shown:
            shown.end()
        return shown.text

    mapping = club.read_text(encoding="utf-8")
    write_files(tmp_path, mapping=mapping + "limits: {create: 2}\n")
    assert printed().count("Limit exceeded") == 1
    # No screen shows it here.
    assert "limit-create stopped the plan" in printed("--quiet")
    people = (tmp_path / "people.csv").read_text(encoding="utf-8")
    write_files(tmp_path, mapping=mapping, people=people + "dan,Dan,no-address,\n" * 30)
    text = printed()
    assert text.count("The data is not valid") == 1
    assert "kanport plan club.yaml --full" in text
    assert "Error: " in text


@pytest.mark.skipif(not FULL.is_char_device(), reason="there is no /dev/full here")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["plan", "club.yaml"], 3),
        (["plan", "club.yaml", "--check", "--format", "json"], 10),
        (["sync", "club.yaml", "--state", "state"], 3),
        (["--help"], 3),
        (["plan", "--help"], 3),
        (["schema"], 3),
    ],
)
def test_an_output_that_is_lost_is_told_and_no_bug(
    server: Sandbox, tmp_path: Path, club: Path, arguments: Sequence[str], code: int
) -> None:
    with FULL.open("wb") as full:
        ended = kanport(server, tmp_path, *arguments, stdout=full.fileno())
        assert ended[0] == code, ended
        assert ended[1].count("cannot write the output: No space left on device") == 1
        assert "bug" not in ended[1]
        assert "Traceback" not in ended[1]
        both = kanport(
            server, tmp_path, "plan", "none.yaml", stdout=full.fileno(), stderr=full.fileno()
        )
        assert both[0] == 6


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_are_closed_from_the_start_stop_nothing(
    server: Sandbox, tmp_path: Path, club: Path, closing: str
) -> None:
    command = f"{sys.executable} -m kanport sync club.yaml --state state {closing}"
    ended = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env={**os.environ, "KANPORT_URL": server.url, "KANPORT_TOKEN": server.token},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # What was to be printed on stdout is lost, and everything else is done.
    assert ended.returncode == (3 if ">&-" in closing.split() else 0)
    assert "ada" in server.store.snapshot().users


@pytest.mark.parametrize("form", ["text", "json", "markdown"])
def test_a_result_for_which_stdout_is_closed_is_exit_code_3(
    server: Sandbox, tmp_path: Path, club: Path, form: str
) -> None:
    command = f"{sys.executable} -m kanport plan {club} --format {form} >&-"
    environ = {**os.environ, "KANPORT_URL": server.url, "KANPORT_TOKEN": server.token}
    ended = subprocess.run(
        ["sh", "-c", command], env=environ, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 3
    assert "cannot write the output" in ended.stderr


def test_json_of_a_plan_shows_no_character_that_steers_a_terminal(
    server: Sandbox, tmp_path: Path, club: Path
) -> None:
    people = (tmp_path / "people.csv").read_text(encoding="utf-8")
    odd = "\u202eada\u2066 \u200fx"
    (tmp_path / "people.csv").write_text(people.replace("Ada Lovelace", odd), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "kanport", "plan", str(club), "--format", "json"],
        env={**os.environ, "KANPORT_URL": server.url, "KANPORT_TOKEN": server.token},
        capture_output=True,
        check=True,
    )
    text = ended.stdout.decode("utf-8")
    assert not set(odd) & set("\u202e\u2066\u200f") & set(text)
    [ada] = [each for each in json.loads(text)["changes"] if each["subject"] == {"username": "ada"}]
    assert ada["after"]["name"] == odd
