"""An explanation says what the plan says, step by step, and why nothing changes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanport.errors import UsageError
from kanport.explain import explain_person
from kanport.explain.notes import as_dict, document_of
from kanport.names import compare_key
from kanport.normalize.rules import State
from kanport.report.document import as_html, as_markdown, as_text
from kanport.table import Table
from tests.normalize.test_normalize import MAPPING, tables
from tests.support.explanations import (
    ADMIN,
    BOB,
    ROWS,
    grants_table,
    known_of,
    staff_table,
    why,
)


def test_every_row_and_every_step_of_a_person_is_told() -> None:
    told = explain_person(known_of(*ROWS), "Ada")
    assert [(row.part, str(row.origin)) for row in told.rows] == [
        ("users", "staff.csv:2"),
        ("memberships, item 1", "grants.csv:2"),
    ]
    text = as_text(document_of(told))
    assert "ADA → trim → ADA → lower → ada" in text
    assert "boss → values → app-admin" in text
    assert "W → values → project-member" in text
    assert "name Ada Lovelace → Ada King" in text
    assert {change.action.value for change in told.changes} == {"user.update", "membership.grant"}


@pytest.mark.parametrize("who", ["ada", "ADA", " ada", "ada@example.org", "ADA@EXAMPLE.ORG"])
def test_somebody_is_found_by_username_or_address_as_names_are(who: str) -> None:
    assert explain_person(known_of(*ROWS), who).found == ("ada",)


def test_a_secret_is_in_no_explanation_of_any_format() -> None:
    told = explain_person(known_of(*ROWS), "ada")
    document = document_of(told)
    drawn = [as_text(document), as_markdown(document), as_html(document), repr(as_dict(told))]
    for one in (*drawn, repr(told)):
        assert "hunter2" not in one
    assert "never shown" in drawn[0]


def test_two_people_of_one_address_must_be_told_apart() -> None:
    staff = staff_table("ann|Ann|same@example.org||", "bea|Bea|same@example.org||")
    with pytest.raises(UsageError, match="matches 2 users: ann, bea"):
        explain_person(known_of(staff, grants_table()), "same@example.org")


def test_a_username_wins_over_an_address() -> None:
    staff = staff_table("ann|Ann|bea@example.org||", "bea@example.org|Bea|||")
    told = explain_person(known_of(staff, grants_table()), "bea@example.org")
    assert told.found == ("bea@example.org",)


def test_nobody_anywhere_is_said_to_be_nobody() -> None:
    told = explain_person(known_of(*ROWS), "nobody")
    assert "No source that the mapping reads names this user" in why(told)
    assert not told.rows and not told.changes


# --- why nothing changes --------------------------------------------------------------------------


def test_why_unchanged() -> None:
    staff = staff_table("bob|Bob Ross|||")
    told = explain_person(
        known_of(staff, grants_table("bob|ALPHA|R"), roles={3: "project-viewer"}), "bob"
    )
    assert not told.changes
    assert "The server already has what the sources give: name, role." in told.reasons
    assert "Not given by the sources, so unchanged: email." in told.reasons
    assert "The server already has the wanted role in ALPHA." in told.reasons
    assert "Nothing changes for this user." in told.reasons


def test_why_protected() -> None:
    told = explain_person(known_of(staff_table("svc-backup|New|||"), grants_table()), "svc-backup")
    assert not told.changes
    assert 'Protected by "svc-*" in protect' in why(told)
    assert "person-protected" in {finding.code for finding in told.findings}


def test_why_a_row_that_cannot_be_used_takes_nothing() -> None:
    staff = staff_table("bob|Bob|not-an-address||", "ada|Ada|||")
    told = explain_person(known_of(staff, grants_table(), missing="disable"), "bob")
    assert not told.changes
    assert "it is unknown what the sources want" in why(told)
    assert "email-invalid" in {finding.code for row in told.rows for finding in row.findings}


def test_why_somebody_is_nobody_whose_account_is_unclear() -> None:
    users = (ADMIN, replace(BOB, username="BOB"), replace(BOB, id=5, username="Bob"))
    told = explain_person(
        known_of(staff_table("BOB|Bob Ross|||"), grants_table(), users=users), "BOB"
    )
    assert not told.changes
    assert "cannot tell which account is this user's (finding person-ambiguous)" in why(told)


def test_access_that_an_invalid_row_may_want_is_not_said_to_be_unwanted() -> None:
    grants = grants_table("bob|ALPHA|?")
    known = known_of(staff_table("bob|Bob|||"), grants, roles={3: "project-member"})
    told = explain_person(known, "bob")
    assert "Not in the sources" not in why(told)
    assert "It is unknown whether the sources want this role, so Kanport keeps it: ALPHA." in why(
        told
    )
    text = as_text(document_of(told))
    assert "ALPHA: sources: not known (invalid row), server: project-member" in text


def test_a_row_whose_very_username_cannot_be_used_is_theirs() -> None:
    known = known_of(staff_table("bad user name that is" + "x" * 200 + "|B|||"), grants_table())
    told = explain_person(known, "bad user name that is" + "x" * 200)
    assert [str(row.origin) for row in told.rows] == ["staff.csv:2"]


def test_why_missing_people_are_kept() -> None:
    told = explain_person(known_of(*ROWS), "bob")
    assert "users.missing: keep" in why(told)


def test_why_somebody_is_not_managed() -> None:
    told = explain_person(known_of(*ROWS, missing="disable", managed='"ext-*"'), "bob")
    assert not told.changes
    assert "The mapping does not manage this user" in why(told)


def test_missing_and_managed_is_a_change() -> None:
    told = explain_person(known_of(*ROWS, missing="disable"), "bob")
    assert [change.action.value for change in told.changes] == ["user.disable"]
    assert "users.missing: disable" in why(told)


def test_why_somebody_stays_when_a_row_might_be_about_them() -> None:
    staff = staff_table("|Somebody|||", "ada|Ada|||")
    told = explain_person(known_of(staff, grants_table(), missing="disable"), "bob")
    assert not told.changes
    assert "may name this user: removals are withheld" in why(told)
    assert "missing-unknown" in {finding.code for finding in told.findings}


def test_why_access_that_nothing_asks_for_is_kept() -> None:
    told = explain_person(known_of(*ROWS, roles={3: "project-member"}), "bob")
    # The server lists the project because the rows name it.
    assert "memberships_missing: keep" in why(told)


def test_what_the_server_was_not_asked_is_not_told() -> None:
    known = replace(known_of(*ROWS), plan=None, current=None)
    told = explain_person(known, "ada")
    assert told.offline and not told.changes and told.user is None
    assert told.wanted is not None and told.wanted.name is not None
    assert told.wanted.name.value == "Ada King"
    assert "the server was not asked" in as_text(document_of(told))
    assert not any("server" in reason for reason in told.reasons)


# --- what must always hold ------------------------------------------------------------------------


@settings(max_examples=60)
@given(tables, st.sampled_from(["ada", "bob", "cy", "jörg"]))
def test_the_explained_values_are_those_of_the_plan(sources: tuple[Table, ...], who: str) -> None:
    """Who has one usable row in all gets just what its traces end with."""
    known = known_of(*sources, mapping=MAPPING)
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
