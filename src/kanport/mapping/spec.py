"""The mapping file as models: every key that it may have, with what it means.

The descriptions feed the JSON Schema (`kanport schema`) and with it the completion in editors.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictInt,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from kanport.mapping.base import (
    LIST,
    TABLE,
    TEXT,
    ColumnFrom,
    Names,
    Strict,
    Table,
    Text,
    by_shape,
)
from kanport.mapping.ldap import LdapSource
from kanport.mapping.problems import problem
from kanport.mapping.references import reference_mistakes
from kanport.mapping.rules import (
    FieldRule,
    ListRule,
    RoleRule,
    Rule,
    pattern_mistakes,
    with_text_keys,
)
from kanport.mapping.source_spec import CsvSource, ExcelSource, FileSource, Source
from kanport.mapping.transforms import Transform

__all__ = [
    "AppRoleName",
    "CsvSource",
    "ExcelSource",
    "FieldRule",
    "FileSource",
    "LdapSource",
    "Limit",
    "Limits",
    "ListRule",
    "Managed",
    "MappingFile",
    "Matrix",
    "Membership",
    "PasswordColumn",
    "RoleRule",
    "Rule",
    "Source",
    "Strict",
    "UserFields",
    "Users",
]

AppRoleName = Literal["app-admin", "app-manager", "app-user"]

# --- users ----------------------------------------------------------------------------------------


class UserFields(Strict):
    """The fields of a user; what is not named here is never touched."""

    username: FieldRule = Field(description="What a person logs in with. Rows are told by it.")
    name: FieldRule | None = Field(None, description="The name that others see.")
    email: FieldRule | None = Field(None, description="The e-mail address.")
    role: FieldRule | None = Field(
        None, description="app-admin, app-manager or app-user; new users get app-user without it."
    )
    active: FieldRule | None = Field(
        None, description="Whether the account is enabled: true or false; yes, ja, oui, 1 … too."
    )


class PasswordColumn(Strict):
    """The password of a new user stands in a column."""

    from_: ColumnFrom = Field(alias="from", description="The column with the password.")


_WAYS = "must be random, ldap, or {from: COLUMN}"


def _password_kind(value: Any) -> Any:
    # The text that stands here instead may be a password, so no message repeats it.
    if isinstance(value, str) and value not in ("random", "ldap"):
        raise problem(_WAYS)
    return value


class Managed(Strict):
    """Whom absence from the sources may touch."""

    usernames: tuple[Text, ...] = Field(
        min_length=1, description='Names or patterns, such as "*" or "ext-*".'
    )


class Users(Strict):
    """How rows become users."""

    from_: Names = Field(
        alias="from", description="The source, or several in the order in which they win."
    )
    fields: UserFields = Field(description="How each field is made; others are never touched.")
    id: Rule | None = Field(
        None,
        description="What stays the same of a person whatever their username is, such as entryUUID "
        "or a personnel number; needs ledger.",
    )
    find_by: tuple[Literal["username", "email"], ...] = Field(
        ("username",),
        min_length=1,
        description="How a person is found on the server; with email, a new username is a rename.",
    )
    password: Annotated[
        Annotated[Literal["random", "ldap"], Tag(TEXT)] | Annotated[PasswordColumn, Tag(TABLE)],
        by_shape(_WAYS),
        BeforeValidator(_password_kind),
    ] = Field(
        "random",
        description="For new users; Kanboard's API cannot change a password. ldap: Kanboard itself "
        "takes them from its own LDAP, and they log in with their password there.",
    )
    missing: Literal["keep", "disable", "remove"] = Field(
        "keep", description="What happens to managed users who are in no source."
    )
    managed: Managed | None = Field(None, description="Whom `missing` may touch.")

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources, in the order in which they win."""
        return (self.from_,) if isinstance(self.from_, str) else self.from_

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Give what is wrong between `missing` and `managed`, and in `find_by`."""
        missing = raw.get("missing", "keep")
        if missing in ("disable", "remove") and "managed" not in raw:
            yield problem(
                f"missing: {missing} needs managed, which says whom it may touch",
                at=("missing",),
                hint='managed: {usernames: ["*"]} means everybody who is not protected',
            )
        find_by, fields = raw.get("find_by"), raw.get("fields")
        if not isinstance(find_by, list | tuple):
            return
        if find_by and "username" not in find_by:
            yield problem(
                "a person is always found by username, so it must be here",
                at=("find_by",),
                hint="write [username, email]",
            )
        if "email" in find_by and isinstance(fields, dict) and "email" not in fields:
            yield problem(
                "people can only be found by e-mail where fields has email",
                at=("find_by",),
                hint="add email to fields, or leave it out here",
            )


# --- memberships ----------------------------------------------------------------------------------


class Matrix(Strict):
    """A column for each project, with the role in the cell; an empty cell asks for nothing."""

    columns: (
        Annotated[
            Annotated[tuple[Text, ...], Tag(LIST), Field(min_length=1)]
            | Annotated[dict[str, Text], Tag(TABLE), Field(min_length=1)],
            by_shape("must be a list of columns, or a table of column and project"),
        ]
        | None
    ) = Field(None, description="The columns, or a table of column and project.")
    match: Text | None = Field(
        None, description="Every column whose header fits; (?P<project>…) is the project."
    )
    transform: tuple[Transform, ...] = Field((), description="Applied to each cell.")
    values: Annotated[dict[str, str], Field(min_length=1)] | None = Field(
        None, description='A table of cell text and role; "" is as good as an empty cell.'
    )

    @field_validator("values", mode="before")
    @classmethod
    def _keys_are_text(cls, table: Any) -> Any:
        return with_text_keys(table)

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Give what is wrong with how the columns are named."""
        if "columns" in raw and "match" in raw:
            yield problem("columns and match cannot stand together", hint="keep one of them")
        elif "columns" not in raw and "match" not in raw:
            yield problem("needs columns or match")
        pattern = raw.get("match")
        found = list(pattern_mistakes(pattern, ("project",)))
        yield from found
        if isinstance(pattern, str) and not found and not re.compile(pattern).groups:
            yield problem(
                "the pattern does not say which part is the project",
                at=("match",),
                hint="write (?P<project>…) round it",
            )


class Membership(Strict):
    """How rows become memberships: one a row, or a matrix of projects."""

    from_: Text = Field(alias="from", description="The source.")
    username: Rule = Field(description="Whose membership it is.")
    project: ListRule | None = Field(None, description="An identifier, a name or an id.")
    role: (
        Annotated[
            Annotated[Text, Tag(TEXT)] | Annotated[RoleRule, Tag(TABLE)],
            by_shape("must be a role, or a table that says how it is made"),
        ]
        | None
    ) = Field(None, description="A role, or how it is made.")
    matrix: Matrix | None = Field(
        None, description="Instead of project and role: a column for each project."
    )
    several: Literal["refuse", "highest"] | None = Field(
        None,
        description="Somebody who is to have two roles in one project: refuse makes it an error, "
        "highest takes the higher role. Without it: highest for directories, refuse for files.",
    )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Give what is wrong between project, role and matrix."""
        if "matrix" in raw:
            for key in ("project", "role"):
                if key in raw:
                    yield problem(
                        f"matrix already says the {key}",
                        at=(key,),
                        on_key=True,
                        hint=f"leave out {key}, or matrix",
                    )
        elif "project" not in raw and "role" not in raw:
            yield problem("needs project and role, or a matrix")
        else:
            for key in ("project", "role"):
                if key not in raw:
                    yield problem(f"{key} is missing")


# --- limits and the whole ---------------------------------------------------------------------


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


class MappingFile(Strict):
    """A whole mapping file."""

    kanport: Literal[1] = Field(description="The version of the format.")
    name: Text | None = Field(None, description="What reports call this mapping.")
    sources: dict[str, Source] = Field(
        min_length=1, description="Where rows come from, each under a name of your choice."
    )
    users: Users | None = Field(None, description="How rows become users.")
    memberships: tuple[Membership, ...] = Field(
        (), description="How rows become memberships; several lists add up."
    )
    memberships_missing: Literal["keep", "revoke"] = Field(
        "keep", description="revoke: within the projects named, whom no row names loses access."
    )
    protect: tuple[Text, ...] = Field((), description="Names or patterns that are never touched.")
    limits: Limits = Field(Limits(), description="What stops a plan that would do too much.")
    ledger: Text | None = Field(
        None,
        description="The file in which Kanport keeps whom a stable id means; relative to this one.",
    )
    invalid_rows: Literal["abort", "skip"] = Field(
        "abort", description="skip: go on without them; whoever they name stays as they are."
    )
    custom_roles: dict[str, tuple[Text, ...]] = Field(
        {}, description="Custom roles by project; Kanboard itself would take any text."
    )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Give what is wrong between the parts, such as a source that does not exist."""
        if "users" not in raw and not raw.get("memberships"):
            yield problem("needs users or memberships; otherwise there is nothing to do")
        if raw.get("memberships_missing") == "revoke" and not raw.get("memberships"):
            yield problem(
                "revoke works within the projects that memberships names, and there are none",
                at=("memberships_missing",),
                hint="add memberships, or leave this out",
            )
        users = raw.get("users")
        if isinstance(users, dict) and "id" in users and "ledger" not in raw:
            yield problem(
                "stable ids are kept in a ledger, and the mapping names none",
                at=("users", "id"),
                on_key=True,
                hint="add ledger: people.ledger, a file of its own beside the mapping",
            )
        yield from reference_mistakes(raw)
