"""A proxy between Kanport and a server that disturbs one request, on real connections.

It speaks HTTP over plain sockets, so that it can break off anywhere; with `tls`, HTTPS.
Another proxy gives a server an address that stays the same.
"""

import http.client
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

Calls = list[dict[str, Any]]
Forward = Callable[[Calls], list[dict[str, Any]]]

JSON = "application/json"


class Ending(Enum):
    """What becomes of the connection after the bytes that were sent."""

    KEEP = auto()
    CLOSE = auto()
    RESET = auto()
    HANG = auto()


@dataclass(frozen=True)
class Wire:
    """What goes back to the client, byte by byte."""

    data: bytes = b""
    ending: Ending = Ending.KEEP


# Gets the calls of a request and a way to let the server carry some of them out.
Disturbance = Callable[[Calls, Forward], Wire]
# Gets the number of a request and its calls, and says what is to happen to it.
Disturb = Callable[[int, Calls], Disturbance | None]


def _nothing(number: int, calls: Calls) -> None:
    return None


def response(
    status: int, content_type: str, body: bytes, headers: Mapping[str, str] | None = None
) -> bytes:
    """Give a whole HTTP response."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {content_type}"]
    lines += [f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def items_response(items: Sequence[object]) -> bytes:
    """Give the response to a batch."""
    return response(200, JSON, json.dumps(items).encode())


@dataclass
class Proxy:
    """Listens on loopback and passes requests on to `server`, as long as the block lasts.

    `requests` counts since `begin`; it is the number of the next request as well.
    """

    tls: ssl.SSLContext | None = None
    requests: int = 0
    _server: tuple[str, int] = ("127.0.0.1", 1)
    _disturb: Disturb = _nothing
    _turn: tuple[int, Callable[[], None]] | None = None
    _tls_now: ssl.SSLContext | None = None
    _silent: bool = False
    _port: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listener: socket.socket | None = None
    _open: set[socket.socket] = field(default_factory=set)

    def __enter__(self) -> Self:
        self.heal()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.refuse()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"

    def begin(self, url: str, disturb: Disturb = _nothing) -> None:
        """Count anew, in front of another server."""
        host, port = url.removeprefix("http://").split("/")[0].split(":")
        self._server, self._disturb, self.requests = (host, int(port)), disturb, 0

    def turn_before(self, number: int, turn: Callable[[], None]) -> None:
        """Let the connection end and conditions turn before the request of this number."""
        self._turn = number, turn

    def use(self, tls: ssl.SSLContext) -> None:
        """Show this certificate from now on."""
        self._tls_now = tls

    def keep_silent_once(self) -> None:
        """Say nothing to the next that connects."""
        self._silent = True

    def heal(self) -> None:
        """Let everything go well from now on."""
        self._disturb, self._turn, self._silent = _nothing, None, False
        self._tls_now = self.tls
        if self._listener is None:
            self.listen()

    def listen(self) -> None:
        """Accept connections, on the same port as before."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        self._port = listener.getsockname()[1]
        listener.listen()
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def refuse(self) -> None:
        """Accept no more connections: whoever tries is refused."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        self._open.add(raw)
        connection = raw
        try:
            with self._lock:
                silent, self._silent = self._silent, False
            if silent:
                while raw.recv(65536):
                    pass
                return
            if self._tls_now is not None:
                connection = self._tls_now.wrap_socket(raw, server_side=True)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            upstream = http.client.HTTPConnection(*self._server)
            while self._exchange(connection, upstream):
                pass
            upstream.close()
        except (OSError, http.client.HTTPException):
            pass  # the client or the server went away, which is what this is about
        finally:
            self._open.discard(raw)
            connection.close()
            raw.close()

    def _exchange(self, connection: socket.socket, upstream: http.client.HTTPConnection) -> bool:
        """Pass one request on; tell whether the connection goes on."""
        received = b""
        while b"\r\n\r\n" not in received:
            part = connection.recv(65536)
            if not part:
                return False
            received += part
        head, _, body = received.partition(b"\r\n\r\n")
        headers = dict(line.decode("latin-1").split(": ", 1) for line in head.split(b"\r\n")[1:])
        while len(body) < int(headers["Content-Length"]):
            body += connection.recv(65536)
        with self._lock:
            number, self.requests = self.requests, self.requests + 1
        calls = json.loads(body)
        if (upstream.host, upstream.port) != self._server:
            upstream.close()
            upstream.host, upstream.port = self._server

        def forward(some: Calls) -> list[dict[str, Any]]:
            if not some:
                return []
            sent = {"Authorization": headers["Authorization"], "Content-Type": JSON}
            upstream.request("POST", "/jsonrpc.php", json.dumps(some).encode(), sent)
            items: list[dict[str, Any]] = json.loads(upstream.getresponse().read())
            return items

        disturbance = self._disturb(number, calls)
        if disturbance is None:
            wire = Wire(items_response(forward(calls)))
        else:
            wire = disturbance(calls, forward)
        if self._turn is not None and self._turn[0] == number + 1:
            self._turn[1]()
            wire = Wire(wire.data, Ending.CLOSE)
        connection.sendall(wire.data)
        match wire.ending:
            case Ending.HANG:
                # Until the client has had enough of it.
                connection.recv(1)
            case Ending.RESET:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        return wire.ending is Ending.KEEP


# --- an address that stays the same ---------------------------------------------------------------
#
# Plans, journals and ledgers name their server. So that recorded ones can be carried out again, a
# proxy on loopback answers for the address that they name.


RECORDED_URL = "http://kanboard.test/jsonrpc.php"
RECORDED_TOKEN = "recorded"


@contextmanager
def proxy_to(url: str) -> Iterator[str]:
    """Serve a proxy that sends whatever it is asked to one server; yield its own URL."""
    to = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server = http.client.HTTPConnection(to.hostname or "", to.port, timeout=30)
            names = ("Authorization", "Content-Type")
            headers = {name: self.headers[name] for name in names if name in self.headers}
            try:
                server.request("POST", urlsplit(self.path).path, body, headers)
                answer = server.getresponse()
                text = answer.read()
            except http.client.HTTPException:
                self.close_connection = True
                return
            finally:
                server.close()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{proxy.server_port}"
        finally:
            proxy.shutdown()
