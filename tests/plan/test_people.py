"""Who on the server a row means, and what becomes of them."""

import pytest

from kanport.fields import values_of
from kanport.findings import Finding
from kanport.model import PasswordCell, Unknown, User
from kanport.plan.change import Action, Change, Risk
from tests.support.changes import after_of, before_of
from tests.support.findings import codes
from tests.support.planning import (
    a_mapping,
    a_server,
    a_state,
    cell,
    desired_membership,
    desired_user,
    lines_of,
    plan_for,
    stopping_guards,
)

ANN = User(2, "ann", name="Ann", email="ann@x.org")
BY_EMAIL = a_mapping(users={"find_by": ["username", "email"]})
DISABLE = a_mapping(
    users={"missing": "disable", "managed": {"usernames": ["*"]}}, protect=["admin"]
)


def test_somebody_who_is_not_on_the_server_is_created_with_what_the_row_gives() -> None:
    plan = plan_for(
        a_state(desired_user("bob", row=7, name="Bob", email="", role="app-manager")), a_server()
    )
    (change,) = plan.changes
    assert lines_of(plan) == [
        "user.create bob {'username': 'bob', 'name': 'Bob', 'role': 'app-manager',"
        " 'password': 'random'}"
    ]
    assert change.user_id is None
    assert change.reason == "new on the server"
    assert change.origin == (cell("username", 7),)
    assert plan.summary == {"user.create": 1}


def test_a_password_from_a_cell_is_named_by_its_place_only() -> None:
    wanted = desired_user("bob", password=PasswordCell(cell("Initial", 4)))
    (change,) = plan_for(a_state(wanted), a_server()).changes
    assert after_of(change)["password"] == {
        "from": {"source": "people", "file": "people.csv", "row": 4, "column": "Initial"}
    }
    assert after_of(change)["role"] == "app-user"


def test_an_update_holds_only_the_fields_that_differ_and_points_at_their_cells() -> None:
    wanted = desired_user("ann", row=9, name="Ann B.", email="ann@x.org", role="app-manager")
    (change,) = plan_for(a_state(wanted), a_server(ANN)).changes
    assert (change.user_id, before_of(change), after_of(change)) == (
        2,
        {"name": "Ann", "role": "app-user"},
        {"name": "Ann B.", "role": "app-manager"},
    )
    assert change.reason == "name and role differ"
    assert change.risk == (Risk.PRIVILEGE_RAISED,)
    assert change.origin == (cell("name", 9), cell("role", 9))


def test_a_field_that_is_not_given_is_left_alone_and_an_empty_one_is_cleared() -> None:
    assert lines_of(plan_for(a_state(desired_user("ann", email="")), a_server(ANN))) == [
        "user.update ann {'email': 'ann@x.org'} -> {'email': ''}"
    ]


def test_an_email_that_differs_only_in_case_is_an_update() -> None:
    assert lines_of(plan_for(a_state(desired_user("ann", email="Ann@x.org")), a_server(ANN))) == [
        "user.update ann {'email': 'ann@x.org'} -> {'email': 'Ann@x.org'}"
    ]


def test_people_who_are_as_they_should_be_are_counted_and_not_changed() -> None:
    plan = plan_for(
        a_state(desired_user("ann", name="Ann"), desired_membership("ann", "ALPHA")),
        a_server(ANN, roles={1: {2: "project-member"}}),
    )
    assert (plan.changes, plan.summary) == ((), {})
    assert plan.unchanged == {"users": 1, "memberships": 1}


@pytest.mark.parametrize(
    ("before", "after", "risk"),
    [
        ("app-user", "app-admin", (Risk.PRIVILEGE_RAISED, Risk.ADMIN_GRANTED)),
        ("app-admin", "app-user", (Risk.ADMIN_LOST, Risk.ACCESS_LOST)),
        ("app-manager", "app-user", (Risk.ACCESS_LOST,)),
        ("", "app-user", (Risk.PRIVILEGE_RAISED,)),
    ],
)
def test_a_change_of_role_says_what_is_gained_and_lost(
    before: str, after: str, risk: tuple[Risk, ...]
) -> None:
    (change,) = plan_for(
        a_state(desired_user("bob", role=after)), a_server(User(2, "bob", role=before))
    ).changes
    assert change.risk == risk


def test_a_username_is_found_in_another_spelling_and_the_servers_is_kept() -> None:
    plan = plan_for(a_state(desired_user("JÖRG", name="Jörg")), a_server(User(2, "jorg")))
    assert lines_of(plan) == ["user.update jorg {'name': ''} -> {'name': 'Jörg'}"]
    assert codes(plan) == ["username-spelled"]


def test_the_exact_spelling_wins_over_a_similar_one() -> None:
    plan = plan_for(a_state(desired_user("Ann", name="x")), a_server(ANN, User(3, "Ann")))
    assert [change.user_id for change in plan.changes] == [3]


def test_a_username_that_fits_several_is_an_error_that_names_them() -> None:
    plan = plan_for(a_state(desired_user("ANN", name="x")), a_server(ANN, User(3, "Ann")))
    assert plan.changes == ()
    (finding,) = plan.findings
    assert finding.code == "person-ambiguous"
    assert '"ann" (#2) and "Ann" (#3)' in finding.message


def test_somebody_whose_name_compares_the_same_as_a_listed_one_is_not_missing() -> None:
    server = a_server(ANN, User(3, "Ann"))
    plan = plan_for(a_state(desired_user("ann")), server, DISABLE)
    assert (plan.changes, codes(plan)) == ((), ["missing-unknown"])
    assert plan.findings[0].case == "disable" and plan.findings[0].fact["count"] == 1


def test_both_of_two_rows_that_contradict_each_other_are_left_out() -> None:
    clash = Finding(
        "user-clash", "alike", origin=cell("username", 3), related=(cell("username", 2),)
    )
    desired = a_state(desired_user("ann", 2, active=False), desired_user("bob", 3, active=False))
    server = a_server(ANN, User(3, "bob"))
    assert plan_for(desired, server, findings=[clash]).changes == ()


def test_two_rows_that_some_server_could_not_tell_apart_are_both_left_out() -> None:
    plan = plan_for(a_state(desired_user("bob"), desired_user("Bob", row=3)), a_server())
    assert plan.changes == ()
    assert codes(plan) == ["user-clash"]


# --- active -------------------------------------------------------------------------------------


def test_who_is_not_active_is_disabled_and_who_is_active_enabled() -> None:
    plan = plan_for(
        a_state(desired_user("ann", active=False), desired_user("bob", row=3, active=True)),
        a_server(ANN, User(3, "bob", active=False)),
    )
    assert lines_of(plan) == [
        "user.disable ann {'active': True} -> {'active': False}",
        "user.enable bob {'active': False} -> {'active': True}",
    ]
    assert plan.changes[0].risk == (Risk.ACCESS_LOST,)
    assert plan.changes[0].origin == (cell("active", 2),)


def test_who_is_not_active_and_not_on_the_server_is_not_created_nor_their_access() -> None:
    plan = plan_for(
        a_state(desired_user("bob", active=False), desired_membership("bob", "ALPHA")), a_server()
    )
    assert plan.changes == ()
    assert codes(plan) == ["person-inactive"]


def test_whoever_is_not_active_is_created_and_disabled_at_once_where_that_is_asked_for() -> None:
    wanted = a_state(desired_user("bob", active=False), desired_membership("bob", "ALPHA"))
    plan = plan_for(
        wanted,
        a_server(roles={1: {}}),
        a_mapping(users={"inactive": "create"}, limits={"disable": 0}),
    )
    assert [change.action for change in plan.changes] == [
        Action.USER_CREATE,
        Action.USER_DISABLE,
        Action.MEMBERSHIP_GRANT,
    ]
    # It takes nothing from anybody, so it is no loss to a limit.
    assert not stopping_guards(plan) and not plan.changes[1].risk


@pytest.mark.parametrize(
    "item", [desired_user("bob"), desired_membership("bob", "ALPHA", "project-viewer")]
)
def test_a_source_that_names_a_disabled_account_is_told_of_it(item: object) -> None:
    server = a_server(User(2, "bob", active=False), roles={1: {2: "project-viewer"}})
    plan = plan_for(a_state(item), server)  # type: ignore[arg-type]
    assert plan.changes == ()
    assert codes(plan) == ["person-disabled"]


# --- renames ------------------------------------------------------------------------------------


def test_an_unknown_username_with_a_known_email_is_a_rename_where_the_mapping_says_so() -> None:
    desired = a_state(
        desired_user("ann.b", email="ann@x.org", name="Ann B.", role="app-user"),
        desired_membership("ann.b", "ALPHA"),
    )
    plan = plan_for(desired, a_server(ANN), BY_EMAIL)
    assert lines_of(plan) == [
        "user.rename ann {'username': 'ann'} -> {'username': 'ann.b'}",
        "user.update ann.b {'name': 'Ann'} -> {'name': 'Ann B.'}",
        "membership.grant ann.b ALPHA {'role': 'project-member'}",
    ]
    assert {change.user_id for change in plan.changes} == {2}
    assert lines_of(plan_for(desired, a_server(ANN)))[0].startswith("user.create ann.b")


def test_a_rename_by_email_is_looked_at_twice() -> None:
    # Whoever has the address now gets the account with all its rights.
    desired = a_state(desired_user("ann.b", email="ann@x.org", name="Ann"))
    (rename,) = plan_for(desired, a_server(ANN), BY_EMAIL).changes
    assert rename.risk == (Risk.LOGIN_CHANGED,)


def test_what_lowers_comes_before_a_rename_and_so_uses_the_old_name() -> None:
    desired = a_state(desired_user("ann.b", email="ann@x.org", active=False))
    assert [line.split()[:2] for line in lines_of(plan_for(desired, a_server(ANN), BY_EMAIL))] == [
        ["user.disable", "ann"],
        ["user.rename", "ann"],
    ]


def test_an_email_of_somebody_who_has_their_own_row_makes_no_rename() -> None:
    desired = a_state(desired_user("ann"), desired_user("eve", 3, email="ann@x.org"))
    plan = plan_for(desired, a_server(ANN), BY_EMAIL)
    assert [change.action for change in plan.changes] == ["user.create"]
    assert codes(plan) == ["email-taken"]


def test_a_match_by_username_wins_over_one_by_email() -> None:
    plan = plan_for(
        a_state(desired_user("bob", email="ann@x.org")), a_server(ANN, User(3, "bob")), BY_EMAIL
    )
    assert lines_of(plan) == ["user.update bob {'email': ''} -> {'email': 'ann@x.org'}"]
    assert codes(plan) == ["email-taken"]


def _rename_cases() -> dict[str, tuple[object, ...]]:
    wanted = desired_user("new", email="ann@x.org")
    return {
        "two users share it": (a_state(wanted), (ANN, User(3, "eve", email="ANN@x.org"))),
        "two rows share it": (a_state(wanted, desired_user("other", 3, email="ann@x.org")), (ANN,)),
        "a membership still names the old name": (
            a_state(wanted, desired_membership("ann", "ALPHA")),
            (ANN,),
        ),
        "an invalid row names the old name": (
            a_state(wanted, unknown=Unknown(people=frozenset({"ann"}))),
            (ANN,),
        ),
        "an invalid row may name anybody": (
            a_state(wanted, unknown=Unknown(everybody=True)),
            (ANN,),
        ),
    }


@pytest.mark.parametrize("why", _rename_cases())
def test_a_rename_that_is_not_proven_is_an_error_and_changes_nobody(why: str) -> None:
    desired, users = _rename_cases()[why]
    mapping = a_mapping(
        users={
            "find_by": ["username", "email"],
            "missing": "disable",
            "managed": {"usernames": ["*"]},
        },
        protect=["admin"],
    )
    plan = plan_for(desired, a_server(*users), mapping)  # type: ignore[arg-type, misc]
    assert "rename-unclear" in codes(plan)
    assert {change.action for change in plan.changes} <= {"membership.grant"}


# --- missing ------------------------------------------------------------------------------------


def test_whoever_is_in_no_source_is_disabled_within_the_managed_names() -> None:
    mapping = a_mapping(users={"missing": "disable", "managed": {"usernames": ["b*", "admin"]}})
    server = a_server(ANN, User(3, "bob"), User(4, "bea", active=False))
    plan = plan_for(a_state(desired_user("admin")), server, mapping)
    assert lines_of(plan) == ["user.disable bob {'active': True} -> {'active': False}"]
    assert plan.changes[0].reason == "in no source"


def test_by_default_nobody_is_missing() -> None:
    assert plan_for(a_state(desired_user("admin")), a_server(ANN)).changes == ()


def test_a_removal_shows_whom_it_removes_and_needs_a_limit() -> None:
    users = {"missing": "remove", "managed": {"usernames": ["*"]}}
    desired = a_state(desired_user("admin"))
    plan = plan_for(desired, a_server(ANN), a_mapping(users=users))
    (change,) = plan.changes
    assert before_of(change) == values_of(ANN)
    assert change.risk == (Risk.ACCESS_LOST, Risk.DELETES_DATA)
    assert stopping_guards(plan) == ["remove-unconfirmed"]
    assert (
        stopping_guards(
            plan_for(desired, a_server(ANN), a_mapping(users=users, limits={"remove": 1}))
        )
        == []
    )


@pytest.mark.parametrize(
    "unknown", [Unknown(people=frozenset({"ann"})), Unknown(everybody=True)], ids=["ann", "anybody"]
)
def test_whom_an_invalid_row_may_name_is_not_missing(unknown: Unknown) -> None:
    plan = plan_for(a_state(unknown=unknown), a_server(ANN), DISABLE)
    assert plan.changes == ()
    assert codes(plan) == ["missing-unknown"]
    assert "ann" in plan.findings[0].message


def test_whom_only_a_membership_names_is_not_missing_but_told_of() -> None:
    server = a_server(ANN, roles={1: {2: "project-member"}})
    plan = plan_for(a_state(desired_membership("ann", "ALPHA")), server, DISABLE)
    assert (plan.changes, codes(plan)) == ((), ["missing-unknown"])


def test_a_row_with_an_error_keeps_its_person_from_being_missing() -> None:
    error = Finding("name-too-long", "too long", origin=cell("name", 2))
    plan = plan_for(a_state(desired_user("ann", name="x" * 300)), a_server(ANN), DISABLE, [error])
    assert plan.changes == ()
    assert codes(plan) == ["missing-unknown", "name-too-long"]


def test_with_a_find_by_email_an_unknown_name_may_be_anybody_on_the_server() -> None:
    mapping = a_mapping(
        users={
            "find_by": ["username", "email"],
            "missing": "disable",
            "managed": {"usernames": ["*"]},
        },
        protect=["admin"],
    )
    unknown = Unknown(people=frozenset({"ann.b"}))
    assert plan_for(a_state(unknown=unknown), a_server(ANN), mapping).changes == ()
    assert plan_for(a_state(unknown=unknown), a_server(ANN), DISABLE).changes != ()


def test_nobody_is_missing_where_only_some_users_could_be_read() -> None:
    plan = plan_for(a_state(), a_server(ANN, complete=False), DISABLE)
    assert plan.changes == ()
    assert stopping_guards(plan) == ["source-empty", "users-incomplete"]


def test_a_valid_row_takes_nothing_from_somebody_whom_an_invalid_row_names_too() -> None:
    server = a_server(User(2, "ann", role="app-manager"))
    unknown = Unknown(people=frozenset({"ann"}))
    for fields in ({"role": "app-user"}, {"active": False}):
        plan = plan_for(a_state(desired_user("ann", **fields), unknown=unknown), server)
        assert (plan.changes, codes(plan)) == ((), ["row-skipped"])
    assert plan_for(a_state(desired_user("ann", name="Ann"), unknown=unknown), server).changes != ()


# --- protected ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "item",
    [
        desired_user("svc-backup", name="x"),
        desired_user("svc-new"),
        desired_user("svc-backup", active=False),
        desired_membership("svc-backup", "ALPHA"),
    ],
)
def test_a_row_that_wants_to_change_a_protected_account_is_told_so(item: object) -> None:
    mapping = a_mapping(protect=["SVC-*"])
    plan = plan_for(a_state(item), a_server(User(2, "svc-backup")), mapping)  # type: ignore[arg-type]
    assert (plan.changes, codes(plan)) == ((), ["person-protected"])


def test_no_rename_gives_or_takes_a_protected_name() -> None:
    mapping = a_mapping(users={"find_by": ["username", "email"]}, protect=["svc-*"])
    for old, new in (("svc-a", "bob"), ("bob", "svc-a")):
        server = a_server(User(2, old, email="x@x.org"))
        plan = plan_for(a_state(desired_user(new, email="x@x.org")), server, mapping)
        assert (plan.changes, codes(plan)) == ((), ["person-protected"])


def test_an_email_that_somebody_gives_up_in_the_same_plan_is_not_taken() -> None:
    desired = a_state(
        desired_user("bob", email="ann@x.org"), desired_user("ann", 3, email="new@x.org")
    )
    assert codes(plan_for(desired, a_server(ANN, User(3, "bob")))) == []


def test_a_rename_of_a_protected_account_is_refused_for_that_and_not_for_the_name() -> None:
    service = User(5, "svc-s", name="Carla C", email="s@x.org")
    carl = User(6, "carl", name="Carl", email="c@x.org")
    state = a_state(desired_user("carl", name="Carla C", email="s@x.org"))

    def planned(*protect: str) -> tuple[tuple[Change, ...], list[str]]:
        mapping = a_mapping(users={"find_by": ["username", "email"]}, protect=list(protect))
        plan = plan_for(state, a_server(service, carl), mapping)
        return plan.changes, codes(plan)

    assert planned() == ((), ["rename-unclear"])
    assert planned("svc-*") == ((), ["person-protected"])


def test_an_email_that_two_share_is_said_of_whoever_gets_it_and_not_of_another_change() -> None:
    ann, bob = (User(n, name, email="info@x.org") for n, name in ((2, "ann"), (3, "bob")))
    other = User(4, "eve", email="e@x.org")
    named = a_state(desired_user("ann", name="Ann", email="info@x.org"))
    plan = plan_for(named, a_server(ann, bob))
    assert (plan.summary, codes(plan)) == ({"user.update": 1}, [])
    plan = plan_for(a_state(desired_user("eve", email="info@x.org")), a_server(ann, bob, other))
    assert (plan.summary, codes(plan)) == ({"user.update": 1}, ["email-taken"])
    assert plan.findings[0].origin == cell("email", 2)
