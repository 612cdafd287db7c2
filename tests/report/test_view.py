"""What a view says of a validation, a plan, a run or a verification."""

import io
import json
from typing import Any

import openpyxl
import pytest

from kanport.findings import Finding
from kanport.origin import Origin
from kanport.outcome import Outcome, Run, Status
from kanport.plan.change import Action, Risk
from kanport.plan.model import PlanPartial
from kanport.plan.review import Review
from kanport.report import excel, json_file, markdown
from kanport.report.make import of_plan, of_run, of_validation, of_verification
from kanport.report.sentences import ACTIONS, REVIEWS, utc
from kanport.report.view import Level
from tests.support.report.drawing import pipe
from tests.support.report.examples import (
    FINDINGS,
    MAPPING,
    SOURCES,
    TRIPPED,
    make_plan,
    make_run,
    make_verdicts,
)


def rows(*actions: Action) -> list[dict[str, Any]]:
    return [
        {"action": a, "who": f"u{n}", "project": "A" if a.value.startswith("membership") else None}
        for n, a in enumerate(actions)
    ]


CREATE, DISABLE = Action.USER_CREATE, Action.USER_DISABLE
GRANT, REVOKE = Action.MEMBERSHIP_GRANT, Action.MEMBERSHIP_REVOKE


@pytest.mark.parametrize(
    ("actions", "headline"),
    [
        ([CREATE], "1 user would be created."),
        ([CREATE, CREATE], "2 users would be created."),
        ([GRANT], "1 membership would be granted."),
        (
            [CREATE, CREATE, CREATE, DISABLE, GRANT, GRANT, REVOKE],
            "3 users would be created and 1 disabled; "
            "2 memberships would be granted and 1 revoked.",
        ),
    ],
)
def test_a_plan_says_in_one_sentence_what_would_change(
    actions: list[Action], headline: str
) -> None:
    assert of_plan(make_plan(rows(*actions))).headline == headline


def test_a_validation_counts_what_is_read_of_groups_too() -> None:
    view = of_validation(
        MAPPING, SOURCES, (), users=83, memberships=1, group_members=22, group_access=3
    )
    what = "83 users, 1 membership, 22 group members and 3 group access entries"
    assert view.headline == f"The data is valid: {what} from 2 sources."
    counted = {count.key: count.number for count in view.counts}
    assert (counted["group_members"], counted["group_access"]) == (22, 3)


def test_what_to_do_ends_with_the_command_in_every_format() -> None:
    plan = make_plan()
    run = make_run(plan, {1: (Status.FAILED, "no")})
    command = "Then plan again: kanport plan m.yaml"
    advice = "1 failed: read Kanboard's log"
    for given, last in (((command,), command), ((), "Then plan again.")):
        view = of_run(plan, run, next_steps=given)
        assert view.steps == (advice, last)
        assert json.loads(json_file.render(view))["next_steps"] == [advice, last]
        book = openpyxl.load_workbook(io.BytesIO(excel.render(view)))
        first = [row[0] for row in book["Summary"].iter_rows(values_only=True)]
        assert first[first.index("Next steps") + 1 :][:2] == [advice, last]
    stopped = of_plan(make_plan(guards=(TRIPPED,)), next_steps=("If this is correct: x",))
    assert stopped.steps == (
        ": ".join(("limit-remove", TRIPPED.hint or "")),
        "If this is correct: x",
    )
    late = of_run(plan, make_run(plan, {1: (Status.NOT_ATTEMPTED, "late")}, "a signal"))
    assert late.steps == ("1 not started: finish the run",)


@pytest.mark.parametrize(
    ("users", "memberships", "headline"),
    [
        (45, 110, "45 users and 110 memberships are unchanged."),
        (1, 1, "1 user and 1 membership are unchanged."),
        (1, 0, "1 user is unchanged."),
        (0, 201, "201 memberships are unchanged."),
    ],
)
def test_an_empty_plan_says_that_there_is_nothing_to_change(
    users: int, memberships: int, headline: str
) -> None:
    plan = make_plan([], unchanged={"users": users, "memberships": memberships})
    assert of_plan(plan).headline == f"Nothing to change: {headline}"
    part = plan.model_copy(
        update={"partial": PlanPartial(only=("user:ada",), left_out={"user.create": 58})}
    )
    assert of_plan(part).headline == (
        "Nothing to change in this part of the plan:"
        f" {headline.removesuffix('.')}, and --only leaves out 58 changes."
    )


@pytest.mark.parametrize(
    ("statuses", "stopped", "headline"),
    [
        ([Status.DONE], None, "The 1 change is done: 1 user was created."),
        ([Status.DONE] * 2, None, "All 2 changes are done: 2 users were created."),
        (
            [Status.DONE, Status.ALREADY],
            None,
            "All 2 changes are in place: 1 was done and 1 was unchanged.",
        ),
        (
            [Status.DONE, Status.DONE, Status.FAILED, Status.SKIPPED],
            None,
            "2 of 4 changes are in place; 1 failed and 1 was skipped.",
        ),
        (
            [Status.DONE, Status.NOT_ATTEMPTED, Status.NOT_ATTEMPTED],
            "a signal came",
            "The run stopped early. 1 of 3 changes is in place; 2 were not started.",
        ),
        ([], None, "There was nothing to do: the plan holds no changes."),
    ],
)
def test_a_run_says_in_one_sentence_what_it_came_to(
    statuses: list[Status], stopped: str | None, headline: str
) -> None:
    plan = make_plan(rows(*[CREATE] * len(statuses)))
    run = make_run(plan, {n: (s, "because") for n, s in enumerate(statuses, start=1)}, stopped)
    view = of_run(plan, run)
    assert view.headline == headline
    complete = set(statuses) <= {Status.DONE, Status.ALREADY} and not stopped
    assert view.level is (Level.GOOD if complete else Level.STOP)


def test_valid_data_are_called_valid() -> None:
    view = of_validation(MAPPING, SOURCES, (), users=1, memberships=110)
    assert view.headline == "The data is valid: 1 user and 110 memberships from 2 sources."
    assert view.level is Level.GOOD


def test_errors_are_counted_by_rows_as_well() -> None:
    row = Origin("staff", file="staff.csv", row=3)
    findings = [
        Finding("email-invalid", "No address.", row.at(position=3)),
        Finding("role-unknown", "No role.", row.at(position=4)),
        Finding("column-missing", "No such column.", Origin("staff", file="staff.csv")),
    ]
    view = of_validation(MAPPING, SOURCES, findings, users=0, memberships=0)
    assert view.headline == "The data is not valid: 3 errors in 1 row."
    assert view.level is Level.STOP


def test_a_tripped_guard_stops_the_plan() -> None:
    view = of_plan(make_plan(guards=(TRIPPED,)))
    assert view.level is Level.STOP
    assert view.headline == "Stopped by 1 safety check. Nothing was changed."
    assert view.sentences[0].text == ": ".join([TRIPPED.guard, TRIPPED.message])
    assert view.sentences[1].text.startswith("5 users would be created")


def test_a_plan_that_needs_no_review_says_so() -> None:
    view = of_plan(make_plan(rows(CREATE), findings=(), guards=()))
    assert [s.text for s in view.sentences] == ["No change needs review."]
    assert view.level is Level.GOOD


def test_the_most_severe_comes_first_and_each_change_once() -> None:
    manager = {"role": "project-manager"}
    plan = make_plan(
        [
            {"action": Action.USER_REMOVE, "who": "c", "risk": (Risk.DELETES_DATA,)},
            {"action": DISABLE, "who": "b", "risk": (Risk.ACCESS_LOST, Risk.ADMIN_LOST)},
            {"action": DISABLE, "who": "e", "risk": (Risk.ACCESS_LOST,)},
            {"action": GRANT, "who": "a", "project": "A", "after": manager},
            {"action": CREATE, "who": "d", "after": {"role": "app-user"}},
        ]
    )
    view = of_plan(plan)
    assert [line.change.username for line in view.risky] == ["a", "c", "b"]
    assert [line.change.username for line in view.removals] == ["e"]
    assert sum(row.number for row in view.risks) == 3
    assert view.sentences[-2].text == "1 other change revokes or lowers access."


def test_people_and_projects_are_sorted_as_names_are_compared() -> None:
    people = ["zoe", "Ärmel", "armin", "Bea"]
    view = of_plan(make_plan([{"action": GRANT, "who": w, "project": w} for w in people]))
    assert [person.username for person in view.people] == ["Ärmel", "armin", "Bea", "zoe"]
    assert [access.project for access in view.projects] == ["Ärmel", "armin", "Bea", "zoe"]


def test_a_failed_change_bears_the_mark_of_trouble() -> None:
    plan = make_plan(rows(CREATE, CREATE))
    view = of_run(plan, make_run(plan, {2: (Status.FAILED, "the server said false")}))
    assert [line.symbol for line in view.lines] == ["+", "!"]


def test_what_was_left_undone_is_repeated_failures_first() -> None:
    plan = make_plan(rows(*[CREATE] * 4))
    special = {
        1: (Status.NOT_ATTEMPTED, "time was up"),
        2: (Status.SKIPPED, "not created"),
        3: (Status.FAILED, "refused"),
    }
    view = of_run(plan, make_run(plan, special))
    assert [(row.status, row.reason, len(row.lines)) for row in view.undone] == [
        (Status.FAILED, "refused", 1),
        (Status.SKIPPED, "not created", 1),
        (Status.NOT_ATTEMPTED, "time was up", 1),
    ]


def test_a_change_without_an_outcome_was_not_attempted() -> None:
    plan = make_plan(rows(CREATE, CREATE))
    run = Run("r", "2026-11-03T22:16:00Z", None, (Outcome("c0001", Status.DONE),))
    tally = of_run(plan, run).tally
    assert tally is not None
    assert (tally.planned, tally.done, tally.not_attempted) == (2, 1, 1)


@pytest.mark.parametrize("ids", [["c0009"], ["c0001", "c0001"]])
def test_outcomes_of_another_plan_are_refused(ids: list[str]) -> None:
    outcomes = tuple(Outcome(i, Status.DONE) for i in ids)
    run = Run("r", "2026-11-03T22:16:00Z", None, outcomes)
    with pytest.raises(ValueError, match="do not belong to this plan"):
        of_run(make_plan(rows(CREATE)), run)


def test_findings_are_in_the_order_of_their_places_whatever_order_they_came_in() -> None:
    turned = tuple(reversed(FINDINGS))
    assert of_plan(make_plan(findings=turned)) == of_plan(make_plan(findings=FINDINGS))


def test_every_action_and_risk_has_its_words() -> None:
    assert set(ACTIONS) == set(Action)
    assert set(REVIEWS) == set(Review)


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("2026-11-03T22:15:07Z", "2026-11-03 22:15:07 UTC"),
        ("2026-11-04T00:15:07.25+02:00", "2026-11-03 22:15:07 UTC"),
        ("some day", "some day"),
    ],
)
def test_times_are_told_in_utc(moment: str, told: str) -> None:
    assert utc(moment) == told


@pytest.mark.parametrize(
    ("actions", "wrong", "headline", "level"),
    [
        ([], {}, "There is nothing to verify: the plan holds no changes.", Level.GOOD),
        ([CREATE], {}, "The 1 change is as planned.", Level.GOOD),
        ([CREATE, GRANT], {}, "All 2 changes are as planned.", Level.GOOD),
        ([CREATE, GRANT], {2: "x"}, "1 of 2 changes is as planned; 1 is not.", Level.STOP),
        ([CREATE], {1: "x"}, "0 of 1 change is as planned; 1 is not.", Level.STOP),
    ],
)
def test_a_verification_says_in_one_sentence_whether_the_plan_holds(
    actions: list[Action], wrong: dict[int, str], headline: str, level: Level
) -> None:
    plan = make_plan(rows(*actions))
    view = of_verification(plan, make_verdicts(plan, wrong))
    assert (view.headline, view.level) == (headline, level)
    assert [row.reason for row in view.undone] == list(wrong.values())


def test_a_verification_needs_a_verdict_on_each_change() -> None:
    plan = make_plan(rows(CREATE, GRANT))
    with pytest.raises(KeyError):
        of_verification(plan, make_verdicts(plan)[:1])


def test_a_password_from_a_source_is_told_by_its_place_and_never_as_data() -> None:
    place = Origin("people", file="pw.csv", row=2, position=2, column="Pw")
    after = {"username": "ada", "password": {"from": place.to_dict()}}
    view = of_plan(make_plan([{"action": CREATE, "who": "ada", "after": after}]))
    text = pipe(view)
    assert "password from Pw, pw.csv:2:2" in text
    assert "password from Pw, pw.csv:2:2" in markdown.render(view).replace("`", "")
    assert '{"' not in text
    (change,) = json_file.as_dict(view)["changes"]
    assert change["after"] == after


def test_the_rows_of_one_source_are_in_it_and_those_of_two_in_them() -> None:
    def told(number: int) -> list[str]:
        view = of_validation(MAPPING, SOURCES[:number], (), users=0, memberships=0)
        return [count.text for count in view.counts][-2:]

    assert told(1) == ["1 source read", "48 rows in it"]
    assert told(2) == ["2 sources read", "99 rows in them"]


@pytest.mark.parametrize(
    ("actions", "failing", "headline"),
    [
        ([CREATE], [1], "0 of 1 change is in place; 1 failed."),
        ([CREATE, GRANT], [1], "1 of 2 changes is in place; 1 failed."),
        ([CREATE, GRANT], [1, 2], "0 of 2 changes are in place; 2 failed."),
    ],
)
def test_a_part_of_the_changes_is_told_in_the_right_number(
    actions: list[Action], failing: list[int], headline: str
) -> None:
    plan = make_plan(rows(*actions))
    outcomes = tuple(
        Outcome(change.id, Status.FAILED if number in failing else Status.DONE)
        for number, change in enumerate(plan.changes, start=1)
    )
    run = Run("r", "2026-11-03T22:15:07Z", "2026-11-03T22:15:08Z", outcomes)
    assert of_run(plan, run).headline == headline
