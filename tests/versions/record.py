"""Record what this version writes, for later versions to read: `python -m tests.versions.record`.

It takes the folder to write into. The organization is small but has everything: people who join,
leave, are renamed and change, memberships, groups and their access to projects, a row that is
skipped, an approval with and without a key, a run with a failure, and one that was cut off.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner

from kanport.cli import cli
from kanport.sandbox import InjectedFault, Sandbox, SandboxOptions
from tests.support.proxy import RECORDED_TOKEN, RECORDED_URL, proxy_to

MAPPING = """\
kanport: 1
name: club
ledger: club.ledger
sources:
  people: {type: csv, path: people.csv}
  grants: {type: csv, path: grants.csv}
  teams: {type: csv, path: teams.csv}
users:
  from: people
  id: {from: Number}
  fields:
    username: {from: Login, transform: [lower]}
    name: {from: Name}
    email: {from: Mail}
    role: {from: Role, values: {lead: app-manager, "": app-user}}
  missing: disable
  managed: {usernames: ["*"]}
memberships:
  - from: grants
    username: {from: Login, transform: [lower]}
    project: {from: Project}
    role: {from: Access, values: {R: project-viewer, W: project-member, M: project-manager}}
memberships_missing: revoke
groups:
  - from: teams
    name: {from: Team}
    member: {from: Login, transform: [lower]}
group_members_missing: remove
group_access:
  - list:
      Board: {ALPHA: project-manager}
      Helpers: {BETA: ROLE}
group_access_missing: revoke
protect: [admin, "svc-*"]
limits: {disable: 3, revoke: 10, lower: 10}
"""
FIRST = {
    "club.yaml": MAPPING.replace("ROLE", "project-member"),
    "people.csv": """\
Number,Login,Name,Mail,Role
1,ada,Ada Lovelace,ada@example.org,lead
2,bob,Bob Ross,bob@example.org,
3,chloé,Chloé Dupont,chloe@example.org,
4,dan,Dan Brown,dan@example.org,
5,eve,Eve Adams,eve@example.org,
6,fay,Fay Wray,fay@example.org,
""",
    "grants.csv": """\
Login,Project,Access
ada,ALPHA,M
bob,ALPHA,W
chloé,Beta board,R
dan,ALPHA,W
eve,Beta board,W
fay,ALPHA,R
""",
    "teams.csv": """\
Team,Login
Board,ada
Board,bob
Helpers,eve
Helpers,fay
""",
}
SECOND = {
    "club.yaml": MAPPING.replace("ROLE", "project-viewer"),
    "people.csv": """\
Number,Login,Name,Mail,Role
1,ada,Ada King,ada@example.org,lead
2,robert,Bob Ross,bob@example.org,
3,chloé,Chloé Dupont,chloe.dupont@example.org,lead
5,eve,Eve Adams,eve@example.org,
6,fay,Fay Wray,fay@example.org,
7,gus,Gus Grissom,gus@example.org,
8,hal,Hal Finney,hal@example.org,
""",
    "grants.csv": """\
Login,Project,Access
ada,ALPHA,M
robert,ALPHA,M
chloé,Beta board,W
gus,ALPHA,R
hal,Beta board,W
fay,Beta board,R
""",
    "teams.csv": """\
Team,Login
Board,ada
Helpers,fay
Helpers,gus
""",
}
LONG = ("--expires", "520w")
KEY = "a key of sixteen and more characters"
FOR = {"KANPORT_TOKEN": RECORDED_TOKEN, "KANPORT_ALLOW_HTTP": "1", "KANPORT_URL": RECORDED_URL}


def main(folder: Path) -> None:
    """Record everything into a folder that is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ |= FOR | {f"XDG_{kind}_HOME": str(folder / "state") for kind in ("STATE", "CONFIG")}
    os.chdir(folder)
    with _server(folder / "server.sqlite") as sandbox, proxy_to(sandbox.url) as proxy:
        os.environ["http_proxy"] = proxy
        for name, identifier in (("Alpha board", "ALPHA"), ("Beta board", "BETA")):
            sandbox.store.add_project(name, identifier=identifier)
        _write(FIRST)
        _kanport("plan", "club.yaml", "-o", "first.json")
        _kanport("apply", "first.json", "--yes", "--quiet")
        _write(SECOND)
        _kanport("plan", "club.yaml", "-o", "plan.json", "--quiet")
        _kanport("plan", "club.yaml", "-o", "signed.json", "--quiet")
        _kanport("approve", "plan.json", "--by", "Grace Hopper", "--note", "Ticket 7", *LONG)
        os.environ["KANPORT_APPROVAL_KEY"] = KEY
        _kanport("approve", "signed.json", "--by", "Grace Hopper", "--note", "Ticket 8", *LONG)
        del os.environ["KANPORT_APPROVAL_KEY"]
    for name in ("server.sqlite", "club.ledger"):
        shutil.copy2(name, f"before.{name}")
    with _server(folder / "server.sqlite") as sandbox, proxy_to(sandbox.url) as proxy:
        os.environ["http_proxy"] = proxy
        _refuse_grants_of_hal()
        _kanport("apply", "plan.json", "--yes", "--quiet", "--require-approval", ends=3)
        _refuse_no_more()
    for name in ("server.sqlite", "club.ledger"):
        shutil.move(name, f"after.{name}")
        shutil.copy2(f"before.{name}", name)
    shutil.copy2("plan.json", "cut.json")
    with _server(folder / "server.sqlite") as sandbox, proxy_to(sandbox.url) as proxy:
        os.environ["http_proxy"] = proxy
        _kill_at_first_grant(sandbox)
    for name in ("server.sqlite", "club.ledger"):
        shutil.move(name, f"cut.{name}")
    shutil.rmtree("state", ignore_errors=True)
    Path("club.ledger.lock").unlink()


def _server(store: Path) -> Sandbox:
    return Sandbox(SandboxOptions(token=RECORDED_TOKEN, store=store))


def _write(files: dict[str, str]) -> None:
    for name, text in files.items():
        Path(name).write_text(text, encoding="utf-8")


def _kanport(*arguments: str, ends: int = 0) -> None:
    ended = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    if ended.exit_code != ends:
        raise SystemExit(f"{arguments} ended with {ended.exit_code}: {ended.output}")


def _kill_at_first_grant(sandbox: Sandbox) -> None:
    command = [sys.executable, "-m", "kanport", "apply", "cut.json", "--yes", "--quiet"]
    started: list[subprocess.Popen[bytes]] = []

    def fault(names: tuple[str, ...]) -> InjectedFault | None:
        if "addProjectUser" not in names:
            return None
        started[0].kill()
        return InjectedFault(after=1, reply=None)

    sandbox.fault = fault
    started.append(subprocess.Popen(command))
    if started[0].wait(600) != -signal.SIGKILL:
        raise SystemExit("the run was to be killed")


def _refuse_grants_of_hal() -> None:
    with closing(sqlite3.connect("server.sqlite")) as database:
        (number,) = database.execute("SELECT max(id) FROM users").fetchone()
        database.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON project_has_users "
            f"WHEN NEW.user_id = {number + 2} BEGIN SELECT RAISE(ABORT, 'refused'); END"
        )
        database.commit()


def _refuse_no_more() -> None:
    with closing(sqlite3.connect("server.sqlite")) as database:
        database.execute("DROP TRIGGER refuse")
        database.commit()


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
