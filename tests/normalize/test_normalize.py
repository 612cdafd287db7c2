"""What holds for any rows: their order is nothing, and an unreadable one is no absence."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kanport.facts import fact
from kanport.findings import Finding
from kanport.names import compare_key
from kanport.normalize import Normalized
from kanport.origin import Origin
from kanport.relations import About
from kanport.table import Odd, Table
from tests.support.inputs import Cell, a_table, mapping_of, normalize_tables

MAPPING = mapping_of(
    """
    sources:
      hr: {type: csv, path: hr.csv}
      it: {type: csv, path: it.csv}
      grants: {type: csv, path: grants.csv}
      access: {type: csv, path: access.csv}
    users:
      from: [hr, it]
      fields:
        username: {from: Login, transform: [trim]}
        name: {template: "{First} {Last}"}
        email: {from: Mail, precedence: [it, hr]}
        role: {from: Role, values: {u: app-user, a: app-admin}, default: app-user}
        active: {from: {hr: Active}}
    memberships:
      - from: grants
        username: {from: Login}
        project: {from: Project, split: ";"}
        role: {from: Access, values: {R: project-viewer, W: project-member}}
      - from: access
        username: {from: Login}
        matrix: {columns: [ALPHA, BETA], values: {R: project-viewer, W: project-member}}
    """
)

ODD = Odd(fact("cell-error", error="#N/A"), "#N/A")
logins: st.SearchStrategy[Cell] = st.sampled_from(
    ["ada", "Ada", "bob", "cy", "jörg", "jorg", "", "x" * 192, ODD]
)
names: st.SearchStrategy[Cell] = st.sampled_from(["", "Ada", "Bob", "<clear>", "bad\nname", ODD])
mails: st.SearchStrategy[Cell] = st.sampled_from(
    ["", "a@example.org", "b@example.org", "nope", "<clear>"]
)
roles: st.SearchStrategy[Cell] = st.sampled_from(["", "u", "a", "?"])
words: st.SearchStrategy[Cell] = st.sampled_from(["", "yes", "no", "perhaps"])
access: st.SearchStrategy[Cell] = st.sampled_from(["", "R", "W", "w", "?", ODD])
project: st.SearchStrategy[Cell] = st.sampled_from(
    ["", "ALPHA", "Alpha", "BETA", "ALPHA;BETA", ODD]
)


def rows(*cells: st.SearchStrategy[Cell]) -> st.SearchStrategy[list[list[Cell]]]:
    return st.lists(st.tuples(*cells).map(list), max_size=6)


tables = st.builds(
    lambda hr, it, grants, access: (
        a_table("hr", "Login|First|Last|Mail|Active", *hr),
        a_table("it", "Login|Mail|Role", *it),
        a_table("grants", "Login|Project|Access", *grants),
        a_table("access", "Login|ALPHA|BETA", *access),
    ),
    rows(logins, names, names, mails, words),
    rows(logins, mails, roles),
    rows(logins, project, access),
    rows(logins, access, access),
)


def renumbered(table: Table, order: Sequence[int]) -> Table:
    moved = [
        replace(table.rows[old], origin=table.rows[new].origin) for new, old in enumerate(order)
    ]
    return table.with_rows(moved)


def without_places(found: Normalized) -> object:
    desired = found.desired
    users = [
        tuple(
            given and given.value
            for given in (user.username, user.name, user.email, user.role, user.active)
        )
        for user in desired.users
    ]
    memberships = [(membership.key, membership.role.value) for membership in desired.memberships]
    projects = [compare_key(given.value) for given in desired.projects_named]
    codes = sorted(finding.code for finding in found.findings)
    return users, memberships, projects, desired.unknown, codes


@given(tables, st.data())
def test_the_order_in_which_rows_come_changes_nothing(
    given_tables: tuple[Table, ...], data: st.DataObject
) -> None:
    shuffled = [table.with_rows(data.draw(st.permutations(table.rows))) for table in given_tables]
    assert normalize_tables(MAPPING, *given_tables) == normalize_tables(MAPPING, *shuffled)


@given(tables, st.data())
def test_the_lines_on_which_rows_stand_change_only_places(
    given_tables: tuple[Table, ...], data: st.DataObject
) -> None:
    moved = [
        renumbered(table, data.draw(st.permutations(range(len(table.rows)))))
        for table in given_tables
    ]
    assert without_places(normalize_tables(MAPPING, *given_tables)) == without_places(
        normalize_tables(MAPPING, *moved)
    )


@given(tables)
def test_whoever_a_row_of_users_names_is_wanted_or_unknown_never_missing(
    given_tables: tuple[Table, ...],
) -> None:
    desired = normalize_tables(MAPPING, *given_tables).desired
    wanted = {user.key for user in desired.users}
    for table in given_tables[:2]:
        for row in table.rows:
            login = row.values["Login"]
            assert isinstance(login, str)
            key = compare_key(login)
            readable = "Login" not in row.odd
            if readable and login:
                assert key in wanted or desired.unknown.person(key)
            if any(row.values.values()) and (not readable or not login):
                assert desired.unknown.everybody


@given(tables)
def test_whatever_access_a_row_speaks_of_is_wanted_or_unknown(
    given_tables: tuple[Table, ...],
) -> None:
    desired = normalize_tables(MAPPING, *given_tables).desired
    wanted = {membership.key for membership in desired.memberships}
    for row in given_tables[2].rows:
        if "Login" in row.odd or not row.values["Login"]:
            continue
        cell = row.values["Project"]
        assert isinstance(cell, str) and isinstance(row.values["Login"], str)
        who = compare_key(row.values["Login"])
        for name in filter(None, cell.split(";")):
            what = compare_key(name)
            if "Project" not in row.odd:
                assert (who, what) in wanted or desired.unknown.is_open(
                    About.MEMBERSHIP, {who}, {what}
                )
            else:
                assert desired.unknown.is_open(About.MEMBERSHIP, {who}, {"anything"})


@given(tables)
def test_nothing_is_both_wanted_and_unknown(given_tables: tuple[Table, ...]) -> None:
    desired = normalize_tables(MAPPING, *given_tables).desired
    assert desired.unknown.people.isdisjoint(user.key for user in desired.users)
    assert desired.unknown.memberships.isdisjoint(
        membership.key for membership in desired.memberships
    )


@given(tables, st.data())
def test_spoiling_a_row_never_makes_anybody_gone(
    given_tables: tuple[Table, ...], data: st.DataObject
) -> None:
    """A cell that becomes unreadable takes nobody and no access out of wanted or unknown."""
    before = normalize_tables(MAPPING, *given_tables).desired
    number = data.draw(st.integers(0, 3))
    table = given_tables[number]
    if not table.rows:
        return
    index = data.draw(st.integers(0, len(table.rows) - 1))
    column = data.draw(st.sampled_from(table.columns))
    row = table.rows[index]
    spoiled = replace(row, odd={**row.odd, column: ODD}, values={**row.values, column: "#N/A"})
    changed = table.with_rows((*table.rows[:index], spoiled, *table.rows[index + 1 :]))
    others = [changed if other is table else other for other in given_tables]
    after = normalize_tables(MAPPING, *others).desired
    still = {user.key for user in after.users}
    for user in before.users:
        assert user.key in still or after.unknown.person(user.key)
    kept = {membership.key for membership in after.memberships}
    for membership in before.memberships:
        who, what = membership.key
        assert (who, what) in kept or after.unknown.is_open(About.MEMBERSHIP, {who}, {what})


def test_a_file_that_was_not_read_cleanly_is_no_evidence_of_absence() -> None:
    broken = Finding("row-ragged", "a row has too few fields", Origin("hr", file="hr.csv", row=3))
    hr = replace(a_table("hr", "Login|First|Last|Mail|Active", "ada||||"), findings=(broken,))
    desired = normalize_tables(
        MAPPING,
        hr,
        a_table("it", "Login|Mail|Role"),
        a_table("grants", "Login|Project|Access"),
        a_table("access", "Login|ALPHA|BETA"),
    ).desired
    assert desired.unknown.person("whoever")
    assert desired.unknown.is_open(About.MEMBERSHIP, {"whoever"}, {"whatever"})
    assert [user.key for user in desired.users] == ["ada"]
