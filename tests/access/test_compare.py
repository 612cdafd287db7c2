"""Two snapshots compared: every difference is found, and runs explain what they did and no more."""

from dataclasses import replace

import pytest
from hypothesis import given

from kanport.access.compare import (
    AccessComparison,
    Drift,
    Key,
    RecordedRun,
    differences,
    explained,
    facts_of,
)
from kanport.model import CurrentState, Group, User
from kanport.outcome import Outcome, Run, Status
from kanport.plan.change import (
    Action,
    Change,
    GroupChange,
    RelationChange,
    RoleSide,
    UserChange,
    UserSide,
)
from kanport.relations import About
from kanport.report.document import as_excel, as_html, as_markdown, as_text
from tests.support.changes import plan_of
from tests.support.snapshots import current, states, taken

LATER = "2026-03-02T06:00:00Z"


def recorded(*changes: Change, status: Status = Status.DONE) -> RecordedRun:
    """Return a run that did these changes."""
    numbered = [replace(one, id=f"c{number:04}") for number, one in enumerate(changes, 1)]
    outcomes = tuple(Outcome(one.id, status) for one in numbered)
    run = Run("r1", "2026-03-01T22:00:00Z", "2026-03-01T22:01:00Z", outcomes, by="cron@host")
    return RecordedRun(plan_of(*numbered), run)


def grant(role: str = "project-member") -> RelationChange:
    return RelationChange(
        action=Action.MEMBERSHIP_GRANT,
        username="bob",
        user_id=3,
        project="Beta",
        project_id=2,
        after=RoleSide(role),
    )


def gave_bob(role: str) -> CurrentState:
    roles = {one: dict(some) for one, some in current().roles.items()}
    roles[2][3] = role
    return current(roles=roles)


@given(old=states(), new=states())
def test_the_differences_applied_to_the_old_snapshot_give_the_new_one(
    old: CurrentState, new: CurrentState
) -> None:
    before, after = taken(old), taken(new, taken_at=LATER)
    facts = facts_of(before)
    for one in differences(before, after):
        assert facts.get(one.key) == one.before
        facts[one.key] = one.after
    held = {key: value for key, value in facts.items() if value is not None}
    wanted = {key: value for key, value in facts_of(after).items() if value is not None}
    assert held == wanted
    document = AccessComparison(before, after, ()).document()
    names = {user.username for user in (*before.users, *after.users)} | {""}
    for table in document.tables[:3]:
        assert {row[0] for row in table.rows} <= names
        assert all(len(row) == len(table.columns) for row in table.rows)


@given(one=states())
def test_a_snapshot_does_not_differ_from_itself(one: CurrentState) -> None:
    assert not differences(taken(one), taken(one, taken_at=LATER))


@pytest.mark.parametrize(
    ("run", "is_explained"),
    [
        (recorded(grant()), True),
        (recorded(grant("project-viewer")), False),
        (recorded(grant(), status=Status.FAILED), False),
        # Somebody else had done it before.
        (recorded(grant(), status=Status.ALREADY), False),
        (recorded(grant(), replace(grant(), action=Action.MEMBERSHIP_REVOKE, after=None)), False),
    ],
)
def test_a_run_explains_what_it_did_to_the_end(run: RecordedRun, is_explained: bool) -> None:
    comparison = AccessComparison(taken(current()), taken(gave_bob("project-member")), [run])
    (drift,) = comparison.drifts
    assert (drift.run is run) is is_explained
    assert len(comparison.outside) == (not is_explained)


def test_what_comes_with_a_new_user_is_explained_by_the_run_that_made_them() -> None:
    users = (*current().users, User(5, "new", "New", "n@example.org"))
    create = UserChange(
        action=Action.USER_CREATE,
        username="new",
        after=UserSide({"username": "new", "name": "New"}),
    )
    comparison = AccessComparison(taken(current()), taken(current(users=users)), [recorded(create)])
    assert not comparison.outside
    assert [one.key for one in comparison.shown] == [Key(About.USER, 5, "username")]


def test_a_removed_user_loses_every_membership_by_that_run() -> None:
    state = current(
        users=current().users[:2],
        groups=(Group(1, "Team", members=frozenset({2})),),
        roles={1: {1: "project-manager", 2: "project-member"}, 2: {2: "project-member"}},
    )
    removals = [
        UserChange(
            action=Action.USER_REMOVE,
            username=name,
            user_id=number,
            before=UserSide({}),
            after=None,
        )
        for number, name in ((3, "bob"), (4, "eve"))
    ]
    comparison = AccessComparison(taken(current()), taken(state), [recorded(*removals)])
    assert {one.key.kind for one in comparison.drifts} == {
        About.USER,
        About.GROUP_MEMBER,
        About.MEMBERSHIP,
    }
    assert not comparison.outside


def test_access_through_a_group_is_explained_by_who_joined_it() -> None:
    # Both members of the group are in Beta, and so may carl be as he joins it.
    old = current(roles={1: {}, 2: {2: "project-member", 3: "project-member"}})
    users = (*old.users, User(5, "carl"))
    old = replace(old, users=users)
    new = replace(
        old,
        groups=(Group(1, "Team", members=frozenset({2, 3, 5})),),
        roles={1: {}, 2: {2: "project-member", 3: "project-member", 5: "project-member"}},
    )
    join = RelationChange(
        action=Action.GROUP_MEMBER_ADD,
        username="carl",
        user_id=5,
        group="Team",
        group_id=1,
        after=RoleSide(""),
    )
    found = explained(
        differences(taken(old), taken(new)), taken(old), taken(new), [run := recorded(join)]
    )
    assert [(one.key.kind, one.run is run, one.through) for one in found] == [
        (About.GROUP_MEMBER, True, ()),
        (About.MEMBERSHIP, True, ("Team",)),
    ]


def test_a_group_that_a_run_removed_explains_who_lost_access() -> None:
    old = current(roles={1: {}, 2: {2: "project-member", 3: "project-member"}})
    new = replace(old, groups=(), roles={1: {}, 2: {}})
    removal = GroupChange(action=Action.GROUP_REMOVE, group="Team", group_id=1)
    assert not AccessComparison(taken(old), taken(new), [recorded(removal)]).outside


def test_every_format_says_what_was_done_outside() -> None:
    comparison = AccessComparison(taken(current()), taken(gave_bob("Auditor"), taken_at=LATER), ())
    document = comparison.document()
    for text in (as_text(document), as_markdown(document), as_html(document)):
        assert "Not explained" in text
        assert "Auditor" in text
    as_excel(document)
    assert comparison.as_dict()["differences"] == [
        {
            "kind": "membership",
            "project_id": 2,
            "user_id": 3,
            "username": "bob",
            "field": "role",
            "before": None,
            "after": "Auditor",
            "effect": "gained",
            "run": None,
            "through": [],
        }
    ]


def test_without_journals_nobody_is_said_to_have_acted_outside() -> None:
    comparison = AccessComparison(taken(current()), taken(gave_bob("Auditor")))
    assert "utside" not in as_text(comparison.document())
    assert comparison.drifts == [Drift(Key(About.MEMBERSHIP, 2, "role", 3), None, "Auditor")]


@pytest.mark.parametrize("given_role", [{}, {"role": "app-user"}])
def test_who_makes_a_new_user_an_administrator_is_not_the_run_that_made_the_user(
    given_role: dict[str, str],
) -> None:
    users = (*current().users, User(5, "new", role="app-admin"))
    create = UserChange(
        action=Action.USER_CREATE, username="new", after=UserSide({"username": "new", **given_role})
    )
    comparison = AccessComparison(taken(current()), taken(current(users=users)), [recorded(create)])
    assert [one.key for one in comparison.outside] == [Key(About.USER, 5, "role")]


def test_a_rename_explains_no_field_that_becomes_known() -> None:
    (first, bob, *others) = current().users[1:]
    old = current(users=(current().users[0], first, replace(bob, two_factor=None), *others))
    renamed = replace(bob, username="robert", two_factor=True)
    new = current(users=(current().users[0], first, renamed, *others))
    rename = UserChange(
        action=Action.USER_RENAME,
        username=bob.username,
        user_id=bob.id,
        after=UserSide({"username": "robert"}),
    )
    comparison = AccessComparison(taken(old), taken(new), [recorded(rename)])
    assert [one.key.field for one in comparison.outside] == ["two_factor"]
