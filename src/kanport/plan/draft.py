"""A change before it has its place in the plan."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kanport.model import Project
from kanport.origin import Origin
from kanport.plan.model import Action, Change, Risk, Subject

_RISK_ORDER = {risk: number for number, risk in enumerate(Risk)}


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that has everything but its id; the fields are those of `plan.model.Change`."""

    action: Action
    username: str
    user_id: int | None
    reason: str
    project: Project | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    risk: Collection[Risk] = ()
    origin: tuple[Origin, ...] = ()

    def numbered(self, number: int) -> Change:
        """Give the change that is the plan's so manieth, from 1."""
        return Change(
            id=f"c{number:04d}",
            action=self.action,
            subject=Subject(
                username=self.username, project=self.project.label if self.project else None
            ),
            user_id=self.user_id,
            project_id=self.project.id if self.project else None,
            before=dict(self.before) if self.before is not None else None,
            after=dict(self.after) if self.after is not None else None,
            reason=self.reason,
            risk=tuple(sorted(self.risk, key=_RISK_ORDER.__getitem__)),
            origin=self.origin,
        )
