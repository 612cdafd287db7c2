"""Which server and which token: flag before environment, everything wrong told at once."""

import os
from pathlib import Path
from typing import Any

import pytest

from kanport.config.address import is_loopback, normalize_url
from kanport.config.file import Layers
from kanport.config.settings import Settings, Timeouts, settings_of
from kanport.errors import ConfigInvalid, Exit

URL = "https://kb.example.org/jsonrpc.php"
TOKEN = "s3cret-token"
ENVIRON = {"KANPORT_URL": URL, "KANPORT_TOKEN": TOKEN}


def resolve(environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    return settings_of(Layers(flags, ENVIRON if environ is None else environ))


def problem(environ: dict[str, str] | None = None, **flags: Any) -> ConfigInvalid:
    with pytest.raises(ConfigInvalid) as caught:
        resolve(environ, **flags)
    assert caught.value.exit_code is Exit.CONFIG
    return caught.value


def told(invalid: ConfigInvalid) -> str:
    return "\n".join((invalid.message, invalid.hint or "", *invalid.details))


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    return path


# --- the URL --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://kb.example.org", URL),
        ("https://kb.example.org/", URL),
        ("https://kb.example.org/jsonrpc.php", URL),
        ("https://kb.example.org/jsonrpc.php/", URL),
        ("https://kb.example.org/index.php", URL),
        ("https://kb.example.org/?controller=DashboardController&action=show", URL),
        ("https://kb.example.org/jsonrpc.php?x=1#top", URL),
        ("https://kb.example.org:443/", URL),
        ("  https://kb.example.org \n", URL),
        ("HTTPS://KB.Example.ORG", URL),
        ("https://kb.example.org/boards", "https://kb.example.org/boards/jsonrpc.php"),
        ("https://kb.example.org/boards/", "https://kb.example.org/boards/jsonrpc.php"),
        ("https://kb.example.org/boards/jsonrpc.php", "https://kb.example.org/boards/jsonrpc.php"),
        ("https://kb.example.org:8443/a/b", "https://kb.example.org:8443/a/b/jsonrpc.php"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/jsonrpc.php"),
        ("http://localhost:80/", "http://localhost/jsonrpc.php"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x/jsonrpc.php"),
    ],
)
def test_whatever_address_of_a_kanboard_leads_to_its_api(given: str, expected: str) -> None:
    assert normalize_url(given) == expected
    assert normalize_url(expected) == expected


@pytest.mark.parametrize(
    "given",
    [
        "kb.example.org",
        "kb.example.org/jsonrpc.php",
        "ftp://kb.example.org",
        "https://",
        "/x",
        "x:1",
    ],
)
def test_what_is_no_url_of_a_server_is_told_with_an_example(given: str) -> None:
    invalid = problem({**ENVIRON, "KANPORT_URL": given})
    assert given in invalid.message
    assert invalid.hint is not None and "https://kanboard.example.org/jsonrpc.php" in invalid.hint


@pytest.mark.parametrize(
    "given",
    [
        "https://kb.example.org:port/",
        "https://kb.example.org:99999/",
        "https://kb.example.org:0/",
        "https://[::1/",
        "https://kb..example.org/",
        "https://kb.example.org/a b",
        "https://kb.example.org/\x00",
        "https://kb.example.org\\@evil.example.org/",
    ],
)
def test_a_broken_url_is_refused(given: str) -> None:
    problem({**ENVIRON, "KANPORT_URL": given})


@pytest.mark.parametrize(
    "given",
    [
        "https://jsonrpc:hunter2@kb.example.org/",
        "https://hunter2@kb.example.org/",
        "ftp://jsonrpc:hunter2@kb.example.org/",
        "jsonrpc:hunter2@kb.example.org",
    ],
)
def test_a_url_with_credentials_is_refused_without_showing_them(given: str) -> None:
    invalid = problem({**ENVIRON, "KANPORT_URL": given})
    assert "hunter2" not in told(invalid)
    assert "hunter2" not in repr(invalid.__cause__) + repr(invalid.__context__)


def test_the_hint_for_credentials_in_the_url_says_where_they_belong() -> None:
    invalid = problem(url="https://jsonrpc:hunter2@kb.example.org/")
    assert invalid.hint is not None and "KANPORT_TOKEN" in invalid.hint


@pytest.mark.parametrize(
    "host", ["kb.example.org", "192.0.2.1", "localhost.example.org", "[2001:db8::1]"]
)
def test_plain_http_to_another_machine_needs_a_switch_and_warns(host: str) -> None:
    url = f"http://{host}/"
    invalid = problem(url=url)
    assert invalid.hint is not None and "--allow-http" in invalid.hint
    settings = resolve(url=url, allow_http=True)
    assert settings.warning is not None and "not encrypted" in settings.warning
    assert resolve({**ENVIRON, "KANPORT_ALLOW_HTTP": "1"}, url=url).url == settings.url


@pytest.mark.parametrize("url", ["https://kb.example.org", "http://127.0.0.1:1", "http://[::1]"])
def test_a_safe_connection_is_not_warned_of(url: str) -> None:
    assert resolve(url=url, allow_http=True).warning is None


def test_this_machine_is_told_without_a_name_server() -> None:
    assert is_loopback("LOCALHOST")
    assert is_loopback("127.255.255.254")
    assert not is_loopback("127.0.0.1.example.org")
    assert not is_loopback("")


# --- the token ------------------------------------------------------------------------------------


def test_the_token_comes_from_the_environment() -> None:
    settings = resolve()
    assert settings.token.get_secret_value() == TOKEN
    assert settings.token_from == "KANPORT_TOKEN"


def test_the_token_comes_from_a_file(token_file: Path) -> None:
    settings = resolve({"KANPORT_URL": URL, "KANPORT_TOKEN_FILE": str(token_file)})
    assert settings.token.get_secret_value() == TOKEN
    assert str(token_file) in settings.token_from


def test_the_flag_beats_the_environment(token_file: Path) -> None:
    environ = {"KANPORT_URL": URL, "KANPORT_TOKEN": "other", "KANPORT_TOKEN_FILE": "/nowhere"}
    settings = resolve(environ, token_file=token_file, url="https://two.example.org")
    assert settings.token.get_secret_value() == TOKEN
    assert settings.url == "https://two.example.org/jsonrpc.php"


def test_two_tokens_in_the_environment_are_one_too_many(token_file: Path) -> None:
    invalid = problem({**ENVIRON, "KANPORT_TOKEN_FILE": str(token_file)})
    assert "KANPORT_TOKEN and KANPORT_TOKEN_FILE" in invalid.message


@pytest.mark.parametrize(
    ("content", "token"),
    [
        (b"abc", "abc"),
        (b"abc\n", "abc"),
        (b"abc\r\n", "abc"),
        (b"\xef\xbb\xbfabc\n", "abc"),
        (b" abc \n", " abc "),
        ("schlüssel".encode(), "schlüssel"),
    ],
)
def test_one_line_break_at_the_end_of_the_file_is_not_part_of_the_token(
    content: bytes, token: str, token_file: Path
) -> None:
    token_file.write_bytes(content)
    assert resolve(token_file=token_file).token.get_secret_value() == token


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"  \n", b"abc\n\n", b"abc\ndef", b"abc\x00", b"\xff\xfeabc", b"x" * 5000],
)
def test_a_file_that_holds_no_token_is_refused(content: bytes, token_file: Path) -> None:
    token_file.write_bytes(content)
    invalid = problem(token_file=token_file)
    assert str(token_file) in invalid.message
    assert "abc" not in told(invalid)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o601, 0o666])
def test_a_token_file_that_others_can_reach_is_refused(mode: int, token_file: Path) -> None:
    token_file.chmod(mode)
    invalid = problem(token_file=token_file)
    assert f"mode {mode:04o}" in invalid.message
    assert invalid.hint == f"chmod 600 {token_file}"
    assert TOKEN not in told(invalid)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_token_file_of_ones_own_is_fine(mode: int, token_file: Path) -> None:
    token_file.chmod(mode)
    assert resolve(token_file=token_file).token.get_secret_value() == TOKEN


def test_a_token_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "No such file" in problem(token_file=tmp_path / "none").message
    assert "directory" in problem(token_file=tmp_path).message


def test_a_token_file_can_be_a_pipe() -> None:
    reading, writing = os.pipe()
    os.write(writing, TOKEN.encode())
    os.close(writing)
    try:
        settings = resolve(token_file=f"/dev/fd/{reading}")
    finally:
        os.close(reading)
    assert settings.token.get_secret_value() == TOKEN


def test_the_token_shows_nowhere() -> None:
    settings = resolve()
    assert TOKEN not in repr(settings)
    assert TOKEN not in str(settings)
    assert TOKEN not in str(settings.token)


# --- what is missing or wrong ---------------------------------------------------------------------


def test_every_place_looked_at_is_named_in_order() -> None:
    invalid = problem({})
    places = ["--url", "KANPORT_URL", "--token-file", "--token-stdin"]
    places += ["KANPORT_TOKEN", "KANPORT_TOKEN_FILE"]
    looked = [line.split()[2].rstrip(":") for line in invalid.details if "looked at" in line]
    assert looked == places


def test_an_empty_variable_is_not_set() -> None:
    assert problem({"KANPORT_URL": "", "KANPORT_TOKEN": TOKEN}).message == "no server is named"
    assert resolve({**ENVIRON, "KANPORT_TOKEN_FILE": ""}).token_from == "KANPORT_TOKEN"


def test_everything_wrong_is_told_at_once(tmp_path: Path) -> None:
    environ = {
        "KANPORT_ALLOW_HTTP": "maybe",
        "KANPORT_AUTH_HEADER": "not a header",
        "KANPORT_CA_FILE": str(tmp_path / "none.pem"),
        "KANPORT_TIMEOUT": "soon",
        "KANPORT_BATCH_SIZE": "many",
    }
    invalid = problem(environ)
    assert "7 problems" in invalid.message
    for part in ("no server", "no token", "maybe", "not a header", "none.pem", "soon", "many"):
        assert part in told(invalid)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e9])
def test_a_time_that_is_none_is_refused(timeout: float) -> None:
    assert "--timeout" in problem(timeout=timeout).message


def test_times_are_explicit_and_can_be_set() -> None:
    assert resolve().timeouts == Timeouts()
    assert resolve(timeout=2.5).timeouts.read == 2.5
    assert resolve({**ENVIRON, "KANPORT_TIMEOUT": "30"}).timeouts.read == 30
    assert resolve({**ENVIRON, "KANPORT_TIMEOUT": "30"}, timeout=40).timeouts.read == 40
    patient = resolve(timeout=5_000).timeouts
    assert patient.total >= patient.read


@pytest.mark.parametrize("size", [0, -1, 5_001])
def test_a_batch_size_that_is_none_is_refused(size: int) -> None:
    assert "--batch-size" in problem(batch_size=size).message


def test_the_batch_size_can_be_set() -> None:
    assert resolve().batch_size is None
    assert resolve(batch_size=5).batch_size == 5
    assert resolve({**ENVIRON, "KANPORT_BATCH_SIZE": "7"}).batch_size == 7


@pytest.mark.parametrize("name", ["X API", "X:API", "", "Host", "content-length", "Ä"])
def test_a_header_that_cannot_carry_credentials_is_refused(name: str) -> None:
    if name:
        problem(auth_header=name)
    else:
        assert resolve(auth_header=name).auth_header is None


def test_a_token_that_the_header_would_cut_is_refused() -> None:
    environ = {**ENVIRON, "KANPORT_TOKEN": "hunter2:rest"}
    assert resolve(environ).auth_header is None
    invalid = problem(environ, auth_header="X-API-Auth")
    assert "colon" in invalid.message
    assert "hunter2" not in told(invalid)


def test_a_private_authority_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("")
    assert resolve(ca_file=path).ca_file == path
    assert resolve({**ENVIRON, "KANPORT_CA_FILE": str(path)}).ca_file == path
    assert resolve().ca_file is None
