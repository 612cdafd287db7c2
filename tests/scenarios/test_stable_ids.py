"""Stable ids through the command line: files with ids, a server, and a ledger between the runs."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kanport import ledger
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport

MAPPING = """\
kanport: 1
name: club
ledger: people.ledger
sources:
  people: {type: csv, path: people.csv}
  grants: {type: csv, path: grants.csv}
users:
  from: people
  id: {from: Number}
  find_by: [username, email]
  fields:
    username: {from: Login}
    name: {from: Name}
    email: {from: Mail}
  missing: disable
  managed: {usernames: ["*"]}
memberships:
  - from: grants
    username: {from: Login}
    project: {from: Project}
    role: project-member
memberships_missing: revoke
protect: [admin]
"""
HEADER = "Number,Login,Name,Mail\n"
ADA = "017,ada,Ada Lovelace,ada@example.org\n"
BOB = "018,bob,Bob Ross,bob@example.org\n"
CY = "019,cy,Cy Twombly,cy@example.org\n"


class Club:
    """The files of a club, and what its server has."""

    def __init__(self, folder: Path, server: Sandbox) -> None:
        self.folder, self.server = folder, server
        self.mapping = folder / "club.yaml"
        self.ledger = folder / "people.ledger"
        self.mapping.write_text(MAPPING, encoding="utf-8")
        server.store.add_project("Alpha", identifier="ALPHA")
        self.want(ADA, BOB, CY, members="ada bob")

    def want(self, *people: str, members: str = "") -> None:
        """Write the files anew."""
        (self.folder / "people.csv").write_text(HEADER + "".join(people), encoding="utf-8")
        lines = "".join(f"{login},ALPHA\n" for login in members.split())
        text = "Login,Project\n" + lines
        (self.folder / "grants.csv").write_text(text, encoding="utf-8")

    def users(self) -> dict[str, int]:
        """Give the ids of the active users but the administrator, by username."""
        users = self.server.store.snapshot().users.values()
        return {user.username: user.id for user in users if user.is_active and user.id != 1}

    def members(self) -> set[str]:
        return {username for _, username in self.server.store.snapshot().memberships}

    def known(self) -> dict[str, tuple[int, str]]:
        people = ledger.recall(self.ledger, self.server.url).identities
        return {one.id: (one.user_id, one.username) for one in people.values()}


@pytest.fixture
def club(server: Sandbox, kanport: Kanport, tmp_path: Path) -> Club:
    """A club that has been brought to its server once."""
    made = Club(tmp_path, server)
    first = kanport("sync", made.mapping)
    assert first.code == 0, first
    server.forget_requests()
    return made


def test_the_first_run_records_who_is_who(club: Club) -> None:
    users = club.users()
    assert club.known() == {
        "017": (users["ada"], "ada"),
        "018": (users["bob"], "bob"),
        "019": (users["cy"], "cy"),
    }
    assert club.ledger.stat().st_mode & 0o777 == 0o600


def test_a_plan_writes_no_ledger(server: Sandbox, kanport: Kanport, tmp_path: Path) -> None:
    club = Club(tmp_path, server)
    assert kanport("plan", club.mapping, "-o", "plan.json").code == 0
    assert not club.ledger.exists()
    assert kanport("validate", club.mapping).code == 0
    assert not club.ledger.exists()


def test_a_new_login_with_a_new_address_is_a_rename(club: Club, kanport: Kanport) -> None:
    before = club.users()
    club.want("017,ada.king,Ada King,countess@example.org\n", BOB, CY, members="ada.king bob")
    done = kanport("sync", club.mapping)
    assert done.code == 0, done
    after = club.users()
    assert after == {"ada.king": before["ada"], "bob": before["bob"], "cy": before["cy"]}
    assert club.members() == {"ada.king", "bob"}
    assert club.known()["017"] == (before["ada"], "ada.king")
    club.server.forget_requests()
    again = kanport("sync", club.mapping)
    assert again.code == 0 and not club.server.writes


def test_apply_of_a_saved_plan_records_as_well(club: Club, kanport: Kanport) -> None:
    joiner = "020,dee,Dee,dee@example.org\n"
    renamed = "017,ada.king,Ada King,ada@example.org\n"
    club.want(renamed, BOB, CY, joiner, members="ada.king bob")
    assert kanport("plan", club.mapping, "-o", "plan.json").code == 0
    plan = json.loads(Path("plan.json").read_text(encoding="utf-8"))
    assert plan["mapping"]["ledger"] == "people.ledger"
    assert {"id": "020", "username": "dee"} in plan["identities"]
    assert kanport("apply", "plan.json", "--yes").code == 0
    users = club.users()
    assert club.known()["017"] == (users["ada.king"], "ada.king")
    assert club.known()["020"] == (users["dee"], "dee")


def test_a_login_that_somebody_else_has_now_is_nobody_s(club: Club, kanport: Kanport) -> None:
    before = club.server.store.snapshot()
    club.want("099,ada,Ada Byron,byron@example.org\n", BOB, CY, members="ada bob")
    withheld = kanport("sync", club.mapping)
    assert withheld.code == 3, withheld
    assert "identity-changed" in withheld.out
    assert '"017"' in withheld.out and '"099"' in withheld.out
    assert not club.server.writes
    club.want("099,ada,Ada Byron,byron@example.org\n", BOB, members="ada bob")
    assert kanport("sync", club.mapping).code == 3
    after = club.server.store.snapshot()
    assert after.users["ada"] == before.users["ada"]
    assert after.memberships == before.memberships
    assert not after.users["cy"].is_active
    assert club.known()["017"][1] == "ada"


def test_a_login_whose_owner_got_another_one_goes_to_a_new_account(
    club: Club, kanport: Kanport
) -> None:
    before = club.users()
    club.want(
        "017,ada.king,Ada King,ada@example.org\n",
        "099,ada,Ada Byron,byron@example.org\n",
        BOB,
        CY,
        members="ada bob",
    )
    done = kanport("sync", club.mapping)
    assert done.code == 0, done
    after = club.users()
    assert after["ada.king"] == before["ada"]
    assert after["ada"] not in before.values()
    assert club.members() == {"ada", "bob"}
    assert club.known()["099"] == (after["ada"], "ada")


def test_a_leaver_and_a_joiner_are_two_people(club: Club, kanport: Kanport) -> None:
    club.want(BOB, CY, "020,dee,Dee,dee@example.org\n", members="bob")
    done = kanport("sync", club.mapping)
    assert done.code == 0, done
    assert set(club.users()) == {"bob", "cy", "dee"}
    assert not club.server.store.snapshot().users["ada"].is_active


def test_who_comes_back_with_the_same_id_gets_the_same_account(
    club: Club, kanport: Kanport
) -> None:
    before = club.users()["ada"]
    club.want(BOB, CY, members="bob")
    assert kanport("sync", club.mapping).code == 0
    club.want("017,ada.king,Ada King,king@example.org\n", BOB, CY, members="bob")
    assert kanport("sync", club.mapping).code == 0
    assert club.server.store.snapshot().users["ada.king"].id == before


def test_without_the_ledger_nobody_is_harmed(club: Club, kanport: Kanport) -> None:
    club.ledger.unlink()
    again = kanport("sync", club.mapping)
    assert again.code == 0 and not club.server.writes
    assert len(club.known()) == 3


def test_a_ledger_from_before_the_last_rename_is_no_harm(club: Club, kanport: Kanport) -> None:
    old = club.ledger.read_bytes()
    club.want("017,ada.king,Ada King,king@example.org\n", BOB, CY, members="ada.king bob")
    assert kanport("sync", club.mapping).code == 0
    club.ledger.write_bytes(old)
    club.server.forget_requests()
    again = kanport("sync", club.mapping)
    assert again.code == 0 and not club.server.writes
    assert club.known()["017"][1] == "ada.king"


def test_a_ledger_that_cannot_be_written_is_told_and_hides_nothing(
    club: Club, kanport: Kanport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger.file, "PATIENCE", 0.1)
    club.want("017,ada.king,Ada King,king@example.org\n", BOB, CY, members="ada.king bob")
    with closing(sqlite3.connect(club.ledger, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = kanport("sync", club.mapping, "--format", "json")
        other.execute("ROLLBACK")
    assert done.code == 3, done
    assert "Warning: the ledger" in done.err
    assert json.loads(done.out)["tally"]["failed"] == 0
    assert "ada.king" in club.users()
    again = kanport("sync", club.mapping)
    assert again.code == 0, again


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_read_only_ledger_is_read_and_told(club: Club, kanport: Kanport) -> None:
    club.ledger.chmod(0o400)
    club.want("017,ada.king,Ada King,king@example.org\n", BOB, CY, members="ada.king bob")
    planned = kanport("plan", club.mapping)
    assert planned.code == 0 and "ada.king" in planned.out
    assert kanport("sync", club.mapping).code == 3
    assert "ada.king" in club.users()


@pytest.mark.parametrize("command", ["plan", "sync"])
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("garbage", "is not a ledger of Kanport"),
        ("torn", "is not a ledger of Kanport, or is damaged"),
        ("newer", "is of version 99"),
    ],
)
def test_a_ledger_that_is_none_stops_before_anything_is_written(
    club: Club, kanport: Kanport, command: str, what: str, said: str
) -> None:
    whole = club.ledger.read_bytes()
    if what == "newer":
        with closing(sqlite3.connect(club.ledger)) as database:
            database.execute("PRAGMA user_version = 99")
            database.commit()
    else:
        club.ledger.write_bytes(b"garbage " * 1000 if what == "garbage" else whole[:5000])
    spoilt = club.ledger.read_bytes()
    club.want(BOB, members="bob")
    club.server.forget_requests()
    refused = kanport(command, club.mapping)
    assert refused.code == 6, refused
    assert said in refused.err
    assert not club.server.requests
    assert club.ledger.read_bytes() == spoilt


def test_a_row_without_an_id_takes_nothing_from_anybody(club: Club, kanport: Kanport) -> None:
    club.mapping.write_text(MAPPING + "invalid_rows: skip\n", encoding="utf-8")
    before = club.users()
    club.want(",ada.king,Ada King,king@example.org\n", BOB, members="bob")
    skipped = kanport("sync", club.mapping)
    assert skipped.code == 3, skipped
    assert "value-required" in skipped.out
    assert club.users() == before
    assert "ada" in club.members()
