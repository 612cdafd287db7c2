"""Searches: complete, or SourceIncomplete; there is nothing between."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kanport.errors import ConfigInvalid, Exit
from kanport.sources.ldap.ber import Entry
from kanport.sources.ldap.connect import connected
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.search import Directory, SourceIncomplete
from tests.support.ldap.ldif import GROUPS, PEOPLE, dn, group, person, tree
from tests.support.ldap.reading import ENVIRON, spec
from tests.support.ldap.responder import Behavior, Responder
from tests.support.ldap.slapd import SUFFIX, Slapd

MANY = 2_500
LIMITED = f"cn=limited,{SUFFIX}"


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A slapd with 2,500 people, a group of 3,000 members, and a login that gets 1,700 entries."""
    limited = (
        f"dn: {LIMITED}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
        "cn: limited\nuserPassword: slapd-geheim\n"
    )
    entries = tree(
        limited,
        *(person(f"u{number:04}") for number in range(MANY)),
        group("large", *(dn(f"u{number:04}") for number in range(3_000))),
    )
    limits = f'limits dn.exact="{LIMITED}" size.soft=500 size.hard=1700 size.prtotal=1700'
    rules = ["access to attrs=userPassword by anonymous auth", "access to * by users read"]
    folder = tmp_path_factory.mktemp("big") / "slapd"
    with Slapd(folder, entries, database=[limits, *rules]) as slapd:
        yield slapd


def search(
    url: str, base: str = PEOPLE, attributes: tuple[str, ...] = ("uid",), **more: Any
) -> list[Entry]:
    """Search everything below a base."""
    source = spec(url, **more)
    with connected("p", source, base=Path(), environ=ENVIRON) as (connection, _):
        directory = Directory(connection, source.page_size)
        question = Question(base, "subtree", more.get("filter", "(objectClass=*)"), attributes)
        return list(directory.search(question))


def test_all_of_2500_people_come_whatever_the_page(big: Slapd) -> None:
    for size in (100, 500, 999, 0):
        found = search(big.url, filter="(uid=*)", page_size=size)
        assert len({entry.dn for entry in found}) == MANY


def test_a_limit_of_the_server_that_cuts_a_search_makes_it_incomplete(big: Slapd) -> None:
    for size in (500, 0):
        with pytest.raises(SourceIncomplete, match="sizeLimitExceeded") as caught:
            search(big.url, page_size=size, bind_dn=LIMITED)
        assert caught.value.exit_code is Exit.UNREACHABLE
        assert "size.prtotal" in (caught.value.hint or "")


def test_how_far_it_came_is_told(big: Slapd) -> None:
    with pytest.raises(SourceIncomplete, match=r"on page 4, after \d+ entries"):
        search(big.url, page_size=500, bind_dn=LIMITED)


def test_3000_members_of_a_group_come_all(big: Slapd) -> None:
    (large,) = search(big.url, GROUPS, ("member",), filter="(cn=large)")
    assert len(set(large.attributes["member"])) == 3_000


def test_a_base_that_is_not_there_is_not_an_empty_directory(big: Slapd) -> None:
    with pytest.raises(SourceIncomplete, match="noSuchObject"):
        search(big.url, f"ou=poeple,{SUFFIX}")


def test_a_filter_that_is_no_filter_is_a_mistake_of_the_mapping(big: Slapd) -> None:
    for wrong in ("(objectClass=person", "objectClass", "(&(uid=a)", "(uid=a))"):
        with pytest.raises(ConfigInvalid, match="filter"):
            search(big.url, filter=wrong)


class Cutter:
    """Stands between us and a server, and cuts the line after some bytes of the answers."""

    def __init__(self, to: int, after: int) -> None:
        self._to, self._left = to, after
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"ldap://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._thread.join(10)
        self._server.close()

    def _serve(self) -> None:
        ours, _ = self._server.accept()
        with ours, socket.create_connection(("127.0.0.1", self._to)) as theirs:
            there = threading.Thread(target=self._forward, args=(ours, theirs), daemon=True)
            there.start()
            while self._left > 0 and (piece := theirs.recv(min(4096, self._left))):
                self._left -= len(piece)
                ours.sendall(piece)
            ours.shutdown(socket.SHUT_RDWR)
            there.join(10)

    @staticmethod
    def _forward(ours: socket.socket, theirs: socket.socket) -> None:
        try:
            while said := ours.recv(4096):
                theirs.sendall(said)
        except OSError:
            return


@pytest.mark.parametrize("after", [20, 5_000, 60_001, 100_000])
def test_a_server_that_dies_in_the_middle_of_a_page_is_incomplete(big: Slapd, after: int) -> None:
    cutter = Cutter(big.port, after)
    try:
        with pytest.raises(SourceIncomplete, match=r"closed the connection|connection broke"):
            search(cutter.url, filter="(uid=*)")
    finally:
        cutter.close()


# --- what only the responder does ---------------------------------------------------------------


def people(count: int) -> dict[str, dict[str, list[bytes]]]:
    return {dn(f"u{number}"): {"uid": [b"u%d" % number]} for number in range(count)}


def large_group(count: int) -> dict[str, dict[str, list[bytes]]]:
    members = [dn(f"u{number}").encode() for number in range(count)]
    return {f"cn=large,{GROUPS}": {"cn": [b"large"], "member": members}}


def test_more_than_a_server_gives_in_one_answer_comes_in_pages() -> None:
    with Responder(people(3_456)) as server:
        for size in (500, 1_000, 5_000):
            assert len(search(server.url, page_size=size)) == 3_456


def test_without_pages_a_server_that_cuts_at_1000_is_incomplete() -> None:
    with (
        Responder(people(1_001)) as server,
        pytest.raises(SourceIncomplete, match="sizeLimitExceeded"),
    ):
        search(server.url, page_size=0)


@pytest.mark.parametrize("code", [1, 3, 4, 10, 11, 50, 51, 52, 53, 80, 4711])
def test_a_page_that_fails_makes_it_incomplete_whatever_the_reason(code: int) -> None:
    for page in (1, 2, 4):
        with (
            Responder(people(1_700), Behavior(fail_page={page: code})) as server,
            pytest.raises(SourceIncomplete, match=f"on page {page}, "),
        ):
            search(server.url)


def test_a_server_that_does_not_know_pages_says_so_instead_of_cutting() -> None:
    with (
        Responder(people(10), Behavior(pages_unknown=True)) as server,
        pytest.raises(SourceIncomplete, match="unavailableCriticalExtension") as caught,
    ):
        search(server.url)
    assert "page_size: 0" in (caught.value.hint or "")
    with Responder(people(10), Behavior(pages_unknown=True)) as server:
        assert len(search(server.url, page_size=0)) == 10


def test_a_server_that_ignores_pages_is_not_believed() -> None:
    with (
        Responder(people(10), Behavior(without_control=True)) as server,
        pytest.raises(SourceIncomplete, match="whether there is more"),
    ):
        search(server.url)


def test_pages_that_never_end_are_given_up() -> None:
    with (
        Responder(people(1_000), Behavior(stuck=True)) as server,
        pytest.raises(SourceIncomplete, match="nothing in them"),
    ):
        search(server.url)


@pytest.mark.parametrize(
    ("behavior", "words"),
    [
        (Behavior(close_page=2), "closed the connection before the end"),
        (Behavior(say_goodbye=True), "it closed the connection: it is not available"),
        (Behavior(garbage=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "not LDAP|closed|longer"),
        (Behavior(garbage=b"\x30\x84\x7f\xff\xff\xff"), "longer than"),
        (Behavior(garbage=b"\x30\x05\x02\x01"), "closed the connection"),
        (Behavior(wrong_number=True), "not asked"),
    ],
)
def test_an_answer_that_does_not_come_to_its_end_is_incomplete(
    behavior: Behavior, words: str
) -> None:
    with (
        Responder(people(1_200), behavior) as server,
        pytest.raises(SourceIncomplete, match=words),
    ):
        search(server.url)


def test_referrals_are_skipped_and_told() -> None:
    with (
        Responder(people(1_200), Behavior(references=2)) as server,
        connected("p", spec(server.url), base=Path(), environ=ENVIRON) as (connection, _),
    ):
        directory = Directory(connection, 500)
        question = Question(PEOPLE, "subtree", "(objectClass=*)", ("uid",))
        assert len(list(directory.search(question))) == 1_200
        assert directory.referrals == {"ldap://other/"}


@pytest.mark.parametrize("count", [1_500, 1_501, 3_000, 3_001, 7_777])
def test_ranged_members_are_read_to_the_end(count: int) -> None:
    with Responder(large_group(count)) as server:
        (large,) = search(server.url, GROUPS, ("cn", "member"))
    assert large.attributes["member"] == [dn(f"u{number}").encode() for number in range(count)]
    assert set(large.attributes) == {"cn", "member"}


@pytest.mark.parametrize("fault", ["refuse", "gap", "nothing"])
def test_a_range_that_fails_makes_it_incomplete(fault: str) -> None:
    with (
        Responder(large_group(4_000), Behavior(range_fault=fault)) as server,
        pytest.raises(SourceIncomplete, match="values of member of cn=large"),
    ):
        search(server.url, GROUPS, ("member",))


def test_a_server_that_falls_silent_is_given_up_after_the_timeout() -> None:
    with (
        Responder(people(1_200), Behavior(silent_page=2)) as server,
        pytest.raises(SourceIncomplete, match="on page 2, after 500 entries, it fell silent"),
    ):
        search(server.url, timeout=1)


def test_a_base_scope_read_tells_missing_from_not_fitting(big: Slapd) -> None:
    with connected("p", spec(big.url), base=Path(), environ=ENVIRON) as (connection, _):
        directory = Directory(connection, 500)
        found = directory.read(dn("u0001"), ("uid",), "(objectClass=person)")
        assert found is not None and found.attributes == {"uid": [b"u0001"]}
        assert directory.read(dn("u0001"), ("uid",), "(objectClass=device)") is None
        with pytest.raises(KeyError):
            directory.read(dn("nobody"), ("uid",), "(objectClass=person)")
