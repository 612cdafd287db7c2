"""No plan that the guards let pass empties a project by way of groups."""

from collections.abc import Mapping
from dataclasses import replace

from hypothesis import event, given, settings
from hypothesis import strategies as st

from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerState
from kanport.model import (
    DesiredGroup,
    DesiredState,
    Given,
    Group,
    User,
)
from kanport.plan.change import Action, Change
from kanport.plan.make import make_plan
from kanport.plan.model import Plan, PlanMapping
from tests.support.changes import after_of
from tests.support.examples import examples
from tests.support.model_server import Kanboard, apply_change
from tests.support.planning import (
    ADMIN,
    ALPHA,
    BETA,
    a_mapping,
    a_member,
    an_access,
    stopping_guards,
)

NAMES = tuple(f"u{number}" for number in range(2, 14))
GROUPS = ("Eng", "Ops", "Web")
PROJECTS = {"ALPHA": ALPHA, "BETA": BETA}
ROLES = st.sampled_from(("project-viewer", "project-member", "project-manager"))
FEW_OR_MANY = st.one_of(
    st.frozensets(st.sampled_from(NAMES), max_size=3), st.frozensets(st.sampled_from(NAMES))
)


def apply_all(server: Kanboard, plan: Plan) -> Kanboard:
    """Carry out a plan, its changes to groups as well."""
    for change in plan.changes:
        server = apply_to_groups(server, change)
    return server


def apply_to_groups(server: Kanboard, change: Change) -> Kanboard:
    """Carry out one change."""
    groups = {group.id: group for group in server.groups}
    if change.action is Action.GROUP_CREATE:
        number = max(groups, default=0) + 1
        return replace(server, groups=(*server.groups, Group(number, change.group or "")))
    if change.group is None:
        return apply_change(server, change)
    (number,) = [one.id for one in server.groups if one.name == change.group]
    attached = dict(server.attached or {})
    match change.action:
        case Action.GROUP_REMOVE:
            del groups[number]
            attached = {place: role for place, role in attached.items() if place[1] != number}
        case Action.GROUP_MEMBER_ADD | Action.GROUP_MEMBER_REMOVE:
            who = frozenset({change.user_id or 0})
            members = groups[number].members
            added = change.action is Action.GROUP_MEMBER_ADD
            groups[number] = replace(
                groups[number], members=members | who if added else members - who
            )
        case Action.GROUP_ACCESS_REVOKE:
            attached.pop((change.project_id or 0, number), None)
        case Action.GROUP_ACCESS_GRANT | Action.GROUP_ACCESS_CHANGE:
            attached[change.project_id or 0, number] = after_of(change)["role"]
    return replace(server, groups=tuple(groups.values()), attached=attached)


@st.composite
def servers(draw: st.DrawFn) -> Kanboard:
    """Draw servers where people have access directly, through groups, and both."""
    users = {1: ADMIN} | {number: User(number, f"u{number}") for number in range(2, 14)}
    numbers = {user.username: number for number, user in users.items()}
    groups = tuple(
        Group(at, name, members=frozenset(numbers[who] for who in draw(FEW_OR_MANY)))
        for at, name in enumerate(GROUPS, start=1)
        if draw(st.booleans())
    )
    direct = {
        (project.id, numbers[who]): draw(ROLES)
        for project in PROJECTS.values()
        for who in draw(FEW_OR_MANY)
    }
    attached = {
        (project.id, group.id): draw(ROLES)
        for project in PROJECTS.values()
        for group in groups
        if draw(st.booleans())
    }
    return Kanboard(users, tuple(PROJECTS.values()), groups, direct, attached)


@st.composite
def desires(draw: st.DrawFn) -> DesiredState:
    """Draw groups with a few members or many, and access for some of them."""
    named = [name for name in GROUPS if draw(st.booleans())]
    return DesiredState(
        groups=tuple(DesiredGroup(Given(name), members_listed=True) for name in named),
        group_members=tuple(
            a_member(Given(who), Given(name)) for name in named for who in sorted(draw(FEW_OR_MANY))
        ),
        group_access=tuple(
            an_access(Given(name), Given(project), Given(draw(ROLES)))
            for name in named
            for project in PROJECTS
            if draw(st.booleans())
        ),
        projects_named=tuple(Given(project) for project in PROJECTS),
    )


@st.composite
def mappings(draw: st.DrawFn, limits: Mapping[str, object]) -> MappingFile:
    """Draw mappings that take away all that they may."""
    return a_mapping(
        users=None,
        ledger="x.ledger",
        groups=[{"from": "people", "name": {"from": "group"}, "member": {"from": "username"}}],
        group_access=[
            {
                "from": "people",
                "group": {"from": "group"},
                "project": {"from": "project"},
                "role": {"from": "access"},
            }
        ],
        groups_missing="remove",
        groups_managed=["*"],
        group_members_missing="remove",
        group_access_missing="revoke",
        memberships_missing=draw(st.sampled_from(("keep", "revoke"))),
        limits=limits,
    )


@st.composite
def memories(draw: st.DrawFn, server: Kanboard) -> LedgerState:
    """Draw what the ledger knows of the groups' access: all of it, some, or nothing."""
    known = {
        (group, project): role
        for (project, group), role in (server.attached or {}).items()
        if draw(st.booleans())
    }
    return LedgerState(group_access=known)


def planned(
    wanted: DesiredState, server: Kanboard, mapping: MappingFile, memory: LedgerState | None = None
) -> Plan:
    """Make the plan."""
    return make_plan(
        wanted,
        server.seen(),
        mapping,
        findings=(),
        mapping_ref=PlanMapping(path="people.yaml", sha256="0" * 64),
        sources=(),
        created_at="2026-11-21T02:00:00Z",
        version="1.0",
        memory=memory or LedgerState(),
    )


def lost(server: Kanboard, end: Kanboard) -> dict[int, set[int]]:
    """Give who has lost access to each project."""
    left = end.seen().roles
    return {
        project: set(roles) - set(left[project]) for project, roles in server.seen().roles.items()
    }


@given(st.data())
@settings(max_examples=examples(75, 2000))
def test_no_project_is_emptied_by_way_of_groups(data: st.DataObject) -> None:
    server = data.draw(servers())
    wide = {"revoke": "100%", "lower": "100%"}
    mapping = data.draw(mappings(wide))
    plan = planned(data.draw(desires()), server, mapping, data.draw(memories(server)))
    gone = lost(server, apply_all(server, plan))
    if stopping_guards(plan):
        event("stopped")
        return
    event("passes, and revokes access" if any(gone.values()) else "passes")
    for project, people in gone.items():
        assert len(people) <= max(3, -(-len(server.seen().roles[project]) // 2))


@given(st.data())
@settings(max_examples=examples(75, 2000))
def test_by_default_no_more_than_a_fifth_of_all_access_goes(data: st.DataObject) -> None:
    server = data.draw(servers())
    mapping = data.draw(mappings({}))
    plan = planned(data.draw(desires()), server, mapping, data.draw(memories(server)))
    if stopping_guards(plan):
        event("stopped")
        return
    gone = lost(server, apply_all(server, plan))
    event("passes, and revokes access" if any(gone.values()) else "passes")
    listed = sum(map(len, server.seen().roles.values()))
    assert sum(map(len, gone.values())) <= -(-listed // 5)


def test_the_properties_above_can_fail() -> None:
    users = {1: ADMIN} | {number: User(number, f"u{number}") for number in range(2, 14)}
    group = Group(1, "Eng", members=frozenset(range(2, 14)))
    server = Kanboard(users, (ALPHA,), (group,), {}, {(ALPHA.id, 1): "project-member"})
    wanted = DesiredState(
        groups=(DesiredGroup(Given("Eng"), members_listed=True),),
        projects_named=(Given("ALPHA"),),
    )
    mapping = a_mapping(
        users=None,
        memberships=[],
        groups=[{"from": "people", "name": {"from": "group"}, "member": {"from": "username"}}],
        group_members_missing="remove",
        limits={"revoke": "100%"},
    )
    plan = planned(wanted, server, mapping)
    assert stopping_guards(plan) == ["limit-revoke-in-project"]
    assert len(lost(server, apply_all(server, plan))[ALPHA.id]) == 12
