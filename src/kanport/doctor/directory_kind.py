"""The product of a directory, by its root entry (RFC 4512, 5.1)."""

from collections.abc import Mapping

from kanport.sources.ldap.search import Kind, kind_of

_NAMES = {
    Kind.SAMBA: "a Samba domain controller",
    Kind.LIGHTWEIGHT: "Active Directory Lightweight Directory Services",
    Kind.FREEIPA: "FreeIPA",
    Kind.DS389: "389 Directory Server",
    Kind.OPENLDAP: "OpenLDAP",
}


def kind_text(root: Mapping[str, list[bytes]]) -> str:
    """Return the name of the server; the keys of `root` are in lower case.

    >>> kind_text({"objectclass": [b"top", b"OpenLDAProotDSE"]})
    'OpenLDAP'
    >>> kind_text({"vendorname": [b"389 Project"], "vendorversion": [b"389-Directory/2.3.1 B2023"]})
    '389 Directory Server (389-Directory/2.3.1 B2023)'
    """
    kind, version = kind_of(root), _text(root, "vendorVersion")
    more = f" ({version})" if version else ""
    if kind is Kind.ACTIVE_DIRECTORY:
        host = _text(root, "dnsHostName")
        return "Active Directory" + (f", the domain controller {host}" if host else "")
    if kind is Kind.LIGHTWEIGHT:
        return _NAMES[kind]
    if kind in _NAMES:
        return f"{_NAMES[kind]}{more}"
    vendor = _text(root, "vendorName")
    return f"a directory of {vendor}{more}" if vendor else "a directory of an unknown product"


def _text(root: Mapping[str, list[bytes]], name: str) -> str:
    values = root.get(name.lower(), [])
    return " ".join(value.decode(errors="replace") for value in values)[:100]
