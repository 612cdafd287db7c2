"""A bare client, so that the sandbox is tested by what goes over the wire."""

import base64
import http.client
import json
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """What came back; `body` is parsed where it is JSON."""

    status: int
    content_type: str
    body: Any


def call(method: str, *positional: Any, id: int | None = 1, **named: Any) -> dict[str, Any]:
    """Give one JSON-RPC request."""
    request = {"jsonrpc": "2.0", "method": method, "params": named or list(positional)}
    return request if id is None else request | {"id": id}


class Server(Protocol):
    """What a client must know of a server."""

    @property
    def url(self) -> str: ...

    @property
    def token(self) -> str: ...


class Client:
    """One keep-alive connection to a sandbox."""

    def __init__(self, server: Server, user: str = "jsonrpc", secret: str | None = None):
        place = urlsplit(server.url)
        self._path = place.path
        self._connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=600)
        pair = f"{user}:{server.token if secret is None else secret}"
        self._headers = {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    def send(self, payload: Any, *, path: str | None = None, verb: str = "POST") -> Answer:
        """Give the answer to a body; text is sent as it is, anything else as JSON."""
        body = payload if isinstance(payload, str) else json.dumps(payload)
        self._connection.request(verb, path or self._path, body.encode(), self._headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        media_type = (response.headers["Content-Type"] or "").partition(";")[0]
        is_json = media_type == "application/json" and text
        return Answer(response.status, media_type, json.loads(text) if is_json else text)

    def result(self, method: str, *positional: Any, **named: Any) -> Any:
        """Give the result of a procedure that goes well."""
        answer = self.send(call(method, *positional, **named))
        assert answer.status == 200 and "result" in answer.body, answer
        return answer.body["result"]

    def batch(self, *calls: dict[str, Any]) -> list[Any]:
        """Give the results of calls that go well, in order."""
        answer = self.send([request | {"id": number} for number, request in enumerate(calls)])
        assert answer.status == 200 and isinstance(answer.body, list), answer
        return [item["result"] for item in answer.body]
