"""What a stock server bears, on request: limits of time and memory, and what a password costs."""

import threading
import time

from kanport.sandbox import Sandbox
from tests.sandbox.conftest import Runner
from tests.support.rpc_client import Client, call

NUL = call("createUser", "nul", "123456\0")


def new_user(name: str) -> dict[str, object]:
    return call("createUser", name, "123456")


def test_a_batch_that_outlives_the_time_limit_is_cut_off_and_half_done(run: Runner) -> None:
    server, client = run(time_limit=0.25, hash_cost=0.1)
    answer = client.send([new_user(f"user{number}") for number in range(10)])
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert answer.body.startswith(
        "<br />\n<b>Fatal error</b>:  Maximum execution time of 0.25 seconds exceeded"
    )
    done = server.requests[-1].carried_out
    assert 0 < done < 10
    created = set(server.store.snapshot().users) - {"admin"}
    assert created == {f"user{number}" for number in range(done)}


def test_the_time_limit_is_one_for_the_whole_batch_of_cheap_calls_too(run: Runner) -> None:
    server, client = run(time_limit=1e-9)
    assert client.send([call("getVersion")]).content_type == "text/html"
    assert server.requests[-1].carried_out == 0


def test_without_displayed_errors_a_crash_is_an_empty_500(run: Runner) -> None:
    server, client = run(display_errors=False)
    answer = client.send([new_user("before"), NUL, new_user("after")])
    assert (answer.status, answer.body) == (500, "")
    assert "before" in server.store.snapshot().users
    assert "after" not in server.store.snapshot().users


def test_with_displayed_errors_a_crash_is_a_page_with_200(run: Runner) -> None:
    _, client = run()
    answer = client.send(NUL)
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert "Uncaught ValueError: Bcrypt password must not contain null character" in answer.body


def test_all_users_outgrow_128_mb_between_20000_and_50000(run: Runner) -> None:
    server, client = run(memory_limit=128)
    seed(server, 20_000)
    assert len(client.result("getAllUsers")) == 20_001
    seed(server, 30_000)
    answer = client.send(call("getAllUsers"))
    assert (answer.status, answer.content_type) == (200, "text/html")
    assert "Allowed memory size of 134217728 bytes exhausted" in answer.body
    assert client.result("getUserByName", "u49999")["username"] == "u49999"


def test_beyond_200000_users_the_web_server_gives_up(run: Runner) -> None:
    server, client = run(memory_limit=128)
    seed(server, 200_000)
    assert client.send(call("getAllUsers")).status == 502


def test_every_password_takes_its_time(run: Runner) -> None:
    _, client = run(hash_cost=0.05)
    assert seconds_for(client, 4) >= 4 * 0.05


def test_more_connections_help_until_the_workers_are_busy(run: Runner) -> None:
    server, _ = run(hash_cost=0.05, workers=2)
    one, two, four = (
        side_by_side(server, connections, each=8 // connections) for connections in (1, 2, 4)
    )
    assert one >= 8 * 0.05
    assert two < one * 0.75
    assert four >= 4 * 0.05


def test_a_user_pays_for_a_password_with_every_call_of_a_batch(run: Runner) -> None:
    server, _ = run(hash_cost=0.05)
    server.store.add_user("ann")
    with Client(server, "ann", "123456") as client:
        started = time.monotonic()
        client.batch(*[call("getVersion")] * 4)
        assert time.monotonic() - started >= 4 * 0.05


def test_every_request_can_be_delayed(run: Runner) -> None:
    _, client = run(delay=0.4)
    started = time.monotonic()
    client.batch(*[call("getVersion")] * 5)
    assert 0.4 <= time.monotonic() - started < 5 * 0.4


def seed(server: Sandbox, count: int) -> None:
    first = len(server.store.snapshot().users) - 1
    with server.store.transaction():
        for number in range(first, first + count):
            server.store.add_user(f"u{number}", password=None)


def seconds_for(client: Client, users: int) -> float:
    started = time.monotonic()
    client.batch(*(new_user(f"{started}-{number}") for number in range(users)))
    return time.monotonic() - started


def side_by_side(server: Sandbox, connections: int, *, each: int) -> float:
    def create() -> None:
        with Client(server) as client:
            seconds_for(client, each)

    threads = [threading.Thread(target=create) for _ in range(connections)]
    started = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - started
