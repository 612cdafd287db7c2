"""40,000 users, which `getAllUsers` cannot give within 128 MB, through the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.command_line import Kanport
from tests.support.files import MAPPING, write_files

USERS = 40_000
BY_NAME = MAPPING.replace("missing: disable", "missing: keep").replace(
    "find_by: [username, email]", "find_by: [username]"
)
PEOPLE = """\
Login,Name,Mail,Role
u00001,Una One,una@example.org,lead
u39999,Last One,,
new,New Comer,new@example.org,
"""
GRANTS = """\
Login,Project,Access
u00001,ALPHA,M
new,ALPHA,W
u00007,Beta board,R
"""


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(memory_limit=128)) as sandbox:
        with sandbox.store.transaction():
            for number in range(USERS):
                sandbox.store.add_user(f"u{number:05}", password=None)
        yield sandbox


def test_an_import_by_name_works_and_says_who_is_not_known(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    store = server.store
    alpha = store.add_project("Alpha", identifier="ALPHA")
    store.add_project("Beta board")
    store.add_member(alpha, store.add_user("gone"))
    mapping = write_files(tmp_path, mapping=BY_NAME, people=PEOPLE, grants=GRANTS)

    planned = kanport("plan", mapping, "-o", "plan.json")
    assert planned.code == 0, planned
    assert "could not list its users because PHP reached its memory limit" in planned.out
    assert "Kanport does not know users outside the sources" in planned.out
    assert not server.writes
    kanport("report", "plan.json", "-o", "plan.md", "-o", "plan.report.json")
    for report in ("plan.md", "plan.report.json"):
        assert "users-unlisted" in Path(report).read_text(encoding="utf-8")

    done = kanport("apply", "plan.json", "--yes")
    assert done.code == 0, done
    after = store.snapshot()
    assert len(after.users) == 1 + USERS + 2
    assert after.users["u00001"].role == "app-manager"
    assert after.users["u39999"].name == "Last One"
    assert after.memberships == {
        ("ALPHA", "u00001"): "project-manager",
        ("ALPHA", "new"): "project-member",
        ("Beta board", "u00007"): "project-viewer",
    }

    again = kanport("plan", mapping, "--check")
    assert again.code == 0, again
    assert "Nothing to change" in again.out
    synced = kanport("sync", mapping)
    assert synced.code == 0, synced


def test_whatever_needs_everybody_is_refused_with_the_reason(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    people = "Login,Name,Mail,Role\nu00001,Una One,,\n"
    grants = "Login,Project,Access\n"
    mapping = write_files(
        tmp_path,
        mapping=BY_NAME.replace("missing: keep", "missing: disable"),
        people=people,
        grants=grants + "u00001,1,M\n",
    )
    server.store.add_project("Alpha", identifier="ALPHA")
    planned = kanport("plan", mapping, "-o", "plan.json")
    applied = kanport("apply", "plan.json", "--yes")
    synced = kanport("sync", mapping)
    assert [planned.code, applied.code, synced.code] == [4, 4, 4], (planned, applied, synced)
    for refused in (planned.out, applied.err, synced.err):
        assert "PHP reached its memory limit" in refused
        assert "missing: disable" in refused
    plan = json.loads(Path("plan.json").read_text(encoding="utf-8"))
    assert not any(change["action"] == "user.disable" for change in plan["changes"])
    assert not server.writes


def test_a_plan_is_refused_where_somebody_new_is_there_by_now_in_another_spelling(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    mapping = BY_NAME.partition("memberships:")[0]
    people = "Login,Name,Mail,Role\nlate,Late Comer,,\n"
    path = write_files(tmp_path, mapping=mapping, people=people)
    assert kanport("plan", path, "-o", "plan.json").code == 0
    server.store.add_user("Late")
    server.forget_requests()
    refused = kanport("apply", "plan.json", "--yes")
    assert refused.code == 9, refused
    assert 'the plan creates user "Late", who exists already' in refused.err
    assert not server.writes


def test_doctor_says_that_the_users_cannot_be_listed(server: Sandbox, kanport: Kanport) -> None:
    examined = kanport("doctor")
    assert examined.code == 0, examined
    assert "it cannot list its users: PHP reached its memory limit" in examined.out
    assert "administrator" not in examined.out
