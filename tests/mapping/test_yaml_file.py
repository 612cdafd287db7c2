"""A file that is not YAML, or not the YAML that is meant, gives an error with its place."""

from pathlib import Path

import pytest

from kanport.mapping.yaml_file import MAX_BYTES, read_yaml
from tests.support.mappings import GOOD, mistakes_in

BEGIN = "a mapping begins with the line kanport: 1"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", f"1:1: the file is empty | {BEGIN}"),
        ("# later\n", f"1:1: the file is empty | {BEGIN}"),
        ("- a\n", f"1:1: a mapping is a table of keys and values | {BEGIN}"),
        ("hello\n", f"1:1: a mapping is a table of keys and values | {BEGIN}"),
        (
            "kanport: 1\nsources:\n\tstaff: x\n",
            "3:1: a tab is not allowed here: YAML indents with spaces | indent with spaces",
        ),
        (
            GOOD + "---\nkanport: 1\n",
            "9:1: a second document begins here; a mapping is one document"
            " | leave out the line ---",
        ),
        (
            GOOD.encode() + "# Müller\n".encode("cp1252"),
            "9:4: the file is not in UTF-8: byte FC cannot stand here | save it as UTF-8",
        ),
        (
            GOOD.encode("utf-16"),
            "1:1: the file is not in UTF-8: byte FF cannot stand here | save it as UTF-8",
        ),
        (b"#" * (MAX_BYTES + 1), "1:1: the file is larger than 1,000,000 bytes"),
        (
            GOOD + "protect: [*]\n",
            "9:12: * and & have a meaning of their own at the beginning of a text"
            ' | put it in quotes: "*"',
        ),
        (
            GOOD + "protect: [*ext]\n",
            "9:11: nothing is called &ext, so *ext means nothing"
            ' | a pattern belongs in quotes: "*ext"',
        ),
        (
            GOOD + "    name: {from: A, transform: [{after: @}]}\n",
            '9:41: plain text cannot begin with @ | put the text in quotes: "…"',
        ),
        (
            GOOD + "    name:\n      template: {First} {Last}\n",
            "10:25: this cannot follow here"
            " | put text with braces or brackets in quotes, or check the indentation",
        ),
        (
            GOOD + "    name: {template: {First} {Last}}\n",
            "9:30: a comma or } is missing before this"
            " | put text with brackets, braces or colons in quotes",
        ),
        (
            GOOD + "name: staff: nightly\n",
            "9:12: a colon stands where none can be | check the indentation; a space follows each"
            " key's colon; put text with a colon in quotes",
        ),
        (
            GOOD + "protect: - admin\n",
            "9:10: a list cannot begin in the line of its key"
            " | begin each item on a line of its own, or write [a, b]",
        ),
        (
            GOOD + "    name: {from: Name\n",
            "9:11: this is not closed before the end of the file | close the quotes or brackets",
        ),
        (
            GOOD + 'name: "nightly\n',
            "9:7: this is not closed before the end of the file | close the quotes or brackets",
        ),
        (
            GOOD + '    name: {from: A, match: "\\d"}\n',
            "9:30: in double quotes, a backslash begins an escape, and this is none"
            r" | write the backslash twice, or use single quotes: '\d'",
        ),
        (GOOD + "name: a\x07b\n", "9:8: there is a control character here (U+0007)"),
        (
            GOOD + "    name: {from: A}\n   email: {from: B}\n",
            "10:4: this line does not fit the ones before it"
            " | check the indentation: what belongs together begins in the same column",
        ),
        ("a: " + "[" * 500, "1:1: tables and lists are nested too deeply"),
        ("a: " + "[" * 40 + "]" * 40, "1:35: tables and lists are nested too deeply"),
        ("a: &x [*x]\n", "1:4: this part contains itself through an alias"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(
    tmp_path: Path, text: str | bytes, said: str
) -> None:
    assert mistakes_in(tmp_path, text) == [said]


def test_aliases_cannot_make_a_small_file_huge(tmp_path: Path) -> None:
    levels = "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )

    [said] = mistakes_in(tmp_path, "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + levels)

    assert said.endswith("with its aliases the file grows beyond 100,000 values")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            GOOD + "kanport: 2\n",
            '9:1: "kanport" is defined twice; first on line 1 | leave one of them out',
        ),
        (
            GOOD + "<<: {name: x}\n",
            "9:1: << does not merge here"
            " | write the keys out, or use an alias for the whole value: values: *roles",
        ),
        (
            GOOD + "name: !env NAME\n",
            "9:7: the tag !env means nothing here"
            " | leave it out, or put text that begins with ! in quotes",
        ),
        (
            GOOD + "{a}: b\n",
            "9:1: a table or list cannot be a key | put text with braces in quotes",
        ),
        (
            GOOD + "? [a]\n: b\n",
            "9:3: a table or list cannot be a key | put text with braces in quotes",
        ),
        (
            GOOD + "name:\n",
            "9:1: name has no value | leave it out, or say what it is to be",
        ),
        (
            GOOD + "protect: [admin, ~]\n",
            "9:18: this has no value | leave it out, or say what it is to be",
        ),
        (
            GOOD + "    name: {template: {First}}\n",
            '9:12: template must be text | put it in quotes: "{First}"',
        ),
    ],
)
def test_yaml_that_means_something_else_is_told_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    assert mistakes_in(tmp_path, text) == [said]


def test_words_dates_and_numbers_with_zeros_stay_text() -> None:
    texts = "yes No on off 2026-05-01 007 0x1F 0o7 1e5 1_000 5% 12:30 .5"

    assert read_yaml(f"[{texts.replace(' ', ', ')}]").data == texts.split()


def test_the_version_directive_does_not_bring_old_booleans_back() -> None:
    assert read_yaml("%YAML 1.1\n---\na: yes\n").data == {"a": "yes"}


def test_plain_values_have_their_types_and_quoted_ones_are_text() -> None:
    assert read_yaml("[true, False, 42, -1, 1.5, '42', \"true\", !!str 5]").data == [
        True, False, 42, -1, 1.5, "42", "true", "5",
    ]  # fmt: skip


def test_a_key_is_the_text_that_stands_there() -> None:
    assert list(read_yaml("{1: a, 007: b, true: c, yes: d, 1.0: e, 'x y': f}").data) == [
        "1", "007", "true", "yes", "1.0", "x y",
    ]  # fmt: skip


def test_an_alias_gives_the_value_again_at_both_places() -> None:
    document = read_yaml("a: &roles {R: x}\nb: *roles\n")

    assert document.data == {"a": {"R": "x"}, "b": {"R": "x"}}
    assert document.value(("b", "R")) == document.value(("a", "R"))


def test_every_part_has_its_place() -> None:
    document = read_yaml("a:\n  - b: text\n    c: [1, two]\n")

    assert document.key(("a",))[:2] == (1, 1)
    assert document.key(("a", 0, "b"))[:2] == (2, 5)
    assert document.value(("a", 0, "b")) == (2, 8, 4)
    assert document.value(("a", 0, "c", 1)) == (3, 12, 3)
    assert document.value(("a", 0, "c"))[:2] == (3, 5), "a list is shown at its key"
    assert document.key(("a", 0, "nothing", "here"))[:2] == (2, 5), "the nearest part around"
