"""Whom and what Kanport manages, as the mapping says it and the ledger knows it."""

from collections.abc import Callable
from dataclasses import dataclass

from kanport.mapping.spec import MappingFile, Users
from kanport.memory import Memory
from kanport.model import Project, User
from kanport.names import is_temporary_username
from kanport.plan.match import name_matcher


@dataclass(frozen=True, slots=True)
class Managed:
    """Tests for users.

    `when_missing` is for those who are in no source, `to_revoke` for those who would lose access
    that nothing asks for (with the username that they will have), `to_disable` for those whom the
    sources call inactive.
    """

    when_missing: Callable[[User], bool]
    to_revoke: Callable[[User, str], bool]
    to_disable: Callable[[User], bool]


def managed_people(users: Users | None, memory: Memory) -> Managed:
    """Give whom `managed` covers; without it nobody is missing, and everybody's access counts."""
    managed = users.managed if users is not None else None
    if managed is None:
        return Managed(lambda user: False, lambda user, name: True, lambda user: True)
    if managed == "ledger":
        known = memory.manages
        return Managed(known, lambda user, name: known(user), known)
    fits = name_matcher(managed.usernames)
    return Managed(
        # A temporary username is Kanport's doing, and says nothing of the one that they had.
        lambda user: fits(user.username) or is_temporary_username(user.username, user.id),
        lambda user, name: fits(name),
        lambda user: True,
    )


def managed_grants(mapping: MappingFile, memory: Memory) -> Callable[[User, Project], bool]:
    """Give a test for memberships that may end because nothing asks for them."""
    if mapping.memberships_managed == "ledger":
        return memory.granted
    return lambda user, project: True
