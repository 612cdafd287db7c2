"""What all parts of a mapping share: strict, frozen models that report all mistakes at once.

`problem` makes the error that a validator raises; `mistakes` shows it at its place in the file.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    StrictFloat,
    StrictInt,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from kanport.mapping.patterns import NotAPattern, compiled

CODE = "kanport"


def problem(
    message: str,
    *,
    hint: str | None = None,
    at: tuple[str | int, ...] = (),
    on_key: bool = False,
) -> PydanticCustomError:
    """Return the error that a validator raises or collects.

    `at` leads from the value that is being validated to the place that is meant; `on_key` points
    at the key there instead of its value.
    """
    # Braces in the template would be taken for places to fill in, so it holds only the one.
    return PydanticCustomError(
        CODE, "{message}", {"message": message, "hint": hint, "at": at, "on_key": on_key}
    )


def near(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that was probably meant, if one is near.

    >>> near("usrename", ["username", "name", "email"])
    'username'
    """
    by_folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def quoted(word: object) -> str:
    """Put a word of the file in quotes, so that it stands out from the sentence.

    >>> quoted("staf")
    '"staf"'
    """
    return f'"{word}"'


def listed(words: Iterable[str], last: str = "or") -> str:
    """Join words as a sentence does.

    >>> listed(["keep", "disable", "remove"])
    'keep, disable or remove'
    """
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


Table = dict[str, Any]

# Tags get into the path of an error. No key of a file can begin with NUL, so they do not clash.
TAG_MARK = "\0"
TEXT, LIST, TABLE, NUMBER = "\0text", "\0list", "\0table", "\0number"


def shape(value: Any) -> str | None:
    """Return whether a value is text, a list, a table or a number, as a tag; None for others."""
    if isinstance(value, str):
        return TEXT
    if isinstance(value, list | tuple):
        return LIST
    if isinstance(value, dict | BaseModel):
        return TABLE
    if isinstance(value, int) and not isinstance(value, bool):
        return NUMBER
    return None


def by_shape(says: str) -> Discriminator:
    """Choose among the parts of a union by shape, so that a mistake gives one message.

    `says` is the message for a value of none of these shapes.
    """
    return Discriminator(
        shape,
        custom_error_type=CODE,
        custom_error_message=says,
    )


def _scalar(value: Any) -> Any:
    if not isinstance(value, str | bool | int):
        raise problem("must be text, a whole number, true or false")
    return value


def _pattern(text: str) -> str:
    try:
        compiled(text)
    except NotAPattern as wrong:
        raise problem(f"not a regular expression: {wrong}") from None
    return text


Text = Annotated[str, Field(min_length=1)]
PatternText = Annotated[Text, AfterValidator(_pattern)]
Scalar = Annotated[str | bool | int, BeforeValidator(_scalar)]
ColumnFrom = Annotated[
    Annotated[Text, Tag(TEXT)] | Annotated[dict[str, Text], Tag(TABLE), Field(min_length=1)],
    by_shape("must be a column, or a table of source and column: {staff: E-Mail}"),
]
Names = Annotated[
    Annotated[Text, Tag(TEXT)] | Annotated[tuple[Text, ...], Tag(LIST), Field(min_length=1)],
    by_shape("must be text, or a list of texts"),
]


class Strict(BaseModel):
    """A part of the mapping: an unknown key is an error, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)
    elsewhere: ClassVar[Mapping[str, str]] = {}
    """Keys that are looked for here and belong elsewhere, with a hint."""

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong between the keys of this part.

        It looks at the part as it was written, so it runs also where single keys are invalid, and
        all mistakes appear at once. Each part of `raw` may be of any type.
        """
        yield from ()

    @model_validator(mode="wrap")
    @classmethod
    def _all_at_once(cls, raw: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(raw, dict):
            return handler(raw)
        found: list[InitErrorDetails] = []
        made = None
        try:
            made = handler(raw)
        except ValidationError as wrong:
            found = [
                InitErrorDetails(
                    type=_again(error),
                    loc=error["loc"],
                    input=error["input"],
                    ctx=error.get("ctx", {}),
                )
                for error in wrong.errors(include_url=False)
                if not cls._is_reported_below(error)
            ]
        found += [
            InitErrorDetails(type=error, loc=(), input=raw)
            for error in (*cls._unknown_keys(raw), *cls.mistakes(raw))
        ]
        if found or made is None:
            raise ValidationError.from_exception_data(cls.__name__, found)
        return made

    @classmethod
    def _is_reported_below(cls, error: Any) -> bool:
        own = error["type"] == "extra_forbidden" and len(error["loc"]) == 1
        return own and error["loc"][0] not in cls.model_fields

    @classmethod
    def _unknown_keys(cls, raw: Table) -> Iterator[PydanticCustomError]:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in raw:
            if key in known or key in cls.model_fields:
                continue
            if (place := cls.elsewhere.get(str(key))) is not None:
                yield problem(f"unknown key {quoted(key)}", at=(key,), on_key=True, hint=place)
                continue
            close = near(str(key), known)
            there = "the only key here is" if len(known) == 1 else "the keys here are"
            hint = f"did you mean {close}?" if close else f"{there} {listed(known, 'and')}"
            yield problem(f"unknown key {quoted(key)}", at=(key,), on_key=True, hint=hint)


def _again(error: Any) -> str | PydanticCustomError:
    """Return the type of an error in the form in which it can be raised once more."""
    if error["type"] == CODE:
        return PydanticCustomError(
            CODE, "{message}", {"message": error["msg"], **error.get("ctx", {})}
        )
    return str(error["type"])


def written(raw: Table, key: str) -> Any:
    """Return the value of a key, whether it is spelled as in a file or as in Python (`from_`)."""
    return raw.get(key, raw.get(f"{key}_"))


# --- what sources on a network have in common -----------------------------------------------------

Seconds = Annotated[StrictInt | StrictFloat, Field(gt=0, le=3600)]


class SecretReference(Strict):
    """Where to find a password; the mapping itself never contains one."""

    env: Text | None = Field(None, description="Environment variable that contains the password.")
    file: Text | None = Field(
        None, description="File that only you can read, relative to the mapping."
    )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong with the choice between the two."""
        if len(raw.keys() & {"env", "file"}) != 1:
            yield problem(
                "needs one of env or file", hint="{env: LDAP_PASSWORD} or {file: /run/secrets/ldap}"
            )
