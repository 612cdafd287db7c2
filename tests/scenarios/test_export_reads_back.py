"""What an export of any server says is what the server has: planned on it, nothing changes."""

import os
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from kanport.cli import cli
from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.examples import examples

plain = st.sampled_from(
    ["", "Ada", 'O\'Neil, "Jo"', "=1+1", "-2", "007", "null", "#1: a|b", "{x}", "\\", "日本 😀"]
)
odd = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=3)
names = plain | plain | plain | plain | odd
usernames = st.sampled_from(["ada", "bob", "Chloé", "007", "null", "=a", "x@y", "Zoë", "yes"])
project_names = st.sampled_from(
    ["Alpha", "Beta", "12", "2", "Ünder", "Gamma, no", "a:b", "null", "1e3", "yes", "=A1"]
)
roles = st.sampled_from(
    ["project-manager", "project-member", "project-viewer", "Tester", "yes", "12", ""]
)
some_users: st.SearchStrategy[dict[str, dict[str, Any]]] = st.dictionaries(
    usernames,
    st.fixed_dictionaries(
        {
            "name": names,
            "email": st.sampled_from(["", "a@b.c", "same@x.org", "o'neil@x.org"]),
            "role": st.sampled_from(["app-user", "app-manager", "app-admin"]),
            "active": st.booleans(),
            "ldap": st.booleans(),
        }
    ),
    max_size=6,
)
some_projects: st.SearchStrategy[list[tuple[str, dict[str, Any]]]] = st.lists(
    st.tuples(
        project_names,
        st.fixed_dictionaries(
            {
                "identifier": st.sampled_from(["", "", "ALPHA", "B2", "13", "C", "D"]),
                "active": st.booleans(),
                "private": st.booleans(),
                "description": names,
            }
        ),
    ),
    max_size=4,
    unique_by=lambda one: one[1]["identifier"] or object(),
)
# Two groups with one external id are an error that names both rows: a directory has no such ids.
some_groups = st.lists(
    st.tuples(
        st.sampled_from(["Team", "1e3", "No one", "Ops, all"]),
        st.sampled_from(["", "", "cn=a,dc=b", "007"]),
    ),
    max_size=3,
    unique_by=(lambda one: one[0], lambda one: one[1] or object()),
).map(dict)


def fill(server: Sandbox, data: st.DataObject) -> None:
    """Put a random server's people, groups, projects and access on a sandbox."""
    store = server.store
    draw = data.draw
    with store.transaction():
        users = [store.add_user(name, **parts) for name, parts in draw(some_users).items()]
        groups = [
            store.add_group(name, external_id=known_as)
            for name, known_as in draw(some_groups).items()
        ]
        owners = st.sampled_from([0, 1, *users])
        projects = [
            store.add_project(name, owner_id=draw(owners), **parts)
            for name, parts in draw(some_projects)
        ]
        for pair in draw(_pairs(groups, users)):
            store.add_group_member(*pair)
        for project, user in draw(_pairs(projects, users)):
            store.add_member(project, user, draw(roles))
        for project, group in draw(_pairs(projects, groups)):
            store.add_group_access(project, group, draw(roles))


def _pairs(left: list[int], right: list[int]) -> st.SearchStrategy[set[tuple[int, int]]]:
    if not left or not right:
        return st.just(set())
    return st.sets(st.tuples(st.sampled_from(left), st.sampled_from(right)), max_size=6)


def called(server: Sandbox, *arguments: str) -> Any:
    environment = {"KANPORT_URL": server.url, "KANPORT_TOKEN": server.token}
    ended = CliRunner().invoke(cli, arguments, env=environment)
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise ended.exception
    return ended


@settings(
    max_examples=examples(12, 200),
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(data=st.data(), target=st.sampled_from(["out", "out.xlsx", "out.yaml"]))
def test_an_export_that_says_nothing_comes_back_as_it_is(data: st.DataObject, target: str) -> None:
    with tempfile.TemporaryDirectory() as name, Sandbox(SandboxOptions()) as server:
        folder = Path(name)
        fill(server, data)
        home = {"XDG_STATE_HOME": name, "XDG_CONFIG_HOME": name}
        with mock.patch.dict(os.environ, home):
            ended = called(
                server, "export", "-o", str(folder / target), "--mapping", str(folder / "m.yaml")
            )
            if ended.exit_code == 2 and "fits into no cell" in ended.stderr:
                event("a cell of Excel cannot hold it")
                return
            assert ended.exit_code == 0, ended.output
            again = called(server, "plan", str(folder / "m.yaml"), "--check")
        if "Warning: " in ended.stderr.replace("Warning: the connection", ""):
            event("something does not come back, and is reported")
        else:
            event("all of it comes back")
            assert again.exit_code == 0, (ended.stderr, again.output)
        assert not server.writes
