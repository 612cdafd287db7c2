"""Decide which projects a plan creates, and which projects of the sources to leave out. Pure.

Kanport creates a project only if the mapping allows it. A user with access to a private or closed
project elsewhere does not get access to an open one here, and a user with access to one of two
projects of the same name does not get access to the other.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from kanport.facts import Param, fact
from kanport.findings import Finding, finding, found
from kanport.frames import Relations
from kanport.mapping.spec import MappingFile
from kanport.model import (
    AnyProject,
    CurrentState,
    DesiredProject,
    DesiredState,
    Given,
    Pair,
    PlannedProject,
    Project,
    ProjectIndex,
    ProjectRole,
    Unknown,
)
from kanport.names import case_key, id_in, spelling_key
from kanport.origin import Origin, first_place, in_place_order
from kanport.plan.change import Action, ProjectChange, ProjectSide
from kanport.plan.matching import is_of_directory
from kanport.plan.naming import project_part, sorted_names
from kanport.plan.resolved import Holder, ResolvedRelation, ResolvedRelations
from kanport.plan.wanted import PersonFinder, ambiguous_project
from kanport.records import dataclass
from kanport.relations import IN_PROJECTS, About


@dataclass(frozen=True, slots=True)
class NewProjects:
    """The projects to create, and what the sources say of each.

    `left_out` are the spelling keys of what the sources call projects in which nobody gets
    anything, as they are not what they are in the sources.
    """

    wanted: tuple[DesiredProject, ...] = ()
    findings: tuple[Finding, ...] = ()
    left_out: frozenset[str] = frozenset()

    @property
    def projects(self) -> tuple[PlannedProject, ...]:
        """The projects as a plan knows them."""
        return tuple(map(_planned, self.wanted))

    def without(self, desired: DesiredState) -> DesiredState:
        """Leave out what is wanted in projects that are left out; what it was stays uncertain."""
        if not self.left_out:
            return desired
        gone = self.left_out
        kept: dict[About, Relations] = {}
        pairs: dict[About, set[Pair]] = {}
        for kind in IN_PROJECTS:
            relations = Relations.of(desired, kind)
            out = relations.targets.having(lambda text: spelling_key(text) in gone)
            pairs[kind] = {relation.key for relation in relations.chosen(out)}
            kept[kind] = relations.chosen(~out)
        return desired.with_relations(
            kept,
            projects_named=tuple(
                named for named in desired.projects_named if spelling_key(named.value) not in gone
            ),
            unknown=desired.unknown | Unknown.of(pairs),
        )


def new_projects(
    desired: DesiredState, current: CurrentState, mapping: MappingFile, there: ProjectIndex[Project]
) -> NewProjects:
    """Find out which projects are wanted and not on the server.

    With `projects: create` these are all that a membership or the access of a group names; else
    those that rows describe. A project that is there is never changed, and a name that several have
    is never taken for one of them.
    """
    if mapping.projects is None:
        return NewProjects()
    described = desired.projects if mapping.projects != "create" else _named(desired, there)
    findings: list[Finding] = []
    left_out: set[str] = set()
    claimed = {_identifier(one).upper() for one in described if one.called is not None} - {""}
    wanted: list[DesiredProject] = []
    for project in sorted(described, key=lambda one: (one.name.value, _identifier(one))):
        if (finding := unlike_the_source(project, described, there)) is not None:
            findings.append(finding)
            left_out |= keys_of(project, there)
            continue
        problem = _problem(project, there, claimed)
        if isinstance(problem, Finding):
            findings.append(problem)
        elif problem is None:
            wanted.append(project)
    return NewProjects(tuple(wanted), tuple(findings), frozenset(left_out))


def _planned(wanted: DesiredProject) -> PlannedProject:
    return PlannedProject(wanted.name.value, _identifier(wanted).upper())


def _named(desired: DesiredState, there: ProjectIndex[Project]) -> Sequence[DesiredProject]:
    """Return a project for each name that nothing on the server fits; a number is a name, too."""

    def is_new(text: str) -> bool:
        return id_in(text) is None and not there.fitting(text)

    texts: dict[str, list[Given[str]]] = {}
    for kind in IN_PROJECTS:
        relations = Relations.of(desired, kind)
        for one in relations.chosen(relations.targets.having(is_new)):
            texts.setdefault(spelling_key(one.target.value), []).append(one.target)
    named = []
    for _, several in sorted(texts.items()):
        for same in _apart(several):
            places = in_place_order(place for given in same for place in given.origins)
            named.append(DesiredProject(Given(min(given.value for given in same), places)))
    return named


def _apart(several: Sequence[Given[str]]) -> Iterator[Sequence[Given[str]]]:
    """Return texts that are alike in one part, or in several where groups of directories are."""
    by_case: dict[str, list[Given[str]]] = {}
    for given in several:
        by_case.setdefault(case_key(given.value), []).append(given)
    apart = all(map(is_of_directory, several))
    yield from by_case.values() if apart else [several]


def _problem(
    wanted: DesiredProject, there: ProjectIndex[Project], claimed: Collection[str]
) -> Finding | bool | None:
    """Return why a project cannot be created, True where it is there already, or None.

    `claimed` are the identifiers of projects that the sources hold apart from others of their name.
    """
    identifier = _identifier(wanted).upper()
    if there.identified(identifier):
        return True
    place = first_place(wanted.name.origins)
    same = [
        project
        for project in there.by_key.get(spelling_key(wanted.name.value), ())
        if spelling_key(project.name) == spelling_key(wanted.name.value)
        and not (identifier and project.identifier.upper() in claimed)
    ]
    if len(same) > 1:
        return ambiguous_project(wanted.name.value, same, place)
    if same and identifier:
        return found(
            "project-clash",
            place,
            case="other-identifier" if same[0].identifier else "no-identifier",
            value=wanted.name.value,
            project=project_part(same[0]),
            has=same[0].identifier,
            identifier=identifier,
        )
    return True if same else None


def create_projects(
    new: NewProjects, finder: PersonFinder
) -> tuple[list[ProjectChange], list[Finding]]:
    """Return what creates the projects; an owner who cannot be found is an error."""
    changes: list[ProjectChange] = []
    findings: list[Finding] = []
    for wanted in new.wanted:
        owner_name = owner_id = None
        if wanted.owner is not None:
            owner = finder.find(wanted.owner.value)
            if isinstance(owner, Finding):
                place = first_place(wanted.owner.origins)
                findings.append(replace(owner, origin=place))
            elif owner is not None:
                owner_name, owner_id = owner.name, owner.id
        identifier, description = wanted.identifier, wanted.description
        changes.append(
            ProjectChange(
                action=Action.PROJECT_CREATE,
                project=_planned(wanted).label,
                user_id=owner_id,
                after=ProjectSide(
                    wanted.name.value,
                    identifier.value.upper() if identifier is not None else None,
                    owner_name,
                    description.value if description is not None else None,
                ),
                why=fact("new-on-server"),
                origin=_places(wanted),
            )
        )
    return changes, findings


def _places(wanted: DesiredProject) -> tuple[Origin, ...]:
    fields = (wanted.name, wanted.identifier, wanted.owner, wanted.description)
    return in_place_order(p for given in fields if given is not None for p in given.origins)


def keys_of(wanted: DesiredProject, there: ProjectIndex[Project]) -> frozenset[str]:
    """Return the spelling keys by which memberships may name a project that is left out.

    Where the sources say what they call it, that is all; a name that another project has as well
    is left to that one.
    """
    if wanted.called is not None:
        return frozenset({spelling_key(wanted.called.value)})
    texts = {wanted.name.value, _identifier(wanted)} - {""}
    return frozenset(
        spelling_key(text)
        for text in texts
        if text == (_identifier(wanted) or text) or not there.named(text)
    )


def unlike_the_source(
    wanted: DesiredProject, described: Sequence[DesiredProject], there: ProjectIndex[Project]
) -> Finding | None:
    """Return why nobody can get anything in a project; None if nothing speaks against it.

    `described` are all projects of the sources.
    """
    same = _same(wanted, there)
    if (other := _called_like(wanted, there)) is not None:
        return _finding(
            wanted,
            "project-clash",
            "name-is-identifier",
            name=wanted.name.value,
            project=project_part(other),
        )
    if wanted.called is not None and not _is_clear(wanted):
        if wanted.private:
            return _left_out(wanted, "no-name")
        return _ambiguous(wanted, described)
    if wanted.called is not None and len(same) == 1:
        clash = _clash(wanted, same[0])
        if clash is not None:
            return clash
    if same:
        shared = [project for project in same if not project.private]
        if wanted.private and shared:
            return _finding(
                wanted,
                "project-clash",
                "private",
                name=_called(wanted),
                project=project_part(shared[0]),
            )
        return None
    if wanted.private:
        return _left_out(wanted, "private")
    if not wanted.active:
        return _left_out(wanted, "closed")
    return None


def roles_to_make(wanted: ResolvedRelations[Holder, AnyProject]) -> list[Finding]:
    """Return findings about custom roles that new projects lack: Kanboard creates none."""
    asked: dict[tuple[str, str], list[ResolvedRelation[Holder, AnyProject]]] = {}
    new = np.array([project.id is None for project in wanted.targets], dtype=bool)[wanted.target]
    for one in wanted.chosen(new):
        if one.role not in frozenset(ProjectRole):
            asked.setdefault((one.target.label, one.role), []).append(one)
    return [
        found(
            "role-to-make",
            first_place(some[0].origins),
            value=role,
            count=len(some),
            role=role,
            project=project,
        )
        for (project, role), some in sorted(asked.items())
    ]


def _same(wanted: DesiredProject, there: ProjectIndex[Project]) -> list[Project]:
    identifier = _identifier(wanted).upper()
    if identifier:
        return list(there.identified(identifier))
    return list(there.by_key.get(spelling_key(wanted.name.value), ()))


def _called_like(wanted: DesiredProject, there: ProjectIndex[Project]) -> Project | None:
    """Return another project whose identifier is what memberships call this one by its name."""
    called = wanted.called.value if wanted.called is not None else wanted.name.value
    if spelling_key(called) in (spelling_key(_identifier(wanted)), ""):
        return None
    others = there.identified(called)
    key = spelling_key(wanted.name.value)
    return next((other for other in others if spelling_key(other.name) != key), None)


def _is_clear(wanted: DesiredProject) -> bool:
    called = spelling_key(wanted.called.value) if wanted.called is not None else ""
    return called == spelling_key(_identifier(wanted) or wanted.name.value)


def _clash(wanted: DesiredProject, project: Project) -> Finding | None:
    identifier = _identifier(wanted).upper()
    if spelling_key(project.name) == spelling_key(wanted.name.value):
        return None
    return _finding(
        wanted,
        "project-clash",
        "same-identifier",
        name=wanted.name.value,
        identifier=identifier,
        project=project_part(project),
    )


def _ambiguous(wanted: DesiredProject, described: Iterable[DesiredProject]) -> Finding:
    key = spelling_key(wanted.name.value)
    same = [
        project
        for project in described
        if key in (spelling_key(project.name.value), spelling_key(_identifier(project)))
    ]
    return _finding(
        wanted,
        "project-ambiguous",
        "sources",
        text=wanted.name.value,
        projects=sorted_names(map(_called, same)),
    )


def _left_out(wanted: DesiredProject, case: str) -> Finding:
    return _finding(wanted, "project-left-out", case, project=_called(wanted))


def _finding(wanted: DesiredProject, code: str, case: str, **params: Param) -> Finding:
    place = first_place(wanted.name.origins)
    return finding(fact(code, case=case, **params), place, value=wanted.name.value)


def _called(wanted: DesiredProject) -> str:
    return wanted.called.value if wanted.called is not None else wanted.name.value


def _identifier(wanted: DesiredProject) -> str:
    return wanted.identifier.value if wanted.identifier is not None else ""
