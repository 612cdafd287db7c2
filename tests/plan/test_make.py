"""What holds of every plan, whatever the server, the sources and the mapping are."""

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanport.findings import Finding
from kanport.mapping.spec import MappingFile
from kanport.mapping.users import Managed
from kanport.model import (
    DesiredRelation,
    DesiredState,
    DesiredUser,
    Given,
    Group,
    Project,
    ProjectIndex,
    Unknown,
    User,
)
from kanport.names import compare_key
from kanport.origin import Origin
from kanport.plan.change import Action, Risk
from kanport.plan.matching import name_matcher
from kanport.plan.model import Plan
from kanport.plan.order import phase_of
from kanport.plan.plan_file import dump_plan, load_plan
from kanport.plan.staleness import differences
from tests.support.changes import after_of
from tests.support.examples import examples
from tests.support.model_server import Kanboard, apply_plan
from tests.support.planning import a_mapping, a_membership, plan_for, stopping_guards

T = TypeVar("T")

TIDY_NAMES = ("ann", "bob", "carl", "dora", "eve", "svc-backup", "admin")
MESSY_NAMES = (*TIDY_NAMES, "Ann", "änn", "Bob")
BLANK = ""
"""What Kanboard stores where a username is only blanks; no row can name such a user."""
NEW_NAMES = ("robert", "nele")
EMAILS = ("", "ann@x.org", "bob@x.org", "BOB@x.org", "info@x.org", "eve@x.org")
APP_ROLES = ("app-user", "app-manager", "app-admin")
PROJECT_ROLES = ("project-viewer", "project-member", "project-manager")
PROJECTS = (
    Project(1, "Alpha", "ALPHA"),
    Project(2, "Beta", ""),
    Project(3, "Beta", "BETA2"),
    Project(4, "4", "", active=False),
    Project(5, "Private", "", private=True),
)
TIDY_TEXTS = ("ALPHA", "alpha", "2", "beta2", "4")
MESSY_TEXTS = (*TIDY_TEXTS, "Alpha", "1", "Beta", "Private", "Nowhere")
WIDE_LIMITS = {"remove": 100, "disable": 1000, "revoke": 1000}
LOSING = (Action.USER_DISABLE, Action.USER_REMOVE, Action.MEMBERSHIP_REVOKE)


@st.composite
def servers(draw: st.DrawFn) -> Kanboard:
    some = draw(st.sampled_from((TIDY_NAMES, MESSY_NAMES)))
    names = draw(st.lists(st.sampled_from((*some, BLANK)), unique=True, max_size=8))
    users = {
        number: User(
            number,
            name,
            name=draw(st.sampled_from(("", "Somebody"))),
            email=draw(st.sampled_from((f"{name}@x.org", f"{name}@x.org", *EMAILS))),
            role=draw(st.sampled_from((*APP_ROLES, ""))),
            active=draw(st.sampled_from((True, True, False))),
        )
        for number, name in enumerate(names, start=1)
    }
    some_users = st.frozensets(st.sampled_from(sorted(users)) if users else st.nothing())
    groups = tuple(
        Group(number, f"group {number}", members=draw(some_users))
        for number in range(1, draw(st.integers(1, 3)))
    )
    direct = {
        (project.id, user): draw(st.sampled_from(PROJECT_ROLES))
        for project in PROJECTS
        for user in draw(some_users)
    }
    attached = {
        (project.id, group.id): draw(st.sampled_from(PROJECT_ROLES))
        for project in PROJECTS
        for group in groups
        if draw(st.booleans())
    }
    return Kanboard(users, PROJECTS, groups, direct, attached)


def _cell(column: str, row: int) -> tuple[Origin, ...]:
    return (Origin("people", file="people.csv", row=row, column=column),)


@st.composite
def desires(draw: st.DrawFn) -> DesiredState:
    """Draw desired states, tidy ones and such as the checks would complain of."""
    messy = draw(st.booleans())
    names = (*(MESSY_NAMES if messy else TIDY_NAMES), *NEW_NAMES)
    project_texts = MESSY_TEXTS if messy else TIDY_TEXTS

    def maybe(column: str, row: int, *values: str) -> Given[str] | None:
        value = draw(st.sampled_from((None, *values)))
        return Given(value, _cell(column, row)) if value is not None else None

    users = []
    listed = draw(st.lists(st.sampled_from(names), unique=not messy, max_size=6))
    for row, name in enumerate(listed, start=2):
        active = draw(st.sampled_from((None, True, False)))
        users.append(
            DesiredUser(
                Given(name, _cell("username", row)),
                name=maybe("name", row, "", "Somebody", "Other"),
                email=maybe("email", row, *EMAILS),
                role=maybe("role", row, *APP_ROLES),
                active=Given(active, _cell("active", row)) if active is not None else None,
                rows=(Origin("people", file="people.csv", row=row),),
            )
        )
    triples = st.tuples(
        st.sampled_from((*names, "nobody") if messy else (listed or names)),
        st.sampled_from(project_texts),
        st.sampled_from(PROJECT_ROLES),
    )
    memberships = tuple(
        a_membership(
            Given(name, _cell("username", row)),
            Given(project, _cell("project", row)),
            Given(role, _cell("access", row)),
        )
        for row, (name, project, role) in enumerate(draw(st.lists(triples, max_size=8)), start=4)
    )
    named = draw(st.lists(st.sampled_from(project_texts), max_size=4))
    keys = st.sampled_from(sorted({compare_key(name) for name in names}))
    unknown = Unknown()
    if messy:
        some = st.tuples(st.none() | keys, st.none() | st.sampled_from(("alpha", "beta", "2")))
        unknown = Unknown(
            people=draw(st.frozensets(keys, max_size=2)),
            everybody=draw(st.integers(0, 5)) == 0,
            memberships=draw(st.frozensets(some, max_size=2)),
        )
    texts = dict.fromkeys([*named, *(membership.target.value for membership in memberships)])
    return DesiredState(tuple(users), memberships, tuple(Given(text) for text in texts), unknown)


@st.composite
def mappings(draw: st.DrawFn) -> MappingFile:
    patterns = st.lists(
        st.sampled_from(("*", "a*", "ANN", "bob", "svc-*", "[bc]*")), min_size=1, max_size=2
    )
    if draw(st.integers(0, 5)) == 0:
        users = None
    else:
        users = {
            "find_by": draw(st.sampled_from((["username"], ["username", "email"]))),
            "missing": draw(st.sampled_from(("keep", "disable", "remove"))),
            "managed": {"usernames": draw(patterns)},
        }
    return a_mapping(
        users=users,
        memberships_missing=draw(st.sampled_from(("keep", "revoke"))),
        protect=draw(st.sampled_from(((), ("admin", "svc-*"), ("ÄNN",)))),
        limits=draw(
            st.sampled_from(({}, {"remove": 1}, {"disable": "20%", "revoke": 2}, WIDE_LIMITS))
        ),
    )


def _made(server: Kanboard, desired: DesiredState, mapping: MappingFile) -> Plan:
    if mapping.users is None:
        desired = replace(desired, users=())
    return plan_for(desired, server.seen(), mapping)


def _through_group(plan: Plan) -> set[tuple[int | None, int | None]]:
    return {
        (change.user_id, change.project_id)
        for change in plan.changes
        if Risk.MAYBE_THROUGH_GROUP in change.risk
    }


def _loses(plan: Plan) -> list[str]:
    return [
        f"{change.action} {change.username}"
        for change in plan.changes
        if change.action in LOSING or Risk.ACCESS_LOST in change.risk
    ]


@given(servers(), desires(), mappings())
def test_after_applying_a_plan_the_next_plan_is_empty(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    plan = _made(server, desired, mapping)
    again = _made(apply_plan(server, plan)[-1], desired, mapping)
    left = {(change.user_id, change.project_id) for change in again.changes}
    assert left <= _through_group(plan)


@given(servers(), desires(), mappings(), st.randoms(use_true_random=False))
def test_a_plan_does_not_depend_on_the_order_of_rows_or_answers(
    server: Kanboard, desired: DesiredState, mapping: MappingFile, dice: Random
) -> None:
    def shuffled(items: Iterable[T]) -> tuple[T, ...]:
        copy = list(items)
        dice.shuffle(copy)
        return tuple(copy)

    current = server.seen()
    other = replace(
        current,
        users=shuffled(current.users),
        projects=shuffled(current.projects),
        groups=shuffled(current.groups),
        roles={
            number: dict(shuffled(current.roles[number].items()))
            for number in shuffled(current.roles)
        },
    )
    turned = replace(
        desired,
        users=shuffled(desired.users),
        memberships=shuffled(desired.memberships),
        projects_named=shuffled(desired.projects_named),
    )
    assert dump_plan(plan_for(turned, other, mapping)) == dump_plan(
        plan_for(desired, current, mapping)
    )


@given(servers(), desires(), mappings())
def test_nobody_outside_the_sources_and_the_managed_names_is_touched(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    plan = _made(server, desired, mapping)
    scope = mapping.users.managed if mapping.users else None
    managed = name_matcher(scope.usernames if isinstance(scope, Managed) else ("*",))
    named = {user.key for user in desired.users} | {m.key[0] for m in desired.memberships}
    emails = {user.email.value.casefold() for user in desired.users if user.email}
    for change in plan.changes:
        user = server.users.get(change.user_id or 0)
        name = user.username if user else change.username or ""
        by_email = user is not None and user.email != "" and user.email.casefold() in emails
        assert compare_key(name) in named or managed(name) or by_email


@given(servers(), desires(), mappings())
def test_only_projects_that_the_sources_name_are_touched(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    index = ProjectIndex.of(PROJECTS)
    texts = (given.value for given in desired.projects_named)
    named = {project.id for text in texts for project in index.fitting(text)}
    plan = _made(server, desired, mapping)
    assert {change.project_id for change in plan.changes} - {None} <= named


@given(servers(), desires(), mappings())
def test_nobody_whom_an_invalid_row_names_ever_loses_anything(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    index = ProjectIndex.of(PROJECTS)
    for change in _made(server, desired, mapping).changes:
        if not (change.action in LOSING or Risk.ACCESS_LOST in change.risk):
            continue
        key = compare_key(server.users[change.user_id or 0].username)
        assert key not in desired.unknown.people
        if change.reason in ("in no source", "not listed in this project"):
            assert not desired.unknown.everybody
        if change.project_id is not None:
            project = index.by_id[change.project_id]
            keys = {compare_key(name) for name in (project.identifier, project.name)}
            keys.add(str(project.id))
            absent = change.action is Action.MEMBERSHIP_REVOKE
            for who, what in desired.unknown.memberships:
                meant = who == key or (absent and who is None)
                assert not (meant and (what is None or what in keys))


@given(servers(), desires(), mappings())
def test_protected_accounts_are_in_no_change(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    protected = name_matcher(mapping.protect)
    plan = _made(server, desired, mapping)
    ends = apply_plan(server, plan)[-1].users
    assert not any(protected(change.username or "") for change in plan.changes)
    for number, user in server.users.items():
        assert not protected(user.username) or ends[number] == user


@given(servers(), desires(), mappings())
def test_no_moment_of_a_plan_that_no_guard_stops_leaves_the_server_without_administrator(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    plan = _made(server, desired, mapping)
    if server.admins() and not any(verdict.tripped for verdict in plan.guards):
        assert all(state.admins() for state in apply_plan(server, plan))


@given(servers(), desires(), mappings())
def test_changes_are_numbered_and_the_phases_come_one_after_the_other(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    changes = _made(server, desired, mapping).changes
    assert [change.id for change in changes] == [f"c{n:04d}" for n in range(1, len(changes) + 1)]
    phases = [phase_of(change) for change in changes]
    assert phases == sorted(phases)


@given(servers(), desires(), mappings())
def test_every_change_says_why_and_where_it_comes_from(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    for change in _made(server, desired, mapping).changes:
        assert change.reason
        from_absence = change.reason in ("in no source", "not listed in this project")
        assert bool(change.origin) != from_absence


@given(servers(), desires(), mappings())
def test_nothing_is_removed_without_a_limit_that_allows_it(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    plan = _made(server, desired, mapping)
    removed = plan.summary.get("user.remove", 0)
    limit = mapping.limits.remove
    allowed = limit.max or 0 if limit is not None else 0
    assert removed <= allowed or any(verdict.tripped for verdict in plan.guards)


@given(servers(), desires(), mappings())
def test_nobody_is_put_into_a_private_project(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    assert all(change.project_id != 5 for change in _made(server, desired, mapping).changes)


@given(servers(), desires(), mappings())
def test_a_change_that_is_not_marked_as_maybe_through_a_group_takes_effect(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    plan = _made(server, desired, mapping)
    seen = apply_plan(server, plan)[-1].seen()
    for change in plan.changes:
        if change.project_id is None or change.user_id is None:
            continue
        if change.user_id not in server.users or Risk.MAYBE_THROUGH_GROUP in change.risk:
            continue
        role = seen.roles[change.project_id].get(change.user_id)
        assert role == after_of(change).get("role")


@given(servers(), desires(), mappings())
def test_a_plan_reads_back_as_it_was_written(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    plan = _made(server, desired, mapping)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plan.json")
        path.write_text(dump_plan(plan), encoding="utf-8")
        assert load_plan(path) == plan


@given(servers(), desires(), mappings())
def test_a_plan_is_not_stale_on_the_server_it_was_made_for_and_says_what_it_did_afterwards(
    server: Kanboard, desired: DesiredState, mapping: MappingFile
) -> None:
    plan = _made(server, desired, mapping)
    if {"last-admin", "private-projects"} & set(stopping_guards(plan)):
        return
    assert differences(plan, server.seen()) == []
    after = apply_plan(server, plan)[-1]
    if set(range(len(plan.changes))) and not _through_group(plan):
        assert differences(plan, after.seen())


def _as_it_is(server: Kanboard) -> DesiredState:
    """Want exactly what the server has, a row for each user and each membership."""
    users = tuple(
        DesiredUser(
            Given(user.username, _cell("username", row)),
            email=Given(user.email, _cell("email", row)),
            role=Given(user.role, _cell("role", row)) if user.role else None,
            active=Given(user.active, _cell("active", row)),
            rows=_cell("username", row),
        )
        for row, user in enumerate(server.users.values(), start=2)
    )
    places = [
        (server.users[number].username, str(project_id), role)
        for project_id, roles in server.seen().roles.items()
        for number, role in roles.items()
    ]
    memberships = tuple(
        a_membership(
            Given(name, _cell("username", row)),
            Given(project, _cell("project", row)),
            Given(role, _cell("access", row)),
        )
        for row, (name, project, role) in enumerate(places, start=100)
    )
    named = tuple(Given(str(project.id)) for project in PROJECTS if str(project.id) != "4")
    return DesiredState(users, memberships, named)


@given(servers(), mappings(), st.data())
@settings(max_examples=examples(100, 2000))
def test_a_row_that_cannot_be_used_never_takes_anything_from_anybody(
    server: Kanboard, mapping: MappingFile, data: st.DataObject
) -> None:
    wanted = _as_it_is(server)
    assert _loses(_made(server, wanted, mapping)) == []
    findings: list[Finding] = []
    users: list[DesiredUser] = []
    memberships: list[DesiredRelation] = []
    unknown = Unknown()
    for user in wanted.users:
        what = data.draw(st.sampled_from(("good", "good", "error", "gone", "unreadable")))
        if what == "good":
            users.append(user)
        elif what == "error":
            users.append(user)
            findings.append(Finding("name-too-long", "too long", origin=user.rows[0]))
        elif what == "gone":
            unknown = replace(unknown, people=unknown.people | {user.key})
        else:
            unknown = replace(unknown, everybody=True)
    for item in wanted.memberships:
        what = data.draw(st.sampled_from(("good", "good", "error", "gone", "who", "where")))
        if what == "good":
            memberships.append(item)
        elif what == "error":
            memberships.append(item)
            findings.append(Finding("role-unknown", "no role", origin=item.role.origins[0]))
        elif what == "gone":
            unknown = replace(unknown, memberships=unknown.memberships | {item.key})
        elif what == "who":
            memberships.append(replace(item, holder=Given("nobody", item.holder.origins)))
        else:
            memberships.append(replace(item, target=Given("Nowhere", item.target.origins)))
    broken = replace(wanted, users=tuple(users), memberships=tuple(memberships), unknown=unknown)
    if mapping.users is None:
        broken = replace(broken, users=())
    assert _loses(plan_for(broken, server.seen(), mapping, findings)) == []


@pytest.mark.parametrize("everybody", [True, False])
def test_the_property_above_can_fail(everybody: bool) -> None:
    server = Kanboard({1: User(1, "ann"), 2: User(2, "bob")}, PROJECTS)
    mapping = a_mapping(users={"missing": "disable", "managed": {"usernames": ["*"]}})
    silent = DesiredState(unknown=Unknown(everybody=everybody))
    assert bool(_loses(plan_for(silent, server.seen(), mapping))) is not everybody
