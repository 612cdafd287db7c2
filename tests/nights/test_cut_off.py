"""What a run did that was cut off is known to the next one, told once, and gone on from."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from kanport.apply.journal import load_journal
from kanport.outcome import SENT_UNKNOWN
from kanport.sandbox import Sandbox
from tests.support import endings
from tests.support.files import GRANTS, MAPPING, PEOPLE, write_files

LEDGER = MAPPING.replace('managed: {usernames: ["*"]}', "managed: ledger").replace(
    "name: club", "name: club\nledger: people.ledger"
)


@pytest.fixture
def world(server: Sandbox, tmp_path: Path) -> endings.Host:
    made = endings.a_host(server, tmp_path)
    write_files(tmp_path, mapping=LEDGER)
    return made


def kill_at(world: endings.Host, when: Callable[[tuple[str, ...]], bool], *, after: int) -> Path:
    """Kill a run when it sends such a request, and do so many of its calls; give its journal."""
    world.kill_at(when, "sync", "club.yaml", after=after)
    (journal,) = (world.folder / "state").glob("*.journal.jsonl")
    assert not load_journal(journal).ended
    return journal


def creating(names: tuple[str, ...]) -> bool:
    return "createUser" in names


def granting(names: tuple[str, ...]) -> bool:
    return "addProjectUser" in names


def managed(folder: Path) -> set[str]:
    ledger = sqlite3.connect(folder / "people.ledger")
    try:
        return {name for (name,) in ledger.execute("SELECT username FROM users")}
    finally:
        ledger.close()


@pytest.mark.parametrize(
    ("when", "after", "done"),
    [(creating, 0, 0), (creating, 2, 2), (granting, 1, 4)],
)
def test_the_next_sync_tells_of_it_and_remembers_what_it_did(
    world: endings.Host, when: Callable[[tuple[str, ...]], bool], after: int, done: int
) -> None:
    journal = kill_at(world, when, after=after)
    made = set(world.server.store.snapshot().users) - {"admin"}
    said = world.run("sync", "club.yaml")
    assert said.code == 0, said
    assert f"interrupted; {done} of its 6 changes are in place" in said.err
    assert made <= managed(world.folder) == {"ada", "bob", "chloé"}
    assert load_journal(journal).ended
    tally = load_journal(journal).run.tally()
    assert (tally.done, tally.done + tally.failed + tally.not_attempted) == (done, 6)
    assert SENT_UNKNOWN not in {one.why for one in load_journal(journal).run.outcomes}
    quiet = world.run("sync", "club.yaml")
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")


def test_whom_it_disabled_is_enabled_when_they_are_back(world: endings.Host) -> None:
    assert world.run("sync", "club.yaml").code == 0
    (world.folder / "state").rename(world.folder / "before")
    people, grants = (
        "".join(row for row in text.splitlines(keepends=True) if not row.startswith("bob"))
        for text in (PEOPLE, GRANTS)
    )
    people += "eve,Eve,eve@example.org,\n"
    write_files(world.folder, mapping=LEDGER, people=people, grants=grants)
    kill_at(world, creating, after=0)
    assert not world.server.store.snapshot().users["bob"].is_active
    write_files(world.folder, mapping=LEDGER)
    assert world.run("sync", "club.yaml").code == 0
    assert world.server.store.snapshot().users["bob"].is_active


def test_nothing_is_sent_to_find_out_that_could_change_anything(world: endings.Host) -> None:
    kill_at(world, creating, after=3)
    write_files(world.folder, mapping=LEDGER, people="Login,Name,Mail,Role\nada,Ada,broken,\n")
    world.server.forget_requests()
    assert world.run("sync", "club.yaml").code == 5
    assert not world.server.writes
    assert managed(world.folder) == {"ada", "bob", "chloé"}


def test_a_journal_of_another_mapping_or_another_server_is_left_alone(world: endings.Host) -> None:
    journal = kill_at(world, creating, after=1)
    before = journal.read_bytes()
    (world.folder / "other.yaml").write_text(LEDGER.replace("people.ledger", "other.ledger"))
    assert world.run("sync", "other.yaml").code == 0
    assert journal.read_bytes() == before
    text = before.decode().replace(world.server.url, "https://elsewhere.example.org/jsonrpc.php")
    journal.write_text(text)
    assert world.run("sync", "club.yaml").err.count("was interrupted") == 0


def test_what_is_no_journal_of_a_run_that_began_stops_nothing(world: endings.Host) -> None:
    (world.folder / "state").mkdir()
    for name, content in {"empty": b"", "torn": b'{"record": "run", "pl', "odd": b"[]\n"}.items():
        (world.folder / "state" / f"{name}.journal.jsonl").write_bytes(content)
    said = world.run("sync", "club.yaml")
    assert said.code == 0
    assert "was interrupted" not in said.err
