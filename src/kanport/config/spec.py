"""What `kanport.toml` may say. Strict: an unknown key is an error with its place."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, Tag, field_validator
from pydantic_core import PydanticCustomError

from kanport.mapping.base import TABLE, TEXT, Strict, Table, Text, by_shape
from kanport.mapping.problems import problem

When = Literal["failure", "change", "always"]
Seconds = Annotated[StrictInt | StrictFloat, Field(gt=0, le=86_400)]
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")
_EXAMPLE = '{file = "/etc/kanport/token"}, {env = "NAME"} or {keyring = {…}}'


class Keyring(Strict):
    """An entry of the keyring of the system."""

    service: Text
    username: Text


class Reference(Strict):
    """Where to find a secret; the configuration itself never contains one."""

    env: Text | None = None
    file: Text | None = None
    keyring: Keyring | None = None

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Give what is wrong with the choice between the ways."""
        if len(raw.keys() & {"env", "file", "keyring", "stdin"}) != 1:
            yield problem("needs exactly one way to find the secret", hint=_EXAMPLE)


class TokenReference(Reference):
    """Where to find the token; only the token may come from standard input."""

    stdin: Literal[True] | None = None


def _no_secret(value: Any) -> Any:
    if not isinstance(value, dict):
        raise problem("must say where the secret stands, never the secret itself", hint=_EXAMPLE)
    return value


_Url = Annotated[
    Annotated[Text, Tag(TEXT)] | Annotated[Reference, Tag(TABLE)],
    by_shape("must be a URL, or a table that says where it stands"),
]


class Webhook(Strict):
    """An address that gets each notice as JSON; `token` is sent as a bearer token."""

    url: _Url
    token: Reference | None = None
    on: When | None = None
    timeout: Seconds = 10

    @field_validator("token", mode="before")
    @classmethod
    def _referred_to(cls, value: Any) -> Any:
        return _no_secret(value)


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text) or not text.isprintable():
        raise problem("must be one email address", hint='such as "ops@example.org"')
    return text


class Email(Strict):
    """A mail server, and who gets each notice."""

    host: Text
    port: Annotated[StrictInt, Field(ge=1, le=65_535)] | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: Text | None = None
    password: Reference | None = None
    from_: Text = Field(alias="from")
    to: Annotated[tuple[Text, ...], Field(min_length=1)]
    on: When | None = None
    timeout: Seconds = 60

    @field_validator("password", mode="before")
    @classmethod
    def _referred_to(cls, value: Any) -> Any:
        return _no_secret(value)

    @field_validator("from_")
    @classmethod
    def _sender(cls, value: str) -> str:
        return _address(value)

    @field_validator("to")
    @classmethod
    def _receivers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_address(text) for text in value)

    @field_validator("host")
    @classmethod
    def _one_host(cls, value: str) -> str:
        if re.search(r"[\s/@]", value) or value.count(":") == 1:
            raise problem("must be the name of a mail server and nothing else")
        return value

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Give what is wrong with the login."""
        if ("username" in raw) != ("password" in raw):
            yield problem("needs both username and password for a login, or neither")


class Notify(Strict):
    """Who gets notices, and of which runs: failed ones, those with changes, or all."""

    on: When = "failure"
    webhook: Webhook | None = None
    email: Email | None = None


class Options(Strict):
    """The settings, named like the flags and the variables of the environment."""

    url: Text | None = None
    token: TokenReference | None = None
    ca_file: Text | None = None
    allow_http: StrictBool | None = None
    auth_header: Text | None = None
    timeout: Seconds | None = None
    request_timeout: Seconds | None = None
    deadline: (
        Annotated[StrictInt | StrictFloat, Field(ge=0, le=2_592_000)]
        | Annotated[StrictStr, Field(min_length=1)]
        | None
    ) = None
    batch_size: Annotated[StrictInt, Field(ge=1, le=5_000)] | None = None
    connections: Annotated[StrictInt, Field(ge=1, le=64)] | None = None
    rate: Annotated[StrictInt | StrictFloat, Field(gt=0)] | None = None
    max_errors: Annotated[StrictInt, Field(ge=0)] | None = None
    state: Text | None = None
    log_format: Literal["text", "json"] | None = None
    log_file: Text | None = None
    status: Text | None = None
    prometheus: Text | None = None
    notify: Notify | None = None

    @field_validator("token", mode="before")
    @classmethod
    def _referred_to(cls, value: Any) -> Any:
        return _no_secret(value)


class ConfigFile(Options):
    """The whole file: settings, and under each profile's name those that differ there."""

    profile: dict[str, Options] = Field(default_factory=dict)
