"""A user field that Kanport does not have, from the mapping to the export.

`main` adds one entry to the table of fields before anything else of Kanport is imported, and
teaches the sandbox to store the field. It needs a process of its own.
"""

import csv
import importlib
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import kanport

ENTRY = """
TIMEZONE = UserField(
    name="timezone",
    about="The time zone in which Kanboard shows times.",
    check=control_problem,
    clearable=True,
    personal=Personal.VALUE,
    headers=("timezone",),
)
"""
TABLE = "USER_FIELDS = (USERNAME, NAME, EMAIL, ROLE, ACTIVE, LDAP)"
MAPPING = """\
kanport: 1
sources:
  staff: {type: csv, path: staff.csv}
users:
  from: staff
  fields:
    username: {from: Login}
    name: {from: Name}
    timezone: {from: Zone}
"""
STAFF = """\
Login,Name,Zone
ada,Ada,Europe/Paris
robert,Bob,Asia/Tokyo
eve,Eve,<clear>
"""


def add_the_entry() -> None:
    """Import the table of fields with one entry more."""
    assert "kanport.fields" not in sys.modules
    path = Path(str(kanport.__file__)).with_name("fields.py")
    text = path.read_text(encoding="utf-8")
    assert TABLE in text, "the table has another beginning; change it here as well"
    text = text.replace(TABLE, f"{ENTRY}{TABLE[:-1]}, TIMEZONE)")
    text = text.replace("    app_role_problem,\n", "    app_role_problem,\n    control_problem,\n")
    module = ModuleType("kanport.fields")
    module.__file__ = str(path)
    sys.modules["kanport.fields"] = module
    exec(compile(text, path, "exec"), module.__dict__)  # noqa: S102 - our own file


def teach_the_sandbox() -> None:
    """Let the sandbox store and change time zones; it lists them already."""
    procedures = importlib.import_module("kanport.sandbox.procedures")
    users = importlib.import_module("kanport.sandbox.procedures.users").UserProcedures
    create, update = users.createUser, users.updateUser

    def create_user(self: Any, *values: Any) -> Any:
        made = create(self, *values[:-1])
        if made and values[-1] is not None:
            self._store.update("users", made, {"timezone": values[-1]})
        return made

    def update_user(self: Any, user_id: Any, *values: Any) -> Any:
        if values[-1] is not None:
            self._store.update("users", user_id, {"timezone": values[-1]})
        return update(self, user_id, *values[:-1]) if any(values[:-1]) else True

    users.createUser, users.updateUser = create_user, update_user
    for name in ("createUser", "updateUser"):
        procedures.PROCEDURES[name].parameters["timezone"] = None


def story() -> None:
    """Go from the mapping to the export."""
    sandbox = importlib.import_module("kanport.sandbox")
    runner = importlib.import_module("click.testing").CliRunner()
    cli = importlib.import_module("kanport.cli").cli

    with sandbox.Sandbox(sandbox.SandboxOptions()) as server:
        os.environ |= {"KANPORT_URL": server.url, "KANPORT_TOKEN": server.token}
        os.environ |= {"XDG_STATE_HOME": "state", "XDG_CONFIG_HOME": "config"}

        def run(*arguments: str, code: int = 0) -> str:
            ended = runner.invoke(cli, arguments)
            if ended.exception is not None and not isinstance(ended.exception, SystemExit):
                raise ended.exception
            assert ended.exit_code == code, (arguments, ended.exit_code, ended.output)
            return str(ended.output)

        def zones() -> dict[str, str]:
            sql = "SELECT username, timezone FROM users WHERE timezone IS NOT NULL"
            return dict(server.store.rows(sql))

        server.store.add_user("robert", name="Bob", timezone="Europe/Rome")
        server.store.add_user("eve", name="Eve", timezone="America/Lima")
        Path("map.yaml").write_text(MAPPING, encoding="utf-8")
        Path("staff.csv").write_text(STAFF, encoding="utf-8")

        # init, the JSON Schema, validate, plan
        assert 'timezone: {from: "Timezone", transform: [trim]}' in _drafted(run)
        assert '"timezone"' in run("schema")
        run("validate", "map.yaml")
        shown = run("plan", "map.yaml", "-o", "plan.json")
        assert "timezone Europe/Rome → Asia/Tokyo" in shown
        changes = json.loads(Path("plan.json").read_text(encoding="utf-8"))["changes"]
        states = {c["subject"]["username"]: (c.get("before"), c["after"]) for c in changes}
        assert states["robert"] == ({"timezone": "Europe/Rome"}, {"timezone": "Asia/Tokyo"})
        assert states["eve"] == ({"timezone": "America/Lima"}, {"timezone": ""})
        assert states["ada"][1]["timezone"] == "Europe/Paris"

        # apply, plan again, verify
        run("apply", "plan.json", "--yes")
        assert zones() == {"ada": "Europe/Paris", "robert": "Asia/Tokyo", "eve": ""}
        assert "Nothing to change" in run("plan", "map.yaml")
        run("verify", "plan.json")
        assert "timezone: Asia/Tokyo" in run("explain", "map.yaml", "robert")

        # reports, with and without pseudonyms
        run("report", "plan.journal.jsonl", "-o", "run.md")
        run("report", "plan.journal.jsonl", "-o", "masked.md", "--mask")
        clear, masked = (Path(name).read_text(encoding="utf-8") for name in ("run.md", "masked.md"))
        for zone in ("Europe/Rome", "Asia/Tokyo", "Europe/Paris", "America/Lima"):
            assert zone in clear and zone not in masked
        assert "timezone" in masked

        # export, and a plan of what was exported
        run("export", "-o", "out", "--mapping", "back.yaml")
        with Path("out", "users.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = {row["username"]: row["timezone"] for row in csv.DictReader(file)}
        assert rows == {"admin": "", "ada": "Europe/Paris", "eve": "", "robert": "Asia/Tokyo"}
        assert "Nothing to change" in run("plan", "back.yaml")

        # what somebody changed since is noticed by verify, by apply and by undo
        server.store.change("UPDATE users SET timezone = 'UTC' WHERE username = 'eve'")
        assert "timezone" in run("verify", "plan.json", code=3)
        left = run("undo", "plan.journal.jsonl", "-o", "undo.json", code=3)
        assert 'the timezone of "eve" is "UTC" now' in left
        server.store.change("UPDATE users SET timezone = 'UTC' WHERE username = 'robert'")
        assert "timezone" in run("apply", "undo.json", "--yes", code=9)
        server.store.change("UPDATE users SET timezone = 'Asia/Tokyo' WHERE username = 'robert'")
        run("apply", "undo.json", "--yes", code=3)
        assert zones() == {"ada": "Europe/Paris", "robert": "Europe/Rome", "eve": "UTC"}


def _drafted(run: Any) -> str:
    Path("zones.csv").write_text("Login,Timezone\nada,UTC\n", encoding="utf-8")
    run("init", "zones.csv", "-o", "drafted.yaml")
    return Path("drafted.yaml").read_text(encoding="utf-8")


def main() -> None:
    """Add the field and go through the story, in an empty folder."""
    add_the_entry()
    teach_the_sandbox()
    story()
