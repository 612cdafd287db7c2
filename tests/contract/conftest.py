"""Replays each recording once, in order, before its exchanges are looked at one by one."""

import os
from collections.abc import Callable
from functools import cache

import pytest

from kanport.sandbox import LdapUser, Sandbox, SandboxOptions

from .recording import Answer, Recording, call, replay

LIVE_VARIABLES = ("KANPORT_LIVE_URL", "KANPORT_LIVE_TOKEN")

OPTIONS = {
    "sqlite": SandboxOptions(dialect="sqlite"),
    "mariadb": SandboxOptions(dialect="mariadb"),
    "postgres": SandboxOptions(dialect="postgres"),
    "sqlite-ldap": SandboxOptions(ldap_users=(LdapUser("ada", "Ada Lovelace", "ada@example.org"),)),
    "sqlite-access": SandboxOptions(),
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave live tests out, rather than let them pass, where no live server is named."""
    if all(os.environ.get(name) for name in LIVE_VARIABLES):
        return
    live = [item for item in items if item.get_closest_marker("live") is not None]
    if live:
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if item not in live]


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


@pytest.fixture(scope="session")
def live_server() -> tuple[str, str]:
    """Give the address and the token of a live server that is freshly installed."""
    url, token = (os.environ[name] for name in LIVE_VARIABLES)
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("the live server can be walked through once only: run without -n")
    users = [user["username"] for user in call(url, token, "getAllUsers")]
    if users != ["admin"] or call(url, token, "getAllProjects") or call(url, token, "getAllGroups"):
        pytest.fail(f"the server at {url} must be freshly installed: it holds more than `admin`")
    return url, token


@pytest.fixture(scope="session")
def live_version(live_server: tuple[str, str]) -> str:
    """Give the version of the live server."""
    version: str = call(*live_server, "getVersion")
    return version


@pytest.fixture(scope="session")
def live_answers(live_server: tuple[str, str], live_version: str) -> list[Answer]:
    """Give the answers of the live server to the recording of its dialect."""
    return replay(Recording.load(live_dialect()), *live_server)


def live_dialect() -> str:
    """Give the recording that the live server is to be compared with."""
    name = os.environ.get("KANPORT_LIVE_DIALECT", "sqlite")
    if name not in OPTIONS:
        raise pytest.UsageError(
            f"KANPORT_LIVE_DIALECT is {name!r}, not one of {', '.join(OPTIONS)}"
        )
    return name
