"""A report of each kind, as it is looked at in the tests of the HTML format."""

from kanport.outcome import Status
from kanport.plan.model import PlanAccess, PlanPerson
from kanport.report.make import of_plan, of_run, of_validation, of_verification
from kanport.report.view import View
from tests.support.report.examples import (
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
        29: (Status.NOT_ATTEMPTED, "the run ended before this change"),
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
