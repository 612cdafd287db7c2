"""What tests of the whole tool share: a server, and the command line as a user calls it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from kanport.cli import cli
from kanport.sandbox import Sandbox, SandboxOptions


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


Kanport = Callable[..., Result]


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
    monkeypatch.delenv("KANPORT_TOKEN_FILE", raising=False)
    monkeypatch.delenv("KANPORT_STATE", raising=False)

    def call(*arguments: object, typed: str | None = None) -> Result:
        ended = CliRunner().invoke(cli, [str(part) for part in arguments], input=typed)
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Result(ended.exit_code, ended.stdout, ended.stderr)

    return call
