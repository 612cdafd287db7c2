"""Another Kanboard as a source: read once, whole, and never written to."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kanport.errors import ConfigInvalid, Unreachable
from kanport.export import not_whole
from kanport.mapping import load_mapping
from kanport.model import CurrentState, Group, Project, ServerInfo, User
from kanport.pipeline.inputs import read_tables
from kanport.sandbox import InjectedFault, Sandbox, SandboxOptions
from kanport.table import Table

MAPPING = """
kanport: 1
sources:
  users: {{type: kanboard, url: "{url}", token: {{env: OLD}}, read: users}}
  access: {{type: kanboard, url: "{url}", token: {{env: OLD}}, read: memberships}}
users: {{from: users, fields: {{username: {{from: username}}}}}}
memberships:
  - {{from: access, username: {{from: username}}, project: {{from: project}}, role: {{from: role}}}}
"""

Read = Callable[[], dict[str, Table]]


@pytest.fixture
def old() -> Iterator[Sandbox]:
    with Sandbox(SandboxOptions()) as server:
        ada = server.store.add_user("ada", name="  Ada ", api_access_token="hidden-token")
        project = server.store.add_project("Alpha", identifier="ALPHA")
        server.store.add_member(project, ada, "project-manager")
        yield server


@pytest.fixture
def read(old: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    monkeypatch.setenv("OLD", old.token)
    (tmp_path / "mapping.yaml").write_text(MAPPING.format(url=old.url))
    return lambda: read_tables(load_mapping(tmp_path / "mapping.yaml"))


def test_its_tables_are_given_as_the_server_has_them(read: Read, old: Sandbox) -> None:
    tables = read()
    assert [row.values["username"] for row in tables["users"].rows] == ["ada", "admin"]
    assert tables["users"].rows[0].values["name"] == "  Ada "
    (access,) = tables["access"].rows
    assert (access.values["project"], access.values["role"]) == ("ALPHA", "project-manager")
    assert str(access.place("role")).endswith("jsonrpc.php#memberships!1")
    assert not old.writes


def test_it_is_read_once_for_all_its_tables(read: Read, old: Sandbox) -> None:
    read()
    assert old.calls["getAllUsers"] == 1


def test_no_secret_is_in_its_rows(read: Read, old: Sandbox) -> None:
    assert "hidden-token" not in str([row.values for row in read()["users"].rows])


def test_a_token_that_is_not_there_is_told_by_its_place(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OLD")
    with pytest.raises(ConfigInvalid, match="the environment variable OLD holds nothing"):
        read()


def test_a_wrong_token_is_no_empty_server(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLD", "wrong")
    with pytest.raises(Unreachable):
        read()


def test_a_server_that_cannot_list_its_users_is_no_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(SandboxOptions(memory_limit=1)) as server:
        with server.store.transaction():
            for number in range(1500):
                server.store.add_user(f"user{number}")
        monkeypatch.setenv("OLD", server.token)
        (tmp_path / "mapping.yaml").write_text(MAPPING.format(url=server.url))
        with pytest.raises(Unreachable) as raised:
            read_tables(load_mapping(tmp_path / "mapping.yaml"))
        assert any("not all users" in detail for detail in raised.value.details)


def test_a_server_that_breaks_over_a_group_is_no_source(read: Read, old: Sandbox) -> None:
    group = old.store.add_group("Team")
    old.store.add_group_member(group, old.store.add_user("bob"))
    old.fault = lambda names: InjectedFault(after=0) if "getGroupMembers" in names else None
    with pytest.raises(Unreachable) as raised:
        read()
    assert any("not all members of groups" in detail for detail in raised.value.details)


def test_members_who_are_not_among_the_users_show_that_those_are_not_all() -> None:
    state = CurrentState(
        ServerInfo("https://kb.example.org/jsonrpc.php"),
        users=(User(2, "ada"),),
        projects=(Project(1, "Alpha"),),
        groups=(Group(5, "Team", members=frozenset({2})),),
        roles={1: {2: "project-member"}},
    )
    assert not_whole(state) is None
    for odd in (
        replace(state, roles={1: {2: "project-member", 7: "project-viewer"}}),
        replace(state, groups=(Group(5, "Team", members=frozenset({2, 7})),)),
    ):
        assert "#7" in (not_whole(odd) or "")
