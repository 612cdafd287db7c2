"""389 Directory Server as the tests run it: it does what the real one does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kanport.sources.ldap.search import SourceIncomplete
from tests.support.ldap.ds389 import READER, Ds389
from tests.support.ldap.freeipa import (
    USER_GROUPS,
    USERS,
    compat_group,
    compat_user,
    ipa_dn,
    ipa_group,
    ipa_id,
    ipa_tree,
    ipa_user,
)
from tests.support.ldap.ldif import PEOPLE, person, tree
from tests.support.ldap.reading import read, spec
from tests.support.sources import column


@pytest.fixture(scope="module")
def freeipa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ds389]:
    """A FreeIPA-shaped tree with two users, one of them locked."""
    people = ipa_tree(
        ipa_user("ada"),
        ipa_user("bob", locked=True),
        ipa_group("web", ipa_dn("ada")),
        ipa_group("empty"),
        compat_user("ada"),
        compat_group("web", "ada"),
    )
    with Ds389(tmp_path_factory.mktemp("freeipa"), people, member_of=True) as ds389:
        yield ds389


def test_a_tree_of_freeipa_is_read_with_its_operational_attributes(freeipa: Ds389) -> None:
    table = read(
        spec(freeipa.url, base=USERS, bind_dn=READER), "uid", "ipaUniqueID", "nsAccountLock"
    )

    assert column(table, "uid") == ["ada", "bob"]
    assert column(table, "ipaUniqueID") == [ipa_id("ada"), ipa_id("bob")]
    assert column(table, "nsAccountLock") == ["", "TRUE"]


def test_the_server_keeps_the_groups_of_a_member(freeipa: Ds389) -> None:
    table = read(spec(freeipa.url, base=USERS, bind_dn=READER), "uid", "memberOf")

    assert column(table, "memberOf") == [f"cn=web,{USER_GROUPS}", ""]


def test_what_is_hidden_is_not_there_for_the_reader(tmp_path: Path) -> None:
    people = tree(person("ada"), person("bob"), person("cyd", title="x"))
    with Ds389(tmp_path, people) as ds389:
        ds389.hide(f"uid=bob,{PEOPLE}")
        ds389.hide(f"uid=cyd,{PEOPLE}", "title")
        source = spec(ds389.url, bind_dn=READER)
        hidden = read(source, "uid", "title")
        ds389.show(f"uid=bob,{PEOPLE}")
        ds389.show(f"uid=cyd,{PEOPLE}")
        shown = read(source, "uid", "title")

    assert column(hidden, "uid") == ["ada", "cyd"]
    assert column(hidden, "title") == ["", ""]
    assert column(shown, "uid") == ["ada", "bob", "cyd"]
    assert column(shown, "title") == ["", "", "x"]


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    with Ds389(tmp_path, tree(person("ada"))) as ds389:
        ds389.down()
        ds389.up()

        assert column(read(spec(ds389.url), "uid"), "uid") == ["ada"]


@pytest.mark.parametrize("base", ["ou=nowhere,dc=example,dc=org", f"ou=nowhere,{PEOPLE}"])
def test_a_base_that_is_not_there_is_told_as_such(freeipa: Ds389, base: str) -> None:
    with pytest.raises(SourceIncomplete, match="noSuchObject"):
        read(spec(freeipa.url, base=base, bind_dn=READER), "uid")
