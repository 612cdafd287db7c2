"""`kanport init` for a directory: an id, and nobody locked who would be created as active."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanport.fields import ACTIVE
from kanport.init import FoundDirectory, draft_for_directory
from kanport.mapping import load_mapping
from kanport.mapping.ldap import LdapSource
from tests.support.command_line import Kanport, Result
from tests.support.ldap.certificates import Authority
from tests.support.ldap.ds389 import READER, Ds389
from tests.support.ldap.freeipa import USERS, ipa_tree, ipa_user
from tests.support.ldap.ldif import PEOPLE, person, tree
from tests.support.ldap.samba import ADMINISTRATOR, DOMAIN, TLS_URL, Samba, samba
from tests.support.ldap.samba import PASSWORD as SAMBA_PASSWORD
from tests.support.ldap.slapd import ADMIN, PASSWORD, Slapd

STAFF = f"OU=Init,{DOMAIN}"
LOCKED_FOR_GOOD = "000001010000Z"
POLICY = ["moduleload ppolicy"]


def source() -> LdapSource:
    spec = load_mapping(Path("mapping.yaml")).spec.sources["people"]
    assert isinstance(spec, LdapSource)
    return spec


def planned(kanport: Kanport) -> tuple[Result, set[str], set[str]]:
    """Plan with the mapping; give who is created, and who of them is disabled at once."""
    text = Path("mapping.yaml").read_text()
    plain = text.replace("start_tls: true", "allow_plaintext: true")
    Path("mapping.yaml").write_text(plain)
    ended = kanport("plan", "mapping.yaml", "-o", "plan.json")
    assert ended.code == 0, ended
    changes = json.loads(Path("plan.json").read_text())["changes"]
    created = {one["subject"]["username"] for one in changes if one["action"] == "user.create"}
    disabled = {one["subject"]["username"] for one in changes if one["action"] == "user.disable"}
    return ended, created - disabled, disabled


def init(kanport: Kanport, url: str, base: str, login: str, *more: str) -> Result:
    ended = kanport("init", "--ldap", url, "--base", base, "--bind-dn", login, *more)
    assert ended.code == 0, ended
    return ended


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDAP_PASSWORD", PASSWORD)


def test_389_directory_server(kanport: Kanport, tmp_path: Path) -> None:
    people = tree(person("ada"), person("bob", nsAccountLock="TRUE"))
    with Ds389(tmp_path / "389", people, freeipa=False) as ds389:
        ended = init(kanport, ds389.url, PEOPLE, READER)
        _, active, _ = planned(kanport)

    assert "389 Directory Server" in ended.err
    assert (source().id, source().active) == ("nsUniqueId", ("nsAccountLock",))
    assert active == {"ada"}


def test_freeipa(kanport: Kanport, tmp_path: Path) -> None:
    people = ipa_tree(ipa_user("ada"), ipa_user("bob", locked=True), ipa_user("cyd", locked=False))
    with Ds389(tmp_path / "389", people) as ds389:
        ended = init(kanport, ds389.url, USERS, READER)
        _, active, _ = planned(kanport)

    assert "FreeIPA" in ended.err
    assert (source().id, source().active) == ("ipaUniqueID", ("nsAccountLock",))
    assert active == {"ada", "cyd"}


@pytest.mark.parametrize(
    ("settings", "rules"),
    [(POLICY, ("pwdAccountLockedTime", "shadowExpire")), ([], ("shadowExpire",))],
)
def test_openldap_with_and_without_a_password_policy(
    kanport: Kanport, tmp_path: Path, settings: list[str], rules: tuple[str, ...]
) -> None:
    shadow = ["inetOrgPerson", "shadowAccount"]
    people = [person("ada"), person("bob", objectClass=shadow, shadowExpire="1")]
    if settings:
        people.append(person("cyd", pwdAccountLockedTime=LOCKED_FOR_GOOD))
    with Slapd(tmp_path / "slapd", tree(*people), settings=settings) as slapd:
        ended = init(kanport, slapd.url, PEOPLE, ADMIN)
        _, active, _ = planned(kanport)

    assert "OpenLDAP" in ended.err
    assert (source().id, source().active) == ("entryUUID", rules)
    assert active == {"ada"}


def test_openldap_that_cannot_lock_anybody(kanport: Kanport, tmp_path: Path) -> None:
    people = tree(person("ada"))
    with Slapd(tmp_path / "slapd", people, schemas=("core", "cosine", "inetorgperson")) as slapd:
        init(kanport, slapd.url, PEOPLE, ADMIN)
        _, active, _ = planned(kanport)

    assert source().active == () and active == {"ada"}
    assert "has no pwdAccountLockedTime or shadowExpire" in Path("mapping.yaml").read_text()


@pytest.fixture(scope="module")
def controller(good_tls: Path, provisioned: Path) -> Iterator[Samba]:
    with samba(good_tls, provisioned) as running:
        running.load(f"dn: {STAFF}\nchangetype: add\nobjectClass: organizationalUnit\nou: Init\n")
        for name, control in (("ada", 544), ("bob", 546)):
            running.load(
                f"dn: CN={name},{STAFF}\nchangetype: add\nobjectClass: user\n"
                f"sAMAccountName: {name}\nuserAccountControl: {control}\n"
            )
        yield running


def test_active_directory(
    kanport: Kanport,
    controller: Samba,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LDAP_PASSWORD", SAMBA_PASSWORD)
    trusted = ("--ca-file", str(authority.file))
    ended = init(kanport, TLS_URL, STAFF, ADMINISTRATOR, *trusted)
    _, active, _ = planned(kanport)

    assert "Active Directory" in ended.err
    assert source().id == "objectGUID"
    assert source().active == ("userAccountControl", "accountExpires")
    assert active == {"ada"}


def test_a_server_that_nobody_trusts_is_not_asked_and_finds_nobody_by_mistake(
    kanport: Kanport, controller: Samba, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDAP_PASSWORD", SAMBA_PASSWORD)
    ended = init(kanport, TLS_URL, STAFF, ADMINISTRATOR)
    assert "does not know the product of" in ended.err and "--kind" in ended.err
    text = Path("mapping.yaml").read_text()
    trusting = text.replace("    bind_dn:", f"    ca_file: {authority.file}\n    bind_dn:")
    Path("mapping.yaml").write_text(trusting)

    # A mapping for another kind of server creates nobody here, locked or not.
    assert kanport("plan", "mapping.yaml").code == 5


@pytest.mark.parametrize(
    ("kind", "id_"),
    [
        ("active-directory", "objectGUID"),
        ("ad-lds", "objectGUID"),
        ("freeipa", "ipaUniqueID"),
        ("389-ds", "nsUniqueId"),
        ("openldap", "entryUUID"),
    ],
)
def test_a_kind_that_is_named_needs_no_server(kanport: Kanport, kind: str, id_: str) -> None:
    url = "ldaps://no.such.host.invalid"
    ended = kanport("init", "--ldap", url, "--base", "ou=p,dc=x,dc=y", "--kind", kind)

    assert ended.code == 0 and "could not" not in ended.err
    users = load_mapping(Path("mapping.yaml")).spec.users
    assert source().id == id_
    assert users is not None and users.id is not None and users.fields.rule(ACTIVE) is not None


def test_a_directory_that_locks_otherwise_is_asked_for_the_attribute_of_its_product() -> None:
    knows = frozenset({"pwdAccountLockedTime", "shadowExpire"})
    text = draft_for_directory(
        "ldaps://ldap.example.org",
        "dc=example,dc=org",
        "mapping.yaml",
        FoundDirectory("389-ds", "389 Directory Server (1.4\n  type: csv)", knows),
    )
    assert "The schema has no nsAccountLock, so Kanport cannot" in text
    assert "pwdAccountLockedTime" not in text
    # What the server calls itself stays in the comment.
    assert text.splitlines()[0].startswith("# A first mapping for 389 Directory Server (1.4\\n")
