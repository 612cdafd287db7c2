"""Directories that never end, swell or talk nonsense, before the login and after it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kanport.errors import Exit, Unreachable
from kanport.mapping.ldap import LdapSource
from kanport.sources.ldap.connect import connected
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.search import Directory
from tests.support.hostile import Peer, bounded, listening
from tests.support.ldap.responder import (
    element,
    elements,
    ended,
    entry,
    integer,
    message,
    page_control,
)

pytestmark = pytest.mark.timeout(1800)

OVERDUE = "longer than 1.5 s"


def source(port: int, **more: Any) -> LdapSource:
    return LdapSource.model_validate(
        {
            "type": "ldap",
            "url": f"ldap://127.0.0.1:{port}",
            "base": "dc=x",
            # The silence that is allowed is longer than the test: only the whole ends it.
            "timeout": 300,
            "connect_timeout": 300,
            "allow_plaintext": True,
        }
        | more
    )


def search(port: int, request_timeout: float = 1.5, **more: Any) -> Unreachable:
    """Ask for everybody, and return why nothing came of it."""
    spec = source(port, **more)
    opened = connected("people", spec, base=Path(), environ={}, request_timeout=request_timeout)
    question = Question("dc=x", "subtree", "(objectClass=*)", ("uid",))

    def ask() -> int:
        with opened as (connection, _):
            # Nothing is kept here, so that what grows is Kanport's.
            return sum(1 for _ in Directory(connection, spec.page_size).search(question))

    with bounded(), pytest.raises(Unreachable) as caught:
        ask()
    assert caught.value.exit_code is Exit.UNREACHABLE
    return caught.value


def asked(peer: Peer) -> int:
    """Take a request, and return its number."""
    ((_, content),) = elements(peer.request())[:1]
    return int.from_bytes(elements(content)[0][1], "big")


def login(peer: Peer) -> int:
    """Let the client in, and return the number of its search."""
    peer.send(message(asked(peer), ended(0, tag=0x61)))
    return asked(peer)


def bind_byte_by_byte(peer: Peer) -> None:
    peer.drip(message(asked(peer), ended(0, "welcome " * 1000, tag=0x61)))


def bind_after_many_others(peer: Peer) -> None:
    peer.forever(message(asked(peer), element(0x79, element(0x80, b"1.2.3"))), pause=0.05)


def bind_of_another(peer: Peer) -> None:
    peer.forever(message(asked(peer) + 1, ended(0, tag=0x61)), pause=0.05)


def no_bind(peer: Peer) -> None:
    peer.hang()


@pytest.mark.parametrize(
    "behavior", [bind_byte_by_byte, bind_after_many_others, bind_of_another, no_bind]
)
def test_a_login_that_never_ends_is_given_up(behavior: Callable[[Peer], None]) -> None:
    with listening(behavior) as port:
        problem = search(port)
    (detail,) = problem.details
    assert "the login failed" in detail


def test_start_tls_that_never_ends_is_given_up() -> None:
    def dripping(peer: Peer) -> None:
        peer.drip(message(asked(peer), ended(0, "welcome " * 1000, tag=0x78)))

    with listening(dripping) as port:
        assert "StartTLS failed" in search(port, start_tls=True).details[0]


def handshake(peer: Peer) -> None:
    peer.request()
    peer.drip(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + b"a" * 16_000)


def test_a_handshake_that_never_ends_is_given_up() -> None:
    with listening(handshake) as port:
        problem = search(port, url=f"ldaps://127.0.0.1:{port}")
    assert problem.details


def test_a_handshake_after_start_tls_that_never_ends_is_given_up() -> None:
    def late(peer: Peer) -> None:
        peer.send(message(asked(peer), ended(0, tag=0x78)))
        handshake(peer)

    with listening(late) as port:
        assert search(port, start_tls=True).details


def test_a_login_does_not_swell() -> None:
    def swelling(peer: Peer) -> None:
        asked(peer)
        peer.send(b"\x30\x84\x7f\xff\xff\xff\x02\x01\x01\x61\x84\x7f\xff\xff\xf0")
        peer.forever(bytes(65_536))

    with listening(swelling) as port:
        assert "more than 1 MiB" in search(port, request_timeout=250).details[0]


SENSELESS: dict[str, Callable[[int], bytes]] = {
    "tags only": lambda _: b"\x30" * 5_000,
    "no lengths": lambda _: b"\x30\x80" * 2_000,
    "nothing in it": lambda number: message(number, element(0x61, b"")),
    "a code of 40 digits": lambda number: message(number, element(0x61, integer(10**40, 0x0A))),
    "a code and no more": lambda number: message(number, element(0x61, integer(0, 0x0A))),
    "an entry": lambda number: message(number, element(0x64, b"")),
    "the end of a search": lambda number: message(number, ended(0, tag=0x65)),
    "a code that does not exist": lambda number: message(number, ended(4711, tag=0x61)),
    "a reference": lambda number: message(number, ended(10, tag=0x61)),
    "no number": lambda _: element(0x30, element(0x02)),
    "empty": lambda _: element(0x30),
    "many elements": lambda _: element(0x30, *[element(0x30, b"\x05\x00")] * 400),
    "longer than it is": lambda number: message(number, b"\x61\x83\xff\xff\xff"),
    "text that is none": lambda number: message(
        number, element(0x61, integer(49, 0x0A), element(0x04, b"\xff\xfe"), element(0x04, b"\x80"))
    ),
}


@pytest.mark.parametrize("answer", SENSELESS.values(), ids=SENSELESS)
def test_a_login_that_makes_no_sense_is_no_bug(answer: Callable[[int], bytes]) -> None:
    def senseless(peer: Peer) -> None:
        peer.send(answer(asked(peer)))

    with listening(senseless) as port:
        problem = search(port, request_timeout=250)
    assert problem.message


def nested(depth: int) -> bytes:
    inner = b"\x05\x00"
    for _ in range(depth):
        inner = element(0x30, inner)
    return inner


def test_a_deeply_nested_login_is_no_bug() -> None:
    def deep(peer: Peer) -> None:
        peer.send(message(asked(peer), element(0x61, nested(3_000))))

    with listening(deep) as port:
        assert search(port, request_timeout=250).details


def intermediate_each_moment(peer: Peer) -> None:
    number = login(peer)
    peer.forever(message(number, element(0x79, element(0x80, b"1.2.3"))), pause=0.05)


def intermediate_as_fast_as_it_goes(peer: Peer) -> None:
    number = login(peer)
    peer.forever(message(number, element(0x79, element(0x80, b"1.2.3"))) * 100)


def references(peer: Peer) -> None:
    number = login(peer)
    peer.forever(message(number, element(0x73, element(0x04, b"ldap://other/dc=x"))), pause=0.05)


def entries_now_and_then(peer: Peer) -> None:
    number = login(peer)
    peer.forever(message(number, entry("uid=a,dc=x", {"uid": [b"a"]})), pause=0.05)


def entry_byte_by_byte(peer: Peer) -> None:
    number = login(peer)
    peer.drip(message(number, entry("uid=a,dc=x", {"uid": [b"a" * 10_000]})))


def length_byte_by_byte(peer: Peer) -> None:
    login(peer)
    peer.drip(b"\x30\x84\x00\x0f\xff\xff" + b"\x02" * 1_000)


def nothing(peer: Peer) -> None:
    login(peer)
    peer.hang()


@pytest.mark.parametrize(
    "behavior",
    [
        intermediate_each_moment,
        intermediate_as_fast_as_it_goes,
        references,
        entries_now_and_then,
        entry_byte_by_byte,
        length_byte_by_byte,
        nothing,
    ],
)
def test_a_search_that_never_ends_is_given_up(behavior: Callable[[Peer], None]) -> None:
    with listening(behavior) as port:
        problem = search(port)
    assert OVERDUE in problem.message
    assert "--request-timeout" in (problem.hint or "")


def endless_pages(peer: Peer) -> None:
    number = login(peer)
    while True:
        found = message(number, entry("uid=a,dc=x", {"uid": [b"a"]}))
        peer.send(found * 50 + message(number, ended(0), page_control(b"again")))
        number = asked(peer)


def endless_entries(peer: Peer) -> None:
    number = login(peer)
    peer.forever(message(number, entry("uid=a,dc=x", {"uid": [b"a"]})) * 100)


def endless_values(peer: Peer) -> None:
    number = login(peer)
    values = {f"x{n}": [b"ab"] * 1_000 for n in range(20)}
    peer.forever(message(number, entry("uid=a,dc=x", values)))


@pytest.mark.parametrize("behavior", [endless_pages, endless_entries])
def test_more_entries_than_a_source_may_have_are_refused(
    behavior: Callable[[Peer], None],
) -> None:
    with listening(behavior) as port:
        problem = search(port, request_timeout=250, max_entries=1_000)
    assert "more than 1000 entries" in problem.message
    assert "max_entries" in (problem.hint or "")


def test_more_bytes_than_a_source_may_have_are_refused() -> None:
    with listening(endless_values) as port:
        problem = search(port, request_timeout=250, max_bytes=20 * 2**20)
    assert "longer in all than 20 MiB" in problem.message
    assert "max_bytes" in (problem.hint or "")


def one_long_value(peer: Peer) -> None:
    number = login(peer)
    peer.send(message(number, entry("uid=a,dc=x", {"uid": [bytes(2**21)]})))


def one_that_says_it_is_long(peer: Peer) -> None:
    login(peer)
    peer.send(b"\x30\x84\x7f\xff\xff\xff")
    peer.forever(bytes(65_536))


def many_short_values(peer: Peer) -> None:
    number = login(peer)
    peer.send(message(number, entry("uid=a,dc=x", {"uid": [b"ab"] * 100_000})))


def many_attributes(peer: Peer) -> None:
    number = login(peer)
    values = {f"attribute{n}": [b"ab"] * 200 for n in range(500)}
    peer.send(message(number, entry("uid=a,dc=x", values)))


@pytest.mark.parametrize(
    "behavior", [one_long_value, one_that_says_it_is_long, many_short_values, many_attributes]
)
def test_an_entry_longer_than_it_may_be_is_refused(behavior: Callable[[Peer], None]) -> None:
    with listening(behavior) as port:
        problem = search(port, request_timeout=250, max_entry_bytes=2**20)
    assert "one entry is longer than 1 MiB" in problem.message
    assert "max_entry_bytes" in (problem.hint or "")


def test_values_beyond_count_are_not_even_made() -> None:
    """12 MiB of values of two bytes would be 170 MiB of objects."""

    def long(peer: Peer) -> None:
        number = login(peer)
        values = element(0x31, element(0x04, b"ab") * (3 * 2**20))
        attributes = element(0x30, element(0x30, element(0x04, b"uid"), values))
        peer.send(message(number, element(0x64, element(0x04, b"uid=a,dc=x"), attributes)))

    with listening(long) as port:
        problem = search(port, request_timeout=250, max_entry_bytes=64 * 2**20)
    assert "one entry is longer than 64 MiB" in problem.message
