"""A plan tells the access that it leaves as it is, and nothing twice."""

from kanport.model import Group, Project, User
from kanport.plan.model import PlanAccess, PlanMove, PlanPerson
from tests.plan.test_groups import planned, server, wanted
from tests.support.planning import (
    ALPHA,
    BETA,
    a_mapping,
    a_server,
    a_state,
    desired_membership,
    desired_user,
    plan_for,
)

ANN, BOB, EVE = User(2, "ann", name="Ann A."), User(3, "bob", active=False), User(4, "eve")
ACCESS_RULE = {
    "from": "people",
    "group": {"from": "group"},
    "project": {"from": "project"},
    "role": {"from": "access"},
}


def test_roles_that_nothing_changes_are_kept_and_the_others_are_not() -> None:
    plan = plan_for(
        a_state(
            desired_membership("ann", "ALPHA", "project-manager"),
            desired_membership("eve", "ALPHA"),
        ),
        a_server(
            *(ANN, BOB, EVE),
            roles={1: {2: "project-member", 3: "project-viewer"}, 2: {4: "project-viewer"}},
        ),
        a_mapping(users=None),
    )
    assert plan.access == (
        PlanAccess(project="ALPHA", project_id=1, kept={"bob": "project-viewer"}),
        PlanAccess(project="BETA", project_id=2, kept={"eve": "project-viewer"}),
    )


def test_the_roles_of_a_removed_account_stand_apart() -> None:
    plan = plan_for(
        a_state(desired_user("ann")),
        a_server(ANN, EVE, roles={1: {4: "project-member"}}, projects=(ALPHA,)),
        a_mapping(
            users={"missing": "remove", "managed": {"usernames": ["eve"]}}, limits={"remove": 1}
        ),
    )
    assert [change.action for change in plan.changes] == ["user.remove"]
    assert plan.access == (
        PlanAccess(project="ALPHA", project_id=1, removed={"eve": "project-member"}),
    )


def test_people_are_told_with_their_names_and_whether_they_are_disabled() -> None:
    plan = plan_for(
        a_state(),
        a_server(ANN, BOB, EVE, roles={1: {2: "project-member", 3: "project-member"}}),
        a_mapping(users=None),
    )
    assert plan.people == (
        PlanPerson(username="ann", name="Ann A."),
        PlanPerson(username="bob", disabled=True),
    )


def test_somebody_whose_name_was_not_read_is_told_by_number() -> None:
    plan = plan_for(
        a_state(), a_server(ANN, roles={1: {99: "project-member"}}), a_mapping(users=None)
    )
    assert plan.access is not None
    assert plan.access[0].kept == {"#99": "project-member"}


def test_the_order_on_the_server_does_not_matter() -> None:
    forth = a_server(ANN, BOB, roles={1: {2: "project-member", 3: "project-viewer"}})
    back = a_server(
        *(BOB, ANN), projects=(BETA, ALPHA), roles={1: {3: "project-viewer", 2: "project-member"}}
    )
    one, other = (plan_for(a_state(), state, a_mapping(users=None)) for state in (forth, back))
    assert one.digest == other.digest
    assert list((one.access or ())[0].kept) == list((other.access or ())[0].kept) == ["ann", "bob"]


def test_projects_of_one_name_stay_apart() -> None:
    twins = (Project(1, "Twin"), Project(2, "Twin"))
    roles = {1: {2: "project-member"}, 2: {2: "project-viewer"}}
    plan = plan_for(a_state(), a_server(ANN, projects=twins, roles=roles), a_mapping(users=None))
    assert [(one.project, one.project_id, one.kept) for one in plan.access or ()] == [
        ("Twin", 1, {"ann": "project-member"}),
        ("Twin", 2, {"ann": "project-viewer"}),
    ]


def test_whoever_gets_access_through_a_group_is_told_to_move() -> None:
    plan = planned(
        wanted({"Web": ["ann"]}, {("Web", "ALPHA"): "project-member"}),
        server(),
        group_access=[ACCESS_RULE],
    )
    (alpha,) = [one for one in plan.access or () if one.project == "ALPHA"]
    assert alpha.moved == (
        PlanMove(username="ann", user_id=2, after="project-member", through=("Web",)),
    )


def test_whoever_leaves_a_group_may_lose_what_came_through_it() -> None:
    crew = Group(7, "Crew", "", frozenset({2, 3}))
    plan = planned(
        wanted({"Crew": ["ann"]}),
        server(crew, roles={1: {2: "project-member", 3: "project-member"}}),
        group_members_missing="remove",
    )
    assert [change.action for change in plan.changes] == ["group_member.remove"]
    (alpha,) = [one for one in plan.access or () if one.project == "ALPHA"]
    assert [(move.username, move.sure) for move in alpha.moved] == [("bob", False)]
    assert alpha.kept == {"ann": "project-member"}
