"""FilledRows and mapping in, the desired state with all findings out."""

import itertools
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from kanport.findings import Finding, errors_in
from kanport.frames import DesiredUsers
from kanport.mapping import LoadedMapping
from kanport.mapping.spec import MappingFile, Membership, ProjectRule
from kanport.model import DesiredState, Given, Pair, Unknown
from kanport.names import id_text, plain_number, spelling_key
from kanport.normalize.blockers import of_row, row_blockers, scope_blockers, source_blockers
from kanport.normalize.bound import scalar_text
from kanport.normalize.columns import header_origin, matrix_columns, refuse_missing
from kanport.normalize.entries import Entries, Judge, insiders, refuse_entries
from kanport.normalize.grants import Requests, open_pairs, refuse_conflicts, withheld_pairs
from kanport.normalize.group_access import (
    access_wanted,
    read_group_access,
    refuse_differing_access,
)
from kanport.normalize.groups import groups_wanted, read_groups, refuse_differing
from kanport.normalize.identity import ids_of, refuse_identities
from kanport.normalize.memberships import (
    CustomRoles,
    ScopesRead,
    read_members,
    read_scopes,
)
from kanport.normalize.notes import Notes
from kanport.normalize.passwords import same_password
from kanport.normalize.people import People, by_person, refuse_contradictions
from kanport.normalize.projects import projects_wanted, read_projects
from kanport.normalize.rows import FilledRows, MemberRow, RowId, UserRow, contexts
from kanport.normalize.ruled import Numbers
from kanport.normalize.strays import read_strays
from kanport.normalize.unread import nameless_aside, unread_people
from kanport.normalize.users import person_key, read_users
from kanport.normalize.value import State
from kanport.table import Table

SCOPED = frozenset({"group-missing", "group-ambiguous"})
"""Errors of a source that leave open one group, whose scope says so, and nothing else."""

STRAY = frozenset({"row-header", "row-total"})
"""Errors of a source about rows that are none of the list (`Table.strays`)."""


class Normalized(NamedTuple):
    """What the sources want, and everything there is to know about their rows."""

    desired: DesiredState
    findings: list[Finding]


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
    spec = mapping.spec
    notes = Notes()
    bad: set[RowId] = set()
    shared = contexts(spec)
    tables = nameless_aside(spec, tables, shared, notes)
    rows_of = {source: FilledRows(table) for source, table in tables.items()}
    numbers = Numbers()
    user_columns = [
        read_users(spec.users, rows_of[source], shared[source], notes, bad)
        for source in (spec.users.sources if spec.users is not None else ())
        if spec.users is not None
    ]
    people = People(spec.users, user_columns, numbers)
    custom = _custom_roles(spec)
    judge = Judge(lambda: Entries(people.entries(), listed=spec.users is not None), notes)
    member_columns = []
    for rule in spec.memberships:
        rows, context = rows_of[rule.from_], shared[rule.from_]
        columns = read_members(rule, rows, context, custom, notes, bad)
        judge.members(columns, insiders(rule.username, rows.table, context))
        member_columns.append(columns)
    requests = Requests(member_columns, numbers)
    scopes = [
        read_scopes(rule, tables[rule.from_], shared[rule.from_], notes)
        for rule in spec.memberships
    ]
    groups_read = read_groups(mapping, tables, shared, judge.of_groups, notes, bad)
    judge.tell()
    access_read = read_group_access(mapping, tables, shared, custom, notes, bad)
    project_rows = read_projects(spec, tables, shared, notes, bad)
    bad |= refuse_differing(groups_read, notes) | refuse_differing_access(access_read, notes)
    user_rows = people.rows()
    bad |= _contradictions(spec, rows_of, user_rows, notes)
    bad |= refuse_conflicts((row for row in requests.rows() if not row.withheld), notes)
    by_key = by_person(itertools.chain(*user_rows.values()))
    bad |= refuse_entries(by_key, bad, notes)
    if spec.users is not None and spec.users.id is not None:
        bad |= refuse_identities(by_key, notes)

    # From here on nothing more becomes bad, so that it is known which rows need a look.
    user_rows, member_rows = people.rows(bad), requests.rows(bad)
    strays = read_strays(spec, tables, shared)
    in_doubt = _people_in_doubt(user_rows, bad)
    in_doubt |= {key for key in strays.people if not people.names(key)}
    users = people.wanted(in_doubt, itertools.chain(*user_rows.values()), notes)
    partial = any(table.partial or bool(_broken(table)) for table in tables.values())
    groups = groups_wanted(groups_read, bad=bad, in_doubt=in_doubt, partial=partial)
    group_access, access_open = access_wanted(access_read, bad=bad, partial=partial)
    unknown = _unknown(user_rows, member_rows, scopes, users, in_doubt, bad, partial=partial)
    unread = unread_people(spec, tables, shared)
    unknown = replace(
        unknown,
        everybody=unknown.everybody or strays.everybody,
        memberships=unknown.memberships | unread.memberships | strays.memberships,
        ids=unknown.ids | unread.ids | strays.ids,
        hidden=frozenset(unread.hidden),
        nameless=frozenset(unread.nameless),
        because=frozenset(
            map(
                of_row,
                (
                    *row_blockers(user_rows, member_rows, groups_read, access_read, bad),
                    *scope_blockers(scopes),
                    *(
                        blocker
                        for name, table in tables.items()
                        if table.partial or _broken(table)
                        for blocker in source_blockers(name, _broken(table))
                    ),
                    *strays.because,
                    *unread.because,
                ),
            )
        ),
    )
    desired = DesiredState(
        users,
        requests.memberships(bad=bad, unknown=in_doubt),
        requests.projects_named(
            [
                *_constant_projects(mapping, tables),
                *(given for scope in scopes for given in scope.named),
            ],
        ),
        replace(
            unknown,
            group_members=groups.open | unread.group_members | strays.group_members,
            group_access=access_open | strays.group_access,
        ),
        groups.groups,
        groups.members,
        group_access,
        projects_wanted(project_rows, bad=bad, notes=notes),
        every_project="remove" in (spec.groups_missing, spec.group_members_missing)
        or spec.group_access_missing == "revoke",
    )
    return Normalized(desired, notes.findings())


def _custom_roles(spec: MappingFile) -> CustomRoles:
    return {spelling_key(project): frozenset(roles) for project, roles in spec.custom_roles.items()}


def _contradictions(
    spec: MappingFile,
    rows_of: Mapping[str, FilledRows],
    user_rows: Mapping[str, list[UserRow]],
    notes: Notes,
) -> set[RowId]:
    """Give the rows that contradict another row of their own source about a person."""
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
    """Give the people of whom a row of users cannot be used."""
    return frozenset(
        key
        for rows in user_rows.values()
        for key, group in by_person(rows).items()
        if any(row.id in bad for row in group)
    )


def _unknown(
    user_rows: Mapping[str, list[UserRow]],
    member_rows: list[MemberRow],
    scopes: list[ScopesRead],
    users: DesiredUsers,
    in_doubt: frozenset[str],
    bad: Collection[RowId],
    *,
    partial: bool,
) -> Unknown:
    pairs: set[Pair] = {*open_pairs(member_rows, bad), *withheld_pairs(member_rows)}
    pairs.update((key, None) for key in in_doubt)
    named = {person_key(row.username) for row in member_rows if row.id in bad}
    nameless = any(
        row.id in bad and row.username.state is not State.GIVEN
        for rows in user_rows.values()
        for row in rows
    ) or any(row.id in bad and row.username.state is State.BAD for row in member_rows)
    nameless = nameless or any(who is None for who, _ in pairs)
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
        pairs.add((None, None))
    # Who is in a group of the directory says nothing of who is in the directory.
    pairs.update((None, project) for scope in scopes for project in scope.open)
    # Who may have lost access to any project may have lost it to each.
    pairs = {(who, what) for who, what in pairs if what is None or (who, None) not in pairs}
    wanted = set(users.keys)
    unknown = in_doubt | {key for key in named if key is not None and key not in wanted}
    given = frozenset((key, text) for key, found in ids.items() for text in found)
    return Unknown(unknown, nameless, frozenset(pairs), given)


def _broken(table: Table) -> list[Finding]:
    """Return the errors of reading a source that are not about a group or a row alone."""
    return [one for one in errors_in(table.findings) if one.code not in SCOPED | STRAY]


def _constant_projects(mapping: LoadedMapping, tables: Mapping[str, Table]) -> list[Given[str]]:
    """Give the projects that the mapping itself names, so that they count even without a row."""
    found = []
    for number, rule in enumerate(mapping.spec.memberships):
        constant = _constant_project(rule.project)
        if constant is not None:
            key = "value" if rule.project is not None and rule.project.id is None else "id"
            place = mapping.place(("memberships", number, "project", key))
            found.append(Given(constant, (place,)))
        found += _matrix_projects(rule, tables[rule.from_])
    return found


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
