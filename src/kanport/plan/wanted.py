"""Find the users, groups and projects of the server that the desired relations mean. Pure.

Each name is looked up once, however many rows name it. What is plain stays in
columns; an object is made of a row that is doubtful, and of a wanted relation when asked.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from kanport.coded import Codes, Flags, LazySequence, Objects, RowsByCode
from kanport.findings import Finding, Severity, found
from kanport.frames import HeldRelations, Relations
from kanport.model import (
    AnyProject,
    CurrentState,
    DesiredRelation,
    DesiredState,
    Given,
    Pair,
    ProjectIndex,
    User,
)
from kanport.names import as_written, compare_key, id_in, spelling_key
from kanport.origin import Origin, first_place, in_place_order
from kanport.plan.groups import FoundGroup, Groups
from kanport.plan.matching import misread_projects
from kanport.plan.naming import group_part, project_part, user_finding
from kanport.plan.people import FoundPerson, NewPerson, PersonFinder
from kanport.plan.uncertainty import Invalid
from kanport.records import record
from kanport.relations import About

T = TypeVar("T")


class Holder(NamedTuple):
    """Somebody who is to have a relation; `user` is None for one who is yet to be created."""

    name: str
    user: User | None

    @property
    def id(self) -> int | None:
        """The id of the user."""
        return None if self.user is None else self.user.id


HolderT = TypeVar("HolderT", Holder, FoundGroup)
TargetT = TypeVar("TargetT", AnyProject, FoundGroup)


@record(frozen=True, slots=True)
class ResolvedRelation(Generic[HolderT, TargetT]):
    """What a user or a group is to have: a role in a project, or a place in a group.

    `origins` are the cells that ask for it. `unlisted` is True where nothing else shows that
    somebody is still there (`DesiredRelation`).
    """

    holder: HolderT
    target: TargetT
    role: str
    origins: tuple[Origin, ...]
    unlisted: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class ResolvedRelations(
    LazySequence[ResolvedRelation[HolderT, TargetT]], Generic[HolderT, TargetT]
):
    """Wanted relations of one kind by columns: the numbers of the holder and the target of each.

    `rows` are those of `asked` that ask for one, by its number in `pairs`.
    """

    asked: Relations
    holders: tuple[HolderT, ...]
    targets: tuple[TargetT, ...]
    rows: RowsByCode
    pairs: Codes
    holder: Codes
    target: Codes
    role: Codes
    unlisted: Flags

    def __len__(self) -> int:
        return len(self.pairs)

    def _made(self, at: int) -> ResolvedRelation[HolderT, TargetT]:
        return next(self.some(np.array([at])))

    def some(self, numbers: Codes) -> Iterator[ResolvedRelation[HolderT, TargetT]]:
        """Yield those with these numbers."""
        roles = self.asked.roles.values
        columns = (self.holder, self.target, self.role, self.unlisted)
        for holder, target, role, unlisted, rows in zip(
            *(column[numbers].tolist() for column in columns),
            self.rows.several(self.pairs[numbers]),
            strict=True,
        ):
            who, where, origins = self.holders[holder], self.targets[target], self._origins(rows)
            yield ResolvedRelation(who, where, roles[role], origins, unlisted)

    def origins(self, at: int) -> tuple[Origin, ...]:
        """Return the cells that ask for one of them."""
        return self._origins(self.rows[self.pairs[at]].tolist())

    def _origins(self, rows: Sequence[int]) -> tuple[Origin, ...]:
        places = self.asked.places
        if len(rows) == 1:
            return places(rows[0]).cells
        return in_place_order(cell for row in rows for cell in places(row).cells)

    def chosen(self, rows: Flags) -> "ResolvedRelations[HolderT, TargetT]":
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
        """Return for each whether the name of its holder passes a test."""
        return np.array([test(one.name) for one in self.holders], dtype=bool)[self.holder]

    @property
    def roles(self) -> Objects:
        """The role of each."""
        return self.asked.roles.values[self.role]

    @property
    def holder_ids(self) -> Codes:
        """The id of the holder of each, 0 for one who is yet to be created."""
        return np.array([one.id or 0 for one in self.holders], dtype=np.int64)[self.holder]

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


def compare(wanted: ResolvedRelations[HolderT, TargetT], held: HeldRelations) -> Compared:
    """Compare wanted relations with those that the server holds."""
    rows = held.rows(wanted.holder_ids, wanted.target_ids)
    roles = held.role_of(rows)
    unlisted = np.ones(len(held.holders), dtype=bool)
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

    wanted: ResolvedRelations[Holder, AnyProject]
    invalid: Invalid
    named: Named
    findings: tuple[Finding, ...]


def match_access(
    desired: DesiredState,
    current: CurrentState,
    projects: ProjectIndex[AnyProject],
    finder: PersonFinder,
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
    holders = tuple(map(_holder, whom))
    wanted = _paired(asked, person, project, holders, tuple(some[0] for some in targets))
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

    wanted: ResolvedRelations[Holder, FoundGroup]
    doubtful: Mapping[str, tuple[Origin, ...]]
    findings: tuple[Finding, ...]


def match_members(desired: DesiredState, groups: Groups, finder: PersonFinder) -> MatchedMembers:
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
    targets = tuple(one for one in where if one is not None)
    wanted = _paired(asked, person, group, tuple(map(_holder, whom)), targets)
    return MatchedMembers(wanted, doubtful, tuple(findings))


@dataclass(frozen=True, slots=True)
class MatchedAccess:
    """The wanted access of groups, what unusable rows leave open, and what was found."""

    wanted: ResolvedRelations[FoundGroup, AnyProject]
    left_open: frozenset[Pair]
    findings: tuple[Finding, ...]


def match_group_access(
    desired: DesiredState, groups: Groups, projects: ProjectIndex[AnyProject]
) -> MatchedAccess:
    """Find group and project of each desired access of a group."""
    asked = Relations.of(desired, About.GROUP_ACCESS)
    named = [_group_named(name, groups) for name in asked.holders.values]
    fitting = [projects.fitting(text) for text in asked.targets.values]
    problems = [some[0].private if len(some) == 1 else True for some in fitting]
    which, group_of = _numbered(
        named, lambda group: None if isinstance(group, Finding) else group.key
    )
    where, project_of = _numbered(
        [() if bad else some for some, bad in zip(fitting, problems, strict=True)],
        lambda some: (some[0].id or some[0]) if some else None,
    )
    holders = tuple(group for group in which if not isinstance(group, Finding))
    targets = tuple(some[0] for some in where)
    group, project = group_of[asked.holders.codes], project_of[asked.targets.codes]
    wanted = _paired(asked, group, project, holders, targets)
    unusable = np.flatnonzero((group < 0) | (project < 0)).tolist()
    findings = [
        _access_problem(
            asked[row], named[asked.holders.codes[row]], fitting[asked.targets.codes[row]]
        )
        for row in unusable
    ]
    differing = _with_several_roles(wanted)
    for at in np.flatnonzero(differing).tolist():
        rows = wanted.rows[at].tolist()
        unusable += rows
        name, label = holders[wanted.holder[at]].name, targets[wanted.target[at]].label
        some = [asked[row] for row in rows]
        findings.append(_conflict("group-differs", some, case="role", group=name, project=label))
    left_open = {
        (
            compare_key(who) if groups.fitting(who) else None,
            spelling_key(what) if projects.fitting(what) else None,
        )
        for who, what in map(asked.texts, unusable)
    }
    return MatchedAccess(wanted.chosen(~differing), frozenset(left_open), tuple(findings))


def _group_named(name: str, groups: Groups) -> FoundGroup | Finding:
    """Return the group that a name means, or why it means none."""
    fitting = groups.fitting(name)
    if compare_key(name) in groups.unclear:
        return found("row-skipped", None, case="group", value=name, group=name)
    if len(fitting) > 1:
        choice = tuple(group_part(group.name, group.id) for group in fitting)
        return found(
            "group-unclear", None, case="several-exact", value=name, group=name, groups=choice
        )
    return fitting[0] if fitting else found("group-unknown", None, value=name, group=name)


def _access_problem(
    access: DesiredRelation, group: FoundGroup | Finding, fitting: tuple[AnyProject, ...]
) -> Finding:
    """Return why the access of a group that a row wants cannot be given."""
    if isinstance(group, Finding):
        return replace(group, origin=first_place(access.holder.origins))
    if problem := project_problem(access.target, fitting):
        return problem
    label, name = fitting[0].label, access.holder.value
    place = first_place(access.target.origins)
    return found("project-private", place, case="group", value=label, group=name, project=label)


def _who(person: FoundPerson) -> str | int | None:
    match person:
        case User():
            return person.id
        case NewPerson():
            return person.key
    return None


def _holder(person: FoundPerson) -> Holder:
    user = person if isinstance(person, User) else None
    return Holder(person.username if isinstance(person, User | NewPerson) else "", user)


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
    holder: Codes,
    target: Codes,
    holders: tuple[HolderT, ...],
    targets: tuple[TargetT, ...],
) -> ResolvedRelations[HolderT, TargetT]:
    """Return each pair of a holder and a target once, in the order of the rows, with all its rows.

    The role is that of the first row.
    """
    usable = np.flatnonzero((holder >= 0) & (target >= 0))
    key = holder[usable] * len(targets) + target[usable]
    _, first, pair = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    first, pair = usable[first[order]], number[pair]
    listed = ~asked.unlisted[usable]
    return ResolvedRelations(
        asked,
        holders,
        targets,
        RowsByCode(pair, usable, len(order)),
        np.arange(len(order)),
        holder[first],
        target[first],
        asked.roles.codes[first],
        np.bincount(pair[listed], minlength=len(order)) == 0,
    )


def _is_odd(wanted: ResolvedRelations[Holder, AnyProject], current: CurrentState) -> Flags:
    """Return which memberships contradict each other, or are in a project that takes no members."""
    closed = np.array(
        [one.private or not (one.id is None or one.id in current.roles) for one in wanted.targets],
        dtype=bool,
    )
    return closed[wanted.target] | _with_several_roles(wanted)


def _with_several_roles(wanted: ResolvedRelations[HolderT, TargetT]) -> Flags:
    """Return which pairs get several roles, by rows that spell the project or the holder apart."""
    rows, pair = wanted.rows.numbers, wanted.rows.codes
    other = wanted.asked.roles.codes[rows] != wanted.role[pair]
    return np.bincount(pair[other], minlength=len(wanted)) > 0


def _refusal(
    memberships: Sequence[DesiredRelation],
    user: User | None,
    project: AnyProject,
    current: CurrentState,
) -> Finding | None:
    """Return why what these ask for cannot be followed; None where it can."""
    roles = {membership.role.value for membership in memberships}
    if len(roles) > 1:
        who = min(membership.holder.value for membership in memberships)
        return _conflict("membership-conflict", memberships, username=who, project=project.label)
    if project.private:
        held = current.role(user.id, project.id) if user and project.id else None
        return None if held in roles else _private(memberships, project)
    if project.id is not None and project.id not in current.roles:
        return _not_read(memberships, project)
    return None


def _named(asked: Relations, people: Sequence[FoundPerson]) -> Named:
    texts: dict[int, list[int]] = {}
    for code in np.unique(asked.holders.codes[~asked.unlisted]):
        person = people[code]
        if isinstance(person, User):
            texts.setdefault(person.id, []).append(int(code))
    return Named(asked, texts)


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
    code: str, relations: Sequence[DesiredRelation], *, case: str = "", **params: str
) -> Finding:
    """Return the finding for rows that give one holder several roles in one project."""
    places = in_place_order(place for one in relations for place in one.cells)
    roles = tuple(sorted({one.role.value for one in relations}))
    origin = places[0] if places else None
    return found(code, origin, case=case, related=places[1:], roles=roles, **params)


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
