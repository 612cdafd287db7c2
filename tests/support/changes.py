"""Changes for tests, made of the parts that a plan file has."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kanport.facts import Fact
from kanport.origin import Origin
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
