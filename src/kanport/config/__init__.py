"""Which server, with which token, and how to talk to it: from flags, environment or a file."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from kanport.config.address import (
    EXAMPLE,
    canonical_url,
    is_loopback,
    normalize_url,
    port_of,
)
from kanport.config.catalogue import (
    ALLOW_HTTP,
    AUTH_HEADER,
    BATCH_SIZE,
    CA_FILE,
    REQUEST_TIMEOUT,
    TIMEOUT,
    URL,
)
from kanport.config.file import NOTHING, Configuration, load_configuration
from kanport.config.layers import Layers, Sourced
from kanport.config.token import find_token
from kanport.errors import ConfigInvalid
from kanport.network import LONGEST_EXCHANGE

__all__ = [
    "Configuration",
    "Layers",
    "Settings",
    "Timeouts",
    "canonical_url",
    "is_loopback",
    "load_configuration",
    "normalize_url",
    "port_of",
    "resolve_settings",
    "settings_of",
]

T = TypeVar("T")


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds, before an attempt is given up.

    `read` is the longest silence of the server while it works; `total` bounds one whole exchange,
    from the look-up of the name to the last byte, so that a server which drips cannot hold a run
    forever.
    """

    connect: float = 10.0
    read: float = 120.0
    write: float = 60.0
    pool: float = 30.0
    total: float = LONGEST_EXCHANGE


@dataclass(frozen=True)
class Settings:
    """How to reach the server. `url` ends in /jsonrpc.php; the token never shows in a repr.

    `token_from` names where the token came from, for messages. `auth_header` is the header that
    carries the credentials in place of HTTP Basic (Kanboard's API_AUTHENTICATION_HEADER).
    `batch_size` fixes the number of calls in one request; `answer_limit` is in bytes.
    """

    url: str
    token: SecretStr
    token_from: str = "the settings"  # noqa: S105 -- the name of a place, not a token
    ca_file: Path | None = None
    allow_http: bool = False
    auth_header: str | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    batch_size: int | None = None
    answer_limit: int = 256 * 1024 * 1024

    @property
    def warning(self) -> str | None:
        """What to tell the user once about an unsafe connection; None if it is a safe one."""
        parts = urlsplit(self.url)
        if parts.scheme == "https" or is_loopback(parts.hostname or ""):
            return None
        return (
            f"The connection to {parts.hostname} is not encrypted: the token and every new "
            "password can be read on the way."
        )


def resolve_settings(
    *,
    url: str | None = None,
    token_file: str | os.PathLike[str] | None = None,
    ca_file: str | os.PathLike[str] | None = None,
    allow_http: bool = False,
    auth_header: str | None = None,
    timeout: float | None = None,
    request_timeout: float | None = None,
    batch_size: int | None = None,
    environ: Mapping[str, str],
    file: Configuration = NOTHING,
) -> Settings:
    """Give the settings: what an argument gave (not None), else what the environment says.

    The environment knows KANPORT_URL, KANPORT_TOKEN, KANPORT_TOKEN_FILE, KANPORT_CA_FILE,
    KANPORT_ALLOW_HTTP, KANPORT_AUTH_HEADER, KANPORT_TIMEOUT (seconds without an answer),
    KANPORT_REQUEST_TIMEOUT (seconds of one exchange in all) and KANPORT_BATCH_SIZE; an empty
    variable counts as not set. What it does not say comes from `file`, which `load_configuration`
    finds. Raises ConfigInvalid that names everything that is missing or
    wrong at once.
    """
    flags = {
        "url": url,
        "token_file": token_file,
        "ca_file": ca_file,
        "allow_http": allow_http,
        "auth_header": auth_header,
        "timeout": timeout,
        "request_timeout": request_timeout,
        "batch_size": batch_size,
    }
    return settings_of(Layers(flags, environ, file))


def settings_of(layers: Layers, stdin: Callable[[], str] | None = None) -> Settings:
    """Give the settings of the server that the layers say.

    `stdin` reads standard input, where the token may come from there. Raises ConfigInvalid that
    names everything that is missing or wrong at once.
    """
    problems: list[ConfigInvalid] = []

    def attempt(take: Callable[[], T]) -> T | None:
        try:
            return take()
        except ConfigInvalid as problem:
            problems.append(problem)
            return None

    http = attempt(lambda: bool(layers.take(ALLOW_HTTP).value))
    # Where the switch itself cannot be read, the URL is not blamed for it as well.
    http_allowed = True if http is None else http
    where = attempt(lambda: _url(layers, allow_http=http_allowed))
    token = attempt(lambda: find_token(layers, stdin))
    header = attempt(lambda: layers.take(AUTH_HEADER).value)
    certificate = attempt(lambda: layers.take(CA_FILE).value)
    read = attempt(lambda: layers.take(TIMEOUT).value)
    whole = attempt(lambda: layers.take(REQUEST_TIMEOUT))
    size = attempt(lambda: layers.take(BATCH_SIZE).value)
    if header and token and ":" in token.value.get_secret_value():
        problems.append(
            ConfigInvalid(
                f"The token from {token.origin} holds a colon; sent in the header {header}, "
                "Kanboard would read it only up to there.",
                hint="Use HTTP Basic (no --auth-header), or a token without a colon.",
            )
        )
    if problems or where is None or token is None:
        raise _together(problems)
    return Settings(
        url=where,
        token=token.value,
        token_from=token.origin,
        ca_file=certificate,
        allow_http=http_allowed,
        auth_header=header,
        timeouts=_timeouts(read, whole),
        batch_size=size,
    )


def _timeouts(read: float | None, whole: Sourced[float | None] | None) -> Timeouts:
    read = read or Timeouts.read
    if whole is None or whole.value is None or whole.origin == "default":
        # Whoever lets a server be silent for longer than that means the whole exchange as well.
        return Timeouts(read=read, total=max(Timeouts.total, read))
    return Timeouts(read=read, total=whole.value)


def _together(problems: list[ConfigInvalid]) -> ConfigInvalid:
    if len(problems) == 1:
        return problems[0]
    details: list[str] = []
    for problem in problems:
        details.append(problem.message)
        details += [f"    {line}" for line in problem.details]
        if problem.hint:
            details.append(f"    hint: {problem.hint}")
    return ConfigInvalid(
        f"The connection to the server is not set up: {len(problems)} problems.", details=details
    )


def _url(layers: Layers, *, allow_http: bool) -> str:
    text = layers.take(URL).value
    if not text:
        raise ConfigInvalid(
            "No server is named.",
            hint=f"Set KANPORT_URL or give --url, for example {EXAMPLE}",
            details=layers.looked_at(URL),
        )
    return normalize_url(text, allow_http=allow_http)
