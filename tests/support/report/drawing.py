"""The formats drawn into text, as tests want to look at it."""

import io
import re
from typing import Any

from hypothesis import strategies as st
from rich.console import Console

from kanport.catalogue import FINDINGS
from kanport.facts import as_written
from kanport.findings import Finding
from kanport.origin import Origin
from kanport.outcome import Outcome, Run, Status
from kanport.plan.change import Action, Risk
from kanport.plan.model import GuardVerdict, Plan
from kanport.relations import About
from kanport.report import text
from kanport.report.view import View
from tests.support.report.examples import make_plan

NASTY = (
    "<script>alert(1)</script>",
    "a|b\\|c",
    "`tick` ``two``",
    "line\nbreak\r\n# head",
    "\x1b[2J\x1b]0;title\x07",
    "\u202eexe.doc",
    "[red]bold[/red] :smile:",
    "![x](http://x.example/y.png) [a](b)",
    "@everyone #12 *x* _y_ ~~z~~",
    "- [ ] item",
    "=cmd|'/c calc'!A0",
    "  blanks  ",
    "\x9b31m\x85\u2028next",
    "\ud800",
    "\u3164",
    "&lt;b&gt; <b>",
    "| --- |",
    "```\nfence",
    "1. one",
    "Zoë 王伟 محمد",
    "",
)

texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(), max_size=12),
    st.text("`|\\*_<>[]()#@!:/.-~& \nab1", max_size=16),
)


IN_PROJECTS = (About.MEMBERSHIP, About.GROUP_ACCESS, About.PROJECT)
ROLES = st.fixed_dictionaries({"role": texts})
SIDES = {
    About.USER: st.fixed_dictionaries(
        {}, optional={"name": texts, "email": texts, "role": texts, "active": st.booleans()}
    ),
    About.GROUP: st.fixed_dictionaries({}, optional={"name": texts, "external_id": texts}),
    About.PROJECT: st.fixed_dictionaries({"name": texts}, optional={"description": texts}),
    About.MEMBERSHIP: ROLES,
    About.GROUP_MEMBER: st.nothing(),
    About.GROUP_ACCESS: ROLES,
}


@st.composite
def changes(draw: st.DrawFn) -> dict[str, object]:
    """Some change whose every text may be hostile."""
    action = draw(st.sampled_from(Action))
    states = st.none() | SIDES[action.about]
    return {
        "action": action,
        "who": draw(texts),
        "project": draw(texts) if action.about in IN_PROJECTS else None,
        "group": draw(texts) if action.value.startswith("group") else None,
        "before": draw(states),
        "after": draw(states),
        "reason": draw(texts),
        "risk": tuple(draw(st.lists(st.sampled_from(Risk), max_size=2, unique=True))),
        "origin": tuple(draw(st.lists(origins, max_size=2))),
    }


origins = st.builds(
    Origin,
    source=texts,
    file=texts,
    row=st.none() | st.integers(1, 99),
    position=st.none() | st.integers(1, 9),
)
findings = st.builds(
    Finding,
    code=st.sampled_from(sorted(FINDINGS)),
    message=texts,
    origin=st.none() | origins,
    value=st.none() | texts,
    hint=st.none() | texts,
    related=st.lists(origins, max_size=1).map(tuple),
)
guards = st.builds(
    GuardVerdict, guard=texts, tripped=st.booleans(), message=texts, hint=st.none() | texts
)
plans = st.builds(
    lambda rows, found, verdicts: make_plan(rows, findings=tuple(found), guards=tuple(verdicts)),
    st.lists(changes(), max_size=6),
    st.lists(findings, max_size=4),
    st.lists(guards, max_size=2),
)


@st.composite
def plans_and_runs(draw: st.DrawFn) -> tuple[Plan, Run]:
    """A plan with some run of it; the outcomes need not be complete."""
    plan = draw(plans)
    outcomes = [
        Outcome(change.id, draw(st.sampled_from(Status)), draw(st.none() | texts.map(as_written)))
        for change in plan.changes
        if draw(st.integers(0, 5))
    ]
    stopped = draw(st.none() | texts.map(as_written))
    run = Run("run-1", "2026-11-03T22:16:00Z", None, tuple(outcomes), stopped)
    return plan, run


def screen(view: View, width: int = 80, *, color: bool = False) -> str:
    """Draw a view on a terminal of a width."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        force_terminal=True,
        width=width,
        color_system="truecolor" if color else None,
        legacy_windows=False,
        _environ={},
    )
    text.render(view, console)
    # Bold and dim are no colors, so they remain without colors.
    return stream.getvalue() if color else re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())


def pipe(view: View, encoding: str = "utf-8") -> str:
    """Draw a view into a pipe."""
    stream = io.BytesIO()
    wrapper = io.TextIOWrapper(stream, encoding=encoding, errors="strict")
    text.render(view, Console(file=wrapper, _environ={}))
    wrapper.flush()
    return stream.getvalue().decode(encoding)


def section(text: str, title: str) -> str:
    """Cut one section out of a drawn report; empty where there is none."""
    start = re.search(rf"^(## )?{re.escape(title)}( ─+)?\n+", text, re.MULTILINE)
    return text[start.end() :].split("\n\n")[0] if start else ""


def numbers(text: str) -> list[int]:
    """Give the numbers that stand in a text."""
    return [int(number) for number in re.findall(r"\d+", text)]


MOVES = ("granted", "changed", "revoked")


def in_range(people: dict[str, Any]) -> list[int]:
    """Return how many people have access after, or between which numbers it is."""
    return sorted({people["least"], people["most"]})


def project_numbers(project: dict[str, Any]) -> list[int]:
    """Return the numbers of a project of the JSON, in the order in which every format shows them.

    Where fewer changes were made than planned, both numbers stand side by side.
    """
    shown: list[int] = []
    parts = [(project, project["planned"], project["unchanged"])]
    if sum(project["groups_planned"].values()):
        groups = project["groups_made"], project["groups_planned"], project["groups_unchanged"]
        parts.append(groups)
    for made, planned, unchanged in parts:
        for key in filter(planned.get, MOVES):
            shown += [made[key]] if made[key] == planned[key] else [made[key], planned[key]]
        shown += [unchanged] * bool(unchanged)
    if (people := project["people"]) is not None:
        moved = [people[key] for key in ("granted", "gained", "revoked", "lost", "removed")]
        shown += [people["before"], *filter(None, moved), people["after"]]
        bounds = in_range(people)
        shown += (bounds if len(bounds) > 1 else []) + [people["unsure"]] * bool(people["unsure"])
    return shown
