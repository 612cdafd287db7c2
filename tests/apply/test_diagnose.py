"""What becomes of changes that the server refuses, and the reasons that the run gives."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import kanport
from kanport.api import Options, Result
from kanport.apply.calls import Ids
from kanport.apply.diagnose import diagnose
from kanport.apply.journal import load_journal
from kanport.outcome import Status
from kanport.sandbox import InjectedFault, Reply, Sandbox
from tests.support.changes import a_change, facts_in

MAPPING = """\
kanport: 1
sources:
  teams: {type: csv, path: teams.csv}
  doors: {type: csv, path: doors.csv}
  grants: {type: csv, path: grants.csv}
memberships:
  - {from: grants, username: {from: Login}, project: {from: Project}, role: {from: Role}}
groups:
  - {from: teams, name: {from: Group}, member: {from: Login}}
group_access:
  - {from: doors, group: {from: Group}, project: {from: Project}, role: {from: Role}}
group_access_missing: revoke
limits: {revoke: 9, dropped: 9}
"""
QUICK = Options(pause=0.0, retries=1)
ERROR = b'{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"},"id":null}'
REPLIES: dict[str, Reply | None] = {
    "an error": Reply(200, "application/json", ERROR),
    "500": Reply(500, "text/html", b""),
    "the connection is reset": None,
}
# What the list says afterwards, the procedure that is refused for it, and the role before it.
ACCESS = {
    "revoke": ("Team,OPS,project-member\n", "removeProjectGroup", "project-member"),
    "change": (
        "Team,OPS,project-member\nTeam,WEB,project-manager\n",
        "changeProjectGroupRole",
        "project-member",
    ),
    "grant": ("Team,OPS,project-member\nTeam,WEB,project-member\n", "addProjectGroup", None),
}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KANPORT_STATE", str(tmp_path / "state"))
    (tmp_path / "m.yaml").write_text(MAPPING, encoding="utf-8")
    (tmp_path / "teams.csv").write_text("Group,Login\nTeam,ada\nTeam,bob\n", encoding="utf-8")
    (tmp_path / "grants.csv").write_text(
        "Login,Project,Role\nada,WEB,project-viewer\nbob,WEB,project-viewer\n", encoding="utf-8"
    )
    with Sandbox() as sandbox:
        for name in ("WEB", "OPS"):
            sandbox.store.add_project(name.title(), identifier=name)
        for name in ("ada", "bob"):
            sandbox.store.add_user(name)
        yield sandbox


def synced(server: Sandbox, folder: Path, doors: str) -> Result:
    (folder / "doors.csv").write_text(f"Group,Project,Role\n{doors}", encoding="utf-8")
    return kanport.sync(folder / "m.yaml", url=server.url, token=server.token, options=QUICK)


def refusing(method: str, reply: Reply | None) -> Callable[[tuple[str, ...]], InjectedFault | None]:
    return lambda names: InjectedFault(after=0, reply=reply) if method in names else None


@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize("kind", ACCESS)
def test_a_groups_access_that_is_not_changed_is_a_failed_change_and_the_run_goes_on(
    kind: str, reply: str, server: Sandbox, tmp_path: Path
) -> None:
    doors, method, held = ACCESS[kind]
    before = "Team,OPS,project-member\n" + ("Team,WEB,project-member\n" if held else "")
    assert synced(server, tmp_path, before).exit_code == 0
    server.fault = refusing(method, REPLIES[reply])
    result = synced(server, tmp_path, doors)
    assert result.exit_code in (3, 7)
    refused = [
        outcome
        for outcome, change in zip(result.outcomes, result.plan.changes, strict=True)
        if change.subject.group == "Team" and change.subject.project == "WEB"
    ]
    assert [outcome.status for outcome in refused] == [Status.FAILED]
    assert server.store.snapshot().group_access.get(("WEB", "Team")) == held
    assert result.journal is not None
    recorded = load_journal(result.journal)
    assert recorded.finished or result.exit_code == 7
    assert len(recorded.run.outcomes) == len(result.plan.changes)


def test_a_role_in_a_project_is_not_judged_by_the_rules_for_users(
    server: Sandbox, tmp_path: Path
) -> None:
    server.store.change(
        "CREATE TRIGGER no BEFORE INSERT ON project_has_users BEGIN SELECT RAISE(ABORT,'no'); END"
    )
    server.store.change(
        "CREATE TRIGGER no2 BEFORE INSERT ON project_has_groups BEGIN SELECT RAISE(ABORT,'no'); END"
    )
    result = synced(server, tmp_path, "Team,OPS,project-member\n")
    failed = [outcome for outcome in result.outcomes if outcome.status is Status.FAILED]
    assert len(failed) == 3
    for outcome in failed:
        assert facts_in(outcome) <= {"rejected", "role-now", "not-shown", "group-without-access"}


def test_what_the_rules_for_users_say_of_a_refused_value_is_a_reason() -> None:
    class Nobody:
        def read(self, calls: object) -> list[object]:
            raise AssertionError(calls)

    change = a_change("user.create", username="eve", after={"email": "no address", "name": "Eve"})
    found = diagnose(Nobody(), [(change, Ids())])
    assert [each.code for each in found[change.id].facts] == ["email-invalid"]
