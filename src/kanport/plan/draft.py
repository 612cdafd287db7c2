"""A change before it has its place in the plan."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kanport.facts import Fact
from kanport.model import Project
from kanport.origin import Origin
from kanport.plan.model import Action, Change, Risk, Subject, TwoSides

_RISK_ORDER = {risk: number for number, risk in enumerate(Risk)}


@dataclass(frozen=True, slots=True)
class Draft(TwoSides):
    """A change that has everything but its id; the fields are those of `plan.model.Change`.

    `user` is the username, None for a change that is about no user; somebody on the server may have
    an empty one.
    """

    action: Action
    user: str | None
    user_id: int | None
    reason: Fact
    project: Project | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    risk: Collection[Risk] = ()
    origin: tuple[Origin, ...] = ()
    group: str | None = None
    group_id: int | None = None

    @property
    def username(self) -> str:
        """The user that it is about; empty for a change that is about no user."""
        return self.user or ""

    def numbered(self, number: int) -> Change:
        """Return the change with its number in the plan, counted from 1."""
        return Change(
            id=f"c{number:04d}",
            action=self.action,
            subject=Subject(
                username=self.user,
                project=self.project.label if self.project else None,
                group=self.group,
            ),
            user_id=self.user_id,
            project_id=self.project.id if self.project and not self.project.new else None,
            group_id=self.group_id,
            before=dict(self.before) if self.before is not None else None,
            after=dict(self.after) if self.after is not None else None,
            reason=self.reason.text,
            why=self.reason,
            risk=tuple(sorted(self.risk, key=_RISK_ORDER.__getitem__)),
            origin=self.origin,
        )
