"""An answer that Kanport does not understand proves nothing: not done, not gone, not as before."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kanport.apply.journal import load_journal
from kanport.apply.reconcile import AccessSeen, NewProject, observe
from kanport.errors import Unreachable
from kanport.facts import fact
from kanport.kanboard.reader import read_current
from kanport.outcome import Status
from kanport.pipeline.run import Execution, resume_run
from kanport.plan.change import Action, Change
from kanport.relations import About
from tests.scenarios.test_checks_when_it_counts import cut
from tests.support.changes import a_change, facts_in, grant, new_user, nth_change
from tests.support.disturbed import OPTIONS, Disturbed, end_state
from tests.support.proxy import Calls, Disturbance, Forward, Proxy, Wire, items_response

ODD: list[Any] = [{"message": "welcome"}, ["a", "list"], 7, 1.5, {"id": "x", "username": "ada"}]
ROLE = {"role": "project-member"}
AFTER = {About.GROUP: {"name": "Devs"}, About.MEMBERSHIP: ROLE, About.GROUP_ACCESS: ROLE}


def about_group(action: Action, **subject: Any) -> Change:
    return a_change(
        id="c0001",
        action=action,
        group="Devs",
        **subject,
        reason="as the test wants it",
        after=AFTER.get(action.about) if action is not Action.GROUP_REMOVE else None,
    )


SIMPLE = [
    new_user(1, "ada"),
    nth_change(1, Action.USER_DISABLE, "ada", user_id=2, before={"active": True}, after={}),
    nth_change(1, Action.USER_REMOVE, "ada", user_id=2, before={"username": "ada"}),
    about_group(Action.GROUP_CREATE),
    about_group(Action.GROUP_UPDATE),
    about_group(Action.GROUP_REMOVE),
]


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("done", SIMPLE, ids=lambda c: str(c.action))
def test_an_odd_row_is_neither_done_nor_gone(done: Change, value: Any) -> None:
    there = observe(done, value)
    assert not there.ok
    assert not there.understood
    assert there.actual == fact("not-understood")


@pytest.mark.parametrize("value", [True, 0, 7, {}, [], {"role": "x"}], ids=repr)
@pytest.mark.parametrize(
    "done",
    [
        grant(1, "ada", 7),
        nth_change(1, Action.MEMBERSHIP_REVOKE, "ada", user_id=2, project="P", before=ROLE),
    ],
    ids=lambda c: str(c.action),
)
def test_an_odd_role_is_not_no_role(done: Change, value: Any) -> None:
    assert not observe(done, value).understood


@pytest.mark.parametrize("value", ["", None, False], ids=repr)
def test_each_way_to_say_that_there_is_no_role_is_understood(value: Any) -> None:
    revoked = nth_change(1, Action.MEMBERSHIP_REVOKE, "ada", user_id=2, project="P", before=ROLE)
    assert observe(revoked, value).ok


@pytest.mark.parametrize("value", [{}, [], {"is": "in"}, None, 1.5], ids=repr)
def test_an_odd_answer_is_not_out_of_a_group(value: Any) -> None:
    out = about_group(Action.GROUP_MEMBER_REMOVE, username="ada")
    assert not observe(out, value).understood


GROUP, PROJECT = {"id": 5, "name": "Devs"}, {"id": 7, "name": "Alpha"}


@pytest.mark.parametrize(
    "seen",
    [
        AccessSeen({"x": 1}, PROJECT, frozenset(), frozenset()),
        AccessSeen(GROUP, ["y"], frozenset(), frozenset()),
        AccessSeen(GROUP, PROJECT, None, frozenset()),
        AccessSeen(GROUP, PROJECT, frozenset(), None),
        NewProject({"x": 1}, None),
    ],
    ids=["the group", "the project", "its members", "the members of the project", "a new project"],
)
@pytest.mark.parametrize("action", [Action.GROUP_ACCESS_GRANT, Action.GROUP_ACCESS_REVOKE])
def test_access_of_a_group_is_not_judged_by_half_of_what_it_takes(
    seen: Any, action: Action
) -> None:
    if isinstance(seen, NewProject):
        action = Action.PROJECT_CREATE
    there = observe(about_group(action, project="Alpha"), seen)
    assert not there.ok
    assert not there.understood


# --- in a run, on a real server -------------------------------------------------------------------


def odd(*procedures: str) -> Callable[[int, Calls], Disturbance | None]:
    """Let these procedures answer what nobody understands, as a broken plugin would."""

    def happen(calls: Calls, forward: Forward) -> Wire:
        items = forward(calls)
        of = {call["id"]: call["method"] for call in calls}
        for item in items:
            if of[item["id"]] in procedures:
                item["result"] = {"welcome": "to the hotel network"}
        return Wire(items_response(items))

    return lambda number, calls: happen


@pytest.mark.parametrize("name", ["getUser", "getProjectUserRole", "getUserByName"])
def test_a_run_that_cannot_read_back_says_so_and_calls_nothing_done(
    tmp_path: Path, name: str
) -> None:
    with Proxy() as proxy:
        disturbed = Disturbed(proxy, tmp_path)
        with disturbed.client() as client, disturbed.server(odd(name)) as (_, plan):
            run = disturbed.carry_out(plan, client, name)
    failed = [one for one in run.outcomes if one.status is Status.FAILED]
    assert failed
    assert all("not-understood" in facts_in(one) for one in failed)


def test_a_resume_that_cannot_read_back_stops_and_a_later_one_finishes(tmp_path: Path) -> None:
    with Proxy() as proxy:
        disturbed = Disturbed(proxy, tmp_path)
        with disturbed.client() as client, disturbed.server() as (server, plan):
            disturbed.carry_out(plan, client, "whole")
            journal = disturbed.journal("whole")
            cut(journal, ("run", "sent"))
            proxy.begin(server.url, odd("getUser", "getUserByName"))
            how = Execution(journal, options=OPTIONS)
            run = resume_run(load_journal(journal), client, how)
            assert run.stopped is not None and run.stopped.code == "cannot-read-back"
            proxy.heal()
            run = resume_run(load_journal(journal), client, how)
            assert {outcome.status for outcome in run.outcomes} == {Status.DONE}
            assert end_state(server) == disturbed.wanted


def test_a_plan_is_not_made_of_roles_that_nobody_understands(tmp_path: Path) -> None:
    with Proxy() as proxy:
        disturbed = Disturbed(proxy, tmp_path)
        with (
            disturbed.client() as client,
            disturbed.server(odd("getProjectUserRole")),
            pytest.raises(Unreachable, match="does not understand"),
        ):
            read_current(client, choose_projects=lambda projects: [p.id for p in projects])
