"""The habits of the three databases that Kanboard runs on, as its API lets them show.

The sandbox itself always keeps its state in SQLite; a dialect says what another database would
compare, store, refuse and answer. Where the recordings in tests/contract differ from each other,
the difference is here. The errors that a procedure answers with come first.
Exchanges are numbered as `kanport.sandbox` says.
"""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from kanport.sandbox import php
from kanport.sandbox.options import DialectName


class RpcError(Exception):
    """An error object for one call; other calls of the batch go on.

    Args:
        code: the number in the answer. PostgreSQL's states are no numbers, so 0 stands for SQL.
        message: the text in the answer.
        data: the text that only wrong parameters bring along.
    """

    def __init__(self, code: int, message: str, data: str | None = None):
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data

    def as_object(self) -> dict[str, Any]:
        """Return the `error` member of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data:
            error["data"] = self.data
        return error


class SqlError(RpcError):
    """The database refused a statement, and Kanboard passes its words on."""

    def __init__(self, state: str, detail: str):
        super().__init__(0, f"SQL Error[{state}]: SQLSTATE[{state}]: {detail}")


class RefusedError(Exception):
    """401 or 403: ends the whole request, and one error object answers for all of it."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status = status
        self.message = message

    @classmethod
    def unauthorized(cls) -> "RefusedError":
        """Return the refusal of unknown credentials (exchanges 187 to 189)."""
        return cls(401, "Unauthorized")

    @classmethod
    def forbidden(cls) -> "RefusedError":
        """Return the refusal of a procedure or a project (exchanges 173 and 174)."""
        return cls(403, "Forbidden")


# --- the habits of the three databases that Kanboard runs on, as its API lets them show -----------


class Dialect(ABC):
    """What depends on the database under Kanboard."""

    name: ClassVar[DialectName]
    booleans: ClassVar[bool] = False
    """Flags are answered as true and false instead of 1 and 0 (exchange 3)."""
    dead_columns: ClassVar[bool] = False
    """Rows still have columns that Kanboard no longer uses, such as is_admin (exchange 3)."""
    skips_ids: ClassVar[bool] = True
    """An insert that fails uses up an id (exchanges 11 and 12, 117 and 118)."""
    fresh_lock_date: ClassVar[int | None] = 0
    """lock_expiration_date of a user who never logged in (exchange 42)."""
    widths: ClassVar[Mapping[str, int]] = {}
    """How many characters a column takes; SQLite takes any number."""

    def key(self, name: str) -> str:
        """Return the text under which this database compares and sorts a name."""
        return name

    def number(self, value: Any) -> str | None:
        """Return what an id is compared with; other than a number, it matches nothing."""
        return php.text(value)

    def stored_number(self, value: Any, *, column: str) -> str | None:
        """Return what an id is stored as; `column` is `table.column`, for errors."""
        return self.number(value)

    def too_long(self, table: str, column: str) -> SqlError:
        """Return the error for a text that its column cannot take."""
        raise NotImplementedError(f"{self.name} takes texts of any length")

    def null_refused(self, table: str, column: str, row: Sequence[Any]) -> SqlError | None:
        """Return the error for null in a column that must have a value; None: just `false`."""
        return None

    @abstractmethod
    def empty_update(self, table: str, row_id: Any) -> SqlError:
        """Return the error for an update that names no column (exchanges 49 and 56)."""


class Sqlite(Dialect):
    """Kanboard's default: compares bytes, checks little, gives no id out twice."""

    name = "sqlite"
    dead_columns = True
    skips_ids = False

    def empty_update(self, table: str, row_id: Any) -> SqlError:
        """Return SQLite's words for a syntax error."""
        return SqlError("HY000", 'General error: 1 near "WHERE": syntax error')


class MariaDb(Dialect):
    """Names are equal without regard to case, accents and trailing blanks (exchanges 10, 44)."""

    name = "mariadb"
    fresh_lock_date = None
    widths: ClassVar[Mapping[str, int]] = {
        "users.name": 255,
        "users.email": 255,
        "users.username": 191,
        "groups.name": 191,
        "groups.external_id": 255,
        "project_has_users.role": 255,
        "project_has_groups.role": 255,
    }

    def key(self, name: str) -> str:
        """Return an approximation of utf8mb4_unicode_ci: base letters, folded, without end blanks.

        Seen on MariaDB 10.11: accents, ß and œ do not tell names apart, but ø, ł, đ and æ do;
        zero-width characters count for nothing; all characters beyond the basic plane, emoji
        among them, are equal.
        """
        folded = unicodedata.normalize("NFKD", name).casefold().replace("œ", "oe")
        base = unicodedata.normalize("NFKD", folded)
        return "".join(
            "\ufffd" if ord(char) > 0xFFFF else char
            for char in base
            if not unicodedata.combining(char) and unicodedata.category(char) != "Cf"
        ).rstrip(" ")

    def number(self, value: Any) -> str | None:
        """Return the number that a text begins with, as MariaDB compares; 0 without one."""
        text = php.text(value)
        if text is None:
            return None
        match = re.match(r"\s*([+-]?\d+(\.\d+)?)", text)
        return match[1] if match else "0"

    def stored_number(self, value: Any, *, column: str) -> str | None:
        """Return an id to store; strict mode takes numbers only."""
        text = php.text(value)
        if text is not None and not re.fullmatch(r"\s*[+-]?\d+(\.\d*)?\s*", text):
            place = "`.`".join(("kanboard", *column.split(".")))
            raise SqlError(
                "22007",
                f"Invalid datetime format: 1366 Incorrect integer value: '{text}' "
                f"for column `{place}` at row 1",
            )
        return text

    def too_long(self, table: str, column: str) -> SqlError:
        """Return MariaDB's words for a text that is too long."""
        return SqlError(
            "22001",
            f"String data, right truncated: 1406 Data too long for column '{column}' at row 1",
        )

    def empty_update(self, table: str, row_id: Any) -> SqlError:
        """Return MariaDB's words for a syntax error."""
        return SqlError(
            "42000",
            "Syntax error or access violation: 1064 You have an error in your SQL syntax; check "
            "the manual that corresponds to your MariaDB server version for the right syntax to "
            f"use near 'WHERE `id` = '{php.text(row_id)}'' at line 1",
        )


class Postgres(Dialect):
    """Booleans, strict numbers, and errors that quote the whole row."""

    name = "postgres"
    booleans = True
    widths: ClassVar[Mapping[str, int]] = {
        "users.name": 255,
        "users.email": 255,
        "project_has_users.role": 255,
        "project_has_groups.role": 255,
        "groups.external_id": 255,
    }

    def number(self, value: Any) -> str | None:
        """Return an id; a text that is no number is an error, in reads as well."""
        text = php.text(value)
        if text is None:
            return None
        if not re.fullmatch(r"\s*[+-]?\d+\s*", text):
            raise SqlError(
                "22P02",
                "Invalid text representation: 7 ERROR:  "
                f'invalid input syntax for type integer: "{text}"\n'
                "CONTEXT:  unnamed portal parameter $1 = '...'",
            )
        if not -(2**31) <= int(text) < 2**31:
            raise SqlError(
                "22003",
                "Numeric value out of range: 7 ERROR:  "
                f'value "{text}" is out of range for type integer\n'
                "CONTEXT:  unnamed portal parameter $1 = '...'",
            )
        return text

    def too_long(self, table: str, column: str) -> SqlError:
        """Return PostgreSQL's words for a text that is too long."""
        return SqlError(
            "22001",
            "String data, right truncated: 7 ERROR:  value too long for type character "
            f"varying({self.widths[f'{table}.{column}']})",
        )

    def null_refused(self, table: str, column: str, row: Sequence[Any]) -> SqlError | None:
        """Return an error that contains the whole row, password hash included."""
        values = ", ".join("null" if value is None else str(value) for value in row)
        return SqlError(
            "23502",
            f'Not null violation: 7 ERROR:  null value in column "{column}" of relation '
            f'"{table}" violates not-null constraint\nDETAIL:  Failing row contains ({values}).',
        )

    def empty_update(self, table: str, row_id: Any) -> SqlError:
        """Return PostgreSQL's words for a syntax error, with a caret under the place."""
        statement = f'LINE 1: UPDATE "{table}" SET   '  # noqa: S608
        return SqlError(
            "42601",
            'Syntax error: 7 ERROR:  syntax error at or near "WHERE"\n'
            f'{statement}WHERE "id" = $1\n{" " * len(statement)}^',
        )


DIALECTS: Mapping[DialectName, Dialect] = {
    dialect.name: dialect for dialect in (Sqlite(), MariaDb(), Postgres())
}
