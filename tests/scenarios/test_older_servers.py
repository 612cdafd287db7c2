"""Kanboards of other ages are read and written as well, and what one lacks is said by its name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kanport.kanboard.api_versions import SINCE
from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.command_line import Kanport

MAPPING = """
kanport: 1
sources:
  people: {type: csv, path: people.csv}
users:
  from: people
  fields:
    username: {from: login}
    name: {from: name}
    active: {from: active}
  inactive: create
"""
ACCESS = """
projects: create
memberships:
  - {from: people, username: {from: login}, project: {from: project}, role: project-member}
groups:
  - {from: people, name: {from: team}, member: {from: login}}
"""
PEOPLE = """login,name,active,project,team
ada,Ada L.,yes,ALPHA,Team
bob,Bob,no,ALPHA,
cyd,Cyd,yes,Brand new,Team
dee,Dee,no,Brand new,Others
"""


def of_age(version: str, **more: Any) -> SandboxOptions:
    """Return the options of a sandbox that answers as that release did; `more` are further ones.

    What is older than 1.2 ran on PHP before 8.1, whose drivers give numbers as text; before 1.0.38
    nobody in a project was a list; before 1.0.26 nobody could be disabled, and no row said so.
    """
    age = _numbers(version)
    lacking = frozenset(name for name, since in SINCE.items() if age < _numbers(since))
    given = {
        "version": version,
        "missing_procedures": lacking,
        "text_numbers": age < (1, 2),
        "empty_lists": age < (1, 0, 38),
        "user_rows": "old" if age < (1, 0, 26) else "full",
    }
    return SandboxOptions(**{**given, **more})


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


AGES = {
    "1.0.31": of_age("1.0.31"),
    "1.0.37": of_age("1.0.37"),
    "1.0.44": of_age("1.0.44"),
    "1.0.48 on MariaDB": of_age("1.0.48", dialect="mariadb"),
    "1.2.0": of_age("1.2.0"),
    "1.2.53 on PostgreSQL": of_age("1.2.53", dialect="postgres"),
    "the next one": of_age("1.2.54", user_rows="safe"),
}


def fill(server: Sandbox) -> Sandbox:
    store = server.store
    with store.transaction():
        ada, bob = store.add_user("ada", name="Ada"), store.add_user("bob", name="Bob")
        alpha = store.add_project("Alpha", identifier="ALPHA")
        store.add_project("Empty")
        store.add_member(alpha, ada, "project-viewer")
        store.add_group_member(store.add_group("Others"), bob)
    return server


def files(folder: Path, mapping: str = MAPPING + ACCESS) -> str:
    (folder / "people.csv").write_text(PEOPLE)
    (folder / "mapping.yaml").write_text(mapping)
    return "mapping.yaml"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(request.param) as sandbox:
        yield fill(sandbox)


@pytest.mark.parametrize("server", AGES.values(), ids=AGES, indirect=True)
def test_everything_works_down_to_1_0_31(server: Sandbox, kanport: Kanport, tmp_path: Path) -> None:
    mapping = files(tmp_path)
    before = server.store.snapshot()
    assert kanport("doctor").code == 0
    for command in (
        ("plan", mapping, "-o", "plan.json"),
        ("apply", "plan.json", "--yes"),
        ("verify", "plan.json"),
        ("plan", mapping, "--check"),
        ("export", "-o", "out", "--mapping", "again.yaml"),
        ("plan", "again.yaml", "--check"),
    ):
        ended = kanport(*command)
        assert ended.code == 0, (command, ended)
    after = server.store.snapshot()
    assert after.memberships == {
        ("ALPHA", "ada"): "project-member",
        ("ALPHA", "bob"): "project-member",
        ("Brand new", "cyd"): "project-member",
        ("Brand new", "dee"): "project-member",
    }
    active = {user.username: user.is_active for user in after.users.values()}
    assert active == {"admin": True, "ada": True, "bob": False, "cyd": True, "dee": False}
    assert after.groups["Team"].members == {"ada", "cyd"}
    kanport("undo", "plan.journal.jsonl", "-o", "back.json")
    assert kanport("apply", "back.json", "--yes").code == 0
    back = server.store.snapshot()
    assert back.memberships == before.memberships
    assert {name: back.users[name] for name in before.users} == before.users
    assert not any(back.users[name].is_active for name in ("cyd", "dee"))


@pytest.mark.parametrize("server", [of_age("1.0.30")], indirect=True)
def test_a_server_that_cannot_tell_roles_is_refused_by_name(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    ended = kanport("plan", files(tmp_path))
    assert ended.code == 7
    assert "has no getProjectUserRole, which came with Kanboard 1.0.31" in ended.err
    assert "needs Kanboard 1.0.31 or later" in ended.err
    doctor = kanport("doctor")
    assert "it lacks getProjectUserRole" in doctor.out
    assert "getProjectUserRole came with Kanboard 1.0.31" in doctor.out
    assert not server.writes


@pytest.mark.parametrize("server", [of_age("1.0.25")], indirect=True)
def test_where_nobody_can_be_disabled_the_rest_is_done(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    planned = kanport("plan", files(tmp_path, MAPPING), "-o", "plan.json")
    assert planned.code == 0, planned
    done = kanport("apply", "plan.json", "--yes")
    assert done.code == 3
    assert "the server lacks disableUser, which came with Kanboard 1.0.26" in done.out
    assert server.store.snapshot().users["ada"].name == "Ada L."
    assert kanport("export", "-o", "out").code == 7
