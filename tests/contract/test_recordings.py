"""The sandbox answers as a real Kanboard did, request by request."""

from collections.abc import Callable

import pytest

from kanport.sandbox import SandboxOptions
from tests.contract.conftest import OPTIONS, live_dialect
from tests.contract.recording import Answer, Exchange, Recording, as_recorded, differences, expected

COUNTS = {"sqlite": 191, "mariadb": 191, "postgres": 191, "sqlite-ldap": 196, "sqlite-access": 63}

CASES = [
    pytest.param(name, exchange, id=f"{name}-{exchange.number}-{exchange.about}")
    for name in OPTIONS
    for exchange in Recording.load(name).exchanges
]
LIVE_CASES = [
    pytest.param(exchange, id=f"{exchange.number}-{exchange.about}")
    for exchange in Recording.load(live_dialect()).exchanges
]


@pytest.mark.parametrize(("name", "exchange"), CASES)
def test_the_sandbox_answers_as_it_was_recorded(
    name: str, exchange: Exchange, sandbox_answers: Callable[[str], list[Answer]]
) -> None:
    answer = sandbox_answers(name)[exchange.number]
    assert_same(exchange, answer, SandboxOptions().version)


@pytest.mark.live
@pytest.mark.parametrize("exchange", LIVE_CASES)
def test_a_live_server_answers_as_it_was_recorded(
    exchange: Exchange, live_answers: list[Answer], live_version: str
) -> None:
    assert_same(exchange, as_recorded(live_answers[exchange.number], exchange), live_version)


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_no_exchange_is_left_out(name: str, count: int) -> None:
    assert len(Recording.load(name).exchanges) == count


def assert_same(exchange: Exchange, answer: Answer, version: str) -> None:
    """Hold status, content type, challenge and body against the recording."""
    wanted = expected(exchange, version)
    assert (answer.status, answer.content_type, answer.www_authenticate) == (
        wanted.status,
        wanted.content_type,
        wanted.www_authenticate,
    )
    assert list(differences(wanted.response, answer.response)) == []


def test_settings_of_a_live_server_make_no_difference_and_all_else_does() -> None:
    crash = Exchange(0, "", None, "", None, 200, "text/html", None, "<br />Fatal error")
    assert as_recorded(Answer(500, "text/html", None, ""), crash).response == crash.response
    assert as_recorded(Answer(500, "text/html", None, "x"), crash).status == 500
    fine = Exchange(0, "", None, "", None, 200, "application/json", None, {})
    assert as_recorded(Answer(500, "text/html", None, ""), fine).status == 500
    link = "http://localhost/?controller=BoardViewController&action=show&project_id=3"
    told = as_recorded(Answer(200, "application/json", None, {"url": [link, "x"]}), fine)
    assert told.response == {"url": ["http://localhost/board/3", "x"]}
