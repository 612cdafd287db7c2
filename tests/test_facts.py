"""Facts: codes with parameters, worded by the catalogue when they are shown."""

import json
from string import Formatter

import pytest

from kanport.catalogue import (
    ALL,
    ANSWERS,
    FINDINGS,
    GUARDS,
    NOTICES,
    OUTCOMES,
    PARTS,
    REASONS,
    STALENESS,
    WITHHELD,
    Personal,
)
from kanport.facts import Fact, as_written, fact
from kanport.messages import fields_of


def test_no_code_has_two_entries() -> None:
    every = (FINDINGS, REASONS, OUTCOMES, ANSWERS, GUARDS, NOTICES, STALENESS, PARTS, WITHHELD)
    assert len(ALL) == sum(map(len, every))


@pytest.mark.parametrize("code", sorted(ALL))
def test_what_is_personal_or_secret_is_a_parameter_of_a_wording(code: str) -> None:
    kind = ALL[code]
    if not kind.texts:
        return
    shown = {name for text in kind.texts.values() for part in text for name in fields_of(part)}
    assert set(kind.personal) | kind.secret <= shown


@pytest.mark.parametrize("code", sorted(ALL))
def test_a_wording_is_a_sentence_without_its_end(code: str) -> None:
    for text in ALL[code].texts.values():
        for part in text:
            assert not part.endswith(".")
            assert part == part.strip()
            assert "  " not in part


def test_a_fact_is_read_back_from_json_with_the_facts_within_it() -> None:
    inner = fact("renamed", case="email")
    outer = fact("renamed-aside", renamed=inner, username="ada")
    assert Fact.from_dict(json.loads(json.dumps(outer.to_dict()))) == outer
    assert outer.text == "same email, other username (ada); temporary, until ada is free"


def test_the_order_of_parameters_makes_no_difference() -> None:
    one = fact("in-no-source", case="waited", since="2026-11-01", runs=2)
    assert one == fact("in-no-source", case="waited", runs=2, since="2026-11-01")


def test_an_unknown_code_or_case_is_refused() -> None:
    with pytest.raises(KeyError):
        fact("no-such-code")
    with pytest.raises(KeyError):
        fact("renamed", case="no-such-case")


def test_masking_replaces_personal_parameters_at_every_depth_and_nothing_else() -> None:
    inner = as_written("bob's own words")
    outer = fact("renamed-aside", renamed=inner, username="ada")
    masked = outer.masked(lambda kind, text, field: f"<{kind}>")
    assert masked["username"] == f"<{Personal.LOGIN}>"
    assert "ada" not in masked.text
    assert "bob" not in masked.text
    assert masked.text == "<value> (<login>); temporary, until <login> is free"


# Names of parameters that can only be about somebody.
ABOUT_SOMEBODY = {
    *("username", "usernames", "login", "logins", "email", "emails", "address", "addresses"),
    *("dn", "dns", "entry", "entries"),
}


@pytest.mark.parametrize("code", sorted(ALL))
def test_what_can_only_be_about_somebody_is_called_personal(code: str) -> None:
    kind = ALL[code]
    for text in kind.texts.values():
        for part in text:
            for _, name, spec, _ in Formatter().parse(part):
                if name in ABOUT_SOMEBODY and "|" not in (spec or "") and spec != ",":
                    assert name in kind.personal or name in kind.secret, (part, name)
