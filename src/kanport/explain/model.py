"""What an explanation is made from, what it consists of, and the rows that it is about.

`person` and `project` choose the rows that name somebody or something; each is traced here as its
rules read it.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from kanport.findings import Finding
from kanport.mapping import LoadedMapping
from kanport.mapping.base import near
from kanport.memory import NOTHING, LedgerState
from kanport.messages import quoted
from kanport.model import (
    CurrentState,
    DesiredRelation,
    DesiredState,
    DesiredUser,
    Project,
    ProjectIndex,
    User,
)
from kanport.names import compare_key
from kanport.normalize.notes import Notes
from kanport.normalize.rows import Value, read_one, read_several, rows_in_order
from kanport.normalize.rows import written as written_in
from kanport.normalize.rules import State
from kanport.normalize.trace import (
    RuleBinding,
    SourceBinding,
    Trace,
    source_bindings,
    thread,
    trace,
)
from kanport.origin import Origin
from kanport.plan.change import Action, Change
from kanport.plan.matching import numbers_are_ids
from kanport.plan.model import Plan
from kanport.records import dataclass
from kanport.table import Row, Table


@dataclass(frozen=True, slots=True)
class Known:
    """The mapping, the rows, what they ask for, and what the server has.

    Without a server `plan` and `current` are None. `findings` are those of the input.
    """

    mapping: LoadedMapping
    tables: Mapping[str, Table]
    desired: DesiredState
    findings: tuple[Finding, ...]
    plan: Plan | None = None
    current: CurrentState | None = None
    memory: LedgerState = NOTHING

    @property
    def project_index(self) -> ProjectIndex[Project]:
        """The projects of the server, by whatever the sources may call them; none without one."""
        index = ProjectIndex.of(()) if self.current is None else self.current.project_index
        return index.with_numbers(numbers_are_ids(self.mapping.spec))

    def leaves_open(self, people: Collection[str], projects: Collection[str]) -> bool:
        """Return whether the input leaves open a membership, by all keys of user and project."""
        return any(
            (who is None or who in people) and (what is None or what in projects)
            for who, what in self.desired.unknown.memberships
        )

    @property
    def renamed(self) -> dict[int, tuple[str, str]]:
        """The usernames of whom the plan renames, before and after, by user id."""
        found: dict[int, tuple[str, str]] = {}
        for change in self.plan.changes if self.plan is not None else ():
            if change.action is Action.USER_RENAME and change.user_id is not None:
                old, _ = found.get(change.user_id, (change.username, ""))
                found[change.user_id] = old, change.new_username
        return found

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """What was found: by the plan, which has those of the input too, or of the input alone."""
        return self.plan.findings if self.plan is not None else self.findings


@dataclass(frozen=True, slots=True)
class ExplainedRow:
    """A row and how it was read.

    `part` is the place of the mapping that reads it, `traces` how each rule did, by name.
    `password` is the place of a password, which is never shown. `findings` are about this row.
    """

    part: str
    source: str
    origin: Origin
    traces: tuple[tuple[str, Trace], ...]
    password: Origin | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """One role in one project: who wants it from where, and who has it.

    `unknown` is True if a row that cannot be used may want it, and no other row does.
    """

    username: str
    project: str
    wanted: str | None = None
    origins: tuple[Origin, ...] = ()
    held: str | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one person, or one project.

    `asked` is what was asked for. `wanted` is the person as the sources want them, `user` as the
    server has them, `groups` the groups that they are in there. `reasons` say in sentences why
    something changes or nothing does. `offline` is True where no server was asked, `missing` where
    neither a row nor the server names it.
    """

    kind: str
    asked: str
    found: tuple[str, ...]
    rows: tuple[ExplainedRow, ...]
    wanted: DesiredUser | None
    memberships: tuple[DesiredRelation, ...]
    user: User | None
    access: tuple[Access, ...]
    groups: tuple[str, ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]
    offline: bool
    missing: bool = False


# --- the rows that are about somebody or something, each with how its rules read it ---------------

Place = tuple[str, str | None, str | None, int | str | None]


def read(ruled: RuleBinding, row: Row) -> list[Value]:
    """Return the values that a rule makes of a row."""
    notes = Notes()
    if ruled.several:
        return read_several(ruled.rule, row, notes)
    return [read_one(ruled.rule, row, notes)]


def given(ruled: RuleBinding, row: Row) -> list[str]:
    """Return the texts of the usable values that a rule makes of a row."""
    return [value.text for value in read(ruled, row) if value.state is State.GIVEN]


def written(ruled: RuleBinding, row: Row) -> list[str]:
    """Return the texts that stand in the cells of a rule, before any step."""
    texts = written_in(ruled.rule, row)
    return [] if isinstance(texts, State) else list(texts)


def people_in(reading: SourceBinding, row: Row) -> frozenset[str]:
    """Return the compare keys of the people whom a row names."""
    return frozenset(compare_key(text) for ruled in reading.who for text in given(ruled, row))


def meant(word: str, names: Iterable[tuple[str | None, str]]) -> Iterator[str]:
    """Yield what was probably meant by a word, as a question; `names` are names and what to type.

    >>> list(meant("Ada Lovelase", [("ada", "ada"), ("Ada Lovelace", "ada")]))
    ['Did you mean "ada"?']
    >>> list(meant("anna", [("anna.schmidt", "anna.schmidt")]))
    ['Did you mean "anna.schmidt"?']
    """
    typed = {name: what for name, what in names if name}
    key = word.casefold()
    # A first name alone is not similar to a whole username, but a part of it.
    parts = (name for name in sorted(typed) if key in re.split(r"[\W_]+", name.casefold()))
    close = near(word, typed) or next(parts, None)
    if close is not None:
        yield f"Did you mean {quoted(typed[close])}?"


def rows_where(
    known: Known, fits: Callable[[SourceBinding, Row], bool]
) -> tuple[ExplainedRow, ...]:
    """Return the rows for which the test holds, in the order of mapping and rows."""
    by_place: dict[Place, list[Finding]] = {}
    for finding in known.all_findings:
        for origin in finding.places:
            if (place := row_of(origin)) is not None:
                by_place.setdefault(place, []).append(finding)
    return tuple(
        _explained(reading, row, by_place)
        for reading in source_bindings(known.mapping, known.tables)
        for _, row in rows_in_order(reading.table)
        if fits(reading, row)
    )


def row_of(origin: Origin | None) -> Place | None:
    """Return the row or entry of a place; None where it has none."""
    row = None if origin is None else origin.row if origin.row is not None else origin.dn
    if origin is None or row is None:
        return None
    return origin.source, origin.file, origin.sheet, row


def _explained(
    reading: SourceBinding, row: Row, by_place: dict[Place, list[Finding]]
) -> ExplainedRow:
    place = row_of(row.origin)
    password = reading.password
    return ExplainedRow(
        reading.part,
        reading.table.source,
        row.origin,
        tuple(_traces(reading, row)),
        row.place(password) if password is not None and row.values.get(password) else None,
        tuple(dict.fromkeys(by_place.get(place, ()))) if place is not None else (),
    )


def _traces(reading: SourceBinding, row: Row) -> Iterator[tuple[str, Trace]]:
    for name, rule, several in (*reading.who, *reading.rules):
        if name in reading.projects and not row.values.get(name) and name not in row.odd:
            # An empty cell of a matrix says nothing, and there may be hundreds.
            continue
        traced = trace(rule, row, several=several)
        yield name, traced
        if name == "project" and reading.role_part is not None:
            part, role = reading.role_part
            texts = [value.parts.get(part) or "" for value in traced.values]
            threads = tuple(thread(role, text) for text in dict.fromkeys(texts) if text)
            yield "role", Trace("role", (), threads, ())


def project_spellings(known: Known) -> Iterator[tuple[str | None, str]]:
    """Yield what the sources and the server call projects, twice: a name and what to type."""
    yield from ((one.value, one.value) for one in known.desired.projects_named)
    for project in known.current.projects if known.current is not None else ():
        yield from ((text, text) for text in (project.identifier, project.name))


def about_rows(findings: Iterable[Finding], rows: Iterable[ExplainedRow]) -> Iterator[Finding]:
    """Return the findings that point at one of these rows."""
    places = {row_of(row.origin) for row in rows}
    for finding in findings:
        if any(row_of(origin) in places for origin in finding.places):
            yield finding
