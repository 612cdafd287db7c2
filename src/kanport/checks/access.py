"""Who is to get what: administrators, and memberships of people whom no row of users names."""

from collections.abc import Iterator

from kanport.findings import Finding, found
from kanport.mapping.spec import MappingFile
from kanport.model import AppRole, DesiredMembership, DesiredState


def administrators(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Tell who is to be an administrator of the whole server, so that nobody becomes it unseen."""
    for user in desired.users:
        if user.role is not None and user.role.value == AppRole.ADMIN:
            yield found(
                "admin-wanted",
                next(iter(user.role.origins), None),
                value=user.role.value,
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
    listed = {user.key for user in desired.users} | unknown.people | unknown.hidden
    unlisted: dict[str, list[DesiredMembership]] = {}
    for membership in desired.memberships:
        if membership.key[0] not in listed:
            unlisted.setdefault(membership.key[0], []).append(membership)
    for theirs in unlisted.values():
        first, *rest = theirs
        yield found(
            "person-unlisted",
            next(iter(first.username.origins), None),
            value=first.username.value,
            related=(place for other in rest for place in other.username.origins[:1]),
            username=first.username.value,
            memberships=len(theirs),
        )
