"""The text of a first mapping for an LDAP directory. Pure."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from kanport.errors import UsageError

DirectoryKind = Literal["active-directory", "ad-lds", "freeipa", "389-ds", "openldap", "unknown"]
KINDS: tuple[DirectoryKind, ...] = ("active-directory", "ad-lds", "freeipa", "389-ds", "openldap")

LOCK_ATTRIBUTES = ("nsAccountLock", "pwdAccountLockedTime", "shadowExpire")
"""Attributes that say that an account is locked, each known to some servers only."""


@dataclass(frozen=True, slots=True)
class FoundDirectory:
    """Which server a directory is, what it is called, and which attributes it knows.

    `knows` has the lock attributes of its schema; it is None where the server shows no schema.
    """

    kind: DirectoryKind
    name: str = ""
    knows: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class _Ways:
    """How one kind of server names people, keeps an id, and says that an account is locked."""

    login: str
    filter: str
    username: str
    name: str
    id: str
    locks: tuple[str, ...]


_PERSON = "(objectClass=inetOrgPerson)"
_AD_PERSON = "(&(objectCategory=person)(objectClass=user))"
_EXPIRES = ("userAccountControl", "accountExpires")
_WAYS: dict[DirectoryKind, _Ways] = {
    "active-directory": _Ways(
        "kanport@{domain}", _AD_PERSON, "sAMAccountName", "displayName", "objectGUID", _EXPIRES
    ),
    "ad-lds": _Ways("cn=kanport,{base}", "(objectClass=user)", "uid", "cn", "objectGUID", ()),
    "freeipa": _Ways(
        "uid=kanport,cn=sysaccounts,cn=etc,{suffix}",
        _PERSON, "uid", "cn", "ipaUniqueID", ("nsAccountLock",),
    ),
    "389-ds": _Ways("uid=kanport,{base}", _PERSON, "uid", "cn", "nsUniqueId", ("nsAccountLock",)),
    "openldap": _Ways(
        "cn=kanport,{base}",
        _PERSON, "uid", "cn", "entryUUID", ("pwdAccountLockedTime", "shadowExpire"),
    ),
    "unknown": _Ways("cn=kanport,{base}", _PERSON, "uid", "cn", "entryUUID", LOCK_ATTRIBUTES),
}  # fmt: skip


def draft_for_directory(
    url: str,
    base: str,
    mapping: str,
    found: FoundDirectory | None = None,
    *,
    login: str | None = None,
    ca_file: str | None = None,
) -> str:
    """Return a mapping for the people of a directory.

    `found` says which server it is; without it, the mapping fits OpenLDAP, 389 Directory Server and
    FreeIPA, and finds nobody in an Active Directory. Raises UsageError where `url` is no LDAP
    address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ldap", "ldaps") or not parts.hostname:
        raise UsageError(
            f"{url} is no address of a directory", hint="for example ldaps://ldap.example.org"
        )
    server = found or FoundDirectory("unknown")
    ways = _WAYS[server.kind]
    suffix = base[match.start() :] if (match := re.search(r"(?i)\bdc=", base)) else base
    domain = ".".join(re.findall(r"(?i)\bdc=([^,]+)", base)) or "example.org"
    login = login or ways.login.format(base=base, suffix=suffix, domain=domain)
    locks = [name for name in ways.locks if server.knows is None or name in server.knows]
    lines = [
        f"# A first mapping for {server.name or 'a directory'}. Read it, correct it, then:",
        "#",
        "#   export LDAP_PASSWORD=...",
        f"#   kanport doctor {mapping}",
        f"#   kanport validate {mapping}",
        f"#   kanport plan {mapping}",
        "",
        "kanport: 1",
        "name: directory",
        "",
        "sources:",
        "  people:",
        "    type: ldap",
        f"    url: {json.dumps(url)}",
        *([] if parts.scheme == "ldaps" else ["    start_tls: true"]),
        *([] if ca_file is None else [f"    ca_file: {json.dumps(ca_file)}"]),
        f"    bind_dn: {json.dumps(login)}",
        "    bind_password: {env: LDAP_PASSWORD}   # or {file: PATH}; never in clear",
        f"    base: {json.dumps(base)}",
        f"    filter: {ways.filter}",
        f"    id: {ways.id:<34} # stays when a login or a name changes",
        *_locks(server, locks),
        "",
        "users:",
        "  from: people",
        "  id: {from: id}                            # a changed login is a rename",
        "  fields:",
        f"    username: {{from: {ways.username}, transform: [trim, lower]}}",
        f"    name: {{from: {ways.name}, transform: [collapse, trim]}}",
        "    email: {from: mail, transform: [trim, lower]}",
        *_active(server, locks),
        "  password: random                          # or ldap, if Kanboard uses this directory",
        "  missing: keep                             # or disable, with managed: whom it may touch",
        "",
        "ledger: directory.ledger                    # whom each id means; beside the mapping",
        'protect: [admin, "svc-*"]                   # Kanport never changes these',
        "",
    ]
    return "\n".join(lines)


def _locks(server: FoundDirectory, locks: list[str]) -> Iterator[str]:
    if locks:
        yield "    # What locks an account; the login must be able to read and search these."
        yield f"    active: [{', '.join(locks)}]"
    if server.kind == "unknown":
        yield "    # For Active Directory, make this mapping with --kind active-directory."


def _active(server: FoundDirectory, locks: list[str]) -> Iterator[str]:
    if locks:
        yield "    active: {from: active}"
    elif server.kind == "ad-lds":
        values = '{"TRUE": false, "FALSE": true}'
        yield f"    active: {{from: msDS-UserAccountDisabled, values: {values}, default: true}}"
    else:
        yield "    # The directory knows neither pwdAccountLockedTime nor shadowExpire, so it locks"
        yield "    # nobody. If another attribute tells who may log in, use it:"
        yield "    # active: {from: employeeStatus, values: {A: true, L: false}}"
