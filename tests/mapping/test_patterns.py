"""Patterns of a mapping mean what Python's re makes of them, and end."""

import re
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanport.errors import SourceInvalid
from kanport.findings import errors_in
from kanport.mapping import patterns
from kanport.mapping.ldap import Choice
from kanport.mapping.patterns import NotAPattern, Pattern, TooSlow
from kanport.mapping.relations import MatrixRule
from kanport.normalize.columns import matrix_columns
from kanport.pipeline.inputs import read_inputs
from kanport.sources.ldap.attributes import choosers
from tests.support.hostile import bounded

SLOW = [
    (r"^(a|aa)+$", "a" * 60 + "b"),
    (r"^(?:x|xx|xxx)+y$", "x" * 60),
    (r"^(.*?,){25}P", "1,2,3,4,5,6,7,8,9,10," * 8),
]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    # What never ends takes longer than any time.
    monkeypatch.setattr(patterns, "SECONDS", 0.2)


@pytest.mark.parametrize(("text", "cell"), SLOW)
def test_a_pattern_that_would_run_for_ever_is_given_up(text: str, cell: str) -> None:
    with bounded(), pytest.raises(TooSlow, match="takes too long"):
        Pattern(text).search(cell)


def test_what_took_too_long_often_is_not_tried_again_and_again() -> None:
    pattern = Pattern(r"^(a|aa)+$")
    slow = 0
    with bounded(120):
        for number in range(300):
            with pytest.raises(TooSlow):
                pattern.search("a" * (60 + number) + "b")
            slow += 1
    assert slow == 300
    # What is shorter is still looked at.
    assert pattern.search("aaa") is not None


@pytest.mark.parametrize(
    "text", ["^{i}", "a{e}", "x{i<=2}", "{", "a{}", "a{,}", "{a}", r"\{e}", "[{e}]", r"\N{EM DASH}"]
)
def test_braces_mean_what_they_mean_in_python(text: str) -> None:
    for candidate in ("", "a", "ab", "e", "x", "{i}", "a{e}", "x{i<=2}", "{", "—", "{a}", "a{}"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = re.search(text, candidate)
        found = Pattern(text)._ended(candidate)
        assert (found is None) == (expected is None)


@pytest.mark.parametrize(
    "text", ["(", "a**", "(?P<a>x)(?P<a>y)", "[[a-z]]", "(?R)", "(?<x>y)", r"\p{L}", "a{3,1}"]
)
def test_what_python_does_not_take_is_refused(text: str) -> None:
    with pytest.raises(NotAPattern):
        Pattern(text)


PIECES = [
    "a", "b", "-", ".", r"\.", r"\d", r"\w", r"\s", "[ab]", "[^,]", "(?:a|b)", "(?P<value>[^-]+)",
    "(a)", "*", "+", "?", "*?", "{2}", "{1,3}", "{e}", "^", "$", r"\b", "|", "(?=a)", "(?!b)",
    "(?i:A)", "ä",
]  # fmt: skip


@settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=6), st.text("aAbB-.,1 äÄ{e}", max_size=12))
def test_patterns_find_what_python_finds(pieces: list[str], text: str) -> None:
    source = "".join(pieces)
    try:
        expected = re.search(source, text)
    except re.error:
        with pytest.raises(NotAPattern):
            Pattern(source)
        return
    found = Pattern(source).search(text)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found.groupdict() == expected.groupdict()


MAPPING = """\
kanport: 1
sources: {people: {type: csv, path: people.csv}}
users:
  from: people
  fields:
    username: {from: Login, match: "^(?P<value>(?:a|aa)+)$"}
"""


def test_the_error_names_the_cell_and_the_others_are_read(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(MAPPING)
    (tmp_path / "people.csv").write_text(f"Login\naaa\n{'a' * 60}b\naaaa\n")
    with bounded():
        inputs = read_inputs(tmp_path / "m.yaml")
    (slow,) = errors_in(inputs.findings)
    assert slow.code == "value-too-slow"
    assert slow.origin is not None
    assert (slow.origin.row, slow.origin.column) == (3, "Login")
    assert "nested repetition" in (slow.hint or "")
    assert sorted(user.username.value for user in inputs.desired.users) == ["aaa", "aaaa"]


def test_a_header_that_takes_too_long_is_named() -> None:
    matrix = MatrixRule.model_validate({"match": "^(?P<project>(?:a|aa)+)$"})
    with bounded(), pytest.raises(SourceInvalid, match="header") as caught:
        matrix_columns(matrix, ["aa", "a" * 60 + "b"])
    assert caught.value.findings[0].code == "value-too-slow"


def test_a_choice_that_takes_too_long_is_no_choice() -> None:
    choose = choosers({"mail": Choice(match="^(?:a|aa)+$")})["mail"]
    with bounded(), pytest.raises(TooSlow):
        choose(["a" * 60 + "b", "aa"], "uid=a,dc=x")


def test_each_does_not_take_what_is_unknown_for_nothing(tmp_path: Path) -> None:
    """With `each`, what does not fit is no membership; what takes too long is unknown."""
    (tmp_path / "m.yaml").write_text(
        "kanport: 1\n"
        "sources: {p: {type: csv, path: p.csv}}\n"
        "memberships:\n"
        "  - from: p\n"
        "    username: {from: Login}\n"
        '    project: {from: In, split: ";", each: true, match: "^(?P<value>(?:a|aa)+)$"}\n'
        "    role: project-member\n"
    )
    (tmp_path / "p.csv").write_text(f"Login,In\nada,aa;bb\nbob,{'a' * 60}b\n")
    with bounded():
        inputs = read_inputs(tmp_path / "m.yaml")
    (slow,) = errors_in(inputs.findings)
    assert slow.code == "value-too-slow"
