"""Who is active: each directory's own way to say it, and never a lock-out that passes."""

from datetime import UTC, datetime, timedelta

import pytest

from kanport.sources.ldap.attributes import filetime, judge

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
PAST, FUTURE = b"133801632000000000", b"160000000000000000"


@pytest.mark.parametrize(
    ("rule", "attributes", "active"),
    [
        ("userAccountControl", {"useraccountcontrol": [b"512"]}, True),
        ("userAccountControl", {"useraccountcontrol": [b"514"]}, False),
        ("userAccountControl", {"useraccountcontrol": [b"66050"]}, False),
        # 0x10 is a lock-out, 0x800000 an expired password: both pass, or can be fixed.
        ("userAccountControl", {"useraccountcontrol": [b"528"]}, True),
        ("userAccountControl", {"useraccountcontrol": [b"8389120"]}, True),
        ("userAccountControl", {}, None),
        ("userAccountControl", {"useraccountcontrol": []}, None),
        ("userAccountControl", {"useraccountcontrol": [b"disabled"]}, None),
        ("accountExpires", {"accountexpires": [b"0"]}, True),
        ("accountExpires", {"accountexpires": [b"9223372036854775807"]}, True),
        ("accountExpires", {"accountexpires": [b"9223372036854775806"]}, True),
        ("accountExpires", {"accountexpires": [PAST]}, False),
        ("accountExpires", {"accountexpires": [FUTURE]}, True),
        ("accountExpires", {"accountexpires": [b"-1"]}, None),
        ("accountExpires", {"useraccountcontrol": [b"512"]}, True),
        ("accountExpires", {}, None),
        ("nsAccountLock", {}, True),
        ("nsAccountLock", {"nsaccountlock": [b"TRUE"]}, False),
        ("nsAccountLock", {"nsaccountlock": [b"true"]}, False),
        ("nsAccountLock", {"nsaccountlock": [b"False"]}, True),
        ("nsAccountLock", {"nsaccountlock": [b"yes"]}, None),
        ("nsAccountLock", {"nsaccountlock": [b"true", b"false"]}, None),
        ("pwdAccountLockedTime", {}, True),
        ("pwdAccountLockedTime", {"pwdaccountlockedtime": [b"000001010000Z"]}, False),
        ("pwdAccountLockedTime", {"pwdaccountlockedtime": [b"20261121025959Z"]}, True),
        ("shadowExpire", {}, True),
        ("shadowExpire", {"shadowexpire": [b"-1"]}, True),
        ("shadowExpire", {"shadowexpire": [b"1"]}, False),
        ("shadowExpire", {"shadowexpire": [b"20778"]}, False),
        ("shadowExpire", {"shadowexpire": [b"20779"]}, True),
        ("shadowExpire", {"shadowexpire": [b"0"]}, None),
        ("shadowExpire", {"shadowexpire": [b"soon"]}, None),
    ],
)
def test_each_rule_says_active_or_not_or_that_it_cannot_tell(
    rule: str, attributes: dict[str, list[bytes]], active: bool | None
) -> None:
    verdict = judge([rule], attributes, NOW)
    assert verdict.active is active
    assert active is not None or verdict.why
    assert verdict.attribute == rule


def test_one_rule_that_says_no_is_enough_and_one_that_cannot_tell_leaves_it_open() -> None:
    both = ["userAccountControl", "accountExpires"]
    expired = {"accountexpires": [PAST]}
    assert judge(both, expired, NOW).active is False
    assert judge(both, {"accountexpires": [FUTURE]}, NOW).active is None
    fine = {"useraccountcontrol": [b"512"], "accountexpires": [FUTURE]}
    assert judge(both, fine, NOW).active is True


def test_an_account_ends_to_the_second() -> None:
    end = filetime(int(PAST))
    assert end is not None
    for seconds, active in ((-1, True), (0, False), (1, False)):
        moment = end + timedelta(seconds=seconds)
        assert judge(["accountExpires"], {"accountexpires": [PAST]}, moment).active is active
