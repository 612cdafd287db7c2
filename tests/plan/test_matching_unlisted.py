"""What can be planned for a server that cannot list its users, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from kanport.facts import fact
from kanport.model import CurrentState, Identity, Unlisted, User
from kanport.plan.matching import people_wanted
from kanport.plan.model import Plan
from kanport.plan.staleness import differences, people_of
from tests.support.findings import codes
from tests.support.planning import (
    a_mapping,
    a_server,
    a_state,
    desired_membership,
    desired_user,
    lines_of,
    plan_for,
    stopping_guards,
)

WHY = "PHP reached its memory limit"
ANN = User(2, "ann", email="ann@example.org")
BY_EMAIL: dict[str, Any] = {"find_by": ["username", "email"]}


def unlisted(*users: User, folds_case: bool = False, **more: Any) -> CurrentState:
    server = a_server(*users, complete=False, **more)
    return replace(server, unlisted=Unlisted("memory-limit", folds_case))


def verdict(plan: Plan, guard: str) -> str:
    return next(
        f"{one.message} / {one.hint}" for one in plan.guards if one.guard == guard and one.tripped
    )


def test_an_import_by_name_goes_through_and_says_what_is_not_known() -> None:
    wanted = a_state(desired_user("ann", role="app-manager"), desired_user("eve", 3))
    plan = plan_for(wanted, unlisted(ANN))
    assert stopping_guards(plan) == []
    assert [change.action for change in plan.changes] == ["user.create", "user.update"]
    assert codes(plan) == ["users-unlisted", "person-unsearched"]
    about = plan.findings[0].message
    assert WHY in about
    assert "does not know users outside the sources" in about
    assert "read 2 users" in about


def test_who_was_not_found_is_certain_where_the_server_folds_case() -> None:
    plan = plan_for(a_state(desired_user("eve")), unlisted(folds_case=True))
    assert codes(plan) == ["users-unlisted"]


def test_leavers_of_another_spelling_are_warned_of_too() -> None:
    plan = plan_for(a_state(desired_user("eve", active=False)), unlisted())
    assert "eve" in next(f.message for f in plan.findings if f.code == "person-unsearched")


@pytest.mark.parametrize("missing", ["disable", "remove"])
def test_what_needs_everybody_is_refused_with_the_reason(missing: str) -> None:
    users = {"missing": missing, "managed": {"usernames": ["*"]}}
    plan = plan_for(a_state(), unlisted(ANN), a_mapping(users=users, limits={"remove": 9}))
    assert plan.changes == ()
    assert stopping_guards(plan) == ["source-empty", "users-incomplete"]
    reason = verdict(plan, "users-incomplete")
    assert WHY in reason
    assert f"missing: {missing}" in reason
    assert "set missing: keep in the mapping, or raise PHP's memory_limit" in reason
    assert "missing-unknown" not in codes(plan)


def test_with_email_addresses_neither_a_new_user_nor_a_rename_is_guessed() -> None:
    mapping = a_mapping(users=BY_EMAIL)
    new = plan_for(a_state(desired_user("eve", email="eve@example.org")), unlisted(ANN), mapping)
    renamed = plan_for(
        a_state(desired_user("anna", email="ann@example.org")), unlisted(ANN), mapping
    )
    assert [change.action for change in renamed.changes] == ["user.rename"]
    for plan in (new, renamed):
        assert stopping_guards(plan) == ["users-incomplete"]
        assert "find_by: [username]" in verdict(plan, "users-incomplete")
    there = plan_for(a_state(desired_user("ann", name="Ann")), unlisted(ANN), mapping)
    assert stopping_guards(there) == []


def test_stable_ids_need_no_list_as_whom_the_ledger_knows_is_read_by_id() -> None:
    mapping = a_mapping(users={"id": {"from": "id"}}, ledger="people.ledger")
    assert stopping_guards(plan_for(a_state(desired_user("eve")), unlisted(ANN), mapping)) == []


def test_memberships_are_revoked_all_the_same_as_members_are_known() -> None:
    server = unlisted(ANN, User(3, "ben"), roles={1: {2: "project-member", 3: "project-member"}})
    mapping = a_mapping(memberships_missing="revoke")
    plan = plan_for(a_state(desired_membership("ANN", "ALPHA")), server, mapping)
    assert lines_of(plan) == ["membership.revoke ben ALPHA {'role': 'project-member'}"]
    assert stopping_guards(plan) == []


def test_an_administrator_who_was_not_read_is_not_counted_on() -> None:
    wanted = a_state(desired_user("admin", role="app-user"))
    plan = plan_for(wanted, unlisted())
    assert stopping_guards(plan) == ["last-admin"]
    assert "among the users that Kanport could read" in verdict(plan, "last-admin")
    assert stopping_guards(plan_for(wanted, unlisted(User(2, "root", role="app-admin")))) == []


def test_a_share_of_the_users_is_one_of_those_who_were_read() -> None:
    wanted = a_state(desired_user("eve"), desired_user("flo", 3))
    plan = plan_for(wanted, unlisted(ANN), a_mapping(limits={"create": "50%"}))
    assert stopping_guards(plan) == ["limit-create"]
    reason = verdict(plan, "limit-create")
    assert "counting only those that Kanport could read" in reason
    assert "set create: 2 under limits" in reason
    assert stopping_guards(plan_for(wanted, unlisted(ANN), a_mapping(limits={"create": 2}))) == []


def test_everybody_of_the_sources_and_of_the_ledger_is_asked_for() -> None:
    known = {"7": Identity("7", 70, "old"), "8": Identity("8", 80, "other")}
    ann = desired_user("ann", stable_id="7")
    names, ids = people_wanted(a_state(ann, desired_membership("ben", "ALPHA")), known)
    assert names == {"ann", "ben", "old"}
    assert ids == {70}


def test_a_plan_is_checked_for_the_people_it_speaks_of() -> None:
    mapping = a_mapping(users=BY_EMAIL)
    wanted = a_state(desired_user("anna", email="ann@example.org"), desired_user("eve", 3))
    plan = plan_for(wanted, a_server(ANN), mapping)
    names, ids = people_of(plan)
    assert (set(names), set(ids)) == ({"ann", "anna", "eve"}, {2})
    assert differences(plan, unlisted(ANN)) == []
    assert differences(plan, unlisted(ANN, User(9, "Eve"))) == [
        fact("stale-user", case="exists", username="Eve", number=9)
    ]
