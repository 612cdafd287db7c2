"""Two runs on one server are kept apart however it is called, and two servers are not."""

import socket
from pathlib import Path

import pytest
from pydantic import SecretStr

from kanport.config.address import canonical_url
from kanport.errors import LockHeld
from kanport.pipeline.run_locks import may_be_same, run_lock
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport

TOKEN = SecretStr("0123456789abcdef" * 4)


def held_by_two(folder: Path, first: str, second: str, *, same_token: bool = True) -> bool:
    """Tell whether two runs get the locks of two URLs at the same time."""
    other = TOKEN if same_token else SecretStr("f" * 60)
    with run_lock(first, None, state=folder, command="kanport sync a.yaml", token=TOKEN):
        try:
            with run_lock(second, None, state=folder, command="kanport sync b.yaml", token=other):
                return True
        except LockHeld:
            return False


SAME = [
    ("http://localhost/jsonrpc.php", "http://127.0.0.1/jsonrpc.php"),
    ("http://localhost/jsonrpc.php", "http://[::1]/jsonrpc.php"),
    ("http://127.0.0.1:8080/kb/jsonrpc.php", "http://LOCALHOST:8080/kb/"),
    ("http://127.0.0.1:80/jsonrpc.php", "http://127.0.0.2/jsonrpc.php"),
    ("http://[::ffff:127.0.0.1]/jsonrpc.php", "http://localhost/jsonrpc.php"),
    ("https://KB.example.org/jsonrpc.php", "https://kb.example.org:443/jsonrpc.php"),
    ("https://kb.example.org./jsonrpc.php", "https://kb.example.org"),
    ("https://kb.example.org/kb//jsonrpc.php", "https://kb.example.org/kb/"),
    ("https://[2001:db8:0:0::1]/jsonrpc.php", "https://[2001:db8::1]/"),
    ("https://bücher.example/jsonrpc.php", "https://xn--bcher-kva.example/jsonrpc.php"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_url_are_one_server(tmp_path: Path, one: str, other: str) -> None:
    assert canonical_url(one) == canonical_url(other)
    assert not held_by_two(tmp_path, one, other, same_token=False)


OTHERS = [
    ("http://localhost:8080/jsonrpc.php", "http://localhost:8081/jsonrpc.php"),
    ("https://a.example.org/jsonrpc.php", "https://b.example.org/jsonrpc.php"),
    ("https://kb.example.org/one/jsonrpc.php", "https://kb.example.org/two/jsonrpc.php"),
    ("https://kb.example.org/jsonrpc.php", "https://kb.example.org:8443/jsonrpc.php"),
]


@pytest.mark.parametrize(("one", "other"), OTHERS)
def test_other_servers_do_not_wait_for_each_other(tmp_path: Path, one: str, other: str) -> None:
    assert canonical_url(one) != canonical_url(other)
    assert held_by_two(tmp_path, one, other, same_token=False)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Names that a name server knows; there is none in a test."""
    known: dict[str, str] = {}

    def look_up(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        if host not in known:
            raise socket.gaierror(f"{host} is not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


def test_a_name_and_its_address_are_one_server(tmp_path: Path, names: dict[str, str]) -> None:
    names |= {"kb.example.org": "192.0.2.7", "alias.example.org": "192.0.2.7"}
    names["192.0.2.7"] = "192.0.2.7"
    url = "https://kb.example.org/jsonrpc.php"
    assert not held_by_two(tmp_path, url, "https://192.0.2.7/jsonrpc.php")
    assert not held_by_two(tmp_path, url, "https://alias.example.org/kanboard/jsonrpc.php")
    assert not held_by_two(tmp_path, url, "http://kb.example.org/jsonrpc.php")
    assert not held_by_two(tmp_path, "http://alias.example.org/kb/", "https://192.0.2.7:443/")
    assert held_by_two(tmp_path, url, "https://kb.example.org:8443/jsonrpc.php")
    # Two installations behind one web server have tokens of their own.
    assert held_by_two(tmp_path, url, "https://alias.example.org/jsonrpc.php", same_token=False)


def test_what_a_killed_run_began_under_another_name_is_waited_for(names: dict[str, str]) -> None:
    names |= {"kb.example.org": "192.0.2.7", "kb": "192.0.2.7", "other.example.org": "192.0.2.8"}
    names["192.0.2.7"] = "192.0.2.7"
    url = "https://kb.example.org/jsonrpc.php"
    for same in (url, "https://kb/jsonrpc.php", "http://192.0.2.7/", "https://KB.example.org./"):
        assert may_be_same(url, same) and may_be_same(same, url)
    for another in ("https://other.example.org/", "https://kb:8443/", "https://unknown/"):
        assert not may_be_same(url, another)


def test_this_machine_is_one_under_all_of_its_addresses(
    tmp_path: Path, names: dict[str, str]
) -> None:
    names |= {"this.example.org": "127.0.1.1", "127.0.1.1": "127.0.1.1"}
    assert not held_by_two(
        tmp_path, "http://localhost:8080/jsonrpc.php", "http://this.example.org:8080/jsonrpc.php"
    )


def test_a_name_that_cannot_be_looked_up_is_locked_by_its_url(
    tmp_path: Path, names: dict[str, str]
) -> None:
    url = "https://kb.example.org/jsonrpc.php"
    assert not held_by_two(tmp_path, url, url)


def test_nothing_of_the_token_is_in_the_folder_of_locks(tmp_path: Path) -> None:
    url = "http://localhost/jsonrpc.php"
    with run_lock(url, None, state=tmp_path, command="kanport sync a.yaml", token=TOKEN):
        files = list((tmp_path / "locks").iterdir())
        text = "".join(str(file) + file.read_text(encoding="utf-8") for file in files)
    assert len(files) == 2
    assert TOKEN.get_secret_value() not in text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "[::1]", "127.0.0.1"])
def test_the_commands_meet_each_other_under_every_name(
    server: Sandbox, kanport: Kanport, tmp_path: Path, host: str
) -> None:
    (tmp_path / "a.yaml").write_text(
        "kanport: 1\nsources: {people: {type: csv, path: people.csv}}\n"
        "users: {from: people, fields: {username: {from: Login}}}\n",
        encoding="utf-8",
    )
    (tmp_path / "people.csv").write_text("Login\nada\n", encoding="utf-8")
    url = server.url.replace("127.0.0.1", host)
    with run_lock(server.url, None, state=tmp_path / "state" / "kanport", command="kanport sync b"):
        refused = kanport("sync", "a.yaml", "--url", url)
        assert refused.code == 8, refused
        assert "kanport sync b" in refused.err
    assert not server.writes
