"""What the recordings do not show of the databases, as seen on live servers beside them."""

import pytest

from kanport.sandbox import PROCEDURES, LdapUser
from tests.sandbox.conftest import Runner
from tests.support.rpc_client import call

OLD_COLUMNS = [
    "id",
    "username",
    "name",
    "email",
    "role",
    "is_ldap_user",
    "notifications_enabled",
    "google_id",
    "github_id",
    "twofactor_activated",
]
SECRETS = {"password", "twofactor_secret", "token", "api_access_token"}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("jörg", "JORG"),
        ("straße", "STRASSE"),
        ("œuvre", "oeuvre"),
        ("ann", "ann\u200b"),
        ("ёж", "еж"),
        ("x😀", "x🎉"),
        ("end", "end\u00a0"),
    ],
)
def test_mariadb_holds_these_names_equal_and_the_others_do_not(
    run: Runner, first: str, second: str
) -> None:
    taken = {}
    for dialect in ("sqlite", "mariadb", "postgres"):
        _, client = run(dialect=dialect)
        client.result("createUser", first, "123456")
        taken[dialect] = client.result("createUser", second, "123456") is False
    assert taken == {"sqlite": False, "mariadb": True, "postgres": False}


@pytest.mark.parametrize(("first", "second"), [("øre", "ore"), ("łuk", "luk"), ("đa", "da")])
def test_mariadb_tells_letters_with_a_stroke_apart(run: Runner, first: str, second: str) -> None:
    _, client = run(dialect="mariadb")
    client.result("createUser", first, "123456")
    assert client.result("createUser", second, "123456")


@pytest.mark.parametrize("dialect", ["sqlite", "mariadb"])
def test_null_as_a_role_is_just_false(run: Runner, dialect: str) -> None:
    _, client = run(dialect=dialect)
    values = {"username": "ann", "password": "123456", "role": None}
    assert client.result("createUser", **values) is False


def test_null_as_a_role_makes_postgresql_tell_the_password_hash(run: Runner) -> None:
    _, client = run(dialect="postgres")
    answer = client.send(call("createUser", username="ann", password="123456", role=None))
    error = answer.body["error"]
    assert error["code"] == 0
    assert error["message"].startswith("SQL Error[23502]: SQLSTATE[23502]: Not null violation")
    assert "$2y$10$" in error["message"]


@pytest.mark.parametrize("dialect", ["mariadb", "postgres"])
def test_a_name_of_300_characters_is_an_error(run: Runner, dialect: str) -> None:
    _, client = run(dialect=dialect)
    answer = client.send(call("createUser", "ann", "123456", "x" * 300))
    assert answer.body["error"]["message"].startswith("SQL Error[22001]: SQLSTATE[22001]")


def test_sqlite_takes_a_name_of_300_characters(run: Runner) -> None:
    _, client = run()
    user_id = client.result("createUser", "ann", "123456", "x" * 300)
    assert client.result("getUser", user_id)["name"] == "x" * 300


def test_an_id_that_is_no_number_finds_nothing_but_is_an_error_on_postgresql(run: Runner) -> None:
    for dialect in ("sqlite", "mariadb"):
        _, client = run(dialect=dialect)
        assert client.result("getUser", "abc") is None
    _, client = run(dialect="postgres")
    answer = client.send(call("getUser", "abc"))
    assert answer.body["error"]["message"].startswith("SQL Error[22P02]")


@pytest.mark.parametrize("dialect", ["sqlite", "mariadb", "postgres"])
def test_rows_without_secrets_keep_everything_else(run: Runner, dialect: str) -> None:
    server, full = run(dialect=dialect)
    safe_server, safe = run(dialect=dialect, user_rows="safe")
    for each in (server, safe_server):
        each.store.add_group_member(each.store.add_group("G"), 1)
    for procedure, argument in (("getUser", 1), ("getUserByName", "admin")):
        whole, rest = (client.result(procedure, argument) for client in (full, safe))
        assert rest == {key: value for key, value in whole.items() if key not in SECRETS}
    for procedure, arguments in (("getAllUsers", []), ("getGroupMembers", [1])):
        whole, rest = (client.result(procedure, *arguments)[0] for client in (full, safe))
        assert rest == {key: value for key, value in whole.items() if key not in SECRETS}


def test_old_lists_do_not_say_who_is_active(run: Runner) -> None:
    server, client = run(user_rows="old")
    ann = server.store.add_user("ann", active=False)
    assert [list(row) for row in client.result("getAllUsers")] == [OLD_COLUMNS] * 2
    assert client.result("isActiveUser", ann) is False
    assert client.result("isActiveUser", 1) is True


def test_a_server_can_lack_procedures(run: Runner) -> None:
    _, client = run(missing_procedures=frozenset({"getUserByName"}))
    assert client.send(call("getUserByName", "admin")).body["error"]["code"] == -32601
    assert client.result("getUser", 1)["username"] == "admin"


def test_procedures_are_found_in_any_case(run: Runner) -> None:
    _, client = run()
    assert client.result("GETVERSION") == "1.2.53"


def test_every_procedure_refuses_too_few_arguments(run: Runner) -> None:
    _, client = run()
    for name, procedure in PROCEDURES.items():
        if procedure.required and not procedure.personal:
            assert client.send(call(name)).body["error"]["code"] == -32602, name


def test_the_directory_is_asked_in_any_case_and_gives_lower_case(run: Runner) -> None:
    _, client = run(ldap_users=[LdapUser("Ada", "Ada Lovelace", "ada@example.org")])
    user = client.result("getUser", client.result("createLdapUser", "ADA"))
    assert (user["username"], user["name"], user["password"]) == ("ada", "Ada Lovelace", None)
    assert client.result("createLdapUser", "ada") is False


@pytest.mark.parametrize("body", ["NaN", "[NaN]", '"\\ud800"', "\ufeff{}", "{} x", "[" * 100_000])
def test_what_php_does_not_read_as_json_is_a_parse_error(run: Runner, body: str) -> None:
    _, client = run()
    assert client.send(body).body["error"]["code"] == -32700


def test_half_a_surrogate_pair_inside_a_name_is_a_parse_error(run: Runner) -> None:
    _, client = run()
    answer = client.send('{"jsonrpc":"2.0","method":"getUserByName","params":["\\ud800"],"id":1}')
    assert answer.body["error"]["code"] == -32700


def test_an_object_with_counted_keys_is_a_list(run: Runner) -> None:
    _, client = run()
    by_position = {"jsonrpc": "2.0", "method": "getUser", "id": 1, "params": {"0": 1}}
    assert client.send({"0": by_position}).body[0]["result"]["username"] == "admin"


def test_members_are_listed_by_name_and_numbers_by_value(run: Runner) -> None:
    server, client = run()
    project = server.store.add_project("Alpha")
    for name in ("10", "9", "b", "B", "ä"):
        server.store.add_member(project, server.store.add_user(f"u{name}", name=name))
    assert list(client.result("getProjectUsers", project).values()) == ["9", "10", "B", "b", "ä"]
