"""Seeding a sandbox, looking at it, and keeping its state in a file."""

from pathlib import Path

import pytest

from kanport.sandbox import GroupState, Sandbox, SandboxOptions, UserState
from tests.sandbox.conftest import Runner
from tests.support.rpc_client import Client, call


def test_a_snapshot_shows_what_was_seeded(run: Runner) -> None:
    server, _ = run()
    store = server.store
    ann = store.add_user("ann", name="Ann", email="ann@example.org", role="app-manager")
    store.add_user("ben", active=False, ldap=True)
    alpha = store.add_project("Alpha", identifier="ALPHA")
    twins = [store.add_project("Twin") for _ in range(2)]
    leads = store.add_group("Leads", external_id="cn=leads")
    store.add_member(alpha, ann, "project-manager")
    store.add_group_member(leads, ann)
    store.add_group_access(twins[1], leads, "project-viewer")
    state = store.snapshot()
    assert state.users["ann"] == UserState(
        ann, "ann", "Ann", "ann@example.org", "app-manager", is_active=True, is_ldap_user=False
    )
    assert (state.users["ben"].is_active, state.users["ben"].is_ldap_user) == (False, True)
    assert state.memberships == {("ALPHA", "ann"): "project-manager"}
    assert state.group_access == {(f"Twin#{twins[1]}", "Leads"): "project-viewer"}
    assert state.groups == {"Leads": GroupState(leads, "Leads", "cn=leads", frozenset({"ann"}))}


def test_what_is_seeded_is_what_the_api_shows(run: Runner) -> None:
    server, client = run()
    by_api = client.result("createUser", "ann", "123456")
    seeded = server.store.add_user("ben")
    rows = [client.result("getUser", user_id) for user_id in (by_api, seeded)]
    same = [
        {key: value for key, value in row.items() if key not in ("id", "username", "password")}
        for row in rows
    ]
    assert same[0] == same[1]


def test_seeding_what_cannot_be_stored_is_an_error_that_shows_no_password(run: Runner) -> None:
    server, _ = run()
    server.store.add_user("ann")
    with pytest.raises(ValueError, match="already there") as failure:
        server.store.add_user("ann", password="very-secret")
    assert "very-secret" not in str(failure.value) and "$2y$" not in str(failure.value)
    with pytest.raises(ValueError, match="refers to nothing"):
        server.store.add_member(999, 999)


def test_a_transaction_that_fails_leaves_nothing(run: Runner) -> None:
    server, _ = run()
    before = server.store.snapshot()

    def add_twice() -> None:
        with server.store.transaction():
            server.store.add_user("ann")
            server.store.add_user("ann")

    with pytest.raises(ValueError, match="already there"):
        add_twice()
    assert server.store.snapshot() == before


def test_a_file_keeps_the_state_and_no_password(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.db"
    with Sandbox(SandboxOptions(store=file)) as server, Client(server) as client:
        client.result("createUser", "ann", "very-secret-password")
        before = server.store.snapshot()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"very-secret-password" not in content
    with Sandbox(SandboxOptions(store=file)) as server:
        assert server.store.snapshot() == before
        with Client(server, "ann", "very-secret-password") as client:
            assert client.result("getVersion")


def test_a_removed_administrator_does_not_come_back_with_the_next_start(tmp_path: Path) -> None:
    options = SandboxOptions(store=tmp_path / "sandbox.db")
    with Sandbox(options) as server, Client(server) as client:
        assert client.result("removeUser", 1)
    with Sandbox(options) as server:
        assert server.store.snapshot().users == {}


def test_a_file_belongs_to_one_dialect(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.db"
    with Sandbox(SandboxOptions(store=file, dialect="sqlite")):
        pass
    with pytest.raises(ValueError, match="was made for sqlite"):
        Sandbox(SandboxOptions(store=file, dialect="mariadb"))


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no database" * 100)
    for name in ("notes.txt", "missing/sandbox.db"):
        with pytest.raises(ValueError, match="cannot be used as a store"):
            Sandbox(SandboxOptions(store=tmp_path / name))


def test_two_runs_write_into_one_file_side_by_side(tmp_path: Path) -> None:
    options = SandboxOptions(store=tmp_path / "sandbox.db")
    with (
        Sandbox(options) as one,
        Sandbox(options) as other,
        Client(one) as first,
        Client(other) as second,
    ):
        for number in range(50):
            assert first.result("createUser", f"a{number}", "123456")
            assert second.send(call("createUser", f"b{number}", "123456")).status == 200
        assert len(one.store.snapshot().users) == 101
