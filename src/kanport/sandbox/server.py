"""The sandbox as a running server: sockets, threads, and what was asked of it."""

import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from kanport.records import dataclass
from kanport.sandbox.database import Shapes
from kanport.sandbox.dialects import DIALECTS
from kanport.sandbox.options import SandboxOptions
from kanport.sandbox.procedures import WRITING_PROCEDURES
from kanport.sandbox.procedures.base import Backend
from kanport.sandbox.rpc import (
    Credentials,
    HandledRequest,
    Reply,
    decode,
    execute,
    method_names,
    web_page,
)
from kanport.sandbox.store import Hasher, Store

PATH = "/jsonrpc.php"
_HOST = "127.0.0.1"
_LARGEST_BODY = 32 * 1024 * 1024
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class RequestLog:
    """A request that came in.

    Args:
        procedures: what it named, in order.
        carried_out: how many of them were run; fewer where a batch was cut off.
        status: the HTTP status of the reply; 0 if the connection was closed instead.
    """

    procedures: tuple[str, ...]
    carried_out: int
    status: int


@dataclass(frozen=True)
class InjectedFault:
    """Something that goes wrong with one request.

    Args:
        after: how many of its calls are carried out first; None carries out all.
        reply: what is answered instead; None closes the connection without an answer.
    """

    after: int | None = None
    reply: Reply | None = None


class Sandbox:
    """A Kanboard-compatible server on loopback, in threads of this process.

    >>> with Sandbox(SandboxOptions(dialect="mariadb")) as server:
    ...     server.url.startswith("http://127.0.0.1:"), list(server.store.snapshot().users)
    (True, ['admin'])

    Args:
        options: how it is to behave.

    Attributes:
        store: the state, to seed it and to look at it.
        calls: how often each procedure was named in a request, carried out or not.
        requests: every request in the order in which it was answered.
        fault: asked about each request with the names of its procedures; a Fault goes wrong.
    """

    def __init__(self, options: SandboxOptions | None = None):
        self.options = options or SandboxOptions()
        dialect = DIALECTS[self.options.dialect]
        self.store = Store(dialect, self.options.store)
        self.calls: Counter[str] = Counter()
        self.requests: list[RequestLog] = []
        self.fault: Callable[[tuple[str, ...]], InjectedFault | None] | None = None
        self._stopping = threading.Event()
        self._counting = threading.Lock()
        hasher = Hasher(
            cost=self.options.hash_cost, workers=self.options.workers, sleep=self._sleep
        )
        shapes = Shapes(dialect, self.options.user_rows)
        self._backend = Backend(self.options, dialect, self.store, hasher, shapes)
        try:
            self._http = _HttpServer((_HOST, self.options.port), self)
        except BaseException:
            self.store.close()
            raise
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(_POLL_SECONDS,), name="sandbox", daemon=True
        )

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{_HOST}:{self._http.server_port}{PATH}"

    @property
    def token(self) -> str:
        """The application token, for the user `jsonrpc`."""
        return self.options.token

    @property
    def writes(self) -> Counter[str]:
        """How often each procedure that can change something was named in a request."""
        with self._counting:
            sent = {name: count for name, count in self.calls.items() if name in WRITING_PROCEDURES}
        return Counter(sent)

    def forget_requests(self) -> None:
        """Start counting anew."""
        with self._counting:
            self.calls.clear()
            self.requests.clear()

    def wait_until_alone(self) -> None:
        """Wait until all clients are gone, and what they sent is carried out and counted.

        A client that was killed leaves requests behind that are still being worked on.
        """
        # Connections are taken in their order: with this one, all earlier ones are.
        with socket.create_connection((_HOST, self._http.server_port)) as last:
            last.sendall(b"GET /last HTTP/1.0\r\n\r\n")
            last.recv(1)
        self._http.wait_until_closed()

    def start(self) -> None:
        """Begin to answer; connections made before are waiting."""
        self._thread.start()

    def stop(self) -> None:
        """Close every connection, even in the middle of a request, and the store."""
        self._stopping.set()
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.close_connections()
        self._http.server_close()
        self.store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def answer(self, body: bytes, credentials: Credentials) -> Reply | None:
        """Return the reply to a request; None to close the connection instead."""
        if self.options.delay > 0:
            self._sleep(self.options.delay)
        payload = decode(body)
        names = method_names(payload)
        fault = None if self.fault is None else self.fault(names)
        stop_after = None if fault is None else fault.after
        outcome: HandledRequest = execute(
            self._backend, payload, credentials, stop_after=stop_after
        )
        reply = outcome.reply if fault is None else fault.reply
        status = 0 if reply is None else reply.status
        with self._counting:
            self.calls.update(names)
            self.requests.append(RequestLog(names, outcome.carried_out, status))
        return reply

    def _sleep(self, seconds: float) -> None:
        self._stopping.wait(seconds)


class _HttpServer(ThreadingHTTPServer):
    """Threads that end when their connections do, so that stopping leaves nothing behind."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox):
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        self._guard = threading.Condition()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._guard:
            self._open.add(connection)
        return connection, address

    def close_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
            self._guard.notify_all()
        super().close_request(request)

    def wait_until_closed(self) -> None:
        with self._guard:
            self._guard.wait_for(lambda: not self._open)

    def close_connections(self) -> None:
        with self._guard:
            for connection in self._open:
                _hang_up(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away is no error of the server; anything else is a bug and is shown.
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    server_version = "kanport-sandbox"
    sys_version = ""
    # Headers and body leave together, or a client's delayed acknowledgment costs 40 ms each time.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isdecimal():
            self._send_last(web_page(411, "Length Required"))
        elif int(length) > _LARGEST_BODY:
            self._send_last(web_page(413, "Request Entity Too Large"))
        else:
            self._answer(self.rfile.read(int(length)))

    do_GET = do_POST  # noqa: N815

    def _answer(self, body: bytes) -> None:
        if self.path.partition("?")[0] != PATH:
            self._send(web_page(404, "Not Found"))
            return
        credentials = Credentials.from_header(self.headers.get("Authorization"))
        reply = self.server.sandbox.answer(body, credentials)
        if reply is None:
            self.close_connection = True
        else:
            self._send(reply)

    def _send_last(self, reply: Reply) -> None:
        self.close_connection = True
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: request lines would be noise, and errors are in the replies."""


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # the other side was quicker
