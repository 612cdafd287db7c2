"""Stable ids as rows give them: one for each person, and nobody else's."""

from kanport.facts import fact
from kanport.table import Odd
from tests.support.inputs import Cell, a_table, codes_and_places, normalize_tables

STAFF = """
    ledger: people.ledger
    sources:
      staff: {type: csv, path: staff.csv}
    users:
      from: staff
      id: {from: Number, transform: [lower]}
      fields:
        username: {from: Login}
        email: {from: Mail}
"""
TWO = """
    ledger: people.ledger
    sources:
      staff: {type: csv, path: staff.csv}
      phones: {type: csv, path: phones.csv}
    users:
      from: [staff, phones]
      id: {from: {staff: Number}}
      fields:
        username: {from: Login}
"""
BOTH = TWO.replace("{from: {staff: Number}}", "{from: Number}")
HEADER = "Number | Login | Mail"


def staff(*lines: list[Cell] | str) -> list[tuple[str, str]]:
    return codes_and_places(normalize_tables(STAFF, a_table("staff", HEADER, *lines)))


def test_an_id_is_shaped_as_its_rule_says_and_knows_its_place() -> None:
    (ada,) = normalize_tables(STAFF, a_table("staff", HEADER, " A17 | ada | ")).desired.users
    assert ada.stable_id is not None
    assert ada.stable_id.value == "a17"
    assert [str(place) for place in ada.stable_id.origins] == ["staff.csv:2:1"]


def test_one_id_for_two_people_makes_both_unknown() -> None:
    found = normalize_tables(
        STAFF, a_table("staff", HEADER, "7 | ada | ", "7 | ada.king | ", "8 | bob | ")
    )
    assert codes_and_places(found) == [("id-shared", "staff.csv:2:1")]
    assert [user.username.value for user in found.desired.users] == ["bob"]
    assert found.desired.unknown.people == {"ada", "ada.king"}
    assert found.desired.unknown.ids == {("ada", "7"), ("ada.king", "7")}
    assert not found.desired.unknown.everybody


def test_two_ids_for_one_person_make_them_unknown() -> None:
    found = normalize_tables(STAFF, a_table("staff", HEADER, "7 | ada | ", "8 | ada | "))
    assert codes_and_places(found)[0] == ("id-differs", "staff.csv:2:1")
    assert found.desired.users == ()
    assert found.desired.unknown.ids == {("ada", "7"), ("ada", "8")}


def test_two_ids_of_two_sources_are_no_matter_of_precedence() -> None:
    found = normalize_tables(
        BOTH,
        a_table("staff", "Number | Login", "7 | ada"),
        a_table("phones", "Number | Login", "8 | ada"),
    )
    assert codes_and_places(found) == [("id-differs", "phones.csv:2:1")]
    assert found.desired.users == ()


def test_one_source_is_enough_to_give_the_id() -> None:
    for phones in (
        a_table("phones", "Login", "ada"),
        a_table("phones", "Number | Login", " | ada"),
    ):
        found = normalize_tables(BOTH, a_table("staff", "Number | Login", "7 | ada"), phones)
        assert codes_and_places(found) == []
        (ada,) = found.desired.users
        assert ada.stable_id is not None and ada.stable_id.value == "7"


def test_people_of_a_source_without_ids_have_none() -> None:
    found = normalize_tables(
        TWO,
        a_table("staff", "Number | Login", "7 | ada"),
        a_table("phones", "Login", "ext-bob"),
    )
    assert codes_and_places(found) == []
    assert [user.stable_id and user.stable_id.value for user in found.desired.users] == ["7", None]


def test_without_the_id_that_it_is_to_have_a_row_may_be_about_anybody() -> None:
    for cell in ("", Odd(fact("cell-error", error="#N/A"))):
        found = normalize_tables(STAFF, a_table("staff", HEADER, [cell, "ada", ""]))
        assert found.desired.users == ()
        assert found.desired.unknown.people == {"ada"}
        assert found.desired.unknown.everybody
    assert staff(" | ada | ") == [("value-required", "staff.csv:2:1")]


def test_an_id_cannot_be_cleared() -> None:
    assert staff("<clear> | ada | ") == [("value-not-clearable", "staff.csv:2:1")]


def test_a_row_that_cannot_be_used_still_says_whose_it_is() -> None:
    found = normalize_tables(STAFF, a_table("staff", HEADER, "7 | ada | not an address"))
    assert found.desired.unknown.ids == {("ada", "7")}
    assert not found.desired.unknown.everybody


def test_a_number_in_a_cell_is_as_good_an_id_as_any() -> None:
    odd = Odd(fact("cell-number"), "17")
    assert staff([odd, "ada", ""]) == []


def test_a_source_of_nothing_but_ids_has_ids() -> None:
    mapping = """
        ledger: people.ledger
        sources:
          staff: {type: csv, path: staff.csv}
        users:
          from: staff
          id: {from: Login}
          fields:
            username: {from: Login}
    """
    (user,) = normalize_tables(mapping, a_table("staff", "Login", "ada")).desired.users
    assert user.stable_id is not None and user.stable_id.value == "ada"


def test_a_source_of_nothing_but_usernames_may_give_another_field_of_them() -> None:
    mapping = """
        sources:
          staff: {type: csv, path: staff.csv}
        users:
          from: staff
          fields:
            username: {from: Login}
            email: {template: "{Login}@x.org"}
    """
    (user,) = normalize_tables(mapping, a_table("staff", "Login", "ada")).desired.users
    assert user.email is not None and user.email.value == "ada@x.org"
