"""What of a plan needs review, in which order, and that `limits.raise` counts the same grants."""

from dataclasses import replace
from typing import Any

import pytest

from kanport.model import CurrentState
from kanport.origin import Origin
from kanport.plan.change import Action, Change, Risk
from kanport.plan.guards.counting import ACCESS, USERS, counted
from kanport.plan.model import Plan
from kanport.plan.review import SEVERAL_ROLES, Review, raises, reviews_of
from tests.support.changes import a_change
from tests.support.report.examples import make_plan

MANAGER, MEMBER = {"role": "project-manager"}, {"role": "project-member"}
ROW = Origin("staff", file="staff.csv", row=3)


def plan_of(*changes: Change) -> Plan:
    ids = (f"c{number:04}" for number in range(1, len(changes) + 1))
    numbered = tuple(replace(one, id=name) for one, name in zip(changes, ids, strict=True))
    return make_plan([]).model_copy(update={"changes": numbered})


def change(action: Action, who: str | None = "ada", **parts: Any) -> Change:
    return a_change(action=action, username=who, **parts)


CREATE, UPDATE = Action.USER_CREATE, Action.USER_UPDATE
GRANT, CHANGE = Action.MEMBERSHIP_GRANT, Action.MEMBERSHIP_CHANGE
OPEN = Action.GROUP_ACCESS_GRANT


@pytest.mark.parametrize(
    ("one", "reviews", "raised"),
    [
        (change(CREATE, after={"role": "app-admin"}), [Review.ADMIN_GRANTED], True),
        (change(CREATE, after={"role": "app-manager"}), [Review.PRIVILEGE_GRANTED], True),
        (change(CREATE, after={"role": "app-user"}), [], False),
        (
            change(UPDATE, before={"role": "app-user"}, after={"role": "app-admin"}),
            [Review.ADMIN_GRANTED],
            True,
        ),
        (change(UPDATE, before={"name": "A"}, after={"name": "B"}), [], False),
        (change(GRANT, project="X", after=MANAGER), [Review.PRIVILEGE_GRANTED], True),
        (change(GRANT, project="X", after={"role": "Auditor"}), [Review.PRIVILEGE_GRANTED], True),
        (change(GRANT, project="X", after=MEMBER), [], False),
        (change(GRANT, project="X", before=MANAGER, after=MANAGER), [], False),
        (
            change(CHANGE, project="X", before=MEMBER, after=MANAGER),
            [Review.PRIVILEGE_GRANTED],
            True,
        ),
        (change(CHANGE, project="X", before={"role": "project-viewer"}, after=MEMBER), [], True),
        (change(CHANGE, project="X", before=MANAGER, after=MEMBER), [], False),
        (
            # Without the direct role, the one of a group counts.
            change(
                Action.MEMBERSHIP_REVOKE,
                project="X",
                before=MEMBER,
                after=MANAGER,
                risk=(Risk.PRIVILEGE_RAISED,),
            ),
            [Review.PRIVILEGE_GRANTED],
            False,
        ),
        (change(Action.MEMBERSHIP_REVOKE, project="X", before=MANAGER), [], False),
        (change(Action.USER_ENABLE), [Review.RE_ENABLED], True),
        (
            change(Action.USER_ENABLE, risk=(Risk.ADMIN_GRANTED,)),
            [Review.ADMIN_GRANTED, Review.RE_ENABLED],
            True,
        ),
        (change(OPEN, None, group="G", project="X", after=MEMBER), [Review.GROUP_ACCESS], True),
        (
            change(OPEN, None, group="G", project="X", after=MANAGER),
            [Review.PRIVILEGE_GRANTED, Review.GROUP_ACCESS],
            True,
        ),
        (
            change(Action.USER_RENAME, before={"username": "ada"}, after={"username": "bea"}),
            [Review.LOGIN_CHANGED],
            False,
        ),
        (change(Action.USER_REMOVE), [Review.DELETES_DATA], False),
        (change(Action.USER_DISABLE, risk=(Risk.ADMIN_LOST,)), [Review.ADMIN_LOST], False),
        (change(Action.MEMBERSHIP_REVOKE, project="X", before=MEMBER), [], False),
    ],
)
def test_each_change_says_why_it_needs_review_and_whether_it_raises_access(
    one: Change, reviews: list[Review], raised: bool
) -> None:
    assert reviews_of(plan_of(one)) == ({"c0001": tuple(reviews)} if reviews else {})
    assert raises(one, frozenset()) is raised


def test_somebody_who_joins_a_group_gets_the_privileged_role_that_it_gives() -> None:
    joins = change(Action.GROUP_MEMBER_ADD, group="G")
    gives = change(OPEN, None, group="G", project="X", after=MANAGER)
    assert reviews_of(plan_of(joins, gives))["c0001"] == (Review.PRIVILEGE_GRANTED,)
    assert "c0001" not in reviews_of(plan_of(joins))


def test_several_new_roles_of_one_user_are_marked_and_fewer_are_not() -> None:
    def grants(number: int) -> Plan:
        return plan_of(*(change(GRANT, project=f"P{n}", after=MEMBER) for n in range(number)))

    assert reviews_of(grants(SEVERAL_ROLES - 1)) == {}
    marked = reviews_of(grants(SEVERAL_ROLES))
    assert list(marked.values()) == [(Review.SEVERAL_ROLES,)] * SEVERAL_ROLES


def test_a_project_that_one_row_names_is_marked_and_one_of_several_rows_is_not() -> None:
    made = change(Action.PROJECT_CREATE, None, project="ZZZ", after={"name": "ZZZ"}, origin=(ROW,))
    grant = change(GRANT, project="ZZZ", after=MEMBER, origin=(ROW.at(column="Project"),))
    other = change(GRANT, project="ZZZ", after=MEMBER, origin=(ROW.at(row=4),))
    assert reviews_of(plan_of(made, grant)) == {"c0001": (Review.PROJECT_FROM_ONE_ROW,)}
    assert reviews_of(plan_of(made, grant, other)) == {}


def test_the_limit_of_raised_access_counts_every_grant_that_needs_review() -> None:
    changes = [
        change(CREATE, after={"role": "app-admin"}),
        change(CREATE, "bea", after={"role": "app-user"}),
        change(Action.USER_ENABLE, "cem"),
        change(GRANT, project="X", after=MANAGER),
        change(GRANT, "bea", project="X", after=MEMBER),
        change(OPEN, None, group="G", project="X", after=MANAGER),
        change(Action.GROUP_MEMBER_ADD, "cem", group="G"),
    ]
    numbers = counted(changes, CurrentState(server=None, users=(), projects=()))  # type: ignore[arg-type]
    assert (numbers["raise", USERS], numbers["raise", ACCESS]) == (2, 3)
