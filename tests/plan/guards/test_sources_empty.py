"""A source that gives nothing takes nothing away, unless a directory itself says that it is so."""

from typing import Any

import pytest

from kanport.memory import LedgerState
from kanport.model import (
    DesiredGroup,
    DesiredState,
    Given,
    Group,
    User,
)
from kanport.origin import Origin
from kanport.plan.guards.context import SourceUsage, sources_by_kind
from kanport.plan.model import Plan
from tests.support.planning import (
    a_mapping,
    a_member,
    a_server,
    a_state,
    an_access,
    cell,
    desired_membership,
    desired_user,
    plan_for,
    stopping_guards,
)

ANN, BOB = User(2, "ann"), User(3, "bob")
TEAM = Group(7, "Team", members=frozenset({2, 3}))
MEMBER = "project-member"
ROLES = {1: {2: MEMBER, 3: MEMBER}}
ENTRY = (Origin("people", dn="cn=team,dc=x"),)
ROW = (cell("group", 2),)
OF_GROUPS = {"from": "people", "name": {"from": "group"}, "member": {"from": "username"}}
OF_ACCESS = {
    "from": "people",
    "group": {"from": "group"},
    "project": {"from": "project"},
    "role": {"from": "access"},
}


def planned(desired: DesiredState, rows: int = 1, **parts: Any) -> Plan:
    mapping = a_mapping(users=None, memberships=[], ledger="x.ledger", **parts)
    return plan_for(
        desired,
        a_server(ANN, BOB, groups=(TEAM,), roles=ROLES),
        mapping,
        memory=LedgerState(group_access={(7, 1): MEMBER}),
        source={"rows": rows},
    )


def group(origins: tuple[Origin, ...], *, listed: bool = True) -> DesiredGroup:
    return DesiredGroup(Given("Team", origins), None, listed)


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize(
    ("desired", "stopped"),
    [
        (DesiredState(groups=(group(ENTRY),)), False),
        (DesiredState(groups=(group(ROW),)), True),
        (
            DesiredState(
                groups=(group(ROW),),
                group_members=(a_member(Given("ann", ROW), Given("Team")),),
            ),
            False,
        ),
    ],
    ids=["a group of a directory without members", "a group of a file", "a member of a file"],
)  # fmt: skip
def test_a_group_without_members_empties_only_what_a_directory_shows(
    desired: DesiredState, stopped: bool, rows: int
) -> None:
    plan = planned(desired, rows, groups=[OF_GROUPS], group_members_missing="remove")
    assert {str(one.action) for one in plan.changes} == {"group_member.remove"}
    assert ("source-empty" in stopping_guards(plan)) is stopped


def test_the_access_of_groups_ends_only_where_the_source_gives_some() -> None:
    parts: dict[str, Any] = {"group_access": [OF_ACCESS], "group_access_missing": "revoke"}
    nothing = planned(DesiredState(), **parts)
    assert [str(one.action) for one in nothing.changes] == ["group_access.revoke"]
    assert stopping_guards(nothing) == ["source-empty"]
    other = an_access(Given("Team", ROW), Given("BETA", ROW), Given(MEMBER, ROW))
    plan = planned(DesiredState(group_access=(other,)), **parts)
    assert sorted(str(one.action) for one in plan.changes) == [
        "group_access.grant",
        "group_access.revoke",
    ]
    assert stopping_guards(plan) == []


@pytest.mark.parametrize(
    ("named", "stopped"),
    [((Given("ALPHA", ENTRY),), False), ((Given("ALPHA", ROW),), True), ((Given("ALPHA"),), True)],
)
def test_a_project_without_members_empties_only_what_a_directory_shows(
    named: tuple[Given[str], ...], stopped: bool
) -> None:
    mapping = a_mapping(users=None, memberships_missing="revoke", limits={"revoke": 9})
    server = a_server(ANN, BOB, roles=ROLES)
    plan = plan_for(DesiredState(projects_named=named), server, mapping)
    assert {str(one.action) for one in plan.changes} == {"membership.revoke"}
    assert stopping_guards(plan) == (["source-empty"] if stopped else [])


@pytest.mark.parametrize("missing", ["keep", "disable"])
def test_a_source_of_people_and_memberships_is_judged_by_what_it_loses(missing: str) -> None:
    users = {"missing": missing, "managed": {"usernames": ["*"]}}
    limits = {"revoke": 9, "disable": 9}
    mapping = a_mapping(users=users, memberships_missing="revoke", limits=limits, protect=["admin"])
    server = a_server(ANN, BOB, roles={1: {3: MEMBER}})
    # People come, and no membership.
    plan = plan_for(a_state(desired_user("ann"), named=["ALPHA"]), server, mapping)
    assert stopping_guards(plan) == ["source-empty"]
    # Memberships come, and no people.
    plan = plan_for(a_state(desired_membership("ann", "ALPHA")), server, mapping)
    assert stopping_guards(plan) == ([] if missing == "keep" else ["source-empty"])
    plan = plan_for(
        a_state(desired_user("ann"), desired_membership("ann", "ALPHA")), server, mapping
    )
    assert stopping_guards(plan) == []


def test_a_row_of_which_it_is_open_who_is_meant_is_of_use_all_the_same() -> None:
    users = {"missing": "disable", "managed": {"usernames": ["*"]}}
    mapping = a_mapping(users=users, memberships=[], protect=["admin"])
    twins = (User(2, "Ann"), User(3, "ANN"))
    plan = plan_for(a_state(desired_user("ann")), a_server(*twins), mapping)
    assert plan.changes == ()
    assert stopping_guards(plan) == []


def test_every_source_that_gives_something_counts_as_one_that_does() -> None:
    rule = {"username": {"from": "L"}, "project": {"from": "P"}, "role": {"from": "R"}}
    mapping = a_mapping(
        sources={name: {"type": "csv", "path": f"{name}.csv"} for name in ("people", "a", "b")},
        memberships=[{"from": "a", **rule}, {"from": "b", **rule}],
    )
    given = [(Origin("a", row=2),), (Origin("a", row=3),), (Origin("b", row=2),)]
    kinds = dict.fromkeys(sources_by_kind(mapping), given)
    assert {source for _, source in SourceUsage.of(kinds, mapping, ()).given} == {"a", "b"}
