"""Groups: who is in them, and where that is not known, nobody is said to be missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kanport.errors import ConfigInvalid, SourceInvalid
from kanport.mapping.ldap import LdapSource
from kanport.sources.ldap import SourceIncomplete
from kanport.table import Table
from tests.support.ldap.ldif import GROUPS, PEOPLE, dn, entry, group, person, tree
from tests.support.ldap.reading import read, sorted_codes, spec
from tests.support.ldap.responder import Behavior, Responder
from tests.support.ldap.slapd import PASSWORD, SUFFIX, Slapd

OUTSIDE = f"ou=contractors,{SUFFIX}"
HIDDEN = f"ou=hidden,{SUFFIX}"
READER = f"cn=reader,{SUFFIX}"


def entries() -> list[str]:
    jon = f"cn=Smith\\, Jon+uid=jon,{PEOPLE}"
    return tree(
        entry(OUTSIDE, objectClass="organizationalUnit", ou="contractors"),
        entry(HIDDEN, objectClass="organizationalUnit", ou="hidden"),
        entry(
            READER,
            objectClass=["organizationalRole", "simpleSecurityObject"],
            cn="reader",
            userPassword=PASSWORD,
        ),
        person("ada"),
        person("bob"),
        person("cyd"),
        person("jon", jon, cn="Smith, Jon"),
        person("joerg", f"uid=jörg,{PEOPLE}", uid="jörg"),
        person("ext", f"uid=ext,{OUTSIDE}"),
        person("ghost", f"uid=ghost,{HIDDEN}"),
        entry(
            f"cn=printer,{PEOPLE}", objectClass=["device", "uidObject"], cn="printer", uid="printer"
        ),
        # Members are spelled otherwise than their entries: case, blanks, escapes, order.
        group("plain", dn("ada").upper(), f"UID=BOB, OU=people, {SUFFIX}"),
        group("escaped", f"uid=jon+cn=Smith\\2C Jon,{PEOPLE}", f"uid=J\\c3\\b6RG,{PEOPLE}"),
        group("empty"),
        group("outside", dn("ada"), f"uid=ext,{OUTSIDE}"),
        group("hidden", dn("ada"), f"uid=ghost,{HIDDEN}"),
        group("stale", dn("ada"), dn("left-long-ago"), f"cn=printer,{PEOPLE}"),
        group("inner", dn("cyd"), f"cn=circle,{GROUPS}"),
        group("circle", dn("bob"), f"cn=inner,{GROUPS}"),
        group("outer", dn("ada"), f"cn=inner,{GROUPS}"),
        group("itself", dn("ada"), f"cn=itself,{GROUPS}"),
        entry(
            f"cn=unique,{GROUPS}",
            objectClass="groupOfUniqueNames",
            cn="unique",
            uniqueMember=[f"{dn('ada')}#'0101'B", dn("bob")],
        ),
        entry(
            f"cn=posix,{GROUPS}",
            objectClass="posixGroup",
            cn="posix",
            gidNumber="2000",
            memberUid=["ada", "BOB", "ext", "nobody"],
        ),
        person(
            "unix",
            objectClass=["inetOrgPerson", "posixAccount"],
            uidNumber="7",
            gidNumber="2000",
            homeDirectory="/nowhere",
        ),
    )


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    rules = [
        "access to attrs=userPassword by anonymous auth by * none",
        f'access to dn.subtree="{HIDDEN}" by * none',
        f'access to dn.exact="cn=plain,{GROUPS}" attrs=member by dn.exact="{READER}" none '
        "by * read",
        "access to * by * read",
    ]
    folder = tmp_path_factory.mktemp("groups") / "slapd"
    with Slapd(folder, entries(), database=rules) as running:
        yield running


def source(
    slapd: Slapd, name: str | list[str], *, bind_dn: str = READER, **groups: Any
) -> LdapSource:
    """A source of one group, or of some that must be there, read by a login with few rights."""
    names = [name] if isinstance(name, str) else name
    given = {"base": GROUPS, "names": names, "ignore": ["cn=nobody"], **groups}
    return spec(slapd.url, bind_dn=bind_dn, groups=given)


def members(table: Table) -> list[tuple[object, object]]:
    """Give group and person of each row."""
    return sorted((row.values["group.cn"], row.values["uid"]) for row in table.rows)


def people_of(table: Table) -> list[str]:
    return sorted(str(row.values["uid"]) for row in table.rows)


def open_scopes(table: Table) -> list[object]:
    return [scope.row.values["group.cn"] for scope in table.scopes if scope.open]


COLUMNS = ("uid", "group.cn")


def test_a_row_stands_for_each_group_and_person(slapd: Slapd) -> None:
    table = read(source(slapd, ["outer", "escaped"], nested="none"), *COLUMNS, "mail", "group.dn")
    assert members(table) == [("escaped", "jon"), ("escaped", "jörg"), ("outer", "ada")]
    row = next(row for row in table.rows if row.values["uid"] == "ada")
    assert row.values["mail"] == "ada@example.org"
    assert row.values["group.dn"] == f"cn=outer,{GROUPS}"
    assert str(row.place("mail")) == f"ldap:{dn('ada')} (mail)"
    assert str(row.place("group.cn")) == f"ldap:cn=outer,{GROUPS} (cn)"


def test_members_are_found_however_their_dn_is_spelled(slapd: Slapd) -> None:
    admin = f"cn=admin,{SUFFIX}"
    table = read(source(slapd, ["plain", "escaped"], bind_dn=admin), *COLUMNS)
    assert members(table) == [
        ("escaped", "jon"),
        ("escaped", "jörg"),
        ("plain", "ada"),
        ("plain", "bob"),
    ]
    assert not open_scopes(table)


def test_groups_in_groups_are_followed_in_circles_too(slapd: Slapd) -> None:
    table = read(source(slapd, ["outer", "circle", "itself"]), *COLUMNS)
    assert members(table) == [
        ("circle", "bob"),
        ("circle", "cyd"),
        ("itself", "ada"),
        ("outer", "ada"),
        ("outer", "bob"),
        ("outer", "cyd"),
    ]
    assert sorted_codes(table) == ["group-cycle", "group-cycle"]
    assert not open_scopes(table)
    inner = {
        str(scope.row.values["group.cn"]): sorted(dn.partition(",")[0] for dn in scope.inner)
        for scope in table.scopes
    }
    assert inner == {"circle": ["cn=inner"], "itself": [], "outer": ["cn=circle", "cn=inner"]}


def test_a_depth_that_cuts_leaves_the_group_open(slapd: Slapd) -> None:
    table = read(source(slapd, "outer", depth=1), *COLUMNS)
    assert people_of(table) == ["ada", "cyd"]
    assert sorted_codes(table) == ["group-too-deep"]
    assert open_scopes(table) == ["outer"]
    assert not open_scopes(read(source(slapd, "outer", depth=2), *COLUMNS))


def test_without_following_groups_only_direct_members_count(slapd: Slapd) -> None:
    table = read(source(slapd, "outer", nested="none"), *COLUMNS)
    assert people_of(table) == ["ada"]
    assert sorted_codes(table) == ["member-no-person"]


def test_the_servers_own_rule_is_not_believed_where_it_does_not_know_it(slapd: Slapd) -> None:
    for name in ("outer", "empty"):
        with pytest.raises(ConfigInvalid, match="does not follow nested groups"):
            read(source(slapd, name, nested="rule"), *COLUMNS)


def test_an_empty_group_is_a_scope_with_nobody_in_it(slapd: Slapd) -> None:
    table = read(source(slapd, "empty"), *COLUMNS)
    assert not table.rows
    assert [(scope.row.values["group.cn"], scope.open) for scope in table.scopes] == [
        ("empty", False)
    ]


def test_a_placeholder_that_is_not_ignored_leaves_its_group_open(slapd: Slapd) -> None:
    table = read(source(slapd, "empty", ignore=[]), *COLUMNS)
    assert sorted_codes(table) == ["member-unreadable"]
    assert open_scopes(table) == ["empty"]


def test_a_member_outside_is_fetched(slapd: Slapd) -> None:
    table = read(source(slapd, "outside"), *COLUMNS, "mail")
    assert people_of(table) == ["ada", "ext"]
    (row,) = (row for row in table.rows if row.values["uid"] == "ext")
    assert row.values["mail"] == "ext@example.org"
    assert not sorted_codes(table)


def test_a_member_outside_that_is_only_reported_leaves_its_group_open(slapd: Slapd) -> None:
    table = read(source(slapd, "outside", outside="report"), *COLUMNS)
    assert people_of(table) == ["ada"]
    assert sorted_codes(table) == ["member-unreadable"]
    assert open_scopes(table) == ["outside"]


def test_a_member_who_cannot_be_read_leaves_its_group_open(slapd: Slapd) -> None:
    table = read(source(slapd, ["hidden", "escaped"]), *COLUMNS)
    assert ("hidden", "ada") in members(table)
    assert sorted_codes(table) == ["member-unreadable"]
    assert open_scopes(table) == ["hidden"]


def test_who_left_and_what_is_no_person_is_told_and_leaves_nothing_open(slapd: Slapd) -> None:
    table = read(source(slapd, "stale"), *COLUMNS)
    assert people_of(table) == ["ada"]
    (finding,) = table.findings
    assert finding.code == "member-no-person"
    assert "left-long-ago" in finding.message and "printer" in finding.message
    assert not open_scopes(table)


def test_a_list_of_members_that_may_not_be_read_leaves_its_group_open(slapd: Slapd) -> None:
    table = read(source(slapd, "plain"), *COLUMNS)
    assert not table.rows
    assert sorted_codes(table) == ["group-unreadable"]
    assert open_scopes(table) == ["plain"]


def test_a_group_that_is_named_and_not_there_is_an_error_for_its_scope_only(slapd: Slapd) -> None:
    gone = f"cn=kb-gone,{GROUPS}"
    table = read(source(slapd, ["outside", "kb-beta", gone]), *COLUMNS, "group.description")
    assert people_of(table) == ["ada", "ext"]
    assert [code for code in sorted_codes(table) if code != "attribute-nowhere"] == [
        "group-missing"
    ] * 2
    assert open_scopes(table) == ["kb-gone", "kb-beta"]
    missing = [scope.row for scope in table.scopes if scope.open]
    assert all(row.odd["group.description"].code == "group-missing" for row in missing)
    assert all("group.cn" not in row.odd for row in missing)


def test_a_name_that_two_groups_have_is_not_guessed(tmp_path: Path) -> None:
    inner = f"ou=inner,{GROUPS}"
    twice = tree(
        person("ada"),
        entry(inner, objectClass="organizationalUnit", ou="inner"),
        group("kb-x", dn("ada")),
        group("KB-X", dn("ada"), base=inner),
    )
    with Slapd(tmp_path / "slapd", twice) as slapd:
        table = read(spec(slapd.url, groups={"base": GROUPS, "names": ["kb-x"]}), *COLUMNS)
    assert not table.rows
    assert sorted_codes(table) == ["group-ambiguous"]
    assert open_scopes(table) == ["kb-x"]


def test_unique_members_are_read_without_their_bits(slapd: Slapd) -> None:
    assert people_of(read(source(slapd, "unique", members="uniqueMember"), *COLUMNS)) == [
        "ada",
        "bob",
    ]


def test_login_names_are_members_to_the_letter(slapd: Slapd) -> None:
    table = read(source(slapd, "posix", members="memberUid"), *COLUMNS)
    # BOB is not bob: memberUid is compared exactly. unix is in by its gidNumber.
    assert people_of(table) == ["ada", "ext", "unix"]
    assert sorted_codes(table) == ["member-no-person"]
    without = read(source(slapd, "posix", members="memberUid", primary=False), *COLUMNS)
    assert people_of(without) == ["ada", "ext"]


def test_login_names_that_are_not_looked_for_leave_the_group_open(slapd: Slapd) -> None:
    table = read(source(slapd, "posix", members="memberUid", outside="report"), *COLUMNS)
    assert people_of(table) == ["ada", "unix"]
    assert open_scopes(table) == ["posix"]


def test_all_groups_of_a_search_are_read_where_none_is_named(slapd: Slapd) -> None:
    given = {"base": GROUPS, "filter": "(cn=*tside)", "members": ["member", "uniqueMember"]}
    table = read(spec(slapd.url, groups=given), *COLUMNS)
    assert members(table) == [("outside", "ada"), ("outside", "ext")]


def test_a_search_that_finds_no_group_is_no_proof_that_there_is_none(slapd: Slapd) -> None:
    with pytest.raises(SourceInvalid, match="found no group"):
        read(spec(slapd.url, groups={"base": GROUPS, "filter": "(cn=kb-*)"}), *COLUMNS)


def test_people_who_list_their_groups_are_members_through_nested_groups_too(
    tmp_path: Path,
) -> None:
    settings = ["moduleload memberof"]
    groups = {"base": GROUPS, "names": ["outer", "plain"], "members": "memberOf"}
    folder = tmp_path / "slapd"
    people = [person("ada"), person("bob"), person("cyd")]
    with Slapd(folder, tree(*people), settings=settings, database=["overlay memberof"]) as slapd:
        # The overlay only sees what is written while it runs.
        slapd.add(
            group("inner", dn("cyd")),
            group("plain", dn("bob")),
            group("outer", dn("ada"), f"cn=inner,{GROUPS}"),
        )
        table = read(spec(slapd.url, groups=groups), *COLUMNS)
        direct = read(spec(slapd.url, groups={**groups, "nested": "none"}), *COLUMNS)
    assert members(table) == [("outer", "ada"), ("outer", "cyd"), ("plain", "bob")]
    assert members(direct) == [("outer", "ada"), ("plain", "bob")]
    assert not open_scopes(table)


def test_where_nobody_lists_groups_all_groups_are_open(slapd: Slapd) -> None:
    table = read(source(slapd, ["outside", "stale"], members="memberOf"), *COLUMNS)
    assert not table.rows
    assert open_scopes(table) == ["outside", "stale"]
    assert sorted_codes(table) == ["group-unreadable"] * 2


def test_3000_members_and_as_many_people(tmp_path: Path) -> None:
    people = [person(f"u{number:04}") for number in range(3_000)]
    everybody = group("kb-all-member", *(dn(f"u{number:04}") for number in range(3_000)))
    with Slapd(
        tmp_path / "slapd", tree(*people, everybody), database=["sizelimit unlimited"]
    ) as slapd:
        table = read(spec(slapd.url, groups={"base": GROUPS}), *COLUMNS)
    assert len({row.values["uid"] for row in table.rows}) == 3_000
    assert not table.findings


def test_many_members_outside_are_fetched_many_at_once(tmp_path: Path) -> None:
    people = [person(f"x{number:03}", f"uid=x{number:03},{OUTSIDE}") for number in range(450)]
    ou = entry(OUTSIDE, objectClass="organizationalUnit", ou="contractors")
    big = group("kb-ext-member", *(f"uid=x{number:03},{OUTSIDE}" for number in range(450)))
    with Slapd(tmp_path / "slapd", tree(ou, person("ada"), *people, big)) as slapd:
        table = read(spec(slapd.url, groups={"base": GROUPS}), *COLUMNS)
    assert len(table.rows) == 450


def test_where_the_root_may_not_be_searched_members_are_read_one_by_one(tmp_path: Path) -> None:
    rules = [f'access to dn.base="{SUFFIX}" by * none', "access to * by * read"]
    with Slapd(tmp_path / "slapd", entries(), database=rules) as slapd:
        found = read(source(slapd, ["outside", "stale"]), *COLUMNS)
        posix = read(source(slapd, "posix", members="memberUid"), *COLUMNS)
    assert members(found) == [("outside", "ada"), ("outside", "ext"), ("stale", "ada")]
    assert not open_scopes(found)
    # Who is not below the base may be anywhere: a login name does not show that.
    assert people_of(posix) == ["ada", "unix"]
    assert open_scopes(posix) == ["posix"]


def test_a_server_that_dies_while_members_are_looked_up_is_incomplete(tmp_path: Path) -> None:
    listed = {f"cn=kb,{GROUPS}": {"objectClass": [b"group"], "member": [b"cn=x,dc=other"]}}
    people = {dn("ada"): {"uid": [b"ada"], "objectClass": [b"person"]}}
    with Responder({**people, **listed}, Behavior(close_on_read=True)) as server:
        given = spec(server.url, groups={"base": GROUPS})
        with pytest.raises(SourceIncomplete, match="connection"):
            read(given, *COLUMNS)


def test_a_member_on_another_server_leaves_its_group_open() -> None:
    listed = {f"cn=kb,{GROUPS}": {"cn": [b"kb"], "member": [b"cn=x,dc=other"]}}
    people = {dn("ada"): {"uid": [b"ada"]}}
    with Responder({**people, **listed}, Behavior(unknown_code=10)) as server:
        table = read(spec(server.url, groups={"base": GROUPS}), *COLUMNS)
    assert open_scopes(table) == ["kb"]
    assert "member-unreadable" in sorted_codes(table)


def test_4000_members_come_in_ranges_and_all_of_them(tmp_path: Path) -> None:
    people = {dn(f"u{number}"): {"uid": [b"u%d" % number]} for number in range(4_000)}
    large = {f"cn=kb,{GROUPS}": {"cn": [b"kb"], "member": [name.encode() for name in people]}}
    with Responder({**people, **large}) as server:
        table = read(spec(server.url, groups={"base": GROUPS}), *COLUMNS)
    assert len({row.values["uid"] for row in table.rows}) == 4_000
    with (
        Responder({**people, **large}, Behavior(range_fault="refuse")) as server,
        pytest.raises(SourceIncomplete),
    ):
        read(spec(server.url, groups={"base": GROUPS}), *COLUMNS)
