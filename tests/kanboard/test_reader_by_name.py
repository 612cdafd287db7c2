"""A server with too many users to list them is read by name and by id."""

from collections.abc import Collection
from typing import Any, Literal

import pytest
from pydantic import SecretStr

from kanport.config.settings import Settings
from kanport.errors import Unreachable
from kanport.kanboard.client import Client
from kanport.kanboard.faults import Fault
from kanport.kanboard.procedures import WRITING
from kanport.kanboard.reader import read_current
from kanport.kanboard.rpc import SECRET_KEYS
from kanport.model import CurrentState
from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.http_server import (
    Breaking,
    Reply,
    Request,
    answers,
    cut_off,
    reset,
    serve,
    settings_for,
)

Dialect = Literal["sqlite", "mariadb", "postgres"]
DIALECTS: tuple[Dialect, ...] = ("sqlite", "mariadb", "postgres")
NO_MEMORY = 0.001
SECRET = "never-to-be-seen"


def client_of(server: Sandbox) -> Client:
    settings = Settings(url=server.url, token=SecretStr(server.token))
    return Client.open(settings, read_only=True, sleep=lambda _: None)


def read(server: Sandbox, *usernames: str, ids: Collection[int] = ()) -> CurrentState:
    with client_of(server) as client:
        return read_current(
            client,
            choose_projects=lambda them: [one.id for one in them if one.name == "Alpha"],
            usernames=usernames,
            user_ids=ids,
        )


def names(state: CurrentState) -> set[str]:
    return {user.username for user in state.users}


def asked(server: Sandbox, method: str) -> int:
    return sum(request.procedures.count(method) for request in server.requests)


@pytest.mark.parametrize("shown", [True, False])
def test_too_many_users_are_read_by_name_and_by_membership(shown: bool) -> None:
    with Sandbox(SandboxOptions(memory_limit=NO_MEMORY, display_errors=shown)) as server:
        store = server.store
        ada, ben, cy, dee = (store.add_user(name) for name in ("ada", "ben", "cy", "dee"))
        for name in ("eve", "zoë"):
            store.add_user(name, active=False)
        alpha, beta = store.add_project("Alpha"), store.add_project("Beta")
        store.add_member(alpha, ben, "project-viewer")
        store.add_member(beta, dee)
        store.add_group_member(store.add_group("Staff"), cy)
        state = read(server, "zoë", "nobody")
    assert names(state) == {"admin", "ben", "cy", "zoë"}
    assert {user.username: user.active for user in state.users}["zoë"] is False
    assert ada not in {user.id for user in state.users}
    assert state.roles == {alpha: {ben: "project-viewer"}}
    assert not state.users_complete
    assert state.unlisted is not None
    assert state.unlisted.fault == ("memory-limit" if shown else "server-error")
    assert not {method for request in server.requests for method in request.procedures} & WRITING


def test_users_are_read_by_id_as_well() -> None:
    with Sandbox(SandboxOptions(memory_limit=NO_MEMORY)) as server:
        ada = server.store.add_user("ada")
        assert names(read(server, ids=[ada, 4711])) == {"admin", "ada"}


@pytest.mark.parametrize("rows", ["full", "safe", "old"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_whoever_is_read_by_name_is_as_in_the_list(
    dialect: Dialect, rows: Literal["full", "safe", "old"]
) -> None:
    options = SandboxOptions(dialect=dialect, user_rows=rows)
    with Sandbox(options) as server:
        server.store.add_user("ada", name="Ada", email="ada@example.org", role="app-manager")
        server.store.add_user("ben", active=False, ldap=True)
        listed = read(server)
        with client_of(server) as client:
            client.too_much["getAllUsers"] = Fault.EMPTY
            by_name = read_current(
                client, choose_projects=lambda _: (), usernames=["ada", "ben", "nobody"]
            )
    assert by_name.users == listed.users
    assert listed.unlisted is None


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("there", ["ada.lo", "Ada.Lo", "ADA.LO", "Ada.lo"])
def test_usual_other_spellings_are_found_on_every_database(dialect: Dialect, there: str) -> None:
    with Sandbox(SandboxOptions(dialect=dialect, memory_limit=NO_MEMORY)) as server:
        server.store.add_user(there)
        state = read(server, "ada.lo")
    assert names(state) == {"admin", there}
    assert state.unlisted is not None
    assert state.unlisted.folds_case is (dialect == "mariadb")


def test_a_spelling_of_its_own_is_found_only_where_the_database_folds_case() -> None:
    for dialect in DIALECTS:
        with Sandbox(SandboxOptions(dialect=dialect, memory_limit=NO_MEMORY)) as server:
            server.store.add_user("aDa")
            assert ("aDa" in names(read(server, "ada"))) is (dialect == "mariadb")


def test_two_users_that_differ_in_case_do_not_pass_for_a_database_that_folds_it() -> None:
    with Sandbox(SandboxOptions(memory_limit=NO_MEMORY)) as server:
        server.store.add_user("ADMIN")
        state = read(server, "ADMIN")
    assert state.unlisted is not None
    assert not state.unlisted.folds_case


def test_that_it_is_too_much_is_found_out_once_for_a_client() -> None:
    with Sandbox(SandboxOptions(memory_limit=NO_MEMORY)) as server, client_of(server) as client:
        for _ in range(3):
            state = read_current(client, choose_projects=lambda _: ())
            assert state.unlisted is not None
        tried = asked(server, "getAllUsers")
        read_current(client, choose_projects=lambda _: ())
        assert asked(server, "getAllUsers") == tried <= 3


def test_a_server_that_can_list_its_users_is_not_asked_for_single_ones() -> None:
    with Sandbox() as server:
        state = read(server, "ada", ids=[1])
        assert state.unlisted is None
        assert state.users_complete
        assert not asked(server, "getUserByName") + asked(server, "getUser")


def test_names_go_in_batches() -> None:
    with Sandbox(SandboxOptions(memory_limit=NO_MEMORY)) as server:
        read(server, *(f"u{number}" for number in range(2500)))
        assert len(server.requests) < 70


# --- scripted: every way in which a list may be too much ------------------------------------------


def user(number: int, username: str, **other: Any) -> dict[str, Any]:
    row = {"id": number, "username": username, "role": "app-user", "is_active": 1}
    return {**row, **dict.fromkeys(SECRET_KEYS, SECRET), **other}


SMALL: dict[str, Any] = {
    "getVersion": "1.2.53",
    "getAllProjects": [],
    "getAllGroups": [],
    "getUserByName": lambda asked: user(2, "ada") if asked["username"] == "ada" else None,
    "getUser": lambda asked: user(1, "admin") if asked["user_id"] == 1 else None,
}


def scripted(broken: Reply | Breaking, *usernames: str, **changed: Any) -> CurrentState:
    def script(request: Request) -> Any:
        if "getAllUsers" in request.methods:
            return broken
        return answers({**SMALL, **changed})(request)

    with serve(script) as server:
        settings = settings_for(server, answer_limit=100_000)
        with Client.open(settings, read_only=True, sleep=lambda _: None) as client:
            return read_current(client, choose_projects=lambda _: (), usernames=usernames)


@pytest.mark.parametrize(
    "broken",
    [
        Reply("<b>Fatal error</b>:  Allowed memory size of 134217728 bytes exhausted"),
        Reply("<b>Fatal error</b>:  Maximum execution time of 30 seconds exceeded"),
        Reply(status=500),
        Reply("<html>Bad Gateway</html>", status=502),
        Reply(status=504),
        Reply(),
        Reply("[" + " " * 200_000 + "]"),
        Reply('[{"jsonrpc":"2.0","result":[{"id":1,'),
        cut_off,
        reset,
    ],
)
def test_whatever_way_the_list_is_too_much_the_reading_goes_on(broken: Reply | Breaking) -> None:
    state = scripted(broken, "ada")
    assert names(state) == {"admin", "ada"}
    assert state.unlisted is not None
    assert SECRET not in repr(state)


@pytest.mark.parametrize(
    "broken",
    [
        Reply(status=401),
        Reply(status=403),
        Reply(status=404),
        Reply(status=429),
        Reply("<b>Fatal error</b>:  Uncaught TypeError: f()"),
        Reply("<html>Log in first</html>"),
    ],
)
def test_what_has_nothing_to_do_with_size_still_stops_the_reading(broken: Reply) -> None:
    with pytest.raises(Unreachable):
        scripted(broken, "ada")


@pytest.mark.parametrize("row", ["text", 7, {"id": "x", "username": "ada"}, {"id": 1}])
def test_a_row_that_is_not_understood_never_passes_for_nobody(row: Any) -> None:
    with pytest.raises(Unreachable, match="getUserByName"):
        scripted(Reply(status=500), "ada", getUserByName=row)


def test_of_a_group_that_is_too_large_the_members_of_the_projects_are_known() -> None:
    row = {"id": 5, "name": "Everybody", "external_id": ""}
    staff = {"id": 6, "name": "Staff", "external_id": ""}
    script: dict[str, Any] = {
        **SMALL,
        "getAllProjects": [{"id": 1, "name": "Alpha"}],
        "getAllGroups": [row, staff],
        "getGroupMembers": lambda asked: [user(7, "eve")],
        "getProjectUsers": {"2": "ada", "3": "ben"},
        "getProjectUserRole": "project-member",
        "getMemberGroups": lambda asked: [row] if asked["user_id"] == 2 else [],
        "getUser": lambda asked: user(asked["user_id"], f"u{asked['user_id']}"),
        "getAllUsers": [user(2, "ada"), user(3, "ben")],
    }

    def answer(request: Request) -> Any:
        large = any(call.get("params") == {"group_id": 5} for call in request.calls)
        return Reply(status=500) if large else answers(script)(request)

    with serve(answer) as server:
        settings = settings_for(server)
        with Client.open(settings, read_only=True, sleep=lambda _: None) as client:
            state = read_current(client, choose_projects=lambda _: [1])
            again = read_current(client, choose_projects=lambda _: [1])
    assert {group.name: group.members for group in state.groups} == {
        "Everybody": {2},
        "Staff": {7},
    }
    assert again == state
    assert state.users_complete
    tries = [request for request in server.requests if b'"group_id":5' in request.body]
    assert len(tries) < 10


@pytest.mark.parametrize("broken", [Reply(status=500), Reply(status=502), reset, cut_off])
def test_a_list_that_breaks_the_server_each_time_is_given_up_soon(
    broken: Reply | Breaking,
) -> None:
    def script(request: Request) -> Any:
        return broken if "getAllUsers" in request.methods else answers(SMALL)(request)

    waits: list[float] = []
    with serve(script) as server:
        settings = settings_for(server)
        with Client.open(settings, sleep=waits.append, jitter=lambda: 1.0) as client:
            state = read_current(client, choose_projects=lambda _: (), usernames=["ada"])
    assert state.unlisted is not None
    assert sum(waits) <= 1.0


def test_a_server_that_is_down_for_a_moment_is_not_taken_for_too_large() -> None:
    down = False
    failures = 0

    def script(request: Request) -> Any:
        nonlocal down, failures
        down = down or request.methods == ["getAllUsers"]
        alone = {**SMALL, "getAllUsers": [user(1, "admin"), user(2, "ada")]}
        if (down and failures < 6) or len(request.methods) > 3:
            failures += down
            return Reply(status=502)
        return answers(alone)(request)

    with serve(script) as server:
        settings = settings_for(server)
        with Client.open(settings, sleep=lambda _: None) as client:
            state = read_current(client, choose_projects=lambda _: ())
    assert failures == 6
    assert state.unlisted is None
    assert names(state) == {"admin", "ada"}
