"""What tests of the whole tool share: a server, and the command line as a user calls it."""

import gc
import os
import signal
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from kanport.apply import concurrency
from kanport.cli import cli
from kanport.kanboard import client
from kanport.mapping import yaml_file
from kanport.pipeline import run_locks
from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.command_line import Result
from tests.support.endings import Host, a_host
from tests.support.examples import examples
from tests.support.files import write_files

pytest_plugins = ("tests.support.ldap.fixtures", "tests.support.tls")

LIVE_VARIABLES = ("KANPORT_LIVE_URL", "KANPORT_LIVE_TOKEN")


# The longest tests: begun last, one of them would keep one worker busy while all others wait.
LONG = (
    "nights/test_thirty_nights.py",
    "nights/test_random_directories.py",
    "scenarios/test_interrupted.py",
    "scenarios/test_kill.py",
    "sources/ldap/test_read_active_directory.py",
    "scenarios/test_moving.py",
    "report/html/test_html.py",
    "plan/test_lifecycle_properties.py",
    "plan/test_identities_properties.py",
    "hostile/test_runs.py",
)


@lru_cache(maxsize=100)
def composed(text: str) -> object:
    """Compose a small YAML text once: tests read the same mapping again and again."""
    return YAML(typ="rt", pure=True).compose(text)


class RememberingYAML(YAML):
    """Reads YAML as ever; who reads its nodes leaves them as they are."""

    def compose(self, stream: Any) -> object:
        return composed(stream) if len(stream) < 10_000 else super().compose(stream)


def pytest_configure(config: pytest.Config) -> None:
    """Let signals arrive that were ignored at the start, as with nohup or in the background.

    Processes inherit what is ignored, and not what is handled: those that tests start and interrupt
    would never notice.
    """
    # Python would look for cycles among the half a million objects of a collected suite again and
    # again: a tenth of all the time.
    gc.set_threshold(10_000, 10, 100)
    setattr(yaml_file, "YAML", RememberingYAML)  # noqa: B010 - a class is no variable for mypy
    # The tokens of sandboxes are no secrets. `forking.py` does the same.
    run_locks.ROUNDS = 1
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(
                number,
                signal.default_int_handler if number is signal.SIGINT else lambda *_: None,
            )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave live tests out, rather than let them pass, where no live server is named.

    The samples come last, though the order is random: the contract needs a server whose ids still
    begin at 1, and they do not.
    """
    here = Path(__file__).parent
    long = {here / name: rank for rank, name in enumerate(LONG)}
    items.sort(key=lambda item: long.get(item.path, len(LONG)))
    live = [item for item in items if item.get_closest_marker("live") is not None]
    if not all(os.environ.get(name) for name in LIVE_VARIABLES):
        if live:
            config.hook.pytest_deselected(items=live)
            items[:] = [item for item in items if item not in live]
        return
    samples = here / "live"
    items.sort(key=lambda item: item.path.is_relative_to(samples))


@pytest.fixture(scope="session")
def live() -> tuple[str, str]:
    """Give the address and the token of the live server."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("there is one live server only: run without -n")
    url, token = (os.environ[name] for name in LIVE_VARIABLES)
    return url, token


# How long an example takes says something of the machine, and nothing of Kanport.
hypothesis.settings.register_profile(
    "kanport",
    max_examples=examples(60, 1000),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("kanport")
# In CI a failure has to be about the change; elsewhere every run tries other examples.
hypothesis.settings.register_profile(
    "ci", hypothesis.settings.get_profile("kanport"), derandomize=True
)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("ci")


@pytest.fixture
def server() -> Iterator[Sandbox]:
    """A fresh server with nobody on it but its administrator."""
    with Sandbox(SandboxOptions()) as sandbox:
        yield sandbox


@pytest.fixture
def kanport(
    server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Call the command line in an empty folder, with the server named by the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KANPORT_URL", server.url)
    monkeypatch.setenv("KANPORT_TOKEN", server.token)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("KANPORT_TOKEN_FILE", raising=False)
    for name in ("KANPORT_STATE", "KANPORT_CONFIG", "KANPORT_PROFILE"):
        monkeypatch.delenv(name, raising=False)

    # A test would only sit out the waits between two tries.
    monkeypatch.setattr(concurrency, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(client, "FIRST_WAIT", 0.05)

    def call(*arguments: object, typed: str | None = None) -> Result:
        ended = CliRunner().invoke(cli, [str(part) for part in arguments], input=typed)
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Result(ended.exit_code, ended.stdout, ended.stderr)

    return call


@pytest.fixture
def club(server: Sandbox, tmp_path: Path) -> Path:
    """A mapping and its files, for the two projects of the server."""
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    return write_files(tmp_path)


@pytest.fixture
def host(server: Sandbox, tmp_path: Path) -> Host:
    """A machine that runs commands as cron does."""
    return a_host(server, tmp_path)
