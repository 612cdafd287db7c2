"""The access that Kanboard gives in one project, worked out the plain way."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kanport.plan.roles import effective_role


@dataclass(frozen=True, slots=True)
class GroupAccess:
    """The role that a group has in a project, with the ids of those in the group."""

    role: str
    members: frozenset[int]


def project_access(direct: Mapping[int, str], groups: Iterable[GroupAccess]) -> dict[int, str]:
    """Return everybody who is listed in a project, by user id, with the role that they have.

    `groups` come in the order in which the database has their access. Whoever is listed with an
    empty role is a member who may do nothing.
    """
    several = tuple(groups)
    listed = set(direct).union(*(group.members for group in several))
    return {
        user: effective_role(
            direct.get(user), (group.role for group in several if user in group.members)
        )
        for user in sorted(listed)
    }
