"""FilledRows and mapping in, the desired state with all findings out."""

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from kanport.findings import Finding, errors_in
from kanport.frames import DesiredUsers, uncollected
from kanport.mapping import LoadedMapping
from kanport.mapping.relations import Membership
from kanport.mapping.rules import ProjectRule
from kanport.mapping.spec import MappingFile
from kanport.model import Blocker, DesiredState, Given, Pair, Unknown
from kanport.names import case_key, id_text, plain_number, spelling_key
from kanport.normalize.columns import header_origin, matrix_columns, refuse_missing
from kanport.normalize.compiled import Context, scalar_text
from kanport.normalize.entries import Entries, Judge, insiders, refuse_entries
from kanport.normalize.groups import (
    GroupColumns,
    groups_wanted,
    read_access,
    read_groups,
    refuse_differing,
)
from kanport.normalize.notes import Notes
from kanport.normalize.people import (
    People,
    by_person,
    ids_of,
    refuse_contradictions,
    refuse_identities,
)
from kanport.normalize.projects import ProjectRow, projects_wanted, read_projects
from kanport.normalize.relations import (
    RelationColumns,
    ScopeRead,
    compile_project,
    read_memberships,
    read_scopes,
)
from kanport.normalize.requests import Requests, refuse_conflicts, uncertain_pairs, withheld_pairs
from kanport.normalize.rows import FilledRows, RelationRow, RowId, UserRow, contexts
from kanport.normalize.ruled import Numbers
from kanport.normalize.rules import State
from kanport.normalize.unread import nameless_aside, rows_off_list, unread_people
from kanport.normalize.users import person_key, read_users, same_password
from kanport.origin import Origin, place_order
from kanport.relations import OF_USERS, RELATIONS, About
from kanport.table import STRAY, Table

SCOPED = frozenset({"group-missing", "group-ambiguous"})
"""Errors of a source that leave open one group, whose scope says so, and nothing else."""


class Normalized(NamedTuple):
    """What the sources want, and everything there is to know about their rows."""

    desired: DesiredState
    findings: list[Finding]


@uncollected()
def normalize(mapping: LoadedMapping, tables: Mapping[str, Table]) -> Normalized:
    """Make the desired state of the rows of all sources; `tables` are by the name of the source.

    All findings come in one pass. A row with an error is used for nothing, neither for its person
    nor for its memberships, and what it could have meant is `Unknown`:

    - A person of whom a row of `users` cannot be used is left out wholly, with all memberships, and
      all their access is unknown: an account in doubt neither gains nor loses anything.
    - A row of memberships that cannot be used leaves open that person's access to that project, or
      to any project where the project cannot be read. The person's other memberships stay wanted.
      Somebody whom only such a row names is unknown, too.
    - A row whose person cannot be read might be about anybody. Where a directory may only hide the
      username, the row is none that cannot be used: its entry is in `Unknown.nameless`.

    What reading the files found (`Table.findings`) is not repeated here. Raises SourceInvalid with
    every missing column; then no row is looked at.
    """
    refuse_missing(mapping, tables)
    notes = Notes()
    read = _read(mapping, tables, notes)
    bad = read.bad | _contradicting(mapping.spec, read, notes)
    # From here on nothing more becomes bad, so that it is known which rows need a look.
    return Normalized(_desired(mapping, read, bad, notes), notes.findings())


class _Read(NamedTuple):
    """What the rows of all sources say; `bad` are the ids of those that cannot be used."""

    tables: Mapping[str, Table]
    contexts: Mapping[str, Context]
    rows: Mapping[str, FilledRows]
    people: People
    memberships: Sequence[RelationColumns]
    groups: Sequence[GroupColumns]
    requests: Mapping[About, Requests]
    projects: Sequence[ProjectRow]
    scopes: Sequence[ScopeRead]
    bad: set[RowId]


def _read(mapping: LoadedMapping, given: Mapping[str, Table], notes: Notes) -> _Read:
    """Read the rows of all sources, each by itself."""
    spec, shared = mapping.spec, contexts(mapping.spec)
    bad: set[RowId] = set()
    tables = nameless_aside(spec, given, shared, notes)
    rows_of = {source: FilledRows(table) for source, table in tables.items()}
    numbers = Numbers()
    user_columns = [
        read_users(spec.users, rows_of[source], shared[source], notes, bad)
        for source in (spec.users.sources if spec.users is not None else ())
        if spec.users is not None
    ]
    people = People(spec.users, user_columns, numbers)
    custom = {spelling_key(name): frozenset(roles) for name, roles in spec.custom_roles.items()}
    judge = Judge(lambda: Entries(people.entries(), listed=spec.users is not None), notes)
    members: list[RelationColumns] = []
    for rule in spec.memberships:
        rows, context = rows_of[rule.from_], shared[rule.from_]
        columns = read_memberships(rule, rows, context, custom, notes, bad)
        judge.holders(columns, insiders(rule.username, rows.table, context))
        members.append(columns)
    scopes: list[ScopeRead] = []
    for rule in spec.memberships:
        project = compile_project(rule.project, shared[rule.from_]) if rule.project else None
        scopes += read_scopes(About.MEMBERSHIP, project, tables[rule.from_], notes)
    groups = read_groups(mapping, rows_of, shared, judge, notes, bad)
    scopes += [scope for group in groups for scope in group.scopes]
    judge.note()
    columns_of = {
        About.MEMBERSHIP: members,
        About.GROUP_MEMBER: [group.members for group in groups],
        About.GROUP_ACCESS: read_access(mapping, rows_of, shared, custom, notes, bad),
    }
    requests = {
        kind: Requests(kind, columns, numbers if kind in OF_USERS else Numbers())
        for kind, columns in columns_of.items()
    }
    projects = read_projects(spec, tables, shared, notes, bad)
    return _Read(tables, shared, rows_of, people, members, groups, requests, projects, scopes, bad)


def _contradicting(spec: MappingFile, read: _Read, notes: Notes) -> set[RowId]:
    """Return the ids of the rows that contradict other rows, so that neither can be used."""
    bad = read.bad | refuse_differing(read.groups, notes)
    bad |= refuse_conflicts(read.requests[About.GROUP_ACCESS].rows(), notes)
    user_rows = read.people.rows()
    bad |= _contradictions(spec, read.rows, user_rows, notes)
    memberships = read.requests[About.MEMBERSHIP].rows()
    bad |= refuse_conflicts((row for row in memberships if not row.withheld), notes)
    by_key = by_person(itertools.chain(*user_rows.values()))
    bad |= refuse_entries(by_key, bad, notes)
    if spec.users is not None and spec.users.id is not None:
        bad |= refuse_identities(by_key, notes)
    return bad


def _desired(mapping: LoadedMapping, read: _Read, bad: set[RowId], notes: Notes) -> DesiredState:
    """Return what the usable rows want, and what the others leave open."""
    spec, requests = mapping.spec, read.requests
    user_rows = read.people.rows(bad)
    relation_rows = {kind: requests[kind].rows(bad) for kind in RELATIONS}
    off_list = Unknown.together(rows_off_list(spec, read.tables, read.contexts))
    in_doubt = _people_in_doubt(user_rows, bad)
    in_doubt |= {key for key in off_list.people if not read.people.names(key)}
    users = read.people.wanted(in_doubt, itertools.chain(*user_rows.values()), notes)
    broken = {
        name: errors
        for name, table in read.tables.items()
        if (errors := _broken(table)) or table.partial
    }
    unknown = _unknown(user_rows, relation_rows, read.scopes, users, in_doubt, bad, bool(broken))
    left = Unknown(
        strangers=_strangers(relation_rows, read.people, bad),
        unnamed=_unnamed(relation_rows[About.GROUP_MEMBER], bad),
    )
    # Who is named only by a row off its list is unknown by way of `in_doubt`.
    off_list = replace(off_list, people=frozenset())
    unread = unread_people(spec, read.tables, read.contexts)
    unknown = Unknown.together((unknown, left, off_list, *unread))
    because = {
        *unknown.because,
        *(blocker for rows in user_rows.values() for row in rows for blocker in row.blockers(bad)),
        *(b for rows in relation_rows.values() for row in rows for b in row.blockers(bad)),
        *(blocker for scope in read.scopes for blocker in scope.blockers()),
        *(b for name, errors in broken.items() for b in _source_blockers(name, errors)),
    }
    groups = groups_wanted(read.groups, bad=bad)
    # Whoever is in doubt in all groups neither joins nor leaves one.
    doubtful = uncertain_pairs(relation_rows[About.GROUP_MEMBER], bad)
    nowhere = {who for who, what in doubtful if who is not None and what is None}
    called = {group.key: group.name.value for group in groups}
    return DesiredState(
        users,
        requests[About.MEMBERSHIP].relations(bad=bad, left_out=in_doubt),
        _named_projects(mapping, read),
        replace(unknown, because=frozenset(map(_of_row, because))),
        groups,
        requests[About.GROUP_MEMBER].relations(bad=bad, left_out=in_doubt | nowhere, called=called),
        requests[About.GROUP_ACCESS].relations(bad=bad),
        projects_wanted(read.projects, bad=bad, notes=notes),
        every_project=spec.groups_missing == "remove"
        or any(one.ends_unlisted(spec) for one in RELATIONS.values() if About.GROUP in one.ends),
    )


def _contradictions(
    spec: MappingFile,
    rows_of: Mapping[str, FilledRows],
    user_rows: Mapping[str, list[UserRow]],
    notes: Notes,
) -> set[RowId]:
    """Return the rows that contradict another row of their own source about a person."""
    if spec.users is None:
        return set()
    listing = {rule.from_ for rule in spec.memberships if rule.matrix is None}
    bad: set[RowId] = set()
    for source, rows in user_rows.items():
        bad |= refuse_contradictions(
            rows,
            several_expected=source in listing,
            same_password=same_password(spec.users, rows_of[source]),
            notes=notes,
        )
    return bad


def _people_in_doubt(
    user_rows: Mapping[str, list[UserRow]], bad: Collection[RowId]
) -> frozenset[str]:
    """Return the people of whom a row of users cannot be used."""
    return frozenset(
        key
        for rows in user_rows.values()
        for key, group in by_person(rows).items()
        if any(row.id in bad for row in group)
    )


def _strangers(
    relation_rows: Mapping[About, list[RelationRow]], people: People, bad: Collection[RowId]
) -> frozenset[str]:
    """Return whom rows of relations name that cannot be used, and no row of users."""
    named = {
        person_key(holder)
        for kind in OF_USERS
        for row in relation_rows[kind]
        if row.id in bad and not row.unlisted
        for holder in row.holders
    }
    return frozenset(key for key in named if key is not None and not people.names(key))


def _unnamed(
    rows: Iterable[RelationRow], bad: Collection[RowId]
) -> frozenset[tuple[About, str | None, Origin]]:
    """Return the groups of unusable rows of which nobody can read whom they put there."""
    return frozenset(
        (row.kind, what, row.origin)
        for row in rows
        if row.id in bad
        and any(one.state is not State.GIVEN and one.origins for one in row.holders)
        for _, what in row.pairs()
    )


def _unknown(
    user_rows: Mapping[str, list[UserRow]],
    relation_rows: Mapping[About, list[RelationRow]],
    scopes: Iterable[ScopeRead],
    users: DesiredUsers,
    in_doubt: frozenset[str],
    bad: Collection[RowId],
    partial: bool,
) -> Unknown:
    pairs: dict[About, set[Pair]] = {
        kind: {*uncertain_pairs(rows, bad), *withheld_pairs(rows)}
        for kind, rows in relation_rows.items()
    }
    # Their rows of memberships count for nothing, and may be all that names a project.
    pairs[About.MEMBERSHIP].update((key, None) for key in in_doubt)
    members = relation_rows[About.MEMBERSHIP]
    named = {person_key(row.holders[0]) for row in members if row.id in bad}
    nameless = any(
        row.id in bad and row.username.state is not State.GIVEN
        for rows in user_rows.values()
        for row in rows
    ) or any(row.id in bad and row.holders[0].state is State.BAD for row in members)
    nameless = nameless or any(who is None for who, _ in pairs[About.MEMBERSHIP])
    everyone = (row for rows in user_rows.values() for row in rows)
    people = by_person(everyone) if in_doubt else {}
    ids = {key: ids_of(people[key]) for key in in_doubt if key in people}
    # Without the id that it is to have, a row might be about anybody under a new username.
    nameless = nameless or any(
        not found and any(row.stable_id is not None for row in people[key])
        for key, found in ids.items()
    )
    # A source that was not read cleanly is no evidence of anything that it lacks.
    if partial:
        nameless = True
        for open_pairs in pairs.values():
            open_pairs.add((None, None))
    # Who is in a group of the directory says nothing of who is in the directory.
    for scope in scopes:
        pairs[scope.kind].update([scope.uncertain] if scope.uncertain is not None else [])
    # Who may have lost access to any project may have lost it to each.
    pairs[About.MEMBERSHIP] = {
        (who, what)
        for who, what in pairs[About.MEMBERSHIP]
        if what is None or (who, None) not in pairs[About.MEMBERSHIP]
    }
    wanted = set(users.keys)
    unknown = in_doubt | {key for key in named if key is not None and key not in wanted}
    given = frozenset((key, text) for key, found in ids.items() for text in found)
    return Unknown.of(pairs, people=unknown, everybody=nameless, ids=given)


def _source_blockers(source: str, broken: Iterable[Finding]) -> Iterator[Blocker]:
    """Yield the blockers of a source that was not read to its end, by what was `broken`."""
    found = [Blocker("source", None, one.origin or Origin(source)) for one in broken]
    yield from found or [Blocker("source", None, Origin(source))]


def _of_row(blocker: Blocker) -> Blocker:
    """Return the blocker with the row as its place, whatever the column."""
    origin = replace(blocker.origin, column=None, position=None, cell=None, attribute=None)
    return blocker._replace(origin=origin)


def _broken(table: Table) -> list[Finding]:
    """Return the errors of reading a source that are not about a group or a row alone."""
    return [one for one in errors_in(table.findings) if one.code not in SCOPED | STRAY]


def _named_projects(mapping: LoadedMapping, read: _Read) -> tuple[Given[str], ...]:
    """Return every project that the mapping or a source names, with the first place of it."""
    first: dict[str, tuple[object, Given[str]]] = {}

    def take(given: Given[str], *, aside: bool = False) -> None:
        key, rank = case_key(given.value), (place_order(given.origins[0]), aside)
        if key not in first or rank < first[key][0]:  # type: ignore[operator]
            first[key] = rank, given

    for number, rule in enumerate(mapping.spec.memberships):
        constant = _constant_project(rule.project)
        if constant is not None:
            key = "value" if rule.project is not None and rule.project.id is None else "id"
            place = mapping.place(("memberships", number, "project", key))
            take(Given(constant, (place,)))
        for given in _matrix_projects(rule, read.tables[rule.from_]):
            take(given)
    for scope in read.scopes:
        if scope.names_project:
            take(scope.given)
    for columns in read.memberships:
        for row, project, place in columns.targets():
            take(Given(project, (place,)), aside=bool(columns.aside[row]))
    return tuple(given for _, (_, given) in sorted(first.items()))


def _constant_project(rule: ProjectRule | None) -> str | None:
    """Return the project that a rule names for all rows, or None."""
    value = rule.made_by.value if rule is not None else None
    if rule is None or value is None:
        return None
    text = scalar_text(value)
    if rule.id is None:
        return text
    number = plain_number(text)
    return None if number is None else id_text(number)


def _matrix_projects(rule: Membership, table: Table) -> list[Given[str]]:
    if rule.matrix is None:
        return []
    return [
        Given(project, (header_origin(table, column),))
        for column, project in matrix_columns(rule.matrix, table.columns).items()
    ]
