"""What is withheld, one cause after the other, and which row or entry it names."""

from dataclasses import replace
from typing import Any

import pytest

from kanport.memory import LedgerState
from kanport.model import Blocker, DesiredGroup, DesiredState, Given, Group, Unknown, User
from kanport.origin import Origin
from kanport.plan.change import called
from kanport.plan.model import Plan
from kanport.plan.plan_file import dump_plan
from kanport.relations import About
from tests.plan.test_groups import ENGINEERS, MEMBER, planned, server, wanted
from tests.support.planning import (
    a_mapping,
    a_member,
    a_server,
    a_state,
    cell,
    desired_membership,
    desired_user,
    plan_for,
)

ROW = Origin("people", file="people.csv", row=9)
OTHER = Origin("people", file="people.csv", row=10)
ENTRY = Origin("people", dn="uid=bob,ou=people")
STAFF = (User(2, "ann"), User(3, "bob"))
MISSING: dict[str, Any] = {"missing": "disable", "managed": {"usernames": ["*"]}}


def withheld(plan: Plan) -> dict[str, list[str]]:
    """Return what is withheld, with the causes: code, case, rows or entries."""
    assert plan.withheld is not None
    return {
        " ".join(
            part
            for part in (
                str(one.change.action),
                one.change.group,
                one.change.project,
                called(one.change),
            )
            if part
        ): [
            " ".join(filter(None, (because.why.code, because.why.case, *map(str, because.origin))))
            for because in one.because
        ]
        for one in plan.withheld
    }


def without_bob(unknown: Unknown) -> Plan:
    desired = a_state(desired_user("ann"), desired_membership("ann", "ALPHA"), unknown=unknown)
    current = a_server(*STAFF, roles={1: {2: MEMBER, 3: MEMBER}})
    mapping = a_mapping(users=MISSING, memberships_missing="revoke", protect=["admin"])
    return plan_for(desired, current, mapping)


@pytest.mark.parametrize(
    ("unknown", "disable", "revoke"),
    [
        (
            Unknown(people=frozenset({"bob"}), because=frozenset({Blocker("row", "bob", ROW)})),
            ["invalid-row named people.csv:9"],
            ["invalid-row named people.csv:9"],
        ),
        (
            Unknown(everybody=True, because=frozenset({Blocker("source", None, ROW)})),
            ["incomplete-source any people.csv:9"],
            ["incomplete-source any people.csv:9"],
        ),
        (
            Unknown(hidden=frozenset({"bob"}), because=frozenset({Blocker("entry", "bob", ENTRY)})),
            ["hidden-entry named ldap:uid=bob,ou=people"],
            ["hidden-entry named ldap:uid=bob,ou=people"],
        ),
        (
            Unknown(
                memberships=frozenset({(None, "alpha")}),
                because=frozenset(
                    {
                        Blocker("group", None, ENTRY, About.MEMBERSHIP, "alpha"),
                        Blocker("row", "bob", OTHER, About.MEMBERSHIP, "beta"),
                    }
                ),
            ),
            None,
            ["unread-members any ldap:uid=bob,ou=people"],
        ),
        (Unknown(people=frozenset({"bob"})), ["unproven"], ["unproven"]),
    ],
)
def test_a_user_and_a_membership_are_withheld_because_of_the_row_or_entry(
    unknown: Unknown, disable: list[str] | None, revoke: list[str] | None
) -> None:
    found = withheld(without_bob(unknown))
    assert found.get("user.disable bob") == disable
    assert found.get("membership.revoke ALPHA bob") == revoke


def test_a_plan_names_some_places_and_counts_the_others() -> None:
    rows = [Origin("people", file="people.csv", row=row) for row in range(2, 42)]
    blockers = frozenset(Blocker("row", "bob", row) for row in rows)
    plan = without_bob(Unknown(people=frozenset({"bob"}), because=blockers))
    (because,) = [
        because
        for one in plan.withheld or ()
        if one.change.action == "user.disable" and one.change.username == "bob"
        for because in one.because
    ]
    assert because.origin == tuple(rows[:20])
    assert because.more == 20
    assert because.message == "invalid rows name this user"


def test_where_anything_else_lists_a_user_it_says_what_and_where() -> None:
    desired = a_state(desired_user("ann"), desired_membership("bob", "ALPHA", row=7))
    plan = plan_for(desired, a_server(*STAFF), a_mapping(users=MISSING, protect=["admin"]))
    assert withheld(plan)["user.disable bob"] == ["still-listed memberships people.csv:7"]


def test_rows_that_lower_somebody_are_withheld_where_another_row_names_them() -> None:
    unknown = Unknown(people=frozenset({"bob"}), because=frozenset({Blocker("row", "bob", ROW)}))
    desired = a_state(desired_user("bob", active=False), unknown=unknown)
    plan = plan_for(desired, a_server(*STAFF))
    assert not plan.changes
    assert withheld(plan) == {"user.disable bob": ["invalid-row named people.csv:9"]}


def test_the_findings_and_the_list_tell_the_same_users() -> None:
    unknown = Unknown(everybody=True, because=frozenset({Blocker("row", None, ROW)}))
    plan = without_bob(unknown)
    (told,) = [
        dict(finding.params)
        for finding in plan.findings
        if finding.code == "missing-unknown" and finding.case == "disable"
    ]
    names = [
        one.change.username for one in plan.withheld or () if one.change.action == "user.disable"
    ]
    assert told["usernames"] == ("bob",)
    assert sorted(filter(None, names)) == ["admin", "bob"], "admin is protected"


# --- groups ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "parts", "causes"),
    [
        (ENGINEERS, {"protect": ["bob"]}, ["protected-account group"]),
        (replace(ENGINEERS, complete=False), {}, ["unread-members server"]),
    ],
)
def test_a_group_that_stays_is_withheld_with_its_members_and_access(
    group: Group, parts: dict[str, Any], causes: list[str]
) -> None:
    plan = planned(
        wanted({"Web": []}),
        server(group, roles={1: {2: MEMBER, 3: MEMBER}}),
        LedgerState(group_access={(7, 1): MEMBER}),
        groups_missing="remove",
        groups_managed=["*"],
        **parts,
    )
    assert withheld(plan) == {
        "group.remove Engineers": causes,
        "group_member.remove Engineers ann": causes,
        "group_member.remove Engineers bob": causes,
        "group_access.revoke Engineers ALPHA": causes,
    }


def test_a_group_that_a_row_may_name_is_withheld_because_of_the_row() -> None:
    unknown = Unknown(
        group_members=frozenset({("eve", None)}),
        because=frozenset({Blocker("row", "eve", ROW, About.GROUP_MEMBER)}),
    )
    desired = wanted({"Web": []}, unknown=unknown)
    plan = planned(desired, server(ENGINEERS), groups_missing="remove", groups_managed=["*"])
    assert withheld(plan)["group.remove Engineers"] == ["invalid-row group people.csv:9"]


def test_members_of_a_group_that_was_not_read_whole_are_withheld() -> None:
    crowd = Group(7, "Engineers", members=frozenset({2}), complete=False)
    plan = planned(wanted({"Engineers": ["eve"]}), server(crowd), group_members_missing="remove")
    assert withheld(plan) == {"group_member.remove Engineers ann": ["unread-members server"]}


def test_access_of_a_group_is_withheld_because_of_a_row_that_names_it() -> None:
    unknown = Unknown(
        group_access=frozenset({("engineers", "alpha")}),
        because=frozenset({Blocker("row", "engineers", ROW, About.GROUP_ACCESS, "alpha")}),
    )
    plan = planned(
        wanted({"Engineers": None}, unknown=unknown),
        server(ENGINEERS, roles={1: {2: MEMBER, 3: MEMBER}}),
        LedgerState(group_access={(7, 1): MEMBER}),
        group_access=[{"list": {"Engineers": {"ALPHA": MEMBER}}}],
        group_access_missing="revoke",
    )
    assert withheld(plan) == {
        "group_access.revoke Engineers ALPHA": ["invalid-row group people.csv:9"]
    }


def test_a_plan_of_an_earlier_version_tells_nothing_of_it() -> None:
    plan = plan_for(DesiredState(), a_server())
    old = plan.model_copy(update={"withheld": None})
    assert '"withheld"' in dump_plan(plan)
    assert '"withheld"' not in dump_plan(old)


def test_who_may_be_meant_by_rows_of_which_that_is_unclear_is_withheld_because_of_them() -> None:
    bob = User(3, "bob", email="bob@example.org")
    desired = a_state(
        desired_user("bo", 5, email="bob@example.org"),
        desired_user("robert", 6, email="bob@example.org"),
        desired_user("ann", name="Ann"),
        desired_membership("ann", "NOWHERE", row=8),
    )
    mapping = a_mapping(users={**MISSING, "find_by": ["username", "email"]}, protect=["admin"])
    plan = plan_for(desired, a_server(STAFF[0], bob), mapping)
    assert withheld(plan)["user.disable bob"] == ["unclear-identity any people.csv:5 people.csv:6"]


def test_whom_only_the_members_of_a_group_name_is_withheld_because_of_their_rows() -> None:
    desired = replace(
        a_state(desired_user("ann")),
        groups=(DesiredGroup(Given("Team"), None, members_listed=True),),
        group_members=(a_member(Given("bob", (cell("username", 7),)), Given("Team")),),
    )
    rows = {"from": "people", "name": {"from": "group"}, "member": {"from": "username"}}
    mapping = a_mapping(users=MISSING, groups=[rows], ledger="x.ledger", protect=["admin"])
    plan = plan_for(desired, a_server(*STAFF), mapping)
    assert withheld(plan)["user.disable bob"] == ["still-listed groups people.csv:7"]
