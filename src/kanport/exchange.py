"""One HTTP exchange that ends and has a size: what the server's API and webhooks have in common.

`httpx.Client` is not used: it follows and parses redirects, keeps cookies, and unpacks whatever a
server says it packed, however often and however large.
"""

import socket
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from ssl import SSLContext, SSLSocket
from typing import Any, Self
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from kanport.config.address import is_loopback
from kanport.config.settings import MOST_CONNECTIONS
from kanport.facts import fact
from kanport.network import Deadline, Overdue, addresses

ACCEPT_ENCODING = "gzip"

# What TLS within TLS takes at once, as its timeout begins anew with what is left over.
_PIECE = 4096
_under_way: ContextVar[Deadline] = ContextVar("_under_way")


class AnswerTooLarge(Exception):
    """The answer is larger than it may be, as it came or unpacked."""


class AnswerBroken(Exception):
    """The answer is packed in a way that was not asked for, or its packing is broken."""

    def __init__(self, case: str = "") -> None:
        self.why = fact("answer-broken", case=case)
        super().__init__(self.why.text)


class Connections:
    """Connections to one server, for several threads; each exchange has a deadline of its own."""

    def __init__(self, context: SSLContext, proxy: str | None) -> None:
        """Make ready. Raises ImportError, ValueError or httpx.InvalidURL for an unusable proxy."""
        self._transport = httpx.HTTPTransport(
            verify=context,
            # Nothing is taken from the environment behind our back, .netrc above all.
            trust_env=False,
            proxy=proxy,
            limits=httpx.Limits(max_connections=MOST_CONNECTIONS),
        )
        # httpx has no public way to name the backend. tests/hostile fails where this has no effect.
        pool = self._transport._pool
        assert isinstance(pool._network_backend, httpcore.NetworkBackend)  # noqa: S101
        pool._network_backend = _Backend()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def exchange(
        self,
        url: str | httpx.URL,
        body: bytes,
        headers: Mapping[str, str],
        *,
        times: dict[str, float],
        deadline: Deadline,
    ) -> Iterator[httpx.Response]:
        """Post a body and yield the response, whose body is not read yet.

        `times` are the seconds to wait for each step (connect, read, write, pool), all within the
        deadline. Raises httpx.HTTPError, and httpx.InvalidURL or UnicodeError for the URL.
        """
        token = _under_way.set(deadline)
        try:
            request = httpx.Request(
                "POST", url, headers=headers, content=body, extensions={"timeout": times}
            )
            response = self._transport.handle_request(request)
            try:
                yield response
            finally:
                response.close()
        finally:
            _under_way.reset(token)


def read_body(response: httpx.Response, most: int, deadline: Deadline) -> bytes:
    """Read a response to its end and unpack it.

    Raises AnswerTooLarge where it is larger than `most`, packed or not, AnswerBroken, and
    httpx.HTTPError.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    assert isinstance(response.stream, httpx.SyncByteStream)  # noqa: S101 - for the type checker
    parts = _at_most(response.stream, most)
    if encoding in ("", "identity"):
        return b"".join(parts)
    if encoding not in ("gzip", "x-gzip"):
        raise AnswerBroken("packed")
    return b"".join(_at_most(_unpacked(parts, most, deadline), most))


def _at_most(parts: Iterable[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > most:
            raise AnswerTooLarge
        yield part


def _unpacked(parts: Iterable[bytes], most: int, deadline: Deadline) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        for part in parts:
            packed = part
            while packed:
                if unpacker.eof:
                    raise AnswerBroken("behind")
                # Never more at once than may come at all: one part can hold a thousand times that.
                yield unpacker.decompress(packed, most + 1)
                packed = unpacker.unconsumed_tail or unpacker.unused_data
                deadline.left()
    except zlib.error as wrong:
        raise AnswerBroken() from wrong
    except Overdue as late:
        raise httpx.ReadTimeout(str(late)) from late
    if not unpacker.eof:
        raise AnswerBroken()


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL; never one for this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if not proxy:
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


class _Backend(httpcore.NetworkBackend):
    """Makes connections whose every step ends with the exchange that is under way."""

    def __init__(self) -> None:
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        deadline = _under_way.get()
        problem: Exception | None = None
        try:
            for _, _, _, _, address in addresses(host, port, deadline.cut(timeout)):
                try:
                    stream = self._sockets.connect_tcp(
                        address[0],
                        port,
                        timeout=deadline.cut(timeout),
                        local_address=local_address,
                        socket_options=socket_options,
                    )
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as wrong:
                    problem = wrong
                else:
                    return _Stream(stream, stream.get_extra_info("socket"))
        except TimeoutError as late:
            raise httpcore.ConnectTimeout(str(late)) from late
        except OSError as wrong:
            raise httpcore.ConnectError(str(wrong)) from wrong
        raise problem or httpcore.ConnectError("the host has no address")


class _Stream(httpcore.NetworkStream):
    """A connection, used by one exchange after the other; TLS within TLS has no `plain` socket."""

    def __init__(self, stream: httpcore.NetworkStream, plain: socket.socket | None) -> None:
        self._stream = stream
        self._socket = plain

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            left = _under_way.get().cut(timeout)
        except Overdue as late:
            raise httpcore.ReadTimeout(str(late)) from late
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        deadline, at = _under_way.get(), 0
        try:
            while at < len(buffer):
                left = deadline.cut(timeout)
                if self._socket is None:
                    self._stream.write(buffer[at : at + _PIECE], left)
                    at += _PIECE
                else:
                    self._socket.settimeout(left)
                    at += self._socket.send(buffer[at:])
        except TimeoutError as late:
            raise httpcore.WriteTimeout(str(late)) from late
        except OSError as wrong:
            raise httpcore.WriteError(str(wrong)) from wrong

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        try:
            left = _under_way.get().cut(timeout)
        except Overdue as late:
            self.close()
            raise httpcore.ConnectTimeout(str(late)) from late
        inside = self._stream.start_tls(ssl_context, server_hostname, left)
        twice = isinstance(self._socket, SSLSocket)
        return _Stream(inside, None if twice else inside.get_extra_info("socket"))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
