"""Roles that one user must not have together: what stops a plan, and what only warns."""

from dataclasses import replace
from typing import Any

import pytest

from kanport.findings import Severity
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredProject, Given, Group, User
from kanport.plan.guards import judge_again
from kanport.plan.guards.separation import violations
from kanport.plan.model import Plan, blocking
from kanport.plan.plan_file import dump_plan
from tests.support.planning import (
    a_mapping,
    a_server,
    a_state,
    cell,
    desired_membership,
    desired_user,
    plan_for,
    stopping_guards,
)

EVE, BOB = User(2, "eve"), User(3, "bob")
RULE = ["ALPHA:project-manager", "BETA:project-manager"]
HOLDS = {1: {2: "project-manager"}}
AT = "2026-11-21T02:00:00Z"


def mapping(*rules: Any, **parts: Any) -> MappingFile:
    return a_mapping(separation=list(rules or (RULE,)), **parts)


def manager(username: str = "eve", project: str = "BETA") -> Any:
    return desired_membership(username, project, "project-manager")


def codes(plan: Plan) -> list[str]:
    return [one.code for one in plan.findings if one.code.startswith("separation")]


def test_a_plan_that_gives_a_user_both_roles_is_stopped() -> None:
    plan = plan_for(a_state(manager()), a_server(EVE, roles=HOLDS), mapping())
    assert stopping_guards(plan) == ["separation"]
    (verdict,) = plan.blocked_by
    assert verdict.message == (
        'The plan gives 1 user roles that must be separate: "eve" has ALPHA:project-manager and'
        ' BETA:project-manager (rule "ALPHA:project-manager + BETA:project-manager")'
    )
    assert verdict.override == "separation=1"
    assert codes(plan) == []


def test_both_roles_in_one_plan_count_also_for_a_new_user() -> None:
    wanted = a_state(desired_user("Zoe"), manager("Zoe", "ALPHA"), manager("Zoe", "BETA"))
    plan = plan_for(wanted, a_server(), mapping())
    assert stopping_guards(plan) == ["separation"]
    assert '"Zoe" has' in plan.blocked_by[0].message


@pytest.mark.parametrize(("number", "stops"), [(1, []), (0, ["separation"])])
def test_allow_overrides_it_up_to_a_number(number: int, stops: list[str]) -> None:
    plan = plan_for(
        a_state(manager()), a_server(EVE, roles=HOLDS), mapping(), allowed={"separation": number}
    )
    assert stopping_guards(plan) == stops


@pytest.mark.parametrize(
    "wanted",
    [
        [manager("bob")],
        [desired_membership("eve", "BETA", "project-member")],
        # What ends in the same plan does not count.
        [desired_membership("eve", "ALPHA", "project-viewer"), manager()],
    ],
)
def test_roles_apart_stop_nothing(wanted: list[Any]) -> None:
    plan = plan_for(a_state(*wanted), a_server(EVE, BOB, roles=HOLDS), mapping(limits={"lower": 9}))
    assert stopping_guards(plan) == [] and plan.changes


def test_a_higher_role_counts_a_lower_one_does_not() -> None:
    rule = ["ALPHA:project-member", "BETA"]
    for held, stops in (("project-manager", ["separation"]), ("project-viewer", [])):
        state = a_server(EVE, roles={1: {2: held}})
        wanted = a_state(desired_membership("eve", "BETA", "project-viewer"))
        assert stopping_guards(plan_for(wanted, state, mapping(rule))) == stops


def test_a_role_on_the_server_counts() -> None:
    rule = {"name": "no admin audits", "roles": ["app-admin", "ALPHA"]}
    state = a_server(EVE, roles={1: {2: "project-member"}})
    plan = plan_for(a_state(desired_user("eve", role="app-admin")), state, mapping(rule))
    assert stopping_guards(plan) == ["separation"]
    assert '(rule "no admin audits")' in plan.blocked_by[0].message


def test_violations_that_exist_warn_and_stop_nothing() -> None:
    roles = {1: {2: "project-manager"}, 2: {2: "project-manager"}}
    plan = plan_for(a_state(manager("bob")), a_server(EVE, BOB, roles=roles), mapping())
    assert stopping_guards(plan) == []
    (finding,) = plan.findings
    assert (finding.code, finding.severity) == ("separation-violated", Severity.WARNING)
    assert finding.message.startswith('"eve" has ALPHA:project-manager and BETA:project-manager')


def test_a_violation_that_the_plan_ends_is_none() -> None:
    roles = {1: {2: "project-manager"}, 2: {2: "project-manager"}}
    wanted = a_state(desired_membership("eve", "BETA", "project-viewer"))
    assert codes(plan_for(wanted, a_server(EVE, roles=roles), mapping())) == []


def test_another_role_of_the_same_rule_makes_an_old_violation_a_new_one() -> None:
    rule = {"roles": ["ALPHA", "BETA", "app-manager"]}
    roles = {1: {2: "project-member"}, 2: {2: "project-member"}}
    wanted = a_state(desired_user("eve", role="app-manager"))
    assert stopping_guards(plan_for(wanted, a_server(EVE, roles=roles), mapping(rule))) == [
        "separation"
    ]


def test_at_most_says_how_many_of_a_set_one_user_may_have() -> None:
    rule = {"roles": ["ALPHA", "BETA", "app-manager"], "at_most": 2}
    wanted = a_state(desired_membership("eve", "BETA", "project-member"))
    state = a_server(EVE, roles={1: {2: "project-member"}})
    assert stopping_guards(plan_for(wanted, state, mapping(rule))) == []


@pytest.mark.parametrize(
    ("until", "stops", "found"),
    [
        ("2026-11-21", [], ["separation-excepted"]),
        ("2026-11-20", ["separation"], ["separation-expired"]),
    ],
)
def test_an_exception_holds_until_its_last_day(
    until: str, stops: list[str], found: list[str]
) -> None:
    exception = {"username": "EVE", "reason": "stands in", "until": until}
    rules = mapping({"roles": RULE, "exceptions": [exception]})
    plan = plan_for(a_state(manager()), a_server(EVE, roles=HOLDS), rules)
    assert stopping_guards(plan) == stops
    assert codes(plan) == found


def test_disabled_users_count_when_they_are_re_enabled() -> None:
    roles = {1: {2: "project-manager"}, 2: {2: "project-manager"}}
    state = a_server(User(2, "eve", active=False), roles=roles)
    assert violations(mapping(), state, at=AT) == ()
    plan = plan_for(a_state(desired_user("eve", active=True)), state, mapping())
    assert stopping_guards(plan) == ["separation"]


def test_a_revoked_role_that_may_remain_through_a_group_counts() -> None:
    group = Group(1, "Finance", members=frozenset({2}))
    state = a_server(EVE, BOB, groups=(group,), roles=HOLDS)
    wanted = a_state(manager(), named=("ALPHA",))
    rules = mapping(memberships_missing="revoke", limits={"revoke": 9})
    plan = plan_for(wanted, state, rules)
    assert any(change.action == "membership.revoke" for change in plan.changes)
    assert stopping_guards(plan) == ["separation"]


def test_a_project_that_is_not_there_is_told() -> None:
    rules = mapping(["ALPHA:project-manger", "GAMMA"])
    plan = plan_for(a_state(manager("bob")), a_server(BOB), rules)
    assert [one.value for one in plan.findings] == ["ALPHA:project-manger", "GAMMA"]


def test_apply_asks_again_by_what_the_server_has_then() -> None:
    plan = plan_for(a_state(manager()), a_server(EVE), mapping())
    assert stopping_guards(plan) == []
    now = a_server(EVE, roles=HOLDS)
    verdicts = judge_again(plan.changes, now, plan, at=AT)
    assert [one.guard for one in blocking(verdicts)] == ["separation"]


def test_a_plan_without_rules_says_nothing_of_them() -> None:
    text = dump_plan(plan_for(a_state(manager("bob")), a_server(BOB)))
    assert "separation" not in text and '"approval"' not in text


def test_rules_of_the_same_name_are_told_apart() -> None:
    both = (["ALPHA", "BETA"], ["ALPHA", "app-manager"])
    books = [{"name": "books", "roles": roles} for roles in both]
    roles = {1: {2: "project-manager"}, 2: {2: "project-member"}}
    state = a_server(User(2, "eve", role="app-manager"), roles=roles)
    wanted = a_state(desired_membership("eve", "BETA", "project-viewer"))
    plan = plan_for(wanted, state, mapping(*books, limits={"lower": 9}))
    assert stopping_guards(plan) == [] and plan.changes
    assert codes(plan) == ["separation-violated", "separation-violated"]


@pytest.mark.parametrize("called", ["GAMMA", "Gamma Board"])
def test_a_project_that_the_plan_creates_has_an_identifier_and_a_name(called: str) -> None:
    name, identifier = (Given(one, (cell("name", 2),)) for one in ("Gamma board", "GAMMA"))
    created = DesiredProject(name, identifier, called=identifier)
    wanted = replace(a_state(manager(project="GAMMA")), projects=(created,))
    projects = [{"from": "people", "name": {"from": "name"}}]
    rules = mapping(["ALPHA:project-manager", f"{called}:project-manager"], projects=projects)
    plan = plan_for(wanted, a_server(EVE, roles=HOLDS), rules)
    assert stopping_guards(plan) == ["separation"]
    assert codes(plan) == []
