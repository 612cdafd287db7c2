"""The whole page, from its head to its foot."""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources

from kanport.report.html import (
    access,
    changes,
    charts,
    findings,
    overview,
    projects,
    proof,
    tools,
    top,
)
from kanport.report.html.marks import ENDINGS
from kanport.report.html.markup import EOL, Html, el, join, text
from kanport.report.html.people import People
from kanport.report.html.scale import TWICE, brief
from kanport.report.parts import Line, View


def render(view: View) -> str:
    """Give a report as one HTML page that ends with a line break.

    The page loads nothing, reads without its script, and the same view gives the same bytes.
    """
    people = People.of(view)
    sections = [section for section in _sections(view, people) if section.body]
    links = (el("li", el("a", one.title, href=f"#{one.id}")) for one in sections)
    body = join(
        el("a", "Skip to the report", href="#report", class_="skip"),
        charts.patterns() if view.lines else "",
        top.masthead(view),
        el("nav", el("ul", *links), aria_label="Contents"),
        el(
            "main",
            top.verdict(view),
            EOL,
            top.figures(view),
            EOL,
            top.tally(view),
            top.next_steps(view),
            EOL,
            *map(_section, sections),
            id="report",
            tabindex=-1,
        ),
        _foot(view),
        Html(f"<script>{_script()}</script>"),
    )
    return f"<!doctype html>\n<html lang=en>{_head(view)}<body class={view.kind}>\n{body}\n"


class _Section:
    """A part of the page with a heading, and in the contents; it is left out where it is empty."""

    def __init__(self, id_: str, title: str, body: Iterable[Html]) -> None:
        self.id = id_
        self.title = title
        self.body = join(*body)


def _sections(view: View, people: People) -> Iterator[_Section]:
    yield _Section("changes", "At a glance", (overview.kinds(view), overview.projects(view)))
    yield _Section("access", "Access before and after", access.matrix(view))
    yield _Section("twice", "Look at these twice", _twice(view, people))
    undone = "Not as planned" if view.verified else "Not done"
    yield _Section("undone", undone, _undone(view, people))
    if view.people:
        body = changes.by_person(view, people, _linked(view))
        yield _Section("people", "By person", (tools.for_changes(view), *body))
    if view.others:
        yield _Section("things", "Groups and projects", changes.of_things(view))
    if view.projects:
        body = projects.by_project(view, people)
        yield _Section("projects", "By project", (tools.for_projects(), *body))
    if view.findings:
        body = findings.one_by_one(view)
        told = (findings.kinds(view), tools.for_findings(view), *body)
        yield _Section("findings", "Findings", told)
    if view.guards:
        yield _Section("guards", "Safety checks", (proof.guards(view.guards),))
    yield _Section("counts", "Counts", (proof.counts(view),))
    yield _Section("proof", "What this rests on", (proof.facts(view),))


def _section(section: _Section) -> Html:
    return el(
        "section",
        el("h2", section.title, id=section.id),
        EOL,
        section.body,
        aria_labelledby=section.id,
    )


def _twice(view: View, people: People) -> Iterator[Html]:
    if lifted := [guard for guard in view.guards if guard.lifted]:
        yield proof.guards(lifted, "Safety checks overridden for this run")
    if view.risky:
        yield el(
            "ul",
            *(el("li", el("b", str(r.number)), f" {r.label}") for r in view.risks),
            class_="figures small",
        )
        yield from _first(view, view.risky, people, "Changes to look at twice", "the worst")


def _undone(view: View, people: People) -> Iterator[Html]:
    if view.undone:
        heads = ("Outcome", "Number", "Why")
        rows = (
            el(
                "tr",
                EOL,
                el("th", f"{ENDINGS[row.status]} {row.status}", scope="row"),
                el("td", str(len(row.lines))),
                el("td", text(row.reason)),
            )
            for row in view.undone[:TWICE]
        )
        yield el(
            "table",
            el("caption", "What did not work, and why"),
            el("thead", el("tr", *(el("th", head, scope="col") for head in heads))),
            el("tbody", *rows),
            class_="reasons",
        )
        lines = tuple(line for row in view.undone for line in row.lines)
        yield from _first(view, lines, people, "Changes that were not made", "the first")


def _first(
    view: View, lines: tuple[Line, ...], people: People, caption: str, which: str
) -> Iterator[Html]:
    if len(lines) > TWICE:
        told = f"Here are {which} {TWICE}; in the list by person, all are marked."
        yield el("p", told)
    yield from changes.one_by_one(view, lines[:TWICE], people, caption)


def _linked(view: View) -> set[str]:
    """Give the login names that links lead to."""
    lines = [*view.risky[:TWICE], *[line for row in view.undone for line in row.lines][:TWICE]]
    if not brief(view):
        lines += [line for project in view.projects for line in project.lines]
    return {line.who for line in lines}


def _head(view: View) -> Html:
    style = f"{_asset('style.css')}{changes.style_rules()}"
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(_script())}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return join(
        Html("<head>"),
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="format-detection", content="telephone=no, email=no, address=no"),
        el("title", text(view.title)),
        Html(f"<style>{style}</style></head>"),
    )


def _foot(view: View) -> Html:
    version = f" {view.facts.kanport}" if view.facts.kanport else ""
    told = text(f"Made by Kanport{version}. This page is complete in itself and loads nothing.")
    return el("footer", el("p", told))


def _digest(inline: str) -> str:
    digest = hashlib.sha256(inline.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache
def _asset(name: str) -> str:
    return resources.files("kanport.report.html").joinpath(name).read_text("utf-8")


def _script() -> str:
    return _asset("script.js")
