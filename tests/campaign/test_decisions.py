"""The plan of what reviewers decided, compared with what the server has by then."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kanport.campaign.decisions import Became, Decided, decided, results, review_plan
from kanport.mapping.spec import Limits, MappingFile
from kanport.model import CurrentState, Group, User
from kanport.origin import Origin
from kanport.plan.change import Change, Risk
from kanport.plan.model import Plan, PlanMapping
from kanport.plan.plan_file import dump_plan
from tests.support.planning import a_mapping
from tests.support.reviews import BOB, EVE, GIL, LEA, MAX, ROLES, ReviewDesk, a_current


@pytest.fixture
def desk(tmp_path: Path) -> ReviewDesk:
    return ReviewDesk(tmp_path)


def together(desk: ReviewDesk) -> Decided:
    return decided(desk.rows, [desk.read("lea"), desk.read("max")])


def planned(
    desk: ReviewDesk, current: CurrentState | None = None, mapping: MappingFile | None = None,
    asked: Any = None, **allowed: int,
) -> Plan:  # fmt: skip
    none = MappingFile.model_construct(kanport=1, sources={}, limits=Limits())
    return review_plan(
        desk.review,
        together(desk),
        current or a_current(),
        mapping or none,
        folder="review",
        asked=asked or {},
        mapping_ref=PlanMapping(path="review.json", sha256="0" * 64),
        sources=(),
        created_at="2026-11-21T08:00:00Z",
        made_by="ann@desk",
        allowed=allowed,
    )


def done(plan: Plan) -> list[tuple[str, str | None, str | None]]:
    return [(str(one.action), one.username, one.project) for one in plan.changes]


def codes(plan: Plan) -> list[str]:
    return [one.code for one in plan.findings if one.code != "review-open"]


def only(plan: Plan) -> Change:
    (change,) = plan.changes
    return change


def test_decisions_become_changes_with_their_reviewer_and_cell(desk: ReviewDesk) -> None:
    desk.fill("lea", "bob", "ALPHA", decision="revoke", comment="left")
    desk.fill("lea", "gil", "ALPHA", decision="change", new_role="project-viewer")
    desk.fill("lea", "eve", "ALPHA", decision="keep")
    plan = planned(desk, revoke=9, lower=9)
    assert sorted(done(plan)) == [
        ("membership.change", "gil", "ALPHA"),
        ("membership.revoke", "bob", "ALPHA"),
    ]
    change = next(one for one in plan.changes if one.username == "bob")
    assert change.reason == "lea decided in the review: revoke (left)"
    assert change.risk == (Risk.ACCESS_LOST,)
    assert [str(place).rpartition("#")[2] for place in change.origin] == ["Review!H2"]
    assert '"review-open"' in dump_plan(plan) and not plan.blocked_by
    assert plan.unchanged == {"memberships": len(desk.rows) - 2}


def test_a_membership_that_has_moved_is_not_counted_as_unchanged(desk: ReviewDesk) -> None:
    roles = {project: dict(some) for project, some in ROLES.items()}
    del roles[1][BOB.id]
    plan = planned(desk, replace(a_current(), roles=roles))
    assert plan.unchanged == {"memberships": len(desk.rows) - 1}


def test_what_nobody_decided_changes_nothing(desk: ReviewDesk) -> None:
    desk.fill("lea", "bob", "ALPHA", decision="don't know")
    plan = planned(desk)
    assert plan.changes == ()
    (finding,) = plan.findings
    assert finding.message == "8 rows are not decided, and the access stays"


def test_two_reviewers_agree_or_nothing_is_decided(desk: ReviewDesk) -> None:
    desk.fill("lea", "eve", "BETA", decision="revoke")
    desk.fill("max", "eve", "BETA", decision="don't know")
    assert done(planned(desk)) == [("membership.revoke", "eve", "BETA")]
    desk.fill("max", "eve", "BETA", decision="revoke")
    assert done(planned(desk)) == [("membership.revoke", "eve", "BETA")]
    desk.fill("max", "eve", "BETA", decision="keep")
    plan = planned(desk)
    assert plan.changes == () and codes(plan) == ["review-conflict"]
    (conflict,) = (one for one in plan.findings if one.code == "review-conflict")
    assert '"lea" decided "revoke" about "eve" in "BETA"' in conflict.message


@pytest.mark.parametrize(
    ("word", "roles", "code"),
    [
        ("revoke", {}, "review-settled"),
        ("revoke", {3: "project-member"}, "review-moved"),
        ("keep", {3: "project-member"}, "review-moved"),
        ("keep", {}, "review-moved"),
        ("change", {3: "project-member"}, "review-settled"),
        ("change", {3: "project-manager"}, "review-moved"),
        ("change", {}, "review-moved"),
    ],
)
def test_what_has_changed_since_is_reported_and_stays(
    desk: ReviewDesk, word: str, roles: dict[int, str], code: str
) -> None:
    role = {"new_role": "project-member"} if word == "change" else {}
    desk.fill("lea", "bob", "ALPHA", decision=word, **role)
    plan = planned(desk, a_current({1: roles, 2: ROLES[2]}))
    assert (plan.changes, codes(plan)) == ((), [code])


def test_a_user_or_project_that_is_gone_or_renamed_is_reported(desk: ReviewDesk) -> None:
    desk.fill("lea", "bob", "ALPHA", decision="revoke")
    renamed = a_current(users=(EVE, User(3, "robert"), GIL, LEA, MAX))
    assert codes(planned(desk, renamed)) == ["review-moved"]
    without = a_current({2: ROLES[2]}, projects=(a_current().projects[1],))
    assert codes(planned(desk, without)) == ["review-moved"]


def test_another_project_that_got_the_id_is_not_the_one_that_was_decided_about(
    desk: ReviewDesk,
) -> None:
    desk.fill("lea", "bob", "ALPHA", decision="revoke")
    alpha, beta = a_current().projects
    renamed = a_current(projects=(replace(alpha, name="Alpha 2"), beta))
    assert done(planned(desk, renamed)) == [("membership.revoke", "bob", "ALPHA")]
    other = a_current(projects=(replace(alpha, name="Gamma", identifier=""), beta))
    plan = planned(desk, other)
    assert (plan.changes, codes(plan)) == ((), ["review-moved"])


def test_decisions_of_a_reviewer_who_left_are_pointed_out(desk: ReviewDesk) -> None:
    desk.fill("lea", "bob", "ALPHA", decision="revoke")
    left = a_current(users=(EVE, BOB, GIL, replace(LEA, active=False), MAX))
    plan = planned(desk, left)
    assert done(plan) == [("membership.revoke", "bob", "ALPHA")]
    (warning,) = (one for one in plan.findings if one.code == "review-reviewer-gone")
    assert warning.message.startswith('"lea" decided 1 row, and is no longer an active user')


def repeat_row(sheet: Any) -> None:
    """Copy the row of eve in BETA to the end, and decide otherwise there."""
    rows = sheet.iter_rows(min_row=2)
    row = next(row for row in rows if (row[2].value, row[0].value) == ("eve", "BETA"))
    sheet.append([cell.value for cell in row])
    sheet.cell(row[0].row, 8, "revoke")
    sheet.cell(sheet.max_row, 8, "keep")


def overwrite_key(sheet: Any) -> None:
    for row in sheet.iter_rows(min_row=2):
        if (row[2].value, row[0].value) == ("eve", "BETA"):
            row[7].value, row[11].value = "keep", "?"


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (repeat_row, ["review-row-twice"]),
        (overwrite_key, ["review-rows-missing", "review-row-unknown"]),
        (lambda sheet: sheet.delete_cols(12), ["review-columns"]),
    ],
)
def test_a_row_that_is_wrong_in_one_workbook_stays_open(
    desk: ReviewDesk, spoil: Callable[[Any], None], found: list[str]
) -> None:
    desk.edit("lea", spoil)
    assert planned(desk).changes == ()
    desk.fill("max", "eve", "BETA", decision="revoke")
    plan = planned(desk)
    assert (plan.changes, codes(plan)) == ((), found)


def test_a_wrong_word_of_one_reviewer_leaves_the_row_open(desk: ReviewDesk) -> None:
    desk.fill("lea", "eve", "BETA", decision="behalten")
    desk.fill("max", "eve", "BETA", decision="revoke")
    plan = planned(desk)
    assert (plan.changes, codes(plan)) == ((), ["review-decision"])


def test_the_rules_of_the_mapping_hold(desk: ReviewDesk) -> None:
    desk.fill("lea", "bob", "ALPHA", decision="revoke")
    desk.fill("lea", "eve", "ALPHA", decision="change", new_role="project-manager")
    mapping = a_mapping(
        protect=["bob"], separation=[["ALPHA:project-manager", "BETA:project-manager"]]
    )
    plan = planned(desk, mapping=mapping)
    assert [one.guard for one in plan.blocked_by] == ["separation"]
    assert "person-protected" in codes(plan)
    assert [one.username for one in plan.changes] == ["eve"]


def test_what_the_sources_still_ask_for_is_reported(desk: ReviewDesk) -> None:
    desk.fill("lea", "bob", "ALPHA", decision="revoke")
    desk.fill("lea", "eve", "ALPHA", decision="change", new_role="project-viewer")
    place = Origin("access", file="access.csv", row=7)
    asked = {(3, 1): ("project-viewer", place), (2, 1): ("project-viewer", place)}
    plan = planned(desk, asked=asked, revoke=9, lower=9)
    (finding,) = (one for one in plan.findings if one.code == "review-asked")
    assert finding.value == "bob" and finding.related == (place,)
    assert len(plan.changes) == 2


def test_default_limits_hold_without_a_mapping(desk: ReviewDesk) -> None:
    for username in ("bob", "eve", "gil"):
        desk.fill("lea", username, "ALPHA", decision="revoke")
    assert [one.guard for one in planned(desk).blocked_by] == ["limit-revoke"]
    assert not planned(desk, revoke=3).blocked_by


def test_access_that_may_come_through_a_group_is_tried_with_a_warning(tmp_path: Path) -> None:
    current = a_current(groups=(Group(1, "Staff", members=frozenset({3})),))
    desk = ReviewDesk(tmp_path, current)
    desk.fill("lea", "bob", "ALPHA", decision="revoke")
    plan = planned(desk, current)
    assert Risk.MAYBE_THROUGH_GROUP in only(plan).risk
    assert codes(plan) == ["access-through-group"]


@pytest.mark.parametrize(
    ("word", "after", "became"),
    [
        ("keep", "project-viewer", Became.KEPT),
        ("keep", None, Became.DRIFTED),
        ("revoke", None, Became.REVOKED),
        ("revoke", "project-viewer", Became.NOT_DONE),
        ("revoke", "project-member", Became.DRIFTED),
        ("change", "project-member", Became.CHANGED),
        ("change", "project-viewer", Became.NOT_DONE),
        ("don't know", None, Became.OPEN),
        ("", None, Became.OPEN),
    ],
)
def test_the_result_is_what_the_server_shows(
    desk: ReviewDesk, word: str, after: str | None, became: Became
) -> None:
    cells: dict[str, Any] = {"decision": word} if word else {}
    cells |= {"new_role": "project-member"} if word == "change" else {}
    desk.fill("lea", "bob", "ALPHA", **cells)
    roles = {**ROLES[1], 3: after}
    current = a_current({1: {who: role for who, role in roles.items() if role}, 2: ROLES[2]})
    found = {one.row.key: one for one in results(together(desk), current)}
    assert found[desk.row("bob", "ALPHA").key].became is became
    assert sum(one.became is Became.OPEN for one in found.values()) >= 7
