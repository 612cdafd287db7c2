"""No name can harm a reader of a page: whatever it holds comes out as text, and can be seen."""

import unicodedata

from hypothesis import given

from kanport.outcome import Run
from kanport.plan.change import values_of
from kanport.plan.model import Plan
from kanport.report import html
from kanport.report.changes import first_of
from kanport.report.escape import escape_name
from kanport.report.html import cells_of, text
from kanport.report.make import of_plan, of_run
from kanport.report.sentences import target_words
from kanport.report.view import ChangeView, View
from tests.support.report.drawing import plans_and_runs, texts
from tests.support.report.html import Reader

TAGS = {
    "a",
    "b",
    "bdi",
    "body",
    "br",
    "button",
    "caption",
    "circle",
    "dd",
    "defs",
    "details",
    "dl",
    "dt",
    "em",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "head",
    "header",
    "html",
    "i",
    "input",
    "label",
    "li",
    "main",
    "meta",
    "nav",
    "option",
    "output",
    "p",
    "path",
    "pattern",
    "rect",
    "script",
    "section",
    "select",
    "span",
    "strong",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
    "div",
}


def expected(line: ChangeView) -> list[str]:
    """Give the cells of a change as they are to be read, but for the person's name."""
    change = line.change
    where = escape_name(target_words(change.action, line.target))
    cells = [f"{line.verb} {where}" if line.target else line.verb]
    for state, after in ((values_of(change.before), False), (values_of(change.after), True)):
        values = []
        for one in line.differences if state is not None else ():
            if one.field not in (state or {}):
                continue
            value = one.after if after else one.before
            shown = escape_name(value) if value else "(none)" if value is None else "(empty)"
            bare = line.target and one.field == "role"
            values.append(shown if bare else f"{escape_name(one.label)} {shown}")
        cells.append("\n".join(values))
    if line.ending is not None:
        reason = line.ending.reason
        cells.append(str(line.ending.word) + ("" if reason is None else f" {escape_name(reason)}"))
    cells.append((escape_name(change.reason) if change.reason else "") + "".join(line.risks))
    places = map(escape_name, first_of(cells_of(change.origin)))
    cells.append("\n".join([*places, change.id]))
    return cells


def told(view: View) -> list[list[str]]:
    """Give the changes of the list by person as a reader of the page has them, but for the names.

    What comes or goes with a group is no change, and has no number.
    """
    part = Reader(html.render(view)).parts["Changes by user"]
    rows = [row for row in part.rows if row and row[0] != "User"]
    width = 5 if view.numbers is None else 6
    rows = [row[-width:] for row in rows if row[-1]]
    if view.numbers is not None:
        # The mark before the word of an outcome is no part of it.
        rows = [[*row[:3], row[3].partition(" ")[2], *row[4:]] for row in rows]
    return rows


@given(plans_and_runs())
def test_each_change_can_be_read_back_whole(case: tuple[Plan, Run]) -> None:
    plan, run = case
    for view in (of_plan(plan), of_run(plan, run)):
        if view.people:
            lines = [line for person in view.people for line in person.lines]
            assert told(view) == [expected(line) for line in lines]


@given(plans_and_runs())
def test_no_name_becomes_markup(case: tuple[Plan, Run]) -> None:
    read = Reader(html.render(of_run(*case)))
    assert read.tags <= TAGS
    assert not {name for name in read.attributes if name.startswith("on") or name == "style"}
    assert len(read.scripts) == len(read.styles) == 1
    assert all(link.startswith("#") for link in read.links)


@given(plans_and_runs())
def test_nothing_that_cannot_be_seen_is_in_a_page(case: tuple[Plan, Run]) -> None:
    page = html.render(of_run(*case))
    page.encode("utf-8")
    raw = [c for c in page if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert set(raw) <= {"\n"}


@given(texts)
def test_a_text_is_read_as_it_is(value: str) -> None:
    assert Reader(f"<h2></h2><p>{text(value)}</p>").text == escape_name(value)


def test_what_is_written_from_right_to_left_stays_in_its_place() -> None:
    assert text("محمد") == "<bdi>محمد</bdi>"
