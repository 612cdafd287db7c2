"""Numbers as names on a server: nobody gets into, or loses, the project with that id."""

import json
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport

MAPPING = """\
kanport: 1
sources: {{access: {{type: csv, path: access.csv}}}}
memberships:
  - from: access
    username: {{from: Login}}
    project: {{{project}: Project}}
    role: project-member
memberships_missing: revoke
limits: {{revoke: 100%, by_project: {{revoke: 100%}}}}
ledger: access.ledger
"""


@pytest.fixture(autouse=True)
def _server(server: Sandbox) -> None:
    """Give Beta the id 3, with one manager whom no row names."""
    store = server.store
    for name in ("Alpha", "Gamma", "Beta"):
        store.add_project(name, identifier=name.upper())
    store.add_user("true")
    store.add_member(3, store.add_user("bob"), "project-manager")


def write(folder: Path, *projects: str, create: bool, by: str = "from") -> None:
    more = "projects: create\n" if create else ""
    (folder / "m.yaml").write_text(MAPPING.format(project=by) + more, "utf-8")
    rows = "".join(f"true,{project}\n" for project in projects)
    (folder / "access.csv").write_text(f"Login,Project\n{rows}", "utf-8")


def roles(server: Sandbox) -> dict[str, dict[str, str]]:
    """Return who has which role in which project, by name."""
    snapshot = server.store.snapshot()
    found: dict[str, dict[str, str]] = {}
    for (project, user), role in snapshot.memberships.items():
        found.setdefault(project, {})[user] = role
    return found


@pytest.mark.parametrize("text", ["3", "03", "003", "0003", "99"])
def test_a_project_of_that_name_is_created_and_nothing_else_touched(
    text: str, server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    write(tmp_path, text, create=True)
    assert kanport("sync", "m.yaml").code == 0
    before = roles(server)
    assert before == {"BETA": {"bob": "project-manager"}, text: {"true": "project-member"}}
    again = kanport("sync", "m.yaml")
    assert (again.code, roles(server)) == (0, before)
    journal = next((tmp_path / "state").rglob("*.journal.jsonl"))
    assert kanport("undo", journal, "-o", "back.json").code == 0
    assert kanport("apply", "back.json", "--yes").code == 0
    assert roles(server)["BETA"] == {"bob": "project-manager"}


def test_an_id_is_asked_for_in_the_mapping(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    server.store.add_project("3")
    write(tmp_path, "3", create=True, by="id")
    assert kanport("sync", "m.yaml").code == 0
    assert roles(server) == {"BETA": {"true": "project-member"}}
    write(tmp_path, "003", create=True, by="id")
    told = kanport("sync", "m.yaml")
    assert told.code == 5 and "project-id" in told.out
    write(tmp_path, "99", create=True, by="id")
    told = kanport("plan", "m.yaml")
    assert told.code == 5 and "no project with the id 99" in told.out, told
    assert "\0" not in told.out


def test_without_create_a_number_that_nothing_is_called_is_an_id_with_a_note(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    write(tmp_path, "3", create=False)
    told = kanport("plan", "m.yaml")
    assert told.code == 0 and "project-by-id" in told.out, told.out
    write(tmp_path, "003", create=False)
    told = kanport("plan", "m.yaml")
    assert told.code == 5 and "project-unknown" in told.out


@pytest.mark.parametrize(("asked", "kind"), [("3", "3"), ("#3", "BETA")])
def test_explain_takes_a_number_as_the_plan_does(
    asked: str, kind: str, server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    write(tmp_path, "3", create=True)
    told = json.loads(kanport("explain", "m.yaml", "--project", asked, "--format", "json").out)
    changed = {change["subject"]["project"] for change in told["changes"]}
    wanted = [one["username"] for one in told["access"] if one["wanted"] is not None]
    assert told["found"] == [kind]
    assert (changed, wanted) == (({"3"}, ["true"]) if kind == "3" else (set(), []))
    write(tmp_path, "3", create=False)
    plain = kanport("explain", "m.yaml", "--project", "3").out
    assert plain.startswith("Project BETA") and "takes it for an id" in plain


@pytest.mark.parametrize(
    ("asked", "create", "adopted"),
    [("3", False, True), ("3", True, False), ("#3", True, True), ("03", False, False)],
)
def test_adopt_takes_a_number_as_the_plan_does(
    asked: str, create: bool, adopted: bool, server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    write(tmp_path, "ALPHA", create=create)
    told = kanport("adopt", "m.yaml", "--memberships", asked)
    assert told.code == (0 if adopted else 2)
    assert ("membership  bob in BETA" in told.out) == adopted, told
    assert ("takes it for an id" in told.err) == (asked == "3" and not create)
    server.store.add_project(asked)
    assert "bob" not in kanport("adopt", "m.yaml", "--memberships", asked).out


def test_allow_takes_a_number_as_the_plan_does(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    write(tmp_path, "BETA", create=True)
    text = (tmp_path / "m.yaml").read_text("utf-8").replace("{revoke: 100%}}", "{revoke: 0}}")
    (tmp_path / "m.yaml").write_text(text, "utf-8")
    assert kanport("plan", "m.yaml").code == 4
    told = kanport("plan", "m.yaml", "--allow", "revoke:3=1")
    assert told.code == 4 and "limit-unused" in told.out
    assert kanport("plan", "m.yaml", "--allow", "revoke:#3=1").code == 0
