"""DNs are compared by what they mean, and text goes into filters as bytes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.utils.conv import escape_filter_chars

from kanport.sources.ldap.names import broad_key, dn_key, escape, is_below, split_dn, without_uid

SPECIAL = ',+"\\<>;=# '
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ada,ou=people,dc=x", "UID=Ada, OU=People, DC=X"),
        ("uid=ada,dc=x", "userid = ada ; domainComponent=x"),
        ("uid=ada,dc=x", "0.9.2342.19200300.100.1.1=ada,dc=x"),
        ("uid=ada,dc=x", "OID.0.9.2342.19200300.100.1.1=ada,dc=x"),
        ("cn=Smith\\, John,dc=x", "cn=smith\\2c john,dc=x"),
        ("cn=Smith\\, John,dc=x", 'CN="Smith, John",dc=x'),
        ("cn=a+uid=b,dc=x", "UID=b + CN=a,dc=x"),
        ("cn=\\#1,dc=x", "cn=\\231,dc=x"),
        ("cn=J\\c3\\b6rg,dc=x", "CN=Jörg,DC=X"),
    ],
)
def test_spellings_of_one_name_have_one_key(one: str, other: str) -> None:
    assert dn_key(one) == dn_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ada,dc=x", "cn=ada,dc=x"),
        ("uid=ada,dc=x", "uid=ada,dc=y"),
        ("cn=a\\,b,dc=x", "cn=a,b=c,dc=x"),
        ("cn=a\\+b=c,dc=x", "cn=a+b=c,dc=x"),
        ("cn=a\\\\,dc=x", "cn=a,dc=x"),
        ("cn=jörg,dc=x", "cn=jorg,dc=x"),
    ],
)
def test_different_names_have_different_keys(one: str, other: str) -> None:
    assert dn_key(one) != dn_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cn=Anna Weiß,dc=x", "cn=Anna Weiss,dc=x"),
        ("cn=WEIẞ,dc=x", "cn=weiss,dc=x"),
        ("cn=οδος,dc=x", "cn=οδοσ,dc=x"),
        ("cn=İris,dc=x", "cn=i̇ris,dc=x"),
        ("uid=İris,dc=x", "uid=iris,dc=x"),
        ("uid=\u212aim,dc=x", "uid=kim,dc=x"),
        ("cn=Ⅷ,dc=x", "cn=viii,dc=x"),
        ("cn=Jo\u0308rg,dc=x", "cn=Jörg,dc=x"),
        ("cn=ﬁona,dc=x", "cn=fiona,dc=x"),
        ("cn=ａda,dc=x", "cn=ada,dc=x"),
        ("cn=JÖRG,dc=x", "cn=jörg,dc=x"),
        ("cn=a  b,dc=x", "cn=a b,dc=x"),
        ("cn=a\\20,dc=x", "cn=a,dc=x"),
        ("x-secret=Ada,dc=x", "x-secret=ada,dc=x"),
        ("krbPrincipalName=Ada,dc=x", "krbPrincipalName=ada,dc=x"),
    ],
)
def test_what_only_the_server_can_tell_has_two_keys(one: str, other: str) -> None:
    assert dn_key(one) != dn_key(other)
    assert broad_key(one) == broad_key(other)


@pytest.mark.parametrize(
    ("in_hex", "text"),
    [
        ("cn=#0402", "cn=\\#0402"),
        ("cn=#0C03416461,dc=x", "cn=\\23 0c03416461,dc=x"),
        ("cn = #0c03416461 ,dc=x", 'cn="#0c03416461",dc=x'),
        ("cn=a+uid=#0403616461,dc=x", "cn=a+uid=\\230403616461,dc=x"),
    ],
)
def test_a_value_in_hex_form_is_not_the_text_of_it(in_hex: str, text: str) -> None:
    assert dn_key(in_hex) != dn_key(text)
    assert dn_key(in_hex) == dn_key(in_hex.swapcase())
    assert [kind for kind, _ in split_dn(in_hex)[0]][-1].endswith("#")
    # What is not pairs of hex digits is text, though RFC 4514 wants it escaped.
    assert dn_key("cn=#042,dc=x") == dn_key("cn=\\#042,dc=x")


@given(values=st.lists(TEXT, min_size=1, max_size=4))
def test_any_value_survives_being_escaped(values: list[str]) -> None:
    escaped = [
        "".join(f"\\{char}" if char in SPECIAL else char for char in value) for value in values
    ]
    dn = ",".join(f"cn={value}" for value in escaped)
    in_hex = ",".join(
        "cn=" + "".join(f"\\{byte:02x}" for byte in value.encode()) for value in values
    )
    assert [name[0][1] for name in split_dn(in_hex)] == values
    assert dn_key(dn) == dn_key(in_hex)


@given(text=st.text(max_size=60))
def test_whatever_stands_there_has_a_key(text: str) -> None:
    assert dn_key(text) == dn_key(text)


@pytest.mark.parametrize("text", ["nobody", "cn=a,", "cn=a\\", 'cn="a', 'cn="a"b', "=a", "c n=a"])
def test_what_is_no_dn_is_compared_as_it_stands(text: str) -> None:
    assert dn_key(text) == f"?{text}"


@given(value=st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_a_filter_holds_nothing_that_could_end_it(value: str) -> None:
    escaped = escape(value)
    assert not set(escaped) & set("()*\0 ")
    assert unescaped(escaped) == value
    assert unescaped(escape_filter_chars(value)) == value


def unescaped(text: str) -> str:
    parts = re.split(rb"\\([0-9a-f]{2})", text.encode())
    return b"".join(
        bytes.fromhex(part.decode()) if at % 2 else part for at, part in enumerate(parts)
    ).decode()


def test_a_name_below_another_is_told_by_whole_names() -> None:
    assert is_below("uid=a,ou=people,dc=x", "ou=people,dc=x")
    assert is_below("dc=x", "dc=x") and is_below("uid=a", "")
    assert not is_below("uid=a,ou=morepeople,dc=x", "ou=people,dc=x")


def test_only_bits_at_the_end_are_left_out() -> None:
    assert without_uid("cn=a,dc=x#'1010'B") == "cn=a,dc=x"
    assert without_uid("cn=a#b,dc=x") == "cn=a#b,dc=x"
