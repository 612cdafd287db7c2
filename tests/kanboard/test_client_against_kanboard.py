"""The client against a whole Kanboard, on each of its databases and through its ages."""

import json
from typing import Any, Literal

import pytest
from pydantic import SecretStr

from kanport.config.settings import Settings
from kanport.errors import Exit, Unreachable
from kanport.kanboard import procedures as api
from kanport.kanboard.client import Client
from kanport.kanboard.faults import Fault, NoAnswer
from kanport.kanboard.reader import read_current
from kanport.kanboard.rpc import Answer, Call, CallResult
from kanport.model import CurrentState
from kanport.sandbox import PROCEDURES, WRITING_PROCEDURES, Sandbox, SandboxOptions

DIALECTS: tuple[Literal["sqlite", "mariadb", "postgres"], ...] = ("sqlite", "mariadb", "postgres")
PASSWORD = "correct-horse"


def client_of(server: Sandbox, *, token: str | None = None) -> Client:
    settings = Settings(url=server.url, token=SecretStr(token or server.token))
    return Client.open(settings, sleep=lambda _: None)


def seed(client: Client) -> None:
    """Put three people, two projects and a group with access on an empty server."""

    def call(method: str, **params: Any) -> Call:
        return Call(method, params)

    answers = client.batch(
        [
            api.create_user("ada", PASSWORD, name="Ada", email="ada@example.org"),
            api.create_user("ben", PASSWORD),
            api.create_user("zoë", PASSWORD, role="app-manager"),
            call("createProject", name="Alpha", identifier="alpha"),
            call("createProject", name="Beta"),
            call("createGroup", name="Staff", external_id="cn=staff"),
            api.disable_user(3),
            api.add_project_user(1, 2, "project-manager"),
            call("addGroupMember", group_id=1, user_id=3),
            call("addProjectGroup", project_id=1, group_id=1, role="project-viewer"),
        ]
    )
    assert all(isinstance(answer, CallResult) and answer.value for answer in answers), answers


def read(server: Sandbox) -> CurrentState:
    with client_of(server) as client:
        return read_current(client, choose_projects=lambda them: [one.id for one in them])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("rows", ["full", "safe", "old"])
def test_every_kind_of_server_reads_alike(
    dialect: Literal["sqlite", "mariadb", "postgres"], rows: Literal["full", "safe", "old"]
) -> None:
    with Sandbox(SandboxOptions(dialect=dialect, user_rows=rows)) as server:
        with client_of(server) as client:
            seed(client)
        server.forget_requests()
        state = read(server)
        assert not server.writes
        assert len(server.requests) == (4 if rows == "old" else 3)
    assert [(user.username, user.role, user.active) for user in state.users] == [
        ("admin", "app-admin", True),
        ("ada", "app-user", True),
        ("ben", "app-user", False),
        ("zoë", "app-manager", True),
    ]
    assert (state.users[1].name, state.users[1].email) == ("Ada", "ada@example.org")
    assert [(project.name, project.identifier) for project in state.projects] == [
        ("Alpha", "ALPHA"),
        ("Beta", ""),
    ]
    assert state.groups[0].members == {3}
    assert state.roles == {1: {2: "project-manager", 3: "project-viewer"}, 2: {}}
    assert state.server.version == "1.2.53"
    assert state.users_complete


def test_no_hash_of_the_server_gets_into_the_state() -> None:
    with Sandbox() as server:
        with client_of(server) as client:
            seed(client)
            row = json.dumps(client.read([api.get_user(2)]))
        state = read(server)
    assert "password" not in row
    assert "$2y$" not in repr(state) + row


def test_a_server_from_before_groups_can_be_read() -> None:
    before = frozenset(name for name in PROCEDURES if "Group" in name)
    with Sandbox(SandboxOptions(missing_procedures=before)) as server:
        assert read(server).groups == ()


def test_a_server_that_is_too_old_is_told() -> None:
    options = SandboxOptions(missing_procedures=frozenset({"getProjectUserRole"}))
    with Sandbox(options) as server:
        with client_of(server) as client:
            seed(client)
        with pytest.raises(Unreachable, match="getProjectUserRole") as caught:
            read(server)
    assert caught.value.hint is not None and "1.0.31" in caught.value.hint


def test_a_wrong_token_is_told_after_one_request() -> None:
    with Sandbox() as server:
        with client_of(server, token="wrong") as client, pytest.raises(Unreachable) as caught:
            read_current(client, choose_projects=lambda _: [])
        assert [request.status for request in server.requests] == [401]
    assert caught.value.exit_code is Exit.UNREACHABLE


def test_a_batch_that_meets_the_time_limit_is_open() -> None:
    calls = [api.create_user(f"user{number}", PASSWORD) for number in range(10)]
    with Sandbox(SandboxOptions(time_limit=0.2, hash_cost=0.05)) as server:
        with client_of(server) as client:
            answers: list[Answer] = client.batch(calls)
        created = len(read(server).users) - 1
    assert all(isinstance(one, NoAnswer) and one.fault is Fault.TIME_LIMIT for one in answers)
    assert 0 < created < 10


def test_what_writes_is_called_so_by_the_server_too() -> None:
    assert api.WRITING <= WRITING_PROCEDURES
