"""What an HTTP status means for the calls of a request. No I/O."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from kanport.kanboard.faults import Fault, NoAnswer

# Seconds, a year; nobody waits so long, and a number of any length would.
_LONGEST = 31_536_000.0
_DIGITS = re.compile("[0-9]+")
_WHERE = (
    "The URL must lead to Kanboard's jsonrpc.php, for example "
    "https://kanboard.example.org/jsonrpc.php"
)


def judge_status(
    status: int,
    *,
    url: str,
    location: str | None = None,
    retry_after: str | None = None,
    token_from: str = "the settings",  # noqa: S107 -- the name of a place, not a token
    auth_header: str | None = None,
) -> NoAnswer | None:
    """Give why a response holds no answer, by its status; None if its body is to be read.

    `location` and `retry_after` are those headers as they came.
    """
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return _redirect(url, location)
    name = _name(status)
    match status:
        case 401:
            return NoAnswer(
                f"the server does not accept the token from {token_from} ({name})",
                fault=Fault.AUTH,
                hint=_token_hint(auth_header),
            )
        case 403:
            return NoAnswer(
                f"the server refuses what was asked ({name})",
                fault=Fault.FORBIDDEN,
                hint="It must be the application's token (in Kanboard: Settings > API). A firewall "
                "before the server may refuse as well.",
            )
        case 407:
            return NoAnswer(f"the proxy wants credentials ({name})", sent=False, fault=Fault.PROXY)
        case 408:
            return NoAnswer(f"the server waited too long ({name})", fault=Fault.TIMEOUT)
        case 413:
            return NoAnswer(f"the request is too large ({name})", fault=Fault.REQUEST_TOO_LARGE)
        case 429 | 503:
            return NoAnswer(
                f"the server is busy ({name})",
                fault=Fault.BUSY,
                retry_after=seconds_to_wait(retry_after, now=datetime.now(UTC)),
            )
    # 501 and 505 come from what knows no POST or none of this HTTP: no web server that runs PHP.
    if status < 500 or status in (501, 505):
        return NoAnswer(f"there is no such API ({name})", fault=Fault.NOT_FOUND, hint=_WHERE)
    return NoAnswer(f"the server failed ({name})", fault=Fault.SERVER_ERROR)


def seconds_to_wait(retry_after: str | None, *, now: datetime) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110, 10.2.3): a number or a date.

    None stands for a header that is missing or makes no sense; more than a year counts as one.

    >>> seconds_to_wait("120", now=datetime(2026, 11, 21, tzinfo=UTC))
    120.0
    >>> seconds_to_wait("Sat, 21 Nov 2026 00:00:30 GMT", now=datetime(2026, 11, 21, tzinfo=UTC))
    30.0
    """
    text = (retry_after or "").strip(" \t")
    if _DIGITS.fullmatch(text):
        return min(float(text), _LONGEST)
    try:
        date = parsedate_to_datetime(text)
        if date.tzinfo is None:
            date = date.replace(tzinfo=UTC)
        return min(max(0.0, (date - now).total_seconds()), _LONGEST)
    except (ValueError, OverflowError, TypeError, IndexError):
        # Years, hours and zones of any length come out of the parser as they please.
        return None


def _name(status: int) -> str:
    try:
        return f"HTTP {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"HTTP {status}"


def _token_hint(auth_header: str | None) -> str:
    if auth_header:
        return (
            "Compare it with the one in Kanboard: Settings > API. The server's setting "
            f"API_AUTHENTICATION_HEADER must be {auth_header} too."
        )
    return (
        "Compare it with the one in Kanboard: Settings > API. Where PHP runs as FastCGI behind "
        "Apache, the Authorization header may get lost: see --auth-header."
    )


def _redirect(url: str, location: str | None) -> NoAnswer:
    hint = _WHERE
    if location is None:
        why = "the server redirects to nowhere"
    else:
        here, there = urlsplit(url), _parts(url, location)
        if there is None:
            why = "the server redirects to an address that is none"
        elif there[1] == here.hostname:
            scheme, host, path = there
            why = f"the server redirects to {scheme}://{host}{path}"
            hint = "Use that address, if it is Kanboard's; redirects are never followed."
        else:
            why = f"the server redirects to another host ({there[1]}); nothing was sent there"
            hint = f"Is a login page or a portal in front of Kanboard? {_WHERE}"
    return NoAnswer(why, fault=Fault.REDIRECT, hint=hint)


def _parts(url: str, location: str) -> tuple[str, str, str] | None:
    # Without credentials and query, which may hold secrets of a login.
    try:
        parts = urlsplit(urljoin(url, location))
        port = parts.port
    except ValueError:
        return None
    # A name of the DNS has at most 253 characters.
    if not parts.hostname or len(parts.hostname) > 253 or not location.isprintable():
        return None
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return (
        parts.scheme,
        parts.hostname,
        (f":{port}" if port not in (None, default) else "") + parts.path[:200],
    )
