"""A change before it has its place in the plan."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from kanport.facts import Fact
from kanport.model import Project
from kanport.origin import Origin
from kanport.plan.model import Action, Change, Risk, Subject, TwoSides

_WITHOUT_USER = frozenset(
    {
        Action.GROUP_CREATE,
        Action.GROUP_UPDATE,
        Action.GROUP_REMOVE,
        Action.GROUP_ACCESS_GRANT,
        Action.GROUP_ACCESS_CHANGE,
        Action.GROUP_ACCESS_REVOKE,
        Action.PROJECT_CREATE,
    }
)
_RISK_ORDER = {risk: number for number, risk in enumerate(Risk)}


@dataclass(frozen=True, slots=True)
class Draft(TwoSides):
    """A change that has everything but its id; the fields are those of `plan.model.Change`.

    The username is empty for a change that is about no user. A project whose id is below 1 is yet
    to be created, as is a group without an id.
    """

    action: Action
    username: str
    user_id: int | None
    reason: Fact
    project: Project | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    risk: Collection[Risk] = ()
    origin: tuple[Origin, ...] = ()
    group: str | None = None
    group_id: int | None = None

    def numbered(self, number: int) -> Change:
        """Give the change that is the plan's so manieth, from 1."""
        return Change(
            id=f"c{number:04d}",
            action=self.action,
            subject=Subject(
                username=self.username or (None if self.action in _WITHOUT_USER else ""),
                project=self.project.label if self.project else None,
                group=self.group,
            ),
            user_id=self.user_id,
            project_id=self.project.id if self.project and self.project.id > 0 else None,
            group_id=self.group_id,
            before=dict(self.before) if self.before is not None else None,
            after=dict(self.after) if self.after is not None else None,
            reason=self.reason.text,
            why=self.reason,
            risk=tuple(sorted(self.risk, key=_RISK_ORDER.__getitem__)),
            origin=self.origin,
        )
