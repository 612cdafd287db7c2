"""Findings as facts: worded by the catalogue, read back whole, masked by their parameters."""

import pytest

from kanport.catalogue import FINDINGS, Personal
from kanport.findings import Finding, found
from kanport.origin import Origin


def test_a_finding_is_read_back_with_its_facts() -> None:
    finding = found("email-shared", Origin("a", row=2), usernames=("ada", "bob"))
    parts = finding.to_dict()
    assert parts["params"] == {"usernames": ["ada", "bob"]}
    assert Finding.from_dict(parts) == finding


def test_a_fact_that_the_wording_shows_must_be_given() -> None:
    with pytest.raises(KeyError):
        found("email-shared")


def test_a_masked_finding_shows_pseudonyms_for_people_and_everything_else() -> None:
    finding = found("person-unlisted", username="ada", memberships=3)
    masked = finding.masked(
        lambda kind, text, field: f"<{kind}>" if kind is Personal.LOGIN else "?"
    )
    assert masked.message == (
        'no row of users names "<login>", but the input has 3 memberships for this user'
    )
    assert dict(masked.params) == {"memberships": 3, "username": "<login>"}


def test_a_masked_finding_of_an_earlier_version_says_what_its_code_is_about() -> None:
    [code] = [code for code in FINDINGS if not FINDINGS[code].texts][:1]
    finding = Finding(code, "Ada was here", hint="ask Ada")
    masked = finding.masked(lambda kind, text, field: "?")
    assert masked.message == FINDINGS[code].about
    assert masked.hint is None
