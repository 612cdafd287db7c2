"""The most that one plan may do, as the mapping file says it."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import Field, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from kanport.mapping.base import Strict, Table
from kanport.mapping.problems import problem


class Limit(Strict):
    """The most that one plan may do of one kind; both hold where both are given."""

    max: StrictInt | None = Field(None, ge=0, description="A number.")
    share: float | None = Field(None, ge=0, le=100, description="Per cent of what there is.")

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


DEFAULT_SHARES = {"disable": 10, "revoke": 20}
"""Per cent that a plan may do where the mapping does not say; rounded up, so one is always allowed.

A directory or a file that was cut off must not take everybody's access, on small servers neither.
"""


class Limits(Strict):
    """The most that one plan may do."""

    create: Limit | None = Field(None, description="New users.")
    update: Limit | None = Field(None, description="Users whose fields change.")
    disable: Limit | None = Field(
        None,
        description="Users who are disabled. Without it, "
        f"{DEFAULT_SHARES['disable']}% of the active ones, rounded up.",
    )
    revoke: Limit | None = Field(
        None,
        description="Memberships that end. Without it, "
        f"{DEFAULT_SHARES['revoke']}% of those in the projects read, rounded up.",
    )
    remove: Limit | None = Field(None, description="Users who are removed. Without it, nobody is.")
