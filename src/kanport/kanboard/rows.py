"""What rows of an answer become; what is not understood is never taken for nothing."""

from collections.abc import Iterable
from typing import Any, TypeVar

from kanport.errors import Unreachable
from kanport.kanboard import procedures as api
from kanport.kanboard.client import Client
from kanport.kanboard.rpc import METHOD_NOT_FOUND, Call, Refused
from kanport.model import User

T = TypeVar("T")


def understood(client: Client, call: Call, value: T | None) -> T:
    """Return what an answer was read as; raise Unreachable where it could not be (None)."""
    if value is None:
        raise Unreachable(
            f"{client.url} answers {call.method} in a way that Kanport does not understand.",
            hint="Is it Kanboard, and is there nothing in between that changes answers?",
        )
    return value


def all_or_none(things: Iterable[T | None]) -> list[T] | None:
    """Return all of the things, or None where one of them is missing."""
    found: list[T] = []
    for thing in things:
        if thing is None:
            return None
        found.append(thing)
    return found


def users_of(client: Client, rows: list[Any]) -> list[User | None]:
    """Return the users of rows, None for a row that is no user's.

    Rows of the old shape do not say who is active; the server is asked for that. One that does not
    know the question is older than disabling people, so everybody is active there.
    """
    silent = [
        (index, user.id)
        for index, row in enumerate(rows)
        if not api.says_active(row) and (user := api.user_from_row(row)) is not None
    ]
    calls = [api.is_active_user(user_id) for _, user_id in silent]
    active = {}
    for (index, _), call, answer in zip(silent, calls, client.ask(calls), strict=True):
        if isinstance(answer, Refused) and answer.code != METHOD_NOT_FOUND:
            raise client.refused(call, answer)
        active[index] = isinstance(answer, Refused) or api.flag(answer.value)
    return [api.user_from_row(row, active=active.get(index)) for index, row in enumerate(rows)]
