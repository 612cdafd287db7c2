"""The findings: how many of each kind, and one by one with the place and what to do."""

from collections.abc import Iterator

from kanport.findings import Finding, Severity
from kanport.report.html.markup import EOL, Html, el, join, text
from kanport.report.html.scale import PIECE
from kanport.report.parts import View
from kanport.report.words import SEVERITIES

_SIGNS = {Severity.ERROR: "✕", Severity.WARNING: "!", Severity.INFO: "i"}


def severity_words(severity: Severity) -> str:
    """Give a severity as it stands in a table."""
    return f"{_SIGNS[severity]} {SEVERITIES[severity].one}"


def kinds(view: View) -> Html:
    """Give how many findings there are of each kind."""
    rows = (
        el(
            "tr",
            EOL,
            el("td", severity_words(row.severity), class_=f"severity {row.severity}"),
            el("td", str(row.number)),
            el("th", row.code, scope="row"),
            el("td", text(row.about)),
        )
        for row in view.finding_rows
    )
    heads = ("Severity", "Number", "Kind", "What it means")
    return el(
        "table",
        el("caption", "Findings by kind"),
        el("thead", el("tr", *(el("th", head, scope="col") for head in heads))),
        el("tbody", *rows),
        class_="codes",
    )


def one_by_one(view: View) -> Iterator[Html]:
    """Give the findings in pieces."""
    for start in range(0, len(view.findings), PIECE):
        some = view.findings[start : start + PIECE]
        table = el(
            "table",
            el("caption", "Findings", f", from number {start + 1}" if start else ""),
            el("thead", el("tr", *(el("th", head, scope="col") for head in _HEADS))),
            el("tbody", *map(_row, some)),
            class_="findings",
        )
        yield join(el("div", table, class_="piece long" if len(some) == PIECE else "piece"), EOL)


_HEADS = ("Place", "Severity", "What was found", "Kind")


def _row(finding: Finding) -> Html:
    place = text(str(finding.origin)) if finding.origin is not None else "no single place"
    return el(
        "tr",
        EOL,
        el("th", place, scope="row"),
        el("td", severity_words(finding.severity), class_=f"severity {finding.severity}"),
        el("td", text(finding.message), *_more(finding)),
        el("td", finding.code),
    )


def _more(finding: Finding) -> Iterator[Html]:
    if finding.value is not None and finding.value not in finding.message:
        yield el("p", el("i", "value"), " ", text(finding.value))
    if finding.hint:
        yield el("p", el("i", "hint"), " ", text(finding.hint))
    if finding.related:
        places = [text(str(place)) for place in finding.related]
        yield el("p", el("i", "see also"), " ", Html(", ".join(places)))
