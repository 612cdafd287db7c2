"""The one table of users' fields, and that everything else is made of it."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from kanport.export import COLUMNS, USERS
from kanport.fields import (
    ACTIVE,
    BESIDE_USERNAME,
    CHANGEABLE,
    LDAP,
    UPDATABLE,
    USER_FIELDS,
    USERNAME,
    ChangedBy,
    Holds,
    UserField,
    attributes,
    field_named,
    labels,
    values_of,
)
from kanport.kanboard.procedures import create_user, update_user, user_from_row
from kanport.mapping.users import UserFields
from kanport.model import DesiredUser, Given, User

ADA = User(2, "ada", "Ada", "ada@x.org", "app-manager", active=False, ldap=True)


def test_every_field_has_a_name_a_label_and_a_column_of_its_own() -> None:
    for part in ("name", "label", "column"):
        texts = [getattr(one, part) for one in USER_FIELDS]
        assert all(texts) and len(set(texts)) == len(texts)
    assert not any(re.search(r"\be.mail", f"{one.label} {one.about}") for one in USER_FIELDS)


def test_every_field_but_a_flag_is_checked() -> None:
    assert all((one.check is None) is (one.holds is Holds.FLAG) for one in USER_FIELDS)


def test_fields_of_the_model_the_mapping_and_the_exports_are_those_of_the_table() -> None:
    names = tuple(one.name for one in USER_FIELDS)
    assert tuple(UserFields.model_fields) == names
    assert COLUMNS[USERS] == names
    assert {one.name for one in fields(User)} - {"id", "more", "two_factor"} <= set(names)


@pytest.mark.parametrize("field", USER_FIELDS, ids=lambda field: field.name)
def test_a_value_goes_through_a_row_of_the_server(field: UserField) -> None:
    row: dict[str, str | bool] = {one.column: one.of(ADA) for one in USER_FIELDS}
    row[field.column] = value = not field.of(ADA) if field.holds is Holds.FLAG else "another"
    read = user_from_row({"id": 2, **row})
    assert read is not None and field.of(read) == value
    assert all(one.of(read) == one.of(ADA) for one in USER_FIELDS if one is not field)


def test_a_user_is_made_of_values_and_gives_them_back() -> None:
    values = {one.name: one.of(ADA) for one in USER_FIELDS}
    assert User(2, **attributes(values)) == ADA
    assert values_of(ADA) == {name: value for name, value in values.items() if name != "ldap"}


def test_values_without_an_attribute_are_kept_beside_them() -> None:
    locker = UserField(name="locker", about="The number of the locker.")
    user = User(2, **attributes({"username": "ada", "locker": "17"}))
    assert (user.more, locker.of(user), locker.of(ADA)) == ({"locker": "17"}, "17", "")
    wanted = DesiredUser(**attributes({"username": Given("ada"), "locker": Given("18")}))
    assert locker.wanted(wanted) == Given("18")
    nothing = DesiredUser(**attributes({"username": Given("ada"), "locker": None}))
    assert locker.wanted(nothing) is None and not nothing.more


def test_what_changes_a_field() -> None:
    assert [one for one in USER_FIELDS if one.changed_by is ChangedBy.RENAME] == [USERNAME]
    assert [one for one in USER_FIELDS if one.changed_by is ChangedBy.SWITCH] == [ACTIVE]
    assert tuple(one for one in USER_FIELDS if one is not LDAP) == CHANGEABLE
    assert set(UPDATABLE) == set(CHANGEABLE) - {USERNAME, ACTIVE}
    assert tuple(one for one in USER_FIELDS if one is not USERNAME) == BESIDE_USERNAME
    assert LDAP.wanted(DesiredUser(Given("ada"))) is None


def test_procedures_take_the_updatable_fields_by_the_names_of_kanboard() -> None:
    blank = {one.column: one.new for one in UPDATABLE if one.new is not None}
    assert create_user("ada", "secret").params == {
        "username": "ada",
        "password": "secret",
        **blank,
    }
    values = {one.name: f"a {one.name}" for one in UPDATABLE}
    sent = {one.column: f"a {one.name}" for one in UPDATABLE}
    assert update_user(2, **values).params == {"id": 2, **sent}
    assert create_user("ada", "secret", **values).params == {
        "username": "ada",
        "password": "secret",
        **sent,
    }
    with pytest.raises(KeyError):
        update_user(2, shoe_size="46")


def test_labels_are_for_texts() -> None:
    assert labels(["email", "active", "stable id"]) == ("email", "active", "stable id")
    assert field_named("active") is ACTIVE
    with pytest.raises(KeyError):
        field_named("shoe size")


def test_a_new_field_is_one_entry_of_the_table(tmp_path: Path) -> None:
    # From the mapping through plan, run, reports, verify, undo and export:
    # see tests/support/new_field.py.
    root = Path(__file__).parent.parent
    told = subprocess.run(
        [sys.executable, "-c", _STORY.format(root=str(root))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert told.returncode == 0, told.stderr


_STORY = """
import sys
sys.path.insert(0, {root!r})
from tests.support.new_field import main
main()
"""
