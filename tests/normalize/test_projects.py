"""What rows describe of projects that the server may not have: each field, and each limit."""

import pytest

from kanport.model import DesiredProject
from kanport.normalize import Normalized
from tests.support.inputs import a_table, normalize_tables

MAPPING = """
    ledger: a.ledger
    sources:
      plans: {type: csv, path: plans.csv}
    projects:
      - from: plans
        name: {from: Name}
        identifier: {from: Id}
        owner: {from: Owner}
        description: {from: About}
        private: {from: Private}
        active: {from: Active}
        called: {from: Called}
"""
HEADER = "Name|Id|Owner|About|Private|Active|Called"


def read(*rows: str) -> Normalized:
    return normalize_tables(MAPPING, a_table("plans", HEADER, *rows))


def the(row: str) -> DesiredProject:
    found = read(row)
    assert found.findings == []
    (project,) = found.desired.projects
    return project


def codes(*rows: str) -> list[str]:
    return [finding.code for finding in read(*rows).findings]


def test_each_field_is_read() -> None:
    project = the("Website|web|ada|All of it|no|yes|site")
    given = (project.identifier, project.owner, project.description, project.called)
    assert project.name.value == "Website"
    assert [one and one.value for one in given] == ["web", "ada", "All of it", "site"]
    assert (project.private, project.active) == (False, True)
    bare = the("Website||||||")
    assert [bare.identifier, bare.owner, bare.description, bare.called] == [None] * 4
    assert (bare.private, bare.active) == (False, True)


@pytest.mark.parametrize(("cell", "expected"), [("yes", True), ("no", False), ("", False)])
def test_a_project_is_private_only_where_the_row_says_so(cell: str, expected: bool) -> None:
    assert the(f"Website||||{cell}||").private is expected


@pytest.mark.parametrize(("cell", "expected"), [("yes", True), ("no", False), ("", True)])
def test_a_project_is_closed_only_where_the_row_says_so(cell: str, expected: bool) -> None:
    assert the(f"Website|||||{cell}|").active is expected


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("Website|" + "A" * 50 + "|||||", None),
        ("Website|" + "A" * 51 + "|||||", "project-identifier"),
        ("Website|WEB-2|||||", "project-identifier"),
        ("Website|WÉB|||||", "project-identifier"),
        ("x" * 255 + "||||||", None),
        ("x" * 256 + "||||||", "group-name-odd"),
        ("Website||||perhaps||", "active-unclear"),
        ("Website|||||perhaps|", "active-unclear"),
        ("|WEB|||||", "value-required"),
        ("||ada||||", "value-required"),
        ("||||||", None),
    ],
)
def test_a_row_that_cannot_be_used_describes_nothing(row: str, code: str | None) -> None:
    found = read(row, "Other||||||")
    errors = [one.code for one in found.findings if one.severity == "error"]
    assert len(errors) == (0 if code is None else 1)
    there = 1 if code is not None or row == "||||||" else 2
    assert len(found.desired.projects) == there


@pytest.mark.parametrize(
    "other",
    [
        "Site|WEB|ada|About|no|yes|",
        "Website|WEB|bob|About|no|yes|",
        "Website|WEB|ada|Else|no|yes|",
        "Website|WEB|ada|About|yes|yes|",
        "Website|WEB|ada|About|no|no|",
    ],
    ids=["name", "owner", "description", "private", "active"],
)
def test_two_rows_of_one_project_may_not_differ(other: str) -> None:
    row = "Website|WEB|ada|About|no|yes|"
    found = read(row, other, "Other||||||")
    (finding,) = found.findings
    assert finding.code == "project-differs"
    places = (finding.origin, *finding.related)
    assert [place.row for place in places if place is not None] == [2, 3]
    assert [project.name.value for project in found.desired.projects] == ["Other"]
    assert codes(row, row) == []


def test_what_one_row_leaves_out_another_may_say() -> None:
    found = read("Website|web|ada||||", "Website|WEB||All of it|no||")
    assert found.findings == []
    (project,) = found.desired.projects
    assert project.owner is not None and project.owner.value == "ada"
    assert project.description is not None and project.description.value == "All of it"
    assert [place.row for place in project.name.origins] == [2, 3]


def test_projects_are_told_apart_by_what_they_are_called_then_by_identifier_then_by_name() -> None:
    assert codes("Website|WEB|ada||||a", "Website|WEB|bob||||b") == []
    assert codes("Website|WEB|ada||||a", "Website|WEB|bob||||A") == ["project-differs"]
    assert codes("Website||ada||||", "website||bob||||") == ["project-differs"]
    # Of one name and without anything that tells them apart afterwards, neither is created.
    assert codes("Website|WEB|||||", "website|SITE|||||") == ["project-differs"]
