"""Nobody gets into a project that is not the one of the sources, or not as open as it is there."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from kanport.model import (
    CurrentState,
    DesiredProject,
    DesiredRelation,
    DesiredState,
    DesiredUser,
    Given,
    Project,
    User,
)
from kanport.plan.change import Action
from kanport.plan.make import make_plan
from kanport.plan.model import Plan, PlanMapping
from tests.support.planning import ADMIN, SERVER, a_mapping, a_membership, cell

ADA = User(2, "ada", name="Ada")
ROWS = [{"from": "people", "name": {"from": "name"}}]


def a_project(
    name: str, called: str | None = None, identifier: str = "", private: bool = False
) -> DesiredProject:
    return DesiredProject(
        Given(name, (cell("name", 2),)),
        Given(identifier) if identifier else None,
        called=Given(called or identifier or name),
        private=private,
    )


ALPHA = a_project("Alpha")


def planned(
    wanted: Iterable[DesiredProject],
    *there: Project,
    roles: dict[int, str] | None = None,
    asked: Iterable[DesiredRelation] | None = None,
) -> Plan:
    projects = tuple(wanted)
    texts = dict.fromkeys(p.called.value for p in projects if p.called is not None)
    desired = DesiredState(
        users=(DesiredUser(Given("ada", (cell("username", 2),))),),
        memberships=tuple(
            asked
            or (
                a_membership(Given("ada"), Given(text, (cell("project", 3),)), Given("Tester"))
                for text in texts
            )
        ),
        projects_named=tuple(map(Given, texts)),
        projects=projects,
    )
    held = {project.id: {2: (roles or {})[project.id]} for project in there if roles}
    current = CurrentState(SERVER, (ADMIN, ADA), there, roles={**{p.id: {} for p in there}, **held})
    return make_plan(
        desired,
        current,
        a_mapping(projects=ROWS, memberships_missing="revoke", limits={"revoke": "100%"}),
        findings=(),
        mapping_ref=PlanMapping(path="m.yaml", sha256="0" * 64),
        sources=(),
        created_at="2026-01-01T00:00:00Z",
        version="1.0",
    )


def said(plan: Plan) -> list[str]:
    return [finding.code for finding in plan.findings]


@pytest.mark.parametrize(
    "project",
    [replace(ALPHA, private=True), replace(ALPHA, active=False)],
    ids=["private", "closed"],
)
def test_what_is_private_or_closed_is_left_out_with_all_access(project: DesiredProject) -> None:
    plan = planned([project])
    assert not plan.changes
    assert said(plan) == ["project-left-out"]


def test_an_open_one_is_created_and_its_custom_roles_are_told() -> None:
    plan = planned([a_project("Alpha")])
    assert [c.action for c in plan.changes] == [Action.PROJECT_CREATE, Action.MEMBERSHIP_GRANT]
    assert said(plan) == ["role-to-make"]


def test_a_private_project_never_meets_a_shared_one_of_its_name() -> None:
    plan = planned([a_project("Alpha", private=True)], Project(1, "Alpha"), roles={1: "x"})
    # Nor does the silence about the shared one take anything from those who are in it.
    assert not plan.changes
    assert said(plan) == ["project-clash"]


def test_a_private_project_stays_as_it_is_where_it_comes_from() -> None:
    there = Project(1, "Alpha", private=True)
    assert not planned([a_project("Alpha", private=True)], there, roles={1: "Tester"}).changes


def test_an_identifier_of_another_project_is_a_clash() -> None:
    plan = planned([a_project("Alpha", identifier="A")], Project(1, "Other", "A"))
    assert not plan.changes
    assert said(plan) == ["project-clash"]


@pytest.mark.parametrize("there", [(), (Project(2, "Alpha"),)], ids=["new", "known"])
@pytest.mark.parametrize("called", [None, "Alpha"])
def test_a_name_that_is_an_identifier_of_another_project_is_a_clash(
    there: tuple[Project, ...], called: str | None
) -> None:
    wanted = replace(a_project("Alpha"), called=Given(called) if called else None)
    desired = a_membership(Given("ada"), Given("Alpha", (cell("project", 3),)), Given("Tester"))
    plan = planned([wanted], Project(1, "Other", "ALPHA"), *there, asked=[desired])
    assert not plan.changes
    assert said(plan) == ["project-clash"]


def test_a_name_with_another_identifier_is_a_clash() -> None:
    plan = planned([a_project("Alpha", identifier="A")], Project(1, "Alpha", "B"))
    assert not plan.changes
    assert "project-clash" in said(plan)


def test_two_of_one_name_are_told_apart_by_their_identifiers() -> None:
    wanted = [a_project("Twin", identifier="A"), a_project("Twin", identifier="B")]
    made = [c for c in planned(wanted).changes if c.action is Action.PROJECT_CREATE]
    assert [c.project for c in made] == ["A", "B"]
    one = planned(wanted, Project(1, "Twin", "A"))
    assert [c.project for c in one.changes if c.action is Action.PROJECT_CREATE] == ["B"]


def test_two_of_one_name_without_identifiers_are_an_error_that_names_both() -> None:
    plan = planned([a_project("Twin", "Twin (#1)"), a_project("Twin", "Twin (#2)")])
    assert not plan.changes
    assert set(said(plan)) == {"project-ambiguous"}
    assert plan.findings[0].fact["projects"] == ("Twin (#1)", "Twin (#2)")
