"""A number is a name unless the mapping asks for an id, wherever a name is resolved."""

from typing import Any

import pytest

from kanport.model import (
    DesiredProject,
    DesiredState,
    Given,
    Group,
    Project,
    ProjectIndex,
    User,
)
from kanport.names import id_text
from kanport.plan.matching import numbers_are_ids, projects_wanted
from tests.support.findings import codes
from tests.support.planning import (
    a_mapping,
    a_server,
    a_state,
    an_access,
    cell,
    desired_membership,
    desired_user,
    lines_of,
    plan_for,
)

ANN, BOB = User(2, "ann"), User(3, "bob")
ALPHA, BETA = Project(1, "Alpha", "ALPHA"), Project(3, "Beta", "BETA")
MANAGED = {3: {3: "project-manager"}}
"""Bob alone manages Beta, the project with the id 3."""

CREATE = a_mapping(projects="create", memberships_missing="revoke")
KEEP = a_mapping(memberships_missing="revoke")


def server(*more: Project) -> Any:
    return a_server(ANN, BOB, projects=(ALPHA, BETA, *more), roles=MANAGED)


@pytest.mark.parametrize("text", ["3", "03", "003", "0003", "99", "1", "0"])
def test_where_projects_are_created_a_number_is_the_name_of_one(text: str) -> None:
    plan = plan_for(a_state(desired_membership("ann", text)), server(), CREATE)
    assert lines_of(plan) == [
        f"project.create {text} {{'name': '{text}'}}",
        f"membership.grant ann {text} {{'role': 'project-member'}}",
    ]
    assert codes(plan) == []


def test_several_spellings_of_a_number_are_several_projects() -> None:
    wanted = a_state(
        desired_membership("ann", "3"),
        desired_membership("ann", "03", row=3),
        desired_membership("ann", "003", row=4),
    )
    plan = plan_for(wanted, server(), CREATE)
    created = [change.project for change in plan.changes if change.action == "project.create"]
    assert created == ["003", "03", "3"]


@pytest.mark.parametrize("text", ["03", "003", "0003", "0", "00", "99", "٣", "+3", "3 ", "3.0"])
def test_a_text_that_is_no_plain_number_is_never_an_id(text: str) -> None:
    plan = plan_for(a_state(desired_membership("ann", text)), server(), KEEP)
    assert (plan.changes, codes(plan)) == ((), ["project-unknown"])


def test_a_plain_number_that_is_nobodys_name_is_an_id_and_a_note_says_so() -> None:
    wanted = a_state(
        desired_membership("ann", "3"), desired_membership("bob", "3", "project-manager", row=3)
    )
    plan = plan_for(wanted, server(), KEEP)
    assert lines_of(plan) == ["membership.grant ann BETA {'role': 'project-member'}"]
    (note,) = plan.findings
    assert (note.code, note.severity, note.value) == ("project-by-id", "info", "3")
    assert note.fact["project"] == "BETA" and note.origin == cell("project", 2)


@pytest.mark.parametrize(
    "named",
    [
        Project(7, "3"),
        Project(7, "Gamma", "3"),
        Project(7, "３"),
    ],
)
@pytest.mark.parametrize("mapping", [CREATE, KEEP])
def test_identifier_and_name_come_before_an_id(named: Project, mapping: Any) -> None:
    plan = plan_for(a_state(desired_membership("ann", "3")), server(named), mapping)
    assert [change.project_id for change in plan.changes] == [7]
    assert codes(plan) == []


def test_an_identifier_comes_before_an_exact_name() -> None:
    named = (Project(7, "Gamma", "WEB"), Project(8, "WEB"), Project(9, "web"))
    index = ProjectIndex.of(named)
    assert [p.id for p in index.fitting("WEB")] == [7]
    assert [p.id for p in index.fitting("web")] == [7]
    assert [p.id for p in ProjectIndex.of(named[1:]).fitting("web")] == [9]


def test_letters_that_only_grow_into_an_identifier_are_not_it() -> None:
    index = ProjectIndex.of([Project(7, "Gamma", "STRASSE")])
    assert index.fitting("straße") == ()


@pytest.mark.parametrize("mapping", [CREATE, KEEP])
def test_an_id_that_is_asked_for_is_an_id_whatever_is_called_so(mapping: Any) -> None:
    plan = plan_for(
        a_state(desired_membership("ann", id_text(3))), server(Project(7, "3", "3")), mapping
    )
    assert "membership.grant ann BETA {'role': 'project-member'}" in lines_of(plan)
    assert "project.create" not in plan.summary


@pytest.mark.parametrize("mapping", [CREATE, KEEP])
@pytest.mark.parametrize("number", [99, 10**18])
def test_an_id_that_no_project_has_creates_none(mapping: Any, number: int) -> None:
    plan = plan_for(
        a_state(desired_membership("ann", id_text(number))), server(Project(7, "99")), mapping
    )
    assert (plan.changes, codes(plan)) == ((), ["project-unknown"])
    assert f"id {number}" in plan.findings[0].message and "\0" not in str(plan.findings)


def test_a_name_and_an_id_of_one_spelling_are_two_projects() -> None:
    wanted = a_state(
        desired_membership("ann", id_text(3)),
        desired_membership("ann", "3", "project-viewer", row=3),
    )
    plan = plan_for(wanted, server(), CREATE)
    assert [line for line in lines_of(plan) if "grant" in line] == [
        "membership.grant ann 3 {'role': 'project-viewer'}",
        "membership.grant ann BETA {'role': 'project-member'}",
    ]


def test_a_described_project_that_falls_away_leaves_its_number_no_id() -> None:
    """The rows of a private project are left out; a membership in it is not one in #3."""
    described = DesiredProject(Given("3", (cell("name", 2),)), private=True)
    desired = a_state(desired_membership("ann", "3"))
    desired = DesiredState(
        memberships=desired.memberships,
        projects_named=desired.projects_named,
        projects=(described,),
    )
    rows = [{"from": "people", "name": {"from": "name"}}]
    mapping = a_mapping(projects=rows, memberships_missing="revoke")
    assert plan_for(desired, server(), mapping).changes == ()


@pytest.mark.parametrize(("mapping", "read"), [(CREATE, {1}), (KEEP, {1, 3})])
def test_only_the_members_of_projects_that_are_meant_are_read(mapping: Any, read: set[int]) -> None:
    desired = a_state(desired_membership("ann", "3"), desired_membership("ann", "ALPHA"))
    numbers = numbers_are_ids(mapping)
    assert projects_wanted(desired, (ALPHA, BETA), numbers=numbers) == read


def test_a_row_that_cannot_be_used_leaves_open_the_project_that_it_names_alone() -> None:
    """An invalid row for the new project "3" keeps nobody in Beta, whose id is 3."""
    index = ProjectIndex.of((ALPHA, BETA), numbers=False)
    assert index.keys_of(BETA) == {"beta", id_text(3)}
    assert ProjectIndex.of((ALPHA, BETA)).keys_of(BETA) == {"beta", id_text(3), "3"}
    assert "3" not in ProjectIndex.of((ALPHA, BETA, Project(7, "3"))).keys_of(BETA)


# --- people and groups ----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["2", "3", "02", "#3", "#2"])
def test_a_number_is_a_username(text: str) -> None:
    """Ann is #2 and Bob is #3; neither gets what is for somebody of that name."""
    wanted = a_state(
        desired_user(text),
        desired_membership(text, "ALPHA"),
        desired_membership("bob", "ALPHA", row=3),
    )
    plan = plan_for(wanted, server())
    assert [line.split(" {")[0] for line in lines_of(plan)] == [
        f"user.create {text}",
        *sorted([f"membership.grant {text} ALPHA", "membership.grant bob ALPHA"]),
    ]
    without = plan_for(a_state(desired_membership(text, "ALPHA")), server())
    assert (without.changes, codes(without)) == ((), ["person-unknown"])


@pytest.mark.parametrize("text", ["3", "03"])
@pytest.mark.parametrize("mapping_projects", [None, "create"])
def test_a_number_is_the_name_of_a_group_and_its_project(
    text: str, mapping_projects: str | None
) -> None:
    groups = (Group(3, "Staff", members=frozenset({3})), Group(4, "03"))
    group, project, role = (Given(one, (cell("x", 2),)) for one in (text, text, "project-member"))
    desired = DesiredState(group_access=(an_access(group, project, role),))
    parts: dict[str, Any] = {"projects": mapping_projects} if mapping_projects else {}
    mapping = a_mapping(ledger="l.ledger", **parts)
    plan = plan_for(desired, a_server(ANN, BOB, projects=(ALPHA, BETA), groups=groups), mapping)
    granted = [
        (change.group_id, change.project_id)
        for change in plan.changes
        if change.action == "group_access.grant"
    ]
    expected = [(4, None)] if text == "03" and mapping_projects else []
    assert granted == expected


# --- limits, --allow, protect ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mapping", "named", "key", "holds"),
    [
        ({}, (), "3", True),
        ({}, (), "#3", True),
        ({}, (Project(7, "3"),), "3", False),
        ({}, (Project(7, "3"),), "#3", True),
        ({}, (Project(7, "#3"),), "#3", False),
        ({"projects": "create"}, (), "3", False),
        ({"projects": "create"}, (), "#3", True),
        ({}, (), "03", False),
        ({}, (), "#03", False),
    ],
)
def test_a_limit_is_for_the_project_that_its_key_means(
    mapping: dict[str, Any], named: tuple[Project, ...], key: str, holds: bool
) -> None:
    parts = {**mapping, "limits": {"projects": {key: {"revoke": 0}}}}
    mapping_file = a_mapping(memberships_missing="revoke", **parts)
    plan = plan_for(a_state(named=["BETA"]), server(*named), mapping_file)
    over = [v.guard for v in plan.guards if v.tripped and "BETA" in v.message]
    assert over == (["limit-revoke-in-project"] if holds else [])
    assert ("limit-unused" in codes(plan)) == (not holds and not named)


@pytest.mark.parametrize(
    ("parts", "named", "hint"),
    [
        ({}, (), "revoke:3=1"),
        ({"projects": "create"}, (), "'revoke:#3=1'"),
        ({}, (Project(7, "3"),), "'revoke:#3=1'"),
    ],
)
def test_the_hint_of_a_guard_names_a_project_so_that_it_is_found(
    parts: dict[str, Any], named: tuple[Project, ...], hint: str
) -> None:
    """Two projects are called Beta, so that only the id tells them apart."""
    twin = (Project(3, "Beta"), Project(4, "Beta"))
    limits = {"by_project": {"revoke": 0}}
    mapping = a_mapping(memberships_missing="revoke", limits=limits, **parts)
    current = a_server(ANN, BOB, projects=(ALPHA, *twin, *named), roles=MANAGED)
    wanted = a_state(desired_user("ann"), named=[id_text(3)])
    plan = plan_for(wanted, current, mapping)
    (verdict,) = [v for v in plan.guards if v.tripped and "in-project" in v.guard]
    assert f"--allow {hint}" in (verdict.hint or "")
    key = hint.strip("'").rpartition("=")[0]
    again = plan_for(wanted, current, mapping, allowed={key: 1})
    assert [v.guard for v in again.guards if v.tripped and "in-project" in v.guard] == []


def test_a_number_in_protect_is_a_username() -> None:
    mapping = a_mapping(
        protect=["3"], users={"missing": "disable", "managed": {"usernames": ["*"]}}
    )
    plan = plan_for(a_state(desired_user("ann")), a_server(ANN, BOB, User(5, "3")), mapping)
    assert [line.split(" {")[0] for line in lines_of(plan)] == [
        "user.disable admin",
        "user.disable bob",
    ]


def test_a_finding_asks_whether_a_similar_project_or_user_was_meant() -> None:
    wanted = a_state(
        desired_membership("a.nn", "ALPHA"),
        desired_membership("ann", "Alpha-Projekt", row=3),
        desired_membership("nobody", "Somewhere", row=4),
    )
    ann = User(2, "ann")
    plan = plan_for(wanted, a_server(ann), KEEP)
    hints = {finding.value: finding.hint for finding in plan.findings}
    assert hints["a.nn"] is not None and hints["a.nn"].startswith('did you mean "ann"? Otherwise')
    assert hints["Alpha-Projekt"] is not None
    assert hints["Alpha-Projekt"].startswith('did you mean "Alpha project"? Otherwise')
    assert "did you mean" not in f"{hints['nobody']}{hints['Somewhere']}"
    assert plan.changes == ()
