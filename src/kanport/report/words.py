"""The words of the reports: labels of actions, risks and outcomes, plurals, times in UTC."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from kanport.findings import Severity
from kanport.outcome import Status, VerifyStatus
from kanport.plan.change import Action, Risk


class Noun(NamedTuple):
    """What can be counted, as one and as many."""

    one: str
    many: str

    def __call__(self, number: int) -> str:
        """Give the form that goes with a number.

        >>> PERSON(1), PERSON(0), PERSON(2)
        ('person', 'people', 'people')
        """
        return self.one if number == 1 else self.many


PERSON = Noun("person", "people")
MEMBERSHIP = Noun("membership", "memberships")
USER = Noun("user", "users")
PROJECT = Noun("project", "projects")
GROUP = Noun("group", "groups")
GROUP_MEMBER = Noun("group member", "group members")
GROUP_ACCESS = Noun("access of a group", "accesses of groups")
CHANGE = Noun("change", "changes")
FINDING = Noun("finding", "findings")
GUARD = Noun("safety check", "safety checks")
SOURCE = Noun("source", "sources")
ROW = Noun("row", "rows")


class Wording(NamedTuple):
    """How an action is told: what it is done to, what is done, and its mark."""

    noun: Noun
    verb: str
    participle: str
    symbol: str

    def label(self, number: int) -> str:
        """Give what was counted, such as `people created`."""
        return f"{self.noun(number)} {self.participle}"


ACTIONS: dict[Action, Wording] = {
    Action.USER_CREATE: Wording(PERSON, "create", "created", "+"),
    Action.USER_UPDATE: Wording(PERSON, "update", "updated", "~"),
    Action.USER_RENAME: Wording(PERSON, "rename", "renamed", "~"),
    Action.USER_ENABLE: Wording(PERSON, "enable", "enabled", "+"),
    Action.USER_DISABLE: Wording(PERSON, "disable", "disabled", "-"),
    Action.USER_REMOVE: Wording(PERSON, "remove", "removed", "-"),
    Action.MEMBERSHIP_GRANT: Wording(MEMBERSHIP, "grant", "granted", "+"),
    Action.MEMBERSHIP_CHANGE: Wording(MEMBERSHIP, "change", "changed", "~"),
    Action.MEMBERSHIP_REVOKE: Wording(MEMBERSHIP, "revoke", "revoked", "-"),
    Action.GROUP_CREATE: Wording(GROUP, "create group", "created", "+"),
    Action.GROUP_UPDATE: Wording(GROUP, "update group", "updated", "~"),
    Action.GROUP_REMOVE: Wording(GROUP, "remove group", "removed", "-"),
    Action.GROUP_MEMBER_ADD: Wording(GROUP_MEMBER, "add", "added", "+"),
    Action.GROUP_MEMBER_REMOVE: Wording(GROUP_MEMBER, "take out", "taken out", "-"),
    Action.GROUP_ACCESS_GRANT: Wording(GROUP_ACCESS, "grant", "granted", "+"),
    Action.GROUP_ACCESS_CHANGE: Wording(GROUP_ACCESS, "change", "changed", "~"),
    Action.GROUP_ACCESS_REVOKE: Wording(GROUP_ACCESS, "revoke", "revoked", "-"),
    Action.PROJECT_CREATE: Wording(PROJECT, "create project", "created", "+"),
}

# The worst first: the order in which a reader should look at them.
RISKS: dict[Risk, Noun] = {
    Risk.DELETES_DATA: Noun("deletes data", "delete data"),
    Risk.ADMIN_GRANTED: Noun("gives administrator rights", "give administrator rights"),
    Risk.ADMIN_LOST: Noun("takes administrator rights", "take administrator rights"),
    Risk.PRIVILEGE_RAISED: Noun("gives a higher role", "give a higher role"),
    Risk.LOGIN_CHANGED: Noun("changes a login name", "change a login name"),
    Risk.ACCESS_LOST: Noun("takes access", "take access"),
    Risk.MAYBE_THROUGH_GROUP: Noun(*["may leave access through a group"] * 2),
}

SEVERITIES: dict[Severity, Noun] = {
    Severity.ERROR: Noun("error", "errors"),
    Severity.WARNING: Noun("warning", "warnings"),
    Severity.INFO: Noun("note", "notes"),
}

# What did not work comes first where a report repeats it.
UNDONE: tuple[Status | VerifyStatus, ...] = (
    Status.FAILED,
    Status.SKIPPED,
    Status.NOT_ATTEMPTED,
    VerifyStatus.MISMATCH,
)


def counted(number: int, noun: Noun) -> str:
    """Give a number with its noun, in plain digits.

    >>> counted(1, CHANGE), counted(50000, CHANGE)
    ('1 change', '50000 changes')
    """
    return f"{number} {noun(number)}"


def listed(parts: Sequence[str]) -> str:
    """Join parts as a sentence does.

    >>> listed(["3 created", "2 updated", "1 disabled"])
    '3 created, 2 updated and 1 disabled'
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def are(number: int) -> str:
    """Give the verb that goes with a number: is or are."""
    return "is" if number == 1 else "are"


def was(number: int) -> str:
    """Give the verb that goes with a number: was or were."""
    return "was" if number == 1 else "were"


def utc(moment: str) -> str:
    """Give an RFC 3339 time as people read it, in UTC; what is no such time stays as it is.

    >>> utc("2026-11-03T23:15:07+01:00")
    '2026-11-03 22:15:07 UTC'
    """
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def size(number: int) -> str:
    """Give a number of bytes exactly.

    >>> size(1), size(20480)
    ('1 byte', '20480 bytes')
    """
    return counted(number, Noun("byte", "bytes"))


def unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Give the texts in their order, each once."""
    return tuple(dict.fromkeys(texts))
