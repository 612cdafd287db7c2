"""The demo: Kanport checks two messy staff lists and applies a clean one to a server with users.

It starts a sandbox, fills it with `demo-server.json`, and runs the commands that a user would run.
It prints each command before its output. Plans, journals and reports go to `demo-output/`.
"""

import json
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

from demo_tools import ROOT, SAMPLES, call, run, sandbox, tell

from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.kanboard import procedures
from kanport.kanboard.client import Client
from kanport.kanboard.rpc import Call

OUTPUT = ROOT / "demo-output"


def main() -> None:
    """Run the whole demo; exit with 1 if a command ends with an unexpected code."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    token = secrets.token_urlsafe(24)
    # From an earlier demo, whose server no longer exists.
    (ROOT / "mappings" / "memberships-csv.yaml.ledger").unlink(missing_ok=True)
    with sandbox(token) as url:
        environment = {**os.environ, "KANPORT_URL": url, "KANPORT_TOKEN": token}
        people, projects = fill(url, token)
        tell(
            f"A Kanboard-compatible server runs at {url}, with {people} users in {projects}"
            " projects. Kanport checks two messy lists and applies a clean one."
        )

        tell(
            "1. A typical staff list: Excel, a column for each project, a letter in the cell, and"
            " the usual mistakes. Kanport names every mistake with its cell at once. It plans"
            " nothing before you correct them."
        )
        run(environment, 5, "plan", "mappings/staff-matrix-excel.yaml")

        tell(
            "   A realistic, messy list (samples/ugly) goes back to the people who keep it: their"
            " own workbook, with each wrong cell marked and explained."
        )
        checked = "demo-output/staff-checked.xlsx"
        run(environment, 5, "validate", "samples/ugly/staff.yaml", "--annotate", checked)

        tell("2. A clean list: people.csv and memberships.csv. First a dry run, saved as a plan.")
        mapping = "mappings/memberships-csv.yaml"
        run(environment, 0, "plan", mapping, "-o", "demo-output/plan.json")

        tell("3. Kanport applies exactly that plan, and reads back everything that it writes.")
        run(environment, 0, "apply", "demo-output/plan.json", "--yes")

        tell("4. The same dry run again: no changes are left.")
        run(environment, 0, "plan", mapping, "--check")

        tell("5. The reports: to read and sign, for a review, for a ticket, for a program.")
        run(environment, 0, "report", "demo-output/plan.json", "-o", "demo-output/plan.html")
        journal = "demo-output/plan.journal.jsonl"
        files = [f"-o demo-output/run.{ending}" for ending in ("html", "xlsx", "md", "json")]
        run(environment, 0, "report", journal, *" ".join(files).split())
        run(environment, 0, "verify-report", "demo-output/run.html", "--journal", journal)

        tell("6. Why? One user, from the cells to the server.")
        run(environment, 0, "explain", mapping, "ruth.oyelaran", shown_lines=30)
    tell("The demo is complete. The files in demo-output/:")
    for path in sorted(OUTPUT.iterdir()):
        print(f"  {path.relative_to(ROOT)!s:<36} {about(path)}")
    print()


def about(path: Path) -> str:
    """Describe a file of the demo."""
    return {
        "staff-checked.xlsx": "HR's list, with the wrong cells marked",
        "plan.json": "the plan that was applied",
        "plan.html": "the plan, for a browser",
        "plan.journal.jsonl": "the journal of the run",
        "run.html": "the run, for a browser and to sign",
        "run.xlsx": "the run, with a sheet for access reviews",
        "run.md": "the run, for a ticket",
        "run.json": "the run, for a program",
    }.get(path.name, "")


def fill(url: str, token: str) -> tuple[int, int]:
    """Create the users, projects and groups of the demo; return the numbers of users and projects.

    Everything goes through the API, as on any server.
    """
    content: dict[str, Any] = json.loads((SAMPLES / "demo-server.json").read_text(encoding="utf-8"))
    settings = settings_of(Layers({"url": url}, {"KANPORT_TOKEN": token}))
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
