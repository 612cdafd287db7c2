"""The most that one plan may do, as the mapping file says it."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from kanport.mapping.base import Strict, Table, Text
from kanport.mapping.problems import problem


class Limit(Strict):
    """The most that one plan may do of one kind; both hold where both are given."""

    max: StrictInt | None = Field(None, ge=0, description="A number.")
    share: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Percent of what there is, rounded down; more than 0 allows at least one.",
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
        """Give what is wrong with a limit that limits nothing."""
        if not raw:
            yield problem("needs max or share")


SHARE = r"(\d+(?:\.\d+)?)\s*%"


DEFAULT_SHARES = {"lower": 10, "disable": 10, "revoke": 20, "dropped": 20}
"""Per cent that a plan may do where the mapping does not say; rounded up, so one is always allowed.

A directory or a file that was cut off must not take everybody's access, on small servers neither.
"""

DEFAULT_PROJECT_SHARES = {"lower": 50, "revoke": 50}
"""Per cent of a project's members of whom a plan may do so where the mapping does not say."""

PROJECT_FLOOR = 3
"""So many may always: in a small project half of the members is nobody much."""

DROPPED_FLOOR = 10
"""So many may always end in projects and groups that no source names any more: a small team."""

DEFAULT_SHRINK = 30
"""Per cent of its rows that a source may have lost since the last good run."""

SHRINK_FLOOR = 2
"""So many rows may always be gone: a list of five people loses two of them some day."""


class ProjectLimits(Strict):
    """The most that one plan may do to the members of one project."""

    create: Limit | None = Field(None, description="New users who get access to it.")
    grant: Limit | None = Field(None, description="New memberships.")
    update: Limit | None = Field(None, description="Memberships whose role changes.")
    raise_: Limit | None = Field(
        None, alias="raise", description="Memberships that get a higher role."
    )
    lower: Limit | None = Field(
        None,
        description="Memberships that get a lower role. Without it, "
        f"{DEFAULT_PROJECT_SHARES['lower']}% of the members, rounded up, or {PROJECT_FLOOR}.",
    )
    disable: Limit | None = Field(None, description="Members who are disabled.")
    remove: Limit | None = Field(None, description="Members who are removed.")
    revoke: Limit | None = Field(
        None,
        description="Members who lose access in whatever way: revoked, through a group, disabled "
        f"or removed. Without it, {DEFAULT_PROJECT_SHARES['revoke']}% of the members, rounded up, "
        f"or {PROJECT_FLOOR}.",
    )

    def of(self, name: str) -> Limit | None:
        """Give the limit of a class, as the mapping calls it."""
        return _limit_of(self, name)


class Limits(Strict):
    """The most that one plan may do."""

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
        description="Users and memberships that get a lower role. Without it, "
        f"{DEFAULT_SHARES['lower']}% of the active users and of the memberships in the projects "
        "read, rounded up.",
    )
    disable: Limit | None = Field(
        None,
        description="Users who are disabled. Without it, "
        f"{DEFAULT_SHARES['disable']}% of the active ones, rounded up.",
    )
    revoke: Limit | None = Field(
        None,
        description="Memberships that end, and access that is lost with a group. Without it, "
        f"{DEFAULT_SHARES['revoke']}% of the memberships in the projects read, rounded up.",
    )
    dropped: Limit | None = Field(
        None,
        description="Memberships that end in projects and groups that no source names any more. "
        f"Without it, {DEFAULT_SHARES['dropped']}% of the memberships in the projects read, "
        f"rounded up, or {DROPPED_FLOOR}.",
    )
    remove: Limit | None = Field(None, description="Users who are removed. Without it, nobody is.")
    by_project: ProjectLimits = Field(
        ProjectLimits(), description="The most that one plan may do in each project."
    )
    projects: dict[Text, ProjectLimits] = Field(
        {}, description="Other limits for single projects, by identifier, name or id ('#3')."
    )
    shrink: Limit | None = Field(
        None,
        description="Rows that a source may have lost since the last good run. Without it, "
        f"{DEFAULT_SHRINK}%, rounded up, or {SHRINK_FLOOR}; needs ledger.",
    )

    def of(self, name: str) -> Limit | None:
        """Give the limit of a class, as the mapping calls it."""
        return _limit_of(self, name)


def _limit_of(limits: "ProjectLimits | Limits", name: str) -> Limit | None:
    # What is dropped has a limit over all, and none in a project.
    found: Limit | None = getattr(limits, "raise_" if name == "raise" else name, None)
    return found
