"""The SQLite database behind the sandbox: its tables, and which of their columns an answer shows.

It has one connection and one lock; no statement runs out of turn. Exchanges are numbered as
`kanport.sandbox` says.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kanport.sandbox.dialects import Dialect
from kanport.sandbox.options import UserRows


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


USER_COLUMNS = _names(
    "id username password is_admin is_ldap_user name email google_id github_id "
    "notifications_enabled timezone language disable_login_form twofactor_activated "
    "twofactor_secret token notifications_filter nb_failed_login lock_expiration_date "
    "is_project_admin gitlab_id role is_active avatar_path api_access_token filter theme"
)
PROJECT_COLUMNS = _names(
    "id name is_active token last_modified is_public is_private is_everybody_allowed "
    "default_swimlane show_default_swimlane description identifier start_date end_date owner_id "
    "priority_default priority_start priority_end email predefined_email_subjects "
    "per_swimlane_task_limits task_limit enable_global_tags"
)
SECRET_COLUMNS = frozenset({"password", "twofactor_secret", "token", "api_access_token"})

_OLD_USER_COLUMNS = _names(
    "id username name email role is_ldap_user notifications_enabled google_id github_id "
    "twofactor_activated"
)
# What users did not have yet then.
_LATER_COLUMNS = frozenset({"is_active"})
_DEAD_COLUMNS = frozenset(
    {"is_admin", "is_project_admin"}
    | {"is_everybody_allowed", "default_swimlane", "show_default_swimlane"}
)
_FLAGS = frozenset(
    {"is_ldap_user", "is_active", "notifications_enabled", "disable_login_form"}
    | {"twofactor_activated", "is_public", "is_private"}
    | {"per_swimlane_task_limits", "enable_global_tags"}
)

KEYED_COLUMNS: Mapping[str, Sequence[str]] = {
    "users": ("username",),
    "groups": ("name",),
    "projects": ("name", "identifier"),
}
"""Columns with a second one, `<name>_key`, that holds what the dialect compares."""

REQUIRED_COLUMNS: Mapping[str, Sequence[str]] = {
    "users": ("username", "role"),
    "groups": ("name",),
    "projects": ("name",),
    "project_has_users": ("project_id", "user_id", "role"),
    "project_has_groups": ("project_id", "group_id", "role"),
    "group_has_users": ("group_id", "user_id"),
}

SCHEMA = """
CREATE TABLE IF NOT EXISTS sandbox (dialect TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS users (
  id INTEGER PRIMARY KEY AUTOINCREMENT, username TEXT NOT NULL, username_key TEXT NOT NULL UNIQUE,
  password TEXT, is_admin INTEGER DEFAULT 0, is_ldap_user INTEGER DEFAULT 0, name TEXT, email TEXT,
  google_id TEXT, github_id TEXT, notifications_enabled INTEGER DEFAULT 0, timezone TEXT,
  language TEXT, disable_login_form INTEGER DEFAULT 0, twofactor_activated INTEGER DEFAULT 0,
  twofactor_secret TEXT, token TEXT DEFAULT '', notifications_filter INTEGER DEFAULT 4,
  nb_failed_login INTEGER DEFAULT 0, lock_expiration_date INTEGER,
  is_project_admin INTEGER DEFAULT 0, gitlab_id INTEGER, role TEXT NOT NULL DEFAULT 'app-user',
  is_active INTEGER DEFAULT 1, avatar_path TEXT, api_access_token TEXT, filter TEXT,
  theme TEXT NOT NULL DEFAULT 'light');
CREATE TABLE IF NOT EXISTS projects (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, name_key TEXT NOT NULL,
  is_active INTEGER DEFAULT 1, token TEXT DEFAULT '', last_modified INTEGER,
  is_public INTEGER DEFAULT 0, is_private INTEGER DEFAULT 0,
  is_everybody_allowed INTEGER DEFAULT 0, default_swimlane TEXT DEFAULT 'Default swimlane',
  show_default_swimlane INTEGER DEFAULT 1, description TEXT, identifier TEXT DEFAULT '',
  identifier_key TEXT DEFAULT '', start_date TEXT DEFAULT '', end_date TEXT DEFAULT '',
  owner_id INTEGER DEFAULT 0, priority_default INTEGER DEFAULT 0,
  priority_start INTEGER DEFAULT 0, priority_end INTEGER DEFAULT 3, email TEXT,
  predefined_email_subjects TEXT, per_swimlane_task_limits INTEGER DEFAULT 0,
  task_limit INTEGER DEFAULT 0, enable_global_tags INTEGER DEFAULT 1);
CREATE INDEX IF NOT EXISTS projects_name ON projects (name_key);
CREATE INDEX IF NOT EXISTS projects_identifier ON projects (identifier_key);
CREATE TABLE IF NOT EXISTS groups (
  id INTEGER PRIMARY KEY AUTOINCREMENT, external_id TEXT DEFAULT '', name TEXT NOT NULL,
  name_key TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS group_has_users (
  group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE, UNIQUE (group_id, user_id));
CREATE INDEX IF NOT EXISTS group_has_users_user ON group_has_users (user_id);
CREATE TABLE IF NOT EXISTS project_has_users (
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role TEXT NOT NULL, UNIQUE (project_id, user_id));
CREATE INDEX IF NOT EXISTS project_has_users_user ON project_has_users (user_id);
CREATE TABLE IF NOT EXISTS project_has_groups (
  group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  role TEXT NOT NULL, UNIQUE (group_id, project_id));
CREATE INDEX IF NOT EXISTS project_has_groups_project ON project_has_groups (project_id);
CREATE TABLE IF NOT EXISTS project_has_roles (
  role_id INTEGER PRIMARY KEY AUTOINCREMENT, role TEXT NOT NULL,
  project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  UNIQUE (project_id, role));
"""


class Shape:
    """The columns of one kind of row in an answer.

    Args:
        table: the table that the columns are in.
        columns: their names, in the order of the answer.
        dialect: says whether dead columns are there and flags are booleans.
    """

    def __init__(self, table: str, columns: Iterable[str], dialect: Dialect):
        self.columns = tuple(
            name for name in columns if dialect.dead_columns or name not in _DEAD_COLUMNS
        )
        self.table = table
        self.select = ", ".join(f"{table}.{name}" for name in self.columns)
        self._flags = tuple(_FLAGS.intersection(self.columns) if dialect.booleans else ())

    def query(self, rest: str) -> str:
        """Return the statement that reads such rows; `rest` is WHERE and ORDER BY.

        Names come from this package only, never from a request.
        """
        return f"SELECT {self.select} FROM {self.table} {rest}"  # noqa: S608

    def row(self, values: Sequence[Any]) -> dict[str, Any]:
        """Return the row as an answer shows it."""
        shown = dict(zip(self.columns, values, strict=True))
        for flag in self._flags:
            shown[flag] = bool(shown[flag])
        return shown


class Shapes:
    """The rows of all answers, for one dialect and one age of the server."""

    def __init__(self, dialect: Dialect, user_rows: UserRows):
        def users(wanted: Callable[[str], bool]) -> Shape:
            return Shape("users", filter(wanted, USER_COLUMNS), dialect)

        self.project = Shape("projects", PROJECT_COLUMNS, dialect)
        left_out = {"safe": SECRET_COLUMNS, "old": _LATER_COLUMNS}.get(user_rows, frozenset())
        self.user = users(lambda name: name not in left_out)
        self.listed_user = (
            Shape("users", _OLD_USER_COLUMNS, dialect) if user_rows == "old" else self.user
        )


# --- the SQLite database behind the sandbox: one connection, one lock, no statement out of turn ---

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
        """Return all rows of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        """Return the first row of a query, or None."""
        with self._lock:
            found: tuple[Any, ...] | None = self._connection.execute(sql, values).fetchone()
            return found

    def value(self, sql: str, *values: Any) -> Any:
        """Return the first value of the first row, or None."""
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
        """Add a row and return its number; None where Kanboard says `false`.

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
        """Return whether the columns can take the values; false is for null where it may not be.

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
