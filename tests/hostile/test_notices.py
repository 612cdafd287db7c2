"""Receivers of notices that never end or talk nonsense: the run has ended, and so must these."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kanport.config.secrets import Notify
from kanport.notify import Delivery, DeliveryContext, send_notices
from tests.support.hostile import Peer, bounded, listening
from tests.support.summaries import GOOD

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kanport.notify._PAUSE", 0.01)


def hook(port: int, timeout: float = 1.5) -> Delivery:
    return send(webhook={"url": f"http://127.0.0.1:{port}/", "timeout": timeout})


def mail(port: int, **more: Any) -> Delivery:
    table = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "from": "kanport@example.org",
        "to": ["ops@example.org"],
        "timeout": 1.5,
    }
    return send(email=table | more)


def send(**tables: Any) -> Delivery:
    notify = Notify.model_validate({"on": "always"} | tables)
    with bounded():
        (delivery,) = send_notices(notify, GOOD, DeliveryContext({"P": "secret"}, Path("/")))
    assert "bug" not in (delivery.problem or "")
    return delivery


def headers_byte_by_byte(peer: Peer) -> None:
    peer.request()
    peer.drip(b"HTTP/1.1 204 No Content\r\nX-Long: " + b"a" * 10_000)


def endless_continue(peer: Peer) -> None:
    peer.request()
    peer.forever(b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.02)


def silence(peer: Peer) -> None:
    peer.hang()


@pytest.mark.parametrize("behavior", [headers_byte_by_byte, endless_continue, silence])
def test_a_webhook_that_never_ends_is_given_up(behavior: Callable[[Peer], None]) -> None:
    with listening(behavior) as port:
        assert hook(port).problem == "no answer in 1.5 seconds"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://[::1",
        b"HTTP/1.1 302 Found\r\nLocation: http://a:" + b"9" * 30,
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5_000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: nonsense",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=nonsense",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; expires=Sat, 99 Nov 999999999 99:99:99 GMT",
        b"HTTP/1.1 99999 What",
        b"220 mail.example.org ESMTP",
    ],
)
def test_a_webhook_that_makes_no_sense_is_no_bug(head: bytes) -> None:
    def absurd(peer: Peer) -> None:
        peer.request()
        peer.send(head + b"\r\n\r\n")

    with listening(absurd) as port:
        hook(port, timeout=30)


def test_what_a_webhook_answers_is_not_read() -> None:
    def swell(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        peer.forever(b"10000\r\n" + bytes(65_536) + b"\r\n")

    with listening(swell) as port:
        assert hook(port, timeout=30).problem is None


GREETING = b"220 mail.example.org ESMTP\r\n"


def greeting_byte_by_byte(peer: Peer) -> None:
    peer.drip(GREETING[:-2] + b" " * 5_000)


def greeting_line_by_line(peer: Peer) -> None:
    peer.forever(b"220-wait\r\n", pause=0.05)


def no_greeting(peer: Peer) -> None:
    peer.hang()


def no_answer_to_ehlo(peer: Peer) -> None:
    peer.send(GREETING)
    peer.drip(b"250-" + b"A" * 5_000)


@pytest.mark.parametrize(
    "behavior", [greeting_byte_by_byte, greeting_line_by_line, no_greeting, no_answer_to_ehlo]
)
def test_a_mail_server_that_never_ends_is_given_up(behavior: Callable[[Peer], None]) -> None:
    with listening(behavior) as port:
        assert mail(port).problem == "no answer from 127.0.0.1 in 1.5 seconds"


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_a_handshake_that_never_ends_is_given_up(security: str) -> None:
    def handshake(peer: Peer) -> None:
        if security == "starttls":
            peer.send(GREETING)
            peer.request()
            peer.send(b"250-mail\r\n250 STARTTLS\r\n")
            peer.request()
            peer.send(b"220 go\r\n")
        peer.request()
        peer.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + b"a" * 16_000)

    with listening(handshake) as port:
        assert mail(port, security=security).problem == "no answer from 127.0.0.1 in 1.5 seconds"


def test_a_mail_server_that_talks_without_end_does_not_swell() -> None:
    def swell(peer: Peer) -> None:
        peer.forever(b"220-" + b"a" * 500 + b"\r\n")

    with listening(swell) as port:
        problem = mail(port, timeout=40).problem
    assert problem == "127.0.0.1 cannot be used: it sent more than 1 MiB"


def test_a_mail_that_was_taken_counts_as_sent_whatever_comes_then() -> None:
    def slow_farewell(peer: Peer) -> None:
        peer.send(GREETING)
        for answer in (b"250 mail", b"250 ok", b"250 ok", b"354 go"):
            peer.request()
            peer.send(answer + b"\r\n")
        data = b""
        while not data.endswith(b"\r\n.\r\n"):
            data += peer.request()
        peer.send(b"250 taken\r\n")
        peer.request()
        peer.drip(b"221-" + b"b" * 10_000)

    with listening(slow_farewell) as port:
        assert mail(port, timeout=6).problem is None


@pytest.mark.parametrize(
    "lines",
    [
        [b"\xff\xfe\x00\r\n"],
        [b"220 " + b"a" * 100_000 + b"\r\n"],
        [b"99999999999999999999 hello\r\n"],
        [b"-20 hello\r\n"],
        [GREETING, b"250-AUTH=\xff LOGIN\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n", b"334 ~~~=\r\n"],
        [GREETING, b"250 SIZE " + b"9" * 5_000 + b"\r\n", b"250 ok\r\n"],
    ],
)
def test_a_mail_server_that_makes_no_sense_is_no_bug(lines: list[bytes]) -> None:
    def senseless(peer: Peer) -> None:
        for line in lines:
            peer.send(line)
            peer.request()

    login = {"username": "kanport", "password": {"env": "P"}}
    with listening(senseless) as port:
        assert mail(port, timeout=30, **login).problem
