"""Which server, with which token, and how to talk to it: from flags, else from the environment."""

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from kanport.config.address import EXAMPLE, is_loopback, normalize_url
from kanport.config.token import find_token
from kanport.errors import ConfigInvalid

__all__ = ["Settings", "Timeouts", "is_loopback", "normalize_url", "resolve_settings"]

T = TypeVar("T")

# Of RFC 9110: what a header's name may consist of.
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# Headers that already mean something else in every request.
_TAKEN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "transfer-encoding",
        "user-agent",
    }
)


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds, before an attempt is given up.

    `read` is the longest silence of the server while it works; `total` bounds one whole answer, so
    that a server which drips cannot hold a run for ever.
    """

    connect: float = 10.0
    read: float = 120.0
    write: float = 60.0
    pool: float = 30.0
    total: float = 900.0


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
    batch_size: int | None = None,
    environ: Mapping[str, str],
) -> Settings:
    """Give the settings: what a flag gave (not None), else what the environment says.

    The environment knows KANPORT_URL, KANPORT_TOKEN, KANPORT_TOKEN_FILE, KANPORT_CA_FILE,
    KANPORT_ALLOW_HTTP, KANPORT_AUTH_HEADER, KANPORT_TIMEOUT (seconds without an answer) and
    KANPORT_BATCH_SIZE; an empty variable counts as not set. Raises ConfigInvalid that names
    everything that is missing or wrong at once.
    """
    problems: list[ConfigInvalid] = []

    def attempt(take: Callable[[], T]) -> T | None:
        try:
            return take()
        except ConfigInvalid as problem:
            problems.append(problem)
            return None

    http = attempt(lambda: allow_http or _switch("KANPORT_ALLOW_HTTP", environ))
    # Where the switch itself cannot be read, the URL is not blamed for it as well.
    http_allowed = True if http is None else http
    where = attempt(lambda: _url(url, environ, allow_http=http_allowed))
    token = attempt(lambda: find_token(token_file, environ))
    header = attempt(lambda: _header(auth_header or environ.get("KANPORT_AUTH_HEADER")))
    certificate = attempt(lambda: _ca_file(ca_file or environ.get("KANPORT_CA_FILE")))
    read = attempt(lambda: _seconds(timeout, environ))
    size = attempt(lambda: _batch_size(batch_size, environ))
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
        timeouts=Timeouts(read=read, total=max(Timeouts.total, read)) if read else Timeouts(),
        batch_size=size,
    )


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


def _url(given: str | None, environ: Mapping[str, str], *, allow_http: bool) -> str:
    text = given or environ.get("KANPORT_URL")
    if not text:
        raise ConfigInvalid(
            "No server is named.",
            hint=f"Set KANPORT_URL or give --url, for example {EXAMPLE}",
            details=("looked at --url: not given", "looked at KANPORT_URL: not set"),
        )
    return normalize_url(text, allow_http=allow_http)


def _header(name: str | None) -> str | None:
    if not name:
        return None
    if not _HEADER_NAME.fullmatch(name) or name.lower() in _TAKEN_HEADERS:
        raise ConfigInvalid(
            f"{name!r} cannot be the header that carries the credentials.",
            hint="Give the name that the server's API_AUTHENTICATION_HEADER has: mostly X-API-Auth",
        )
    return name


def _ca_file(path: str | os.PathLike[str] | None) -> Path | None:
    if not path:
        return None
    try:
        with Path(path).open("rb"):
            return Path(path)
    except OSError as error:
        raise ConfigInvalid(
            f"The certificate file {os.fspath(path)} cannot be read: {error.strerror or error}."
        ) from error


def _seconds(given: float | None, environ: Mapping[str, str]) -> float | None:
    text = environ.get("KANPORT_TIMEOUT")
    name = "KANPORT_TIMEOUT" if given is None else "--timeout"
    if given is None and not text:
        return None
    try:
        seconds = float(text or "") if given is None else given
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 86_400:
        shown = text if given is None else given
        raise ConfigInvalid(f"{name} is {shown}: it must be seconds, more than 0, at most a day.")
    return seconds


def _batch_size(given: int | None, environ: Mapping[str, str]) -> int | None:
    text = environ.get("KANPORT_BATCH_SIZE")
    name = "KANPORT_BATCH_SIZE" if given is None else "--batch-size"
    if given is None and not text:
        return None
    try:
        size = int(text or "") if given is None else given
    except ValueError:
        size = 0
    if not 1 <= size <= 5_000:
        shown = text if given is None else given
        raise ConfigInvalid(f"{name} is {shown}: it must be a whole number from 1 to 5000.")
    return size


def _switch(name: str, environ: Mapping[str, str]) -> bool:
    text = environ.get(name, "").lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("", "0", "false", "no", "off"):
        return False
    raise ConfigInvalid(f"{name} is {text!r}: it must be 1 or 0.")
