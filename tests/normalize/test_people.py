"""People: rows that repeat or contradict each other, several sources, passwords."""

import pytest
from pydantic import SecretStr

from kanport.facts import fact
from kanport.messages import MASK
from kanport.model import DesiredUser, Given, PasswordCell, RandomPassword
from kanport.normalize import Normalized, read_passwords
from kanport.relations import About
from kanport.table import Odd
from tests.support.inputs import PEOPLE, a_table, codes_and_places, mapping_of, normalize_tables

HEADER = "Login|Name|Mail|Role|Active"

TWO = """
    sources:
      hr: {type: csv, path: hr.csv}
      it: {type: csv, path: it.csv}
    users:
      from: [hr, it]
      fields:
        username: {from: Login}
        name: {from: Name}
        email: {from: {it: Mail}, precedence: [it]}
        role: {from: Role, precedence: [it], default: app-user}
"""


def user(found: Normalized, key: str = "ada") -> DesiredUser:
    return next(user for user in found.desired.users if user.key == key)


def text(given: Given[str] | None) -> str | None:
    return None if given is None else given.value


# --- one source -----------------------------------------------------------------------------------


def test_rows_that_say_the_same_of_somebody_are_one() -> None:
    found = normalize_tables(PEOPLE, a_table("staff", HEADER, "ada|Ada|||ja", "ada|Ada|a@b.c||yes"))
    assert codes_and_places(found) == [("user-repeated", "staff.csv:2:1")]
    assert text(user(found).email) == "a@b.c"
    assert [str(place) for place in user(found).rows] == ["staff.csv:2", "staff.csv:3"]
    assert not found.desired.unknown.people


def test_rows_that_say_different_things_of_somebody_leave_them_unknown() -> None:
    found = normalize_tables(
        PEOPLE, a_table("staff", HEADER, "ada|Ada|||", "ada|Eda|||no", "bob||||")
    )
    [finding] = found.findings
    assert (finding.code, str(finding.origin)) == ("user-duplicate", "staff.csv:2:1")
    assert [str(place) for place in finding.related] == ["staff.csv:3:1"]
    assert dict(finding.params)["fields"] == ("name",)
    assert [user.key for user in found.desired.users] == ["bob"]
    assert found.desired.unknown.people == {"ada"}


@pytest.mark.parametrize("other", ["Ada", "Áda", "ADA"])
def test_spellings_that_one_database_takes_for_the_same_clash(other: str) -> None:
    found = normalize_tables(PEOPLE, a_table("staff", HEADER, "ada||||", f"{other}||||"))
    assert codes_and_places(found) == [("user-clash", "staff.csv:2:1")]
    assert found.desired.users == ()
    assert found.desired.unknown.people == {"ada"}


def test_a_list_with_a_row_for_each_membership_may_repeat_people() -> None:
    found = normalize_tables(
        """
        sources:
          list: {type: csv, path: list.csv}
        users:
          from: list
          fields: {username: {from: L}, name: {from: N}}
        memberships:
          - {from: list, username: {from: L}, project: {from: P}, role: project-member}
        """,
        a_table("list", "L|N|P", "ada|Ada|ALPHA", "ada||BETA", "bob|Bob|"),
    )
    assert found.findings == []
    assert [user.key for user in found.desired.users] == ["ada", "bob"]
    assert len(found.desired.memberships) == 2


def test_an_error_anywhere_in_a_row_makes_the_row_unusable_for_everything() -> None:
    mapping = """
        sources:
          list: {type: csv, path: list.csv}
        users:
          from: list
          fields: {username: {from: L}, email: {from: M}}
        memberships:
          - {from: list, username: {from: L}, project: {from: P}, role: {from: R}}
    """
    found = normalize_tables(
        mapping,
        a_table(
            "list",
            "L|M|P|R",
            "ada|nope|ALPHA|project-member",
            "bob|b@example.org|ALPHA|boss",
            "cy|c@example.org|ALPHA|project-member",
        ),
    )
    assert codes_and_places(found) == [
        ("email-invalid", "list.csv:2:2"),
        ("role-unknown", "list.csv:3:4"),
    ]
    assert [user.key for user in found.desired.users] == ["cy"]
    assert [membership.key for membership in found.desired.memberships] == [("cy", "alpha")]
    assert found.desired.unknown.people == {"ada", "bob"}
    assert found.desired.unknown.is_open(About.MEMBERSHIP, {"ada"}, {"alpha"})
    assert not found.desired.unknown.everybody


def test_an_account_in_doubt_gains_nothing_and_loses_nothing() -> None:
    mapping = """
        sources:
          staff: {type: csv, path: staff.csv}
          grants: {type: csv, path: grants.csv}
        users:
          from: staff
          fields: {username: {from: L}, active: {from: A}}
        memberships:
          - {from: grants, username: {from: L}, project: {from: P}, role: project-member}
    """
    found = normalize_tables(
        mapping,
        a_table("staff", "L|A", "ada|gone?", "bob|yes"),
        a_table("grants", "L|P", "Ada|ALPHA", "bob|ALPHA"),
    )
    assert [membership.key for membership in found.desired.memberships] == [("bob", "alpha")]
    assert found.desired.unknown.is_open(About.MEMBERSHIP, {"ada"}, {"whatever"})
    assert [project.value for project in found.desired.projects_named] == ["ALPHA"]


def test_a_bad_row_of_memberships_does_not_cast_doubt_on_the_person() -> None:
    mapping = """
        sources:
          staff: {type: csv, path: staff.csv}
          grants: {type: csv, path: grants.csv}
        users:
          from: staff
          fields: {username: {from: L}}
        memberships:
          - {from: grants, username: {from: L}, project: {from: P}, role: {from: R}}
    """
    found = normalize_tables(
        mapping,
        a_table("staff", "L", "ada"),
        a_table("grants", "L|P|R", "ada|ALPHA|boss", "ada|BETA|project-member", "eve|ALPHA|boss"),
    )
    assert [user.key for user in found.desired.users] == ["ada"]
    assert [membership.key for membership in found.desired.memberships] == [("ada", "beta")]
    # Nobody says that eve is gone: a row names her, although it cannot be used.
    assert found.desired.unknown.people == {"eve"}
    assert found.desired.unknown.memberships == {("ada", "alpha"), ("eve", "alpha")}


# --- several sources ------------------------------------------------------------------------------


def test_sources_are_put_together_by_person() -> None:
    found = normalize_tables(
        TWO,
        a_table("hr", "Login|Name", "ada|Ada Lovelace", "bob|Bob"),
        a_table("it", "Login|Mail|Role", "ada|ada@example.org|app-admin", "cy||"),
    )
    assert found.findings == []
    assert [user.key for user in found.desired.users] == ["ada", "bob", "cy"]
    ada = user(found)
    assert (text(ada.name), text(ada.email), text(ada.role)) == (
        "Ada Lovelace",
        "ada@example.org",
        "app-admin",
    )
    assert [str(place) for place in ada.rows] == ["hr.csv:2", "it.csv:2"]
    assert text(user(found, "cy").role) == "app-user"
    # The column of hr's roles does not exist, so nothing is said of bob's.
    assert user(found, "bob").role is None


def test_where_sources_differ_precedence_decides_field_by_field_and_it_is_told() -> None:
    found = normalize_tables(
        TWO,
        a_table("hr", "Login|Name|Role", "ada|Ada Lovelace|app-user"),
        a_table("it", "Login|Name|Mail|Role", "ada|A. Lovelace||app-manager"),
    )
    assert (text(user(found).name), text(user(found).role)) == ("Ada Lovelace", "app-manager")
    assert codes_and_places(found) == [
        ("sources-conflict", "hr.csv:2:2"),
        ("sources-conflict", "it.csv:2:4"),
    ]
    assert [str(place) for place in found.findings[0].related] == ["it.csv:2:2"]


def test_an_empty_cell_of_the_first_source_lets_the_second_speak_before_the_default() -> None:
    found = normalize_tables(
        TWO,
        a_table("hr", "Login|Name|Role", "ada||app-manager"),
        a_table("it", "Login|Name|Mail|Role", "ada|Ada||"),
    )
    assert (text(user(found).name), text(user(found).role)) == ("Ada", "app-manager")
    assert found.findings == []


def test_a_default_for_an_unknown_word_gives_way_to_what_another_source_says() -> None:
    mapping = TWO.replace(
        "role: {from: Role, precedence: [it], default: app-user}",
        "role: {from: Role, values: {m: app-manager}, default: app-user}",
    )
    found = normalize_tables(
        mapping,
        a_table("hr", "Login|Name|Role", "ada||?"),
        a_table("it", "Login|Mail|Role", "ada||m"),
    )
    assert text(user(found).role) == "app-manager"
    assert codes_and_places(found) == [("value-took-default", "hr.csv:2:3")]


def test_a_value_that_sources_agree_on_knows_all_its_places() -> None:
    found = normalize_tables(
        TWO,
        a_table("hr", "Login|Name", "ada|Ada"),
        a_table("it", "Login|Name|Mail|Role", "ada|Ada||"),
    )
    assert found.findings == []
    name = user(found).name
    assert name is not None
    assert [str(place) for place in name.origins] == ["hr.csv:2:2", "it.csv:2:2"]


def test_clearing_wins_like_any_value() -> None:
    found = normalize_tables(
        TWO,
        a_table("hr", "Login|Name", "ada|<clear>"),
        a_table("it", "Login|Name|Mail|Role", "ada|Ada||"),
    )
    assert text(user(found).name) == ""
    assert codes_and_places(found) == [("sources-conflict", "hr.csv:2:2")]


def test_a_bad_row_in_one_source_makes_the_person_unknown_in_all() -> None:
    found = normalize_tables(
        TWO,
        a_table("hr", "Login|Name", "ada|Ada"),
        a_table("it", "Login|Mail|Role", "ADA|nope|"),
    )
    assert found.desired.users == ()
    assert found.desired.unknown.people == {"ada"}


def test_sources_may_spell_a_username_differently_and_the_first_wins() -> None:
    found = normalize_tables(
        TWO,
        a_table("hr", "Login|Name", "Ada|"),
        a_table("it", "Login|Mail|Role", "ada||app-user"),
    )
    assert user(found).username.value == "Ada"
    assert codes_and_places(found) == [("sources-conflict", "hr.csv:2:1")]


# --- passwords ------------------------------------------------------------------------------------

WITH_PASSWORD = """
    sources:
      staff: {type: csv, path: staff.csv}
    users:
      from: staff
      fields: {username: {from: L}}
      password: {from: Secret}
"""


def test_a_password_stays_in_its_cell_until_it_is_asked_for() -> None:
    mapping = mapping_of(WITH_PASSWORD)
    table = a_table("staff", "L|Secret", ["ada", " hunter22 "], ["bob", ""], ["cy", "opensesame"])
    found = normalize_tables(mapping, table)
    assert user(found).password == PasswordCell(table.rows[0].place("Secret"))
    assert user(found, "bob").password == RandomPassword()
    assert codes_and_places(found) == [("password-empty", "staff.csv:3:2")]
    assert "hunter22" not in repr(found)
    passwords = read_passwords(mapping, {"staff": table}, ["ADA", "bob"])
    assert passwords == {"ada": SecretStr(" hunter22 ")}


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("hunt2", "password-too-short"),
        ("ä" * 37, "password-too-long"),
        ("hunter\0two", "password-invalid"),
        (" <clear>", "value-not-clearable"),
        (Odd(fact("cell-error", case="secret")), "cell-error"),
    ],
)
def test_an_unusable_password_is_told_without_showing_it(password: str | Odd, code: str) -> None:
    mapping = mapping_of(WITH_PASSWORD)
    table = a_table("staff", "L|Secret", ["ada", password])
    found = normalize_tables(mapping, table)
    [finding] = found.findings
    assert (finding.code, str(finding.origin)) == (code, "staff.csv:2:2")
    assert finding.value in (None, MASK)
    if isinstance(password, str):
        assert password not in repr(found)
    assert found.desired.unknown.people == {"ada"}
    assert read_passwords(mapping, {"staff": table}, ["ada"]) == {}


def test_two_rows_with_different_passwords_contradict_each_other() -> None:
    table = a_table("staff", "L|Secret", ["ada", "hunter22"], ["ada", "hunter23"])
    found = normalize_tables(WITH_PASSWORD, table)
    assert codes_and_places(found) == [("user-duplicate", "staff.csv:2:1")]
    assert "hunter" not in repr(found)


def test_a_row_without_password_contradicts_none() -> None:
    table = a_table("staff", "L|Secret", ["ada", "hunter22"], ["ada", ""], ["ada", "hunter22"])
    found = normalize_tables(WITH_PASSWORD, table)
    assert codes_and_places(found) == [
        ("user-repeated", "staff.csv:2:1"),
        ("password-empty", "staff.csv:3:2"),
    ]
    assert user(found).password == PasswordCell(table.rows[0].place("Secret"))


def test_a_number_is_a_password_like_any_text() -> None:
    odd = Odd(fact("cell-number"), "12345678")
    found = normalize_tables(WITH_PASSWORD, a_table("staff", "L|Secret", ["ada", odd]))
    assert found.findings == []
    assert isinstance(user(found).password, PasswordCell)


def test_the_first_source_with_a_password_wins() -> None:
    mapping = mapping_of(
        """
        sources:
          hr: {type: csv, path: hr.csv}
          it: {type: csv, path: it.csv}
        users:
          from: [it, hr]
          fields: {username: {from: L}}
          password: {from: Secret}
        """
    )
    hr = a_table("hr", "L|Secret", "ada|from-hr-1", "bob|from-hr-2")
    it = a_table("it", "L|Secret", "ada|from-it-1", "bob|")
    tables = {"hr": hr, "it": it}
    found = normalize_tables(mapping, hr, it)
    passwords = read_passwords(mapping, tables, ["ada", "bob"])
    assert {key: value.get_secret_value() for key, value in passwords.items()} == {
        "ada": "from-it-1",
        "bob": "from-hr-2",
    }
    assert user(found).password == PasswordCell(it.rows[0].place("Secret"))
    assert user(found, "bob").password == PasswordCell(hr.rows[1].place("Secret"))


def test_what_one_source_hides_lets_a_source_before_it_speak_and_no_source_after_it() -> None:
    hidden = Odd.unproven("name")
    found = normalize_tables(
        TWO,
        a_table("hr", "Login|Name", "ada|Ada", ["bob", hidden]),
        a_table("it", "Login|Name|Mail|Role", ["ada", hidden, "", ""], ["bob", "Bob", "", ""]),
    )
    assert (text(user(found).name), user(found, "bob").name) == ("Ada", None)
