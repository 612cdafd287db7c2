"""Kill it at any instant, then resume: the same end state, nothing twice, nothing lost."""

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kanport.apply.concurrency import Options
from kanport.apply.journal import Journal, load_journal
from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.errors import UsageError
from kanport.kanboard import procedures
from kanport.kanboard.client import Client
from kanport.kanboard.rpc import Answer, Call
from kanport.outcome import Status
from kanport.pipeline.run import Execution, apply_plan, resume_run
from kanport.plan.change import Action, Change
from kanport.plan.model import Plan
from tests.support.changes import grant, new_user, nth_change, plan_of
from tests.support.examples import examples

TOKEN = "kill-test"
KILLS = examples(40, 400)
OPTIONS = Options(batch_size=4, connections=3, pause=0.01)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server in another process."""
    command = [sys.executable, "-m", "kanport", "sandbox"]
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
    return Client.open(settings_of(Layers({"url": url}, {"KANPORT_TOKEN": TOKEN})))


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
        changes.append(
            nth_change(len(changes) + 1, action, old[index], user_id=ids[index], **parts)
        )

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


class Moments:
    """Counts the moments at which a run can be killed, and kills it at one of them.

    There is one before and one after each request, and one before, within and after each write to
    the journal. All threads of the run count together.
    """

    def __init__(self, last: int | None, seen: int) -> None:
        """Kill at the moment number `last`; `seen` is a pipe that gets a byte for each moment."""
        self._last = last
        self._seen = seen
        self._count = 0
        self._lock = threading.Lock()

    def come(self) -> bool:
        """Return whether this is the moment."""
        with self._lock:
            self._count += 1
            os.write(self._seen, b".")
            return self._count == self._last

    def watch(self, client: Client, journal: type[Journal]) -> None:
        """Put the moments into what sends and what writes."""
        batch, append = client.batch, journal._append

        def watched_batch(calls: Sequence[Call]) -> list[Answer]:
            if self.come():
                os.kill(os.getpid(), signal.SIGKILL)
            answers = batch(calls)
            if self.come():
                os.kill(os.getpid(), signal.SIGKILL)
            return answers

        def watched_append(self_: Journal, lines: Sequence[str]) -> None:
            if self.come():
                os.kill(os.getpid(), signal.SIGKILL)
            if self.come():
                whole = "".join(lines)
                os.write(self_._file.fileno(), whole[: len(whole) * 2 // 3].encode("utf-8"))
                os.kill(os.getpid(), signal.SIGKILL)
            append(self_, lines)
            if self.come():
                os.kill(os.getpid(), signal.SIGKILL)

        client.batch = watched_batch  # type: ignore[method-assign]
        journal._append = watched_append  # type: ignore[assignment, method-assign]


def carried_out(plan: Plan, url: str, journal: Path, last: int | None) -> tuple[int, bool]:
    """Carry out a plan in a child process that is killed at one moment, or at none.

    Returns how many moments there were, and whether it was killed.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with opened(url) as client:
                Moments(last, writing).watch(client, Journal)
                apply_plan(plan, client, Execution(journal, options=OPTIONS), run_id="r")
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as seen:
        moments = len(seen.read())
    _, status = os.waitpid(child, 0)
    return moments, os.WIFSIGNALED(status)


def test_killed_at_any_moment_and_resumed_it_ends_as_if_nothing_had_happened(
    url: str, tmp_path: Path
) -> None:
    chance = random.Random(20261121)
    caught = 0
    with opened(url) as client:
        plan = prepared(client, KILLS)
    moments, _ = carried_out(plan, url, tmp_path / "whole.jsonl", None)
    assert moments > 50
    for number in range(KILLS):
        journal = tmp_path / f"{number}.jsonl"
        with opened(url) as client:
            plan = prepared(client, number)
        _, dead = carried_out(plan, url, journal, chance.randint(1, moments))
        caught += dead
        with opened(url) as client:
            try:
                recorded = load_journal(journal)
            except UsageError:
                # Killed before the first record: nothing was sent.
                journal.unlink(missing_ok=True)
                run = apply_plan(plan, client, Execution(journal, options=OPTIONS), run_id="r")
            else:
                run = resume_run(recorded, client, Execution(journal, options=OPTIONS))
            statuses = {outcome.status for outcome in run.outcomes}
            assert statuses <= {Status.DONE, Status.ALREADY}, (number, run)
            assert load_journal(journal).run.outcomes == run.outcomes
            check_end_state(client, number, plan)
    # A run may have fewer moments than the first one: how batches are cut follows the server.
    assert caught > KILLS * 3 / 4


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
