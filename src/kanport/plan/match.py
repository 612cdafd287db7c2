"""Who and what on the server a name in the input means."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from typing import Self

from kanport.model import DesiredState, Identity, Project, User
from kanport.names import compare_key, spelling_key


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
    """The projects of the server, by whatever a source may call them."""

    by_id: Mapping[int, Project]
    by_exact: Mapping[str, tuple[Project, ...]]
    by_key: Mapping[str, tuple[Project, ...]]

    @classmethod
    def of(cls, projects: Iterable[Project]) -> Self:
        """Index the projects."""
        by_exact: dict[str, dict[int, Project]] = defaultdict(dict)
        by_key: dict[str, dict[int, Project]] = defaultdict(dict)
        ordered = sorted(projects, key=lambda project: project.id)
        for project in ordered:
            if project.identifier:
                by_exact[project.identifier.upper()][project.id] = project
            by_key[spelling_key(project.name)][project.id] = project
            by_exact[project.name][project.id] = project
        return cls(
            by_id={project.id: project for project in ordered},
            by_exact={name: tuple(some.values()) for name, some in by_exact.items()},
            by_key={key: tuple(some.values()) for key, some in by_key.items()},
        )

    def fitting(self, text: str) -> tuple[Project, ...]:
        """Give what a text means: an identifier or a name, else, if it is a number, an id.

        Identifiers are compared without regard to case, as the server stores them in upper case;
        of the names, the exact spelling wins. Several projects come back where the text fits
        several: names are not unique on the server.
        """
        exact = {
            project.id: project
            for spelling in (text, text.upper())
            for project in self.by_exact.get(spelling, ())
            if spelling == text or project.identifier.upper() == spelling
        }
        if exact:
            return tuple(exact[number] for number in sorted(exact))
        if similar := self.by_key.get(spelling_key(text), ()):
            return similar
        if _is_number(text) and (project := self.by_id.get(int(text))):
            return (project,)
        return ()


def _is_number(text: str) -> bool:
    # No database has longer ids, and Python refuses to read numbers of thousands of digits.
    return text.isascii() and text.isdigit() and len(text) < 20


def project_keys(project: Project) -> frozenset[str]:
    """Give every spelling key that a source may call this project by."""
    names = (project.identifier, project.name, str(project.id))
    return frozenset(spelling_key(name) for name in names if name)


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


def projects_wanted(desired: DesiredState, projects: Iterable[Project]) -> frozenset[int]:
    """Give the ids of the projects that the desired state speaks of, as far as they are clear.

    These are the projects whose members must be read before a plan can be made.
    """
    projects = tuple(projects)
    if desired.every_project:
        return frozenset(project.id for project in projects)
    index = Projects.of(projects)
    texts = {membership.project.value for membership in desired.memberships}
    texts.update(access.project.value for access in desired.group_access)
    texts.update(named.value for named in desired.projects_named)
    found = (index.fitting(text) for text in texts)
    return frozenset(some[0].id for some in found if len(some) == 1)
