"""The steps of leavers in a mapping: what may stand there, and what is said of mistakes."""

from pathlib import Path
from typing import Any

import pytest

from kanport.errors import ConfigInvalid
from kanport.mapping import load_mapping
from kanport.mapping.spec import MappingFile
from kanport.mapping.users import Span, Steps
from tests.support.mappings import write_mapping

TOP = """\
kanport: 1
sources: {people: {type: csv, path: people.csv}}
ledger: people.ledger
users:
  from: people
  fields: {username: {from: username}}
  managed: ledger
"""


def steps(text: str, folder: Path) -> Steps | None:
    users = load_mapping(write_mapping(folder, f"{TOP}  missing: {text}\n")).spec.users
    assert users is not None
    return users.steps


def test_all_steps_are_read(tmp_path: Path) -> None:
    found = steps("{after: 3 runs, or: 1 day, then: disable, remove_after: 180 days}", tmp_path)
    assert found is not None
    assert found.waits == (Span(3, "run"), Span(1, "day"))
    assert found.remove_after == Span(180, "day")
    assert str(found) == "disable after 3 runs or 1 day"


@pytest.mark.parametrize(("text", "then"), [("disable", "disable"), ("remove", "remove")])
def test_the_short_forms_are_steps_without_waiting(text: str, then: str, tmp_path: Path) -> None:
    found = steps(text, tmp_path)
    assert found is not None
    assert (found.then, found.waits, found.remove_after) == (then, (), None)


def test_keep_is_no_step(tmp_path: Path) -> None:
    assert steps("keep", tmp_path) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{after: 3 runs}", "then is missing"),
        ("{after: 3, then: disable}", "must be a number of runs or days"),
        ("{after: 0 runs, then: disable}", "must be a number of runs or days"),
        ("{after: 3 weeks, then: disable}", "must be a number of runs or days"),
        ("{or: 3 days, then: disable}", "or is an alternative to after"),
        ("{after: 3 days, or: 5 days, then: disable}", "one in runs and one in days"),
        ("{then: disable, remove_after: 3 runs}", "must be a number of days"),
        ("{then: remove, remove_after: 3 days}", "for those who were disabled before"),
        ("{then: keep}", "then must be disable or remove"),
        ("{then: disable, and: remove}", "and must be revoke"),
        ("{then: disable, and: revoke}", "revoke works within the projects"),
        ("{then: disable, afer: 3 runs}", "did you mean after?"),
        ("3", "must be keep, disable, remove, or a table of steps"),
    ],
)
def test_a_mistake_is_told_in_plain_words_at_its_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as raised:
        steps(text, tmp_path)
    told = "\n".join((raised.value.message, *raised.value.details))
    assert said in told, told
    assert ":8:" in told


@pytest.mark.parametrize(
    "parts",
    [
        {"users": {"managed": "ledger"}},
        {"users": {"id": {"from": "id"}}},
        {"memberships_managed": "ledger"},
    ],
)
def test_what_is_kept_in_a_ledger_needs_one_where_nothing_ends(parts: dict[str, Any]) -> None:
    users = {"from": "people", "fields": {"username": {"from": "username"}}}
    raw: dict[str, Any] = {
        "kanport": 1,
        "sources": {"people": {"type": "csv", "path": "people.csv"}},
        **parts,
        "users": {**users, **parts.get("users", {})},
    }
    with pytest.raises(ValueError, match="kept in a ledger, and the mapping names none"):
        MappingFile.model_validate(raw)
    assert MappingFile.model_validate({**raw, "ledger": "people.ledger"}).keeps_ledger
    everybody = {"missing": "disable", "managed": {"usernames": ["*"]}}
    with_leavers = {**raw, "users": {**everybody, **raw["users"]}}
    assert MappingFile.model_validate(with_leavers).keeps_ledger


@pytest.mark.parametrize(
    ("parts", "keeps"),
    [
        ({}, False),
        ({"users": {"missing": "keep", "managed": {"usernames": ["*"]}}}, False),
        ({"memberships_missing": "keep", "group_members_missing": "keep"}, False),
        ({"ledger": "people.ledger"}, True),
        ({"users": {"missing": "disable", "managed": {"usernames": ["*"]}}}, True),
        ({"users": {"missing": "remove", "managed": "ledger"}, "limits": {"remove": 1}}, True),
        ({"users": {"missing": {"then": "disable"}, "managed": {"usernames": ["*"]}}}, True),
        ({"memberships_missing": "revoke"}, True),
        ({"groups_missing": "remove", "groups_managed": ["*"]}, True),
        ({"group_members_missing": "remove"}, True),
        ({"group_access_missing": "revoke"}, True),
    ],
)
def test_a_mapping_has_a_ledger_where_absence_ends_something(
    parts: dict[str, Any], keeps: bool
) -> None:
    rule = {"username": {"from": "username"}, "project": {"from": "project"}}
    raw: dict[str, Any] = {
        "kanport": 1,
        "sources": {"people": {"type": "csv", "path": "people.csv"}},
        "memberships": [{"from": "people", **rule, "role": "project-member"}],
        "groups": [{"list": {"Team": ["ada"]}}],
        **(
            {"group_access": [{"list": {"Team": {"WEB": "project-member"}}}]}
            if "group_access_missing" in parts
            else {}
        ),
        **parts,
        "users": {
            "from": "people",
            "fields": {"username": {"from": "username"}},
            **parts.get("users", {}),
        },
    }
    assert MappingFile.model_validate(raw).keeps_ledger is keeps


def test_what_ends_in_dropped_projects_needs_something_that_names_them() -> None:
    raw: dict[str, Any] = {
        "kanport": 1,
        "sources": {"people": {"type": "csv", "path": "people.csv"}},
        "users": {"from": "people", "fields": {"username": {"from": "username"}}},
        "projects_missing": "revoke",
    }
    with pytest.raises(ValueError, match="revoke needs memberships or group_access"):
        MappingFile.model_validate(raw)
    with pytest.raises(ValueError, match="revoke needs groups, and there are none"):
        MappingFile.model_validate({**raw, "projects_missing": "keep", "groups_missing": "revoke"})
