"""Parts of a plan: changes of the whole plan with what they need, and the ledger is not misled."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from kanport.errors import UsageError
from kanport.model import Group, User
from kanport.names import compare_key
from kanport.plan.change import Action
from kanport.plan.model import Plan
from kanport.plan.partial import parse_only
from kanport.plan.staleness import differences
from tests.plan.test_identities_properties import World, worlds
from tests.plan.test_make import NEW_NAMES, TIDY_NAMES
from tests.support.examples import examples
from tests.support.ledger_nights import Nights
from tests.support.model_server import Kanboard
from tests.support.planning import (
    ADMIN,
    ALPHA,
    BETA,
    a_mapping,
    a_member,
    a_server,
    a_state,
    desired_membership,
    desired_user,
    lines_of,
    plan_for,
    stopping_guards,
)

SELECTIONS = st.lists(
    st.sampled_from(
        [
            *(f"user:{name}" for name in (*TIDY_NAMES, *NEW_NAMES, "*")),
            *(f"project:{name}" for name in ("ALPHA", "Beta", "#3", "*")),
            *Action,
        ]
    ),
    min_size=1,
    max_size=4,
)

# Checked for each plan of its own: the part may lower an administrator whom the whole replaces.
GUARDS = {"last-admin", "min-admins", "private-projects"}


def part_of(world: World, only: list[str]) -> Plan:
    """Return the partial plan of a world, if the selection names somebody there."""
    seen = world.server.seen()
    try:
        return plan_for(world.desired, seen, world.mapping, known=world.ledger, only=only)
    except UsageError as problem:
        assume("in the sources or on the server matches" not in problem.message)
        raise


def end_state(server: Kanboard) -> Any:
    """Return what is on a server, by name: new users get their ids in the order of creation."""
    names = {number: user.username for number, user in server.users.items()}
    users = {
        user.username: (user.name, user.email, user.role, user.active)
        for user in server.users.values()
    }
    direct = {(place[0], names[place[1]]): role for place, role in (server.direct or {}).items()}
    return users, direct


def settled(world: World) -> Kanboard:
    """Return the server after all whole plans: a second one may decide who was unclear before."""
    for _ in range(4):
        plan = world.plan()
        if not plan.changes:
            break
        world = world.after(plan)
    return world.server


def find_by(world: World) -> tuple[str, ...]:
    """Return by what a mapping finds users."""
    return world.mapping.users.find_by if world.mapping.users is not None else ()


@given(worlds(), SELECTIONS)
@settings(max_examples=examples(60, 20_000), deadline=None)
def test_a_part_of_a_plan_can_be_made_alone_and_the_whole_afterwards(
    world: World, only: list[str]
) -> None:
    # Whom an address means that two have depends on which of them a part of the plan gave it to.
    emails = Counter(one.email for one in world.server.users.values() if one.email)
    assume(emails.total() == len(emails) or "email" not in find_by(world))
    whole, part = world.plan(), part_of(world, only)
    assert part.partial is not None
    at = {change: number for number, change in enumerate(c.id for c in whole.changes)}
    assert [whole.changes[at[change.id]] for change in part.changes] == list(part.changes)
    assert sorted(part.changes, key=lambda one: at[one.id]) == list(part.changes)
    counted = len(part.changes) + sum(part.partial.left_out.values())
    assert counted == len(whole.changes)
    event(f"left out: {bool(part.partial.left_out)}, needed: {bool(part.partial.needed)}")
    seen = world.server.seen()
    if not differences(whole, seen):
        assert {one.code for one in differences(part, seen)} <= GUARDS
    # Each username is free, and whoever gets something is there: the server checks.
    assert end_state(settled(world.after(part))) == end_state(settled(world))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("user.creat", "did you mean user.create?"),
        ("member.grant", "did you mean membership.grant?"),
        ("user:", "did you mean user:?"),
        ("zzz", "give user:PATTERN"),
    ],
)
def test_a_wrong_selection_is_refused_with_what_was_meant(text: str, meant: str) -> None:
    with pytest.raises(UsageError, match="selects nothing") as refused:
        parse_only([text])
    assert meant in str(refused.value.hint)


ADA, BOB, EVE = User(5, "ada"), User(6, "bob"), User(7, "eve")
WANTED = a_state(
    desired_user("ada"),
    desired_user("nele", row=3),
    desired_membership("ada", "ALPHA"),
    desired_membership("nele", "ALPHA", row=3),
    desired_membership("nele", "BETA", row=4),
)


def test_what_a_selected_change_needs_comes_along_and_the_plan_says_so() -> None:
    part = plan_for(WANTED, a_server(ADA), only=["project:alpha"])
    assert [change.action for change in part.changes] == [
        Action.USER_CREATE,
        Action.MEMBERSHIP_GRANT,
        Action.MEMBERSHIP_GRANT,
    ]
    assert part.partial is not None
    assert part.partial.needed == (part.changes[0].id,)
    assert part.partial.left_out == {"membership.grant": 1}
    (finding,) = [one for one in part.findings if one.code == "plan-partial"]
    assert finding.message == (
        "--only project:alpha leaves out 1 change (1 membership.grant);"
        " 1 change that it does not name is in the plan because others need it"
    )


def test_different_kinds_of_selection_must_all_fit_and_one_kind_adds_up() -> None:
    both = plan_for(WANTED, a_server(ADA), only=["user:ada", "user:nele", "project:BETA"])
    assert [change.username for change in both.changes] == ["nele", "nele"]
    none = plan_for(WANTED, a_server(ADA), only=["user:ada", "user.create"])
    assert none.changes == ()


@pytest.mark.parametrize(
    ("text", "meant"), [("user:neel", "user:nele"), ("project:ALHPA", "project:ALPHA")]
)
def test_a_pattern_that_fits_nobody_is_refused(text: str, meant: str) -> None:
    with pytest.raises(UsageError) as refused:
        plan_for(WANTED, a_server(ADA), only=[text])
    assert refused.value.hint == f"did you mean {meant}?"


def test_the_percentages_of_limits_are_those_of_the_whole_server() -> None:
    users = [User(number, f"u{number}") for number in range(10, 30)]
    mapping = a_mapping(
        users={"missing": "disable", "managed": {"usernames": ["*"]}},
        limits={"disable": "10%"},
        protect=["admin"],
    )
    desired = a_state(*(desired_user(f"u{number}", number) for number in range(20, 30)))
    server = a_server(*users)
    assert "limit-disable" in stopping_guards(plan_for(desired, server, mapping))
    some = [f"user:u{number}" for number in range(10, 20)]
    assert "limit-disable" in stopping_guards(plan_for(desired, server, mapping, only=some))
    assert stopping_guards(plan_for(desired, server, mapping, only=some[:1])) == []


def test_a_user_who_is_created_to_be_disabled_is_disabled() -> None:
    mapping = a_mapping(users={"inactive": "create"})
    desired = a_state(desired_user("nele", active=False))
    part = plan_for(desired, a_server(), mapping, only=["user.create"])
    assert [change.action for change in part.changes] == [Action.USER_CREATE, Action.USER_DISABLE]


def test_whoever_loses_a_role_through_a_group_gets_the_one_that_replaces_it() -> None:
    groups = {"from": "people", "name": {"from": "group"}, "member": {"from": "username"}}
    mapping = a_mapping(groups=[groups], group_members_missing="remove")
    group = Group(1, "Staff", members=frozenset({ADA.id, BOB.id}))
    server = a_server(
        ADA, BOB, groups=(group,), roles={1: {ADA.id: "project-member", BOB.id: "project-member"}}
    )
    from dataclasses import replace

    from kanport.model import DesiredGroup, Given

    desired = replace(
        a_state(desired_user("ada"), desired_user("bob", 3), desired_membership("ada", "ALPHA")),
        groups=(DesiredGroup(Given("Staff"), members_listed=True),),
        group_members=(a_member(Given("bob"), Given("Staff")),),
    )
    whole = plan_for(desired, server, mapping)
    assert {change.action for change in whole.changes} >= {
        Action.GROUP_MEMBER_REMOVE,
        Action.MEMBERSHIP_GRANT,
    }, lines_of(whole)
    part = plan_for(desired, server, mapping, only=["group_member.remove"])
    assert [(one.action, one.username) for one in part.changes] == [
        (Action.GROUP_MEMBER_REMOVE, "ada"),
        (Action.MEMBERSHIP_GRANT, "ada"),
    ]


# --- the ledger -----------------------------------------------------------------------------------

STEPS = {"missing": {"then": "disable", "after": "3 runs"}, "managed": {"usernames": ["*"]}}


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    mapping = a_mapping(users=STEPS, ledger="people.ledger", protect=["admin"])
    server = Kanboard({1: ADMIN, 5: ADA, 6: BOB, 7: EVE}, (ALPHA, BETA))
    world = Nights(tmp_path / "people.ledger", mapping, server)
    world.night(a_state(desired_user("ada"), desired_user("bob", 3), desired_user("eve", 4)))
    return world


def test_a_part_makes_no_absence_older_and_forgets_none(nights: Nights) -> None:
    wanted = a_state(desired_user("ada", name="Ada L"), desired_user("eve", 3))
    nights.night(wanted)
    before = nights.memory.absent
    assert [(one.username, one.runs) for one in before.values()] == [("bob", 1)]
    for _ in range(5):
        assert lines_of(nights.night(wanted, "user:ada")) == []
    assert nights.memory.absent == before
    # Somebody who is back is back when a whole plan says so.
    back = a_state(desired_user("ada"), desired_user("bob", 3), desired_user("eve", 4))
    nights.night(back, "user:ada")
    assert nights.memory.absent == before
    nights.night(back)
    assert not nights.memory.absent


def test_whom_a_part_disables_kanport_has_disabled_and_nobody_else(nights: Nights) -> None:
    wanted = a_state(desired_user("ada"))
    nights.night(wanted)
    nights.night(wanted)
    part = nights.night(wanted, "user:bob")
    assert lines_of(part) == ["user.disable bob {'active': True} -> {'active': False}"]
    absent = {one.username: one for one in nights.memory.absent.values()}
    assert absent["bob"].disabled_at and not absent["eve"].disabled_at
    assert absent["eve"].runs == 2
    # The rest follows with the next whole plan, and whoever comes back is enabled again.
    assert lines_of(nights.night(wanted)) == [
        "user.disable eve {'active': True} -> {'active': False}"
    ]
    back = a_state(desired_user("ada"), desired_user("bob", 3))
    assert compare_key("bob") in {compare_key(c.username or "") for c in nights.night(back).changes}
