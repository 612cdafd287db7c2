"""`--verbose` tells what is done, one event a line, and nothing that is secret."""

from pathlib import Path

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.files import write_files


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
