"""What a plan does to groups, their members and their access, and what it leaves alone."""

from dataclasses import replace
from typing import Any

import pytest

from kanport.memory import Grant, LedgerState
from kanport.model import (
    CurrentState,
    DesiredGroup,
    DesiredProject,
    DesiredState,
    DesiredUser,
    Given,
    Group,
    Project,
    Unknown,
    User,
)
from kanport.plan.groups import match_groups
from kanport.plan.make import make_plan
from kanport.plan.model import Plan, PlanMapping
from kanport.plan.order import Phase, phase_of
from kanport.plan.staleness import differences
from tests.support.changes import after_of, before_of
from tests.support.findings import codes
from tests.support.planning import (
    ALPHA,
    BETA,
    a_mapping,
    a_member,
    a_server,
    an_access,
    desired_membership,
)

ANN, BOB, EVE = User(2, "ann"), User(3, "bob"), User(4, "eve")
ENGINEERS = Group(7, "Engineers", "cn=eng", frozenset({2, 3}))
MEMBER, VIEWER = "project-member", "project-viewer"


def wanted(
    groups: dict[str, list[str] | None],
    given_access: dict[tuple[str, str], str] | None = None,
    ids: dict[str, str] | None = None,
    **parts: Any,
) -> DesiredState:
    """Want these groups; None leaves their members alone."""
    return DesiredState(
        groups=tuple(
            DesiredGroup(
                Given(name), Given(ids[name]) if ids and name in ids else None, some is not None
            )
            for name, some in groups.items()
        ),
        group_members=tuple(
            a_member(Given(who), Given(name)) for name, some in groups.items() for who in some or ()
        ),
        group_access=tuple(
            an_access(Given(group), Given(project), Given(role))
            for (group, project), role in (given_access or {}).items()
        ),
        **parts,
    )


def planned(
    desired: DesiredState, current: CurrentState, memory: LedgerState | None = None, **parts: Any
) -> Plan:
    rows = {"from": "people", "name": {"from": "group"}, "member": {"from": "username"}}
    parts = {"users": None, "memberships": [], **parts}
    spec = a_mapping(groups=[rows], ledger="x.ledger", **parts)
    return make_plan(
        desired,
        current,
        spec,
        findings=(),
        mapping_ref=PlanMapping(path="people.yaml", sha256="0" * 64),
        sources=(),
        created_at="2026-11-21T02:00:00Z",
        version="1.0",
        memory=memory or LedgerState(),
    )


def told(plan: Plan) -> list[tuple[Any, ...]]:
    return [
        (str(one.action), *(part for part in (one.group, one.project) if part),
         *([one.username] if one.username else []), *(after_of(one).values()))
        for one in plan.changes
    ]  # fmt: skip


def server(*there: Group | User, **parts: Any) -> CurrentState:
    groups = tuple(one for one in there if isinstance(one, Group))
    users = (one for one in there if isinstance(one, User))
    return a_server(ANN, BOB, EVE, *users, groups=groups, **parts)


def test_a_new_group_gets_its_members_when_it_is_there() -> None:
    plan = planned(wanted({"Web": ["ann"]}), server())
    assert told(plan) == [
        ("group.create", "Web", "Web", ""),
        ("group_member.add", "Web", "ann"),
    ]
    assert [change.group_id for change in plan.changes] == [None, None]


def test_a_group_is_renamed_by_its_external_id() -> None:
    plan = planned(wanted({"Developers": ["ann", "bob", "eve"]}, ids={"Developers": "cn=eng"}),
                   server(ENGINEERS))  # fmt: skip
    assert told(plan) == [
        ("group.update", "Engineers", "Developers"),
        ("group_member.add", "Developers", "eve"),
    ]
    assert differences(plan, server(ENGINEERS)) == []
    moved = Group(7, "Others", "cn=eng", frozenset({2, 3}))
    assert differences(plan, server(moved))


def test_a_name_that_another_group_has_is_not_taken() -> None:
    plan = planned(
        wanted({"Developers": ["eve"]}, ids={"Developers": "cn=eng"}),
        server(ENGINEERS, Group(8, "Developers")),
    )
    assert told(plan) == []
    assert codes(plan) == ["group-unclear"]
    assert '"Engineers" (#7)' in plan.findings[0].message


def test_two_groups_with_one_external_id_are_told_with_both_numbers() -> None:
    plan = planned(wanted({"Web": ["eve"]}, ids={"Web": "cn=eng"}),
                   server(ENGINEERS, Group(8, "More", "cn=eng")))  # fmt: skip
    assert '(#7) and "More" (#8)' in plan.findings[0].message


def test_whom_nothing_puts_into_a_group_leaves_it_only_where_that_is_wanted() -> None:
    desired = wanted({"Engineers": ["ann"]})
    assert told(planned(desired, server(ENGINEERS))) == []
    plan = planned(desired, server(ENGINEERS), group_members_missing="remove")
    assert told(plan) == [("group_member.remove", "Engineers", "bob")]
    assert phase_of(plan.changes[0]) is Phase.LOWER


def test_a_group_that_is_only_named_keeps_its_members() -> None:
    plan = planned(wanted({"Engineers": None}), server(ENGINEERS), group_members_missing="remove")
    assert told(plan) == []


def test_nobody_leaves_a_group_for_want_of_evidence() -> None:
    for pair in ((None, None), ("bob", None), (None, "engineers"), ("bob", "engineers")):
        desired = wanted({"Engineers": ["ann"]}, unknown=Unknown(group_members=frozenset({pair})))
        plan = planned(desired, server(ENGINEERS), group_members_missing="remove")
        assert told(plan) == []
        assert codes(plan) == ["missing-unknown"]


def test_nobody_leaves_a_group_for_a_row_that_names_them_as_they_will_be_called() -> None:
    desired = wanted(
        {"Engineers": ["ann"]},
        users=(DesiredUser(Given("robert"), email=Given("bob@example.org")),),
        unknown=Unknown(group_members=frozenset({("robert", "engineers")})),
    )
    bob = User(3, "bob", email="bob@example.org")
    here = a_server(ANN, bob, EVE, groups=(ENGINEERS,))
    users = {"find_by": ["username", "email"]}
    plan = planned(desired, here, group_members_missing="remove", users=users)
    assert told(plan) == [("user.rename", "bob", "robert")]
    assert codes(plan) == ["missing-unknown"]


@pytest.mark.parametrize("other", ["engineers", "ENGINEERS"])
def test_a_group_found_by_its_id_keeps_its_members_beside_one_that_is_spelled_alike(
    other: str,
) -> None:
    desired = wanted(
        {"ENGINEERS": ["ann", "bob"]},
        {("ENGINEERS", "ALPHA"): MEMBER},
        ids={"ENGINEERS": "cn=eng"},
    )
    here = server(ENGINEERS, Group(8, other), roles={1: {2: MEMBER, 3: MEMBER}})
    plan = planned(
        desired,
        here,
        LedgerState(group_access={(7, 1): MEMBER}),
        group_members_missing="remove",
        group_access=[{"list": {"ENGINEERS": {"ALPHA": MEMBER}}}],
        group_access_missing="revoke",
    )
    assert told(plan) == []


def test_a_group_stays_that_may_be_one_of_the_sources() -> None:
    crew = Group(9, "Crew")
    desired = wanted({"Crew": []}, ids={"Crew": "cn=eng"})
    plan = planned(desired, server(ENGINEERS, crew), groups_missing="remove", groups_managed=["*"])
    assert told(plan) == []
    assert set(codes(plan)) == {"group-unclear", "group-kept"}


@pytest.mark.parametrize(
    ("access", "unknown"),
    [
        ({("Enginers", "ALPHA"): MEMBER}, frozenset()),
        ({}, frozenset({("engineers", "ALPHA")})),
        ({}, frozenset({(None, "ALPHA")})),
    ],
)
def test_a_group_stays_where_a_row_of_access_may_name_it(
    access: dict[tuple[str, str], str], unknown: frozenset[tuple[str | None, str | None]]
) -> None:
    desired = wanted({"Web": []}, access, unknown=Unknown(group_access=unknown))
    plan = planned(desired, server(ENGINEERS), groups_missing="remove", groups_managed=["*"])
    assert told(plan) == [("group.create", "Web", "Web", "")]
    assert "group-kept" in codes(plan)


@pytest.mark.parametrize(
    ("group", "project", "stays"),
    [
        ("Engineers", "ALHPA", {"ALPHA", "BETA"}),
        ("Enginers", "ALPHA", {"ALPHA"}),
        ("Enginers", "ALHPA", {"ALPHA", "BETA"}),
        ("EnGineers", "ALPHA", {"ALPHA"}),
        ("Web", "ALHPA", set()),
    ],
)
def test_access_of_groups_stays_where_a_row_that_cannot_be_followed_may_ask_for_it(
    group: str, project: str, stays: set[str]
) -> None:
    roles = {1: {2: MEMBER, 3: MEMBER}, 2: {2: MEMBER, 3: MEMBER}}
    groups = (ENGINEERS, Group(8, "ENGINEERS"), Group(9, "Web"))
    plan = planned(
        wanted({}, {(group, project): MEMBER}),
        server(*groups, roles=roles),
        LedgerState(group_access={(7, 1): MEMBER, (7, 2): MEMBER}),
        group_access=[{"list": {group: {project: MEMBER}}}],
        group_access_missing="revoke",
    )
    assert {one.project for one in plan.changes} == {"ALPHA", "BETA"} - stays


@pytest.mark.parametrize("missing", ["disable", "remove"])
def test_whom_a_row_of_groups_names_is_not_missing(missing: str) -> None:
    users = {"missing": missing, "managed": {"usernames": ["*"]}}
    desired = wanted({"Engineers": ["Ann"]}, users=(DesiredUser(Given("eve")),),
                     unknown=Unknown(group_members=frozenset({("bob", "engineers")})))  # fmt: skip
    plan = planned(desired, server(ENGINEERS, User(5, "gus")), users=users, protect=["admin"])
    assert [(one.action, one.username) for one in plan.changes] == [(f"user.{missing}", "gus")]
    assert "missing-unknown" in codes(plan)


def test_a_protected_account_neither_joins_nor_leaves() -> None:
    plan = planned(
        wanted({"Engineers": ["ann"], "Web": ["eve"]}),
        server(ENGINEERS),
        group_members_missing="remove",
        protect=["bob", "eve"],
    )
    assert told(plan) == [("group.create", "Web", "Web", "")]


def test_a_group_goes_when_everybody_is_out_of_it() -> None:
    plan = planned(wanted({"Web": []}), server(ENGINEERS, Group(8, "Kept")),
                   groups_missing="remove", groups_managed=["eng*"])  # fmt: skip
    assert [change[0] for change in told(plan)] == [
        "group_member.remove",
        "group_member.remove",
        "group.create",
        "group.remove",
    ]


def test_a_group_stays_where_a_row_that_cannot_be_read_may_name_it() -> None:
    desired = wanted({"Web": []}, unknown=Unknown(group_members=frozenset({("eve", None)})))
    plan = planned(desired, server(ENGINEERS), groups_missing="remove", groups_managed=["*"])
    assert told(plan) == [("group.create", "Web", "Web", "")]
    assert codes(plan) == ["group-kept"]


def test_a_group_with_too_many_members_to_list_is_left_alone() -> None:
    crowd = Group(7, "Engineers", members=frozenset({2}), complete=False)
    plan = planned(wanted({"Engineers": ["eve"]}), server(crowd), group_members_missing="remove")
    assert told(plan) == []
    assert codes(plan) == ["group-unread"]


# The same project by its identifier and by its name, and the same group in two spellings.
TWICE = [
    [("Engineers", "ALPHA"), ("Engineers", "Alpha project")],
    [("Engineers", "ALPHA"), ("engineers", "ALPHA")],
    [("engineers", "Alpha project"), ("ENGINEERS", "alpha project"), ("Engineers", "ALPHA")],
]


@pytest.mark.parametrize("spellings", TWICE)
def test_rows_that_spell_one_access_apart_are_one_change(spellings: list[tuple[str, str]]) -> None:
    here = a_server(ANN, BOB, groups=(ENGINEERS,))
    plan = planned(wanted({}, dict.fromkeys(spellings, MEMBER)), here)
    assert told(plan) == [("group_access.grant", "Engineers", "ALPHA", MEMBER)]


@pytest.mark.parametrize("held", [None, MEMBER, VIEWER, "project-manager"])
@pytest.mark.parametrize("spellings", TWICE)
def test_rows_that_give_one_access_two_roles_change_nothing_and_end_nothing(
    spellings: list[tuple[str, str]], held: str | None
) -> None:
    roles = dict.fromkeys(spellings, MEMBER) | {spellings[-1]: VIEWER}
    memory = LedgerState(group_access={} if held is None else {(7, 1): held})
    here = a_server(ANN, BOB, groups=(ENGINEERS,), roles={1: {2: MEMBER, 3: MEMBER}})
    rules = [{"list": {"Engineers": {"ALPHA": MEMBER}}}]
    desired = wanted({}, roles)
    plan = planned(desired, here, memory, group_access=rules, group_access_missing="revoke")
    assert told(plan) == []
    (conflict,) = [finding for finding in plan.findings if finding.code == "group-differs"]
    assert conflict.severity == "error"
    assert all(role in conflict.message for role in (MEMBER, VIEWER))


def test_access_is_given_until_it_is_known_and_revoked_only_then() -> None:
    desired = wanted({"Engineers": None}, {("Engineers", "ALPHA"): MEMBER})
    roles = {1: {2: MEMBER, 3: MEMBER}, 2: {2: VIEWER, 3: VIEWER}}
    here = server(ENGINEERS, roles=roles)
    assert told(planned(desired, here)) == [("group_access.grant", "Engineers", "ALPHA", MEMBER)]
    known = LedgerState(group_access={(7, 1): MEMBER, (7, 2): VIEWER})
    assert told(planned(desired, here, known)) == []
    rules = [{"list": {"Engineers": {"ALPHA": MEMBER}}}]
    plan = planned(desired, here, known, group_access=rules, group_access_missing="revoke")
    assert told(plan) == [("group_access.revoke", "Engineers", "BETA")]
    lower = LedgerState(group_access={(7, 1): "project-manager"})
    change = planned(desired, here, lower).changes[0]
    assert (change.action, phase_of(change)) == ("group_access.change", Phase.LOWER)


def test_what_the_ledger_says_is_not_believed_where_the_server_shows_otherwise() -> None:
    known = LedgerState(group_access={(7, 1): MEMBER})
    desired = wanted({"Engineers": None}, {("Engineers", "ALPHA"): MEMBER})
    plan = planned(desired, server(ENGINEERS, roles={1: {2: MEMBER}}), known)
    assert told(plan) == [("group_access.grant", "Engineers", "ALPHA", MEMBER)]


@pytest.mark.parametrize("names", [("Testers", "ALPHA"), ("Engineers", "GAMMA")])
def test_what_the_ledger_says_is_not_believed_of_a_number_that_was_passed_on(
    names: tuple[str, str],
) -> None:
    known = LedgerState(group_access={(7, 1): MEMBER}, access_names={(7, 1): Grant(*names)})
    plan = planned(
        wanted({"Web": None}),
        server(ENGINEERS, Group(8, "Web"), roles={1: {2: MEMBER, 3: MEMBER}}),
        known,
        group_access=[{"list": {"Web": {"ALPHA": MEMBER}}}],
        group_access_missing="revoke",
    )
    assert told(plan) == []


@pytest.mark.parametrize("asked", [{}, {("Engineers", "ALPHA"): VIEWER}])
def test_the_access_of_a_group_stays_while_a_protected_account_is_in_it(
    asked: dict[tuple[str, str], str],
) -> None:
    parts: dict[str, Any] = {
        "group_access": [{"list": {"Web": {"BETA": MEMBER}}}],
        "group_access_missing": "revoke",
    }
    here = server(ENGINEERS, roles={1: {2: MEMBER, 3: MEMBER}})
    known = LedgerState(group_access={(7, 1): MEMBER})
    plan = planned(wanted({}, asked), here, known, protect=["BOB"], **parts)
    assert told(plan) == []
    assert codes(plan) == ["group-kept"]
    assert told(planned(wanted({}, asked), here, known, **parts))


@pytest.mark.parametrize("name", ["Engineers", "ENGINEERS", "engineers"])
def test_a_group_is_meant_by_its_name_on_the_server_and_by_that_of_the_sources(name: str) -> None:
    desired = wanted({"ENGINEERS": ["ann", "bob"]}, {(name, "ALPHA"): MEMBER},
                     ids={"ENGINEERS": "cn=eng"})  # fmt: skip
    plan = planned(desired, server(ENGINEERS))
    assert (told(plan), codes(plan)) == ([("group_access.grant", "Engineers", "ALPHA", MEMBER)], [])


def test_a_group_gets_its_first_access_whoever_is_in_it() -> None:
    desired = wanted({}, {("Engineers", "ALPHA"): MEMBER})
    plan = planned(desired, server(ENGINEERS), protect=["bob"])
    assert told(plan) == [("group_access.grant", "Engineers", "ALPHA", MEMBER)]
    assert codes(plan) == []


def test_access_is_told_that_cannot_be_given() -> None:
    private = Project(3, "Own", private=True)
    desired = wanted(
        {}, {("Nobody", "ALPHA"): MEMBER, ("Engineers", "Own"): MEMBER, ("Engineers", "X"): MEMBER}
    )
    plan = planned(desired, server(ENGINEERS, projects=(ALPHA, BETA, private)))
    assert told(plan) == []
    assert sorted(codes(plan)) == ["group-unknown", "project-private", "project-unknown"]


def test_projects_are_created_only_where_the_mapping_lets_it() -> None:
    desired = wanted({"Engineers": None}, {("Engineers", "GAMMA"): MEMBER})
    assert codes(planned(desired, server(ENGINEERS))) == ["project-unknown"]
    plan = planned(desired, server(ENGINEERS), projects="create")
    assert told(plan) == [
        ("project.create", "GAMMA", "GAMMA"),
        ("group_access.grant", "Engineers", "GAMMA", MEMBER),
    ]
    assert [change.project_id for change in plan.changes] == [None, None]
    assert differences(plan, server(ENGINEERS)) == []
    there = (ALPHA, BETA, Project(3, "Gamma"))
    (moved,) = differences(plan, server(ENGINEERS, projects=there))
    assert (moved.code, moved.case, moved["number"]) == ("stale-project", "exists", 3)


def test_a_project_that_is_described_belongs_to_whom_the_row_says() -> None:
    gamma = DesiredProject(Given("Gamma"), Given("gam"), Given("ann"), Given("All of it"))
    desired = wanted({}, projects=(gamma,), memberships=(desired_membership("bob", "GAM"),))
    rows = [{"from": "people", "name": {"from": "project"}}]
    plan = planned(desired, server(), projects=rows)
    created, granted = plan.changes
    assert after_of(created) == {
        "name": "Gamma", "identifier": "GAM", "owner": "ann", "description": "All of it"
    }  # fmt: skip
    assert (created.user_id, granted.project, granted.project_id) == (2, "GAM", None)


def test_no_group_gets_access_to_a_project_that_is_left_out_and_what_it_has_stays() -> None:
    there = (ALPHA, BETA, Project(3, "Diary", "DIA"))
    private = DesiredProject(Given("Diary"), Given("DIA"), called=Given("DIA"), private=True)
    plan = planned(
        wanted(
            {"Engineers": ["ann", "bob"]},
            {("Engineers", "DIA"): VIEWER, ("Engineers", "ALPHA"): VIEWER},
            projects=(private,),
        ),
        server(ENGINEERS, projects=there, roles={3: {2: MEMBER, 3: MEMBER}}),
        LedgerState(group_access={(7, 3): MEMBER}),
        projects=[{"from": "people", "name": {"from": "project"}}],
        group_access=[{"list": {"Engineers": {"DIA": VIEWER, "ALPHA": VIEWER}}}],
        group_access_missing="revoke",
    )
    assert told(plan) == [("group_access.grant", "Engineers", "ALPHA", VIEWER)]
    assert codes(plan) == ["missing-unknown", "project-clash"]


def test_a_name_that_two_projects_have_is_an_error_that_names_both() -> None:
    two = (ALPHA, Project(8, "Gamma"), Project(9, "Gamma"))
    desired = wanted({}, projects=(DesiredProject(Given("Gamma")),))
    rows = [{"from": "people", "name": {"from": "project"}}]
    plan = planned(desired, server(projects=two), projects=rows)
    assert told(plan) == []
    assert "#8" in plan.findings[0].message and "#9" in plan.findings[0].message


def test_a_direct_role_is_made_sure_of_when_a_group_that_may_give_it_goes() -> None:
    desired = wanted(
        {"Engineers": ["bob"]}, memberships=(desired_membership("ann", "ALPHA", MEMBER),)
    )
    here = server(ENGINEERS, roles={1: {2: MEMBER, 3: MEMBER}})
    plan = planned(desired, here, group_members_missing="remove")
    assert told(plan) == [
        ("group_member.remove", "Engineers", "ann"),
        ("membership.grant", "ALPHA", "ann", MEMBER),
    ]
    assert before_of(plan.changes[1]) == {"role": MEMBER}


def test_access_that_is_known_to_come_through_a_group_is_left_alone() -> None:
    desired = DesiredState(
        projects_named=(Given("ALPHA"),), memberships=(desired_membership("eve", "ALPHA", MEMBER),)
    )
    here = server(ENGINEERS, roles={1: {2: MEMBER, 3: MEMBER, 4: MEMBER}})
    rows = {"from": "people", "username": {"from": "username"}, "project": {"from": "project"},
            "role": {"from": "access"}}  # fmt: skip
    spec = {"memberships_missing": "revoke"}
    first = planned_with(rows, desired, here, None, spec)
    assert [change.risk for change in first.changes] == [
        ("access-lost", "maybe-through-group"),
        ("access-lost", "maybe-through-group"),
    ]
    found = LedgerState(through_group={(2, 1): MEMBER, (3, 1): MEMBER})
    again = planned_with(rows, desired, here, found, spec)
    assert again.changes == ()
    assert codes(again) == ["access-kept"]
    changed = LedgerState(through_group={(2, 1): VIEWER, (3, 1): MEMBER})
    third = planned_with(rows, desired, here, changed, spec)
    assert [change.username for change in third.changes] == ["ann"]


def planned_with(
    rows: dict[str, Any],
    desired: DesiredState,
    current: CurrentState,
    memory: LedgerState | None,
    parts: dict[str, Any],
) -> Plan:
    return make_plan(
        desired,
        current,
        a_mapping(users=None, memberships=[rows], **parts),
        findings=(),
        mapping_ref=PlanMapping(path="people.yaml", sha256="0" * 64),
        sources=(),
        created_at="2026-11-21T02:00:00Z",
        version="1.0",
        memory=memory or LedgerState(),
    )


def test_a_name_that_fits_a_described_group_and_another_of_the_server_may_be_either() -> None:
    found = match_groups(
        [DesiredGroup(Given("Team"), Given("cn=team"))],
        [Group(7, "TEAM", "cn=team"), Group(8, "team")],
    )
    assert [group.id for group in found.fitting("team")] == [7, 8]
    assert [group.id for group in found.fitting("Team")] == [7]


def test_a_plan_that_removes_a_group_is_stale_where_somebody_has_left_or_joined_it() -> None:
    there = server(ENGINEERS, Group(8, "Kept"))
    plan = planned(wanted({"Web": []}), there, groups_missing="remove", groups_managed=["eng*"])
    said = {
        number: [
            (one.code, one.case)
            for one in differences(plan, server(replace(ENGINEERS, members=members)))
        ]
        for number, members in enumerate((frozenset({2, 3}), frozenset({2}), frozenset({2, 3, 4})))
    }
    assert said == {
        0: [],
        1: [("stale-group-member", "gone")],
        2: [("stale-group", "joined")],
    }


ACCESS = {
    "from": "people",
    "group": {"from": "group"},
    "project": {"from": "project"},
    "role": {"from": "access"},
}


def test_access_of_a_group_that_no_source_names_ends_unless_a_row_may_name_it() -> None:
    def ended(unknown: Unknown) -> list[tuple[Any, ...]]:
        plan = planned(
            wanted({"Web": ["ann"]}, {("Web", "ALPHA"): MEMBER}, unknown=unknown),
            server(ENGINEERS, Group(8, "Web", members=frozenset({2})),
                   roles={1: {2: MEMBER, 3: MEMBER}}),
            LedgerState(group_access={(7, 1): MEMBER, (8, 1): MEMBER}),
            group_access=[ACCESS],
            groups_missing="revoke",
            limits={"dropped": 9},
        )  # fmt: skip
        return [one for one in told(plan) if one[0] == "group_access.revoke"]

    assert ended(Unknown()) == [("group_access.revoke", "Engineers", "ALPHA")]
    assert ended(Unknown(group_members=frozenset({("eve", "engineers")}))) == []
