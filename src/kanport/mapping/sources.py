"""Where rows come from: files, a directory, another Kanboard."""

import os
import re
from glob import has_magic
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StrictInt,
    Tag,
    field_validator,
    model_validator,
)

from kanport.mapping.base import (
    CODE,
    TAG_MARK,
    SecretReference,
    Strict,
    Text,
    listed,
    near,
    problem,
    quoted,
)
from kanport.mapping.conditions import Selected
from kanport.mapping.ldap import LdapSource

# --- what a mapping says of a source that is a Kanboard server itself -----------------------------


class KanboardSource(Selected):
    """Rows of another Kanboard server, read through its API. Kanport never writes to it."""

    type: Literal["kanboard"] = Field(description="Type of the source.")
    url: Text = Field(description="URL of the server, with or without /jsonrpc.php.")
    token: SecretReference = Field(
        description="Where to find its application token: {env: NAME} or {file: PATH}."
    )
    read: Literal["users", "groups", "group_members", "projects", "memberships"] = Field(
        description="The table to read, as kanport export writes it."
    )
    ca_file: Text | None = Field(
        None,
        description="PEM file with the certificates of a private certificate authority, "
        "relative to the mapping.",
    )
    allow_http: bool = Field(
        False, description="Allow http:// to another machine. The token travels unencrypted."
    )
    clear: ClassVar[str] = "\0"
    """Nothing in the rows of a server means that a field is to be cleared."""

    auth_header: Text | None = Field(
        None, description="Send the token in this header instead of Authorization."
    )


# --- what a mapping says of each source: which file, and how it is to be read ---------------------


class FileSource(Selected):
    """What all files have in common."""

    type: str
    path: Text = Field(
        description="Path of the file, relative to the mapping; - is standard input. ${NAME} is an "
        "environment variable. With files, a pattern such as exports/*.csv.",
    )
    files: Literal["newest", "all"] | None = Field(
        None,
        description="Which files to read if path is a pattern: the one that was changed last, or "
        "all of them, which then have the same columns.",
    )
    clear: Text = Field("<clear>", description="A cell with this text clears a field.")
    max_rows: StrictInt = Field(
        1_000_000, gt=0, description="Maximum number of rows; Kanport refuses a larger source."
    )
    may_be_empty: bool = Field(False, description="true: the source may have a header and no rows.")

    @field_validator("path")
    @classmethod
    def _with_variables(cls, path: str) -> str:
        return _VARIABLE.sub(_value_of, path)

    @model_validator(mode="after")
    def _files_need_a_pattern(self) -> Self:
        if self.files is not None and not has_magic(self.path):
            raise problem(
                "files needs a path that is a pattern",
                at=("files",),
                on_key=True,
                hint="write path: exports/*.csv, or leave out files",
            )
        return self


_VARIABLE = re.compile(r"\$\{([^}]*)\}")
# Paths stand in plans and reports.
_SECRET = re.compile(r"TOKEN|PASSWORD|PASSWD|SECRET|_KEY", re.IGNORECASE)


def _value_of(variable: re.Match[str]) -> str:
    name = variable[1]
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise problem(
            f"{quoted(variable[0])} is not an environment variable",
            hint="write ${NAME}; a path knows no other expressions of a shell",
        )
    if _SECRET.search(name):
        raise problem(
            f"the variable {quoted(name)} may hold a secret, and reports show paths",
            hint="use a variable with another name",
        )
    if not (value := os.environ.get(name, "")):
        raise problem(
            f"the environment variable {quoted(name)} is not set",
            hint=f"set it before you call Kanport, as in {name}=/srv/exports kanport ...",
        )
    return value


class ListSource(FileSource):
    """What files have in common that people edit with a spreadsheet."""

    header_row: StrictInt | None = Field(
        None,
        gt=0,
        description="Row that contains the headers (default: the first one, or the one below a "
        "title if it has all columns that the mapping names).",
    )
    verbatim: bool = Field(
        False,
        description="true: use every row and text unchanged, and do not check for damage by "
        "spreadsheets.",
    )


class CsvSource(ListSource):
    """Rows of a CSV file with a line of headers."""

    type: Literal["csv"] = Field(description="Type of the source.")
    encoding: Text | None = Field(
        None,
        description="Encoding of a file that is neither UTF-8 nor UTF-16 with a byte order "
        "mark, such as cp1252.",
    )
    columns: tuple[Text, ...] | None = Field(
        None,
        min_length=1,
        description="Names of the columns in their order. Kanport then ignores the first line.",
    )
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(
        None, description="Character between the fields (default: detected from the header)."
    )

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, name: str | None) -> str | None:
        if name is not None and not _is_text_encoding(name):
            close = near(name, _ENCODINGS)
            hint = f"did you mean {close}?" if close else f"for example {listed(_ENCODINGS)}"
            raise problem(f"there is no encoding {quoted(name)}", hint=hint)
        return name


class ExcelSource(ListSource):
    """Rows of one sheet of an Excel workbook (.xlsx)."""

    type: Literal["excel"] = Field(description="Type of the source.")
    sheet: Text | None = Field(
        None, description="Name of the sheet (default: the first visible one)."
    )
    hidden_rows: Literal["refuse", "read", "skip"] = Field(
        "refuse", description="What to do with hidden or filtered rows."
    )
    merged_cells: Literal["refuse", "fill"] = Field(
        "refuse", description="fill: every cell of a merged range gets its value."
    )


class YamlSource(FileSource):
    """Rows of a YAML file: a list of tables with plain values."""

    type: Literal["yaml"] = Field(description="Type of the source.")
    under: Text | None = Field(
        None, description="Key of the list in the file (default: the whole file is the list)."
    )


_ENCODINGS = ("utf-8", "cp1252", "iso-8859-1", "iso-8859-15", "cp1250", "cp1251", "cp850", "utf-16")


def _is_text_encoding(name: str) -> bool:
    try:
        # Codecs such as rot13 exist but make no text of bytes; LookupError is theirs too.
        b"a".decode(name)
    except UnicodeError:
        return True
    except (LookupError, ValueError):
        return False
    return True


def _known_kind(raw: Any) -> Any:
    if not isinstance(raw, dict) or raw.get("type") in TYPES:
        return raw
    if "type" not in raw:
        first, *others = TYPES
        raise problem(
            "type is missing",
            hint=f"write type: {first}, or {listed(others)}",
        )
    close = near(str(raw["type"]), TYPES)
    raise problem(
        f"type must be {listed(TYPES)}",
        at=("type",),
        hint=f"did you mean {close}?" if close else None,
    )


def _kind(raw: Any) -> str | None:
    kind = raw.get("type") if isinstance(raw, dict) else getattr(raw, "type", None)
    return f"{TAG_MARK}{kind}"


Source = Annotated[
    Annotated[CsvSource, Tag(f"{TAG_MARK}csv")]
    | Annotated[ExcelSource, Tag(f"{TAG_MARK}excel")]
    | Annotated[YamlSource, Tag(f"{TAG_MARK}yaml")]
    | Annotated[LdapSource, Tag(f"{TAG_MARK}ldap")]
    | Annotated[KanboardSource, Tag(f"{TAG_MARK}kanboard")],
    Discriminator(
        _kind,
        custom_error_type=CODE,
        custom_error_message="must be a table that begins with type",
    ),
    BeforeValidator(_known_kind),
]

TYPES: dict[str, type[Strict]] = {
    tag.tag.removeprefix(TAG_MARK): model
    for model, tag in map(get_args, get_args(get_args(Source)[0]))
}
"""The model of each type of source, by the name that a mapping gives it."""
FILE_TYPES = frozenset(name for name, model in TYPES.items() if issubclass(model, FileSource))
