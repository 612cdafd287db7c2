"""`undo` after `apply` gives back the state before, field by field, for all that the API can."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hypothesis import event, given

from kanport.apply.concurrency import Options
from kanport.apply.journal import load_journal
from kanport.kanboard.client import Client
from kanport.kanboard.reader import read_current
from kanport.outcome import Run, Status
from kanport.pipeline.run import Execution, apply_plan, check_fresh, plan_undo, verify_plan
from kanport.plan.change import Action
from kanport.plan.model import Plan
from kanport.sandbox import Sandbox, StoreSnapshot
from kanport.sandbox.store import UserState
from tests.scenarios.test_invariants import TRIED, opened, planned, stopped
from tests.support.changes import after_of
from tests.support.random_inputs import Case, cases

PROTECT = ("admin", "svc-*")


def applied(plan: Plan, client: Client, journal: Path) -> Run:
    check_fresh(plan, client)
    return apply_plan(
        plan, client, Execution(journal, options=Options(batch_size=7)), run_id=journal.stem
    )


def undo_of(journal: Path, client: Client) -> Plan:
    return plan_undo(load_journal(journal), client, protect=PROTECT)


def users_by_id(state: StoreSnapshot) -> dict[int, UserState]:
    return {user.id: user for user in state.users.values()}


def access_by_id(state: StoreSnapshot) -> dict[tuple[str, int], str]:
    return {
        (project, state.users[who].id): role for (project, who), role in state.memberships.items()
    }


def renames_that_cannot_be(back: Plan, plan: Plan) -> set[int | None]:
    """Give the ids of users whose old name was empty, or was given to somebody new by the run."""
    new = {c.username for c in plan.changes if c.action is Action.USER_CREATE}
    named = {finding.value for finding in back.findings if finding.code == "undo-impossible"}
    return {
        change.user_id
        for change in plan.changes
        if change.action is Action.USER_RENAME
        and {change.username, after_of(change)["username"]} & named
        and change.username.casefold() in {"", *(name.casefold() for name in new)}
    }


@TRIED
@given(cases())
def test_what_was_applied_and_undone_is_as_it_was_before(world: Case) -> None:
    with opened(world) as (server, client, folder):
        _, plan = planned(world, client, folder)
        if stopped(plan):
            return
        before = server.store.snapshot()
        applied(plan, client, folder / "run.jsonl")
        between = server.store.snapshot()
        back = undo_of(folder / "run.jsonl", client)
        if stopped(back):
            # The administrators whom the run made would be the last ones.
            assert [v.guard for v in back.guards if v.tripped] == ["last-admin"]
            event("a guard stops the undo")
            return
        run = applied(back, client, folder / "back.jsonl")
        assert {outcome.status for outcome in run.outcomes} <= {Status.DONE}
        assert all(verdict.standing == "as planned" for verdict in verify_plan(back, client))
        holds_as_before(before, server.store.snapshot(), plan, back)
        assert not undo_of(folder / "run.jsonl", client).changes

        # Undo of an undo works: it is a run like any other.
        forth = undo_of(folder / "back.jsonl", client)
        if stopped(forth):
            return
        applied(forth, client, folder / "forth.jsonl")
        assert server.store.snapshot() == between


def holds_as_before(before: StoreSnapshot, after: StoreSnapshot, plan: Plan, back: Plan) -> None:
    removed = {c.user_id for c in plan.changes if c.action is Action.USER_REMOVE}
    blocked = renames_that_cannot_be(back, plan)
    was, is_now = users_by_id(before), users_by_id(after)
    for user_id, user in was.items():
        if user_id in removed:
            assert user_id not in is_now
        elif user_id in blocked:
            assert replace(is_now[user_id], username=user.username) == user
        else:
            assert is_now[user_id] == user
    created = [user for user_id, user in is_now.items() if user_id not in was]
    assert not any(user.is_active for user in created)
    assert len(created) == sum(c.action is Action.USER_CREATE for c in plan.changes)
    assert access_by_id(after) == {
        (project, who): role
        for (project, who), role in access_by_id(before).items()
        if who not in removed
    }
    assert (after.projects, after.groups) == (before.projects, before.groups)
    # Each that is not as before is named.
    said = [finding for finding in back.findings if finding.code == "undo-impossible"]
    assert len(said) == len(removed) + len(blocked)
    codes = {finding.code for finding in back.findings}
    assert codes <= {"undo-impossible", "undo-partial"}
    if created:
        assert "undo-partial" in codes


@TRIED
@given(cases(groups=True))
def test_with_groups_everybody_has_the_role_of_before(world: Case) -> None:
    with opened(world) as (server, client, folder):
        _, plan = planned(world, client, folder)
        if stopped(plan):
            return
        before = visible(server, client)
        applied(plan, client, folder / "run.jsonl")
        back = undo_of(folder / "run.jsonl", client)
        if stopped(back):
            return
        run = applied(back, client, folder / "back.jsonl")
        removed = {c.user_id for c in plan.changes if c.action is Action.USER_REMOVE}
        of = {change.id: change for change in back.changes}
        for outcome in run.outcomes:
            if outcome.status is not Status.DONE:
                assert of[outcome.change_id].action is Action.MEMBERSHIP_REVOKE
                assert "maybe-through-group" in of[outcome.change_id].risk
        after = visible(server, client)
        assert {place: role for place, role in before.items() if place[1] not in removed} == after


def visible(server: Sandbox, client: Client) -> Mapping[tuple[int, int], str]:
    """Give the roles that people have, whether directly or through a group."""
    current = read_current(client, choose_projects=lambda projects: {p.id for p in projects})
    return {
        (project, who): role
        for project, roles in current.roles.items()
        for who, role in roles.items()
    }
