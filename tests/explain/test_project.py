"""A project is explained with everybody in it, and with the rows and cells that name it."""

from kanport.explain import explain_person, explain_project
from tests.support.explanations import (
    ADA,
    ADMIN,
    BOB,
    ROWS,
    STAFF,
    SVC,
    grants_table,
    known_of,
    staff_table,
    why,
)
from tests.support.inputs import a_table, mapping_of


def test_a_project_is_told_with_everybody_in_it() -> None:
    known = known_of(*ROWS, roles={3: "project-member"}, memberships_missing="revoke")
    told = explain_project(known, "alpha")
    assert told.found == ("ALPHA",)
    assert [(one.username, one.wanted, one.held) for one in told.access] == [
        ("ada", "project-member", None),
        ("bob", None, "project-member"),
    ]
    assert {change.action.value for change in told.changes} == {
        "membership.grant",
        "membership.revoke",
    }
    assert explain_project(known, "Alpha").found == explain_project(known, "1").found == ("ALPHA",)


def test_a_project_that_nothing_names_is_left_alone() -> None:
    told = explain_project(known_of(*ROWS), "BETA")
    assert "Neither the mapping nor a row names this project" in why(told)
    told = explain_project(known_of(*ROWS), "GAMMA")
    assert "The server has no such project." in told.reasons


def test_a_matrix_is_told_by_its_cells() -> None:
    mapping = mapping_of(
        """
        sources:
          access: {type: csv, path: access.csv}
        memberships:
          - from: access
            username: {from: Login}
            matrix: {columns: [ALPHA, BETA], values: {R: project-viewer}}
        """
    )
    table = a_table("access", "Login|ALPHA|BETA", "ada|R|", "bob||R")
    known = known_of(table, mapping=mapping)
    told = explain_project(known, "ALPHA")
    assert [str(row.origin) for row in told.rows] == ["access.csv:2"]
    (person,) = explain_person(known, "ada").rows
    assert [name for name, _ in person.traces] == ["username", "ALPHA"]


def test_whoever_keeps_access_is_told_why() -> None:
    known = known_of(
        *ROWS,
        users=(ADMIN, ADA, BOB, SVC),
        roles={4: "project-viewer"},
        memberships_missing="revoke",
    )
    text = why(explain_project(known, "ALPHA"))
    assert (
        "Not in the sources, but Kanport keeps the role (protected by the mapping): svc-backup"
        in text
    )
    assert "see findings" not in text


def test_a_renamed_user_has_one_line_with_the_new_name() -> None:
    grants = grants_table("lovelace|ALPHA|W")
    staff = staff_table("lovelace|Ada Lovelace|ada@example.org||")
    options = {"missing": "keep", "managed": '"*"', "memberships_missing": "revoke"}
    mapping = mapping_of(
        STAFF.format(**options).replace(
            "from: staff\n", "from: staff\n      find_by: [username, email]\n", 1
        )
    )
    known = known_of(staff, grants, mapping=mapping, roles={2: "project-member"})
    told = explain_project(known, "ALPHA")
    assert [(one.username, one.wanted, one.held) for one in told.access] == [
        ("lovelace", "project-member", "project-member")
    ]
    assert "The server already has the wanted role for lovelace." in told.reasons
