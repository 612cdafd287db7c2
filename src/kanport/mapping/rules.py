"""How one value is made: from a column, a template or a constant, then shaped."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, Tag
from pydantic_core import PydanticCustomError

from kanport.mapping.base import (
    NUMBER,
    TABLE,
    TEXT,
    ColumnFrom,
    Names,
    Scalar,
    Strict,
    Table,
    Text,
    by_shape,
    listed,
    problem,
    written,
)
from kanport.mapping.patterns import NotAPattern, compiled, template_columns
from kanport.mapping.transforms import Transform
from kanport.names import plain_number

VALUE_PARTS = ("value", "project")


def _with_text_keys(table: Any) -> Any:
    """Return the table with its keys as text: {1: true, 0: false} means the texts "1" and "0"."""
    if not isinstance(table, dict):
        return table
    return {
        str(key).lower() if isinstance(key, bool) else str(key): value
        for key, value in table.items()
    }


TextKeys = BeforeValidator(_with_text_keys)
Values = Annotated[dict[str, Scalar], Field(min_length=1), TextKeys]


class Rule(Strict):
    """Rule for one value: from a column, a template or a constant, then transformed.

    The order is fixed: column, template or constant, then `transform`, then `match`, then
    `values`; `default` comes last.
    """

    from_: ColumnFrom | None = Field(
        None, alias="from", description="The column, or a table of source and column."
    )
    template: Text | None = Field(
        None,
        description="Text with columns in braces: {First} {Last}. Write {{ and }} for plain "
        "braces.",
    )
    value: Scalar | None = Field(None, description="The same value for every row.")
    transform: tuple[Transform, ...] = Field(
        (), description="Transforms, applied one after the other."
    )
    match: Text | None = Field(
        None,
        description="Regular expression that must match the value. The result is its group "
        "(?P<value>…), or the whole value without such a group.",
    )
    values: Values | None = Field(
        None, description='Table that translates values; "" means "not given".'
    )
    default: Scalar | None = Field(
        None, description="Result for an empty cell, and for a value that is not in the table."
    )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong with where the value comes from, the template and the pattern."""
        choice = cls._origins()
        named = [key for key in choice if written(raw, key) is not None or key in raw]
        if not named:
            yield problem(f"needs one of {listed(choice)}")
        elif len(named) > 1:
            yield problem(f"{listed(named, 'and')} cannot stand together", hint="keep one of them")
        yield from _template_mistakes(raw.get("template"))
        yield from pattern_mistakes(raw.get("match"), cls._value_parts())

    @classmethod
    def _origins(cls) -> tuple[str, ...]:
        return ("from", "template", "value")

    @classmethod
    def _value_parts(cls) -> tuple[str, ...]:
        return ("value",)


class FieldRule(Rule):
    """Rule for one field of a user."""

    precedence: tuple[Text, ...] = Field(
        (),
        description="Sources in order of precedence for this field (default: the order of "
        "users.from).",
    )


class ListRule(Rule):
    """Rule for a value that may occur several times in one cell."""

    split: Names | None = Field(
        None, description="Separator of several values in one cell, such as ; or |"
    )
    each: StrictBool = Field(
        False,
        description="true: one membership for each value of an attribute with several values.",
    )

    @classmethod
    def _value_parts(cls) -> tuple[str, ...]:
        return VALUE_PARTS


class ProjectRule(ListRule):
    """Rule for a project: by identifier or name, or with `id` by its id on the server."""

    id: (
        Annotated[
            Annotated[Text, Tag(TEXT)]
            | Annotated[StrictInt, Tag(NUMBER)]
            | Annotated[ListRule, Tag(TABLE)],
            by_shape("must be a column, a number, or a table that says how the id is made"),
        ]
        | None
    ) = Field(
        None,
        description="Instead of from, template or value: the column with project ids, one id as a "
        "number, or a rule for an id. Without it, a number is a name.",
    )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return also what is wrong between `id` and the keys beside it."""
        yield from super().mistakes(raw)
        given = raw.get("id")
        if isinstance(given, int) and not isinstance(given, bool) and given < 1:
            yield problem("must be a positive whole number", at=("id",))
        for key in _SHAPING if isinstance(given, dict) else ():
            if key in raw:
                yield problem(
                    f"{key} belongs into the table of id", at=(key,), on_key=True, hint="move it"
                )

    @classmethod
    def _origins(cls) -> tuple[str, ...]:
        return ("from", "template", "value", "id")

    @property
    def made_by(self) -> ListRule:
        """The rule that makes the text, whether it is an id or a name."""
        if self.id is None:
            return self
        if isinstance(self.id, ListRule):
            return self.id
        is_number = isinstance(self.id, int) or plain_number(self.id) is not None
        return self.model_copy(update={"value" if is_number else "from_": self.id, "id": None})


_SHAPING = ("transform", "match", "values", "default", "split", "each")


class RoleRule(Rule):
    """Rule for the role of a membership."""

    part: Text | None = Field(
        None, description="Named group in the project's `match` that gives the role."
    )

    @classmethod
    def _origins(cls) -> tuple[str, ...]:
        return ("from", "template", "value", "part")


RoleOrRule = Annotated[
    Annotated[Text, Tag(TEXT)] | Annotated[RoleRule, Tag(TABLE)],
    by_shape("must be a role, or a table that says how it is made"),
]


def _template_mistakes(template: Any) -> Iterator[PydanticCustomError]:
    if not isinstance(template, str) or not template:
        return
    try:
        columns = template_columns(template)
    except ValueError as wrong:
        yield problem(str(wrong), at=("template",), hint="write {{ and }} for plain braces")
        return
    if not columns:
        hint = 'write "{First} {Last}", or use value for the same text in every row'
        yield problem("the template names no column", at=("template",), hint=hint)


def pattern_mistakes(pattern: Any, parts: tuple[str, ...]) -> Iterator[PydanticCustomError]:
    """Return what is wrong with a regular expression whose part of one of these names is taken."""
    if not isinstance(pattern, str):
        return
    try:
        known = compiled(pattern)
    except NotAPattern as wrong:
        message = f"not a regular expression: {wrong}"
        yield problem(message, at=("match",), hint="a \\ before a character makes it a plain one")
        return
    if known.brackets and not set(parts) & set(known.parts):
        yield problem(
            f"the pattern has parts in brackets, but none is named {listed(parts)}",
            at=("match",),
            hint=f"write (?P<{parts[0]}>…) for what is to be taken, (?:…) for other brackets",
        )
