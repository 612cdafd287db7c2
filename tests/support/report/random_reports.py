"""Plans that tell what stays and the rows of their sources, also hostile ones."""

from dataclasses import replace

from hypothesis import strategies as st

from kanport.outcome import Run, Status
from kanport.plan.model import (
    Plan,
    PlanAccess,
    PlanMove,
    PlanPerson,
    PlanRows,
)
from tests.support.report.drawing import plans_and_runs, texts
from tests.support.report.examples import SOURCES, make_plan, make_run

FORMULA = "=cmd|'/c calc'!A0"
READ = {
    "staff": PlanRows(file="staff.csv", rows="2-49"),
    "access": PlanRows(file="access.xlsx", sheet="Projects", rows="2-52"),
}
ACCESS = (
    PlanAccess(
        project="WEBSHOP",
        project_id=7,
        kept={FORMULA: "project-viewer", "k.olsen": "project-member", "x.one": "project-member"},
        removed={"test-import": "project-viewer"},
    ),
    PlanAccess(
        project="OPS",
        project_id=7,
        kept={"x.one": "Tester"},
        moved=(
            PlanMove(username="k.olsen", before="project-member", sure=False),
            PlanMove(username="x.two", after="project-member", through=("Crew",)),
        ),
    ),
)
PEOPLE = (
    PlanPerson(username=FORMULA, name="+49 30 1234", disabled=True),
    PlanPerson(username="x.one", name="Xaver One"),
)


def whole_plan() -> Plan:
    """Give the believable plan with the access that stays and the rows of its sources."""
    return make_plan().model_copy(
        update={
            "access": ACCESS,
            "people": PEOPLE,
            "sources": tuple(
                source.model_copy(
                    update={
                        "read": (READ[source.name],),
                        "modified_at": "2026-11-02T06:30:00Z",
                    }
                )
                for source in SOURCES
            ),
        }
    )


def partial_run(plan: Plan) -> Run:
    """Give a run of the believable plan in which not everything worked."""
    run = make_run(
        plan,
        {
            3: (Status.FAILED, "still a member, so the access comes through a group"),
            5: (Status.FAILED, "the server said false"),
            15: (Status.SKIPPED, "a.schmidt was not created"),
            29: (Status.NOT_ATTEMPTED, "the run ended before this change"),
        },
    )
    return replace(run, by="ops@bridge")


accesses = st.builds(
    PlanAccess,
    project=texts,
    project_id=st.none() | st.integers(1, 3),
    kept=st.dictionaries(texts, texts, max_size=3),
    removed=st.dictionaries(texts, texts, max_size=1),
    moved=st.lists(
        st.builds(
            PlanMove,
            username=texts,
            before=st.none() | texts,
            after=st.none() | texts,
            through=st.lists(texts, max_size=1).map(tuple),
            sure=st.booleans(),
        ),
        max_size=2,
    ).map(tuple),
)
people = st.builds(PlanPerson, username=texts, name=st.none() | texts)


@st.composite
def whole_plans_and_runs(draw: st.DrawFn) -> tuple[Plan, Run]:
    """Some plan that tells everything, with some run of it; every text may be hostile."""
    plan, run = draw(plans_and_runs())
    added = {
        "access": draw(st.none() | st.lists(accesses, max_size=3).map(tuple)),
        "people": tuple(draw(st.lists(people, max_size=2))),
    }
    return plan.model_copy(update=added), run
