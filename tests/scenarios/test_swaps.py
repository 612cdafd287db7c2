"""Usernames that people pass on to one another, through the command line and on a server."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kanport.apply.journal import load_journal
from kanport.sandbox import InjectedFault, Sandbox
from tests.support import endings
from tests.support.command_line import Kanport, Result

MAPPING = """\
kanport: 1
sources:
  people: {{type: csv, path: people.csv}}
  grants: {{type: csv, path: grants.csv}}
users:
  from: people
  {who}
  fields:
    username: {{from: Login}}
    name: {{from: Name}}
    email: {{from: Mail}}
  missing: disable
  managed: {{usernames: ["*"]}}
memberships:
  - {{from: grants, username: {{from: Login}}, project: {{from: Project}}, role: project-member}}
memberships_missing: revoke
protect: [admin]
limits: {{disable: 100%, revoke: 100%}}
"""
WAYS = {
    "id": "id: {from: Number}\n  find_by: [username]",
    "email": "find_by: [username, email]",
}
PEOPLE = {"1": "Ada L", "2": "Bob R", "3": "Cy T", "4": "Leo V"}
LOGINS = {"1": "ada", "2": "bob", "3": "cy", "4": "leo"}


class Night:
    """The files of a night, and what the server has after it."""

    def __init__(self, server: Sandbox, folder: Path, kanport: Kanport, way: str) -> None:
        self.world = endings.Host(server, folder)
        self.run = kanport
        self.folder, self.server = folder, server
        text = MAPPING.format(who=WAYS[way])
        (folder / "m.yaml").write_text(
            text + ("ledger: p.ledger\n" if way == "id" else ""), "utf-8"
        )
        server.store.add_project("Alpha", identifier="ALPHA")
        self.want(LOGINS, members="ada leo")
        assert self.sync().code == 0
        self.ids = {number: self.by_login()[login] for number, login in LOGINS.items()}
        self.forget_runs()

    def sync(self) -> Result:
        return self.run("sync", "m.yaml", "--state", "state")

    def want(self, logins: dict[str, str], members: str) -> None:
        rows = [
            f"{number},{login},{PEOPLE.get(number, login)},p{number}@x.org"
            for number, login in logins.items()
        ]
        lines = "\n".join(["Number,Login,Name,Mail", *rows, ""])
        (self.folder / "people.csv").write_text(lines, "utf-8")
        grants = "\n".join(["Login,Project", *(f"{who},ALPHA" for who in members.split()), ""])
        (self.folder / "grants.csv").write_text(grants, "utf-8")

    def by_login(self) -> dict[str, int]:
        users = self.server.store.snapshot().users.values()
        return {user.username: user.id for user in users if user.is_active and user.id != 1}

    def people(self) -> dict[str, str]:
        """Return the login of each person who is active, by their number."""
        logins = {user_id: login for login, user_id in self.by_login().items()}
        return {
            number: logins[user_id] for number, user_id in self.ids.items() if user_id in logins
        }

    def members(self) -> set[str]:
        return {who for _, who in self.server.store.snapshot().memberships if who != "leo"}

    def forget_runs(self) -> None:
        for path in (self.folder / "state").glob("*.json*"):
            path.unlink()

    def journal(self) -> Path:
        (path,) = (self.folder / "state").glob("*.journal.jsonl")
        return path


@pytest.fixture(params=WAYS)
def night(
    request: pytest.FixtureRequest, server: Sandbox, tmp_path: Path, kanport: Kanport
) -> Night:
    return Night(server, tmp_path, kanport, request.param)


SWAP = {"1": "bob", "2": "ada", "3": "cy"}
CIRCLE = {"1": "bob", "2": "cy", "3": "ada"}
CHAIN = {"1": "bob", "2": "cy", "3": "cyrus"}


@pytest.mark.parametrize("logins", [SWAP, CIRCLE, CHAIN], ids=["swap", "circle", "chain"])
def test_everybody_keeps_their_account_and_the_leaver_is_out(
    logins: dict[str, str], night: Night
) -> None:
    night.want(logins, members=logins["1"])
    done = night.sync()
    assert done.code == 0, done
    assert night.people() == logins
    assert night.members() == {logins["1"]}
    quiet = night.sync()
    assert (quiet.code, quiet.out) == (0, "")


def test_a_swap_can_be_verified_reported_explained_and_taken_back(night: Night) -> None:
    night.want(SWAP, members="bob")
    assert night.run("plan", "m.yaml", "-o", "plan.json").code == 0
    told = night.run("explain", "m.yaml", "bob")
    assert told.code == 0, told
    assert night.run("apply", "plan.json", "--yes").code == 0
    assert night.people() == SWAP
    assert night.run("verify", "plan.json").code == 0
    for ending in ("html", "md", "json", "csv", "xlsx"):
        report = night.run("report", "plan.journal.jsonl", "-o", f"r.{ending}")
        assert report.code == 0, report
    undone = night.run("undo", "plan.journal.jsonl", "-o", "back.json")
    assert undone.code == 0, undone
    assert night.run("apply", "back.json", "--yes").code == 0
    assert night.people() == LOGINS
    assert night.members() == {"ada"}
    plan = json.loads((night.folder / "back.json").read_text("utf-8"))
    assert [c["action"] for c in plan["changes"]].count("user.rename") == 3


def nth_rename(number: int) -> Callable[[tuple[str, ...]], bool]:
    """Fit the request with the rename of this number; each is sent on its own."""
    seen = 0

    def fits(names: tuple[str, ...]) -> bool:
        nonlocal seen
        seen += "updateUser" in names
        return "updateUser" in names and seen == number

    return fits


def kill_at(night: Night, when: Callable[[tuple[str, ...]], bool], *, after: int) -> None:
    night.world.kill_at(when, "sync", "m.yaml", after=after)
    assert not load_journal(night.journal()).ended


@pytest.mark.parametrize("goes_on", ["resume", "sync", "sync without the journal"])
@pytest.mark.parametrize(("number", "done"), [(1, 0), (1, 1), (2, 1), (3, 0), (3, 1)])
def test_a_swap_that_is_killed_at_any_rename_ends_right(
    night: Night, number: int, done: int, goes_on: str
) -> None:
    night.want(SWAP, members="bob")
    kill_at(night, nth_rename(number), after=done)
    if goes_on == "resume":
        ended = night.run("resume", night.journal())
        assert ended.code == 0, ended
        statuses = {str(outcome.status) for outcome in load_journal(night.journal()).run.outcomes}
        assert statuses == {"done"}
    elif goes_on == "sync":
        ended = night.sync()
        assert ended.code == 0, ended
    else:
        night.forget_runs()
        ended = night.sync()
        assert ended.code == 0, ended
    assert night.people() == SWAP
    assert night.members() == {"bob"}
    assert night.sync().out == ""


def test_a_login_that_is_taken_in_the_middle_leaves_nobody_unnoticed(night: Night) -> None:
    """Somebody called ada logs in for the first time while the username is free."""
    night.want(SWAP, members="bob")
    second = nth_rename(2)

    def fault(names: tuple[str, ...]) -> InjectedFault | None:
        if second(names):
            night.server.store.add_user("ada")
        return None

    night.server.fault = fault
    ended = night.sync()
    night.server.fault = None
    assert ended.code == 3, ended
    assert 'until the next run, the user is called "kanport-rename-' in ended.out
    assert "leo" not in night.by_login()
    again = night.sync()
    assert again.code == 3, again
    assert "username-temporary" in again.out and "kanport-rename-" in again.out
    (temporary,) = [login for login in night.by_login() if login.startswith("kanport-rename-")]
    told = night.run("explain", "m.yaml", temporary)
    assert told.code == 0 and "username-temporary" in told.out, told
    # Somebody decides, and the next night goes on from there.
    night.server.store.change("DELETE FROM users WHERE username = 'ada'")
    last = night.sync()
    assert last.code == 0, last
    assert night.people() == SWAP


def test_a_login_that_was_given_to_somebody_new_keeps_back_these_two_alone(
    server: Sandbox, tmp_path: Path, kanport: Kanport
) -> None:
    night = Night(server, tmp_path, kanport, "id")
    night.want({"9": "ada", "2": "ada.b", "3": "cy"}, members="ada.b")
    for _ in range(2):
        done = night.sync()
        assert done.code == 3, done
        assert "identity-changed" in done.out and "ada" in done.out
        assert night.people() == {"1": "ada", "2": "ada.b", "3": "cy"}
        assert night.members() == {"ada", "ada.b"}
    # The owner gets another login: the account moves on, and the new person gets one.
    night.want({"1": "ada.l", "9": "ada", "2": "ada.b", "3": "cy"}, members="ada.b")
    assert night.sync().code == 0
    assert night.people() == {"1": "ada.l", "2": "ada.b", "3": "cy"}
    assert night.by_login()["ada"] not in night.ids.values()


def test_two_people_with_one_id_keep_back_themselves_alone(
    server: Sandbox, tmp_path: Path, kanport: Kanport
) -> None:
    night = Night(server, tmp_path, kanport, "id")
    night.want({"1": "ada", "2": "bob", "3": "cy"}, members="ada bob")
    with (tmp_path / "people.csv").open("a", encoding="utf-8") as file:
        file.write("1,eve,Eve,e@x.org\n")
    assert night.run("validate", "m.yaml").code == 5
    done = night.sync()
    assert done.code == 3 and "id-shared" in done.out, done
    assert night.people() == {"1": "ada", "2": "bob", "3": "cy"}
    assert "eve" not in night.by_login()


def test_an_error_of_another_kind_still_stops_everything(
    server: Sandbox, tmp_path: Path, kanport: Kanport
) -> None:
    night = Night(server, tmp_path, kanport, "id")
    night.want({"1": "bob", "2": "ada"}, members="bob")
    with (tmp_path / "people.csv").open("a", encoding="utf-8") as file:
        file.write("8,new,New,no-address\n")
    assert night.sync().code == 5
    assert night.people() == LOGINS
