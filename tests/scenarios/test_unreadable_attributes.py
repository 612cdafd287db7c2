"""An attribute that may only be hidden unlocks nobody and changes nothing, on real directories.

Each case runs one good night, hides the attribute by an ACL of the server, and runs the next night.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.ldap.certificates import Authority
from tests.support.ldap.ds389 import Ds389
from tests.support.ldap.freeipa import USER_GROUPS, USERS, ipa_dn, ipa_group, ipa_tree, ipa_user
from tests.support.ldap.ldif import dn, entry, person, tree
from tests.support.ldap.night import NAMES, Night, words_of
from tests.support.ldap.samba import ADMINISTRATOR, DOMAIN, TLS_URL, Samba, samba
from tests.support.ldap.samba import PASSWORD as SAMBA_PASSWORD
from tests.support.ldap.slapd import PASSWORD, SUFFIX, Slapd


def ipa(*locked: str, **more: str) -> list[str]:
    return ipa_tree(
        *(ipa_user(name, locked=True if name in locked else None, **more) for name in NAMES)
    )


IPA = "active: [nsAccountLock]\n    id: ipaUniqueID"


@pytest.mark.parametrize("ledger", ["ledger: nightly.ledger", ""])
def test_a_lock_that_is_hidden_from_everybody_unlocks_nobody(
    night: Callable[..., Night], tmp_path: Path, ledger: str
) -> None:
    with Ds389(tmp_path / "389", ipa("bob", "cyd")) as ds389:
        here = night(ds389.url, base=USERS)
        source = IPA if ledger else "active: [nsAccountLock]"
        options = {"source": source, "missing": "disable" if ledger else "keep", "ledger": ledger}
        first = here.sync(**options)
        assert first.code == 0, first
        assert here.active("ada", "bob", "cyd") == [True, False, False]
        ds389.hide(SUFFIX, "nsAccountLock")
        second = here.sync(**options)
        assert here.active("ada", "bob", "cyd") == [True, False, False]
        ds389.show(SUFFIX)

    assert '"bob" stays disabled' in words_of(second) and '"cyd" stays disabled' in words_of(second)
    if ledger:
        assert second.code == 4
        assert "columns-gone" in words_of(second) and '"nsAccountLock"' in words_of(second)
    else:
        assert second.code == 0


def test_a_lock_that_is_hidden_for_some_keeps_these_and_lets_the_others_go_on(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    with Ds389(tmp_path / "389", ipa("bob", "cyd", "dan")) as ds389:
        here = night(ds389.url, base=USERS)
        assert here.sync(source=IPA).code == 0
        ds389.hide(ipa_dn("bob"), "nsAccountLock")
        # A real unlock, a real lock and a real leaver of the same night.
        ds389.modify(f"dn: {ipa_dn('cyd')}\nchangetype: modify\ndelete: nsAccountLock\n")
        ds389.modify(
            f"dn: {ipa_dn('eve')}\nchangetype: modify\nadd: nsAccountLock\nnsAccountLock: TRUE\n"
        )
        ds389.modify(f"dn: {ipa_dn('fay')}\nchangetype: delete\n")
        second = here.sync(source=IPA)
        third = here.sync(source=IPA)

    assert second.code == 0, second
    assert here.active("bob", "cyd", "dan", "eve", "fay", "ada") == [
        False, True, False, False, False, True,
    ]  # fmt: skip
    assert "uid=bob" in words_of(second) and "shows no nsAccountLock of" in words_of(second)
    assert third.code == 0 and '"bob" stays disabled' in words_of(third)


def test_the_last_real_unlock_enables(night: Callable[..., Night], tmp_path: Path) -> None:
    with Ds389(tmp_path / "389", ipa("bob")) as ds389:
        here = night(ds389.url, base=USERS)
        assert here.sync(source=IPA).code == 0
        ds389.modify(f"dn: {ipa_dn('bob')}\nchangetype: modify\ndelete: nsAccountLock\n")
        second = here.sync(source=IPA)

    assert second.code == 0, second
    assert here.active("bob") == [True]


def test_somebody_new_whose_lock_is_hidden_is_not_created(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    web = (
        "memberships:\n  - {from: people, username: {from: uid}, role: project-member,\n"
        '     project: {from: memberOf, each: true, match: "cn=(?P<value>[^,]+),"}}'
    )
    people = [*ipa(), ipa_group("WEB", ipa_dn("ada"))]
    with Ds389(tmp_path / "389", people, member_of=True) as ds389:
        here = night(ds389.url, base=USERS)
        assert here.sync(source=IPA, more=web).code == 0
        ds389.add(ipa_user("zoe", locked=True))
        ds389.modify(
            f"dn: cn=WEB,{USER_GROUPS}\nchangetype: modify\nadd: member\nmember: {ipa_dn('zoe')}\n"
        )
        ds389.hide(ipa_dn("zoe"), "nsAccountLock")
        second = here.sync(source=IPA, more=web)

    assert second.code == 0, second
    assert "zoe" not in here.server.store.snapshot().users
    assert 'Kanport does not create "zoe"' in words_of(second)


def shadow(name: str) -> str:
    return person(
        name, objectClass=["inetOrgPerson", "shadowAccount"], shadowExpire="1", title="lead"
    )


def slapd_tree() -> list[str]:
    reader = entry(
        f"cn=reader,{SUFFIX}", objectClass=["organizationalRole", "simpleSecurityObject"],
        cn="reader", userPassword=PASSWORD,
    )  # fmt: skip
    locked = ("bob", "cyd", "dan")
    people = [shadow(name) if name in locked else person(name) for name in NAMES]
    return tree(reader, *people)


CN_READER = f"cn=reader,{SUFFIX}"
PLAIN = ["access to attrs=userPassword by anonymous auth by * none", "access to * by * read"]


@pytest.mark.parametrize(
    ("source", "attribute", "fields"),
    [
        ("active: [shadowExpire]", "shadowExpire", "active: {from: active}"),
        ("", "title", "active: {from: title, values: {lead: false}, default: true}"),
    ],
)
def test_what_decides_may_be_hidden_on_openldap(
    night: Callable[..., Night], tmp_path: Path, source: str, attribute: str, fields: str
) -> None:
    hidden = f'access to dn.exact="{dn("bob")}" attrs={attribute} by * none'
    with Slapd(tmp_path / "a", slapd_tree(), database=PLAIN) as slapd:
        here = night(slapd.url, login=CN_READER)
        first = here.sync(source=source, fields=fields)
        assert first.code == 0, first
        assert here.active("ada", "bob", "cyd", "dan") == [True, False, False, False]
    with Slapd(tmp_path / "b", slapd_tree(), database=[hidden, *PLAIN]) as slapd:
        here.url = slapd.url
        slapd.modify(
            f"dn: {dn('cyd')}\nchangetype: modify\ndelete: shadowExpire\n-\ndelete: title\n"
        )
        second = here.sync(source=source, fields=fields)

    assert second.code == 0, second
    assert here.active("ada", "bob", "cyd", "dan") == [True, False, True, False]
    assert f"shows no {attribute} of" in words_of(second) and "uid=bob" in words_of(second)


def test_a_policy_that_the_server_does_not_know_locks_nobody(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    with Slapd(tmp_path / "a", slapd_tree(), database=PLAIN) as slapd:
        here = night(slapd.url, login=CN_READER)
        slapd.add(person("zoe"))
        done = here.sync(source="active: [pwdAccountLockedTime]")

    assert done.code == 0, done
    assert here.active("zoe", "ada") == [True, True]


def test_a_hidden_role_and_hidden_groups_take_nothing_away(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    fields = "role: {from: title, values: {boss: app-manager}, default: app-user}"
    more = (
        "memberships:\n  - {from: people, username: {from: uid}, role: project-member,\n"
        '     project: {from: memberOf, each: true, match: "cn=(?P<value>[^,]+),"}}\n'
        "memberships_missing: revoke"
    )
    people = [
        *ipa_tree(*(ipa_user(name, title="boss") for name in NAMES)),
        ipa_group("WEB", *map(ipa_dn, NAMES)),
    ]
    with Ds389(tmp_path / "389", people, member_of=True) as ds389:
        here = night(ds389.url, base=USERS)
        assert here.sync(fields=fields, more=more).code == 0
        ds389.hide(ipa_dn("bob"), "title", "memberOf")
        ds389.modify(f"dn: {ipa_dn('cyd')}\nchangetype: modify\ndelete: title\n")
        ds389.modify(
            f"dn: cn=WEB,{USER_GROUPS}\nchangetype: modify\ndelete: member\n"
            f"member: {ipa_dn('cyd')}\n"
        )
        second = here.sync(fields=fields, more=more)

    assert second.code == 0, second
    after = here.server.store.snapshot()
    assert after.users["bob"].role == "app-manager" and after.users["cyd"].role == "app-user"
    assert ("WEB", "bob") in after.memberships and ("WEB", "cyd") not in after.memberships
    assert "shows no title of" in words_of(second) and "shows no memberOf of" in words_of(second)


def test_where_another_attribute_locks_the_hidden_one_does_not_matter(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    people = ipa_tree(*(ipa_user(name) for name in NAMES))
    with Ds389(tmp_path / "389", people) as ds389:
        ds389.hide(ipa_dn("bob"), "shadowExpire")
        ds389.modify(
            f"dn: {ipa_dn('bob')}\nchangetype: modify\nadd: nsAccountLock\nnsAccountLock: TRUE\n"
        )
        here = night(ds389.url, base=USERS)
        done = here.sync(source="active: [nsAccountLock, shadowExpire]")

    assert done.code == 0, done
    assert here.active("bob", "ada") == [False, True]


# Active Directory answers `(!(attribute=*))` also where the attribute is hidden, so that nothing is
# proven there but by what the last good run recorded.

STAFF = f"OU=Night,{DOMAIN}"
BY_GROUPS = (
    "memberships:\n  - {from: people, username: {from: sAMAccountName}, role: project-member,\n"
    '     project: {from: memberOf, each: true, match: "CN=(?P<value>[^,]+),"}}\n'
    "memberships_missing: revoke"
)
BY_TYPE = "role: {from: employeeType, values: {boss: app-manager}, default: app-user}"


@pytest.fixture(scope="module")
def controller(good_tls: Path, provisioned: Path) -> Iterator[Samba]:
    with samba(good_tls, provisioned) as running:
        running.load(f"dn: {STAFF}\nchangetype: add\nobjectClass: organizationalUnit\nou: Night\n")
        for name in NAMES:
            running.load(
                f"dn: CN={name},{STAFF}\nchangetype: add\nobjectClass: user\n"
                f"sAMAccountName: {name}\nuserAccountControl: 544\nemployeeType: boss\n"
            )
        members = "".join(f"member: CN={name},{STAFF}\n" for name in NAMES)
        running.load(
            f"dn: CN=WEB,{STAFF}\nchangetype: add\nobjectClass: group\nsAMAccountName: WEB\n"
            + members
        )
        yield running


def test_active_directory_takes_nothing_away_for_what_may_be_hidden_and_says_how_to_go_on(
    night: Callable[..., Night], controller: Samba, authority: Authority
) -> None:
    here = night(TLS_URL, login=ADMINISTRATOR, base=STAFF, password=SAMBA_PASSWORD)
    options = {
        "source": f"ca_file: {authority.file}",
        "fields": BY_TYPE,
        "more": BY_GROUPS,
        "login_name": "sAMAccountName",
        "filter_": "(objectCategory=person)",
    }
    assert here.sync(**options).code == 0
    controller.load(
        f"dn: CN=bob,{STAFF}\nchangetype: modify\ndelete: employeeType\n",
        f"dn: CN=WEB,{STAFF}\nchangetype: modify\ndelete: member\nmember: CN=cyd,{STAFF}\n",
    )
    second = here.sync(**options)
    third = here.sync(**options)
    after = here.server.store.snapshot()

    assert second.code == third.code == 0, second
    assert after.users["bob"].role == "app-manager"
    assert ("WEB", "bob") in after.memberships
    # That nobody lists cyd is proven by the groups.
    assert ("WEB", "cyd") not in after.memberships
    for result in (second, third):
        assert "no longer shows employeeType of" in words_of(result) and "CN=bob" in words_of(
            result
        )
        assert "no longer shows memberOf" not in words_of(result)

    fourth = here.sync("--allow", "columns:people=1", **options)
    assert fourth.code == 0, fourth
    assert here.server.store.snapshot().users["bob"].role == "app-user"
    assert "employeeType" not in words_of(here.sync(**options))
