"""Nobody is shut out: axe finds nothing serious in any report, however it is looked at."""

import json
from importlib import resources
from itertools import pairwise

import pytest

from tests.report.html.conftest import Written
from tests.support.report.chromium import Chromium
from tests.support.report.views import VIEWS

AXE = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
OUTLINE = """[...document.querySelectorAll("h1, h2, h3")].map((one) => Number(one.tagName[1]))"""


@pytest.mark.parametrize(
    ("dark", "width"),
    [(False, 1280), (True, 1280), (False, 375)],
    ids=["light", "dark", "phone"],
)
@pytest.mark.parametrize("kind", VIEWS)
def test_axe_finds_nothing(
    browser: Chromium, written: Written, kind: str, dark: bool, width: int
) -> None:
    with browser.open(written(VIEWS[kind]), dark=dark, width=width) as page:
        page.js("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        page.js(AXE)
        found = page.js(f"axe.run(document, {json.dumps(RULES)}).then((r) => r.violations)")
    told = [(one["id"], one["impact"], one["nodes"][0]["html"]) for one in found]
    assert told == []


@pytest.mark.parametrize("kind", VIEWS)
def test_headings_go_down_one_step_at_a_time(
    browser: Chromium, written: Written, kind: str
) -> None:
    with browser.open(written(VIEWS[kind])) as page:
        levels = page.js(OUTLINE)
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in pairwise(levels))


@pytest.mark.parametrize("kind", VIEWS)
def test_every_table_has_a_caption_and_heads(
    browser: Chromium, written: Written, kind: str
) -> None:
    with browser.open(written(VIEWS[kind])) as page:
        tables = page.js(
            """[...document.querySelectorAll("table")].map((table) =>
              [table.caption?.textContent, table.querySelectorAll("thead th[scope=col]").length,
               [...table.tBodies[0].rows].some((row) => row.querySelector("th"))])"""
        )
        assert page.js("document.documentElement.lang") == "en"
        assert page.js("document.querySelectorAll('header, nav, main, footer').length") == 4
    assert all(caption and heads and named for caption, heads, named in tables)


@pytest.mark.parametrize("width", [1280, 375])
def test_what_can_be_pressed_is_large_enough_for_a_finger(
    browser: Chromium, written: Written, width: int
) -> None:
    """24 by 24 CSS pixels are the least that WCAG 2.2 asks for (2.5.8)."""
    with browser.open(written(VIEWS["run"]), width=width) as page:
        page.js("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        sizes = page.js(
            """[...document.querySelectorAll(
              "nav a, dd a, summary, button, select, input[type=search]")]
              .map((one) => one.getBoundingClientRect())
              .map(({ width, height }) => [width, height])"""
        )
    assert len(sizes) > 20
    assert min(min(size) for size in sizes) >= 24
