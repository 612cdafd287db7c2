"""What changed between two plans: nothing is missed, and a row that moved is no change."""

import io
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from openpyxl import load_workbook

from kanport.facts import as_written
from kanport.findings import Finding, found
from kanport.origin import Origin
from kanport.outcome import Outcome, Run, Status
from kanport.plan.change import Change
from kanport.plan.compare import compare
from kanport.plan.model import Plan
from kanport.plan.plan_file import plan_digest
from kanport.report.compare import as_dict, document_of, headline, reasons
from kanport.report.document import as_csv, as_excel, as_html, as_markdown, as_text
from kanport.report.escape import escape_control
from tests.support.changes import after_of, before_of, changed
from tests.support.report.drawing import plans, plans_and_runs
from tests.support.report.examples import make_plan

PLAN = make_plan()


def _with(plan: Plan, **parts: object) -> Plan:
    changed = plan.model_copy(update=parts)
    return changed.model_copy(update={"digest": plan_digest(changed)})


def _altered(change: Change, **parts: Any) -> Change:
    return changed(change, **parts)


def test_a_plan_beside_itself_is_the_same() -> None:
    compared = compare(PLAN, PLAN)
    assert compared.same and compared.same_changes and compared.same_input
    assert compared.kept == len(PLAN.changes)
    assert headline(compared) == f"Both are the same plan of {len(PLAN.changes)} changes."
    assert not [*reasons(compared)]


def test_a_plan_beside_its_run_shows_what_the_run_changed() -> None:
    run = Run("run-1", "2026-11-03T22:16:00Z", None, (), None)
    compared = compare(PLAN, PLAN)
    assert document_of(compared, new_run=run).title == ("A plan and its run",)
    assert document_of(compared).title == ("What changed between two plans",)


def test_a_change_that_is_new_or_gone_is_told() -> None:
    less = _with(PLAN, changes=PLAN.changes[1:])
    assert compare(less, PLAN).added == PLAN.changes[:1]
    assert compare(PLAN, less).gone == PLAN.changes[:1]
    assert "1 change is no longer planned" in headline(compare(PLAN, less))


def test_the_numbers_of_changes_make_no_difference() -> None:
    renumbered = tuple(
        _altered(change, id=f"c{number:04d}") for number, change in enumerate(PLAN.changes, 500)
    )
    compared = compare(PLAN, _with(PLAN, changes=renumbered))
    assert compared.same_changes and not compared.same


def test_a_row_that_moved_is_no_change() -> None:
    moved = tuple(
        _altered(change, origin=tuple(place.at(row=999) for place in change.origin))
        for change in PLAN.changes
    )
    findings = tuple(
        replace(found, origin=found.origin.at(row=999)) if found.origin else found
        for found in PLAN.findings
    )
    compared = compare(PLAN, _with(PLAN, changes=moved, findings=findings))
    assert compared.same_changes
    assert not compared.findings_new and not compared.findings_gone


def test_what_the_server_and_what_the_sources_changed_are_told_apart() -> None:
    change = next(change for change in PLAN.changes if change.before and change.after)
    rest = tuple(other for other in PLAN.changes if other is not change)
    server = _altered(change, before={**before_of(change), "role": "somebody changed it"})
    wanted = _altered(change, after={**after_of(change), "role": "wanted otherwise"})
    (by_server,) = compare(PLAN, _with(PLAN, changes=(server, *rest))).altered
    assert by_server.server and not by_server.wanted
    (by_source,) = compare(PLAN, _with(PLAN, changes=(wanted, *rest))).altered
    assert by_source.wanted and not by_source.server


def test_with_the_same_input_what_differs_comes_from_the_server() -> None:
    compared = compare(PLAN, _with(PLAN, changes=PLAN.changes[1:]))
    (why,) = reasons(compared)
    assert "what differs comes from the server" in why


def test_a_source_that_changed_is_told_with_its_digests() -> None:
    (first, *others) = PLAN.sources
    other = first.model_copy(update={"sha256": "0" * 64, "rows": first.rows + 3})
    compared = compare(PLAN, _with(PLAN, sources=(other, *others)))
    assert not compared.same_input
    (pair,) = compared.sources
    assert pair.old == first and pair.new == other
    text = as_text(document_of(compared))
    assert f"source {first.name}: {first.rows} rows before, {first.rows + 3} now" in text
    assert first.sha256 in text and "0" * 64 in text


def test_a_file_that_was_only_touched_is_the_same_input() -> None:
    sources = tuple(
        source.model_copy(update={"modified_at": "2026-11-20T00:00:00Z"}) for source in PLAN.sources
    )
    compared = compare(PLAN, _with(PLAN, sources=sources))
    assert compared.same_input and compared.sources
    assert "only its file or time differs" in as_text(document_of(compared))


def test_a_finding_is_told_as_often_as_it_is_new() -> None:
    finding = Finding("row-skipped", "skipped", Origin("staff", file="a.csv", row=3))
    once, thrice = _with(PLAN, findings=(finding,)), _with(PLAN, findings=(finding,) * 3)
    assert len(compare(once, thrice).findings_new) == 2
    assert len(compare(thrice, once).findings_gone) == 2


def test_findings_of_the_version_without_parameters_are_compared_by_code_and_place() -> None:
    place = Origin("staff", file="a.csv", row=3, column="Login")
    old = Finding("person-protected", "'ada' is protected", place.at(row=9), value="ada")
    new = found("person-protected", place, value="ada", username="ada")
    other = found("person-protected", place, value="bob", username="bob")
    compared = compare(_with(PLAN, findings=(old,)), _with(PLAN, findings=(new, other)))
    assert compared.findings_new == (other,) and not compared.findings_gone


def test_findings_of_one_place_differ_by_their_parameters() -> None:
    one, two = (found("passwords-behind", count=count) for count in (1, 2))
    compared = compare(_with(PLAN, findings=(one,)), _with(PLAN, findings=(two,)))
    assert (compared.findings_new, compared.findings_gone) == ((two,), (one,))


def test_another_wording_of_reasons_and_safety_checks_is_no_change() -> None:
    changes = tuple(_altered(change, wording="said otherwise", why=None) for change in PLAN.changes)
    guards = tuple(guard.model_copy(update={"message": "worded anew"}) for guard in PLAN.guards)
    compared = compare(PLAN, _with(PLAN, changes=changes, guards=guards))
    assert compared.same_changes and not compared.guards


def test_planned_and_done_are_beside_each_other() -> None:
    first, second, *rest = PLAN.changes
    outcomes = (
        Outcome(first.id, Status.FAILED, as_written("the server refused it")),
        Outcome(second.id, Status.SKIPPED, as_written("it needs c0001")),
        *(Outcome(change.id, Status.DONE) for change in rest),
    )
    run = Run("run-1", "2026-11-03T22:16:00Z", "2026-11-03T22:17:00Z", outcomes)
    text = as_text(document_of(compare(PLAN, PLAN), new_run=run))
    count = len(PLAN.changes)
    assert f"{count} planned = {count - 2} done + 0 unchanged + 1 failed + 1 skipped" in text
    assert "why: the server refused it" in text
    assert "why: it needs c0001" in text


def test_every_format_says_in_its_first_sentence_what_became_of_the_run() -> None:
    ids = [change.id for change in PLAN.changes]
    ends = [Status.FAILED] * 13 + [Status.SKIPPED] * 2 + [Status.DONE] * (len(ids) - 15)
    outcomes = tuple(
        Outcome(name, end, None if end is Status.DONE else as_written("no"))
        for name, end in zip(ids, ends, strict=True)
    )
    run = Run("run-1", "2026-11-03T22:16:00Z", "2026-11-03T22:17:00Z", outcomes)
    said = f"Both are the same plan of {len(ids)} changes. The run: 13 failed and 2 skipped."
    paper = document_of(compare(PLAN, PLAN), new_run=run)
    for drawn in (as_text(paper), as_markdown(paper), as_html(paper), as_csv(paper)):
        assert said in drawn
    (sheet,) = load_workbook(io.BytesIO(as_excel(paper))).worksheets
    assert said in [row[1] for row in sheet.iter_rows(values_only=True)]
    assert as_dict(compare(PLAN, PLAN), new_run=run)["headline"] == said
    both = headline(compare(PLAN, PLAN), run, run)
    assert both.endswith(
        "The old run: 13 failed and 2 skipped. The new run: 13 failed and 2 skipped."
    )
    good = replace(run, outcomes=tuple(Outcome(name, Status.DONE) for name in ids))
    assert headline(compare(PLAN, PLAN), new_run=good).endswith(
        f"The run: all {len(ids)} changes made or unchanged."
    )


def test_what_the_old_run_did_is_told_of_what_is_no_longer_planned() -> None:
    outcomes = tuple(Outcome(change.id, Status.DONE) for change in PLAN.changes)
    run = Run("run-1", "2026-11-03T22:16:00Z", None, outcomes)
    text = as_text(document_of(compare(PLAN, _with(PLAN, changes=())), old_run=run))
    assert text.count("; done by the old run") == len(PLAN.changes)


@settings(max_examples=40)
@given(plans, plans)
def test_every_change_of_both_plans_is_accounted_for(old: Plan, new: Plan) -> None:
    compared = compare(old, new)
    both = compared.kept + len(compared.altered)
    assert len(old.changes) == both + len(compared.gone)
    assert len(new.changes) == both + len(compared.added)
    turned = compare(new, old)
    assert len(turned.added) == len(compared.gone)
    assert turned.kept == compared.kept


@settings(max_examples=40)
@given(plans_and_runs(), plans)
def test_hostile_names_come_out_as_text_in_every_format(ran: tuple[Plan, Run], old: Plan) -> None:
    plan, run = ran
    full = {outcome.change_id for outcome in run.outcomes}
    rest = tuple(
        Outcome(change.id, Status.NOT_ATTEMPTED) for change in plan.changes if change.id not in full
    )
    whole = replace(run, outcomes=(*run.outcomes, *rest))
    document = document_of(compare(old, plan), new_run=whole)
    text, markdown, page = as_text(document), as_markdown(document), as_html(document)
    for drawn in (text, markdown, page):
        assert drawn == "\n".join(map(escape_control, drawn.split("\n")))
    assert "<script>" not in page.replace("</script>", "")
    assert "http" not in page.split("<main>")[0]
    json.dumps(as_dict(compare(old, plan), new_run=whole))


@pytest.mark.parametrize("draw", [as_text, as_markdown, as_html])
def test_the_same_plans_give_the_same_bytes(draw: object) -> None:
    assert callable(draw)
    less = _with(PLAN, changes=PLAN.changes[1:])
    assert draw(document_of(compare(PLAN, less))) == draw(document_of(compare(PLAN, less)))


def test_the_html_needs_nothing_from_anywhere() -> None:
    page = as_html(document_of(compare(PLAN, _with(PLAN, changes=PLAN.changes[1:]))))
    assert "<script" not in page and "src=" not in page and "href=" not in page
    assert '<html lang="en">' in page and "prefers" not in page
