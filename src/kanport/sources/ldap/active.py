"""Is an account active: what directories say about it, each in its own way.

Being locked out for a while, after too many wrong passwords, never counts: it passes by itself.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from kanport.sources.ldap.ber import Attributes
from kanport.sources.ldap.values import filetime, number

DISABLED = 0x2
LOCKED_FOR_GOOD = b"000001010000Z"


class Verdict(NamedTuple):
    """Whether an account is active, None where it cannot be told; by which attribute.

    `why` is the case of `active-unknown` where it cannot be told.
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


def judge(rules: Iterable[str], attributes: Attributes, now: datetime) -> Verdict:
    """Say whether an account is active by all of the rules.

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


def by_control(attributes: Attributes, now: datetime) -> Verdict:
    """Active Directory: bit 2 of userAccountControl means disabled (MS-ADTS 2.2.16).

    Every account has it, so that its absence means that it may not be read.

    >>> by_control({"useraccountcontrol": [b"514"]}, datetime.now(UTC)).active
    False
    """
    values = attributes.get("useraccountcontrol")
    name = "userAccountControl"
    if not values:
        return Verdict(None, name, "unreadable")
    flags = number(values)
    if flags is None:
        return Verdict(None, name, "not-number")
    return Verdict(not flags & DISABLED, name)


def by_expiry(attributes: Attributes, now: datetime) -> Verdict:
    """Active Directory: the time when an account ends; 0 and the largest number mean never."""
    values, name = attributes.get("accountexpires"), "accountExpires"
    if not values:
        if attributes.get("useraccountcontrol"):
            return Verdict(True, name)
        return Verdict(None, name, "unreadable")
    ticks = number(values)
    if ticks is None or ticks < 0:
        return Verdict(None, name, "not-time")
    end = filetime(ticks)
    if end is None:
        return Verdict(True, name)
    return Verdict(now < end, name)


def by_lock(attributes: Attributes, now: datetime) -> Verdict:
    """389 Directory Server and FreeIPA: nsAccountLock is true for a disabled account."""
    values, name = attributes.get("nsaccountlock"), "nsAccountLock"
    if not values:
        return Verdict(True, name)
    said = {value.strip().lower() for value in values}
    if said == {b"true"}:
        return Verdict(False, name)
    if said == {b"false"}:
        return Verdict(True, name)
    return Verdict(None, name, "not-boolean")


def by_locked_time(attributes: Attributes, now: datetime) -> Verdict:
    """OpenLDAP's password policy: the year 0 means locked by an administrator, for good.

    Any other time is that of a lock-out after wrong passwords.
    """
    values, name = attributes.get("pwdaccountlockedtime"), "pwdAccountLockedTime"
    if values and LOCKED_FOR_GOOD in values:
        return Verdict(False, name)
    return Verdict(True, name)


def by_shadow(attributes: Attributes, now: datetime) -> Verdict:
    """Posix accounts: the day since 1970 on which the account ends (shadow(5)); below 0: never.

    What 0 means is not settled: some take it for never, others for the first day of 1970.
    """
    values, name = attributes.get("shadowexpire"), "shadowExpire"
    if not values:
        return Verdict(True, name)
    day = number(values)
    if not day:
        return Verdict(None, name, "not-number" if day is None else "zero")
    if day < 0:
        return Verdict(True, name)
    today = (now.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(days=1)
    return Verdict(today < day, name)


_RULES = {
    "userAccountControl": by_control,
    "accountExpires": by_expiry,
    "nsAccountLock": by_lock,
    "pwdAccountLockedTime": by_locked_time,
    "shadowExpire": by_shadow,
}
