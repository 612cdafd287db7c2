"""Whoever is to have a role in a project has it when groups have lost or got theirs, too."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanport.memory import LedgerState
from kanport.model import (
    PROJECT_ROLE_RANK,
    CurrentState,
    DesiredGroup,
    DesiredRelation,
    DesiredState,
    Given,
    Group,
    User,
)
from kanport.plan.model import Plan
from tests.support.changes import after_of, before_of
from tests.support.examples import examples
from tests.support.groups_server import GroupsServer, carried_out
from tests.support.planning import (
    ALPHA,
    BETA,
    a_mapping,
    a_member,
    a_server,
    an_access,
    desired_membership,
    desired_user,
    plan_for,
)

VIEWER, MEMBER, MANAGER = "project-viewer", "project-member", "project-manager"
ANN, BOB, EVE = User(2, "ann"), User(3, "bob"), User(4, "eve")
TEAM, OTHERS = Group(7, "Team", members=frozenset({2, 3})), Group(8, "Others")
IN_ALPHA = {1: {2: MEMBER, 3: MEMBER}}

Access = dict[tuple[str, str], str]


def desired(
    wanted: tuple[DesiredRelation, ...] = (),
    attached: Access | None = None,
    members: dict[str, tuple[str, ...]] | None = None,
) -> DesiredState:
    """Want memberships, the access of groups, and who is in the groups that are listed."""
    some = members or {}
    return DesiredState(
        memberships=wanted,
        projects_named=tuple(Given(label) for label in ("ALPHA", "BETA")),
        groups=tuple(DesiredGroup(Given(name), None, members_listed=True) for name in some),
        group_members=tuple(
            a_member(Given(who), Given(name)) for name in some for who in some[name]
        ),
        group_access=tuple(
            an_access(Given(group), Given(project), Given(role))
            for (group, project), role in (attached or {}).items()
        ),
    )


def planned(wanted: DesiredState, current: CurrentState, memory: LedgerState, **parts: Any) -> Plan:
    """Plan with a mapping that has rules for memberships, groups and their access."""
    rows = {
        "from": "people",
        "username": {"from": "username"},
        "project": {"from": "project"},
        "role": {"from": "access"},
    }
    of_groups = {"from": "people", "name": {"from": "group"}, "member": {"from": "username"}}
    of_access = {
        "from": "people",
        "group": {"from": "group"},
        "project": {"from": "project"},
        "role": {"from": "access"},
    }
    mapping = a_mapping(
        users=None,
        memberships=[rows],
        groups=[of_groups],
        group_access=[of_access],
        ledger="x.ledger",
        **parts,
    )
    return plan_for(wanted, current, mapping, memory=memory)


def of_people(plan: Plan) -> list[tuple[str, str, str | None, str | None]]:
    """Return what happens to memberships: action, who, role before and after."""
    return [
        (
            str(change.action),
            change.username or "",
            before_of(change).get("role"),
            after_of(change).get("role"),
        )
        for change in plan.changes
        if str(change.action).startswith("membership.")
    ]


def of_groups(plan: Plan) -> list[tuple[str, str | None, str | None]]:
    """Return what happens to groups: action, group, role after."""
    return [
        (str(change.action), change.group, after_of(change).get("role"))
        for change in plan.changes
        if str(change.action).startswith("group")
    ]


SURE = ("membership.grant", "ann", MEMBER, MEMBER)
"""A direct membership in place of, or beside, the one that may come through a group."""


@pytest.mark.parametrize(
    ("then", "action"),
    [
        (VIEWER, "group_access.change"),
        (MANAGER, "group_access.change"),
        ("Tester", "group_access.change"),
        (None, "group_access.revoke"),
    ],
)
def test_a_role_that_a_group_may_give_is_made_sure_of_before_the_group_gets_another(
    then: str | None, action: str
) -> None:
    attached = {} if then is None else {("Team", "ALPHA"): then}
    plan = planned(
        desired((desired_membership("ann", "ALPHA", MEMBER),), attached),
        a_server(ANN, BOB, groups=(TEAM,), roles=IN_ALPHA),
        LedgerState(group_access={(7, 1): MEMBER}),
        group_access_missing="revoke",
    )
    assert of_groups(plan) == [(action, "Team", then)]
    assert of_people(plan) == [SURE]


def test_who_asks_for_nothing_of_their_own_goes_with_the_group() -> None:
    plan = planned(
        desired((), {("Team", "ALPHA"): VIEWER}),
        a_server(ANN, BOB, groups=(TEAM,), roles=IN_ALPHA),
        LedgerState(group_access={(7, 1): MEMBER}),
    )
    assert of_groups(plan) == [("group_access.change", "Team", VIEWER)]
    assert of_people(plan) == []


def test_only_those_whose_role_would_become_another_one_are_made_sure_of() -> None:
    both = (desired_membership("ann", "ALPHA", MEMBER), desired_membership("bob", "ALPHA", VIEWER))
    plan = planned(
        desired(both, {("Team", "ALPHA"): VIEWER}),
        a_server(ANN, BOB, groups=(TEAM,), roles={1: {2: MEMBER, 3: VIEWER}}),
        LedgerState(group_access={(7, 1): MEMBER}),
    )
    # Bob has less than the group gives, so that his role is his own.
    assert of_people(plan) == [SURE]


def test_a_role_that_is_certainly_direct_needs_nothing() -> None:
    # The group gives less than Ann has, so that her role is her own.
    plan = planned(
        desired((desired_membership("ann", "ALPHA", MANAGER),), {("Team", "ALPHA"): MEMBER}),
        a_server(ANN, BOB, groups=(TEAM,), roles={1: {2: MANAGER, 3: VIEWER}}),
        LedgerState(group_access={(7, 1): VIEWER}),
    )
    assert of_groups(plan) == [("group_access.change", "Team", MEMBER)]
    assert of_people(plan) == []


def test_a_role_that_comes_to_be_what_is_wanted_is_left_to_the_group() -> None:
    # Whether her role is direct or not, Ann ends with what is asked for.
    team, others = TEAM, Group(8, "Others", members=frozenset({2, 4}))
    plan = planned(
        desired((desired_membership("ann", "ALPHA", MEMBER),), {("Team", "ALPHA"): VIEWER,
                                                    ("Others", "ALPHA"): MEMBER}),
        a_server(ANN, BOB, EVE, groups=(team, others),
                 roles={1: {2: MEMBER, 3: MEMBER, 4: MEMBER}}),
        LedgerState(group_access={(7, 1): MEMBER, (8, 1): MEMBER}),
    )  # fmt: skip
    assert of_groups(plan) == [("group_access.change", "Team", VIEWER)]
    assert of_people(plan) == []


def test_a_group_of_which_nothing_is_known_proves_nothing() -> None:
    # Others may have access to ALPHA, as Eve has some; which role it gives, nobody knows.
    others = Group(8, "Others", members=frozenset({2, 4}))
    plan = planned(
        desired((desired_membership("ann", "ALPHA", MEMBER),), {("Team", "ALPHA"): VIEWER}),
        a_server(ANN, BOB, EVE, groups=(TEAM, others),
                 roles={1: {2: MEMBER, 3: MEMBER, 4: VIEWER}}),
        LedgerState(group_access={(7, 1): MEMBER}),
    )  # fmt: skip
    assert of_people(plan) == [SURE]


def test_who_joins_a_group_of_which_nothing_is_known_is_made_sure_of() -> None:
    others = Group(8, "Others", members=frozenset({4}))
    wanted = (desired_membership("ann", "ALPHA", MEMBER),)
    plan = planned(
        desired(wanted, {("Team", "ALPHA"): MEMBER}, {"Others": ("ann", "eve")}),
        a_server(ANN, BOB, EVE, groups=(TEAM, others),
                 roles={1: {2: MEMBER, 3: MEMBER, 4: MANAGER}}),
        LedgerState(group_access={(7, 1): MEMBER}),
    )  # fmt: skip
    # Eve may be a manager through it, and so would Ann be.
    assert of_people(plan) == [SURE]


def test_a_group_whose_access_was_not_known_and_is_given_now_is_a_change_like_any() -> None:
    plan = planned(
        desired((desired_membership("ann", "ALPHA", MEMBER),), {("Team", "ALPHA"): VIEWER}),
        a_server(ANN, BOB, groups=(TEAM,), roles=IN_ALPHA),
        LedgerState(),
    )
    assert of_groups(plan) == [("group_access.grant", "Team", VIEWER)]
    assert of_people(plan) == [SURE]


def test_a_group_that_has_no_access_yet_changes_nothing_for_a_direct_member() -> None:
    # Bob is in the group and not listed in ALPHA: the group cannot have given Ann her role.
    plan = planned(
        desired((desired_membership("ann", "ALPHA", MEMBER),), {("Team", "ALPHA"): MANAGER}),
        a_server(ANN, BOB, groups=(TEAM,), roles={1: {2: MEMBER}}),
        LedgerState(),
    )
    assert of_groups(plan) == [("group_access.grant", "Team", MANAGER)]
    assert of_people(plan) == []


def test_another_project_of_the_group_matters_to_nobody_here() -> None:
    plan = planned(
        desired(
            (desired_membership("ann", "ALPHA", MEMBER),),
            {("Team", "ALPHA"): MEMBER, ("Team", "BETA"): VIEWER},
        ),
        a_server(ANN, BOB, groups=(TEAM,), roles={**IN_ALPHA, 2: {2: MEMBER, 3: MEMBER}}),
        LedgerState(group_access={(7, 1): MEMBER, (7, 2): MEMBER}),
    )
    assert of_groups(plan) == [("group_access.change", "Team", VIEWER)]
    assert of_people(plan) == []


def test_what_an_earlier_run_found_to_come_through_a_group_is_believed() -> None:
    memory = LedgerState(group_access={(7, 1): MEMBER}, through_group={(2, 1): MEMBER})
    plan = planned(
        desired((desired_membership("ann", "ALPHA", MEMBER),), {("Team", "ALPHA"): VIEWER}),
        a_server(ANN, BOB, groups=(TEAM,), roles=IN_ALPHA),
        memory,
    )
    assert of_people(plan) == [SURE]


@pytest.mark.parametrize(
    ("members", "after"),
    [
        ({"Team": ("bob",), "Others": ("ann", "eve")}, [SURE]),
        ({"Team": ("ann", "bob"), "Others": ("ann", "eve")}, []),
        ({"Team": ("bob",), "Others": ("eve",)}, [SURE]),
    ],
    ids=["moves to a group with less", "joins a group with less", "leaves"],
)
def test_who_changes_groups_keeps_the_role_that_is_asked_for(
    members: dict[str, tuple[str, ...]], after: list[Any]
) -> None:
    others = Group(8, "Others", members=frozenset({4}))
    attached = {("Team", "ALPHA"): MEMBER, ("Others", "ALPHA"): VIEWER}
    plan = planned(
        desired((desired_membership("ann", "ALPHA", MEMBER),), attached, members),
        a_server(ANN, BOB, EVE, groups=(TEAM, others),
                 roles={1: {2: MEMBER, 3: MEMBER, 4: VIEWER}}),
        LedgerState(group_access={(7, 1): MEMBER, (8, 1): VIEWER}),
        group_members_missing="remove",
    )  # fmt: skip
    assert of_people(plan) == after


def test_a_protected_account_is_not_made_sure_of_and_the_group_keeps_its_role() -> None:
    plan = planned(
        desired((desired_membership("ann", "ALPHA", MEMBER),), {("Team", "ALPHA"): VIEWER}),
        a_server(ANN, BOB, groups=(TEAM,), roles=IN_ALPHA),
        LedgerState(group_access={(7, 1): MEMBER}),
        protect=["ann"],
    )
    assert plan.changes == ()
    assert "group-kept" in {finding.code for finding in plan.findings}


# --- whatever the server does not tell ------------------------------------------------------------

ROLES = (VIEWER, MEMBER, MANAGER)
NAMES = {7: ("Team", ""), 8: ("Others", "")}
USERS = (ANN, BOB, EVE)
PROJECTS = (ALPHA, BETA)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[GroupsServer, LedgerState]:
    """Draw a server, and a ledger that knows some of the access that its groups have."""
    role = st.sampled_from(ROLES)
    people = st.frozensets(st.sampled_from([user.id for user in USERS]))
    places = st.tuples(st.sampled_from([7, 8]), st.sampled_from([1, 2]))
    direct = st.tuples(st.sampled_from([1, 2]), st.sampled_from([2, 3, 4]))
    server = GroupsServer(
        USERS,
        PROJECTS,
        dict(NAMES),
        {7: draw(people), 8: draw(people)},
        draw(st.dictionaries(direct, role, max_size=4)),
        draw(st.dictionaries(places, role, max_size=4)),
    )
    known = server.known()
    kept = {place: held for place, held in known.group_access.items() if draw(st.booleans())}
    return server, LedgerState(group_access=kept, access_names=known.access_names)


@st.composite
def wishes(draw: st.DrawFn) -> DesiredState:
    """Draw what is wanted of people and of groups."""
    role = st.sampled_from(ROLES)
    label, who = st.sampled_from(["ALPHA", "BETA"]), st.sampled_from(["ann", "bob", "eve"])
    group = st.sampled_from(["Team", "Others"])
    memberships = draw(st.dictionaries(st.tuples(who, label), role, max_size=4))
    attached = draw(st.dictionaries(st.tuples(group, label), role, max_size=4))
    members = draw(st.dictionaries(group, st.lists(who, unique=True, max_size=3).map(tuple)))
    wanted = tuple(desired_membership(*place, held) for place, held in memberships.items())
    return desired(wanted, attached, members)


def rank(role: str | None) -> int:
    return -1 if role is None else PROJECT_ROLE_RANK[role]


def through_unknown(
    before: GroupsServer, memory: LedgerState, then: GroupsServer, project_id: int, user_id: int
) -> bool:
    """Return whether a user is in a group that has access of which the ledger knows nothing."""
    return any(
        where == project_id
        and (group, where) not in memory.group_access
        and user_id in then.members[group]
        for group, where in before.attached
    )


def test_a_role_stays_that_a_known_group_gives_whatever_an_empty_one_may_give() -> None:
    others, empty = Group(8, "Others", members=frozenset({2})), Group(7, "Team")
    plan = planned(
        desired((), {("Others", "BETA"): VIEWER}, {"Team": ("ann",)}),
        a_server(ANN, groups=(empty, others), roles={2: {2: VIEWER}}),
        LedgerState(),
        memberships_missing="revoke",
    )
    assert of_people(plan) == []
    assert "group-was-empty" in {finding.code for finding in plan.findings}


@given(worlds(), wishes(), st.sampled_from(["keep", "revoke"]), st.booleans())
@settings(max_examples=examples(150, 3000), deadline=None)
def test_everybody_ends_with_the_role_that_is_asked_for(
    world: tuple[GroupsServer, LedgerState], wanted: DesiredState, missing: str, removing: bool
) -> None:
    server, memory = world
    plan = planned(
        wanted,
        server.seen(),
        memory,
        memberships_missing=missing,
        group_access_missing=missing,
        group_members_missing="remove" if removing else "keep",
    )
    then = carried_out(server, plan)
    ids = {user.username: user.id for user in USERS}
    labels = {project.label: project.id for project in PROJECTS}
    asked = set()
    for one in wanted.memberships:
        place = labels[one.target.value], ids[one.holder.value]
        asked.add(place)
        assert then.role(*place) == one.role.value, plan.changes
    for given_to in wanted.group_access:
        number = next(n for n, (name, _) in NAMES.items() if name == given_to.holder.value)
        assert then.attached[number, labels[given_to.target.value]] == given_to.role.value
    if missing == "revoke":
        for project in PROJECTS:
            for user in USERS:
                place = (project.id, user.id)
                if place in asked:
                    continue
                left, through = then.role(*place), then.of_groups(*place)
                if through_unknown(server, memory, then, *place):
                    # Another group gives what is left; the unknown one may give more.
                    assert left is None or rank(left) <= rank(through)
                else:
                    assert left == through


def test_a_new_member_of_a_group_that_nobody_is_in_says_nothing_of_a_project() -> None:
    rows = {"from": "people", "name": {"from": "group"}, "member": {"from": "username"}}
    plan = plan_for(
        DesiredState(
            users=(desired_user("new"),),
            groups=(DesiredGroup(Given("Others"), None, members_listed=True),),
            group_members=(a_member(Given("new"), Given("Others")),),
            group_access=(an_access(Given("Team"), Given("ALPHA"), Given(VIEWER)),),
        ),
        a_server(ANN, BOB, groups=(TEAM, OTHERS), roles=IN_ALPHA),
        a_mapping(groups=[rows], ledger="x.ledger"),
        memory=LedgerState(group_access={(7, 1): MEMBER}),
    )
    assert "user.create" in {str(change.action) for change in plan.changes}
    moved = {one.username for access in plan.access or () for one in access.moved}
    assert moved == {"ann", "bob"}
