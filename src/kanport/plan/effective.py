"""What somebody may do in a project, from their direct role and the groups that they are in. Pure.

The model is Kanboard's own (facts C5 and C6): a direct role wins, even where it is lower than a
group's; without one the highest of the groups' roles counts. Any text that is no built-in role is a
custom role and ranks with project-manager; of several that rank alike, the first row counts that
the database gives: on SQLite and PostgreSQL that of the oldest access, on MariaDB that of the group
with the lowest id (seen on 1.2.53). A role that was stored empty counts as none where it is direct,
and beats the others, like a custom one, where it is a group's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kanport.plan.ranks import kanboard_rank


@dataclass(frozen=True, slots=True)
class GroupAccess:
    """The role that a group has in a project, with the ids of those in the group."""

    role: str
    members: frozenset[int]


def highest_roles(roles: Iterable[str]) -> frozenset[str]:
    """Give the roles of which one counts, whatever order the database has.

    >>> sorted(highest_roles(["Tester", "project-viewer", "project-manager"]))
    ['Tester', 'project-manager']
    """
    several = tuple(roles)
    top = max(map(kanboard_rank, several), default=0)
    return frozenset(role for role in several if kanboard_rank(role) == top)


def highest_role(roles: Iterable[str]) -> str:
    """Give the role that counts of those that somebody has through groups, in the order given.

    >>> highest_role(["project-viewer", "project-member"])
    'project-member'
    >>> highest_role(["Tester", "project-manager"]), highest_role(["project-manager", "Tester"])
    ('Tester', 'project-manager')
    """
    return max(roles, key=kanboard_rank, default="")


def effective_role(direct: str | None, through: Iterable[str] = ()) -> str:
    """Give the role that somebody has; empty for none.

    `direct` is None without a direct membership; `through` are the roles of the groups, in the
    order in which the database has them.

    >>> effective_role("project-viewer", ["project-manager"])
    'project-viewer'
    """
    # Kanboard tests with PHP's empty(), for which "0" is nothing as well.
    if direct not in (None, "", "0"):
        return direct or ""
    role = highest_role(through)
    return "" if role == "0" else role


def project_access(direct: Mapping[int, str], groups: Iterable[GroupAccess]) -> dict[int, str]:
    """Give everybody who is listed in a project, by user id, with the role that they have.

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
