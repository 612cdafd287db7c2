"""What the server is still working on is waited for, and never asked for a second time.

A real server answers later than Kanport waits, because it is slow or because Kanport was killed.
"""

import json
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from subprocess import DEVNULL

import pytest

from kanport.apply import concurrency
from kanport.apply.concurrency import Options
from kanport.apply.journal import load_journal
from kanport.config.file import Layers
from kanport.config.settings import Timeouts, settings_of
from kanport.facts import fact
from kanport.kanboard.client import Client
from kanport.outcome import Status
from kanport.pipeline.run import Execution, apply_plan, resume_run
from kanport.plan.change import Action, Change
from kanport.sandbox import InjectedFault, Sandbox
from tests.support.changes import a_change, new_user, plan_of
from tests.support.command_line import Kanport
from tests.support.processes import Command

CREATING = {"createProject", "createUser", "createGroup"}


def project(number: int, name: str, **after: str) -> Change:
    return a_change(
        id=f"c{number:04}",
        action=Action.PROJECT_CREATE,
        project=after.get("identifier", name),
        reason="as the test wants it",
        after={"name": name, **after},
    )


def group(number: int, name: str) -> Change:
    return a_change(
        id=f"c{number:04}",
        action=Action.GROUP_CREATE,
        group=name,
        reason="as the test wants it",
        after={"name": name, "external_id": ""},
    )


class Late:
    """Lets the server do what creates something only once it was read back so many times."""

    def __init__(self, server: Sandbox, *, reads: int) -> None:
        self._left, self._go_on = reads, threading.Event()
        self.creating = 0
        server.fault = self._fault

    def _fault(self, names: tuple[str, ...]) -> InjectedFault | None:
        if CREATING & set(names):
            self.creating += 1
            if self.creating == 1:
                self._go_on.wait(600)
        elif self.creating:
            self._left -= 1
            if self._left <= 0:
                self._go_on.set()
        return None

    def give_up(self) -> None:
        self._go_on.set()


def impatient(server: Sandbox) -> Client:
    """Give a client that waits half a second for an answer."""
    settings = settings_of(Layers({"url": server.url}, {"KANPORT_TOKEN": server.token}))
    settings = replace(settings, timeouts=replace(Timeouts(), read=0.5))
    return Client.open(settings, sleep=lambda seconds: None)


NEW = [
    project(1, "Gamma"),
    project(1, "Delta", identifier="DELTA"),
    new_user(1, "eve"),
    group(1, "Few"),
]
OPTIONS = Options(pause=0.05)


def names(server: Sandbox, procedure: str) -> list[str]:
    """Read the names that are on the server, also those that are there twice."""
    with impatient(server) as client:
        from kanport.kanboard.rpc import Call

        (rows,) = client.read([Call(procedure)])
    return [str(row.get("username") or row["name"]) for row in rows]


def everything(server: Sandbox) -> list[str]:
    found = [*names(server, "getAllProjects"), *names(server, "getAllGroups")]
    return sorted(found + [name for name in names(server, "getAllUsers") if name != "admin"])


@pytest.mark.parametrize("change", NEW, ids=lambda c: f"{c.action} {c.project or ''}")
@pytest.mark.parametrize("reads", [1, 4])
def test_an_answer_that_comes_later_than_the_time_out_is_waited_for(
    server: Sandbox, tmp_path: Path, change: Change, reads: int
) -> None:
    late = Late(server, reads=reads)
    with impatient(server) as client:
        plan = plan_of(change, url=client.url)
        run = apply_plan(plan, client, Execution(tmp_path / "j", options=OPTIONS), run_id="r")
    assert [one.status for one in run.outcomes] == [Status.DONE]
    assert late.creating == 1
    server.fault = None
    assert len(everything(server)) == 1


def test_a_server_that_stays_silent_is_not_asked_for_a_second_project_of_the_name(
    server: Sandbox, tmp_path: Path
) -> None:
    late = Late(server, reads=10_000)
    journal = tmp_path / "j"
    options = Options(pause=0.0)
    with impatient(server) as client:
        plan = plan_of(project(1, "Gamma"), new_user(2, "eve"), url=client.url)
        run = apply_plan(plan, client, Execution(journal, options=options), run_id="r")
        assert run.stopped == fact("creation-unclear", project="Gamma")
        late.give_up()
        run = resume_run(load_journal(journal), client, Execution(journal, options=OPTIONS))
    assert {one.status for one in run.outcomes} == {Status.DONE}
    assert everything(server).count("Gamma") == 1


def test_what_never_reached_the_server_is_asked_for_again(server: Sandbox, tmp_path: Path) -> None:
    asked: list[str] = []

    def fault(names: tuple[str, ...]) -> InjectedFault | None:
        if "createProject" in names:
            asked.append("createProject")
            return InjectedFault(after=0) if len(asked) == 1 else None
        return None

    server.fault = fault
    with impatient(server) as client:
        plan = plan_of(project(1, "Gamma"), url=client.url)
        how = Execution(tmp_path / "j", options=Options(pause=0.0))
        run = apply_plan(plan, client, how, run_id="r")
    assert [one.status for one in run.outcomes] == [Status.DONE]
    assert asked == ["createProject"] * 2
    assert everything(server) == ["Gamma"]


# --- killed, with the server at work --------------------------------------------------------------

MAPPING = """\
kanport: 1
name: new
sources: {people: {type: csv, path: people.csv}}
users: {from: people, fields: {username: {from: Login}}}
memberships:
  - from: people
    username: {from: Login}
    project: {from: Project}
    role: project-member
projects: create
"""


class Working:
    """A server that goes on with creating something when the one who asked is dead."""

    def __init__(self, server: Sandbox, procedure: str) -> None:
        self.server, self._procedure = server, procedure
        self.asked, self._go_on = threading.Event(), threading.Event()
        self._reads = 3
        self.counted = 0
        server.fault = self._fault

    def _fault(self, names: tuple[str, ...]) -> InjectedFault | None:
        if self._procedure in names:
            self.counted += 1
            if not self.asked.is_set():
                self.asked.set()
                self._go_on.wait(600)
        elif self.asked.is_set() and any(name.startswith("get") for name in names):
            # Whoever reads before it is done does not see it.
            self._reads -= 1
            if self._reads <= 0:
                self._go_on.set()
        return None

    def stop(self) -> None:
        self._go_on.set()


@pytest.fixture
def files(server: Sandbox, tmp_path: Path) -> Path:
    (tmp_path / "new.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "people.csv").write_text("Login,Project\neve,Gamma\n", encoding="utf-8")
    (tmp_path / "other.yaml").write_text(MAPPING.replace("name: new", "name: other"), "utf-8")
    return tmp_path


def killed_while(working: Working, folder: Path, *arguments: str, url: str = "") -> None:
    """Run a command, and kill it while the server works on what it asked for."""
    environ = {name: value for name, value in os.environ.items() if name != "KANPORT_STATE"}
    process = Command(
        *arguments,
        cwd=folder,
        env={**environ, **({"KANPORT_URL": url} if url else {})},
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    assert working.asked.wait(600)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(params=["createProject", "createUser"])
def working(server: Sandbox, request: pytest.FixtureRequest) -> Iterator[Working]:
    made = Working(server, request.param)
    yield made
    made.stop()


def made_once(server: Sandbox, working: Working) -> None:
    server.fault = None
    assert everything(server) == ["Gamma", "eve"]
    assert working.counted == 1
    with impatient(server) as client:
        from kanport.kanboard.rpc import Call

        (members,) = client.read([Call("getProjectUsers", {"project_id": 1})])
    assert list(members.values()) == ["eve"]


def test_a_sync_right_after_a_kill_creates_nothing_twice(
    server: Sandbox, kanport: Kanport, files: Path, working: Working
) -> None:
    killed_while(working, files, "sync", "new.yaml")
    done = kanport("sync", "new.yaml")
    assert done.code == 0, done
    made_once(server, working)


def test_a_sync_of_another_mapping_right_after_a_kill_creates_nothing_twice(
    server: Sandbox, kanport: Kanport, files: Path, working: Working
) -> None:
    killed_while(working, files, "sync", "new.yaml")
    done = kanport("sync", "other.yaml")
    assert done.code == 0, done
    made_once(server, working)


def test_a_resume_right_after_a_kill_creates_nothing_twice(
    server: Sandbox, kanport: Kanport, files: Path, working: Working
) -> None:
    assert kanport("plan", "new.yaml", "-o", "plan.json").code == 0
    killed_while(working, files, "apply", "plan.json", "--yes")
    done = kanport("resume", "plan.journal.jsonl", "--yes")
    assert done.code == 0, done
    made_once(server, working)


def test_a_sync_right_after_an_apply_was_killed_creates_nothing_twice(
    server: Sandbox, kanport: Kanport, files: Path, working: Working
) -> None:
    # Its journal is beside the plan; the lock that it held says where.
    (files / "plans").mkdir()
    assert kanport("plan", "new.yaml", "-o", "plans/plan.json").code == 0
    killed_while(working, files, "apply", "plans/plan.json", "--yes")
    done = kanport("sync", "new.yaml")
    assert done.code == 0, done
    made_once(server, working)


def test_an_apply_right_after_another_was_killed_is_stale_and_creates_nothing_twice(
    server: Sandbox, kanport: Kanport, files: Path
) -> None:
    working = Working(server, "createProject")
    assert kanport("plan", "new.yaml", "-o", "plan.json").code == 0
    killed_while(working, files, "apply", "plan.json", "--yes")
    again = kanport("apply", "plan.json", "--yes", "--journal", "again.jsonl")
    assert again.code == 9, again
    server.fault = None
    assert everything(server).count("Gamma") == 1


def test_the_journal_of_a_resume_leaves_out_a_password_that_nobody_has(
    server: Sandbox, kanport: Kanport, files: Path
) -> None:
    """The user was made with the password of the run that was killed, which its file has."""
    working = Working(server, "createUser")
    assert kanport("plan", "new.yaml", "-o", "plan.json").code == 0
    killed_while(working, files, "apply", "plan.json", "--yes", "--passwords-to", "pw.csv")
    done = kanport("resume", "plan.journal.jsonl", "--yes", "--passwords-to", "pw-2.csv")
    assert done.code == 0, done
    assert (files / "pw.csv").read_text(encoding="utf-8").count("eve,") == 1
    assert (files / "pw-2.csv").read_text(encoding="utf-8").count("eve,") == 0
    records = (files / "plan.journal.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(records[-1])["record"] == "end"


def test_a_wait_for_nothing_has_an_end(server: Sandbox, kanport: Kanport, files: Path) -> None:
    from kanport.lock import LockHolder
    from kanport.pipeline.run_locks import wait_for_killed_runs

    assert kanport("plan", "new.yaml", "-o", "plan.json").code == 0
    assert kanport("apply", "plan.json", "--yes").code == 0
    journal = files / "plan.journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:2]), encoding="utf-8")
    server.store.change("DELETE FROM projects")
    server.store.change("DELETE FROM users WHERE id > 1")
    slept: list[float] = []
    with impatient(server) as client:
        holder = LockHolder("kanport apply plan.json", 1, "h", "x", str(journal))
        wait_for_killed_runs(client, [holder], files / "none", sleep=slept.append)
    assert 20 < sum(slept) / concurrency.FIRST_PAUSE < 240
    assert max(slept) <= 8
