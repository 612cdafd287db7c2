"""The file of a ledger: whole, private, of the newest version, and not taken for anything else."""

import errno
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from kanport.errors import ConfigInvalid
from kanport.files import LEDGER_ID
from kanport.ledger.migrations import MIGRATIONS

if TYPE_CHECKING:
    # Only whoever reads a ledger waits for SQLite: `kanport --help` does not.
    from sqlite3 import Connection

# Seconds to wait for another run that is writing.
PATIENCE = 10.0

_START_ANEW = (
    "move it away to start a new one; people are then found by username, as if seen for the"
    " first time"
)


@contextmanager
def writing(path: Path) -> Iterator["Connection"]:
    """Open a ledger to write in one transaction; make the file (mode 0600) where there is none."""
    with plain_errors(path, "written"):
        _make_private(path)
        with closing(_connect(path, "rw")) as ledger, _transaction(ledger, path):
            yield ledger


def _connect(path: Path, mode: str) -> "Connection":
    import sqlite3

    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is a pipe, a device or a folder, not a file")
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    ledger = sqlite3.connect(uri, uri=True, timeout=PATIENCE, isolation_level=None)
    ledger.execute("PRAGMA synchronous = FULL")
    return ledger


def copy_in_memory(path: Path) -> "Connection":
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
def _transaction(ledger: "Connection", path: Path) -> Iterator[None]:
    """Do all of it or nothing, in a ledger that is of the newest version by then."""
    ledger.execute("BEGIN IMMEDIATE")
    try:
        _migrate(ledger, path)
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
    if kind != LEDGER_ID and (kind or version or parts):
        raise ConfigInvalid(
            f"{path} is not a ledger of Kanport: it is a database of something else",
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
        ledger.execute(f"PRAGMA application_id = {LEDGER_ID}")
        ledger.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextmanager
def plain_errors(path: Path, done: str) -> Iterator[None]:
    """Raise ConfigInvalid that says in plain words what is wrong with the file."""
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
            f"{path} is not a ledger of Kanport, or is damaged: {problem}", hint=_START_ANEW
        ) from problem
    except ValueError as problem:
        raise ConfigInvalid(
            f"the ledger {path} is damaged: it holds what Kanport never writes", hint=_START_ANEW
        ) from problem
