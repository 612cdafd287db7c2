"""Which server a directory is, by what its root entry says of itself (RFC 4512, 5.1)."""

from collections.abc import Mapping

KIND_ATTRIBUTES = (
    "objectClass",
    "vendorName",
    "vendorVersion",
    "namingContexts",
    "supportedControl",
    "supportedCapabilities",
    "dnsHostName",
    "ipaDomainLevel",
    "ipaTopologyPluginVersion",
)
# [MS-ADTS] 3.1.1.3.4.3: what a domain controller, and its smaller sibling, can do.
_ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
_LIGHTWEIGHT = "1.2.840.113556.1.4.1851"


def kind_of(root: Mapping[str, list[bytes]]) -> str:
    """Name the server; the keys of `root` are small.

    >>> kind_of({"objectclass": [b"top", b"OpenLDAProotDSE"]})
    'OpenLDAP'
    >>> kind_of({"vendorname": [b"389 Project"], "vendorversion": [b"389-Directory/2.3.1 B2023"]})
    '389 Directory Server (389-Directory/2.3.1 B2023)'
    """
    vendor = _text(root, "vendorName")
    version = _text(root, "vendorVersion")
    more = f" ({version})" if version else ""
    if "samba" in vendor.lower():
        return f"a Samba domain controller{more}"
    capabilities = _all(root, "supportedCapabilities")
    if _LIGHTWEIGHT in capabilities:
        return "Active Directory Lightweight Directory Services"
    if _ACTIVE_DIRECTORY in capabilities:
        host = _text(root, "dnsHostName")
        return "Active Directory" + (f", the domain controller {host}" if host else "")
    if "ipadomainlevel" in root or "ipatopologypluginversion" in root:
        return f"FreeIPA{more}"
    if "389" in vendor:
        return f"389 Directory Server{more}"
    if "OpenLDAProotDSE" in _all(root, "objectClass"):
        return f"OpenLDAP{more}"
    if vendor:
        return f"a directory of {vendor}{more}"
    return "a directory that does not say whose it is"


def _all(root: Mapping[str, list[bytes]], name: str) -> list[str]:
    return [value.decode(errors="replace") for value in root.get(name.lower(), [])]


def _text(root: Mapping[str, list[bytes]], name: str) -> str:
    return " ".join(_all(root, name))[:100]
