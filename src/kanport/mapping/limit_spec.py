"""The limits of the mapping: how many changes of each kind one plan may make."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from kanport.mapping.base import Strict, Table, Text
from kanport.mapping.problems import problem


class Limit(Strict):
    """Limit for one kind of change. With max and share, both apply."""

    max: StrictInt | None = Field(None, ge=0, description="Maximum number.")
    share: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Percentage of the base, rounded down; a share above 0 allows at least one.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"max": value}
        if isinstance(value, str) and (number := re.fullmatch(SHARE, value)) is not None:
            return {"share": float(number[1])}
        if not isinstance(value, dict | Limit):
            raise problem(
                "must be a whole number such as 40, or a share such as 5%",
                hint="both together: {max: 40, share: 5}",
            )
        return value

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Yield the mistake of a limit without max and share."""
        if not raw:
            yield problem("needs max or share")


SHARE = r"(\d+(?:\.\d+)?)\s*%"


DEFAULT_SHARES = {"lower": 10, "disable": 10, "revoke": 20, "dropped": 20}
"""Default limits in percent; rounded up, so one change is always allowed.

An incomplete directory or file must not end the access of all users, even on small servers.
"""

DEFAULT_PROJECT_SHARES = {"lower": 50, "revoke": 50}
"""Default limits in percent of the members of a project."""

PROJECT_FLOOR = 3
"""A plan may always change this number: half of a small project is only a few members."""

DROPPED_FLOOR = 10
"""Default limit in projects and groups that no source names any more: a small team."""

DEFAULT_SHRINK = 30
"""Percentage of its rows that a source may lose since the last good run."""

SHRINK_FLOOR = 2
"""A source may always lose this number of rows: even a list of five users loses two."""


class ProjectLimits(Strict):
    """Limits for the members of one project."""

    create: Limit | None = Field(None, description="New users who get access.")
    grant: Limit | None = Field(None, description="New memberships.")
    update: Limit | None = Field(None, description="Memberships whose role changes.")
    raise_: Limit | None = Field(
        None, alias="raise", description="Memberships that get a higher role."
    )
    lower: Limit | None = Field(
        None,
        description="Memberships that get a lower role (default: "
        f"{DEFAULT_PROJECT_SHARES['lower']}% of the members, rounded up, or {PROJECT_FLOOR}).",
    )
    disable: Limit | None = Field(None, description="Members who are disabled.")
    remove: Limit | None = Field(None, description="Members who are removed.")
    revoke: Limit | None = Field(
        None,
        description="Members who lose access in any way: revoked, through a group, disabled or "
        f"removed (default: {DEFAULT_PROJECT_SHARES['revoke']}% of the members, rounded up, or "
        f"{PROJECT_FLOOR}).",
    )

    def of(self, name: str) -> Limit | None:
        """Return the limit of a class by its name in the mapping."""
        return _limit_of(self, name)


class Limits(Strict):
    """Limits for one plan."""

    create: Limit | None = Field(None, description="New users.")
    grant: Limit | None = Field(None, description="New memberships.")
    update: Limit | None = Field(
        None,
        description="Users whose fields change or who are enabled, and memberships whose role "
        "changes.",
    )
    raise_: Limit | None = Field(
        None, alias="raise", description="Users and memberships that get a higher role."
    )
    lower: Limit | None = Field(
        None,
        description="Users and memberships that get a lower role (default: "
        f"{DEFAULT_SHARES['lower']}% of the active users and of the memberships in the projects "
        "read, rounded up).",
    )
    disable: Limit | None = Field(
        None,
        description="Users who are disabled (default: "
        f"{DEFAULT_SHARES['disable']}% of the active users, rounded up).",
    )
    revoke: Limit | None = Field(
        None,
        description="Memberships that end, and access that is lost with a group (default: "
        f"{DEFAULT_SHARES['revoke']}% of the memberships in the projects read, rounded up).",
    )
    dropped: Limit | None = Field(
        None,
        description="Memberships that end in projects and groups that no source names any more "
        f"(default: {DEFAULT_SHARES['dropped']}% of the memberships in the projects read, "
        f"rounded up, or {DROPPED_FLOOR}).",
    )
    remove: Limit | None = Field(
        None, description="Users who are removed. Without it, Kanport removes nobody."
    )
    by_project: ProjectLimits = Field(
        ProjectLimits(), description="Limits for each single project."
    )
    projects: dict[Text, ProjectLimits] = Field(
        {}, description="Other limits for single projects, by identifier, name or id ('#3')."
    )
    shrink: Limit | None = Field(
        None,
        description="Rows that a source may lose since the last good run (default: "
        f"{DEFAULT_SHRINK}%, rounded up, or {SHRINK_FLOOR}); needs ledger.",
    )

    def of(self, name: str) -> Limit | None:
        """Return the limit of a class by its name in the mapping."""
        return _limit_of(self, name)


def _limit_of(limits: "ProjectLimits | Limits", name: str) -> Limit | None:
    # `dropped` is a limit in total only, not in a project.
    found: Limit | None = getattr(limits, "raise_" if name == "raise" else name, None)
    return found
