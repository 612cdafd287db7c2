"""Real HTTP servers on loopback that answer by a script, also in ways that break."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from pydantic import SecretStr

from kanport.config.settings import Settings, Timeouts

TOKEN = "token-of-the-tests"


@dataclass(frozen=True)
class Request:
    """What came in: `target` is the request target as it stood in the first line."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def calls(self) -> list[dict[str, Any]]:
        """The calls of a batch."""
        return cast("list[dict[str, Any]]", json.loads(self.body))

    @property
    def methods(self) -> list[str]:
        """The procedures called."""
        return [call["method"] for call in self.calls]


@dataclass(frozen=True)
class Reply:
    """What goes out."""

    body: bytes | str | list[Any] | dict[str, Any] = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Breaking = Callable[[BaseHTTPRequestHandler], None]
Script = Callable[[Request], Reply | Breaking]


class ScriptedServer(ThreadingHTTPServer):
    """Keeps every request and answers each as the script says."""

    daemon_threads = True
    # With the default of 5, the kernel drops connections that come at once.
    request_queue_size = 128

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script
        self.requests: list[Request] = []
        self.ending = threading.Event()
        self.scheme = "https" if tls else "http"
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_side=True)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        """The address of the API."""
        return f"{self.origin}/jsonrpc.php"

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet where a client went away: that is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ScriptedServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        self.server.requests.append(request)
        reply = self.server.script(request)
        if isinstance(reply, Reply):
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(reply.content)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.content)
        else:
            self.close_connection = True
            reply(self)

    do_CONNECT = do_POST  # noqa: N815 -- the name that http.server looks for

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serve(script: Script, tls: ssl.SSLContext | None = None) -> Iterator[ScriptedServer]:
    """Run a server that answers as the script says, until the block ends."""
    server = ScriptedServer(script, tls)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


def close_at_once(handler: BaseHTTPRequestHandler) -> None:
    """End the connection without an answer."""


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Reset the connection (RST) without an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Let go of every reference to the socket, or the reset waits for them.
    handler.rfile.close()
    handler.wfile.close()
    handler.connection.close()


def cut_off(handler: BaseHTTPRequestHandler) -> None:
    """Promise more than is sent."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n[{"jsonrpc":"2.0"')


def hang(handler: BaseHTTPRequestHandler) -> None:
    """Answer nothing until the server ends."""
    cast(ScriptedServer, handler.server).ending.wait(30)


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send a byte now and then, forever."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not cast(ScriptedServer, handler.server).ending.wait(0.02):
        handler.wfile.write(b" ")


def answers(results: Mapping[str, Any]) -> Script:
    """Answer each call of a batch by its procedure: a value, or a function of the parameters.

    A value that is an `error` object (a dict with the only key "error") is sent as an error; an
    unknown procedure is answered as Kanboard does.
    """

    def answer(call: dict[str, Any]) -> dict[str, Any]:
        value = results.get(call["method"], error(-32601, "Method not found"))
        value = value(call.get("params", {})) if callable(value) else value
        if isinstance(value, dict) and value.keys() == {"error"}:
            return {"jsonrpc": "2.0", **value, "id": call["id"]}
        return {"jsonrpc": "2.0", "result": value, "id": call["id"]}

    return lambda request: Reply([answer(call) for call in request.calls])


def error(code: int, message: str, data: str | None = None) -> dict[str, Any]:
    """Give an error for `answers`."""
    return {"error": {"code": code, "message": message, **({"data": data} if data else {})}}


def always(reply: Reply | Breaking) -> Script:
    """Answer every request in one way."""
    return lambda _: reply


def one_after_the_other(*first: Script, then: Script) -> Script:
    """Let each of these answer one request; the rest go to the last."""
    left = list(first)
    return lambda request: (left.pop(0) if left else then)(request)


def settings_for(server: ScriptedServer, **other: Any) -> Settings:
    """Give settings for a server, with short times."""
    times = Timeouts(connect=5, read=other.pop("read", 10.0), total=other.pop("total", 20.0))
    return Settings(url=server.url, token=SecretStr(TOKEN), timeouts=times, **other)
