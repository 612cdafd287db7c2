"""A PDF to sign: two to four pages, the same each time, and bound to its plan by its proof."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kanport.errors import UsageError
from kanport.report import FORMATS, pdf, proof
from kanport.report.make import of_plan, of_run
from kanport.report.view import View
from tests.bench.reports import large_plan
from tests.support.report.drawing import NASTY
from tests.support.report.examples import make_plan, make_run
from tests.support.report.random_reports import partial_run, whole_plan
from tests.support.report.views import VIEWS


def hostile() -> View:
    granted = [
        {"action": "membership.grant", "who": name, "project": name, "after": {"role": name}}
        for name in NASTY * 9
    ]
    return of_plan(make_plan(granted))


def with_access() -> View:
    plan = whole_plan()
    return of_run(plan, partial_run(plan))


def large() -> View:
    plan = large_plan(5_000)
    return of_run(plan, make_run(plan))


def pages(content: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", content))


@pytest.mark.parametrize("kind", [kind for kind in VIEWS if kind != "validation"])
def test_it_has_two_to_four_pages(kind: str) -> None:
    assert 2 <= pages(pdf.render(VIEWS[kind])) <= 4


@pytest.mark.parametrize("view", [with_access, large, hostile])
def test_an_unusual_report_has_two_to_four_pages(view: Callable[[], View]) -> None:
    assert 2 <= pages(pdf.render(view())) <= 4


def test_the_same_report_gives_the_same_bytes() -> None:
    view = VIEWS["run"]
    assert pdf.render(view) == pdf.render(view)


def test_its_proof_stands_behind_its_end_and_shows_every_edit() -> None:
    content, made = proof.drawn_with_proof(VIEWS["run"], FORMATS["pdf"])
    assert content.startswith(b"%PDF-") and b"%%EOF" in content[-2048:]
    found = proof.read(content)
    assert found is not None
    stamp, digest = found
    assert stamp.sha256 == digest
    assert stamp.plan == made.plan == VIEWS["run"].facts.digest
    turned = proof.read(content.replace(b"%PDF-1.3", b"%PDF-1.4"))
    assert turned is not None and turned[0].sha256 != turned[1]


def test_names_that_no_font_has_are_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "_FONTS", (Path("/nowhere"),))
    assert 2 <= pages(pdf.render(VIEWS["plan"])) <= 4


def test_without_its_library_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(UsageError, match="needs the package fpdf2") as problem:
        pdf.render(VIEWS["plan"])
    assert ".[pdf]" in (problem.value.hint or "")
