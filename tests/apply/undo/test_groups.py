"""What a run did to groups is taken back only where it is as the run left it. Pure."""

from typing import Any

import pytest

from kanport.apply.journal import Answered, Heard
from kanport.model import Group
from kanport.outcome import Status
from kanport.plan.change import Action, Change
from kanport.plan.model import Plan
from tests.apply.undo.test_undo import ADA, back, recorded, state
from tests.support.changes import a_change


def of_group(action: Action, name: str = "Devs", **parts: Any) -> Change:
    """Make a change of a group; `number` gives it another id than c0001."""
    subject = {key: parts.pop(key) for key in ("username", "project") if key in parts}
    return a_change(
        id=f"c{parts.pop('number', 1):04}",
        action=action,
        group=name,
        **subject,
        reason="as the test wants it",
        **parts,
    )


CREATED = of_group(Action.GROUP_CREATE, after={"name": "Devs", "external_id": ""})
JOINED = of_group(Action.GROUP_MEMBER_ADD, username="ada", user_id=2, number=2)
ANSWERS = {"c0001": (Answered(Heard.ID, 5),), "c0002": (Answered(Heard.TRUE),)}


def told(plan: Plan) -> list[tuple[str, str | None, int | None]]:
    return [(str(c.action), c.group, c.group_id) for c in plan.changes]


def said(plan: Plan) -> list[str]:
    return [finding.case for finding in plan.findings]


def undo(*changes: Change, groups: tuple[Group, ...], remove: bool = False, **parts: Any) -> Plan:
    journal = recorded(*changes, **{"answers": ANSWERS, **parts})
    return back(journal, state(ADA, groups=groups), **({"remove_at_most": 1} if remove else {}))


# --- groups that the run created ------------------------------------------------------------------


def test_a_created_group_goes_with_those_whom_the_run_put_into_it() -> None:
    plan = undo(CREATED, JOINED, groups=(Group(5, "Devs", members=frozenset({2})),), remove=True)
    assert told(plan) == [("group_member.remove", "Devs", 5), ("group.remove", "Devs", 5)]


@pytest.mark.parametrize(
    "group",
    [
        Group(5, "Developers"),
        Group(5, "Developers", members=frozenset({2})),
        Group(5, "Devs", members=frozenset({2, 9})),
        Group(5, "Devs", members=frozenset({9})),
    ],
    ids=["renamed", "renamed, with its member", "one more member", "another member"],
)
def test_a_created_group_that_others_use_by_now_is_not_removed(group: Group) -> None:
    plan = undo(CREATED, JOINED, groups=(group,), remove=True)
    assert not any(change.action is Action.GROUP_REMOVE for change in plan.changes)
    assert "group-used" in said(plan)
    if group.name != "Devs":
        assert plan.changes == (), "nobody is taken out of a group that the run did not make"


def test_a_group_of_the_same_name_under_another_id_is_left_alone() -> None:
    plan = undo(CREATED, JOINED, groups=(Group(8, "Devs", members=frozenset({2})),), remove=True)
    assert plan.changes == ()
    assert "group-gone" in said(plan)


def test_a_group_that_somebody_else_may_have_made_is_not_removed() -> None:
    lost = {"outcomes": {"c0001": Status.FAILED}, "answers": {"c0001": (Answered(Heard.LOST),)}}
    plan = undo(CREATED, groups=(Group(5, "Devs"),), remove=True, **lost)
    assert plan.changes == ()
    assert "group-unclear" in said(plan)


def test_a_group_whose_creation_never_left_is_nobodys() -> None:
    lost = {
        "outcomes": {"c0001": Status.FAILED},
        "answers": {"c0001": (Answered(Heard.NEVER_SENT),)},
    }
    plan = undo(CREATED, groups=(Group(5, "Devs"),), remove=True, **lost)
    assert not plan.changes and not plan.findings


# --- groups that were there -----------------------------------------------------------------------

RENAMED = of_group(
    Action.GROUP_UPDATE, group_id=5, before={"name": "Devs"}, after={"name": "Coders"}
)
TAGGED = of_group(
    Action.GROUP_UPDATE, group_id=5, before={"external_id": ""}, after={"external_id": "cn=d"}
)
OUT = of_group(Action.GROUP_MEMBER_REMOVE, username="ada", user_id=2, group_id=5, number=2)
IN = of_group(Action.GROUP_MEMBER_ADD, username="ada", user_id=2, group_id=5, number=2)
ACCESS = of_group(
    Action.GROUP_ACCESS_GRANT,
    project="P7",
    project_id=7,
    group_id=5,
    after={"role": "project-member"},
    number=3,
)
REMOVED = of_group(
    Action.GROUP_REMOVE, group_id=5, before={"name": "Devs", "external_id": ""}, number=4
)


def test_a_rename_is_taken_back_and_its_members_are_found_under_either_name() -> None:
    plan = undo(RENAMED, OUT, groups=(Group(5, "Coders"),))
    assert told(plan) == [("group.update", "Coders", 5), ("group_member.add", "Coders", 5)]
    plan = undo(RENAMED, OUT, groups=(Group(5, "Devs"),))
    assert told(plan) == [("group_member.add", "Devs", 5)]


@pytest.mark.parametrize("done", [RENAMED, TAGGED, OUT, IN, ACCESS], ids=lambda c: str(c.action))
def test_another_group_with_the_id_of_one_that_is_gone_is_left_alone(done: Change) -> None:
    # SQLite: "Devs" was removed, and "Board" got its id; its values are as the run left those.
    other = Group(5, "Board", external_id="cn=d", members=frozenset({2} if done is IN else ()))
    plan = undo(done, groups=(other,))
    assert plan.changes == ()
    assert "group-renamed" in said(plan)


@pytest.mark.parametrize("done", [RENAMED, TAGGED, OUT, IN, ACCESS], ids=lambda c: str(c.action))
def test_a_group_that_is_gone_is_said(done: Change) -> None:
    plan = undo(done, groups=())
    assert plan.changes == ()
    assert "group-gone" in said(plan)


def test_values_that_somebody_changed_since_stay() -> None:
    plan = undo(TAGGED, groups=(Group(5, "Devs", external_id="cn=other"),))
    assert plan.changes == ()
    assert "group-differs" in said(plan)


def test_a_name_that_another_group_has_by_now_stays_theirs() -> None:
    plan = undo(RENAMED, groups=(Group(5, "Coders"), Group(6, "DEVS")))
    assert plan.changes == ()
    assert "group-name" in said(plan)


def test_members_who_are_as_before_already_need_nothing() -> None:
    assert undo(IN, groups=(Group(5, "Devs"),)).changes == ()
    assert undo(OUT, groups=(Group(5, "Devs", members=frozenset({2})),)).changes == ()


def test_a_removed_group_is_made_anew_though_another_has_its_id_by_now() -> None:
    plan = undo(OUT, REMOVED, groups=(Group(5, "Board"),))
    assert told(plan) == [("group.create", "Devs", None), ("group_member.add", "Devs", None)]


def test_a_removed_group_whose_name_is_taken_is_not_made_anew() -> None:
    plan = undo(REMOVED, groups=(Group(8, "devs"),))
    assert plan.changes == ()
    assert "group-removed" in said(plan)


def test_access_of_a_group_to_a_project_that_is_gone_is_said() -> None:
    journal = recorded(ACCESS)
    plan = back(journal, state(ADA, groups=(Group(5, "Devs"),), projects=(), roles={}))
    assert plan.changes == ()
    assert "project-gone" in said(plan)
