"""What stops a plan that would do too much in one project, however little it is over all."""

from collections.abc import Iterable
from typing import Any

import pytest

from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerState
from kanport.model import CurrentState, Group, Project, User
from kanport.plan.change import Action, Change
from kanport.plan.guards import GuardContext, access_lost, judge
from kanport.plan.model import Plan
from tests.support.changes import a_change
from tests.support.planning import (
    ALPHA,
    BETA,
    a_mapping,
    a_server,
    a_state,
    desired_membership,
    desired_user,
    plan_for,
)

PEOPLE = tuple(User(number, f"u{number}") for number in range(2, 102))
EVERYBODY = dict.fromkeys(range(2, 102), "project-member")


def a_large_server(in_beta: int) -> CurrentState:
    """Make a server with a hundred members of ALPHA, so many of whom are in BETA as well."""
    beta = dict.fromkeys(range(2, 2 + in_beta), "project-member")
    return a_server(*PEOPLE, roles={1: EVERYBODY, 2: beta})


def revoking(server: CurrentState, from_beta: int, **parts: Any) -> Plan:
    """Plan to take so many people out of BETA, and nobody out of ALPHA."""
    stay = [desired_membership(f"u{number}", "ALPHA") for number in range(2, 102)]
    members = sorted(server.roles[BETA.id])[from_beta:]
    stay += [desired_membership(f"u{number}", "BETA") for number in members]
    mapping = a_mapping(memberships_missing="revoke", **parts)
    return plan_for(a_state(*stay, named=["BETA"]), server, mapping)


def stopped(plan: Plan) -> list[str]:
    return [verdict.message for verdict in plan.guards if verdict.tripped]


@pytest.mark.parametrize(
    ("members", "allowed"), [(1, 1), (2, 2), (3, 3), (4, 3), (6, 3), (7, 4), (10, 5), (11, 6)]
)
def test_half_of_the_members_or_three_may_lose_access(members: int, allowed: int) -> None:
    server = a_large_server(members)
    assert stopped(revoking(server, allowed)) == []
    if allowed < members:
        assert stopped(revoking(server, allowed + 1)) == [
            f"Limit exceeded in BETA: up to {allowed + 1} members would lose access, including"
            f" disabled and removed users, {allowed} allowed"
            f" (default: 50% of {members} members, rounded up, at least 3)"
        ]


def test_a_project_is_not_emptied_by_disabling_all_of_its_members_either() -> None:
    server = a_large_server(6)
    for count, stops in ((3, 0), (4, 1)):
        leavers = [
            desired_user(f"u{number}", number, active=False) for number in range(2, 2 + count)
        ]
        assert len(stopped(plan_for(a_state(*leavers), server))) == stops


def test_disabling_some_and_revoking_others_adds_up() -> None:
    server = a_large_server(8)
    stay = [desired_membership(f"u{number}", "ALPHA") for number in range(2, 102)]
    stay += [desired_membership(f"u{number}", "BETA") for number in range(2, 7)]
    leavers = [desired_user(f"u{number}", number, active=False) for number in (2, 3)]
    plan = plan_for(a_state(*leavers, *stay), server, a_mapping(memberships_missing="revoke"))
    assert stopped(plan) == [
        "Limit exceeded in BETA: up to 5 members would lose access, including disabled and removed"
        " users, 4 allowed (default: 50% of 8 members, rounded up, at least 3)"
    ]


@pytest.mark.parametrize(
    ("limits", "stops"),
    [
        ({"by_project": {"revoke": 5}}, False),
        ({"by_project": {"revoke": 4}}, True),
        ({"by_project": {"revoke": "100%"}}, False),
        ({"by_project": {"revoke": "50%"}}, True),
        ({"by_project": {"revoke": {"max": 5, "share": 50}}}, True),
        ({"projects": {"BETA": {"revoke": 5}}}, False),
        ({"projects": {"beta": {"revoke": 5}}}, False),
        ({"projects": {"Beta project": {"revoke": 5}}}, False),
        ({"projects": {"2": {"revoke": 5}}}, False),
        ({"projects": {"ALPHA": {"revoke": 5}}}, True),
        ({"by_project": {"revoke": 5}, "projects": {"BETA": {"revoke": 4}}}, True),
        ({"by_project": {"revoke": 1}, "projects": {"BETA": {"revoke": 9}}}, False),
        ({"projects": {"BETA": {"revoke": 9}, "Beta project": {"revoke": 4}}}, True),
        ({"projects": {"BETA": {"update": 1}}}, True),
    ],
)
def test_a_mapping_says_how_many_in_each_project_and_in_single_ones(
    limits: dict[str, Any], stops: bool
) -> None:
    plan = revoking(a_large_server(6), 5, limits=limits)
    assert bool(stopped(plan)) is stops


@pytest.mark.parametrize(
    ("share", "rest"),
    [
        ("50%", "50% of 6 members, rounded down"),
        ("5%", "5% of 6 members, rounded down, at least 1"),
        ("0%", "0% of 6 members, rounded down"),
    ],
)
def test_a_limit_says_how_it_follows_from_a_share(share: str, rest: str) -> None:
    plan = revoking(a_large_server(6), 5, limits={"by_project": {"revoke": share}})
    assert stopped(plan)[0].endswith(f" allowed ({rest})")


def test_each_project_over_its_limit_is_told_by_itself_with_how_to_go_on() -> None:
    server = a_server(*PEOPLE, roles={1: dict(list(EVERYBODY.items())[:8]), 2: EVERYBODY})
    mapping = a_mapping(memberships_missing="revoke", limits={"revoke": "100%"})
    wanted = a_state(desired_membership("u2", "ALPHA"), desired_membership("u2", "BETA"))
    plan = plan_for(wanted, server, mapping)
    assert [(v.guard, v.hint) for v in plan.guards if v.tripped] == [
        (
            "limit-revoke-in-project",
            f"check the plan; if it is correct, --allow revoke:{label}={count} overrides this check"
            f" for one run; or set revoke: {count} for {label} under limits.projects in the"
            " mapping",
        )
        for label, count in (("ALPHA", 7), ("BETA", 99))
    ]


def _in_beta(**role: str) -> Plan:
    server = a_large_server(10)
    wanted = [desired_membership(f"u{number}", "BETA", role["to"]) for number in range(2, 8)]
    limits = {"by_project": {"raise": 5, "update": 6}}
    return plan_for(a_state(*wanted), server, a_mapping(limits=limits))


def test_roles_raised_and_lowered_are_counted_in_each_project() -> None:
    assert stopped(_in_beta(to="project-manager")) == [
        "Limit exceeded in BETA: 6 roles or rights would be raised, 5 allowed"
    ]
    assert stopped(_in_beta(to="project-viewer")) == [
        "Limit exceeded in BETA: 6 roles would be lowered, 5 allowed (default: 50% of 10 members,"
        " rounded up, at least 3)"
    ]


def test_new_memberships_and_new_people_are_counted_in_each_project() -> None:
    new = [desired_user(f"new{number}", number) for number in range(2, 5)]
    given = [desired_membership(f"new{number}", "BETA") for number in range(2, 5)] + [
        desired_membership("u2", "BETA")
    ]
    for limits, said in (
        ({"create": 2}, ["Limit exceeded in BETA: 3 users would be created, 2 allowed"]),
        ({"grant": 3}, ["Limit exceeded in BETA: 4 grants planned, 3 allowed"]),
        ({"create": 3, "grant": 4}, []),
    ):
        mapping = a_mapping(limits={"by_project": limits})
        plan = plan_for(a_state(*new, *given), a_large_server(0), mapping)
        assert stopped(plan) == said


def test_members_who_are_disabled_or_removed_are_counted_in_each_project() -> None:
    leavers = [desired_user("u2", 2, active=False), desired_user("u3", 3, active=False)]
    mapping = a_mapping(limits={"by_project": {"disable": 1}})
    assert stopped(plan_for(a_state(*leavers), a_large_server(2), mapping)) == [
        "Limit exceeded in ALPHA: 2 users would be disabled, 1 allowed",
        "Limit exceeded in BETA: 2 users would be disabled, 1 allowed",
    ]
    users = {"missing": "remove", "managed": {"usernames": ["u2", "u3"]}}
    limits = {"remove": 9, "by_project": {"remove": 1}}
    plan = plan_for(
        a_state(desired_user("u4")), a_large_server(2), a_mapping(users=users, limits=limits)
    )
    assert stopped(plan) == [
        "Limit exceeded in ALPHA: 2 users would be removed, 1 allowed",
        "Limit exceeded in BETA: 2 users would be removed, 1 allowed",
    ]


# --- through groups -------------------------------------------------------------------------------

TEAM = Group(7, "team", members=frozenset({2, 3, 4, 5}))
LISTED = dict.fromkeys((2, 3, 4, 5), "project-member")


def on_group(action: Action, **parts: Any) -> Change:
    return a_change(
        id="c0001",
        action=action,
        group="team",
        project=parts.pop("project", None),
        group_id=7,
        reason="not asked for",
        **parts,
    )


def _verdicts(changes: Iterable[Change], server: CurrentState, mapping: MappingFile) -> list[str]:
    verdicts = judge(GuardContext(tuple(changes), server, mapping))
    return [verdict.message for verdict in verdicts if verdict.tripped]


@pytest.mark.parametrize(
    ("change", "lost"),
    [
        (on_group(Action.GROUP_REMOVE), {(n, p) for n in (2, 3, 4, 5) for p in (1, 2)}),
        (
            on_group(Action.GROUP_ACCESS_REVOKE, project="BETA", project_id=2),
            {(n, 2) for n in (2, 3, 4, 5)},
        ),
        (on_group(Action.GROUP_MEMBER_REMOVE, user_id=3), {(3, 1), (3, 2)}),
    ],
)
def test_access_that_goes_with_a_group_counts(change: Change, lost: set[tuple[int, int]]) -> None:
    server = a_server(*PEOPLE[:6], groups=(TEAM,), roles={1: {**LISTED, 6: "x"}, 2: LISTED})
    assert access_lost([change], server) == lost
    over_all, *_ = _verdicts([change], server, a_mapping(limits={"revoke": len(lost) - 1}))
    number = f"{len(lost)} membership{'s' if len(lost) > 1 else ''}"
    assert over_all == (
        f"Limit exceeded: up to {number} would be lost, up to {len(lost)} of them through groups,"
        f" {len(lost) - 1} allowed"
    )
    by_project = {"revoke": "100%", "by_project": {"revoke": 0}}
    assert _verdicts([change], server, a_mapping(limits=by_project))[0].startswith(
        "Limit exceeded in "
    )


def test_a_group_that_certainly_gives_no_access_takes_none() -> None:
    # u5 is in the group and not in the project, so the group has no access to it.
    listed = dict.fromkeys((2, 3, 4), "project-member")
    server = a_server(*PEOPLE[:4], groups=(TEAM,), roles={1: listed})
    assert access_lost([on_group(Action.GROUP_REMOVE)], server) == frozenset()


def test_what_is_lost_twice_counts_once() -> None:
    server = a_server(*PEOPLE[:4], groups=(TEAM,), roles={1: LISTED})
    revoke = a_change(
        id="c0002",
        action=Action.MEMBERSHIP_REVOKE,
        username="u2",
        project=ALPHA.label,
        user_id=2,
        project_id=1,
        before={"role": "project-member"},
        reason="not asked for",
    )
    assert len(access_lost([on_group(Action.GROUP_REMOVE), revoke], server)) == 4


def a_pair(action: Action, user_id: int, **parts: Any) -> Change:
    return a_change(
        id="c0003",
        action=action,
        username=f"u{user_id}",
        group=parts.pop("group", None),
        user_id=user_id,
        reason="asked for",
        **parts,
    )


OTHERS = Group(8, "others")
MOVED = on_group(Action.GROUP_MEMBER_REMOVE, user_id=3)


@pytest.mark.parametrize(
    ("beside", "kept"),
    [
        ((a_pair(Action.MEMBERSHIP_GRANT, 3, project_id=1),), 1),
        ((a_pair(Action.GROUP_MEMBER_ADD, 3, group_id=8),), 1),
        ((a_pair(Action.GROUP_MEMBER_ADD, 4, group_id=8),), 0),
        ((a_pair(Action.GROUP_MEMBER_ADD, 3, group="new"),), 0),
        (
            (
                a_pair(Action.GROUP_MEMBER_ADD, 3, group="new"),
                a_change(
                    id="c0004",
                    action=Action.GROUP_ACCESS_GRANT,
                    group="new",
                    project="ALPHA",
                    project_id=1,
                    after={"role": "project-member"},
                    reason="asked for",
                ),
            ),
            1,
        ),
        (
            (
                a_pair(Action.GROUP_MEMBER_ADD, 3, group_id=8),
                a_change(
                    id="c0004",
                    action=Action.GROUP_ACCESS_REVOKE,
                    group="others",
                    project="ALPHA",
                    group_id=8,
                    project_id=1,
                    reason="not asked for",
                ),
            ),
            0,
        ),
    ],
)
def test_who_certainly_keeps_access_in_another_way_does_not_lose_it(
    beside: tuple[Change, ...], kept: int
) -> None:
    server = a_server(*PEOPLE[:4], groups=(TEAM, OTHERS), roles={1: LISTED})
    memory = LedgerState(group_access={(8, 1): "project-member"})
    assert access_lost([MOVED], server, memory) == {(3, 1)}
    assert len(access_lost([MOVED, *beside], server, memory)) == 1 - kept


def test_access_that_the_server_shows_to_be_gone_saves_nobody_from_being_counted() -> None:
    others = Group(8, "others", members=frozenset({3, 6}))
    server = a_server(*PEOPLE[:5], groups=(TEAM, others), roles={1: LISTED})
    memory = LedgerState(group_access={(8, 1): "project-member"})
    assert 6 not in LISTED
    assert access_lost([MOVED], server, memory) == {(3, 1)}


# --- overridden for one run -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "stops"),
    [
        ({"revoke:BETA": 5}, False),
        ({"revoke:beta": 6}, False),
        ({"revoke:Beta project": 5}, False),
        ({"revoke:2": 5}, False),
        ({"revoke:BETA": 4}, True),
        ({"revoke:BETA": 9, "revoke:2": 4}, True),
        ({"revoke:ALPHA": 9}, True),
        ({"revoke": 99}, True),
        ({"disable:BETA": 9}, True),
    ],
)
def test_the_limit_of_one_project_is_lifted_by_its_name_alone(
    allowed: dict[str, int], stops: bool
) -> None:
    server = a_large_server(6)
    stay = [desired_membership(f"u{number}", "ALPHA") for number in range(2, 102)]
    wanted = a_state(*stay, desired_membership("u2", "BETA"))
    mapping = a_mapping(memberships_missing="revoke")
    plan = plan_for(wanted, server, mapping, allowed=allowed)
    assert bool(stopped(plan)) is stops
    (verdict,) = [v for v in plan.guards if v.guard == "limit-revoke-in-project"]
    assert verdict.lifted is not stops
    assert "--allow overrides" in verdict.message or "users, 3 allowed" in verdict.message


def test_a_name_that_several_projects_have_lifts_none_of_them_and_ids_are_told() -> None:
    twins = (Project(1, "Alpha project", "ALPHA"), Project(2, "Twin"), Project(3, "Twin"))
    six = dict.fromkeys(range(2, 8), "project-member")
    server = a_server(*PEOPLE, projects=twins, roles={1: EVERYBODY, 2: six, 3: six})
    stay = [desired_membership(f"u{number}", "ALPHA") for number in range(2, 102)]
    stay += [desired_membership("u2", "2"), desired_membership("u2", "3")]
    mapping = a_mapping(memberships_missing="revoke")
    plan = plan_for(a_state(*stay), server, mapping, allowed={"revoke:Twin": 5})
    hints = [verdict.hint or "" for verdict in plan.guards if verdict.tripped]
    assert ["--allow revoke:2=5" in hints[0], "--allow revoke:3=5" in hints[1]] == [True, True]
    assert 'set revoke: 5 for "2" under limits.projects' in hints[0]
    allowed = {"revoke:2": 5, "revoke:3": 5}
    assert stopped(plan_for(a_state(*stay), server, mapping, allowed=allowed)) == []


def test_a_project_or_source_that_is_none_is_told_where_it_is_named() -> None:
    limits = {"projects": {"ALPHA": {"revoke": 1}, "Aplha": {"revoke": 9}}}
    allowed = {"revoke:WEBB": 1, "revoke:beta": 1, "shrink:peeple": 1, "shrink:people": 1}
    mapping = a_mapping(limits=limits)
    plan = plan_for(a_state(desired_user("u2")), a_server(*PEOPLE), mapping, allowed=allowed)
    unused = [finding for finding in plan.findings if finding.code == "limit-unused"]
    assert {(finding.case, finding.value) for finding in unused} == {
        ("limits-unknown", "Aplha"),
        ("allow-unknown", "WEBB"),
        ("allow-source", "peeple"),
    }
    assert min(finding.message for finding in unused) == (
        '--allow names "WEBB", but the server has no such project; it overrides nothing'
    )
