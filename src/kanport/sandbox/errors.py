"""What a procedure answers instead of a result."""

from typing import Any


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
        """Give the `error` member of the answer."""
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
        """Give the refusal of unknown credentials (exchanges 187 to 189)."""
        return cls(401, "Unauthorized")

    @classmethod
    def forbidden(cls) -> "RefusedError":
        """Give the refusal of a procedure or a project (exchanges 173 and 174)."""
        return cls(403, "Forbidden")
