"""The tools that a script brings to life: search and filters. Without one they stay hidden."""

from collections.abc import Iterable

from kanport.report.html.changes import code_of, ending_words
from kanport.report.html.findings import severity_words
from kanport.report.html.markup import Html, el, text
from kanport.report.parts import Line, View
from kanport.report.words import SEVERITIES


def for_changes(view: View) -> Html:
    """Give the tools above the list by person."""
    kinds = [(code_of(row.action), row.label) for row in view.summary]
    filters = [_choice("changes-kind", "Kind", "kind", "every kind", kinds)]
    if view.numbers is not None:
        endings = _endings(view.lines)
        filters.append(_choice("changes-end", "Outcome", "end", "every outcome", endings))
    if view.risky:
        box = el("input", type="checkbox", id="changes-risk", data_by="risk")
        filters.append(el("label", box, " only to look at twice", for_="changes-risk"))
    return _tools("changes", "Search people, projects, reasons, cells", filters)


def for_projects() -> Html:
    """Give the tools above the list by project."""
    return _tools("projects", "Search projects and people", [])


def for_findings(view: View) -> Html:
    """Give the tools above the findings."""
    present = [row.severity for row in view.finding_rows]
    severities = [
        (severity_words(one), noun.many) for one, noun in SEVERITIES.items() if one in present
    ]
    choice = _choice("findings-end", "Severity", "end", "every severity", severities)
    return _tools("findings", "Search findings and places", [choice])


def _endings(lines: Iterable[Line]) -> list[tuple[str, str]]:
    endings = {line.ending.word: line.ending for line in lines if line.ending is not None}
    return [(ending_words(ending), word) for word, ending in sorted(endings.items())]


def _choice(id_: str, label: str, by: str, every: str, options: Iterable[tuple[str, str]]) -> Html:
    given = (el("option", text(word), value=value) for value, word in options)
    select = el("select", el("option", every, value=""), *given, id=id_, data_by=by)
    return el("span", el("label", label, for_=id_), " ", select)


def _tools(name: str, label: str, filters: list[Html]) -> Html:
    search = el(
        "span",
        el("label", label, for_=f"{name}-search"),
        el("input", type="search", id=f"{name}-search", autocomplete="off", spellcheck="false"),
        class_="search",
    )
    return el(
        "form",
        search,
        *filters,
        el("button", "Show all", type="reset"),
        el("output", class_="shown", aria_live="polite"),
        class_="tools",
        data_list=name,
        role="search",
        aria_label=label,
        hidden=True,
    )
