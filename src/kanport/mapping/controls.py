"""Controls that auditors ask for: separation of duties, and who must approve a plan."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from kanport.mapping.base import Strict, Table, Text, problem


def _day(text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise problem("must be a date such as 2026-12-31")


class SeparationException(Strict):
    """A user whom a rule of separation does not bind, why, and until which day (UTC, included)."""

    username: Text = Field(description="Username of the user.")
    reason: Text = Field(description="Reason for the exception.")
    until: Annotated[Text, AfterValidator(_day)] = Field(
        description="Last day of the exception (UTC), such as 2026-12-31."
    )


class Separation(Strict):
    """Roles that one user must not have together. A list is short for its roles."""

    name: Text | None = Field(None, description="Name of the rule in reports.")
    roles: tuple[Text, ...] = Field(
        min_length=2,
        description="A project and a role such as FIN:project-manager (a higher role counts, too),"
        " a project alone for every role in it, or a role on the server such as app-admin.",
    )
    at_most: StrictInt = Field(1, ge=1, description="Maximum number of these that a user may have.")
    exceptions: tuple[SeparationException, ...] = Field(
        (), description="Users whom the rule does not bind until a day."
    )

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return {"roles": value}
        if not isinstance(value, dict | Separation):
            raise problem("must be a list of roles, or a table with roles")
        return value

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Yield a role that is listed twice, and a rule that forbids nothing."""
        roles = raw.get("roles")
        if not isinstance(roles, list | tuple):
            return
        for number, role in enumerate(roles):
            if role in roles[:number]:
                yield problem(f"{role} is listed twice", at=("roles", number))
        at_most = raw.get("at_most")
        if isinstance(at_most, int) and at_most >= len(roles) > 1:
            yield problem(
                f"the rule lists {len(roles)} roles, so it forbids nothing", at=("at_most",)
            )

    @property
    def label(self) -> str:
        """What reports call the rule: its name, else its roles."""
        return self.name or " + ".join(self.roles)


class ApprovalRules(Strict):
    """Who must approve each plan of this mapping before Kanport applies it."""

    approvers: StrictInt = Field(
        1, ge=1, le=10, description="Number of people who must approve a plan."
    )
    by_other_than_planner: StrictBool = Field(
        False, description="true: the user who made the plan cannot approve it."
    )
