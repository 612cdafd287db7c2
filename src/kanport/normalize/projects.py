"""Which projects the rows describe, to be created where the server has none."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from kanport.facts import Fact, fact
from kanport.mapping.relations import ProjectRows
from kanport.mapping.rules import Rule
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredProject, Given
from kanport.names import spelling_key
from kanport.normalize.compiled import Check, Context, compile_rule
from kanport.normalize.notes import Notes, shown
from kanport.normalize.rows import EMPTY, RowId, Value, read_one, rows_in_order
from kanport.normalize.rules import State
from kanport.normalize.users import boolean_problem
from kanport.origin import Origin, in_place_order, place_order
from kanport.records import dataclass
from kanport.rules import as_boolean, username_problem
from kanport.table import Table

IDENTIFIER_MAX = 50
NAME_MAX = 255
"""Maximum length on Kanboard's project page; its database accepts 65535."""


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """What one row says of a project."""

    id: RowId
    origin: Origin
    fields: Mapping[str, Value]


def identifier_problem(text: str) -> Fact | None:
    """Return why Kanboard refuses an identifier (`ProjectValidator`).

    >>> identifier_problem("WEB2"), identifier_problem("web-2").code
    (None, 'project-identifier')
    """
    if text.isascii() and text.isalnum() and len(text) <= IDENTIFIER_MAX:
        return None
    return fact("project-identifier", limit=IDENTIFIER_MAX)


def name_problem(text: str) -> Fact | None:
    """Return why this cannot be the name of a project; None where it can."""
    if len(text) <= NAME_MAX:
        return None
    return fact("group-name-odd", case="project", limit=NAME_MAX)


_CHECKS: Mapping[str, Check | None] = {
    "name": name_problem,
    "identifier": identifier_problem,
    "owner": username_problem,
    "description": None,
    "private": boolean_problem,
    "active": boolean_problem,
    "called": None,
}
_BOOLEANS = ("private", "active")


def read_projects(
    spec: MappingFile,
    tables: Mapping[str, Table],
    shared: Mapping[str, Context],
    notes: Notes,
    bad: set[RowId],
) -> tuple[ProjectRow, ...]:
    """Return what the rows say of projects; ids of rows that cannot be used go into `bad`."""
    rules = spec.projects if isinstance(spec.projects, tuple) else ()
    return tuple(
        row
        for rule in rules
        for row in _rows(rule, tables[rule.from_], shared[rule.from_], notes, bad)
    )


def _rows(
    rule: ProjectRows, table: Table, context: Context, notes: Notes, bad: set[RowId]
) -> Iterator[ProjectRow]:
    bound = {}
    for field, check in _CHECKS.items():
        part: Rule | None = getattr(rule, field)
        if part is not None:
            closed = field in _BOOLEANS
            what = f"project's {field}{' field' if closed else ''}"
            bound[field] = compile_rule(
                part,
                what,
                context,
                check=check,
                closed=closed,
                names=True,
                lines=field == "description",
            )
    for row_id, row in rows_in_order(table):
        fields = {
            field: read_one(one, row, notes) if one is not None else EMPTY
            for field, one in bound.items()
        }
        said = [value for value in fields.values() if value.state is not State.EMPTY]
        if not said:
            continue
        if fields["name"].state is State.EMPTY:
            place = fields["name"].place(row.origin)
            notes.add("value-required", place, case="project-name")
        if fields["name"].state is not State.GIVEN or any(v.state is State.BAD for v in said):
            bad.add(row_id)
        yield ProjectRow(row_id, row.origin, fields)


def projects_wanted(
    rows: Iterable[ProjectRow], *, bad: Collection[RowId], notes: Notes
) -> tuple[DesiredProject, ...]:
    """Return the projects that usable rows describe, each once, without rows that differ.

    Projects with `called` may share a name: memberships name them by `called`, and the plan tells
    them apart.
    """
    found: dict[str, list[ProjectRow]] = {}
    for row in rows:
        if row.id not in bad:
            found.setdefault(_key_of(row), []).append(row)
    wanted = []
    for _, same in sorted(found.items()):
        same.sort(key=lambda row: place_order(row.origin))
        texts = {field: {_text(row, field) for row in same} - {None} for field in _CHECKS}
        differing = [field for field, several in texts.items() if len(several) > 1]
        if differing:
            notes.add(
                "project-differs",
                same[0].origin,
                case="fields",
                related=tuple(row.origin for row in same[1:]),
                rows=len(same),
                project=shown(same[0].fields["name"].text),
                fields=tuple(differing),
            )
            continue
        wanted += _project(same)
    called = [project for project in wanted if project.called is not None]
    others = [project for project in wanted if project.called is None]
    return (*_without_duplicates(others, notes), *called)


def _project(rows: Sequence[ProjectRow]) -> list[DesiredProject]:
    name = _given(rows, "name")
    if name is None:
        return []
    private, active = (_given(rows, field) for field in _BOOLEANS)
    return [
        DesiredProject(
            name,
            _given(rows, "identifier"),
            _given(rows, "owner"),
            _given(rows, "description"),
            private=private is not None and as_boolean(private.value) is True,
            active=active is None or as_boolean(active.value) is not False,
            called=_given(rows, "called"),
        )
    ]


def _without_duplicates(
    wanted: Iterable[DesiredProject], notes: Notes
) -> tuple[DesiredProject, ...]:
    """Leave out projects that share a name: afterwards nobody could tell which is meant by it."""
    by_name: dict[str, list[DesiredProject]] = {}
    for project in wanted:
        by_name.setdefault(spelling_key(project.name.value), []).append(project)
    clear = []
    for same in by_name.values():
        if len(same) == 1:
            clear += same
            continue
        places = in_place_order(place for one in same for place in one.name.origins)
        notes.add(
            "project-differs",
            places[0],
            case="name",
            related=places[1:],
            projects=len(same),
            project=shown(same[0].name.value),
        )
    return tuple(clear)


def _key_of(row: ProjectRow) -> str:
    """Return the key of what memberships call a project: `called`, else its identifier or name."""
    fields = ("called", "identifier", "name")
    return spelling_key(next(text for field in fields if (text := _text(row, field)) is not None))


def _text(row: ProjectRow, field: str) -> str | None:
    value = row.fields.get(field, EMPTY)
    if value.state is not State.GIVEN:
        return None
    # Kanboard stores identifiers in capitals.
    return value.text.upper() if field == "identifier" else value.text


def _given(rows: Iterable[ProjectRow], field: str) -> Given[str] | None:
    values = [row.fields.get(field, EMPTY) for row in rows]
    said = [value for value in values if value.state is State.GIVEN]
    if not said:
        return None
    return Given(said[0].text, in_place_order(p for value in said for p in value.origins))
