"""Taking answers apart: what ldap3's own classes make of them, and nothing that makes no sense."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanport.sources.ldap import ber
from tests.support.ldap import responder

NAMES = st.sampled_from(["cn", "member", "objectGUID", "mail;lang-de", "x" * 200])
ENTRIES = st.dictionaries(NAMES, st.lists(st.binary(max_size=300), max_size=6), max_size=5)


def take_apart(data: bytes) -> Any:
    """Take one message apart as the connection does."""
    found = ber.header(data, 0)
    if found is None or found[2] > len(data):
        return None
    _, tag, begin, end = ber.envelope(data, found[1], found[2])
    if tag == ber.SEARCH_ENTRY:
        return ber.entry(data, begin, end, {})
    if tag == ber.SEARCH_DONE:
        return ber.done(data, begin, end, found[2])
    return tag


@given(dn=st.text(max_size=200), attributes=ENTRIES)
def test_an_entry_comes_back_as_it_was_sent(dn: str, attributes: dict[str, list[bytes]]) -> None:
    entry = take_apart(responder.message(7, responder.entry(dn, attributes)))
    assert entry.dn == dn
    assert entry.attributes == {name.lower(): values for name, values in attributes.items()}


@given(code=st.integers(0, 100_000), cookie=st.binary(max_size=300), text=st.text(max_size=100))
def test_the_end_of_a_page_comes_back_as_it_was_sent(code: int, cookie: bytes, text: str) -> None:
    text = text.replace("\0", "")
    data = responder.message(7, responder.ended(code, text), responder.page_control(cookie))
    assert take_apart(data) == ber.Done(code, text, cookie)
    assert take_apart(responder.message(7, responder.ended(code))) == ber.Done(code, "", None)


@given(junk=st.binary(max_size=80))
def test_junk_is_malformed_or_unfinished_and_nothing_else(junk: bytes) -> None:
    for data in (junk, responder.element(0x30, junk), responder.message(1, junk)):
        try:
            take_apart(data)
        except ber.Malformed:
            continue


@given(attributes=ENTRIES, data=st.data())
def test_a_damaged_entry_never_breaks_out_of_its_message(
    attributes: dict[str, list[bytes]], data: st.DataObject
) -> None:
    whole = bytearray(responder.message(1, responder.entry("cn=a", attributes)))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    try:
        entry = take_apart(bytes(whole))
    except ber.Malformed:
        return
    if isinstance(entry, ber.Entry):
        assert sum(len(value) for values in entry.attributes.values() for value in values) <= len(
            whole
        )


@pytest.mark.parametrize("length", [b"\x80", b"\x85\1\1\1\1\1", b"\xff"])
def test_lengths_that_cannot_be_are_malformed(length: bytes) -> None:
    with pytest.raises(ber.Malformed):
        take_apart(b"\x30" + length)
