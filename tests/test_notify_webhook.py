"""Notices to a webhook: posted as JSON, patient once, and never a word of the secret URL."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kanport.config.secrets import Notify
from kanport.notify import Delivery, DeliveryContext, send_notices
from tests.support.receivers import Hook, web_server
from tests.support.summaries import GOOD, NOTHING


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_server(Hook()) as running:
        yield running


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kanport.notify._PAUSE", 0.01)


def deliver(
    ending: Any = GOOD, *, on: str = "always", environ: dict[str, str] | None = None, **table: Any
) -> list[Delivery]:
    notify = Notify.model_validate({"on": on, "webhook": table})
    return list(send_notices(notify, ending, DeliveryContext(environ or {}, Path("/"))))


def test_a_notice_is_posted_as_json(hook: Hook) -> None:
    (delivery,) = deliver(url=f"{hook.url}/hook")
    assert delivery == Delivery("webhook", "127.0.0.1")
    ((path, headers, body),) = hook.posts
    assert path == "/hook"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("kanport/")
    assert body["run"] == GOOD.run_id
    assert body["exit_code"] == 0


def test_nobody_is_told_of_what_they_do_not_want_to_hear(hook: Hook) -> None:
    assert deliver(NOTHING, on="change", url=hook.url) == []
    assert deliver(NOTHING, on="always", url=hook.url) != []
    assert len(hook.posts) == 1


def test_a_channel_may_want_other_runs_than_the_rest(hook: Hook) -> None:
    notify = Notify.model_validate({"on": "always", "webhook": {"url": hook.url, "on": "failure"}})
    assert list(send_notices(notify, GOOD, DeliveryContext({}, Path("/")))) == []
    assert not hook.posts


def test_secrets_are_read_when_they_are_needed_and_shown_nowhere(hook: Hook) -> None:
    environ = {"HOOK_URL": f"{hook.url}/s3cret-path", "HOOK_TOKEN": "s3cret-token"}
    (delivery,) = deliver(url={"env": "HOOK_URL"}, token={"env": "HOOK_TOKEN"}, environ=environ)
    assert delivery.problem is None
    assert hook.posts[0][0] == "/s3cret-path"
    assert hook.posts[0][1]["Authorization"] == "Bearer s3cret-token"
    hook.answers = [403]
    (delivery,) = deliver(url={"env": "HOOK_URL"}, token={"env": "HOOK_TOKEN"}, environ=environ)
    assert delivery.problem == "it answered HTTP 403"
    assert "s3cret" not in repr(delivery)


def test_a_secret_that_is_not_there_is_a_failed_notice_and_nothing_worse(hook: Hook) -> None:
    (delivery,) = deliver(url=hook.url, token={"env": "NONE"})
    assert delivery.problem is not None and "NONE is not set" in delivery.problem
    assert not hook.posts


@pytest.mark.parametrize(
    ("answers", "posts", "problem"),
    [
        ([503, 200], 2, None),
        ([500, 502], 2, "it answered HTTP 502"),
        ([404], 1, "it answered HTTP 404"),
        ([302], 1, "it answered HTTP 302"),
    ],
)
def test_a_receiver_that_is_busy_is_asked_once_more(
    hook: Hook, answers: list[int], posts: int, problem: str | None
) -> None:
    hook.answers = answers
    (delivery,) = deliver(url=hook.url)
    assert delivery.problem == problem
    assert len(hook.posts) == posts


def test_a_receiver_that_never_answers_holds_nobody_up(hook: Hook) -> None:
    hook.silent = threading.Event()
    (delivery,) = deliver(url=hook.url, timeout=0.2)
    assert delivery.problem == "no answer in 0.2 seconds"


def test_a_receiver_that_is_not_there_is_told_without_its_url() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (delivery,) = deliver(url=f"http://127.0.0.1:{port}/s3cret")
    assert delivery.problem == "it cannot be reached: Connection refused"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://hooks.example.org/s3cret", "is not encrypted"),
        ("ftp://hooks.example.org/s3cret", "must begin with https://"),
        ("s3cret", "must begin with https://"),
        ("https://hooks.example.org:port/s3cret", "URL"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_without_showing_it(url: str, problem: str) -> None:
    (delivery,) = deliver(url=url)
    assert delivery.problem is not None and problem in delivery.problem
    assert "s3cret" not in repr(delivery)
