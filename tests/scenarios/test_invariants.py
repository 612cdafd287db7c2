"""What must always hold, on random servers, sources and mappings, through files and over HTTP."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanport.apply.concurrency import Options
from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.errors import KanportError
from kanport.kanboard.client import Client
from kanport.names import compare_key
from kanport.outcome import Run, Status
from kanport.pipeline.inputs import Inputs, read_inputs
from kanport.pipeline.planning import plan_inputs
from kanport.pipeline.run import Execution, apply_plan, check_fresh
from kanport.plan.change import Action
from kanport.plan.model import Plan
from kanport.plan.plan_file import dump_plan
from kanport.sandbox import Sandbox, SandboxOptions, StoreSnapshot
from tests.support.changes import after_of
from tests.support.examples import examples
from tests.support.random_inputs import BLANK, Case, cases

TAKES_AWAY = {Action.USER_DISABLE, Action.USER_REMOVE, Action.MEMBERSHIP_REVOKE}
TRIED = settings(
    max_examples=examples(20, 500),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)


@contextmanager
def opened(world: Case) -> Iterator[tuple[Sandbox, Client, Path]]:
    """Bring a world to life: a server, a client, and a folder with the files."""
    with (
        Sandbox(SandboxOptions()) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        world.fill(server)
        environment = {"KANPORT_TOKEN": server.token}
        with Client.open(settings_of(Layers({"url": server.url}, environment))) as client:
            yield server, client, Path(folder)


def planned(world: Case, client: Client, folder: Path) -> tuple[Inputs, Plan]:
    inputs = read_inputs(world.write(folder))
    return inputs, plan_inputs(inputs, client, now=lambda: "2026-01-01T00:00:00Z")


def applied(plan: Plan, client: Client, folder: Path) -> Run:
    check_fresh(plan, client)
    return apply_plan(
        plan, client, Execution(folder / "run.jsonl", options=Options(batch_size=7)), run_id="r"
    )


def stopped(plan: Plan) -> bool:
    return any(verdict.tripped for verdict in plan.guards)


def unknown_names(world: Case) -> set[str]:
    """Give the compare keys of the people whose rows the test itself knows to be broken."""
    broken = {"not-an-address", "boss", "?"}
    return {compare_key(row[0]) for row in world.people if broken & set(row[1:])}


@TRIED
@given(cases())
def test_apply_then_plan_is_empty(world: Case) -> None:
    with opened(world) as (_, client, folder):
        _, plan = planned(world, client, folder)
        if stopped(plan):
            return
        run = applied(plan, client, folder)
        assert {outcome.status for outcome in run.outcomes} <= {Status.DONE}
        _, again = planned(world, client, folder)
        assert again.changes == ()


@TRIED
@given(cases(groups=True))
def test_what_groups_keep_alive_is_all_that_is_left(world: Case) -> None:
    with opened(world) as (_, client, folder):
        _, plan = planned(world, client, folder)
        if stopped(plan):
            return
        run = applied(plan, client, folder)
        of = {change.id: change for change in plan.changes}
        failed = [
            of[outcome.change_id] for outcome in run.outcomes if outcome.status is Status.FAILED
        ]
        assert all(change.action is Action.MEMBERSHIP_REVOKE for change in failed)
        assert all("maybe-through-group" in change.risk for change in failed)
        gone = {change.user_id for change in plan.changes if change.action is Action.USER_REMOVE}
        _, again = planned(world, client, folder)
        # By number: somebody who was renamed in between is called something else.
        left = {(change.action, change.user_id, change.project_id) for change in again.changes}
        assert left == {
            (change.action, change.user_id, change.project_id)
            for change in failed
            if change.user_id not in gone
        }


@TRIED
@given(cases(broken=True), st.integers(0, 1000))
def test_a_plan_does_not_depend_on_the_order_of_rows(world: Case, seed: int) -> None:
    with opened(world) as (_, client, folder):
        other = world.with_rows_in_another_order(seed)

        def essence(of: Case) -> object:
            _, plan = planned(of, client, folder)
            changes = json.loads(dump_plan(plan))["changes"]
            for change in changes:
                change.pop("origin", None)
                if change["action"] == "user.create":
                    change["after"].pop("password")
            return changes

        assert essence(world) == essence(other)


@TRIED
@given(cases(broken=True, groups=True))
def test_whom_nothing_names_and_nothing_manages_is_not_touched(world: Case) -> None:
    with opened(world) as (_, client, folder):
        _, plan = planned(world, client, folder)
        named = {compare_key(row[0]) for row in [*world.people, *world.grants]}
        pattern = world.options["managed"].strip('"')
        for change in plan.changes:
            who = change.username or ""
            assert not fnmatchcase(who, "svc-*"), "a protected account"
            assert who != "admin", "a protected account"
            if change.action is Action.USER_RENAME or compare_key(who) in named:
                continue
            renamed = {
                compare_key(str(after_of(other)["username"]))
                for other in plan.changes
                if other.action is Action.USER_RENAME and other.user_id == change.user_id
            }
            assert renamed or fnmatchcase(compare_key(who), pattern), change


@TRIED
@given(cases(broken=True, groups=True))
def test_a_row_that_cannot_be_read_takes_nothing_away_from_anybody(world: Case) -> None:
    with opened(world) as (server, client, folder):
        _, plan = planned(world, client, folder)
        unknown = unknown_names(world)
        somebody = any(not row[0].strip("\u00a0 ") for row in world.people)
        nameless = {compare_key(row[1]) for row in world.grants if row[0] == BLANK}
        for change in plan.changes:
            # A row that says so itself is no absence; such a change names its cell.
            if change.action in (Action.USER_DISABLE, Action.USER_REMOVE) and not change.origin:
                assert not somebody
                assert compare_key(change.username or "") not in unknown
            if change.action is Action.MEMBERSHIP_REVOKE:
                assert not somebody
                assert compare_key(change.project or "") not in nameless
        asked = {(compare_key(row[0]), compare_key(row[1])) for row in world.grants}
        for change in plan.changes:
            if change.action is Action.MEMBERSHIP_REVOKE:
                who = compare_key(change.holder)
                assert (who, compare_key(change.project or "")) not in asked
        if stopped(plan):
            return
        applied(plan, client, folder)
        assert [user for user in server.store.snapshot().users.values() if is_admin(user)]


def is_admin(user: object) -> bool:
    return bool(getattr(user, "is_active", False)) and getattr(user, "role", "") == "app-admin"


@TRIED
@given(cases(broken=True, groups=True))
def test_a_dry_run_is_dry(world: Case) -> None:
    with opened(world) as (server, client, folder):
        before: StoreSnapshot = server.store.snapshot()
        server.forget_requests()
        try:
            planned(world, client, folder)
        except KanportError as problem:
            raise AssertionError(f"{problem.message} {problem.details}") from problem
        assert not server.writes
        assert server.store.snapshot() == before
