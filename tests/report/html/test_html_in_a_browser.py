"""People open a report, look, search, filter and follow links; nothing else happens."""

import csv
import io

import pytest

from kanport.report.make import of_plan
from tests.bench.reports import large_plan
from tests.report.html.conftest import Written
from tests.support.report.chromium import Chromium, Page
from tests.support.report.drawing import NASTY
from tests.support.report.examples import make_plan
from tests.support.report.views import PLAN, VIEWS

TAB = ("Tab", 9)
ENTER = ("Enter", 13, "\r")

# The rows that can be seen in the list by person, each with what stands in it.
ROWS = """[...document.querySelectorAll("#people ~ .piece tbody tr")]
  .filter((row) => row.checkVisibility())"""
SHOWN = f"{ROWS}.map((row) => row.innerText)"
PEOPLE = f"{ROWS}.flatMap((row) => [...row.querySelectorAll('th')]).map((th) => th.innerText)"


def search(page: Page, words: str) -> None:
    page.js("document.getElementById('changes-search').focus()")
    page.type(words)
    page.until("document.querySelector('[data-list=changes] output').textContent !== ''")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("kind", VIEWS)
def test_a_page_opens_without_a_complaint_and_asks_nobody_for_anything(
    browser: Chromium, written: Written, kind: str, dark: bool
) -> None:
    path = written(VIEWS[kind])
    with browser.open(path, dark=dark) as page:
        assert page.js("document.querySelector('h1').innerText") == VIEWS[kind].title
        assert page.requests == [path.as_uri()]
        assert page.complaints == []


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
@pytest.mark.parametrize("kind", VIEWS)
def test_no_page_scrolls_sideways(
    browser: Chromium, written: Written, kind: str, width: int
) -> None:
    with browser.open(written(VIEWS[kind]), width=width) as page:
        page.js("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        assert page.js("document.documentElement.scrollWidth") == width


def test_long_names_do_not_widen_a_phone(browser: Chromium, written: Written) -> None:
    name = "x" * 200
    plan = make_plan(
        [
            {"action": "membership.grant", "who": name, "project": name, "after": {"role": name}},
            {"action": "user.create", "who": name, "after": {"name": name}, "reason": name},
        ]
    )
    with browser.open(written(of_plan(plan)), width=375) as page:
        assert page.js("document.documentElement.scrollWidth") == 375


def test_a_search_leaves_the_rows_with_all_its_words(browser: Chromium, written: Written) -> None:
    with browser.open(written(VIEWS["plan"])) as page:
        assert len(page.js(SHOWN)) == len(PLAN.changes)
        search(page, "chloe")
        assert [who.split("\n") for who in page.js(PEOPLE)] == [["Chloé Dubois", "c.dubois"]]
        assert len(page.js(SHOWN)) == 2
        told = page.js("document.querySelector('[data-list=changes] output').innerText")
        assert told == f"2 of {len(PLAN.changes)} shown"
        page.type(" kunden")
        page.until(f"{ROWS}.length === 1")
        # The name stands in the person's first row; it goes where the rows are.
        assert page.js(PEOPLE) == ["Chloé Dubois\nc.dubois"]
        page.js("document.querySelector('[data-list=changes] button').click()")
        page.until(f"{ROWS}.length === {len(PLAN.changes)}")
        rows = page.js(SHOWN)
        assert any(row.startswith("Chloé Dubois\nc.dubois") for row in rows)
        assert page.complaints == []


def test_a_search_that_finds_nothing_says_so(browser: Chromium, written: Written) -> None:
    with browser.open(written(VIEWS["plan"])) as page:
        search(page, "nobody has this name")
        assert page.js(SHOWN) == []
        told = page.js("document.querySelector('[data-list=changes] output').innerText")
        assert told == "Nothing matches."


def test_filters_leave_one_kind_what_is_risky_or_one_outcome(
    browser: Chromium, written: Written
) -> None:
    def choose(page: Page, id_: str, label: str) -> None:
        page.js(
            f"(() => {{ const one = document.getElementById('{id_}');"
            f"one.value = [...one.options].find((o) => o.text === '{label}').value;"
            "one.dispatchEvent(new Event('change', { bubbles: true })); })()"
        )

    with browser.open(written(VIEWS["run"])) as page:
        choose(page, "changes-kind", "memberships revoked")
        rows = page.js(SHOWN)
        assert len(rows) == 2
        assert all("revoke" in row for row in rows)
        choose(page, "changes-kind", "every kind")
        choose(page, "changes-end", "skipped")
        assert len(page.js(SHOWN)) == 2
        choose(page, "changes-end", "every outcome")
        page.js("document.getElementById('changes-risk').click()")
        assert len(page.js(SHOWN)) == len(VIEWS["run"].risky)


def test_projects_and_findings_can_be_searched_too(browser: Chromium, written: Written) -> None:
    with browser.open(written(VIEWS["plan"])) as page:
        page.js("document.getElementById('projects-search').focus()")
        page.type("webs")
        page.until("document.querySelectorAll('#projects ~ details:not([hidden])').length === 1")
        page.js("document.getElementById('findings-search').focus()")
        page.type("superuser")
        page.until("document.querySelectorAll('.findings tbody tr:not([hidden])').length === 1")


def test_tables_are_sorted_and_filtered_by_keyboard(browser: Chromium, written: Written) -> None:
    with browser.open(written(VIEWS["run"])) as page:
        heads = "document.querySelectorAll('#people ~ .piece thead button')"
        page.js(f"{heads}[0].focus()")
        page.press(*ENTER)
        names = page.js(f"{ROWS}.map((row) => row.cells[0].innerText)")
        assert names == sorted(names, key=str.casefold)
        assert len(names) == len(PLAN.changes)
        page.press(*ENTER)
        turned = page.js(f"{ROWS}.map((row) => row.cells[0].innerText)")
        assert turned == sorted(names, key=str.casefold, reverse=True)
        assert page.js(f"{heads}[0].parentNode.ariaSort") == "descending"
        assert "sort=0-" in page.js("location.hash")
        search(page, "webshop")
        assert "q=webshop" in page.js("location.hash")
        assert all("WEBSHOP" in row for row in page.js(SHOWN))
        assert page.complaints == []


def test_an_address_brings_back_search_filters_and_order(
    browser: Chromium, written: Written
) -> None:
    fragment = "list=changes&q=schmidt&end=%E2%86%B7+skipped&sort=1-"
    with browser.open(written(VIEWS["run"]), fragment=fragment) as page:
        page.until(f"{ROWS}.length === 2")
        assert all("skipped" in row for row in page.js(SHOWN))
        assert page.js("document.getElementById('changes-search').value") == "schmidt"


def test_the_filtered_rows_are_saved_as_csv(browser: Chromium, written: Written) -> None:
    with browser.open(written(VIEWS["plan"])) as page:
        search(page, "chloe")
        page.js(
            """(() => {
              URL.createObjectURL = (blob) => { window.saved = blob.text(); return "#"; };
              document.querySelector("[data-list=changes] [data-do=save]").click();
            })()"""
        )
        rows = list(csv.DictReader(io.StringIO(page.js("window.saved").removeprefix("\ufeff"))))
        assert [row["Change"].split()[0] for row in rows] == ["create", "grant"]
        assert all(row["User"].endswith("c.dubois") for row in rows)


def test_a_change_has_an_address_of_its_own(browser: Chromium, written: Written) -> None:
    with browser.open(written(VIEWS["plan"]), fragment="c0012") as page:
        assert page.js("document.querySelector(':target').tagName") == "TR"
        top = page.js("document.querySelector(':target').getBoundingClientRect().top")
        assert 0 <= top < 900


def test_people_by_projects_are_filtered_by_what_changes_and_what_is_privileged(
    browser: Chromium, written: Written
) -> None:
    shown = "[...document.querySelectorAll('.grid tbody tr')].filter((r) => r.checkVisibility())"
    with browser.open(written(VIEWS["plan"])) as page:
        everybody = page.js(f"{shown}.length")
        page.js("document.getElementById('matrix-changed').click()")
        assert page.js(f"{shown}.length") == everybody - 1  # p.silva stays
        page.js("document.getElementById('matrix-changed').click()")
        page.js("document.getElementById('matrix-privileged').click()")
        assert 0 < page.js(f"{shown}.length") < everybody


def test_a_link_leads_to_the_person_even_behind_a_filter(
    browser: Chromium, written: Written
) -> None:
    with browser.open(written(VIEWS["plan"])) as page:
        search(page, "chloe")
        links = "[...document.querySelectorAll('#twice ~ .piece a:not(.id)')]"
        page.js(f"{links}.find((link) => link.innerText === 'f.yilmaz').click()")
        page.until("location.hash !== ''")
        page.until("document.querySelector(':target')?.checkVisibility()")
        top = "document.querySelector(':target').getBoundingClientRect().top"
        page.until(f"{top} >= 0 && {top} < innerHeight")
        assert page.js("document.querySelector(':target').innerText") == "f.yilmaz"
        assert len(page.js(SHOWN)) == len(PLAN.changes)


def test_an_address_can_hold_a_person_or_a_search(browser: Chromium, written: Written) -> None:
    path = written(VIEWS["plan"])
    with browser.open(path, fragment="p3") as page:
        assert page.js("document.querySelector(':target').innerText").endswith("c.dubois")
        top = page.js("document.querySelector(':target').getBoundingClientRect().top")
        assert 0 <= top < 900
    with browser.open(path, fragment="q=a.schmidt") as page:
        assert page.js(PEOPLE) == ["Anna Schmidt\na.schmidt"]
        assert page.complaints == []


def test_without_scripts_everything_can_be_read(browser: Chromium, written: Written) -> None:
    path = written(VIEWS["run"])
    with browser.open(path, script=False) as page:
        assert len(page.js(SHOWN)) == len(PLAN.changes)
        assert not page.js(
            "[...document.querySelectorAll('.tools')].some((t) => t.checkVisibility())"
        )
        assert not page.js("document.querySelector('details:has(dl) dd').checkVisibility()")
        page.js("document.querySelector('details:has(dl) summary').focus()")
        page.press(*ENTER)
        page.until("document.querySelector('details:has(dl) dd').checkVisibility()")
        assert page.requests == [path.as_uri()]


def test_printed_everything_is_there_and_the_tools_are_not(
    browser: Chromium, written: Written
) -> None:
    with browser.open(written(VIEWS["plan"]), dark=True) as page:
        page.call("Emulation.setEmulatedMedia", media="print")
        seen = "(one) => one.checkVisibility() && one.getBoundingClientRect().height > 0"
        assert page.js(f"[...document.querySelectorAll('details dd, .changes td b')].every({seen})")
        assert not page.js("document.querySelector('.tools, nav').checkVisibility()")
        assert page.js("getComputedStyle(document.documentElement).colorScheme") == "light"
        page.resize(680, 960)  # what a sheet of A4 has between its margins
        assert page.js("getComputedStyle(document.querySelector('.changes td')).display") == (
            "table-cell"
        )
        assert page.pdf().startswith(b"%PDF")


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    browser: Chromium, written: Written
) -> None:
    with browser.open(written(VIEWS["plan"])) as page:
        page.press(*TAB)
        assert page.js("document.activeElement.innerText") == "Skip to the report"
        assert page.js("document.activeElement.getBoundingClientRect().width") > 50
        page.press(*ENTER)
        page.until("document.activeElement.id === 'report'")
        reached = set()
        for _ in range(200):
            page.press(*TAB)
            what = page.js("document.activeElement.tagName")
            if what == "BODY":
                break
            reached.add(what)
            assert page.js("getComputedStyle(document.activeElement).outlineStyle") != "none"
        assert reached >= {"A", "INPUT", "SELECT", "BUTTON", "SUMMARY"}


def test_nothing_moves(browser: Chromium, written: Written) -> None:
    with browser.open(written(VIEWS["run"])) as page:
        assert page.js("document.getAnimations().length") == 0
        moving = """[...document.querySelectorAll("*")].map((one) => getComputedStyle(one))
          .some((style) => style.animationName !== "none" || style.scrollBehavior !== "auto"
                           || style.transitionDuration !== "0s")"""
        assert not page.js(moving)


def test_hostile_names_are_read_as_text_and_do_nothing(browser: Chromium, written: Written) -> None:
    evil = [
        *NASTY,
        "<img src=x onerror=document.title='owned'>",
        "'\"><svg onload=document.title='owned'>",
        "</script><script>document.title='owned'</script>",
        "</style><style>body{display:none}</style>",
        "<!--",
        "]]>",
    ]
    rows = [
        {
            "action": "user.create",
            "who": name,
            "after": {"name": name, "email": name},
            "reason": name,
        }
        for name in evil
    ] + [
        {"action": "membership.grant", "who": name, "project": name, "after": {"role": name}}
        for name in evil
    ]
    view = of_plan(make_plan(rows))
    path = written(view)
    with browser.open(path) as page:
        assert page.js("document.title") == view.title
        assert page.js("document.querySelectorAll('img, svg[onload], main script').length") == 0
        assert page.js("document.body.checkVisibility()")
        text = page.js("document.querySelector('main').textContent")
        assert text.count("<img src=x onerror=document.title='owned'>") >= 6
        assert text.count("</script><script>") >= 6
        assert "\\u202eexe.doc" in text
        assert page.requests == [path.as_uri()]
        assert page.complaints == []


def test_the_policy_of_the_page_lets_nothing_in_and_nothing_out(
    browser: Chromium, written: Written
) -> None:
    with browser.open(written(VIEWS["plan"])) as page:
        page.js(
            """(() => {
              window.refused = [];
              addEventListener("securitypolicyviolation",
                (event) => refused.push(event.effectiveDirective));
              const script = document.createElement("script");
              script.textContent = "window.owned = true";
              const image = new Image();
              image.src = "https://example.invalid/x.png";
              document.body.append(script, image);
              fetch("https://example.invalid/").catch(() => {});
            })()"""
        )
        page.until("refused.length >= 3")
        assert set(page.js("refused")) == {"script-src-elem", "img-src", "connect-src"}
        assert page.js("window.owned") is None


def test_a_page_of_20000_changes_opens_within_two_seconds_of_work(
    browser: Chromium, written: Written
) -> None:
    """Counted is the work of the browser's thread, as tests beside this one take their share."""
    path = written(of_plan(large_plan(20_000)))
    work = []
    for _ in range(2):
        with browser.open(path) as page:
            page.call("Performance.enable", timeDomain="threadTicks")
            page.call("Page.reload")
            page.until(
                "document.readyState === 'complete' && !document.querySelector('form[hidden]')"
            )
            told = page.call("Performance.getMetrics")["metrics"]
            work.append(next(one["value"] for one in told if one["name"] == "TaskDuration"))
    assert min(work) < 2
