"""What a person who sets up a directory wants to know, asked of a real slapd."""

import json
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kanport.doctor import examine
from kanport.doctor.checks import Check, CheckStatus, exit_for
from kanport.doctor.directory import kind_text
from kanport.errors import Exit
from tests.support.doctor import NOW, text_of
from tests.support.ldap.certificates import Authority
from tests.support.ldap.ldif import GROUPS, PEOPLE, dn, group, person, tree
from tests.support.ldap.reading import ENVIRON
from tests.support.ldap.slapd import ADMIN, PASSWORD, Slapd


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A slapd with 30 people and two groups, that lets strangers see 10 entries at once."""
    people = [person(f"p{number:02}") for number in range(30)]
    groups = [group("kb-alpha", dn("p01"), dn("p02")), group("kb-beta", dn("p02"))]
    limits = (f'limits dn.exact="{dn("p00")}" size.soft=10 size.hard=10 size.prtotal=unlimited',)
    entries = tree(person("p00", userPassword="p00-secret"), *people[1:], *groups)
    with Slapd(tmp_path_factory.mktemp("staff") / "slapd", entries, database=limits) as slapd:
        yield slapd


def source(url: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "ldap",
        "url": url,
        "base": PEOPLE,
        "bind_dn": ADMIN,
        "bind_password": {"env": "LDAP_PASSWORD"},
        **({"allow_plaintext": True} if url.startswith("ldap://") else {}),
        **more,
    }


def look(folder: Path, people: dict[str, Any], **environ: str) -> list[Check]:
    mapping = {
        "kanport": 1,
        "sources": {"people": people},
        "users": {
            "from": "people",
            "fields": {"username": {"from": "uid"}, "email": {"from": "mail"}},
        },
    }
    if "groups" in people:
        del mapping["users"]
        mapping["memberships"] = [
            {
                "from": "people",
                "username": {"from": "uid"},
                "project": {"from": "group.cn", "match": "^kb-(?P<value>.+)$"},
                "role": "project-member",
            }
        ]
    path = folder / "people.yaml"
    # JSON is YAML.
    path.write_text(json.dumps(mapping), encoding="utf-8")
    return list(examine(path, None, environ={**ENVIRON, **environ}, now=NOW))


def test_a_directory_is_told_in_plain_words(
    small: Slapd, authority: Authority, tmp_path: Path
) -> None:
    checks = look(tmp_path, source(small.tls_url, ca_file=str(authority.file)))
    assert exit_for(checks) is Exit.OK
    text = text_of(checks)
    assert f"{small.tls_url} answers over TLS 1.3, with a valid certificate for localhost" in text
    assert f"logged in as {ADMIN}; the directory knows Kanport as {ADMIN}" in text
    assert "it is OpenLDAP" in text
    assert "it contains dc=example,dc=org" in text
    assert "it supports paging; Kanport requests 500 entries per page" in text
    assert "read completely: 3 people" in text
    assert f"ldap:{dn('ada')}: mail='ada@example.org', uid='ada'" in text
    assert "ada: email 'ada@example.org'" in text
    assert PASSWORD not in text


def test_a_limit_that_pages_get_round_is_told(staff: Slapd, tmp_path: Path) -> None:
    people = source(staff.url, bind_dn=dn("p00"))
    checks = look(tmp_path, people, LDAP_PASSWORD="p00-secret")
    assert exit_for(checks) is Exit.OK
    assert "stops after 10 entries (sizeLimitExceeded)" in text_of(checks, CheckStatus.OK)
    assert "read completely: 30 people" in text_of(checks)


def test_a_limit_that_cuts_the_search_is_a_problem(staff: Slapd, tmp_path: Path) -> None:
    people = source(staff.url, bind_dn=dn("p00"), page_size=0)
    checks = look(tmp_path, people, LDAP_PASSWORD="p00-secret")
    assert exit_for(checks) is Exit.UNREACHABLE
    assert "page_size: 0 requests all entries at once" in text_of(checks, CheckStatus.WARNING)
    assert "stops after 10 entries" in text_of(checks, CheckStatus.WARNING)
    assert "did not give all" in text_of(checks, CheckStatus.PROBLEM)


def test_groups_are_counted_and_become_memberships(staff: Slapd, tmp_path: Path) -> None:
    checks = look(tmp_path, source(staff.url, groups={"base": GROUPS}))
    text = text_of(checks)
    assert "read completely: 2 groups with 2 people in them; 3 rows" in text
    assert "p01 in alpha: project-member" in text


@pytest.mark.parametrize("groups", [None, {"base": GROUPS}])
def test_the_command_lines_work_as_they_are_printed(
    staff: Slapd, tmp_path: Path, groups: dict[str, Any] | None
) -> None:
    secret = tmp_path / "pass word"
    secret.write_text(PASSWORD, encoding="utf-8")
    secret.chmod(0o600)
    people = source(staff.url, bind_password={"file": secret.name}, page_size=7)
    checks = look(tmp_path, {**people, **({"groups": groups} if groups else {})})
    lines = next(check for check in checks if "by hand" in check.text).details
    found = [
        subprocess.run(shlex.split(line), capture_output=True, text=True, check=True).stdout
        for line in lines
    ]
    assert found[0].count("dn: uid=") == 30
    assert "cn:" not in found[0]
    if groups:
        assert found[1].count("dn: cn=kb-") == 2


def test_a_command_line_asks_for_the_password_and_never_holds_it(
    staff: Slapd, tmp_path: Path
) -> None:
    checks = look(tmp_path, source(staff.url))
    line = next(check for check in checks if "by hand" in check.text).details[0]
    assert " -W " in line
    assert PASSWORD not in line


def test_a_wrong_password_is_a_problem_and_is_tried_once(staff: Slapd, tmp_path: Path) -> None:
    checks = look(tmp_path, source(staff.url), LDAP_PASSWORD="wrong-password")
    assert exit_for(checks) is Exit.UNREACHABLE
    assert "it refuses this name and password" in text_of(checks)
    assert "wrong-password" not in text_of(checks)


def test_a_password_that_is_not_set_is_a_matter_of_configuration(
    staff: Slapd, tmp_path: Path
) -> None:
    checks = look(tmp_path, source(staff.url, bind_password={"env": "NOT_SET"}))
    assert exit_for(checks) is Exit.CONFIG
    assert "NOT_SET is not set" in text_of(checks)
    assert "export NOT_SET=" in text_of(checks)


def test_a_base_that_the_directory_does_not_hold_is_told(staff: Slapd, tmp_path: Path) -> None:
    checks = look(tmp_path, source(staff.url, base="ou=people,dc=elsewhere"))
    assert "but not ou=people,dc=elsewhere" in text_of(checks, CheckStatus.WARNING)
    assert exit_for(checks) is Exit.UNREACHABLE


def test_an_anonymous_login_is_warned_of(staff: Slapd, tmp_path: Path) -> None:
    people = source(staff.url)
    del people["bind_dn"], people["bind_password"]
    checks = look(tmp_path, people)
    assert "cannot tell hidden entries from missing ones" in text_of(checks, CheckStatus.WARNING)


def test_a_certificate_that_is_not_trusted_is_a_problem(small: Slapd, tmp_path: Path) -> None:
    checks = look(tmp_path, source(small.tls_url))
    assert exit_for(checks) is Exit.UNREACHABLE
    assert "not trusted" in text_of(checks, CheckStatus.PROBLEM)


def test_a_server_that_was_passed_over_is_told(staff: Slapd, tmp_path: Path) -> None:
    people = source(staff.url)
    checks = look(tmp_path, {**people, "url": ["ldap://127.0.0.1:9", staff.url]})
    assert exit_for(checks) is Exit.OK
    assert "ldap://127.0.0.1:9: it does not answer" in text_of(checks, CheckStatus.WARNING)


@pytest.mark.parametrize(
    ("root", "kind"),
    [
        ({"vendorname": [b"Samba Team (https://www.samba.org)"]}, "a Samba domain controller"),
        (
            {
                "supportedcapabilities": [b"1.2.840.113556.1.4.800"],
                "dnshostname": [b"dc1.example.org"],
            },
            "Active Directory, the domain controller dc1.example.org",
        ),
        (
            {
                "supportedcapabilities": [b"1.2.840.113556.1.4.1851", b"1.2.840.113556.1.4.800"],
            },
            "Active Directory Lightweight Directory Services",
        ),
        (
            {"vendorname": [b"389 Project"], "ipadomainlevel": [b"1"]},
            "FreeIPA",
        ),
        ({"vendorname": [b"Oracle Corporation"]}, "a directory of Oracle Corporation"),
        ({}, "a directory of an unknown product"),
    ],
)
def test_servers_are_told_apart_by_their_root_entry(
    root: dict[str, list[bytes]], kind: str
) -> None:
    assert kind_text(root) == kind
