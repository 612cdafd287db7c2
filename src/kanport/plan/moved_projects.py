"""Which projects of the sources cannot be on the server what they are where they come from: pure.

Whoever has access to a private or a closed project elsewhere does not get it in an open one here,
and whoever has access to one of two projects of one name does not get it in the other.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from kanport.facts import Param, fact
from kanport.findings import Finding, finding, found
from kanport.model import DesiredProject, Project, ProjectIndex, ProjectRole
from kanport.names import spelling_key
from kanport.origin import first_place
from kanport.plan.parts import project_part, sorted_names
from kanport.plan.wanted import Wanted, WantedMemberships


def keys_of(wanted: DesiredProject, there: ProjectIndex) -> frozenset[str]:
    """Give the spelling keys by which memberships may speak of a project that is left out.

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
    wanted: DesiredProject, described: Sequence[DesiredProject], there: ProjectIndex
) -> Finding | None:
    """Say why nobody can get anything in a project, or give None where nothing speaks against it.

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


def roles_to_make(wanted: WantedMemberships) -> list[Finding]:
    """Say which custom roles new projects lack: Kanboard takes any text, and creates none."""
    asked: dict[tuple[str, str], list[Wanted]] = {}
    new = np.array([project.new for project in wanted.projects], dtype=bool)[wanted.project]
    for one in wanted.chosen(new):
        if one.role not in frozenset(ProjectRole):
            asked.setdefault((one.project.label, one.role), []).append(one)
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


def _same(wanted: DesiredProject, there: ProjectIndex) -> list[Project]:
    identifier = _identifier(wanted).upper()
    if identifier:
        return list(there.identified(identifier))
    return list(there.by_key.get(spelling_key(wanted.name.value), ()))


def _called_like(wanted: DesiredProject, there: ProjectIndex) -> Project | None:
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
    if not identifier or spelling_key(project.name) == spelling_key(wanted.name.value):
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
