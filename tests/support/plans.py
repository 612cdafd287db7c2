"""Plans for the tests of apply."""

from collections.abc import Iterator
from typing import Any

from kanport.facts import Fact
from kanport.outcome import Outcome
from kanport.plan.change import Action, Change
from kanport.plan.model import Plan, PlanMapping, PlanServer
from kanport.plan.plan_file import plan_digest
from tests.support.changes import a_change


def nth_change(number: int, action: Action, username: str, **parts: Any) -> Change:
    """Make a change; `project` goes into its subject."""
    project = parts.pop("project", None)
    return a_change(
        id=f"c{number:04}",
        action=action,
        username=username,
        project=project,
        reason=parts.pop("reason", "as the test wants it"),
        **parts,
    )


def new_user(number: int, username: str, **after: Any) -> Change:
    """Make a change that creates a user."""
    wanted = {"username": username, "role": "app-user", "password": "random", **after}
    return nth_change(number, Action.USER_CREATE, username, after=wanted)


def grant(number: int, username: str, project_id: int, **parts: Any) -> Change:
    """Make a change that grants a membership."""
    role = parts.pop("role", "project-member")
    return nth_change(
        number,
        Action.MEMBERSHIP_GRANT,
        username,
        project=f"P{project_id}",
        project_id=project_id,
        after={"role": role},
        **parts,
    )


def plan_of(*changes: Change, url: str = "http://127.0.0.1:1/jsonrpc.php") -> Plan:
    """Make a plan with its digest."""
    plan = Plan(
        created_at="2026-01-01T00:00:00Z",
        kanport="0",
        server=PlanServer(url=url),
        mapping=PlanMapping(path="m.yaml", sha256="0" * 64),
        changes=changes,
    )
    return plan.model_copy(update={"digest": plan_digest(plan)})


def facts_in(outcome: Outcome) -> set[str]:
    """Return the codes of the facts that an outcome gives as its reason, nested ones included."""
    return set() if outcome.why is None else set(_codes(outcome.why))


def _codes(of: Fact) -> Iterator[str]:
    yield of.code
    for _, value in of.params:
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Fact):
                yield from _codes(inner)
