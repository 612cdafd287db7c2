"""Two entries are one only if the directory says so, however alike their names look."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kanport.errors import SourceInvalid
from kanport.table import Table
from tests.support.ldap.ds389 import READER, Ds389
from tests.support.ldap.ldif import GROUPS, PEOPLE, dn, entry, group, person, tree
from tests.support.ldap.reading import read, sorted_codes, spec
from tests.support.ldap.responder import Responder
from tests.support.ldap.slapd import SUFFIX, Slapd
from tests.support.sources import column

TWINS = [
    ("Anna Weiss", "Anna Weiß"),
    ("ΝΙΚΟΣ οδοσ", "ΝΙΚΟΣ οδος"),
    ("GROSS Ada", "GROẞ Ada"),
    ("i̇ris", "İris"),
    ("Louis viii", "Louis Ⅷ"),
]
"""Pairs that Unicode's case folding or compatibility forms make one, and OpenLDAP does not."""

COLUMNS = ("uid", "group.cn")


def twin(cn: str, uid: str, base: str = PEOPLE) -> str:
    return person(uid, f"cn={cn},{base}", cn=cn)


def entries() -> list[str]:
    inside = [
        twin(name, f"{side}{number}")
        for number, pair in enumerate(TWINS)
        for side, name in zip("ab", pair, strict=True)
    ]
    groups = [
        made
        for number, (first, second) in enumerate(TWINS)
        for made in (
            group(f"first-{number}", f"cn={first},{PEOPLE}"),
            group(f"second-{number}", f"cn={second},{PEOPLE}"),
        )
    ]
    return tree(
        *inside,
        twin("fiona", "fiona"),
        person("joerg", f"uid=jörg,{PEOPLE}", uid="jörg"),
        person("ada"),
        *groups,
        group("shouted", f"UID=JÖRG,OU=PEOPLE,{SUFFIX}", f"uid= ada ,ou=people,{SUFFIX}"),
        group("ligature", f"cn=ﬁona,{PEOPLE}"),
        group("apart", f"uid=jo\u0308rg,{PEOPLE}"),
        group("kb-weiß-members", dn("ada")),
        group("kb-weiss-members", f"uid=jörg,{PEOPLE}"),
    )


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with Slapd(tmp_path_factory.mktemp("twins") / "slapd", entries()) as running:
        yield running


def members(slapd: Slapd, *names: str, base: str = PEOPLE, **groups: object) -> Table:
    given = {"base": GROUPS, "names": list(names), "ignore": ["cn=nobody"], **groups}
    return read(spec(slapd.url, base=base, groups=given), *COLUMNS)


@pytest.mark.parametrize("number", range(len(TWINS)))
def test_each_twin_is_a_member_where_it_is_listed(slapd: Slapd, number: int) -> None:
    assert column(members(slapd, f"first-{number}"), "uid") == [f"a{number}"]
    assert column(members(slapd, f"second-{number}"), "uid") == [f"b{number}"]


@pytest.mark.parametrize("number", range(len(TWINS)))
def test_a_twin_outside_the_base_is_not_taken_for_the_one_inside(
    tmp_path: Path, number: int
) -> None:
    first, second = TWINS[number]
    with Slapd(
        tmp_path / "slapd",
        tree(
            twin(first, "inside"),
            group("kb", f"cn={second},{PEOPLE}"),
        ),
    ) as slapd:
        gone = members(slapd, "kb")
        slapd.add(twin(second, "later"))
        there = members(slapd, "kb")
    assert not gone.rows
    assert column(there, "uid") == ["later"]


def test_what_the_server_takes_for_one_is_one(slapd: Slapd) -> None:
    assert column(members(slapd, "shouted"), "uid") == ["ada", "jörg"]
    assert column(members(slapd, "apart"), "uid") == ["jörg"]
    assert column(members(slapd, "ligature"), "uid") == ["fiona"]
    assert not sorted_codes(members(slapd, "shouted", "apart", "ligature"))


def test_group_names_are_what_the_server_finds_by_them(slapd: Slapd) -> None:
    table = members(slapd, "kb-weiß-members")
    assert column(table, "uid") == ["ada"]
    table = members(slapd, "KB-Weiss-Members")
    assert column(table, "uid") == ["jörg"]
    both = members(slapd, "kb-weiß-members", "kb-weiss-members")
    assert sorted(zip(column(both, "group.cn"), column(both, "uid"), strict=True)) == [
        ("kb-weiss-members", "jörg"),
        ("kb-weiß-members", "ada"),
    ]
    assert not sorted_codes(both)
    upper = members(slapd, "KB-WEIẞ-MEMBERS")
    assert len(upper.rows) <= 1


def test_the_base_is_what_the_server_calls_it(tmp_path: Path) -> None:
    inner = f"ou=Büro Süd,{SUFFIX}"
    spelled = f"OU=BÜRO  SÜD,{SUFFIX}"
    with Slapd(
        tmp_path / "slapd",
        tree(
            entry(inner, objectClass="organizationalUnit", ou="Büro Süd"),
            person("ada", f"uid=ada,{inner}"),
            group("kb", f"uid=ada,{inner}", f"uid=left,{inner}"),
        ),
    ) as slapd:
        table = members(slapd, "kb", base=spelled)
    assert column(table, "uid") == ["ada"]
    assert sorted_codes(table) == ["member-no-person"], (
        "it is seen that who left lay below the base"
    )


def test_people_who_list_a_group_in_other_letters_are_in_that_group_only(tmp_path: Path) -> None:
    settings = ["moduleload memberof"]
    people = [person("ada"), person("bob")]
    with Slapd(
        tmp_path / "slapd", tree(*people), settings=settings, database=["overlay memberof"]
    ) as slapd:
        slapd.add(group("kb-weiß", dn("ada")), group("kb-weiss", dn("bob")))
        found = {
            nested: members(slapd, "kb-weiß", members="memberOf", nested=nested)
            for nested in ("none", "walk")
        }
    assert all(column(table, "uid") == ["ada"] for table in found.values())


def test_two_entries_under_one_key_are_an_error_that_names_both() -> None:
    people = {
        "uid=Ada,ou=people,dc=example,dc=org": {"uid": [b"Ada"]},
        "uid=ada,ou=people,dc=example,dc=org": {"uid": [b"ada"]},
    }
    groups = {
        f"cn=KB,{GROUPS}": {"cn": [b"KB"], "member": [b"uid=bob"]},
        f"cn=kb,{GROUPS}": {"cn": [b"kb"], "member": [b"uid=bob"]},
    }
    with Responder(people) as server, pytest.raises(SourceInvalid) as wrong:
        read(spec(server.url), "uid")
    assert "uid=Ada" in str(wrong.value) and "uid=ada" in str(wrong.value)
    assert [finding.code for finding in wrong.value.findings] == ["entry-ambiguous"]
    bob = {dn("bob"): {"uid": [b"bob"]}}
    with Responder({**bob, **groups}) as server, pytest.raises(SourceInvalid, match="cn=KB"):
        read(spec(server.url, groups={"base": GROUPS}), *COLUMNS)


def test_an_entry_that_two_bases_hold_is_one(slapd: Slapd) -> None:
    table = read(spec(slapd.url, base=[PEOPLE, SUFFIX], filter="(uid=ada)"), "uid")
    assert column(table, "uid") == ["ada"]


def test_the_value_in_the_dn_is_chosen_to_the_letter(tmp_path: Path) -> None:
    both = person("x", f"uid=weiß,{PEOPLE}", uid=["weiß", "weiss"])
    with Slapd(tmp_path / "slapd", tree(both)) as slapd:
        table = read(spec(slapd.url, choose={"uid": "rdn"}), "uid")
    assert column(table, "uid") == ["weiß"]


# --- 389 Directory Server -------------------------------------------------------------------------

APART = [*TWINS, ("fiona", "ﬁona"), ("Jörg", "Jo\u0308rg"), ("Straße", "Strasse")]
"""Pairs of which 389 Directory Server may keep some apart that OpenLDAP takes for one."""


@pytest.fixture(scope="module")
def ds389(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ds389]:
    groups = [
        group(f"{side}-{number}", f"cn={name},{PEOPLE}")
        for number, pair in enumerate(APART)
        for side, name in zip(("first", "second"), pair, strict=True)
    ]
    names = [group("kb-weiß-members", dn("ada")), group("kb-weiss-members", dn("bob"))]
    people = [twin(first, f"a{number}") for number, (first, _) in enumerate(APART)]
    with Ds389(
        tmp_path_factory.mktemp("ds389"),
        tree(person("ada"), person("bob"), *people, *groups, *names),
    ) as running:
        yield running


@pytest.mark.parametrize("number", range(len(APART)))
def test_389_directory_server_tells_which_entry_a_member_is(ds389: Ds389, number: int) -> None:
    def who(group: str) -> list[str | tuple[str, ...]]:
        given = {"base": GROUPS, "names": [group]}
        return column(read(spec(ds389.url, bind_dn=READER, groups=given), *COLUMNS), "uid")

    _, second = APART[number]
    assert who(f"first-{number}") == [f"a{number}"]
    assert not who(f"second-{number}"), "the server keeps them apart"
    ds389.add(twin(second, f"b{number}"))
    assert who(f"first-{number}") == [f"a{number}"]
    assert who(f"second-{number}") == [f"b{number}"]


def test_389_directory_server_takes_case_and_blanks_for_nothing(tmp_path: Path) -> None:
    shouted = f"CN=JÖRG  ÄRMEL,OU=PEOPLE,{SUFFIX}"
    entries = tree(twin("Jörg Ärmel", "joerg"), group("kb", shouted))
    with Ds389(tmp_path / "ds389", entries) as running:
        given = {"base": GROUPS, "names": ["KB"]}
        table = read(spec(running.url, bind_dn=READER, groups=given), *COLUMNS)
    assert column(table, "uid") == ["joerg"]


def test_389_directory_server_tells_which_group_a_name_means(ds389: Ds389) -> None:
    given = {"base": GROUPS, "names": ["kb-weiß-members"]}
    table = read(spec(ds389.url, bind_dn=READER, groups=given), *COLUMNS)
    assert column(table, "uid") == ["ada"]
