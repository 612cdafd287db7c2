"""What a server holds as tables: complete, without ids and secrets, and honest about groups."""

import csv
from pathlib import Path

import pytest

from kanport.export import COLUMNS, MEMBERSHIPS, PROJECTS, USERS
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport

SECRETS = ("pbkdf", "$2y$", "secret-token", "rss-token", "2fa-secret")


@pytest.fixture
def filled(server: Sandbox) -> Sandbox:
    with server.store.transaction():
        ada = server.store.add_user(
            "ada", name="Ada, Countess", email="ada@example.org", api_access_token="secret-token"
        )
        bob = server.store.add_user("bob", active=False, token="rss-token")
        eve = server.store.add_user("eve", role="app-manager", twofactor_secret="2fa-secret")
        alpha = server.store.add_project(
            "Alpha", identifier="ALPHA", owner_id=ada, description="What\tcounts"
        )
        server.store.add_project("Twin")
        server.store.add_project("Twin")
        team = server.store.add_group("Team", external_id="cn=team")
        server.store.add_group("Nobody")
        server.store.add_group_member(team, ada)
        server.store.add_group_member(team, bob)
        server.store.add_group_access(alpha, team, "project-viewer")
        server.store.add_member(alpha, eve, "Tester")
    return server


def lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def test_a_folder_holds_a_file_for_each_table(filled: Sandbox, kanport: Kanport) -> None:
    ended = kanport("export", "-o", "out")
    assert ended.code == 0
    assert [row[:6] for row in csv.reader(lines(Path("out/users.csv")))] == [
        ["username", "name", "email", "role", "active", "ldap"],
        ["ada", "Ada, Countess", "ada@example.org", "app-user", "true", "false"],
        ["admin", "", "", "app-admin", "true", "false"],
        ["bob", "", "", "app-user", "false", "false"],
        ["eve", "", "", "app-manager", "true", "false"],
    ]
    assert lines(Path("out/groups.csv")) == ["group,external_id", "Nobody,", "Team,cn=team"]
    assert lines(Path("out/group_members.csv")) == ["group,username", "Team,ada", "Team,bob"]
    assert lines(Path("out/projects.csv"))[1:] == [
        "ALPHA,Alpha,ALPHA,ada,What counts,true,false",
        "Twin (#2),Twin,,,,true,false",
        "Twin (#3),Twin,,,,true,false",
    ]
    assert lines(Path("out/memberships.csv")) == [
        "username,project,role,access",
        "ada,ALPHA,project-viewer,maybe through Team",
        "bob,ALPHA,project-viewer,maybe through Team",
        "eve,ALPHA,Tester,direct",
    ]
    assert "4 users, 2 groups, 2 group members, 3 projects, 3 memberships" in ended.err
    assert "Warning: the project 'Twin (#3)' shares its name with another one" in ended.err
    assert not filled.writes


@pytest.mark.parametrize("target", ["out", "out.xlsx", "out.yaml"])
def test_no_secret_is_in_an_export(filled: Sandbox, kanport: Kanport, target: str) -> None:
    from openpyxl import load_workbook

    ended = kanport("-vv", "export", "-o", target, "--mapping", "mapping.yaml")
    assert ended.code == 0
    path = Path(target)
    files = list(path.glob("*")) if path.is_dir() else [path]
    text = ended.out + ended.err + Path("mapping.yaml").read_text()
    for file in files:
        if file.suffix == ".xlsx":
            book = load_workbook(file)
            text += str([list(sheet.values) for sheet in book.worksheets])
        else:
            text += file.read_text()
    for secret in (*SECRETS, filled.token):
        assert secret not in text


def test_the_same_server_gives_the_same_files(filled: Sandbox, kanport: Kanport) -> None:
    for target in ("one", "two"):
        assert kanport("export", "-o", target).code == 0
    for name in (USERS, PROJECTS, MEMBERSHIPS):
        assert Path(f"one/{name}.csv").read_bytes() == Path(f"two/{name}.csv").read_bytes()


def test_a_mapping_is_not_written_over(filled: Sandbox, kanport: Kanport) -> None:
    Path("mapping.yaml").write_text("mine")
    ended = kanport("export", "-o", "out", "--mapping", "mapping.yaml")
    assert ended.code == 2 and "mapping.yaml exists already" in ended.err
    assert Path("mapping.yaml").read_text() == "mine" and not Path("out").exists()


def test_custom_roles_are_named_in_the_mapping(filled: Sandbox, kanport: Kanport) -> None:
    kanport("export", "-o", "out", "--mapping", "mapping.yaml")
    assert '"ALPHA": ["Tester"]' in Path("mapping.yaml").read_text()


@pytest.mark.parametrize("target", ["out", "out.xlsx", "out.yaml"])
def test_the_mapping_of_an_export_is_valid(filled: Sandbox, kanport: Kanport, target: str) -> None:
    kanport("export", "-o", target, "--mapping", "mapping.yaml")
    ended = kanport("validate", "mapping.yaml")
    assert ended.code == 0, ended.out + ended.err


@pytest.mark.parametrize("target", ["out", "out.xlsx", "out.yaml"])
def test_names_that_look_like_the_work_of_a_spreadsheet_come_back(
    server: Sandbox, kanport: Kanport, target: str
) -> None:
    names = [
        "a_x0041_b",
        "_x005F_x000D_",
        "1.2E+11",
        "'0042",
        '="1"',
        "jan-2",
        "1-Mar",
        "17.0",
        "total",
        "username",
        "Login",
    ]
    for name in names:
        user = server.store.add_user(name, name=f"{name} {name}")
        project = server.store.add_project(f"p {name}")
        server.store.add_member(project, user, "project-member")
    for name in ("Total", "600 Personen", "March 2026", "2026-12-31", "1.5E+5"):
        server.store.add_group(name)
        server.store.add_project(name)
    ended = kanport("export", "-o", target, "--mapping", "mapping.yaml")
    assert ended.code == 0, ended.err
    ended = kanport("plan", "mapping.yaml", "--check")
    assert ended.code == 0, ended.out + ended.err
    assert ("verbatim" in Path("mapping.yaml").read_text()) == (target != "out.yaml")


def test_an_export_of_ordinary_names_is_still_checked(filled: Sandbox, kanport: Kanport) -> None:
    filled.store.add_user("jan-2", name="March 2026")
    kanport("export", "-o", "out", "--mapping", "mapping.yaml")
    assert "verbatim" not in Path("mapping.yaml").read_text()
    with Path("out/users.csv").open("a") as file:
        rest = "," * (len(COLUMNS[USERS]) - 1)
        file.write(f"1.2E+11{rest}\nTotal{rest}\n")
    ended = kanport("validate", "mapping.yaml")
    assert ended.code == 5 and "row-total" in ended.out + ended.err


def test_a_folder_is_among_what_the_name_can_be(kanport: Kanport) -> None:
    ended = kanport("export", "-o", "all.pdf")
    assert ended.code == 2
    assert "name a folder, or a file that ends in .xlsx, .yaml or .yml" in ended.err
