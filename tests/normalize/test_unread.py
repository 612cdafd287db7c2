"""What is unknown because a directory does not show an entry."""

from dataclasses import replace

from kanport.origin import Origin
from kanport.table import Row, Table, Unread
from tests.support.inputs import normalize_tables

MAPPING = """
    ledger: a.ledger
    sources: {staff: {type: csv, path: staff.csv}}
    users: {from: staff, id: {from: Id}, fields: {username: {from: Login}}}
"""


def test_the_stable_id_of_an_entry_that_is_hidden_is_kept_with_its_username() -> None:
    row = Row(Origin("staff", dn="uid=ada"), {"Login": "Ada", "Id": "7"})
    table = replace(Table.of_rows("staff", "ldap", "", ("Login", "Id"), []), unread=(Unread(row),))
    assert normalize_tables(MAPPING, table).desired.unknown.ids == {("ada", "7")}
