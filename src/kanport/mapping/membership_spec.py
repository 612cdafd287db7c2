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
        if isinstance(pattern, str) and not found and not compiled(pattern).brackets:
            yield problem(
                "the pattern does not say which part is the project",
                at=("match",),
                hint="write (?P<project>…) round it",
            )


class Membership(Strict):
    """How rows become memberships: one a row, or a matrix of projects."""

    from_: Text = Field(alias="from", description="The source.")
    username: Rule = Field(description="Whose membership it is.")
    project: ProjectRule | None = Field(None, description="An identifier or a name; or an id.")
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
