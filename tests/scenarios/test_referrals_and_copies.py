"""Another server has a part, or an older copy: nobody loses or gains anything because of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.ldap.ds389 import Ds389
from tests.support.ldap.ldif import PEOPLE, dn, entry, person, tree
from tests.support.ldap.night import NAMES, Night, words_of
from tests.support.ldap.slapd import ADMIN, Slapd

SUB = f"ou=branch,{PEOPLE}"
UNIT = entry(SUB, objectClass="organizationalUnit", ou="branch")
HERE, THERE = NAMES[:5], NAMES[5:]
LOCKS = "active: [shadowExpire]"


def split_tree() -> list[str]:
    below = [person(name, f"uid={name},{SUB}") for name in THERE]
    return tree(*map(person, HERE), UNIT, *below)


def gone(*dns: str) -> str:
    return "\n".join(f"dn: {one}\nchangetype: delete\n" for one in dns)


def referral(at: str = SUB, host: str = "elsewhere.example.org") -> str:
    name = at.partition(",")[0].partition("=")[2]
    return entry(
        at, objectClass=["referral", "extensibleObject"], ou=name, ref=f"ldap://{host}/{at}"
    )


Server = Callable[[Path, list[str]], Slapd | Ds389]


def slapd_of(folder: Path, ldif: list[str]) -> Slapd:
    return Slapd(folder, ldif)


def ds389_of(folder: Path, ldif: list[str]) -> Ds389:
    return Ds389(folder, ldif)


@pytest.mark.parametrize("serve", [slapd_of, ds389_of])
def test_an_ou_that_becomes_a_referral_disables_nobody_until_somebody_says_so(
    night: Callable[..., Night], tmp_path: Path, serve: Server
) -> None:
    with serve(tmp_path / "a", split_tree()) as directory:
        here = night(directory.url, login=ADMIN)
        assert here.sync(fields="").code == 0
        directory.modify(gone(*(f"uid={name},{SUB}" for name in THERE), SUB))
        directory.add(referral())
        second = here.sync("--allow", "shrink:people=3", fields="")
        third = here.sync("--allow", "shrink:people=3", fields="")
        fourth = here.sync("--allow", "shrink:people=3", "--allow", "referrals:people=1", fields="")

    assert second.code == third.code == 0, second
    for result in (second, third):
        assert "1 part of the directory is on other servers since" in words_of(result)
        assert "elsewhere.example.org" in words_of(result)
    assert fourth.code == 0, fourth
    assert here.active(*NAMES) == [True] * 5 + [False] * 3


def test_a_referral_that_was_there_before_keeps_no_leaver(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    old = referral(f"ou=abroad,{PEOPLE}")
    with Slapd(tmp_path / "a", [*split_tree(), old]) as directory:
        here = night(directory.url, login=ADMIN)
        assert here.sync(fields="").code == 0
        directory.modify(gone(dn("ada")))
        second = here.sync(fields="")

    assert second.code == 0, second
    assert here.active("ada", "bob") == [False, True]
    assert "other servers now" not in words_of(second)


def test_one_referral_in_place_of_another_is_a_new_one(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    old = f"ou=abroad,{PEOPLE}"
    with Slapd(tmp_path / "a", [*split_tree(), referral(old)]) as directory:
        here = night(directory.url, login=ADMIN)
        assert here.sync(fields="").code == 0
        directory.modify(gone(*(f"uid={name},{SUB}" for name in THERE), SUB))
        # ldapmodify would follow a referral, unless told that it means the entry itself.
        directory.modify(f"dn: {old}\ncontrol: 2.16.840.1.113730.3.4.2 true\nchangetype: delete\n")
        directory.add(referral())
        second = here.sync("--allow", "shrink:people=3", fields="")

    assert second.code == 0, second
    assert here.active(*NAMES) == [True] * 8


# --- copies ---------------------------------------------------------------------------------------


def locked(*names: str, **more: str) -> list[str]:
    return tree(
        *(
            person(
                name,
                objectClass=["inetOrgPerson", "shadowAccount"],
                shadowExpire="1" if name in names else "-1",
                **more,
            )
            for name in NAMES
        )
    )


def both(first: Slapd | Ds389, second: Slapd | Ds389) -> str:
    return f"[{first.url}, {second.url}]"


def change(name: str, lines: str) -> str:
    return f"dn: {dn(name)}\nchangetype: modify\n{lines}\n"


LOCK = "replace: shadowExpire\nshadowExpire: 1"
UNLOCK = "replace: shadowExpire\nshadowExpire: -1"
# slapadd takes the time of the last change as it is given, so that no test waits for a clock.
LONG_AGO = {"modifyTimestamp": "20260101000000Z"}


@pytest.mark.parametrize("serve", [slapd_of, ds389_of])
def test_an_older_copy_with_fewer_people_disables_nobody(
    night: Callable[..., Night], tmp_path: Path, serve: Server
) -> None:
    with serve(tmp_path / "b", locked("bob")[:-1]) as copy:
        with serve(tmp_path / "a", locked("bob")) as first:
            here = night(both(first, copy), login=ADMIN)
            assert here.sync(source=LOCKS).code == 0
            names = (first.url, copy.url)
        second = here.sync(source=LOCKS)
        assert second.code == 4, second
        assert "source-stale" in words_of(second)
        assert all(url in words_of(second) for url in names)
        assert here.active("ada", "hal", "bob") == [True, True, False]
        third = here.sync("--allow", "stale:people=1", source=LOCKS)

    assert third.code == 0, third
    assert here.active("ada", "hal") == [True, False]


def test_an_older_copy_with_as_many_people_enables_and_disables_nobody(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    # In the copy bob is not locked yet, and cyd still is.
    with Slapd(tmp_path / "b", locked("cyd", **LONG_AGO)) as copy:
        with Slapd(tmp_path / "a", locked("cyd", **LONG_AGO)) as first:
            here = night(both(first, copy), login=ADMIN)
            first.modify(change("bob", LOCK) + "\n" + change("cyd", UNLOCK))
            assert here.sync(source=LOCKS).code == 0
            assert here.active("bob", "cyd") == [False, True]
        second = here.sync(source=LOCKS)

    assert second.code == 4, second
    assert "its newest change is from" in words_of(second)
    assert here.active("bob", "cyd") == [False, True]


def test_a_copy_that_is_as_new_does_what_is_to_be_done(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    with Slapd(tmp_path / "b", locked("cyd", **LONG_AGO)) as copy:
        with Slapd(tmp_path / "a", locked("cyd", **LONG_AGO)) as first:
            here = night(both(first, copy), login=ADMIN)
            assert here.sync(source=LOCKS).code == 0
        copy.modify(change("bob", LOCK) + "\n" + change("cyd", UNLOCK))
        second = here.sync(source=LOCKS)

    assert second.code == 0, second
    assert here.active("bob", "cyd") == [False, True]


def synced(folder: Path, ldif: list[str]) -> Slapd:
    return Slapd(
        folder,
        ldif,
        settings=["moduleload syncprov"],
        database=["overlay syncprov", "syncprov-checkpoint 1 1"],
    )


def test_context_csn_tells_an_older_copy_and_proves_a_newer_one(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    with synced(tmp_path / "b", locked()) as copy:
        with synced(tmp_path / "a", locked()) as first:
            here = night(both(first, copy), login=ADMIN)
            # The same number of people in both; only the copy still has ada, whom the first let go.
            first.modify(gone(dn("ada")))
            first.add(person("ina"))
            assert here.sync(source=LOCKS).code == 0
            assert here.active("ada") == [False]
        second = here.sync(source=LOCKS)
        assert second.code == 4, second
        assert "source-stale" in words_of(second) and "older than that of" in words_of(second)
        # The copy has caught up, and hal has left: fewer people, and provably newer data.
        copy.modify(gone(dn("ada")))
        copy.add(person("ina"))
        copy.modify(gone(dn("hal")))
        third = here.sync(source=LOCKS)

    assert third.code == 0, third
    assert here.active("ada", "hal", "ina") == [False, False, True]


def test_without_a_good_run_a_second_server_takes_nothing_away(
    night: Callable[..., Night], tmp_path: Path
) -> None:
    with Slapd(tmp_path / "b", locked("bob")) as copy:
        here = night(f"[ldap://127.0.0.1:1, {copy.url}]", login=ADMIN)
        first = here.sync(source=LOCKS, ledger="", missing="keep")
        assert first.code == 4, first
        assert here.active("bob") == [True]
        assert "nothing shows whether its data is as new" in words_of(first)
        copy.add(person("ina"))
        copy.modify(change("bob", UNLOCK))
        second = here.sync(source=LOCKS, ledger="", missing="keep")

    assert second.code == 0, second
    assert here.active("ina", "bob") == [True, True]
