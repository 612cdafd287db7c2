"""The model of access gives what a Kanboard gives: as it was recorded, and as the sandbox does."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanport.plan.roles import effective_role, highest_role
from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.constellations import ROLES, Constellation, constellations, of_store
from tests.support.reference.access import GroupAccess, project_access

RECORDING = Path(__file__).parents[1] / "contract/recordings/kanboard-1.2.53-sqlite-access.json"
PARAMETERS = {
    "addProjectUser": ("project_id", "user_id", "role"),
    "removeProjectUser": ("project_id", "user_id"),
    "addGroupMember": ("group_id", "user_id"),
    "addProjectGroup": ("project_id", "group_id", "role"),
    "changeProjectGroupRole": ("project_id", "group_id", "role"),
    "removeProjectGroup": ("project_id", "group_id"),
    "removeGroup": ("group_id",),
    "getProjectUserRole": ("project_id", "user_id"),
    "getProjectUsers": ("project_id",),
}


def test_it_gives_every_role_and_every_member_of_the_recorded_server() -> None:
    exchanges = json.loads(RECORDING.read_text(encoding="utf-8"))["exchanges"]
    direct: dict[int, dict[int, str]] = {}
    members: dict[int, set[int]] = {}
    attached: dict[int, dict[int, str]] = {}
    asked = 0

    def now(project: int) -> dict[int, str]:
        groups = attached.get(project, {}).items()
        return project_access(
            direct.get(project, {}),
            [GroupAccess(role, frozenset(members.get(group, ()))) for group, role in groups],
        )

    for exchange in exchanges:
        request, answer = exchange["request"], exchange["response"]
        method = request["method"]
        if method == "removeUser":
            # A private project goes as well; nothing after it is about access in one.
            gone = request["params"][0]
            for roles in direct.values():
                roles.pop(gone, None)
            for those in members.values():
                those.discard(gone)
        if method not in PARAMETERS or not isinstance(request["params"], list):
            continue
        at = dict(zip(PARAMETERS[method], request["params"], strict=True))
        match method:
            case "addProjectUser":
                direct.setdefault(at["project_id"], {})[at["user_id"]] = at["role"]
            case "removeProjectUser":
                del direct[at["project_id"]][at["user_id"]]
            case "addGroupMember":
                members.setdefault(at["group_id"], set()).add(at["user_id"])
            case "addProjectGroup" | "changeProjectGroupRole":
                attached.setdefault(at["project_id"], {})[at["group_id"]] = at["role"]
            case "removeProjectGroup":
                del attached[at["project_id"]][at["group_id"]]
            case "removeGroup":
                members.pop(at["group_id"])
                for some in attached.values():
                    some.pop(at["group_id"], None)
            case "getProjectUserRole":
                asked += 1
                assert now(at["project_id"]).get(at["user_id"], "") == answer["result"], exchange
            case _:
                if at["project_id"] == 3:
                    continue  # a private project, whose owner nobody added
                asked += 1
                assert set(map(str, now(at["project_id"]))) == set(answer["result"]), exchange
    assert asked >= 14


@pytest.mark.parametrize("role", ROLES)
def test_a_direct_role_wins_over_any_role_of_a_group(role: str) -> None:
    assert all(effective_role("project-viewer", [other]) == "project-viewer" for other in ROLES)
    assert effective_role(None, [role]) == role


@given(st.permutations(["project-viewer", "project-member", "project-manager"]))
def test_the_order_of_groups_does_not_matter_to_built_in_roles(roles: list[str]) -> None:
    assert highest_role(roles) == "project-manager"


@settings(max_examples=50, deadline=None)
@given(constellations())
def test_it_gives_what_the_sandbox_gives(constellation: Constellation) -> None:
    with Sandbox(SandboxOptions()) as server:
        assert of_store(constellation, server) == constellation.expected()


def test_nobody_has_access_to_a_project_without_members() -> None:
    nothing: dict[int, Any] = {}
    assert project_access(nothing, [GroupAccess("project-member", frozenset())]) == {}
