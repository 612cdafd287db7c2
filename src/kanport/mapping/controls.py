"""Controls that auditors ask for: separation of duties, approvals, and accepted findings."""

import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictBool, StrictInt, model_validator
from pydantic_core import PydanticCustomError

from kanport.catalogue import FINDINGS
from kanport.findings import Finding
from kanport.mapping.base import Strict, Table, Text, near, problem, quoted


def _day(text: str) -> str:
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise problem("must be a date such as 2026-12-31")


Day = Annotated[Text, AfterValidator(_day)]


class SeparationException(Strict):
    """A user whom a rule of separation does not bind, why, and until which day (UTC, included)."""

    username: Text = Field(description="Username of the user.")
    reason: Text = Field(description="Reason for the exception.")
    until: Day = Field(description="Last day of the exception (UTC), such as 2026-12-31.")


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


class Accept(Strict):
    """Findings that somebody accepts for a time; only warnings and notes, never errors."""

    code: Text = Field(description="The code of the finding, such as person-disabled.")
    value: Text | None = Field(None, description="Only for this value.")
    place: Text | None = Field(
        None,
        description="Only at this place, as the finding names it, or in this file: people.csv or "
        "people.csv:14.",
    )
    reason: Text = Field(description="Why; every report shows it.")
    until: Day = Field(
        description="The last day (UTC), such as 2026-12-31. Then the entry is an error."
    )

    def fits(self, finding: Finding) -> bool:
        """Return whether the entry is about this finding."""
        if finding.code != self.code or self.value not in (None, finding.value):
            return False
        place = "" if finding.origin is None else str(finding.origin)
        return (
            self.place is None or re.match(rf"{re.escape(self.place)}([:#! ]|$)", place) is not None
        )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong with the code."""
        code = raw.get("code")
        kind = FINDINGS.get(code) if isinstance(code, str) else None
        if isinstance(code, str) and kind is None:
            close = near(code, (one for one, kind in FINDINGS.items() if kind.severity != "error"))
            hint = f"did you mean {close}?" if close else "copy the code from a finding"
            yield problem(f"no finding has the code {quoted(code)}", at=("code",), hint=hint)
        elif kind is not None and kind.severity == "error":
            yield problem(
                f"{code} is an error, and only warnings and notes can be accepted",
                at=("code",),
                hint="correct the cause, or set invalid_rows: skip to ignore invalid rows",
            )
