"""Transforms do what their names say, and nothing to an empty cell."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from kanport.mapping.transforms import NAMES, SCHEMA, Transform, TransformStep, apply_transforms

READ: TypeAdapter[TransformStep] = TypeAdapter(Transform)

EXAMPLES: dict[str, Any] = {
    "before": {"before": "@"},
    "after": {"after": "\\"},
    "prefix": {"prefix": "x"},
    "suffix": {"suffix": "x"},
    "replace": {"replace": {"from": "a", "to": "b"}},
    "zero_pad": {"zero_pad": 4},
}
ALL = [EXAMPLES.get(name, name) for name in NAMES]


def applied(text: str, *written: Any) -> str:
    return apply_transforms(text, [READ.validate_python(one) for one in written])


@pytest.mark.parametrize(
    ("written", "text", "result"),
    [
        ("trim", "\u00a0\u200b anna \ufeff\u202f", "anna"),
        ("trim", "\u200b", ""),
        ("collapse", "Anna \u00a0\t Maria  Schmidt", "Anna Maria Schmidt"),
        ("collapse", "soft\u200bbreak", "soft\u200bbreak"),
        ("lower", "ÅSA", "åsa"),
        ("upper", "straße", "STRASSE"),
        ("title", "SEÁN O'BRIEN-MÜLLER", "Seán O'Brien-Müller"),
        ("title", "ZOE\u0308 de la CRUZ", "Zoë De La Cruz"),
        ("ascii", "Łukasz Groß, Søren Ægir, Đặng", "Lukasz Gross, Soren AEgir, Dang"),
        ("ascii", "Þór Ðórðarson, Œuvre, Yıldız", "Thor Dordarson, OEuvre, Yildiz"),
        ("ascii", "O’Brien–Smith", "O'Brien-Smith"),
        ("ascii", "Юрий Ἀθήνα 山田", "Юрий Ἀθήνα 山田"),
        ("umlauts", "Jörg Müßig, A\u0308rger, José", "Joerg Muessig, Aerger, José"),
        ({"before": "@"}, "anna@example.org@x", "anna"),
        ({"before": "@"}, "anna", "anna"),
        ({"after": "\\"}, "CORP\\anna", "anna"),
        ({"after": "\\"}, "anna", "anna"),
        ({"after": "\\"}, "CORP\\", ""),
        ({"prefix": "ext-"}, "anna", "ext-anna"),
        ({"suffix": "@example.org"}, "anna", "anna@example.org"),
        ({"replace": {"from": ".", "to": ""}}, "a.b.c", "abc"),
        ({"zero_pad": 4}, "42", "0042"),
        ({"zero_pad": 4}, "12345", "12345"),
        ({"zero_pad": 4}, "A42", "A42"),
        ({"zero_pad": 4}, "-4", "-4"),
        ({"zero_pad": 4}, "٤٢", "٤٢"),
    ],
)
def test_each_transform_does_what_its_name_says(written: Any, text: str, result: str) -> None:
    assert applied(text, written) == result


def test_transforms_are_applied_in_the_order_in_which_they_stand() -> None:
    assert applied(" CORP\\Jörg ", "trim", {"after": "\\"}, "umlauts", "lower") == "joerg"
    assert applied(" CORP\\Jörg ", "lower", {"after": "\\"}, "ascii") == "jorg "


@pytest.mark.parametrize("written", ALL, ids=NAMES)
def test_an_empty_cell_stays_empty(written: Any) -> None:
    assert applied("", written) == ""


@given(text=st.text(), written=st.sampled_from(["trim", "collapse", "lower", "ascii", "umlauts"]))
def test_tidying_twice_is_tidying_once(text: str, written: str) -> None:
    once = applied(text, written)

    assert applied(once, written) == once


@pytest.mark.parametrize("written", ALL, ids=NAMES)
def test_a_transform_is_written_as_it_was_read(written: Any) -> None:
    step = READ.validate_python(written)

    assert READ.dump_python(step) == written
    assert hash(step) == hash(READ.validate_python(written))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("lowr", 'there is no transform "lowr"'),
        ({"befor": "@"}, 'there is no transform "befor"'),
        ("before", "before needs to know what"),
        ({"lower": True}, "lower takes nothing"),
        ({"before": ""}, "this is not what before takes"),
        ({"before": 3}, "this is not what before takes"),
        ({"zero_pad": 0}, "this is not what zero_pad takes"),
        ({"zero_pad": True}, "this is not what zero_pad takes"),
        ({"zero_pad": 65}, "this is not what zero_pad takes"),
        ({"replace": "a"}, "this is not what replace takes"),
        ({"replace": {"from": "", "to": "b"}}, "this is not what replace takes"),
        ({"replace": {"from": "a", "to": "b", "all": True}}, "this is not what replace takes"),
        ({"prefix": "a", "suffix": "b"}, "each transform is an item of its own"),
        ([], "must be the name of a transform"),
        (5, "must be the name of a transform"),
    ],
)
def test_what_is_no_transform_is_refused(written: Any, message: str) -> None:
    with pytest.raises(ValidationError) as raised:
        READ.validate_python(written)

    assert [error["msg"] for error in raised.value.errors()] == [message]


def test_the_schema_names_every_transform() -> None:
    plain, *keyed = SCHEMA["anyOf"]

    named = [*plain["enum"], *(key for choice in keyed for key in choice["properties"])]
    assert sorted(named) == sorted(NAMES)
