"""A password column is read for nothing else, as whatever is read elsewhere can be shown."""

from pathlib import Path

import pytest

from kanport.mapping import load_mapping
from tests.support.mappings import mistakes_in, write_mapping

MAPPING = """\
kanport: 1
ledger: l
sources:
  staff: {type: csv, path: a.csv}
  phones: {type: csv, path: b.csv}
users:
  from: [staff, phones]
  password: {from: {staff: Pw}}
  fields:
    username: {from: Login}
"""
MEMBERSHIP = "memberships:\n  - from: staff\n    username: {from: Login}\n    "
ROLE = "project: {from: P}\n    role: "
REFUSED = (
    "this column holds the passwords, and what is read here can be shown"
    " | name another column; the one with the passwords is read for nothing else"
)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("    name: {from: Pw}\n", "11:18"),
        ("    name: {from: {phones: N, staff: Pw}}\n", "11:37"),
        ('    name: {template: "{Name} {Pw}"}\n', "11:22"),
        ("    email: {from: Pw}\n", "11:19"),
        ("    role: {from: Pw, values: {x: app-user}}\n", "11:18"),
        ("    active: {from: Pw, values: {x: true}}\n", "11:20"),
        ("  id: {from: Pw}\n", "11:14"),
        (MEMBERSHIP.replace("Login", "Pw") + ROLE + "project-member\n", "13:22"),
        (MEMBERSHIP + ROLE.replace("P}", "Pw}") + "project-member\n", "14:21"),
        (MEMBERSHIP + ROLE + "{from: {staff: Pw}}\n", "15:26"),
        (MEMBERSHIP + "matrix: {columns: [A, Pw]}\n", "14:27"),
        (MEMBERSHIP + "matrix: {columns: {A: A, Pw: B}}\n", "14:30"),
        (MEMBERSHIP + "matrix: {match: '^(?P<project>P.)$'}\n", "14:21"),
    ],
)
def test_whatever_else_reads_the_password_column_is_refused(
    tmp_path: Path, text: str, place: str
) -> None:
    assert mistakes_in(tmp_path, MAPPING + text) == [f"{place}: {REFUSED}"]


def test_the_username_itself_cannot_be_the_password(tmp_path: Path) -> None:
    text = MAPPING.replace("{from: {staff: Pw}}", "{from: Login}")
    assert [line.partition(": ")[2] for line in mistakes_in(tmp_path, text)] == [REFUSED]


@pytest.mark.parametrize("column", ["pW", "PW"])
def test_a_directory_gives_an_attribute_by_any_case(tmp_path: Path, column: str) -> None:
    assert len(mistakes_in(tmp_path, MAPPING + f"    name: {{from: {column}}}\n")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "    name: {from: {phones: Pw}}\n",
        MEMBERSHIP.replace("staff", "phones") + "matrix: {columns: [Pw]}\n",
        MEMBERSHIP + "matrix: {match: '^(?P<project>P[A-Z])$'}\n",
    ],
)
def test_a_column_of_that_name_in_another_source_holds_no_passwords(
    tmp_path: Path, text: str
) -> None:
    load_mapping(write_mapping(tmp_path, MAPPING + text))


def test_without_a_password_column_nothing_is_refused(tmp_path: Path) -> None:
    text = MAPPING.replace("{from: {staff: Pw}}", "random") + "    name: {from: Pw}\n"
    load_mapping(write_mapping(tmp_path, text))


@pytest.mark.parametrize(
    "broken", ["password: {from: [Pw]}", "password: {from: {staff: {}}}", "password: {}"]
)
def test_a_password_rule_of_a_wrong_shape_is_told_once(tmp_path: Path, broken: str) -> None:
    text = MAPPING.replace("password: {from: {staff: Pw}}", broken)
    assert len(mistakes_in(tmp_path, text + '    name: {template: "{N"}\n')) == 2
