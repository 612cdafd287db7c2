"""How rows become memberships, as the mapping file says it."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, Tag, field_validator
from pydantic_core import PydanticCustomError

from kanport.mapping.base import LIST, TABLE, TEXT, Strict, Table, Text, by_shape
from kanport.mapping.patterns import compiled
from kanport.mapping.problems import problem
from kanport.mapping.rules import ProjectRule, RoleRule, Rule, pattern_mistakes, with_text_keys
from kanport.mapping.transforms import Transform


class Matrix(Strict):
    """A column for each project, with the role in the cell. An empty cell gives no membership."""

    columns: (
        Annotated[
            Annotated[tuple[Text, ...], Tag(LIST), Field(min_length=1)]
            | Annotated[dict[str, Text], Tag(TABLE), Field(min_length=1)],
            by_shape("must be a list of columns, or a table of column and project"),
        ]
        | None
    ) = Field(None, description="The columns, or a table of column and project.")
    match: Text | None = Field(
        None, description="Every column whose header matches; (?P<project>…) is the project."
    )
    transform: tuple[Transform, ...] = Field((), description="Transforms, applied to each cell.")
    values: Annotated[dict[str, str], Field(min_length=1)] | None = Field(
        None, description='Table of cell texts and roles; "" counts as an empty cell.'
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
        if isinstance(pattern, str) and not found and not compiled(pattern).brackets:
            yield problem(
                "the pattern does not say which part is the project",
                at=("match",),
                hint="write (?P<project>…) round it",
            )


class Membership(Strict):
    """How rows become memberships: one per row, or a matrix of projects."""

    from_: Text = Field(alias="from", description="The source.")
    username: Rule = Field(description="Username of the member.")
    project: ProjectRule | None = Field(
        None, description="Identifier or name of the project, or its id."
    )
    role: (
        Annotated[
            Annotated[Text, Tag(TEXT)] | Annotated[RoleRule, Tag(TABLE)],
            by_shape("must be a role, or a table that says how it is made"),
        ]
        | None
    ) = Field(None, description="A role, or a rule for it.")
    matrix: Matrix | None = Field(
        None, description="Instead of project and role: a column for each project."
    )
    several: Literal["refuse", "highest"] | None = Field(
        None,
        description="If a user has two roles in one project: refuse makes it an error, highest "
        "uses the higher role (default: highest for directories, refuse for files).",
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
