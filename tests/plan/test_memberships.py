"""Who is to have access to which project."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from kanport.findings import Finding
from kanport.model import (
    DesiredRelation,
    DesiredState,
    Given,
    Group,
    Identity,
    Project,
    Unknown,
    User,
)
from kanport.origin import Origin
from kanport.plan.change import Action, Risk
from kanport.plan.matching import projects_wanted
from tests.support.findings import codes
from tests.support.planning import (
    ALPHA,
    BETA,
    a_mapping,
    a_membership,
    a_server,
    a_state,
    cell,
    desired_membership,
    desired_user,
    lines_of,
    plan_for,
)

ANN, BOB = User(2, "ann"), User(3, "bob")
REVOKE = a_mapping(memberships_missing="revoke")


def test_an_access_that_is_not_there_is_granted_and_another_role_changed() -> None:
    plan = plan_for(
        a_state(
            desired_membership("ann", "ALPHA"),
            desired_membership("bob", "ALPHA", "project-manager", row=3),
        ),
        a_server(ANN, BOB, roles={1: {3: "project-viewer"}}),
    )
    assert lines_of(plan) == [
        "membership.grant ann ALPHA {'role': 'project-member'}",
        "membership.change bob ALPHA {'role': 'project-viewer'} -> {'role': 'project-manager'}",
    ]
    grant, change = plan.changes
    assert (grant.user_id, grant.project_id, grant.origin) == (2, 1, (cell("access", 2),))
    assert (change.reason, change.risk) == ("role differs", (Risk.PRIVILEGE_RAISED,))


def test_somebody_who_is_yet_to_be_created_is_granted_access_after_it() -> None:
    plan = plan_for(a_state(desired_user("eve"), desired_membership("Eve", "ALPHA")), a_server())
    assert [(c.id, c.action, c.username, c.user_id) for c in plan.changes] == [
        ("c0001", "user.create", "eve", None),
        ("c0002", "membership.grant", "eve", None),
    ]


def test_lowering_comes_first_and_granting_after_creating() -> None:
    plan = plan_for(
        a_state(
            desired_membership("ann", "ALPHA", "project-viewer"),
            desired_membership("bob", "BETA"),
            desired_user("eve"),
            desired_user("bob", 3, role="app-manager"),
        ),
        a_server(ANN, BOB, roles={1: {2: "project-manager", 3: "project-member"}}),
        REVOKE,
    )
    assert [change.action for change in plan.changes] == [
        "membership.change",
        "membership.revoke",
        "user.create",
        "user.update",
        "membership.grant",
    ]


@pytest.mark.parametrize("text", ["ALPHA", "alpha", "Alpha project", "ALPHA PROJECT", "1"])
def test_a_project_is_found_by_identifier_name_or_id(text: str) -> None:
    plan = plan_for(a_state(desired_membership("ann", text)), a_server(ANN))
    assert [change.project for change in plan.changes] == ["ALPHA"]


def test_a_number_is_an_id_only_where_nothing_is_called_so() -> None:
    projects = (ALPHA, Project(7, "1"))
    plan = plan_for(a_state(desired_membership("ann", "1")), a_server(ANN, projects=projects))
    assert [change.project_id for change in plan.changes] == [7]


def test_a_number_that_nothing_is_called_is_no_id_where_the_mapping_creates_projects() -> None:
    rows = [{"from": "people", "name": {"from": "project"}}]
    plan = plan_for(
        a_state(desired_membership("ann", "1")), a_server(ANN), a_mapping(projects=rows)
    )
    assert (plan.changes, codes(plan)) == ((), ["project-unknown"])


def test_a_project_name_that_fits_several_is_an_error_that_names_them_all() -> None:
    projects = (Project(1, "P1"), Project(2, "P1", "PONE"), Project(3, "other"))
    plan = plan_for(a_state(desired_membership("ann", "P1")), a_server(ANN, projects=projects))
    (finding,) = plan.findings
    assert (plan.changes, finding.code) == ((), "project-ambiguous")
    assert '"P1" (#1) and "P1" (PONE, #2)' in finding.message
    # An identifier is one project's alone, and comes first.
    identified = (*projects, Project(4, "another", "P1"))
    plan = plan_for(a_state(desired_membership("ann", "P1")), a_server(ANN, projects=identified))
    assert ([change.project_id for change in plan.changes], codes(plan)) == ([4], [])


def test_a_project_that_is_not_on_the_server_is_an_error_at_its_cell() -> None:
    plan = plan_for(a_state(desired_membership("ann", "ALHPA", row=5)), a_server(ANN))
    assert (plan.changes, codes(plan)) == ((), ["project-unknown"])
    assert plan.findings[0].origin == cell("project", 5)


@pytest.mark.parametrize("others", [(), ("ALPHA",), ("BETA", "ALPHA")])
def test_a_project_that_is_named_without_a_filled_cell_is_an_error_where_it_is_unknown(
    others: tuple[str, ...],
) -> None:
    plan = plan_for(a_state(named=["ALHPA", *others]), a_server(ANN), REVOKE)
    (finding,) = plan.findings
    assert (finding.code, finding.severity, finding.origin) == ("project-unknown", "error", None)
    assert finding.value is not None and "ALHPA" in finding.value
    assert plan.changes == ()


def test_a_project_that_is_named_without_a_filled_cell_is_an_error_where_it_is_several() -> None:
    twins = (ALPHA, Project(2, "Twin"), Project(3, "Twin"))
    plan = plan_for(a_state(named=["Twin"]), a_server(ANN, projects=twins), REVOKE)
    assert [(one.code, one.origin) for one in plan.findings] == [("project-ambiguous", None)]


def test_an_unknown_project_is_said_once_without_a_cell_and_at_each_cell_that_has_it() -> None:
    header, column = cell("ALHPA", 1), cell("access", 2)
    silent = replace(a_state(), projects_named=(Given("ALHPA"), Given("ALHPA")))
    assert codes(plan_for(silent, a_server(ANN))) == ["project-unknown"]
    named = (Given("ALHPA"), Given("ALHPA", (header,)), Given("ALHPA", (column,)))
    plan = plan_for(replace(silent, projects_named=named), a_server(ANN))
    assert [one.origin for one in plan.findings] == [header, column]


def test_a_membership_of_somebody_who_exists_nowhere_is_an_error_at_its_cell() -> None:
    plan = plan_for(a_state(desired_membership("nobody", "ALPHA", row=5)), a_server(ANN))
    assert (plan.changes, codes(plan)) == ((), ["person-unknown"])
    assert plan.findings[0].origin == cell("username", 5)


def test_a_membership_of_somebody_with_an_invalid_row_is_skipped_with_a_warning() -> None:
    unknown = Unknown(people=frozenset({"eve"}))
    plan = plan_for(a_state(desired_membership("eve", "ALPHA"), unknown=unknown), a_server(ANN))
    assert (plan.changes, codes(plan)) == ((), ["row-skipped"])


def test_two_roles_for_one_person_in_one_project_are_an_error_even_by_other_names() -> None:
    plan = plan_for(
        a_state(
            desired_membership("ann", "ALPHA"),
            desired_membership("ann", "1", "project-viewer", row=3),
        ),
        a_server(ANN),
    )
    assert (plan.changes, codes(plan)) == ((), ["membership-conflict", "project-by-id"])


def test_one_role_asked_for_twice_is_granted_once_and_names_both_cells() -> None:
    plan = plan_for(
        a_state(desired_membership("ann", "1", row=3), desired_membership("ann", "ALPHA")),
        a_server(ANN),
    )
    (change,) = plan.changes
    assert change.origin == (cell("access", 2), cell("access", 3))


def test_the_members_of_a_closed_project_can_be_changed_with_a_warning() -> None:
    projects = (Project(1, "Alpha", "ALPHA", active=False),)
    plan = plan_for(
        a_state(desired_membership("ann", "ALPHA"), desired_membership("bob", "ALPHA")),
        a_server(ANN, BOB, projects=projects),
    )
    assert plan.summary == {"membership.grant": 2}
    assert codes(plan) == ["project-closed"]


def test_nobody_is_put_into_a_private_project_nor_taken_out_of_it() -> None:
    projects = (Project(1, "Diary", private=True),)
    server = a_server(ANN, BOB, projects=projects, roles={1: {3: "project-manager"}})
    plan = plan_for(a_state(desired_membership("ann", "Diary")), server, REVOKE)
    assert (plan.changes, codes(plan)) == ((), ["project-private"])
    as_it_is = a_state(desired_membership("bob", "Diary", "project-manager"))
    assert plan_for(as_it_is, server, REVOKE).findings == ()


def test_the_projects_to_read_are_those_that_are_named_and_clear() -> None:
    desired = DesiredState(
        memberships=(desired_membership("ann", "alpha"),),
        projects_named=(Given("2"), Given("nowhere"), Given("Twin")),
    )
    twins = (Project(3, "Twin"), Project(4, "Twin"))
    assert projects_wanted(desired, (ALPHA, BETA, *twins)) == {1, 2}


# --- what nothing asks for ----------------------------------------------------------------------


def test_an_access_that_nothing_asks_for_is_revoked_within_the_projects_named() -> None:
    server = a_server(
        ANN, BOB, roles={1: {2: "project-member", 3: "project-viewer"}, 2: {3: "project-member"}}
    )
    plan = plan_for(a_state(desired_membership("ann", "ALPHA")), server, REVOKE)
    assert lines_of(plan) == ["membership.revoke bob ALPHA {'role': 'project-viewer'}"]
    assert plan.changes[0].risk == (Risk.ACCESS_LOST,)
    assert plan_for(a_state(desired_membership("ann", "ALPHA")), server).changes == ()


def test_a_project_that_is_named_with_nobody_in_it_loses_everybody() -> None:
    server = a_server(ANN, roles={1: {2: "project-member"}})
    assert len(plan_for(a_state(named=["ALPHA"]), server, REVOKE).changes) == 1


def test_only_managed_and_unprotected_people_are_revoked() -> None:
    mapping = a_mapping(
        users={"managed": {"usernames": ["a*"]}}, memberships_missing="revoke", protect=["admin"]
    )
    server = a_server(ANN, BOB, roles={1: dict.fromkeys((1, 2, 3), "project-member")})
    plan = plan_for(a_state(named=["ALPHA"]), server, mapping)
    assert [change.username for change in plan.changes] == ["ann"]


@pytest.mark.parametrize(("new_name", "stays"), [("ext-ann", False), ("ann.b", True)])
def test_whether_somebody_is_managed_is_asked_of_the_name_that_they_get(
    new_name: str, stays: bool
) -> None:
    mapping = a_mapping(
        users={"managed": {"usernames": ["ext-*"]}, "find_by": ["username", "email"]},
        memberships_missing="revoke",
    )
    old_name = "ext-a" if stays else "ann"
    ann = User(2, old_name, email="ann@x.org")
    server = a_server(ann, roles={1: {2: "project-member"}})
    desired = a_state(desired_user(new_name, email="ann@x.org"), named=["ALPHA"])
    actions = [change.action for change in plan_for(desired, server, mapping).changes]
    assert actions == (
        [Action.USER_RENAME] if stays else [Action.MEMBERSHIP_REVOKE, Action.USER_RENAME]
    )


_OPEN: Mapping[str, Unknown] = {
    "the person": Unknown(people=frozenset({"ann"})),
    "anybody": Unknown(everybody=True),
    "the membership": Unknown(memberships=frozenset({("ann", "alpha project")})),
    "some project of the person": Unknown(memberships=frozenset({("ann", None)})),
    "somebody in the project": Unknown(memberships=frozenset({(None, "1")})),
}


@pytest.mark.parametrize("what", _OPEN)
def test_an_access_that_an_invalid_row_may_ask_for_is_not_revoked(what: str) -> None:
    server = a_server(ANN, roles={1: {2: "project-member"}})
    plan = plan_for(a_state(named=["ALPHA"], unknown=_OPEN[what]), server, REVOKE)
    assert (plan.changes, codes(plan)) == ((), ["missing-unknown"])
    assert plan.findings[0].case == "memberships" and plan.findings[0].fact["count"] == 1


_OTHERWISE = Unknown(memberships=frozenset({("bob", None), ("ann", "beta"), (None, "beta")}))


@pytest.mark.parametrize("what", [None, *_OPEN])
def test_a_role_that_an_invalid_row_may_give_is_not_lowered_by_a_valid_one(
    what: str | None,
) -> None:
    server = a_server(ANN, roles={1: {2: "project-manager"}})

    def planned(role: str) -> list[str]:
        unknown = _OTHERWISE if what is None else _OPEN[what]
        plan = plan_for(a_state(desired_membership("ann", "ALPHA", role), unknown=unknown), server)
        assert ("row-skipped" in codes(plan)) is (plan.changes == ())
        return [str(change.action) for change in plan.changes]

    # Of a row that names nobody whom anybody can tell, a valid row counts as ever.
    lowered = ["membership.change"] if what in (None, "anybody") else []
    assert planned("project-viewer") == lowered


def test_a_role_is_not_lowered_where_an_invalid_row_has_the_new_name_of_the_user() -> None:
    server = a_server(ANN, roles={1: {2: "project-manager"}})
    mapping = a_mapping(users={"id": {"from": "number"}}, ledger="people.ledger")
    rows = (Origin("people", file="people.csv", row=2),)
    new = replace(desired_user("anna", 2), rows=rows, stable_id=Given("id-1"))
    unknown = Unknown(memberships=frozenset({("anna", "beta")}), people=frozenset({"anna"}))

    def planned(unknown: Unknown) -> list[str]:
        asked = desired_membership("anna", "ALPHA", "project-viewer")
        known = [Identity("id-1", 2, "ann")]
        plan = plan_for(a_state(new, asked, unknown=unknown), server, mapping, known=known)
        return [str(change.action) for change in plan.changes]

    assert "membership.change" in planned(Unknown())
    assert "membership.change" not in planned(unknown)


@pytest.mark.parametrize("what", [None, "the membership", "somebody in the project"])
def test_a_role_that_an_invalid_row_may_give_is_raised_all_the_same(what: str | None) -> None:
    server = a_server(ANN, roles={1: {2: "project-viewer"}})
    unknown = _OTHERWISE if what is None else _OPEN[what]
    plan = plan_for(
        a_state(desired_membership("ann", "ALPHA", "project-manager"), unknown=unknown), server
    )
    assert [str(change.action) for change in plan.changes] == ["membership.change"]


@pytest.mark.parametrize(
    "typo",
    [
        desired_membership("amn", "ALPHA"),
        desired_membership("ann", "ALHPA"),
        desired_membership("amn", "ALHPA"),
    ],
)
def test_a_slip_of_the_pen_in_a_membership_takes_access_from_nobody(typo: object) -> None:
    server = a_server(ANN, roles={1: {2: "project-member"}})
    plan = plan_for(a_state(typo, named=["ALPHA"]), server, REVOKE)  # type: ignore[arg-type]
    assert plan.changes == ()


@pytest.mark.parametrize("unknown", [_OPEN["anybody"], _OPEN["somebody in the project"]])
def test_a_user_whose_username_is_only_blanks_is_as_much_in_doubt_as_anybody(
    unknown: Unknown,
) -> None:
    server = a_server(User(2, ""), roles={1: {2: "project-member"}})
    plan = plan_for(a_state(named=["ALPHA"], unknown=unknown), server, REVOKE)
    assert (plan.changes, codes(plan)) == ((), ["missing-unknown"])
    assert len(plan_for(a_state(named=["ALPHA"]), server, REVOKE).changes) == 1


def test_an_error_in_a_row_makes_all_of_the_row_invalid() -> None:
    error = Finding("role-unknown", "no such role", origin=cell("access", 2))
    desired = a_state(
        desired_user("eve", 2),
        desired_membership("eve", "ALPHA", row=2),
        desired_user("bob", 3, name="B"),
    )
    plan = plan_for(desired, a_server(BOB), findings=[error])
    assert [change.username for change in plan.changes] == ["bob"]


# --- groups -------------------------------------------------------------------------------------


def _revoked(*groups: Group) -> tuple[tuple[Risk, ...], list[str]]:
    server = a_server(ANN, BOB, groups=groups, roles={1: {2: "project-member"}})
    plan = plan_for(a_state(named=["ALPHA"]), server, REVOKE)
    (change,) = plan.changes
    return change.risk, codes(plan)


def test_somebody_in_no_group_is_a_direct_member() -> None:
    assert _revoked(Group(1, "staff", members=frozenset({3}))) == ((Risk.ACCESS_LOST,), [])


def test_a_group_with_a_member_who_is_not_listed_has_no_access() -> None:
    assert _revoked(Group(1, "staff", members=frozenset({2, 3}))) == ((Risk.ACCESS_LOST,), [])


def test_a_group_whose_members_are_all_listed_may_be_where_the_access_comes_from() -> None:
    risk, found = _revoked(Group(1, "staff", members=frozenset({2})))
    assert risk == (Risk.ACCESS_LOST, Risk.MAYBE_THROUGH_GROUP)
    assert found == ["access-through-group"]


def test_another_role_for_a_member_through_a_group_is_a_change_that_may_not_work() -> None:
    group = Group(1, "staff", members=frozenset({2}))
    server = a_server(ANN, groups=(group,), roles={1: {2: "project-member"}})
    plan = plan_for(a_state(desired_membership("ann", "ALPHA", "project-manager")), server)
    assert [change.action for change in plan.changes] == ["membership.change"]
    assert plan.changes[0].risk == (Risk.PRIVILEGE_RAISED, Risk.MAYBE_THROUGH_GROUP)
    assert plan.findings[0].fact["groups"] == ("staff",)


def test_a_custom_role_ranks_as_a_manager() -> None:
    server = a_server(ANN, BOB, roles={1: {2: "project-manager", 3: "project-viewer"}})
    plan = plan_for(
        a_state(
            desired_membership("ann", "ALPHA", "tester"),
            desired_membership("bob", "ALPHA", "tester"),
        ),
        server,
    )
    assert [change.risk for change in plan.changes] == [(), (Risk.PRIVILEGE_RAISED,)]


# --- groups of directories as projects ------------------------------------------------------------


def test_a_group_of_a_directory_is_not_taken_for_a_project_that_another_one_means() -> None:
    projects = (Project(1, "Résumé"), BETA)

    def of_entry(project: str, who: str) -> DesiredRelation:
        place = (Origin("dir", dn=f"cn={project},dc=x"),)
        return a_membership(Given(who, place), Given(project, place), Given("project-member"))

    def state(*wanted: DesiredRelation) -> DesiredState:
        return DesiredState(memberships=wanted, projects_named=tuple(m.target for m in wanted))

    server = a_server(ANN, BOB, projects=projects)
    both = plan_for(state(of_entry("Résumé", "ann"), of_entry("Resume", "bob")), server)
    assert [(change.username, change.project_id) for change in both.changes] == [("ann", 1)]
    (finding,) = both.findings
    assert (finding.code, finding.value) == ("project-ambiguous", "Resume")
    assert finding.origin is not None and finding.origin.dn == "cn=Resume,dc=x"
    # Alone, it means the project all the same, as a cell of a file does.
    alone = plan_for(state(of_entry("Resume", "bob")), server)
    assert [(change.username, change.project_id) for change in alone.changes] == [("bob", 1)]


def test_nobody_gets_into_a_project_whose_members_could_not_be_read() -> None:
    server = replace(a_server(ANN), roles={2: {}})
    plan = plan_for(a_state(desired_membership("ann", "ALPHA")), server, REVOKE)
    assert lines_of(plan) == []
    assert [(one.code, one.case) for one in plan.findings] == [("row-skipped", "unread")]


def test_a_member_of_a_directory_who_is_not_on_the_server_and_in_no_list_is_told() -> None:
    zoe = replace(desired_membership("zoe", "ALPHA"), unlisted=True)
    plan = plan_for(a_state(zoe), a_server(ANN))
    assert [(one.code, one.case) for one in plan.findings] == [("member-no-person", "username")]
