"""The SQLite database behind the sandbox: one connection, one lock, no statement out of turn."""

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kanport.sandbox.dialects import Dialect
from kanport.sandbox.schema import KEYED_COLUMNS, REQUIRED_COLUMNS, SCHEMA

_CACHED_STATEMENTS = 256
_BUSY_SECONDS = 30.0


class Database:
    """Runs statements for all connections of the server, each on its own and at once on disk.

    Nothing here is one transaction across calls: a batch that stops half-way keeps what it did,
    as on a real Kanboard.

    Args:
        dialect: compares names, refuses values and skips ids.
        path: the file to keep the state in; None for memory.

    Raises:
        ValueError: the file is no store, or was made for another dialect, whose names compare
            otherwise.
    """

    def __init__(self, dialect: Dialect, path: Path | None = None):
        self.dialect = dialect
        self._lock = threading.RLock()
        # Autocommit, as Kanboard works; the lock makes sharing among threads safe.
        try:
            self._connection = sqlite3.connect(
                ":memory:" if path is None else path,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=_CACHED_STATEMENTS,
                timeout=_BUSY_SECONDS,
            )
        except sqlite3.Error as error:
            raise ValueError(f"{path} cannot be used as a store: {error}") from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise ValueError(f"{path} cannot be used as a store: {error}") from error
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        # A killed sandbox loses nothing in WAL mode; only a power cut could, with synchronous off.
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._connection.executescript(SCHEMA)
        made_for = self.value("SELECT dialect FROM sandbox")
        if made_for is None:
            self.change("INSERT INTO sandbox (dialect) VALUES (?)", self.dialect.name)
        elif made_for != self.dialect.name:
            raise ValueError(f"this store was made for {made_for}, not for {self.dialect.name}")

    def close(self) -> None:
        """Close the connection; what is in memory is gone."""
        with self._lock:
            self._connection.close()

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Give all rows of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """Give the first row of a query, or None."""
        with self._lock:
            found: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
            return found

    def value(self, sql: str, *values: Any) -> Any:
        """Give the first value of the first row, or None."""
        found = self.row(sql, *values)
        return None if found is None else found[0]

    def change(self, sql: str, *values: Any) -> int:
        """Run a statement that writes, and give how many rows it touched."""
        with self._lock:
            return self._connection.execute(sql, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep everybody else out until the block is done, and undo it if it fails."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def insert(self, table: str, values: Mapping[str, Any]) -> int | None:
        """Add a row and give its number; None where Kanboard says `false`.

        That is one answer for "is already there" and "refers to nothing", and on SQLite and
        MariaDB for null in a required column too (exchanges 88 to 92).

        Raises:
            SqlError: the dialect refuses a value in words.
        """
        if not self.accepts(table, values):
            return None
        complete = self._with_keys(table, values)
        columns = ", ".join(complete)
        marks = ", ".join("?" * len(complete))
        # Table and column names come from this package only, never from a request.
        sql = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608
        with self._lock:
            try:
                return self._connection.execute(sql, tuple(complete.values())).lastrowid
            except sqlite3.IntegrityError:
                self._skip_id(table)
                return None

    def update(self, table: str, row_id: Any, values: Mapping[str, Any]) -> bool:
        """Change the row with this id: true even if there is none, false if a name is taken.

        Raises:
            SqlError: there is nothing to change, or the dialect refuses a value.
        """
        if not values:
            raise self.dialect.empty_update(table, row_id)
        if not self.accepts(table, values):
            return False
        complete = self._with_keys(table, values)
        assignments = ", ".join(f"{column} = ?" for column in complete)
        sql = f"UPDATE {table} SET {assignments} WHERE id = ?"  # noqa: S608
        with self._lock:
            try:
                self._connection.execute(sql, (*complete.values(), self.dialect.number(row_id)))
            except sqlite3.IntegrityError:
                return False
        return True

    def accepts(self, table: str, values: Mapping[str, Any]) -> bool:
        """Tell whether the columns can take the values; false is for null where it may not be.

        Raises:
            SqlError: they cannot, and the dialect says so in words.
        """
        for column in REQUIRED_COLUMNS[table]:
            if values.get(column, "") is None:
                error = self.dialect.null_refused(table, column, list(values.values()))
                if error is not None:
                    self._skip_id(table)
                    raise error
                return False
        for column, value in values.items() if self.dialect.widths else ():
            width = self.dialect.widths.get(f"{table}.{column}")
            if width is not None and isinstance(value, str) and len(value) > width:
                raise self.dialect.too_long(table, column)
        return True

    def _with_keys(self, table: str, values: Mapping[str, Any]) -> dict[str, Any]:
        complete = dict(values)
        for column in KEYED_COLUMNS.get(table, ()):
            if column in values:
                complete[f"{column}_key"] = self.dialect.key(values[column])
        return complete

    def _skip_id(self, table: str) -> None:
        """Use up an id for a row that did not come to be; tables without ids have no sequence."""
        if self.dialect.skips_ids:
            self.change("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = ?", table)
