"""What is not as the run left it stays as it is, and is said: each way in which it can differ."""

from dataclasses import replace
from typing import Any

import pytest

from kanport.apply.journal import Answered, Heard
from kanport.apply.undo import people_to_read, projects_to_read
from kanport.model import CurrentState, Group, Project, User
from kanport.outcome import Status
from kanport.plan.change import Action, Change
from kanport.plan.model import Plan
from tests.apply.undo.test_groups import ACCESS, CREATED, IN, JOINED, OUT, REMOVED, of_group
from tests.apply.undo.test_undo import (
    ADA,
    ADMIN,
    ALPHA,
    back,
    codes,
    in_alpha,
    on_ada,
    recorded,
    replace_id,
    state,
    told,
)
from tests.support.changes import (
    a_change,
    after_of,
    before_of,
    changed,
    grant,
    new_user,
    nth_change,
    who,
)

LOST, ID_2 = Answered(Heard.LOST), Answered(Heard.ID, 2)
TRUE, FALSE = Answered(Heard.TRUE), Answered(Heard.FALSE)
VIEWER, MEMBER, MANAGER = "project-viewer", "project-member", "project-manager"
MADE = new_user(1, "ada", name="Ada", email="ada@example.org", role="app-user")
AS_MADE = User(2, "ada", name="Ada", email="ada@example.org", role="app-user")
OTHERWISE = [
    replace(AS_MADE, name="Somebody else"),
    replace(AS_MADE, email="other@example.org"),
    replace(AS_MADE, email=""),
    replace(AS_MADE, role="app-admin"),
]
ENDS_UNKNOWN: dict[str, Any] = {
    "outcomes": {"c0001": Status.FAILED},
    "answers": {"c0001": (LOST,)},
}
"""The call was sent and its answer lost."""


def actions(plan: Plan) -> list[tuple[str, str]]:
    return [(str(one.action), who(one)) for one in plan.changes]


# --- users that the run created -------------------------------------------------------------------


@pytest.mark.parametrize("answers", [{}, {"c0001": (ID_2,)}, {"c0001": (LOST, ID_2)}])
@pytest.mark.parametrize("status", [Status.DONE, Status.FAILED])
def test_whom_the_run_created_is_disabled_however_changed(
    status: Status, answers: dict[str, tuple[Answered, ...]]
) -> None:
    if status is Status.FAILED and not answers:
        return
    done = recorded(MADE, outcomes={"c0001": status}, answers=answers)
    for user in (AS_MADE, *OTHERWISE):
        plan = back(done, state(user))
        assert actions(plan) == [("user.disable", "ada")]
        assert codes(plan) == ["undo-partial"]


@pytest.mark.parametrize("user", OTHERWISE)
def test_whom_the_run_may_have_created_is_left_alone_unless_they_are_as_it_wanted(
    user: User,
) -> None:
    may = recorded(MADE, **ENDS_UNKNOWN)
    for options in ({}, {"remove_at_most": 1}):
        plan = back(may, state(user), **options)
        assert (plan.changes, codes(plan)) == ((), ["undo-moved"])
        assert plan.findings[0].value == "ada"
        assert plan.unchanged["users"] == 0


def test_whom_the_run_may_have_created_goes_where_they_are_as_it_wanted() -> None:
    may = recorded(MADE, **ENDS_UNKNOWN)
    assert actions(back(may, state(AS_MADE))) == [("user.disable", "ada")]
    assert actions(back(may, state(AS_MADE), remove_at_most=1)) == [("user.remove", "ada")]
    bare = recorded(new_user(1, "ada"), **ENDS_UNKNOWN)
    # What the run did not ask for is whatever Kanboard makes of it.
    assert actions(back(bare, state(replace(AS_MADE, email="")))) == [("user.disable", "ada")]


def test_nobody_is_taken_for_whom_the_run_may_have_created_but_never_asked_for() -> None:
    never = {
        "outcomes": {"c0001": Status.FAILED},
        "answers": {"c0001": (Answered(Heard.NEVER_SENT),)},
    }
    refused = {"outcomes": {"c0001": Status.FAILED}, "answers": {"c0001": (FALSE,)}}
    skipped = {"outcomes": {"c0001": Status.SKIPPED}}
    already = {"outcomes": {"c0001": Status.ALREADY}, "answers": {"c0001": (FALSE,)}}
    for ended in (never, refused, skipped, already):
        plan = back(recorded(MADE, **ended), state(AS_MADE), remove_at_most=1)
        assert (plan.changes, plan.findings) == ((), ())


@pytest.mark.parametrize("ended", [{}, ENDS_UNKNOWN], ids=["created", "may have been created"])
def test_two_users_who_may_be_whom_the_run_created_are_both_left_alone(ended: Any) -> None:
    # SQLite and PostgreSQL tell upper and lower case apart, and the journal has no id.
    twins = state(replace(AS_MADE, username="ADA"), replace(AS_MADE, id=3, username="Ada"))
    plan = back(recorded(MADE, **ended), twins, remove_at_most=1)
    assert (plan.changes, codes(plan)) == ((), ["undo-moved"])
    with_id = recorded(MADE, answers={"c0001": (ID_2,)})
    assert actions(back(with_id, twins, remove_at_most=1)) == [("user.remove", "ADA")]


@pytest.mark.parametrize("ended", [{}, ENDS_UNKNOWN], ids=["created", "may have been created"])
def test_nobody_of_that_name_is_back_already_where_all_users_were_read(ended: Any) -> None:
    done = recorded(MADE, **ended)
    plan = back(done, state())
    assert (plan.changes, plan.findings, plan.unchanged["users"]) == ((), (), 1)
    some = back(done, state(users_complete=False))
    assert (some.changes, codes(some)) == ((), ["undo-moved"])


def test_whom_the_run_created_is_nobody_else_where_the_number_is_not_there() -> None:
    done = recorded(MADE, answers={"c0001": (Answered(Heard.ID, 9),)})
    plan = back(done, state(), remove_at_most=1)
    assert (plan.changes, plan.findings) == ((), ())
    other = back(done, state(AS_MADE), remove_at_most=1)
    assert (other.changes, codes(other)) == ((), ["undo-moved"])


@pytest.mark.parametrize("name", ["ada.lovelace", "ada2", ""])
def test_whom_the_run_created_is_left_alone_under_another_username(name: str) -> None:
    done = recorded(MADE, grant(2, "ada", 7), answers={"c0001": (ID_2,)})
    renamed = replace(AS_MADE, username=name)
    for options in ({}, {"remove_at_most": 1}):
        plan = back(done, state(renamed, roles={7: {2: MEMBER}}), **options)
        assert (plan.changes, codes(plan)) == ((), ["undo-moved"])


def test_another_case_of_the_username_is_the_same_user() -> None:
    done = recorded(MADE, grant(2, "ada", 7), answers={"c0001": (ID_2,)})
    plan = back(done, state(replace(AS_MADE, username="Ada"), roles={7: {2: MEMBER}}))
    assert actions(plan) == [("user.disable", "Ada"), ("membership.revoke", "Ada")]


@pytest.mark.parametrize("user", OTHERWISE)
def test_whom_the_run_created_is_disabled_and_not_removed_once_somebody_changed_them(
    user: User,
) -> None:
    done = recorded(MADE, answers={"c0001": (ID_2,)})
    assert actions(back(done, state(AS_MADE), remove_at_most=1)) == [("user.remove", "ada")]
    plan = back(done, state(user), remove_at_most=1)
    assert (actions(plan), codes(plan)) == ([("user.disable", "ada")], ["undo-moved"])
    off = back(done, state(replace(user, active=False)), remove_at_most=1)
    assert (off.changes, codes(off), off.unchanged["users"]) == ((), ["undo-moved"], 1)


def test_only_a_private_project_of_their_own_keeps_somebody_from_being_removed() -> None:
    done = recorded(MADE, answers={"c0001": (ID_2,)})
    projects = (ALPHA, Project(8, "Hers", private=True))

    def removed(roles: dict[int, dict[int, str]]) -> list[tuple[str, str]]:
        return actions(back(done, state(AS_MADE, projects=projects, roles=roles), remove_at_most=1))

    assert removed({7: {2: MEMBER}, 8: {1: MANAGER}}) == [("user.remove", "ada")]
    assert removed({7: {}, 8: {1: MANAGER, 2: VIEWER}}) == [("user.disable", "ada")]


def test_a_disabled_user_whom_the_run_created_is_removed_all_the_same() -> None:
    done = recorded(MADE, answers={"c0001": (ID_2,)})
    plan = back(done, state(replace(AS_MADE, active=False)), remove_at_most=1)
    assert actions(plan) == [("user.remove", "ada")]


# --- users that were there ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done", "left", "since"),
    [
        (
            on_ada(Action.USER_RENAME, {"username": "ada"}, {"username": "lovelace"}),
            replace(ADA, username="lovelace"),
            replace(ADA, username="countess"),
        ),
        (
            on_ada(Action.USER_UPDATE, {"name": "A"}, {"name": "Ada"}),
            ADA,
            replace(ADA, name="Augusta"),
        ),
        (
            on_ada(Action.USER_UPDATE, {"email": "a@x.org"}, {"email": "ada@example.org"}),
            ADA,
            replace(ADA, email=""),
        ),
        (
            on_ada(Action.USER_UPDATE, {"role": "app-admin"}, {"role": "app-user"}),
            replace(ADA, role="app-user"),
            replace(ADA, role="app-manager"),
        ),
    ],
    ids=["username", "name", "email", "role"],
)
def test_a_value_that_somebody_gave_since_stays(done: Change, left: User, since: User) -> None:
    assert len(back(recorded(done), state(left)).changes) == 1
    plan = back(recorded(done), state(since))
    assert (plan.changes, codes(plan)) == ((), ["undo-moved"])
    assert plan.findings[0].value == "ada"


def test_each_value_is_judged_by_itself() -> None:
    done = recorded(
        on_ada(
            Action.USER_UPDATE,
            {"name": "A", "email": "a@x.org", "role": "app-manager"},
            {"name": "Ada", "email": "ada@example.org", "role": "app-user"},
        )
    )
    plan = back(done, state(replace(ADA, name="Augusta", email="a@x.org", role="app-user")))
    assert told(plan) == [("user.update", "ada", {"role": "app-user"}, {"role": "app-manager"})]
    assert codes(plan) == ["undo-moved"]


@pytest.mark.parametrize("complete", [True, False])
def test_a_user_who_is_gone_is_said_once(complete: bool) -> None:
    fields = {"name": "A", "email": "a@x.org"}, {"name": "Ada", "email": "ada@example.org"}
    plan = back(
        recorded(on_ada(Action.USER_UPDATE, *fields)), state(users_complete=complete)
    )  # fmt: skip
    assert (plan.changes, codes(plan), plan.unchanged["users"]) == ((), ["undo-moved"], 0)


def test_a_user_whom_the_run_removed_and_who_is_there_needs_nothing() -> None:
    removed = nth_change(2, Action.USER_REMOVE, "ada", user_id=2, before={"username": "ada"})
    failed = recorded(
        replace_id(on_ada(Action.USER_DISABLE, {"active": True}, {"active": False}), "c0001"),
        removed,
        outcomes={"c0002": Status.FAILED},
        answers={"c0002": (LOST,)},
    )
    plan = back(failed, state(replace(ADA, active=False)))
    assert actions(plan) == [("user.enable", "ada")]
    assert "undo-impossible" not in codes(plan)
    gone = back(failed, state())
    assert (gone.changes, codes(gone)) == ((), ["undo-impossible"])


def test_a_rename_stays_that_would_take_a_username_from_somebody_who_is_not_renamed_back() -> None:
    names = [("a", "b", 2), ("b", "c", 3)]
    renames = [
        nth_change(at, Action.USER_RENAME, old, user_id=number, before={"username": old},
               after={"username": new})
        for at, (old, new, number) in enumerate(names, 1)
    ]  # fmt: skip
    both = back(recorded(*renames), state(User(2, "b"), User(3, "c")))
    assert [one.user_id for one in both.changes] == [2, 3]
    # The second one is called otherwise by now, so that nothing frees "b", and "a" is free.
    since = back(recorded(*renames), state(User(2, "b"), User(3, "d")))
    assert [one.user_id for one in since.changes] == [2]
    assert codes(since) == ["undo-moved"]
    # Somebody else is called "a": then "b" is not freed either.
    taken = back(recorded(*renames), state(User(2, "b"), User(3, "c"), User(4, "a")))
    assert (taken.changes, codes(taken)) == ((), ["undo-impossible", "undo-impossible"])


# --- memberships ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "before", "after", "now", "moved"),
    [
        (Action.MEMBERSHIP_GRANT, None, MEMBER, None, False),
        (Action.MEMBERSHIP_GRANT, None, MEMBER, VIEWER, True),
        (Action.MEMBERSHIP_CHANGE, MANAGER, VIEWER, MANAGER, False),
        (Action.MEMBERSHIP_CHANGE, MANAGER, VIEWER, MEMBER, True),
        (Action.MEMBERSHIP_CHANGE, MANAGER, VIEWER, None, True),
        (Action.MEMBERSHIP_REVOKE, MEMBER, None, MEMBER, False),
        (Action.MEMBERSHIP_REVOKE, MEMBER, None, VIEWER, True),
    ],
)
def test_a_membership_that_is_not_as_the_run_left_it_stays(
    action: Action, before: str | None, after: str | None, now: str | None, moved: bool
) -> None:
    done = in_alpha(action, before, after)
    plan = back(recorded(done), state(ADA, roles={7: {} if now is None else {2: now}}))
    assert (plan.changes, codes(plan)) == ((), ["undo-moved"] if moved else [])
    assert plan.unchanged["memberships"] == (0 if moved else 1)


@pytest.mark.parametrize(
    "current",
    [
        state(),
        state(users_complete=False),
        state(ADA, projects=(), roles={}),
        state(ADA, projects=(Project(8, "P7"),), roles={8: {2: MEMBER}}),
        state(ADA, roles={8: {2: MEMBER}}),
    ],
    ids=["user gone", "user not read", "project gone", "another project", "members not read"],
)
def test_a_membership_of_which_one_side_is_not_there_is_said(current: CurrentState) -> None:
    plan = back(recorded(in_alpha(Action.MEMBERSHIP_GRANT, None, MEMBER)), current)
    assert (plan.changes, codes(plan)) == ((), ["undo-moved"])


def test_a_membership_that_was_granted_and_changed_goes_back_to_what_was_before_both() -> None:
    done = recorded(
        in_alpha(Action.MEMBERSHIP_GRANT, None, MEMBER),
        replace_id(in_alpha(Action.MEMBERSHIP_CHANGE, MEMBER, MANAGER), "c0002"),
    )
    plan = back(done, state(ADA, roles={7: {2: MANAGER}}))
    assert told(plan) == [("membership.revoke", "ada", {"role": MANAGER}, None)]
    assert codes(back(done, state(ADA, roles={7: {2: MEMBER}}))) == ["undo-moved"]


def test_a_failed_second_change_does_not_hide_the_first_one() -> None:
    done = recorded(
        in_alpha(Action.MEMBERSHIP_GRANT, None, MEMBER),
        replace_id(in_alpha(Action.MEMBERSHIP_CHANGE, MEMBER, MANAGER), "c0002"),
        outcomes={"c0002": Status.FAILED},
        answers={"c0002": (FALSE,)},
    )
    plan = back(done, state(ADA, roles={7: {2: MEMBER}}))
    assert told(plan) == [("membership.revoke", "ada", {"role": MEMBER}, None)]


@pytest.mark.parametrize(
    ("answer", "groups", "now", "expected"),
    [
        # Kanboard said that there was a direct membership, and it is ended.
        (TRUE, True, VIEWER, [("membership.change", "ada", {"role": VIEWER}, {"role": MEMBER})]),
        (TRUE, False, VIEWER, []),
        (FALSE, True, VIEWER, []),
        (TRUE, False, None, [("membership.grant", "ada", None, {"role": MEMBER})]),
    ],
)
def test_a_membership_whose_end_left_access_through_a_group(
    answer: Answered, groups: bool, now: str | None, expected: list[Any]
) -> None:
    done = recorded(
        in_alpha(Action.MEMBERSHIP_REVOKE, MEMBER, None),
        outcomes={"c0001": Status.FAILED},
        answers={"c0001": (answer,)},
    )
    group = Group(5, "G", members=frozenset({2}))
    plan = back(
        done,
        state(ADA, roles={7: {} if now is None else {2: now}}, groups=(group,) if groups else ()),
    )
    assert told(plan) == expected
    assert ("undo-moved" in codes(plan)) is (not expected)


# --- groups ---------------------------------------------------------------------------------------

DEVS = Group(5, "Devs", members=frozenset({2}))
ANSWERS = {"c0001": (Answered(Heard.ID, 5),), "c0002": (TRUE,)}


@pytest.mark.parametrize(
    "group",
    [
        replace(DEVS, name="Developers"),
        replace(DEVS, name="DEVS"),
        replace(DEVS, members=frozenset({1, 2})),
        replace(DEVS, members=frozenset({1})),
        replace(DEVS, members=frozenset({2, 99})),
        replace(DEVS, external_id="cn=devs"),
    ],
    ids=[
        *("renamed", "spelled otherwise", "one more", "another one", "one who was not read"),
        "tied to a directory since",
    ],
)
def test_a_created_group_that_is_not_as_the_run_left_it_is_not_removed(group: Group) -> None:
    done = recorded(CREATED, JOINED, answers=ANSWERS)
    as_left = back(done, state(ADA, groups=(DEVS,)), remove_at_most=1)
    assert [str(one.action) for one in as_left.changes] == ["group_member.remove", "group.remove"]
    plan = back(done, state(ADA, groups=(group,)), remove_at_most=1)
    assert Action.GROUP_REMOVE not in {one.action for one in plan.changes}
    assert "undo-moved" in codes(plan)


def test_a_created_group_stays_without_being_asked_for_and_loses_whom_the_run_put_into_it() -> None:
    done = recorded(CREATED, JOINED, answers=ANSWERS)
    plan = back(done, state(ADA, groups=(replace(DEVS, members=frozenset({1, 2})),)))
    assert [(str(one.action), one.user_id) for one in plan.changes] == [("group_member.remove", 2)]
    assert codes(plan) == ["undo-partial"]


def test_a_created_group_without_a_number_is_found_by_its_name() -> None:
    plan = back(recorded(CREATED, JOINED), state(ADA, groups=(DEVS,)), remove_at_most=1)
    assert [str(one.action) for one in plan.changes] == ["group_member.remove", "group.remove"]


def test_a_created_group_that_is_gone_needs_nothing() -> None:
    plan = back(recorded(CREATED, answers=ANSWERS), state(ADA), remove_at_most=1)
    assert (plan.changes, plan.findings, plan.unchanged["groups"]) == ((), (), 1)


def test_a_protected_member_keeps_a_created_group() -> None:
    done = recorded(CREATED, JOINED, answers=ANSWERS)
    plan = back(done, state(ADA, groups=(DEVS,)), remove_at_most=1, protect=["ada"])
    assert plan.changes == ()
    assert set(codes(plan)) == {"person-protected", "undo-moved"}


def test_a_member_who_is_gone_needs_nothing_and_one_who_was_created_is_found_by_name() -> None:
    plan = back(recorded(IN), state(groups=(Group(5, "Devs"),)))
    assert (plan.changes, plan.findings, plan.unchanged["groups"]) == ((), (), 1)
    joined = of_group(Action.GROUP_MEMBER_ADD, username="ada", group_id=5, number=2)
    done = recorded(MADE, joined, answers={"c0001": (ID_2,)})
    plan = back(done, state(AS_MADE, groups=(DEVS,)))
    assert actions(plan) == [("group_member.remove", "ada"), ("user.disable", "ada")]
    assert {one.user_id for one in plan.changes} == {2}
    renamed = back(done, state(replace(AS_MADE, username="boss"), groups=(DEVS,)))
    assert (renamed.changes, codes(renamed)) == ((), ["undo-moved"])


def test_a_member_of_a_removed_group_is_put_into_the_one_that_is_made_anew() -> None:
    plan = back(recorded(OUT, REMOVED), state(ADA, groups=()))
    assert [(str(one.action), one.group_id) for one in plan.changes] == [
        ("group.create", None),
        ("group_member.add", None),
    ]
    there = back(recorded(OUT, REMOVED), state(ADA, groups=(Group(5, "Devs"),)))
    assert [(str(one.action), one.group_id) for one in there.changes] == [("group_member.add", 5)]
    assert there.unchanged["groups"] == 1


# --- the access of groups -------------------------------------------------------------------------


def of_access(action: Action, before: str | None, after: str | None) -> Change:
    return of_group(
        action,
        project="P7",
        project_id=7,
        group_id=5,
        before=None if before is None else {"role": before},
        after=None if after is None else {"role": after},
        number=3,
    )


@pytest.mark.parametrize(
    ("action", "before", "after", "expected"),
    [
        (Action.GROUP_ACCESS_GRANT, None, MEMBER, ("group_access.revoke", MEMBER, None)),
        (Action.GROUP_ACCESS_CHANGE, VIEWER, MEMBER, ("group_access.change", MEMBER, VIEWER)),
        (Action.GROUP_ACCESS_REVOKE, MEMBER, None, ("group_access.grant", None, MEMBER)),
    ],
)
def test_the_access_of_a_group_goes_back_only_where_it_is_certain_and_the_group_is_the_same(
    action: Action, before: str | None, after: str | None, expected: tuple[str, Any, Any]
) -> None:
    done = of_access(action, before, after)
    plan = back(recorded(done), state(ADA, groups=(DEVS,)))
    assert [
        (
            str(c.action),
            before_of(c).get("role"),
            after_of(c).get("role"),
        )
        for c in plan.changes
    ] == [expected]
    assert plan.findings == ()
    lost: dict[str, Any] = {
        "outcomes": {"c0003": Status.FAILED},
        "answers": {"c0003": (LOST,)},
    }
    for journal, current in (
        (recorded(done, **lost), state(ADA, groups=(DEVS,))),
        (recorded(done), state(ADA, groups=(replace(DEVS, name="Board"),))),
        (recorded(done), state(ADA, groups=(replace(DEVS, id=6),))),
        (recorded(done), state(ADA, groups=(DEVS,), projects=(), roles={})),
    ):
        plan = back(journal, current)
        assert (plan.changes, codes(plan)) == ((), ["undo-moved"])


def test_the_access_of_a_removed_group_comes_back_with_the_group() -> None:
    done = recorded(of_access(Action.GROUP_ACCESS_REVOKE, MEMBER, None), REMOVED)
    plan = back(done, state(ADA, groups=()))
    assert [(str(one.action), one.group_id) for one in plan.changes] == [
        ("group.create", None),
        ("group_access.grant", None),
    ]


def test_access_that_was_there_before_the_run_stays_and_is_said() -> None:
    done = recorded(ACCESS, outcomes={"c0003": Status.ALREADY})
    plan = back(done, state(ADA, groups=(DEVS,)))
    assert (plan.changes, codes(plan)) == ((), ["undo-partial"])
    already = of_access(Action.GROUP_ACCESS_CHANGE, VIEWER, MEMBER)
    plan = back(recorded(already, outcomes={"c0003": Status.ALREADY}), state(ADA, groups=(DEVS,)))
    assert (plan.changes, plan.findings) == ((), ())


# --- projects that the run created ----------------------------------------------------------------


def created_project() -> Change:
    return a_change(Action.PROJECT_CREATE, id="c0001", project="P9", reason="as the test wants it")


def test_a_created_project_stays_and_is_said_where_it_is_there() -> None:
    done = recorded(created_project(), answers={"c0001": (Answered(Heard.ID, 9),)})
    there = back(done, state(ADA, projects=(ALPHA, Project(9, "P9"))))
    assert (there.changes, codes(there)) == ((), ["undo-partial"])
    renamed = back(done, state(ADA, projects=(ALPHA, Project(9, "Another"))))
    assert codes(renamed) == ["undo-partial"]
    for gone in ((ALPHA,), (ALPHA, Project(10, "P9"))):
        plan = back(done, state(ADA, projects=gone))
        assert (plan.changes, plan.findings) == ((), ())


def test_a_membership_in_a_created_project_is_found_by_the_number_that_the_project_got() -> None:
    granted = changed(grant(2, "ada", 9, role=MEMBER), project_id=None, user_id=2)
    projects = (ALPHA, Project(9, "P9"))
    done = recorded(created_project(), granted, answers={"c0001": (Answered(Heard.ID, 9),)})
    plan = back(done, state(ADA, projects=projects, roles={9: {2: MEMBER}}))
    assert [(str(one.action), one.project_id) for one in plan.changes] == [("membership.revoke", 9)]
    # Without its number, nothing tells that the project of today is the one that was created.
    blind = recorded(created_project(), granted)
    plan = back(blind, state(ADA, projects=projects, roles={9: {2: MEMBER}}))
    assert plan.changes == ()


def test_the_administrator_of_the_tests_is_never_touched() -> None:
    plan = back(
        recorded(MADE, answers={"c0001": (Answered(Heard.ID, 1),)}),
        state(AS_MADE),
        remove_at_most=1,
    )
    assert ADMIN.username not in {one.username for one in plan.changes}


# --- protected accounts, several at once, and what has to be read ---------------------------------


def test_a_protected_account_is_said_once_whatever_the_run_did_to_it() -> None:
    renamed = on_ada(Action.USER_RENAME, {"username": "ada"}, {"username": "lovelace"})
    for done, left in (
        (MADE, AS_MADE),
        (on_ada(Action.USER_UPDATE, {"name": "A"}, {"name": "Ada"}), ADA),
        (in_alpha(Action.MEMBERSHIP_GRANT, None, MEMBER), ADA),
        (renamed, replace(ADA, username="lovelace")),
    ):
        plan = back(recorded(done), state(left, roles={7: {2: MEMBER}}), protect=["ada"])
        assert (plan.changes, codes(plan)) == ((), ["person-protected"])
        assert plan.findings[0].value == left.username


def test_somebody_whom_another_created_meanwhile_is_found_by_the_username() -> None:
    done = recorded(
        new_user(1, "ada"), grant(2, "ada", 7), outcomes={"c0001": Status.ALREADY},
        answers={"c0001": (FALSE,), "c0002": (TRUE,)},
    )  # fmt: skip
    there = state(replace(ADA, username="Ada"), roles={7: {2: MEMBER}})
    assert actions(back(done, there)) == [("membership.revoke", "Ada")]
    twins = state(
        replace(ADA, username="Ada"), replace(ADA, id=3, username="ADA"), roles={7: {2: MEMBER}}
    )
    plan = back(done, twins)
    assert (plan.changes, codes(plan)) == ((), ["undo-moved"])
    assert codes(back(done, state())) == ["undo-moved"]


def test_what_cannot_be_told_of_one_group_keeps_no_other() -> None:
    names = ("Devs", "Gone", "Ops", "Web", "Lab")
    made = [
        of_group(Action.GROUP_CREATE, name, after={"name": name, "external_id": ""}, number=at)
        for at, name in enumerate(names, 1)
    ]
    journal = recorded(
        *made,
        outcomes={"c0001": Status.FAILED},
        answers={"c0001": (LOST,), **{f"c000{n}": (Answered(Heard.ID, n),) for n in range(2, 6)}},
    )
    groups = (Group(9, "Devs"), Group(3, "Operations"), Group(4, "Web"), Group(5, "Lab"))
    plan = back(journal, state(groups=groups), remove_at_most=9)
    assert [one.group_id for one in plan.changes] == [5, 4]
    assert codes(plan) == ["undo-moved", "undo-moved"]
    assert plan.unchanged["groups"] == 1


def test_a_group_gets_its_old_name_back_beside_others() -> None:
    renamed = of_group(
        Action.GROUP_UPDATE, group_id=5, before={"name": "Devs"}, after={"name": "Coders"}
    )
    groups = (Group(5, "Coders"), Group(6, "Ops"))
    plan = back(recorded(renamed), state(groups=groups))
    assert [(str(one.action), after_of(one)) for one in plan.changes] == [
        ("group.update", {"name": "Devs"})
    ]
    plan = back(recorded(REMOVED), state(groups=(Group(6, "Ops"),)))
    assert [str(one.action) for one in plan.changes] == ["group.create"]


@pytest.mark.parametrize("private", [True, False])
def test_a_membership_ends_in_a_project_that_became_private(private: bool) -> None:
    projects = (replace(ALPHA, private=private),)
    granted = recorded(in_alpha(Action.MEMBERSHIP_GRANT, None, MEMBER))
    plan = back(granted, state(ADA, projects=projects, roles={7: {2: MEMBER}}))
    assert actions(plan) == [("membership.revoke", "ada")]
    lowered = recorded(in_alpha(Action.MEMBERSHIP_CHANGE, MANAGER, VIEWER))
    plan = back(lowered, state(ADA, projects=projects, roles={7: {2: VIEWER}}))
    assert actions(plan) == [("membership.change", "ada")]
    ended = recorded(in_alpha(Action.MEMBERSHIP_REVOKE, MEMBER, None))
    plan = back(ended, state(ADA, projects=projects))
    assert actions(plan) == ([] if private else [("membership.grant", "ada")])


def test_only_a_membership_that_may_have_ended_beside_a_group_is_looked_at_twice() -> None:
    done = in_alpha(Action.MEMBERSHIP_REVOKE, MEMBER, None)
    answers = {"c0001": (TRUE,)}
    group = (Group(5, "G", members=frozenset({2})),)
    # It was gone when it was read back, so that whatever is there came later.
    later = back(recorded(done, answers=answers), state(ADA, roles={7: {2: VIEWER}}, groups=group))
    assert (later.changes, codes(later)) == ((), ["undo-moved"])
    may = recorded(done, outcomes={"c0001": Status.FAILED}, answers=answers)
    same = back(may, state(ADA, roles={7: {2: MEMBER}}))
    assert (same.changes, same.findings, same.unchanged["memberships"]) == ((), (), 1)


def test_all_whom_a_run_is_about_are_read() -> None:
    names, ids = people_to_read(
        recorded(
            new_user(1, "ada"),
            new_user(2, "eve"),
            changed(
                on_ada(Action.USER_RENAME, {"username": "ann"}, {"username": "anna"}), id="c0003"
            ),
            grant(4, "met", 7),
            grant(5, "known", 7, user_id=12),
            of_group(Action.GROUP_MEMBER_REMOVE, username="out", user_id=13, group_id=5, number=6),
            of_group(Action.GROUP_CREATE, after={"name": "Devs"}, number=7),
            answers={"c0001": (Answered(Heard.ID, 9),)},
        )
    )
    assert {"ada", "eve", "ann", "anna", "met"} <= names
    assert not {"known", "out", ""} & names
    assert ids == {2, 9, 12, 13}


def test_the_projects_that_matter_are_read() -> None:
    plan = recorded(in_alpha(Action.MEMBERSHIP_GRANT, None, MEMBER), created_project()).plan
    projects = (
        ALPHA,
        Project(8, "Other"),
        Project(9, "P9"),
        Project(10, "Diary", private=True),
    )
    assert projects_to_read(plan, projects, removing=False) == {7, 9}
    assert projects_to_read(plan, projects, removing=True) == {7, 9, 10}


def test_what_failed_without_an_answer_on_record_is_taken_back_if_the_server_shows_it() -> None:
    failed: dict[str, Any] = {"outcomes": {"c0001": Status.FAILED}}
    granted = recorded(in_alpha(Action.MEMBERSHIP_GRANT, None, MEMBER), **failed)
    plan = back(granted, state(ADA, roles={7: {2: MEMBER}}))
    assert actions(plan) == [("membership.revoke", "ada")]
    # Of a new user that would be too little: somebody else may have created them.
    assert back(recorded(MADE, **failed), state(AS_MADE)).changes == ()


def test_what_is_not_there_any_more_keeps_nothing_else_from_being_taken_back() -> None:
    """Each kind of change twice: of something that is gone, and of something that is there."""

    def both(first: Change, second: Change) -> list[str]:
        journal = recorded(replace_id(first, "c0001"), replace_id(second, "c0002"))
        there = state(
            replace(ADA, name="A"),
            User(8, "eve"),
            roles={7: {2: MEMBER}},
            groups=(Group(5, "Devs", external_id="x", members=frozenset({2})),),
        )
        plan = back(journal, there)
        return [str(change.action) for change in plan.changes]

    def elsewhere(done: Change, **parts: int) -> Change:
        return changed(done, **parts)

    granted = in_alpha(Action.MEMBERSHIP_GRANT, None, MEMBER)
    named = on_ada(Action.USER_UPDATE, {"name": ""}, {"name": "A"})
    tagged = of_group(
        Action.GROUP_UPDATE, group_id=5, before={"external_id": ""}, after={"external_id": "x"}
    )
    for gone, done, expected in (
        (elsewhere(granted, user_id=99), granted, "membership.revoke"),
        (elsewhere(granted, project_id=99), granted, "membership.revoke"),
        (elsewhere(named, user_id=99), named, "user.update"),
        (elsewhere(IN, user_id=99), IN, "group_member.remove"),
        (elsewhere(IN, group_id=99), IN, "group_member.remove"),
        (elsewhere(ACCESS, group_id=99), ACCESS, "group_access.revoke"),
        (elsewhere(tagged, group_id=99), tagged, "group.update"),
    ):
        assert both(gone, done) == [expected]
        assert both(done, gone) == [expected]
