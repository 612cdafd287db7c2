"""Kanboard, or what answers in its place, never ends, swells or talks nonsense."""

import gzip
import socket
import threading
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from pydantic import SecretStr

from kanport.config.settings import Settings, Timeouts
from kanport.kanboard.faults import Fault, NoAnswer
from kanport.kanboard.transport import Transport, seconds_to_wait
from tests.support.hostile import Peer, bounded, listening

pytestmark = pytest.mark.timeout(1800)

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def post(port: int, *, scheme: str = "http", body: bytes = b"[]", **other: Any) -> str | NoAnswer:
    settings = Settings(
        url=f"{scheme}://127.0.0.1:{port}/jsonrpc.php",
        token=SecretStr("t"),
        # The silence that is allowed is longer than the test: only the whole ends it.
        timeouts=Timeouts(connect=60, read=60, write=60, total=other.pop("total", 1.5)),
        **other,
    )
    with Transport(settings) as transport:
        return transport.post(body)


def headers_byte_by_byte(peer: Peer) -> None:
    peer.request()
    peer.drip(OK + b"X-Long: " + b"a" * 100_000)


def headers_line_by_line(peer: Peer) -> None:
    peer.request()
    peer.send(OK)
    peer.forever(b"X-One: more\r\n", pause=0.05)


def status_line_byte_by_byte(peer: Peer) -> None:
    peer.request()
    peer.drip(b"HTTP/1.1 200 " + b"O" * 10_000)


def endless_continue(peer: Peer) -> None:
    peer.request()
    peer.forever(b"HTTP/1.1 100 Continue\r\n\r\n")


def slow_early_hints(peer: Peer) -> None:
    peer.request()
    peer.forever(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n", pause=0.05)


def body_byte_by_byte(peer: Peer) -> None:
    peer.request()
    peer.send(OK + b"Content-Length: 100000\r\n\r\n")
    peer.drip(b"[" + b" " * 99_999)


def chunk_sizes_byte_by_byte(peer: Peer) -> None:
    peer.request()
    peer.send(CHUNKED)
    peer.drip(b"000000000000001\r\n \r\n" * 1000)


def chunks_one_by_one(peer: Peer) -> None:
    peer.request()
    peer.send(CHUNKED)
    peer.forever(chunk(b" "), pause=0.05)


def chunk_extensions(peer: Peer) -> None:
    peer.request()
    peer.send(CHUNKED)
    peer.drip(b"1;" + b"a=b;" * 10_000)


def trailers(peer: Peer) -> None:
    peer.request()
    peer.send(CHUNKED + chunk(b"[]") + b"0\r\n")
    peer.forever(b"X-Trailer: more\r\n", pause=0.05)


def gzip_of_nothing(peer: Peer) -> None:
    peer.request()
    packed = gzip.compress(b"")[:10]
    peer.send(GZIP + chunk(packed))
    # An empty block that is not the last one.
    peer.forever(chunk(b"\x00\x00\x00\xff\xff" * 500))


def silence(peer: Peer) -> None:
    peer.request()
    peer.hang()


NEVER_ENDING = [
    headers_byte_by_byte,
    headers_line_by_line,
    status_line_byte_by_byte,
    endless_continue,
    slow_early_hints,
    body_byte_by_byte,
    chunk_sizes_byte_by_byte,
    chunks_one_by_one,
    chunk_extensions,
    trailers,
    gzip_of_nothing,
    silence,
]


@pytest.mark.parametrize("behavior", NEVER_ENDING)
def test_an_answer_that_never_ends_is_given_up(behavior: Callable[[Peer], None]) -> None:
    with listening(behavior) as port, bounded():
        answer = post(port)
    assert isinstance(answer, NoAnswer)
    assert (answer.fault, answer.sent) == (Fault.TIMEOUT, True)
    assert answer.why == "the whole answer took longer than 1.5 s"
    assert "--request-timeout" in (answer.reason.hint or "")


def test_a_handshake_that_never_ends_is_given_up() -> None:
    def handshake(peer: Peer) -> None:
        peer.request()
        # A record of 16 KiB that comes byte by byte.
        peer.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + b"a" * 16_000)

    with listening(handshake) as port, bounded():
        answer = post(port, scheme="https")
    assert isinstance(answer, NoAnswer)
    assert (answer.fault, answer.sent) == (Fault.CONNECT, False)


def test_a_request_that_nobody_takes_is_given_up() -> None:
    def deaf(peer: Peer) -> None:
        while not peer.gone.wait(0.05):
            peer.socket.recv(10)

    with listening(deaf) as port, bounded():
        answer = post(port, body=b"[" + b" " * 2**24 + b"]")
    assert isinstance(answer, NoAnswer)
    assert (answer.fault, answer.sent) == (Fault.TIMEOUT, True)


def test_a_proxy_that_never_ends_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening(headers_byte_by_byte) as port, bounded():
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        settings = Settings(
            url="https://kanboard.example.org/jsonrpc.php",
            token=SecretStr("t"),
            timeouts=Timeouts(read=60, total=1.5),
        )
        with Transport(settings) as transport:
            answer = transport.post(b"[]")
    assert isinstance(answer, NoAnswer)
    assert answer.fault in (Fault.TIMEOUT, Fault.PROXY)


def test_a_name_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: released.wait())
    with bounded():
        answer = post(9)
    released.set()
    assert isinstance(answer, NoAnswer)
    assert (answer.fault, answer.sent) == (Fault.CONNECT, False)


@cache
def bomb(times: int, layers: int) -> bytes:
    """Pack zeros, several times where one layer is not enough."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(times)) + packer.flush()
    for _ in range(layers - 1):
        packed = gzip.compress(packed, 9)
    return packed


@pytest.mark.parametrize(
    ("encoding", "layers", "expected"),
    [
        ("gzip", 1, Fault.ANSWER_TOO_LARGE),
        ("GZIP ", 1, Fault.ANSWER_TOO_LARGE),
        ("gzip, gzip", 2, Fault.NOT_JSON),
        ("gzip,gzip,gzip", 3, Fault.NOT_JSON),
        ("gzip, identity", 1, Fault.NOT_JSON),
        ("deflate", 1, Fault.NOT_JSON),
        ("br", 1, Fault.NOT_JSON),
        ("zstd", 1, Fault.NOT_JSON),
        ("x" * 10_000, 1, Fault.NOT_JSON),
    ],
)
def test_an_answer_does_not_swell(encoding: str, layers: int, expected: Fault) -> None:
    packed = bomb(600, layers)

    def swell(peer: Peer) -> None:
        peer.request()
        peer.send(OK + b"Content-Encoding: %s\r\n" % encoding.encode())
        peer.send(b"Content-Length: %d\r\n\r\n" % len(packed) + packed)
        peer.hang()

    with listening(swell) as port, bounded():
        answer = post(port, total=250, answer_limit=2**24)
    assert isinstance(answer, NoAnswer)
    assert answer.fault is expected
    if expected is Fault.ANSWER_TOO_LARGE:
        assert answer.why == "the answer is larger than 16 MiB"


def test_two_encoding_headers_count_as_two() -> None:
    def swell(peer: Peer) -> None:
        peer.request()
        packed = bomb(10, 2)
        peer.send(OK + b"Content-Encoding: gzip\r\n" * 2)
        peer.send(b"Content-Length: %d\r\n\r\n" % len(packed) + packed)

    with listening(swell) as port, bounded():
        answer = post(port, total=250)
    assert isinstance(answer, NoAnswer)
    assert answer.fault is Fault.NOT_JSON


@pytest.mark.parametrize("rest", [b"more", gzip.compress(b"[]")], ids=["bytes", "a second member"])
def test_what_comes_behind_the_end_of_a_packed_answer_is_refused(rest: bytes) -> None:
    packed = gzip.compress(b"[]") + rest

    def behind(peer: Peer) -> None:
        peer.request()
        peer.send(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed))
        peer.send(packed)

    with listening(behind) as port, bounded():
        answer = post(port, total=250)
    assert isinstance(answer, NoAnswer)
    assert answer.fault is Fault.NOT_JSON


def test_a_packed_answer_that_is_cut_off_is_refused() -> None:
    packed = gzip.compress(b"[]" + b" " * 1000)[:-9]

    def cut(peer: Peer) -> None:
        peer.request()
        peer.send(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed))
        peer.send(packed)

    with listening(cut) as port, bounded():
        answer = post(port, total=250)
    assert isinstance(answer, NoAnswer)
    assert answer.fault is Fault.NOT_JSON


def test_endless_headers_are_not_kept() -> None:
    def swell(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.forever(b"X-Long: " + b"a" * 60_000 + b"\r\n")

    with listening(swell) as port, bounded():
        answer = post(port, total=250)
    assert isinstance(answer, NoAnswer)
    assert answer.fault is Fault.RESET


ABSURD_TIMES = [
    "9" * 20,
    "9" * 5_000,
    "1e400",
    "0x10",
    "1_000",
    "-1",
    "-" + "9" * 20,
    "١٢",
    "Sat, 21 Nov 99999999999999999999 00:00:30 GMT",
    "Sat, 21 Nov -2026 00:00:30 GMT",
    "Sat, 21 Nov 2026 00:00:30 +99999999999999",
    "Sat, 21 Nov 2026 00:00:30 -99999999999999",
    "Sat, 21 Nov 2026 99:99:99 GMT",
    "Sat, 99999999999999999999 Nov 2026 00:00:30 GMT",
    "Sat, 21 Nov 2026 00:00:" + "9" * 30 + " GMT",
    "Sat Nov 21 00:00:30 " + "9" * 20,
    "Saturday, 21-Nov-" + "9" * 20 + " 00:00:30 GMT",
    "21 Nov 0000 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    ",,,,,,",
    "Nov",
    "a" * 50_000,
    "1, 2",
]


@pytest.mark.parametrize("value", ABSURD_TIMES)
def test_an_absurd_retry_after_is_no_bug(value: str) -> None:
    seconds = seconds_to_wait(value, now=datetime(2026, 11, 21, tzinfo=UTC))
    assert seconds is None or 0 <= seconds <= 31_536_000


ABSURD_ANSWERS = {
    "content-length of 5000 digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000,
    "content-length of 20 digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 20,
    "negative content-length": b"HTTP/1.1 200 OK\r\nContent-Length: -5",
    "two content-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3",
    "content-length in hex": b"HTTP/1.1 200 OK\r\nContent-Length: 0x2",
    "date": b"HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 99999999999999999999 00:00:00 GMT",
    "charset": b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=" + b"x" * 5000,
    "charset that is no name": b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=\xff\xfe;charset",
    "status of 5 digits": b"HTTP/1.1 99999 What",
    "status 000": b"HTTP/1.1 000 What",
    "negative status": b"HTTP/1.1 -200 OK",
    "no status": b"HTTP/1.1",
    "version": b"HTTP/99999.9 200 OK",
    "another protocol": b"SSH-2.0-OpenSSH_9.6",
    "status 101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade",
    "status 999": b"HTTP/1.1 999 Odd",
    "location": b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n",
    "location with a port": b"HTTP/1.1 302 Found\r\nLocation: http://a:99999999999999999999/",
    "location that is long": b"HTTP/1.1 302 Found\r\nLocation: http://" + b"a." * 20_000,
    "location of other letters": "HTTP/1.1 302 Found\r\nLocation: http://ℂ℀/".encode(),
    "cookie": b"HTTP/1.1 503 No\r\nSet-Cookie: a=b; expires=Sat, 99 Nov 99999999999 99:99:99 GMT",
    "retry-after": b"HTTP/1.1 503 No\r\nRetry-After: Sat, 21 Nov " + b"9" * 20 + b" 00:00:00 GMT",
    "retry-after with a zone": b"HTTP/1.1 429 No\r\nRetry-After: 21 Nov 2026 00:00:00 +"
    + b"9" * 14,
    "retry-after of other bytes": b"HTTP/1.1 429 No\r\nRetry-After: \xff\xfe\x80",
    "transfer-encoding": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
    "header without a name": b"HTTP/1.1 200 OK\r\n: value",
    "header with zero bytes": b"HTTP/1.1 200 OK\r\nX: a\x00b",
    "folded header": b"HTTP/1.1 200 OK\r\nX: a\r\n b",
}


@pytest.mark.parametrize("head", ABSURD_ANSWERS.values(), ids=ABSURD_ANSWERS)
def test_absurd_headers_are_no_bug(head: bytes) -> None:
    def absurd(peer: Peer) -> None:
        peer.request()
        peer.send(head + b"\r\n\r\n")

    with listening(absurd) as port, bounded():
        answer = post(port, total=250)
    assert isinstance(answer, NoAnswer | str)
    if isinstance(answer, NoAnswer):
        assert answer.why.isprintable()
        assert len(answer.why) < 1000
