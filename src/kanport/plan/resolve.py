"""The desired state in terms of the server: which users and projects it means, and what is left."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from kanport.findings import UNCLEAR, Finding, errors_in, found
from kanport.frames import DesiredUsers, Relations
from kanport.mapping.spec import MappingFile
from kanport.model import (
    AnyProject,
    CurrentState,
    DesiredState,
    Given,
    Identity,
    Project,
    ProjectIndex,
    UserIndex,
)
from kanport.names import compare_key
from kanport.origin import Origin, first_place
from kanport.plan.identities import IdentityIndex
from kanport.plan.matching import (
    name_matcher,
    numbers_are_ids,
    projects_given,
    texts_of_projects,
)
from kanport.plan.people import Matched, Persons, match_people
from kanport.plan.projects import NewProjects, new_projects, roles_to_make
from kanport.plan.resolved import Holder, ResolvedRelations
from kanport.plan.uncertainty import Invalid, Uncertainty, without
from kanport.plan.wanted import (
    MatchedMemberships,
    Named,
    PersonFinder,
    match_access,
    project_problem,
)
from kanport.plan.withheld import Causes
from kanport.records import dataclass
from kanport.relations import OF_USERS, RELATIONS, About


@dataclass(frozen=True, slots=True)
class Resolved:
    """What the sources ask for, tied to the users and projects of the server.

    `scope` are the projects in which nobody but whom the sources name is wanted, where the mapping
    revokes. `named` are the users whom memberships name. `desired` is what is left of the desired
    state; `projects` are those of the server and the new ones. `causes` say because of what
    something is in doubt.
    `unclear` are the rows of people of whom it is open who they are on the server,
    `outlived` the ids of users whose usernames rows give to others, and whose stable ids no row
    gives, nor may a hidden entry.
    """

    persons: Persons
    wanted: ResolvedRelations[Holder, AnyProject]
    scope: tuple[Project, ...]
    named: Named
    uncertainty: Uncertainty
    people: UserIndex
    findings: tuple[Finding, ...]
    desired: DesiredState
    projects: ProjectIndex[AnyProject]
    new_projects: NewProjects
    finder: PersonFinder
    causes: Causes
    unclear: tuple[tuple[Origin, ...], ...] = ()
    outlived: frozenset[int] = frozenset()


def resolve(
    desired: DesiredState,
    current: CurrentState,
    mapping: MappingFile,
    findings: Iterable[Finding],
    identities: Mapping[str, Identity],
) -> Resolved:
    """Tie the desired state to the server, without the rows that have an error.

    Errors in `findings`, and those found on the way, make their rows invalid, and whoever an
    invalid row names unknown. That can make more rows unusable (a rename, for one, is clear only
    while nobody else is meant), so it is done again until nothing more falls away.
    `identities` are those of the ledger, by stable id.
    """
    # Whose entry is hidden, or whose row cannot be read, may still have the account of that name.
    unusable = desired.unknown.people | desired.unknown.hidden
    numbers = numbers_are_ids(mapping)
    people, there = current.people, current.project_index.with_numbers(numbers)
    new = new_projects(desired, current, mapping, there)
    desired = new.without(desired)
    desired = replace(
        desired,
        users=DesiredUsers.of(desired.users),
        memberships=Relations.of(desired),
    )
    all_projects: tuple[AnyProject, ...] = (*current.projects, *new.projects)
    projects = ProjectIndex.of(all_projects, numbers=numbers)
    scope, notes = _scope(desired, current, projects)
    notes.extend((*new.findings, *_by_number(desired, projects)))
    known = IdentityIndex.of(identities, people)
    tied = _tie(desired, current, mapping, Invalid.from_findings(findings), known, projects)
    notes.extend((*tied.errors, *roles_to_make(tied.access.wanted)))
    here = (*notes, *tied.matched.findings, *tied.access.findings)
    uncertainty = _uncertainty(tied, people, mapping, identities)
    if uncertainty.pairs:
        groups = {one.key for one in tied.desired.groups}
        groups |= {compare_key(one.name) for one in current.groups}
        called = frozenset().union(*map(projects.keys_of, all_projects))
        unheard = _unheard(tied.desired, current, identities, groups)
        uncertainty = uncertainty.with_slips(unheard, {About.PROJECT: called, About.GROUP: groups})
    stable_ids = tied.matched.ids | {each for _, each in tied.desired.unknown.ids}
    return Resolved(
        persons=tied.matched.persons,
        wanted=tied.access.wanted,
        scope=scope,
        named=tied.access.named,
        uncertainty=uncertainty,
        people=people,
        findings=here,
        desired=tied.desired,
        projects=projects,
        new_projects=new,
        finder=replace(tied.finder, uncertainty=uncertainty),
        causes=Causes.of(
            uncertainty.because,
            tied.finder.disputed,
            (one.origin for one in here if one.code in UNCLEAR and one.origin),
        ),
        unclear=tied.unclear,
        outlived=frozenset(
            number
            for number in tied.outlived - known.given(stable_ids)
            if compare_key(people.by_id[number].username) not in unusable
        ),
    )


class _Tied(NamedTuple):
    """What is left of the desired state, tied to the server; `errors` were found on the way.

    `unclear` and `outlived` are as in `Resolved`.
    """

    desired: DesiredState
    matched: Matched
    access: MatchedMemberships
    finder: PersonFinder
    errors: list[Finding]
    unclear: tuple[tuple[Origin, ...], ...]
    outlived: frozenset[int]


def _tie(
    desired: DesiredState,
    current: CurrentState,
    mapping: MappingFile,
    invalid: Invalid,
    known: IdentityIndex,
    projects: ProjectIndex[AnyProject],
) -> _Tied:
    """Leave out what is invalid, and find who and what the rest means, until all of it is clear."""
    people, protected = current.people, name_matcher(mapping.protect)
    disputed: frozenset[str] = frozenset()
    unclear: list[tuple[Origin, ...]] = []
    outlived: frozenset[int] = frozenset()
    errors: list[Finding] = []
    while True:
        desired = without(desired, invalid)
        meant = known.names(stable_id for _, stable_id in desired.unknown.ids)
        uncertainty = Uncertainty.of(desired.unknown).with_other_names(known.called_otherwise())
        uncertainty = uncertainty.with_people(meant | disputed)
        by_email = _finds_by_email(mapping)
        matched = match_people(
            desired, people, uncertainty, by_email=by_email, known=known, protected=protected
        )
        # Whoever was refused once falls away with their row, and the dispute about them does not.
        outlived |= matched.outlived
        disputed |= matched.disputed | known.disputed(desired.unknown, matched.ids)
        uncertainty = uncertainty.with_people(disputed)
        wanted = matched.persons.desired
        refused = wanted.chosen(wanted.having(matched.unclear))
        unclear += [user.rows or user.username.origins for user in refused]
        finder = PersonFinder.of(
            matched, people, uncertainty, disputed, with_inactive=creates_inactive(mapping)
        )
        access = match_access(desired, current, projects, finder)
        invalid = replace(access.invalid, people=matched.unclear).with_rows(desired)
        if not invalid:
            return _Tied(desired, matched, access, finder, errors, tuple(unclear), outlived)
        errors.extend(errors_in((*matched.findings, *access.findings)))


def _finds_by_email(mapping: MappingFile) -> bool:
    return mapping.users is not None and "email" in mapping.users.find_by


def _uncertainty(
    tied: _Tied, people: UserIndex, mapping: MappingFile, identities: Mapping[str, Identity]
) -> Uncertainty:
    """Return what the input leaves open, also of who is called otherwise on the server."""
    uncertainty, by_email = tied.finder.uncertainty, _finds_by_email(mapping)
    if not (by_email or identities):
        return uncertainty
    unknown = tied.desired.unknown
    named = people.by_key.keys() | tied.matched.persons.with_key.keys() | tied.finder.disputed
    named |= {compare_key(identity.username) for identity in identities.values()}
    # Of a hidden entry the DN or the ledger says who it is; of whoever is unclear, it is known
    # which accounts might be theirs, and these are in doubt, too.
    named |= unknown.hidden
    if not by_email:
        named |= {key for key, _ in unknown.ids}
    # Whoever an invalid row names may be anybody on the server, under a new username.
    return uncertainty if uncertainty.people <= named else uncertainty.all_unknown()


def _unheard(
    desired: DesiredState,
    current: CurrentState,
    identities: Mapping[str, Identity],
    groups: Set[str],
) -> dict[About, Set[str]]:
    """Return the keys of holders in unusable rows that mean nobody and nothing, by their kind."""
    users = {*current.people.by_key, *(compare_key(one.username) for one in identities.values())}
    named = {who for who, _ in desired.unknown.pairs(About.GROUP_ACCESS) if who is not None}
    strangers = desired.unknown.strangers - users
    return {kind: strangers if kind in OF_USERS else named - groups for kind in RELATIONS}


def without_gone(resolved: Resolved, gone: Set[int]) -> Resolved:
    """Return the same without what only groups of a directory want for users who are gone."""

    def is_gone(username: str) -> bool:
        who = resolved.finder.find(username)
        return isinstance(who, Holder) and who.id in gone

    members = tuple(
        member
        for member in resolved.desired.group_members
        if not (member.unlisted and is_gone(member.holder.value))
    )
    wanted = resolved.wanted
    if gone and wanted.unlisted.any():
        leaving = np.isin(wanted.holder_ids, list(gone))
        wanted = wanted.chosen(~(wanted.unlisted & leaving))
    desired = replace(resolved.desired, group_members=members)
    return replace(resolved, wanted=wanted, desired=desired)


def creates_inactive(mapping: MappingFile) -> bool:
    """Return whether people who are not active and not on the server are created nevertheless."""
    return mapping.users is not None and mapping.users.inactive == "create"


def _by_number(desired: DesiredState, projects: ProjectIndex[AnyProject]) -> list[Finding]:
    """Return findings about texts taken for the ids of projects, as nothing is called so."""
    access = [one.target for one in desired.group_access]
    texts = {*texts_of_projects(desired), *(given.value for given in access)}
    numbers = {text for text in texts if projects.by_number(text) is not None}
    places: dict[str, list[Origin]] = {text: [] for text in numbers}
    for given in (*projects_given(desired, numbers), *access):
        if given.value in numbers:
            places[given.value].extend(given.origins)
    return [
        found(
            "project-by-id",
            first_place(origins),
            value=text,
            text=text,
            project=projects.fitting(text)[0].label,
        )
        for text, origins in places.items()
    ]


def _scope(
    desired: DesiredState, current: CurrentState, projects: ProjectIndex[AnyProject]
) -> tuple[tuple[Project, ...], list[Finding]]:
    """Return the projects that the sources name, without private ones, and what is odd of them.

    A private project belongs to one person; nobody loses access to it because a list is silent.
    """
    fitting = {text: projects.fitting(text) for text in texts_of_projects(desired)}
    clear = [some[0] for some in fitting.values() if len(some) == 1]
    scope = {
        one.id: one
        for one in clear
        if isinstance(one, Project) and one.id in current.roles and not one.private
    }
    odd = {text for text, some in fitting.items() if len(some) != 1 or not some[0].active}
    named: dict[str, list[Given[str]]] = {text: [] for text in fitting if text in odd}
    for given in projects_given(desired, odd):
        named[given.value].append(given)
    closed: dict[AnyProject, list[Given[str]]] = {}
    findings: list[Finding] = []
    for text, givens in named.items():
        if len(fitting[text]) == 1:
            closed.setdefault(fitting[text][0], []).extend(givens)
            continue
        # A cell says more than the list of projects does, where there is one.
        places = [given for given in givens if given.origins] or givens[:1]
        problems = (
            project_problem(given.value, fitting[text], first_place(given.origins))
            for given in places
        )
        findings.extend(problem for problem in problems if problem is not None)
    for project, givens in closed.items():
        place = first_place(place for given in givens for place in given.origins)
        findings.append(found("project-closed", place, value=project.label, project=project.label))
    return tuple(scope[number] for number in sorted(scope)), findings
