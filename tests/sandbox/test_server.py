"""The sandbox as a server: its address, its connections, what it counts and what can go wrong."""

import http.client
import socket
import threading
import time

import pytest

from kanport.sandbox import (
    PROCEDURES,
    WRITING_PROCEDURES,
    InjectedFault,
    RequestLog,
    Sandbox,
    SandboxOptions,
    web_page,
)
from tests.sandbox.conftest import Runner
from tests.support.rpc_client import Client, call


def test_it_listens_on_loopback_only(run: Runner) -> None:
    server, _ = run()
    assert server.url.startswith("http://127.0.0.1:") and server.url.endswith("/jsonrpc.php")


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open(run: Runner) -> None:
    server, _ = run()
    taken = int(server.url.split(":")[2].partition("/")[0])
    with pytest.raises(OSError, match="in use"):
        Sandbox(SandboxOptions(port=taken))


@pytest.mark.parametrize("path", ["/", "/jsonrpc", "/jsonrpc.php/x", "/index.php"])
def test_other_paths_are_not_found(run: Runner, path: str) -> None:
    server, client = run()
    assert client.send(call("getVersion"), path=path).status == 404
    assert server.requests == []


def test_a_query_string_and_a_get_do_not_matter(run: Runner) -> None:
    _, client = run()
    answer = client.send(call("getVersion"), path="/jsonrpc.php?x=1", verb="GET")
    assert answer.body["result"] == "1.2.53"


def test_a_request_without_a_length_is_refused(run: Runner) -> None:
    server, _ = run()
    host = server.url.split("/")[2]
    connection = http.client.HTTPConnection(host)
    connection.request("POST", "/jsonrpc.php", iter([b"{}"]), encode_chunked=True)
    assert connection.getresponse().status == 411
    connection.close()


def test_a_request_beyond_32_mb_is_refused_unread(run: Runner) -> None:
    server, _ = run()
    connection = http.client.HTTPConnection(server.url.split("/")[2])
    connection.putrequest("POST", "/jsonrpc.php")
    connection.putheader("Content-Length", str(33 * 1024 * 1024))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_a_client_that_goes_away_does_no_harm(run: Runner) -> None:
    server, client = run(delay=0.05)
    place = ("127.0.0.1", int(server.url.split(":")[2].partition("/")[0]))
    with socket.create_connection(place) as impatient:
        impatient.sendall(b"POST /jsonrpc.php HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")
    assert client.result("getVersion")


def test_stopping_does_not_wait_for_a_slow_request() -> None:
    before = threading.active_count()
    with Sandbox(SandboxOptions(delay=60)) as server:
        failures: list[Exception] = []

        def ask() -> None:
            with Client(server) as client:
                try:
                    client.send(call("getVersion"))
                except (http.client.HTTPException, OSError) as error:
                    failures.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.1)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    asking.join()
    assert threading.active_count() == before


def test_what_was_asked_is_counted(run: Runner) -> None:
    server, client = run()
    client.batch(call("getVersion"), call("createUser", "ann", "123456"), call("getVersion"))
    client.send(call("nope"))
    client.send("{")
    assert server.calls == {"getVersion": 2, "createUser": 1, "nope": 1}
    assert server.writes == {"createUser": 1}
    assert server.requests == [
        RequestLog(("getVersion", "createUser", "getVersion"), 3, 200),
        RequestLog(("nope",), 1, 200),
        RequestLog((), 0, 200),
    ]
    server.forget_requests()
    assert not server.calls and not server.requests and not server.writes


def test_calls_after_a_refused_one_are_counted_as_sent_but_not_as_carried_out(run: Runner) -> None:
    server, client = run()
    client.send([call("getVersion"), call("getMe"), call("removeUser", 1)])
    assert server.requests == [RequestLog(("getVersion", "getMe", "removeUser"), 1, 403)]
    assert server.writes == {"removeUser": 1}


def test_reading_procedures_are_told_from_writing_ones() -> None:
    reading = set(PROCEDURES) - WRITING_PROCEDURES
    assert all(name.startswith(("get", "is")) for name in reading)
    assert {"createUser", "addProjectUser", "updateGroup"} <= WRITING_PROCEDURES


def test_an_answer_can_get_lost_after_the_work_is_done(run: Runner) -> None:
    server, client = run()
    server.fault = lambda procedures: InjectedFault() if "createUser" in procedures else None
    with pytest.raises(http.client.RemoteDisconnected):
        client.send(call("createUser", "ann", "123456"))
    assert "ann" in server.store.snapshot().users
    assert server.requests[-1].status == 0


def test_a_request_can_fail_half_done(run: Runner) -> None:
    server, client = run()
    server.fault = lambda procedures: InjectedFault(after=1, reply=web_page(502, "Bad Gateway"))
    answer = client.send([call("createUser", name, "123456") for name in ("ann", "ben")])
    assert answer.status == 502
    assert set(server.store.snapshot().users) == {"admin", "ann"}


def test_a_request_can_fail_before_anything_is_done(run: Runner) -> None:
    server, client = run()
    server.fault = lambda procedures: InjectedFault(
        after=0, reply=web_page(503, "Service Unavailable")
    )
    assert client.send(call("createUser", "ann", "123456")).status == 503
    assert set(server.store.snapshot().users) == {"admin"}


def test_many_connections_at_once_lose_nothing_and_do_nothing_twice(run: Runner) -> None:
    server, client = run()
    project = client.result("createProject", "Alpha")
    together = 8
    won: list[bool] = []

    def work(number: int) -> None:
        with Client(server) as own:
            own.batch(*(call("createUser", f"{number}-{i}", "123456") for i in range(50)))
            won.extend(
                own.result("createUser", f"shared-{i}", "123456") is not False for i in range(20)
            )
            won.append(own.result("addProjectUser", project, 1))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(together)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(won) == 20 + 1
    assert len(client.result("getAllUsers")) == 1 + together * 50 + 20
    assert {log.status for log in server.requests} == {200}


def test_the_token_does_not_show() -> None:
    assert "very-secret" not in repr(SandboxOptions(token="very-secret"))
