"""A tree in the shape of FreeIPA's, for a 389 Directory Server."""

import uuid
from collections.abc import Iterable

from tests.support.ldap.ldif import entry
from tests.support.ldap.slapd import SUFFIX

ACCOUNTS = f"cn=accounts,{SUFFIX}"
USERS = f"cn=users,{ACCOUNTS}"
USER_GROUPS = f"cn=groups,{ACCOUNTS}"
DELETED = f"cn=deleted users,{ACCOUNTS}"
COMPAT = f"cn=compat,{SUFFIX}"

_Value = str | bytes | Iterable[str | bytes]


def ipa_dn(uid: str) -> str:
    """Return the DN of a user."""
    return f"uid={uid},{USERS}"


def ipa_user(uid: str, *, locked: bool | None = None, **more: _Value) -> str:
    """Return a user; `locked` writes nsAccountLock, which a user never locked does not have."""
    given: dict[str, _Value] = {
        "objectClass": ["inetOrgPerson", "posixAccount", "ipaObject", "nsMemberOf"],
        "uid": uid,
        "cn": uid,
        "sn": uid,
        "mail": f"{uid}@example.org",
        "uidNumber": str(10_000 + sum(uid.encode())),
        "gidNumber": "10000",
        "homeDirectory": f"/home/{uid}",
        "ipaUniqueID": ipa_id(uid),
    }
    if locked is not None:
        given["nsAccountLock"] = "TRUE" if locked else "FALSE"
    return entry(ipa_dn(uid), **{**given, **more})


def ipa_id(name: str) -> str:
    """Return the same ipaUniqueID for a name each time."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def ipa_group(cn: str, *members: str, **more: _Value) -> str:
    """Return a group of DNs; FreeIPA allows one without members."""
    given: dict[str, _Value] = {
        "objectClass": ["ipaUserGroup", "ipaObject", "nsMemberOf"],
        "cn": cn,
        "ipaUniqueID": ipa_id(f"group {cn}"),
    }
    if members:
        given["member"] = members
    return entry(f"cn={cn},{USER_GROUPS}", **{**given, **more})


def compat_user(uid: str) -> str:
    """Return a user as FreeIPA repeats everybody in cn=compat."""
    return entry(
        f"uid={uid},cn=users,{COMPAT}",
        objectClass=["account", "posixAccount"],
        uid=uid,
        cn=uid,
        uidNumber=str(10_000 + sum(uid.encode())),
        gidNumber="10000",
        homeDirectory=f"/home/{uid}",
    )


def compat_group(cn: str, *uids: str) -> str:
    """Return a group as cn=compat repeats it: with logins in place of DNs."""
    more: dict[str, _Value] = {"memberUid": uids} if uids else {}
    return entry(
        f"cn={cn},cn=groups,{COMPAT}",
        objectClass=["top", "posixGroup"],
        cn=cn,
        gidNumber="10000",
        **more,
    )


def ipa_tree(*entries: str) -> list[str]:
    """Return a whole directory: the containers of FreeIPA, then what is given."""
    containers = [
        ACCOUNTS, USERS, USER_GROUPS, DELETED,
        COMPAT, f"cn=users,{COMPAT}", f"cn=groups,{COMPAT}",
    ]  # fmt: skip
    return [
        entry(SUFFIX, objectClass="domain", dc="example"),
        *(entry(dn, objectClass="nsContainer", cn=_first(dn)) for dn in containers),
        *entries,
    ]


def _first(dn: str) -> str:
    return dn.partition(",")[0].partition("=")[2]
