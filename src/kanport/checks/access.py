"""Who is to get what: administrators, and memberships of people whom no row of users names."""

from collections.abc import Iterator

from kanport.findings import Finding
from kanport.mapping.spec import MappingFile
from kanport.model import AppRole, DesiredMembership, DesiredState


def administrators(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Tell who is to be an administrator of the whole server, so that nobody becomes it unseen."""
    for user in desired.users:
        if user.role is not None and user.role.value == AppRole.ADMIN:
            yield Finding(
                "admin-wanted",
                f'"{user.username.value}" is to be an administrator of the whole server',
                origin=next(iter(user.role.origins), None),
                value=user.role.value,
            )


def strangers(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Tell of memberships for people whom no row of users names.

    They may exist on the server; the plan says so where they don't. Without users in the mapping
    there is nothing to compare with, and people in doubt are known to the sources.
    """
    if mapping.users is None:
        return
    listed = {user.key for user in desired.users} | desired.unknown.people
    found: dict[str, list[DesiredMembership]] = {}
    for membership in desired.memberships:
        if membership.key[0] not in listed:
            found.setdefault(membership.key[0], []).append(membership)
    for theirs in found.values():
        first, *rest = theirs
        count = f"{len(theirs)} membership" + ("s" if len(theirs) > 1 else "")
        yield Finding(
            "person-unlisted",
            f'"{first.username.value}" is in no row of users, but is to have {count}',
            origin=next(iter(first.username.origins), None),
            value=first.username.value,
            hint="this works for somebody who is on the server already",
            related=tuple(place for other in rest for place in other.username.origins[:1]),
        )
