"""A first mapping from a file's headers: valid as it is, and honest about what it leaves open."""

import shutil
from pathlib import Path

import pytest

from kanport.fields import ACTIVE, EMAIL, NAME
from kanport.mapping import load_mapping
from kanport.sources.file import FileBytes, read_bytes
from tests.support.command_line import Kanport

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = ["people.csv", "memberships.csv", "starters.csv", "phones.xlsx", "kanboard-users.csv"]


@pytest.mark.parametrize("name", FILES)
def test_the_mapping_for_a_sample_is_valid_as_it_is(kanport: Kanport, name: str) -> None:
    shutil.copy(SAMPLES / name, name)
    assert kanport("init", name).code == 0
    ended = kanport("validate", "mapping.yaml")
    assert ended.code == 0, ended.err


def test_headers_in_several_languages_are_understood(kanport: Kanport) -> None:
    Path("liste.csv").write_text(
        "Kürzel;Vorname;Nachname;E-Mail-Adresse;Aktiv;Telefon\nada;Ada;L;ada@x.example;ja;1\n"
    )
    kanport("init", "liste.csv")
    users = load_mapping(Path("mapping.yaml")).spec.users
    assert users is not None
    assert users.fields.username.from_ == "Kürzel"
    name = users.fields.rule(NAME)
    assert name is not None and name.template == "{Vorname} {Nachname}"
    assert users.fields.rule(EMAIL) is not None and users.fields.rule(ACTIVE) is not None
    assert '# Columns that the mapping does not read: "Telefon"' in Path("mapping.yaml").read_text()


def test_roles_that_say_themselves_are_mapped_and_others_are_left_open(kanport: Kanport) -> None:
    Path("access.csv").write_text("Login,Project,Access\nada,WEB,RW\nbob,WEB;APP,Boss\n")
    kanport("init", "access.csv")
    text = Path("mapping.yaml").read_text()
    assert '"RW": project-member' in text
    assert '# add these to values: "Boss"' in text
    assert 'split: ";"' in text and "users:" not in text
    ended = kanport("validate", "mapping.yaml")
    assert ended.code == 5 and "Boss" in ended.out


def test_without_usernames_they_are_made_of_addresses(kanport: Kanport) -> None:
    Path("list.csv").write_text("Name,Mail\nAda L,Ada.L@x.example\n")
    kanport("init", "list.csv")
    assert kanport("validate", "mapping.yaml").code == 0
    assert '{before: "@"}' in Path("mapping.yaml").read_text()


def test_a_file_that_names_nobody_is_told_with_its_columns(kanport: Kanport) -> None:
    Path("list.csv").write_text("Shade,Size\nred,1\n")
    ended = kanport("init", "list.csv")
    assert ended.code == 2 and "Shade, Size" in ended.err
    assert not Path("mapping.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name either a file"),
        (["a.csv", "--ldap", "ldap://x"], "name either a file"),
        (["--ldap", "ldap://x"], "needs --base"),
        (["--ldap", "http://x", "--base", "dc=x"], "not the address of a directory"),
        (["a.doc"], "neither a .csv nor an .xlsx"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    kanport: Kanport, arguments: list[str], message: str
) -> None:
    ended = kanport("init", *arguments)
    assert ended.code == 2 and message in ended.err


def test_a_mapping_that_is_there_stays(kanport: Kanport) -> None:
    Path("mapping.yaml").write_text("mine")
    shutil.copy(SAMPLES / "people.csv", "people.csv")
    assert kanport("init", "people.csv").code == 2
    assert Path("mapping.yaml").read_text() == "mine"


@pytest.mark.parametrize("url", ["ldap://ldap.x.example", "ldaps://ldap.x.example:636"])
def test_the_mapping_for_a_directory_is_valid(kanport: Kanport, url: str) -> None:
    assert kanport("init", "--ldap", url, "--base", 'ou="p",dc=x').code == 0
    assert load_mapping(Path("mapping.yaml")).spec.users is not None


def test_a_file_in_another_encoding_is_named_so(kanport: Kanport) -> None:
    shutil.copy(SAMPLES / "hr.csv", "hr.csv")
    assert kanport("init", "hr.csv").code == 5
    assert kanport("init", "hr.csv", "--encoding", "cp1252").code == 0
    assert "encoding: cp1252" in Path("mapping.yaml").read_text()


def test_headers_below_a_title_are_found(kanport: Kanport) -> None:
    shutil.copy(SAMPLES / "staff-messy.xlsx", "staff.xlsx")
    ended = kanport("init", "staff.xlsx")
    assert ended.code == 0, ended.err
    assert "header_row: 4" in Path("mapping.yaml").read_text()
    assert kanport("validate", "mapping.yaml").code in (0, 5)


def test_a_broken_workbook_is_opened_once(
    kanport: Kanport, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def counted(source: str, path: str, base: Path) -> FileBytes:
        opened.append(path)
        return read_bytes(source, path, base)

    monkeypatch.setattr("kanport.sources.excel.read_bytes", counted)
    Path("broken.xlsx").write_bytes(b"PK\x03\x04 and nothing more")
    assert kanport("init", "broken.xlsx").code == 5
    assert len(opened) == 1
