"""An explanation says what the plan says, step by step, and why nothing changes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanport.errors import UsageError
from kanport.explain import Explanation, Known, explain_person, explain_project
from kanport.explain.notes import as_dict, document_of
from kanport.mapping import LoadedMapping
from kanport.model import CurrentState, Project, ServerInfo, User
from kanport.names import compare_key
from kanport.normalize.rules import State
from kanport.plan.make import make_plan
from kanport.plan.model import PlanMapping
from kanport.report.document import as_html, as_markdown, as_text
from kanport.report.escape import escape_control
from kanport.table import Table
from tests.normalize.test_normalize import MAPPING, tables
from tests.support.inputs import a_table, mapping_of, normalize_tables

STAFF = """
    sources:
      staff: {{type: csv, path: staff.csv}}
      grants: {{type: csv, path: grants.csv}}
    users:
      from: staff
      fields:
        username: {{from: Login, transform: [trim, lower]}}
        name: {{from: Name}}
        email: {{from: Mail}}
        role: {{from: Role, values: {{boss: app-admin}}, default: app-user}}
      password: {{from: Secret}}
      missing: {missing}
      managed: {{usernames: [{managed}]}}
    memberships:
      - from: grants
        username: {{from: Login}}
        project: {{from: Project}}
        role: {{from: Access, values: {{R: project-viewer, W: project-member}}}}
    memberships_missing: {memberships_missing}
    invalid_rows: skip
    protect: [admin, "svc-*"]
    limits: {{remove: 10, disable: 10, revoke: 10}}
"""
ADMIN = User(1, "admin", role="app-admin")
ADA = User(2, "ada", "Ada Lovelace", "ada@example.org")
BOB = User(3, "bob", "Bob Ross")
SVC = User(4, "svc-backup")
ALPHA = Project(1, "Alpha", "ALPHA")


def _staff(*lines: str) -> Table:
    return a_table("staff", "Login|Name|Mail|Role|Secret", *lines)


def _grants(*lines: str) -> Table:
    return a_table("grants", "Login|Project|Access", *lines)


def _known(
    *sources: Table,
    mapping: LoadedMapping | None = None,
    users: tuple[User, ...] = (ADMIN, ADA, BOB, SVC),
    roles: dict[int, str] | None = None,
    **options: str,
) -> Known:
    chosen = {"missing": "keep", "managed": '"*"', "memberships_missing": "keep", **options}
    loaded = mapping or mapping_of(STAFF.format(**chosen))
    normalized = normalize_tables(loaded, *sources)
    current = CurrentState(
        ServerInfo("https://kanboard.example.org/jsonrpc.php", "1.2.53"),
        users=users,
        projects=(ALPHA, Project(2, "Beta", "BETA")),
        roles={1: roles or {}, 2: {}},
    )
    plan = make_plan(
        normalized.desired,
        current,
        loaded.spec,
        findings=normalized.findings,
        mapping_ref=PlanMapping(path="map.yaml", sha256=""),
        sources=(),
        created_at="2026-11-03T22:16:00Z",
        version="1",
    )
    by_name = {table.source: table for table in sources}
    return Known(loaded, by_name, normalized.desired, tuple(normalized.findings), plan, current)


def _why(told: Explanation) -> str:
    return " ".join(told.reasons)


ROWS = (_staff("ADA|Ada King|ada@example.org|boss|hunter2"), _grants("ada|ALPHA|W"))


def test_every_row_and_every_step_of_a_person_is_told() -> None:
    told = explain_person(_known(*ROWS), "Ada")
    assert [(row.part, str(row.origin)) for row in told.rows] == [
        ("users", "staff.csv:2"),
        ("memberships, number 1", "grants.csv:2"),
    ]
    text = as_text(document_of(told))
    assert "ADA → trim → ADA → lower → ada" in text
    assert "boss → values → app-admin" in text
    assert "W → values → project-member" in text
    assert "name Ada Lovelace → Ada King" in text
    assert {change.action.value for change in told.changes} == {"user.update", "membership.grant"}


@pytest.mark.parametrize("who", ["ada", "ADA", " ada", "ada@example.org", "ADA@EXAMPLE.ORG"])
def test_somebody_is_found_by_username_or_address_as_names_are(who: str) -> None:
    assert explain_person(_known(*ROWS), who).found == ("ada",)


def test_a_secret_is_in_no_explanation_of_any_format() -> None:
    told = explain_person(_known(*ROWS), "ada")
    document = document_of(told)
    drawn = [as_text(document), as_markdown(document), as_html(document), repr(as_dict(told))]
    for one in (*drawn, repr(told)):
        assert "hunter2" not in one
    assert "never shown" in drawn[0]


def test_two_people_of_one_address_must_be_told_apart() -> None:
    staff = _staff("ann|Ann|same@example.org||", "bea|Bea|same@example.org||")
    with pytest.raises(UsageError, match="means 2 people: ann, bea"):
        explain_person(_known(staff, _grants()), "same@example.org")


def test_a_username_wins_over_an_address() -> None:
    staff = _staff("ann|Ann|bea@example.org||", "bea@example.org|Bea|||")
    told = explain_person(_known(staff, _grants()), "bea@example.org")
    assert told.found == ("bea@example.org",)


def test_nobody_anywhere_is_said_to_be_nobody() -> None:
    told = explain_person(_known(*ROWS), "nobody")
    assert "No source that the mapping reads names this user" in _why(told)
    assert not told.rows and not told.changes


# --- why nothing changes --------------------------------------------------------------------------


def test_why_unchanged() -> None:
    staff = _staff("bob|Bob Ross|||")
    told = explain_person(_known(staff, _grants("bob|ALPHA|R"), roles={3: "project-viewer"}), "bob")
    assert not told.changes
    assert "The server already has what the sources give: name, role." in told.reasons
    assert "Not given by the sources, so unchanged: email." in told.reasons
    assert "The server already has the wanted role: ALPHA." in told.reasons
    assert "Nothing changes for this user." in told.reasons


def test_why_protected() -> None:
    told = explain_person(_known(_staff("svc-backup|New|||"), _grants()), "svc-backup")
    assert not told.changes
    assert 'Protected by "svc-*" in `protect`' in _why(told)
    assert "person-protected" in {finding.code for finding in told.findings}


def test_why_a_row_that_cannot_be_used_takes_nothing() -> None:
    staff = _staff("bob|Bob|not-an-address||", "ada|Ada|||")
    told = explain_person(_known(staff, _grants(), missing="disable"), "bob")
    assert not told.changes
    assert "it is unknown what the sources want" in _why(told)
    assert "email-invalid" in {finding.code for row in told.rows for finding in row.findings}


def test_a_row_whose_very_username_cannot_be_used_is_theirs() -> None:
    known = _known(_staff("bad user name that is" + "x" * 200 + "|B|||"), _grants())
    told = explain_person(known, "bad user name that is" + "x" * 200)
    assert [str(row.origin) for row in told.rows] == ["staff.csv:2"]


def test_why_missing_people_are_kept() -> None:
    told = explain_person(_known(*ROWS), "bob")
    assert "users.missing: keep" in _why(told)


def test_why_somebody_is_not_managed() -> None:
    told = explain_person(_known(*ROWS, missing="disable", managed='"ext-*"'), "bob")
    assert not told.changes
    assert "The mapping does not manage this user" in _why(told)


def test_missing_and_managed_is_a_change() -> None:
    told = explain_person(_known(*ROWS, missing="disable"), "bob")
    assert [change.action.value for change in told.changes] == ["user.disable"]
    assert "Missing users: disable" in _why(told)


def test_why_somebody_stays_when_a_row_might_be_about_them() -> None:
    staff = _staff("|Somebody|||", "ada|Ada|||")
    told = explain_person(_known(staff, _grants(), missing="disable"), "bob")
    assert not told.changes
    assert "may name this user: removals are withheld" in _why(told)
    assert "missing-unknown" in {finding.code for finding in told.findings}


def test_why_access_that_nothing_asks_for_is_kept() -> None:
    told = explain_person(_known(*ROWS, roles={3: "project-member"}), "bob")
    # The server lists the project because the rows name it.
    assert "memberships_missing: keep" in _why(told)


def test_what_the_server_was_not_asked_is_not_told() -> None:
    known = replace(_known(*ROWS), plan=None, current=None)
    told = explain_person(known, "ada")
    assert told.offline and not told.changes and told.user is None
    assert told.wanted is not None and told.wanted.name is not None
    assert told.wanted.name.value == "Ada King"
    assert "the server was not asked" in as_text(document_of(told))
    assert not any("server" in reason for reason in told.reasons)


# --- projects -------------------------------------------------------------------------------------


def test_a_project_is_told_with_everybody_in_it() -> None:
    known = _known(*ROWS, roles={3: "project-member"}, memberships_missing="revoke")
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
    told = explain_project(_known(*ROWS), "BETA")
    assert "Neither the mapping nor a row names this project" in _why(told)
    told = explain_project(_known(*ROWS), "GAMMA")
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
    known = _known(table, mapping=mapping)
    told = explain_project(known, "ALPHA")
    assert [str(row.origin) for row in told.rows] == ["access.csv:2"]
    (person,) = explain_person(known, "ada").rows
    assert [name for name, _ in person.traces] == ["username", "ALPHA"]


# --- what must always hold ------------------------------------------------------------------------


@settings(max_examples=60)
@given(tables, st.sampled_from(["ada", "bob", "cy", "jörg"]))
def test_the_explained_values_are_those_of_the_plan(sources: tuple[Table, ...], who: str) -> None:
    """Who has one usable row in all gets just what its traces end with."""
    known = _known(*sources, mapping=MAPPING)
    told = explain_person(known, who)
    plan = known.plan
    assert plan is not None
    key = compare_key(who)
    assert told.changes == tuple(
        change for change in plan.changes if compare_key(change.username or "") == key
    )
    assert told.wanted == next((one for one in known.desired.users if one.key == key), None)
    own = [row for row in told.rows if row.part == "users"]
    if told.wanted is not None and len(own) == 1:
        values = {name: traced.values[0] for name, traced in own[0].traces}
        for name in ("username", "name", "email", "role"):
            wanted = getattr(told.wanted, name)
            value = values.get(name)
            if value is not None and value.state in (State.GIVEN, State.CLEAR):
                assert wanted is not None and wanted.value == value.text
            else:
                assert wanted is None
    if not told.findings:
        asked = {
            value.text
            for row in told.rows
            for name, traced in row.traces
            if name == "project"
            for value in traced.values
            if value.state is State.GIVEN
        }
        wanted_in = {one.target.value for one in told.memberships}
        assert asked <= wanted_in


@settings(max_examples=60)
@given(
    st.text(min_size=1, max_size=12).filter(lambda text: "|" not in text),
    st.text(max_size=12).filter(lambda text: "|" not in text),
)
def test_hostile_names_come_out_as_text(login: str, name: str) -> None:
    known = _known(
        a_table("staff", "Login|Name|Mail|Role|Secret", [login, name, "", "", ""]), _grants()
    )
    document = document_of(explain_person(known, login))
    for drawn in (as_text(document), as_markdown(document), as_html(document)):
        assert drawn == "\n".join(map(escape_control, drawn.split("\n")))
    assert "<script" not in as_html(document)


def test_the_groups_of_a_directory_entry_are_told_one_by_one() -> None:
    mapping = mapping_of(
        """
        sources:
          people: {type: csv, path: people.csv}
        memberships:
          - from: people
            username: {from: uid}
            project:
              from: memberOf
              each: true
              match: "^cn=kb-(?P<project>[^,]+)-(?P<role>[^,-]+),"
            role: {part: role, values: {members: project-member, heads: project-manager}}
        """
    )
    groups = ("cn=kb-ALPHA-members,ou=g", "cn=printers,ou=g", "cn=kb-BETA-heads,ou=g")
    table = a_table("people", "uid|memberOf", ["ada", groups])
    text = as_text(document_of(explain_person(_known(table, mapping=mapping), "ada")))
    pattern = "match ^cn=kb-(?P<project>[^,]+)-(?P<role>[^,-]+),"
    assert f"cn=kb-ALPHA-members,ou=g → {pattern} → ALPHA" in text
    assert f"cn=printers,ou=g → {pattern} → (nothing)" in text
    assert "heads → values → project-manager" in text
    assert "BETA: wanted project-manager, on the server (nothing)" in text
