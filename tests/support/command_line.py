"""The command line as a user calls it: what the fixture `kanport` is, and what it returns."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


Kanport = Callable[..., Result]
