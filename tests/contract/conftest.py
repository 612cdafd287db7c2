"""Replays each recording once, in order, before its exchanges are looked at one by one."""

import os
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from kanport.sandbox import LdapUser, Sandbox, SandboxOptions
from tests.contract.recording import Answer, Recording, call, replay

OPTIONS = {
    "sqlite": SandboxOptions(dialect="sqlite"),
    "mariadb": SandboxOptions(dialect="mariadb"),
    "postgres": SandboxOptions(dialect="postgres"),
    "sqlite-ldap": SandboxOptions(ldap_users=(LdapUser("ada", "Ada Lovelace", "ada@example.org"),)),
    "sqlite-access": SandboxOptions(),
}


@pytest.fixture(scope="session")
def sandbox_answers() -> Callable[[str], list[Answer]]:
    """Give the answers of a fresh sandbox to a whole recording."""

    @cache
    def answers(name: str) -> list[Answer]:
        with Sandbox(OPTIONS[name]) as server:
            return replay(
                Recording.load(name),
                server.url,
                server.token,
                add_custom_role=server.store.add_custom_role,
            )

    return answers


@pytest.fixture(scope="module")
def live_server(live: tuple[str, str]) -> tuple[str, str]:
    """Give the address and the token of a live server that is freshly installed."""
    users = [user["username"] for user in call(*live, "getAllUsers")]
    if users != ["admin"] or call(*live, "getAllProjects") or call(*live, "getAllGroups"):
        pytest.fail(
            f"the server at {live[0]} must be freshly installed: more than `admin` is there"
        )
    return live


@pytest.fixture(scope="module")
def live_version(live_server: tuple[str, str]) -> str:
    """Give the version of the live server."""
    version: str = call(*live_server, "getVersion")
    return version


@pytest.fixture(scope="module")
def live_answers(live_server: tuple[str, str], live_version: str) -> Iterator[list[Answer]]:
    """Give the answers of the live server to the recording of its dialect.

    The people and groups that it made are removed in the end, for the tests that come after. The
    projects stay: they show that ids no longer begin at 1, as a second replay would need it.
    """
    yield replay(Recording.load(live_dialect()), *live_server)
    for user in call(*live_server, "getAllUsers"):
        if user["username"] != "admin":
            assert call(*live_server, "removeUser", user_id=user["id"]) is True, user["username"]
    for group in call(*live_server, "getAllGroups"):
        assert call(*live_server, "removeGroup", group_id=group["id"]) is True, group["name"]


def live_dialect() -> str:
    """Give the recording that the live server is to be compared with."""
    name = os.environ.get("KANPORT_LIVE_DIALECT", "sqlite")
    if name not in OPTIONS:
        raise pytest.UsageError(
            f"KANPORT_LIVE_DIALECT is {name!r}, not one of {', '.join(OPTIONS)}"
        )
    return name
