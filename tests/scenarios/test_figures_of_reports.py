"""For any plan and run, all formats tell the same figures of each project, and the server's."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from kanport.report import excel, html, json_file, markdown, pdf, tables, text
from kanport.report.make import of_plan, of_run
from kanport.report.view import View
from kanport.sandbox import Sandbox
from tests.scenarios.test_groups import TRIED, World, applied, effective, opened, planned, worlds
from tests.support.examples import examples
from tests.support.report.html import Reader

Figures = dict[str, tuple[int, int, int]]
"""How many people have a role in each project: before, and after at least and at most."""

_LINE = re.compile(
    r"(?:- )?(?:project )?`?(?P<project>[A-Z]+)`?: .*?users: (?P<before>\d+) before"
    r"(?P<moves>.*?) = (?P<after>\d+) after(?: \((?P<least>\d+) to (?P<most>\d+))?"
)
_MOVE = re.compile(r"([+-]) (\d+)")


def in_lines(lines: Iterator[str]) -> Figures:
    """Read the lines of projects, each an equation that must hold."""
    found = {}
    for line in lines:
        if (match := _LINE.match(line)) is not None:
            before, after = int(match["before"]), int(match["after"])
            moved = sum(int(sign + number) for sign, number in _MOVE.findall(match["moves"]))
            assert before + moved == after, line
            least, most = match["least"] or after, match["most"] or after
            found[match["project"]] = (before, int(least), int(most))
    return found


def of_json(view: View) -> Figures:
    """Read the JSON, where the people of a project add up from before to after."""
    return {
        one["project"]: (people["before"], people["least"], people["most"])
        for one in json.loads(json_file.render(view))["projects"]
        if (people := one["people"]) is not None
    }


def of_page(view: View) -> Figures:
    """Read the table of projects on the page."""
    part = Reader(html.render(view)).parts.get("By project")
    rows = [row for row in part.rows if len(row) == 8] if part is not None else []
    found = {}
    for project, *numbers, after in rows[1:]:
        before, granted, gained, revoked, lost, removed = map(int, numbers)
        least, _, most = after.partition(" to ")
        found[project] = (before, int(least), int(most or least))
        end = before + granted + gained - revoked - lost - removed
        assert int(least) <= end <= int(most or least)
    return found


def of_workbook(view: View) -> Figures:
    """Read the sheet of projects."""
    book = load_workbook(io.BytesIO(excel.render(view)))
    heads, *rows = book["Projects"].iter_rows(values_only=True)
    found = {}
    for row in rows:
        of = dict(zip(heads, row, strict=True))
        if of.get("Project"):
            bounds = (
                of["Users before"],
                of["Users after, at least"],
                of["Users after, at most"],
            )
            found[str(of["Project"])] = tuple(map(int, bounds))  # type: ignore[arg-type]
    return found  # type: ignore[return-value]


def of_paper(view: View) -> Figures:
    """Read what is written on the PDF."""
    written: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        write = pdf._Paper.text

        def noted(paper: pdf._Paper, line: str, **how: object) -> None:
            written.append(line)
            write(paper, line, **how)  # type: ignore[arg-type]

        patch.setattr(pdf._Paper, "text", noted)
        pdf.render(view)
    return in_lines(iter(written))


FORMATS: dict[str, Callable[[View], Figures]] = {
    "html": of_page,
    "markdown": lambda view: in_lines(iter(markdown.render(view).splitlines())),
    "text": lambda view: in_lines(iter(text.drawn(view).splitlines())),
    "excel": of_workbook,
    "pdf": of_paper,
}


def in_access(view: View) -> dict[str, tuple[int, int]]:
    """Count the roles before and after in the table of access, by project."""
    found: dict[str, tuple[int, int]] = {}
    for row in csv.DictReader(io.StringIO(tables.render(view, "access"), newline="")):
        before, after = found.get(row["Project"], (0, 0))
        found[row["Project"]] = (before + bool(row["Before"]), after + bool(row["After"]))
    return found


def reject_some(server: Sandbox, every: int) -> None:
    """Let the server reject some of the new memberships, and keep some of those that end."""
    for name, when, row in (("kept", "DELETE", "OLD"), ("refused", "INSERT", "NEW")):
        server.store.change(
            f"CREATE TRIGGER figures_{name} BEFORE {when} ON project_has_users"
            f" WHEN {row}.user_id % {every} = 1 BEGIN SELECT RAISE(ABORT, 'no'); END"
        )


@settings(TRIED, max_examples=examples(5, 100))
@given(worlds(), st.integers(2, 4))
def test_all_formats_tell_the_same_of_each_project_and_after_a_run_what_the_server_has(
    world: World, every: int
) -> None:
    with opened(world) as (server, client, path):
        plan = planned(path, client)
        before = effective(server.store.snapshot())
        reject_some(server, every)
        run = applied(plan, client, path)
        after = effective(server.store.snapshot())
    for view in (of_plan(plan), of_run(plan, run)):
        figures = of_json(view)
        for name, read in FORMATS.items():
            assert read(view) == figures, name
        access = in_access(view)
        for project, (people, least, most) in figures.items():
            assert access[project][0] == people == len(before[project])
            assert least <= access[project][1] <= most
    # What Kanboard does not tell beforehand: that a group has access which somebody joins.
    joined = {change.username for change in plan.changes if change.action == "group_member.add"}
    for project, (_, least, most) in figures.items():
        surprising = len(joined & (after[project].keys() - before[project].keys()))
        assert least - surprising <= len(after[project]) <= most + surprising, project
