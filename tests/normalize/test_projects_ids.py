"""`project: {id: …}` asks for the id of a project; without it a number is a name."""

import pytest
from pydantic import ValidationError

from kanport.names import id_text
from tests.support.inputs import a_table, codes_and_places, mapping_of, normalize_tables

MAPPING = """
    sources:
      grants: {{type: csv, path: grants.csv}}
    memberships:
      - from: grants
        username: {{from: Login}}
        project: {project}
        role: project-member
"""
ROW = "ann | {cell}"


def projects(project: str, *cells: str) -> tuple[list[str], list[str]]:
    """Return the projects of the memberships, and the codes of the findings."""
    table = a_table("grants", "Login | Number", *(ROW.format(cell=cell) for cell in cells))
    found = normalize_tables(MAPPING.format(project=project), table)
    return [one.target.value for one in found.desired.memberships], [
        c for c, _ in codes_and_places(found)
    ]


@pytest.mark.parametrize(
    ("project", "cell"),
    [
        ("{id: Number}", "3"),
        ("{id: {from: Number}}", "3"),
        ("{id: {grants: Number}}", "3"),
        ("{id: {from: {grants: Number}}}", "3"),
        ("{id: 3}", "x"),
        ('{id: "3"}', "x"),
        ("{id: {value: 3}}", "x"),
        ("{id: Number, match: 'P-(?P<value>.+)'}", "P-3"),
        ("{id: {from: Number, match: 'P-(?P<value>.+)'}}", "P-3"),
        ("{id: {from: Number, values: {three: 3}}}", "three"),
        ("{id: Number, default: 3}", ""),
    ],
)
def test_an_id_is_asked_for_in_one_of_these_ways(project: str, cell: str) -> None:
    if project == "{id: {grants: Number}}":
        with pytest.raises(ValidationError, match="unknown key"):
            mapping_of(MAPPING.format(project=project))
        return
    assert projects(project, cell) == ([id_text(3)], [])


@pytest.mark.parametrize("project", ["{from: Number}", "{value: 3}", '{value: "3"}'])
def test_without_it_a_number_is_a_name(project: str) -> None:
    assert projects(project, "3") == (["3"], [])


def test_several_ids_stand_in_one_cell() -> None:
    found, codes = projects("{id: Number, split: ';'}", "3; 4 ;3")
    assert (sorted(found), codes) == ([id_text(3), id_text(4)], [])


@pytest.mark.parametrize("cell", ["003", "0", "-3", "3.0", "ALPHA", "#3", "1e3", "٣"])
def test_what_is_no_id_is_an_error_at_its_cell(cell: str) -> None:
    assert projects("{id: Number}", cell) == ([], ["project-id"])


def test_a_name_and_an_id_of_one_spelling_are_not_one_membership() -> None:
    mapping = MAPPING.format(project="{from: Number}") + MAPPING.format(
        project="{id: Number}"
    ).partition("memberships:\n")[2].replace("project-member", "project-viewer")
    found = normalize_tables(mapping, a_table("grants", "Login | Number", "ann | 3"))
    wanted = {one.target.value: one.role.value for one in found.desired.memberships}
    assert wanted == {"3": "project-member", id_text(3): "project-viewer"}
    assert codes_and_places(found) == []


def test_two_roles_for_one_id_are_a_conflict_that_names_it() -> None:
    text = MAPPING.format(project="{id: Number}").replace("project-member", "{from: Role}")
    table = a_table(
        "grants", "Login | Number | Role", "ann | 3 | project-viewer", "ann | 3 | project-member"
    )
    found = normalize_tables(text, table)
    assert codes_and_places(found)[0][0] == "membership-conflict"
    assert '"#3"' in found.findings[0].message


def test_custom_roles_name_a_project_by_its_id_with_a_sign() -> None:
    text = MAPPING.format(project="{id: Number}").replace("project-member", "{from: Role}")
    table = a_table("grants", "Login | Number | Role", "ann | 3 | Tester")
    assert codes_and_places(normalize_tables(text, table))[0][0] == "role-unknown"
    found = normalize_tables(text + '\n    custom_roles: {"#3": [Tester]}\n', table)
    assert (codes_and_places(found), len(found.desired.memberships)) == ([], 1)


def test_the_access_of_groups_can_be_given_by_id_too() -> None:
    mapping = """
    sources:
      grants: {type: csv, path: grants.csv}
    ledger: l.ledger
    group_access:
      - from: grants
        group: {from: Group}
        project: {id: Number}
        role: project-member
    """
    found = normalize_tables(mapping, a_table("grants", "Group | Number", "3 | 3"))
    (access,) = found.desired.group_access
    assert (access.holder.value, access.target.value) == ("3", id_text(3))


@pytest.mark.parametrize(
    ("project", "says"),
    [
        ("{id: Number, from: Number}", "cannot stand together"),
        ("{id: Number, value: 3}", "cannot stand together"),
        ("{id: 0}", "positive whole number"),
        ("{id: -3}", "positive whole number"),
        ("{id: {from: Number}, split: ';'}", "belongs into the table of id"),
        ("{id: [3]}", "must be a column, a number, or a table"),
        ("{id: true}", "must be a column, a number, or a table"),
        ("{id: {}}", "needs one of"),
        ("{split: ';'}", "needs one of from, template, value or id"),
    ],
)
def test_mistakes_around_an_id_are_told(project: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        mapping_of(MAPPING.format(project=project))
