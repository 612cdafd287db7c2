"""One request a batch, patience for what reads, none for what writes."""

import json
import logging
from typing import Any

import pytest

from kanport.errors import Exit, Unreachable, UsageError
from kanport.facts import fact
from kanport.kanboard import procedures as api
from kanport.kanboard.client import Client
from kanport.kanboard.faults import Fault, NoAnswer
from kanport.kanboard.rpc import Call, CallResult, Refusal, RefusedCall
from kanport.kanboard.transport import Transport
from tests.support.http_server import (
    Breaking,
    Reply,
    Request,
    Script,
    ScriptedServer,
    always,
    answers,
    close_at_once,
    error,
    one_after_the_other,
    reset,
    serve,
    settings_for,
)

NO_METHOD = RefusedCall(
    -32601, fact("rpc-error", name="Method not found", number=-32601), Refusal.NO_PROCEDURE
)
ROLES = answers({"getProjectUserRole": lambda asked: f"role-{asked['user_id']}"})
TIME_LIMIT = Reply(
    "<br />\n<b>Fatal error</b>:  Maximum execution time of 30 seconds exceeded in /x",
    content_type="text/html",
)
MEMORY_LIMIT = Reply("<b>Fatal error</b>:  Allowed memory size of 134217728 bytes exhausted")


class Waits(list[float]):
    """Keeps how long the client would have slept."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client_of(server: ScriptedServer, waits: Waits | None = None, **settings: Any) -> Client:
    chosen = settings_for(server, **settings)
    return Client(
        Transport(chosen),
        chosen,
        sleep=Waits() if waits is None else waits,
        jitter=lambda: 1.0,
        first_id=1,
    )


def role_calls(count: int) -> list[Call]:
    return [api.get_project_user_role(1, user_id) for user_id in range(1, count + 1)]


def roles(count: int) -> list[str]:
    return [f"role-{user_id}" for user_id in range(1, count + 1)]


# --- a batch --------------------------------------------------------------------------------------


def test_a_batch_is_one_request_with_ids_that_never_come_again() -> None:
    with serve(ROLES) as server, client_of(server) as client:
        assert client.batch(role_calls(2)) == [CallResult("role-1"), CallResult("role-2")]
        client.batch(role_calls(1))
    ids = [[call["id"] for call in request.calls] for request in server.requests]
    assert ids == [[1, 2], [3]]


def test_two_clients_begin_at_different_ids() -> None:
    with serve(ROLES) as server:
        settings = settings_for(server)
        for _ in range(2):
            with Client.open(settings) as client:
                client.batch(role_calls(1))
    first, second = (request.calls[0]["id"] for request in server.requests)
    assert first != second


def test_an_empty_batch_sends_nothing() -> None:
    with serve(ROLES) as server, client_of(server) as client:
        assert client.batch([]) == client.read([]) == []
    assert server.requests == []


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (TIME_LIMIT, Fault.TIME_LIMIT),
        (Reply(status=500), Fault.SERVER_ERROR),
        (Reply(status=502), Fault.SERVER_ERROR),
        (Reply(b""), Fault.EMPTY),
        (close_at_once, Fault.RESET),
        (reset, Fault.RESET),
        (Reply(status=302, headers={"Location": "https://sso.example.org/"}), Fault.REDIRECT),
        (Reply(b'[{"jsonrpc":"2.0","result":2,'), Fault.NOT_JSON),
    ],
)
def test_a_batch_without_an_answer_is_open_and_never_sent_again(
    reply: Reply | Breaking, fault: Fault
) -> None:
    calls = [api.create_user("ada", "123456"), api.add_project_user(1, 2, "project-member")]
    with serve(lambda _: reply) as server, client_of(server) as client:
        replies = client.batch(calls)
    assert [answer.fault for answer in replies if isinstance(answer, NoAnswer)] == [fault] * 2
    assert all(isinstance(answer, NoAnswer) and answer.sent for answer in replies)
    assert len(server.requests) == 1


def test_a_batch_that_never_left_says_so() -> None:
    with serve(ROLES) as server:
        client = client_of(server)
    with client:
        replies = client.batch([api.create_user("ada", "123456")])
    assert [answer.sent for answer in replies if isinstance(answer, NoAnswer)] == [False]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [b"", "<html>Forbidden</html>", error(401, "Unauthorized")])
def test_a_refused_token_stops_at_once(status: int, body: Any) -> None:
    waits = Waits()
    with (
        serve(lambda _: Reply(body, status=status)) as server,
        client_of(server, waits) as client,
        pytest.raises(Unreachable) as caught,
    ):
        client.read(role_calls(500))
    assert len(server.requests) == 1
    assert waits == []
    assert caught.value.exit_code is Exit.UNREACHABLE
    assert f"HTTP {status}" in caught.value.message


def test_a_refusal_that_comes_with_status_200_stops_at_once_too() -> None:
    body = {"jsonrpc": "2.0", **error(401, "Unauthorized"), "id": None}
    with serve(lambda _: Reply(body)) as server, client_of(server) as client:
        with pytest.raises(Unreachable, match="Unauthorized"):
            client.batch(role_calls(3))
        assert len(server.requests) == 1


def test_a_client_for_reading_sends_nothing_that_writes() -> None:
    with serve(ROLES) as server:
        with (
            Client.open(settings_for(server), read_only=True) as client,
            pytest.raises(UsageError),
        ):
            client.batch([api.remove_user(1)])
        with client_of(server) as client, pytest.raises(ValueError, match="disableUser"):
            client.read([api.disable_user(1)])
    assert server.requests == []


def test_an_unsafe_connection_is_warned_of_once() -> None:
    warnings: list[str] = []
    with serve(ROLES) as server:
        safe = settings_for(server)
        with Client.open(safe, warn=warnings.append):
            pass
        assert warnings == []
    unsafe = type(safe)(url="http://kb.example.org/jsonrpc.php", token=safe.token)
    with Client.open(unsafe, warn=warnings.append):
        pass
    assert len(warnings) == 1
    assert "kb.example.org" in warnings[0]


# --- a reading ------------------------------------------------------------------------------------


def test_a_reading_is_split_into_batches() -> None:
    with serve(ROLES) as server, client_of(server, batch_size=200) as client:
        assert client.read(role_calls(450)) == roles(450)
    assert [len(request.calls) for request in server.requests] == [200, 200, 50]


def limited(most: int, beyond: Reply | Breaking) -> Script:
    return lambda request: ROLES(request) if len(request.calls) <= most else beyond


@pytest.mark.parametrize("most", [1, 7, 30, 199])
@pytest.mark.parametrize("beyond", [TIME_LIMIT, Reply(status=413), Reply(status=500), reset])
def test_batches_shrink_to_what_the_server_bears(most: int, beyond: Reply | Breaking) -> None:
    with serve(limited(most, beyond)) as server, client_of(server) as client:
        assert client.read(role_calls(300)) == roles(300)


def test_batches_do_not_grow_again_to_what_was_too_much() -> None:
    with serve(limited(30, TIME_LIMIT)) as server, client_of(server) as client:
        client.read(role_calls(1000))
    too_much = [request for request in server.requests if len(request.calls) > 30]
    assert len(too_much) <= 4


@pytest.mark.parametrize(
    "trouble", [Reply(status=502), Reply(b""), close_at_once, Reply(status=503), Reply(b"[]")]
)
def test_a_reading_outlives_passing_trouble(trouble: Reply | Breaking) -> None:
    waits = Waits()
    script = one_after_the_other(always(trouble), always(trouble), then=ROLES)
    with serve(script) as server, client_of(server, waits) as client:
        assert client.read(role_calls(3)) == roles(3)
    assert waits == [0.5, 1.0]


def test_only_what_had_no_answer_is_asked_again() -> None:
    def lose_the_second(request: Request) -> Reply:
        reply = ROLES(request)
        assert isinstance(reply, Reply) and isinstance(reply.body, list)
        return Reply([reply.body[0], reply.body[2]])

    script = one_after_the_other(lose_the_second, then=ROLES)
    with serve(script) as server, client_of(server) as client:
        assert client.read(role_calls(3)) == roles(3)
    asked = [[call["params"]["user_id"] for call in request.calls] for request in server.requests]
    assert asked == [[1, 2, 3], [2]]


def test_waits_grow_and_are_bounded() -> None:
    waits = Waits()
    script = one_after_the_other(ROLES, then=always(Reply(status=502)))
    with serve(script) as server, client_of(server, waits) as client:
        client.read(role_calls(1))
        with pytest.raises(Unreachable, match="502"):
            client.read(role_calls(1))
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0]


def test_less_patience_for_a_server_that_never_answered() -> None:
    waits = Waits()
    with serve(ROLES) as server:
        client = client_of(server, waits)
    with client, pytest.raises(Unreachable, match="nothing listens") as caught:
        client.read(role_calls(1))
    assert waits == [0.5, 1.0]
    assert caught.value.hint is not None


@pytest.mark.parametrize(("wish", "wait"), [("7", 7.0), ("86400", 60.0), ("0", 0.5)])
def test_a_busy_server_is_given_the_time_that_it_wants_within_reason(
    wish: str, wait: float
) -> None:
    waits = Waits()
    busy = Reply(status=503, headers={"Retry-After": wish})
    with (
        serve(one_after_the_other(always(busy), then=ROLES)) as server,
        client_of(server, waits) as client,
    ):
        client.read(role_calls(1))
    assert waits == [wait]


@pytest.mark.parametrize(
    "reply",
    [
        Reply("<html>Log in</html>", content_type="text/html"),
        Reply("It works!", content_type="text/plain"),
        Reply({"status": "ok"}),
        Reply(status=404),
        Reply(status=301, headers={"Location": "/elsewhere"}),
    ],
)
def test_what_no_patience_mends_is_told_at_once(reply: Reply) -> None:
    waits = Waits()
    with (
        serve(lambda _: reply) as server,
        client_of(server, waits) as client,
        pytest.raises(Unreachable) as caught,
    ):
        client.read(role_calls(10))
    assert (len(server.requests), waits) == (1, [])
    assert caught.value.hint is not None


def test_a_single_call_that_is_too_much_for_the_server_is_not_tried_for_ever() -> None:
    with (
        serve(lambda _: MEMORY_LIMIT) as server,
        client_of(server) as client,
        pytest.raises(Unreachable, match="memory limit of 128 MiB") as caught,
    ):
        client.read([api.get_all_users()])
    assert len(server.requests) == 1
    assert caught.value.hint is not None and "memory_limit" in caught.value.hint


def test_a_refused_reading_says_why_without_the_servers_words() -> None:
    refused = error(0, "SQL Error[23502]: SQLSTATE[23502]: Failing row contains ($2y$10$hash)")
    with (
        serve(answers({"getAllUsers": refused})) as server,
        client_of(server) as client,
        pytest.raises(Unreachable, match="SQLSTATE 23502") as caught,
    ):
        client.read([api.get_all_users()])
    assert "hash" not in repr(caught.value)


def test_asking_gives_refusals_as_answers() -> None:
    with serve(ROLES) as server, client_of(server) as client:
        replies = client.ask([api.get_all_groups(), *role_calls(1)])
    assert replies == [
        RefusedCall(
            -32601, fact("rpc-error", name="Method not found", number=-32601), Refusal.NO_PROCEDURE
        ),
        CallResult("role-1"),
    ]


def test_no_password_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serve(lambda _: Reply(status=500)) as server, client_of(server) as client:
        client.batch([api.create_user("ada", "correct-horse")])
    assert json.loads(server.requests[0].body)[0]["params"]["password"] == "correct-horse"
    assert "correct-horse" not in caplog.text
