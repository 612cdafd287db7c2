"""Read directories as a mapping would."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kanport.mapping.ldap import LdapSource
from kanport.sources import SourceContext
from kanport.sources.ldap import read_ldap
from kanport.table import Table
from tests.support.findings import codes
from tests.support.ldap import samba
from tests.support.ldap.ldif import PEOPLE
from tests.support.ldap.slapd import ADMIN, PASSWORD

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
ENVIRON = {"LDAP_PASSWORD": PASSWORD, "SAMBA_PASSWORD": samba.PASSWORD}

Spec = Callable[..., LdapSource]


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


def sorted_codes(table: Table) -> list[str]:
    """Return the codes of the findings, sorted."""
    return sorted(codes(table))
