"""Long values take a time that grows as they do: a million characters take seconds, not hours."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kanport.errors import ConfigInvalid
from kanport.mapping import load_mapping
from kanport.mapping.mistakes import with_mistakes
from kanport.mapping.patterns import Pattern
from kanport.mapping.transforms import ascii_letters, title, umlauts
from kanport.mapping.yaml_file import Mistake, Spot
from kanport.names import compare_key, lookalike_key, normalize, spelling_key
from kanport.plan.matching import name_matcher
from tests.support.hostile import bounded

pytestmark = pytest.mark.timeout(1800)

LONG = 500_000
LINES = {
    "letters": "a" * LONG,
    "hyphens": "a-" * LONG,
    "token": "token" * LONG,
    "token and colon": "token:" * LONG,
    "token and equals": "token= " * LONG,
    "password and blanks": "password" + " " * LONG,
    "password: random": "password: random " * (LONG // 10),
    "quotes": "secret'" * LONG,
    "addresses": "://" * LONG,
    "an address": "://" + "a" * LONG,
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_long_line_of_a_file_is_shown_in_time(line: str) -> None:
    mistakes = [Mistake(Spot(1, column), f"odd {column}") for column in range(1, 1_000)]
    with bounded():
        assert with_mistakes(Path("m.yaml"), line, mistakes).details


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("bind_password: hunter2", "bind_password: ••••••"),
        ("  {url: x, my-Token-2 : hunter2}", "  {url: x, my-Token-2 : ••••••"),
        ("token = 'hunter2'", "token = ••••••"),
        ('"SECRET": hunter2', '"SECRET": ••••••'),
        ("password: random, token: hunter2", "password: random, token: ••••••"),
        ("password: {env: A}", "password: {env: A}"),
        ("url: https://me:hunter2@example.org", "url: https://••••••"),
        ("tokens of the day", "tokens of the day"),
    ],
)
def test_secrets_in_a_line_are_masked(line: str, shown: str) -> None:
    (detail,) = with_mistakes(Path("m.yaml"), line, [Mistake(Spot(1, 1), "odd")]).details
    assert f"     1 | {shown}" in detail.splitlines()


MARKS = "a" + "\u0301\u0323" * LONG


@pytest.mark.parametrize(
    "make", [compare_key, spelling_key, lookalike_key, title, ascii_letters, umlauts]
)
def test_marks_without_end_are_put_in_order_in_time(make: Callable[[str], str]) -> None:
    with bounded():
        make(MARKS)


def test_what_people_write_has_the_form_that_unicode_gives_it() -> None:
    text = "Zoe\u0308 Nguyê\u0303n ก็้ 각" * 200
    import unicodedata

    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert normalize(form, text) == unicodedata.normalize(form, text)


@pytest.mark.parametrize("pattern", ["*a*a*a*a*a*b", "*" * 50 + "b", "[!a]*" * 20, "?" * 50 + "*b"])
def test_patterns_of_names_end(pattern: str) -> None:
    fits = name_matcher([pattern, "admin"])
    with bounded():
        assert not fits("a" * 20_000)


def test_a_long_cell_meets_a_simple_pattern_in_time() -> None:
    with bounded():
        assert Pattern("^cn=(?P<value>[^,]+),").search("a" * 10 * LONG) is None


def test_a_mapping_with_many_mistakes_is_told_in_time(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    keys = "\n".join(f"usernamee{number}: x" for number in range(10_000))
    path.write_text(f"kanport: 1\n{keys}\n")
    with bounded(120), pytest.raises(ConfigInvalid) as caught:
        load_mapping(path)
    assert len(caught.value.details) >= 10_000
