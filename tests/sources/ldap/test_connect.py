"""Connecting: who is trusted, who is let in, and that nothing goes out in clear."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kanport.errors import ConfigInvalid, Unreachable
from kanport.sources.ldap.connect import connected
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.search import Directory
from tests.support.ldap.certificates import CLIENT, Authority
from tests.support.ldap.ldif import PEOPLE, person, tree
from tests.support.ldap.reading import ENVIRON, spec
from tests.support.ldap.slapd import ADMIN, PASSWORD, Slapd
from tests.support.ports import free_port


def count_people(url: str | list[str], base: Path, **more: Any) -> int:
    """Connect as the mapping says, and count the people."""
    source = spec(url, **more)
    with connected("people", source, base=base, environ=ENVIRON) as (connection, _):
        question = Question(PEOPLE, "subtree", "(objectClass=person)", ("uid",))
        return len(list(Directory(connection, 500).search(question)))


def why_not(url: str | list[str], base: Path, **more: Any) -> Unreachable:
    """Connect, and give the error that it must end in."""
    with pytest.raises(Unreachable) as caught:
        count_people(url, base, **more)
    assert PASSWORD not in str(caught.value.details) + caught.value.message
    return caught.value


@pytest.fixture(params=["ldaps", "start_tls"])
def encrypted(request: pytest.FixtureRequest) -> str:
    """Both ways to TLS; they must be equally strict."""
    return str(request.param)


def reach(slapd: Slapd, way: str, host: str = "localhost") -> dict[str, Any]:
    """Give url and start_tls for one of the ways."""
    if way == "ldaps":
        return {"url": f"ldaps://{host}:{slapd.tls_port}"}
    return {"url": f"ldap://{host}:{slapd.port}", "start_tls": True}


@contextmanager
def slapd_with(folder: Path, certificate: Path) -> Iterator[Slapd]:
    with Slapd(folder / "slapd", tree(person("ada")), tls=certificate) as slapd:
        yield slapd


def test_a_good_certificate_is_trusted_by_name_and_by_address(
    small: Slapd, authority: Authority, tmp_path: Path, encrypted: str
) -> None:
    ca = str(authority.file)
    for host in ("localhost", "127.0.0.1"):
        assert count_people(base=tmp_path, ca_file=ca, **reach(small, encrypted, host)) == 3


def test_an_expired_certificate_is_refused(
    authority: Authority, tmp_path: Path, encrypted: str
) -> None:
    expired = authority.server(f"expired-{encrypted}", "localhost", expired=True)
    with slapd_with(tmp_path, expired) as slapd:
        error = why_not(base=tmp_path, ca_file=str(authority.file), **reach(slapd, encrypted))
    assert "its certificate has expired" in error.details[0]


def test_a_self_signed_certificate_is_refused(
    authority: Authority, tmp_path: Path, encrypted: str
) -> None:
    alone = authority.self_signed(f"self-{encrypted}", "localhost")
    with slapd_with(tmp_path, alone) as slapd:
        error = why_not(base=tmp_path, ca_file=str(authority.file), **reach(slapd, encrypted))
        assert "self-signed" in error.details[0]
        assert "ca_file" in (error.hint or "")
        trusted = str(alone / "server.pem")
        assert count_people(base=tmp_path, ca_file=trusted, **reach(slapd, encrypted)) == 1


def test_a_certificate_for_another_name_is_refused(
    authority: Authority, tmp_path: Path, encrypted: str
) -> None:
    other = authority.server(f"other-{encrypted}", "ldap.example.net")
    with slapd_with(tmp_path, other) as slapd:
        error = why_not(base=tmp_path, ca_file=str(authority.file), **reach(slapd, encrypted))
    assert "its certificate is for another name" in error.details[0]


def test_a_certificate_for_another_address_is_refused(
    authority: Authority, tmp_path: Path, encrypted: str
) -> None:
    named = authority.server(f"named-{encrypted}", "localhost")
    with slapd_with(tmp_path, named) as slapd:
        reached = reach(slapd, encrypted, "127.0.0.1")
        error = why_not(base=tmp_path, ca_file=str(authority.file), **reached)
    assert "its certificate is for another address" in error.details[0]


def test_an_authority_that_nobody_named_is_not_trusted(
    small: Slapd, tmp_path: Path, encrypted: str
) -> None:
    error = why_not(base=tmp_path, **reach(small, encrypted))
    assert "authority that is not trusted" in error.details[0]
    assert error.hint == "name the certificate of the authority in ca_file"


def test_a_client_certificate_logs_in(authority: Authority, tmp_path: Path, encrypted: str) -> None:
    certificate, key = authority.client()
    ours = {
        "bind": "external",
        "client_cert": str(certificate),
        "client_key": str(key),
        "ca_file": str(authority.file),
    }
    settings = [
        "TLSVerifyClient demand",
        f'authz-regexp "cn={CLIENT}.*" "{ADMIN}"',
        "disallow bind_anon",
    ]
    good = authority.server(f"client-{encrypted}", "localhost")
    rules = ["access to * by users read by * none"]
    with Slapd(
        tmp_path / "slapd", tree(person("ada")), tls=good, settings=settings, database=rules
    ) as slapd:
        assert count_people(base=tmp_path, **ours, **reach(slapd, encrypted)) == 1
        without = why_not(base=tmp_path, ca_file=str(authority.file), **reach(slapd, encrypted))
    assert len(without.details) == 1


def test_a_socket_logs_in_by_who_we_are(tmp_path: Path) -> None:
    me = f"gidNumber={os.getegid()}\\+uidNumber={os.geteuid()},cn=peercred,cn=external,cn=auth"
    settings = [f'authz-regexp "{me}" "{ADMIN}"']
    rules = ["access to * by users read by * none"]
    people = tree(person("ada"))
    with Slapd(tmp_path / "slapd", people, settings=settings, database=rules) as slapd:
        assert count_people(slapd.ldapi_url, tmp_path, bind="external") == 1


def test_where_starttls_is_refused_nothing_is_said_in_clear(tmp_path: Path) -> None:
    with Slapd(tmp_path / "slapd", tree(person("ada"))) as slapd:
        heard = Tap(slapd.port)
        with heard:
            error = why_not(f"ldap://localhost:{heard.port}", tmp_path, start_tls=True)
    assert "it refuses StartTLS" in error.details[0]
    assert heard.bytes and PASSWORD.encode() not in heard.bytes and b"cn=admin" not in heard.bytes


def test_a_wrong_password_is_said_in_plain_words_and_never_repeated(
    small: Slapd, tmp_path: Path
) -> None:
    source = spec([small.url, small.url, small.url])
    wrong = {"LDAP_PASSWORD": "wrong-geheim"}
    with (
        pytest.raises(Unreachable) as caught,
        connected("people", source, base=tmp_path, environ=wrong),
    ):
        pass
    # One try only: a second one on another server would lock the account.
    assert len(caught.value.details) == 1
    assert "invalidCredentials" in caught.value.details[0]
    assert "wrong-geheim" not in str(caught.value.details)


def test_an_empty_password_is_refused_before_anything_is_sent(small: Slapd, tmp_path: Path) -> None:
    for empty in ("", " ", "\n"):
        with (
            pytest.raises(ConfigInvalid, match="is empty"),
            connected("p", spec(small.url), base=tmp_path, environ={"LDAP_PASSWORD": empty}),
        ):
            pass


def test_servers_are_tried_in_order_and_what_failed_is_told(small: Slapd, tmp_path: Path) -> None:
    nobody = f"ldap://127.0.0.1:{free_port()}"
    source = spec([nobody, small.url])
    with connected("people", source, base=tmp_path, environ=ENVIRON) as (connection, failures):
        assert connection.url == small.url
    assert len(failures) == 1 and failures[0].startswith(f"{nobody}: it does not answer")


def test_where_no_server_answers_each_is_named(tmp_path: Path) -> None:
    urls = [f"ldap://127.0.0.1:{free_port()}", "ldapi://%2Fnowhere%2Fldapi"]
    error = why_not(urls, tmp_path)
    assert len(error.details) == 2
    assert error.exit_code == 7


def test_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldap://127.0.0.1:{silent.getsockname()[1]}"
        error = why_not(url, tmp_path, timeout=1, connect_timeout=1)
    assert "the login failed" in error.details[0]


def test_tls_with_a_server_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"ldaps://127.0.0.1:{silent.getsockname()[1]}"
        error = why_not(url, tmp_path, connect_timeout=1)
    assert "timed out" in error.details[0]


@pytest.mark.parametrize("key", ["ca_file", "client_cert"])
def test_a_certificate_file_that_cannot_be_used_is_a_mistake_of_the_mapping(
    small: Slapd, tmp_path: Path, key: str
) -> None:
    (tmp_path / "junk.pem").write_text("this is no certificate")
    for name in ("missing.pem", "junk.pem"):
        with pytest.raises(ConfigInvalid, match=f"{key} {name} cannot be used"):
            count_people(small.tls_url, tmp_path, **{key: name})


def test_a_password_file_that_others_can_read_is_refused(small: Slapd, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSWORD + "\n")
    secret.chmod(0o640)
    with pytest.raises(ConfigInvalid, match="other users"):
        count_people(small.url, tmp_path, bind_password={"file": "secret"})
    secret.chmod(0o600)
    assert count_people(small.url, tmp_path, bind_password={"file": "secret"}) == 3


def test_kerberos_without_its_package_says_what_to_install(small: Slapd, tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        count_people(small.url, tmp_path, bind="gssapi")
    assert ".[kerberos]" in (caught.value.hint or "")


class Tap:
    """Stands between us and a server, and keeps what we say."""

    def __init__(self, to: int) -> None:
        self.bytes = b""
        self._to = to
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Tap":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._server.close()

    def _serve(self) -> None:
        ours, _ = self._server.accept()
        with ours, socket.create_connection(("127.0.0.1", self._to)) as theirs:
            back = threading.Thread(target=self._back, args=(theirs, ours), daemon=True)
            back.start()
            while said := ours.recv(65536):
                self.bytes += said
                theirs.sendall(said)
            theirs.shutdown(socket.SHUT_RDWR)
            back.join(10)

    @staticmethod
    def _back(theirs: socket.socket, ours: socket.socket) -> None:
        while answer := theirs.recv(65536):
            ours.sendall(answer)


def test_a_server_that_hangs_up_at_the_login_is_told_with_the_reason(tmp_path: Path) -> None:
    def hang_up(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        peer.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=hang_up, args=(listener,), daemon=True).start()
        url = f"ldap://127.0.0.1:{listener.getsockname()[1]}"
        error = why_not(url, tmp_path)
    assert "the login failed: " in error.details[0]
    assert "None" not in error.details[0]
