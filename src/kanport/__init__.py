"""Bring users and their project access into Kanboard from CSV, Excel or LDAP, and keep them right.

    import kanport

    inputs = kanport.read("nightly.yaml")
    with kanport.connect("https://kanboard.example.org", token=token) as server:
        plan = kanport.plan(inputs, server)
        run = kanport.apply(plan, server, journal="run.jsonl")
    kanport.render(plan, "plan.html")

Or all that the nightly run does, in one call:

    result = kanport.sync("nightly.yaml", url=url, token=token)

Nothing here prints, asks or exits. Names are loaded when they are first used.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanport.api import (
        Client,
        Inputs,
        Options,
        Plan,
        Result,
        Verification,
        apply,
        connect,
        plan,
        read,
        render,
        resume,
        sync,
        undo,
        verify,
    )
    from kanport.errors import (
        ConfigInvalid,
        Exit,
        GuardTripped,
        KanportError,
        LockHeld,
        PlanStale,
        SourceInvalid,
        Unreachable,
        UsageError,
    )

__version__ = "0.1.0"

__all__ = [
    "Client",
    "ConfigInvalid",
    "Exit",
    "GuardTripped",
    "Inputs",
    "KanportError",
    "LockHeld",
    "Options",
    "Plan",
    "PlanStale",
    "Result",
    "SourceInvalid",
    "Unreachable",
    "UsageError",
    "Verification",
    "__version__",
    "apply",
    "connect",
    "plan",
    "read",
    "render",
    "resume",
    "sync",
    "undo",
    "verify",
]


_ERRORS = frozenset(
    {
        "ConfigInvalid",
        "Exit",
        "GuardTripped",
        "KanportError",
        "LockHeld",
        "PlanStale",
        "SourceInvalid",
        "Unreachable",
        "UsageError",
    }
)


def _load(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("kanport.errors" if name in _ERRORS else "kanport.api"), name)


if not TYPE_CHECKING:  # Type checkers know the names, and tell a wrong one.
    __getattr__ = _load


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _function(name: str) -> property:
    def leave(module: ModuleType, package: ModuleType) -> None:
        """Leave the name to the function."""

    return property(lambda module: _load(name), leave)


class _Kanport(ModuleType):
    """Keeps `plan` and `apply` the functions, though two packages have the same names.

    Python makes each package an attribute of the one that holds it as soon as it is imported.
    """

    apply = _function("apply")
    plan = _function("plan")


sys.modules[__name__].__class__ = _Kanport
