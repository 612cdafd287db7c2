"""What stops a plan that makes too few, or the wrong, administrators, or takes others' work."""

from dataclasses import replace
from typing import Any

import pytest

from kanport.model import Project, User
from kanport.plan.change import Action, Change
from kanport.plan.guards import GuardContext, judge
from kanport.plan.model import Plan
from kanport.plan.staleness import differences
from kanport.report.mask import Mask
from tests.support.changes import a_change
from tests.support.planning import (
    ADMIN,
    ALPHA,
    a_mapping,
    a_server,
    a_state,
    desired_membership,
    desired_user,
    plan_for,
    stopping_guards,
)

ROOTS = tuple(User(number, f"root{number}", role="app-admin") for number in range(2, 5))
NOBODY: dict[str, Any] = {"allow_admins": []}


def message(plan: Plan, guard: str) -> str:
    return next(verdict.message for verdict in plan.guards if verdict.guard == guard)


def _renamed(old: str, new: str) -> Change:
    return _changed(Action.USER_RENAME, old, {"username": old}, {"username": new})


def _disabled(username: str) -> Change:
    return _changed(Action.USER_DISABLE, username, {"active": True}, {"active": False})


def _changed(
    action: Action, username: str, before: dict[str, Any], after: dict[str, Any]
) -> Change:
    return a_change(
        id="c0001",
        action=action,
        username=username,
        user_id=9,
        before=before,
        after=after,
        reason="as the test wants it",
    )


# --- enough administrators stay -------------------------------------------------------------------


@pytest.mark.parametrize(("at_least", "stops"), [(1, []), (2, []), (3, ["min-admins"])])
def test_so_many_active_administrators_stay_as_the_mapping_wants(
    at_least: int, stops: list[str]
) -> None:
    leavers = (desired_user("root2", 2, active=False), desired_user("root3", 3, role="app-user"))
    mapping = a_mapping(min_admins=at_least, limits={"lower": 9, "disable": 9})
    plan = plan_for(a_state(*leavers), a_server(*ROOTS), mapping)
    assert stopping_guards(plan) == stops
    if stops:
        assert message(plan, "min-admins") == (
            "2 active administrators would remain, 3 needed (min_admins): this plan disables,"
            ' removes or demotes "root2" and "root3"'
        )


def test_too_few_administrators_stop_no_plan_that_takes_it_from_none_of_them() -> None:
    plan = plan_for(a_state(desired_user("eve")), a_server(), a_mapping(min_admins=3))
    assert stopping_guards(plan) == []
    assert message(plan, "min-admins") == "1 active administrator remains, 3 needed (min_admins)"


def test_a_plan_is_stale_where_somebody_else_has_left_too_few_administrators_since() -> None:
    mapping = a_mapping(min_admins=3)
    plan = plan_for(a_state(desired_user("root2", active=False)), a_server(*ROOTS), mapping)
    assert stopping_guards(plan) == []
    assert differences(plan, a_server(*ROOTS)) == []
    fewer = a_server(ROOTS[0], ROOTS[1], replace(ROOTS[2], active=False))
    assert [each.text for each in differences(plan, fewer)] == [
        "2 active administrators would remain, 3 needed (min_admins): this plan disables, removes"
        ' or demotes "root2"'
    ]


# --- nobody becomes one by accident ---------------------------------------------------------------

MADE = {
    "created": (desired_user("eve", role="app-admin"), ()),
    "raised": (desired_user("eve", role="app-admin"), (User(2, "eve"),)),
    "raised and enabled": (
        desired_user("eve", role="app-admin", active=True),
        (User(2, "eve", active=False),),
    ),
    "enabled": (
        desired_user("eve", active=True),
        (User(2, "eve", role="app-admin", active=False),),
    ),
    "renamed": (
        desired_user("eve", email="x@x.org"),
        (User(2, "mallory", email="x@x.org", role="app-admin"),),
    ),
}
BY_EMAIL = {"users": {"find_by": ["username", "email"]}}


@pytest.mark.parametrize("way", MADE)
def test_nobody_gets_app_admin_whom_the_mapping_does_not_allow_it(way: str) -> None:
    wanted, there = MADE[way]
    plan = plan_for(a_state(wanted), a_server(*there), a_mapping(**BY_EMAIL, **NOBODY))
    assert stopping_guards(plan) == ["allow-admins"]
    verdict = next(verdict for verdict in plan.guards if verdict.tripped)
    assert verdict.message == "eve would become an administrator but is not listed in allow_admins"
    assert verdict.hint == (
        "if this is intended, list this user in the mapping: allow_admins: [eve]"
        " (--allow does not override this check)"
    )


@pytest.mark.parametrize("way", MADE)
@pytest.mark.parametrize("pattern", ["eve", "EVE", "e*"])
def test_whom_the_mapping_allows_it_by_name_or_pattern_gets_it(way: str, pattern: str) -> None:
    wanted, there = MADE[way]
    mapping = a_mapping(**BY_EMAIL, allow_admins=["ada", pattern])
    plan = plan_for(a_state(wanted), a_server(*there), mapping)
    assert stopping_guards(plan) == []
    assert message(plan, "allow-admins") == "eve becomes an administrator (listed in allow_admins)"


def test_everybody_whom_it_does_not_name_is_named() -> None:
    new = [desired_user(f"new{number:02}", number, role="app-admin") for number in range(2, 14)]
    plan = plan_for(a_state(*new), a_server(), a_mapping(allow_admins=["new02"]))
    said = message(plan, "allow-admins")
    assert all(f"new{number:02}" in said for number in range(3, 14))
    assert "new02" not in said


@pytest.mark.parametrize(
    ("wanted", "there"),
    [
        (desired_user("eve", name="Eve"), User(2, "eve", role="app-admin")),
        (desired_user("eve", name="Eve"), User(2, "eve", role="app-admin", active=False)),
        (desired_user("eve", role="app-user", active=True), User(2, "eve", role="app-admin")),
        (
            desired_user("eve", role="app-user", active=True),
            User(2, "eve", role="app-admin", active=False),
        ),
        (desired_user("eve", role="app-manager"), User(2, "eve")),
        (desired_user("eve", active=True), User(2, "eve", active=False)),
    ],
)
def test_who_has_it_already_or_loses_it_first_needs_no_leave(wanted: Any, there: User) -> None:
    plan = plan_for(a_state(wanted), a_server(there), a_mapping(**NOBODY))
    assert "allow-admins" not in [verdict.guard for verdict in plan.guards]


# --- other people's private projects --------------------------------------------------------------

REMOVE = {"missing": "remove", "managed": {"usernames": ["gus", "ida"]}}
GUS, IDA, ANN = User(2, "gus"), User(3, "ida"), User(4, "ann")
DIARY = Project(5, "Diary", private=True, owner_id=4)


def removing(*projects: Project, roles: dict[int, dict[int, str]]) -> Plan:
    """Plan to remove gus and ida; ann stays."""
    server = a_server(GUS, IDA, ANN, projects=(ALPHA, *projects), roles=roles)
    mapping = a_mapping(users=REMOVE, limits={"remove": 2})
    return plan_for(a_state(desired_user("ann")), server, mapping)


def test_nobody_is_removed_with_whom_somebody_elses_private_project_would_go() -> None:
    plan = removing(DIARY, roles={5: {2: "project-member", 4: "project-manager"}})
    assert stopping_guards(plan) == ["private-projects"]
    assert message(plan, "private-projects") == (
        'Removing "gus" would delete the private project "Diary" of "ann"'
    )


def test_a_private_project_belongs_to_its_owner_also_without_a_membership() -> None:
    assert stopping_guards(removing(DIARY, roles={5: {2: "project-member"}})) == [
        "private-projects"
    ]


def test_those_who_work_in_it_lose_it_as_well() -> None:
    of_gus = replace(DIARY, owner_id=2)
    plan = removing(of_gus, roles={5: {2: "project-manager", 4: "project-member"}})
    assert message(plan, "private-projects") == (
        'Removing "gus" would delete the private project "Diary" of "ann"'
    )


def test_an_owner_who_was_not_read_is_told_by_the_id_also_in_a_masked_report() -> None:
    plan = removing(replace(DIARY, owner_id=77), roles={5: {2: "project-member"}})
    text = 'would delete the private project "Diary" of "#77"'
    assert message(plan, "private-projects").endswith(text)
    assert message(Mask(plan).plan, "private-projects").endswith(text)
    assert "gus" not in message(Mask(plan).plan, "private-projects")


def test_private_projects_of_nobody_but_whoever_is_removed_stop_nothing() -> None:
    of_both = replace(DIARY, owner_id=2)
    plan = removing(of_both, roles={5: {2: "project-manager", 3: "project-member"}})
    assert stopping_guards(plan) == []
    assert message(plan, "private-projects") == (
        "No private project of other users would be deleted"
    )


def test_nobody_is_removed_where_it_is_open_who_is_in_a_private_project() -> None:
    server = a_server(GUS, IDA, ANN, projects=(ALPHA, DIARY))
    server = replace(server, roles={1: {}})
    mapping = a_mapping(users=REMOVE, limits={"remove": 2})
    plan = plan_for(a_state(desired_user("ann")), server, mapping)
    assert stopping_guards(plan) == ["private-projects"]
    assert 'could not read the members of the private project "Diary"' in message(
        plan, "private-projects"
    )


def test_a_plan_is_stale_where_somebody_got_into_a_private_project_since() -> None:
    plan = removing(DIARY, roles={5: {4: "project-manager"}})
    assert stopping_guards(plan) == []
    now = a_server(
        GUS,
        IDA,
        ANN,
        projects=(ALPHA, DIARY),
        roles={5: {2: "project-member", 4: "project-manager"}},
    )
    assert [each.text for each in differences(plan, now)] == [
        'Removing "gus" would delete the private project "Diary" of "ann"'
    ]


def test_nobody_is_taken_out_of_a_private_project_however_that_got_into_a_plan() -> None:
    change = a_change(
        id="c0001",
        action=Action.MEMBERSHIP_REVOKE,
        username="gus",
        project="Diary",
        user_id=2,
        project_id=5,
        before={"role": "project-member"},
        reason="a bug",
    )
    server = a_server(GUS, ANN, projects=(DIARY,), roles={5: {2: "x", 4: "x"}})
    verdicts = judge(GuardContext((change,), server, a_mapping(limits={"revoke": 9})))
    assert [verdict.guard for verdict in verdicts if verdict.tripped] == ["private-projects"]


def test_members_of_private_projects_do_not_make_a_share_larger() -> None:
    private = [Project(number, "x", private=True) for number in range(10, 60)]
    roles = {project.id: {4: "project-manager"} for project in private}
    server = a_server(
        GUS, IDA, ANN, projects=(ALPHA, *private), roles={1: {2: "x", 3: "x", 4: "x"}, **roles}
    )
    mapping = a_mapping(memberships_missing="revoke")
    plan = plan_for(
        a_state(desired_user("ann"), desired_membership("ann", "ALPHA", "x")), server, mapping
    )
    assert message(plan, "limit-revoke") == (
        "Limit exceeded: 2 revocations planned, 1 allowed (default: 20% of 3 memberships in the"
        " projects read, rounded up)"
    )


def test_protected_administrators_count_as_those_who_stay() -> None:
    mapping = a_mapping(min_admins=2, protect=["admin"])
    plan = plan_for(a_state(desired_user("root2", active=False)), a_server(*ROOTS[:2]), mapping)
    assert ADMIN.username == "admin"
    assert stopping_guards(plan) == []


# --- protected accounts, whatever made the plan ---------------------------------------------------


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        (_renamed("svc-mail", "mail"), ("svc-mail",)),
        (_renamed("mail", "SVC-mail"), ("mail",)),
        (_renamed("mail", "post"), ()),
        (_disabled("Svc-Backup"), ("Svc-Backup",)),
        (_disabled("backup"), ()),
    ],
)
def test_no_change_touches_a_protected_account_nor_takes_its_name(
    change: Change, touched: tuple[str, ...]
) -> None:
    mapping = a_mapping(protect=["svc-*"])
    (verdict,) = [
        one
        for one in judge(GuardContext((change,), a_server(), mapping))
        if one.guard == "protected"
    ]
    assert verdict.tripped is bool(touched)
    assert verdict.why is not None
    assert not touched or verdict.why["usernames"] == touched
