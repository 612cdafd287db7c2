"""What a mapping may say about a directory, and what is said of its mistakes."""

from typing import Any

import pytest
from pydantic import ValidationError

from kanport.mapping.ldap import LdapSource

GOOD: dict[str, Any] = {
    "type": "ldap",
    "url": "ldaps://ldap.example.org",
    "bind_dn": "cn=kanport,dc=example,dc=org",
    "bind_password": {"env": "LDAP_PASSWORD"},
    "base": "ou=people,dc=example,dc=org",
}
GROUPS: dict[str, Any] = {"base": "ou=groups,dc=example,dc=org"}


def mistakes(**changes: Any) -> list[str]:
    """Give the messages for a source with some keys changed; None takes a key away."""
    raw = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    try:
        LdapSource.model_validate(raw)
    except ValidationError as wrong:
        return [error["msg"] for error in wrong.errors()]
    return []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"url": ["ldaps://a", "ldaps://b:1636"]},
        {"url": "ldap://a", "start_tls": True},
        {"url": "ldap://a", "allow_plaintext": True},
        {"url": "ldap://a", "bind_dn": None, "bind_password": None},
        {
            "url": "ldapi://%2Frun%2Fldapi",
            "bind": "external",
            "bind_dn": None,
            "bind_password": None,
        },
        {"bind": "external", "client_cert": "a.pem", "bind_dn": None, "bind_password": None},
        {"bind": "gssapi", "bind_dn": None, "bind_password": None},
        {"url": "ldaps://[::1]:636"},
        {"choose": {"mail": "first", "cn": "rdn", "uid": {"match": "^a"}}},
        {"groups": {**GROUPS, "members": ["member", "memberUid"]}},
    ],
)
def test_what_makes_sense_is_taken(changes: dict[str, Any]) -> None:
    assert mistakes(**changes) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"url": "ldap://a"}, "the password would go over the network in clear"),
        ({"url": ["ldaps://a", "ldap://b"]}, "in clear"),
        ({"url": "https://a"}, "it begins with ldaps://, ldap:// or ldapi://"),
        ({"url": "ldaps://"}, "names no host"),
        ({"url": "ldaps://a:99999"}, "names no host, or a port"),
        ({"url": "ldaps://a/ou=people"}, "holds more than scheme, host and port"),
        ({"start_tls": True}, "StartTLS is for ldap:// only"),
        ({"bind_password": None}, "bind_password is missing"),
        ({"bind": "simple", "bind_dn": None}, "bind_dn is missing"),
        ({"bind": "gssapi"}, "only for bind: simple"),
        (
            {"bind": "external", "bind_dn": None, "bind_password": None},
            "external needs a client certificate",
        ),
        ({"client_key": "k.pem"}, "a key needs its certificate"),
        ({"bind_password": {"env": "A", "file": "b"}}, "needs one of env or file"),
        ({"bind_password": {}}, "needs one of env or file"),
        ({"choose": {"mail": {"match": "("}}}, "not a regular expression"),
        ({"choose": {"mail": "longest"}}, ""),
        ({"active": ["lockoutTime"]}, ""),
        ({"groups": {**GROUPS, "members": ["member", "memberOf"]}}, "memberOf cannot stand"),
        (
            {"groups": {**GROUPS, "members": "memberUid", "nested": "rule"}},
            "the server's rule only follows",
        ),
        ({"groups": {}}, ""),
        ({"pagesize": 5}, "unknown key"),
        ({"timeout": 0}, ""),
    ],
)
def test_what_makes_no_sense_is_told(changes: dict[str, Any], words: str) -> None:
    found = mistakes(**changes)
    assert found and any(words in message for message in found), found


def test_a_password_in_the_mapping_is_refused_and_never_repeated() -> None:
    for changes in (
        {"bind_password": "geheim-9"},
        {"url": "ldaps://kanport:geheim-9@ldap.example.org"},
    ):
        found = mistakes(**changes)
        assert found and not any("geheim-9" in message for message in found)
