"""Decide which users and memberships Kanport manages, and which it adopts. Pure."""

from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial

from kanport.mapping.spec import MappingFile
from kanport.mapping.users import Users
from kanport.memory import Grant, LedgerState
from kanport.model import CurrentState, Project, ProjectIndex, User
from kanport.names import is_temporary_username, spelling_key
from kanport.plan.matching import name_matcher, numbers_are_ids
from kanport.plan.resolve import Resolved
from kanport.records import dataclass
from kanport.relations import About


@dataclass(frozen=True, slots=True)
class Ownership:
    """Tests for users.

    `when_missing` is for those who are in no source, `to_revoke` for those who would lose access
    that nothing asks for (with the username that they will have), `to_disable` for those whom the
    sources call inactive.
    """

    when_missing: Callable[[User], bool]
    to_revoke: Callable[[User, str], bool]
    to_disable: Callable[[User], bool]


def ownership_of(users: Users | None, memory: LedgerState) -> Ownership:
    """Return whom `managed` covers; without it nobody is missing, and everybody's access counts."""
    managed = users.managed if users is not None else None
    if managed is None:
        return Ownership(lambda user: False, lambda user, name: True, lambda user: True)
    if managed == "ledger":
        known = memory.manages
        return Ownership(known, lambda user, name: known(user), known)
    fits = name_matcher(managed.usernames)
    return Ownership(
        # A temporary username is Kanport's doing, and says nothing of the one that they had.
        lambda user: fits(user.username) or is_temporary_username(user.username, user.id),
        lambda user, name: fits(name),
        lambda user: True,
    )


def managed_grants(mapping: MappingFile, memory: LedgerState) -> Callable[[User, Project], bool]:
    """Return a test for memberships that may end because nothing asks for them."""
    if mapping.memberships_managed == "ledger":
        return partial(memory.gave, About.MEMBERSHIP)
    return lambda user, project: True


@dataclass(frozen=True, slots=True)
class Adoption:
    """Users and memberships of the server that are to be managed, and how many are already.

    `by_number` are the texts that were taken for the ids of projects, as nothing is called so.
    """

    users: tuple[User, ...]
    memberships: tuple[tuple[User, Project], ...]
    managed_users: int
    managed_memberships: int
    by_number: tuple[str, ...] = ()

    @property
    def names(self) -> dict[int, str]:
        """The users as the ledger keeps them."""
        return {user.id: user.username for user in self.users}

    @property
    def grants(self) -> dict[tuple[int, int], Grant]:
        """The memberships as the ledger keeps them."""
        return {
            (user.id, project.id): Grant(user.username, project.label)
            for user, project in self.memberships
        }


def adoptable(
    resolved: Resolved,
    current: CurrentState,
    mapping: MappingFile,
    memory: LedgerState,
    *,
    users: Collection[str],
    memberships: Collection[str],
) -> Adoption:
    """Return what is on the server and is to be managed from now on.

    `users` are names or patterns of users, `memberships` of projects whose memberships are meant.
    Where neither is given, it is whom and what the valid rows of the sources name. Protected
    accounts are never among them, and neither is the access to private projects.
    """
    protected = name_matcher(mapping.protect)
    if users or memberships:
        fits = name_matcher(users)
        chosen = [user for user in current.users if fits(user.username)]
        matches = project_matches(current.projects, memberships, numbers=numbers_are_ids(mapping))
        held = list(_held(resolved, current, matches))
    else:
        chosen = [user for user in resolved.persons.users if user is not None]
        held = [
            (user, wanted.target)
            for wanted in resolved.wanted
            if (user := wanted.holder.user) is not None
            and isinstance(wanted.target, Project)
            and user.id in current.roles.get(wanted.target.id, {})
        ]
    people = [user for user in _by_id(chosen) if not protected(user.username)]
    pairs = {
        (user.id, project.id): (user, project)
        for user, project in held
        if not protected(user.username) and not project.private
    }
    new_users = tuple(user for user in people if not memory.manages(user))
    new_pairs = tuple(
        pairs[key] for key in sorted(pairs) if not memory.gave(About.MEMBERSHIP, *pairs[key])
    )
    index = current.project_index.with_numbers(numbers_are_ids(mapping))
    return Adoption(
        new_users,
        new_pairs,
        len(people) - len(new_users),
        len(pairs) - len(new_pairs),
        tuple(text for text in memberships if index.by_number(text) is not None),
    )


def project_matches(
    projects: Iterable[Project], patterns: Collection[str], *, numbers: bool = True
) -> frozenset[int]:
    """Return the ids of the projects that the patterns mean, private ones left out.

    A pattern means every identifier and name that fits it. What none fits may be an id, as in `#3`
    or, where `numbers` allows it, `3`.
    """
    projects = tuple(projects)
    index = ProjectIndex.of(projects, numbers=numbers)
    found: set[int] = set()
    for pattern in patterns:
        fits = name_matcher([pattern])
        named = [
            project
            for project in projects
            if any(fits(spelling_key(name)) for name in (project.identifier, project.name) if name)
        ]
        found.update(
            project.id for project in named or index.called(pattern) if not project.private
        )
    return frozenset(found)


def _held(
    resolved: Resolved, current: CurrentState, project_ids: Collection[int]
) -> Iterator[tuple[User, Project]]:
    for project in current.projects:
        if project.id in project_ids:
            for user_id in current.roles.get(project.id, {}):
                user = resolved.people.by_id.get(user_id)
                if user is not None:
                    yield user, project


def _by_id(users: Iterable[User]) -> list[User]:
    return [user for _, user in sorted({user.id: user for user in users}.items())]
