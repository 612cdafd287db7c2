"""Nobody loses through a group what a row that cannot be used may want them to have themselves."""

from typing import Any

import pytest

from kanport.memory import Grant, LedgerState
from kanport.model import Given, Group, Unknown, User
from kanport.plan.model import Plan
from tests.plan.test_groups import planned, wanted
from tests.support.changes import who
from tests.support.findings import codes
from tests.support.planning import a_server

ANN, BOB, EVE = User(2, "ann"), User(3, "bob"), User(4, "eve")
TEAM = Group(7, "Team", members=frozenset({2, 3}))
MEMBER, VIEWER = "project-member", "project-viewer"
KNOWN = LedgerState(group_access={(7, 1): MEMBER}, access_names={(7, 1): Grant("Team", "ALPHA")})
RULES: dict[str, Any] = {
    "group_access": [{"list": {"Team": {"ALPHA": MEMBER}}}],
    "group_access_missing": "revoke",
    "group_members_missing": "remove",
    "groups_missing": "remove",
    "groups_managed": ["*"],
}
WAYS: dict[str, dict[str, Any]] = {
    "the group loses its access": {"groups": {"Team": ["ann", "bob"]}},
    "the access of the group is lowered": {
        "groups": {"Team": ["ann", "bob"]},
        "given_access": {("Team", "ALPHA"): VIEWER},
    },
    "the user leaves the group": {
        "groups": {"Team": ["ann"]},
        "given_access": {("Team", "ALPHA"): MEMBER},
    },
    "the group is removed": {"groups": {}},
}


def ended(plan: Plan) -> set[tuple[str, str]]:
    return {(str(one.action), who(one)) for one in plan.changes}


def plan_where(way: str, unknown: Unknown, roles: dict[int, str] | None = None) -> Plan:
    there = a_server(
        ANN, BOB, EVE, groups=(TEAM,), roles={1: roles or {2: MEMBER, 3: MEMBER, 4: MEMBER}}
    )
    return planned(wanted(**WAYS[way], unknown=unknown), there, KNOWN, **RULES)


OPEN = {
    "a row of memberships names the user": Unknown(memberships=frozenset({("bob", "alpha")})),
    "a row of memberships may name anybody": Unknown(memberships=frozenset({(None, "alpha")})),
    "a row of memberships may name any project": Unknown(memberships=frozenset({("bob", None)})),
    "a row of users names the user": Unknown(people=frozenset({"bob"})),
}


@pytest.mark.parametrize("what", OPEN)
@pytest.mark.parametrize("way", WAYS)
def test_access_that_the_input_leaves_open_does_not_end_with_a_group(way: str, what: str) -> None:
    sure = plan_where(way, Unknown())
    assert sure.changes
    plan = plan_where(way, OPEN[what])
    assert ended(plan) <= {("group_member.remove", "ann")}
    assert plan.withheld
    assert {"missing-unknown", "group-kept"} & {*codes(plan)} or way.endswith("lowered")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "unknown",
    [
        Unknown(memberships=frozenset({("bob", "beta")})),
        Unknown(memberships=frozenset({("eve", "alpha")})),
        Unknown(people=frozenset({"eve"})),
    ],
)
def test_what_is_open_of_somebody_else_or_elsewhere_prevents_nothing(
    way: str, unknown: Unknown
) -> None:
    assert ended(plan_where(way, unknown)) == ended(plan_where(way, Unknown()))


def test_a_user_who_surely_has_a_role_of_their_own_loses_nothing_with_the_group() -> None:
    """A role that differs from that of the only group is a direct one."""
    roles = {2: MEMBER, 3: "project-manager", 4: MEMBER}
    plan = plan_where("the group loses its access", OPEN["a row of users names the user"], roles)
    assert ("group_access.revoke", "") in ended(plan)


def test_whoever_is_disabled_on_the_server_prevents_nothing() -> None:
    there = a_server(
        ANN, User(3, "bob", active=False), groups=(TEAM,), roles={1: {2: MEMBER, 3: MEMBER}}
    )
    desired = wanted(
        **WAYS["the group loses its access"],
        unknown=Unknown(memberships=frozenset({("bob", None)})),
    )
    assert ("group_access.revoke", "") in ended(planned(desired, there, KNOWN, **RULES))


MOVING: dict[str, dict[str, Any]] = {
    "a row of the group names the user": {
        "unknown": Unknown(group_members=frozenset({("bob", "team")}))
    },
    "a row of the group may name anybody": {
        "unknown": Unknown(group_members=frozenset({(None, "team")}))
    },
    "a row names the user and no group": {
        "unknown": Unknown(group_members=frozenset({("bob", None)}))
    },
    "a row of the group names nobody": {"groups": {"Team": ["ann", "bbo"]}},
}


def plan_of_move(*, named: bool = True, **parts: Any) -> Plan:
    """Plan where Bob has a membership, and the sources now give Team access instead."""
    there = a_server(
        ANN, BOB, EVE, groups=(Group(7, "Team", members=frozenset({2})),), roles={1: {3: MEMBER}}
    )
    given_access = {("Team", "ALPHA"): MEMBER} if named else {}
    parts = {"groups": {"Team": ["ann"]}, **parts}
    desired = wanted(given_access=given_access, projects_named=(Given("ALPHA"),), **parts)
    rule = {
        "from": "people",
        "username": {"from": "username"},
        "project": {"from": "project"},
        "role": MEMBER,
    }
    return planned(desired, there, **RULES, memberships=[rule], memberships_missing="revoke")


@pytest.mark.parametrize("what", MOVING)
def test_a_membership_stays_while_a_group_that_is_to_replace_it_is_open(what: str) -> None:
    revoked = ("membership.revoke", "bob")
    assert revoked in ended(plan_of_move())
    assert revoked not in ended(plan_of_move(**MOVING[what]))
    # Where no group gets access, none of its rows says anything of the project.
    assert revoked in ended(plan_of_move(named=False, **MOVING[what]))


def test_a_membership_stays_while_the_access_of_the_group_of_the_user_is_open() -> None:
    access = Unknown(group_access=frozenset({("team", "alpha")}))
    both: dict[str, Any] = {"groups": {"Team": ["ann", "bob"]}, "named": False}
    assert ("membership.revoke", "bob") in ended(plan_of_move(**both))
    assert ("membership.revoke", "bob") not in ended(plan_of_move(**both, unknown=access))
    assert ("membership.revoke", "bob") in ended(plan_of_move(named=False, unknown=access))


@pytest.mark.parametrize("slip", [[], ["bbo"]])
def test_a_user_stays_in_a_group_while_a_row_of_the_next_one_names_nobody(slip: list[str]) -> None:
    """Bob moves from Team to Crew, which is to have the same access."""
    crew = Group(8, "Crew", members=frozenset({2}))
    there = a_server(ANN, BOB, EVE, groups=(TEAM, crew), roles={1: {2: MEMBER, 3: MEMBER}})
    groups: dict[str, list[str] | None] = {"Team": ["ann"], "Crew": ["ann", *slip]}
    given = {("Team", "ALPHA"): MEMBER, ("Crew", "ALPHA"): MEMBER}
    plan = planned(wanted(groups, given), there, KNOWN, **RULES)
    assert (("group_member.remove", "bob") in ended(plan)) is (slip == [])
