"""The recordings of a real Kanboard, and replaying them against any server.

An exchange is sent as it was recorded, but for ids: where its template names one, the id that this
server gave in answer to the same creation is sent instead.
"""

import base64
import http.client
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

RECORDINGS = Path(__file__).parent / "recordings"
USER_PASSWORD = "123456"
MASKED_TEXT_LENGTH = 400

# Links to a project without ENABLE_URL_REWRITE, and the routes that they stand for.
_LINK = re.compile(
    r"(?P<base>https?://.*/)\?controller=(?P<controller>BoardView|TaskList)Controller"
    r"&action=show&project_id=(?P<project>[0-9]+)"
)
_ROUTES = {"BoardView": "board", "TaskList": "list"}

# Who sent the exchanges that are about credentials; the recordings do not say it in a field.
_CREDENTIALS_BY_ABOUT: Mapping[str, tuple[str, str] | None] = {
    "a wrong token": ("jsonrpc", "wrong"),
    "no credentials": None,
    "an unknown user": ("nobody", USER_PASSWORD),
}
_KINDS = {
    "createUser": "user",
    "createLdapUser": "user",
    "createProject": "project",
    "createMyPrivateProject": "project",
    "createGroup": "group",
}
_KIND_OF_PARAMETER = {
    "id": "user",
    "user_id": "user",
    "owner_id": "user",
    "project_id": "project",
    "group_id": "group",
}


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, as recorded."""

    number: int
    about: str
    template: Any
    request: Any
    authenticated_as: str | None
    status: int
    content_type: str
    www_authenticate: str | None
    response: Any


@dataclass(frozen=True)
class Recording:
    """One walk through the API of a fresh server; `custom_roles` by the exchange they precede."""

    name: str
    exchanges: tuple[Exchange, ...]
    custom_roles: Mapping[int, tuple[int, str]]

    @classmethod
    def load(cls, name: str) -> "Recording":
        content = json.loads((RECORDINGS / f"kanboard-1.2.53-{name}.json").read_text())
        exchanges = tuple(
            Exchange(number, authenticated_as=fields.pop("authenticated_as", None), **fields)
            for number, fields in enumerate(content["exchanges"])
        )
        setup = content.get("setup", [])
        roles = {
            step["before_exchange"]: (step["project_id"], step["custom_role"]) for step in setup
        }
        return cls(name, exchanges, roles)


@dataclass(frozen=True)
class Answer:
    """What a server answered to one exchange."""

    status: int
    content_type: str
    www_authenticate: str | None
    response: Any


def replay(
    recording: Recording,
    url: str,
    token: str,
    *,
    add_custom_role: Callable[[int, str], None] | None = None,
) -> list[Answer]:
    """Send a recording in order, on one connection, and give the answers.

    Args:
        recording: what to send.
        url: where the server listens.
        token: its application token.
        add_custom_role: puts a custom role of a project into the server's database.
    """
    place = urlsplit(url)
    assert place.hostname is not None
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=600)
    ids: dict[tuple[str, int], int] = {}
    answers = []
    try:
        for exchange in recording.exchanges:
            if exchange.number in recording.custom_roles and add_custom_role is not None:
                add_custom_role(*recording.custom_roles[exchange.number])
            headers = {"Content-Type": "application/json"} | _authorization(exchange, token)
            connection.request("POST", place.path, _body(exchange, ids), headers)
            answer = _read(connection.getresponse())
            ids.update(_given_id(exchange, answer))
            answers.append(answer)
    finally:
        connection.close()
    return answers


def call(url: str, token: str, method: str, **params: Any) -> Any:
    """Give the result of one procedure."""
    exchange = Exchange(
        0,
        method,
        None,
        json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}),
        None,
        200,
        "",
        None,
        None,
    )
    (answer,) = replay(Recording("one", (exchange,), {}), url, token)
    assert answer.status == 200, f"{method}: HTTP {answer.status} {answer.response}"
    return answer.response["result"]


def differences(recorded: Any, answered: Any, path: str = "") -> Iterator[str]:
    """Give each place where two parsed bodies differ, in type, order of keys or value.

    Only what the recording marks as secret or volatile may differ, and it must be there.
    """
    if recorded in ("<secret>", "<volatile>"):
        if not answered or not isinstance(answered, (str, int)):
            yield f"{path}: {answered!r} where a {recorded} was"
    elif type(recorded) is not type(answered):
        yield f"{path}: {answered!r} instead of {recorded!r}"
    elif isinstance(recorded, dict):
        if list(recorded) != list(answered):
            yield f"{path}: keys {list(answered)} instead of {list(recorded)}"
        for key in recorded.keys() & answered.keys():
            yield from differences(recorded[key], answered[key], f"{path}/{key}")
    elif isinstance(recorded, list):
        if len(recorded) != len(answered):
            yield f"{path}: {len(answered)} items instead of {len(recorded)}"
        for number, (one, other) in enumerate(zip(recorded, answered, strict=False)):
            yield from differences(one, other, f"{path}[{number}]")
    elif recorded != answered:
        yield f"{path}: {answered!r} instead of {recorded!r}"


def as_recorded(answer: Answer, exchange: Exchange) -> Answer:
    """Return a live answer as the server would have given it with the settings of the recordings.

    Two settings are an administrator's own business: `display_errors` of PHP, without which a crash
    is HTTP 500 and says nothing, and ENABLE_URL_REWRITE, without which links are query strings.
    """
    crashed = exchange.content_type == "text/html" and exchange.status == 200
    if crashed and (answer.status, answer.content_type, answer.response) == (500, "text/html", ""):
        return replace(answer, status=200, response=exchange.response)
    return replace(answer, response=_rewritten(answer.response))


def _rewritten(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rewritten(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rewritten(inner) for inner in value]
    if isinstance(value, str) and (found := _LINK.fullmatch(value)):
        return f"{found['base']}{_ROUTES[found['controller']]}/{found['project']}"
    return value


def expected(exchange: Exchange, version: str) -> Answer:
    """Give what a server of that version should answer."""
    response = exchange.response
    calls = exchange.request
    if isinstance(calls, str):
        calls = json.loads(calls) if calls.startswith(('{"', "[{")) else None
    if isinstance(calls, list) and isinstance(response, list):
        pairs = zip(calls, response, strict=True)
        response = [_with_version(call, answer, version) for call, answer in pairs]
    elif isinstance(calls, dict) and isinstance(response, dict):
        response = _with_version(calls, response, version)
    return Answer(exchange.status, exchange.content_type, exchange.www_authenticate, response)


def _with_version(call: Any, answer: Any, version: str) -> Any:
    if call.get("method") == "getVersion" and "result" in answer:
        return answer | {"result": version}
    return answer


def _authorization(exchange: Exchange, token: str) -> dict[str, str]:
    credentials: tuple[str, str] | None = ("jsonrpc", token)
    if exchange.authenticated_as is not None:
        credentials = (exchange.authenticated_as, USER_PASSWORD)
    elif exchange.status == 401:
        credentials = _CREDENTIALS_BY_ABOUT[exchange.about]
    if credentials is None:
        return {}
    encoded = base64.b64encode(":".join(credentials).encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


def _body(exchange: Exchange, ids: Mapping[tuple[str, int], int]) -> bytes:
    if exchange.template is None:
        assert isinstance(exchange.request, str)
        return exchange.request.encode()
    if isinstance(exchange.template, list):
        pairs = zip(exchange.template, exchange.request, strict=True)
        return json.dumps([_filled(template, request, ids) for template, request in pairs]).encode()
    return json.dumps(_filled(exchange.template, exchange.request, ids)).encode()


def _filled(template: Any, request: Any, ids: Mapping[tuple[str, int], int]) -> Any:
    params = template.get("params")
    if isinstance(params, dict):
        places: list[tuple[Any, str]] = [(name, name) for name in params]
    else:
        places = list(enumerate(_parameters(template["method"])))[: len(params or ())]
    filled = params.copy() if params else params
    for place, name in places:
        if isinstance(params[place], str) and params[place].startswith("$"):
            filled[place] = ids[_KIND_OF_PARAMETER[name], request["params"][place]]
    return template if params is None else template | {"params": filled}


def _parameters(method: str) -> tuple[str, ...]:
    """Give the names of the parameters that hold ids where they are given by position."""
    if method in ("getUser", "disableUser", "enableUser", "isActiveUser", "removeUser"):
        return ("user_id",)
    if "GroupMember" in method and method != "getGroupMembers":
        return ("group_id", "user_id")
    if method in ("getGroup", "getGroupMembers", "removeGroup", "updateGroup"):
        return ("group_id",)
    if method == "getMemberGroups":
        return ("user_id",)
    return ("project_id", "group_id" if "Group" in method else "user_id")


def _given_id(exchange: Exchange, answer: Answer) -> dict[tuple[str, int], int]:
    """Give which recorded id this server's own id stands for, if the exchange created something."""
    if not isinstance(exchange.request, dict) or exchange.request["method"] not in _KINDS:
        return {}
    recorded = exchange.response.get("result") if isinstance(exchange.response, dict) else None
    given = answer.response.get("result") if isinstance(answer.response, dict) else None
    if type(recorded) is not int or type(given) is not int:
        return {}
    return {(_KINDS[exchange.request["method"]], recorded): given}


def _read(response: http.client.HTTPResponse) -> Answer:
    text = response.read().decode()
    media_type = (response.headers["Content-Type"] or "").partition(";")[0]
    parsed: Any = text
    if media_type == "application/json" and text:
        parsed = json.loads(text)
    elif media_type == "text/html":
        # The recordings were masked and cut in this way: paths are the server's own business.
        parsed = re.sub(r"/(?:[\w.+-]+/)+[^ ]+", "<path>", text)[:MASKED_TEXT_LENGTH]
    return Answer(response.status, media_type, response.headers["WWW-Authenticate"], parsed)
