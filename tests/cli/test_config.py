"""`kanport config show`: every value with where it came from, and no secret."""

import json
from pathlib import Path

import pytest

from kanport.config.settings import SETTINGS
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport

FILE = """\
url = "https://kb.example.org"
token = {file = "token"}
timeout = 10
rate = 2.5

[notify]
on = "always"
[notify.webhook]
url = "https://hooks.example.org/s3cret-path"
token = {env = "HOOK"}
[notify.email]
host = "smtp.example.org"
username = "kanport"
password = {keyring = {service = "smtp", username = "kanport"}}
from = "kanport@example.org"
to = ["ops@example.org"]

[profile.staging]
url = "https://staging.example.org"
token = {env = "STAGING"}
"""


@pytest.fixture
def shown(
    kanport: Kanport, server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Kanport:
    for name in ("KANPORT_URL", "KANPORT_TOKEN"):
        monkeypatch.delenv(name)
    (tmp_path / "kanport.toml").write_text(FILE)
    (tmp_path / "token").write_text("s3cret-token")
    (tmp_path / "token").chmod(0o600)
    return kanport


def test_every_setting_is_told_with_where_it_came_from(
    shown: Kanport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANPORT_RATE", "7")
    told = shown("config", "show", "--timeout", "5", "--connections", "3")
    assert told.code == 0, told
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in told.out.splitlines() if line}
    assert lines["configuration"] == "kanport.toml"
    assert lines["url"] == "https://kb.example.org (kanport.toml:1)"
    assert lines["token"] == "•••••• (the file token (kanport.toml:2))"
    assert lines["timeout"] == "5 seconds (--timeout)"
    assert lines["connections"] == "3 (--connections)"
    assert lines["rate"] == "7 calls per second (KANPORT_RATE)"
    assert lines["max_errors"] == "no limit (default)"
    assert lines["notify.on"] == "always (kanport.toml:7)"
    assert lines["notify.webhook.url"] == "https://hooks.example.org/•••••• (kanport.toml:8)"
    assert lines["notify.email.password"].startswith("•••••• from the keyring entry smtp/kanport")
    assert {setting.key for setting in SETTINGS} <= set(lines)


def test_the_state_folder_is_told_as_a_path(
    shown: Kanport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def state() -> str:
        lines = shown("config", "show").out.splitlines()
        (line,) = [line for line in lines if line.startswith("state ")]
        return " ".join(line.split()[1:])

    monkeypatch.setenv("XDG_STATE_HOME", "/var/states")
    monkeypatch.delenv("KANPORT_STATE", raising=False)
    assert state() == "/var/states/kanport (XDG_STATE_HOME)"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/ada")
    assert state() == "/home/ada/.local/state/kanport (default)"


def test_a_profile_is_told_by_its_own_lines(
    shown: Kanport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGING", "s3cret-staging")
    told = shown("--profile", "staging", "config", "show", "--format", "json")
    assert told.code == 0, told
    settings = {row["setting"]: row for row in json.loads(told.out)["settings"]}
    assert settings["url"]["origin"] == "kanport.toml:19, profile staging"
    assert settings["timeout"]["origin"] == "kanport.toml:3"
    assert json.loads(told.out)["profile"] == "staging"
    assert "s3cret" not in told.out + told.err


def test_no_secret_is_ever_shown(shown: Kanport) -> None:
    for form in ("text", "json"):
        told = shown("config", "show", "--format", form)
        assert "s3cret" not in told.out + told.err


def test_a_missing_setting_lists_all_places_that_were_looked_at(
    shown: Kanport, tmp_path: Path
) -> None:
    (tmp_path / "kanport.toml").unlink()
    told = shown("config", "show")
    assert told.code == 6
    for place in ("--url", "KANPORT_URL", "kanport.toml", f"{tmp_path}/config", "/etc/kanport"):
        assert f"looked at {place}" in told.out
        assert f"looked at {place}" in told.err
    assert "looked at KANPORT_TOKEN_FILE: not set" in told.out


def test_a_token_on_standard_input_is_read_by_every_command(
    kanport: Kanport, server: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KANPORT_TOKEN")
    assert kanport("doctor", "--token-stdin", typed=server.token + "\n").code == 0
    assert kanport("doctor", "--token-stdin", typed="another\n").code == 7


def test_every_command_that_talks_to_a_server_takes_it_from_the_file(
    kanport: Kanport, server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KANPORT_URL", "KANPORT_TOKEN"):
        monkeypatch.delenv(name)
    (tmp_path / "token").write_text(server.token)
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "kanport.toml").write_text(f'url = "{server.url}"\ntoken = {{file = "token"}}\n')
    assert kanport("doctor").code == 0
    assert kanport("doctor", "--profile", "none").code == 6
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert kanport("doctor").code == 6
    assert kanport("--config", tmp_path / "kanport.toml", "doctor").code == 0


def test_the_file_is_read_once(shown: Kanport, monkeypatch: pytest.MonkeyPatch) -> None:
    from kanport.config import file as config

    calls: list[object] = []
    real = config.load_configuration

    def counted(*arguments: object, **named: object) -> object:
        calls.append(arguments)
        return real(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(config, "load_configuration", counted)
    shown("config", "show")
    assert len(calls) == 1
