"""Every setting but the token, in the order in which `kanport config show` tells them."""

import math
import re
from pathlib import Path
from typing import Any

from kanport.config.layers import Setting
from kanport.errors import ConfigInvalid

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


def _text(value: Any, name: str) -> str:
    return str(value)


def _path(value: Any, name: str) -> Path:
    return Path(value)


def _ca_file(value: Any, name: str) -> Path:
    path = Path(value)
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ConfigInvalid(
            f"The certificate file {path} cannot be read: {error.strerror or error}."
        ) from error


def _header(value: Any, name: str) -> str:
    text = str(value)
    if not _HEADER_NAME.fullmatch(text) or text.lower() in _TAKEN_HEADERS:
        raise ConfigInvalid(
            f"{text!r} cannot be the header that carries the credentials.",
            hint="Give the name that the server's API_AUTHENTICATION_HEADER has: mostly X-API-Auth",
        )
    return text


def _switch(value: Any, name: str) -> bool:
    text = str(value).lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    raise ConfigInvalid(f"{name} is {str(value)!r}: it must be 1 or 0.")


def _number(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _whole(value: Any) -> int | None:
    try:
        return int(value)
    except ValueError:
        return None


def _seconds(value: Any, name: str) -> float:
    seconds = _number(value)
    if not 0 < seconds <= 86_400:
        raise ConfigInvalid(f"{name} is {value}: it must be seconds, more than 0, at most a day.")
    return seconds


def _batch_size(value: Any, name: str) -> int:
    size = _whole(value)
    if size is None or not 1 <= size <= 5_000:
        raise ConfigInvalid(f"{name} is {value}: it must be a whole number from 1 to 5000.")
    return size


def _connections(value: Any, name: str) -> int:
    number = _whole(value)
    if number is None or not 1 <= number <= 64:
        raise ConfigInvalid(f"{name} is {value}: it must be a whole number from 1 to 64.")
    return number


def _rate(value: Any, name: str) -> float:
    rate = _number(value)
    if not 0 < rate < math.inf:
        raise ConfigInvalid(f"{name} is {value}: it must be calls a second, more than 0.")
    return rate


def _max_errors(value: Any, name: str) -> int:
    number = _whole(value)
    if number is None or number < 0:
        raise ConfigInvalid(f"{name} is {value}: it must be a whole number, 0 or more.")
    return number


def _log_format(value: Any, name: str) -> str:
    if value not in ("text", "json"):
        raise ConfigInvalid(f"{name} is {value!r}: it must be text or json.")
    return str(value)


URL = Setting("url", _text)
CA_FILE = Setting("ca_file", _ca_file, default_is="the authorities that the system trusts")
ALLOW_HTTP = Setting("allow_http", _switch, default=False)
AUTH_HEADER = Setting("auth_header", _header, default_is="Authorization, as HTTP Basic")
TIMEOUT = Setting("timeout", _seconds, default_is="120 seconds of silence")
BATCH_SIZE = Setting("batch_size", _batch_size, default_is="what the server answers in a second")
CONNECTIONS = Setting("connections", _connections, default=8)
RATE = Setting("rate", _rate, default_is="no limit")
MAX_ERRORS = Setting("max_errors", _max_errors, default_is="no limit")
STATE = Setting("state", _path, default_is="kanport in the state folder of the user")
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
