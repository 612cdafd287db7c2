"""LDIF for the directories of the tests."""

import base64
from collections.abc import Iterable

from tests.support.ldap.slapd import SUFFIX

PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"


def line(attribute: str, value: str | bytes) -> str:
    """Give one line; values that LDIF cannot hold as they are in base64.

    >>> line("cn", "Zoë")
    'cn:: Wm/Dqw=='
    """
    raw = value.encode() if isinstance(value, str) else value
    plain = raw.isascii() and raw == raw.strip() and raw.isascii() and raw[:1] not in (b":", b"<")
    if plain and not any(byte < 32 for byte in raw):
        return f"{attribute}: {raw.decode()}"
    return f"{attribute}:: {base64.b64encode(raw).decode()}"


def entry(dn: str, **attributes: str | bytes | Iterable[str | bytes]) -> str:
    """Give one entry."""
    lines = [line("dn", dn)]
    for name, values in attributes.items():
        several = [values] if isinstance(values, str | bytes) else values
        lines += [line(name, value) for value in several]
    return "\n".join(lines) + "\n"


def person(name: str, dn: str | None = None, **more: str | bytes | Iterable[str | bytes]) -> str:
    """Give a person with what an inetOrgPerson must have."""
    given: dict[str, str | bytes | Iterable[str | bytes]] = {
        "objectClass": "inetOrgPerson",
        "uid": name,
        "cn": name,
        "sn": name,
        "mail": f"{name}@example.org",
    }
    return entry(dn or f"uid={name},{PEOPLE}", **{**given, **more})


def group(cn: str, *members: str, base: str = GROUPS) -> str:
    """Give a groupOfNames; one without members has a placeholder, as the schema wants one."""
    return entry(
        f"cn={cn},{base}", objectClass="groupOfNames", cn=cn, member=members or ["cn=nobody"]
    )


def dn(uid: str) -> str:
    """Give the DN of a person."""
    return f"uid={uid},{PEOPLE}"


def tree(*entries: str) -> list[str]:
    """Give a whole directory: the organization, people and groups, then what is given."""
    return [
        entry(SUFFIX, objectClass=["dcObject", "organization"], dc="example", o="Example"),
        entry(PEOPLE, objectClass="organizationalUnit", ou="people"),
        entry(GROUPS, objectClass="organizationalUnit", ou="groups"),
        *entries,
    ]
