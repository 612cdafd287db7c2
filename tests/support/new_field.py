"""A user field that Kanport does not have, from the mapping to the export.

`main` adds one entry to the table of fields before anything else of Kanport is imported, and
teaches the sandbox to store the field. It needs a process of its own.
"""

import csv
import importlib
import json
import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import kanport

ENTRY = """
LANGUAGE = UserField(
    name="language",
    about="The language in which Kanboard speaks.",
    check=name_problem,
    clearable=True,
    personal=Personal.VALUE,
    headers=("language",),
)
"""
TABLE = re.compile(r"^USER_FIELDS = \((.*)\)$", re.MULTILINE)
MAPPING = """\
kanport: 1
sources:
  staff: {type: csv, path: staff.csv}
users:
  from: staff
  fields:
    username: {from: Login}
    name: {from: Name}
    language: {from: Lang}
"""
STAFF = """\
Login,Name,Lang
ada,Ada,fr_FR
robert,Bob,ja_JP
eve,Eve,<clear>
"""


def add_the_entry() -> None:
    """Import the table of fields with one entry more."""
    assert "kanport.fields" not in sys.modules
    path = Path(str(kanport.__file__)).with_name("fields.py")
    text = path.read_text(encoding="utf-8")
    text, found = TABLE.subn(rf"{ENTRY}USER_FIELDS = (\1, LANGUAGE)", text)
    assert found == 1
    module = ModuleType("kanport.fields")
    module.__file__ = str(path)
    sys.modules["kanport.fields"] = module
    exec(compile(text, path, "exec"), module.__dict__)  # noqa: S102 - our own file


def teach_the_sandbox() -> None:
    """Let the sandbox store and change languages; it lists them already."""
    procedures = importlib.import_module("kanport.sandbox.procedures")
    users = importlib.import_module("kanport.sandbox.procedures.users").UserProcedures
    create, update = users.createUser, users.updateUser

    def create_user(self: Any, *values: Any) -> Any:
        made = create(self, *values[:-1])
        if made and values[-1] is not None:
            self._store.update("users", made, {"language": values[-1]})
        return made

    def update_user(self: Any, user_id: Any, *values: Any) -> Any:
        if values[-1] is not None:
            self._store.update("users", user_id, {"language": values[-1]})
        return update(self, user_id, *values[:-1]) if any(values[:-1]) else True

    users.createUser, users.updateUser = create_user, update_user
    for name in ("createUser", "updateUser"):
        procedures.PROCEDURES[name].parameters["language"] = None


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

        def languages() -> dict[str, str]:
            sql = "SELECT username, language FROM users WHERE language IS NOT NULL"
            return dict(server.store.rows(sql))

        server.store.add_user("robert", name="Bob", language="it_IT")
        server.store.add_user("eve", name="Eve", language="es_PE")
        Path("map.yaml").write_text(MAPPING, encoding="utf-8")
        Path("staff.csv").write_text(STAFF, encoding="utf-8")

        # init, the JSON Schema, validate, plan
        assert 'language: {from: "Language", transform: [trim]}' in _drafted(run)
        assert '"language"' in run("schema")
        run("validate", "map.yaml")
        shown = run("plan", "map.yaml", "-o", "plan.json")
        assert "language it_IT → ja_JP" in shown
        changes = json.loads(Path("plan.json").read_text(encoding="utf-8"))["changes"]
        states = {c["subject"]["username"]: (c.get("before"), c["after"]) for c in changes}
        assert states["robert"] == ({"language": "it_IT"}, {"language": "ja_JP"})
        assert states["eve"] == ({"language": "es_PE"}, {"language": ""})
        assert states["ada"][1]["language"] == "fr_FR"

        # apply, plan again, verify
        run("apply", "plan.json", "--yes")
        assert languages() == {"ada": "fr_FR", "robert": "ja_JP", "eve": ""}
        assert "Nothing to change" in run("plan", "map.yaml")
        run("verify", "plan.json")
        assert "language: ja_JP" in run("explain", "map.yaml", "robert")

        # reports, with and without pseudonyms
        run("report", "plan.journal.jsonl", "-o", "run.md")
        run("report", "plan.journal.jsonl", "-o", "masked.md", "--mask")
        clear, masked = (Path(name).read_text(encoding="utf-8") for name in ("run.md", "masked.md"))
        for text in ("it_IT", "ja_JP", "fr_FR", "es_PE"):
            assert text in clear and text not in masked
        assert "language" in masked

        # export, and a plan of what was exported
        run("export", "-o", "out", "--mapping", "back.yaml")
        with Path("out", "users.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = {row["username"]: row["language"] for row in csv.DictReader(file)}
        assert rows == {"admin": "", "ada": "fr_FR", "eve": "", "robert": "ja_JP"}
        assert "Nothing to change" in run("plan", "back.yaml")

        # what somebody changed since is noticed by verify, by apply and by undo
        server.store.change("UPDATE users SET language = 'de_DE' WHERE username = 'eve'")
        assert "language" in run("verify", "plan.json", code=3)
        left = run("undo", "plan.journal.jsonl", "-o", "undo.json", code=3)
        assert 'the language of "eve" is "de_DE" now' in left
        server.store.change("UPDATE users SET language = 'de_DE' WHERE username = 'robert'")
        assert "language" in run("apply", "undo.json", "--yes", code=9)
        server.store.change("UPDATE users SET language = 'ja_JP' WHERE username = 'robert'")
        run("apply", "undo.json", "--yes", code=3)
        assert languages() == {"ada": "fr_FR", "robert": "it_IT", "eve": "de_DE"}


def _drafted(run: Any) -> str:
    Path("languages.csv").write_text("Login,Language\nada,de_DE\n", encoding="utf-8")
    run("init", "languages.csv", "-o", "drafted.yaml")
    return Path("drafted.yaml").read_text(encoding="utf-8")


def main() -> None:
    """Add the field and go through the story, in an empty folder."""
    add_the_entry()
    teach_the_sandbox()
    story()
