"""What must never be seen: passwords, and attributes that the mapping does not name."""

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from kanport.errors import KanportError
from kanport.findings import Finding
from kanport.sources.ldap.connection import Login
from tests.support.ldap.ldif import GROUPS, dn, group, person, tree
from tests.support.ldap.reading import read, spec
from tests.support.ldap.slapd import PASSWORD, Slapd

UNNAMED = "unnamed-attribute-value"


@pytest.fixture
def slapd(tmp_path: Path) -> Iterator[Slapd]:
    people = [
        person("ada", userPassword="hash-of-ada", description=UNNAMED, homePhone=UNNAMED),
        person("bob", description=UNNAMED),
    ]
    members = group("kb-alpha-member", dn("ada"), f"cn=gone,{GROUPS}")
    with Slapd(tmp_path / "slapd", tree(*people, members)) as running:
        yield running


def test_the_log_holds_no_password_and_nothing_that_is_not_named(
    slapd: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for name in (None, "ldap3"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    table = read(spec(slapd.url, groups={"base": GROUPS}), "uid", "group.cn")
    assert "attributes=uid" in caplog.text and "directory.connected" in caplog.text
    for hidden in (PASSWORD, "hash-of-ada", UNNAMED):
        assert hidden not in caplog.text
        assert hidden not in repr(table)
    assert all(isinstance(finding, Finding) for finding in table.findings)


def test_an_error_holds_no_password_nor_does_what_is_shown_of_a_login(slapd: Slapd) -> None:
    slapd.stop()
    with pytest.raises(KanportError) as caught:
        read(spec(slapd.url), "uid")
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in repr(Login("simple", "cn=admin", SecretStr(PASSWORD)))
