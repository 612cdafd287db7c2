"""The access that a report tells after a run is the server's, person by person, whatever fails.

Random worlds: people are renamed and created, join and leave groups, groups get, change and lose
access, direct roles come and go, and some of it fails in each of the ways in which a server fails.
"""

import csv
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from kanport.apply.concurrency import Options
from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.kanboard.client import Client
from kanport.outcome import Run
from kanport.pipeline.inputs import read_inputs
from kanport.pipeline.planning import plan_inputs
from kanport.pipeline.run import Execution, apply_plan, remember
from kanport.plan.change import Action
from kanport.plan.model import Plan
from kanport.report.make import of_plan, of_run
from kanport.report.view import View
from kanport.sandbox import InjectedFault, Reply, Sandbox, SandboxOptions
from tests.support.examples import examples
from tests.support.reference.access import GroupAccess, project_access

PEOPLE = tuple(f"u{number}" for number in range(6))
PROJECTS = ("AAA", "BBB", "NEWP")
GROUPS = ("G1", "G2", "G3")
ROLES = ("project-viewer", "project-member", "project-manager")
MAPPING = """\
kanport: 1
ledger: world.ledger
sources:
  people: {type: csv, path: people.csv}
  grants: {type: csv, path: grants.csv}
  teams: {type: csv, path: teams.csv}
  doors: {type: csv, path: doors.csv}
users:
  from: people
  find_by: [username, email]
  fields: {username: {from: Login}, name: {from: Name}, email: {from: Mail}}
  password: random
  missing: MISSING
  managed: {usernames: ["u*"]}
memberships:
  - {from: grants, username: {from: Login}, project: {from: Project}, role: {from: Role}}
memberships_missing: revoke
projects: create
groups: [{from: teams, name: {from: Group}, member: {from: Login}}]
groups_missing: GROUPS
groups_managed: ["*"]
group_members_missing: remove
group_access:
  - {from: doors, group: {from: Group}, project: {from: Project}, role: {from: Role}}
group_access_missing: revoke
limits: {create: 99, disable: 99, remove: 99, revoke: 99, lower: 99, projects: {}}
"""
# What the server answers to a change that fails: `false`, or what it is without an effect.
TABLES = {
    "users": "id",
    "project_has_users": "user_id",
    "group_has_users": "user_id",
    "groups": "id",
    "projects": "id",
}
REFUSED, WITHOUT_EFFECT = "SELECT RAISE(ABORT, 'no')", "SELECT RAISE(IGNORE)"
# A server that has a direct role beside that of a group, or says so, shows no difference.
ALONE = (
    " AND NOT EXISTS (SELECT 1 FROM project_has_groups door JOIN group_has_users inside"
    " ON inside.group_id = door.group_id"
    " WHERE door.project_id = NEW.project_id AND inside.user_id = NEW.user_id)"
)
OF_GROUPS = ("addProjectGroup", "changeProjectGroupRole", "removeProjectGroup", "addGroupMember")
FAULTS = (
    InjectedFault(0, Reply(500, "text/html", b"")),
    InjectedFault(None, None),
    InjectedFault(1, None),
)


class Night:
    """A server and a folder, with what is drawn for them."""

    def __init__(self, seed: int, server: Sandbox, folder: Path) -> None:
        self.draw = random.Random(seed)
        self.server = server
        self.folder = folder
        chance, store = self.chance, server.store
        with store.transaction():
            ids = {name: store.add_user(name, email=f"{name}@x.example") for name in PEOPLE}
            groups = {name: store.add_group(name) for name in GROUPS}
            for name, group in groups.items():
                if name != "G3" or chance(0.5):
                    for who in PEOPLE:
                        if chance(0.35):
                            store.add_group_member(group, ids[who])
            for name in PROJECTS[:2]:
                project = store.add_project(name.title() + " p", identifier=name)
                for who in PEOPLE:
                    if chance(0.4):
                        store.add_member(project, ids[who], self.role())
                for group in groups.values():
                    if chance(0.4):
                        store.add_group_access(project, group, self.role())
        mapping = MAPPING.replace("MISSING", self.draw.choice(["keep", "disable", "remove"]))
        mapping = mapping.replace("GROUPS", self.draw.choice(["keep", "remove"]))
        (folder / "world.yaml").write_text(mapping, encoding="utf-8")

    def chance(self, part: float) -> bool:
        return self.draw.random() < part

    def role(self) -> str:
        return self.draw.choice(ROLES)

    def write(self) -> None:
        """Draw what the files want."""
        chance = self.chance
        people = [
            [who + "x" if chance(0.3) else who, who.upper(), f"{who}@x.example"]
            for who in PEOPLE
            if chance(0.85)
        ]
        people.append(["n1", "New", "n1@x.example"])
        names = [row[0] for row in people]
        some = [who for who in names if chance(0.6)] or names
        grants = [[w, p, self.role()] for p in PROJECTS for w in some if chance(0.4)]
        teams = [[g, w] for g in ("G1", "G3", "G4") for w in some if chance(0.45)]
        doors = [[g, p, self.role()] for g in ("G1", "G4") for p in PROJECTS if chance(0.5)]
        teams += [["G1", names[0]], ["G4", names[-1]]]
        doors.append(["G2", "AAA", self.role()])
        for name, header, rows in (
            ("people", ["Login", "Name", "Mail"], people),
            ("grants", ["Login", "Project", "Role"], [*grants, [names[0], "AAA", self.role()]]),
            ("teams", ["Group", "Login"], [*teams, ["G2", names[0]]]),
            ("doors", ["Group", "Project", "Role"], doors),
        ):
            once = {tuple(row[:2]): row for row in rows}
            with (self.folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([header, *once.values()])

    def planned(self, client: Client) -> Plan:
        inputs = read_inputs(self.folder / "world.yaml")
        return plan_inputs(inputs, client, now=lambda: "2026-01-01T00:00:00Z")

    def applied(self, plan: Plan, client: Client, name: str) -> Run:
        quick = Options(batch_size=7, pause=0.0, retries=1, connections=1)
        execution = Execution(self.folder / f"{name}.jsonl", options=quick)
        run = apply_plan(plan, client, execution, run_id=name)
        remember(plan, run, mapping_path=self.folder / "world.yaml")
        return run

    def sabotage(self) -> None:
        """Let some changes fail, each kind for a part of those whom it is about."""
        for table, column in TABLES.items():
            for event in ("INSERT", "UPDATE", "DELETE"):
                if self.chance(0.3):
                    row = "OLD" if event == "DELETE" else "NEW"
                    refused = event == "INSERT" or (table, event) == ("users", "UPDATE")
                    answers = [WITHOUT_EFFECT, *([REFUSED] if refused else [])]
                    alone = (table, event) == ("project_has_users", "INSERT")
                    self.server.store.change(
                        f"CREATE TRIGGER s_{table}_{event} BEFORE {event} ON {table}"
                        f" WHEN ({row}.{column} % 3) = {self.draw.randrange(3)}"
                        f"{ALONE if alone else ''}"
                        f" BEGIN {self.draw.choice(answers)}; END"
                    )
        if self.chance(0.5):
            fault, method = self.draw.choice(FAULTS), self.draw.choice(OF_GROUPS)
            self.server.fault = lambda names: fault if method in names else None


@contextmanager
def night(seed: int) -> Iterator[tuple[Night, Client]]:
    with Sandbox(SandboxOptions()) as server, tempfile.TemporaryDirectory() as folder:
        environment = {"KANPORT_TOKEN": server.token}
        with Client.open(settings_of(Layers({"url": server.url}, environment))) as client:
            yield Night(seed, server, Path(folder)), client


def effective(server: Sandbox) -> Mapping[tuple[str, str], str]:
    """Return the role of everybody in each project, as the server has it."""
    state = server.store.snapshot()
    numbers = {name: number for number, name in enumerate(state.users)}
    names = dict(enumerate(state.users))
    return {
        (project, names[number]): role
        for project in state.projects
        for number, role in project_access(
            {numbers[w]: r for (p, w), r in state.memberships.items() if p == project},
            [
                GroupAccess(role, frozenset(numbers[m] for m in state.groups[group].members))
                for (p, group), role in state.group_access.items()
                if p == project
            ],
        ).items()
    }


def differences(
    view: View,
    plan: Plan,
    before: Mapping[tuple[str, str], str],
    after: Mapping[tuple[str, str], str],
) -> Iterator[object]:
    """Yield where a report differs from the server, and yet does not say that it may."""
    told = {project.project for project in view.matrix.rows} if view.matrix else set()
    rows = {(row.project, row.person): row for row in view.access}
    twice = [
        place for place, n in Counter((r.project, r.person) for r in view.access).items() if n > 1
    ]
    yield from twice
    empty = {dict(one.params)["group"] for one in plan.findings if one.code == "group-was-empty"}
    joined = {
        name
        for change in plan.changes
        if change.action is Action.GROUP_MEMBER_ADD and change.group in empty
        for name in (change.username or "", (change.username or "").removesuffix("x"))
    }
    for project, who in after.keys() | rows.keys():
        row = rows.get((project, who))
        if project not in told:
            continue
        if row is None:
            if who not in joined:
                yield project, who, "not told", after.get((project, who))
        elif not row.maybe and row.after != after.get((project, who)):
            yield row, "server", after.get((project, who))
    # A name that somebody gets ends in x.
    had = {(p, who.removesuffix("x")): role for (p, who), role in before.items() if p in told}
    rows_before = {
        (p, w.removesuffix("x")): row.before for (p, w), row in rows.items() if p in told
    }
    if had != {place: role for place, role in rows_before.items() if role is not None}:
        yield "before", had, rows_before
    for one in view.projects:
        if one.project in told and one.flow is not None:
            n = sum(place == one.project for place, _ in after)
            unseen = sum((one.project, who) in after for who in joined)
            if not one.flow.least <= n <= one.flow.most + unseen:
                yield one.flow, "server", n


@pytest.mark.parametrize("seed", range(examples(12, 200)))
def test_a_report_tells_the_access_that_the_server_has(seed: int) -> None:
    with night(seed) as (world, client):
        unsure = total = 0
        for name in ("first", "second"):
            world.write()
            plan = world.planned(client)
            before = effective(world.server)
            if seed % 4:
                world.sabotage()
            run = world.applied(plan, client, name)
            after = effective(world.server)
            world.server.fault = None
            for (trigger,) in world.server.store.rows(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 's_%'"
            ):
                world.server.store.change(f"DROP TRIGGER {trigger}")
            assert len(of_plan(plan).access) == len(
                {(r.project, r.person) for r in of_plan(plan).access}
            )
            view = of_run(plan, run)
            assert list(differences(view, plan, before, after)) == []
            if run.tally().complete:
                assert list(differences(of_plan(plan), plan, before, after)) == []
            unsure += sum(row.maybe for row in view.access)
            total += len(view.access)
        assert unsure < total
