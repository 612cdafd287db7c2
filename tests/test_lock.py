"""One run at a time: the second one reports the first, and none waits for a killed one."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from kanport.errors import Exit, LockHeld, UsageError
from kanport.lock import Lock, hold_locks
from kanport.pipeline.run_locks import run_lock
from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.command_line import Kanport
from tests.support.processes import Command

NOW = "2026-11-23T02:00:00Z"


@pytest.fixture
def lock(tmp_path: Path) -> Lock:
    return Lock(tmp_path / "locks" / "a.lock", "the server")


def other(lock: Lock) -> "Popen[str]":
    """Start a process that takes the lock and keeps it."""
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom kanport.lock import Lock, hold_locks\n"
        "with hold_locks([Lock(Path(sys.argv[1]), 'x')], command='kanport sync night.yaml',"
        " now='2026-11-23T01:00:00Z'):\n    print('held', flush=True)\n    time.sleep(600)\n"
    )
    process = Popen([sys.executable, "-c", code, str(lock.path)], stdout=PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_lock_is_free_again_after_its_block(lock: Lock) -> None:
    for _ in range(2):
        with hold_locks([lock], command="kanport sync a.yaml", now=NOW):
            told = json.loads(lock.path.read_text(encoding="utf-8"))
            assert (told["command"], told["pid"]) == ("kanport sync a.yaml", os.getpid())
            assert lock.path.stat().st_mode & 0o777 == 0o600
    assert lock.path.read_bytes() == b"", "a run that has ended holds no lock"


def test_whoever_comes_second_is_told_who_is_at_work(lock: Lock) -> None:
    with other(lock) as process:
        with (
            pytest.raises(LockHeld) as refused,
            hold_locks([lock], command="kanport apply", now=NOW),
        ):
            pytest.fail("held by two")
        process.kill()
    assert refused.value.exit_code is Exit.LOCKED
    assert f"kanport sync night.yaml (process {process.pid} on " in refused.value.message
    assert "since 2026-11-23T01:00:00Z" in refused.value.message
    assert "the lock on the server" in refused.value.message
    assert "--wait" in (refused.value.hint or "")


def test_whoever_was_killed_holds_nothing(lock: Lock) -> None:
    with other(lock) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert "kanport sync night.yaml" in lock.path.read_text(encoding="utf-8"), "a file is left"
    with hold_locks([lock], command="kanport apply", now=NOW):
        pass


def test_a_lock_that_is_waited_for_is_taken_when_it_is_free(lock: Lock) -> None:
    with other(lock) as process:
        pauses: list[float] = []

        def sleep(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 3:
                process.kill()
                process.wait()

        with hold_locks([lock], command="kanport apply", now=NOW, wait=60, sleep=sleep):
            pass
    assert len(pauses) == 3


def test_the_wait_has_an_end(lock: Lock) -> None:
    with other(lock) as process:
        clock = iter([0.0, 1.0, 1.0, 2.5, 2.5, 3.1])
        with (
            pytest.raises(LockHeld, match="even after waiting 3 seconds"),
            hold_locks(
                [lock],
                command="kanport apply",
                now=NOW,
                wait=3,
                sleep=lambda seconds: None,
                clock=lambda: next(clock),
            ),
        ):
            pytest.fail("held by two")
        process.kill()


def test_while_one_lock_is_waited_for_no_other_is_held(lock: Lock, tmp_path: Path) -> None:
    first = Lock(tmp_path / "first.lock", "the ledger")
    with other(lock) as process:

        def sleep(seconds: float) -> None:
            with hold_locks([first], command="another run", now=NOW):
                process.kill()
                process.wait()

        with hold_locks([first, lock], command="kanport apply", now=NOW, wait=60, sleep=sleep):
            pass


def test_an_error_in_the_block_frees_the_lock(lock: Lock) -> None:
    with pytest.raises(ZeroDivisionError), hold_locks([lock], command="x", now=NOW):
        raise ZeroDivisionError
    with hold_locks([lock], command="x", now=NOW):
        pass


def test_a_file_that_nobody_can_read_still_says_that_it_is_held(lock: Lock) -> None:
    with other(lock) as process:
        lock.path.write_bytes(b"\xff{")
        with (
            pytest.raises(LockHeld, match="another run holds the lock on the server; "),
            hold_locks([lock], command="x", now=NOW),
        ):
            pytest.fail("held by two")
        process.kill()


def test_a_place_that_cannot_be_locked_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    below = Lock(tmp_path / "file" / "a.lock", "x")
    with pytest.raises(UsageError, match="cannot be"), hold_locks([below], command="x", now=NOW):
        pytest.fail("held nothing")
    (tmp_path / "link.lock").symlink_to(tmp_path / "elsewhere")
    link = Lock(tmp_path / "link.lock", "x")
    with pytest.raises(UsageError, match="cannot be"), hold_locks([link], command="x", now=NOW):
        pytest.fail("followed a link")
    assert not (tmp_path / "elsewhere").exists()


# --- two runs of the command line -----------------------------------------------------------------

MAPPING = """\
kanport: 1
sources: {people: {type: csv, path: people.csv}}
users:
  from: people
  fields: {username: {from: username}}
ledger: people.ledger
"""


@dataclass
class Slow:
    """A server that takes its time over new users, until it may go on."""

    sandbox: Sandbox
    asked: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)

    def fault(self, names: tuple[str, ...]) -> None:
        """Wait with creating users, and do nothing else to a request."""
        if "createUser" in names:
            self.asked.set()
            self.go_on.wait(600)

    def users(self) -> set[str]:
        """The usernames on the server."""
        return set(self.sandbox.store.snapshot().users)


@pytest.fixture
def slow() -> Iterator[Slow]:
    with Sandbox(SandboxOptions()) as sandbox:
        server = Slow(sandbox)
        sandbox.fault = server.fault
        yield server
        server.go_on.set()


def start(slow: Slow, folder: Path, *options: str, mapping: str = "a.yaml") -> Command:
    (folder / mapping).write_text(MAPPING, encoding="utf-8")
    (folder / "people.csv").write_text("username\nada\nbob\n", encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KANPORT_")},
        "KANPORT_URL": slow.sandbox.url,
        "KANPORT_TOKEN": slow.sandbox.token,
        "KANPORT_STATE": str(folder / "state"),
    }
    return Command("sync", mapping, *options, cwd=folder, env=environment)


def ended(process: Command) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=600)
    return process.wait(), out, err


def test_of_two_syncs_at_once_one_works_and_the_other_says_8(slow: Slow, tmp_path: Path) -> None:
    first = start(slow, tmp_path)
    assert slow.asked.wait(600), "the first run comes to write"
    code, out, err = ended(start(slow, tmp_path))
    assert (code, out) == (8, "")
    assert f"Error: another run holds the lock on {slow.sandbox.url}: kanport sync a.yaml" in err
    assert f"(process {first.pid} on " in err
    assert "Hint: wait until it has ended, or let this one wait: --wait SECONDS" in err
    assert first.poll() is None, "the first one is still at work"
    slow.go_on.set()
    assert ended(first)[0] == 0
    assert slow.users() == {"admin", "ada", "bob"}


def test_the_first_is_killed_and_the_next_one_works(slow: Slow, tmp_path: Path) -> None:
    first = start(slow, tmp_path)
    assert slow.asked.wait(600)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    slow.go_on.set()
    code, _, err = ended(start(slow, tmp_path))
    assert code == 0, err
    assert slow.users() == {"admin", "ada", "bob"}


def test_a_sync_can_wait_for_the_other_one(slow: Slow, tmp_path: Path) -> None:
    first = start(slow, tmp_path)
    assert slow.asked.wait(600)
    second = start(slow, tmp_path, "--wait", "600")
    with pytest.raises(subprocess.TimeoutExpired):
        second.wait(2)
    slow.go_on.set()
    assert ended(first)[0] == 0
    code, _, err = ended(second)
    assert code == 0, err
    assert slow.sandbox.writes["createUser"] == 2, "the second one had nothing left to do"


def test_another_mapping_with_the_same_ledger_waits_for_its_turn_too(
    slow: Slow, tmp_path: Path
) -> None:
    first = start(slow, tmp_path)
    assert slow.asked.wait(600)
    with Sandbox(SandboxOptions()) as another:
        code, _, err = ended(start(Slow(another), tmp_path))
    assert code == 8
    assert "another run holds the lock on the ledger people.ledger: kanport sync a.yaml" in err
    slow.go_on.set()
    assert ended(first)[0] == 0


def test_apply_resume_undo_and_adopt_take_the_lock_and_plan_does_not(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "people.csv").write_text("username\nada\nbob\n", encoding="utf-8")
    assert kanport("plan", "a.yaml", "-o", "plan.json").code == 0
    assert kanport("apply", "plan.json", "--yes").code == 0
    journal = "plan.journal.jsonl"
    lock = run_lock(
        server.url, None, state=tmp_path / "state" / "kanport", command="kanport sync b"
    )
    with lock:
        assert kanport("plan", "a.yaml").code == 0
        assert kanport("validate", "a.yaml").code == 0
        for command in (
            ("apply", "plan.json", "--yes", "--journal", "again.jsonl"),
            ("resume", journal),
            ("undo", journal),
            ("adopt", "a.yaml", "--yes"),
            ("sync", "a.yaml"),
        ):
            refused = kanport(*command)
            assert refused.code == 8, (command, refused)
            assert "kanport sync b (process" in refused.err
    assert kanport("undo", journal).code == 0


def test_a_token_is_hashed_often_before_it_is_part_of_a_file_name() -> None:
    # In a process of its own: the tests hash the tokens of their servers once.
    code = "from kanport.pipeline.run_locks import ROUNDS; print(ROUNDS)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) >= 50_000
