"""A whole server is moved to another one: through its API or through files, and taken back."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from kanport.cli import cli
from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.command_line import Result
from tests.support.moving import Size, fill, mapping_from, people_of_ldap

WHOLE = Size()
SMALL = Size(users=60, groups=8, projects=10, people_in_a_group=6, people_in_a_project=8)

On = Callable[..., Result]


@pytest.fixture
def on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> On:
    """Call the command line for one of several servers."""
    monkeypatch.chdir(tmp_path)
    for name in ("KANPORT_STATE", "KANPORT_CONFIG", "KANPORT_PROFILE", "KANPORT_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def call(server: Sandbox, *arguments: str) -> Result:
        environment = {"KANPORT_URL": server.url, "KANPORT_TOKEN": server.token}
        ended = CliRunner().invoke(cli, arguments, env=environment)
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Result(ended.exit_code, ended.stdout, ended.stderr)

    return call


@pytest.fixture
def new() -> Iterator[Sandbox]:
    """An empty server that knows the same people through its LDAP."""
    with Sandbox(SandboxOptions(ldap_users=people_of_ldap(WHOLE))) as server:
        yield server


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions(token="token-of-the-old-server")) as server:
        monkeypatch.setenv("OLD", server.token)
        yield server


Row = dict[str, str]


def exported(folder: str) -> dict[str, list[Row]]:
    found = {}
    for path in sorted(Path(folder).iterdir()):
        with path.open(encoding="utf-8", newline="") as lines:
            found[path.stem] = list(csv.DictReader(lines))
    return found


def same_but_for_what_cannot_be(before: dict[str, list[Row]], after: dict[str, list[Row]]) -> None:
    """Everything is there, but private and closed projects, which the API cannot make."""
    kept = [p for p in before["projects"] if (p["private"], p["active"]) == ("false", "true")]
    keys = {project["project"] for project in kept}
    assert len(kept) < len(before["projects"])
    assert after["projects"] == kept
    # Also `access` is the same: who may have it through which group is concluded from the lists.
    assert after["memberships"] == [m for m in before["memberships"] if m["project"] in keys]
    for table in ("users", "groups", "group_members"):
        assert after[table] == before[table], table


@pytest.mark.parametrize("way", ["api", "out", "out.xlsx", "out.yaml"])
def test_a_server_is_moved_to_an_empty_one(old: Sandbox, new: Sandbox, on: On, way: str) -> None:
    size = WHOLE if way == "api" else SMALL
    fill(old, size)
    assert on(old, "export", "-o", "before").code == 0
    if way == "api":
        Path("move.yaml").write_text(mapping_from(old, size))
    else:
        assert on(old, "export", "-o", way, "--mapping", "move.yaml").code == 0
        here = on(old, "plan", "move.yaml", "--check")
        assert here.code == 0, here
    old.forget_requests()
    planned = on(new, "plan", "move.yaml", "-o", "move.json")
    assert planned.code == 0, planned
    done = on(new, "apply", "move.json", "--yes")
    assert done.code == 0, done
    assert on(new, "verify", "move.json").code == 0
    again = on(new, "plan", "move.yaml", "--check")
    assert again.code == 0, again
    assert on(new, "export", "-o", "after").code == 0
    same_but_for_what_cannot_be(exported("before"), exported("after"))
    assert not old.writes
    assert new.calls["createLdapUser"] == len(range(0, size.users, 50))
    text = planned.out + done.out + Path("move.json").read_text()
    assert "is closed in the sources and would be open here" in text
    assert "is private in the sources and would be shared here" in text
    assert " users get a new password, because Kanport cannot read those of the other" in text
    assert "custom role" in text and "token-of-the-old-server" not in text


def test_undo_leaves_the_other_server_as_it_was(old: Sandbox, new: Sandbox, on: On) -> None:
    fill(old, SMALL)
    store = new.store
    with store.transaction():
        here = store.add_user("user1", name="Other Name", email="user1@example.org")
        store.add_member(store.add_project("Project 1", identifier="P1"), here, "project-viewer")
        store.add_group_member(store.add_group("Group 1", external_id="mine"), here)
    before = store.snapshot()
    Path("move.yaml").write_text(mapping_from(old, SMALL))
    planned = on(new, "plan", "move.yaml", "-o", "move.json")
    assert '"user1" is on the server already, and the other server has' in planned.out
    assert 'the name "User 1" (now "Other Name")' in planned.out
    assert on(new, "apply", "move.json", "--yes").code == 0
    planned = on(new, "undo", "move.journal.jsonl", "-o", "back.json")
    assert planned.code in (0, 3), planned
    done = on(new, "apply", "back.json", "--yes")
    assert done.code == 0, done
    after = store.snapshot()
    made = set(after.users) - set(before.users)
    assert made and not any(after.users[name].is_active for name in made)
    assert {name: after.users[name] for name in before.users} == before.users
    assert {key: role for key, role in after.memberships.items() if key[1] not in made} == (
        before.memberships
    )
    assert not any(name in made for _, name in after.memberships)
    assert after.groups["Group 1"] == before.groups["Group 1"]
    assert after.group_access == before.group_access
    removing = on(new, "undo", "move.journal.jsonl", "-o", "gone.json", "--remove-created", "500")
    assert removing.code in (0, 3), removing
    assert on(new, "apply", "gone.json", "--yes").code == 0
    assert set(store.snapshot().users) == set(before.users)
