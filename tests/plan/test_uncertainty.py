"""Invalid rows are found by their lines and names, without a look at everybody's places."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kanport.frames import DesiredUsers, Relations
from kanport.model import Blocker, Unknown
from kanport.normalize import normalize
from kanport.origin import Origin, RowPlace, row_places
from kanport.plan.uncertainty import Uncertainty, relation_rows, user_rows
from kanport.relations import About
from kanport.table import Row, Table
from tests.normalize.test_normalize_reference import COLUMNS, loaded, mappings, tables
from tests.support.examples import examples
from tests.support.inputs import a_table


def in_file(line: int) -> RowPlace:
    return RowPlace("staff", "staff.csv", None, line, None)


@settings(max_examples=examples(100, 2000))
@given(rows=tables(), parts=mappings(), by_line=st.booleans(), data=st.data())
def test_who_comes_from_a_row_may_be_in_it(
    rows: list[list[str]], parts: dict[str, object], by_line: bool, data: st.DataObject
) -> None:
    table = a_table("staff", " | ".join(COLUMNS), *rows)
    if by_line:
        table = replace(table, origins=())
    desired = normalize(loaded(parts), {"staff": table}).desired
    users, memberships = DesiredUsers.of(desired.users), Relations.of(desired)
    if len(memberships):
        order = data.draw(st.permutations(range(len(memberships))))
        memberships = memberships.chosen(np.array(order, dtype=np.intp))
    bad = data.draw(st.sets(st.integers(2, len(rows) + 1).map(in_file)))
    for flags, named in (
        (users.maybe_in(bad), [user_rows(user) for user in users]),
        (memberships.maybe_in(bad), [relation_rows(one) for one in memberships]),
    ):
        assert len(flags) == len(named)
        assert all(flag or bad.isdisjoint(own) for flag, own in zip(flags, named, strict=True))
    assert not users.maybe_in(set()).any()
    assert not memberships.maybe_in(set()).any()


def test_only_who_comes_from_a_row_needs_a_look() -> None:
    rows = [[f"user{at}", "Ada", "", "", "WEB", ""] for at in range(5)]
    users = {"from": "staff", "fields": {"username": {"from": "Login"}}}
    table = a_table("staff", " | ".join(COLUMNS), *rows)
    for one in (table, replace(table, origins=())):
        desired = normalize(loaded({"users": users}), {"staff": one}).desired
        flags = DesiredUsers.of(desired.users).maybe_in({in_file(4)})
        assert flags.tolist() == [False, False, True, False, False]


def test_of_a_directory_the_entry_and_the_group_count() -> None:
    place = Origin("team")
    groups = [{"cn": {"attribute": "cn", "dn": f"cn={name}"}} for name in ("one", "two")]
    rows = [
        Row(place.at(dn="uid=ada"), {"uid": "ada", "cn": "one"}, groups[0]),
        Row(place.at(dn="uid=bob"), {"uid": "bob", "cn": "two"}, groups[1]),
        Row(place.at(dn="uid=eve"), {"uid": "eve", "cn": "two"}, groups[1]),
    ]
    table = Table.of_rows("team", "ldap", "", ("uid", "cn"), rows)
    for dn, wanted in (
        ("uid=bob", [False, True, False]),
        ("cn=one", [True, False, False]),
        ("cn=two", [False, True, True]),
        ("cn=else", [False, False, False]),
    ):
        (bad,) = row_places([place.at(dn=dn)])
        assert table.maybe_in({bad}).tolist() == wanted, dn


def test_a_membership_in_doubt_of_an_old_name_keeps_its_cause_under_the_new_one() -> None:
    row = Blocker("row", "ann", Origin("people", row=3), About.MEMBERSHIP, "alpha")
    unknown = Unknown(memberships=frozenset({("ann", "alpha")}), because=frozenset({row}))
    found = Uncertainty.of(unknown).with_other_names([("ann", "annika")])
    assert found.is_open(About.MEMBERSHIP, ["annika"], {"alpha"})
    assert found.because == {row, row._replace(who="annika")}
