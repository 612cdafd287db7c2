"""Changes and plans of them, made of the parts that a plan file has."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from kanport.facts import Fact
from kanport.origin import Origin
from kanport.outcome import Outcome
from kanport.plan.change import (
    Action,
    Change,
    GroupChange,
    GroupSide,
    ProjectChange,
    ProjectSide,
    RelationChange,
    Risk,
    RoleSide,
    UserChange,
    UserSide,
    values_of,
)
from kanport.plan.model import Plan, PlanMapping, PlanServer
from kanport.plan.plan_file import plan_digest
from kanport.relations import About

Values = Mapping[str, Any]


def a_change(
    action: Action | str,
    *,
    id: str = "c0001",
    username: str | None = None,
    project: str | None = None,
    group: str | None = None,
    user_id: int | None = None,
    project_id: int | None = None,
    group_id: int | None = None,
    before: Values | None = None,
    after: Values | None = None,
    reason: str | None = None,
    why: Fact | None = None,
    risk: tuple[Risk, ...] = (),
    origin: tuple[Origin, ...] = (),
) -> Change:
    """Make a change; what a test does not care about may be missing."""
    parts: dict[str, Any] = {
        "id": id,
        "action": (action := Action(action)),
        "why": why,
        "wording": reason,
        "risk": risk,
        "origin": origin,
    }
    match action.about:
        case About.USER:
            return UserChange(
                **parts,
                username=username or "",
                user_id=user_id,
                before=None if before is None else UserSide.of(before),
                after=None if after is None else UserSide.of(after),
            )
        case About.GROUP:
            return GroupChange(
                **parts,
                group=group or "",
                group_id=group_id,
                before=None if before is None else GroupSide.of(before),
                after=None if after is None else GroupSide.of(after),
            )
        case About.PROJECT:
            return ProjectChange(
                **parts,
                project=project or "",
                username=username,
                user_id=user_id,
                after=ProjectSide.of({"name": project or "", **(after or {})}),
            )
        case _:
            return RelationChange(
                **parts,
                username=username,
                user_id=user_id,
                group=group,
                group_id=group_id,
                project=project,
                project_id=project_id,
                before=None if before is None else RoleSide.of(before),
                after=None if after is None else RoleSide.of(after),
            )


def before_of(change: Change) -> dict[str, Any]:
    """Return what the plan file says that a change finds; empty where that is nothing."""
    return values_of(change.before) or {}


def after_of(change: Change) -> dict[str, Any]:
    """Return what the plan file says that a change leads to; empty where that is nothing."""
    return values_of(change.after) or {}


def who(change: Change) -> str:
    """Return the username of a change; empty where it is about no user."""
    return change.username or ""


def changed(change: Change, **parts: Any) -> Change:
    """Return a change with other parts; sides as the plan file has them."""
    for side in ("before", "after"):
        if isinstance(values := parts.get(side), Mapping):
            kind = type(getattr(change, side))
            parts[side] = kind.of(values)
    return replace(change, **parts)


# --- whole plans, and reasons of outcomes ---------------------------------------------------------


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
