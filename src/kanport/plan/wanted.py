"""Which user and which project of the server each desired membership means."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from kanport.findings import Finding, Severity, found
from kanport.model import (
    CurrentState,
    DesiredMembership,
    DesiredState,
    Given,
    Project,
    ProjectIndex,
    User,
    UserIndex,
)
from kanport.names import as_written, compare_key, id_in
from kanport.origin import Origin, first_place, in_place_order
from kanport.plan.doubt import Doubt, Invalid
from kanport.plan.match import misread_projects
from kanport.plan.notes import user_finding
from kanport.plan.parts import project_part
from kanport.plan.people import Matched, ambiguous_person


@dataclass(frozen=True, slots=True)
class Wanted:
    """One person's wanted role in one project of the server.

    `user` is None for somebody who is yet to be created; `origins` are the cells that ask for it.
    `unlisted` is True where nothing else shows that somebody is still there (`DesiredMembership`).
    """

    username: str
    user: User | None
    project: Project
    role: str
    origins: tuple[Origin, ...]
    unlisted: bool = False


@dataclass(frozen=True, slots=True)
class WantedAccess:
    """The wanted memberships, what of them cannot be used, and what was found.

    `named` are the ids of the users whom a membership names, with the spellings and where.
    """

    wanted: tuple[Wanted, ...]
    invalid: Invalid
    named: Mapping[int, tuple[Given[str], ...]]
    findings: tuple[Finding, ...]


class _Absent:
    """Somebody who is not on the server and is not to be created, so has no memberships."""


_ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class _New:
    """Somebody who is yet to be created."""

    key: str
    username: str


_Found = User | _New | _Absent | Finding


def match_access(
    desired: DesiredState,
    current: CurrentState,
    projects: ProjectIndex,
    finder: "PersonFinder",
) -> WantedAccess:
    """Find person and project of each desired membership."""
    findings: list[Finding] = []
    invalid: set[tuple[str, str]] = set()
    strangers: set[str] = set()
    misnamed: set[str] = set()
    named: dict[int, list[Given[str]]] = defaultdict(list)
    asked: dict[tuple[str | int, int], list[tuple[DesiredMembership, User | None, Project]]]
    asked = defaultdict(list)
    found_people: dict[str, _Found] = {}
    found_projects: dict[str, tuple[Project, ...]] = {}
    misread = misread_projects(desired, projects)
    for membership in desired.memberships:
        username, text = membership.username.value, membership.project.value
        if username not in found_people:
            found_people[username] = finder.find(username)
        if text not in found_projects:
            found_projects[text] = projects.fitting(text)
        person, fitting = found_people[username], found_projects[text]
        if isinstance(person, User) and not membership.unlisted:
            named[person.id].append(membership.username)
        problem = project_problem(membership.project, fitting)
        if text in misread:
            problem = misread_project(membership.project, fitting[0])
        if isinstance(person, Finding) and membership.unlisted and person.code == "person-unknown":
            findings.append(_nobody(membership))
        elif isinstance(person, Finding):
            place = first_place(membership.username.origins or membership.project.origins)
            findings.append(replace(person, origin=place))
            if person.code != "row-skipped":
                invalid.add((username, text))
            if person.code == "person-unknown":
                strangers.add(username)
        if problem is not None:
            findings.append(problem)
            invalid.add((username, text))
            misnamed.add(text)
        if isinstance(person, User | _New) and problem is None:
            user = person if isinstance(person, User) else None
            who = person.key if isinstance(person, _New) else person.id
            asked[who, fitting[0].id].append((membership, user, fitting[0]))
    wanted = []
    for same in asked.values():
        memberships = [membership for membership, _, _ in same]
        _, user, project = same[0]
        name = user.username if user else finder.new[memberships[0].key[0]]
        settled = _settled(memberships, name, user, project, current)
        if isinstance(settled, Wanted):
            wanted.append(settled)
            continue
        findings.append(settled)
        if settled.severity is Severity.ERROR:
            invalid.update((m.username.value, m.project.value) for m in memberships)
    return WantedAccess(
        tuple(wanted),
        Invalid(memberships=invalid, strangers=strangers, misnamed=misnamed),
        {number: tuple(given) for number, given in named.items()},
        tuple(findings),
    )


def _settled(
    memberships: Sequence[DesiredMembership],
    username: str,
    user: User | None,
    project: Project,
    current: CurrentState,
) -> Wanted | Finding:
    """Give the one membership that all of these ask for, or why they cannot be followed."""
    roles = {membership.role.value for membership in memberships}
    if len(roles) > 1:
        return _conflict(memberships, project, roles)
    if project.private:
        held = current.role(user.id, project.id) if user else None
        if held not in roles:
            return _private(memberships, project)
    elif not project.new and project.id not in current.roles:
        return _not_read(memberships, project)
    origins = in_place_order(place for item in memberships for place in _cells(item))
    unlisted = all(membership.unlisted for membership in memberships)
    return Wanted(username, user, project, roles.pop(), origins, unlisted)


@dataclass(frozen=True, slots=True)
class PersonFinder:
    """Tells whom a username in the sources means, on the server or among those to be created."""

    users: Mapping[str, User]
    new: Mapping[str, str]
    absent: frozenset[str]
    unclear: frozenset[str]
    people: UserIndex
    doubt: Doubt
    disputed: Set[str]
    moving: Set[int]

    @classmethod
    def of(
        cls,
        matched: Matched,
        people: UserIndex,
        doubt: Doubt,
        disputed: Set[str],
        *,
        with_inactive: bool = False,
    ) -> "PersonFinder":
        """Prepare the search, for people as they were matched.

        `disputed` are the compare keys of usernames of which it is open whose they are. Whoever is
        not on the server and not active counts as new only `with_inactive`.
        """
        users: dict[str, User] = {}
        new: dict[str, str] = {}
        absent: set[str] = set()
        for person in matched.persons:
            wanted = person.desired
            if person.user is not None:
                users[wanted.key] = person.user
            elif "active" in wanted.unknown or (
                wanted.active is not None and not wanted.active.value and not with_inactive
            ):
                absent.add(wanted.key)
            else:
                new[wanted.key] = wanted.username.value
        moving = {person.user.id for person in matched.persons if person.user and person.renamed}
        return cls(users, new, frozenset(absent), matched.unclear, people, doubt, disputed, moving)

    def name_of(self, person: _Found) -> str | None:
        """Give the username of whoever was found; None for somebody who is nobody."""
        return person.username if isinstance(person, User | _New) else None

    def id_of(self, person: _Found) -> int | None:
        """Give the id of whoever was found; None for somebody who is yet to be created."""
        return person.id if isinstance(person, User) else None

    def find(self, username: str) -> _Found:
        """Give whom a username means: a user, somebody new, nobody, or why it cannot be told."""
        key = compare_key(username)
        if key in self.disputed:
            return user_finding("row-skipped", username, None, case="disputed")
        exact = self.people.by_name.get(username)
        if exact and (exact.id not in self.moving or not self._wanted(key)):
            return exact
        if user := self.users.get(key):
            return user
        if key in self.new:
            return _New(key, self.new[key])
        if key in self.absent:
            return _ABSENT
        fitting = self.people.fitting(username)
        if len(fitting) == 1:
            return fitting[0]
        if key in self.unclear or self.doubt.named(username):
            return user_finding("row-skipped", username, None, case="invalid-row")
        if fitting:
            return ambiguous_person(username, fitting, None)
        return user_finding("person-unknown", username, None)

    def _wanted(self, key: str) -> bool:
        return key in self.users or key in self.new or key in self.absent


def project_problem(named: Given[str], fitting: tuple[Project, ...]) -> Finding | None:
    """Say why a text does not name exactly one project, or give None where it does."""
    if len(fitting) == 1:
        return None
    text, place = named.value, first_place(named.origins)
    if not fitting:
        number = id_in(text)
        return found(
            "project-unknown",
            place,
            case="" if number is None else "id",
            value=as_written(text),
            project=text if number is None else str(number),
        )
    return ambiguous_project(text, fitting, place)


def misread_project(named: Given[str], project: Project) -> Finding:
    """Return the finding for a text whose likeness to a project is that of another group's name."""
    return found(
        "project-ambiguous",
        first_place(named.origins),
        case="spelling",
        value=named.value,
        text=named.value,
        project=project.label,
    )


def ambiguous_project(text: str, fitting: Iterable[Project], place: Origin | None) -> Finding:
    """Give the finding for a text that fits several projects of the server."""
    choice = tuple(map(project_part, fitting))
    return found("project-ambiguous", place, value=text, text=text, projects=choice)


def _nobody(membership: DesiredMembership) -> Finding:
    """Return the finding for a member who is in no source of users and not on the server."""
    text = membership.username.value
    place = first_place(membership.username.origins)
    return user_finding("member-no-person", text, place, case="username")


def _cells(membership: DesiredMembership) -> tuple[Origin, ...]:
    return membership.role.origins or membership.project.origins or membership.username.origins


def _conflict(
    memberships: Sequence[DesiredMembership], project: Project, roles: Iterable[str]
) -> Finding:
    places = in_place_order(place for membership in memberships for place in _cells(membership))
    who = min(membership.username.value for membership in memberships)
    return found(
        "membership-conflict",
        places[0] if places else None,
        related=places[1:],
        username=who,
        project=project.label,
        roles=tuple(sorted(roles)),
    )


def _private(memberships: Iterable[DesiredMembership], project: Project) -> Finding:
    places = in_place_order(place for membership in memberships for place in _cells(membership))
    who = min(membership.username.value for membership in memberships)
    return found(
        "project-private",
        places[0] if places else None,
        value=project.label,
        username=who,
        project=project.label,
    )


def _not_read(memberships: Iterable[DesiredMembership], project: Project) -> Finding:
    places = (place for membership in memberships for place in _cells(membership))
    label = project.label
    return found("row-skipped", first_place(places), case="unread", value=label, project=label)
