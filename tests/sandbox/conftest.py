"""Sandboxes that end with the test that asked for them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.rpc_client import Client

Runner = Callable[..., tuple[Sandbox, Client]]


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Give a stack of what is to be closed after the test."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture
def run(stack: ExitStack) -> Runner:
    """Start a sandbox with these options, and connect to it."""

    def start(**options: Any) -> tuple[Sandbox, Client]:
        server = stack.enter_context(Sandbox(SandboxOptions(**options)))
        return server, stack.enter_context(Client(server))

    return start
