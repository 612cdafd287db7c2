"""No plan that the guards let pass locks everybody out, on servers of every size."""

from dataclasses import replace

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from kanport.mapping.spec import MappingFile
from kanport.model import DesiredState, User
from kanport.plan.guards import GuardContext, judge
from kanport.plan.matching import name_matcher
from kanport.plan.model import Plan
from tests.plan.test_make import PROJECTS, desires, servers
from tests.support.examples import examples
from tests.support.model_server import Kanboard, apply_change, apply_plan
from tests.support.planning import (
    ALPHA,
    BETA,
    a_mapping,
    a_state,
    desired_membership,
    desired_user,
    plan_for,
    stopping_guards,
)

# Nothing here keeps a plan from taking everything but the guards: no protected accounts, everybody
# is managed, and a mapping may override every limit that it can.
LIMITS = st.sampled_from(
    (
        {},
        {"remove": "100%"},
        {"lower": "100%", "disable": "100%", "revoke": "100%", "remove": 1000},
        {"by_project": {"revoke": "100%"}, "revoke": "100%"},
        {"projects": {"ALPHA": {"revoke": "100%"}}, "disable": 3, "revoke": 1000},
    )
)


@st.composite
def greedy_mappings(draw: st.DrawFn) -> MappingFile:
    missing = draw(st.sampled_from(("keep", "disable", "remove")))
    return a_mapping(
        users={
            "find_by": draw(st.sampled_from((["username"], ["username", "email"]))),
            "missing": missing,
            "managed": {"usernames": ["*"]},
        },
        memberships_missing=draw(st.sampled_from(("keep", "revoke"))),
        limits=draw(LIMITS),
        min_admins=draw(st.integers(1, 3)),
        allow_admins=draw(st.sampled_from(([], ["ann", "e*"], ["*"]))),
    )


def passing(server: Kanboard, desired: DesiredState, mapping: MappingFile) -> Plan | None:
    plan = plan_for(desired, server.seen(), mapping)
    stopped = bool(stopping_guards(plan))
    event("stopped" if stopped else "passes with changes" if plan.changes else "passes, empty")
    return None if stopped else plan


@given(servers(), desires(), greedy_mappings())
@settings(max_examples=examples(100, 2000))
def test_administrators_stay_at_every_instant_of_a_plan_that_passes(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    plan = passing(server, desired, mapping)
    if plan is None:
        return
    before = len(server.admins())
    for state in apply_plan(server, plan):
        left = state.admins() & server.admins()
        assert len(left) >= min(before, 1)
        assert left == server.admins() or len(left) >= mapping.min_admins


@given(servers(), desires(), greedy_mappings())
@settings(max_examples=examples(100, 2000))
def test_who_gets_to_be_administrator_is_allowed_it_by_name(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    plan = passing(server, desired, mapping)
    if plan is None:
        return
    allowed = name_matcher(mapping.allow_admins)
    were = {server.users[number].username for number in server.admins()}
    for state in apply_plan(server, plan):
        for number in state.admins():
            name = state.users[number].username
            assert name in were or allowed(name)


@given(servers(), desires(), greedy_mappings())
@settings(max_examples=examples(100, 2000))
def test_by_default_neither_all_users_nor_all_members_of_a_project_lose_access(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    mapping = mapping.model_copy(update={"limits": a_mapping(limits={"remove": 1}).limits})
    plan = passing(server, desired, mapping)
    if plan is None:
        return
    active = {user.id for user in server.users.values() if user.active}
    end = apply_plan(server, plan)[-1]
    still = {user.id for user in end.users.values() if user.active}
    assert len(active - still) <= -(-len(active) // 10) + 1
    members, left = server.seen().roles, end.seen().roles
    for project in PROJECTS:
        lost = {
            number
            for number in members[project.id]
            if number not in left[project.id] or (number in active and number not in still)
        }
        assert len(lost) <= max(3, -(-len(members[project.id]) // 2))
    direct = {place for place in server.direct or {} if place[1] in still}
    gone = direct - (end.direct or {}).keys()
    listed = sum(len(members[project.id]) for project in PROJECTS if not project.private)
    assert len(gone) <= -(-listed // 5)


@given(servers(), desires(), greedy_mappings())
@settings(max_examples=examples(100, 2000))
def test_no_project_is_emptied_whatever_is_allowed_over_all(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    wide = {"lower": "100%", "disable": "100%", "revoke": "100%", "remove": 1000}
    mapping = mapping.model_copy(update={"limits": a_mapping(limits=wide).limits})
    plan = passing(server, desired, mapping)
    if plan is None:
        return
    end = apply_plan(server, plan)[-1]
    able = {user.id for user in end.users.values() if user.active}
    left = end.seen().roles
    for project_id, members in server.seen().roles.items():
        had = {number for number in members if server.users[number].active}
        lost = had - (left[project_id].keys() & able)
        assert len(lost) <= max(3, -(-len(members) // 2))


@given(servers(), desires(), greedy_mappings())
@settings(max_examples=examples(100, 2000))
def test_nobody_elses_private_project_is_deleted_by_a_plan_that_passes(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    server = replace(
        server, projects=tuple(replace(p, owner_id=1 if p.private else None) for p in PROJECTS)
    )
    plan = passing(server, desired, mapping)
    if plan is None:
        return
    removed = {
        number for number in server.users if number not in apply_plan(server, plan)[-1].users
    }
    for project in (project for project in server.projects if project.private):
        members = set(server.seen().roles[project.id])
        if members & removed:
            assert members | {project.owner_id} <= removed


def test_the_properties_above_can_fail() -> None:
    server = Kanboard({1: User(1, "admin", role="app-admin")}, (ALPHA,))
    wanted = a_state(desired_user("admin", active=False))
    plan = plan_for(wanted, server.seen(), a_mapping(limits={"disable": "100%"}))
    assert stopping_guards(plan) == ["last-admin"]
    assert apply_change(server, plan.changes[0]).admins() == set()


# --- the same guards on servers of every size -----------------------------------------------------


def a_server_of(size: int, in_beta: int | None = None) -> Kanboard:
    """Make a server with the administrator and so many in all; all but them are in ALPHA."""
    users = {1: User(1, "admin", role="app-admin")}
    users |= {number: User(number, f"u{number}") for number in range(2, size + 1)}
    direct = {(ALPHA.id, number): "project-member" for number in users if number > 1}
    some = list(users)[1 : 1 + (size if in_beta is None else in_beta)]
    direct |= {(BETA.id, number): "project-member" for number in some}
    return Kanboard(users, (ALPHA, BETA), (), direct)


MANAGED = {"missing": "disable", "managed": {"usernames": ["*"]}}


@pytest.mark.parametrize("size", [1, 3, 10, 10_000])
def test_a_list_with_one_stranger_in_it_takes_nothing_from_a_server_of_any_size(size: int) -> None:
    server = a_server_of(size).seen()
    mapping = a_mapping(users=MANAGED, memberships_missing="revoke")
    wanted = a_state(
        desired_user("stranger"),
        desired_membership("stranger", "ALPHA"),
        desired_membership("stranger", "BETA"),
    )
    stopped = stopping_guards(plan_for(wanted, server, mapping))
    assert "last-admin" in stopped
    if size > 1:
        assert "limit-disable" in stopped
        assert "limit-revoke" in stopped
    if size > 4:
        assert stopped.count("limit-revoke-in-project") == 2


@pytest.mark.parametrize(
    ("size", "leavers"), [(1, 0), (3, 1), (10, 1), (10_000, 1000), (10_000, 1001)]
)
def test_so_many_leavers_pass_on_a_server_of_this_size_and_no_more(size: int, leavers: int) -> None:
    server = a_server_of(size)
    gone = set(list(server.users)[1 : 1 + leavers])
    stay = [desired_user(user.username) for user in server.users.values() if user.id not in gone]
    plan = plan_for(a_state(*stay), server.seen(), a_mapping(users=MANAGED))
    assert len(plan.changes) == leavers
    assert bool(stopping_guards(plan)) is (leavers > -(-size // 10))


@pytest.mark.parametrize("size", [1, 3, 10, 10_000])
def test_the_last_administrator_stays_on_a_server_of_any_size(size: int) -> None:
    server = a_server_of(size).seen()
    lift = {"lower": "100%", "disable": "100%"}
    for fields in ({"active": False}, {"role": "app-user"}):
        wanted = a_state(desired_user("admin", **fields))
        assert stopping_guards(plan_for(wanted, server, a_mapping(limits=lift))) == ["last-admin"]


def test_the_guards_take_no_noticeable_time_on_a_large_server() -> None:
    from time import process_time

    server = a_server_of(10_000).seen()
    mapping = a_mapping(users=MANAGED, memberships_missing="revoke")
    plan = plan_for(
        a_state(
            desired_user("x"), desired_membership("x", "ALPHA"), desired_membership("x", "BETA")
        ),
        server,
        mapping,
    )
    assert len(plan.changes) > 20_000
    start = process_time()
    judge(GuardContext(plan.changes, server, mapping))
    assert process_time() - start < 5
