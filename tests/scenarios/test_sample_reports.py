"""The sample reports: all kinds of changes, failures, withheld removals; all formats agree."""

import csv
import io
import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from openpyxl import load_workbook

from kanport.api import Result
from kanport.plan.change import Action, RelationChange
from kanport.plan.model import Plan
from kanport.report import excel, html, json_file, markdown, tables
from kanport.report import text as plain_text
from kanport.report.make import of_plan, of_run
from kanport.report.view import View
from tests.support.report.html import Reader

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Plan | Result]:
    sys.path.insert(0, str(SAMPLES))
    try:
        import sample_reports

        return sample_reports.make(tmp_path_factory.mktemp("reports"))
    finally:
        sys.path.remove(str(SAMPLES))


def view_of(what: Plan | Result) -> View:
    if isinstance(what, Plan):
        return of_plan(what)
    assert what.run is not None
    return of_run(what.plan, what.run)


def test_the_sample_has_changes_of_all_kinds_a_stopped_check_and_withheld_removals(
    made: dict[str, Plan | Result],
) -> None:
    plan, run = view_of(made["plan"]), view_of(made["run"])
    kinds = {line.change.action for line in plan.lines} | {
        one.change.action for one in plan.withheld
    }
    assert kinds == set(Action)
    assert 170 < len(plan.lines) < 200
    assert any(guard.tripped for guard in plan.guards)
    assert plan.withheld and run.undone
    assert any(row.moves for row in plan.access)


@pytest.mark.parametrize("name", ["plan", "run", "undo"])
def test_all_formats_tell_the_same_figures_of_each_project(
    made: dict[str, Plan | Result], name: str
) -> None:
    view = view_of(made[name])
    report = json.loads(json_file.render(view))
    wanted = {
        one["project"]: (
            one["people"]["before"],
            *sorted({one["people"]["least"], one["people"]["most"]}),
        )
        for one in report["projects"]
    }
    page = Reader(html.render(view)).parts["By project"].rows
    shown = {
        row[0]: (int(row[1]), *map(int, row[7].split(" to ")))
        for row in page
        if len(row) == 8 and row[1].isdigit()
    }
    assert shown == wanted
    book = load_workbook(io.BytesIO(excel.render(view)))
    heads, *rows = book["Projects"].iter_rows(values_only=True)
    at = [heads.index(f"Users {one}") for one in ("before", "after, at least", "after, at most")]
    assert {
        row[0]: (row[at[0]], *sorted({int(str(row[at[1]])), int(str(row[at[2]]))})) for row in rows
    } == wanted
    text = markdown.render(view)
    for project, (before, *after) in wanted.items():
        line = next(one for one in text.splitlines() if one.startswith(f"- project `{project}`:"))
        assert f"users: {before} before" in line and f"= {after[0]} after" in line
        assert len(after) == 1 or f"({after[0]} to {after[1]}" in line
    access = list(csv.DictReader(io.StringIO(tables.render(view, "access"), newline="")))
    now = Counter(row["Project"] for row in access if row["Before"])
    assert {project: now[project] for project in wanted} == {
        project: figures[0] for project, figures in wanted.items()
    }


@pytest.mark.parametrize("name", ["plan", "run"])
def test_every_format_lists_what_is_withheld_with_the_row_that_blocks_it(
    made: dict[str, Plan | Result], name: str
) -> None:
    view = view_of(made[name])
    page, text = Reader(html.render(view)).parts["Withheld"].text, markdown.render(view)
    book = load_workbook(io.BytesIO(excel.render(view)))
    rows = list(csv.DictReader(io.StringIO(tables.render(view, "withheld"), newline="")))
    assert len(rows) == book["Withheld"].max_row - 1 == len(view.withheld)
    assert len(json.loads(json_file.render(view))["withheld"]) == len(view.withheld)
    for one in view.withheld:
        assert one.who in page
        assert all(place in page for place in one.places)
    assert "Withheld: " in " ".join(s.text for s in view.sentences)
    assert f"{len(view.withheld)} removals withheld" in text
    assert "## Withheld" in text


def test_an_undo_shows_each_change_beside_the_one_that_it_takes_back(
    made: dict[str, Plan | Result],
) -> None:
    view = view_of(made["undo"])
    assert view.facts.undoes is not None and view.facts.undoes.sources
    assert all(line.undoes for line in view.lines)
    page = Reader(html.render(view)).parts["Changes by user"].text
    assert page.count("undoes") >= len(view.lines) // 2
    grant = next(
        line
        for line in view.lines
        if len(line.undoes) == 1
        and isinstance(change := line.undoes[0].change, RelationChange)
        and (change.action, change.old_role) == (Action.MEMBERSHIP_GRANT, None)
    )
    undone = grant.undoes[0].change
    assert isinstance(undone, RelationChange)
    words = f"undoes {undone.id} of the run: grant {undone.project}, no access → {undone.new_role}"
    assert words in plain_text.drawn(view)
    assert words in tables.render(view)
