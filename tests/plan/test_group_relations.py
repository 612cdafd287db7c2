"""Nobody leaves a group, and no group goes, while the input leaves open what it wants of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from kanport.findings import found
from kanport.model import DesiredUser, Given, Group, Unknown, User
from kanport.origin import Origin
from kanport.plan.change import Action
from kanport.plan.model import Plan
from tests.plan.test_groups import planned, wanted
from tests.support.changes import who
from tests.support.findings import codes
from tests.support.planning import a_server, cell

ANN, BOB, EVE = User(2, "ann"), User(3, "bob"), User(4, "eve")
TEAM = Group(7, "Team", members=frozenset({2, 3}))
HERE = a_server(ANN, BOB, EVE, groups=(TEAM, Group(8, "Others")))
LEAVES = [("group_member.remove", "bob")]


def actions(plan: Plan) -> list[tuple[str, str]]:
    return [(str(one.action), who(one)) for one in plan.changes]


def without_bob(unknown: Unknown, **parts: Any) -> Plan:
    """Plan where a list of the group has Ann alone."""
    return planned(
        wanted({"Team": ["ann"]}, unknown=unknown, **parts), HERE, group_members_missing="remove"
    )


def test_whom_nothing_names_leaves() -> None:
    plan = without_bob(Unknown())
    assert (actions(plan), codes(plan)) == (LEAVES, [])


_OPEN: Mapping[str, Unknown] = {
    "somebody who is named by a broken row of people": Unknown(people=frozenset({"bob"})),
    "somebody whose entry is hidden": Unknown(hidden=frozenset({"bob"})),
    "anybody": Unknown(everybody=True),
    "somebody in the group": Unknown(group_members=frozenset({(None, "team")})),
    "them in some group": Unknown(group_members=frozenset({("bob", None)})),
    "them in the group": Unknown(group_members=frozenset({("bob", "team")})),
}


@pytest.mark.parametrize("what", _OPEN)
def test_whom_a_broken_row_may_put_into_a_group_stays(what: str) -> None:
    plan = without_bob(_OPEN[what])
    assert (actions(plan), codes(plan)) == ([], ["missing-unknown"])


@pytest.mark.parametrize(
    "unknown",
    [
        Unknown(people=frozenset({"eve"})),
        Unknown(group_members=frozenset({("bob", "others")})),
        Unknown(group_members=frozenset({("eve", "team")})),
        Unknown(group_members=frozenset({(None, "others")})),
        Unknown(group_members=frozenset({("eve", None)})),
        Unknown(memberships=frozenset({("bob", "alpha")})),
        Unknown(group_access=frozenset({("team", "alpha")})),
    ],
)
def test_a_broken_row_about_something_else_keeps_nobody_in_a_group(unknown: Unknown) -> None:
    assert actions(without_bob(unknown)) == LEAVES


def test_a_row_of_the_group_that_names_nobody_there_is_keeps_everybody_in_it() -> None:
    plan = planned(wanted({"Team": ["ann", "bbo"]}), HERE, group_members_missing="remove")
    assert actions(plan) == []
    assert set(codes(plan)) == {"person-unknown", "missing-unknown"}


def test_a_row_with_an_error_of_its_own_keeps_whom_it_names() -> None:
    bob = DesiredUser(
        Given("bob", (cell("username", 3),)), rows=(Origin("people", file="people.csv", row=3),)
    )
    error = found("username-empty", cell("username", 3))
    plan = _with_finding(wanted({"Team": ["ann"]}, users=(bob,)), error)
    assert actions(plan) == []
    assert "missing-unknown" in codes(plan)
    assert actions(_with_finding(wanted({"Team": ["ann"]}, users=(bob,)), None)) == LEAVES


def _with_finding(state: Any, error: Any) -> Plan:
    from kanport.plan.make import make_plan
    from kanport.plan.model import PlanMapping
    from tests.support.planning import a_mapping

    rows = {"from": "people", "name": {"from": "group"}, "member": {"from": "username"}}
    return make_plan(
        state,
        HERE,
        a_mapping(memberships=[], groups=[rows], group_members_missing="remove"),
        findings=[error] if error is not None else [],
        mapping_ref=PlanMapping(path="people.yaml", sha256="0" * 64),
        sources=(),
        created_at="2026-11-21T02:00:00Z",
        version="1.0",
    )


def gone(unknown: Unknown = Unknown(), here: Any = HERE, **parts: Any) -> Plan:  # noqa: B008
    """Plan where no source names the group at all."""
    return planned(
        wanted({}, unknown=unknown, **parts),
        here,
        groups_missing="remove",
        groups_managed=["T*"],
        protect=["svc-*"],
    )


def test_a_group_that_nothing_names_goes_after_its_members() -> None:
    plan = gone()
    assert actions(plan) == [
        ("group_member.remove", "ann"),
        ("group_member.remove", "bob"),
        ("group.remove", ""),
    ]
    assert gone(here=a_server(ANN, groups=(Group(8, "Others"),))).changes == ()


@pytest.mark.parametrize(
    "unknown",
    [
        Unknown(everybody=True),
        Unknown(group_members=frozenset({(None, None)})),
        Unknown(group_members=frozenset({("eve", None)})),
        Unknown(group_members=frozenset({("eve", "team")})),
        Unknown(group_access=frozenset({(None, None)})),
        Unknown(group_access=frozenset({(None, "alpha")})),
        Unknown(group_access=frozenset({("team", "alpha")})),
    ],
)
def test_a_group_stays_that_a_broken_row_may_name(unknown: Unknown) -> None:
    plan = gone(unknown)
    assert (actions(plan), codes(plan)) == ([], ["group-kept"])


@pytest.mark.parametrize(
    "unknown",
    [
        Unknown(people=frozenset({"eve"})),
        Unknown(group_members=frozenset({("ann", "others")})),
        Unknown(group_access=frozenset({("others", None)})),
        Unknown(memberships=frozenset({(None, None)})),
    ],
)
def test_a_group_goes_that_no_broken_row_may_name(unknown: Unknown) -> None:
    assert ("group.remove", "") in actions(gone(unknown))


def test_a_group_stays_while_a_row_of_somebody_in_it_cannot_be_used() -> None:
    plan = gone(Unknown(people=frozenset({"ann"})))
    assert (actions(plan), codes(plan)) == ([], ["group-kept"])
    assert '"ann"' in plan.findings[0].message
    assert '"bob"' not in plan.findings[0].message


@pytest.mark.parametrize(
    ("group", "stays"), [("Team", ("Team",)), ("Crew", ("Crew",)), ("New", ())]
)
def test_a_row_that_names_nobody_keeps_members_only_in_its_own_group(
    group: str, stays: tuple[str, ...]
) -> None:
    here = replace(HERE, groups=(*HERE.groups, Group(9, "Crew", members=frozenset({3}))))
    rows: dict[str, list[str] | None] = {"Team": ["ann"], "Crew": [], "New": []}
    rows[group] = [*(rows[group] or ()), "bbo"]
    plan = planned(wanted(rows), here, group_members_missing="remove")
    left = {one.group for one in plan.changes if one.action is Action.GROUP_MEMBER_REMOVE}
    assert left == {"Team", "Crew"} - set(stays)
    assert tuple(one.change.group for one in plan.withheld or ()) == stays


@pytest.mark.parametrize("who", [None, "bob"])
def test_a_broken_row_whose_group_is_nowhere_may_mean_any_group(who: str | None) -> None:
    unknown = Unknown(group_members=frozenset({(who, "taem")}))
    assert actions(without_bob(unknown)) == []
    assert actions(gone(unknown)) == []


def test_a_group_stays_while_a_row_of_a_new_group_has_an_error() -> None:
    plan = planned(
        wanted({"Taem": ["ann", "bbo"]}), HERE, groups_missing="remove", groups_managed=["T*"]
    )
    assert [one.action for one in plan.changes] == [Action.GROUP_CREATE, Action.GROUP_MEMBER_ADD]
    assert "group-kept" in codes(plan)
    unreadable = Unknown(group_members=frozenset({("ann", "taem")}))
    plan = planned(
        wanted({"Taem": ["bob"]}, unknown=unreadable),
        HERE,
        groups_missing="remove",
        groups_managed=["T*"],
    )
    assert Action.GROUP_REMOVE not in {one.action for one in plan.changes}


def test_a_broken_row_that_names_no_group_may_mean_the_access_of_any() -> None:
    access = Unknown(group_access=frozenset({("taem", "alpha")}))
    assert ("group.remove", "") not in actions(gone(access))


@pytest.mark.parametrize(
    "group",
    [
        Group(7, "Team", members=frozenset({2, 99})),
        Group(7, "Team", members=frozenset({2}), complete=False),
        Group(7, "Team", members=frozenset({2, 5})),
    ],
    ids=["a member who was not read", "not all members", "a protected member"],
)
def test_a_group_stays_whose_members_cannot_all_be_taken_out(group: Group) -> None:
    plan = gone(here=a_server(ANN, User(5, "svc-mail"), groups=(group,)))
    assert (actions(plan), codes(plan)) == ([], ["group-kept"])
