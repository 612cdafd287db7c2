"""Active Directory's protocol, spoken by Samba's domain controller."""

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kanport.errors import Unreachable
from kanport.mapping.ldap import LdapSource
from kanport.sandbox import Sandbox
from kanport.sources.ldap.connect import connected
from kanport.sources.ldap.proof import AbsenceProof
from kanport.sources.ldap.search import Directory
from kanport.table import Table
from tests.support.command_line import Kanport
from tests.support.ldap.certificates import Authority
from tests.support.ldap.reading import ENVIRON, read, sorted_codes, spec
from tests.support.ldap.samba import ADMINISTRATOR, DOMAIN, PASSWORD, TLS_URL, URL, Samba, samba
from tests.support.sources import column

STAFF = f"OU=Staff,{DOMAIN}"
PARTNERS = f"OU=Partners,{DOMAIN}"
GROUPS = f"OU=Groups,{DOMAIN}"
PEOPLE_FILTER = "(&(objectCategory=person)(objectClass=user))"
ENABLED, DISABLED = 544, 546
ENDED = 133_801_632_000_000_000  # 2025-01-01
LATER = 160_000_000_000_000_000  # 2108


def unit(dn: str) -> str:
    name = dn.partition("=")[2].partition(",")[0]
    return f"dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\nou: {name}\n"


def user(login: str, *more: str, control: int = ENABLED, base: str = STAFF, cn: str = "") -> str:
    lines = [
        f"dn: CN={cn or login},{base}",
        "changetype: add",
        "objectClass: user",
        f"sAMAccountName: {login}",
        f"userPrincipalName: {login}@kanport.test",
        f"userAccountControl: {control}",
        *more,
    ]
    return "\n".join(lines) + "\n"


def group(name: str, *members: str) -> str:
    lines = [f"dn: CN={name},{GROUPS}", "changetype: add", "objectClass: group"]
    lines += [f"sAMAccountName: {name}", *(f"member: {member}" for member in members)]
    return "\n".join(lines) + "\n"


def of(login: str, base: str = STAFF) -> str:
    return f"CN={login},{base}"


@pytest.fixture(scope="module")
def controller(good_tls: Path, provisioned: Path) -> Iterator[Samba]:
    with samba(good_tls, provisioned) as running:
        running.load(
            *map(unit, (STAFF, PARTNERS, GROUPS)),
            user("ada", "givenName: Ada", "sn: Lovelace", "mail: ada@kanport.test"),
            user("bob"),
            user("cyd"),
            user("dan", control=DISABLED),
            user("eve", f"accountExpires: {ENDED}"),
            user("fay", f"accountExpires: {LATER}"),
            user("gus", "accountExpires: 0"),
            user("hal", "lockoutTime: 133801632000000000"),
            user("ivy", base=PARTNERS),
            user("kai"),
            user("lea"),
            user("mia", cn='Mia \\"Mimi\\" O\\, Test'),
            group("kb-alpha-member", of("ada"), of("ivy", PARTNERS)),
            group("team", of("bob")),
            group("division", f"CN=team,{GROUPS}", of("cyd")),
            group("kb-beta-member", f"CN=division,{GROUPS}"),
            group("kb-gamma-member"),
            group("circle-a"),
            group("circle-b", f"CN=circle-a,{GROUPS}", of("ada")),
            f"dn: CN=circle-a,{GROUPS}\nchangetype: modify\nadd: member\n"
            f"member: CN=circle-b,{GROUPS}\n",
        )
        yield running


def source(authority: Authority, **more: Any) -> LdapSource:
    url = more.pop("url", TLS_URL)
    given = {
        "base": STAFF,
        "filter": PEOPLE_FILTER,
        "bind_dn": ADMINISTRATOR,
        "bind_password": {"env": "SAMBA_PASSWORD"},
        "ca_file": str(authority.file),
        **more,
    }
    return spec(url, **given)


def rows_of(table: Table, name: str) -> dict[object, Any]:
    return {row.values["sAMAccountName"]: row.values[name] for row in table.rows}


def members(table: Table) -> dict[object, list[str]]:
    found: dict[object, list[str]] = {}
    for row in table.rows:
        found.setdefault(row.values["group.cn"], []).append(str(row.values["sAMAccountName"]))
    return {name: sorted(logins) for name, logins in found.items()}


@pytest.mark.usefixtures("controller")
def test_people_come_with_login_names_and_guids(authority: Authority) -> None:
    table = read(source(authority, id="objectGUID"), "sAMAccountName", "id", "mail", "objectSid")
    assert rows_of(table, "mail")["ada"] == "ada@kanport.test"
    ids = rows_of(table, "id")
    assert len(set(ids.values())) == len(ids) and all(len(one) == 36 for one in ids.values())
    assert rows_of(table, "objectSid")["ada"].startswith("S-1-5-21-")
    assert "ivy" not in ids


@pytest.mark.usefixtures("controller")
def test_a_guid_is_written_as_active_directory_finds_it(authority: Authority) -> None:
    table = read(source(authority, id="objectGUID"), "sAMAccountName", "id")
    guid = rows_of(table, "id")["ada"]
    again = read(source(authority, base=f"<GUID={guid}>", scope="base"), "sAMAccountName")
    assert column(again, "sAMAccountName") == ["ada"]


@pytest.mark.usefixtures("controller")
def test_a_name_at_the_domain_can_log_in(authority: Authority) -> None:
    table = read(source(authority, bind_dn="Administrator@kanport.test"), "sAMAccountName")
    assert "ada" in column(table, "sAMAccountName")


@pytest.mark.usefixtures("controller")
def test_who_is_disabled_or_expired_is_not_active(authority: Authority) -> None:
    rules = ["userAccountControl", "accountExpires"]
    table = read(source(authority, active=rules), "sAMAccountName", "active")
    activity = rows_of(table, "active")
    assert {login for login, active in activity.items() if active == "false"} == {"dan", "eve"}
    before = datetime(2024, 12, 31, 23, 59, tzinfo=UTC)
    table = read(source(authority, active=rules), "sAMAccountName", "active", now=before)
    assert rows_of(table, "active")["eve"] == "true"


@pytest.mark.usefixtures("controller")
@pytest.mark.parametrize("nested", ["rule", "walk"])
def test_nested_groups_are_the_same_by_the_servers_rule_and_by_walking(
    authority: Authority, nested: str
) -> None:
    names = ["kb-alpha-member", "kb-beta-member", "division", "circle-a", "kb-gamma-member"]
    groups = {"base": GROUPS, "names": names, "nested": nested}
    table = read(source(authority, groups=groups), "sAMAccountName", "group.cn")
    assert members(table) == {
        "kb-alpha-member": ["ada", "ivy"],
        "kb-beta-member": ["bob", "cyd"],
        "division": ["bob", "cyd"],
        "circle-a": ["ada"],
    }
    assert not any(scope.open for scope in table.scopes)
    assert len(table.scopes) == len(names)


@pytest.mark.usefixtures("controller")
def test_member_of_gives_the_same_groups(authority: Authority) -> None:
    names = ["kb-alpha-member", "kb-beta-member", "circle-a"]
    groups = {"base": GROUPS, "names": names, "members": "memberOf"}
    table = read(source(authority, groups=groups), "sAMAccountName", "group.cn")
    assert members(table) == {
        # ivy lies outside the people, who are all that is seen this way.
        "kb-alpha-member": ["ada"],
        "kb-beta-member": ["bob", "cyd"],
        "circle-a": ["ada"],
    }


@pytest.mark.parametrize("nested", ["rule", "walk"])
@pytest.mark.parametrize("attribute", ["member", "memberOf"])
def test_a_primary_group_counts_directly_and_through_other_groups(
    authority: Authority, controller: Samba, nested: str, attribute: str
) -> None:
    tag = f"{nested}-{attribute}".lower()
    mine, above, login = f"primary-{tag}", f"kb-{tag}-member", f"p-{tag}"
    controller.load(user(login), group(mine, of(login)), group(above, f"CN={mine},{GROUPS}"))
    sids = read(source(authority, base=GROUPS, filter=f"(cn={mine})"), "cn", "objectSid")
    rid = str(column(sids, "objectSid")[0]).rpartition("-")[2]
    controller.load(
        f"dn: {of(login)}\nchangetype: modify\nreplace: primaryGroupID\nprimaryGroupID: {rid}\n"
    )
    (listed,) = column(
        read(source(authority, base=GROUPS, filter=f"(cn={mine})"), "member"), "member"
    )
    assert listed == ""
    groups = {"base": GROUPS, "names": [mine, above], "nested": nested, "members": attribute}
    table = read(source(authority, groups=groups), "sAMAccountName", "group.cn")
    assert members(table) == {mine: [login], above: [login]}
    without = read(
        source(authority, groups={**groups, "names": [mine], "primary": False, "nested": "walk"}),
        "sAMAccountName",
    )
    assert not without.rows


@pytest.mark.usefixtures("controller")
def test_referrals_are_counted_and_nobody_follows_them(authority: Authority) -> None:
    table = read(source(authority, base=DOMAIN), "sAMAccountName")
    assert "directory-referrals" in sorted_codes(table)
    assert {"ada", "ivy"} <= set(column(table, "sAMAccountName"))


@pytest.mark.usefixtures("controller")
def test_the_global_catalogue_port_is_refused_in_clear_too(authority: Authority) -> None:
    with pytest.raises(Unreachable):
        read(source(authority, url="ldap://127.0.0.1:3268", allow_plaintext=True), "cn")


@pytest.mark.usefixtures("controller")
def test_a_password_without_tls_is_refused_in_plain_words(authority: Authority) -> None:
    with pytest.raises(Unreachable) as caught:
        read(source(authority, url=URL, allow_plaintext=True), "sAMAccountName")
    assert "it wants TLS before a password" in caught.value.details[0]
    assert caught.value.hint == "use ldaps://, or start_tls: true"


@pytest.mark.usefixtures("controller")
def test_starttls_works_with_the_right_authority_only(authority: Authority) -> None:
    table = read(source(authority, url="ldap://localhost", start_tls=True), "sAMAccountName")
    assert "ada" in column(table, "sAMAccountName")
    with pytest.raises(Unreachable, match="could not be opened"):
        read(source(authority, url="ldap://localhost", start_tls=True, ca_file=None), "cn")


def test_a_rename_keeps_the_guid(authority: Authority, controller: Samba) -> None:
    given = source(authority, id="objectGUID")
    before = rows_of(read(given, "sAMAccountName", "id"), "id")["kai"]
    controller.load(
        f"dn: {of('kai')}\nchangetype: modify\nreplace: sAMAccountName\nsAMAccountName: kaya\n",
        f"dn: {of('kai')}\nchangetype: modrdn\nnewrdn: CN=kaya\ndeleteoldrdn: 1\n",
    )
    after = rows_of(read(given, "sAMAccountName", "id"), "id")
    assert after["kaya"] == before and "kai" not in after


def test_who_moves_to_another_unit_keeps_guid_and_groups(
    authority: Authority, controller: Samba
) -> None:
    controller.load(group("kb-move-member", of("lea")))
    given = source(
        authority,
        base=DOMAIN,
        id="objectGUID",
        groups={"base": GROUPS, "names": ["kb-move-member"]},
    )
    (before,) = read(given, "sAMAccountName", "id", "dn").rows
    controller.load(
        f"dn: {of('lea')}\nchangetype: modrdn\nnewrdn: CN=lea\ndeleteoldrdn: 1\n"
        f"newsuperior: {PARTNERS}\n"
    )
    (after,) = read(given, "sAMAccountName", "id", "dn").rows
    assert after.values["dn"] == of("lea", PARTNERS) != before.values["dn"]
    assert after.values["id"] == before.values["id"]


@pytest.mark.usefixtures("controller")
def test_pages_and_the_servers_own_filters_work(authority: Authority) -> None:
    flag = "(userAccountControl:1.2.840.113556.1.4.803:=2)"
    table = read(
        source(authority, filter=f"(&{PEOPLE_FILTER}{flag})", page_size=1), "sAMAccountName"
    )
    assert column(table, "sAMAccountName") == ["dan"]
    everybody = read(source(authority, page_size=2), "sAMAccountName")
    assert {"ada", "bob", "cyd", "hal"} <= set(column(everybody, "sAMAccountName"))


MEMBER = "RP;bf9679c0-0de6-11d0-a285-00aa003049e2"
"""The right to read `member`, by the GUID of the attribute."""


def test_what_active_directory_hides_is_not_gone(authority: Authority, controller: Samba) -> None:
    secret = f"OU=Secret,{STAFF}"
    password = base64.b64encode(f'"{PASSWORD}"'.encode("utf-16-le")).decode()
    controller.load(
        unit(secret),
        user("nik", base=secret),
        user("oda"),
        user("pia"),
        user("login"),
        group("kb-x-hidden", of("ada"), of("oda")),
        group("kb-x-list", of("ada")),
        group("kb-x-unit", of("ada"), of("nik", secret)),
        group("kb-x-gone", of("ada"), of("pia")),
        group("kb-x-empty"),
        f"dn: CN=login,{STAFF}\nchangetype: modify\nreplace: unicodePwd\nunicodePwd:: {password}\n",
        f"dn: CN=login,{STAFF}\nchangetype: modify\nreplace: userAccountControl\n"
        "userAccountControl: 512\n",
        f"dn: {of('pia')}\nchangetype: delete\n",
    )
    found = read(source(authority, filter="(cn=login)"), "objectSid")
    sid = str(column(found, "objectSid")[0])
    controller.hide(sid, of("oda"), "RPLCLORC")
    controller.hide(sid, secret, "LCLO")
    controller.hide(sid, f"CN=kb-x-list,{GROUPS}", MEMBER)
    groups = {"base": GROUPS, "filter": "(cn=kb-x-*)"}
    given = source(authority, groups=groups, bind_dn="login@kanport.test")
    table = read(given, "sAMAccountName", "group.cn")
    state = {str(scope.row.values["group.cn"]): scope.open for scope in table.scopes}
    assert state == {
        "kb-x-hidden": True,
        "kb-x-list": True,
        "kb-x-unit": True,
        "kb-x-gone": False,
        "kb-x-empty": False,
    }
    assert sorted_codes(table) == ["group-unreadable", "member-unreadable", "member-unreadable"]
    assert {one.row.origin.dn for one in table.unread} == {of("oda"), of("nik", secret)}


PRIMARY = "RP;bf967a00-0de6-11d0-a285-00aa003049e2"
"""The right to read `primaryGroupID`."""
SID = "RP;bf9679e8-0de6-11d0-a285-00aa003049e2"
"""The right to read `objectSid`."""


def test_a_hidden_number_of_a_primary_group_proves_nothing(
    authority: Authority, controller: Samba
) -> None:
    unit_of_numbers = f"OU=Numbers,{STAFF}"
    password = base64.b64encode(f'"{PASSWORD}"'.encode("utf-16-le")).decode()
    controller.load(
        unit(unit_of_numbers),
        *(user(login, base=unit_of_numbers) for login in ("una", "val", "wim")),
        user("reader"),
        group("kb-y-open", of("una", unit_of_numbers)),
        group("kb-y-hidden", of("una", unit_of_numbers)),
        f"dn: CN=reader,{STAFF}\nchangetype: modify\nreplace: unicodePwd\n"
        f"unicodePwd:: {password}\n",
        f"dn: CN=reader,{STAFF}\nchangetype: modify\nreplace: userAccountControl\n"
        "userAccountControl: 512\n",
    )
    found = read(source(authority, filter="(cn=reader)"), "objectSid")
    sid = str(column(found, "objectSid")[0])
    groups: dict[str, Any] = {"base": GROUPS, "filter": "(cn=kb-y-*)"}
    given = source(authority, base=unit_of_numbers, groups=groups, bind_dn="reader@kanport.test")
    table = read(given, "sAMAccountName", "group.cn")
    assert [scope.open for scope in table.scopes] == [False, False]
    assert sorted_codes(table) == []

    controller.hide(sid, of("val", unit_of_numbers), PRIMARY)
    controller.hide(sid, of("wim", unit_of_numbers), SID)
    table = read(given, "sAMAccountName", "group.cn")
    assert sorted_codes(table) == ["groups-unreadable", "groups-unreadable"]
    unread = {of("val", unit_of_numbers), of("wim", unit_of_numbers)}
    assert {one.row.origin.dn for one in table.unread} == unread

    controller.hide(sid, f"CN=kb-y-hidden,{GROUPS}", SID)
    table = read(given, "sAMAccountName", "group.cn")
    state = {str(scope.row.values["group.cn"]): scope.open for scope in table.scopes}
    assert state == {"kb-y-hidden": True, "kb-y-open": False}
    assert "group-unreadable" in sorted_codes(table)
    # Whoever does not count primary groups needs none of these.
    groups["primary"] = False
    given = source(authority, base=unit_of_numbers, groups=groups, bind_dn="reader@kanport.test")
    assert sorted_codes(read(given, "sAMAccountName", "group.cn")) == []


def test_an_entry_is_gone_only_where_its_neighbors_show(
    authority: Authority, controller: Samba
) -> None:
    bare = f"OU=Bare,{STAFF}"
    controller.load(unit(bare), user("quin", base=bare))
    with connected("staff", source(authority), base=Path(), environ=ENVIRON) as (connection, _):
        proof = AbsenceProof(Directory(connection, 100))
        assert proof.gone(of("nobody"))
        assert proof.gone(of("nobody", f"OU=No,OU=Branch,{STAFF}"))
        assert proof.gone(of("nobody", bare))
        assert not proof.gone(of("quin", bare))
        assert not proof.gone("CN=x,DC=elsewhere")
        controller.load(f"dn: {of('quin', bare)}\nchangetype: delete\n")
        # Nobody else is there, so an empty unit looks like one that may not be listed.
        assert not AbsenceProof(Directory(connection, 100)).gone(of("quin", bare))


def test_a_leaver_is_disabled_and_moved_and_groups_still_list_them(
    authority: Authority,
    controller: Samba,
    server: Sandbox,
    kanport: Kanport,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    staff, gone = f"OU=Branch,{DOMAIN}", f"OU=Disabled,{DOMAIN}"
    controller.load(
        unit(staff),
        unit(gone),
        user("lara", base=staff),
        user("liam", base=staff),
        group("branch-web-members", of("lara", staff), of("liam", staff)),
        group("branch-team", of("lara", staff)),
        group("branch-erp-members", of("liam", staff)),
    )
    for name in ("WEB", "ERP"):
        server.store.add_project(name.title(), identifier=name)
    monkeypatch.setenv("SAMBA_PASSWORD", PASSWORD)
    sources = "".join(
        f"  {name}:\n    type: ldap\n    url: {TLS_URL}\n    ca_file: {authority.file}\n"
        f'    bind_dn: "{ADMINISTRATOR}"\n    bind_password: {{env: SAMBA_PASSWORD}}\n'
        f'    base: "{staff}"\n    filter: {PEOPLE_FILTER}\n{more}'
        for name, more in (
            ("people", "    id: objectGUID\n    active: [userAccountControl]\n"),
            (
                "access",
                f'    groups: {{base: "{GROUPS}", filter: (cn=branch-*), nested: NESTED}}\n',
            ),
        )
    )
    text = (
        f"kanport: 1\nname: nightly\nsources:\n{sources}"
        "users:\n  from: people\n  id: {from: id}\n"
        "  fields:\n    username: {from: sAMAccountName}\n    active: {from: active}\n"
        '  missing: disable\n  managed: {usernames: ["*"]}\nmemberships:\n  - from: access\n'
        "    username: {from: sAMAccountName}\n"
        '    project: {from: group.cn, each: true, match: "^branch-(?P<value>.+)-members$"}\n'
        "    role: project-member\nmemberships_missing: revoke\nprotect: [admin]\n"
        "ledger: nightly.ledger\nlimits: {disable: 90%, revoke: 90%}\n"
    )
    walk, rule = tmp_path / "walk.yaml", tmp_path / "rule.yaml"
    walk.write_text(text.replace("NESTED", "walk"), encoding="utf-8")
    rule.write_text(text.replace("NESTED", "rule"), encoding="utf-8")
    assert kanport("sync", walk).code == 0
    assert server.store.snapshot().memberships["WEB", "lara"] == "project-member"
    controller.load(
        f"dn: {of('lara', staff)}\nchangetype: modify\nreplace: userAccountControl\n"
        f"userAccountControl: {DISABLED}\n",
        f"dn: {of('lara', staff)}\nchangetype: modrdn\nnewrdn: CN=lara\ndeleteoldrdn: 1\n"
        f"newsuperior: {gone}\n",
        # Somebody else put the leaver into one more group by mistake.
        f"dn: CN=branch-erp-members,{GROUPS}\nchangetype: modify\nadd: member\n"
        f"member: {of('lara', gone)}\n",
    )
    by_rule = kanport("plan", rule)
    done = kanport("sync", walk)
    assert done.code == 0, done
    after = server.store.snapshot()
    assert not after.users["lara"].is_active
    assert dict(after.memberships) == {
        ("WEB", "liam"): "project-member",
        ("ERP", "liam"): "project-member",
    }
    assert by_rule.code == 0, by_rule
    assert "lara" in by_rule.out
    for mapping in (walk, rule):
        assert kanport("plan", mapping, "--check").code == 0
