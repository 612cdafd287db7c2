"""Which server a directory is, by what its root entry says of itself (RFC 4512, 5.1)."""

from collections.abc import Mapping
from enum import Enum, auto

from kanport.sources.ldap.values import texts

Root = Mapping[str, list[bytes]]

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
    "subschemaSubentry",
    "highestCommittedUSN",
    "dsServiceName",
)
# [MS-ADTS] 3.1.1.3.4.3: what a domain controller, and its smaller sibling, can do.
_ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
_LIGHTWEIGHT = "1.2.840.113556.1.4.1851"


class Kind(Enum):
    """The servers whose ways Kanport knows."""

    ACTIVE_DIRECTORY = auto()
    SAMBA = auto()
    LIGHTWEIGHT = auto()
    FREEIPA = auto()
    DS389 = auto()
    OPENLDAP = auto()
    OTHER = auto()


PROVES_ABSENCE = frozenset({Kind.OPENLDAP, Kind.DS389, Kind.FREEIPA})
"""Servers that answer `(!(attribute=*))` with those entries only whose attribute may be searched.

Seen on OpenLDAP 2.5 and 389 Directory Server 2.3, as RFC 4511, 4.5.1.7, wants it. Active Directory
and Samba answer with the entries whose attribute is hidden as well.
"""


def kind_of(root: Root) -> Kind:
    """Return which server it is; the keys of `root` are in lower case.

    >>> kind_of({"objectclass": [b"top", b"OpenLDAProotDSE"]}).name
    'OPENLDAP'
    """
    vendor = " ".join(texts(root.get("vendorname", [])))
    capabilities = texts(root.get("supportedcapabilities", []))
    if "samba" in vendor.lower():
        return Kind.SAMBA
    if _LIGHTWEIGHT in capabilities:
        return Kind.LIGHTWEIGHT
    if _ACTIVE_DIRECTORY in capabilities:
        return Kind.ACTIVE_DIRECTORY
    if "ipadomainlevel" in root or "ipatopologypluginversion" in root:
        return Kind.FREEIPA
    if "389" in vendor:
        return Kind.DS389
    if "OpenLDAProotDSE" in texts(root.get("objectclass", [])):
        return Kind.OPENLDAP
    return Kind.OTHER
