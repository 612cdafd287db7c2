"""Which projects of the sources cannot be on the server what they are where they come from: pure.

Whoever has access to a private or a closed project elsewhere does not get it in an open one here,
and whoever has access to one of two projects of one name does not get it in the other.
"""

from collections.abc import Iterable, Sequence

from kanport.findings import Finding
from kanport.model import DesiredProject, Project, ProjectRole
from kanport.names import spelling_key
from kanport.plan.match import Projects
from kanport.plan.places import first_place, listed
from kanport.plan.wanted import Wanted


def keys_of(wanted: DesiredProject, there: Projects) -> frozenset[str]:
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
    wanted: DesiredProject, described: Sequence[DesiredProject], there: Projects
) -> Finding | None:
    """Say why nobody can get anything in a project, or give None where nothing speaks against it.

    `described` are all projects of the sources.
    """
    same = _same(wanted, there)
    if (other := _called_like(wanted, there)) is not None:
        return _finding(
            wanted,
            "project-clash",
            f"{wanted.name.value!r} is a name in the sources, and on the server the identifier of"
            f" {other.name!r} (#{other.id})",
            "give one of them another name or identifier; memberships could not tell them apart",
        )
    if wanted.called is not None and not _is_clear(wanted):
        if wanted.private:
            return _left_out(wanted, "is private and has no name of its own")
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
                f"{_called(wanted)} is somebody's private project in the sources, and"
                f" {shared[0].label!r} (#{shared[0].id}) on the server is not",
                "rename one of them",
            )
        return None
    if wanted.private:
        return _left_out(wanted, "is somebody's private project, and would be an ordinary one here")
    if not wanted.active:
        return _left_out(wanted, "is closed, and would be open here")
    return None


def roles_to_make(wanted: Iterable[Wanted]) -> list[Finding]:
    """Say which custom roles new projects lack: Kanboard takes any text, and creates none."""
    asked: dict[tuple[str, str], list[Wanted]] = {}
    for one in wanted:
        if one.project.id < 1 and one.role not in frozenset(ProjectRole):
            asked.setdefault((one.project.label, one.role), []).append(one)
    return [
        Finding(
            "role-to-make",
            f"{'1 person gets' if len(some) == 1 else f'{len(some)} people get'} the custom role"
            f" {role!r} in the new project {project!r}, which does not have it yet",
            origin=first_place(some[0].origins),
            value=role,
            hint="make the role in the project's settings; Kanboard's API cannot",
        )
        for (project, role), some in sorted(asked.items())
    ]


def _same(wanted: DesiredProject, there: Projects) -> list[Project]:
    identifier = _identifier(wanted).upper()
    if identifier:
        return list(there.identified(identifier))
    return list(there.by_key.get(spelling_key(wanted.name.value), ()))


def _called_like(wanted: DesiredProject, there: Projects) -> Project | None:
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
        f"the identifier {identifier!r} of {wanted.name.value!r} is that of {project.name!r}"
        f" (#{project.id}) on the server",
        "give one of them another identifier, or both the same name if they are one project",
    )


def _ambiguous(wanted: DesiredProject, described: Iterable[DesiredProject]) -> Finding:
    key = spelling_key(wanted.name.value)
    same = [
        project
        for project in described
        if key in (spelling_key(project.name.value), spelling_key(_identifier(project)))
    ]
    names = listed(sorted(_called(project) for project in same))
    return _finding(
        wanted,
        "project-ambiguous",
        f"{wanted.name.value!r} is the name of several projects of the sources: {names}",
        "give each of them an identifier where they come from",
    )


def _left_out(wanted: DesiredProject, why: str) -> Finding:
    return _finding(
        wanted,
        "project-left-out",
        f"{_called(wanted)} {why}, so it is left out, with all access to it",
        "create it by hand on the server first, if it is needed",
    )


def _finding(wanted: DesiredProject, code: str, message: str, hint: str) -> Finding:
    place = first_place(wanted.name.origins)
    return Finding(code, message, origin=place, value=wanted.name.value, hint=hint)


def _called(wanted: DesiredProject) -> str:
    return repr(wanted.called.value if wanted.called is not None else wanted.name.value)


def _identifier(wanted: DesiredProject) -> str:
    return wanted.identifier.value if wanted.identifier is not None else ""
