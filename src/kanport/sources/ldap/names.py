"""DNs and filters: how names are compared, and how text is put into a filter."""

import re
import string
import unicodedata
from collections.abc import Iterable

from kanport.names import normalize as in_form

_PLAIN = r"[A-Za-z0-9._@-]+(?: [A-Za-z0-9._@-]+)*"
_SIMPLE = re.compile(
    # Without ASCII, IGNORECASE takes İ for i and the Kelvin sign for k.
    rf"(?:uid|cn|ou|dc|o)={_PLAIN}(?:,(?:uid|cn|ou|dc|o)={_PLAIN})*",
    re.IGNORECASE | re.ASCII,
)
_CASE_DOES_NOT_COUNT = frozenset(
    {
        "c", "cn", "dc", "displayname", "employeeid", "employeenumber", "givenname", "l", "mail",
        "name", "o", "ou", "samaccountname", "serialnumber", "sn", "st", "street", "title", "uid",
        "userprincipalname",
    }
)  # fmt: skip
"""Attribute types whose values every server compares without regard to case (RFC 4519, 4524)."""

_ALIASES = {
    "commonname": "cn", "2.5.4.3": "cn",
    "surname": "sn", "2.5.4.4": "sn",
    "countryname": "c", "2.5.4.6": "c",
    "localityname": "l", "2.5.4.7": "l",
    "stateorprovincename": "st", "s": "st", "2.5.4.8": "st",
    "streetaddress": "street", "2.5.4.9": "street",
    "organizationname": "o", "2.5.4.10": "o",
    "organizationalunitname": "ou", "2.5.4.11": "ou",
    "domaincomponent": "dc", "0.9.2342.19200300.100.1.25": "dc",
    "userid": "uid", "0.9.2342.19200300.100.1.1": "uid",
}  # fmt: skip
_UNSAFE = re.compile(r"[^A-Za-z0-9@._-]")
_HEX_FORM = re.compile("#(?:[0-9A-Fa-f]{2})+")
_OPTIONAL_UID = re.compile(r"#'[01]*'B$")

Rdn = tuple[tuple[str, str], ...]


def dn_key(dn: str) -> str:
    """Return the text under which two spellings of one DN are the same for every server.

    Types are compared without regard to case and by their aliases, escapes are resolved, the parts
    of an RDN with several are sorted (RFC 4514). Of the values, only the case of ASCII letters does
    not count, and only in attribute types that ignore it (RFC 4517). Servers differ in everything
    else that RFC 4518 prepares: OpenLDAP keeps ß and ss apart and 389 Directory Server even
    composed and decomposed letters, Active Directory none of these. So two keys that differ may
    still be one entry, and only the server can tell. What is no DN is compared as it stands.

    >>> dn_key("CN=Smith\\\\, Zoë , OU = X") == dn_key("cn=smith\\\\2c zo\\\\c3\\\\ab,ou=x")
    True
    >>> dn_key("cn=a+uid=b,dc=x") == dn_key("uid=B + cn=A, dc=X")
    True
    >>> dn_key("cn=Weiß,dc=x") == dn_key("cn=Weiss,dc=x")
    False
    """
    if _SIMPLE.fullmatch(dn):
        return dn.lower()
    try:
        names = split_dn(dn)
    except ValueError:
        return f"?{dn}"
    return ",".join(
        "+".join(sorted(f"{kind}={_compared(kind, value)}" for kind, value in name))
        for name in names
    )


def broad_key(dn: str) -> str:
    """Return a text that is the same wherever a server might take two DNs for one.

    The reverse does not hold: it only says which DNs are worth asking the server about.

    >>> broad_key("cn=Anna  WEIẞ,dc=x") == broad_key("cn=anna weiss,dc=x")
    True
    """
    folded = in_form("NFKD", in_form("NFKD", dn_key(dn)).casefold())
    plain = "".join(char for char in folded if not unicodedata.combining(char))
    return "".join(plain.split())


def is_certain(dn: str) -> bool:
    """Return whether a DN is spelled so plainly that no server compares it differently."""
    return _SIMPLE.fullmatch(dn) is not None


def is_below(key: str, base: str) -> bool:
    """Return whether a DN is a base or below it; both as `dn_key` gives them."""
    return not base or key == base or key.endswith(f",{base}")


def without_uid(value: str) -> str:
    """Return the DN in a value of uniqueMember, without the bits that may follow it (RFC 4517).

    >>> without_uid("uid=ada,dc=example#'0101'B")
    'uid=ada,dc=example'
    """
    return _OPTIONAL_UID.sub("", value)


def escape(text: str) -> str:
    """Return a text as it stands in a filter (RFC 4515): what is not plain, as bytes in hex.

    >>> escape("Smith (Zoë)*")
    'Smith\\\\20\\\\28Zo\\\\c3\\\\ab\\\\29\\\\2a'
    """
    return _UNSAFE.sub(lambda found: "".join(f"\\{byte:02x}" for byte in found[0].encode()), text)


def either(attributes: Iterable[str], values: Iterable[str]) -> str:
    """Return a filter for entries in which one of the attributes has one of the values.

    >>> either(["uid"], ["ada", "bob"])
    '(|(uid=ada)(uid=bob))'
    """
    named = tuple(attributes)
    parts = (f"({name}={escape(value)})" for value in values for name in named)
    return f"(|{''.join(parts)})"


def both(*filters: str) -> str:
    """Return a filter that is true where all of these are."""
    whole = (text if text.startswith("(") else f"({text})" for text in map(str.strip, filters))
    return f"(&{''.join(whole)})"


def split_dn(dn: str) -> list[Rdn]:
    """Split a DN into its names, each with type and value; raise ValueError if it is no DN.

    The type of a value in hex form (`cn=#0c03416461`) ends in `#`.
    """
    names: list[Rdn] = []
    rdn: list[tuple[str, str]] = []
    at = 0
    if not dn.strip():
        return names
    while True:
        kind, at = _kind(dn, at)
        begin = at
        value, at = _value(dn, at)
        if _HEX_FORM.fullmatch(dn[begin:at].strip(" ")):
            # The BER of a value (RFC 4514), which only the server can compare with a text.
            kind, value = f"{kind}#", value.lower()
        rdn.append((kind, value))
        if at < len(dn) and dn[at] == "+":
            at += 1
            continue
        names.append(tuple(rdn))
        rdn = []
        if at >= len(dn):
            return names
        at += 1


def parent(dn: str) -> str:
    r"""Return the DN of the entry above, as it is spelled; empty for one of a single RDN.

    Raises ValueError for what is no DN.

    >>> parent("cn=Smith\\, Jon+uid=jon, ou=people,dc=x")
    'ou=people,dc=x'
    """
    at = 0
    while True:
        _, at = _kind(dn, at)
        _, at = _value(dn, at)
        if at >= len(dn) or dn[at] != "+":
            return dn[at + 1 :].lstrip(" ")
        at += 1


def _kind(dn: str, at: int) -> tuple[str, int]:
    end = dn.find("=", at)
    kind = dn[at:end].strip().lower() if end > at else ""
    kind = kind.removeprefix("oid.")
    if not re.fullmatch(r"[a-z][a-z0-9-]*|[0-9]+(\.[0-9]+)*", kind):
        raise ValueError(f"{dn} is not a DN")
    return _ALIASES.get(kind, kind), end + 1


def _value(dn: str, at: int) -> tuple[str, int]:
    while at < len(dn) and dn[at] == " ":
        at += 1
    quoted = dn.startswith('"', at)
    at += quoted
    raw, keep = b"", 0
    while at < len(dn) and dn[at] not in ('"' if quoted else ",+;"):
        piece, size = _piece(dn, at)
        raw += piece
        # Blanks at the end count only where they are escaped or quoted.
        if quoted or piece != b" " or size > 1:
            keep = len(raw)
        at += size
    if quoted:
        at = _after_quote(dn, at)
    return raw[:keep].decode("utf-8", "backslashreplace"), at


def _piece(dn: str, at: int) -> tuple[bytes, int]:
    """Return the bytes that a character or an escape stands for, and how long it is."""
    if dn[at] != "\\":
        return dn[at].encode("utf-8", "surrogatepass"), 1
    pair = dn[at + 1 : at + 3]
    if re.fullmatch("[0-9A-Fa-f]{2}", pair):
        return bytes.fromhex(pair), 3
    if not pair:
        raise ValueError(f"{dn} ends in an escape")
    return pair[0].encode("utf-8", "surrogatepass"), 2


def _after_quote(dn: str, at: int) -> int:
    if at >= len(dn):
        raise ValueError(f"{dn} has a quote that does not end")
    at += 1
    while at < len(dn) and dn[at] == " ":
        at += 1
    if at < len(dn) and dn[at] not in ",+;":
        raise ValueError(f"{dn} goes on after a quote")
    return at


def _compared(kind: str, value: str) -> str:
    if kind in _CASE_DOES_NOT_COUNT:
        value = value.translate(_LOWER)
    return re.sub(r"[\\,+]", lambda found: f"\\{ord(found[0]):02x}", value)


_LOWER = {ord(char): char.lower() for char in string.ascii_uppercase}
