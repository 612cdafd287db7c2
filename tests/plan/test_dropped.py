"""Projects that sources drop: nobody keeps access there silently, and nothing ends unproven."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kanport.findings import Finding
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredState, Project, Unknown, User
from kanport.plan.model import Plan
from tests.support.findings import codes
from tests.support.ledger_nights import Nights
from tests.support.model_server import Kanboard
from tests.support.planning import (
    ADMIN,
    ALPHA,
    BETA,
    a_mapping,
    a_state,
    desired_membership,
    desired_user,
    lines_of,
    stopping_guards,
)

ADA, BOB, EVE = User(5, "ada"), User(6, "bob"), User(7, "eve")
PEOPLE = (desired_user("ada"), desired_user("bob", row=3), desired_user("eve", row=4))
BOTH = a_state(
    *PEOPLE,
    desired_membership("ada", "ALPHA"),
    desired_membership("bob", "ALPHA", row=3),
    desired_membership("eve", "BETA", row=4),
)
WITHOUT_ALPHA = a_state(*PEOPLE, desired_membership("eve", "BETA", row=4))
REVOKED = [
    "membership.revoke ada ALPHA {'role': 'project-member'}",
    "membership.revoke bob ALPHA {'role': 'project-member'}",
]
Make = Callable[..., Nights]


def mapping(**parts: Any) -> MappingFile:
    return a_mapping(**{"memberships_missing": "revoke", "protect": ["admin"], **parts})


@pytest.fixture
def nights(tmp_path: Path) -> Make:
    def make(**parts: Any) -> Nights:
        server = Kanboard({1: ADMIN, 5: ADA, 6: BOB, 7: EVE}, (ALPHA, BETA))
        world = Nights(tmp_path / "people.ledger", mapping(**parts), server)
        world.night(BOTH)
        return world

    return make


def dropped(plan: Plan) -> list[Finding]:
    return [one for one in plan.findings if one.code == "project-dropped"]


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"ledger": "people.ledger"},
        {"memberships_missing": "keep", "users": {"missing": "disable", "managed": "ledger"}},
        {"memberships_managed": "ledger"},
    ],
)
def test_a_project_that_no_source_names_any_more_is_told_every_night(
    nights: Make, parts: dict[str, Any]
) -> None:
    world = nights(**parts)
    for _ in range(3):
        plan = world.night(WITHOUT_ALPHA)
        assert lines_of(plan) == []
        (finding,) = dropped(plan)
        assert finding.severity == "warning" and finding.value == "ALPHA"
        assert '2 users keep access: "ada" and "bob"' in finding.message
        assert "projects_missing: revoke" in (finding.hint or "")
    assert dropped(world.night(BOTH)) == []


def test_an_explicit_keep_is_a_decision(nights: Make) -> None:
    world = nights(projects_missing="keep")
    assert dropped(world.night(WITHOUT_ALPHA)) == []


def test_ending_the_access_by_hand_is_a_decision(nights: Make) -> None:
    world = nights()
    world.night(WITHOUT_ALPHA)
    world.server = replace(world.server, direct={(2, 7): "project-member"})
    assert dropped(world.night(WITHOUT_ALPHA)) == []
    # Whoever gets in later has nothing to do with the sources.
    world.server = replace(
        world.server, direct={(2, 7): "project-member", (1, 7): "project-member"}
    )
    assert dropped(world.night(WITHOUT_ALPHA)) == []


def test_a_mapping_that_ends_nothing_says_nothing(nights: Make) -> None:
    world = nights(memberships_missing="keep", ledger="people.ledger")
    assert codes(world.night(WITHOUT_ALPHA)) == []


def test_revoke_ends_what_kanport_granted(nights: Make) -> None:
    world = nights(projects_missing="revoke")
    world.server = replace(
        world.server, direct={**(world.server.direct or {}), (1, 7): "project-viewer"}
    )
    plan = world.night(WITHOUT_ALPHA)
    assert lines_of(plan) == REVOKED and not stopping_guards(plan)
    assert {change.reason for change in plan.changes} == {"no source names this project any more"}
    (left,) = dropped(plan)
    assert '1 user keeps access, 0 of them granted by Kanport: "eve"' in left.message
    assert lines_of(world.night(WITHOUT_ALPHA)) == []
    assert len(lines_of(world.night(BOTH))) == 3, (
        "named again, it has its members again, and no other"
    )


def test_who_was_there_before_kanport_is_named_and_not_revoked(nights: Make) -> None:
    world = nights(projects_missing="revoke")
    world.path.unlink()
    world.night(BOTH)
    plan = world.night(WITHOUT_ALPHA)
    assert lines_of(plan) == []
    assert '0 of them granted by Kanport: "ada" and "bob"' in dropped(plan)[0].message


@pytest.mark.parametrize(
    ("parts", "left"),
    [
        ({"protect": ["admin", "a*"]}, ["bob"]),
        ({"users": {"managed": {"usernames": ["a*"]}}}, ["ada"]),
        ({"users": {"managed": "ledger"}}, []),
    ],
)
def test_only_whom_absence_may_touch_loses_anything(
    nights: Make, parts: dict[str, Any], left: list[str]
) -> None:
    world = nights(projects_missing="revoke", **parts)
    assert [one.username for one in world.night(WITHOUT_ALPHA).changes] == left


@pytest.mark.parametrize(
    ("limit", "stops"),
    [(1, True), (2, False), ("50%", True), ("100%", False), (0, True), ("0%", True), (None, False)],
)
def test_it_has_a_limit_of_its_own(nights: Make, limit: Any, stops: bool) -> None:
    limits = {"revoke": 0, "by_project": {"revoke": 0}}
    world = nights(
        projects_missing="revoke",
        limits={**limits, **({} if limit is None else {"dropped": limit})},
    )
    plan = world.night(WITHOUT_ALPHA)
    assert lines_of(plan) == REVOKED
    assert stopping_guards(plan) == (["limit-dropped"] if stops else [])


def test_without_a_limit_a_fifth_of_the_memberships_may_end_or_ten(tmp_path: Path) -> None:
    for count, stops in ((10, []), (11, ["limit-dropped"])):
        users = {number: User(number, f"u{number}") for number in range(5, 5 + count)}
        server = Kanboard({1: ADMIN, **users}, (ALPHA, BETA))
        path = tmp_path / f"{count}.ledger"
        world = Nights(path, mapping(projects_missing="revoke"), server)
        wanted = [
            desired_membership(user.username, "ALPHA", row=user.id) for user in users.values()
        ]
        people = [desired_user(user.username, row=user.id) for user in users.values()]
        stay = desired_membership("u5", "BETA")
        world.night(a_state(*people, *wanted, stay))
        plan = world.night(a_state(*people, stay))
        assert len(plan.changes) == count and stopping_guards(plan) == stops


def test_a_whole_team_that_leaves_is_disabled_the_same_night(nights: Make) -> None:
    everybody = {"missing": "disable", "managed": {"usernames": ["*"]}}
    limits = {"disable": 2, "by_project": {"revoke": 0, "disable": 0}}
    world = nights(users=everybody, limits=limits)
    plan = world.night(a_state(PEOPLE[2], desired_membership("eve", "BETA", row=4)))
    assert [(one.action, one.username) for one in plan.changes] == [
        ("user.disable", "ada"),
        ("user.disable", "bob"),
    ]
    assert not stopping_guards(plan) and dropped(plan) == [], "disabled people have no access"
    assert dropped(world.night(a_state(PEOPLE[2], desired_membership("eve", "BETA", row=4)))) == []


def test_whoever_waits_for_their_turn_keeps_access_until_then(nights: Make) -> None:
    steps = {"missing": {"after": "3 runs", "then": "disable"}, "managed": {"usernames": ["*"]}}
    world = nights(users=steps, projects_missing="revoke", limits={"disable": 5})
    gone = a_state(PEOPLE[2], desired_membership("eve", "BETA", row=4))
    assert lines_of(world.night(gone)) == [] == lines_of(world.night(gone))
    third = world.night(gone)
    assert [one.action for one in third.changes] == ["user.disable"] * 2 + ["membership.revoke"] * 2


# --- what proves nothing --------------------------------------------------------------------------

UNKNOWN = {
    "anybody": Unknown(everybody=True),
    "any project": Unknown(memberships=frozenset({(None, None)})),
    "any project of somebody": Unknown(memberships=frozenset({("zoe", None)})),
    "that project": Unknown(memberships=frozenset({(None, "alpha")})),
    "that project by name": Unknown(memberships=frozenset({("zoe", "alpha project")})),
    "a group in any project": Unknown(group_access=frozenset({("team", None)})),
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_the_input_leaves_open_ends_nothing(nights: Make, what: str) -> None:
    world = nights(projects_missing="revoke", invalid_rows="skip")
    doubtful = replace(WITHOUT_ALPHA, unknown=UNKNOWN[what])
    plan = world.night(doubtful)
    assert lines_of(plan) == []
    (finding,) = [one for one in plan.findings if one.code == "missing-unknown"]
    assert finding.case == "dropped"
    assert {text for name, _, text in finding.fact.texts() if name == "username"} == {"ada", "bob"}
    assert lines_of(world.night(WITHOUT_ALPHA)) == REVOKED


def test_somebody_whose_own_row_is_invalid_loses_nothing(nights: Make) -> None:
    world = nights(projects_missing="revoke", invalid_rows="skip")
    people = frozenset({"ada"})
    plan = world.night(replace(WITHOUT_ALPHA, unknown=Unknown(people=people)))
    assert lines_of(plan) == REVOKED[1:]
    assert any('"ada" in "ALPHA"' in one.message for one in plan.findings)


def test_a_name_that_means_no_project_may_be_any(nights: Make) -> None:
    world = nights(projects_missing="revoke", invalid_rows="skip")
    slip = a_state(
        *PEOPLE, desired_membership("ada", "ALHPA"), desired_membership("eve", "BETA", row=4)
    )
    plan = world.night(slip)
    assert lines_of(plan) == [] and "project-unknown" in codes(plan)


def test_a_row_that_is_left_out_still_names_its_project(nights: Make) -> None:
    world = nights(projects_missing="revoke", invalid_rows="skip")
    named: DesiredState = replace(WITHOUT_ALPHA, projects_named=BOTH.projects_named)
    assert dropped(world.night(named)) == []


def test_the_report_says_where_it_rests_on_rows_that_can_be_used(nights: Make) -> None:
    world = nights(invalid_rows="skip")
    plan = world.night(replace(WITHOUT_ALPHA, unknown=UNKNOWN["any project"]))
    (finding,) = dropped(plan)
    assert finding.case == "unproven"


def test_a_source_that_shrank_stops_before_anything_ends(nights: Make) -> None:
    from kanport.ledger import record_good
    from kanport.memory import GoodRun, SourceMemory
    from tests.support.planning import SERVER

    world = nights(projects_missing="revoke")
    record_good(
        world.path, SERVER.url, GoodRun("r", world.time, {"people": SourceMemory(rows=100)})
    )
    plan = world.plan(WITHOUT_ALPHA)
    assert lines_of(plan) == REVOKED and stopping_guards(plan) == ["source-shrunk"]


# --- which project it is --------------------------------------------------------------------------

GAMMA = Project(3, "Gamma")
NAMELESS = a_state(
    *PEOPLE, desired_membership("ada", "Gamma"), desired_membership("bob", "Gamma", row=3)
)
NOTHING_ASKED = a_state(*PEOPLE, desired_membership("eve", "BETA", row=4))


def renamed(world: Nights, **changed: Any) -> None:
    projects = tuple(
        replace(project, **changed) if project.id == 3 else project
        for project in world.server.projects
    )
    world.server = replace(world.server, projects=projects)


@pytest.mark.parametrize(
    "changed", [{"name": "Delta"}, {"identifier": "DELTA"}, {"name": "Delta", "identifier": "DEL"}]
)
def test_a_project_renamed_on_the_server_is_still_the_same(
    nights: Make, changed: dict[str, str]
) -> None:
    world = nights(projects_missing="revoke", limits={"revoke": "100%"})
    world.server = replace(world.server, projects=(ALPHA, BETA, GAMMA))
    world.night(a_state(*NAMELESS.users, *NAMELESS.memberships, *BOTH.memberships))
    renamed(world, **changed)
    label = changed.get("identifier", "Delta")
    plan = world.night(BOTH)
    assert lines_of(plan) == [
        f"membership.revoke ada {label} {{'role': 'project-member'}}",
        f"membership.revoke bob {label} {{'role': 'project-member'}}",
    ]


def test_a_project_that_is_named_by_its_new_name_is_not_dropped(nights: Make) -> None:
    world = nights(projects_missing="revoke")
    world.server = replace(world.server, projects=(ALPHA, BETA, GAMMA))
    world.night(a_state(*NAMELESS.users, *NAMELESS.memberships, *BOTH.memberships))
    renamed(world, name="Delta")
    new = [desired_membership("ada", "Delta"), desired_membership("bob", "Delta", row=3)]
    plan = world.night(a_state(*NAMELESS.users, *new, *BOTH.memberships))
    assert lines_of(plan) == [] and codes(plan) == []


def test_a_number_that_was_passed_on_is_another_project(nights: Make) -> None:
    world = nights(projects_missing="revoke")
    world.server = replace(world.server, projects=(ALPHA, BETA, GAMMA))
    world.night(a_state(*NAMELESS.users, *NAMELESS.memberships, *BOTH.memberships))
    renamed(world, name="Somebody else's")
    kept = {place: role for place, role in (world.server.direct or {}).items() if place[0] != 3}
    world.server = replace(world.server, direct={**kept, (3, 5): "project-manager"})
    plan = world.night(BOTH)
    assert lines_of(plan) == [] and dropped(plan) == []


def test_of_a_project_that_is_gone_from_the_server_nothing_is_remembered(nights: Make) -> None:
    world = nights(projects_missing="revoke")
    kept = {place: role for place, role in (world.server.direct or {}).items() if place[0] != 1}
    world.server = replace(world.server, projects=(BETA,), direct=kept)
    world.night(WITHOUT_ALPHA)
    assert 1 not in world.memory.projects_remembered()


def test_a_cell_of_another_row_does_not_matter_to_a_private_project(nights: Make) -> None:
    world = nights(projects_missing="revoke")
    projects = tuple(replace(p, private=p.id == 1) for p in world.server.projects)
    world.server = replace(world.server, projects=projects)
    plan = world.night(WITHOUT_ALPHA)
    assert lines_of(plan) == [] and dropped(plan) == []
