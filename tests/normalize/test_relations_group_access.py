"""Which rows are about the access of groups, which about something else, and which are broken."""

import pytest

from kanport.facts import fact
from kanport.model import DesiredState
from kanport.normalize import Normalized
from kanport.table import UNPROVEN, Odd
from tests.support.findings import codes
from tests.support.inputs import Cell, a_table, normalize_tables

MAPPING = """
    ledger: a.ledger
    sources:
      teams: {type: csv, path: teams.csv}
    group_access:
      - from: teams
        group: {from: Group, split: ";"}
        project: {from: Project, split: ";"}
        role: {from: Role, values: {R: project-viewer, W: project-member}}
"""
PLAIN = MAPPING.replace(", values: {R: project-viewer, W: project-member}", "")
VIEWER, MEMBER = "project-viewer", "project-member"

HIDDEN = Odd(fact(UNPROVEN))
"""A cell whose attribute is not there, or only hidden."""

Wanted = dict[tuple[str, str], str]


def read(*rows: str | tuple[Cell, ...], mapping: str = MAPPING) -> Normalized:
    """Normalize rows of group, project, role, and something that no rule reads."""
    return normalize_tables(mapping, a_table("teams", "Group | Project | Role | Login", *rows))


def wanted(desired: DesiredState) -> Wanted:
    return {
        (one.holder.value, one.target.value): str(one.role.value) for one in desired.group_access
    }


# --- rows about something else --------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        "|||ada",
        "Web|||ada",
        "|ERP||ada",
        "||W|ada",
        "Web||W|ada",
        "|ERP|W|ada",
        "|||",
        " ; ||W|ada",
        "Web|;|W|ada",
    ],
    ids=[
        "nothing of it",
        "a group alone",
        "a project alone",
        "a role alone",
        "no project",
        "no group",
        "an empty row",
        "no group among separators",
        "no project among separators",
    ],
)
def test_a_row_without_a_group_or_without_a_project_is_about_something_else(row: str) -> None:
    for rows in ((row, "Ops|FIN|R|"), ("Ops|FIN|R|", row)):
        normalized = read(*rows)
        assert codes(normalized) == []
        assert wanted(normalized.desired) == {("Ops", "FIN"): VIEWER}
        assert normalized.desired.unknown.group_access == frozenset()


def test_a_file_in_which_no_row_is_about_groups_is_fine() -> None:
    normalized = read("Web|||ada", "|ERP|W|bob")
    assert codes(normalized) == []
    assert normalized.desired.group_access == ()


def test_rows_about_memberships_stand_in_the_same_file() -> None:
    memberships = """
    memberships:
      - from: teams
        username: {from: Login}
        project: {from: Project}
        role: {from: Role, values: {R: project-viewer, W: project-member}}
"""
    one_project = MAPPING.replace('Project, split: ";"', "Project")
    # A row for a group has no login, and one for a person no group; each is read by its own rule.
    normalized = read("|ERP|W|ada", "|FIN|R|bob", mapping=one_project + memberships)
    assert codes(normalized) == []
    assert normalized.desired.group_access == ()
    assert {m.key[0] for m in normalized.desired.memberships} == {"ada", "bob"}


# --- rows that are about it, and broken -----------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "code", "is_open"),
    [
        ("Web|ERP||", "value-required", ("web", "erp")),
        ("Web|ERP|X|", "value-not-in-table", ("web", "erp")),
        ("a\tb|ERP|W|", "cell-control", (None, "erp")),
        ("Web|E\tP|W|", "cell-control", ("web", None)),
        ("x" * 192 + "|ERP|W|", "group-name-odd", (None, "erp")),
        # What is left out is unknown, as one of the three is broken.
        ("a\tb||W|", "cell-control", (None, None)),
        ("|E\tP|W|", "cell-control", (None, None)),
        ("|ERP|X|", "value-not-in-table", (None, "erp")),
        ("Web||X|", "value-not-in-table", ("web", None)),
        ("||X|", "value-not-in-table", (None, None)),
    ],
)
def test_a_row_that_is_broken_takes_nothing_and_leaves_open_what_it_may_have_meant(
    row: str, code: str, is_open: tuple[str | None, str | None]
) -> None:
    normalized = read(row, "Ops|FIN|R|")
    assert codes(normalized) == [code]
    assert wanted(normalized.desired) == {("Ops", "FIN"): VIEWER}
    assert normalized.desired.unknown.group_access == {is_open}


def test_a_role_that_nobody_has_is_an_error_only_where_it_is_read() -> None:
    normalized = read("Web|ERP|boss|", "|FIN|boss|", "Ops||boss|", mapping=PLAIN)
    assert codes(normalized) == ["role-unknown"]
    assert normalized.desired.unknown.group_access == {("web", "erp")}


def test_all_that_a_broken_row_names_is_left_open() -> None:
    normalized = read("Web;Ops|ERP;FIN||", "Web|CRM|W|", "Dev|ERP|R|")
    assert set(codes(normalized)) == {"value-required"}
    assert normalized.desired.unknown.group_access == {
        (group, project) for group in ("web", "ops") for project in ("erp", "fin")
    }
    assert wanted(normalized.desired) == {("Web", "CRM"): MEMBER, ("Dev", "ERP"): VIEWER}


def test_what_a_broken_row_may_mean_is_not_taken_from_another_row() -> None:
    normalized = read("Web|ERP|X|", "Web|ERP|W|", "web|erp|W|")
    assert codes(normalized) == ["value-not-in-table"]
    assert wanted(normalized.desired) == {}


@pytest.mark.parametrize(
    ("cells", "is_open"),
    [
        (("Web", "ERP", HIDDEN, ""), ("web", "erp")),
        (("Web", HIDDEN, "W", ""), ("web", None)),
        ((HIDDEN, "ERP", "W", ""), (None, "erp")),
        ((HIDDEN, "", "W", ""), (None, None)),
        (("", HIDDEN, "W", ""), (None, None)),
        (("", "ERP", HIDDEN, ""), (None, "erp")),
    ],
)
def test_what_may_only_be_hidden_is_open_and_no_error(
    cells: tuple[Cell, ...], is_open: tuple[str | None, str | None]
) -> None:
    normalized = read(cells, "Ops|FIN|R|")
    assert [f.code for f in normalized.findings if f.severity == "error"] == []
    assert wanted(normalized.desired) == {("Ops", "FIN"): VIEWER}
    assert normalized.desired.unknown.group_access == {is_open}


# --- several at once, and what contradicts itself -------------------------------------------------


def test_each_group_of_a_row_gets_each_project() -> None:
    normalized = read("Web;Ops|ERP; FIN ;ERP|W|")
    assert codes(normalized) == []
    assert wanted(normalized.desired) == {
        (group, project): MEMBER for group in ("Web", "Ops") for project in ("ERP", "FIN")
    }


@pytest.mark.parametrize("other", ["Web|ERP|W|", "WEB|erp|W|"])
def test_the_same_twice_is_one(other: str) -> None:
    normalized = read("Web|ERP|W|", other)
    assert codes(normalized) == []
    (access,) = normalized.desired.group_access
    assert [place.row for place in access.role.origins] == [2, 3]


def test_two_roles_at_once_are_an_error_that_names_both_and_nothing_else_is_touched() -> None:
    normalized = read("Web|ERP|W|", "Web|FIN|W|", "web|ERP|R|", "Ops|ERP|R|")
    (finding,) = normalized.findings
    assert finding.code == "group-differs"
    places = (finding.origin, *finding.related)
    assert [place.row for place in places if place is not None] == [2, 4]
    assert wanted(normalized.desired) == {("Web", "FIN"): MEMBER, ("Ops", "ERP"): VIEWER}
    assert normalized.desired.unknown.group_access == {("web", "erp")}


def test_what_a_pattern_of_the_project_says_of_the_role_is_its_role() -> None:
    mapping = r"""
    ledger: a.ledger
    sources:
      teams: {type: csv, path: teams.csv}
    group_access:
      - from: teams
        group: {from: Group}
        project:
          from: Project
          split: ";"
          match: '^prj-(?P<project>\w+)-(?P<role>\w+)$'
          each: true
        role: {part: role, values: {ro: project-viewer, rw: project-member}}
"""
    normalized = read("Web|prj-ERP-ro;other;prj-FIN-rw||", "Ops|other||", mapping=mapping)
    assert codes(normalized) == []
    assert wanted(normalized.desired) == {("Web", "ERP"): VIEWER, ("Web", "FIN"): MEMBER}
    normalized = read("Web|prj-ERP-xx;prj-FIN-rw||", mapping=mapping)
    assert codes(normalized) == ["value-not-in-table"]
    assert wanted(normalized.desired) == {}


def test_a_list_in_the_mapping_is_read_beside_the_rows() -> None:
    listed = MAPPING + "      - list: {Web: {CRM: project-manager}}\n"
    normalized = read("Ops|FIN|R|", mapping=listed)
    assert codes(normalized) == []
    assert wanted(normalized.desired) == {
        ("Ops", "FIN"): VIEWER,
        ("Web", "CRM"): "project-manager",
    }
    broken = MAPPING + (
        "      - list: {Web: {CRM: boss, HR: boss}}\n    custom_roles: {HR: [boss]}\n"
    )
    normalized = read("Ops|FIN|R|", mapping=broken)
    assert codes(normalized) == ["role-unknown"]
    assert wanted(normalized.desired) == {("Ops", "FIN"): VIEWER, ("Web", "HR"): "boss"}
