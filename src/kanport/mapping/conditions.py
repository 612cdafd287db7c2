"""Which rows of a source belong to the list: `only_rows` and `skip_rows`.

A condition is about the text of one cell. All conditions of a table must hold; of a list of tables,
one is enough.
"""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, Tag
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from kanport.mapping.base import (
    LIST,
    TABLE,
    TEXT,
    PatternText,
    Strict,
    Table,
    Text,
    by_shape,
    problem,
    quoted,
)


def _as_text(value: Any) -> Any:
    if isinstance(value, bool):
        raise problem(
            "a condition compares text",
            hint=f"write {quoted(str(value).lower())} in quotation marks, as the cell has it",
        )
    return str(value) if isinstance(value, int | float) else value


def _texts(value: Any) -> Any:
    return tuple(map(_as_text, value)) if isinstance(value, list | tuple) else _as_text(value)


Values = Annotated[
    Annotated[Text, Tag(TEXT)] | Annotated[tuple[Text, ...], Tag(LIST), Field(min_length=1)],
    by_shape("must be text, or a list of texts"),
    BeforeValidator(_texts, json_schema_input_type=str | list[str]),
]


class CellTest(Strict):
    """One test of a cell that is more than a comparison with text."""

    matches: PatternText | None = Field(
        None, description="Regular expression that Kanport finds somewhere in the cell."
    )
    empty: bool | None = Field(None, description="true: the cell is empty; false: it is not.")
    not_: Values | None = Field(
        None, alias="not", description="The cell has none of these texts; an empty cell fits."
    )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Yield the mistake of a test with no key, or with several."""
        if len(raw.keys() & {"matches", "empty", "not", "not_"}) != 1:
            yield problem(
                "needs one of matches, empty or not", hint='for example {matches: "^Sum"}'
            )


Condition = Annotated[
    Annotated[Text, Tag(TEXT)]
    | Annotated[tuple[Text, ...], Tag(LIST), Field(min_length=1)]
    | Annotated[CellTest, Tag(TABLE)],
    by_shape("must be text, a list of texts, {matches: PATTERN}, {empty: true} or {not: TEXT}"),
    BeforeValidator(_texts, json_schema_input_type=str | list[str] | CellTest),
]

Conditions = Annotated[dict[Text, Condition], Field(min_length=1)]

# A name of its own keeps the JSON Schema short: it stands there once for all types of sources.
RowFilter = TypeAliasType(
    "RowFilter",
    Annotated[
        Annotated[Conditions, Tag(TABLE)]
        | Annotated[tuple[Conditions, ...], Tag(LIST), Field(min_length=1)],
        by_shape("must be a table of columns and conditions, or a list of such tables"),
    ],
)


def alternatives(rows: RowFilter | None) -> tuple[Conditions, ...]:
    """Return the tables of a filter, one of which has to hold; none if there is no filter."""
    if rows is None:
        return ()
    return (rows,) if isinstance(rows, dict) else tuple(rows)


class Selected(Strict):
    """What every source says of the rows that Kanport uses."""

    only_rows: RowFilter | None = Field(
        None,
        description="Kanport uses only rows for which these conditions hold, such as "
        '{Status: [active, "on leave"]}.',
    )
    skip_rows: RowFilter | None = Field(
        None,
        description="Kanport leaves out rows for which these conditions hold, such as "
        '{Kind: {matches: "^Sum"}}.',
    )
