"""Find the users, groups and projects of the server that the desired relations mean. Pure.

Each name is looked up once, however many rows name it; an object is made only of a row that is
doubtful.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from functools import cached_property

import numpy as np

from kanport.coded import Coded, Codes, Flags, RowsByCode
from kanport.findings import Finding, Severity, found
from kanport.frames import Relations
from kanport.model import (
    AnyProject,
    CurrentState,
    DesiredRelation,
    DesiredState,
    Pair,
    ProjectIndex,
    User,
    UserIndex,
)
from kanport.names import as_written, compare_key, id_in, spelling_key
from kanport.origin import Origin, first_place, in_place_order
from kanport.plan.groups import FoundGroup, GroupIndex
from kanport.plan.matching import misread_projects
from kanport.plan.naming import group_part, project_part, user_finding
from kanport.plan.people import Matched, ambiguous_person
from kanport.plan.resolved import EndT, Holder, HolderT, ResolvedRelations, TargetT
from kanport.plan.uncertainty import Invalid, Uncertainty
from kanport.records import dataclass
from kanport.relations import About

# --- what texts mean: a thing, why that is not clear, or None for nothing -------------------------


@dataclass(frozen=True, slots=True)
class PersonFinder:
    """Find whom a username in the sources means, on the server or among those to be created."""

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

    def find(self, username: str) -> Holder | Finding | None:
        """Return whom a username means: a user, somebody new, nobody, or why that is not clear.

        Nobody (None) is not on the server and is not to be created, so has no memberships.
        """
        exact = self.people.by_name.get(username)
        if exact and not self.disputed and exact.id not in self.moving:
            return Holder(exact.username, exact)
        key = compare_key(username)
        if key in self.disputed:
            return user_finding("row-skipped", username, None, case="disputed")
        if exact and (exact.id not in self.moving or not self._wanted(key)):
            return Holder(exact.username, exact)
        if user := self.users.get(key):
            return Holder(user.username, user)
        if key in self.new:
            return Holder(self.new[key], None)
        if key in self.absent:
            return None
        fitting = self.people.fitting(username)
        if len(fitting) == 1:
            return Holder(fitting[0].username, fitting[0])
        if key in self.unclear or self.uncertainty.named(username):
            return user_finding("row-skipped", username, None, case="invalid-row")
        if fitting:
            return ambiguous_person(username, fitting, None)
        return user_finding("person-unknown", username, None)

    def _wanted(self, key: str) -> bool:
        return key in self.users or key in self.new or key in self.absent


def _projects(
    asked: Relations, projects: ProjectIndex[AnyProject], misread: Set[str] = frozenset()
) -> list[AnyProject | Finding]:
    """Return which projects texts mean; `misread` are those of another group's name."""
    meant: list[AnyProject | Finding] = []
    for text in asked.targets.values:
        fitting = projects.fitting(text)
        if problem := project_problem(text, fitting):
            meant.append(problem)
        elif text in misread:
            label = fitting[0].label
            case = "spelling"
            meant.append(
                found("project-ambiguous", case=case, value=text, text=text, project=label)
            )
        else:
            meant.append(fitting[0])
    return meant


def _group_named(name: str, groups: GroupIndex) -> FoundGroup | Finding:
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
    access: DesiredRelation, group: FoundGroup | Finding, project: AnyProject | Finding
) -> Finding:
    """Return why the access of a group that a row wants cannot be given."""
    if isinstance(group, Finding):
        return _at(group, access.holder.origins)
    if isinstance(project, Finding):
        return _at(project, access.target.origins)
    label, name = project.label, access.holder.value
    place = first_place(access.target.origins)
    return found("project-private", place, case="group", value=label, group=name, project=label)


def _unclear(texts: Coded, meant: Sequence[object]) -> Flags:
    """Return for each relation whether it is not clear what its text means."""
    unclear: Flags = np.array([isinstance(one, Finding) for one in meant], dtype=bool)
    return unclear[texts.codes]


def _at(finding: Finding, places: Iterable[Origin]) -> Finding:
    return replace(finding, origin=first_place(places))


def _numbered(things: Iterable[EndT | Finding | None]) -> tuple[tuple[EndT, ...], Codes]:
    """Return each thing that texts mean once, and for each text its number; -1 for none."""
    numbers: dict[object, int] = {}
    distinct: list[EndT] = []
    codes: list[int] = []
    for thing in things:
        if thing is None or isinstance(thing, Finding):
            codes.append(-1)
            continue
        number = numbers.setdefault(thing.id or thing, len(distinct))
        if number == len(distinct):
            distinct.append(thing)
        codes.append(number)
    return tuple(distinct), np.array(codes, dtype=np.intp)


def _resolved(
    asked: Relations,
    whom: Iterable[HolderT | Finding | None],
    where: Iterable[TargetT | Finding | None],
) -> ResolvedRelations[HolderT, TargetT]:
    """Return each pair of a holder and a target once, in the order of the rows, with all its rows.

    The role is that of the first row.
    """
    (holders, holder_of), (targets, target_of) = _numbered(whom), _numbered(where)
    holder, target = holder_of[asked.holders.codes], target_of[asked.targets.codes]
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


# --- the wanted relations -------------------------------------------------------------------------


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
    people = [finder.find(name) for name in asked.holders.values]
    places = _projects(asked, projects, misread_projects(desired, projects))
    findings: list[Finding] = []
    invalid: set[tuple[str, str]] = set()
    strangers: set[str] = set()
    misnamed: set[str] = set()
    for row in np.flatnonzero(_unclear(asked.holders, people) | _unclear(asked.targets, places)):
        one = asked[int(row)]
        username, text = one.holder.value, one.target.value
        who, where = people[asked.holders.codes[row]], places[asked.targets.codes[row]]
        if isinstance(who, Finding) and one.unlisted and who.code == "person-unknown":
            findings.append(
                user_finding(
                    "member-no-person", username, first_place(one.holder.origins), case="username"
                )
            )
        elif isinstance(who, Finding):
            findings.append(_at(who, one.holder.origins or one.target.origins))
            if who.code != "row-skipped":
                invalid.add((username, text))
            if who.code == "person-unknown":
                strangers.add(username)
        if isinstance(where, Finding):
            findings.append(_at(where, one.target.origins))
            invalid.add((username, text))
            misnamed.add(text)
    wanted: ResolvedRelations[Holder, AnyProject] = _resolved(asked, people, places)
    refused = np.zeros(len(wanted), dtype=bool)
    for at in np.flatnonzero(_is_odd(wanted, current)).tolist():
        memberships = [asked[row] for row in wanted.rows[at]]
        user, project = wanted.holders[wanted.holder[at]].user, wanted.targets[wanted.target[at]]
        finding = _refusal(memberships, user, project, current)
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


def match_members(
    desired: DesiredState, groups: GroupIndex, finder: PersonFinder
) -> tuple[ResolvedRelations[Holder, FoundGroup], dict[str | None, set[Origin]], list[Finding]]:
    """Find person and group of each desired member of a group.

    Return the wanted members, the places of those in doubt by the key of their group (None for a
    group that is not clear, which may be any), and what was found.
    """
    asked = Relations.of(desired, About.GROUP_MEMBER)
    people, described = [finder.find(name) for name in asked.holders.values], groups.of_sources()
    keys = [compare_key(text) for text in asked.targets.values]
    unclear = np.array([key in groups.unclear for key in keys], dtype=bool)[asked.targets.codes]
    found = [None if key in groups.unclear else described.get(key) for key in keys]
    doubtful: dict[str | None, set[Origin]] = defaultdict(set)
    findings: list[Finding] = []
    for row in np.flatnonzero(unclear | _unclear(asked.holders, people)).tolist():
        member, who = asked[row], people[asked.holders.codes[row]]
        places = member.holder.origins or member.target.origins
        if unclear[row] or not member.unlisted:
            # A directory names its members itself; whom it alone knows is no slip of the pen.
            doubtful[None if unclear[row] else member.key[1]].update(places)
        if isinstance(who, Finding) and not unclear[row]:
            findings.append(_at(who, places))
    return _resolved(asked, people, found), doubtful, findings


def match_group_access(
    desired: DesiredState, groups: GroupIndex, projects: ProjectIndex[AnyProject]
) -> tuple[ResolvedRelations[FoundGroup, AnyProject], frozenset[Pair], list[Finding]]:
    """Find group and project of each desired access of a group.

    Return the wanted access, the pairs that unusable rows leave open, and what was found.
    """
    asked = Relations.of(desired, About.GROUP_ACCESS)
    holders = [_group_named(name, groups) for name in asked.holders.values]
    places = _projects(asked, projects)
    usable = [None if isinstance(one, Finding) or one.private else one for one in places]
    closed = np.array([one is None for one in usable], dtype=bool)
    unusable = np.flatnonzero(_unclear(asked.holders, holders) | closed[asked.targets.codes])
    rows = unusable.tolist()
    findings = [
        _access_problem(
            asked[row], holders[asked.holders.codes[row]], places[asked.targets.codes[row]]
        )
        for row in rows
    ]
    wanted: ResolvedRelations[FoundGroup, AnyProject] = _resolved(asked, holders, usable)
    differing = _with_several_roles(wanted)
    for at in np.flatnonzero(differing).tolist():
        some = [asked[row] for row in wanted.rows[at]]
        rows += wanted.rows[at].tolist()
        group, project = wanted.holders[wanted.holder[at]], wanted.targets[wanted.target[at]]
        findings.append(
            _conflict("group-differs", some, case="role", group=group.name, project=project.label)
        )
    left_open = {
        (
            compare_key(who) if groups.fitting(who) else None,
            spelling_key(what) if projects.fitting(what) else None,
        )
        for who, what in map(asked.texts, rows)
    }
    return wanted.chosen(~differing), frozenset(left_open), findings


# --- memberships that contradict each other, or whose project takes no members --------------------


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


def _named(asked: Relations, people: Sequence[Holder | Finding | None]) -> Named:
    texts: dict[int, list[int]] = {}
    for code in np.unique(asked.holders.codes[~asked.unlisted]):
        person = people[code]
        if isinstance(person, Holder) and person.id is not None:
            texts.setdefault(person.id, []).append(int(code))
    return Named(asked, texts)


def project_problem(
    text: str, fitting: tuple[AnyProject, ...], place: Origin | None = None
) -> Finding | None:
    """Return why a text does not name exactly one project, or give None where it does."""
    if len(fitting) == 1:
        return None
    if fitting:
        return ambiguous_project(text, fitting, place)
    number = id_in(text)
    case, called = ("", text) if number is None else ("id", str(number))
    return found("project-unknown", place, case=case, value=as_written(text), project=called)


def ambiguous_project(text: str, fitting: Iterable[AnyProject], place: Origin | None) -> Finding:
    """Return the finding for a text that fits several projects of the server."""
    choice = tuple(map(project_part, fitting))
    return found("project-ambiguous", place, value=text, text=text, projects=choice)


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
