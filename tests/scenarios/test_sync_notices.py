"""A sync tells whom the configuration names, and what becomes of that changes nothing else."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support import endings
from tests.support.files import MAPPING, write_files
from tests.support.receivers import Hook, Mailbox, mail_server, web_server

CONFIGURATION = """\
status = "status.json"
[notify]
on = "{on}"
[notify.webhook]
url = "{url}/s3cret-path"
[notify.email]
host = "127.0.0.1"
port = {port}
security = "none"
from = "kanport@example.org"
to = ["ops@example.org"]
"""


@pytest.fixture
def told(server: Sandbox, tmp_path: Path) -> Iterator[tuple[endings.Host, Hook, Mailbox]]:
    with ExitStack() as stack:
        hook = stack.enter_context(web_server(Hook()))
        box = stack.enter_context(mail_server(Mailbox()))
        yield endings.a_host(server, tmp_path), hook, box


def configure(world: endings.Host, hook: Hook, box: Mailbox, *, on: str = "change") -> None:
    (world.folder / "kanport.toml").write_text(
        CONFIGURATION.format(on=on, url=hook.url, port=box.port)
    )


def test_nights_with_news_are_told_and_others_are_not(
    told: tuple[endings.Host, Hook, Mailbox],
) -> None:
    world, hook, box = told
    configure(*told)
    assert world.run("sync", "club.yaml").code == 0
    assert [post[2]["changed"] for post in hook.posts] == [6]
    assert world.run("sync", "club.yaml").code == 0
    assert len(hook.posts) == len(box.mails) == 1
    write_files(
        world.folder,
        mapping=MAPPING + "limits: {update: 0}\n",
        people="Login,Name,Mail,Role\nada,Ada L.,ada@example.org,lead\n",
    )
    assert world.run("sync", "club.yaml").code == 4
    subjects = [mail["Subject"] for _, _, mail in box.mails]
    assert subjects == [
        "Kanport club: 6 changed",
        "Kanport club: stopped by a safety check (exit code 4)",
    ]
    stopped = hook.posts[1][2]
    assert {guard["guard"] for guard in stopped["guards"]} >= {"limit-update"}
    assert stopped["kept"]["plan"].endswith(".plan.json")
    everything = json.dumps([post[2] for post in hook.posts]) + "".join(map(str, box.raw))
    assert world.server.token not in everything
    assert "$2y$" not in everything


def test_a_notice_that_fails_is_told_and_changes_nothing(
    told: tuple[endings.Host, Hook, Mailbox],
) -> None:
    world, hook, box = told
    configure(*told, on="always")
    hook.answers, box.answer_to_data = [403], "554 no"
    said = world.run("sync", "club.yaml")
    assert said.code == 0
    assert (
        "Warning: Kanport could not send the notice by webhook (127.0.0.1): it answered HTTP 403\n"
        in said.err
    )
    assert (
        "Warning: Kanport could not send the notice by email (ops@example.org): 127.0.0.1 refused"
        in said.err
    )
    assert "s3cret" not in said.err
    status = json.loads((world.folder / "status.json").read_text())
    assert [notice["sent"] for notice in status["last_run"]["notices"]] == [False, False]
    assert status["last_success"] is not None
    assert "ada" in world.server.store.snapshot().users


def test_a_run_that_finds_another_one_at_work_tells_so(
    told: tuple[endings.Host, Hook, Mailbox],
) -> None:
    world, hook, _ = told
    configure(*told, on="failure")
    assert endings.another_run(world).code == 8
    assert [post[2]["result"] for post in hook.posts] == ["another run holds the lock"]


def test_a_bug_in_a_notice_is_a_failed_notice(
    told: tuple[endings.Host, Hook, Mailbox], monkeypatch: pytest.MonkeyPatch
) -> None:
    from kanport.config.secrets import Notify
    from kanport.notify import DeliveryContext, send_notices
    from tests.support.summaries import GOOD

    def broken(*arguments: object) -> None:
        raise ZeroDivisionError("s3cret")

    monkeypatch.setattr("kanport.notify.post", broken)
    notify = Notify.model_validate({"on": "always", "webhook": {"url": told[1].url}})
    (delivery,) = send_notices(notify, GOOD, DeliveryContext({}, Path("/")))
    assert delivery.problem == "a bug in Kanport: ZeroDivisionError"
