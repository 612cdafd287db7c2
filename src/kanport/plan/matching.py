"""Find out which users and projects on the server a name in the input means."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from fnmatch import translate
from functools import cache

from kanport.frames import Relations
from kanport.mapping.spec import MappingFile
from kanport.model import AnyProject, DesiredState, Given, Identity, Project, ProjectIndex
from kanport.names import case_key, spelling_key
from kanport.relations import OF_USERS, About


def name_matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a test for names that fit one of the patterns, without regard to case and accents.

    >>> protected = name_matcher(["admin", "svc-*"])
    >>> protected("Admin"), protected("svc-backup"), protected("ann")
    (True, True, False)
    """
    parts = [translate(spelling_key(pattern)) for pattern in patterns]
    if not parts:
        return lambda name: False
    fits = re.compile("|".join(parts)).match
    return cache(lambda name: fits(spelling_key(name)) is not None)


def numbers_are_ids(mapping: MappingFile) -> bool:
    """Return whether a number that is no project's name or identifier means an id.

    Where the mapping creates projects, such a number is the name of one that is yet to be created.
    """
    return mapping.projects is None


def is_of_directory(given: Given[str]) -> bool:
    """Return whether a text comes only from directory entries, which name projects exactly."""
    return bool(given.origins) and all(place.dn is not None for place in given.origins)


def texts_of_projects(desired: DesiredState) -> dict[str, None]:
    """Return every text that names a project in the sources, also projects without members."""
    listed = Relations.of(desired).targets.used
    return dict.fromkeys((*(given.value for given in desired.projects_named), *listed))


def projects_given(desired: DesiredState, texts: Set[str]) -> Iterator[Given[str]]:
    """Yield every value in the sources that names a project by one of these texts."""
    yield from (given for given in desired.projects_named if given.value in texts)
    if texts:
        memberships = Relations.of(desired)
        named = memberships.chosen(memberships.targets.having(texts.__contains__))
        yield from (membership.target for membership in named)


def misread_projects(desired: DesiredState, projects: ProjectIndex[AnyProject]) -> frozenset[str]:
    """Return texts of directories that match a project only by another spelling.

    Where other texts match that project as well, they come from another group of the directory.
    """
    texts: dict[AnyProject, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for text in texts_of_projects(desired):
        fitting = projects.fitting(text)
        if len(fitting) == 1:
            texts[fitting[0]][case_key(text)].add(text)
    alike = [
        several
        for project, by_case in texts.items()
        for key, several in by_case.items()
        if len(by_case) > 1 and key not in map(case_key, (project.name, project.identifier))
    ]
    named = projects_given(desired, frozenset().union(*alike))
    written = {given.value for given in named if not is_of_directory(given)}
    return frozenset().union(*(several for several in alike if several.isdisjoint(written)))


def people_wanted(
    desired: DesiredState, known: Mapping[str, Identity]
) -> tuple[frozenset[str], frozenset[int]]:
    """Return the usernames and the user ids that the desired state names.

    These are the people who must be read before a plan can be made, where a server cannot list all.
    `known` is whom the ledger knows by stable id.
    """
    names = {user.username.value for user in desired.users}
    for kind in OF_USERS:
        names.update(Relations.of(desired, kind).holders.used)
    names.update(p.owner.value for p in desired.projects if p.owner is not None)
    stable_ids = {user.stable_id.value for user in desired.users if user.stable_id is not None}
    stable_ids.update(stable_id for _, stable_id in desired.unknown.ids)
    identities = [known[stable_id] for stable_id in stable_ids if stable_id in known]
    names.update(identity.username for identity in identities)
    return frozenset(names), frozenset(identity.user_id for identity in identities)


def private_projects(projects: Iterable[Project]) -> frozenset[int]:
    """Return the ids of the private projects.

    Removing somebody deletes those that they are in, so their members must be read before.
    """
    return frozenset(project.id for project in projects if project.private)


def projects_wanted(
    desired: DesiredState, projects: Iterable[Project], *, numbers: bool = True
) -> frozenset[int]:
    """Return the ids of the projects that the desired state names, as far as they are clear.

    These are the projects whose members must be read before a plan can be made. `numbers` is what
    `numbers_are_ids` says of the mapping.
    """
    projects = tuple(projects)
    if desired.every_project:
        return frozenset(project.id for project in projects)
    index = ProjectIndex.of(projects, numbers=numbers)
    texts = {*texts_of_projects(desired), *Relations.of(desired, About.GROUP_ACCESS).targets.used}
    found = (index.fitting(text) for text in texts)
    return frozenset(some[0].id for some in found if len(some) == 1)
