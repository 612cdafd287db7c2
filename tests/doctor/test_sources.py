"""Whether files can be read, which columns are used, and what the mapping makes of them."""

import json
from pathlib import Path

import pytest

from kanport.errors import Exit
from tests.support.command_line import Kanport
from tests.support.files import MAPPING, PEOPLE, write_files


@pytest.fixture
def club(tmp_path: Path) -> Path:
    return write_files(tmp_path)


def test_files_are_told_with_what_the_mapping_makes_of_them(kanport: Kanport, club: Path) -> None:
    told = kanport("doctor", club)
    assert told.code == 0, told
    assert "people.csv is csv, read as UTF-8, with a comma between the fields; 3 rows" in told.out
    assert "the mapping uses 4 columns: Login, Name, Mail, Role" in told.out
    assert "result: 3 users and 3 memberships" in told.out
    assert "ada: name 'Ada Lovelace', email 'ada@example.org', role 'app-manager'" in told.out
    assert "ada in ALPHA: project-manager" in told.out


def test_columns_that_nobody_uses_are_named(kanport: Kanport, tmp_path: Path) -> None:
    people = PEOPLE.replace("Role\n", "Role,Phone\n").replace(",lead\n", ",lead,1\n")
    people = people.replace("org,\n", "org,,2\n")
    told = kanport("doctor", write_files(tmp_path, people=people))
    assert "; not used: Phone" in told.out
    assert "Phone=" not in told.out


def test_a_source_that_is_missing_keeps_no_other_from_being_read(
    kanport: Kanport, club: Path
) -> None:
    (club.parent / "people.csv").unlink()
    told = kanport("doctor", club)
    assert told.code == Exit.UNREACHABLE
    assert "grants.csv is csv" in told.out
    assert "Kanport cannot check the result of the mapping" in told.out


def test_rows_that_are_wrong_are_a_problem_unless_they_are_skipped(
    kanport: Kanport, tmp_path: Path
) -> None:
    people = PEOPLE.replace("bob@example.org", "bob(at)example.org")
    told = kanport("doctor", write_files(tmp_path, people=people))
    assert told.code == Exit.SOURCE
    assert "people.csv:3:3  error" in told.out
    mapping = MAPPING + "invalid_rows: skip\n"
    assert kanport("doctor", write_files(tmp_path, people=people, mapping=mapping)).code == 0


def test_a_column_that_is_missing_is_a_problem(kanport: Kanport, tmp_path: Path) -> None:
    people = PEOPLE.replace("Mail", "E-mail")
    told = kanport("doctor", write_files(tmp_path, people=people))
    assert told.code == Exit.SOURCE
    assert 'no column "Mail"' in told.out


def test_a_mapping_that_is_wrong_counts_more_than_anything(kanport: Kanport, club: Path) -> None:
    club.write_text(MAPPING.replace("fields:", "feilds:"), encoding="utf-8")
    told = kanport("doctor", club)
    assert told.code == Exit.CONFIG
    assert "did you mean" in told.out
    assert "Kanboard 1.2.53" in told.out


def test_the_worst_problem_gives_the_exit_code(
    kanport: Kanport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = PEOPLE.replace("bob@example.org", "bob(at)example.org")
    club = write_files(tmp_path, people=people)
    monkeypatch.setenv("KANPORT_URL", "http://127.0.0.1:9/")
    told = kanport("doctor", club, "--format", "json")
    assert told.code == json.loads(told.out)["exit_code"] == Exit.UNREACHABLE
    monkeypatch.delenv("KANPORT_TOKEN")
    assert kanport("doctor", club).code == Exit.CONFIG


def test_a_mapping_can_be_looked_at_without_a_server(
    kanport: Kanport, club: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KANPORT_URL")
    told = kanport("doctor", club)
    assert told.code == 0
    assert "no server is configured" in told.out


def test_passwords_are_never_shown(kanport: Kanport, tmp_path: Path) -> None:
    people = "Login,Initial\nada,Correct-Horse-1\n"
    mapping = MAPPING.split("users:")[0] + (
        "users:\n  from: people\n  fields: {username: {from: Login}}\n  password: {from: Initial}\n"
    )
    told = kanport("doctor", write_files(tmp_path, people=people, mapping=mapping))
    assert told.code == 0, told
    assert "Initial" in told.out
    assert "Correct-Horse-1" not in told.out + told.err


def test_hostile_cells_cannot_repaint_the_terminal(kanport: Kanport, tmp_path: Path) -> None:
    told = kanport("doctor", write_files(tmp_path, people="Login\x1b[2J,Name,Mail,Role\nada,,,\n"))
    assert "\x1b" not in told.out


def test_whether_kanboard_has_ldap_is_told_as_far_as_it_is_known(
    kanport: Kanport, tmp_path: Path
) -> None:
    mapping = MAPPING.replace("  find_by", "  password: ldap\n  find_by")
    told = kanport("doctor", write_files(tmp_path, mapping=mapping))
    assert "but may not have one" in told.out
