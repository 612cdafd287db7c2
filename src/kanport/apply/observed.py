"""What is known of the ids of a change, and what reading it back showed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from kanport.facts import Fact, fact
from kanport.plan.model import Change


class Ids(NamedTuple):
    """The ids of what a change is about; None for what is not there (yet), or not about it."""

    user: int | None = None
    project: int | None = None
    group: int | None = None


@dataclass(frozen=True, slots=True)
class Observed:
    """What reading back showed of one change: whether it holds, and what is actually there.

    `user_id`, `group_id` and `project_id` are the ids of what was read, which is how those of new
    ones are learned. `mend` are the fields that a further update is to set: Kanboard makes a user
    from its own LDAP with the name, e-mail address and role that it finds there. `shown` is False
    where nothing speaks against it, but nothing shows it either: Kanboard does not list the access
    of groups. `role` is the role in the project that was read, where it is about one.
    `understood` is False where the answer says nothing that Kanport knows: nothing follows from it.
    """

    holds: bool
    actual: Fact | None = None
    user_id: int | None = None
    mend: Mapping[str, Any] = field(default_factory=dict)
    shown: bool = True
    group_id: int | None = None
    project_id: int | None = None
    role: str = ""
    understood: bool = True


def known(change: Change, number: int | None, what: str) -> int:
    """Give an id that must be known by now; raise ValueError where it is not."""
    if number is None:
        raise ValueError(f"{change.id}: the id of {what} is not known")
    return number


def fields_now(fields: Iterable[Fact]) -> Fact | None:
    """Return the values that fields have now as one fact; None for no field."""
    several = tuple(fields)
    if len(several) < 2:
        return several[0] if several else None
    return fact("fields-now", fields=several)
