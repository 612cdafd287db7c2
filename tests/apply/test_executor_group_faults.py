"""A run over groups and new projects: done, disturbed at any request, and finished afterwards."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kanport.apply.concurrency import Options
from kanport.apply.journal import load_journal
from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.kanboard.client import Client
from kanport.outcome import Run, Status
from kanport.pipeline.run import Execution, apply_plan, resume_run, verify_plan
from kanport.plan.change import Action, Change
from kanport.plan.model import Plan
from kanport.sandbox import InjectedFault, Reply, Sandbox, SandboxOptions
from tests.support.changes import a_change, new_user, plan_of
from tests.support.examples import every

OPTIONS = Options(batch_size=3, connections=1, pause=0.0)
PHP = (
    b"<br />\n<b>Fatal error</b>:  Maximum execution time of 30 seconds exceeded in <b>x</b><br />"
)
FAULTS: dict[str, Reply | None] = {
    "the connection is reset": None,
    "500 and nothing": Reply(500, "text/html", b""),
    "PHP's time limit": Reply(200, "text/html", PHP),
    "half of the JSON": Reply(200, "application/json", b'[{"jsonrpc":"2.0","result":tr'),
}

ROLES = {"viewer": {"role": "project-viewer"}, "member": {"role": "project-member"}}


@contextmanager
def prepared() -> Iterator[tuple[Sandbox, Client, Plan]]:
    """A server with groups that have access, and a plan that does everything to groups."""
    with Sandbox(SandboxOptions()) as server:
        store = server.store
        ann, bob = store.add_user("ann"), store.add_user("bob")
        alpha = store.add_project("Alpha", identifier="ALPHA")
        beta = store.add_project("Beta", identifier="BETA")
        old, odd = store.add_group("Old", external_id="cn=old"), store.add_group("Odd")
        for who in (ann, bob):
            store.add_group_member(old, who)
        store.add_group_member(odd, bob)
        store.add_group_access(alpha, old, "project-viewer")
        store.add_group_access(beta, old, "project-member")
        changes: list[Change] = []

        def add(action: Action, subject: dict[str, Any], **parts: Any) -> None:
            changes.append(
                a_change(
                    id=f"c{len(changes) + 1:04}",
                    action=action,
                    **subject,
                    reason="as the test wants it",
                    **parts,
                )
            )

        add(
            Action.GROUP_MEMBER_REMOVE,
            {"group": "Old", "username": "bob"},
            user_id=bob,
            group_id=old,
        )
        add(
            Action.GROUP_MEMBER_REMOVE,
            {"group": "Odd", "username": "bob"},
            user_id=bob,
            group_id=odd,
        )
        add(
            Action.GROUP_ACCESS_REVOKE,
            {"group": "Old", "project": "BETA"},
            group_id=old,
            project_id=beta,
            before=ROLES["member"],
        )
        add(
            Action.GROUP_UPDATE,
            {"group": "Old"},
            group_id=old,
            before={"name": "Old"},
            after={"name": "New"},
        )
        changes.append(new_user(5, "eve"))
        add(Action.GROUP_CREATE, {"group": "Few"}, after={"name": "Few", "external_id": "cn=few"})
        add(
            Action.PROJECT_CREATE,
            {"project": "GAMMA"},
            after={"name": "Gamma", "identifier": "GAMMA", "owner": "eve", "description": "It"},
        )
        add(Action.PROJECT_CREATE, {"project": "Delta"}, after={"name": "Delta"})
        add(Action.MEMBERSHIP_GRANT, {"project": "Delta", "username": "eve"}, after=ROLES["member"])
        add(Action.GROUP_MEMBER_ADD, {"group": "New", "username": "eve"}, group_id=old)
        add(Action.GROUP_MEMBER_ADD, {"group": "Few", "username": "bob"}, user_id=bob)
        add(Action.GROUP_ACCESS_GRANT, {"group": "Few", "project": "GAMMA"}, after=ROLES["member"])
        add(
            Action.GROUP_ACCESS_CHANGE,
            {"group": "New", "project": "ALPHA"},
            group_id=old,
            project_id=alpha,
            before=ROLES["viewer"],
            after=ROLES["member"],
        )
        add(Action.GROUP_REMOVE, {"group": "Odd"}, group_id=odd, before={"name": "Odd"})
        settings = settings_of(Layers({"url": server.url}, {"KANPORT_TOKEN": server.token}))
        with Client.open(settings, sleep=lambda seconds: None, jitter=lambda: 0.0) as client:
            yield server, client, plan_of(*changes, url=client.url)


def carried_out(client: Client, plan: Plan, journal: Path) -> Run:
    return apply_plan(plan, client, Execution(journal, options=OPTIONS), run_id="r")


def as_wanted(server: Sandbox) -> None:
    """Look at the end state, in words."""
    there = server.store.snapshot()
    assert {name: group.members for name, group in there.groups.items()} == {
        "New": {"ann", "eve"},
        "Few": {"bob"},
    }
    assert there.groups["Few"].external_id == "cn=few"
    assert there.group_access == {
        ("ALPHA", "New"): "project-member",
        ("GAMMA", "Few"): "project-member",
    }
    assert there.memberships == {("Delta", "eve"): "project-member"}
    assert set(there.projects) == {"ALPHA", "BETA", "GAMMA", "Delta"}
    assert there.projects["GAMMA"].owner_id == there.users["eve"].id


def test_it_does_all_of_it_and_reads_it_back(tmp_path: Path) -> None:
    with prepared() as (server, client, plan):
        run = carried_out(client, plan, tmp_path / "run.jsonl")
        assert {outcome.status for outcome in run.outcomes} == {Status.DONE}, run.outcomes
        as_wanted(server)
        assert set(run.project_ids) == {"c0007", "c0008"} and set(run.group_ids) == {"c0006"}
        verdicts = verify_plan(plan, client)
        assert all(verdict.standing == "as planned" for verdict in verdicts), verdicts
        server.store.change("DELETE FROM group_has_users")
        wrong = [one.change_id for one in verify_plan(plan, client) if one.standing != "as planned"]
        assert wrong == ["c0010", "c0011"]


@pytest.mark.parametrize("acted", [False, True], ids=["before it acted", "after it acted"])
@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_anywhere_leaves_the_right_end_state(
    tmp_path: Path, name: str, acted: bool
) -> None:
    with prepared() as (server, client, plan):
        carried_out(client, plan, tmp_path / "good.jsonl")
        requests = len(server.requests)
    for number in every(2, range(requests)):
        with prepared() as (server, client, plan):
            seen = iter(range(10_000))

            def once(
                names: tuple[str, ...], seen: Iterator[int] = seen, at: int = number
            ) -> InjectedFault | None:
                hit = next(seen) == at
                return (
                    InjectedFault(after=None if acted else 0, reply=FAULTS[name]) if hit else None
                )

            server.fault = once
            journal = tmp_path / f"{number}.jsonl"
            run = carried_out(client, plan, journal)
            if not run.tally().complete:
                run = resume_run(load_journal(journal), client, Execution(journal, options=OPTIONS))
            assert run.tally().complete, (number, run)
            as_wanted(server)


@pytest.mark.parametrize("stop", range(1, 40, 3))
def test_stopped_at_any_batch_it_is_finished_by_resume(tmp_path: Path, stop: int) -> None:
    with prepared() as (server, client, plan):
        asked = iter(range(10_000))
        journal = tmp_path / "run.jsonl"
        how = Execution(journal, options=OPTIONS, should_stop=lambda: next(asked) >= stop)
        apply_plan(plan, client, how, run_id="r")
        run = resume_run(load_journal(journal), client, Execution(journal, options=OPTIONS))
        assert run.tally().complete, run.outcomes
        as_wanted(server)


def test_what_needs_a_group_or_a_project_that_was_refused_is_skipped(tmp_path: Path) -> None:
    with prepared() as (server, client, plan):
        server.store.add_group("few")
        server.store.add_project("Other", identifier="GAMMA")
        server.store.change("CREATE UNIQUE INDEX same ON groups (name COLLATE NOCASE)")
        run = carried_out(client, plan, tmp_path / "run.jsonl")
        told = {one.change_id: (one.status, one.why) for one in run.outcomes}
        assert told["c0007"][0] is Status.FAILED
        assert told["c0012"][0] is Status.SKIPPED
        assert told["c0012"][1] is not None and told["c0012"][1].code == "not-created"
