"""Secrets by reference: environment, file, keyring or standard input; never shown."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

from kanport.config.file import Layers, load_configuration
from kanport.config.secrets import Keyring, SettingSecret, TokenReference, read_reference
from kanport.config.settings import settings_of
from kanport.errors import ConfigInvalid

SECRET = "correct-horse"


def read(reference: SettingSecret, folder: Path, **environ: str) -> str:
    return read_reference(
        reference, "password", environ=environ, base=folder, stdin=lambda: SECRET + "\n"
    ).get_secret_value()


def refused(reference: SettingSecret, folder: Path, **environ: str) -> ConfigInvalid:
    with pytest.raises(ConfigInvalid) as caught:
        read(reference, folder, **environ)
    told = f"{caught.value.message} {caught.value.hint} {caught.value.__cause__!r}"
    assert SECRET not in told
    return caught.value


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return path


def test_a_secret_comes_from_where_its_reference_points(tmp_path: Path, secret_file: Path) -> None:
    assert read(SettingSecret(env="X"), tmp_path, X=SECRET) == SECRET
    assert read(SettingSecret(file="secret"), tmp_path) == SECRET
    assert read(SettingSecret(file=str(secret_file)), Path("/")) == SECRET
    assert read(TokenReference(stdin=True), tmp_path) == SECRET


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644])
def test_a_file_that_others_can_reach_is_refused_with_what_to_do(
    tmp_path: Path, secret_file: Path, mode: int
) -> None:
    secret_file.chmod(mode)
    problem = refused(SettingSecret(file="secret"), tmp_path)
    assert f"(mode {mode:04o})" in problem.message
    assert problem.hint == f"chmod 600 {secret_file}"


@pytest.mark.parametrize("mode", [0o400, 0o440])
def test_a_credential_of_systemd_may_look_as_if_the_group_could_read_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir(mode=0o700)
    (folder / "token").write_text(SECRET)
    (folder / "token").chmod(mode)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert read(SettingSecret(file=str(folder / "token")), tmp_path) == SECRET


def test_only_the_folder_of_systemd_itself_is_trusted(
    tmp_path: Path, secret_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_file.chmod(0o440)
    inside = tmp_path / "credentials"
    inside.mkdir(mode=0o700)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(inside))
    refused(SettingSecret(file=str(secret_file)), tmp_path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read(SettingSecret(file="secret"), tmp_path) == SECRET
    tmp_path.chmod(0o755)
    refused(SettingSecret(file="secret"), tmp_path)
    tmp_path.chmod(0o700)
    secret_file.chmod(0o444)
    refused(SettingSecret(file="secret"), tmp_path)


def test_what_is_no_secret_is_refused(tmp_path: Path, secret_file: Path) -> None:
    assert "is not set" in refused(SettingSecret(env="X"), tmp_path).message
    assert "is empty" in refused(SettingSecret(env="X"), tmp_path, X=" ").message
    assert "cannot be read" in refused(SettingSecret(file="none"), tmp_path).message
    secret_file.write_text(f"{SECRET}\n{SECRET}\n")
    assert "line breaks" in refused(SettingSecret(file="secret"), tmp_path).message
    secret_file.write_text(SECRET * 1000)
    assert "more than a password" in refused(SettingSecret(file="secret"), tmp_path).message


# --- the keyring ----------------------------------------------------------------------------------


def fake_keyring(monkeypatch: pytest.MonkeyPatch, entries: dict[tuple[str, str], str]) -> None:
    module, errors = ModuleType("keyring"), ModuleType("keyring.errors")

    class KeyringError(Exception):
        pass

    def get_password(service: str, username: str) -> str | None:
        if service == "locked":
            raise KeyringError(SECRET)
        return entries.get((service, username))

    vars(errors)["KeyringError"] = KeyringError
    vars(module)["get_password"] = get_password
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)


def entry(service: str) -> SettingSecret:
    return SettingSecret(keyring=Keyring(service=service, username="kanport"))


def test_a_secret_comes_from_the_keyring(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake_keyring(monkeypatch, {("kanboard", "kanport"): SECRET})
    assert read(entry("kanboard"), tmp_path) == SECRET
    assert refused(entry("other"), tmp_path).hint == "keyring set other kanport"
    assert "cannot be read: KeyringError" in refused(entry("locked"), tmp_path).message


def test_without_the_keyring_extra_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    hint = refused(entry("kanboard"), tmp_path).hint
    assert hint is not None and 'pip install ".[keyring]"' in hint


# --- the token ------------------------------------------------------------------------------------


def layers(folder: Path, text: str, flags: dict[str, object], **environ: str) -> Layers:
    path = folder / "kanport.toml"
    path.write_text(text)
    return Layers(flags, environ, load_configuration(path, environ=environ))


def test_the_token_comes_from_flag_then_environment_then_file(
    tmp_path: Path, secret_file: Path
) -> None:
    text = 'url = "https://kb.example.org"\ntoken = {file = "secret"}\n'

    def token(flags: dict[str, object], **environ: str) -> tuple[str, str]:
        found = settings_of(layers(tmp_path, text, flags, **environ), lambda: "piped\n")
        return found.token.get_secret_value(), found.token_from

    place = f"the file secret ({tmp_path / 'kanport.toml'}:2)"
    assert token({}) == (SECRET, place)
    assert token({}, KANPORT_TOKEN="from-environment") == ("from-environment", "KANPORT_TOKEN")
    assert token({"token_stdin": True}, KANPORT_TOKEN="x") == (
        "piped",
        "standard input (--token-stdin)",
    )
    assert token({"token_file": secret_file}, KANPORT_TOKEN="x")[0] == SECRET


def test_two_flags_for_one_token_are_refused(tmp_path: Path, secret_file: Path) -> None:
    flags: dict[str, object] = {"token_file": secret_file, "token_stdin": True}
    with pytest.raises(ConfigInvalid, match="only one can be meant"):
        settings_of(layers(tmp_path, 'url = "https://kb.example.org"\n', flags))


def test_a_token_may_come_through_a_pipe_as_the_file_says(tmp_path: Path) -> None:
    text = 'url = "https://kb.example.org"\ntoken = {stdin = true}\n'
    found = settings_of(layers(tmp_path, text, {}), lambda: "piped\n")
    assert found.token.get_secret_value() == "piped"
    with pytest.raises(ConfigInvalid, match="is empty"):
        settings_of(layers(tmp_path, text, {}), lambda: "")
    with pytest.raises(ConfigInvalid, match="more than a token"):
        settings_of(layers(tmp_path, text, {}), lambda: "x" * 5000)


@pytest.mark.parametrize("name", ["a\0b", "~nobody-of-this-name/secret"])
def test_a_path_that_leads_nowhere_is_told(tmp_path: Path, name: str) -> None:
    refused(SettingSecret(file=name), tmp_path)
