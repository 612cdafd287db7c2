"""The demo: a server with people on it, two staff lists, and what Kanport makes of them.

Starts a sandbox, fills it with `demo-server.json`, and then runs the commands that a user would
run, each printed before its output. Plans, journals and reports go to `demo-output/`.
"""

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from demo_tools import ROOT, SAMPLES, call, run, sandbox, tell

from kanport.config import resolve_settings
from kanport.kanboard import procedures
from kanport.kanboard.client import Client
from kanport.kanboard.rpc import Call

OUTPUT = ROOT / "demo-output"


def main() -> None:
    """Run the whole demo, and end with 1 where a command did not end as it should."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    token = secrets.token_urlsafe(24)
    # Of an earlier demo, whose server is gone.
    (ROOT / "mappings" / "memberships-csv.yaml.ledger").unlink(missing_ok=True)
    with sandbox(token) as url:
        environment = {**os.environ, "KANPORT_URL": url, "KANPORT_TOKEN": token}
        people, projects = fill(url, token)
        tell(
            f"A Kanboard-compatible server runs at {url}, with {people} people in {projects}"
            " projects. Two lists are to be brought into it."
        )

        tell(
            "1. A staff list as it comes: Excel, a column for each project, a letter in the cell,"
            " and the mistakes that such lists have. Each is named with its cell, all in one go,"
            " and nothing is planned before they are mended."
        )
        run(environment, 5, "plan", "mappings/staff-matrix-excel.yaml")

        tell("2. A clean list: people.csv and memberships.csv. First the dry run, saved as a plan.")
        mapping = "mappings/memberships-csv.yaml"
        run(environment, 0, "plan", mapping, "-o", "demo-output/plan.json")

        tell("3. Exactly that plan is carried out. Everything written is read back.")
        run(environment, 0, "apply", "demo-output/plan.json", "--yes", shown_lines=12)

        tell("4. The same dry run again: there must be nothing left to do.")
        run(environment, 0, "plan", mapping, "--check")

        tell("5. The reports: to read and to sign, for a review, for a ticket, for a machine.")
        run(environment, 0, "report", "demo-output/plan.json", "-o", "demo-output/plan.html")
        journal = "demo-output/plan.journal.jsonl"
        files = [f"-o demo-output/run.{ending}" for ending in ("html", "xlsx", "md", "json")]
        run(environment, 0, "report", journal, *" ".join(files).split())
        run(environment, 0, "verify-report", "demo-output/run.html", "--journal", journal)

        tell("6. Why is that so? One person, from the cells to the server.")
        run(environment, 0, "explain", mapping, "ruth.oyelaran", shown_lines=30)
    tell("That was all. In demo-output/ lie now:")
    for path in sorted(OUTPUT.iterdir()):
        print(f"  {path.relative_to(ROOT)!s:<36} {about(path)}")
    print()


def about(path: Path) -> str:
    """Say what a file of the demo is."""
    return {
        "plan.json": "the plan, as it was carried out",
        "plan.html": "the plan, to read in a browser",
        "plan.journal.jsonl": "the record of the run, line by line",
        "run.html": "what became of the plan, to read in a browser and to sign",
        "run.xlsx": "the same with a sheet for reviewing access",
        "run.md": "the same for a ticket",
        "run.json": "the same for a machine",
    }.get(path.name, "")


def fill(url: str, token: str) -> tuple[int, int]:
    """Put the people, projects and groups of the demo on the server, and count people and projects.

    Everything goes through the API, as on any server.
    """
    content: dict[str, Any] = json.loads((SAMPLES / "demo-server.json").read_text(encoding="utf-8"))
    settings = resolve_settings(url=url, environ={"KANPORT_TOKEN": token})
    with Client.open(settings) as client:
        users = {"admin": 1}
        for user in content["users"]:
            if user["username"] in users:
                continue
            create = procedures.create_user(
                user["username"],
                secrets.token_urlsafe(16),
                name=user["name"],
                email=user["email"],
                role=user["role"],
            )
            users[user["username"]] = call(client, create)
            if not user["active"]:
                call(client, procedures.disable_user(users[user["username"]]))
        projects = {
            project["identifier"]: call(
                client,
                Call("createProject", {key: project[key] for key in ("name", "identifier")}),
            )
            for project in content["projects"]
        }
        for member in content["memberships"]:
            project, user_id = projects[member["project"]], users[member["username"]]
            call(client, procedures.add_project_user(project, user_id, member["role"]))
        for group in content["groups"]:
            group_id = call(client, Call("createGroup", {"name": group["name"]}))
            for name in group["members"]:
                call(client, Call("addGroupMember", {"group_id": group_id, "user_id": users[name]}))
    return len(users), len(projects)


if __name__ == "__main__":
    main()
