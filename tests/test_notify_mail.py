"""Notices by email: encrypted, to everybody at once, and no header that anybody smuggled in."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from kanport.config.secrets import Notify
from kanport.monitoring import RunSummary
from kanport.notify import Delivery, DeliveryContext, send_notices
from tests.support.receivers import Mailbox, mail_server
from tests.support.summaries import GOOD, STOPPED, a_summary

PASSWORD = "s3cret-password"
EVERYBODY = ["ops@example.org", "boss@example.org"]


@pytest.fixture
def encrypted(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def plain() -> Iterator[Mailbox]:
    with mail_server(Mailbox()) as box:
        yield box


def deliver(
    box: Mailbox, told: RunSummary = GOOD, *, ca_file: Path | None = None, **table: Any
) -> Delivery:
    email = {
        "host": "127.0.0.1",
        "port": box.port,
        "security": "none",
        "from": "kanport@example.org",
        "to": EVERYBODY,
        "timeout": 5,
    } | table
    notify = Notify.model_validate({"on": "always", "email": email})
    context = DeliveryContext({"SMTP_PASSWORD": PASSWORD}, Path("/"), ca_file)
    (delivery,) = send_notices(notify, told, context)
    return delivery


def test_a_notice_goes_to_everybody_at_once(plain: Mailbox) -> None:
    assert deliver(plain, STOPPED) == Delivery("email", "ops@example.org, boss@example.org")
    ((sender, receivers, mail),) = plain.mails
    assert (sender, receivers) == ("kanport@example.org", EVERYBODY)
    assert mail["Subject"] == "Kanport nightly: stopped by a safety check (exit code 4)"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Kanport-Exit-Code"] == "4"
    assert mail["Message-ID"].endswith("@example.org>")
    assert mail["Date"].datetime.year >= 2026
    assert "limit-disable: disable: 40 planned, 5 allowed" in mail.get_content()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_login_goes_over_an_encrypted_connection(
    encrypted: ssl.SSLContext, ca_file: Path, security: str
) -> None:
    box = Mailbox(encrypted, security == "tls", login=("kanport", PASSWORD))
    login: dict[str, Any] = {
        "username": "kanport",
        "password": {"env": "SMTP_PASSWORD"},
        "security": security,
    }
    with mail_server(box):
        assert deliver(box, ca_file=ca_file, **login).problem is None
        assert box.encrypted == [True]
        box.login = ("kanport", "another")
        refused = deliver(box, ca_file=ca_file, **login)
    assert refused.problem == "127.0.0.1 refused the login (535)"
    assert PASSWORD not in repr(refused)


def test_a_server_that_nobody_vouches_for_gets_nothing(encrypted: ssl.SSLContext) -> None:
    box = Mailbox(encrypted, login=("kanport", PASSWORD))
    login: dict[str, Any] = {
        "username": "kanport",
        "password": {"env": "SMTP_PASSWORD"},
        "security": "starttls",
    }
    with mail_server(box):
        problem = deliver(box, **login).problem
    assert problem is not None and problem.startswith("the certificate of 127.0.0.1 was refused")
    assert not box.mails


def test_a_server_without_starttls_gets_nothing_in_clear(plain: Mailbox) -> None:
    problem = deliver(plain, security="starttls").problem
    assert problem is not None and "does not offer STARTTLS" in problem
    assert not plain.mails


def test_a_password_never_goes_in_clear_to_another_machine(plain: Mailbox) -> None:
    login: dict[str, Any] = {"username": "kanport", "password": {"env": "SMTP_PASSWORD"}}
    problem = deliver(plain, host="mail.example.org", **login).problem
    assert problem == ("mail.example.org would get the password in clear: set security to starttls")


def test_receivers_that_are_refused_are_told(plain: Mailbox) -> None:
    plain.refused = frozenset({"boss@example.org"})
    assert deliver(plain).problem == "127.0.0.1 refused some of the receivers: boss@example.org"
    assert plain.mails[0][1] == ["ops@example.org"]
    plain.refused = frozenset(EVERYBODY)
    problem = deliver(plain).problem
    assert problem is not None and "ops@example.org (550)" in problem


def test_a_server_that_takes_no_message_is_told(plain: Mailbox) -> None:
    plain.answer_to_data = "552 5.2.2 the mailbox is full"
    assert deliver(plain).problem == "127.0.0.1 refused the message (552)"


def test_a_server_that_is_not_there_is_told(plain: Mailbox) -> None:
    assert deliver(plain, port=1).problem == "127.0.0.1 cannot be used: Connection refused"


@pytest.mark.parametrize(
    "evil",
    ["x\r\nBcc: evil@example.org", "x\nBcc: evil@example.org", "x\r\n\r\nbody", "x\u2028Bcc: a@b"],
)
def test_what_people_wrote_makes_no_header(plain: Mailbox, evil: str) -> None:
    told = a_summary(
        STOPPED,
        mapping=evil,
        message=evil,
        hint=evil,
        guards=((evil, evil),),
        first_findings=(evil,),
        kept={"journal": f"/tmp/{evil}"},  # noqa: S108
    )
    assert deliver(plain, told).problem is None
    ((_, receivers, mail),) = plain.mails
    assert receivers == EVERYBODY
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Kanport-Run",
        "X-Kanport-Exit-Code", "Content-Type", "Content-Transfer-Encoding", "MIME-Version",
    }  # fmt: skip
    head = plain.raw[0].split(b"\r\n\r\n")[0]
    assert b"\nBcc" not in head


def test_names_of_all_the_world_arrive_as_they_are(plain: Mailbox) -> None:
    told = a_summary(mapping="Größe-東京", message="Jörg and 山田 were created.")
    assert deliver(plain, told).problem is None
    mail = plain.mails[0][2]
    assert mail["Subject"] == "Kanport Größe-東京: 3 changed"
    assert "Jörg and 山田 were created." in mail.get_content()
