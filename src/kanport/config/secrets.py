"""What `kanport.toml` may say, and the secrets that it refers to.

The file is read strictly: an unknown key is an error with its place. A secret never stands in it;
it is in the environment, a file, the keyring or standard input.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    Field,
    SecretStr,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    field_validator,
)
from pydantic_core import PydanticCustomError

from kanport.errors import ConfigInvalid
from kanport.files import LONGEST_SECRET, at_home, read_secret
from kanport.mapping.base import TABLE, TEXT, Strict, Table, Text, by_shape, problem

When = Literal["failure", "change", "always"]
Seconds = Annotated[StrictInt | StrictFloat, Field(gt=0, le=86_400)]
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")
_EXAMPLE = '{file = "/etc/kanport/token"}, {env = "NAME"} or {keyring = {…}}'


class Keyring(Strict):
    """An entry of the keyring of the system."""

    service: Text
    username: Text


class SettingSecret(Strict):
    """Where to find a secret; the configuration itself never contains one."""

    env: Text | None = None
    file: Text | None = None
    keyring: Keyring | None = None

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Yield the problem unless exactly one way is named."""
        if len(raw.keys() & {"env", "file", "keyring", "stdin"}) != 1:
            yield problem("needs exactly one way to find the secret", hint=_EXAMPLE)


class TokenReference(SettingSecret):
    """Where to find the token; only the token may come from standard input."""

    stdin: Literal[True] | None = None


def _no_secret(value: Any) -> Any:
    if not isinstance(value, dict):
        raise problem("must say where the secret stands, never the secret itself", hint=_EXAMPLE)
    return value


_Url = Annotated[
    Annotated[Text, Tag(TEXT)] | Annotated[SettingSecret, Tag(TABLE)],
    by_shape("must be a URL, or a table that says where it stands"),
]


class Webhook(Strict):
    """An address that gets each notice as JSON; `token` is sent as a bearer token."""

    url: _Url
    token: SettingSecret | None = None
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
    password: SettingSecret | None = None
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
        """Yield the problem of an incomplete login."""
        if ("username" in raw) != ("password" in raw):
            yield problem("needs both username and password for a login, or neither")


class Notify(Strict):
    """Who gets notices, and of which runs: failed ones, those with changes, or all."""

    on: When = "failure"
    webhook: Webhook | None = None
    email: Email | None = None


class FileSettings(Strict):
    """The settings, named like the flags and the variables of the environment."""

    elsewhere: ClassVar[Mapping[str, str]] = {
        "token_file": 'write token = {file = "/etc/kanport/token"}',
        "token_stdin": "write token = {stdin = true}",
    }

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


class ConfigFile(FileSettings):
    """The whole file: settings, and under each profile's name those that differ there."""

    profile: dict[str, FileSettings] = Field(default_factory=dict)


# --- secrets by reference: out of the environment, a file, the keyring or standard input ----------


def where(reference: SettingSecret) -> str:
    """Return in words where a secret is; read nothing.

    >>> where(SettingSecret(env="SMTP_PASSWORD"))
    'the environment variable SMTP_PASSWORD'
    """
    if reference.env is not None:
        return f"the environment variable {reference.env}"
    if reference.file is not None:
        return f"the file {reference.file}"
    if reference.keyring is not None:
        return f"the keyring entry {reference.keyring.service}/{reference.keyring.username}"
    return "standard input"


def read_reference(
    reference: SettingSecret,
    what: str,
    *,
    environ: Mapping[str, str],
    base: Path,
    stdin: Callable[[], str] | None = None,
) -> SecretStr:
    """Read the secret (`what`: token, password) of a reference, without its line end.

    A file is relative to `base`, and refused where others can read it. Raises ConfigInvalid; no
    message holds any part of a secret.
    """
    origin = where(reference)
    if reference.env is not None:
        text = environ.get(reference.env)
        if text is None:
            raise ConfigInvalid(
                f"there is no {what}: {origin} is not set",
                hint=f'export {reference.env}=…, or name a file: {{file = "PATH"}}',
            )
    elif reference.file is not None:
        text = read_secret(base / at_home(reference.file), what)
    elif reference.keyring is not None:
        text = _from_keyring(reference.keyring, what)
    elif isinstance(reference, TokenReference) and stdin is not None:
        text = from_stdin(stdin, what)
    else:
        raise ConfigInvalid(f"the {what} cannot be read from standard input here")
    return one_line(text, what, origin)


def from_stdin(read: Callable[[], str], what: str) -> str:
    """Read a secret from standard input; raise ConfigInvalid if it is too long."""
    try:
        text = read()
    except (OSError, ValueError):
        raise ConfigInvalid(f"the {what} cannot be read from standard input") from None
    if len(text) > LONGEST_SECRET:
        raise ConfigInvalid(f"standard input holds more than a {what}")
    return text


def one_line(text: str, what: str, origin: str) -> SecretStr:
    """Return a secret without its line end; raise ConfigInvalid for anything else."""
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise ConfigInvalid(f"the {what} from {origin} is empty")
    if not text.isprintable():
        raise ConfigInvalid(
            f"the {what} from {origin} holds line breaks or control characters",
            hint=f"it must be one line with nothing but the {what}",
        )
    return SecretStr(text)


def _from_keyring(entry: Keyring, what: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise ConfigInvalid(
            f"the {what} is to come from the keyring, and Kanport was installed without that",
            hint='in a clone: pip install ".[keyring]"; or name a file or a variable instead',
        ) from None
    name = f"{entry.service}/{entry.username}"
    try:
        text = keyring.get_password(entry.service, entry.username)
    except KeyringError as wrong:
        raise ConfigInvalid(
            f"the keyring entry {name} cannot be read: {type(wrong).__name__}",
            hint="a keyring belongs to somebody who is logged in; at night, name a file instead",
        ) from None
    if text is None:
        raise ConfigInvalid(
            f"there is no {what}: the keyring has no entry {name}",
            hint=f"keyring set {entry.service} {entry.username}",
        )
    return str(text)
