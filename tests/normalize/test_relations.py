"""Memberships: one a row, several in a cell, and as a matrix."""

from dataclasses import replace

import pytest

from kanport.errors import SourceInvalid
from kanport.facts import fact
from kanport.model import DesiredRelation
from kanport.normalize import Normalized
from kanport.relations import About
from kanport.table import Odd
from tests.support.inputs import GRANTS, MATRIX, a_table, codes_and_places, normalize_tables

ERROR = Odd(fact("cell-error", error="#N/A"), "#N/A")


def triples(found: Normalized) -> list[tuple[str, str, str]]:
    return [as_triple(membership) for membership in found.desired.memberships]


def as_triple(membership: DesiredRelation) -> tuple[str, str, str]:
    return membership.holder.value, membership.target.value, membership.role.value


def named(found: Normalized) -> list[str]:
    return [project.value for project in found.desired.projects_named]


def projects(rule: str, *cells: str, role: str = "project-member") -> Normalized:
    mapping = f"""
        sources:
          grants: {{type: csv, path: grants.csv}}
        memberships:
          - from: grants
            username: {{from: Login}}
            project: {rule}
            role: {role}
    """
    return normalize_tables(
        mapping, a_table("grants", "Login|Project", *(["ada", cell] for cell in cells))
    )


def test_two_projects_that_only_an_emoji_tells_apart_stay_two() -> None:
    found = normalize_tables(
        GRANTS, a_table("grants", "Login|Project|Access", "ada|🟢 Ops|W", "ada|🔴 Ops|R")
    )
    assert found.findings == []
    assert [(what, role) for _, what, role in triples(found)] == [
        ("🔴 Ops", "project-viewer"),
        ("🟢 Ops", "project-member"),
    ]
    assert named(found) == ["🔴 Ops", "🟢 Ops"]


def test_two_usernames_that_a_database_takes_for_one_contradict_each_other() -> None:
    found = normalize_tables(
        GRANTS, a_table("grants", "Login|Project|Access", "ann😀|ALPHA|W", "ann🎉|ALPHA|R")
    )
    assert codes_and_places(found) == [("membership-conflict", "grants.csv:2:3")]


def test_a_row_is_a_membership() -> None:
    found = normalize_tables(
        GRANTS, a_table("grants", "Login|Project|Access", "ada|ALPHA|W", "bob|Beta|m")
    )
    assert triples(found) == [
        ("ada", "ALPHA", "project-member"),
        ("bob", "Beta", "project-manager"),
    ]
    assert named(found) == ["ALPHA", "Beta"]
    assert [str(place) for place in found.desired.memberships[0].role.origins] == ["grants.csv:2:3"]


def test_a_row_without_project_and_role_asks_for_nothing() -> None:
    found = normalize_tables(GRANTS, a_table("grants", "Login|Project|Access", "ada||", "||"))
    assert (found.findings, found.desired.memberships) == ([], ())
    assert not found.desired.unknown.everybody


@pytest.mark.parametrize(
    ("line", "finding", "open_pair"),
    [
        ("ada|ALPHA|", ("value-required", "grants.csv:2:3"), ("ada", "alpha")),
        ("ada||W", ("value-required", "grants.csv:2:2"), ("ada", None)),
        ("|ALPHA|W", ("username-empty", "grants.csv:2:1"), (None, "alpha")),
        ("ada|ALPHA|Q", ("value-not-in-table", "grants.csv:2:3"), ("ada", "alpha")),
        (["ada", ERROR, "W"], ("cell-error", "grants.csv:2:2"), ("ada", None)),
        ([ERROR, "ALPHA", "W"], ("cell-error", "grants.csv:2:1"), (None, "alpha")),
        ([ERROR, ERROR, "W"], ("cell-error", "grants.csv:2:1"), (None, None)),
        ("||W", ("username-empty", "grants.csv:2:1"), (None, None)),
    ],
)
def test_what_a_row_does_not_say_is_unknown_and_no_more(
    line: str, finding: tuple[str, str], open_pair: tuple[str | None, str | None]
) -> None:
    found = normalize_tables(GRANTS, a_table("grants", "Login|Project|Access", line, "bob|ALPHA|W"))
    assert finding in codes_and_places(found)
    assert found.desired.unknown.memberships == {open_pair}
    assert found.desired.unknown.everybody == (open_pair[0] is None)
    assert triples(found) == [("bob", "ALPHA", "project-member")]


def test_a_project_is_named_also_by_a_row_that_cannot_be_used() -> None:
    found = normalize_tables(GRANTS, a_table("grants", "Login|Project|Access", "ada|ALPHA|Q"))
    assert named(found) == ["ALPHA"]


def test_a_constant_project_is_named_even_without_a_row() -> None:
    assert named(projects("{value: ALPHA}")) == ["ALPHA"]


def test_several_projects_in_one_cell() -> None:
    found = projects(
        '{from: Project, split: [";", "|", "\\n"]}', "ALPHA; Beta board |;ALPHA\nGAMMA"
    )
    assert [project for _, project, _ in triples(found)] == ["ALPHA", "Beta board", "GAMMA"]
    assert found.findings == []


def test_each_of_several_values_goes_through_the_steps() -> None:
    found = projects(
        "{from: Project, split: ',', transform: [upper], values: {A: ALPHA, B: BETA}}", "a, b,c"
    )
    assert codes_and_places(found) == [("value-not-in-table", "grants.csv:2:2")]
    assert found.desired.unknown.memberships == {("ada", None)}
    assert named(found) == ["ALPHA", "BETA"]
    assert triples(found) == []


def test_without_split_a_line_break_makes_the_cell_unusable() -> None:
    assert codes_and_places(projects("{from: Project}", "ALPHA\nBETA")) == [
        ("cell-control", "grants.csv:2:2")
    ]


def test_a_pattern_picks_project_and_role_out_of_many_values() -> None:
    rule = "{from: Project, each: true, split: ';', match: '^kb-(?P<project>[^-]+)-(?P<who>.+)$'}"
    role = "{part: who, values: {members: project-member, leads: project-manager}}"
    found = projects(rule, "vpn;kb-alpha-members;kb-beta-leads", "printers", role=role)
    assert triples(found) == [
        ("ada", "alpha", "project-member"),
        ("ada", "beta", "project-manager"),
    ]
    assert found.findings == []


def test_without_each_a_value_beside_the_pattern_is_an_error() -> None:
    found = projects("{from: Project, match: '^kb-(?P<value>.+)$'}", "kb-alpha", "vpn")
    assert codes_and_places(found) == [("value-no-match", "grants.csv:3:2")]


def test_roles_are_checked_for_each_project() -> None:
    mapping = GRANTS.replace(
        ", values: {R: project-viewer, W: project-member, M: project-manager}", ""
    )
    mapping += "    custom_roles:\n      Alpha: [tester]\n"
    found = normalize_tables(
        mapping,
        a_table(
            "grants",
            "Login|Project|Access",
            "ada|ALPHA|tester",
            "ada|BETA|tester",
            "bob|ALPHA|Tester",
            "cy|ALPHA|project-viewer",
        ),
    )
    assert triples(found) == [("ada", "ALPHA", "tester"), ("cy", "ALPHA", "project-viewer")]
    assert codes_and_places(found) == [
        ("role-unknown", "grants.csv:3:3"),
        ("role-unknown", "grants.csv:4:3"),
    ]


def test_the_same_membership_twice_is_one_and_told() -> None:
    found = normalize_tables(
        GRANTS, a_table("grants", "Login|Project|Access", "ada|ALPHA|W", "Ada|alpha|W")
    )
    assert triples(found) == [("ada", "ALPHA", "project-member")]
    assert codes_and_places(found) == [("membership-duplicate", "grants.csv:2:3")]
    assert [str(place) for place in found.desired.memberships[0].role.origins] == [
        "grants.csv:2:3",
        "grants.csv:3:3",
    ]


def test_two_roles_for_one_person_in_one_project_leave_it_as_it_is() -> None:
    found = normalize_tables(
        GRANTS,
        a_table("grants", "Login|Project|Access", "ada|ALPHA|W", "ada|ALPHA|R", "ada|BETA|R"),
    )
    assert codes_and_places(found) == [("membership-conflict", "grants.csv:2:3")]
    assert [str(place) for place in found.findings[0].related] == ["grants.csv:3:3"]
    assert triples(found) == [("ada", "BETA", "project-viewer")]
    assert found.desired.unknown.memberships == {("ada", "alpha")}
    assert found.desired.unknown.people == {"ada"}


def test_two_rules_that_read_one_row_can_conflict_too() -> None:
    found = normalize_tables(
        """
        sources:
          grants: {type: csv, path: grants.csv}
        memberships:
          - {from: grants, username: {from: L}, project: {value: ALPHA}, role: project-member}
          - {from: grants, username: {from: L}, project: {value: ALPHA}, role: project-viewer}
        """,
        a_table("grants", "L", "ada"),
    )
    assert codes_and_places(found) == [("membership-conflict", "grants.csv:2")]


# --- a matrix -------------------------------------------------------------------------------------


def test_a_cell_of_a_matrix_is_a_role() -> None:
    found = normalize_tables(
        MATRIX,
        a_table("access", "Login|ALPHA|BETA", "ada|R|project-manager", "bob| w |", "cy||"),
    )
    assert triples(found) == [
        ("ada", "ALPHA", "project-viewer"),
        ("ada", "BETA", "project-manager"),
        ("bob", "ALPHA", "project-member"),
    ]
    assert found.findings == []


def test_every_column_of_a_matrix_is_named_even_if_it_is_empty() -> None:
    found = normalize_tables(MATRIX, a_table("access", "Login|ALPHA|BETA", "ada||"))
    assert named(found) == ["ALPHA", "BETA"]


def test_a_project_of_a_matrix_stands_in_its_header() -> None:
    table = a_table("access", "Login|ALPHA|BETA", "ada|R|")
    header = table.rows[0].place("ALPHA").at(row=1)
    found = normalize_tables(MATRIX, replace(table, headers={"ALPHA": header}))
    assert [str(place) for given in found.desired.projects_named for place in given.origins] == [
        "access.csv:1:2",
        "access.csv",
    ]
    [membership] = found.desired.memberships
    assert [str(place) for place in membership.target.origins] == ["access.csv:1:2"]


def test_one_bad_cell_leaves_the_whole_row_open() -> None:
    found = normalize_tables(MATRIX, a_table("access", "Login|ALPHA|BETA", "ada|R|Q", "bob|R|"))
    assert codes_and_places(found) == [("value-not-in-table", "access.csv:2:3")]
    assert triples(found) == [("bob", "ALPHA", "project-viewer")]
    assert found.desired.unknown.memberships == {("ada", "alpha"), ("ada", "beta")}


def test_an_unreadable_cell_of_a_matrix_is_not_an_empty_one() -> None:
    formula = Odd(fact("cell-formula"))
    found = normalize_tables(MATRIX, a_table("access", "Login|ALPHA|BETA", ["ada", formula, ""]))
    assert codes_and_places(found) == [("cell-formula", "access.csv:2:2")]
    assert found.desired.unknown.is_open(About.MEMBERSHIP, {"ada"}, {"alpha"})


def test_a_number_in_a_matrix_is_looked_up_without_a_warning() -> None:
    number = Odd(fact("cell-number"), "1")
    mapping = MATRIX.replace("{R: project-viewer,", "{1: project-viewer,")
    found = normalize_tables(mapping, a_table("access", "Login|ALPHA|BETA", ["ada", number, ""]))
    assert triples(found) == [("ada", "ALPHA", "project-viewer")]
    assert found.findings == []


def test_without_a_table_a_cell_must_be_a_role() -> None:
    mapping = MATRIX.replace("          values: {R: project-viewer, W: project-member}\n", "")
    found = normalize_tables(
        mapping, a_table("access", "Login|ALPHA|BETA", "ada|member|project-member")
    )
    assert codes_and_places(found) == [("role-unknown", "access.csv:2:2")]
    assert found.findings[0].hint == "did you mean project-member?"


def test_matrix_columns_may_stand_for_other_projects_or_be_found_by_a_pattern() -> None:
    table = a_table("access", "Login|Project: Alpha|Project: Beta|Remark", "ada|R||R")
    by_name = MATRIX.replace("[ALPHA, BETA]", '{"Project: Alpha": ALPHA}')
    assert triples(normalize_tables(by_name, table)) == [("ada", "ALPHA", "project-viewer")]
    by_pattern = MATRIX.replace("columns: [ALPHA, BETA]", "match: '^Project: (?P<project>.+)$'")
    found = normalize_tables(by_pattern, table)
    assert triples(found) == [("ada", "Alpha", "project-viewer")]
    assert named(found) == ["Alpha", "Beta"]


def test_a_pattern_that_fits_no_column_is_told() -> None:
    mapping = MATRIX.replace("columns: [ALPHA, BETA]", "match: '^Board (?P<project>.+)$'")
    with pytest.raises(SourceInvalid) as stopped:
        normalize_tables(mapping, a_table("access", "Login|ALPHA", "ada|R"))
    assert [finding.code for finding in stopped.value.findings] == ["column-missing"]


def test_a_row_without_a_person_and_without_a_role_lacks_both() -> None:
    found = normalize_tables(
        GRANTS, a_table("grants", "Login|Project|Access", "|ALPHA|", "||", "|ALPHA|W")
    )
    assert sorted(codes_and_places(found)) == [
        ("username-empty", "grants.csv:2:1"),
        ("username-empty", "grants.csv:4:1"),
        ("value-required", "grants.csv:2:3"),
    ]
