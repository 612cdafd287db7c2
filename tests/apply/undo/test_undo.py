"""What a run did is taken back, and nothing else; what cannot be is said. Pure, case by case."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from kanport.apply.journal import NOT_ON_RECORD, Answered, Heard, Recorded
from kanport.apply.undo import undo_plan
from kanport.facts import fact
from kanport.model import CurrentState, Group, Project, ServerInfo, User
from kanport.outcome import Outcome, Run, Status
from kanport.plan.change import Action, Change, Risk, values_of
from kanport.plan.model import Plan, PlanIdentity
from kanport.report.make import of_plan
from tests.support.changes import (
    a_change,
    after_of,
    changed,
    grant,
    new_user,
    nth_change,
    plan_of,
    who,
)

FALSE = Answered(Heard.FALSE)
URL = "http://127.0.0.1:1/jsonrpc.php"
ADMIN = User(1, "admin", role="app-admin")
ADA = User(2, "ada", name="Ada", email="ada@example.org")
ALPHA = Project(7, "P7")
ACTIVE, DISABLED = {"active": True}, {"active": False}
LED = {"name": "A", "role": "app-manager"}


def recorded(
    *changes: Change,
    outcomes: Mapping[str, Status] | None = None,
    answers: Mapping[str, tuple[Answered, ...]] | None = None,
) -> Recorded:
    """Give the journal of a run that did everything, but where something else is said."""
    of = outcomes or {}
    run = Run(
        "run-1",
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:01:00Z",
        tuple(Outcome(one.id, of.get(one.id, Status.DONE)) for one in changes),
    )
    return Recorded(plan_of(*changes, url=URL), run, ended=True, answers=answers or {})


def state(
    *users: User, roles: Mapping[int, Mapping[int, str]] | None = None, **parts: Any
) -> CurrentState:
    parts = {"projects": (ALPHA,), **parts}
    return CurrentState(ServerInfo(URL), (ADMIN, *users), roles=roles or {7: {}}, **parts)


def back(journal: Recorded, current: CurrentState, **options: Any) -> Plan:
    return undo_plan(journal, current, created_at="2026-01-02T00:00:00Z", version="0", **options)


def told(plan: Plan) -> list[tuple[str, str, dict[str, Any] | None, dict[str, Any] | None]]:
    return [(str(c.action), who(c), values_of(c.before), values_of(c.after)) for c in plan.changes]


def codes(plan: Plan) -> list[str]:
    return [finding.code for finding in plan.findings]


def on_ada(action: Action, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Change:
    return nth_change(1, action, "ada", user_id=2, before=before, after=after)


def in_alpha(action: Action, before: str | None, after: str | None, **parts: Any) -> Change:
    return nth_change(
        1,
        action,
        "ada",
        user_id=2,
        project="P7",
        project_id=7,
        before=None if before is None else {"role": before},
        after=None if after is None else {"role": after},
        **parts,
    )


# --- each action ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("done", "left", "expected"),
    [
        (
            on_ada(Action.USER_UPDATE, {"name": "Ada", "role": "app-user"}, LED),
            replace(ADA, name="A", role="app-manager"),
            ("user.update", "ada", LED, {"name": "Ada", "role": "app-user"}),
        ),
        (
            on_ada(Action.USER_UPDATE, {"email": ""}, {"email": "ada@example.org"}),
            ADA,
            ("user.update", "ada", {"email": "ada@example.org"}, {"email": ""}),
        ),
        (
            on_ada(Action.USER_RENAME, {"username": "ada"}, {"username": "lovelace"}),
            replace(ADA, username="lovelace"),
            ("user.rename", "lovelace", {"username": "lovelace"}, {"username": "ada"}),
        ),
        (
            on_ada(Action.USER_DISABLE, {"active": True}, {"active": False}),
            replace(ADA, active=False),
            ("user.enable", "ada", {"active": False}, {"active": True}),
        ),
        (
            on_ada(Action.USER_ENABLE, {"active": False}, {"active": True}),
            ADA,
            ("user.disable", "ada", {"active": True}, {"active": False}),
        ),
        (
            new_user(1, "ada"),
            ADA,
            ("user.disable", "ada", {"active": True}, {"active": False}),
        ),
    ],
)
def test_each_change_of_a_user_has_its_way_back(done: Change, left: User, expected: Any) -> None:
    plan = back(recorded(done), state(left))
    assert told(plan) == [expected]
    assert "undo-moved" not in codes(plan)


@pytest.mark.parametrize(
    ("done", "left", "expected"),
    [
        (
            in_alpha(Action.MEMBERSHIP_GRANT, None, "project-member"),
            "project-member",
            ("membership.revoke", "ada", {"role": "project-member"}, None),
        ),
        (
            in_alpha(Action.MEMBERSHIP_CHANGE, "project-manager", "project-viewer"),
            "project-viewer",
            ("membership.change", "ada", {"role": "project-viewer"}, {"role": "project-manager"}),
        ),
        (
            in_alpha(Action.MEMBERSHIP_REVOKE, "custom role", None),
            None,
            ("membership.grant", "ada", None, {"role": "custom role"}),
        ),
    ],
)
def test_each_change_of_access_has_its_way_back(
    done: Change, left: str | None, expected: Any
) -> None:
    plan = back(recorded(done), state(ADA, roles={7: {} if left is None else {2: left}}))
    assert told(plan) == [expected]
    assert plan.findings == ()


def test_access_that_may_stay_through_a_group_is_marked() -> None:
    done = recorded(in_alpha(Action.MEMBERSHIP_GRANT, None, "project-member"))
    group = Group(5, "G", members=frozenset({2}))
    plan = back(done, state(ADA, roles={7: {2: "project-member"}}, groups=(group,)))
    assert plan.changes[0].risk == (Risk.ACCESS_LOST, Risk.MAYBE_THROUGH_GROUP)


def test_a_role_that_came_through_a_group_is_set_back_and_that_is_said() -> None:
    maybe = in_alpha(
        Action.MEMBERSHIP_CHANGE,
        "project-viewer",
        "project-manager",
        risk=(Risk.PRIVILEGE_RAISED, Risk.MAYBE_THROUGH_GROUP),
    )
    plan = back(recorded(maybe), state(ADA, roles={7: {2: "project-manager"}}))
    assert [str(c.action) for c in plan.changes] == ["membership.change"]
    assert codes(plan) == ["undo-partial"]


def test_risks_and_order_are_those_of_any_plan() -> None:
    plan = back(
        recorded(
            on_ada(Action.USER_UPDATE, {"role": "app-admin"}, {"role": "app-user"}),
            changed(
                on_ada(Action.USER_ENABLE, {"active": False}, {"active": True}),
                id="c0002",
                user_id=3,
            ),
        ),
        state(ADA, User(3, "bob", role="app-admin")),
    )
    assert [(c.action, c.username) for c in plan.changes] == [
        (Action.USER_DISABLE, "bob"),
        (Action.USER_UPDATE, "ada"),
    ]
    assert plan.changes[0].risk == (Risk.ADMIN_LOST, Risk.ACCESS_LOST)
    assert plan.changes[1].risk == (Risk.PRIVILEGE_RAISED, Risk.ADMIN_GRANTED)


def renamed(number: int, user_id: int, old: str, new: str) -> Change:
    names = {"before": {"username": old}, "after": {"username": new}}
    return nth_change(number, Action.USER_RENAME, old, user_id=user_id, **names)


def test_renames_in_a_row_go_back_the_other_way_round() -> None:
    plan = back(
        recorded(renamed(1, 3, "b", "c"), renamed(2, 2, "a", "b")),
        state(User(2, "b"), User(3, "c")),
    )
    assert [(c.user_id, after_of(c)["username"]) for c in plan.changes] == [
        (2, "a"),
        (3, "b"),
    ]


def test_a_created_user_loses_what_the_run_granted() -> None:
    done = recorded(new_user(1, "ada"), grant(2, "ada", 7))
    plan = back(done, state(ADA, roles={7: {2: "project-member"}}))
    assert [str(c.action) for c in plan.changes] == ["user.disable", "membership.revoke"]
    assert {c.user_id for c in plan.changes} == {2}
    assert codes(plan) == ["undo-partial"]


def test_a_created_user_who_was_to_be_inactive_stays_and_that_is_said() -> None:
    disabled = changed(
        on_ada(Action.USER_DISABLE, {"active": True}, {"active": False}), id="c0002", user_id=None
    )
    plan = back(recorded(new_user(1, "ada"), disabled), state(replace(ADA, active=False)))
    (finding,) = plan.findings
    assert (plan.changes, finding.code) == ((), "undo-partial")
    assert (finding.case, dict(finding.params)["usernames"]) == ("created-stay", ("ada",))


# --- whose doing it was --------------------------------------------------------------------------


def test_what_was_already_so_or_never_sent_is_not_taken_back() -> None:
    done = on_ada(Action.USER_DISABLE, {"active": True}, {"active": False})
    current = state(replace(ADA, active=False))
    for status in (Status.ALREADY, Status.SKIPPED, Status.NOT_ATTEMPTED):
        assert back(recorded(done, outcomes={"c0001": status}), current).changes == ()
    failed = {"c0001": Status.FAILED}
    never = {"c0001": (Answered(Heard.NEVER_SENT),)}
    assert back(recorded(done, outcomes=failed, answers=never), current).changes == ()


@pytest.mark.parametrize(
    "lost", [NOT_ON_RECORD, Answered(Heard.LOST, why=fact("connection-ended"))]
)
def test_what_failed_or_lost_its_answer_is_taken_back_if_the_server_shows_it(
    lost: Answered,
) -> None:
    done = on_ada(Action.USER_DISABLE, {"active": True}, {"active": False})
    for status in (Status.FAILED, Status.NOT_ATTEMPTED, Status.ALREADY):
        journal = recorded(done, outcomes={"c0001": status}, answers={"c0001": (lost, FALSE)})
        assert len(back(journal, state(replace(ADA, active=False))).changes) == 1
        assert back(journal, state(ADA)).changes == ()
        assert back(journal, state(ADA)).findings == ()


def test_a_user_whom_somebody_else_created_is_left_alone() -> None:
    done = new_user(1, "ada", name="Ada")
    refused = recorded(done, outcomes={"c0001": Status.FAILED}, answers={"c0001": (FALSE,)})
    assert back(refused, state(ADA)).changes == ()
    lost = recorded(
        done, outcomes={"c0001": Status.FAILED}, answers={"c0001": (Answered(Heard.LOST),)}
    )
    assert len(back(lost, state(ADA)).changes) == 1
    other = back(lost, state(replace(ADA, name="Somebody else")))
    assert other.changes == ()
    assert codes(other) == ["undo-moved"]


def test_the_journal_tells_a_created_user_from_a_later_one_of_that_name() -> None:
    done = recorded(new_user(1, "ada"), answers={"c0001": (Answered(Heard.ID, 2),)})
    later = back(done, state(replace(ADA, id=9)))
    assert later.changes == ()
    taken_over = back(done, state(replace(ADA, username="boss")))
    assert taken_over.changes == ()
    assert codes(taken_over) == ["undo-moved"]


# --- what has moved, and what cannot be ----------------------------------------------------------


def test_what_somebody_has_changed_since_is_left_and_said() -> None:
    done = on_ada(Action.USER_UPDATE, {"name": "A", "email": ""}, {"name": "B", "email": "b@x.org"})
    plan = back(recorded(done), state(replace(ADA, name="C", email="b@x.org")))
    assert told(plan) == [("user.update", "ada", {"email": "b@x.org"}, {"email": ""})]
    (finding,) = plan.findings
    assert finding.code == "undo-moved"
    assert (dict(finding.params)["now"], dict(finding.params)["left"]) == ("C", "B")
    assert finding.value == "ada"


def test_what_is_back_already_needs_nothing() -> None:
    done = recorded(
        on_ada(Action.USER_UPDATE, {"name": "Ada"}, {"name": "B"}),
        replace_id(in_alpha(Action.MEMBERSHIP_GRANT, None, "project-member"), "c0002"),
    )
    plan = back(done, state(ADA))
    assert (plan.changes, plan.findings) == ((), ())
    assert plan.unchanged == {"users": 1, "memberships": 1}


def replace_id(one: Change, number: str) -> Change:
    return changed(one, id=number)


@pytest.mark.parametrize(
    ("current", "said"),
    [
        (state(), "user-gone"),
        (state(ADA, projects=(), roles={}), "project-gone"),
        (state(ADA, roles={7: {2: "project-viewer"}}), "role"),
        (replace(state(), users_complete=False), "user-unread"),
    ],
)
def test_access_that_has_moved_is_left_and_said(current: CurrentState, said: str) -> None:
    plan = back(recorded(in_alpha(Action.MEMBERSHIP_GRANT, None, "project-member")), current)
    assert plan.changes == ()
    assert codes(plan) == ["undo-moved"]
    assert plan.findings[0].case == said


@pytest.mark.parametrize(
    ("before", "after", "now", "case"),
    [
        ("project-viewer", "project-member", "project-manager", "role"),
        ("project-viewer", "project-member", None, "no-role"),
        ("project-manager", None, "project-viewer", "role-new"),
    ],
)
def test_access_that_somebody_changed_since_is_said_with_both_roles(
    before: str, after: str | None, now: str | None, case: str
) -> None:
    action = Action.MEMBERSHIP_CHANGE if after else Action.MEMBERSHIP_REVOKE
    current = state(ADA, roles={7: {2: now} if now else {}})
    (finding,) = back(recorded(in_alpha(action, before, after)), current).findings
    params = dict(finding.params)
    assert (finding.case, params["role"], params["left_role"]) == (case, now, after)


def test_nobody_is_put_back_into_a_project_that_became_private() -> None:
    done = recorded(in_alpha(Action.MEMBERSHIP_REVOKE, "project-member", None))
    plan = back(done, state(ADA, projects=(replace(ALPHA, private=True),)))
    assert plan.changes == ()
    assert codes(plan) == ["undo-impossible"]


def test_a_removed_user_cannot_be_brought_back_and_is_named_once() -> None:
    done = recorded(
        in_alpha(Action.MEMBERSHIP_REVOKE, "project-member", None),
        nth_change(2, Action.USER_DISABLE, "ada", user_id=2, before=ACTIVE, after=DISABLED),
        nth_change(3, Action.USER_REMOVE, "ada", user_id=2, before={"username": "ada"}),
    )
    plan = back(done, state())
    assert plan.changes == ()
    assert codes(plan) == ["undo-impossible"]


@pytest.mark.parametrize(
    ("before", "after", "left"),
    [
        ({"email": "jürgen@x.org"}, {"email": "j@x.org"}, replace(ADA, email="j@x.org")),
        ({"role": "boss"}, {"role": "app-user"}, ADA),
    ],
)
def test_an_old_value_that_the_server_would_refuse_is_said(
    before: dict[str, str], after: dict[str, str], left: User
) -> None:
    done = on_ada(Action.USER_UPDATE, {**before, "name": "Old"}, {**after, "name": "Ada"})
    plan = back(recorded(done), state(left))
    assert told(plan) == [("user.update", "ada", {"name": "Ada"}, {"name": "Old"})]
    assert codes(plan) == ["undo-impossible"]


def test_a_username_that_somebody_has_by_now_is_not_given_back() -> None:
    done = recorded(on_ada(Action.USER_RENAME, {"username": "ada"}, {"username": "lovelace"}))
    plan = back(done, state(replace(ADA, username="lovelace"), User(3, "Ada")))
    assert plan.changes == ()
    assert codes(plan) == ["undo-impossible"]
    assert dict(plan.findings[0].params)["id"] == 3


def test_an_ended_membership_beside_a_group_gets_its_role_back() -> None:
    done = recorded(
        in_alpha(Action.MEMBERSHIP_REVOKE, "project-manager", None),
        outcomes={"c0001": Status.FAILED},
        answers={"c0001": (Answered(Heard.TRUE),)},
    )
    group = Group(5, "G", members=frozenset({2}))
    plan = back(done, state(ADA, roles={7: {2: "project-viewer"}}, groups=(group,)))
    assert told(plan) == [
        ("membership.change", "ada", {"role": "project-viewer"}, {"role": "project-manager"})
    ]
    same = back(done, state(ADA, roles={7: {2: "project-manager"}}, groups=(group,)))
    assert same.changes == ()
    assert codes(same) == ["undo-partial"]


# --- guards --------------------------------------------------------------------------------------


def tripped(plan: Plan) -> list[str]:
    return [verdict.guard for verdict in plan.guards if verdict.tripped]


def test_nobody_is_removed_beyond_the_number_asked_for() -> None:
    done = recorded(new_user(1, "ada"), new_user(2, "bob"))
    current = state(ADA, User(3, "bob"))
    one, two = (back(done, current, remove_at_most=number) for number in (1, 2))
    assert [c.action for c in two.changes] == [Action.USER_REMOVE] * 2
    assert Risk.DELETES_DATA in two.changes[0].risk
    assert (tripped(one), tripped(two)) == (["limit-remove"], [])


@pytest.mark.parametrize(
    ("case", "user", "parts"),
    [
        ("created-changed", replace(ADA, name="Somebody else"), {}),
        (
            "created-private",
            ADA,
            {"projects": (Project(8, "Mine", private=True),), "roles": {8: {2: "project-manager"}}},
        ),
    ],
)
def test_who_was_changed_or_is_in_a_private_project_is_disabled_instead_of_removed(
    case: str, user: User, parts: dict[str, Any]
) -> None:
    done = recorded(new_user(1, "ada", name="Ada"))
    plan = back(done, state(user, **parts), remove_at_most=5)
    assert [c.action for c in plan.changes] == [Action.USER_DISABLE]
    assert [(one.code, one.case) for one in plan.findings] == [("undo-moved", case)]


def test_protected_accounts_are_left_alone() -> None:
    done = recorded(
        new_user(1, "svc-x"),
        replace_id(
            on_ada(Action.USER_RENAME, {"username": "svc-old"}, {"username": "ada"}), "c0002"
        ),
        grant(3, "svc-x", 7),
    )
    current = state(ADA, User(3, "svc-x"), roles={7: {3: "project-member"}})
    plan = back(done, current, protect=["SVC-*"])
    assert plan.changes == ()
    assert set(codes(plan)) == {"person-protected"}


def test_the_last_administrator_stays() -> None:
    done = recorded(new_user(1, "ada", role="app-admin"))
    alone = replace(ADA, role="app-admin")
    current = replace(state(alone), users=(alone,))
    assert tripped(back(done, current)) == ["last-admin"]


# --- the plan ------------------------------------------------------------------------------------


def test_the_plan_names_the_run_and_the_mapping_and_does_not_depend_on_the_order_read() -> None:
    done = recorded(new_user(1, "ada"), new_user(2, "bob"))
    plan = back(done, state(ADA, User(3, "bob")))
    assert plan.mapping.name == "undo of run run-1"
    assert plan.mapping.path == done.plan.mapping.path
    assert plan.summary == {"user.disable": 2}
    assert plan == back(done, state(User(3, "bob"), ADA))
    assert [c.reason for c in plan.changes] == [
        "undoes c0001 of the run",
        "undoes c0002 of the run",
    ]


def test_the_stable_ids_mean_the_old_usernames_again() -> None:
    done = recorded(renamed(1, 2, "ada", "lovelace"))
    identities = (
        PlanIdentity(id="x1", username="lovelace", user_id=2),
        PlanIdentity(id="x2", username="new"),
        PlanIdentity(id="x3", username="gone", user_id=9),
    )
    named = replace(done, plan=done.plan.model_copy(update={"identities": identities}))
    plan = back(named, state(replace(ADA, username="lovelace")))
    assert plan.identities == (PlanIdentity(id="x1", username="ada", user_id=2),)


def test_the_plan_names_the_run_its_sources_and_each_change_that_it_takes_back() -> None:
    journal = recorded(in_alpha(Action.MEMBERSHIP_GRANT, None, "project-member"))
    plan = back(journal, state(ADA, roles={7: {1: "project-viewer", 2: "project-member"}}))
    assert plan.undoes is not None
    assert (plan.undoes.run, plan.undoes.sources) == ("run-1", journal.plan.sources)
    assert [one.id for one in plan.undoes.changes] == [journal.plan.changes[0].id]
    view = of_plan(plan)
    assert [line.undoes[0].change for line in view.lines] == [journal.plan.changes[0]]
    before = {(row.person, row.before, row.after) for row in view.access}
    kept = ("admin", "project-viewer", "project-viewer")
    assert before == {kept, ("ada", "project-member", None)}
    assert {one.username: one.name for one in plan.people}["ada"] == "Ada"


def test_the_access_that_a_group_gives_moves_with_the_group() -> None:
    group = Group(3, "Crew", members=frozenset({2}))
    gave = a_change(
        Action.GROUP_ACCESS_GRANT,
        group="Crew",
        group_id=3,
        project="P7",
        project_id=7,
        after={"role": "project-manager"},
    )
    plan = back(recorded(gave), state(ADA, groups=(group,), roles={7: {2: "project-manager"}}))
    assert [str(one.action) for one in plan.changes] == ["group_access.revoke"]
    (row,) = of_plan(plan).access
    assert (row.person, row.before, row.after, row.moves) == ("ada", "project-manager", None, True)
