"""Whom an entry of a directory counts for: the user of the same entry, or nobody."""

from collections.abc import Mapping, Sequence

import pytest

from kanport.names import compare_key
from kanport.normalize.entries import Entries, Verdict
from kanport.table import DirectoryEntry

HERE = frozenset({"ldap.example.org:636", "OpenLDAP dc=x"})
REPLICA = frozenset({"ldap2.example.org:636", "OpenLDAP dc=x"})
THERE = frozenset({"ad.example.com:636", "Active Directory dc=x"})


def an_entry(
    dn: str,
    number: str = "",
    *,
    directory: frozenset[str] = HERE,
    by_login: bool = False,
    outside: bool = False,
    locked: bool = False,
) -> DirectoryEntry:
    stable = f"entryUUID={number}" if number else ""
    return DirectoryEntry(directory, dn, dn, stable, by_login, outside, locked)


def known(users: Mapping[str, DirectoryEntry | None], *, listed: bool = True) -> Entries:
    return Entries(((compare_key(name), entry) for name, entry in users.items()), listed=listed)


def verdict(
    entries: Entries,
    username: str,
    entry: DirectoryEntry,
    insiders: Mapping[str, Sequence[DirectoryEntry]] | None = None,
) -> Verdict:
    return entries.judge(compare_key(username), entry, insiders or {})[0]


ADA = an_entry("uid=ada,ou=people", "1")
PAT = an_entry("uid=ada,ou=partners", "2", outside=True)


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        (ADA, Verdict.COUNTS),
        (PAT, Verdict.OTHER),
        (an_entry("uid=ada,ou=moved", "1"), Verdict.COUNTS),
        (an_entry("uid=ada,ou=moved", "1", outside=True), Verdict.COUNTS),
        (an_entry("uid=ada,ou=people", "9"), Verdict.OPEN),
        (an_entry("uid=ada,ou=people"), Verdict.COUNTS),
        (an_entry("uid=ada,ou=partners", directory=REPLICA), Verdict.OTHER),
        (an_entry("uid=ada,ou=people", "1", directory=REPLICA), Verdict.COUNTS),
        (an_entry("cn=ada,ou=staff", "7", directory=THERE), Verdict.COUNTS),
        (an_entry("cn=ada,ou=staff", "7", directory=THERE, outside=True), Verdict.OPEN),
        (an_entry("uid=ada,ou=partners", "2", by_login=True, outside=True), Verdict.COUNTS),
        (an_entry("uid=ada,ou=moved", "1", outside=True, locked=True), Verdict.LOCKED),
    ],
)
def test_a_member_is_the_user_of_the_same_entry(entry: DirectoryEntry, wanted: Verdict) -> None:
    assert verdict(known({"ada": ADA}), "ada", entry) is wanted
    assert verdict(known({"Ada": ADA}), "ADA", entry) is wanted


@pytest.mark.parametrize(
    ("entry", "with_directory", "with_file", "without"),
    [
        (an_entry("uid=eve", "5"), Verdict.UNLISTED, Verdict.COUNTS, Verdict.COUNTS),
        (
            an_entry("uid=eve", "5", outside=True),
            Verdict.NO_USER,
            Verdict.NO_USER,
            Verdict.COUNTS,
        ),
        (
            an_entry("uid=eve", "5", outside=True, locked=True),
            Verdict.LOCKED,
            Verdict.LOCKED,
            Verdict.LOCKED,
        ),
        (
            an_entry("uid=eve", "5", outside=True, by_login=True),
            Verdict.NO_USER,
            Verdict.NO_USER,
            Verdict.COUNTS,
        ),
    ],
)
def test_whoever_is_in_no_source_of_users_counts_less(
    entry: DirectoryEntry, with_directory: Verdict, with_file: Verdict, without: Verdict
) -> None:
    assert verdict(known({"ada": ADA}), "eve", entry) is with_directory
    assert verdict(known({"ada": None}), "eve", entry) is with_file
    assert verdict(known({}, listed=False), "eve", entry) is without


def test_the_name_of_somebody_below_the_base_is_nobody_elses() -> None:
    insiders = {"ada": [ADA]}
    for entries in (known({"ada": None}), known({}, listed=False)):
        assert verdict(entries, "ada", PAT, insiders) is Verdict.OTHER
        assert verdict(entries, "ada", ADA, insiders) is Verdict.COUNTS


def test_a_name_that_only_memberships_give_an_entry_proves_nothing() -> None:
    both = known({"ada": ADA, "a.lovelace": an_entry("uid=al,ou=people", "3")})
    assert verdict(both, "a.lovelace", ADA) is Verdict.OPEN


def test_a_login_within_the_base_counts_whoever_else_is_listed() -> None:
    eve = an_entry("uid=eve,ou=people", "5", by_login=True)
    assert verdict(known({"ada": ADA}), "eve", eve) is Verdict.COUNTS
    outside = an_entry("uid=eve,ou=partners", "6", by_login=True, outside=True)
    assert verdict(known({"eve": None}), "eve", outside) is Verdict.COUNTS
