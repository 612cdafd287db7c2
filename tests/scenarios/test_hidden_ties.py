"""What ties a person to a group may be hidden, or be the same for two: a login, a number, a value.

Each case runs one good night, changes what the directory shows, and runs the next night.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command_line import Result
from tests.support.ldap import ds389
from tests.support.ldap.ds389 import Ds389
from tests.support.ldap.ldif import GROUPS, PEOPLE, dn, entry, group, person, tree
from tests.support.ldap.night import NAMES, Night, words_of
from tests.support.ldap.slapd import PASSWORD, SUFFIX, Slapd

READER = f"cn=reader,{SUFFIX}"
PLAIN = ["access to attrs=userPassword by anonymous auth by * none", "access to * by * read"]
GROUP = f"cn=kb-web,{GROUPS}"
MAIL = '{from: mail, match: "^(?P<value>[^@]+)@"}'
LOGIN = "{from: uid}"

_SOURCE = """\
    type: ldap
    url: {url}
    allow_plaintext: true
    bind_dn: "{login}"
    bind_password: {{env: LDAP_PASSWORD}}
    base: "{base}"
    filter: (objectClass=inetOrgPerson)
"""
MAPPING = f"""\
kanport: 1
name: nightly
ledger: nightly.ledger
sources:
  people:
{_SOURCE}
  access:
{_SOURCE}    groups: {{{{base: "{GROUPS}", filter: (cn=kb-*), {{how}}}}}}
users:
  from: people
  fields:
    username: {{username}}
  missing: disable
  managed: {{{{usernames: ["*"]}}}}
memberships:
  - from: access
    username: {{username}}
    project: {{{{from: group.cn, match: "^kb-(?P<value>.+)$"}}}}
    role: project-member
memberships_missing: revoke
protect: [admin]
limits: {{{{disable: 50%, revoke: 100%, shrink: 100%}}}}
"""


def posix(name: str, number: str = "100") -> str:
    """Return somebody whose DN does not tell the login."""
    return person(
        name,
        f"cn={name},{PEOPLE}",
        objectClass=["inetOrgPerson", "posixAccount"],
        uidNumber="1",
        gidNumber=number,
        homeDirectory="/",
    )


def posix_group(number: str, *logins: str) -> str:
    return entry(
        GROUP, objectClass=["top", "posixGroup"], cn="kb-web", gidNumber=number, memberUid=logins
    )


def reader() -> str:
    return entry(
        READER,
        objectClass=["organizationalRole", "simpleSecurityObject"],
        cn="reader",
        userPassword=PASSWORD,
    )


@contextmanager
def directory(kind: str, folder: Path, *entries: str) -> Iterator[tuple[Slapd | Ds389, str]]:
    """Serve a tree; the login of Kanport comes with it."""
    if kind == "389":
        with Ds389(folder / "389", tree(*entries)) as ds:
            yield ds, ds389.READER
    else:
        with Slapd(folder / "slapd", tree(reader(), *entries), database=PLAIN) as slapd:
            yield slapd, READER


def hide(server: Slapd | Ds389, below: str, attribute: str) -> None:
    """Hide an attribute of an entry and of those below it."""
    if isinstance(server, Ds389):
        server.hide(below, attribute)
    else:
        server.serve(f'access to dn.subtree="{below}" attrs={attribute} by * none', *PLAIN)


def sync(here: Night, how: str, username: str = MAIL) -> Result:
    """Run a night; `how` says how groups have members."""
    path = here.folder / "nightly.yaml"
    path.write_text(
        MAPPING.format(url=here.url, login=here.login, base=here.base, how=how, username=username)
    )
    return here.kanport("sync", path)


def web(here: Night) -> list[str]:
    return sorted(who for _, who in here.server.store.snapshot().memberships)


@pytest.mark.parametrize("kind", ["slapd", "389"])
@pytest.mark.parametrize("username", [MAIL, LOGIN])
def test_whose_login_is_hidden_keeps_what_a_list_of_logins_gave(
    night: Callable[..., Night], tmp_path: Path, kind: str, username: str
) -> None:
    people = [posix(name) for name in NAMES]
    listed = posix_group("7", "ada", "bob", "cyd", "dan", "former")
    with directory(kind, tmp_path, *people, listed) as (server, login):
        here = night(server.url, login=login)
        assert sync(here, "members: memberUid", username).code == 0
        assert web(here) == ["ada", "bob", "cyd", "dan"]
        # On the same night somebody is put out.
        server.modify(f"dn: {GROUP}\nchangetype: modify\ndelete: memberUid\nmemberUid: dan\n")
        hide(server, f"cn=bob,{PEOPLE}", "uid")
        second = sync(here, "members: memberUid", username)

    assert second.code == 0, second
    assert web(here) == ["ada", "bob", "cyd"], second
    assert f"cn=bob,{PEOPLE}" in words_of(second)


@pytest.mark.parametrize("kind", ["slapd", "389"])
@pytest.mark.parametrize("below", [f"cn=bob,{PEOPLE}", PEOPLE, GROUP])
def test_a_number_that_is_hidden_takes_nobody_out_of_a_primary_group(
    night: Callable[..., Night], tmp_path: Path, kind: str, below: str
) -> None:
    people = [posix(name, "7" if name in ("ada", "bob", "dan") else "100") for name in NAMES]
    with directory(kind, tmp_path, *people, posix_group("7", "cyd")) as (server, login):
        here = night(server.url, login=login)
        assert sync(here, "members: [member, memberUid]").code == 0
        assert web(here) == ["ada", "bob", "cyd", "dan"]
        server.modify(
            f"dn: cn=dan,{PEOPLE}\nchangetype: modify\nreplace: gidNumber\ngidNumber: 100\n"
        )
        hide(server, below, "gidNumber")
        second = sync(here, "members: [member, memberUid]")

    assert second.code == 0, second
    assert web(here) == ["ada", "bob", "cyd", *(["dan"] if below != f"cn=bob,{PEOPLE}" else [])]
    assert below in words_of(second) and "read gidNumber" in words_of(second)


@pytest.mark.parametrize("nested", ["walk", "none"])
def test_a_hidden_value_of_member_of_takes_nobody_out_of_a_group(
    night: Callable[..., Night], tmp_path: Path, nested: str
) -> None:
    lines = ["overlay memberof"]
    with Slapd(
        tmp_path / "slapd",
        tree(reader(), *map(person, NAMES)),
        settings=["moduleload memberof"],
        database=[*PLAIN, *lines],
    ) as slapd:
        slapd.add(
            group("kb-web", dn("ada"), dn("bob"), dn("dan")),
            group("team", dn("bob"), dn("cyd"), dn("dan")),
        )
        if nested == "walk":
            slapd.add(group("squad", dn("eve")))
            slapd.modify(
                f"dn: {GROUP}\nchangetype: modify\nadd: member\nmember: cn=squad,{GROUPS}\n\n"
                f"dn: cn=team,{GROUPS}\nchangetype: modify\nadd: member\n"
                f"member: cn=squad,{GROUPS}\n"
            )
        here = night(slapd.url, login=READER)
        how = f"members: memberOf, nested: {nested}"
        assert sync(here, how).code == 0
        assert web(here) == ["ada", "bob", "dan", *(["eve"] if nested == "walk" else [])]
        slapd.modify(
            f"dn: {GROUP}\nchangetype: modify\ndelete: member\nmember: {dn('dan')}\n\n"
            f"dn: {dn('ada')}\nchangetype: delete\n"
        )
        hidden = [
            f'access to dn.exact="{one}" attrs=memberOf val.exact="{GROUP}" by * none'
            for one in (dn("bob"), f"cn=squad,{GROUPS}")
        ]
        slapd.serve(*hidden, *PLAIN, *lines)
        second = sync(here, how)

    assert second.code == 0, second
    assert web(here) == ["bob", *(["eve"] if nested == "walk" else [])], second


def twins() -> list[str]:
    """Return two people of one login in two departments, and somebody else."""
    return [
        *(entry(f"ou={name},{PEOPLE}", objectClass="organizationalUnit", ou=name) for name in "xy"),
        person("anna", f"uid=anna,ou=x,{PEOPLE}", mail="ada@example.org"),
        person("anna", f"uid=anna,ou=y,{PEOPLE}", mail="bob@example.org"),
        person("cyd"),
        person("dan"),
    ]


@pytest.mark.parametrize("kind", ["slapd", "389"])
def test_a_login_that_two_have_is_neither_of_them(
    night: Callable[..., Night], tmp_path: Path, kind: str
) -> None:
    how = "members: [member, memberUid]"
    listed = posix_group("7", "anna", "cyd", "dan")
    with directory(kind, tmp_path, *twins(), listed) as (server, login):
        here = night(server.url, login=login)
        first = sync(here, how)
        assert web(here) == ["cyd", "dan"]
        # What one of them has stays, and a real change of the same night is carried out.
        store = here.server.store
        found = store.snapshot()
        store.add_member(found.projects["WEB"].id, found.users["ada"].id)
        server.modify(f"dn: {GROUP}\nchangetype: modify\ndelete: memberUid\nmemberUid: dan\n")
        second = sync(here, how)
        assert web(here) == ["ada", "cyd"], second
        # A list of DNs tells which one it is.
        server.add(group("kb-web2", f"uid=anna,ou=y,{PEOPLE}"))
        store.add_project("Web2", identifier="WEB2")
        third = sync(here, how)

    assert first.code == second.code == third.code == 0
    assert "groups list logins that 2 entries share" in words_of(first)
    assert here.server.store.snapshot().memberships["WEB2", "bob"] == "project-member"
    assert ("WEB2", "ada") not in here.server.store.snapshot().memberships
