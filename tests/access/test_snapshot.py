"""A snapshot says who has which access, and is read back as it was written or not at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kanport.access.snapshot import FORMAT, load_snapshot, write_snapshot
from kanport.api import connect
from kanport.errors import Unreachable, UsageError
from kanport.files import write_file
from kanport.kanboard.reader import read_current
from kanport.memory import Grant, LedgerState
from kanport.model import Group
from kanport.sandbox import Sandbox
from tests.support.snapshots import current, taken


def test_a_snapshot_says_what_of_an_access_can_be_told() -> None:
    found = {
        (one.user_id, one.project_id): (one.role, one.direct, one.through)
        for one in taken(current()).memberships
    }
    assert found == {
        (1, 1): ("project-manager", True, ()),
        (2, 1): ("project-member", None, (1,)),
        (3, 1): ("project-viewer", None, (1,)),
        # Bob is in the group and not listed in Beta, so the group has no access there.
        (2, 2): ("project-member", True, ()),
    }


def test_what_the_ledger_remembers_of_a_group_tells_more() -> None:
    memory = LedgerState(
        group_access={(1, 1): "project-member"}, access_names={(1, 1): Grant("Team", "ALPHA")}
    )
    found = {one.user_id: one.direct for one in taken(current(), memory=memory).by_project[1]}
    # With the group's role alone, bob would be a member: his lower role is his own.
    assert found == {1: True, 2: None, 3: True}


def test_the_sources_that_name_a_user_are_known_only_with_a_mapping() -> None:
    found = taken(current(), sources={2: ("crm",), 3: ("crm", "ldap"), 4: None}).users
    assert [user.sources for user in found] == [(), ("crm",), ("crm", "ldap"), None]
    assert {user.sources for user in taken(current()).users} == {None}


@pytest.mark.parametrize(
    "parts",
    [
        {"users_complete": False},
        {"groups": (Group(1, "Team", members=frozenset({2}), complete=False),)},
        {"roles": {1: {99: "project-member"}, 2: {}}},
    ],
)
def test_of_half_a_server_there_is_no_snapshot(parts: dict[str, Any]) -> None:
    with pytest.raises(Unreachable):
        taken(current(**parts))


def test_a_snapshot_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    snapshot = taken(current(), mapping="nightly.yaml", sources={2: ("crm",)})
    path = tmp_path / "access.json"
    write_snapshot(path, snapshot)
    assert load_snapshot(path) == snapshot
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="a snapshot would be lost"):
        write_file(path, "")


def _changed(change: Callable[[dict[str, Any]], object], path: Path) -> Path:
    write_snapshot(path, taken(current()))
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda all_: all_["users"][1].update(role="app-admin"), "was changed after it was made"),
        (lambda all_: all_["users"].pop(), "was changed after it was made"),
        (lambda all_: all_.update(taken_at="2026-03-02T06:00:00Z"), "was changed after"),
        (lambda all_: all_.update(format="kanport-snapshot/2"), "has the format"),
        (lambda all_: all_.update(format="kanport-plan/1"), "is not a snapshot"),
        (lambda all_: all_.pop("format"), "is not a snapshot"),
        (lambda all_: all_["users"][1].update(active=1), "is not a valid snapshot"),
        (lambda all_: all_["users"][1].update(id="2"), "is not a valid snapshot"),
        (lambda all_: all_["users"][1].update(password="secret"), "is not a valid snapshot"),
        (lambda all_: all_["users"].append(all_["users"][0]), "is not a valid snapshot"),
        (lambda all_: all_["memberships"][0].update(user_id=99), "is not a valid snapshot"),
        (lambda all_: all_["memberships"][0].update(project_id=99), "is not a valid snapshot"),
        (lambda all_: all_["memberships"][1].update(through=[99]), "is not a valid snapshot"),
        (lambda all_: all_["groups"][0]["members"].append(99), "is not a valid snapshot"),
        (lambda all_: all_.pop("memberships"), "is not a valid snapshot"),
        (lambda all_: all_.update(taken_at="yesterday"), "is not a valid snapshot"),
    ],
)
def test_a_file_that_is_no_snapshot_any_more_is_refused(
    change: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        load_snapshot(_changed(change, tmp_path / "access.json"))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000])
def test_any_other_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "access.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is not a snapshot"):
        load_snapshot(path)
    with pytest.raises(UsageError, match="there is no snapshot"):
        load_snapshot(tmp_path / "missing.json")


def test_two_factor_comes_with_the_rows_of_a_server_and_no_secret_does(
    server: Sandbox, tmp_path: Path
) -> None:
    server.store.add_user("ada", twofactor_activated=1, twofactor_secret="2fa-secret")
    server.store.add_user("bob", password="correct horse", api_access_token="api-token")
    with connect(server.url, token=server.token) as client:
        state = read_current(client, choose_projects=lambda projects: [one.id for one in projects])
    snapshot = taken(state)
    path = tmp_path / "access.json"
    write_snapshot(path, snapshot)
    assert {user.username: user.two_factor for user in snapshot.users} == {
        "admin": False,
        "ada": True,
        "bob": False,
    }
    text = path.read_text()
    assert FORMAT in text
    assert not any(secret in text for secret in ("2fa-secret", "$2y$", "api-token", "horse"))
