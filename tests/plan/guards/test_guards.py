"""What stops a plan before the first write."""

from typing import Any

import pytest

from kanport.model import CurrentState, DesiredState, User
from kanport.plan.change import Action
from kanport.plan.guards import GuardContext, judge
from tests.support.changes import a_change
from tests.support.planning import (
    a_mapping,
    a_server,
    a_state,
    desired_membership,
    desired_user,
    plan_for,
    stopping_guards,
)

USERS = tuple(User(number, f"u{number}") for number in range(2, 11))


@pytest.mark.parametrize("fields", [{"active": False}, {"role": "app-user"}])
def test_the_last_active_administrator_is_never_disabled_or_lowered(fields: dict[str, Any]) -> None:
    wanted = a_state(desired_user("admin", **fields))
    assert stopping_guards(plan_for(wanted, a_server())) == ["last-admin"]
    assert stopping_guards(plan_for(wanted, a_server(User(2, "root", role="app-admin")))) == []
    disabled = User(2, "root", role="app-admin", active=False)
    assert stopping_guards(plan_for(wanted, a_server(disabled))) == ["last-admin"]


def test_the_last_administrator_is_never_removed() -> None:
    users = {"missing": "remove", "managed": {"usernames": ["*"]}}
    plan = plan_for(
        a_state(desired_user("eve")), a_server(), a_mapping(users=users, limits={"remove": 5})
    )
    assert stopping_guards(plan) == ["last-admin"]


def test_an_administrator_whom_the_same_plan_makes_is_not_enough() -> None:
    wanted = a_state(
        desired_user("admin", role="app-user"), desired_user("eve", 3, role="app-admin")
    )
    assert stopping_guards(plan_for(wanted, a_server())) == ["last-admin"]


def test_a_server_without_administrators_can_still_be_worked_on() -> None:
    current = CurrentState(a_server().server, (User(2, "ann"),))
    assert stopping_guards(plan_for(a_state(desired_user("ann", active=False)), current)) == []


def _disabling(count: int, limit: object) -> list[str]:
    wanted = a_state(
        *(desired_user(user.username, user.id, active=False) for user in USERS[:count])
    )
    return stopping_guards(plan_for(wanted, a_server(*USERS), a_mapping(limits={"disable": limit})))


@pytest.mark.parametrize(
    ("count", "limit", "stops"),
    [
        (2, 2, False),
        (3, 2, True),
        (1, "10%", False),
        (2, "10%", True),
        (1, "5%", False),
        (2, "5%", True),
        (1, "0.1%", False),
        (1, "0%", True),
        (1, {"max": 5, "share": 0}, True),
        (1, {"max": 0, "share": 50}, True),
        (1, {"max": 5, "share": 1}, False),
        (2, {"max": 5, "share": 10}, True),
        (2, {"max": 1, "share": 50}, True),
        (2, {"max": 2, "share": 20}, False),
        (1, 0, True),
    ],
)
def test_a_limit_is_a_number_or_a_share_of_ten_active_users(
    count: int, limit: object, stops: bool
) -> None:
    assert _disabling(count, limit) == (["limit-disable"] if stops else [])


@pytest.mark.parametrize(("active", "allowed"), [(2, 1), (9, 1), (10, 1), (11, 2), (20, 2)])
def test_without_a_limit_a_tenth_of_the_active_users_may_be_disabled_rounded_up(
    active: int, allowed: int
) -> None:
    users = [User(number, f"u{number}") for number in range(2, active + 1)]
    for count, stops in ((allowed, []), (allowed + 1, ["limit-disable"])):
        wanted = a_state(
            *(desired_user(user.username, user.id, active=False) for user in users[:count])
        )
        if count <= len(users):
            assert stopping_guards(plan_for(wanted, a_server(*users))) == stops


def test_a_file_that_was_cut_off_does_not_empty_a_small_server() -> None:
    mapping = a_mapping(
        users={"missing": "disable", "managed": {"usernames": ["*"]}},
        memberships_missing="revoke",
        protect=["admin"],
    )
    users = [User(number, f"u{number}") for number in range(2, 14)]
    server = a_server(*users, roles={1: dict.fromkeys(range(2, 14), "project-member")})
    plan = plan_for(a_state(desired_user("u2"), desired_membership("u2", "ALPHA")), server, mapping)
    disable, revoke, in_project = (verdict for verdict in plan.guards if verdict.tripped)
    assert (disable.guard, disable.message, disable.hint) == (
        "limit-disable",
        "Limit exceeded: 11 users would be disabled, 2 allowed (default: 10% of 13 active users,"
        " rounded up)",
        "check the plan; if it is correct, --allow disable=11 overrides this check for one run; or"
        " set disable: 11 under limits in the mapping",
    )
    assert (revoke.guard, revoke.message) == (
        "limit-revoke",
        "Limit exceeded: 11 revocations planned, 3 allowed (default: 20% of 12 memberships in the"
        " projects read, rounded up)",
    )
    assert (in_project.guard, in_project.message) == (
        "limit-revoke-in-project",
        "Limit exceeded in ALPHA: up to 11 members would lose access, including disabled and"
        " removed users, 6 allowed (default: 50% of 12 members, rounded up, at least 3)",
    )


def test_a_leaver_is_within_the_limits_that_hold_by_default() -> None:
    server = a_server(USERS[0], roles={1: {2: "project-member"}})
    plan = plan_for(
        a_state(
            desired_user("u2", active=False),
            desired_user("admin"),
            desired_membership("admin", "ALPHA"),
        ),
        server,
        a_mapping(memberships_missing="revoke", protect=["admin"]),
    )
    assert [verdict.message for verdict in plan.guards[2:]] == [
        "Within the limit: 1 user would be disabled, 1 allowed (default: 10% of 2 active users,"
        " rounded up)",
        "Within the limit: 1 revocation planned, 1 allowed (default: 20% of 1 membership in the"
        " projects read, rounded up)",
        "Within the limit in each project, most in ALPHA: up to 1 member would lose access,"
        " including disabled and removed users, 3 allowed (default: 50% of 1 member,"
        " rounded up, at least 3)",
    ]


def test_a_limit_of_the_mapping_takes_the_place_of_the_one_by_default() -> None:
    wanted = a_state(*(desired_user(user.username, user.id, active=False) for user in USERS))
    mapping = a_mapping(limits={"disable": 9})
    assert stopping_guards(plan_for(wanted, a_server(*USERS), mapping)) == []


@pytest.mark.parametrize("active", [2, 3, 16, 19])
def test_one_leaver_of_a_small_server_is_within_any_share_of_the_mapping(active: int) -> None:
    users = [User(number, f"u{number}") for number in range(2, active + 1)]
    server = a_server(*users, roles={1: {2: "project-member"}})
    stay = [desired_user(user.username, user.id) for user in users[1:]]
    stay += [desired_user("admin", 99), desired_membership("admin", "BETA")]
    mapping = a_mapping(
        users={"missing": "disable", "managed": {"usernames": ["*"]}},
        memberships_missing="revoke",
        protect=["admin"],
        limits={
            "disable": "5%",
            "revoke": "1%",
            "by_project": {"revoke": "10%", "disable": "0.5%"},
        },
    )
    plan = plan_for(a_state(*stay, named=["ALPHA"]), server, mapping)
    assert [change.action for change in plan.changes] == ["user.disable", "membership.revoke"]
    assert stopping_guards(plan) == []


@pytest.mark.parametrize("none", [0, "0%", "0.0%", {"share": 0}, {"max": 3, "share": 0}])
@pytest.mark.parametrize("name", ["disable", "revoke"])
def test_whoever_writes_nought_means_none(name: str, none: object) -> None:
    server = a_server(USERS[0], roles={1: {2: "project-member"}})
    for limits in (
        {name: none},
        {"by_project": {name: none}},
        {"projects": {"ALPHA": {name: none}}},
    ):
        plan = plan_for(
            a_state(
                desired_user("u2", active=False),
                desired_user("admin"),
                desired_membership("admin", "ALPHA"),
            ),
            server,
            a_mapping(memberships_missing="revoke", protect=["admin"], limits=limits),
        )
        assert [guard.removesuffix("-in-project") for guard in stopping_guards(plan)] == [
            f"limit-{name}"
        ]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("create", a_state(desired_user("new"))),
        ("grant", a_state(desired_membership("u2", "BETA"))),
        ("update", a_state(desired_user("u2", name="Una"))),
        ("raise", a_state(desired_user("u2", role="app-manager"))),
        ("lower", a_state(desired_membership("u3", "ALPHA", "project-viewer"))),
        ("disable", a_state(desired_user("u2", active=False))),
    ],
)
def test_a_share_allows_one_of_every_kind(name: str, wanted: DesiredState) -> None:
    server = a_server(*USERS[:2], roles={1: {3: "project-member"}, 2: {}})
    for share, stops in (("1%", []), ("0%", [f"limit-{name}"])):
        assert stopping_guards(plan_for(wanted, server, a_mapping(limits={name: share}))) == stops


def test_disabled_users_do_not_make_a_share_larger() -> None:
    server = a_server(*USERS[:2], *(User(n, f"old{n}", active=False) for n in range(20, 60)))
    mapping = a_mapping(limits={"disable": "10%"})
    wanted = a_state(*(desired_user(user.username, user.id, active=False) for user in USERS[:2]))
    assert stopping_guards(plan_for(wanted, server, mapping)) == ["limit-disable"]


def test_a_limit_on_revoking_is_a_share_of_the_memberships_that_were_read() -> None:
    server = a_server(*USERS, roles={1: {user.id: "project-member" for user in USERS[:4]}})
    wanted = a_state(*(desired_membership(user.username, "ALPHA") for user in USERS[:2]))
    for share, stops in (("50%", []), ("49%", ["limit-revoke"])):
        mapping = a_mapping(memberships_missing="revoke", limits={"revoke": share})
        assert stopping_guards(plan_for(wanted, server, mapping)) == stops


def test_a_limit_on_creating_holds_on_an_almost_empty_server() -> None:
    wanted = a_state(desired_user("a"), desired_user("b", 3))
    assert stopping_guards(plan_for(wanted, a_server(), a_mapping(limits={"create": "100%"}))) == [
        "limit-create"
    ]
    assert stopping_guards(plan_for(wanted, a_server(), a_mapping(limits={"create": 2}))) == []


def test_a_limit_on_updates_counts_changed_roles_too() -> None:
    server = a_server(*USERS, roles={1: {2: "project-member"}})
    wanted = a_state(
        desired_user("u3", name="x"), desired_membership("u2", "ALPHA", "project-viewer")
    )
    assert stopping_guards(plan_for(wanted, server, a_mapping(limits={"update": 1}))) == [
        "limit-update"
    ]
    assert stopping_guards(plan_for(wanted, server, a_mapping(limits={"update": 2}))) == []


def test_every_guard_that_applies_says_what_it_looked_at() -> None:
    plan = plan_for(a_state(desired_user("admin")), a_server(), a_mapping(limits={"create": 3}))
    assert [verdict.guard for verdict in plan.guards] == ["last-admin", "protected", "limit-create"]
    assert plan.guards[0].message == "1 active administrator remains, not counting new ones"
    assert plan.guards[2].message == "Within the limit: 0 users would be created, 3 allowed"
    two = plan_for(a_state(desired_user("admin")), a_server(User(2, "root", role="app-admin")))
    assert two.guards[0].message == "2 active administrators remain, not counting new ones"


def test_a_protected_account_in_a_change_stops_the_plan_however_it_got_there() -> None:

    change = a_change(
        id="c0001",
        action=Action.USER_DISABLE,
        username="svc-1",
        user_id=2,
        reason="a bug",
    )
    verdicts = judge(GuardContext((change,), a_server(), a_mapping(protect=["svc-*"])))
    assert [verdict.guard for verdict in verdicts if verdict.tripped] == ["protected"]


def test_new_people_are_not_told_from_renamed_ones_where_only_some_users_were_read() -> None:
    mapping = a_mapping(users={"find_by": ["username", "email"]})
    plan = plan_for(a_state(desired_user("eve")), a_server(complete=False), mapping)
    assert stopping_guards(plan) == ["users-incomplete"]
    assert stopping_guards(plan_for(a_state(desired_user("eve")), a_server(complete=False))) == []
