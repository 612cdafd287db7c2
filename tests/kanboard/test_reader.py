"""What the server holds comes in few calls, whole, and without a single secret."""

import traceback
from collections.abc import Collection
from typing import Any

import pytest

from kanport.errors import Exit, Unreachable
from kanport.kanboard.client import Client
from kanport.kanboard.procedures import WRITING
from kanport.kanboard.reader import read_current
from kanport.kanboard.rpc import SECRET_KEYS
from kanport.kanboard.transport import Transport
from kanport.model import CurrentState, Group, Project, User
from tests.support.http_server import (
    Reply,
    Request,
    Script,
    ScriptedServer,
    answers,
    error,
    serve,
    settings_for,
)

SECRET = "never-to-be-seen"


def shaped(dialect: str) -> dict[str, Any]:
    """Give a server's answers in the types of one database."""

    def id_(number: int) -> Any:
        return str(number) if dialect == "old" else number

    def flag(value: bool) -> Any:
        return {"old": str(int(value)), "sqlite": int(value), "postgres": value}[dialect]

    def user(number: int, username: str, *, active: bool = True, **other: Any) -> dict[str, Any]:
        return {
            "id": id_(number),
            "username": username,
            "name": None,
            "email": None,
            "role": "app-user",
            "is_active": flag(active),
            "is_ldap_user": flag(False),
            **dict.fromkeys(SECRET_KEYS, SECRET),
            **other,
        }

    users = [
        user(3, "ben", active=False),
        user(1, "admin", role="app-admin"),
        user(2, "ada", name="Ada", email="ada@example.org", is_ldap_user=flag(True)),
        user(9, ""),
    ]
    empty: Any = [] if dialect == "old" else {}
    members = {"1": {"3": "ben", "2": "Ada"}, "2": empty}
    roles = {("1", "2"): "project-manager", ("1", "3"): ""}
    return {
        "getVersion": "1.2.53",
        "getAllUsers": users,
        "getAllProjects": [
            {
                "id": id_(2),
                "name": "Beta",
                "identifier": "",
                "is_active": flag(False),
                "is_private": flag(True),
                "token": SECRET,
            },
            {
                "id": id_(1),
                "name": "Alpha",
                "identifier": "ALPHA",
                "is_active": flag(True),
                "is_private": flag(False),
                "token": SECRET,
            },
        ],
        "getAllGroups": [{"id": id_(5), "name": "Staff", "external_id": "cn=staff", "nb_users": 1}],
        "getGroupMembers": lambda _: [user(3, "ben", group_id=id_(5), user_id=id_(3))],
        "getProjectUsers": lambda asked: members[str(asked["project_id"])],
        "getProjectUserRole": lambda asked: roles[
            (str(asked["project_id"]), str(asked["user_id"]))
        ],
        "isActiveUser": lambda asked: asked["user_id"] != 3,
    }


def every(projects: Collection[Project]) -> list[int]:
    return [project.id for project in projects]


def client_of(server: ScriptedServer) -> Client:
    settings = settings_for(server)
    return Client(Transport(settings), settings, read_only=True, sleep=lambda _: None)


def read(script: Script | dict[str, Any], **options: Any) -> tuple[CurrentState, list[Request]]:
    options.setdefault("choose_projects", every)
    chosen = answers(script) if isinstance(script, dict) else script
    with serve(chosen) as server, client_of(server) as client:
        return read_current(client, **options), server.requests


def failure(script: Script | dict[str, Any]) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        read(script)
    assert caught.value.exit_code is Exit.UNREACHABLE
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value


@pytest.mark.parametrize("dialect", ["old", "sqlite", "postgres"])
def test_text_numbers_and_booleans_read_alike(dialect: str) -> None:
    state, _ = read(shaped(dialect))
    assert state.server.version == "1.2.53"
    assert state.server.url.endswith("/jsonrpc.php")
    assert state.users == (
        User(1, "admin", role="app-admin"),
        User(2, "ada", "Ada", "ada@example.org", ldap=True),
        User(3, "ben", active=False),
        User(9, ""),
    )
    assert state.projects == (
        Project(1, "Alpha", "ALPHA"),
        Project(2, "Beta", active=False, private=True),
    )
    assert state.groups == (Group(5, "Staff", "cn=staff", frozenset({3})),)
    assert state.roles == {1: {2: "project-manager", 3: ""}, 2: {}}
    assert state.users_complete


@pytest.mark.parametrize("dialect", ["old", "sqlite", "postgres"])
def test_no_secret_of_any_row_is_left(dialect: str) -> None:
    state, _ = read(shaped(dialect))
    assert SECRET not in repr(state)


def test_a_small_server_is_read_in_three_requests() -> None:
    _, requests = read(shaped("sqlite"))
    assert [request.methods for request in requests] == [
        ["getVersion", "getAllProjects", "getAllGroups", "getAllUsers"],
        ["getProjectUsers", "getProjectUsers", "getGroupMembers"],
        ["getProjectUserRole", "getProjectUserRole"],
    ]


def test_reading_sends_nothing_that_writes() -> None:
    _, requests = read(shaped("sqlite"))
    assert not {method for request in requests for method in request.methods} & WRITING


def test_only_the_projects_chosen_are_read_and_only_those_that_are_there() -> None:
    state, requests = read(shaped("sqlite"), choose_projects=lambda _: {2, 77})
    assert state.projects_read == {2}
    assert requests[1].methods == ["getProjectUsers", "getGroupMembers"]
    assert len(requests) == 2


def test_nobody_asks_for_groups_where_nobody_needs_them() -> None:
    state, requests = read(shaped("sqlite"), with_groups=False)
    assert state.groups == ()
    assert not any("Group" in method for request in requests for method in request.methods)


def test_a_server_without_groups_has_none() -> None:
    script = shaped("old")
    del script["getAllGroups"], script["getGroupMembers"]
    state, _ = read(script)
    assert state.groups == ()
    assert state.roles[1][2] == "project-manager"


def test_the_old_shape_of_users_is_filled_in() -> None:
    script = shaped("old")
    for row in script["getAllUsers"]:
        del row["is_active"]
    state, requests = read(script)
    assert {user.username: user.active for user in state.users} == {
        "admin": True,
        "ada": True,
        "ben": False,
        "": True,
    }
    assert ["isActiveUser"] * 4 in [request.methods for request in requests]


def test_a_row_that_is_no_user_makes_the_users_incomplete() -> None:
    script = shaped("sqlite")
    script["getAllUsers"].append({"id": None, "username": "ghost", "password": SECRET})
    state, _ = read(script)
    assert len(state.users) == 4
    assert not state.users_complete


def test_many_users_that_break_one_answer_are_asked_for_alone() -> None:
    def script(request: Request) -> Any:
        if "getAllUsers" in request.methods and len(request.methods) > 1:
            return Reply("<b>Fatal error</b>:  Allowed memory size of 134217728 bytes exhausted")
        return answers(shaped("sqlite"))(request)

    state, _ = read(script)
    assert len(state.users) == 4


@pytest.mark.parametrize(
    "version",
    ["1.2.53", "v1.2.53", "main.2cba210", "", "meine Version 😀", "x" * 500, "a\nb", None],
)
def test_any_version_will_do(version: str | None) -> None:
    state, _ = read({**shaped("sqlite"), "getVersion": version})
    assert len(state.server.version) <= 100
    assert "\n" not in state.server.version


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("getAllUsers", False),
        ("getAllUsers", None),
        ("getAllProjects", "text"),
        ("getAllProjects", [{"name": "no id"}]),
        ("getAllGroups", [None]),
        ("getProjectUsers", ["Ada"]),
        ("getProjectUsers", None),
        ("getGroupMembers", [{"id": "x"}]),
        ("getGroupMembers", False),
    ],
)
def test_an_answer_that_is_not_understood_is_never_taken_as_nobody(method: str, value: Any) -> None:
    stopped = failure({**shaped("sqlite"), method: value})
    assert method in stopped.message


@pytest.mark.parametrize(
    "method", ["getAllUsers", "getAllProjects", "getProjectUsers", "getProjectUserRole"]
)
def test_an_error_in_place_of_an_answer_stops_the_reading(method: str) -> None:
    stopped = failure({**shaped("sqlite"), method: error(0, f"SQL Error[HY000]: {SECRET}")})
    assert method in stopped.message
    assert "SQLSTATE HY000" in stopped.message


def test_a_php_page_shows_none_of_its_text() -> None:
    failure(lambda _: Reply(f"<b>Fatal error</b>:  Uncaught TypeError: f({SECRET})"))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(f"<!DOCTYPE html><title>{SECRET}</title>", content_type="text/html"),
        Reply(SECRET, content_type="text/plain"),
        Reply({"status": SECRET}),
        Reply([1, 2, 3]),
        Reply(SECRET, status=404),
        Reply(SECRET, status=405),
        Reply(status=302, headers={"Location": f"https://sso.example.org/?{SECRET}"}),
    ],
)
def test_a_server_that_is_no_kanboard_is_told_with_a_hint(reply: Reply) -> None:
    stopped = failure(lambda _: reply)
    assert stopped.hint is not None
    assert "jsonrpc.php" in stopped.hint


def test_another_json_rpc_server_is_no_kanboard() -> None:
    stopped = failure({"getAllUsers": []})
    assert "not a Kanboard" in stopped.message
