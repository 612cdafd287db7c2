"""Everything that a ledger keeps comes back as it was, for one server alone, and goes when due."""

from pathlib import Path
from typing import Any

import pytest

from kanport.ledger import adopt, recall, record, record_good
from kanport.memory import (
    Absence,
    DirectoryMemory,
    GoodRun,
    Grant,
    KnownEntry,
    LedgerState,
    LedgerUpdate,
    Missed,
    SourceMemory,
)
from kanport.model import Identity

SERVER, OTHER = "https://kanboard.example.org/jsonrpc.php", "https://b.example.org/jsonrpc.php"
MONDAY, TUESDAY, LATER = "2026-11-23T02:00:00Z", "2026-11-24T02:00:00Z", "2026-11-25T02:00:00Z"
MEMBER, VIEWER = "project-member", "project-viewer"
ADA, BOB = Identity("7", 5, "ada"), Identity("8", 6, "bob")
ENTRIES = {
    "people": {
        "uid=ada": KnownEntry("ada", ("ALPHA",), ("Team",)),
        "cn=team": KnownEntry(None, (), ("Team", "Crew")),
    },
    "others": {"uid=ada": KnownEntry("ada2")},
}
ALL: dict[str, Any] = {
    "identities": (ADA, BOB),
    "created": {5: "ada", 6: "bob"},
    "granted": {(5, 1): Grant("ada", "ALPHA"), (5, 2): Grant("ada", "BETA"),
                (6, 1): Grant("bob", "ALPHA")},
    "missed": {6: Missed("bob", active=True)},
    "through_group": {(5, 1): MEMBER, (6, 1): VIEWER},
    "group_access": {(3, 1): MEMBER, (3, 2): VIEWER, (4, 1): VIEWER},
    "group_names": {3: "Team", 4: "Crew"},
    "project_names": {1: "ALPHA", 2: "BETA"},
    "entries": ENTRIES,
    "put_in": {(5, 3): Grant("ada", "Team"), (6, 3): Grant("bob", "Team"),
               (5, 4): Grant("ada", "Crew")},
    "named_projects": {1: "ALPHA", 2: "BETA"},
    "named_groups": {3: "Team", 4: "Crew"},
}  # fmt: skip
KNOWN: dict[str, Any] = {
    "identities": {"7": ADA, "8": BOB},
    "users": ALL["created"],
    "grants": ALL["granted"],
    "absent": {6: Absence("bob", MONDAY, 1)},
    "counted_at": MONDAY,
    "through_group": ALL["through_group"],
    "group_access": ALL["group_access"],
    "access_names": {
        (3, 1): ("Team", "ALPHA"),
        (3, 2): ("Team", "BETA"),
        (4, 1): ("Crew", "ALPHA"),
    },
    "entries": ENTRIES,
    "group_members": ALL["put_in"],
    "named_projects": ALL["named_projects"],
    "named_groups": ALL["named_groups"],
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    ledger = tmp_path / "people.ledger"
    for server in (OTHER, SERVER):
        record(ledger, server, LedgerUpdate(MONDAY, **ALL), now=MONDAY)
    return ledger


def learn(path: Path, planned_at: str = TUESDAY, **parts: Any) -> LedgerState:
    """Record more, see that the other server is as before, and return what is known then."""
    record(path, SERVER, LedgerUpdate(planned_at, **parts), now=LATER)
    assert recall(path, OTHER) == LedgerState(**KNOWN)
    return recall(path, SERVER)


def known(**others: Any) -> LedgerState:
    return LedgerState(**{**KNOWN, "counted_at": TUESDAY, **others})


def without(name: str, *places: Any) -> dict[str, Any]:
    return {name: {place: one for place, one in KNOWN[name].items() if place not in places}}


def test_all_comes_back(path: Path) -> None:
    assert recall(path, SERVER) == LedgerState(**KNOWN)
    assert recall(path, "https://c.example.org/jsonrpc.php").identities == {}


def test_a_run_that_taught_nothing_changes_nothing_but_the_time(path: Path) -> None:
    assert learn(path) == known()
    assert learn(path, MONDAY) == known(), "the time goes on only"


def test_a_user_who_is_removed_is_forgotten_but_for_the_username(path: Path) -> None:
    found = learn(path, removed=frozenset({6}))
    assert found == known(
        departed={"8": "bob"},
        **without("identities", "8"),
        **without("users", 6),
        **without("grants", (6, 1)),
        **without("absent", 6),
        **without("through_group", (6, 1)),
        **without("group_members", (6, 3)),
    )
    assert learn(path, identities=(Identity("8", 9, "bob"),)).departed == {}


def test_a_user_who_is_renamed_is_known_by_the_new_name(path: Path) -> None:
    found = learn(path, renamed={6: "robert"})
    assert found == known(
        users={5: "ada", 6: "robert"},
        grants=KNOWN["grants"] | {(6, 1): Grant("robert", "ALPHA")},
        absent={6: Absence("robert", MONDAY, 1)},
        group_members=KNOWN["group_members"] | {(6, 3): Grant("robert", "Team")},
    )


def test_an_id_that_another_person_has_by_now_means_them(path: Path) -> None:
    found = learn(path, identities=(Identity("9", 6, "bobby"),))
    assert found.identities == {"7": ADA, "9": Identity("9", 6, "bobby")}
    moved = learn(path, identities=(Identity("7", 8, "ada.l"),))
    assert moved.identities["7"] == Identity("7", 8, "ada.l")


def test_what_is_revoked_and_given_is_known(path: Path) -> None:
    found = learn(
        path,
        revoked=frozenset({(5, 2)}),
        granted={(6, 2): Grant("bob", "BETA"), (6, 1): Grant("bob", "ALPHA 2")},
        created={9: "eve"},
    )
    assert found == known(
        users=KNOWN["users"] | {9: "eve"},
        grants={
            (5, 1): Grant("ada", "ALPHA"),
            (6, 1): Grant("bob", "ALPHA 2"),
            (6, 2): Grant("bob", "BETA"),
        },
    )


def test_roles_of_groups_are_known_and_forgotten(path: Path) -> None:
    found = learn(
        path,
        through_group={(5, 1): None, (6, 1): MEMBER},
        group_access={(3, 1): VIEWER, (3, 2): None},
        group_names={3: "Team A"},
    )
    assert found == known(
        through_group={(6, 1): MEMBER},
        group_access={(3, 1): VIEWER, (4, 1): VIEWER},
        # A role that is given anew has the names of then, as far as they are known.
        access_names={(3, 1): ("Team A", ""), (4, 1): ("Crew", "ALPHA")},
        group_members={
            (5, 3): Grant("ada", "Team A"),
            (6, 3): Grant("bob", "Team A"),
            (5, 4): Grant("ada", "Crew"),
        },
    )


def test_members_of_groups_are_put_in_and_taken_out(path: Path) -> None:
    found = learn(
        path,
        taken_out=frozenset({(5, 3), (6, 4)}),
        put_in={(6, 4): Grant("bob", "Crew")},
    )
    members = {
        **without("group_members", (5, 3))["group_members"],
        (6, 4): Grant("bob", "Crew"),
    }
    assert found == known(group_members=members)  # fmt: skip


def test_entries_are_those_of_the_latest_plan(path: Path) -> None:
    newer = {"people": {"uid=ada": KnownEntry("ada", ("BETA",))}}
    assert learn(path, entries=newer) == known(entries=newer)
    assert learn(path, MONDAY, entries=ENTRIES) == known(entries=newer), "an older plan knows less"
    assert learn(path, entries=None) == known(entries=newer)
    assert learn(path, entries={}) == known(entries={})


def test_what_the_server_lacks_is_forgotten_as_its_number_is_passed_on(path: Path) -> None:
    found = learn(path, gone_projects=frozenset({2}))
    assert found == known(
        **without("named_projects", 2),
        **without("grants", (5, 2)),
        **without("group_access", (3, 2)),
        **without("access_names", (3, 2)),
    )
    found = learn(path, gone_projects=frozenset({1}), gone_groups=frozenset({3}))
    assert (found.named_projects, found.grants, found.through_group) == ({}, {}, {})
    assert (found.named_groups, found.group_access) == ({4: "Crew"}, {})
    assert found.group_members == {(5, 4): Grant("ada", "Crew")}


def test_named_things_get_the_name_of_today(path: Path) -> None:
    found = learn(path, named_projects={1: "ALPHA 2"}, named_groups={4: "Crew 2", 9: "New"})
    assert found == known(
        named_projects={1: "ALPHA 2", 2: "BETA"}, named_groups={3: "Team", 4: "Crew 2", 9: "New"}
    )


def test_what_is_adopted_is_known_besides(path: Path) -> None:
    adopt(path, SERVER, users={9: "eve"}, grants={(9, 1): Grant("eve", "ALPHA")}, now=TUESDAY)
    assert recall(path, OTHER) == LedgerState(**KNOWN)
    found = recall(path, SERVER)
    assert found.users == KNOWN["users"] | {9: "eve"}
    assert found.grants == KNOWN["grants"] | {(9, 1): Grant("eve", "ALPHA")}
    assert found.counted_at == MONDAY


# --- the last good run ----------------------------------------------------------------------------

DIRECTORY = DirectoryMemory(
    seen=frozenset({"pwdaccountlockedtime", "nsaccountlock"}),
    had={"mail": frozenset({"h1", "h2"}), "sn": frozenset()},
    referrals=frozenset({"ldap://b"}),
    server="ldap1",
    marks={"csn": "7", "usn": "9"},
    newest="20261120",
)


@pytest.mark.parametrize(
    "directory",
    [
        None,
        DirectoryMemory(),
        DIRECTORY,
        DirectoryMemory(referrals=frozenset()),
        DirectoryMemory(server="x", referrals=None),
    ],
)
def test_a_good_run_comes_back(path: Path, directory: DirectoryMemory | None) -> None:
    sources = {"people": SourceMemory(9, frozenset({"a", "b"}), directory), "s": SourceMemory(0)}
    good = GoodRun("run-1", TUESDAY, sources)
    record_good(path, SERVER, good)
    assert recall(path, SERVER).last_good == good
    assert recall(path, OTHER).last_good is None


def test_a_later_good_run_takes_the_place_but_of_sources_that_were_in_doubt(path: Path) -> None:
    first = {name: SourceMemory(9, frozenset({name})) for name in ("a", "b", "c")}
    record_good(path, SERVER, GoodRun("run-1", MONDAY, first))
    record_good(path, OTHER, GoodRun("run-0", MONDAY, first))
    later = GoodRun("run-2", TUESDAY, {"a": SourceMemory(3)}, unsure=frozenset({"b"}))
    record_good(path, SERVER, later)
    found = recall(path, SERVER).last_good
    assert found == GoodRun("run-2", TUESDAY, {"a": SourceMemory(3), "b": first["b"]})
    assert recall(path, OTHER).last_good == GoodRun("run-0", MONDAY, first)
