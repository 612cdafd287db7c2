"""Who is to get what: administrators, and memberships of people whom no row of users names."""

from collections.abc import Iterator

import numpy as np

from kanport.fields import ROLE
from kanport.findings import Finding, found
from kanport.frames import DesiredUsers, Relations
from kanport.mapping.spec import MappingFile
from kanport.model import AppRole, DesiredRelation, DesiredState
from kanport.names import compare_key


def administrators(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Tell who is to be an administrator of the whole server, so that nobody becomes it unseen."""
    users = DesiredUsers.of(desired.users)
    for at in np.flatnonzero(users.values[ROLE.name] == AppRole.ADMIN).tolist():
        user = users[at]
        yield found(
            "admin-wanted",
            next(iter(user.role.origins), None) if user.role is not None else None,
            value=AppRole.ADMIN.value,
            username=user.username.value,
        )


def strangers(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Tell of memberships for people whom no row of users names.

    They may exist on the server; the plan says so where they don't. Without users in the mapping
    there is nothing to compare with, and people in doubt are known to the sources.
    """
    if mapping.users is None:
        return
    unknown = desired.unknown
    listed = {*DesiredUsers.of(desired.users).keys} | unknown.people | unknown.hidden
    memberships = Relations.of(desired)
    people = memberships.holders.keys(compare_key)
    unlisted: dict[str, list[DesiredRelation]] = {}
    for at in np.flatnonzero(people.having(lambda key: key not in listed)).tolist():
        unlisted.setdefault(people.values[people.codes[at]], []).append(memberships[at])
    for theirs in unlisted.values():
        first, *rest = theirs
        yield found(
            "person-unlisted",
            next(iter(first.holder.origins), None),
            value=first.holder.value,
            related=(place for other in rest for place in other.holder.origins[:1]),
            username=first.holder.value,
            memberships=len(theirs),
        )
