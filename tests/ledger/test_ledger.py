"""The ledger's file: private, whole, only believed where it is one, and never made by reading."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from kanport.errors import ConfigInvalid, Exit
from kanport.ledger import file, recall, record
from kanport.ledger.migrations import MIGRATIONS
from kanport.memory import LedgerUpdate
from kanport.model import Identity

SERVER = "https://kanboard.example.org/jsonrpc.php"
ADA = Identity("7", 5, "ada")
BOB = Identity("8", 6, "bob")
MONDAY, TUESDAY = "2026-11-23T02:00:00Z", "2026-11-24T02:00:00Z"

needs_permissions = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.ledger"


def known_people(path: Path, server: str) -> Mapping[str, Identity]:
    return recall(path, server).identities


def remember_people(path: Path, server: str, people: Iterable[Identity], *, now: str) -> None:
    record(path, server, LedgerUpdate(now, identities=tuple(people)), now=now)


def rows(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return list(database.execute("SELECT * FROM people ORDER BY server, id"))


def why(path: Path) -> ConfigInvalid:
    with pytest.raises(ConfigInvalid) as raised:
        known_people(path, SERVER)
    assert raised.value.exit_code is Exit.CONFIG
    return raised.value


def test_what_was_recorded_is_known(path: Path) -> None:
    remember_people(path, SERVER, [ADA, BOB], now=MONDAY)
    assert known_people(path, SERVER) == {"7": ADA, "8": BOB}


def test_each_server_has_people_of_its_own(path: Path) -> None:
    other = "https://other.example.org/jsonrpc.php"
    remember_people(path, SERVER, [ADA], now=MONDAY)
    remember_people(path, other, [Identity("7", 1, "boss")], now=MONDAY)
    assert known_people(path, SERVER) == {"7": ADA}
    assert known_people(path, other) == {"7": Identity("7", 1, "boss")}


def test_seeing_somebody_again_keeps_when_they_were_first_seen(path: Path) -> None:
    remember_people(path, SERVER, [ADA, BOB], now=MONDAY)
    remember_people(path, SERVER, [Identity("7", 5, "ada.l")], now=TUESDAY)
    assert rows(path) == [
        (SERVER, "7", 5, "ada.l", MONDAY, TUESDAY),
        (SERVER, "8", 6, "bob", MONDAY, MONDAY),
    ]


def test_a_user_means_one_id_the_one_that_was_seen_last(path: Path) -> None:
    remember_people(path, SERVER, [ADA], now=MONDAY)
    remember_people(path, SERVER, [Identity("9", 5, "zoe")], now=TUESDAY)
    assert known_people(path, SERVER) == {"9": Identity("9", 5, "zoe")}


def test_two_ids_can_change_places(path: Path) -> None:
    remember_people(path, SERVER, [ADA, BOB], now=MONDAY)
    swapped = [Identity("7", 6, "bob"), Identity("8", 5, "ada")]
    remember_people(path, SERVER, swapped, now=TUESDAY)
    assert known_people(path, SERVER) == {one.id: one for one in swapped}


@pytest.mark.parametrize("text", ["O'Neill; --", "Jörg 😀", " x ", "7\n8", ""])
def test_any_text_comes_back_as_it_was(path: Path, text: str) -> None:
    odd = Identity(text, 2**62, text)
    remember_people(path, SERVER, [odd], now=MONDAY)
    assert known_people(path, SERVER) == {text: odd}


def test_reading_makes_no_file(path: Path) -> None:
    assert known_people(path, SERVER) == {}
    assert list(path.parent.iterdir()) == []


def test_reading_leaves_the_file_as_it_is(path: Path) -> None:
    remember_people(path, SERVER, [ADA], now=MONDAY)
    before = path.read_bytes(), path.stat().st_mtime_ns
    known_people(path, SERVER)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert list(path.parent.iterdir()) == [path]


def test_the_file_is_its_owners_alone_and_nothing_lies_beside_it(path: Path) -> None:
    before = os.umask(0)
    try:
        remember_people(path, SERVER, [ADA], now=MONDAY)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_an_empty_file_is_an_empty_ledger(path: Path) -> None:
    # A run that was killed between making the file and the end of its first transaction.
    path.touch()
    assert known_people(path, SERVER) == {}
    remember_people(path, SERVER, [ADA], now=MONDAY)
    assert known_people(path, SERVER) == {"7": ADA}


def test_a_file_that_is_no_database_is_refused_and_kept(path: Path) -> None:
    path.write_text("Login;Name\nada;Ada Lovelace\n" * 100, encoding="utf-8")
    before = path.read_bytes()
    refusal = why(path)
    assert "is not a ledger of Kanport" in refusal.message
    assert "move it away" in (refusal.hint or "")
    with pytest.raises(ConfigInvalid, match="not a ledger"):
        remember_people(path, SERVER, [ADA], now=MONDAY)
    assert path.read_bytes() == before


def test_a_database_of_another_program_is_refused_and_kept(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE bookmarks (url TEXT)")
        database.commit()
    before = path.read_bytes()
    assert "a database of something else" in why(path).message
    with pytest.raises(ConfigInvalid, match="something else"):
        remember_people(path, SERVER, [ADA], now=MONDAY)
    assert path.read_bytes() == before


def test_a_torn_file_is_refused(path: Path) -> None:
    many = [Identity(str(number), number, f"user{number}") for number in range(2000)]
    remember_people(path, SERVER, many, now=MONDAY)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "damaged" in why(path).message


def test_garbage_in_the_middle_is_refused(path: Path) -> None:
    many = [Identity(str(number), number, f"user{number}") for number in range(2000)]
    remember_people(path, SERVER, many, now=MONDAY)
    whole = bytearray(path.read_bytes())
    whole[8192 : 8192 + 4096] = b"\xa5" * 4096
    path.write_bytes(whole)
    assert "damaged" in why(path).message


def test_a_ledger_of_a_newer_version_is_refused_and_kept(path: Path) -> None:
    remember_people(path, SERVER, [ADA], now=MONDAY)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
        database.commit()
    refusal = why(path)
    assert "version 99" in refusal.message
    assert "newer" in (refusal.hint or "")
    with pytest.raises(ConfigInvalid, match="version 99"):
        remember_people(path, SERVER, [BOB], now=TUESDAY)


def test_an_older_ledger_is_read_without_and_written_with_a_migration(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_people(path, SERVER, [ADA], now=MONDAY)
    old = path.read_bytes()
    more = ("CREATE TABLE more (id TEXT)",)
    monkeypatch.setattr(file, "MIGRATIONS", (*MIGRATIONS, more))
    assert known_people(path, SERVER) == {"7": ADA}
    assert path.read_bytes() == old
    remember_people(path, SERVER, [BOB], now=TUESDAY)
    assert known_people(path, SERVER) == {"7": ADA, "8": BOB}
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        assert database.execute("SELECT * FROM more").fetchall() == []


def test_all_of_a_record_is_written_or_nothing(path: Path) -> None:
    remember_people(path, SERVER, [ADA], now=MONDAY)
    broken = Identity("9", None, "nobody")  # type: ignore[arg-type]
    with pytest.raises(ConfigInvalid):
        remember_people(path, SERVER, [BOB, broken], now=TUESDAY)
    assert known_people(path, SERVER) == {"7": ADA}


KILLED = """
import os, signal, sys
from pathlib import Path
from kanport.ledger import file, record
from kanport.memory import LedgerUpdate
from kanport.model import Identity

class People:
    def __iter__(self):
        for number in range(200_000):
            yield Identity(f"id-{number}", number, f"user{number}")
            if number == 150_000:
                os.kill(os.getpid(), signal.SIGKILL)

# A small cache makes SQLite write to the file long before the transaction ends.
connect = file._connect
def small(path, mode):
    database = connect(path, mode)
    database.execute("PRAGMA cache_size = 10")
    return database
now = "2026-11-24T02:00:00Z"
file._connect = small
record(Path(sys.argv[1]), sys.argv[2], LedgerUpdate(now, identities=People()), now=now)
"""


def test_a_run_that_is_killed_while_it_records_leaves_what_was_recorded_before(path: Path) -> None:
    remember_people(path, SERVER, [ADA, BOB], now=MONDAY)
    size = path.stat().st_size
    ended = subprocess.run([sys.executable, "-c", KILLED, path, SERVER], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert path.stat().st_size > size, "the file was written to, so there is something to take back"
    assert known_people(path, SERVER) == {"7": ADA, "8": BOB}
    remember_people(path, SERVER, [Identity("7", 5, "ada.l")], now=TUESDAY)
    assert known_people(path, SERVER)["7"].username == "ada.l"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "people.ledger"
    assert known_people(path, SERVER) == {}
    with pytest.raises(ConfigInvalid, match="cannot be written: No such file or directory"):
        remember_people(path, SERVER, [ADA], now=MONDAY)


def test_a_folder_in_its_place_is_told(path: Path) -> None:
    path.mkdir()
    assert "cannot be read" in why(path).message


def test_a_file_that_another_run_is_writing_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember_people(path, SERVER, [ADA], now=MONDAY)
    monkeypatch.setattr(file, "PATIENCE", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert known_people(path, SERVER) == {"7": ADA}
        with pytest.raises(ConfigInvalid, match="locked"):
            remember_people(path, SERVER, [BOB], now=TUESDAY)
        other.execute("ROLLBACK")
    remember_people(path, SERVER, [BOB], now=TUESDAY)


@needs_permissions
def test_a_file_that_may_not_be_written_can_be_read(path: Path) -> None:
    remember_people(path, SERVER, [ADA], now=MONDAY)
    path.chmod(0o400)
    assert known_people(path, SERVER) == {"7": ADA}
    with pytest.raises(ConfigInvalid, match="cannot be written"):
        remember_people(path, SERVER, [BOB], now=TUESDAY)


def test_importing_the_ledger_does_not_load_sqlite() -> None:
    code = "import sys, kanport.ledger; sys.exit('sqlite3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
