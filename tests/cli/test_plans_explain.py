"""`kanport explain` as a user calls it."""

import json
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.files import write_files


@pytest.fixture(autouse=True)
def _files(server: Sandbox, tmp_path: Path, kanport: Kanport) -> None:
    project = server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    server.store.add_member(project, server.store.add_user("gone", name="Gone"), "project-viewer")
    write_files(tmp_path)


def test_a_person_is_explained_and_nothing_is_written(kanport: Kanport, server: Sandbox) -> None:
    told = kanport("explain", "club.yaml", "ADA@example.org")
    assert told.code == 0, told
    assert told.out.startswith("User ada\n")
    assert "+ create ada" in told.out
    assert "lead → values → app-manager" in told.out
    assert not server.writes


def test_the_changes_are_those_of_the_plan(kanport: Kanport) -> None:
    plan = json.loads(kanport("plan", "club.yaml", "--format", "json").out)
    told = json.loads(kanport("explain", "club.yaml", "gone", "--format", "json").out)
    assert told["format"] == "kanport-explanation/1"
    assert told["changes"] == [
        change for change in plan["changes"] if change["subject"]["username"] == "gone"
    ]
    assert told["user"]["username"] == "gone"


def test_a_project_is_explained(kanport: Kanport) -> None:
    told = kanport("explain", "club.yaml", "--project", "alpha", "--format", "markdown")
    assert told.code == 0, told
    assert told.out.startswith("# Project `ALPHA`\n")
    assert "`gone`" in told.out and "`grants.csv:2" in told.out


def test_offline_needs_no_server(kanport: Kanport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KANPORT_URL")
    monkeypatch.delenv("KANPORT_TOKEN")
    told = kanport("explain", "club.yaml", "ada", "--offline")
    assert told.code == 0, told
    assert "the server was not asked" in told.out
    assert kanport("explain", "club.yaml", "ada").code == 6


def test_errors_elsewhere_do_not_keep_somebody_from_being_explained(
    kanport: Kanport, tmp_path: Path
) -> None:
    people = (tmp_path / "people.csv").read_text("utf-8") + "dan,Dan,not-an-address,\n"
    (tmp_path / "people.csv").write_text(people, "utf-8")
    assert kanport("plan", "club.yaml").code == 5
    told = kanport("explain", "club.yaml", "ada")
    assert told.code == 0, told
    assert "1 error in the source data: nothing is planned" in told.out
    assert "email-invalid" in kanport("explain", "club.yaml", "dan").out


def test_a_note_is_called_so_as_in_every_report(kanport: Kanport, tmp_path: Path) -> None:
    people = (tmp_path / "people.csv").read_text("utf-8") + "dan,Dan,dan@example.org,admin\n"
    (tmp_path / "people.csv").write_text(people, "utf-8")
    told = kanport("explain", "club.yaml", "dan", "--offline").out
    assert "note admin-wanted" in told, told
    assert "info" not in told


def test_of_somebody_who_is_nowhere_it_does_not_say_that_all_is_well(kanport: Kanport) -> None:
    told = kanport("explain", "club.yaml", "adda").out
    assert "No source that the mapping reads names this user" in told, told
    assert "OK:" not in told


def test_one_person_or_one_project_is_asked_for(kanport: Kanport) -> None:
    assert kanport("explain", "club.yaml").code == 2
    assert kanport("explain", "club.yaml", "ada", "--project", "ALPHA").code == 2


def test_somebody_who_is_renamed_is_found_by_both_names(kanport: Kanport, server: Sandbox) -> None:
    server.store.add_user("lovelace", name="Ada", email="ada@example.org")
    new, old = (kanport("explain", "club.yaml", name) for name in ("ada", "lovelace"))
    assert "~ rename lovelace" in new.out
    assert new.out == old.out


def test_a_project_that_nothing_names_is_not_all_right(kanport: Kanport) -> None:
    told = kanport("explain", "club.yaml", "--project", "alhpa")
    assert "Attention" in told.out and 'Did you mean "Alpha"?' in told.out


def test_the_name_of_a_project_leads_to_its_option(kanport: Kanport) -> None:
    told = kanport("explain", "club.yaml", "alpha")
    assert "to explain it, use --project alpha" in told.out
