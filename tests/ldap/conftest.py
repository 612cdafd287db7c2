"""Certificates and directories that the tests share, and reading as a mapping would."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kanport.mapping.sources import LdapSource
from kanport.sandbox import Sandbox
from kanport.sources import SourceContext
from kanport.sources.ldap import read_ldap
from kanport.table import Table
from tests.conftest import Kanport
from tests.ldap import samba
from tests.ldap.certificates import Authority
from tests.ldap.ds389 import READER
from tests.ldap.ldif import PEOPLE, person, tree
from tests.ldap.night import NAMES, Night
from tests.ldap.slapd import ADMIN, PASSWORD, Slapd

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
ENVIRON = {"LDAP_PASSWORD": PASSWORD, "SAMBA_PASSWORD": samba.PASSWORD}

Spec = Callable[..., LdapSource]


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


def spec(url: str | list[str], **more: Any) -> LdapSource:
    """Give the source as a mapping would, with the login of the tests' administrator."""
    given: dict[str, Any] = {
        "type": "ldap",
        "url": url,
        "base": PEOPLE,
        "bind_dn": ADMIN,
        "bind_password": {"env": "LDAP_PASSWORD"},
        "connect_timeout": 5,
        "timeout": 10,
        **more,
    }
    first = url if isinstance(url, str) else url[0]
    if first.startswith("ldap://") and "start_tls" not in more:
        given.setdefault("allow_plaintext", True)
    if given.get("bind") not in (None, "simple"):
        del given["bind_dn"], given["bind_password"]
    return LdapSource.model_validate(given)


def read(source: LdapSource, *columns: str, now: datetime = NOW) -> Table:
    """Read a source with the columns that a mapping would name."""
    return read_ldap(
        "staff",
        source,
        SourceContext(Path(), columns_used=frozenset(columns), environ=ENVIRON, now=now),
    )


def column(table: Table, name: str) -> list[str | tuple[str, ...]]:
    """Give the cells of one column, in the order of the rows."""
    return [row.values[name] for row in table.rows]


def codes(table: Table) -> list[str]:
    """Give the codes of the findings."""
    return sorted(finding.code for finding in table.findings)


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
