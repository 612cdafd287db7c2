"""Which user and which project of the server each desired membership means.

Each username and each project is looked up once, however many rows name it. What is plain stays in
columns; an object is made of a row that is doubtful, and of a wanted membership when asked.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from kanport.coded import Codes, Flags, LazySequence, Objects, RowsByCode
from kanport.findings import Finding, Severity, found
from kanport.frames import Relations, Roles
from kanport.model import (
    About,
    AnyProject,
    CurrentState,
    DesiredRelation,
    DesiredState,
    Given,
    ProjectIndex,
    User,
    UserIndex,
)
from kanport.names import as_written, compare_key, id_in
from kanport.origin import Origin, first_place, in_place_order
from kanport.plan.groups import FoundGroup, Groups
from kanport.plan.matching import misread_projects
from kanport.plan.naming import project_part, user_finding
from kanport.plan.people import Matched, ambiguous_person
from kanport.plan.uncertainty import Invalid, Uncertainty
from kanport.records import record

T = TypeVar("T")
TargetT = TypeVar("TargetT", AnyProject, FoundGroup)


@record(frozen=True, slots=True)
class ResolvedRelation(Generic[TargetT]):
    """What one user is to have: a role in a project, or a place in a group.

    `user` is None for somebody who is yet to be created; `origins` are the cells that ask for it.
    `unlisted` is True where nothing else shows that somebody is still there (`DesiredRelation`).
    """

    username: str
    user: User | None
    target: TargetT
    role: str
    origins: tuple[Origin, ...]
    unlisted: bool = False


class Holder(NamedTuple):
    """Somebody who is to have memberships; `user` is None for one who is yet to be created."""

    username: str
    user: User | None


@dataclass(frozen=True, slots=True, eq=False)
class ResolvedRelations(LazySequence[ResolvedRelation[TargetT]], Generic[TargetT]):
    """Wanted relations of one kind by columns: the numbers of the holder and the target of each.

    `rows` are those of `asked` that ask for one, by its number in `pairs`.
    """

    asked: Relations
    holders: tuple[Holder, ...]
    targets: tuple[TargetT, ...]
    rows: RowsByCode
    pairs: Codes
    holder: Codes
    target: Codes
    role: Codes
    unlisted: Flags

    def __len__(self) -> int:
        return len(self.pairs)

    def _made(self, at: int) -> ResolvedRelation[TargetT]:
        return next(self.some(np.array([at])))

    def some(self, numbers: Codes) -> Iterator[ResolvedRelation[TargetT]]:
        """Yield those with these numbers."""
        roles = self.asked.roles.values
        columns = (self.holder, self.target, self.role, self.unlisted)
        for holder, target, role, unlisted, rows in zip(
            *(column[numbers].tolist() for column in columns),
            self.rows.several(self.pairs[numbers]),
            strict=True,
        ):
            username, user = self.holders[holder]
            where, origins = self.targets[target], self._origins(rows)
            yield ResolvedRelation(username, user, where, roles[role], origins, unlisted)

    def origins(self, at: int) -> tuple[Origin, ...]:
        """Return the cells that ask for one of them."""
        return self._origins(self.rows[self.pairs[at]].tolist())

    def _origins(self, rows: Sequence[int]) -> tuple[Origin, ...]:
        if len(rows) == 1:
            return self._cells(rows[0])
        return in_place_order(cell for row in rows for cell in self._cells(row))

    def _cells(self, row: int) -> tuple[Origin, ...]:
        places = self.asked.places(row)
        return places.holder if self.asked.kind is About.GROUP_MEMBER else places.cells

    def chosen(self, rows: Flags) -> "ResolvedRelations[TargetT]":
        """Return those for which a flag is set."""
        if rows.all():
            return self
        return replace(
            self,
            pairs=self.pairs[rows],
            holder=self.holder[rows],
            target=self.target[rows],
            role=self.role[rows],
            unlisted=self.unlisted[rows],
        )

    def of_holders(self, test: Callable[[str], bool]) -> Flags:
        """Return for each whether its username passes a test."""
        return np.array([test(name) for name, _ in self.holders], dtype=bool)[self.holder]

    @property
    def roles(self) -> Objects:
        """The role of each."""
        return self.asked.roles.values[self.role]

    @property
    def user_ids(self) -> Codes:
        """The user id of each, 0 for somebody who is yet to be created."""
        ids = [0 if user is None else user.id for _, user in self.holders]
        return np.array(ids, dtype=np.int64)[self.holder]

    @property
    def target_ids(self) -> Codes:
        """The id of the project or the group of each; no id of the server for a planned one."""
        return np.array([one.id or 0 for one in self.targets], dtype=np.int64)[self.target]


class Compared(NamedTuple):
    """Wanted relations beside those of the server.

    `rows` are the rows of `held` that have them, -1 for none, `roles` the roles there and `same`
    whether these are the wanted ones. `unlisted` are the rows of `held` that nothing wants.
    """

    rows: Codes
    roles: Objects
    same: Flags
    unlisted: Flags


def compare(wanted: ResolvedRelations[TargetT], held: Roles) -> Compared:
    """Compare wanted relations with those that the server holds."""
    rows = held.rows(wanted.user_ids, wanted.target_ids)
    roles = held.role_of(rows)
    unlisted = np.ones(len(held.users), dtype=bool)
    unlisted[rows[rows >= 0]] = False
    return Compared(rows, roles, roles == wanted.roles, unlisted)


@dataclass(frozen=True)
class Named:
    """Whom on the server memberships name that are more than the mere listing of a group.

    `texts` are the numbers of what they are called, by user id.
    """

    memberships: Relations
    texts: Mapping[int, Sequence[int]]

    @cached_property
    def _rows(self) -> RowsByCode:
        listed = np.flatnonzero(~self.memberships.unlisted)
        users = self.memberships.holders
        return RowsByCode(users.codes[listed], listed, len(users.values))

    def spellings(self, user_id: int) -> tuple[str, ...]:
        """Return what rows call a user; nothing for somebody whom none names."""
        return tuple(self.memberships.holders.values[code] for code in self.texts.get(user_id, ()))

    def places(self, user_id: int) -> dict[str, tuple[Origin, ...]]:
        """Return what rows call a user, and where."""
        return {
            self.memberships.holders.values[code]: tuple(
                place
                for row in self._rows[code]
                for place in self.memberships.places(int(row)).holder
            )
            for code in self.texts.get(user_id, ())
        }


@dataclass(frozen=True, slots=True)
class MatchedMemberships:
    """The wanted memberships, what of them cannot be used, whom they name, and what was found."""

    wanted: ResolvedRelations[AnyProject]
    invalid: Invalid
    named: Named
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
    projects: ProjectIndex[AnyProject],
    finder: "PersonFinder",
) -> MatchedMemberships:
    """Find person and project of each desired membership."""
    asked = Relations.of(desired)
    people = [finder.find(username) for username in asked.holders.values]
    fitting = [projects.fitting(text) for text in asked.targets.values]
    misread = misread_projects(desired, projects)
    whom, person_of = _numbered(people, _who)
    meant: list[tuple[AnyProject, ...]] = [
        some if len(some) == 1 and text not in misread else ()
        for text, some in zip(asked.targets.values, fitting, strict=True)
    ]
    targets, project_of = _numbered(meant, lambda some: (some[0].id or some[0]) if some else None)
    person, project = person_of[asked.holders.codes], project_of[asked.targets.codes]
    unclear = np.array([isinstance(one, Finding) for one in people], dtype=bool)
    findings: list[Finding] = []
    invalid: set[tuple[str, str]] = set()
    strangers: set[str] = set()
    misnamed: set[str] = set()
    for row in np.flatnonzero(unclear[asked.holders.codes] | (project < 0)).tolist():
        membership = asked[row]
        username, text = membership.holder.value, membership.target.value
        who, some = people[asked.holders.codes[row]], fitting[asked.targets.codes[row]]
        if isinstance(who, Finding) and membership.unlisted and who.code == "person-unknown":
            findings.append(_nobody(membership))
        elif isinstance(who, Finding):
            place = first_place(membership.holder.origins or membership.target.origins)
            findings.append(replace(who, origin=place))
            if who.code != "row-skipped":
                invalid.add((username, text))
            if who.code == "person-unknown":
                strangers.add(username)
        problem = project_problem(membership.target, some)
        if text in misread:
            problem = misread_project(membership.target, some[0])
        if problem is not None:
            findings.append(problem)
            invalid.add((username, text))
            misnamed.add(text)
    wanted = _paired(asked, person, project, whom, [some[0] for some in targets])
    refused = np.zeros(len(wanted), dtype=bool)
    for at in np.flatnonzero(_is_odd(wanted, current)).tolist():
        memberships = [asked[row] for row in wanted.rows[at]]
        user, where = wanted.holders[wanted.holder[at]].user, wanted.targets[wanted.target[at]]
        finding = _refusal(memberships, user, where, current)
        if finding is None:
            continue
        refused[at] = True
        findings.append(finding)
        if finding.severity is Severity.ERROR:
            invalid.update((m.holder.value, m.target.value) for m in memberships)
    return MatchedMemberships(
        wanted.chosen(~refused),
        Invalid(memberships=invalid, strangers=strangers, misnamed=misnamed),
        _named(asked, people),
        tuple(findings),
    )


@dataclass(frozen=True, slots=True)
class MatchedMembers:
    """The wanted members of groups, the places of those in doubt by key, and what was found."""

    wanted: ResolvedRelations[FoundGroup]
    doubtful: Mapping[str, tuple[Origin, ...]]
    findings: tuple[Finding, ...]


def match_members(desired: DesiredState, groups: Groups, finder: "PersonFinder") -> MatchedMembers:
    """Find person and group of each desired member of a group."""
    asked = Relations.of(desired, About.GROUP_MEMBER)
    people = [finder.find(username) for username in asked.holders.values]
    described = groups.of_sources()
    keys = [compare_key(text) for text in asked.targets.values]
    is_unclear = np.array([key in groups.unclear for key in keys], dtype=bool)[asked.targets.codes]
    found = [None if key in groups.unclear else described.get(key) for key in keys]
    whom, person_of = _numbered(people, _who)
    where, group_of = _numbered(found, lambda group: None if group is None else group.key)
    person, group = person_of[asked.holders.codes], group_of[asked.targets.codes]
    unknown = np.array([isinstance(one, Finding) for one in people], dtype=bool)
    doubtful: dict[str, tuple[Origin, ...]] = {}
    findings: list[Finding] = []
    for row in np.flatnonzero(is_unclear | unknown[asked.holders.codes]).tolist():
        member, who = asked[row], people[asked.holders.codes[row]]
        places = member.holder.origins or member.target.origins
        doubtful[member.key[0]] = places
        if isinstance(who, Finding) and not is_unclear[row]:
            findings.append(replace(who, origin=first_place(places)))
    wanted = _paired(asked, person, group, whom, [one for one in where if one is not None])
    return MatchedMembers(wanted, doubtful, tuple(findings))


def _who(person: _Found) -> str | int | None:
    match person:
        case User():
            return person.id
        case _New():
            return person.key
    return None


def _holder(person: _Found) -> Holder:
    user = person if isinstance(person, User) else None
    return Holder(person.username if isinstance(person, User | _New) else "", user)


def _numbered(things: Iterable[T], key: Callable[[T], object]) -> tuple[tuple[T, ...], Codes]:
    """Return one thing of each key, and the number of each thing's; -1 for one without a key."""
    numbers: dict[object, int] = {}
    distinct: list[T] = []
    codes: list[int] = []
    for thing in things:
        one = key(thing)
        if one is not None and one not in numbers:
            numbers[one] = len(distinct)
            distinct.append(thing)
        codes.append(-1 if one is None else numbers[one])
    return tuple(distinct), np.array(codes, dtype=np.intp)


def _paired(
    asked: Relations,
    person: Codes,
    target: Codes,
    people: Sequence[_Found],
    targets: Sequence[TargetT],
) -> ResolvedRelations[TargetT]:
    """Return each pair of a person and a target once, in the order of the rows, with all its rows.

    The role is that of the first row.
    """
    usable = np.flatnonzero((person >= 0) & (target >= 0))
    key = person[usable] * len(targets) + target[usable]
    _, first, pair = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    first, pair = usable[first[order]], number[pair]
    listed = ~asked.unlisted[usable]
    return ResolvedRelations(
        asked,
        tuple(map(_holder, people)),
        tuple(targets),
        RowsByCode(pair, usable, len(order)),
        np.arange(len(order)),
        person[first],
        target[first],
        asked.roles.codes[first],
        np.bincount(pair[listed], minlength=len(order)) == 0,
    )


def _is_odd(wanted: ResolvedRelations[AnyProject], current: CurrentState) -> Flags:
    """Return which memberships contradict each other, or are in a project that takes no members."""
    closed = np.array(
        [one.private or not (one.id is None or one.id in current.roles) for one in wanted.targets],
        dtype=bool,
    )
    rows, pair = wanted.rows.numbers, wanted.rows.codes
    other = wanted.asked.roles.codes[rows] != wanted.role[pair]
    odd = closed[wanted.target]
    odd[pair[other]] = True
    return odd


def _refusal(
    memberships: Sequence[DesiredRelation],
    user: User | None,
    project: AnyProject,
    current: CurrentState,
) -> Finding | None:
    """Return why what these ask for cannot be followed; None where it can."""
    roles = {membership.role.value for membership in memberships}
    if len(roles) > 1:
        return _conflict(memberships, project, roles)
    if project.private:
        held = current.role(user.id, project.id) if user and project.id else None
        return None if held in roles else _private(memberships, project)
    if project.id is not None and project.id not in current.roles:
        return _not_read(memberships, project)
    return None


def _named(asked: Relations, people: Sequence[_Found]) -> Named:
    texts: dict[int, list[int]] = {}
    for code in np.unique(asked.holders.codes[~asked.unlisted]):
        person = people[code]
        if isinstance(person, User):
            texts.setdefault(person.id, []).append(int(code))
    return Named(asked, texts)


@dataclass(frozen=True, slots=True)
class PersonFinder:
    """Tells whom a username in the sources means, on the server or among those to be created."""

    users: Mapping[str, User]
    new: Mapping[str, str]
    absent: frozenset[str]
    unclear: frozenset[str]
    people: UserIndex
    uncertainty: Uncertainty
    disputed: Set[str]
    moving: Set[int]

    @classmethod
    def of(
        cls,
        matched: Matched,
        people: UserIndex,
        uncertainty: Uncertainty,
        disputed: Set[str],
        *,
        with_inactive: bool = False,
    ) -> "PersonFinder":
        """Prepare the search, for people as they were matched.

        `disputed` are the compare keys of usernames of which it is open whose they are. Whoever is
        not on the server and not active counts as new only `with_inactive`.
        """
        persons = matched.persons
        wanted = persons.desired
        users: dict[str, User] = {}
        new: dict[str, str] = {}
        absent: set[str] = set()
        hidden = {one.desired.key for one in persons.special if "active" in one.desired.unknown}
        for key, number, user in zip(persons.keys, persons.numbers, persons.users, strict=True):
            if user is not None:
                users[key] = user
            elif key in hidden or (not with_inactive and wanted.values["active"][number] is False):
                absent.add(key)
            else:
                new[key] = wanted.usernames[number]
        moving = persons.moving.keys()
        return cls(
            users, new, frozenset(absent), matched.unclear, people, uncertainty, disputed, moving
        )

    def name_of(self, person: _Found) -> str | None:
        """Return the username of whoever was found; None for somebody who is nobody."""
        return person.username if isinstance(person, User | _New) else None

    def id_of(self, person: _Found) -> int | None:
        """Return the id of whoever was found; None for somebody who is yet to be created."""
        return person.id if isinstance(person, User) else None

    def find(self, username: str) -> _Found:
        """Return whom a username means: a user, somebody new, nobody, or why that is not clear."""
        exact = self.people.by_name.get(username)
        if exact and not self.disputed and exact.id not in self.moving:
            return exact
        key = compare_key(username)
        if key in self.disputed:
            return user_finding("row-skipped", username, None, case="disputed")
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
        if key in self.unclear or self.uncertainty.named(username):
            return user_finding("row-skipped", username, None, case="invalid-row")
        if fitting:
            return ambiguous_person(username, fitting, None)
        return user_finding("person-unknown", username, None)

    def _wanted(self, key: str) -> bool:
        return key in self.users or key in self.new or key in self.absent


def project_problem(named: Given[str], fitting: tuple[AnyProject, ...]) -> Finding | None:
    """Return why a text does not name exactly one project, or give None where it does."""
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


def misread_project(named: Given[str], project: AnyProject) -> Finding:
    """Return the finding for a text whose likeness to a project is that of another group's name."""
    return found(
        "project-ambiguous",
        first_place(named.origins),
        case="spelling",
        value=named.value,
        text=named.value,
        project=project.label,
    )


def ambiguous_project(text: str, fitting: Iterable[AnyProject], place: Origin | None) -> Finding:
    """Return the finding for a text that fits several projects of the server."""
    choice = tuple(map(project_part, fitting))
    return found("project-ambiguous", place, value=text, text=text, projects=choice)


def _nobody(membership: DesiredRelation) -> Finding:
    """Return the finding for a member who is in no source of users and not on the server."""
    text = membership.holder.value
    place = first_place(membership.holder.origins)
    return user_finding("member-no-person", text, place, case="username")


def _conflict(
    memberships: Sequence[DesiredRelation], project: AnyProject, roles: Iterable[str]
) -> Finding:
    places = in_place_order(place for membership in memberships for place in membership.cells)
    who = min(membership.holder.value for membership in memberships)
    return found(
        "membership-conflict",
        places[0] if places else None,
        related=places[1:],
        username=who,
        project=project.label,
        roles=tuple(sorted(roles)),
    )


def _private(memberships: Iterable[DesiredRelation], project: AnyProject) -> Finding:
    places = in_place_order(place for membership in memberships for place in membership.cells)
    who = min(membership.holder.value for membership in memberships)
    return found(
        "project-private",
        places[0] if places else None,
        value=project.label,
        username=who,
        project=project.label,
    )


def _not_read(memberships: Iterable[DesiredRelation], project: AnyProject) -> Finding:
    places = (place for membership in memberships for place in membership.cells)
    label = project.label
    return found("row-skipped", first_place(places), case="unread", value=label, project=label)
