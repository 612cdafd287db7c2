"""Whatever the input leaves open says because of which row or source, and nothing else does."""

import pytest

from kanport.facts import fact
from kanport.model import Blocker, Unknown
from kanport.relations import About
from kanport.table import UNPROVEN, Odd
from tests.support.inputs import GRANTS, MATRIX, PEOPLE, Cell, a_table, normalize_tables

HIDDEN, ERROR = Odd(fact(UNPROVEN)), Odd(fact("cell-error", error="#N/A"), "#N/A")
GROUPS = """
    ledger: a.ledger
    sources:
      teams: {type: csv, path: teams.csv}
    groups:
      - from: teams
        name: {from: Group, split: ";"}
        member: {from: Login, split: ";"}
        external_id: {from: Id}
"""
ACCESS = """
    ledger: a.ledger
    sources:
      teams: {type: csv, path: teams.csv}
    group_access:
      - from: teams
        group: {from: Group, split: ";"}
        project: {from: Project, split: ";"}
        role: {from: Role, values: {R: project-viewer, W: project-member}}
"""
HEADS = {
    PEOPLE: ("staff", "Login|Name|Mail|Role|Active"),
    GRANTS: ("grants", "Login|Project|Access"),
    MATRIX: ("access", "Login|ALPHA|BETA"),
    GROUPS: ("teams", "Group|Login|Id"),
    ACCESS: ("teams", "Group|Project|Role"),
}

Row = str | tuple[Cell, ...]


def unknown(mapping: str, *rows: Row) -> Unknown:
    source, header = HEADS[mapping]
    return normalize_tables(mapping, a_table(source, header, *rows)).desired.unknown


def pairs(found: Unknown, about: str) -> set[tuple[str | None, str | None]]:
    return {(one.who, one.what) for one in found.because if one.about == about}


def explained(found: Unknown) -> None:
    """See that what is open and because of what is open are one and the same."""
    about_users = {one.who for one in found.because if one.about is About.USER}
    assert found.everybody is (None in about_users)
    assert found.people <= about_users | {who for who, _ in pairs(found, About.MEMBERSHIP)}
    assert about_users - {None} <= found.people
    # Whoever is open is so in every project and group.
    whole = {(who, None) for who in about_users}
    assert pairs(found, About.MEMBERSHIP) <= found.memberships
    assert found.memberships - pairs(found, About.MEMBERSHIP) <= whole
    assert pairs(found, About.GROUP_MEMBER) <= found.group_members
    assert found.group_members - pairs(found, About.GROUP_MEMBER) <= whole
    assert pairs(found, About.GROUP_ACCESS) == found.group_access


@pytest.mark.parametrize(
    ("mapping", "row"),
    [
        (PEOPLE, "ada|Ada|a@x.org|app-user|yes"),
        (GRANTS, "ada|ALPHA|W"),
        (MATRIX, "ada|R|"),
        (GROUPS, "Web|ada|"),
        (ACCESS, "Web|ALPHA|W"),
        (ACCESS, "Web||W"),
    ],
)
def test_a_row_that_is_right_leaves_nothing_open(mapping: str, row: str) -> None:
    assert unknown(mapping, row) == Unknown()


@pytest.mark.parametrize(
    ("mapping", "row", "about", "expected"),
    [
        (PEOPLE, "ada|Ada|not an email|app-user|yes", "user", {("ada", None)}),
        (PEOPLE, "ada|Ada|a@x.org|boss|yes", "user", {("ada", None)}),
        (PEOPLE, "|Ada|a@x.org|app-user|yes", "user", {(None, None)}),
        (PEOPLE, (ERROR, "Ada", "a@x.org", "app-user", "yes"), "user", {(None, None)}),
        (GRANTS, "ada|ALPHA|", About.MEMBERSHIP, {("ada", "alpha")}),
        (GRANTS, "ada||W", About.MEMBERSHIP, {("ada", None)}),
        (GRANTS, "|ALPHA|W", About.MEMBERSHIP, {(None, "alpha")}),
        (GRANTS, ("ada", ERROR, "W"), About.MEMBERSHIP, {("ada", None)}),
        (GRANTS, ("ada", HIDDEN, "W"), About.MEMBERSHIP, {("ada", None)}),
        (GRANTS, ("ada", "ALPHA", HIDDEN), About.MEMBERSHIP, {("ada", "alpha")}),
        (MATRIX, "ada|R|X", About.MEMBERSHIP, {("ada", "alpha"), ("ada", "beta")}),
        (GROUPS, "Web;Ops|a\tb|", About.GROUP_MEMBER, {(None, "web"), (None, "ops")}),
        (GROUPS, "a\tb|ada|", About.GROUP_MEMBER, {("ada", None)}),
        (GROUPS, (HIDDEN, "ada", ""), About.GROUP_MEMBER, {("ada", None)}),
        (ACCESS, "Web;Ops|ALPHA;BETA|", About.GROUP_ACCESS,
         {(g, p) for g in ("web", "ops") for p in ("alpha", "beta")}),
        (ACCESS, ("Web", HIDDEN, "W"), About.GROUP_ACCESS, {("web", None)}),
        (ACCESS, ("Web", "ALPHA", HIDDEN), About.GROUP_ACCESS, {("web", "alpha")}),
        (ACCESS, (HIDDEN, "", "W"), About.GROUP_ACCESS, {(None, None)}),
        (ACCESS, "|ALPHA|X", About.GROUP_ACCESS, {(None, "alpha")}),
    ],
)  # fmt: skip
def test_what_a_row_leaves_open_names_the_row(
    mapping: str, row: Row, about: str, expected: set[tuple[str | None, str | None]]
) -> None:
    good: dict[str, str] = {
        PEOPLE: "eve|Eve|e@x.org|app-user|yes",
        GRANTS: "eve|GAMMA|R",
        MATRIX: "eve||W",
        GROUPS: "Dev|eve|",
        ACCESS: "Dev|GAMMA|R",
    }
    found = unknown(mapping, good[mapping], row)
    assert expected <= pairs(found, about)
    explained(found)
    assert {one.kind for one in found.because} == {"row"}
    assert {one.origin.row for one in found.because} == {3}
    assert {one.origin.column for one in found.because} == {None}


def test_each_row_is_named_and_only_those_that_are_wrong() -> None:
    found = unknown(GRANTS, "ada|ALPHA|", "bob|ALPHA|W", "ada|ALPHA|", "eve|BETA|R", "bob||W")
    explained(found)
    assert {(one.who, one.what, one.origin.row) for one in found.because} == {
        ("ada", "alpha", 2),
        ("ada", "alpha", 4),
        ("bob", None, 6),
    }


def test_two_rows_that_contradict_each_other_are_both_named() -> None:
    for mapping, rows in (
        (GRANTS, ("ada|ALPHA|W", "ada|alpha|R")),
        (ACCESS, ("Web|ALPHA|W", "web|alpha|R")),
        (GROUPS, ("Web|ada|a", "web|bob|b")),
        (PEOPLE, ("ada|Ada||app-user|yes", "ada|Eve||app-user|yes")),
    ):
        found = unknown(mapping, *rows)
        explained(found)
        assert {one.origin.row for one in found.because} == {2, 3}


def test_a_source_that_was_not_read_to_its_end_is_named() -> None:
    from dataclasses import replace

    table = replace(a_table("grants", "Login|Project|Access", "ada|ALPHA|W"), partial=True)
    found = normalize_tables(GRANTS, table).desired.unknown
    assert {(one.kind, one.who, one.origin.source) for one in found.because} == {
        ("source", None, "grants")
    }
    assert all(isinstance(one, Blocker) for one in found.because)
