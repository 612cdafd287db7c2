"""The evidence of the report: safety checks, every number once more, and what it was made from."""

from collections.abc import Iterable

from kanport.plan.model import GuardVerdict
from kanport.report.facts import fact_rows
from kanport.report.html.markup import EOL, Html, el, text
from kanport.report.parts import View


def guards(some: Iterable[GuardVerdict], caption: str = "Safety checks") -> Html:
    """Return what the safety checks say of the plan."""
    heads = ("Safety check", "Result", "Why")
    return el(
        "table",
        el("caption", caption),
        el("thead", el("tr", *(el("th", head, scope="col") for head in heads))),
        el("tbody", *map(_guard, some)),
        class_="guards",
    )


def _guard(guard: GuardVerdict) -> Html:
    if guard.tripped:
        verdict = el("strong", "✕ stopped")
    else:
        verdict = el("em", "⚠ overridden for this run") if guard.lifted else Html("✓ passed")
    hint = el("p", el("i", "hint"), " ", text(guard.hint)) if guard.hint else ""
    return el(
        "tr",
        EOL,
        el("th", text(guard.guard), scope="row"),
        el("td", verdict),
        el("td", text(guard.message), hint),
    )


def counts(view: View) -> Html:
    """Give every number of the report, so that others can be held against them."""
    told: Iterable[str] = (
        *(total.text for total in view.sums),
        *(count.text for count in view.counts),
    )
    return el("ul", *(el("li", text(line), EOL) for line in told), class_="counts")


def facts(view: View) -> Html:
    """Give what the report is about and was made from: files with their digests, server, run."""
    rows = (
        part
        for label, told in fact_rows(view.facts)
        for part in (el("dt", text(label)), el("dd", text(told), EOL))
    )
    return el("dl", *rows, class_="facts")
