"""Guards, the whole way: a real server stays as it was, and everybody reads why."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport, Result

MAPPING = """\
kanport: 1
name: team
ledger: team.ledger
sources:
  people: {{type: csv, path: people.csv}}
users:
  from: people
  fields:
    username: {{from: Login}}
    email: {{from: Mail}}
    role: {{from: Role, values: {{A: app-admin, U: app-user}}}}
  missing: {missing}
  managed: {{usernames: ["*"]}}
memberships:
  - from: people
    username: {{from: Login}}
    project: {{from: Project}}
    role: project-member
memberships_missing: revoke
protect: [admin]
limits: {{{limits}}}
"""


@dataclass(frozen=True)
class Team:
    """A server with so many people, all members of ALPHA, and the list that they stand in."""

    server: Sandbox
    kanport: Kanport
    folder: Path
    names: list[str]

    def write(self, names: list[str], *, missing: str = "disable", limits: str = "") -> Path:
        """Write the list with these people, and the mapping; gives its path."""
        rows = [f"{name},{name}@example.org,U,ALPHA" for name in names]
        text = "\n".join(["Login,Mail,Role,Project", *rows])
        (self.folder / "people.csv").write_text(f"{text}\n", encoding="utf-8")
        path = self.folder / "team.yaml"
        path.write_text(MAPPING.format(missing=missing, limits=limits), encoding="utf-8")
        return path

    def held(self, *arguments: Any) -> Result:
        """Run a command that is to be stopped before the first write."""
        before = self.server.store.snapshot()
        self.server.forget_requests()
        result = self.kanport(*arguments)
        assert result.code == 4, result
        assert not self.server.writes
        assert self.server.store.snapshot() == before
        return result


@pytest.fixture
def team(server: Sandbox, kanport: Kanport, tmp_path: Path, request: pytest.FixtureRequest) -> Team:
    """Ten people, or as many as the test says; the administrator is one of them."""
    size = getattr(request, "param", 10)
    alpha = server.store.add_project("Alpha", identifier="ALPHA")
    names = [f"u{number:02}" for number in range(2, size + 1)]
    for name in names:
        user = server.store.add_user(name, email=f"{name}@example.org")
        server.store.add_member(alpha, user)
    return Team(server, kanport, tmp_path, names)


def guards_in(result: Result) -> list[str]:
    """Give the guards that stderr names, a line each."""
    lines = (line.strip().partition(":")[0] for line in result.err.splitlines())
    return [line for line in lines if line.startswith(("limit-", "source-", "columns-", "allow-"))]


@pytest.mark.parametrize("command", ["plan", "sync"])
@pytest.mark.parametrize("team", [1, 3, 10], indirect=True)
def test_a_list_of_strangers_harms_nobody_on_a_server_of_any_size(team: Team, command: str) -> None:
    if len(team.names) < 2:
        # With nobody else on the server there is nobody whom a list could harm.
        assert team.kanport("sync", team.write(["stranger"])).code == 0
        assert team.server.store.snapshot().users["admin"].is_active
        return
    result = team.held(command, team.write(["stranger"]))
    assert "limit-disable" in result.out
    assert "limit-revoke" in result.out


def test_sync_names_all_guards_that_trip_with_what_to_do(team: Team) -> None:
    result = team.held("sync", team.write(["u02"]))
    assert guards_in(result) == ["limit-disable", "limit-revoke", "limit-revoke-in-project"]
    assert "3 safety checks stopped the plan; nothing was written" in result.err
    for option in ("--allow disable=8", "--allow revoke=8", "--allow revoke:ALPHA=8"):
        assert option in result.err


def test_what_is_allowed_is_done_and_told(team: Team) -> None:
    mapping = team.write(["u02"])
    allow = ["--allow", "disable=8", "--allow", "revoke=8", "--allow", "revoke:alpha=8"]
    planned = team.kanport("plan", mapping, "-o", "plan.json", *allow)
    assert planned.code == 0, planned
    assert "for this run: disable up to 8, revoke up to 8, revoke in alpha up to 8" in planned.out
    plan = json.loads((team.folder / "plan.json").read_text(encoding="utf-8"))
    assert plan["allowed"] == {"disable": 8, "revoke": 8, "revoke:alpha": 8}
    done = team.kanport("apply", "plan.json", "--yes", "--format", "markdown")
    assert done.code == 0, done
    assert "disable up to 8" in done.out
    report = ["report", "plan.journal.jsonl", "-o", "run.json", "-o", "run.md"]
    assert team.kanport(*report).code == 0
    told = json.loads((team.folder / "run.json").read_text(encoding="utf-8"))
    assert told["facts"]["allowed"] == plan["allowed"]
    assert "disable up to 8" in (team.folder / "run.md").read_text(encoding="utf-8")
    users = team.server.store.snapshot().users
    assert [name for name in team.names if users[name].is_active] == ["u02"]


def test_sync_does_what_is_allowed_for_one_run_and_not_for_the_next(team: Team) -> None:
    allow = ["--allow=disable=4", "--allow=revoke=4"]
    first = team.kanport("sync", team.write(team.names[4:]), *allow)
    assert first.code == 0, first
    assert "Overridden for this run by --allow: limit-disable and limit-revoke." in first.out
    result = team.held("sync", team.write(team.names[7:]))
    assert guards_in(result) == ["source-shrunk", "limit-disable", "limit-revoke"]


@pytest.mark.parametrize(
    ("allow", "left"),
    [
        (["disable=7"], ["limit-disable", "limit-revoke", "limit-revoke-in-project"]),
        (["disable=8"], ["limit-revoke", "limit-revoke-in-project"]),
        (["revoke=99"], ["limit-disable", "limit-revoke-in-project"]),
        (["revoke=99", "disable=99"], ["limit-revoke-in-project"]),
        (["revoke:ALPHA=8", "revoke=8"], ["limit-disable"]),
    ],
)
def test_each_allow_lifts_one_guard_and_only_up_to_its_number(
    team: Team, allow: list[str], left: list[str]
) -> None:
    options = [f"--allow={text}" for text in allow]
    assert guards_in(team.held("sync", team.write(["u02"]), *options)) == left


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("force=1", "use one of"),
        ("last-admin=1", "--allow cannot override last-admin"),
        ("disable=all", "give a number"),
    ],
)
def test_an_allow_that_means_nothing_is_wrong_usage(team: Team, text: str, said: str) -> None:
    for command in ("plan", "sync"):
        result = team.kanport(command, team.write(["u02"]), "--allow", text)
        assert result.code == 2
        assert said in result.err.replace("\n", " ")


def test_a_tripped_plan_cannot_be_applied_either(team: Team) -> None:
    team.held("plan", team.write(["u02"]), "-o", "plan.json")
    team.held("apply", "plan.json", "--yes")


def test_a_list_that_was_cut_off_is_noticed_even_where_nothing_would_be_lost(team: Team) -> None:
    def mapping(names: list[str]) -> Path:
        path = team.write(names, missing="keep")
        text = path.read_text(encoding="utf-8").replace("memberships_missing: revoke\n", "")
        path.write_text(text, encoding="utf-8")
        return path

    assert team.kanport("sync", mapping(team.names)).code == 0
    before = team.server.store.snapshot()
    result = team.held("sync", mapping(team.names[:5]))
    assert guards_in(result) == ["source-shrunk"]
    assert "4 rows fewer, 3 allowed (default: 30% of 9 rows, rounded up, at least 2)" in result.err
    let = team.kanport("sync", mapping(team.names[:5]), "--allow", "shrink:people=4")
    assert let.code == 0, let
    assert "Overridden for this run by --allow: source-shrunk." in let.out
    assert team.server.store.snapshot() == before
    again = team.kanport("sync", mapping(team.names[:5]))
    assert (again.code, again.out, again.err) == (0, "", "")


def test_a_column_that_is_empty_all_at_once_is_noticed_and_let_pass_by_name(team: Team) -> None:
    mapping = team.write(team.names)
    assert team.kanport("sync", mapping).code == 0
    rows = "".join(f"{name},,U,ALPHA\n" for name in team.names)
    (team.folder / "people.csv").write_text(f"Login,Mail,Role,Project\n{rows}", encoding="utf-8")
    result = team.held("sync", mapping)
    assert guards_in(result) == ["columns-gone"]
    assert '"Mail"' in result.err
    assert team.kanport("sync", mapping, "--allow", "columns:people=1").code == 0
    assert team.kanport("sync", mapping).code == 0


def test_a_removal_stops_at_somebody_elses_private_project(team: Team) -> None:
    store = team.server.store
    users = store.snapshot().users
    ids = {name: users[name].id for name in team.names}
    diary = store.add_project("Diary", private=True, owner_id=ids["u03"])
    store.add_member(diary, ids["u03"], "project-manager")
    store.add_member(diary, ids["u10"])
    mapping = team.write(team.names[:-1], missing="remove", limits="remove: 1")
    result = team.held("sync", mapping)
    said = 'private-projects: Removing "u10" would delete the private project "Diary" of "u03"'
    assert said in result.err


def test_nobody_becomes_administrator_whom_the_mapping_does_not_name(team: Team) -> None:
    mapping = team.write(team.names)
    path = team.folder / "people.csv"
    path.write_text(
        path.read_text(encoding="utf-8").replace("u02,u02@example.org,U", "u02,u02@example.org,A"),
        encoding="utf-8",
    )
    assert guards_in(team.held("sync", mapping)) == ["allow-admins"]
    mapping.write_text(mapping.read_text(encoding="utf-8") + "allow_admins: [u02]\n")
    assert team.kanport("sync", mapping).code == 0
    assert team.server.store.snapshot().users["u02"].role == "app-admin"


@pytest.mark.parametrize("team", [6], indirect=True)
def test_the_administrators_whom_the_mapping_wants_stay(team: Team) -> None:
    store = team.server.store
    for name in ("root1", "root2"):
        store.add_user(name, role="app-admin")
    mapping = team.write(team.names, limits="disable: 9")
    mapping.write_text(mapping.read_text(encoding="utf-8") + "min_admins: 2\n")
    result = team.held("sync", mapping)
    assert "min-admins: 1 active administrator would remain, 2 needed (min_admins)" in result.err
