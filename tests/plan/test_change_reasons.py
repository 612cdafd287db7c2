"""Each change says why it is planned, as a code with its case, and says it of that change alone."""

from typing import Any

import pytest

from kanport.memory import Absence, LedgerState
from kanport.model import (
    DesiredGroup,
    DesiredProject,
    DesiredState,
    Given,
    Group,
    Identity,
    User,
)
from kanport.plan.change import Change
from kanport.plan.model import Plan
from tests.plan.test_projection import desired, planned
from tests.support.planning import (
    a_mapping,
    a_member,
    a_server,
    a_state,
    an_access,
    desired_membership,
    desired_user,
    plan_for,
)

ANN, BOB = User(2, "ann", email="ann@x.org"), User(3, "bob")
MEMBER, VIEWER = "project-member", "project-viewer"
EVERYBODY = {"usernames": ["*"]}
TEAM = Group(7, "Team", "cn=team", members=frozenset({2, 3}))


def why(plan: Plan) -> dict[tuple[str, str], tuple[str, str]]:
    """Return code and case of the reason of each change, by action and whom or what it is about."""
    found = {(str(one.action), _about(one)): one for one in plan.changes}
    assert len(found) == len(plan.changes)
    return {
        key: (one.why.code, one.why.case) if one.why is not None else ("", "")
        for key, one in found.items()
    }


def _about(change: Change) -> str:
    return change.username or change.group or change.project or ""


def test_why_people_are_created_changed_and_renamed() -> None:
    carl = User(4, "carl", email="c@x.org")
    dora = User(5, "dora")
    plan = plan_for(
        a_state(
            desired_user("eve"),
            desired_user("fred", 3, active=False),
            desired_user("ann", 4, name="Ann"),
            desired_user("carla", 5, email="c@x.org"),
            desired_user("theodora", 6, stable_id="d1"),
        ),
        a_server(ANN, carl, dora),
        a_mapping(users={"find_by": ["username", "email"], "inactive": "create"}),
        known=[Identity("d1", 5, "dora")],
    )
    reasons = why(plan)
    assert reasons == {
        ("user.create", "eve"): ("new-on-server", ""),
        ("user.create", "fred"): ("new-on-server", ""),
        ("user.disable", "fred"): ("new-on-server", "inactive"),
        ("user.update", "ann"): ("fields-differ", ""),
        ("user.rename", "carl"): ("renamed", "email"),
        ("user.rename", "dora"): ("renamed", "id"),
    }


def test_why_people_are_enabled_and_disabled_because_of_their_row() -> None:
    off = User(4, "off", active=False)
    state = a_state(desired_user("ann", active=False), desired_user("off", 3, active=True))
    assert why(plan_for(state, a_server(ANN, off))) == {
        ("user.disable", "ann"): ("inactive-in-sources", ""),
        ("user.enable", "off"): ("active-in-sources", ""),
    }


def absent(user: User, disabled_at: str | None) -> LedgerState:
    absence = Absence(user.username, "2026-01-01T02:00:00Z", 9, disabled_at)
    return LedgerState(absent={user.id: absence}, counted_at="2026-11-20T02:00:00Z")


@pytest.mark.parametrize(
    ("missing", "user", "memory", "expected"),
    [
        ("disable", BOB, LedgerState(), ("user.disable", "in-no-source", "")),
        ("remove", BOB, LedgerState(), ("user.remove", "in-no-source", "")),
        (
            {"after": "3 runs", "then": "disable"},
            BOB,
            absent(BOB, None),
            ("user.disable", "in-no-source", "waited"),
        ),
        (
            {"after": "3 runs", "then": "disable", "remove_after": "30 days"},
            User(3, "bob", active=False),
            absent(BOB, "2026-02-01T02:00:00Z"),
            ("user.remove", "in-no-source", "disabled"),
        ),
    ],
)
def test_why_people_in_no_source_go(
    missing: Any, user: User, memory: LedgerState, expected: tuple[str, str, str]
) -> None:
    mapping = a_mapping(
        users={"missing": missing, "managed": EVERYBODY},
        ledger="x.ledger",
        protect=["admin"],
        limits={"remove": 9, "disable": 9},
    )
    plan = plan_for(a_state(desired_user("ann")), a_server(ANN, user), mapping, memory=memory)
    action, *reason = expected
    assert why(plan) == {(action, "bob"): tuple(reason)}


def test_why_somebody_is_back() -> None:
    off = User(3, "bob", active=False)
    mapping = a_mapping(
        users={
            "missing": "disable",
            "managed": EVERYBODY,
            "fields": {"username": {"from": "username"}},
        },
        ledger="x.ledger",
        protect=["admin"],
    )
    memory = absent(off, "2026-02-01T02:00:00Z")
    plan = plan_for(a_state(desired_user("bob")), a_server(off), mapping, memory=memory)
    assert why(plan) == {("user.enable", "bob"): ("returned", "")}


def test_why_memberships_change() -> None:
    state = a_state(
        desired_membership("ann", "ALPHA"), desired_membership("bob", "ALPHA", VIEWER, 3)
    )
    server = a_server(ANN, BOB, User(4, "eve"), roles={1: {3: MEMBER, 4: MEMBER}})
    assert why(plan_for(state, server, a_mapping(memberships_missing="revoke"))) == {
        ("membership.grant", "ann"): ("not-a-member", ""),
        ("membership.change", "bob"): ("role-differs", ""),
        ("membership.revoke", "eve"): ("not-listed", "project"),
    }


def test_why_the_access_of_a_leaver_ends() -> None:
    mapping = a_mapping(
        users={"missing": {"then": "disable", "and": "revoke"}, "managed": EVERYBODY},
        ledger="x.ledger",
        protect=["admin"],
    )
    state = a_state(desired_user("ann"), named=["ALPHA"])
    plan = plan_for(state, a_server(ANN, BOB, roles={1: {3: MEMBER}}), mapping)
    assert why(plan) == {
        ("user.disable", "bob"): ("in-no-source", ""),
        ("membership.revoke", "bob"): ("in-no-source", ""),
    }


def test_why_a_role_is_made_sure_of_and_that_of_a_group_changes() -> None:
    plan = planned(
        desired((desired_membership("ann", "ALPHA", MEMBER),), {("Team", "ALPHA"): VIEWER,
                                                    ("Team", "BETA"): VIEWER}),
        a_server(ANN, BOB, groups=(TEAM,), roles={1: {2: MEMBER, 3: MEMBER}}),
        LedgerState(group_access={(7, 1): MEMBER}),
    )  # fmt: skip
    assert {(str(c.action), c.project, c.why.code) for c in plan.changes if c.why} == {
        ("group_access.change", "ALPHA", "role-differs"),
        ("group_access.grant", "BETA", "no-group-access"),
        ("membership.grant", "ALPHA", "keeps-role"),
    }


def test_why_groups_and_their_members_change() -> None:
    old, bare = Group(8, "Old", members=frozenset({2})), Group(9, "Bare")
    named = [("Crew", "cn=team"), ("Bare", "cn=bare"), ("New", None)]
    state = DesiredState(
        groups=tuple(DesiredGroup(Given(n), Given(i) if i else None, True) for n, i in named),
        group_members=(a_member(Given("eve"), Given("Crew")),
                       a_member(Given("ann"), Given("Crew"))),
    )  # fmt: skip
    plan = planned(
        state,
        a_server(ANN, BOB, User(4, "eve"), groups=(TEAM, old, bare)),
        LedgerState(),
        group_members_missing="remove",
        groups_missing="remove",
        groups_managed=["*"],
    )
    found = {
        (str(c.action), c.group, c.username): (c.why.code, c.why.case)
        for c in plan.changes
        if c.why is not None
    }
    assert found == {
        ("group.update", "Team", None): ("group-renamed", ""),
        ("group.update", "Bare", None): ("external-id-differs", ""),
        ("group.create", "New", None): ("new-on-server", ""),
        ("group_member.add", "Crew", "eve"): ("not-in-group", ""),
        ("group_member.remove", "Team", "bob"): ("not-listed", "member"),
        ("group_member.remove", "Old", "ann"): ("not-listed", "group_member"),
        ("group.remove", "Old", None): ("not-listed", "group"),
    }


def test_why_the_access_of_a_group_ends_and_a_project_is_created() -> None:
    state = DesiredState(
        projects=(DesiredProject(Given("Gamma")),),
        group_access=(an_access(Given("Team"), Given("BETA"), Given(MEMBER)),),
    )
    rows = [{"from": "people", "name": {"from": "project"}}]
    both = {1: {2: MEMBER, 3: MEMBER}, 2: {2: MEMBER, 3: MEMBER}}
    plan = planned(
        state,
        a_server(ANN, BOB, groups=(TEAM,), roles=both),
        LedgerState(group_access={(7, 1): MEMBER, (7, 2): MEMBER}),
        group_access_missing="revoke",
        projects=rows,
    )
    assert why(plan) == {
        ("group_access.revoke", "Team"): ("not-listed", "access"),
        ("project.create", "Gamma"): ("new-on-server", ""),
    }


def test_why_usernames_are_swapped_by_way_of_another_one() -> None:
    known = [Identity("a1", 2, "ann"), Identity("b1", 3, "bob")]
    state = a_state(desired_user("bob", stable_id="a1"), desired_user("ann", 3, stable_id="b1"))
    plan = plan_for(state, a_server(ANN, BOB), known=known)
    codes = [(one.why.code, one.why.case) for one in plan.changes if one.why is not None]
    assert sorted(codes) == [("renamed", "id"), ("renamed", "id"), ("renamed-aside", "")]
