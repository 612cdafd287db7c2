"""The browser, and the reports that it looks at."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kanport.outcome import Status
from kanport.plan.model import PlanAccess, PlanPerson
from kanport.report import html
from kanport.report.view import View, of_plan, of_run, of_validation, of_verification
from tests.report.browser.chromium import PROGRAM, Chromium
from tests.report.examples import (
    FINDINGS,
    MAPPING,
    SOURCES,
    TRIPPED,
    make_plan,
    make_run,
    make_verdicts,
)

ACCESS = (
    PlanAccess(project="INTRANET", project_id=7, kept={"p.silva": "project-member"}),
    PlanAccess(project="WEBSHOP", project_id=7, kept={"p.silva": "project-manager"}),
)
PLAN = make_plan().model_copy(
    update={"access": ACCESS, "people": (PlanPerson(username="p.silva", name="Paula Silva"),)}
)
RUN = make_run(
    PLAN,
    {
        5: (Status.FAILED, "the server said false"),
        15: (Status.SKIPPED, "a.schmidt was not created"),
        16: (Status.SKIPPED, "a.schmidt was not created"),
        20: (Status.ALREADY, ""),
        29: (Status.NOT_ATTEMPTED, "the run did not come this far"),
    },
)
VIEWS: dict[str, View] = {
    "plan": of_plan(PLAN, next_steps=("Apply it: kanport apply plan.json",)),
    "empty": of_plan(make_plan([], findings=(), guards=())),
    "tripped": of_plan(make_plan(guards=(TRIPPED,))),
    "run": of_run(PLAN, RUN),
    "validation": of_validation(MAPPING, SOURCES, FINDINGS, users=46, memberships=110),
    "verification": of_verification(PLAN, make_verdicts(PLAN, {5: "there is no role"})),
}
Written = Callable[[View], Path]


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """One browser for all tests of a process."""
    if PROGRAM is None:
        why = "chromium is not installed; on Debian: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    browser = Chromium(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Write a view as a page."""

    def write(view: View) -> Path:
        path = tmp_path / "report.html"
        path.write_text(html.render(view), encoding="utf-8")
        return path

    return write
