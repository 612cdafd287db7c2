"""Who may do what: the application, users by password or token, and what locks them out."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from kanport.sandbox import Sandbox
from tests.sandbox.conftest import Runner
from tests.support.rpc_client import Client, call

Login = Callable[..., Client]
PASSWORD = "123456"


@pytest.fixture
def login(stack: ExitStack) -> Login:
    """Connect as a user."""

    def connect(server: Sandbox, user: str, secret: str = PASSWORD) -> Client:
        return stack.enter_context(Client(server, user, secret))

    return connect


def test_a_fresh_server_has_admin_with_the_password_admin(run: Runner, login: Login) -> None:
    server, _ = run()
    assert login(server, "admin", "admin").result("getMe")["role"] == "app-admin"


def test_a_user_sees_itself_without_its_hash(run: Runner, login: Login) -> None:
    server, client = run()
    user_id = client.result("createUser", "ann", "123456")
    me = login(server, "ann").result("getMe")
    assert (me["id"], me["username"], me["is_ldap_user"]) == (user_id, "ann", False)
    assert "password" not in me


@pytest.mark.parametrize("procedure", ["getAllUsers", "getAllGroups", "getAllProjects"])
def test_lists_are_for_administrators(run: Runner, login: Login, procedure: str) -> None:
    server, _ = run()
    for role in ("app-user", "app-manager", "app-admin", ""):
        server.store.add_user(f"x{role}", role=role)
    statuses = {
        role: login(server, f"x{role}").send(call(procedure)).status
        for role in ("app-user", "app-manager", "app-admin", "")
    }
    assert statuses == {"app-user": 403, "app-manager": 403, "app-admin": 200, "": 403}


def test_even_an_administrator_needs_a_role_in_the_project(run: Runner, login: Login) -> None:
    server, _ = run()
    alpha = server.store.add_project("Alpha")
    boss = server.store.add_user("boss", role="app-admin")
    client = login(server, "boss")
    assert client.send(call("getProjectById", alpha)).status == 403
    server.store.add_member(alpha, boss, "project-viewer")
    assert client.result("getProjectById", alpha)["name"] == "Alpha"
    assert client.send(call("addProjectUser", alpha, 1)).status == 403


def test_a_custom_role_is_refused_every_project_procedure(run: Runner, login: Login) -> None:
    server, _ = run()
    alpha = server.store.add_project("Alpha")
    server.store.add_custom_role(alpha, "Tester")
    server.store.add_member(alpha, server.store.add_user("ann"), "Tester")
    assert login(server, "ann").send(call("getProjectById", alpha)).status == 403


def test_a_project_that_a_user_creates_has_it_as_owner_and_manager(
    run: Runner, login: Login
) -> None:
    server, client = run()
    lead = server.store.add_user("lead", role="app-manager")
    project = login(server, "lead").result("createProject", "Alpha")
    assert client.result("getProjectById", project)["owner_id"] == lead
    assert client.result("getProjectUserRole", project, lead) == "project-manager"


def test_the_seventh_wrong_password_locks_a_user_but_never_the_application(
    run: Runner, login: Login
) -> None:
    server, client = run()
    server.store.add_user("ann", api_access_token="personal")
    for _ in range(6):
        assert login(server, "ann", "wrong").send(call("getVersion")).status == 401
    assert login(server, "ann").result("getVersion")
    for _ in range(7):
        login(server, "ann", "wrong").send(call("getVersion"))
        login(server, "jsonrpc", "wrong").send(call("getVersion"))
    assert login(server, "ann").send(call("getVersion")).status == 401
    assert login(server, "ann", "personal").send(call("getVersion")).status == 401
    assert client.result("getVersion")


def test_a_second_factor_leaves_only_the_personal_token(run: Runner, login: Login) -> None:
    server, _ = run()
    server.store.add_user("ann", twofactor_activated=1, api_access_token="personal")
    assert login(server, "ann").send(call("getVersion")).status == 401
    assert login(server, "ann", "personal").result("getVersion")


@pytest.mark.parametrize("columns", [{"active": False}, {"ldap": True}, {"disable_login_form": 1}])
def test_who_has_no_login_has_no_access(run: Runner, login: Login, columns: dict[str, Any]) -> None:
    server, _ = run()
    server.store.add_user("ann", **columns)
    assert login(server, "ann").send(call("getVersion")).status == 401


def test_bytes_after_the_72nd_of_a_password_do_not_count(run: Runner, login: Login) -> None:
    server, client = run()
    client.result("createUser", "ann", "x" * 72 + "one")
    assert login(server, "ann", "x" * 72 + "two").result("getVersion")
    assert login(server, "ann", "x" * 71).send(call("getVersion")).status == 401


def test_bodies_that_are_no_calls_are_answered_without_credentials(
    run: Runner, login: Login
) -> None:
    server, _ = run()
    assert login(server, "jsonrpc", "wrong").send("{").status == 200
    assert login(server, "jsonrpc", "wrong").send(call("nope")).status == 401
