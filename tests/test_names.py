"""Which usernames are one to the strictest database, and which projects are called the same.

What is said of usernames was asked of MariaDB 10.11: SELECT 'a' = 'b' COLLATE utf8mb4_unicode_ci.
"""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanport.names import compare_key, near_names, spelling_key

ONE = [
    ("Ann", "ANN"),
    ("jörg", "JORG"),
    ("jo\u0308rg", "jörg"),
    ("ann ", "ann"),
    ("straße", "STRASSE"),
    ("cœur", "Coeur"),
    ("ﬁona", "Fiona"),
    ("Ilker", "İlker"),
    ("ΣΊΣΥΦΟΣ", "σίσυφος"),
    ("ᾳ", "α"),
    ("Лёва", "лева"),
    ("Ґанна", "Ганна"),
    ("カナ", "かな"),
    ("ガ", "カ"),
    ("キャ", "きや"),
    ("ｶﾅ", "カナ"),
    ("m１２", "m12"),
    ("m١٢", "m12"),
    ("कंस", "कस"),
    ("שלום", "שלומ"),
    ("ann\u200bx", "annx"),
    ("ann\u200dx", "annx"),
    ("ann\ufe0fx", "annx"),
    ("ann\x01x", "annx"),
    ("a\u00a0b", "a b"),
    ("ann😀", "ann🎉"),
    ("𝐚nn", "😀nn"),
]
SEVERAL = [
    ("ann", "anna"),
    ("a b", "ab"),
    ("æ", "ae"),
    ("øre", "ore"),
    ("łukasz", "lukasz"),
    ("đ", "d"),
    ("Андрей", "Андреи"),
    ("Їжак", "Іжак"),
    ("أحمد", "احمد"),
    ("กุ", "กู"),
    ("กุ", "ก"),
    ("कि", "की"),
    ("क्", "क"),
    ("カー", "カ"),
    ("ann😀", "ann"),
    ("ann😀😀", "ann😀"),
    ("𝐚nn", "ann"),
    ("o´neil", "o neil"),
    ("ann\tx", "annx"),
]


@pytest.mark.parametrize(("one", "other"), ONE)
def test_usernames_that_mariadb_takes_for_one_are_one(one: str, other: str) -> None:
    assert compare_key(one) == compare_key(other)


@pytest.mark.parametrize(("one", "other"), SEVERAL)
def test_usernames_that_mariadb_keeps_apart_are_several(one: str, other: str) -> None:
    assert compare_key(one) != compare_key(other)


@given(st.text(max_size=8), st.text(max_size=8))
def test_what_counts_of_a_name_is_what_counts_of_its_characters(one: str, other: str) -> None:
    whole = compare_key("x" + one + "x" + other + "x")
    assert whole == compare_key("x" + one + "x") + compare_key("x" + other + "x")[1:]


@given(st.text(st.characters(max_codepoint=127), max_size=8))
def test_the_short_way_of_plain_letters_comes_to_the_same(name: str) -> None:
    assert compare_key(f"x{name}\u200b") == compare_key(f"x{name}")


@given(st.text(max_size=8))
def test_a_key_is_its_own_key(name: str) -> None:
    assert compare_key(compare_key(name)) == compare_key(name)


@pytest.mark.parametrize(
    ("one", "other"), [("🟢 Ops", "🔴 Ops"), ("びよういん", "びょういん"), ("cœur", "coeur")]
)
def test_projects_that_only_a_database_would_mix_up_are_several(one: str, other: str) -> None:
    assert spelling_key(one) != spelling_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Über uns ", "UBER UNS"), ("𝐀lpha", "alpha"), ("ﬁ", "FI"), ("İ", "i")]
)
def test_projects_are_the_same_whatever_case_accents_and_typeface(one: str, other: str) -> None:
    assert spelling_key(one) == spelling_key(other)


@pytest.mark.parametrize(
    ("text", "names", "meant"),
    [
        ("Einfuehrung", ["Einführung"], "Einführung"),
        ("EIN FÜHRUNG", ["Einführung"], "Einführung"),
        ("ada-lovelace", ["ada.lovelace", "bob"], "ada.lovelace"),
        ("Marketng", ["Marketing", "Sales"], "Marketing"),
        # The identifier and the name of one project.
        ("web-shop", ["Webshop", "WEBSHOP"], "Webshop"),
        # Two may be meant: nobody is proposed.
        ("ann-a", ["anna", "an.na", "bob"], None),
        ("anne", ["annel", "annet"], None),
        # Another number is another person.
        ("u1234", ["u1235"], None),
        ("zoe", ["bob"], None),
        ("---", ["+++"], None),
        ("", ["ada"], None),
    ],
)
def test_a_name_that_is_near_is_proposed_if_it_is_the_only_one(
    text: str, names: list[str], meant: str | None
) -> None:
    assert near_names([text], names).get(text) == meant
    assert near_names([text], names[::-1] if meant != "Webshop" else names).get(text) == meant


def test_many_names_are_compared_by_their_keys_only() -> None:
    names = [f"person{number}" for number in range(100_000)]
    begun = time.process_time()
    assert near_names(["Person 77", "persom77"], names) == {"Person 77": "person77"}
    assert time.process_time() - begun < 5
