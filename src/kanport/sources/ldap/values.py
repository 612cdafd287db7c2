"""What the bytes of a directory mean: text, GUIDs, SIDs and points in time."""

import base64
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from kanport.mapping.ldap import Choice, LdapSource
from kanport.mapping.patterns import Pattern, compiled
from kanport.sources.ldap.names import split_dn

Writer = Callable[[bytes], str]
Chooser = Callable[[list[str], str], str | None]

_FILETIME_BEGINS = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = (0, 0x7FFF_FFFF_FFFF_FFFF)


def guid_text(raw: bytes) -> str:
    """Give a GUID as Active Directory's tools write it: its first three parts are little-endian.

    >>> guid_text(bytes(range(16)))
    '03020100-0504-0706-0809-0a0b0c0d0e0f'
    """
    return str(uuid.UUID(bytes_le=raw))


def sid_text(raw: bytes) -> str:
    """Give a security identifier as text (MS-DTYP 2.4.2.2).

    >>> sid_text(bytes.fromhex("010500000000000515000000010000000200000003000000f4010000"))
    'S-1-5-21-1-2-3-500'
    """
    if len(raw) < 8 or len(raw) != 8 + 4 * raw[1]:
        raise ValueError("not a SID")
    parts = (int.from_bytes(raw[at : at + 4], "little") for at in range(8, len(raw), 4))
    return "-".join(map(str, ["S", raw[0], int.from_bytes(raw[2:8], "big"), *parts]))


def filetime(number: int) -> datetime | None:
    """Give a point in time in units of 100 ns since 1601; None for never (MS-ADA1 2.1).

    What lies beyond Python's last year is never, too: Windows can write it.

    >>> filetime(0), filetime(133_801_632_000_000_000)
    (None, datetime.datetime(2025, 1, 1, 0, 0, tzinfo=datetime.timezone.utc))
    """
    if number in _NEVER:
        return None
    try:
        return _FILETIME_BEGINS + timedelta(microseconds=number // 10)
    except OverflowError:
        return None


def _hex(raw: bytes) -> str:
    return raw.hex()


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


_WRITERS: dict[str, Writer] = {
    "guid": guid_text,
    "sid": sid_text,
    "hex": _hex,
    "base64": _base64,
}
_KNOWN: dict[str, Writer] = {
    "objectguid": guid_text,
    "ms-ds-consistencyguid": guid_text,
    "msexchmailboxguid": guid_text,
    "objectsid": sid_text,
}


def writers(spec: LdapSource) -> dict[str, Writer]:
    """Give how attributes that are not text are written, by name in lower case."""
    return _KNOWN | {name.lower(): _WRITERS[kind] for name, kind in spec.binary.items()}


def text_of(raw: bytes, writer: Writer | None = None) -> str | None:
    """Give a value as text; None where it is neither text nor of the form that was expected."""
    try:
        return writer(raw) if writer is not None else raw.decode()
    except ValueError:
        return None


def texts(values: list[bytes]) -> list[str]:
    """Give the values that are text."""
    return [text for value in values if (text := text_of(value))]


def number(values: list[bytes] | None) -> int | None:
    """Give the one whole number that stands there; None where there is none.

    >>> number([b"512"]), number([b"0x200"]), number(None)
    (512, None, None)
    """
    if not values or len(values) > 1:
        return None
    return int(values[0]) if re.fullmatch(rb"-?[0-9]{1,20}", values[0]) else None


def choosers(choose: Mapping[str, Choice | str]) -> dict[str, Chooser]:
    """Give how one of several values is taken, by attribute in lower case.

    Each gets the values in the order of the alphabet, and the DN; None means that none fits.
    """
    made: dict[str, Chooser] = {}
    for name, rule in choose.items():
        if isinstance(rule, Choice):
            made[name.lower()] = _matching(compiled(rule.match))
        else:
            made[name.lower()] = _first if rule == "first" else _in_dn(name.lower())
    return made


def _first(values: list[str], dn: str) -> str | None:
    return values[0]


def _matching(pattern: Pattern) -> Chooser:
    return lambda values, dn: next((value for value in values if pattern.search(value)), None)


def _in_dn(name: str) -> Chooser:
    def choose(values: list[str], dn: str) -> str | None:
        try:
            own = {value for kind, value in split_dn(dn)[0] if kind == name}
        except (ValueError, IndexError):
            own = set()
        lower = {value.lower() for value in own}
        fitting = [value for value in values if value in own]
        fitting += [value for value in values if value.lower() in lower]
        return next(iter(fitting), None)

    return choose
