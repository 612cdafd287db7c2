"""Files, folders and users that are not there or not what they should be: never "a bug"."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.files import MAPPING, write_files


def test_sync_without_a_home_asks_for_a_state_folder(
    server: Sandbox, kanport: Kanport, club: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def homeless() -> Path:
        # As pathlib does for a user id that has no entry in the list of users.
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    stopped = kanport("sync", club)
    assert stopped.code == 2, stopped
    assert "--state" in stopped.err
    assert not server.writes


@pytest.mark.parametrize("named", ["whole path", "relative path"])
def test_a_working_folder_that_was_removed_is_no_bug(
    server: Sandbox, tmp_path: Path, named: str
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    club = write_files(files)
    gone = tmp_path / "gone"
    gone.mkdir()
    mapping = club if named == "whole path" else "club.yaml"
    ended = subprocess.run(
        ["sh", "-c", f"rmdir {gone} && exec {sys.executable} -m kanport validate {mapping}"],
        cwd=gone,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == (0 if named == "whole path" else 6), ended.stderr
    assert "bug" not in ended.stderr


def test_a_mapping_that_is_no_file_is_not_waited_for(kanport: Kanport, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for name, word in {
        "pipe.yaml": "a pipe or a device",
        "/dev/zero": "a pipe or a device",
        "-": "stdin",
        ".": "is a folder",
    }.items():
        stopped = kanport("validate", name)
        assert stopped.code == 6, stopped
        assert word in stopped.err


def test_a_mapping_that_may_not_be_read_is_like_one_that_is_missing(
    kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    assert kanport("validate", club).code == 0
    user = os.geteuid()
    tmp_path.chmod(0)
    if user == 0:
        # Nothing is forbidden to root.
        os.seteuid(65534)
    try:
        stopped = [kanport("validate", club), kanport("validate", tmp_path / "none" / "at.yaml")]
    finally:
        os.seteuid(user)
        tmp_path.chmod(0o700)
    assert [one.code for one in stopped] == [6, 6], stopped


def test_a_source_from_an_empty_stdin_is_refused(
    kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    write_files(tmp_path, mapping=MAPPING.replace("path: people.csv", 'path: "-"'))
    stopped = kanport("validate", club)
    assert stopped.code == 5, stopped
    assert "stdin" in stopped.err and "file-empty" in stopped.out


def test_a_missing_source_hides_nothing_of_the_others(
    kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").unlink()
    write_files(tmp_path, grants="Login,Project\nada,ALPHA\n")
    (tmp_path / "people.csv").unlink()
    stopped = kanport("validate", club)
    assert stopped.code == 7, stopped
    assert "people.csv" in stopped.err
    assert "Access" in stopped.out
    assert "grants.csv" in stopped.out


def test_all_sources_that_are_missing_are_named(
    server: Sandbox, kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").unlink()
    (tmp_path / "grants.csv").unlink()
    shutil.copy(club, tmp_path / "people.cvs")
    stopped = kanport("plan", club)
    assert stopped.code == 7, stopped
    assert "2 sources cannot be read" in stopped.err
    assert "people.csv" in stopped.err and "grants.csv" in stopped.err
    assert 'did you mean "people.cvs"?' in stopped.err
    assert not server.requests
