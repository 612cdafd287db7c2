"""Projects whose groups a directory no longer has: what ends, and what proves nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.ldap.ldif import GROUPS, PEOPLE, dn, entry, group, person, tree
from tests.support.ldap.night import NAMES, Night, words_of
from tests.support.ldap.slapd import ADMIN, Slapd

ACCESS = """
  access:
    type: ldap
    url: {url}
    allow_plaintext: true
    bind_dn: "{login}"
    bind_password: {{env: LDAP_PASSWORD}}
    base: "{people}"
    filter: (objectClass=inetOrgPerson)
    groups: {{base: "{groups}", filter: "(cn=kb-*)"}}"""
MORE = """\
memberships:
  - from: access
    username: {{from: uid}}
    project: {{from: group.cn, match: "^kb-(?P<project>.+)$"}}
    role: project-member
memberships_missing: revoke
{decided}
"""
SUB = f"ou=sub,{GROUPS}"
UNIT = entry(SUB, objectClass="organizationalUnit", ou="sub")
WEB = group("kb-web", dn("ada"), dn("bob"))
ERP = group("kb-erp", dn("cyd"), base=SUB)
BEFORE = {("web", "ada"), ("web", "bob"), ("erp", "cyd")}


def directory(folder: Path, *groups: str) -> Slapd:
    return Slapd(folder, tree(*map(person, NAMES), UNIT, *groups))


def sync(here: Night, decided: str) -> str:
    """Run a night, and return what it said."""
    source = ACCESS.format(url=here.url, login=ADMIN, people=PEOPLE, groups=GROUPS)
    more = MORE.format(decided=decided)
    return words_of(here.sync(source=source, more=more, fields=""))


def begun(night: Callable[..., Night], url: str, decided: str) -> Night:
    here = night(url, login=ADMIN)
    for name in ("erp", "web2"):
        here.server.store.add_project(name)
    sync(here, decided)
    assert memberships(here) == BEFORE
    return here


def memberships(here: Night) -> set[tuple[str, str]]:
    return {(project.lower(), who) for project, who in here.server.store.snapshot().memberships}


def renamed(new: str, above: str) -> str:
    lines = ("changetype: modrdn", f"newrdn: cn={new}", "deleteoldrdn: 1", f"newsuperior: {above}")
    return "\n".join((f"dn: cn=kb-erp,{SUB}", *lines, ""))


GONE = {
    "deleted": f"dn: cn=kb-erp,{SUB}\nchangetype: delete\n",
    "renamed, and out of the filter": renamed("erp", SUB),
    "renamed to the group of another project": renamed("kb-web2", SUB),
    "moved out of the base": renamed("kb-erp", PEOPLE),
}


@pytest.mark.parametrize("case", GONE)
@pytest.mark.parametrize("decided", ["", "projects_missing: keep", "projects_missing: revoke"])
def test_a_project_whose_only_group_is_gone(
    night: Callable[..., Night], tmp_path: Path, case: str, decided: str
) -> None:
    with directory(tmp_path / "a", WEB, ERP) as slapd:
        here = begun(night, slapd.url, decided)
        slapd.modify(GONE[case])
        said = [sync(here, decided) for _ in range(2)]

    after = memberships(here) - {("web2", "cyd")}
    assert after == (BEFORE - {("erp", "cyd")} if "revoke" in decided else BEFORE)
    warned = ['no source lists members of the project "erp" any more' in text for text in said]
    assert warned == [not decided] * 2, said
    assert (("web2", "cyd") in memberships(here)) == ("another project" in case)


def test_a_group_behind_a_new_referral_ends_nothing(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    with directory(tmp_path / "a", WEB, ERP) as slapd:
        here = begun(night, slapd.url, "projects_missing: revoke")
        slapd.modify(
            "".join(f"dn: {one}\nchangetype: delete\n\n" for one in (f"cn=kb-erp,{SUB}", SUB))
        )
        kind = ["referral", "extensibleObject"]
        slapd.add(entry(SUB, objectClass=kind, ou="sub", ref=f"ldap://elsewhere.example.org/{SUB}"))
        said = [sync(here, "projects_missing: revoke") for _ in range(2)]

    assert memberships(here) == BEFORE
    assert all('Kanport revokes nothing in "erp"' in text for text in said), said


def test_a_second_server_without_the_group_ends_nothing(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    with directory(tmp_path / "b", WEB) as second:
        with directory(tmp_path / "a", WEB, ERP) as first:
            here = begun(night, f"[{first.url}, {second.url}]", "projects_missing: revoke")
        said = sync(here, "projects_missing: revoke")

    assert memberships(here) == BEFORE
    assert "source-stale" in said
