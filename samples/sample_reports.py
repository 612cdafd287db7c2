"""Sample reports: a stopped plan of some 180 changes, the run that overrode it, and its undo.

A first run lets Kanport know what it granted. Then people leave, join and move, some rows are
invalid, safety checks stop the plan, somebody overrides them, and the server rejects some changes.
The reports go to `demo-output/reports/` in every format; the data is made up.
"""

import csv
import os
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from demo_tools import ROOT

from kanport import api
from kanport.api import Plan, Result
from kanport.report import FORMATS
from kanport.sandbox import Sandbox, SandboxOptions

OUTPUT = ROOT / "demo-output" / "reports"
PROJECTS = ("WEBSHOP", "INTRANET", "MOBILE", "OPS", "AUDIT", "FINANCE", "SUPPORT", "LEGAL")
GROUPS = ("Crew", "Finance", "Externals")
VIEWER, MEMBER, MANAGER = "project-viewer", "project-member", "project-manager"
ROLES = (VIEWER, MEMBER, MEMBER, MANAGER)
FIRST = (
    *("Ada", "Bela", "Cora", "Dino", "Elif", "Finn", "Gila", "Hugo"),
    *("Iris", "Jona", "Kira", "Liam", "Mira", "Nils", "Olga", "Paul"),
)
LAST = ("Adler", "Bauer", "Costa", "Dubois", "Ertan", "Fischer")
PEOPLE = tuple(f"{first} {last}" for last in LAST for first in FIRST)[:87]
BACK = PEOPLE[74:76]  # disabled on the server at first
GONE = PEOPLE[60:64]
MAPPING = """\
kanport: 1
name: sample
ledger: sample.ledger
sources:
  people: {type: csv, path: people.csv}
  access: {type: csv, path: access.csv}
  teams: {type: csv, path: teams.csv}
  doors: {type: csv, path: doors.csv}
invalid_rows: skip
users:
  from: people
  find_by: [username, email]
  fields:
    username: {from: Login}
    name: {from: Name}
    email: {from: Mail}
    role: {from: Role, default: app-user}
    active: {from: Active, values: {A: true, L: false}}
  password: random
  missing: remove
  managed: {usernames: ["*.*"]}
memberships:
  - {from: access, username: {from: Login}, project: {from: Project}, role: {from: Role}}
memberships_missing: revoke
projects: create
groups:
  - {from: teams, name: {from: Group}, external_id: {from: Id}, member: {from: Login}}
groups_missing: remove
groups_managed: ["*"]
group_members_missing: remove
group_access:
  - {from: doors, group: {from: Group}, project: {from: Project}, role: {from: Role}}
group_access_missing: revoke
allow_admins: [iris.bauer]
limits: {create: 99, remove: 5, disable: 20, lower: 99, raise: 15, by_project: {revoke: 90%}}
"""


def login(name: str) -> str:
    """Return the username of somebody."""
    return name.lower().replace(" ", ".")


def write(folder: Path, name: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a list as CSV."""
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([head, *rows])


def first_lists(folder: Path) -> None:
    """Write the lists of the first run: 68 people in 8 projects and 3 groups."""
    people = PEOPLE[:66]
    rows = [person(one) for one in people] + [person(one, Active="L") for one in BACK]
    write(folder, "people.csv", HEAD, rows)
    grants = [(login(one), *place) for at, one in enumerate(people) for place in places(at)]
    write(folder, "access.csv", ("Login", "Project", "Role"), grants)
    teams = [(GROUPS[at % 3], str(at % 3), login(one)) for at, one in enumerate(people[:24])]
    write(folder, "teams.csv", TEAMS, teams)
    doors = [
        ("Crew", "SUPPORT", MEMBER),
        ("Finance", "FINANCE", MEMBER),
        ("Finance", "LEGAL", VIEWER),
    ]
    write(folder, "doors.csv", ("Group", "Project", "Role"), doors)


HEAD = ("Login", "Name", "Mail", "Role", "Active")
TEAMS = ("Group", "Id", "Login")


def person(name: str, **other: str) -> tuple[str, ...]:
    """Return the row of somebody; `other` has what is different from the usual."""
    row = {
        "Login": login(name),
        "Name": name,
        "Mail": f"{login(name)}@example.org",
        "Role": "app-user",
        "Active": "A",
    }
    return tuple((row | other).values())


def places(at: int) -> list[tuple[str, str]]:
    """Return in which projects somebody is, by their number."""
    return [(PROJECTS[(at + step) % 8], ROLES[(at + step) % 4]) for step in range(at % 3 + 1)]


def second_lists(folder: Path) -> None:
    """Write the lists of the plan that is reported: people left, joined and moved."""
    changed = {
        PEOPLE[2]: {"Role": "app-manager"},
        "Iris Bauer": {"Role": "app-admin"},
        PEOPLE[4]: {"Login": "elif.demir", "Name": "Elif Demir"},
        PEOPLE[9]: {"Login": "jona.weber"},
        **{one: {"Active": "L"} for one in PEOPLE[12:17]},
        **{one: {"Name": one.replace("Bauer", "Bauer-Lang")} for one in PEOPLE[26:32]},
    }
    people = [one for one in PEOPLE if one not in GONE]
    write(folder, "people.csv", HEAD, [person(one, **changed.get(one, {})) for one in people])
    grants = []
    for at, one in enumerate(people):
        who = changed.get(one, {}).get("Login", login(one))
        for step, (project, role) in enumerate(places(at)):
            if at % 4 == 1 and step == 0:
                continue  # no longer listed
            grants.append((who, project, MANAGER if at % 6 == 3 else role))
        if at % 2 == 0:
            grants.append((who, PROJECTS[(at + 5) % 8], MEMBER))
    extra = [("kira.adler", one, MEMBER) for one in ("OPS", "AUDIT", "LEGAL", "MOBILE", "WEBSHOP")]
    new = [(login(one), "ROADMAP", MEMBER) for one in people[:5]]
    new += [(login(people[5]), "WEBSHOPP", VIEWER)]
    wrong = [("bela.adler", "INTRANET", "boss"), ("hugo.bauer", "AUDIT", "superuser")]
    once = {row[:2]: row for row in (*grants, *extra, *new, *wrong)}
    write(folder, "access.csv", ("Login", "Project", "Role"), once.values())
    teams = [
        (("Crew", "Treasury")[at % 3], str(at % 3), login(one))  # Treasury was Finance
        for at, one in enumerate(people[:30])
        if at % 7 and at % 3 < 2
    ]
    teams += [("Auditors", "3", login(one)) for one in people[20:26]]
    names = {login(one): other["Login"] for one, other in changed.items() if "Login" in other}
    write(folder, "teams.csv", TEAMS, [(g, i, names.get(w, w)) for g, i, w in teams])
    doors = [
        ("Crew", "SUPPORT", MANAGER),
        ("Treasury", "FINANCE", MEMBER),
        ("Auditors", "AUDIT", MANAGER),
    ]
    write(folder, "doors.csv", ("Group", "Project", "Role"), doors)


def fill(server: Sandbox) -> None:
    """Put projects and some people on the server who were there before."""
    store = server.store
    with store.transaction():
        for project in PROJECTS:
            store.add_project(f"{project.title()} project", identifier=project)
        for one in BACK:
            store.add_user(login(one), name=one, email=f"{login(one)}@example.org", active=False)


def reject_some(server: Sandbox) -> None:
    """Let the server reject some new memberships and an account, and keep some revoked ones."""
    store = server.store
    store.change(
        "CREATE TRIGGER sample_one BEFORE INSERT ON project_has_users WHEN NEW.user_id IN"
        " (SELECT id FROM users WHERE username IN ('ada.adler', 'dino.adler', 'hugo.ertan'))"
        " BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    store.change(
        "CREATE TRIGGER sample_two BEFORE INSERT ON users WHEN NEW.username = 'mira.ertan'"
        " BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    store.change(
        "CREATE TRIGGER sample_three BEFORE DELETE ON project_has_users WHEN OLD.user_id IN"
        " (SELECT id FROM users WHERE username IN ('bela.costa', 'finn.adler'))"
        " BEGIN SELECT RAISE(IGNORE); END"
    )


def make(folder: Path) -> dict[str, Plan | Result]:
    """Return what is reported: the stopped plan, the run that overrode it, and its undo."""
    mapping = folder / "sample.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")
    with Sandbox(SandboxOptions()) as server, api.connect(server.url, token=server.token) as client:
        fill(server)
        first_lists(folder)
        allowed = {"create": 99, "raise": 99, "grant": 999}
        started = api.plan(api.read(mapping), client, allow=allowed)
        api.apply(started, client, journal=folder / "first.jsonl", mapping=mapping)
        second_lists(folder)
        inputs = api.read(mapping)
        stopped = api.plan(inputs, client)
        if not stopped.blocked_by:
            raise SystemExit("no safety check stopped the sample plan")
        plan = api.plan(inputs, client, allow={"raise": 99, "revoke": 99, "disable": 40})
        if plan.blocked_by:
            raise SystemExit(f"stopped: {[one.message for one in plan.blocked_by]}")
        reject_some(server)
        run = api.apply(plan, client, journal=folder / "run.jsonl", mapping=mapping)
        undone = api.undo(folder / "run.jsonl", client, mapping=mapping)
    return {"plan": stopped, "run": run, "undo": undone}


def main() -> None:
    """Write the reports in every format that has a file."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    # So reports name the lists as somebody would who works in their folder.
    os.chdir(OUTPUT)
    for name, what in make(Path()).items():
        for form in FORMATS.values():
            for ending in form.endings[:1]:
                api.render(what, OUTPUT / f"{name}-report{ending}")
        changes = what.changes if isinstance(what, Plan) else what.plan.changes
        print(f"{name}: {len(changes)} changes")
    print(f"The reports are in {OUTPUT.relative_to(ROOT)}/.")


if __name__ == "__main__":
    main()
