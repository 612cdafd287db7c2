"""People: every attribute as it stands, whoever they are and however they are spelled."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kanport.errors import ConfigInvalid, SourceInvalid
from kanport.origin import Origin
from kanport.sources import SourceContext
from kanport.sources.ldap import read_ldap
from tests.support.ldap.ldif import PEOPLE, entry, person, tree
from tests.support.ldap.reading import ENVIRON, NOW, read, sorted_codes, spec
from tests.support.ldap.slapd import SUFFIX, Slapd
from tests.support.ports import free_port
from tests.support.sources import column

ODD_NAMES = {
    "comma": "Smith, John",
    "quote": 'Ann "Nan" O\'Hara',
    "umlaut": "Jörg Müßig",
    "trailing": "Trail ",
    "hash": "#1 Fan",
    "plus": "A+B=C;<d>\\e",
    "cyrillic": "Дмитрий Шостакович",
    "han": "山田 太郎",
}


def odd_dn(name: str) -> str:
    special = "".join(
        char if char.isalnum() else "".join(f"\\{byte:02x}" for byte in char.encode())
        for char in name
    )
    return f"cn={special},{PEOPLE}"


@pytest.fixture(scope="module")
def staff(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """People with odd names, several values, a picture, and some who may be disabled."""
    people = [
        person(uid, odd_dn(name), cn=name, sn=name, mail=f"{uid}@example.org")
        for uid, name in ODD_NAMES.items()
    ]
    people += [
        person(
            "multi",
            mail=["z@example.org", "a@example.net", "m@example.org"],
            cn=["Zed", "Alf"],
            jpegPhoto=b"\xff\xd8\xff\xe0 not text",
        ),
        person("ada", employeeType="A", telephoneNumber="+49 30 1"),
        person("expired", objectClass=["inetOrgPerson", "shadowAccount"], shadowExpire="10000"),
        person("forever", objectClass=["inetOrgPerson", "shadowAccount"], shadowExpire="-1"),
        person("zero", objectClass=["inetOrgPerson", "shadowAccount"], shadowExpire="0"),
    ]
    rules = [
        "access to attrs=telephoneNumber by * none",
        "access to * by * read",
    ]
    folder = tmp_path_factory.mktemp("staff") / "slapd"
    with Slapd(folder, tree(*people), database=rules) as slapd:
        yield slapd


def by_uid(slapd: Slapd, *columns: str, **more: object) -> dict[str, dict[str, object]]:
    table = read(spec(slapd.url, **more), "uid", *columns)
    return {str(row.values["uid"]): dict(row.values) for row in table.rows}


def test_names_come_through_as_they_are_spelled(staff: Slapd) -> None:
    found = by_uid(staff, "cn")
    for uid, name in ODD_NAMES.items():
        assert found[uid]["cn"] == name


def test_every_cell_knows_its_entry_and_attribute(staff: Slapd) -> None:
    table = read(spec(staff.url, filter="(uid=ada)"), "uid", "Mail")
    (row,) = table.rows
    assert row.values == {"uid": "ada", "Mail": "ada@example.org"}
    assert str(row.place("Mail")) == f"ldap:uid=ada,{PEOPLE} (Mail)"
    assert row.place("Mail") == Origin(
        "staff", column="Mail", dn=f"uid=ada,{PEOPLE}", attribute="Mail"
    )


def test_several_values_are_a_tuple_in_an_order_that_stays(staff: Slapd) -> None:
    found = by_uid(staff, "mail")
    assert found["multi"]["mail"] == ("a@example.net", "m@example.org", "z@example.org")
    assert found["ada"]["mail"] == "ada@example.org"


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("first", "a@example.net"),
        ({"match": "@example\\.org$"}, "m@example.org"),
        ({"match": "nowhere"}, ("a@example.net", "m@example.org", "z@example.org")),
    ],
)
def test_one_of_several_values_is_taken_by_a_rule(
    staff: Slapd, rule: object, expected: object
) -> None:
    table = read(spec(staff.url, filter="(uid=multi)", choose={"Mail": rule}), "mail")
    assert column(table, "mail") == [expected]
    assert ("value-chosen" in sorted_codes(table)) is isinstance(expected, str)


def test_the_value_in_the_dn_can_be_taken(tmp_path: Path) -> None:
    people = tree(person("main", f"uid=MAIN,{PEOPLE}", uid=["alias", "main", "zoo"]))
    with Slapd(tmp_path / "slapd", people) as slapd:
        assert column(read(spec(slapd.url, choose={"uid": "rdn"}), "uid"), "uid") == ["main"]


def test_what_is_not_text_is_only_odd_where_it_is_used(staff: Slapd) -> None:
    source = spec(staff.url, filter="(uid=multi)")
    (row,) = read(source, "uid", "jpegPhoto").rows
    assert row.odd["jpegPhoto"].code == "value-binary"
    assert not read(source, "uid").rows[0].odd
    (row,) = read(
        spec(staff.url, filter="(uid=multi)", binary={"jpegPhoto": "hex"}), "jpegPhoto"
    ).rows
    assert str(row.values["jpegPhoto"]).startswith("ffd8ffe0")


def test_a_stable_id_is_a_column_of_its_own(staff: Slapd) -> None:
    table = read(spec(staff.url, id="entryUUID"), "uid", "id")
    ids = column(table, "id")
    assert len(set(ids)) == len(table.rows) and all(len(str(one)) == 36 for one in ids)
    (row,) = read(spec(staff.url, id="nsUniqueId", filter="(uid=ada)"), "uid", "id").rows
    assert row.odd["id"].code == "value-required"


def test_a_rename_and_a_move_keep_the_id(tmp_path: Path) -> None:
    moved = f"ou=moved,{PEOPLE}"
    people = tree(person("old"), entry(moved, objectClass="organizationalUnit", ou="moved"))
    with Slapd(tmp_path / "slapd", people) as slapd:
        source = spec(slapd.url, id="entryUUID")
        (before,) = read(source, "uid", "id", "dn").rows
        slapd.modify(
            f"dn: uid=old,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=new\ndeleteoldrdn: 1\n"
            f"newsuperior: {moved}\n"
        )
        (after,) = read(source, "uid", "id", "dn").rows
    assert (before.values["uid"], after.values["uid"]) == ("old", "new")
    assert after.values["dn"] == f"uid=new,{moved}"
    assert before.values["id"] == after.values["id"]


def test_a_leaver_is_gone_and_the_fingerprint_says_that_something_changed(tmp_path: Path) -> None:
    with Slapd(tmp_path / "slapd", tree(person("ada"), person("bob"))) as slapd:
        source = spec(slapd.url)
        first, again = read(source, "uid"), read(source, "uid")
        assert first.sha256 == again.sha256 and first.size == again.size
        slapd.modify(f"dn: uid=bob,{PEOPLE}\nchangetype: delete\n")
        after = read(source, "uid")
    assert column(after, "uid") == ["ada"]
    assert after.sha256 != first.sha256


def test_who_is_disabled_by_shadow_is_told_and_who_is_unclear_stays_unknown(staff: Slapd) -> None:
    table = read(spec(staff.url, active=["shadowExpire"]), "uid", "active")
    rows = {row.values["uid"]: row for row in table.rows}
    assert rows["expired"].values["active"] == "false"
    assert str(rows["expired"].place("active")).endswith("(shadowExpire)")
    assert rows["forever"].values["active"] == rows["ada"].values["active"] == "true"
    assert rows["zero"].odd["active"].code == "active-unknown"
    early = read(
        spec(staff.url, active=["shadowExpire"], filter="(uid=expired)"),
        "active",
        now=datetime(1997, 5, 18, 23, 59, tzinfo=UTC),
    )
    assert column(early, "active") == ["true"]


def test_an_attribute_that_may_not_be_read_leaves_activity_unknown(staff: Slapd) -> None:
    table = read(spec(staff.url, active=["userAccountControl"], filter="(uid=ada)"), "active")
    assert table.rows[0].odd["active"].code == "active-unknown"


def test_a_lock_for_good_disables_and_a_lock_for_a_while_does_not(tmp_path: Path) -> None:
    folder = tmp_path / "slapd"
    people = tree(
        entry(f"cn=policy,{SUFFIX}", objectClass=["device", "pwdPolicy"], cn="policy",
              pwdAttribute="userPassword", pwdLockout="TRUE"),
        person("good", pwdAccountLockedTime="000001010000Z"),
        person("while", pwdAccountLockedTime="20261121025900Z"),
        person("free"),
    )  # fmt: skip
    with Slapd(
        folder,
        people,
        settings=["moduleload ppolicy"],
        database=["overlay ppolicy", f'ppolicy_default "cn=policy,{SUFFIX}"'],
    ) as slapd:
        table = read(spec(slapd.url, active=["pwdAccountLockedTime"]), "uid", "active")
    activity = {row.values["uid"]: row.values["active"] for row in table.rows}
    assert activity == {"good": "false", "while": "true", "free": "true"}


def test_an_attribute_that_nobody_has_is_told(staff: Slapd) -> None:
    table = read(spec(staff.url), "uid", "emploieeType")
    (finding,) = table.findings
    assert finding.code == "attribute-nowhere" and "emploieetype" in finding.message
    assert set(column(table, "emploieeType")) == {""}


def test_no_attribute_is_asked_for_that_the_mapping_does_not_name(staff: Slapd) -> None:
    for row in read(spec(staff.url, id="entryUUID"), "uid").rows:
        assert set(row.values) == {"uid"}


def test_a_directory_that_gives_nobody_is_no_proof_that_all_are_gone(staff: Slapd) -> None:
    with pytest.raises(SourceInvalid) as caught:
        read(spec(staff.url, filter="(uid=nobody-at-all)"), "uid")
    assert [finding.code for finding in caught.value.findings] == ["directory-empty"]


def test_bases_that_overlap_give_each_person_once(staff: Slapd) -> None:
    double = read(spec(staff.url, base=[PEOPLE, SUFFIX.upper()]), "uid")
    assert column(double, "uid") == column(read(spec(staff.url), "uid"), "uid")


def test_a_server_that_stood_in_is_told(staff: Slapd) -> None:
    nobody = f"ldap://127.0.0.1:{free_port()}"
    table = read(spec([nobody, staff.url]), "uid")
    (finding,) = table.findings
    assert finding.code == "directory-fallback" and nobody in finding.message


def test_what_a_directory_cannot_give_is_refused(staff: Slapd) -> None:
    for used, secret in ((None, frozenset[str]()), (frozenset({"uid"}), frozenset({"uid"}))):
        with pytest.raises(ConfigInvalid):
            read_ldap(
                "staff",
                spec(staff.url),
                SourceContext(Path(), secret, used, environ=ENVIRON, now=NOW),
            )
