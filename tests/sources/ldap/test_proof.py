"""What is hidden is not gone: on slapd, 389 Directory Server and Samba."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kanport.mapping.ldap import LdapSource
from kanport.table import Table
from tests.support.ldap import ds389
from tests.support.ldap.ds389 import Ds389
from tests.support.ldap.freeipa import USER_GROUPS, USERS, ipa_dn, ipa_group, ipa_tree, ipa_user
from tests.support.ldap.ldif import GROUPS, PEOPLE, dn, entry, group, person, tree
from tests.support.ldap.reading import read, sorted_codes, spec
from tests.support.ldap.responder import Behavior, Responder
from tests.support.ldap.slapd import PASSWORD, SUFFIX, Slapd

READER = f"cn=reader,{SUFFIX}"
SUB = f"ou=sub,{PEOPLE}"
COLUMNS = ("uid", "group.cn")
LEFT = ["gone", "gone-from-sub", "gone-branch"]
"""Members that are not there any more: of the base, of a branch, and with their whole branch."""
MEMBERS = {
    "gone": dn("gone"),
    "gone-from-sub": f"uid=gone,{SUB}",
    "gone-branch": f"uid=gone,ou=no,ou=longer,{PEOPLE}",
    "printer": f"cn=printer,{PEOPLE}",
    "hidden": dn("hidden"),
    "disclosed": dn("disclosed"),
    "searched": dn("searched"),
    "below-hidden": f"uid=p,ou=hidden,{PEOPLE}",
    "gone-below-hidden": f"uid=gone,ou=hidden,{PEOPLE}",
    "unfiltered": dn("unfiltered"),
    "hidden-group": f"cn=secret,{GROUPS}",
    "not-a-dn": "nobody",
    "elsewhere": "uid=x,dc=other",
}


def reader() -> str:
    return entry(
        READER,
        objectClass=["organizationalRole", "simpleSecurityObject"],
        cn="reader",
        userPassword=PASSWORD,
    )


def entries() -> list[str]:
    staff = {"employeeType": "staff"}
    return [
        person("ada", **staff),
        person("bob", **staff),
        person("hidden", **staff),
        person("disclosed", **staff),
        person("searched", **staff),
        person("unfiltered", **staff),
        entry(f"cn=printer,{PEOPLE}", objectClass="device", cn="printer"),
        entry(SUB, objectClass="organizationalUnit", ou="sub"),
        entry(f"ou=hidden,{PEOPLE}", objectClass="organizationalUnit", ou="hidden"),
        person("p", f"uid=p,ou=hidden,{PEOPLE}", **staff),
        group("secret", dn("bob")),
        *(
            group(f"kb-{name}", dn("ada"), member)
            for name, member in MEMBERS.items()
            if name != "not-a-dn"
        ),
        group("kb-list-hidden", dn("ada")),
        entry(
            f"cn=kb-posix-empty,{GROUPS}", objectClass="posixGroup", cn="kb-posix-empty",
            gidNumber="1",
        ),
        entry(
            f"cn=kb-posix-hidden,{GROUPS}", objectClass="posixGroup", cn="kb-posix-hidden",
            gidNumber="2", memberUid="ada",
        ),
        entry(
            f"cn=kb-unique-hidden,{GROUPS}", objectClass="groupOfUniqueNames",
            cn="kb-unique-hidden", uniqueMember=dn("ada"),
        ),
    ]  # fmt: skip


RULES = [
    "access to attrs=userPassword by anonymous auth by * none",
    f'access to dn.exact="{dn("hidden")}" by * none',
    f'access to dn.exact="{dn("disclosed")}" by * disclose',
    f'access to dn.exact="{dn("searched")}" by * search',
    f'access to dn.exact="{dn("unfiltered")}" attrs=employeeType by * none',
    f'access to dn.subtree="ou=hidden,{PEOPLE}" by * none',
    f'access to dn.exact="cn=secret,{GROUPS}" by * none',
    f'access to dn.exact="cn=kb-list-hidden,{GROUPS}" attrs=member by * none',
    f'access to dn.exact="cn=kb-posix-hidden,{GROUPS}" attrs=memberUid by * none',
    f'access to dn.exact="cn=kb-unique-hidden,{GROUPS}" attrs=uniqueMember by * none',
    "access to * by * read",
]


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    folder = tmp_path_factory.mktemp("proof") / "slapd"
    with Slapd(folder, tree(reader(), *entries()), database=RULES) as running:
        yield running


@pytest.fixture(scope="module")
def ds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ds389]:
    with Ds389(tmp_path_factory.mktemp("proof389"), tree(*entries())) as running:
        running.add(
            entry(f"cn=kb-names-empty,{GROUPS}", objectClass="groupOfNames", cn="kb-names-empty")
        )
        running.hide(dn("hidden"))
        running.hide(dn("unfiltered"), "employeeType")
        running.hide(f"ou=hidden,{PEOPLE}")
        running.hide(f"cn=secret,{GROUPS}")
        running.hide(f"cn=kb-list-hidden,{GROUPS}", "member")
        running.hide(f"cn=kb-posix-hidden,{GROUPS}", "memberUid")
        running.hide(f"cn=kb-unique-hidden,{GROUPS}", "uniqueMember")
        yield running


def source(url: str, bind_dn: str, *names: str, **groups: Any) -> LdapSource:
    given = {"base": GROUPS, "names": [f"kb-{name}" for name in names], **groups}
    return spec(
        url, bind_dn=bind_dn, filter="(&(objectClass=person)(employeeType=staff))", groups=given
    )


def is_open(table: Table) -> bool:
    (scope,) = table.scopes
    return scope.open


def unread(table: Table) -> list[tuple[object, str]]:
    """Return the login, as far as it is known, and the DN of each entry that is not shown."""
    return [(one.row.values["uid"], str(one.row.origin.dn)) for one in table.unread]


# --- members --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*LEFT, "printer"])
def test_slapd_proves_who_is_gone_and_what_is_no_person(slapd: Slapd, name: str) -> None:
    table = read(source(slapd.url, READER, name), *COLUMNS)
    assert sorted_codes(table) == ["member-no-person"]
    assert not is_open(table) and not table.unread


@pytest.mark.parametrize(
    "name", ["hidden", "disclosed", "searched", "below-hidden", "gone-below-hidden", "unfiltered"]
)
def test_slapd_hides_a_member_in_every_way_and_nobody_is_gone(slapd: Slapd, name: str) -> None:
    table = read(source(slapd.url, READER, name), *COLUMNS)
    assert sorted_codes(table) == ["member-unreadable"]
    assert MEMBERS[name] in table.findings[0].message
    assert is_open(table)
    login = MEMBERS[name].partition(",")[0].removeprefix("uid=")
    assert unread(table) == [(login, MEMBERS[name])]


@pytest.mark.parametrize("name", ["hidden-group", "elsewhere"])
def test_what_is_hidden_beside_the_people_opens_the_group_only(slapd: Slapd, name: str) -> None:
    table = read(source(slapd.url, READER, name), *COLUMNS)
    assert sorted_codes(table) == ["member-unreadable"]
    assert is_open(table) and not table.unread


@pytest.mark.parametrize("name", [*LEFT, "printer"])
def test_389_proves_who_is_gone_and_what_is_no_person(ds: Ds389, name: str) -> None:
    table = read(source(ds.url, ds389.READER, name), *COLUMNS)
    assert sorted_codes(table) == ["member-no-person"]
    assert not is_open(table) and not table.unread


@pytest.mark.parametrize("name", ["hidden", "below-hidden", "gone-below-hidden", "unfiltered"])
def test_389_answers_success_for_a_hidden_member_and_nobody_is_gone(ds: Ds389, name: str) -> None:
    table = read(source(ds.url, ds389.READER, name), *COLUMNS)
    assert sorted_codes(table) == ["member-unreadable"]
    assert is_open(table)
    assert [place for _, place in unread(table)] == [MEMBERS[name]]


@pytest.mark.parametrize("name", ["hidden-group", "elsewhere"])
def test_389_proves_nothing_of_other_trees_and_hidden_groups(ds: Ds389, name: str) -> None:
    table = read(source(ds.url, ds389.READER, name), *COLUMNS)
    assert sorted_codes(table) == ["member-unreadable"]
    assert is_open(table) and not table.unread


@pytest.mark.parametrize("code", [10, 32, 34, 50])
def test_an_answer_of_an_unknown_server_without_proof_proves_nothing(code: int) -> None:
    member = dn("hidden")
    listed = {f"cn=kb,{GROUPS}": {"cn": [b"kb"], "member": [member.encode()]}}
    people = {dn("ada"): {"uid": [b"ada"]}}
    with Responder({**people, **listed}, Behavior(unknown_code=code)) as server:
        table = read(spec(server.url, groups={"base": GROUPS}), *COLUMNS)
    assert "member-unreadable" in sorted_codes(table)
    assert is_open(table)
    assert unread(table) == [("hidden", member)]


# --- lists of members -----------------------------------------------------------------------------


EVERY = ["member", "uniqueMember", "memberUid"]


@pytest.mark.parametrize("name", ["list-hidden", "unique-hidden", "posix-hidden"])
@pytest.mark.parametrize("members", [None, EVERY])
def test_a_hidden_list_is_not_an_empty_one(
    slapd: Slapd, ds: Ds389, name: str, members: list[str] | None
) -> None:
    own = {"list": "member", "unique": "uniqueMember", "posix": "memberUid"}
    wanted = members or own[name.partition("-")[0]]
    for url, login in ((slapd.url, READER), (ds.url, ds389.READER)):
        table = read(source(url, login, name, members=wanted), *COLUMNS)
        assert sorted_codes(table) == ["group-unreadable"]
        assert is_open(table)


@pytest.mark.parametrize("members", ["memberUid", EVERY, ["memberUid", "nonesuch"]])
def test_an_empty_group_is_empty_and_says_nothing(
    slapd: Slapd, ds: Ds389, members: str | list[str]
) -> None:
    for url, login in ((slapd.url, READER), (ds.url, ds389.READER)):
        table = read(source(url, login, "posix-empty", members=members, primary=False), *COLUMNS)
        assert not table.findings
        assert not is_open(table)


def test_a_group_of_names_is_empty_where_the_server_allows_it(ds: Ds389) -> None:
    table = read(source(ds.url, ds389.READER, "names-empty", members=EVERY), *COLUMNS)
    assert not table.findings and not table.rows
    assert not is_open(table)


def test_empty_groups_and_hidden_ones_are_told_apart_in_one_search(ds: Ds389) -> None:
    given = {"base": GROUPS, "filter": "(cn=kb-*)", "members": EVERY, "primary": False}
    filter_ = "(&(objectClass=person)(employeeType=staff))"
    table = read(spec(ds.url, bind_dn=ds389.READER, filter=filter_, groups=given), *COLUMNS)
    closed = {str(scope.row.values["group.cn"]) for scope in table.scopes if not scope.open}
    wanted = {*LEFT, "printer", "posix-empty", "names-empty", "disclosed", "searched"}
    assert closed == {f"kb-{name}" for name in wanted}


def test_a_group_of_freeipa_is_empty_or_its_list_is_hidden(tmp_path: Path) -> None:
    listed = [
        ipa_group("kb-empty-members"),
        ipa_group("kb-secret-members", ipa_dn("ada")),
        ipa_group("kb-outer-members", f"cn=kb-secret-members,{USER_GROUPS}"),
        ipa_group("kb-inner-gone-members", f"cn=kb-gone,{USER_GROUPS}"),
    ]
    ldif = ipa_tree(ipa_user("ada"), ipa_user("bob"), *listed)
    with Ds389(tmp_path / "ipa", ldif) as server:
        server.hide(f"cn=kb-secret-members,{USER_GROUPS}", "member")
        given = spec(server.url, bind_dn=ds389.READER, base=USERS, groups={"base": USER_GROUPS})
        table = read(given, *COLUMNS)
    state = {str(scope.row.values["group.cn"]): scope.open for scope in table.scopes}
    assert state == {
        "kb-empty-members": False,
        "kb-secret-members": True,
        "kb-outer-members": True,
        "kb-inner-gone-members": False,
    }


# --- people who list their groups -----------------------------------------------------------------


def test_whose_groups_are_hidden_is_in_doubt_and_nobody_else(tmp_path: Path) -> None:
    rules = [
        "access to attrs=userPassword by anonymous auth by * none",
        f'access to dn.exact="{dn("bob")}" attrs=memberOf by * none',
        "access to * by * read",
    ]
    people = [person("ada"), person("bob"), person("cyd")]
    lines = ["overlay memberof"]
    with Slapd(
        tmp_path / "slapd",
        tree(reader(), *people),
        settings=["moduleload memberof"],
        database=lines,
    ) as slapd:
        slapd.add(group("kb-web", dn("ada"), dn("bob")))
        slapd.serve(*rules, *lines)
        given = {"base": GROUPS, "members": "memberOf"}
        table = read(spec(slapd.url, bind_dn=READER, groups=given), *COLUMNS)
    assert [row.values["uid"] for row in table.rows] == ["ada"]
    assert sorted_codes(table) == ["groups-unreadable"]
    assert dn("bob") in table.findings[0].message
    assert [(one.row.values["uid"], one.absent) for one in table.unread] == [("bob", False)]
    assert not is_open(table)


# --- dynamic groups -------------------------------------------------------------------------------


def dynamic(cn: str, url: str, **more: Any) -> str:
    classes = ["top", "groupOfURLs"]
    return entry(
        f"cn={cn},{GROUPS}", **{"objectClass": classes, "cn": cn, "memberURL": url, **more}
    )


URL = f"ldap:///{PEOPLE}??sub?(employeeType=staff)"
NOBODY = f"ldap:///{PEOPLE}??sub?(employeeType=pilot)"


def test_a_dynamic_group_that_the_server_does_not_expand_is_not_empty(tmp_path: Path) -> None:
    ldif = tree(
        person("ada", employeeType="staff"),
        person("bob", employeeType="guest"),
        dynamic("kb-dynamic", URL),
        dynamic("kb-nobody", NOBODY),
        dynamic("kb-elsewhere", "ldap://other.example.org/dc=x??sub?(uid=*)"),
        dynamic(
            "kb-mixed", URL, objectClass=["top", "groupOfNames", "groupOfURLs"], member=dn("bob")
        ),
    )
    with Ds389(tmp_path / "ds", ldif) as server:
        given = {"base": GROUPS}
        table = read(spec(server.url, bind_dn=ds389.READER, groups=given), *COLUMNS)
        server.hide(PEOPLE, "employeeType")
        hidden = read(spec(server.url, bind_dn=ds389.READER, groups=given), *COLUMNS)
    state = {str(scope.row.values["group.cn"]): scope.open for scope in table.scopes}
    assert state == {"kb-dynamic": True, "kb-nobody": False, "kb-elsewhere": True, "kb-mixed": True}
    assert sorted_codes(table) == ["group-not-expanded"] * 3
    assert all(scope.open for scope in hidden.scopes)


def test_a_dynamic_group_that_the_server_expands_is_a_group_like_any_other(tmp_path: Path) -> None:
    ldif = tree(
        person("ada", employeeType="staff"),
        person("bob", employeeType="guest"),
        dynamic("kb-dynamic", URL),
        dynamic("kb-nobody", NOBODY),
    )
    settings = ["include /etc/ldap/schema/dyngroup.schema", "moduleload dynlist"]
    lines = ["overlay dynlist", "dynlist-attrset groupOfURLs memberURL member"]
    with Slapd(tmp_path / "slapd", ldif, settings=settings, database=lines) as slapd:
        table = read(spec(slapd.url, groups={"base": GROUPS}), *COLUMNS)
        slapd.serve()
        plain = read(spec(slapd.url, groups={"base": GROUPS}), *COLUMNS)
    assert [(row.values["group.cn"], row.values["uid"]) for row in table.rows] == [
        ("kb-dynamic", "ada")
    ]
    assert not any(scope.open for scope in table.scopes)
    assert not table.findings
    assert {str(scope.row.values["group.cn"]): scope.open for scope in plain.scopes} == {
        "kb-dynamic": True,
        "kb-nobody": False,
    }
