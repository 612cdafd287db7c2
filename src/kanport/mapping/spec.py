"""The mapping file as models: every key that it may have, with what it means.

The descriptions feed the JSON Schema (`kanport schema`) and with it the completion in editors.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from kanport.mapping.transforms import Transform

AppRoleName = Literal["app-admin", "app-manager", "app-user"]


class Strict(BaseModel):
    """A part of the mapping: an unknown key is an error, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


# --- sources ------------------------------------------------------------------------------------


class FileSource(Strict):
    """What all files have in common."""

    path: str = Field(min_length=1, description="The file, relative to the mapping.")
    clear: str = Field("<clear>", min_length=1, description="A cell with this text clears a field.")
    max_rows: int = Field(1_000_000, gt=0, description="More rows than this are refused.")


class CsvSource(FileSource):
    """Rows of a CSV file; its first line holds the headers."""

    type: Literal["csv"]
    encoding: str | None = Field(
        None, description="Only for files that are neither UTF-8 nor UTF-16 with a mark: cp1252 …"
    )
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(
        None, description="Between the fields; told from the header where it is left out."
    )


class ExcelSource(FileSource):
    """Rows of one sheet of an Excel workbook (.xlsx)."""

    type: Literal["excel"]
    sheet: str | None = Field(None, description="The sheet; the first visible one if left out.")
    header_row: int = Field(1, gt=0, description="The row with the headers.")
    hidden_rows: Literal["refuse", "read", "skip"] = Field(
        "refuse", description="What to do when rows are hidden or filtered away."
    )
    merged_cells: Literal["refuse", "fill"] = Field(
        "refuse", description="fill: every cell of a merged range has its value."
    )


Source = Annotated[CsvSource | ExcelSource, Field(discriminator="type")]


# --- rules for one value --------------------------------------------------------------------------

Scalar = str | bool | int


class Rule(Strict):
    """How one value is made: from a column or a template or a constant, then shaped."""

    from_: str | dict[str, str] | None = Field(
        None, alias="from", description="The column; or a table of source and column."
    )
    template: str | None = Field(None, description="Text with columns in braces: {First} {Last}")
    value: Scalar | None = Field(None, description="The same value for every row.")
    transform: tuple[Transform, ...] = Field((), description="Applied one after the other.")
    match: str | None = Field(
        None,
        description="A regular expression that must fit the value; its part (?P<value>…) is taken.",
    )
    values: dict[str, Scalar] | None = Field(
        None, description="A table of what stands there and what it means."
    )
    default: Scalar | None = Field(
        None, description="For an empty cell, and for a value that is not in the table."
    )

    @field_validator("values", mode="before")
    @classmethod
    def _keys_are_text(cls, table: Any) -> Any:
        # A table of {1: true, 0: false} means the texts "1" and "0".
        if isinstance(table, dict):
            return {_as_text(key): value for key, value in table.items()}
        return table

    @field_validator("match")
    @classmethod
    def _match_compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as problem:
                raise ValueError(f"not a regular expression: {problem}") from None
        return pattern

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        named = [key for key, value in self._origins().items() if value is not None]
        if len(named) != 1:
            choice = ", ".join(self._origins())
            raise ValueError(f"needs exactly one of {choice}" + (f", not {named}" if named else ""))
        return self

    def _origins(self) -> dict[str, object]:
        return {"from": self.from_, "template": self.template, "value": self.value}


class FieldRule(Rule):
    """How one field of a user is made."""

    precedence: tuple[str, ...] = Field(
        (), description="Which source wins for this field; otherwise the order of users.from."
    )


class ListRule(Rule):
    """How a value is made that may stand several times in one cell."""

    split: str | tuple[str, ...] | None = Field(
        None, description="What separates several values in one cell, such as ; or |"
    )
    each: bool = Field(False, description="One membership for each value of the attribute.")


class RoleRule(Rule):
    """How the role of a membership is made."""

    part: str | None = Field(
        None, description="The named part of the project's `match` that says the role."
    )

    def _origins(self) -> dict[str, object]:
        return {**super()._origins(), "part": self.part}


def _as_text(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return str(key)


# --- users ----------------------------------------------------------------------------------------


class UserFields(Strict):
    """The fields of a user; what is not named here is never touched."""

    username: FieldRule
    name: FieldRule | None = None
    email: FieldRule | None = None
    role: FieldRule | None = None
    active: FieldRule | None = None


class PasswordColumn(Strict):
    """The password of a new user stands in a column."""

    from_: str | dict[str, str] = Field(alias="from", description="The column with the password.")


class Managed(Strict):
    """Whom absence from the sources may touch."""

    usernames: tuple[str, ...] = Field(
        min_length=1, description='Names or patterns, such as "*" or "ext-*".'
    )


class Users(Strict):
    """How rows become users."""

    from_: str | tuple[str, ...] = Field(
        alias="from", description="The source, or several in the order in which they win."
    )
    fields: UserFields
    find_by: tuple[Literal["username", "email"], ...] = Field(
        ("username",),
        description="How a person is found on the server; with email, a new username is a rename.",
    )
    password: Literal["random"] | PasswordColumn = Field(
        "random", description="For new users; Kanboard's API cannot change a password."
    )
    missing: Literal["keep", "disable", "remove"] = Field(
        "keep", description="What happens to managed users who are in no source."
    )
    managed: Managed | None = Field(None, description="Whom `missing` may touch.")

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources, in the order in which they win."""
        return (self.from_,) if isinstance(self.from_, str) else self.from_

    @model_validator(mode="after")
    def _missing_needs_managed(self) -> Self:
        if self.missing != "keep" and self.managed is None:
            raise ValueError(
                f"missing: {self.missing} needs `managed`, which says whom it may touch;"
                ' managed: {usernames: ["*"]} means everybody who is not protected'
            )
        return self


# --- memberships ----------------------------------------------------------------------------------


class Matrix(Strict):
    """A column for each project, with the role in the cell; an empty cell asks for nothing."""

    columns: tuple[str, ...] | dict[str, str] | None = Field(
        None, description="The columns, or a table of column and project."
    )
    match: str | None = Field(
        None, description="Every column whose header fits; (?P<project>…) is the project."
    )
    transform: tuple[Transform, ...] = Field((), description="Applied to each cell.")
    values: dict[str, str] | None = Field(None, description="A table of cell text and role.")

    @field_validator("values", mode="before")
    @classmethod
    def _keys_are_text(cls, table: Any) -> Any:
        if isinstance(table, dict):
            return {_as_text(key): value for key, value in table.items()}
        return table

    @field_validator("match")
    @classmethod
    def _match_has_project(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                compiled = re.compile(pattern)
            except re.error as problem:
                raise ValueError(f"not a regular expression: {problem}") from None
            if "project" not in compiled.groupindex:
                raise ValueError("needs a part named project: (?P<project>…)")
        return pattern

    @model_validator(mode="after")
    def _columns_or_match(self) -> Self:
        if (self.columns is None) == (self.match is None):
            raise ValueError("needs either columns or match")
        return self


class Membership(Strict):
    """How rows become memberships: one a row, or a matrix of projects."""

    from_: str = Field(alias="from", description="The source.")
    username: Rule
    project: ListRule | None = Field(None, description="An identifier, a name or an id.")
    role: RoleRule | str | None = Field(None, description="A role, or how it is made.")
    matrix: Matrix | None = None

    @model_validator(mode="after")
    def _rows_or_matrix(self) -> Self:
        if self.matrix is not None and (self.project is not None or self.role is not None):
            raise ValueError("matrix says project and role itself; leave those two out")
        if self.matrix is None and (self.project is None or self.role is None):
            raise ValueError("needs project and role, or a matrix")
        return self


# --- limits and the whole ---------------------------------------------------------------------


class Limit(Strict):
    """The most that one plan may do of one kind; both hold where both are given."""

    max: int | None = Field(None, ge=0, description="A number.")
    share: float | None = Field(None, ge=0, le=100, description="Per cent of what there is.")

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"max": value}
        if isinstance(value, str):
            number = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value)
            if number is None:
                raise ValueError(f"a number such as 40 or a share such as 5%, not {value!r}")
            return {"share": float(number[1])}
        return value


class Limits(Strict):
    """The most that one plan may do."""

    create: Limit | None = None
    update: Limit | None = None
    disable: Limit | None = None
    revoke: Limit | None = None
    remove: Limit | None = Field(None, description="Without it, nobody is removed.")


class MappingFile(Strict):
    """A whole mapping file."""

    kanport: Literal[1] = Field(description="The version of the format.")
    name: str | None = Field(None, description="What reports call this mapping.")
    sources: dict[str, Source] = Field(min_length=1)
    users: Users | None = None
    memberships: tuple[Membership, ...] = ()
    memberships_missing: Literal["keep", "revoke"] = Field(
        "keep", description="revoke: within the projects named, whom no row names loses access."
    )
    protect: tuple[str, ...] = Field((), description="Names or patterns that are never touched.")
    limits: Limits = Limits()
    invalid_rows: Literal["abort", "skip"] = Field(
        "abort", description="skip: go on without them; whoever they name stays as they are."
    )
    custom_roles: dict[str, tuple[str, ...]] = Field(
        {}, description="Custom roles by project; Kanboard itself would take any text."
    )

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.users is None and not self.memberships:
            raise ValueError("needs users or memberships; otherwise there is nothing to do")
        return self
