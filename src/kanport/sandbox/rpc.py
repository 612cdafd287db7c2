"""JSON-RPC as Kanboard speaks it: one body in, one reply out. Knows no sockets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kanport.sandbox import php
from kanport.sandbox.access import Credentials, authenticate, authorize
from kanport.sandbox.errors import RefusedError, RpcError
from kanport.sandbox.procedures import Procedure, find
from kanport.sandbox.procedures.base import Backend, Request
from kanport.sandbox.procedures.users import GatewayError

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
class Outcome:
    """What became of a request: the reply and how many of its calls were carried out."""

    reply: Reply
    carried_out: int


def decode(body: bytes) -> Any:
    """Give what a body says in JSON, or a value that is no JSON value."""
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
    """Give the procedures that a request names, in order."""
    calls = php.items(payload) or [payload]
    names = [call.get("method") for call in calls if isinstance(call, dict)]
    return tuple(name for name in names if isinstance(name, str))


def execute(
    backend: Backend, payload: Any, credentials: Credentials, *, stop_after: int | None = None
) -> Outcome:
    """Carry out a request.

    Args:
        backend: what the procedures work on.
        payload: what `decode` gave.
        credentials: who asks; checked for each call anew, as Kanboard does.
        stop_after: leave the rest of a batch undone, for faults.
    """
    request = Request(started=backend.clock())
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
    return Outcome(reply, request.carried_out)


def web_page(status: int, title: str) -> Reply:
    """Give an answer of the web server in front of PHP."""
    body = f"<html>\r\n<head><title>{status} {title}</title></head>\r\n<body></body>\r\n</html>\r\n"
    return Reply(status, "text/html", body.encode())


def _run(
    backend: Backend,
    request: Request,
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


def _call(backend: Backend, request: Request, payload: Any, credentials: Credentials) -> str:
    """Give the answer to one call as JSON; an empty text for a notification."""
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


def _result(backend: Backend, request: Request, payload: Mapping[str, Any]) -> Any:
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
    """Give rows with their numbers as text."""
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
