"""A change before it has its id."""

from collections.abc import Iterable, Mapping
from typing import Any

from kanport.model import Project
from kanport.origin import Origin
from kanport.plan.model import Action, Change, Risk, Subject

NO_ID = "c0000"
_RISK_ORDER = {risk: number for number, risk in enumerate(Risk)}


def draft(
    action: Action,
    username: str,
    *,
    user_id: int | None,
    reason: str,
    project: Project | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    risk: Iterable[Risk] = (),
    origin: tuple[Origin, ...] = (),
) -> Change:
    """Give a change that has everything but its place in the plan."""
    return Change(
        id=NO_ID,
        action=action,
        subject=Subject(username=username, project=project.label if project else None),
        user_id=user_id,
        project_id=project.id if project else None,
        before=dict(before) if before is not None else None,
        after=dict(after) if after is not None else None,
        reason=reason,
        risk=tuple(sorted(set(risk), key=_RISK_ORDER.__getitem__)),
        origin=origin,
    )
