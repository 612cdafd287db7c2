"""Who is asking: the application with its token, or a user with a password or a personal token."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kanport.sandbox.dialects import DIALECTS
from kanport.sandbox.errors import RefusedError
from kanport.sandbox.procedures import Procedure
from kanport.sandbox.procedures.base import Backend
from kanport.sandbox.schema import USER_COLUMNS, Shape

APPLICATION = "jsonrpc"
_LOGIN = Shape("users", USER_COLUMNS, DIALECTS["sqlite"])
_FAILURES_BEFORE_LOCK = 6
_LOCKED_SECONDS = 15 * 60


@dataclass(frozen=True)
class Credentials:
    """What HTTP Basic brought along; without it there is no username, not even an empty one."""

    username: str | None = None
    password: str = ""

    @classmethod
    def from_header(cls, header: str | None) -> "Credentials":
        """Read an Authorization header; anything but a well-formed Basic one counts as none."""
        scheme, _, encoded = (header or "").partition(" ")
        if scheme.lower() != "basic":
            return cls()
        try:
            decoded = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return cls()
        username, _, password = decoded.partition(":")
        return cls(username, password)


def authenticate(backend: Backend, credentials: Credentials) -> Mapping[str, Any] | None:
    """Give the row of the user, or None for the application.

    Kanboard does this for every call of a batch anew, so a user's batch pays for a hash each time.

    Raises:
        RefusedError: the credentials are wrong, or the user is locked or disabled. The seventh
            wrong password locks a user for 15 minutes; the application is never locked.
    """
    if credentials.username == APPLICATION:
        if hmac.compare_digest(credentials.password.encode(), backend.options.token.encode()):
            return None
        raise RefusedError.unauthorized()
    if credentials.username is None:
        raise RefusedError.unauthorized()
    key = backend.dialect.key(credentials.username)
    row = backend.store.row(_LOGIN.query("WHERE username_key = ?"), key)
    if row is None:
        raise RefusedError.unauthorized()
    user = _LOGIN.row(row)
    if user["lock_expiration_date"] and user["lock_expiration_date"] >= int(backend.now()):
        raise RefusedError.unauthorized()
    if not _proves_itself(backend, user, credentials.password):
        if credentials.username:
            _count_failure(backend, user["id"])
        raise RefusedError.unauthorized()
    backend.store.change(
        "UPDATE users SET nb_failed_login = 0, lock_expiration_date = 0 WHERE id = ?", user["id"]
    )
    return user


def authorize(procedure: Procedure, user: Mapping[str, Any] | None) -> None:
    """Let a user call what its application role allows, and the application everything else.

    Raises:
        RefusedError: not allowed.
    """
    if user is None:
        if procedure.personal:
            raise RefusedError.forbidden()
    elif user["role"] not in procedure.roles:
        raise RefusedError.forbidden()


def _proves_itself(backend: Backend, user: Mapping[str, Any], password: str) -> bool:
    if not user["is_active"]:
        return False
    has_login = not user["is_ldap_user"] and not user["disable_login_form"]
    # With a second factor only the personal token counts (since 1.2.8).
    by_password = has_login and not user["twofactor_activated"]
    if by_password and backend.hasher.verify(password, user["password"]):
        return True
    personal_token = user["api_access_token"]
    return personal_token is not None and hmac.compare_digest(
        password.encode(), personal_token.encode()
    )


def _count_failure(backend: Backend, user_id: int) -> None:
    with backend.store.transaction():
        backend.store.change(
            "UPDATE users SET nb_failed_login = nb_failed_login + 1 WHERE id = ?", user_id
        )
        backend.store.change(
            "UPDATE users SET lock_expiration_date = ? WHERE id = ? AND nb_failed_login > ?",
            int(backend.now()) + _LOCKED_SECONDS,
            user_id,
            _FAILURES_BEFORE_LOCK,
        )
