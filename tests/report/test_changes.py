"""What became of each row of the input."""

from collections import Counter
from dataclasses import replace
from typing import Any

from kanport.outcome import Status
from kanport.plan.change import Action, Risk
from kanport.plan.model import Plan, PlanAccess, PlanBasis, PlanGiver
from kanport.plan.naming import user_finding
from kanport.report import markdown
from kanport.report.changes import runs_of
from kanport.report.html import _cell_of
from kanport.report.make import access_sums, of_plan, of_run, of_validation
from kanport.report.tables import table_of
from kanport.report.view import InputRow, Matrix, MatrixRow, RoleCount, RowResult, View
from tests.support.report.examples import FINDINGS, MAPPING, make_plan, make_run
from tests.support.report.random_reports import whole_plan

PLAN = whole_plan()
VIEW = of_plan(PLAN)


def fate(view: View, place: str) -> RowResult:
    (found,) = [row for row in view.rows if row.place == place]
    return found.fate


def test_every_row_of_a_source_is_told_once() -> None:
    assert len(VIEW.rows) == sum(source.rows for source in PLAN.sources)
    (told,) = [total for total in VIEW.sums if total.total.key == "rows"]
    counted = Counter(row.fate.value.replace(" ", "_") for row in VIEW.rows)
    assert {part.key: part.number for part in told.parts if part.number} == dict(counted)


def test_a_row_is_told_with_its_changes_and_its_findings() -> None:
    assert fate(VIEW, "staff.csv:3") is RowResult.CHANGED
    assert fate(VIEW, "staff.csv:27") is RowResult.LEFT_OUT  # its person stands in two rows
    assert fate(VIEW, "staff.csv:11") is RowResult.LEFT_OUT  # the other one of them
    assert fate(VIEW, "staff.csv:33") is RowResult.NOTHING  # a note stops nothing
    (row,) = [row for row in VIEW.rows if row.place == "staff.csv:14"]
    assert row.fate is RowResult.CHANGED
    assert [finding.code for finding in row.findings] == ["username-spelled", "email-invalid"]


def test_in_a_validation_no_row_could_lead_to_a_change() -> None:
    view = of_validation(MAPPING, PLAN.sources, FINDINGS, users=1, memberships=1)
    assert {row.fate for row in view.rows} == {RowResult.READ, RowResult.LEFT_OUT}


def test_a_plan_that_does_not_tell_its_rows_has_no_table_of_them() -> None:
    assert not of_plan(make_plan()).rows


def test_runs_of_plain_rows_are_the_rows_in_their_order() -> None:
    for view in (VIEW, of_validation(MAPPING, PLAN.sources, FINDINGS, users=1, memberships=1)):
        told: list[InputRow] = []
        for one in runs_of(view.rows):
            if isinstance(one, InputRow):
                told.append(one)
            else:
                told += [one.like._replace(place=f"{one.start}{row}") for row in one.numbers]
        assert told == list(view.rows) and told
        assert len(list(runs_of(view.rows))) < len(told)


def test_a_row_whose_user_is_skipped_is_skipped_even_if_the_rest_of_it_led_to_a_change() -> None:
    origins = [origin for change in PLAN.changes for origin in change.origin]
    place = next(origin for origin in origins if origin.file == "staff.csv" and origin.row == 3)
    skipped = user_finding("row-skipped", "ada", place, case="disputed")
    view = of_plan(PLAN.model_copy(update={"findings": (*PLAN.findings, skipped)}))
    (row,) = [row for row in view.rows if row.place == "staff.csv:3"]
    assert row.lines and row.fate is RowResult.SKIPPED
    (told,) = [total for total in view.sums if total.total.key == "rows"]
    assert "1 skipped with their user" in told.text and told.total.number == len(view.rows)


CREW = "*Crew* <b>"


def a_plan_that_leaves_access_through_a_group() -> Plan:
    """Make a plan that revokes a membership of somebody whose group becomes manager."""
    member, manager = {"role": "project-member"}, {"role": "project-manager"}
    revoke = {
        "action": Action.MEMBERSHIP_REVOKE,
        "who": "ada",
        "id": 5,
        "project": "OPS",
        "before": member,
        "after": manager,
        "risk": (Risk.PRIVILEGE_RAISED, Risk.MAYBE_THROUGH_GROUP),
    }
    plan = make_plan([revoke], findings=(), guards=())
    access = PlanAccess(
        project="OPS",
        project_id=7,
        givers=(PlanGiver(group=CREW, group_id=7, role="project-manager"),),
        basis=(PlanBasis(username="ada", user_id=5, direct=None, groups=(7,)),),
    )
    return plan.model_copy(update={"access": (access,)})


def test_a_revocation_that_leaves_access_names_the_group_and_grants_nothing() -> None:
    plan = a_plan_that_leaves_access_through_a_group()
    view = of_plan(plan)
    assert view.lines[0].risks == (f"keeps a privileged role through group {CREW}",)
    assert [row.label for row in view.risks] == [
        "grants a privileged role or leaves somebody with one"
    ]
    run = make_run(plan, {1: (Status.ALREADY, "")})
    assert of_run(plan, run).lines[0].risks == view.lines[0].risks
    page = markdown.render(view)
    assert f"keeps a privileged role through group `{CREW}`" in page
    assert f" {CREW}" not in page


def test_a_revocation_that_leaves_a_role_through_a_group_is_one_in_the_table_of_access() -> None:
    plan = a_plan_that_leaves_access_through_a_group()
    table = table_of(of_plan(plan), "access")
    (row,) = table.rows
    assert row[table.columns.index("After")] == "project-manager"
    happens = row[table.columns.index("What happens")]
    assert happens == "revoked; keeps a role through a group"


def test_a_role_that_stays_equal_in_rank_has_no_mark_in_the_grid() -> None:
    (row,) = of_plan(a_plan_that_leaves_access_through_a_group()).access
    ups = []
    for before, after in (
        ("Tester", "project-manager"),
        ("project-manager", "Tester"),
        ("project-member", "project-manager"),
        ("project-manager", None),
        (None, "project-viewer"),
    ):
        cell = _cell_of(replace(row, before=before, after=after))
        assert cell is not None
        ups.append(cell.up)
    assert ups == [None, None, True, False, True]


def test_a_sum_of_roles_that_may_be_more_says_so() -> None:
    cells = (RoleCount("project-member", 2, 1),)
    for row, words in (
        (MatrixRow("A", 1, 2, 1, cells), "after"),
        (MatrixRow("A", 1, 2, 1, cells, more=1), "after, at least"),
        (MatrixRow("A", 1, 2, 1, cells, unsure=1), "after, some uncertain"),
    ):
        _, after = access_sums(Matrix(("project-member",), (row,), cells, 2, 1))
        assert after.total.label.endswith(f"in the projects read, {words}")


def test_a_group_that_is_renamed_has_one_name_in_all_changes() -> None:
    rows: list[dict[str, Any]] = [
        {
            "action": Action.GROUP_UPDATE,
            "who": None,
            "group": "Finance",
            "before": {"name": "Finance"},
            "after": {"name": "Treasury"},
        },
        {"action": Action.GROUP_MEMBER_ADD, "who": "ada", "group": "Treasury"},
    ]
    plan = make_plan(rows, findings=(), guards=())
    changes: tuple[Any, ...] = tuple(plan.changes)
    in_group = tuple(replace(change, group_id=7) for change in changes)
    plan = plan.model_copy(update={"changes": in_group})
    view = of_plan(plan)
    assert [line.target for line in view.lines] == ["", "Finance (renamed Treasury)"]
    assert [(one.group, len(one.lines)) for one in view.groups] == [("Finance", 2)]
    run = make_run(plan, {1: (Status.FAILED, "rejected"), 2: (Status.DONE, "")})
    assert of_run(plan, run).lines[1].target == "Finance"


def test_memberships_are_not_counted_where_no_project_was_read() -> None:
    plan = PLAN.model_copy(update={"access": (), "changes": ()})
    assert "access_before" not in {total.total.key for total in of_plan(plan).sums}
