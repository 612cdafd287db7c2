"""Calls named as the recorded ones are, and answers in whatever types a database gives."""

import inspect
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kanport.kanboard import procedures as api
from kanport.kanboard.rpc import Call
from kanport.model import Group, Project, User

RECORDINGS = sorted((Path(__file__).parents[1] / "contract" / "recordings").glob("*.json"))

EVERY_CALL = [
    api.get_version(),
    api.get_all_users(),
    api.get_all_projects(),
    api.get_project_by_id(1),
    api.get_all_groups(),
    api.get_user(2),
    api.get_user_by_name("ada"),
    api.is_active_user(2),
    api.get_project_users(1),
    api.get_project_user_role(1, 2),
    api.get_group_members(3),
    api.get_member_groups(2),
    api.create_user("ada", "123456", name="Ada", email="a@example.org", role="app-user"),
    api.create_ldap_user("ada"),
    api.update_user(2, username="ada", name="Ada", email="a@example.org", role="app-user"),
    api.enable_user(2),
    api.disable_user(2),
    api.remove_user(2),
    api.add_project_user(1, 2, "project-member"),
    api.change_project_user_role(1, 2, "project-member"),
    api.remove_project_user(1, 2),
    api.get_group(3),
    api.is_group_member(3, 2),
    api.get_project_by_identifier("ALPHA"),
    api.get_project_by_name("Alpha"),
    api.create_group("Staff", "cn=staff"),
    api.update_group(3, name="Staff", external_id="cn=staff"),
    api.remove_group(3),
    api.add_group_member(3, 2),
    api.remove_group_member(3, 2),
    api.add_project_group(1, 3, "project-member"),
    api.change_project_group_role(1, 3, "project-member"),
    api.remove_project_group(1, 3),
    api.create_project("Alpha", identifier="ALPHA", owner_id=2, description="About"),
]


# Names that no recording has, tried on a live Kanboard 1.2.53: it ignores unknown ones silently.
TRIED = {"updateGroup": {"external_id"}, "createProject": {"description"}}


def recorded_calls() -> Iterator[dict[str, Any]]:
    for path in RECORDINGS:
        for exchange in json.loads(path.read_text(encoding="utf-8"))["exchanges"]:
            request = exchange["request"]
            for call in request if isinstance(request, list) else [request]:
                if isinstance(call, dict):
                    yield call


def test_every_procedure_has_its_call_here() -> None:
    makers = [
        maker
        for name, maker in vars(api).items()
        if inspect.isfunction(maker) and maker.__annotations__.get("return") is Call
    ]
    assert len(makers) == len(EVERY_CALL) == len({call.method for call in EVERY_CALL})


@pytest.mark.parametrize("call", EVERY_CALL, ids=lambda call: call.method)
def test_calls_are_those_that_the_recorded_server_understood(call: Call) -> None:
    named: set[str] = set()
    lengths: dict[int, bool] = defaultdict(bool)
    recorded = [other for other in recorded_calls() if other["method"] == call.method]
    assert recorded
    for other in recorded:
        params = other.get("params", [])
        if isinstance(params, dict):
            named |= params.keys()
        lengths[len(params)] = True
    if named:
        assert call.params.keys() <= named | TRIED.get(call.method, set())
    else:
        assert lengths[len(call.params)]


def test_what_writes_is_known_as_such() -> None:
    reading = {call.method for call in EVERY_CALL if call.method.startswith(("get", "is"))}
    assert {call.method for call in EVERY_CALL} - reading == api.WRITING


def test_only_what_is_given_is_changed() -> None:
    assert api.update_user(2, name="").params == {"id": 2, "name": ""}
    with pytest.raises(ValueError, match="at least one field"):
        api.update_user(2)


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_every_recorded_row_is_understood(path: Path) -> None:
    seen = 0
    for exchange in json.loads(path.read_text(encoding="utf-8"))["exchanges"]:
        request, response = exchange["request"], exchange["response"]
        if not isinstance(request, dict) or not isinstance(response, dict):
            continue
        result: Any = response.get("result")
        match request["method"]:
            case "getAllUsers" | "getGroupMembers":
                assert all(isinstance(api.user_from_row(row), User) for row in result)
            case "getUser" | "getUserByName":
                user = api.user_from_row(result)
                assert (user is None) == (result is None)
                assert "secret" not in repr(user)
            case "getAllProjects":
                assert all(isinstance(api.project_from_row(row), Project) for row in result)
            case "getAllGroups":
                assert all(isinstance(api.group_from_row(row), Group) for row in result)
            case "getProjectUsers":
                assert api.member_ids(result) == frozenset(map(int, result))
            case "getProjectUserRole":
                assert api.role_from(result) == result
            case _:
                continue
        seen += 1
    assert seen > 5


@pytest.mark.parametrize(
    ("yes", "no"), [("1", "0"), (1, 0), (True, False), ("t", "f"), ("true", "false"), ("1", None)]
)
def test_flags_are_understood_from_every_database(yes: object, no: object) -> None:
    on = {"id": "7", "username": "ada", "is_active": yes, "is_ldap_user": yes}
    off = {"id": 7, "username": "ada", "is_active": no if no is not None else 0, "is_ldap_user": no}
    assert api.user_from_row(on) == User(7, "ada", role="", active=True, ldap=True)
    assert api.user_from_row(off) == User(7, "ada", role="", active=False, ldap=False)


def test_a_user_with_a_blank_username_is_a_user() -> None:
    row = {"id": 9, "username": "", "name": None, "email": None, "role": "app-user", "is_active": 1}
    assert api.user_from_row(row) == User(9, "")


@pytest.mark.parametrize(
    "row",
    [None, False, [], "ada", {}, {"id": 7}, {"id": "x", "username": "ada"}, {"username": "a"}],
)
def test_what_is_no_row_is_no_user(row: object) -> None:
    assert api.user_from_row(row) is None


@pytest.mark.parametrize("value", [None, False, True, "text", 7, ["Ada"], {"x": "Ada"}])
def test_what_is_no_list_of_members_is_none(value: object) -> None:
    assert api.member_ids(value) is None


@pytest.mark.parametrize("value", ["", None, False, [], {}])
def test_no_role_is_no_role_in_every_shape(value: object) -> None:
    assert api.role_from(value) == ""
