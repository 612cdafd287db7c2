"""What of a plan needs review, in which order, and that `limits.raise` counts the same grants."""

from dataclasses import replace
from typing import Any

import pytest

from kanport.model import CurrentState
from kanport.origin import Origin
from kanport.plan.change import Action, Change, Risk
from kanport.plan.guards.counting import ACCESS, USERS, counted
from kanport.plan.model import Plan, PlanAccess, PlanGiver
from kanport.plan.review import (
    SEVERAL_ROLES,
    Review,
    moves_role,
    privileged_groups,
    raises,
    reviews_of,
)
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
        (change(UPDATE, before={"role": "app-admin"}, after={"role": "app-admin"}), [], False),
        (change(UPDATE, before={"role": "app-manager"}, after={"role": "app-manager"}), [], False),
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


JOIN, LEAVES = Action.GROUP_MEMBER_ADD, Action.GROUP_ACCESS_REVOKE
ALTER = Action.GROUP_ACCESS_CHANGE
VIEWER = {"role": "project-viewer"}


def of_group(action: Action, project_id: int | None = 1, **parts: Any) -> Change:
    parts = {"group": "G", "group_id": 7, "project": "X", **parts}
    return change(action, None, project_id=project_id, **parts)


@pytest.mark.parametrize(
    ("known", "changes", "privileged"),
    [
        ({}, [], set()),
        ({(7, 1): "project-manager"}, [], {7}),
        ({(7, 1): "Auditor"}, [], {7}),
        ({(7, 1): "project-member"}, [], set()),
        ({(7, 1): "project-member", (7, 2): "project-manager", (8, 1): ""}, [], {7}),
        # What the plan grants, changes and revokes counts, in the project that it is about.
        ({}, [of_group(OPEN, after=MANAGER)], {7}),
        ({}, [of_group(OPEN, after=MEMBER)], set()),
        ({}, [of_group(OPEN, None, group_id=None, after=MANAGER)], {"G"}),
        ({(7, 1): "project-manager"}, [of_group(LEAVES, before=MANAGER)], set()),
        ({(7, 1): "project-manager"}, [of_group(LEAVES, 2, before=MANAGER)], {7}),
        ({(7, "X"): "project-manager"}, [of_group(LEAVES, None, before=MANAGER)], set()),
        ({(7, 1): "project-manager"}, [of_group(ALTER, before=MANAGER, after=MEMBER)], set()),
        ({(7, 1): "project-viewer"}, [of_group(ALTER, before=VIEWER, after=MANAGER)], {7}),
        # A group of another number keeps its own, and what users get says nothing of groups.
        ({(8, 1): "project-manager"}, [of_group(LEAVES, before=MANAGER)], {8}),
        ({}, [change(GRANT, project="X", project_id=1, after=MANAGER)], set()),
        ({}, [of_group(Action.GROUP_UPDATE, before={"name": "G"}, after={"name": "H"})], set()),
    ],
)
def test_a_group_is_privileged_by_what_it_gives_once_the_plan_is_carried_out(
    known: dict[tuple[Any, Any], str], changes: list[Change], privileged: set[int | str]
) -> None:
    assert privileged_groups(known, changes) == privileged


@pytest.mark.parametrize(
    ("role", "reviews"),
    [
        ("project-manager", {"c0001": (Review.PRIVILEGE_GRANTED,)}),
        ("project-member", {}),
        (None, {}),
    ],
)
@pytest.mark.parametrize("project_id", [1, None])
def test_what_a_group_gave_before_the_plan_counts_for_who_joins_it(
    role: str | None, reviews: dict[str, Any], project_id: int | None
) -> None:
    giver = PlanGiver(group_id=7, group="G", role=role)
    access = (
        PlanAccess(project="W"),
        PlanAccess(project="X", project_id=project_id, givers=(giver,)),
    )
    joins = change(JOIN, group="G", group_id=7)
    others = change(JOIN, "bea", group="H", group_id=8)
    plan = plan_of(joins, others).model_copy(update={"access": access})
    assert reviews_of(plan) == reviews
    ends = of_group(LEAVES, project_id, before={"role": role or "x"})
    plan = plan_of(joins, ends).model_copy(update={"access": access})
    assert reviews_of(plan) == {}


def test_several_roles_are_those_of_one_user_and_new_ones() -> None:
    def grants(*users: tuple[str | None, int | None], **parts: Any) -> list[Change]:
        return [
            change(GRANT, who, user_id=number, project=f"P{n}", after=MEMBER, **parts)
            for n, (who, number) in enumerate(users)
        ]

    # A user who is renamed on the way is one.
    renamed = grants(("ada", 5), ("ada", 5), ("eda", 5), ("eda", 5), ("eda", 5))
    assert set(reviews_of(plan_of(*renamed)).values()) == {(Review.SEVERAL_ROLES,)}
    assert reviews_of(plan_of(*grants(*[("ada", n) for n in range(1, 6)]))) == {}
    assert reviews_of(plan_of(*grants(*[("ada", 5)] * 5, before=MEMBER))) == {}
    more = [
        *grants(*[("ada", 5)] * 5),
        change(GRANT, "ada", user_id=5, before=MEMBER, after=MEMBER),
    ]
    assert "c0006" not in reviews_of(plan_of(*more))
    revokes = [change(Action.MEMBERSHIP_REVOKE, project=f"P{n}", before=MEMBER) for n in range(9)]
    assert reviews_of(plan_of(*revokes)) == {}


@pytest.mark.parametrize(
    ("other", "marked"),
    [
        ({}, True),
        ({"column": "Role", "position": 9}, True),
        ({"row": 4}, False),
        ({"file": "other.csv"}, False),
        ({"sheet": "Second"}, False),
        ({"source": "access"}, False),
        ({"dn": "cn=a"}, False),
    ],
)
def test_one_row_is_one_of_one_source_file_and_sheet(other: dict[str, Any], marked: bool) -> None:
    made = change(Action.PROJECT_CREATE, None, project="ZZZ", after={"name": "Z"}, origin=(ROW,))
    grant = change(GRANT, project="ZZZ", after=MEMBER, origin=(replace(ROW, **other),))
    # A project of this name that is on the server already, or another one, has rows of its own.
    there = change(GRANT, project="ZZZ", project_id=4, after=MEMBER, origin=(ROW.at(row=9),))
    beside = change(GRANT, project="YYY", after=MEMBER, origin=(ROW.at(row=10),))
    wanted = {"c0001": (Review.PROJECT_FROM_ONE_ROW,)} if marked else {}
    assert reviews_of(plan_of(made, grant, there, beside)) == wanted
    unknown = change(Action.PROJECT_CREATE, None, project="ZZZ", after={"name": "Z"})
    assert reviews_of(plan_of(unknown)) == {}


def test_several_reasons_stand_most_severe_first() -> None:
    one = change(Action.USER_DISABLE, risk=(Risk.ADMIN_LOST, Risk.ADMIN_GRANTED))
    assert reviews_of(plan_of(one)) == {"c0001": (Review.ADMIN_GRANTED, Review.ADMIN_LOST)}
    gone = change(Action.USER_REMOVE, risk=(Risk.ADMIN_LOST,))
    assert reviews_of(plan_of(gone)) == {"c0001": (Review.DELETES_DATA, Review.ADMIN_LOST)}
    roles = [change(GRANT, project=f"P{n}", after=MANAGER) for n in range(SEVERAL_ROLES)]
    assert set(reviews_of(plan_of(*roles)).values()) == {
        (Review.PRIVILEGE_GRANTED, Review.SEVERAL_ROLES)
    }


ADMIN, LEAD, USER = ({"role": f"app-{name}"} for name in ("admin", "manager", "user"))


@pytest.mark.parametrize(
    ("one", "way"),
    [
        (change(UPDATE, before=USER, after=LEAD), 1),
        (change(UPDATE, before=ADMIN, after=LEAD), -1),
        (change(UPDATE, before=USER, after=USER), 0),
        (change(UPDATE, before={"name": "A"}, after={"name": "B"}), 0),
        (change(UPDATE, before={}, after=ADMIN), 0),
        (change(UPDATE, before=ADMIN, after={}), 0),
        (change(CREATE, after=ADMIN), 0),
        (change(CHANGE, project="X", before=VIEWER, after=MEMBER), 1),
        (change(CHANGE, project="X", before=MANAGER, after=MEMBER), -1),
        (change(GRANT, project="X", after=MANAGER), 0),
        (of_group(ALTER, before=MEMBER, after=MANAGER), 1),
        (of_group(ALTER, before=MANAGER, after=VIEWER), -1),
        (of_group(OPEN, after=MANAGER), 0),
    ],
)
def test_a_role_moves_up_or_down_only_where_there_is_one_before_and_after(
    one: Change, way: int
) -> None:
    assert (moves_role(one) > 0) - (moves_role(one) < 0) == way
    assert raises(one, ()) is (way > 0 or one.action in (OPEN, GRANT, CREATE))


def test_who_joins_a_group_is_raised_by_the_role_of_just_this_group() -> None:
    joins = change(JOIN, group="G", group_id=7)
    assert raises(joins, {7}) and not raises(joins, {8, "G"})
    new = change(JOIN, group="G")
    assert raises(new, {"G"}) and not raises(new, {7})
    assert not raises(change(Action.GROUP_MEMBER_REMOVE, group="G", group_id=7), {7})
