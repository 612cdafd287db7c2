"""One HTTP request to the sandbox: who asks, whether they may, and the answer to each call."""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from kanport.records import dataclass
from kanport.sandbox import php
from kanport.sandbox.database import USER_COLUMNS, Shape
from kanport.sandbox.dialects import DIALECTS, RefusedError, RpcError
from kanport.sandbox.procedures import Procedure, find
from kanport.sandbox.procedures.base import Backend, SandboxRequest
from kanport.sandbox.procedures.users import GatewayError

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
    """Return the row of the user, or None for the application.

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
    """Check that the role of a user allows a procedure; the application may call any other.

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


# --- JSON-RPC as Kanboard speaks it: one body in, one reply out. Knows no sockets -----------------

_JSON = "application/json"
_HTML = "text/html; charset=UTF-8"
_NOT_JSON: Any = object()
_METHOD_NOT_FOUND = RpcError(-32601, "Method not found")


@dataclass(frozen=True)
class Reply:
    """An HTTP answer.

    Args:
        status: the HTTP status.
        content_type: with the charset, where there is one.
        body: the bytes.
        headers: further headers.
    """

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HandledRequest:
    """What became of a request: the reply and how many of its calls were carried out."""

    reply: Reply
    carried_out: int


def decode(body: bytes) -> Any:
    """Return what a body says in JSON, or a value that is no JSON value."""
    try:
        text = body.decode()
        payload = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            # PHP, unlike Python, refuses half a surrogate pair.
            json.dumps(payload, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return _NOT_JSON
    return payload


def method_names(payload: Any) -> tuple[str, ...]:
    """Return the procedures that a request names, in order."""
    calls = php.items(payload) or [payload]
    names = [call.get("method") for call in calls if isinstance(call, dict)]
    return tuple(name for name in names if isinstance(name, str))


def execute(
    backend: Backend, payload: Any, credentials: Credentials, *, stop_after: int | None = None
) -> HandledRequest:
    """Carry out a request.

    Args:
        backend: what the procedures work on.
        payload: what `decode` gave.
        credentials: who asks; checked for each call anew, as Kanboard does.
        stop_after: leave the rest of a batch undone, for faults.
    """
    request = SandboxRequest(started=backend.clock())
    try:
        text = _run(backend, request, payload, credentials, stop_after)
        reply = Reply(200, _JSON, text.encode())
    except RefusedError as refusal:
        reply = _refusal(refusal)
    except php.FatalError as fatal:
        reply = (
            Reply(200, _HTML, fatal.page.encode())
            if backend.options.display_errors
            else Reply(500, _HTML, b"")
        )
    except GatewayError:
        reply = web_page(502, "Bad Gateway")
    return HandledRequest(reply, request.carried_out)


def web_page(status: int, title: str) -> Reply:
    """Return an answer of the web server in front of PHP."""
    body = f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body></body>\r\n</html>\r\n"
    return Reply(status, "text/html", body.encode())


def _run(
    backend: Backend,
    request: SandboxRequest,
    payload: Any,
    credentials: Credentials,
    stop_after: int | None,
) -> str:
    if not isinstance(payload, (dict, list)):
        return _error(None, RpcError(-32700, "Parse error"))
    batch = php.items(payload)
    if batch is None:
        return "" if stop_after == 0 else _call(backend, request, payload, credentials)
    answers = [_call(backend, request, call, credentials) for call in batch[:stop_after]]
    given = ",".join(answer for answer in answers if answer)
    return f"[{given}]" if given else ""


def _call(backend: Backend, request: SandboxRequest, payload: Any, credentials: Credentials) -> str:
    """Return the answer to one call as JSON; an empty text for a notification."""
    backend.check_time(request)
    if not isinstance(payload, (dict, list)):
        return _error(None, RpcError(-32700, "Parse error"))
    if isinstance(payload, list) or not _is_call(payload):
        return _error(None, RpcError(-32600, "Invalid Request"))
    call_id = payload.get("id")
    request.user = authenticate(backend, credentials)
    try:
        answer = {"jsonrpc": "2.0", "result": _result(backend, request, payload), "id": call_id}
    except RpcError as error:
        request.carried_out += 1
        return "" if call_id is None else _error(call_id, error)
    request.carried_out += 1
    return "" if call_id is None else _json(answer)


def _result(backend: Backend, request: SandboxRequest, payload: Mapping[str, Any]) -> Any:
    procedure = _find(backend, payload["method"])
    authorize(procedure, request.user)
    arguments = procedure.arguments(payload.get("params") or [])
    method = getattr(procedure.owner(backend, request), procedure.name)
    result = method(*arguments)
    if backend.options.empty_lists and result == {}:
        return []
    if backend.options.text_numbers and isinstance(result, (dict, list)):
        return _with_text(result)
    return result


def _with_text(value: Any) -> Any:
    """Return rows with their numbers as text."""
    if isinstance(value, dict):
        return {key: _with_text(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_with_text(part) for part in value]
    return str(value) if type(value) is int else value


def _find(backend: Backend, name: str) -> Procedure:
    procedure = find(name)
    if procedure is None or procedure.name in backend.options.missing_procedures:
        raise _METHOD_NOT_FOUND
    return procedure


def _is_call(payload: Mapping[str, Any]) -> bool:
    return (
        payload.get("jsonrpc") == "2.0"
        and isinstance(payload.get("method"), str)
        and isinstance(payload.get("params"), (dict, list, type(None)))
    )


def _refusal(refusal: RefusedError) -> Reply:
    body = _error(None, RpcError(refusal.status, refusal.message)).encode()
    challenge = {"WWW-Authenticate": 'Basic realm="JsonRPC"'} if refusal.status == 401 else {}
    return Reply(refusal.status, _JSON, body, challenge)


def _error(call_id: Any, error: RpcError) -> str:
    return _json({"jsonrpc": "2.0", "error": error.as_object(), "id": call_id})


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
