"""Whether the server can be reached, what it is, and what a person should know of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from kanport.config.file import Layers
from kanport.config.settings import Settings, settings_of
from kanport.doctor.checks import Check, CheckStatus, exit_for
from kanport.doctor.server import ServerChecks, user_checks, version_check
from kanport.errors import Exit
from kanport.model import User
from kanport.sandbox import WRITING_PROCEDURES as WRITING
from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.command_line import Kanport
from tests.support.doctor import NOW, text_of
from tests.support.http_server import TOKEN, Reply, always, answers, error, serve, settings_for
from tests.support.tls import tls


def look(settings: Settings, now: datetime = NOW) -> list[Check]:
    return list(ServerChecks(settings, now=now).checks())


def at(server: Sandbox, token: str | None = None) -> Settings:
    return settings_of(Layers({"url": server.url}, {"KANPORT_TOKEN": token or server.token}))


def test_a_good_server_is_told_in_one_line_a_check(server: Sandbox) -> None:
    server.store.add_user("root", role="app-admin")
    server.store.add_user("zoe", ldap=True, active=False)
    server.store.add_project("Alpha")
    checks = look(at(server))
    assert {check.level for check in checks} == {CheckStatus.OK}
    text = text_of(checks)
    assert "Kanboard 1.2.53" in text
    assert "the server accepts the token from KANPORT_TOKEN" in text
    assert "3 users (2 active, 1 from Kanboard's own LDAP)" in text
    assert "2 active administrators" in text
    assert "1 project (0 closed, 0 private), 0 groups" in text
    assert "a batch of 50 takes" in text


def test_nothing_that_writes_is_ever_sent(server: Sandbox, kanport: Kanport) -> None:
    assert kanport("doctor").code == 0
    sent = {name for log in server.requests for name in log.procedures}
    assert sent
    assert not sent & set(WRITING)


def test_a_single_administrator_and_names_that_are_blank_are_warned_of(server: Sandbox) -> None:
    server.store.add_user("")
    warned = text_of(look(at(server)), CheckStatus.WARNING)
    assert "admin is the only active administrator" in warned
    assert "1 user without a username" in warned


def test_many_users_in_one_answer_are_warned_of() -> None:
    users = tuple(User(number, f"u{number}") for number in range(1, 15_002))
    warned = text_of(user_checks(users), CheckStatus.WARNING)
    assert "15001 users" in warned
    assert "memory_limit" in warned
    assert "there is no active administrator" in warned


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("1.2.53", CheckStatus.OK),
        ("v1.2.0", CheckStatus.OK),
        ("main.2cba210", CheckStatus.OK),
        ("", CheckStatus.OK),
        ("1.0.44", CheckStatus.WARNING),
    ],
)
def test_an_old_version_is_warned_of(version: str, level: CheckStatus) -> None:
    assert version_check(version).level is level


def test_a_wrong_token_is_a_problem_and_is_not_tried_twice(server: Sandbox) -> None:
    checks = look(at(server, "wrong-token"))
    assert exit_for(checks) is Exit.UNREACHABLE
    assert len(server.requests) == 1
    assert "wrong-token" not in text_of(checks)


def test_a_server_that_is_no_kanboard_is_a_problem() -> None:
    with serve(answers({})) as other:
        assert exit_for(look(settings_for(other))) is Exit.UNREACHABLE
    with serve(always(Reply("<html>hello", content_type="text/html"))) as other:
        checks = look(settings_for(other))
    assert exit_for(checks) is Exit.UNREACHABLE
    assert TOKEN not in text_of(checks)


def test_procedures_that_are_missing_are_named_and_the_rest_is_looked_at() -> None:
    options = SandboxOptions(missing_procedures=frozenset({"getGroupMembers", "getAllGroups"}))
    with Sandbox(options) as old:
        checks = look(at(old))
    assert "it lacks getAllGroups and getGroupMembers" in text_of(checks, CheckStatus.WARNING)
    assert "1 user (1 active)" in text_of(checks, CheckStatus.OK)


def test_what_fails_in_one_check_keeps_no_other_from_being_made() -> None:
    script = answers(
        {
            "getVersion": "1.2.53",
            "getAllProjects": [],
            "getAllGroups": [],
            "getAllUsers": error(0, "SQL Error[42000]: secret of the server"),
        }
    )
    with serve(script) as broken:
        checks = look(settings_for(broken))
    assert "refuses getAllUsers" in text_of(checks, CheckStatus.PROBLEM)
    assert "a batch of 50 takes" in text_of(checks, CheckStatus.OK)
    assert "secret of the server" not in text_of(checks)


# --- TLS ------------------------------------------------------------------------------------------


KANBOARD = {"getVersion": "1.2.53", "getAllUsers": [], "getAllProjects": [], "getAllGroups": []}


@pytest.mark.parametrize(("days", "level"), [(300, CheckStatus.OK), (5, CheckStatus.WARNING)])
def test_a_certificate_is_told_and_warned_of_before_it_ends(
    ca: trustme.CA, ca_file: Path, days: int, level: CheckStatus
) -> None:
    now = datetime.now(UTC)
    end = now + timedelta(days=days, minutes=1)
    issued = ca.issue_cert("127.0.0.1", "kb.example.org", not_after=end)
    with serve(answers(KANBOARD), tls(issued)) as server:
        checks = look(settings_for(server, ca_file=ca_file), now)
    told = next(check for check in checks if "certificate" in check.text)
    assert told.level is level
    assert "TLS 1.3, with a valid certificate for" in told.text
    assert "kb.example.org" in told.text
    assert "from trustme" in told.text
    assert f"until {end:%Y-%m-%d}" in told.text


def test_a_certificate_that_nobody_vouches_for_is_a_problem(ca: trustme.CA) -> None:
    with serve(answers(KANBOARD), tls(ca.issue_cert("127.0.0.1"))) as server:
        checks = look(settings_for(server))
    assert exit_for(checks) is Exit.UNREACHABLE
    assert "--ca-file" in text_of(checks, CheckStatus.PROBLEM)


# --- the command ----------------------------------------------------------------------------------


def test_without_a_server_it_says_how_to_name_one(
    kanport: Kanport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KANPORT_URL")
    ended = kanport("doctor")
    assert ended.code == Exit.CONFIG
    assert "set KANPORT_URL" in ended.out


def test_a_server_without_a_token_says_where_it_was_looked_for(
    kanport: Kanport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KANPORT_TOKEN")
    ended = kanport("doctor")
    assert ended.code == Exit.CONFIG
    assert "KANPORT_TOKEN_FILE" in ended.out


def test_json_says_the_same_and_nothing_else(server: Sandbox, kanport: Kanport) -> None:
    ended = kanport("doctor", "--format", "json")
    report = json.loads(ended.out)
    assert report["format"] == "kanport-doctor/1"
    assert report["exit_code"] == ended.code == 0
    assert report["summary"]["warning"] == 1
    assert len(report["checks"]) == sum(report["summary"].values())
    assert server.token not in ended.out
