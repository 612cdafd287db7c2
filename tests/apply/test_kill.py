"""Kill it at any instant, then resume: the same end state, nothing twice, nothing lost."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanport.apply.engine import Options
from kanport.apply.journal import load_journal
from kanport.config import resolve_settings
from kanport.errors import UsageError
from kanport.kanboard import procedures
from kanport.kanboard.client import Client
from kanport.kanboard.rpc import Call
from kanport.outcome import Status
from kanport.pipeline import Execution, apply_plan, resume_run
from kanport.plan.model import Action, Change, Plan
from tests.apply.plans import change, grant, new_user, plan_of

TOKEN = "kill-test"
KILLS = 200
OPTIONS = Options(batch_size=4, connections=3, pause=0.01)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server in another process, slow enough to be caught in the middle of a run."""
    command = [sys.executable, "-m", "kanport", "sandbox", "--delay", "0.002"]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "KANPORT_TOKEN": TOKEN}
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().removeprefix("listening on ").strip()
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def opened(url: str) -> Client:
    return Client.open(resolve_settings(url=url, environ={"KANPORT_TOKEN": TOKEN}))


def prepared(client: Client, number: int) -> Plan:
    """Put a few people and a project on the server, and give a plan that changes everything."""
    old = [f"old{number}-{index}" for index in range(6)]
    calls = [procedures.create_user(name, "first-password") for name in old]
    calls.append(Call("createProject", {"name": f"Project {number}"}))
    ids: list[int] = [getattr(answer, "value") for answer in client.batch(calls)]  # noqa: B009
    project = ids.pop()
    client.batch([procedures.add_project_user(project, who, "project-member") for who in ids[:3]])
    changes: list[Change] = []

    def add(action: Action, index: int, **parts: object) -> None:
        changes.append(change(len(changes) + 1, action, old[index], user_id=ids[index], **parts))

    add(Action.USER_DISABLE, 0, before={"active": True}, after={"active": False})
    add(Action.MEMBERSHIP_REVOKE, 1, project="P", project_id=project,
        before={"role": "project-member"})  # fmt: skip
    add(Action.USER_RENAME, 3, before={"username": old[3]}, after={"username": f"new{number}"})
    new = [f"joiner{number}-{index}" for index in range(12)]
    changes += [new_user(len(changes) + 1 + at, name) for at, name in enumerate(new)]
    add(Action.USER_UPDATE, 4, before={"email": ""}, after={"email": "m@example.org"})
    add(Action.MEMBERSHIP_CHANGE, 2, project="P", project_id=project,
        before={"role": "project-member"}, after={"role": "project-manager"})  # fmt: skip
    changes += [
        grant(len(changes) + 1 + at, name, project, reason="as the test wants it")
        for at, name in enumerate(new)
    ]
    add(Action.USER_REMOVE, 5, before={"username": old[5]})
    return plan_of(*changes, url=client.url)


def killed(plan: Plan, url: str, journal: Path, after: float) -> None:
    """Carry out a plan in a child process, and kill it after so many seconds."""
    child = os.fork()
    if child == 0:
        try:
            with opened(url) as client:
                apply_plan(plan, client, Execution(journal, options=OPTIONS), run_id="r")
        finally:
            os._exit(0)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_killed_at_any_moment_and_resumed_it_ends_as_if_nothing_had_happened(
    url: str, tmp_path: Path
) -> None:
    chance = random.Random(20261121)
    caught = 0
    for number in range(KILLS):
        journal = tmp_path / f"{number}.jsonl"
        with opened(url) as client:
            plan = prepared(client, number)
        killed(plan, url, journal, chance.uniform(0, 0.16))
        with opened(url) as client:
            try:
                recorded = load_journal(journal)
            except UsageError:
                # Killed before the first record: nothing was sent.
                journal.unlink(missing_ok=True)
                run = apply_plan(plan, client, Execution(journal, options=OPTIONS), run_id="r")
            else:
                caught += not recorded.ended
                run = resume_run(recorded, client, Execution(journal, options=OPTIONS))
            statuses = {outcome.status for outcome in run.outcomes}
            assert statuses <= {Status.DONE, Status.ALREADY}, (number, run)
            assert load_journal(journal).run.outcomes == run.outcomes
            check_end_state(client, number, plan)
    # The moments are to lie in the middle of runs, or the test shows nothing.
    assert caught > KILLS / 3


def check_end_state(client: Client, number: int, plan: Plan) -> None:
    (project,) = {part.project_id for part in plan.changes if part.project_id is not None}
    names = [f"joiner{number}-{index}" for index in range(12)]
    names += [f"new{number}", *(f"old{number}-{index}" for index in (0, 1, 2, 3, 4, 5))]
    rows = client.read([procedures.get_user_by_name(name) for name in names])
    users = {
        name: procedures.user_from_row(row) if row else None
        for name, row in zip(names, rows, strict=True)
    }
    assert [name for name, user in users.items() if user is None] == [
        f"old{number}-3",
        f"old{number}-5",
    ]
    disabled = users[f"old{number}-0"]
    updated = users[f"old{number}-4"]
    assert disabled is not None
    assert not disabled.active
    assert updated is not None
    assert updated.email == "m@example.org"
    members = {name: user.id for name, user in users.items() if user is not None}
    roles = client.read(
        [procedures.get_project_user_role(project, who) for who in members.values()]
    )
    assert {name: role for name, role in zip(members, roles, strict=True) if role} == {
        **{f"joiner{number}-{index}": "project-member" for index in range(12)},
        f"old{number}-0": "project-member",
        f"old{number}-2": "project-manager",
    }
