"""The ledger: what Kanport remembers between runs, in one SQLite file that a mapping names.

Losing it loses convenience, never safety: it is only ever believed where the server agrees. No
secret is in it. Reading leaves the file as it is, and makes none where there is none.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kanport.errors import ConfigInvalid
from kanport.memory import NOTHING, Memory
from kanport.model import Identity

if TYPE_CHECKING:
    # Only whoever reads a ledger waits for SQLite: `kanport --help` does not.
    from sqlite3 import Connection

# "Kprt", which tells a ledger from the databases of other programs (PRAGMA application_id).
APPLICATION_ID = 0x4B707274
# Seconds to wait for another run that is writing.
PATIENCE = 10.0

# Each step leads from the version of its number to the next one; released steps never change.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE people (
            server TEXT NOT NULL,
            id TEXT NOT NULL,
            user_id INTEGER NOT NULL,
            username TEXT NOT NULL,
            first_seen TEXT NOT NULL,
            last_seen TEXT NOT NULL,
            PRIMARY KEY (server, id),
            UNIQUE (server, user_id)
        ) WITHOUT ROWID""",
    ),
)

_START_ANEW = (
    "move it away to start a new one; people are then found by username, as if seen for the"
    " first time"
)


def recall(path: Path, server: str) -> Memory:
    """Give what a ledger knows of this server (the URL of its API).

    A ledger that is not there yet knows nothing. Raises ConfigInvalid where the file cannot be
    read, is no ledger, is damaged, or was written by a newer Kanport.
    """
    with _told(path, "read"):
        if not path.exists():
            return NOTHING
        with closing(_copy_in_memory(path)) as ledger:
            rows = ledger.execute(
                "SELECT id, user_id, username FROM people WHERE server = ? ORDER BY id", (server,)
            )
            people = {
                str(stable_id): Identity(str(stable_id), int(user_id), str(username))
                for stable_id, user_id, username in rows
            }
            return Memory(identities=people)


def remember_people(path: Path, server: str, people: Iterable[Identity], *, now: str) -> None:
    """Record whom these stable ids mean on this server, seen at this time (UTC, RFC 3339).

    All of it is recorded or nothing. Who is not named stays as recorded, except that no two ids
    mean one user: the one that was seen last does. Makes the file (mode 0600) where there is none.
    Raises ConfigInvalid as `recall` does, and where the file cannot be written.
    """
    with _told(path, "written"):
        _make_private(path)
        with closing(_connect(path, "rw")) as ledger, _transaction(ledger):
            _migrate(ledger, path)
            for person in people:
                ledger.execute(
                    "DELETE FROM people WHERE server = ? AND user_id = ? AND id <> ?",
                    (server, person.user_id, person.id),
                )
                ledger.execute(
                    "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (server, id) DO"
                    " UPDATE SET user_id = excluded.user_id, username = excluded.username,"
                    " last_seen = excluded.last_seen",
                    (server, person.id, person.user_id, person.username, now, now),
                )


# --- the file -------------------------------------------------------------------------------------


def _connect(path: Path, mode: str) -> "Connection":
    import sqlite3

    uri = f"{path.absolute().as_uri()}?mode={mode}"
    ledger = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
    ledger.execute("PRAGMA synchronous = FULL")
    return ledger


def _copy_in_memory(path: Path) -> "Connection":
    """Copy a ledger into memory, as whole and as new as this Kanport wants it."""
    import sqlite3

    copy = sqlite3.connect(":memory:", isolation_level=None)
    try:
        try:
            with closing(_connect(path, "ro")) as ledger:
                ledger.backup(copy)
        except sqlite3.OperationalError:
            # A run that was killed while it recorded left a journal; only who may write can take
            # half a transaction back, and that changes nothing that was recorded.
            if not path.with_name(f"{path.name}-journal").exists():
                raise
            with closing(_connect(path, "rw")) as ledger:
                ledger.backup(copy)
        (answer,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise sqlite3.DatabaseError(answer)
        _migrate(copy, path)
    except BaseException:
        copy.close()
        raise
    return copy


def _make_private(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return


@contextmanager
def _transaction(ledger: "Connection") -> Iterator[None]:
    ledger.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if ledger.in_transaction:
            ledger.execute("ROLLBACK")
        raise
    ledger.execute("COMMIT")


def _migrate(ledger: "Connection", path: Path) -> None:
    """Bring a ledger to the newest version; an empty database becomes one."""
    (kind,) = ledger.execute("PRAGMA application_id").fetchone()
    (version,) = ledger.execute("PRAGMA user_version").fetchone()
    (parts,) = ledger.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if kind != APPLICATION_ID and (kind or version or parts):
        raise ConfigInvalid(
            f"{path} is no ledger of Kanport: it is a database of something else",
            hint="name a file of its own as ledger in the mapping",
        )
    if version > len(MIGRATIONS):
        raise ConfigInvalid(
            f"the ledger {path} is of version {version}, and this Kanport knows up to"
            f" {len(MIGRATIONS)}",
            hint="use the Kanport that wrote it, or a newer one",
        )
    for step in MIGRATIONS[version:]:
        for statement in step:
            ledger.execute(statement)
    if version < len(MIGRATIONS):
        ledger.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        ledger.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def _told(path: Path, done: str) -> Iterator[None]:
    """Tell what is the matter with the file in plain words."""
    import sqlite3

    try:
        yield
    except OSError as problem:
        raise ConfigInvalid(
            f"the ledger {path} cannot be {done}: {problem.strerror}",
            hint="does its folder exist, and may you read and write there?",
        ) from problem
    except sqlite3.OperationalError as problem:
        raise ConfigInvalid(
            f"the ledger {path} cannot be {done}: {problem}",
            hint="may you read and write it and its folder, and is the disk not full?",
        ) from problem
    except sqlite3.DatabaseError as problem:
        raise ConfigInvalid(
            f"{path} is no ledger of Kanport, or is damaged: {problem}", hint=_START_ANEW
        ) from problem
