"""Access before and after: one row for a person and a project, and numbers that add up."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from kanport.outcome import Run, Status
from kanport.plan.change import Action
from kanport.plan.model import Plan, PlanAccess
from kanport.report.make import of_plan, of_run
from kanport.report.view import AccessRow, Account, Matrix, MatrixRow, RoleCount, View
from tests.support.report.examples import make_plan, make_run
from tests.support.report.random_reports import (
    FORMULA,
    partial_run,
    whole_plan,
    whole_plans_and_runs,
)

PLAN = whole_plan()
VIEW = of_plan(PLAN)
RUN = of_run(PLAN, partial_run(PLAN))


def row(view: View, person: str, project: str) -> AccessRow:
    (found,) = [r for r in view.access if (r.person, r.project) == (person, project)]
    return found


def test_a_role_that_stays_is_there_before_and_after() -> None:
    kept = row(VIEW, "x.one", "WEBSHOP")
    assert (kept.before, kept.after, kept.change_id) == ("project-member", "project-member", None)
    assert kept.name == "Xaver One"


def test_a_change_is_told_with_its_id() -> None:
    granted = row(VIEW, "e.rossi", "MOBILE")
    assert (granted.before, granted.after) == (None, "project-member")
    assert granted.change_id is not None
    changed = row(VIEW, "j.moreau", "WEBSHOP")
    assert (changed.before, changed.after) == ("project-member", "project-manager")


def test_access_that_may_stay_through_a_group_is_marked() -> None:
    assert row(VIEW, "t.nguyen", "WEBSHOP").maybe
    assert not row(VIEW, "j.moreau", "INTRANET").maybe


def test_the_access_of_a_removed_account_goes_with_it() -> None:
    gone = row(VIEW, "test-import", "WEBSHOP")
    assert (gone.before, gone.after) == ("project-viewer", None)
    assert gone.account is Account.REMOVED
    assert gone.line is not None and gone.line.change.action is Action.USER_REMOVE


def test_somebody_disabled_keeps_the_role_and_is_told_as_disabled() -> None:
    assert row(VIEW, FORMULA, "WEBSHOP").account is Account.DISABLED  # they were before
    disabled = row(VIEW, "k.olsen", "WEBSHOP")
    assert (disabled.after, disabled.account) == ("project-member", Account.DISABLED)


def test_access_that_moves_with_groups_is_told_without_a_change_of_its_own() -> None:
    gained = row(VIEW, "x.two", "OPS")
    assert (gained.before, gained.after, gained.change_id) == (None, "project-member", None)
    assert gained.reason == "through Crew"
    lost = row(VIEW, "k.olsen", "OPS")
    assert lost.maybe and lost.after is None


def test_after_a_run_what_was_done_counts() -> None:
    assert row(RUN, "j.moreau", "INTRANET").after == "project-member"  # the revoke failed
    assert row(RUN, "a.schmidt", "WEBSHOP").after is None  # the grant was skipped
    assert row(RUN, "a.schmidt", "WEBSHOP").account is Account.ABSENT
    assert row(RUN, "test-import", "WEBSHOP").after == "project-viewer"  # not started
    assert row(RUN, "e.rossi", "MOBILE").after == "project-member"


def test_what_was_so_already_counts_as_done() -> None:
    run = make_run(PLAN, {3: (Status.ALREADY, "")})
    assert row(of_run(PLAN, run), "j.moreau", "INTRANET").after is None


def test_rows_are_sorted_by_person_and_project() -> None:
    assert [r.person for r in VIEW.access] == sorted(r.person for r in VIEW.access)


def test_projects_of_one_label_are_told_apart() -> None:
    twins = tuple(
        PlanAccess(project="Twin", project_id=number, kept={"x.one": "project-viewer"})
        for number in (3, 4)
    )
    view = of_plan(make_plan([]).model_copy(update={"access": twins}))
    assert [r.project for r in view.access] == ["Twin (#3)", "Twin (#4)"]


def test_the_matrix_counts_the_rows() -> None:
    assert VIEW.matrix is not None
    assert VIEW.matrix.roles == ("project-viewer", "project-member", "project-manager", "Tester")
    before = [r for r in VIEW.access if r.before is not None]
    after = [r for r in VIEW.access if r.after is not None]
    assert (VIEW.matrix.before, VIEW.matrix.after) == (len(before), len(after))


def test_without_what_stays_there_is_no_matrix_but_the_changes_are_told() -> None:
    view = of_plan(make_plan())
    assert view.matrix is None
    assert len(view.access) == sum(
        line.change.action.value.startswith("membership") for line in view.lines
    )
    assert not any("memberships before" in total.text for total in view.sums)


@pytest.mark.parametrize(("before", "after"), [(3, 2), (1, 0)])
def test_a_matrix_that_does_not_add_up_cannot_be_made(before: int, after: int) -> None:
    cell = RoleCount("project-viewer", 1, 2)
    good = MatrixRow("A", 1, 1, 2, (cell,))
    Matrix(("project-viewer",), (good,), (cell,), 1, 2)
    with pytest.raises(AssertionError, match="add up"):
        replace(good, before=before, after=after)
    with pytest.raises(AssertionError, match="add up"):
        Matrix(("project-viewer",), (good,), (replace(cell, before=before, after=after),), 1, 2)


@settings(deadline=None)
@given(whole_plans_and_runs())
def test_whatever_the_plan_everybody_is_counted_once(case: tuple[Plan, Run]) -> None:
    plan, run = case
    for view in (of_plan(plan), of_run(plan, run)):
        told = sum(
            len(one.kept) + len(one.removed) + len(one.moved) for one in plan.access or ()
        ) + sum(c.action.value.startswith("membership") for c in plan.changes)
        assert len(view.access) == told
        if view.matrix is not None:
            assert view.matrix.before == sum(r.before is not None for r in view.access)
            assert view.matrix.after == sum(r.after is not None for r in view.access)


def test_whoever_is_renamed_is_reviewed_by_the_name_that_they_log_in_with() -> None:
    rename = {
        "action": Action.USER_RENAME,
        "who": "kathi.old",
        "before": {"username": "kathi.old"},
        "after": {"username": "kathi.new"},
        "reason": "same email, other username",
    }
    access = PlanAccess(project="OPS", project_id=7, kept={"kathi.old": "project-member"})
    plan = make_plan([rename]).model_copy(update={"access": (access,)})
    done, failed = make_run(plan), make_run(plan, {1: (Status.FAILED, "the name is taken")})
    assert [one.person for one in of_plan(plan).access] == ["kathi.new"]
    assert [one.person for one in of_run(plan, done).access] == ["kathi.new"]
    assert [one.person for one in of_run(plan, failed).access] == ["kathi.old"]


@pytest.mark.parametrize(("status", "name"), [("done", "kathi.new"), ("failed", "kathi.old")])
def test_whoever_is_renamed_has_one_name_whenever_their_changes_come(
    status: str, name: str
) -> None:
    def of(project: str, who: str, action: Action, before: str | None) -> dict[str, object]:
        side = None if before is None else {"role": before}
        after = {"role": "project-viewer"} if before is None else None
        parts = {"action": action, "who": who, "project": project, "id": 7}
        return parts | {"before": side, "after": after, "reason": "so"}

    rename = {
        "action": Action.USER_RENAME,
        "who": "kathi.old",
        "id": 7,
        "before": {"username": "kathi.old"},
        "after": {"username": "kathi.new"},
        "reason": "same email, other username",
    }
    plan = make_plan(
        [
            of("OPS", "kathi.old", Action.MEMBERSHIP_REVOKE, "project-member"),
            rename,
            of("WEB", "kathi.new", Action.MEMBERSHIP_GRANT, None),
        ]
    )
    run = make_run(plan, {2: (Status(status), "the name is taken")})
    assert {one.person for one in of_run(plan, run).access} == {name}
