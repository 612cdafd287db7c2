"""Groups, on random servers whose groups and roles stand in each other's way, over HTTP."""

import csv
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kanport.apply.concurrency import Options
from kanport.apply.journal import load_journal
from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.facts import fact
from kanport.kanboard.client import Client
from kanport.outcome import Run, Status
from kanport.pipeline.inputs import read_inputs
from kanport.pipeline.planning import plan_inputs
from kanport.pipeline.run import (
    Execution,
    apply_plan,
    check_fresh,
    plan_undo,
    remember,
    verify_plan,
)
from kanport.plan.change import Action
from kanport.plan.model import Plan
from kanport.sandbox import Sandbox, SandboxOptions, StoreSnapshot
from tests.support.examples import examples
from tests.support.reference.access import GroupAccess, project_access

PEOPLE = ("ada", "bob", "eve", "gus", "ida")
GROUPS = ("Engineers", "Testers", "Leads")
PROJECTS = ("ALPHA", "BETA")
ROLES = ("project-viewer", "project-member", "project-manager", "Tester")
TRIED = settings(
    max_examples=examples(14, 400),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)

MAPPING = """\
kanport: 1
ledger: groups.ledger
sources:
  grants: {{type: csv, path: grants.csv}}
  teams: {{type: csv, path: teams.csv}}
  access: {{type: csv, path: access.csv}}
memberships:
  - {{from: grants, username: {{from: Login}}, project: {{from: Project}}, role: {{from: Role}}}}
memberships_missing: {memberships}
groups:
  - {{from: teams, name: {{from: Group}}, member: {{from: Login}}}}
groups_missing: {groups}
groups_managed: ["*"]
group_members_missing: {members}
group_access:
  - {{from: access, group: {{from: Group}}, project: {{from: Project}}, role: {{from: Role}}}}
group_access_missing: {access}
custom_roles: {{ALPHA: [Tester], BETA: [Tester]}}
limits: {{revoke: 1000, projects: {{}}}}
"""


@dataclass(frozen=True)
class World:
    """A server with groups, and what three files want of it."""

    members: dict[str, frozenset[str]]
    direct: dict[tuple[str, str], str]
    attached: dict[tuple[str, str], str]
    grants: dict[tuple[str, str], str]
    teams: dict[str, frozenset[str]]
    access: dict[tuple[str, str], str]
    options: dict[str, str]

    def fill(self, server: Sandbox) -> None:
        """Put the server's part of the world on a fresh server."""
        store = server.store
        with store.transaction():
            people = {name: store.add_user(name) for name in PEOPLE}
            projects = {name: store.add_project(name.title(), identifier=name) for name in PROJECTS}
            for name, members in self.members.items():
                group = store.add_group(name)
                for member in members:
                    store.add_group_member(group, people[member])
                for project in PROJECTS:
                    if (project, name) in self.attached:
                        store.add_group_access(
                            projects[project], group, self.attached[project, name]
                        )
            for (project, person), role in self.direct.items():
                store.add_member(projects[project], people[person], role)

    def write(self, folder: Path) -> Path:
        """Write the files into a folder, and give the mapping's path."""
        grants = [[who, project, role] for (project, who), role in self.grants.items()]
        teams = [
            row for group, some in self.teams.items() for row in [[group, who] for who in some]
        ]
        access = [[group, project, role] for (project, group), role in self.access.items()]
        for name, header, rows in (
            ("grants", ["Login", "Project", "Role"], grants),
            ("teams", ["Group", "Login"], teams),
            ("access", ["Group", "Project", "Role"], access),
        ):
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([header, *rows])
        path = folder / "world.yaml"
        path.write_text(MAPPING.format(**self.options), encoding="utf-8")
        return path


people = st.sampled_from(PEOPLE)
role = st.sampled_from(ROLES)
_of_project = st.tuples(st.sampled_from(PROJECTS), people)
_of_group = st.tuples(st.sampled_from(PROJECTS), st.sampled_from(GROUPS))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draw a world; a file always has a row, as an empty one is refused as a whole."""
    there = draw(st.lists(st.sampled_from(GROUPS), unique=True))
    attached = draw(st.dictionaries(_of_group, role))
    teams = draw(
        st.dictionaries(st.sampled_from(GROUPS), st.frozensets(people, min_size=1), min_size=1)
    )
    known = {*there, *teams}
    access = draw(st.dictionaries(_of_group.filter(lambda one: one[1] in known), role, min_size=1))
    return World(
        {name: draw(st.frozensets(people)) for name in there},
        draw(st.dictionaries(_of_project, role)),
        {place: role for place, role in attached.items() if place[1] in there},
        draw(st.dictionaries(_of_project, role, min_size=1)),
        teams,
        access,
        {
            "memberships": draw(st.sampled_from(["keep", "revoke"])),
            "groups": draw(st.sampled_from(["keep", "remove"])),
            "members": draw(st.sampled_from(["keep", "remove"])),
            "access": draw(st.sampled_from(["keep", "revoke"])),
        },
    )


@contextmanager
def opened(world: World) -> Iterator[tuple[Sandbox, Client, Path]]:
    with Sandbox(SandboxOptions()) as server, tempfile.TemporaryDirectory() as folder:
        world.fill(server)
        path = world.write(Path(folder))
        environment = {"KANPORT_TOKEN": server.token}
        with Client.open(settings_of(Layers({"url": server.url}, environment))) as client:
            yield server, client, path


def planned(path: Path, client: Client) -> Plan:
    return plan_inputs(read_inputs(path), client, now=lambda: "2026-01-01T00:00:00Z")


def applied(plan: Plan, client: Client, path: Path, name: str = "run") -> Run:
    check_fresh(plan, client)
    journal = path.parent / f"{name}.jsonl"
    run = apply_plan(plan, client, Execution(journal, options=Options(batch_size=7)), run_id=name)
    remember(plan, run, mapping_path=path)
    return run


def effective(state: StoreSnapshot) -> dict[str, dict[str, str]]:
    """Give who has which role in each project, by the model."""
    numbers = {name: number for number, name in enumerate(state.users)}
    names = dict(enumerate(state.users))
    found = {}
    for project in PROJECTS:
        roles = project_access(
            {
                numbers[who]: role
                for (where, who), role in state.memberships.items()
                if where == project
            },
            [
                GroupAccess(role, frozenset(numbers[m] for m in state.groups[group].members))
                for (where, group), role in state.group_access.items()
                if where == project
            ],
        )
        found[project] = {names[number]: role for number, role in roles.items()}
    return found


@TRIED
@given(worlds())
def test_apply_reaches_what_is_wanted_or_names_what_stands_in_the_way(world: World) -> None:
    with opened(world) as (server, client, path):
        plan = planned(path, client)
        run = applied(plan, client, path)
        after = server.store.snapshot()
        roles = effective(after)
        of = {change.id: change for change in plan.changes}
        failed = {
            (of[one.change_id].project, of[one.change_id].username): one
            for one in run.outcomes
            if one.status not in (Status.DONE, Status.ALREADY)
        }
        assert all(
            one.through_group and one.why is not None and one.why.code == "still-through-group"
            for one in failed.values()
        )
        for (project, who), role in world.grants.items():
            assert roles[project].get(who) == role
        for place, role in world.access.items():
            assert after.group_access[place] == role
        for name, members in world.teams.items():
            there = after.groups[name].members
            before = world.members.get(name, frozenset())
            keeps = world.options["members"] == "keep"
            assert there == (members | before if keeps else members)
        if world.options["groups"] == "remove":
            assert set(after.groups) == {*world.teams, *(group for _, group in world.access)}
        if world.options["memberships"] == "revoke":
            named = {project for project, _ in world.grants}
            for (project, who), role in after.memberships.items():
                if project in named and (project, who) not in world.grants:
                    # What a group gives anyway need not be taken away.
                    assert any(
                        who in after.groups[group].members and given == role
                        for (where, group), given in after.group_access.items()
                        if where == project
                    ), (project, who, role)


@TRIED
@given(worlds())
def test_the_plan_after_it_is_empty(world: World) -> None:
    with opened(world) as (_, client, path):
        plan = planned(path, client)
        run = applied(plan, client, path)
        again = planned(path, client)
        # Nobody can know beforehand that a group which somebody joins had access all along.
        joined = {c.user_id for c in plan.changes if c.action is Action.GROUP_MEMBER_ADD}
        for change in again.changes:
            assert change.action is Action.MEMBERSHIP_REVOKE
            assert change.user_id in joined
            assert "maybe-through-group" in change.risk
        if again.changes:
            applied(again, client, path, "again")
            assert planned(path, client).changes == ()
        if run.tally().complete and not again.changes:
            verdicts = verify_plan(plan, client)
            assert all(verdict.standing == "as planned" for verdict in verdicts), verdicts


@TRIED
@given(worlds())
def test_undo_gives_back_what_was_there_before(world: World) -> None:
    # What groups had before Kanport came, nobody can read: that is reported, and not given back.
    world = replace(world, attached={})
    with opened(world) as (server, client, path):
        before = server.store.snapshot()
        applied(planned(path, client), client, path)
        recorded = load_journal(path.parent / "run.jsonl")
        back = plan_undo(recorded, client, remove_at_most=0, now=lambda: "2026-01-02T00:00:00Z")
        run = applied(back, client, path, "undo")
        after = server.store.snapshot()
        assert run.tally().complete, run.outcomes
        assert after.memberships == before.memberships
        assert after.group_access == before.group_access
        members = {name: group.members for name, group in before.groups.items()}
        assert {name: group.members for name, group in after.groups.items()} == members


def test_undo_tells_of_access_that_was_there_before_the_run() -> None:
    world = World(
        {"Engineers": frozenset({"ada"})},
        {},
        {("ALPHA", "Engineers"): "project-manager"},
        {("BETA", "bob"): "project-member"},
        {"Engineers": frozenset({"ada", "eve"})},
        {("ALPHA", "Engineers"): "project-viewer"},
        {"memberships": "keep", "groups": "keep", "members": "keep", "access": "keep"},
    )
    with opened(world) as (server, client, path):
        applied(planned(path, client), client, path)
        assert server.store.snapshot().group_access["ALPHA", "Engineers"] == "project-viewer"
        back = plan_undo(load_journal(path.parent / "run.jsonl"), client)
        kept = [one for one in back.findings if one.case == "group-access"]
        assert [dict(one.params)["group"] for one in kept] == ["Engineers"]
        assert not [one for one in back.changes if "group_access" in one.action]


def test_a_role_that_a_group_gives_for_the_moment_only_becomes_a_direct_one() -> None:
    world = World(
        {"Testers": frozenset({"ada"}), "Leads": frozenset({"ada"})},
        {},
        {("ALPHA", "Testers"): "Tester", ("ALPHA", "Leads"): "project-manager"},
        {("ALPHA", "ada"): "project-manager"},
        {"Leads": frozenset({"ada"})},
        {("ALPHA", "Leads"): "Tester"},
        {"memberships": "keep", "groups": "remove", "members": "remove", "access": "keep"},
    )
    with opened(world) as (server, client, path):
        run = applied(planned(path, client), client, path)
        # Without Testers they are manager through Leads, until that becomes a group of testers.
        assert run.tally().complete
        assert server.store.snapshot().memberships["ALPHA", "ada"] == "project-manager"
        assert planned(path, client).changes == ()


def test_what_remains_through_a_group_is_said_once_and_then_left_alone() -> None:
    world = World(
        {"Engineers": frozenset({"ada"})},
        {},
        {("ALPHA", "Engineers"): "project-member"},
        {("ALPHA", "bob"): "project-member"},
        {"Testers": frozenset({"eve"})},
        {("BETA", "Testers"): "project-viewer"},
        {"memberships": "revoke", "groups": "keep", "members": "keep", "access": "keep"},
    )
    with opened(world) as (_, client, path):
        plan = planned(path, client)
        run = applied(plan, client, path)
        (failed,) = [one for one in run.outcomes if one.status is Status.FAILED]
        assert failed.why == fact(
            "still-through-group", case="groups", role="project-member", groups=("Engineers",), n=1
        )
        again = planned(path, client)
        assert again.changes == ()
        (kept,) = [finding for finding in again.findings if finding.code == "access-kept"]
        assert '"ada" in "ALPHA" (through "Engineers")' in kept.message


def test_a_journal_tells_what_came_through_a_group() -> None:
    world = World(
        {"Engineers": frozenset({"ada"})},
        {},
        {("ALPHA", "Engineers"): "project-member"},
        {("ALPHA", "bob"): "project-member"},
        {"Engineers": frozenset({"ada"})},
        {("BETA", "Engineers"): "project-viewer"},
        {"memberships": "revoke", "groups": "keep", "members": "keep", "access": "keep"},
    )
    with opened(world) as (_, client, path):
        applied(planned(path, client), client, path)
        lines = (path.parent / "run.jsonl").read_text(encoding="utf-8").splitlines()
        told = [json.loads(line) for line in lines]
        assert [one["through_group"] for one in told if "through_group" in one] == [
            "project-member"
        ]


def test_a_group_that_goes_counts_for_everybody_in_it() -> None:
    crowd = 300
    with Sandbox(SandboxOptions()) as server, tempfile.TemporaryDirectory() as folder:
        store = server.store
        with store.transaction():
            project, group = store.add_project("Alpha", identifier="ALPHA"), store.add_group("All")
            store.add_group_access(project, group)
            for number in range(crowd):
                store.add_group_member(group, store.add_user(f"p{number}"))
        path = Path(folder, "world.yaml")
        Path(folder, "teams.csv").write_text("Group,Login\nFew,p1\n", encoding="utf-8")
        path.write_text(
            "kanport: 1\nsources: {teams: {type: csv, path: teams.csv}}\n"
            "groups: [{from: teams, name: {from: Group}, member: {from: Login}}]\n"
            'groups_missing: remove\ngroups_managed: ["*"]\n',
            encoding="utf-8",
        )
        with Client.open(
            settings_of(Layers({"url": server.url}, {"KANPORT_TOKEN": server.token}))
        ) as client:
            plan = planned(path, client)
        (limit,) = [one for one in plan.guards if one.guard == "limit-revoke"]
        assert limit.tripped
        assert str(crowd) in limit.message
        assert plan.summary["group.remove"] == 1
        assert plan.summary["group_member.remove"] == crowd
        assert plan.changes[-1].action is Action.GROUP_REMOVE
