"""Every setting, the token of the server, and how to reach the server with them.

`kanport.config.file` finds the value of a setting in flags, environment or file. Here each setting
says what its values mean, and `settings_of` makes the settings of a connection from them.
"""

import math
import os
import re
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from kanport.config.address import EXAMPLE, is_loopback, normalize_url
from kanport.config.file import Layers, Setting, Sourced
from kanport.config.secrets import TokenReference, from_stdin, one_line, read_reference, where
from kanport.errors import ConfigInvalid
from kanport.files import open_regular, read_secret
from kanport.network import LONGEST_EXCHANGE
from kanport.records import dataclass

# Of RFC 9110: what a header's name may consist of.
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_SPAN = re.compile(
    r"(?:([0-9]{1,4})d)?(?:([0-9]{1,4})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s?)?", re.ASCII
)
_LONGEST_SPAN = 30 * 86_400
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


def _text(value: Any, name: str) -> str:
    return str(value)


def _path(value: Any, name: str) -> Path:
    return Path(value)


def _ca_file(value: Any, name: str) -> Path:
    path = Path(value)
    try:
        with open_regular(path):
            return path
    except OSError as error:
        raise ConfigInvalid(
            f"the certificate file {path} cannot be read: {error.strerror or error}"
        ) from error


def _header(value: Any, name: str) -> str:
    text = str(value)
    if not _HEADER_NAME.fullmatch(text) or text.lower() in _TAKEN_HEADERS:
        raise ConfigInvalid(
            f"{text!r} cannot be the header that carries the credentials",
            hint="give the name that the server's API_AUTHENTICATION_HEADER has: mostly X-API-Auth",
        )
    return text


def _switch(value: Any, name: str) -> bool:
    text = str(value).lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    raise ConfigInvalid(f"{name} is {str(value)!r}: it must be 1 or 0")


def _number(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _whole(least: int, most: int | None = None) -> Callable[[Any, str], int]:
    """Return a reader of whole numbers from `least` to `most`."""
    allowed = f" from {least} to {most}" if most is not None else f", {least} or more"

    def read(value: Any, name: str) -> int:
        try:
            number = int(value)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise ConfigInvalid(f"{name} is {value}: it must be a whole number{allowed}")
        return number

    return read


def _seconds(value: Any, name: str) -> float:
    seconds = _number(value)
    if not 0 < seconds <= 86_400:
        raise ConfigInvalid(f"{name} is {value}: it must be seconds, more than 0, at most a day")
    return seconds


def _duration(value: Any, name: str) -> float:
    """Return seconds; 0 for `off`."""
    text = str(value).strip().lower()
    if text == "off":
        return 0.0
    if isinstance(value, int | float) and 0 <= value <= _LONGEST_SPAN:
        return float(value)
    found = _SPAN.fullmatch(text)
    parts = [int(part) if part else 0 for part in found.groups()] if found else []
    days, hours, minutes, seconds = parts or (0, 0, 0, 0)
    span = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if not 0 < span <= _LONGEST_SPAN:
        raise ConfigInvalid(
            f"{name} is {value}: it must be a time such as 90m, 2h, 1h30m or 1d, at most 30 days,"
            " or off"
        )
    return float(span)


def _rate(value: Any, name: str) -> float:
    rate = _number(value)
    if not 0 < rate < math.inf:
        raise ConfigInvalid(f"{name} is {value}: it must be calls a second, more than 0")
    return rate


def _log_format(value: Any, name: str) -> str:
    if value not in ("text", "json"):
        raise ConfigInvalid(f"{name} is {value!r}: it must be text or json")
    return str(value)


URL = Setting("url", _text)
CA_FILE = Setting("ca_file", _ca_file, default_is="the authorities that the system trusts")
ALLOW_HTTP = Setting("allow_http", _switch, default=False)
AUTH_HEADER = Setting("auth_header", _header, default_is="Authorization, as HTTP Basic")
TIMEOUT = Setting("timeout", _seconds, default_is="120 seconds of silence", unit="seconds")
REQUEST_TIMEOUT = Setting("request_timeout", _seconds, default=LONGEST_EXCHANGE, unit="seconds")
DEADLINE = Setting(
    "deadline", _duration, default_is="24h for sync, none for apply and resume", unit="seconds"
)
BATCH_SIZE = Setting(
    "batch_size", _whole(1, 5_000), default_is="what the server answers in a second"
)
MOST_CONNECTIONS = 64
CONNECTIONS = Setting("connections", _whole(1, MOST_CONNECTIONS), default=8)
RATE = Setting("rate", _rate, default_is="no limit", unit="calls per second")
MAX_ERRORS = Setting("max_errors", _whole(0), default_is="no limit")
STATE = Setting("state", _path, default_is="kanport in XDG_STATE_HOME or ~/.local/state")
LOG_FORMAT = Setting("log_format", _log_format, default="text")
LOG_FILE = Setting("log_file", _path, default_is="stderr")
STATUS = Setting("status", _path, default_is="none")
PROMETHEUS = Setting("prometheus", _path, default_is="none")

SETTINGS: tuple[Setting[Any], ...] = (
    URL,
    CA_FILE,
    ALLOW_HTTP,
    AUTH_HEADER,
    TIMEOUT,
    REQUEST_TIMEOUT,
    DEADLINE,
    BATCH_SIZE,
    CONNECTIONS,
    RATE,
    MAX_ERRORS,
    STATE,
    LOG_FORMAT,
    LOG_FILE,
    STATUS,
    PROMETHEUS,
)

# --- the server's token: out of the place that is named first, by flag, environment or file -------


class Token(NamedTuple):
    """A token, and where it came from, in words for messages."""

    value: SecretStr
    origin: str


def find_token(layers: Layers, stdin: Callable[[], str] | None = None) -> Token:
    """Return the token that flags name, else the environment, else the configuration file.

    `stdin` reads standard input where the token may come from there. Raises ConfigInvalid for a
    file that others can reach, for two tokens in one layer, and for none at all. No message holds
    any part of a token.
    """
    environ = layers.environ
    path, piped = layers.flags.get("token_file"), layers.flags.get("token_stdin")
    if path and piped:
        raise ConfigInvalid("--token-file and --token-stdin are both given; only one can be meant")
    if piped:
        if stdin is None:
            raise ConfigInvalid("the token cannot be read from standard input here")
        return Token(
            one_line(from_stdin(stdin, "token"), "token", "standard input"),
            "standard input (--token-stdin)",
        )
    if path:
        return _from_file(Path(path), f"the file {os.fspath(path)} (--token-file)")
    if given := layers.flags.get("token"):
        place = "the token given to connect"
        return Token(one_line(given, "token", place), place)
    text, named = environ.get("KANPORT_TOKEN"), environ.get("KANPORT_TOKEN_FILE")
    if text and named:
        raise ConfigInvalid(
            "KANPORT_TOKEN and KANPORT_TOKEN_FILE are both set, and only one can be meant",
            hint="unset one of them, or name the file with --token-file, which beats both",
        )
    if named:
        return _from_file(Path(named), f"the file {named} (KANPORT_TOKEN_FILE)")
    if text:
        return Token(one_line(text, "token", "KANPORT_TOKEN"), "KANPORT_TOKEN")
    return _configured(layers, stdin) or _refuse(layers)


def _configured(layers: Layers, stdin: Callable[[], str] | None) -> Token | None:
    placed = layers.file.values.get("token")
    if placed is None or layers.file.path is None:
        return None
    reference: TokenReference = placed.value
    value = read_reference(
        reference, "token", environ=layers.environ, base=layers.file.path.parent, stdin=stdin
    )
    return Token(value, f"{where(reference)} ({placed.origin})")


def _refuse(layers: Layers) -> Token:
    raise ConfigInvalid(
        "there is no token for the server",
        hint="Kanboard shows it under Settings > API. Put it in a file that only you can read, and "
        "name that with KANPORT_TOKEN_FILE; or set KANPORT_TOKEN",
        details=(
            "looked at --token-file: not given",
            "looked at --token-stdin: not given",
            "looked at KANPORT_TOKEN: not set",
            "looked at KANPORT_TOKEN_FILE: not set",
            *layers.file_lines("token"),
        ),
    )


def _from_file(path: Path, origin: str) -> Token:
    return Token(one_line(read_secret(path, "token"), "token", f"the file {path}"), origin)


# --- which server, with which token, and how to talk to it: from flags, environment or a file -----

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
        """The warning about an unsafe connection; None for a safe one."""
        parts = urlsplit(self.url)
        if parts.scheme == "https" or is_loopback(parts.hostname or ""):
            return None
        return (
            f"The connection to {parts.hostname} is not encrypted: the token and every new "
            "password can be read on the way."
        )


def settings_of(layers: Layers, stdin: Callable[[], str] | None = None) -> Settings:
    """Return the settings of the server.

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
                f"the token from {token.origin} holds a colon; sent in the header {header}, "
                "Kanboard would read it only up to there",
                hint="use HTTP Basic (no --auth-header), or a token without a colon",
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
        f"the connection to the server is not set up: {len(problems)} problems", details=details
    )


def _url(layers: Layers, *, allow_http: bool) -> str:
    text = layers.take(URL).value
    if not text:
        raise ConfigInvalid(
            "no server is named",
            hint=f"set KANPORT_URL or give --url, for example {EXAMPLE}",
            details=layers.looked_at(URL),
        )
    return normalize_url(text, allow_http=allow_http)
