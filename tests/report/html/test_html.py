"""A page is whole, needs nothing, and is the same for the same report."""

import base64
import hashlib
import re

import pytest

from kanport.plan.model import GuardVerdict
from kanport.report import html
from kanport.report.make import of_plan, of_run
from kanport.report.view import View
from tests.bench.reports import large_plan
from tests.support.report.examples import make_plan, make_run
from tests.support.report.html import Reader
from tests.support.report.views import VIEWS

KINDS = pytest.mark.parametrize(
    "view", [pytest.param(view, id=kind) for kind, view in VIEWS.items()]
)


@KINDS
def test_the_same_report_gives_the_same_bytes(view: View) -> None:
    assert html.render(view) == html.render(view)


@KINDS
def test_a_page_names_no_address_to_load_from(view: View) -> None:
    read = Reader(html.render(view))
    assert all(link.startswith("#") for link in read.links)
    assert "url(" not in read.styles[0]
    assert "@import" not in read.styles[0]
    assert not re.search(r"fetch|XMLHttp|import\(|https?:", read.scripts[0])


@KINDS
def test_the_policy_allows_just_the_style_and_the_script_of_the_page(view: View) -> None:
    read = Reader(html.render(view))
    policy = next(m["content"] for m in read.metas if m.get("http-equiv") is not None)
    assert policy is not None
    told = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert told == {
        "default-src": "'none'",
        "style-src": digest(read.styles[0]),
        "script-src": digest(read.scripts[0]),
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def digest(inline: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


@KINDS
def test_links_lead_to_something(view: View) -> None:
    page = html.render(view)
    ids = re.findall(r"<\w+[^>]* id=([\w-]+)", page)
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in Reader(page).links} <= set(ids)


def test_the_top_says_what_a_manager_asks() -> None:
    view = VIEWS["run"]
    top = Reader(html.render(view)).parts["In short"].text
    assert view.headline in top
    assert all(sentence.text in top for sentence in view.sentences)


def test_guards_that_were_lifted_stand_apart() -> None:
    lifted = GuardVerdict(guard="remove", tripped=False, message="3 planned", lifted=True)
    view = of_plan(make_plan([], findings=(), guards=(lifted,)))
    rows = Reader(html.render(view)).parts["Needs review"].rows
    assert ["remove", "⚠ overridden for this run", "3 planned"] in [
        [*map(str.strip, r)] for r in rows
    ]


def test_everything_that_a_report_rests_on_is_told() -> None:
    view = VIEWS["run"]
    proof = Reader(html.render(view)).parts["Evidence and approval"].text
    facts = view.facts
    assert facts.run is not None
    digests = [facts.mapping.sha256, facts.digest, *(source.sha256 for source in facts.sources)]
    assert all(one in proof for one in (*digests, facts.run.id, "https://kanboard.example.org"))


def test_many_changes_stay_below_ten_megabytes_and_all_can_be_read() -> None:
    plan = large_plan(50_000)
    view = of_run(plan, make_run(plan))
    page = html.render(view)
    assert len(page.encode()) < 10_000_000
    assert len(re.findall(r"<tr[^>]* class=a\d+>", page)) >= 50_000
    assert "staff.csv:25001:4" in page
    assert "Here are the first 500; in the list by user, all are marked." in page
