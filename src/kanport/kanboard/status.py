"""What an HTTP status means for the calls of a request. No I/O."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urljoin, urlsplit

from kanport.facts import Fact, fact
from kanport.kanboard.faults import Fault, NoAnswer

# Seconds, a year; nobody waits so long, and a number of any length would.
_LONGEST = 31_536_000.0
_DIGITS = re.compile("[0-9]+")


def judge_status(
    status: int,
    *,
    url: str,
    location: str | None = None,
    retry_after: str | None = None,
    token_from: str = "the settings",  # noqa: S107 -- the name of a place, not a token
    auth_header: str | None = None,
) -> NoAnswer | None:
    """Return why a response holds no answer, by its status; None if its body is to be read.

    `location` and `retry_after` are those headers as they came.
    """
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return _redirect(url, location)
    name = _name(status)
    match status:
        case 401 if auth_header:
            why = fact(
                "token-rejected", case="header", place=token_from, status=name, header=auth_header
            )
            return NoAnswer(why, fault=Fault.AUTH)
        case 401:
            why = fact("token-rejected", place=token_from, status=name)
            return NoAnswer(why, fault=Fault.AUTH)
        case 403:
            return NoAnswer(fact("request-forbidden", status=name), fault=Fault.FORBIDDEN)
        case 407:
            why = fact("proxy-failed", case="credentials", status=name)
            return NoAnswer(why, sent=False, fault=Fault.PROXY)
        case 408:
            why = fact("no-answer-in-time", case="waited", status=name)
            return NoAnswer(why, fault=Fault.TIMEOUT)
        case 413:
            return NoAnswer(fact("request-too-large", status=name), fault=Fault.REQUEST_TOO_LARGE)
        case 429 | 503:
            return NoAnswer(
                fact("server-busy", status=name),
                fault=Fault.BUSY,
                retry_after=seconds_to_wait(retry_after, now=datetime.now(UTC)),
            )
    # 501 and 505 come from what knows no POST or none of this HTTP: no web server that runs PHP.
    if status < 500 or status in (501, 505):
        return NoAnswer(fact("no-such-api", status=name), fault=Fault.NOT_FOUND)
    return NoAnswer(fact("server-failed", status=name), fault=Fault.SERVER_ERROR)


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


def _redirect(url: str, location: str | None) -> NoAnswer:
    return NoAnswer(_redirected(url, location), fault=Fault.REDIRECT)


def _redirected(url: str, location: str | None) -> Fact:
    if location is None:
        return fact("redirected", case="nowhere")
    here, there = urlsplit(url), _parts(url, location)
    if there is None:
        return fact("redirected", case="no-address")
    scheme, host, path = there
    if host == here.hostname:
        return fact("redirected", case="address", url=f"{scheme}://{host}{path}")
    return fact("redirected", case="host", host=host)


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
