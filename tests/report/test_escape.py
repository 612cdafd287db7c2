"""No name can harm a reader: whatever it holds comes out as text, and can be seen."""

import json
import re
import unicodedata

import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kanport.outcome import Run
from kanport.plan.change import Change, values_of
from kanport.plan.model import Plan
from kanport.report import json_file, markdown
from kanport.report.escape import escape_name
from kanport.report.make import of_plan, of_run
from tests.support.report.drawing import NASTY, pipe, screen, texts
from tests.support.report.examples import make_plan
from tests.support.report.random_reports import whole_plans_and_runs

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
HARMLESS = {"text", "code_inline", "strong_open", "strong_close", "softbreak"}


def raw_controls(text: str) -> list[str]:
    return [
        character
        for character in text
        if character != "\n" and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    ]


@given(whole_plans_and_runs())
def test_nothing_reaches_a_terminal_raw(case: tuple[Plan, Run]) -> None:
    view = of_run(*case)
    for text in (pipe(view), screen(view, 80), screen(view, 130), json_file.render(view)):
        assert raw_controls(text) == []
    colored = re.sub(r"\x1b\[[0-9;]*m", "", screen(view, 80, color=True))
    assert raw_controls(colored) == []


@given(whole_plans_and_runs())
def test_each_record_of_a_pipe_is_one_line_with_the_whole_name(case: tuple[Plan, Run]) -> None:
    plan, run = case
    lines = pipe(of_run(plan, run)).splitlines()
    for change in plan.changes:
        assert any(escape_name(named(change)) in line for line in lines)
    assert all(len(line.splitlines()) <= 1 for line in lines)


@given(whole_plans_and_runs())
def test_no_name_becomes_markup_in_markdown(case: tuple[Plan, Run]) -> None:
    plan, run = case
    text = markdown.render(of_run(plan, run))
    tokens = PARSER.parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    assert {token.type for token in inline} <= HARMLESS
    blocks = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    assert blocks <= {
        *("heading", "paragraph", "inline", "bullet_list", "list_item"),
        *("table", "thead", "tbody", "tr", "th", "td"),
    }
    # No name makes a heading: their number is the same whatever the names are.
    headings = [t.tag for t in tokens if t.type == "heading_open"]
    assert set(headings) <= {"h1", "h2"}
    # Trackers look for these in what is no code.
    prose = " ".join(token.content for token in inline if token.type == "text")
    assert not re.search(r"[@#<>&\[\]`*_|\\]|://|\w\.\w", prose)
    told = {token.content for token in inline if token.type == "code_inline"}
    assert {_as_code(named(change)) for change in plan.changes} <= told


def named(change: Change) -> str:
    """Return whom or what a change is about."""
    names = (change.username, change.group, change.project)
    return next(name for name in names if name is not None)


def _as_code(name: str) -> str:
    # A parser takes one blank off each end of code; ours stand in quotes already.
    return escape_name(name)


@given(texts)
def test_prose_reads_the_same_with_its_code_spans_taken_off(text: str) -> None:
    tokens = PARSER.parseInline("x " + markdown.prose(text))
    children: list[Token] = tokens[0].children or []
    # Where a span marks a value, its quotes are left out.
    shown = "".join(child.content for child in children)
    assert shown.replace('"', "") == ("x " + escape_name(text)).replace('"', "")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("19 allowed (90% of 22 members)", "19 allowed (90% of 22 members)"),
        ('user "mira.ertan" was not created', "user `mira.ertan` was not created"),
        ('"Ada *x* Berg" and "Bo" (see a.csv:3)', '`Ada *x* Berg` and "Bo" (see `a.csv:3`)'),
        (
            "because of a.csv:6:3, b.csv:19 and 1 more",
            "because of `a.csv:6:3`, `b.csv:19` and 1 more",
        ),
    ],
)
def test_each_value_has_a_code_span_of_its_own(text: str, shown: str) -> None:
    assert markdown.prose(text) == shown


@given(whole_plans_and_runs())
def test_json_gives_every_name_back_as_it_was(case: tuple[Plan, Run]) -> None:
    plan, run = case
    report = json.loads(json_file.render(of_run(plan, run)))
    names = [change["username"] for change in report["changes"]]
    assert names == [change.username or "" for change in plan.changes]
    assert [c["before"] for c in report["changes"]] == [values_of(c.before) for c in plan.changes]


def test_rich_markup_and_emoji_codes_in_a_name_stay_text() -> None:
    name = "[red]Bob[/red] :smile: [link=http://x]"
    view = of_plan(make_plan([{"action": "user.create", "who": name}]))
    assert name in pipe(view)
    assert name in screen(view, 120)


@pytest.mark.parametrize("name", NASTY)
def test_what_is_shown_can_be_seen(name: str) -> None:
    shown = escape_name(name)
    assert shown.strip()
    assert raw_controls(shown) == []


@given(texts)
def test_a_name_never_needs_more_than_the_encoding_has(name: str) -> None:
    escape_name(name, "ascii").encode("ascii")
    escape_name(name, "cp1252").encode("cp1252")
