"""Leavers step by step: nobody goes earlier than allowed, and whoever is back is back."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kanport.mapping.spec import MappingFile
from kanport.model import Given, Unknown, User
from kanport.plan.change import Action
from tests.support.findings import codes
from tests.support.ledger_nights import Nights
from tests.support.model_server import Kanboard
from tests.support.planning import (
    ADMIN,
    ALPHA,
    BETA,
    a_mapping,
    a_state,
    desired_membership,
    desired_user,
    lines_of,
    stopping_guards,
)

ADA, BOB = User(5, "ada"), User(6, "bob")
EVERYBODY = {"usernames": ["*"]}
BOTH = a_state(desired_user("ada"), desired_user("bob", row=3), named=["ALPHA"])
WITHOUT_ADA = a_state(desired_user("bob", row=3), named=["ALPHA"])
UNKNOWN_ADA = a_state(
    desired_user("bob", row=3), named=["ALPHA"], unknown=Unknown(frozenset({"ada"}))
)
DISABLE_ADA = ["user.disable ada {'active': True} -> {'active': False}"]


def mapping(missing: Any, **parts: Any) -> MappingFile:
    users = {"missing": missing, "managed": parts.pop("managed", EVERYBODY)}
    limits = {"disable": "100%", "revoke": "100%", "remove": 100}
    return a_mapping(
        users={**users, **parts.pop("users", {})},
        **{"ledger": "l", "limits": limits, "protect": ["admin"], **parts},
    )


Make = Callable[..., Nights]


@pytest.fixture
def nights(tmp_path: Path) -> Make:
    def make(missing: Any, **parts: Any) -> Nights:
        server = Kanboard({1: ADMIN, 5: ADA, 6: BOB}, (ALPHA, BETA))
        return Nights(tmp_path / "people.ledger", mapping(missing, **parts), server)

    return make


def test_after_three_runs_is_the_third_run_that_misses_them(nights: Make) -> None:
    world = nights({"after": "3 runs", "then": "disable"})
    world.night(BOTH)
    for left in ("after 2 more runs", "after 1 more run"):
        plan = world.night(WITHOUT_ADA)
        assert lines_of(plan) == []
        (finding,) = [one for one in plan.findings if one.code == "leaver-waiting"]
        assert finding.message == (
            f'"ada" has been in no source since 2026-01-03; Kanport disables this user {left}'
        )
    plan = world.night(WITHOUT_ADA)
    assert lines_of(plan) == DISABLE_ADA
    assert plan.changes[0].reason == "in no source since 2026-01-03 (3 runs)"
    assert lines_of(world.night(WITHOUT_ADA)) == []


def test_of_runs_and_days_whichever_is_reached_first_counts(nights: Make) -> None:
    world = nights({"after": "3 runs", "or": "7 days", "then": "disable"})
    plan = world.night(WITHOUT_ADA)
    (finding,) = [one for one in plan.findings if one.code == "leaver-waiting"]
    assert finding.message.endswith(
        " after 2 more runs or on or after 2026-01-09, whichever comes first"
    )
    assert lines_of(world.night(WITHOUT_ADA, days=7)) == DISABLE_ADA


def test_days_count_from_the_first_run_that_missed_them(nights: Make) -> None:
    world = nights({"after": "7 days", "then": "disable"})
    for _ in range(7):
        assert lines_of(world.night(WITHOUT_ADA)) == []
    assert lines_of(world.night(WITHOUT_ADA)) == DISABLE_ADA


def test_without_after_the_first_run_is_enough(nights: Make) -> None:
    assert lines_of(nights({"then": "disable"}).night(WITHOUT_ADA)) == DISABLE_ADA


def test_a_plan_that_is_not_run_counts_for_nothing(nights: Make) -> None:
    world = nights({"after": "2 runs", "then": "disable"})
    for _ in range(5):
        assert lines_of(world.plan(WITHOUT_ADA)) == []
    world.night(WITHOUT_ADA)
    assert lines_of(world.plan(WITHOUT_ADA)) == [], "the same second is the same run"
    world.night(BOTH)
    world.night(WITHOUT_ADA)


def test_the_same_plan_run_again_and_again_counts_once(nights: Make) -> None:
    world = nights({"after": "3 runs", "then": "disable"})
    plan = world.night(WITHOUT_ADA)
    for _ in range(5):
        world.run(plan)
    assert world.memory.absent[5].runs == 1


def test_whoever_is_named_again_begins_anew(nights: Make) -> None:
    world = nights({"after": "2 runs", "then": "disable"})
    world.night(WITHOUT_ADA)
    world.night(BOTH)
    assert world.memory.absent == {}
    assert lines_of(world.night(WITHOUT_ADA)) == []
    assert lines_of(world.night(WITHOUT_ADA)) == DISABLE_ADA


def test_nights_of_which_nothing_is_known_neither_count_nor_reset(nights: Make) -> None:
    world = nights({"after": "3 runs", "then": "disable"})
    world.night(WITHOUT_ADA)
    for _ in range(4):
        plan = world.night(UNKNOWN_ADA)
        assert lines_of(plan) == [] and "missing-unknown" in codes(plan)
    assert lines_of(world.night(WITHOUT_ADA)) == []
    assert lines_of(world.night(WITHOUT_ADA)) == DISABLE_ADA


def test_whom_kanport_disabled_is_enabled_when_they_are_back(nights: Make) -> None:
    world = nights({"after": "2 runs", "then": "disable"})
    world.night(WITHOUT_ADA)
    world.night(WITHOUT_ADA)
    plan = world.night(BOTH)
    assert lines_of(plan) == ["user.enable ada {'active': False} -> {'active': True}"]
    assert plan.changes[0].reason == "back in the sources; Kanport disabled them on 2026-01-03"
    assert world.memory.absent == {} and world.user("ada").active


def test_whose_enabling_failed_is_enabled_the_next_night(nights: Make) -> None:
    world = nights({"then": "disable"})
    world.night(WITHOUT_ADA)
    world.run(world.plan(BOTH), failed=[Action.USER_ENABLE])
    assert not world.user("ada").active
    world.night(BOTH)
    assert world.user("ada").active


def test_whom_somebody_disabled_by_hand_stays_disabled(nights: Make) -> None:
    world = nights({"then": "disable", "after": "2 runs"})
    world.night(WITHOUT_ADA)
    world.by_hand("ada", active=False)
    world.night(WITHOUT_ADA)
    plan = world.night(BOTH)
    assert lines_of(plan) == [] and "person-disabled" in codes(plan)


def test_whom_somebody_enabled_by_hand_and_then_disabled_stays_disabled(nights: Make) -> None:
    world = nights({"then": "disable"})
    world.night(WITHOUT_ADA)
    world.by_hand("ada", active=True)
    world.night(UNKNOWN_ADA)
    world.by_hand("ada", active=False)
    plan = world.night(BOTH)
    assert lines_of(plan) == [] and "person-disabled" in codes(plan)


def test_without_the_ledger_nobody_is_enabled(nights: Make) -> None:
    world = nights({"then": "disable"})
    world.night(WITHOUT_ADA)
    world.path.unlink()
    plan = world.night(BOTH)
    assert lines_of(plan) == [] and "person-disabled" in codes(plan)


def test_whom_the_sources_call_inactive_is_not_enabled(nights: Make) -> None:
    world = nights({"then": "disable"})
    world.night(WITHOUT_ADA)
    inactive = a_state(
        desired_user("ada", active=False), desired_user("bob", row=3), named=["ALPHA"]
    )
    assert lines_of(world.night(inactive)) == []


def test_another_person_with_the_login_of_a_leaver_never_gets_the_account(nights: Make) -> None:
    world = nights({"then": "disable"}, users={"id": {"from": "number"}})

    def known(name: str, stable_id: str, row: int = 2) -> Any:
        return replace(desired_user(name, row), stable_id=Given(stable_id))

    world.night(a_state(known("ada", "7"), known("bob", "8", 3)))
    world.night(a_state(known("bob", "8", 3)))
    assert not world.user("ada").active
    plan = world.night(a_state(known("ada", "99"), known("bob", "8", 3)))
    assert lines_of(plan) == [] and "identity-changed" in codes(plan)
    plan = world.night(a_state(desired_user("ada"), known("bob", "8", 3)))
    assert lines_of(plan) == [], "nor does somebody of whom no id is known"
    plan = world.night(a_state(known("ada", "7"), known("bob", "8", 3)))
    assert lines_of(plan) == ["user.enable ada {'active': False} -> {'active': True}"]


def test_a_login_that_comes_back_with_another_id_after_a_removal_is_told(nights: Make) -> None:
    world = nights("remove", users={"id": {"from": "number"}})

    def known(name: str, stable_id: str, row: int = 2) -> Any:
        return replace(desired_user(name, row), stable_id=Given(stable_id))

    world.night(a_state(known("ada", "7"), known("bob", "8", 3)))
    world.night(a_state(known("bob", "8", 3)))
    assert 5 not in world.server.users
    plan = world.night(a_state(known("ada", "99"), known("bob", "8", 3)))
    assert [change.action for change in plan.changes] == ["user.create"]
    (finding,) = [one for one in plan.findings if one.code == "login-reused"]
    assert (finding.fact["former_id"], finding.fact["stable_id"]) == ("7", "99")
    plan = world.night(a_state(known("ada", "99"), known("bob", "8", 3)))
    assert "login-reused" not in codes(plan)


# --- access, and removal --------------------------------------------------------------------------


def members(world: Nights, *users: User) -> Nights:
    direct = {(ALPHA.id, user.id): "project-member" for user in users}
    direct |= {(BETA.id, user.id): "project-member" for user in users}
    world.server = replace(world.server, direct=direct)
    return world


def test_and_revoke_takes_the_access_to_the_projects_named_with_the_account(nights: Make) -> None:
    world = members(nights({"after": "2 runs", "then": "disable", "and": "revoke"}), ADA)
    assert lines_of(world.night(WITHOUT_ADA)) == []
    plan = world.night(WITHOUT_ADA)
    assert sorted(lines_of(plan)) == [
        "membership.revoke ada ALPHA {'role': 'project-member'}",
        *DISABLE_ADA,
    ]
    assert lines_of(world.night(WITHOUT_ADA)) == []


def test_who_waits_keeps_their_access_where_lists_revoke(nights: Make) -> None:
    steps = {"after": "2 runs", "then": "disable"}
    world = members(nights(steps, memberships_missing="revoke"), ADA)
    assert lines_of(world.night(WITHOUT_ADA)) == []
    assert len(world.night(WITHOUT_ADA).changes) == 2


def test_who_is_disabled_already_keeps_their_access_until_their_turn_as_well(nights: Make) -> None:
    steps = {"after": "2 runs", "then": "disable"}
    world = members(nights(steps, memberships_missing="revoke"), ADA)
    world.by_hand("ada", active=False)
    in_doubt = world.night(UNKNOWN_ADA)
    (finding,) = [one for one in in_doubt.findings if one.code == "missing-unknown"]
    assert lines_of(in_doubt) == [] and finding.case == "memberships"
    plan = world.night(WITHOUT_ADA)
    (finding,) = [one for one in plan.findings if one.code == "leaver-waiting"]
    assert lines_of(plan) == [] and finding.case == "access"
    assert finding.message.endswith(" after 1 more run")
    plan = world.night(WITHOUT_ADA)
    assert lines_of(plan) == ["membership.revoke ada ALPHA {'role': 'project-member'}"]
    assert lines_of(world.night(WITHOUT_ADA)) == []


def test_with_memberships_managed_ledger_only_what_kanport_granted_ends(nights: Make) -> None:
    world = members(nights("keep", memberships_missing="revoke", memberships_managed="ledger"), BOB)
    wanted = a_state(
        desired_user("ada"), desired_user("bob", row=3), desired_membership("ada", "ALPHA")
    )
    world.night(wanted)
    plan = world.night(BOTH)
    assert lines_of(plan) == ["membership.revoke ada ALPHA {'role': 'project-member'}"]
    world.night(wanted)
    world.path.unlink()
    assert lines_of(world.night(BOTH)) == [], "nothing is taken away without the ledger"


def test_with_managed_ledger_only_whom_kanport_created_is_disabled(nights: Make) -> None:
    world = nights("disable", managed="ledger")
    world.night(a_state(desired_user("ada"), desired_user("cyd", row=3)))
    plan = world.night(a_state(named=["ALPHA"]))
    assert lines_of(plan) == ["user.disable cyd {'active': True} -> {'active': False}"]


def test_with_managed_ledger_sources_disable_nobody_else_either(nights: Make) -> None:
    world = nights("keep", managed="ledger")
    plan = world.night(a_state(desired_user("ada", active=False)))
    assert lines_of(plan) == [] and "person-unmanaged" in codes(plan)


def test_without_the_ledger_nobody_is_managed(nights: Make) -> None:
    world = nights("disable", managed="ledger")
    world.night(a_state(desired_user("cyd")))
    world.path.unlink()
    assert lines_of(world.night(a_state(named=["ALPHA"]))) == []


def test_a_user_with_the_number_of_a_managed_one_is_not_managed(nights: Make) -> None:
    world = nights("disable", managed="ledger")
    world.night(a_state(desired_user("cyd")))
    number = world.user("cyd").id
    users = {**world.server.users, number: User(number, "made-by-hand")}
    world.server = replace(world.server, users=users)
    assert lines_of(world.night(a_state(named=["ALPHA"]))) == []


def test_whom_kanport_disabled_is_removed_after_the_days_that_are_given(nights: Make) -> None:
    world = nights({"then": "disable", "remove_after": "180 days"})
    world.night(WITHOUT_ADA)
    plan = world.night(WITHOUT_ADA, days=179)
    assert lines_of(plan) == []
    (finding,) = [one for one in plan.findings if one.code == "leaver-removal"]
    assert finding.message == (
        'Kanport removes 1 user that it disabled; "ada" is the next, on or after 2026-07-01'
    )
    plan = world.night(WITHOUT_ADA)
    assert [change.action for change in plan.changes] == ["user.remove"]
    assert plan.changes[0].reason == "in no source; Kanport disabled them on 2026-01-02"


def test_whom_somebody_else_disabled_is_never_removed(nights: Make) -> None:
    world = nights({"after": "2 runs", "then": "disable", "remove_after": "10 days"})
    world.by_hand("ada", active=False)
    for _ in range(5):
        assert lines_of(world.night(WITHOUT_ADA, days=20)) == []


def test_removal_is_still_behind_its_limit(nights: Make) -> None:
    world = nights({"then": "disable", "remove_after": "10 days"}, limits={"disable": "100%"})
    world.night(WITHOUT_ADA)
    plan = world.plan(WITHOUT_ADA)
    world.now = world.now.replace(month=6)
    plan = world.plan(WITHOUT_ADA)
    assert [change.action for change in plan.changes] == ["user.remove"]
    assert any(verdict.tripped for verdict in plan.guards)


def test_who_is_protected_is_never_counted(nights: Make) -> None:
    world = nights({"after": "2 runs", "then": "disable"}, protect=["admin", "ada"])
    for _ in range(4):
        assert lines_of(world.night(WITHOUT_ADA)) == []
    assert world.memory.absent == {}


def test_a_clock_that_went_back_counts_nothing_and_is_told(nights: Make) -> None:
    world = nights({"after": "2 runs", "or": "3 days", "then": "disable"})
    world.night(WITHOUT_ADA, days=100)
    plan = world.night(WITHOUT_ADA, days=-50)
    assert lines_of(plan) == [] and "ledger-ahead" in codes(plan)
    assert world.memory.absent[5].runs == 1


def test_a_mapping_that_keeps_everybody_has_a_plan_without_absences(nights: Make) -> None:
    world = nights("keep")
    world.mapping = mapping("keep").model_copy(update={"ledger": None})
    plan = world.plan(WITHOUT_ADA)
    assert (lines_of(plan), plan.absences) == ([], ())


@pytest.mark.parametrize(
    "missing", ["disable", {"then": "disable"}, {"then": "disable", "or": None}]
)
def test_a_mapping_that_names_no_ledger_enables_whom_it_disabled(
    nights: Make, missing: Any
) -> None:
    if isinstance(missing, dict):
        missing = {key: part for key, part in missing.items() if part}
    world = nights(missing)
    world.mapping = mapping(missing).model_copy(update={"ledger": None})
    plan = world.night(WITHOUT_ADA)
    assert lines_of(plan) == DISABLE_ADA and plan.changes[0].reason == "in no source"
    assert lines_of(world.night(WITHOUT_ADA)) == []
    assert lines_of(world.night(BOTH)) == ["user.enable ada {'active': False} -> {'active': True}"]
    assert lines_of(world.night(BOTH)) == []


def test_an_administrator_whom_the_mapping_does_not_allow_stops_nobody_else(nights: Make) -> None:
    world = nights("disable", allow_admins=["bob"])
    boss = User(7, "boss", role="app-admin")
    world.server = replace(world.server, users={**world.server.users, 7: boss})
    everybody = a_state(*BOTH.users, desired_user("boss", row=4), named=["ALPHA"])
    world.night(everybody)
    world.night(BOTH)
    assert not world.user("boss").active
    plan = world.night(a_state(desired_user("ada"), desired_user("boss", row=4), named=["ALPHA"]))
    assert lines_of(plan) == ["user.disable bob {'active': True} -> {'active': False}"]
    (finding,) = [one for one in plan.findings if one.code == "person-disabled"]
    assert finding.value == "boss" and finding.case == "admin"
    assert dict(finding.params)["disabled_on"] == "2026-01-03"
    assert not stopping_guards(plan)


def test_the_first_run_names_whom_it_finds_disabled_and_the_second_does_not(nights: Make) -> None:
    world = nights("disable", users={"fields": {"username": {"from": "username"}}})
    world.by_hand("ada", active=False)
    first, second = world.night(WITHOUT_ADA), world.night(WITHOUT_ADA)
    (finding,) = [one for one in first.findings if one.code == "ledger-new"]
    assert finding.fact["usernames"] == ("ada",) and finding.severity == "warning"
    assert "ledger-new" not in codes(second)
    back = world.night(BOTH)
    assert lines_of(back) == [] and codes(back) == ["person-disabled"]


@pytest.mark.parametrize(
    "parts",
    [
        {"protect": ["a*"]},
        {"managed": {"usernames": ["b*"]}},
        {"managed": "ledger"},
        {"users": {"fields": {n: {"from": n} for n in ("username", "active")}}},
    ],
)
def test_a_first_run_says_nothing_of_whom_absence_does_not_touch(
    nights: Make, parts: dict[str, Any]
) -> None:
    fields = {"fields": {"username": {"from": "username"}}}
    world = nights("disable", **{"users": fields, **parts})
    world.by_hand("ada", active=False)
    assert "ledger-new" not in codes(world.night(WITHOUT_ADA))


@pytest.mark.parametrize(
    ("missing", "ends"),
    [
        ("disable", False),
        ({"then": "disable"}, False),
        ({"then": "disable", "and": "revoke"}, True),
    ],
)
def test_access_ends_with_the_account_only_where_that_is_asked_for(
    nights: Make, missing: Any, ends: bool
) -> None:
    world = nights(missing)
    world.night(
        a_state(desired_user("ada"), desired_membership("ada", "ALPHA"), desired_user("bob", row=3))
    )
    plan = world.night(WITHOUT_ADA)
    revoked = [] if not ends else ["membership.revoke ada ALPHA {'role': 'project-member'}"]
    assert sorted(lines_of(plan)) == sorted([*DISABLE_ADA, *revoked])
