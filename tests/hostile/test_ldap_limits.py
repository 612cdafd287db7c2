"""At its exact limit the answer of a directory is read, and with one more it is refused."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from kanport.errors import Unreachable
from kanport.sources.ldap.ber import VALUE_COST
from kanport.sources.ldap.connect import connected
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.search import Directory
from tests.hostile.test_ldap import asked, login, source
from tests.support.hostile import Peer, bounded, listening
from tests.support.ldap.responder import elements, ended, entry, message

pytestmark = pytest.mark.timeout(1800)

Values = Mapping[str, list[bytes]]
ENTRIES: list[Values] = [
    {"uid": [b"ada"], "mail": [b"ada@x.org", b"a@x.org"]},
    {"uid": [b"bob"]},
    {"uid": [b"eve"], "sn": [b"E" * 300]},
]


def packed(number: int, values: Values) -> bytes:
    return entry(f"uid={number},dc=x", values)


def cost(number: int, values: Values) -> int:
    """Return what an entry counts: its content, and something for each value."""
    ((_, content),) = elements(packed(number, values))
    return len(content) + VALUE_COST * sum(map(len, values.values()))


@contextmanager
def serving(*answers: list[Values]) -> Iterator[int]:
    """Serve each search its entries; all of them over one connection."""

    def behave(peer: Peer) -> None:
        numbers = [login(peer)]
        for at, entries in enumerate(answers):
            if at:
                numbers.append(asked(peer))
            sent = [message(numbers[-1], packed(n, values)) for n, values in enumerate(entries)]
            peer.send(b"".join(sent) + message(numbers[-1], ended(0)))

    with listening(behave) as port:
        yield port


def found(port: int, searches: int = 1, **limits: int) -> int:
    """Search so often, and return how many entries came."""
    spec = source(port, page_size=0, **limits)
    question = Question("dc=x", "subtree", "(objectClass=*)", ("uid",))
    opened = connected("people", spec, base=Path(), environ={}, request_timeout=250)
    with bounded(), opened as (connection, _):
        directory = Directory(connection, spec.page_size)
        return sum(1 for _ in range(searches) for _ in directory.search(question))


def refused(port: int, setting: str, searches: int = 1, **limits: int) -> None:
    with pytest.raises(Unreachable) as caught:
        found(port, searches, **limits)
    assert setting in (caught.value.hint or "")


def test_a_directory_may_have_so_many_entries() -> None:
    with serving(ENTRIES) as port:
        assert found(port, max_entries=3) == 3
    with serving(ENTRIES) as port:
        refused(port, "max_entries", max_entries=2)


def test_all_searches_together_may_bring_so_many_entries() -> None:
    with serving(ENTRIES, ENTRIES) as port:
        assert found(port, 2, max_entries=6) == 6
    with serving(ENTRIES, ENTRIES) as port:
        refused(port, "max_entries", 2, max_entries=5)


def test_the_entries_may_have_so_many_bytes_in_all() -> None:
    whole = sum(cost(n, values) for n, values in enumerate(ENTRIES))
    with serving(ENTRIES) as port:
        assert found(port, max_bytes=whole) == 3
    with serving(ENTRIES) as port:
        refused(port, "max_bytes", max_bytes=whole - 1)


def test_all_searches_together_may_bring_so_many_bytes() -> None:
    whole = 2 * sum(cost(n, values) for n, values in enumerate(ENTRIES))
    with serving(ENTRIES, ENTRIES) as port:
        assert found(port, 2, max_bytes=whole) == 6
    with serving(ENTRIES, ENTRIES) as port:
        refused(port, "max_bytes", 2, max_bytes=whole - 1)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_entry_may_have_so_many_bytes(at: int) -> None:
    with serving([ENTRIES[at]]) as port:
        assert found(port, max_entry_bytes=cost(0, ENTRIES[at])) == 1
    with serving([ENTRIES[at]]) as port:
        refused(port, "max_entry_bytes", max_entry_bytes=cost(0, ENTRIES[at]) - 1)


def test_an_entry_of_few_long_values_is_held_to_the_limit_before_it_is_there() -> None:
    # The message itself is longer than an entry may be.
    long: Values = {"uid": [b"x" * 5_000]}
    with serving([long]) as port:
        refused(port, "max_entry_bytes", max_entry_bytes=4_000)


def test_an_entry_without_values_is_held_to_the_length_of_its_message() -> None:
    # ldap3 numbers the messages of a whole process, so the number has one byte or more.
    shortest, longest = (len(message(number, packed(0, {}))) for number in (2, 2**24))
    with serving([{}]) as port:
        assert found(port, max_entry_bytes=longest) == 1
    with serving([{}]) as port:
        refused(port, "max_entry_bytes", max_entry_bytes=shortest - 1)
