"""Every setting but the token, in the order in which `kanport config show` tells them."""

import math
import re
from pathlib import Path
from typing import Any

from kanport.config.layers import Setting
from kanport.errors import ConfigInvalid
from kanport.files import open_regular
from kanport.network import LONGEST_EXCHANGE

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
            " or off."
        )
    return float(span)


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
REQUEST_TIMEOUT = Setting("request_timeout", _seconds, default=LONGEST_EXCHANGE)
DEADLINE = Setting("deadline", _duration, default_is="24h for sync, none for apply and resume")
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
