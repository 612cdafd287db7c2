"""Every fault at any request of a run, before and after the server acted: the end state is right.

A proxy between Kanport and the server makes the faults, on real connections.
"""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from kanport.config.settings import Timeouts
from kanport.errors import Exit
from kanport.outcome import Status
from kanport.pipeline.results import exit_code_of
from tests.support.disturbed import Disturbed
from tests.support.examples import every
from tests.support.proxy import (
    JSON,
    Calls,
    Disturbance,
    Ending,
    Forward,
    Proxy,
    Wire,
    items_response,
    response,
)
from tests.support.tls import tls

HASH = "$2y$10$abcdefghijklmnopqrstuvABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
LOCKED = "SQL Error[SQLSTATE[HY000]: General error: 5 database is locked]"
SQL = f"SQL Error[SQLSTATE[22001]: Failing row contains (7, joiner0, {HASH}, null).]"
PHP = "<br />\n<b>Fatal error</b>:  Maximum execution time of 30 seconds exceeded in <b>x</b><br />"


def error(code: int, message: str) -> bytes:
    body = {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": None}
    return json.dumps(body).encode()


# --- what can go wrong with the answer ------------------------------------------------------------

Spoil = Callable[[list[dict[str, object]]], Wire]


def instead(status: int, content_type: str, body: bytes, **headers: str) -> Spoil:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda items: Wire(response(status, content_type, body, named))


def page(status: int, text: str) -> Spoil:
    return instead(status, "text/html", f"<html><h1>{text}</h1></html>".encode())


def cut_in_the_middle(items: list[dict[str, object]]) -> Wire:
    whole = items_response(items)
    return Wire(whole[: -max(1, len(json.dumps(items)) // 2)], Ending.RESET)


def half_of_the_json(items: list[dict[str, object]]) -> Wire:
    body = json.dumps(items or [{"jsonrpc": "2.0", "result": True, "id": 1}]).encode()
    return Wire(response(200, JSON, body[: len(body) // 2]))


WHOLE: dict[str, Spoil] = {
    "the connection is reset before the answer": lambda items: Wire(b"", Ending.RESET),
    "the connection ends before the answer": lambda items: Wire(b"", Ending.CLOSE),
    "the connection is reset in the middle of the answer": cut_in_the_middle,
    "401": instead(401, JSON, error(401, "Unauthorized"), WWW_Authenticate="Basic"),
    "403": instead(403, JSON, error(403, "Forbidden")),
    "413": page(413, "Request Entity Too Large"),
    "429": instead(429, "text/plain", b"slow down", Retry_After="0.05"),
    "503": instead(503, "text/html", b"<html>busy</html>", Retry_After="0.05"),
    "500 and nothing": instead(500, "text/html", b""),
    "502": page(502, "Bad Gateway"),
    "504": page(504, "Gateway Timeout"),
    "PHP's time limit": instead(200, "text/html", PHP.encode()),
    "a web page": page(200, "Please log in"),
    "nothing at all": instead(200, JSON, b""),
    "half of the JSON": half_of_the_json,
    "one error for all": instead(200, JSON, error(-32700, "Parse error")),
    "no answers": lambda items: Wire(items_response([])),
    "answers to other calls": lambda items: Wire(
        items_response([{"jsonrpc": "2.0", "result": True, "id": 7}])
    ),
}


def with_last(last: Callable[[dict[str, object]], list[dict[str, object]]]) -> Spoil:
    return lambda items: Wire(items_response([*items[:-1], *last(items[-1])]))


# These spoil the answer to the last call of the batch alone.
ONE: dict[str, Spoil] = {
    "an answer for another id": with_last(lambda item: [{**item, "id": 7}]),
    "a missing id": with_last(lambda item: []),
    "an id that is there twice": with_last(lambda item: [item, item]),
    "a locked database": with_last(
        lambda item: [
            {"jsonrpc": "2.0", "error": {"code": 0, "message": LOCKED}, "id": item["id"]},
        ]
    ),
}


def spoilt(name: str, part: float) -> Disturbance:
    """Make a fault; `part` of the calls reach the server first."""

    def happen(calls: Calls, forward: Forward) -> Wire:
        if name in WHOLE:
            return WHOLE[name](forward(calls[: int(len(calls) * part)]))
        reached = calls if part else calls[:-1]
        answered = forward(reached)
        # The one that the server never saw would have been answered so.
        unseen = {"jsonrpc": "2.0", "result": True, "id": calls[-1]["id"]}
        return ONE[name](answered if part else [*answered, unseen])

    return happen


# --- one fault at every request ---------------------------------------------------------------


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as proxy:
        yield proxy


def one_at_any_request(disturbed: Disturbed, disturbance: Disturbance) -> None:
    """Disturb a run at each second request: kinds of faults and runs of tests cover all."""
    with disturbed.client() as client:
        for number in every(2, range(disturbed.requests)):

            def once(at: int, calls: Calls, hit: int = number) -> Disturbance | None:
                return disturbance if at == hit else None

            with disturbed.server(once) as (server, plan):
                disturbed.ends_well(server, plan, client, str(number))


# What a server may run into when some calls of a batch are done and others are not.
AMID = [name for name in WHOLE if name in {"500 and nothing", "502", "PHP's time limit"}]


@pytest.mark.parametrize(
    ("name", "part"),
    [(name, part) for name in WHOLE for part in (0.0, 1.0)] + [(name, 0.5) for name in AMID],
)
def test_one_spoilt_answer_anywhere_leaves_the_right_end_state(
    proxy: Proxy, tmp_path: Path, name: str, part: float
) -> None:
    one_at_any_request(Disturbed(proxy, tmp_path), spoilt(name, part))


@pytest.mark.parametrize("part", [0.0, 1.0], ids=["before", "after"])
@pytest.mark.parametrize("name", ONE)
def test_one_spoilt_item_anywhere_leaves_the_right_end_state(
    proxy: Proxy, tmp_path: Path, name: str, part: float
) -> None:
    one_at_any_request(Disturbed(proxy, tmp_path), spoilt(name, part))


@pytest.mark.parametrize("part", [0.0, 1.0], ids=["before", "after"])
def test_an_answer_that_never_comes_leaves_the_right_end_state(
    proxy: Proxy, tmp_path: Path, part: float
) -> None:
    def hang(calls: Calls, forward: Forward) -> Wire:
        forward(calls[: int(len(calls) * part)])
        return Wire(b"", Ending.HANG)

    one_at_any_request(Disturbed(proxy, tmp_path, timeouts=Timeouts(read=0.2)), hang)


# --- what goes wrong before there is a request ------------------------------------------------


@pytest.fixture
def safe(ca: trustme.CA, tmp_path: Path) -> Iterator[Disturbed]:
    ca_file = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(ca_file)
    with Proxy(tls(ca.issue_cert("127.0.0.1"))) as proxy:
        yield Disturbed(proxy, tmp_path, ca_file=ca_file, timeouts=Timeouts(connect=0.2))


def at_every_connection(disturbed: Disturbed, turn: Callable[[], None]) -> None:
    """Let conditions turn between any two requests, and before the first."""
    for number in every(2, range(disturbed.requests)):
        with disturbed.client() as client, disturbed.server() as (server, plan):
            if number:
                disturbed.proxy.turn_before(number, turn)
            else:
                turn()
            disturbed.ends_well(server, plan, client, str(number))
            disturbed.proxy.heal()


def test_a_server_that_listens_no_more_leaves_the_right_end_state(safe: Disturbed) -> None:
    at_every_connection(safe, safe.proxy.refuse)


def test_a_certificate_that_is_wrong_from_then_on_leaves_the_right_end_state(
    safe: Disturbed, ca: trustme.CA
) -> None:
    wrong = tls(ca.issue_cert("elsewhere.example.org"))
    at_every_connection(safe, lambda: safe.proxy.use(wrong))


def test_a_connection_that_is_never_made_leaves_the_right_end_state(safe: Disturbed) -> None:
    at_every_connection(safe, safe.proxy.keep_silent_once)


# --- what one call alone runs into ------------------------------------------------------------


def test_an_error_of_the_database_with_a_hash_in_it_is_told_and_kept_nowhere(
    proxy: Proxy, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(calls: Calls, forward: Forward) -> Wire:
        failed = {"jsonrpc": "2.0", "error": {"code": 22001, "message": SQL}, "id": calls[-1]["id"]}
        return Wire(items_response([*forward(calls[:-1]), failed]))

    caplog.set_level(logging.DEBUG)
    disturbed = Disturbed(proxy, tmp_path)
    with disturbed.client() as client:
        for number in range(disturbed.requests):

            def once(at: int, calls: Calls, hit: int = number) -> Disturbance | None:
                return refuse if at == hit else None

            with disturbed.server(once) as (_, plan):
                run = disturbed.carry_out(plan, client, str(number))
            assert not run.tally().complete
            assert exit_code_of(plan, run) is not Exit.OK
            kept = disturbed.journal(str(number)).read_text(encoding="utf-8")
            for place in (kept, caplog.text, repr(run)):
                assert HASH not in place
                assert "Failing row" not in place


@pytest.mark.parametrize("part", [0.0, 1.0], ids=["before", "after"])
def test_one_call_that_breaks_every_batch_is_found_and_the_others_go_through(
    proxy: Proxy, tmp_path: Path, part: float
) -> None:
    disturbed = Disturbed(proxy, tmp_path)
    with disturbed.client() as client:
        for name in ("joiner0", "joiner2", "joiner3"):

            def poisoned(at: int, calls: Calls, name: str = name) -> Disturbance | None:
                def crash(calls: Calls, forward: Forward) -> Wire:
                    # PHP does what comes before the call that it dies of.
                    number = broken.index(True)
                    forward(calls[: int(number * part)])
                    return Wire(response(500, "text/html", b""))

                broken = [
                    call["method"] == "createUser" and call["params"]["username"] == name
                    for call in calls
                ]
                return crash if any(broken) else None

            with disturbed.server(poisoned) as (server, plan):
                run = disturbed.carry_out(plan, client, f"{name}")
                there = server.store.snapshot()
            failed = [
                (change.username, outcome.status)
                for change, outcome in zip(plan.changes, run.outcomes, strict=True)
                if outcome.status is not Status.DONE
            ]
            assert failed == [(name, Status.FAILED), (name, Status.SKIPPED)]
            assert exit_code_of(plan, run) is Exit.PARTIAL
            assert there.users.keys() == disturbed.wanted.users.keys() - {name}
