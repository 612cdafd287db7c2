"""One project: which rows name it, who is to be in it, who is, and what changes."""

from collections.abc import Collection, Iterator, Sequence

from kanport.errors import UsageError
from kanport.explain.model import (
    Access,
    Explanation,
    Known,
    about_rows,
    given,
    meant,
    project_spellings,
    rows_where,
)
from kanport.explain.notes import relation_reasons
from kanport.model import DesiredRelation, Project, ProjectIndex
from kanport.names import compare_key, spelling_key
from kanport.normalize.trace import SourceBinding
from kanport.plan.change import Change
from kanport.table import Row


def explain_project(known: Known, name: str) -> Explanation:
    """Explain one project, which is named by its identifier, its name or its id (`#3`).

    Raises UsageError where it names several projects of the server.
    """
    index = known.project_index
    project = _project(index, name)
    keys = index.keys_of(project) if project is not None else frozenset({spelling_key(name)})
    rows = rows_where(known, lambda reading, row: _is_about(reading, row, keys))
    wanted = tuple(
        one for one in known.desired.memberships if spelling_key(one.target.value) in keys
    )
    label = project.label if project is not None else name
    changes = tuple(
        change
        for change in (known.plan.changes if known.plan is not None else ())
        if _changes(change, project, keys)
    )
    findings = (
        *about_rows(known.all_findings, rows),
        *(
            finding
            for finding in known.all_findings
            if (finding.value is not None and spelling_key(finding.value) in keys)
            or any(
                name in ("project", "projects") and spelling_key(text) in keys
                for name, _, text in finding.fact.texts()
            )
        ),
    )
    access = tuple(_access(known, project, wanted, label, keys))
    return Explanation(
        kind="project",
        asked=name,
        found=(label,),
        rows=rows,
        wanted=None,
        memberships=wanted,
        user=None,
        access=access,
        groups=(),
        changes=changes,
        findings=tuple(dict.fromkeys(findings)),
        reasons=(
            *_how_found(index, project, name),
            *_reasons(known, project, keys, wanted, access, changes),
            *(() if rows or project else meant(name, project_spellings(known))),
        ),
        offline=known.plan is None,
        missing=not rows and project is None,
    )


def _changes(change: Change, project: Project | None, keys: Collection[str]) -> bool:
    if project is not None and change.project_id is not None:
        return change.project_id == project.id
    return change.project is not None and spelling_key(change.project) in keys


def _project(index: ProjectIndex[Project], name: str) -> Project | None:
    fitting = index.called(name)
    if len(fitting) > 1:
        numbers = ", ".join(f"{project.name} (#{project.id})" for project in fitting)
        raise UsageError(
            f"{name!r} fits {len(fitting)} projects: {numbers}",
            hint="name one of them by its identifier, or by its id as in '#3'",
        )
    return fitting[0] if fitting else None


def _how_found(index: ProjectIndex[Project], project: Project | None, name: str) -> Iterator[str]:
    if project is not None and index.by_number(name) == project:
        yield f"No project has the name or identifier {name}, so Kanport takes it for an id."


def _is_about(reading: SourceBinding, row: Row, keys: Collection[str]) -> bool:
    for column, project in reading.projects.items():
        if spelling_key(project) in keys and (row.values.get(column) or column in row.odd):
            return True
    rules = [ruled for ruled in reading.rules if ruled.name == "project"]
    return any(spelling_key(text) in keys for ruled in rules for text in given(ruled, row))


def _whose(known: Known, change: Change) -> str | None:
    """Return the username of a change, as the plan renames the user."""
    _, new = known.renamed.get(change.user_id or 0, ("", change.username))
    return new


def _access(
    known: Known,
    project: Project | None,
    wanted: Sequence[DesiredRelation],
    label: str,
    keys: Collection[str],
) -> Iterator[Access]:
    current = known.current
    # As the plan renames them: the rows have the new names.
    names = {number: new for number, (_, new) in known.renamed.items()}
    held: dict[str, tuple[str, str]] = {}
    if current is not None and project is not None:
        for number, role in current.roles.get(project.id, {}).items():
            username = names.get(number) or current.username(number)
            held[compare_key(username)] = username, role
    asked = {compare_key(one.holder.value): one for one in wanted}
    for key in sorted({*held, *asked}):
        one = asked.get(key)
        there = held.get(key)
        username = there[0] if there is not None else one.holder.value if one is not None else key
        yield Access(
            username,
            label,
            one.role.value if one is not None else None,
            (one.role.origins or one.holder.origins) if one is not None else (),
            there[1] if there is not None else None,
            unknown=one is None and known.leaves_open({key}, keys),
        )


def _reasons(
    known: Known,
    project: Project | None,
    keys: Collection[str],
    wanted: Sequence[DesiredRelation],
    access: Sequence[Access],
    changes: Sequence[Change],
) -> Iterator[str]:
    named = any(spelling_key(one.value) in keys for one in known.desired.projects_named)
    if not named:
        yield "Neither the mapping nor a row names this project, so no access to it changes."
    elif not wanted:
        yield "The project is named, but no valid row grants access to it."
    open_to = [who for who, what in known.desired.unknown.memberships if what in keys]
    if open_to:
        yield "Invalid rows leave open who has access to it: revocations are withheld."
    if known.current is None:
        return
    if project is None:
        yield "The server has no such project."
        return
    if project.private:
        yield "It is a private project, so nobody becomes a member of it."
    if not project.active:
        yield "The project is closed on the server."
    if named and project.id not in known.current.roles:
        yield "Kanport could not read its members, so nothing changes there."
    yield from relation_reasons(
        known,
        {one.username: one for one in access},
        lambda change: _whose(known, change) if _changes(change, project, keys) else None,
        "for",
    )
    if named and not changes:
        yield "Nothing changes in this project."
