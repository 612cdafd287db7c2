"""Members of groups that are entries of a directory count for the user of the same entry alone."""

from dataclasses import replace

import pytest

from kanport.model import DesiredState
from kanport.normalize import Normalized
from kanport.origin import Origin
from kanport.relations import About
from kanport.table import DirectoryEntry, Row, Scope
from tests.normalize.test_entries import ADA, PAT, an_entry
from tests.support.findings import codes
from tests.support.inputs import a_table, normalize_tables

MAPPING = """
    ledger: a.ledger
    sources:
      staff: {type: csv, path: staff.csv}
      teams: {type: csv, path: teams.csv}
    users:
      from: staff
      fields:
        username: {from: Login}
    groups:
      - from: teams
        name: {from: Group}
        member: {from: Login}
"""
EVE = an_entry("uid=eve,ou=people", "5")
OUTSIDE = an_entry("uid=zoe,ou=partners", "6", outside=True)
LOCKED = an_entry("uid=lee,ou=partners", "7", outside=True, locked=True)


def read(*members: tuple[str, DirectoryEntry | None], scopes: tuple[Scope, ...] = ()) -> Normalized:
    """Normalize a list of users, Ada with her entry, and a group with these members."""
    staff = a_table("staff", "Login", "ada")
    staff = staff.with_rows(replace(row, entry=ADA) for row in staff.rows)
    teams = a_table("teams", "Group | Login", *(f"Web | {name}" for name, _ in members))
    rows = zip(teams.rows, members, strict=True)
    teams = teams.with_rows(replace(row, entry=entry) for row, (_, entry) in rows)
    return normalize_tables(MAPPING, staff, replace(teams, scopes=scopes))


def members(desired: DesiredState) -> dict[str, bool]:
    """Return who is to be in the group, and whether no source of users has them."""
    return {one.holder.value: one.unlisted for one in desired.group_members}


@pytest.mark.parametrize(
    ("member", "expected", "said"),
    [
        (("ada", ADA), {"ada": False}, []),
        (("eve", EVE), {"eve": True}, []),
        (("zoe", OUTSIDE), {}, ["member-outside"]),
        (("lee", LOCKED), {}, ["member-outside"]),
        (("ada", PAT), {}, ["member-other"]),
        (("bob", None), {"bob": False}, []),
    ],
    ids=["the same entry", "in no list", "outside", "locked", "of another entry", "no entry"],
)
def test_who_counts_as_a_member(
    member: tuple[str, DirectoryEntry | None], expected: dict[str, bool], said: list[str]
) -> None:
    for others, more in ((), {}), ((("carl", None),), {"carl": False}):
        found = read(member, *others)
        assert (members(found.desired), codes(found)) == (expected | more, said)
        assert found.desired.unknown.group_members == frozenset()
        assert [group.name.value for group in found.desired.groups] == ["Web"]


def test_a_row_of_which_it_is_open_whom_it_means_keeps_them_as_they_are() -> None:
    unclear = an_entry("uid=ada,ou=people", "9")
    found = read(("ada", unclear), ("carl", None))
    assert members(found.desired) == {"carl": False}
    assert found.desired.unknown.group_members == {("ada", "web")}
    assert codes(found) == ["member-other"]


def scope(name: str, *, is_open: bool = False) -> Scope:
    return Scope(Row(Origin("teams", dn=f"cn={name},dc=x"), {"Group": name}), is_open)


def test_a_group_of_a_directory_is_there_without_members_and_stands_at_its_entry() -> None:
    found = read(("ada", ADA), scopes=(scope("Web"), scope("Ops")))
    groups = {group.name.value: group for group in found.desired.groups}
    assert sorted(groups) == ["Ops", "Web"]
    assert all(group.members_listed for group in groups.values())
    assert groups["Ops"].name.origins == (scope("Ops").row.place("Group"),)
    assert found.desired.unknown.group_members == frozenset()


def test_a_group_of_which_not_all_members_are_known_leaves_open_who_is_in_it() -> None:
    found = read(("ada", ADA), scopes=(scope("Web"), scope("Ops", is_open=True)))
    assert found.desired.unknown.group_members == {(None, "ops")}
    (blocker,) = found.desired.unknown.because
    assert (blocker.kind, blocker.about, blocker.what) == ("group", About.GROUP_MEMBER, "ops")
    assert blocker.origin.dn == "cn=Ops,dc=x"


def test_a_login_that_two_entries_have_is_refused_whoever_comes_before() -> None:
    staff = a_table("staff", "Login|Name", "ada|Ada", "ada|Ida", "bob|Bob", "bob|Bob", "eve|Eve")
    bobs = an_entry("uid=bob,ou=people", "2"), an_entry("uid=bob,ou=other", "3")
    entries = (ADA, ADA, *bobs, EVE)
    rows = zip(staff.rows, entries, strict=True)
    staff = staff.with_rows(replace(row, entry=entry) for row, entry in rows)
    mapping = MAPPING.replace(
        "{from: Login}\n    groups", "{from: Login}\n        name: {from: Name}\n    groups"
    )
    found = normalize_tables(mapping, staff, a_table("teams", "Group | Login"))
    assert {"user-repeated", "login-shared"} <= set(codes(found))
    assert [user.username.value for user in found.desired.users] == ["eve"]
