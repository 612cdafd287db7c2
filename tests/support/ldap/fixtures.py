"""Certificates and directories that the tests share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.ldap.certificates import Authority
from tests.support.ldap.ds389 import READER
from tests.support.ldap.ldif import PEOPLE, person, tree
from tests.support.ldap.night import NAMES, Night
from tests.support.ldap.slapd import PASSWORD, Slapd


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that the tests trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def good_tls(authority: Authority) -> Path:
    """The certificate of a server that may be trusted as localhost and 127.0.0.1."""
    return authority.server("good", "localhost", "127.0.0.1")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, good_tls: Path) -> Iterator[Slapd]:
    """A slapd with three people, that speaks TLS."""
    people = tree(person("ada"), person("bob"), person("cyd"))
    with Slapd(tmp_path_factory.mktemp("small") / "slapd", people, tls=good_tls) as slapd:
        yield slapd


@pytest.fixture(scope="session")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give where the first test that needs one puts a new domain of Samba, for all workers."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "provisioned"


@pytest.fixture
def night(
    server: Sandbox, kanport: Kanport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Night]:
    for name in NAMES:
        server.store.add_user(name, email=f"{name}@example.org")
    server.store.add_project("Web", identifier="WEB")

    def make(url: str, login: str = READER, base: str = PEOPLE, password: str = PASSWORD) -> Night:
        monkeypatch.setenv("LDAP_PASSWORD", password)
        return Night(server, kanport, tmp_path, url, login, base)

    return make
