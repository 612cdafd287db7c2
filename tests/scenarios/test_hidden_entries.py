"""Night after night: what a directory hides ends nothing, and leavers are out the same night."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.ldap import ds389
from tests.support.ldap.ds389 import Ds389
from tests.support.ldap.freeipa import USER_GROUPS, USERS, ipa_dn, ipa_group, ipa_tree, ipa_user
from tests.support.ldap.ldif import GROUPS, PEOPLE, dn, entry, group, person, tree
from tests.support.ldap.slapd import PASSWORD, SUFFIX, Slapd

READER = f"cn=reader,{SUFFIX}"
LOGINS = ("ada", "bob", "cyd", "dan", "eve", "fay")

MAPPING = """\
kanport: 1
name: nightly
ledger: nightly.ledger
sources:
  people:
    type: ldap
    url: {url}
    allow_plaintext: true
    bind_dn: {login}
    bind_password: {{env: LDAP_PASSWORD}}
    base: {people}
    filter: (objectClass=inetOrgPerson)
{more}  grants:
    type: ldap
    url: {url}
    allow_plaintext: true
    bind_dn: {login}
    bind_password: {{env: LDAP_PASSWORD}}
    base: {people}
    filter: (objectClass=inetOrgPerson)
    groups: {{base: "{groups}", filter: "(cn=kb-*)"{nested}}}
users:
  from: people
  fields:
    username: {{from: uid, transform: [trim, lower]}}
    email: {{from: mail}}
  password: random
  missing: disable
  managed: {{usernames: ["*"]}}
memberships:
  - from: grants
    username: {{from: uid, transform: [trim, lower]}}
    project: {{from: group.cn, match: "^kb-(?P<value>[^-]+)-"}}
    role:
      from: group.cn
      match: "-(?P<value>[^-]+)$"
      values: {{members: project-member, managers: project-manager}}
memberships_missing: revoke
protect: [admin]
limits: {{disable: 100%, revoke: 100%, by_project: {{revoke: 100%}}, shrink: 100%}}
"""


class Nightly:
    """A mapping with its server and the command that runs it each night."""

    def __init__(self, kanport: Kanport, server: Sandbox, path: Path) -> None:
        self._kanport, self._server, self._path = kanport, server, path

    def __call__(self) -> str:
        done = self._kanport("sync", self._path)
        assert done.code == 0, done.out + done.err
        return done.out + done.err

    def active(self) -> set[str]:
        users = self._server.store.snapshot().users
        return {name for name, user in users.items() if user.is_active and name != "admin"}

    def roles(self, project: str = "WEB") -> dict[str, str]:
        access = self._server.store.snapshot().memberships
        return {
            who: role.removeprefix("project-")
            for (where, who), role in access.items()
            if where == project
        }


class Directory(Protocol):
    def hide(self, dn: str, *attributes: str) -> None: ...

    def modify(self, ldif: str) -> None: ...


class HidingSlapd:
    """A slapd that hides entries in one of its ways."""

    def __init__(self, slapd: Slapd, level: str) -> None:
        self._slapd, self._level = slapd, level
        self._hidden: list[str] = []
        self._serve()

    def hide(self, dn: str, *attributes: str) -> None:
        what = f" attrs={','.join(attributes)}" if attributes else ""
        self._hidden.append(f'access to dn.subtree="{dn}"{what} by * {self._level}')
        self._serve()

    def modify(self, ldif: str) -> None:
        self._slapd.modify(ldif)

    def _serve(self) -> None:
        self._slapd.serve(
            "access to attrs=userPassword by anonymous auth by * none",
            *self._hidden,
            "access to * by * read",
        )


def company() -> list[str]:
    return [
        *map(person, LOGINS),
        entry(f"ou=inner,{GROUPS}", objectClass="organizationalUnit", ou="inner"),
        group("kb-web-members", dn("ada"), dn("bob"), f"cn=team,ou=inner,{GROUPS}"),
        group("kb-web-managers", dn("cyd")),
        group("team", dn("dan"), base=f"ou=inner,{GROUPS}"),
    ]


@pytest.fixture(params=["none", "disclose", "search", "389"])
def directory(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Directory, str, str]]:
    """A directory that can hide entries, its URL and the login."""
    if request.param == "389":
        with Ds389(tmp_path / "ds", tree(*company())) as server:
            yield server, server.url, ds389.READER
        return
    reader = entry(
        READER,
        objectClass=["organizationalRole", "simpleSecurityObject"],
        cn="reader",
        userPassword=PASSWORD,
    )
    with Slapd(tmp_path / "slapd", tree(reader, *company())) as slapd:
        yield HidingSlapd(slapd, request.param), slapd.url, READER


def test_whoever_is_hidden_from_the_first_run_on_keeps_everything(
    directory: tuple[Directory, str, str],
    kanport: Kanport,
    server: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries, url, login = directory
    for name in (*LOGINS, "Never There", "a,b+c"):
        server.store.add_user(name, email=f"{name.replace(' ', '')}@example.org")
    # Groups list bob, and nothing lists fay.
    entries.hide(dn("bob"))
    entries.hide(dn("fay"))
    leave(entries, "eve")
    night = first_night(kanport, server, tmp_path, monkeypatch, url, login)
    assert night.active() == set(LOGINS) - {"eve"}
    assert f"fay ({dn('fay')})" in night()
    assert night.active() == set(LOGINS) - {"eve"}
    leave(entries, "fay")
    night()
    assert night.active() == set(LOGINS) - {"eve", "fay"}


def test_a_hidden_username_stops_nobody_else(
    directory: tuple[Directory, str, str],
    kanport: Kanport,
    server: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entries, url, login = directory
    night = first_night(kanport, server, tmp_path, monkeypatch, url, login)
    entries.hide(dn("bob"), "uid")
    entries.hide(dn("fay"), "uid")
    leave(entries, "ada")
    leave(entries, "eve")
    said = night()
    assert 'because the input does not prove it: "bob" and "fay"' in " ".join(said.split())
    assert dn("bob") in said and dn("fay") in said
    assert night.active() == set(LOGINS) - {"ada", "eve"}
    assert night.roles() == {"bob": "member", "cyd": "manager", "dan": "member"}


@pytest.mark.parametrize("renamed", ["uid=fay2", "cn=Fay Miller"])
def test_whoever_is_renamed_while_their_username_is_hidden_is_known_by_their_id(
    directory: tuple[Directory, str, str],
    kanport: Kanport,
    server: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    renamed: str,
) -> None:
    entries, url, login = directory
    attribute = "nsUniqueId" if isinstance(entries, Ds389) else "entryUUID"
    monkeypatch.setattr(
        f"{__name__}.MAPPING", MAPPING.replace("users:\n", "users:\n  id: {{from: id}}\n")
    )
    more = f"    id: {attribute}\n"
    night = first_night(kanport, server, tmp_path, monkeypatch, url, login, more=more)
    entries.modify(f"dn: {dn('fay')}\nchangetype: modrdn\nnewrdn: {renamed}\ndeleteoldrdn: 0\n")
    entries.hide(f"{renamed},{PEOPLE}", "uid")
    leave(entries, "eve")
    for _ in range(2):
        night()
        assert night.active() == set(LOGINS) - {"eve"}


@pytest.mark.parametrize("fay", [dn("fay"), f"cn=Fay Miller,{PEOPLE}"])
def test_a_username_that_is_hidden_from_the_first_run_on_may_be_that_of_who_is_missing(
    directory: tuple[Directory, str, str],
    kanport: Kanport,
    server: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fay: str,
) -> None:
    entries, url, login = directory
    if fay != dn("fay"):
        new, _, above = fay.partition(",")
        entries.modify(
            f"dn: {dn('fay')}\nchangetype: modrdn\nnewrdn: {new}\ndeleteoldrdn: 0\n"
            f"newsuperior: {above}\n"
        )
    server.store.add_user("fay")
    entries.hide(fay, "uid")
    night = first_night(kanport, server, tmp_path, monkeypatch, url, login)
    assert "fay" in night.active()
    leave(entries, "eve")
    for _ in range(2):
        assert "fay" in night()
        assert night.active() == set(LOGINS) - {"eve"}


@pytest.fixture
def nightly(
    directory: tuple[Directory, str, str],
    kanport: Kanport,
    server: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Nightly:
    _, url, login = directory
    night = first_night(kanport, server, tmp_path, monkeypatch, url, login)
    assert night.active() == set(LOGINS)
    assert night.roles() == {"ada": "member", "bob": "member", "cyd": "manager", "dan": "member"}
    return night


def first_night(
    kanport: Kanport,
    server: Sandbox,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    login: str,
    **more: str,
) -> Nightly:
    monkeypatch.setenv("LDAP_PASSWORD", PASSWORD)
    server.store.add_project("Web", identifier="WEB")
    path = folder / "nightly.yaml"
    given = {"people": PEOPLE, "groups": GROUPS, "nested": "", "more": "", **more}
    path.write_text(MAPPING.format(url=url, login=login, **given), encoding="utf-8")
    night = Nightly(kanport, server, path)
    night()
    return night


def leave(directory: Directory, uid: str) -> None:
    directory.modify(f"dn: {dn(uid)}\nchangetype: delete\n")


def test_a_hidden_person_keeps_everything_and_a_leaver_is_out_the_same_night(
    directory: tuple[Directory, str, str], nightly: Nightly
) -> None:
    held, _, _ = directory
    before = nightly.roles()
    # eve is in no group; ada is in one that shows.
    held.hide(dn("ada"))
    held.hide(dn("eve"))
    leave(held, "fay")
    told = nightly()
    assert nightly.active() == {*LOGINS} - {"fay"}
    assert nightly.roles() == before
    assert f"ada ({dn('ada')})" in told and f"eve ({dn('eve')})" in told
    # The doubt lasts for as long as they are hidden.
    leave(held, "bob")
    nightly()
    assert nightly.active() == {*LOGINS} - {"fay", "bob"}
    leave(held, "eve")
    nightly()
    assert "eve" not in nightly.active()
    assert "ada" in nightly.active()


def test_a_branch_that_is_hidden_keeps_everybody_and_one_that_is_gone_nobody(
    directory: tuple[Directory, str, str], nightly: Nightly
) -> None:
    held, _, _ = directory
    for name in ("north", "south"):
        held.modify(
            f"dn: ou={name},{PEOPLE}\nchangetype: add\n"
            f"objectClass: organizationalUnit\nou: {name}\n"
        )
    for uid, name in (("ada", "north"), ("eve", "south")):
        held.modify(
            f"dn: {dn(uid)}\nchangetype: modrdn\nnewrdn: uid={uid}\ndeleteoldrdn: 0\n"
            f"newsuperior: ou={name},{PEOPLE}\n"
        )
    nightly()
    assert nightly.active() == {*LOGINS}
    held.hide(f"ou=north,{PEOPLE}")
    held.modify(f"dn: uid=eve,ou=south,{PEOPLE}\nchangetype: delete\n")
    held.modify(f"dn: ou=south,{PEOPLE}\nchangetype: delete\n")
    nightly()
    assert nightly.active() == {*LOGINS} - {"eve"}


def test_a_hidden_group_ends_no_access_and_a_deleted_one_does(
    directory: tuple[Directory, str, str], nightly: Nightly
) -> None:
    held, _, _ = directory
    before = nightly.roles()
    held.hide(f"cn=kb-web-managers,{GROUPS}")
    told = nightly()
    assert nightly.roles() == before
    assert f"cn=kb-web-managers,{GROUPS}" in told and "WEB" in told.upper()
    held.modify(f"dn: cn=kb-web-managers,{GROUPS}\nchangetype: delete\n")
    nightly()
    assert nightly.roles() == {name: role for name, role in before.items() if name != "cyd"}


@pytest.mark.parametrize("attributes", [(), ("member",)])
def test_a_hidden_nested_group_ends_no_access(
    directory: tuple[Directory, str, str], nightly: Nightly, attributes: tuple[str, ...]
) -> None:
    held, _, _ = directory
    before = nightly.roles()
    held.hide(f"cn=team,ou=inner,{GROUPS}", *attributes)
    told = nightly()
    assert nightly.roles() == before
    assert f"cn=team,ou=inner,{GROUPS}" in told


def test_whoever_is_taken_out_of_a_group_loses_access_the_same_night(
    directory: tuple[Directory, str, str], nightly: Nightly
) -> None:
    held, _, _ = directory
    held.modify(
        f"dn: cn=kb-web-members,{GROUPS}\nchangetype: modify\ndelete: member\nmember: {dn('ada')}\n"
        f"member: cn=team,ou=inner,{GROUPS}\n"
    )
    nightly()
    assert nightly.roles() == {"bob": "member", "cyd": "manager"}
    assert nightly.active() == {*LOGINS}


def test_an_emptied_group_of_freeipa_ends_access_without_a_warning(
    kanport: Kanport, server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = (ipa_user("ada"), ipa_user("bob"))
    groups = (
        ipa_group("kb-web-members", ipa_dn("ada"), ipa_dn("bob")),
        ipa_group("kb-web-managers"),
    )
    with Ds389(tmp_path / "ipa", ipa_tree(*people, *groups), member_of=True) as held:
        bases = {"people": USERS, "groups": USER_GROUPS}
        night = first_night(kanport, server, tmp_path, monkeypatch, held.url, ds389.READER, **bases)
        assert night.roles() == {"ada": "member", "bob": "member"}
        held.modify(f"dn: cn=kb-web-members,{USER_GROUPS}\nchangetype: modify\nreplace: member\n")
        told = night()
        assert night.roles() == {}
        assert "0 warnings" in told
        held.modify(
            f"dn: cn=kb-web-members,{USER_GROUPS}\nchangetype: modify\nadd: member\n"
            f"member: {ipa_dn('ada')}\n"
        )
        night()
        assert night.roles() == {"ada": "member"}
        held.hide(f"cn=kb-web-members,{USER_GROUPS}", "member")
        told = night()
        assert night.roles() == {"ada": "member"}
        assert f"cn=kb-web-members,{USER_GROUPS}" in told


@pytest.mark.parametrize("cn", ["kb-web-members", "kb-web-managers"])
def test_a_single_member_that_is_hidden_in_a_list_keeps_access(
    kanport: Kanport,
    server: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cn: str,
) -> None:
    reader = entry(
        READER,
        objectClass=["organizationalRole", "simpleSecurityObject"],
        cn="reader",
        userPassword=PASSWORD,
    )
    listed = [
        group("kb-web-members", dn("ada"), dn("bob"), dn("cyd")),
        group("kb-web-managers", dn("ada"), dn("dan"), dn("eve")),
    ]
    logins = "access to attrs=userPassword by anonymous auth by * none"
    hidden = f'access to dn.exact="cn={cn},{GROUPS}" attrs=member val.exact="{dn("ada")}" by * none'
    with Slapd(tmp_path / "slapd", tree(reader, *map(person, LOGINS), *listed)) as slapd:
        slapd.serve(logins, "access to * by * read")
        night = first_night(kanport, server, tmp_path, monkeypatch, slapd.url, READER)
        before = night.roles()
        managers = {"ada": "manager", "eve": "manager"}
        assert before == {**managers, "bob": "member", "cyd": "member", "dan": "manager"}
        slapd.serve(logins, hidden, "access to * by * read")
        for name, left in (("kb-web-members", "bob"), ("kb-web-managers", "dan")):
            slapd.modify(
                f"dn: cn={name},{GROUPS}\nchangetype: modify\ndelete: member\nmember: {dn(left)}\n"
            )
        told = night()
        # Whoever was really taken out is out, whatever is hidden of others.
        assert night.roles() == {**managers, "cyd": "member"}
        assert ("entry-unreadable" in told) == (cn == "kb-web-managers")


@pytest.mark.parametrize(
    ("cn", "attribute", "value", "keep"),
    [
        ("team", "member", dn("dan"), {"dan"}),
        ("kb-web-members", "member", f"cn=team,{GROUPS}", {"dan", "eve"}),
        ("outer", "member", f"cn=team,{GROUPS}", {"dan", "eve"}),
        ("kb-web-posix", "memberUid", "fay", {"fay"}),
    ],
    ids=["member of an inner group", "inner group", "group between", "login"],
)
def test_a_value_that_is_hidden_keeps_access_that_comes_by_another_way(
    kanport: Kanport,
    server: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cn: str,
    attribute: str,
    value: str,
    keep: set[str],
) -> None:
    reader = entry(
        READER,
        objectClass=["organizationalRole", "simpleSecurityObject"],
        cn="reader",
        userPassword=PASSWORD,
    )
    through = "outer" if cn == "outer" else "team"
    listed = [
        group("kb-web-members", dn("ada"), dn("bob"), f"cn={through},{GROUPS}"),
        group("outer", dn("cyd"), f"cn=team,{GROUPS}"),
        group("team", dn("cyd"), dn("dan"), dn("eve")),
        entry(
            f"cn=kb-web-posix,{GROUPS}", objectClass="posixGroup", cn="kb-web-posix",
            gidNumber="7", memberUid=["ada", "fay"],
        ),
    ]  # fmt: skip
    text = MAPPING.replace("{nested}", ", members: [member, memberUid]{nested}")
    text = text.replace("{{members: ", "{{posix: project-member, members: ")
    monkeypatch.setattr(sys.modules[__name__], "MAPPING", text)
    logins = "access to attrs=userPassword by anonymous auth by * none"
    style = "val" if attribute == "memberUid" else "val.exact"
    hidden = f'access to dn.exact="cn={cn},{GROUPS}" attrs={attribute} {style}="{value}" by * none'
    with Slapd(tmp_path / "slapd", tree(reader, *map(person, LOGINS), *listed)) as slapd:
        slapd.serve(logins, "access to * by * read")
        night = first_night(kanport, server, tmp_path, monkeypatch, slapd.url, READER)
        assert night.roles() == dict.fromkeys(LOGINS, "member")
        slapd.serve(logins, hidden, "access to * by * read")
        slapd.modify(
            f"dn: cn=kb-web-members,{GROUPS}\nchangetype: modify\ndelete: member\n"
            f"member: {dn('bob')}\n"
        )
        told = night()
        assert night.roles() == dict.fromkeys(set(LOGINS) - {"bob"}, "member")
        assert all(f"{who} (" in told for who in keep)


@pytest.mark.parametrize("attributes", [(), ("member",)])
def test_nobody_is_lowered_because_the_group_of_the_higher_role_is_hidden(
    directory: tuple[Directory, str, str], nightly: Nightly, attributes: tuple[str, ...]
) -> None:
    held, _, _ = directory
    held.modify(
        f"dn: cn=kb-web-members,{GROUPS}\nchangetype: modify\nadd: member\nmember: {dn('cyd')}\n"
    )
    nightly()
    assert nightly.roles()["cyd"] == "manager"
    held.hide(f"cn=kb-web-managers,{GROUPS}", *attributes)
    nightly()
    assert nightly.roles()["cyd"] == "manager"
