"""Who and what on the server a name in the input means."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from typing import Self

from kanport.mapping.spec import MappingFile
from kanport.model import DesiredState, Given, Identity, Project, User
from kanport.names import case_key, compare_key, id_in, id_text, plain_number, spelling_key


def name_matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Give a test for names that fit one of the patterns, without regard to case and accents.

    >>> protected = name_matcher(["admin", "svc-*"])
    >>> protected("Admin"), protected("svc-backup"), protected("ann")
    (True, True, False)
    """
    parts = [translate(spelling_key(pattern)) for pattern in patterns]
    if not parts:
        return lambda name: False
    fits = re.compile("|".join(parts)).match
    return cache(lambda name: fits(spelling_key(name)) is not None)


@dataclass(frozen=True, slots=True)
class People:
    """The users of the server, by exact name, by compare key and by e-mail address."""

    by_id: Mapping[int, User]
    by_name: Mapping[str, User]
    by_key: Mapping[str, tuple[User, ...]]
    by_email: Mapping[str, tuple[User, ...]]

    @classmethod
    def of(cls, users: Iterable[User]) -> Self:
        """Index the users; what several share keeps them in the order of their ids."""
        by_key: dict[str, list[User]] = defaultdict(list)
        by_email: dict[str, list[User]] = defaultdict(list)
        ordered = sorted(users, key=lambda user: user.id)
        for user in ordered:
            by_key[compare_key(user.username)].append(user)
            if user.email:
                by_email[user.email.casefold()].append(user)
        return cls(
            by_id={user.id: user for user in ordered},
            by_name={user.username: user for user in ordered},
            by_key={key: tuple(some) for key, some in by_key.items()},
            by_email={email: tuple(some) for email, some in by_email.items()},
        )

    def fitting(self, username: str) -> tuple[User, ...]:
        """Give whom a username means: nobody, one, or several whose names compare the same.

        The exact spelling wins: SQLite and PostgreSQL keep `alice` and `ALICE` apart.
        """
        exact = self.by_name.get(username)
        return (exact,) if exact else self.by_key.get(compare_key(username), ())

    def with_email(self, email: str) -> tuple[User, ...]:
        """Give the users with this e-mail address, compared without regard to case."""
        return self.by_email.get(email.casefold(), ()) if email else ()


@dataclass(frozen=True, slots=True)
class Projects:
    """The projects of the server, by whatever a source may call them.

    `numbers` is True where a number that is nobody's name or identifier means an id.
    """

    by_id: Mapping[int, Project]
    by_identifier: Mapping[str, tuple[Project, ...]]
    by_name: Mapping[str, tuple[Project, ...]]
    by_key: Mapping[str, tuple[Project, ...]]
    numbers: bool = True

    @classmethod
    def of(cls, projects: Iterable[Project], *, numbers: bool = True) -> Self:
        """Index the projects."""
        by_identifier: dict[str, list[Project]] = defaultdict(list)
        by_name: dict[str, list[Project]] = defaultdict(list)
        by_key: dict[str, list[Project]] = defaultdict(list)
        by_id = {project.id: project for project in projects}
        for _, project in sorted(by_id.items()):
            if project.identifier:
                by_identifier[project.identifier.upper()].append(project)
            by_name[project.name].append(project)
            by_key[spelling_key(project.name)].append(project)
        return cls(
            dict(sorted(by_id.items())),
            _frozen(by_identifier),
            _frozen(by_name),
            _frozen(by_key),
            numbers,
        )

    def fitting(self, text: str) -> tuple[Project, ...]:
        """Return the projects that a text in a source means; several where it fits several.

        A number is a name unless the mapping asks for an id. The order is: identifier (without
        regard to case, as the server stores them in upper case), exact name, a name in another
        spelling, and last, where `numbers` allows it, an id. Names are not unique on the server.
        """
        if (number := id_in(text)) is not None:
            return self._with_id(number)
        if known := self.identified(text) or self.named(text):
            return known
        number = plain_number(text)
        return self._with_id(number) if number is not None and self.numbers else ()

    def identified(self, text: str) -> tuple[Project, ...]:
        """Return the project that has a text as its identifier."""
        return self.by_identifier.get(_upper(text), ())

    def named(self, text: str) -> tuple[Project, ...]:
        """Return the projects of a name: in the exact spelling, else in one like it."""
        return self.by_name.get(text) or self.by_key.get(spelling_key(text), ())

    def called(self, text: str) -> tuple[Project, ...]:
        """Return the projects that somebody means who types a text: also an id, as in `#3`.

        In a cell `#3` is a name like any other; in an option, or a limit, it asks for an id.
        """
        number = plain_number(text[1:]) if text.startswith("#") else None
        return self.fitting(text) or (self._with_id(number) if number is not None else ())

    def by_number(self, text: str) -> Project | None:
        """Return the project that a text means only because it is a number; else None."""
        number = plain_number(text)
        if number is None or not self.numbers or self._is_named(text):
            return None
        return self.by_id.get(number)

    def keys_of(self, project: Project) -> frozenset[str]:
        """Return every spelling key by which a source may mean this project."""
        texts = {project.identifier, project.name, id_text(project.id)} - {""}
        if self.numbers and not self._is_named(str(project.id)):
            texts.add(str(project.id))
        return frozenset(map(spelling_key, texts))

    def _is_named(self, text: str) -> bool:
        return bool(self.identified(text) or self.named(text))

    def _with_id(self, number: int) -> tuple[Project, ...]:
        project = self.by_id.get(number)
        return () if project is None or number < 1 else (project,)


def _frozen(index: Mapping[str, list[Project]]) -> dict[str, tuple[Project, ...]]:
    return {text: tuple(some) for text, some in index.items()}


def _upper(text: str) -> str:
    # Identifiers are ASCII, and ß in capitals would be one of somebody else.
    return text.upper() if text.isascii() else text


def numbers_are_ids(mapping: MappingFile) -> bool:
    """Tell whether a number that is no project's name or identifier means an id.

    Where the mapping creates projects, such a number is the name of one that is yet to be created.
    """
    return mapping.projects is None


def is_of_directory(given: Given[str]) -> bool:
    """Return whether a text comes from entries of directories, whose names are exact."""
    return bool(given.origins) and all(place.dn is not None for place in given.origins)


def misread_projects(desired: DesiredState, projects: Projects) -> frozenset[str]:
    """Return the texts of directories that mean a project only if another spelling is taken for it.

    Where other texts mean that project as well, theirs is another group of the directory.
    """
    texts: dict[int, dict[str, list[Given[str]]]] = defaultdict(dict)
    for given in (*desired.projects_named, *(m.project for m in desired.memberships)):
        fitting = projects.fitting(given.value)
        if len(fitting) == 1:
            texts[fitting[0].id].setdefault(case_key(given.value), []).append(given)
    found: set[str] = set()
    for number, by_case in texts.items():
        project = projects.by_id[number]
        exact = {case_key(project.name), case_key(project.identifier)}
        for key, several in by_case.items() if len(by_case) > 1 else ():
            if key not in exact and all(map(is_of_directory, several)):
                found.update(given.value for given in several)
    return frozenset(found)


def people_wanted(
    desired: DesiredState, known: Mapping[str, Identity]
) -> tuple[frozenset[str], frozenset[int]]:
    """Give the usernames and the user ids that the desired state speaks of.

    These are the people who must be read before a plan can be made, where a server cannot list all.
    `known` is whom the ledger knows by stable id.
    """
    names = {user.username.value for user in desired.users}
    names.update(membership.username.value for membership in desired.memberships)
    names.update(member.username.value for member in desired.group_members)
    names.update(p.owner.value for p in desired.projects if p.owner is not None)
    stable_ids = {user.stable_id.value for user in desired.users if user.stable_id is not None}
    stable_ids.update(stable_id for _, stable_id in desired.unknown.ids)
    identities = [known[stable_id] for stable_id in stable_ids if stable_id in known]
    names.update(identity.username for identity in identities)
    return frozenset(names), frozenset(identity.user_id for identity in identities)


def private_projects(projects: Iterable[Project]) -> frozenset[int]:
    """Give the ids of the private projects.

    Removing somebody deletes those that they are in, so their members must be read before.
    """
    return frozenset(project.id for project in projects if project.private)


def projects_wanted(
    desired: DesiredState, projects: Iterable[Project], *, numbers: bool = True
) -> frozenset[int]:
    """Give the ids of the projects that the desired state speaks of, as far as they are clear.

    These are the projects whose members must be read before a plan can be made. `numbers` is what
    `numbers_are_ids` says of the mapping.
    """
    projects = tuple(projects)
    if desired.every_project:
        return frozenset(project.id for project in projects)
    index = Projects.of(projects, numbers=numbers)
    texts = {membership.project.value for membership in desired.memberships}
    texts.update(access.project.value for access in desired.group_access)
    texts.update(named.value for named in desired.projects_named)
    found = (index.fitting(text) for text in texts)
    return frozenset(some[0].id for some in found if len(some) == 1)
