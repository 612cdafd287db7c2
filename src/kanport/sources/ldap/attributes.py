"""What the attributes of an entry mean: texts, ids, times, and whether the account is active.

Directories give bytes. First come the forms that values have, then the rules by which directories
say, each in its own way, that an account is locked, disabled or expired.
"""

import base64
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kanport.mapping.ldap import Choice, LdapSource
from kanport.mapping.patterns import Pattern, compiled
from kanport.sources.ldap.ber import Attributes
from kanport.sources.ldap.names import split_dn

Writer = Callable[[bytes], str]
Chooser = Callable[[list[str], str], str | None]

_FILETIME_BEGINS = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER = (0, 0x7FFF_FFFF_FFFF_FFFF)


def guid_text(raw: bytes) -> str:
    """Return a GUID as Active Directory's tools write it: its first three parts are little-endian.

    >>> guid_text(bytes(range(16)))
    '03020100-0504-0706-0809-0a0b0c0d0e0f'
    """
    return str(uuid.UUID(bytes_le=raw))


def sid_text(raw: bytes) -> str:
    """Return a security identifier as text (MS-DTYP 2.4.2.2).

    >>> sid_text(bytes.fromhex("010500000000000515000000010000000200000003000000f4010000"))
    'S-1-5-21-1-2-3-500'
    """
    if len(raw) < 8 or len(raw) != 8 + 4 * raw[1]:
        raise ValueError("not a SID")
    parts = (int.from_bytes(raw[at : at + 4], "little") for at in range(8, len(raw), 4))
    return "-".join(map(str, ["S", raw[0], int.from_bytes(raw[2:8], "big"), *parts]))


def filetime(number: int) -> datetime | None:
    """Return a point in time in units of 100 ns since 1601; None for never (MS-ADA1 2.1).

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
    """Return how attributes that are not text are written, by name in lower case."""
    return _KNOWN | {name.lower(): _WRITERS[kind] for name, kind in spec.binary.items()}


def text_of(raw: bytes, writer: Writer | None = None) -> str | None:
    """Return a value as text; None where it is neither text nor of the form that was expected."""
    try:
        return writer(raw) if writer is not None else raw.decode()
    except ValueError:
        return None


def texts(values: list[bytes]) -> list[str]:
    """Return the values that are text."""
    return [text for value in values if (text := text_of(value))]


def number(values: list[bytes] | None) -> int | None:
    """Return the one whole number that stands there; None where there is none.

    >>> number([b"512"]), number([b"0x200"]), number(None)
    (512, None, None)
    """
    if not values or len(values) > 1:
        return None
    return int(values[0]) if re.fullmatch(rb"-?[0-9]{1,20}", values[0]) else None


def choosers(choose: Mapping[str, Choice | str]) -> dict[str, Chooser]:
    """Return how one of several values is taken, by attribute in lower case.

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


# --- whether an account is active -----------------------------------------------------------------


DISABLED = 0x2
LOCKED_FOR_GOOD = b"000001010000Z"


class AccountState(NamedTuple):
    """Whether an account is active, None where it is unknown; by which attribute.

    `why` is the case of `active-unknown` where it is unknown.
    """

    active: bool | None
    attribute: str
    why: str = ""


# What a rule reads. accountExpires is absent where it was never set, but also where it may not be
# read; userAccountControl can be read by the same right and is never absent, so it tells.
READS = {
    "userAccountControl": ("userAccountControl",),
    "accountExpires": ("accountExpires", "userAccountControl"),
    "nsAccountLock": ("nsAccountLock",),
    "pwdAccountLockedTime": ("pwdAccountLockedTime",),
    "shadowExpire": ("shadowExpire",),
}
# Where these are absent, the account is active; that nobody has them may mean that they are hidden.
MAY_BE_ABSENT = ("nsAccountLock", "pwdAccountLockedTime", "shadowExpire")


def judge(rules: Iterable[str], attributes: Attributes, now: datetime) -> AccountState:
    """Return whether an account is active by all of the rules.

    One that says no is enough; otherwise one that cannot tell leaves it open. `attributes` are by
    name in lower case.
    """
    verdicts = [_RULES[rule](attributes, now) for rule in rules]
    for wanted in (False, None):
        for verdict in verdicts:
            if verdict.active is wanted:
                return verdict
    return verdicts[0]


def is_locked(attributes: Attributes, now: datetime) -> bool:
    """Return whether any attribute says for sure that an account is disabled or has expired."""
    return any(rule(attributes, now).active is False for rule in _RULES.values())


def by_control(attributes: Attributes, now: datetime) -> AccountState:
    """Active Directory: bit 2 of userAccountControl means disabled (MS-ADTS 2.2.16).

    Every account has it, so that its absence means that it may not be read.

    >>> by_control({"useraccountcontrol": [b"514"]}, datetime.now(UTC)).active
    False
    """
    values = attributes.get("useraccountcontrol")
    name = "userAccountControl"
    if not values:
        return AccountState(None, name, "unreadable")
    flags = number(values)
    if flags is None:
        return AccountState(None, name, "not-number")
    return AccountState(not flags & DISABLED, name)


def by_expiry(attributes: Attributes, now: datetime) -> AccountState:
    """Active Directory: the time when an account ends; 0 and the largest number mean never."""
    values, name = attributes.get("accountexpires"), "accountExpires"
    if not values:
        if attributes.get("useraccountcontrol"):
            return AccountState(True, name)
        return AccountState(None, name, "unreadable")
    ticks = number(values)
    if ticks is None or ticks < 0:
        return AccountState(None, name, "not-time")
    end = filetime(ticks)
    if end is None:
        return AccountState(True, name)
    return AccountState(now < end, name)


def by_lock(attributes: Attributes, now: datetime) -> AccountState:
    """389 Directory Server and FreeIPA: nsAccountLock is true for a disabled account."""
    values, name = attributes.get("nsaccountlock"), "nsAccountLock"
    if not values:
        return AccountState(True, name)
    said = {value.strip().lower() for value in values}
    if said == {b"true"}:
        return AccountState(False, name)
    if said == {b"false"}:
        return AccountState(True, name)
    return AccountState(None, name, "not-boolean")


def by_locked_time(attributes: Attributes, now: datetime) -> AccountState:
    """OpenLDAP's password policy: the year 0 means locked by an administrator, for good.

    Any other time is that of a lock-out after wrong passwords.
    """
    values, name = attributes.get("pwdaccountlockedtime"), "pwdAccountLockedTime"
    if values and LOCKED_FOR_GOOD in values:
        return AccountState(False, name)
    return AccountState(True, name)


def by_shadow(attributes: Attributes, now: datetime) -> AccountState:
    """Posix accounts: the day since 1970 on which the account ends (shadow(5)); below 0: never.

    What 0 means is not settled: some take it for never, others for the first day of 1970.
    """
    values, name = attributes.get("shadowexpire"), "shadowExpire"
    if not values:
        return AccountState(True, name)
    day = number(values)
    if not day:
        return AccountState(None, name, "not-number" if day is None else "zero")
    if day < 0:
        return AccountState(True, name)
    today = (now.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(days=1)
    return AccountState(today < day, name)


_RULES = {
    "userAccountControl": by_control,
    "accountExpires": by_expiry,
    "nsAccountLock": by_lock,
    "pwdAccountLockedTime": by_locked_time,
    "shadowExpire": by_shadow,
}
