"""One request to the server's API, one response or the reason why there is none.

Certificates are verified, no redirect is followed, no credential comes from anywhere but the
settings, each exchange has a deadline and a size (`kanport.exchange`), and whatever goes wrong
becomes one of a small closed set of faults.
"""

import base64
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

from kanport import __version__
from kanport.config.settings import Settings
from kanport.errors import ConfigInvalid
from kanport.exchange import (
    ACCEPT_ENCODING,
    AnswerBroken,
    AnswerTooLarge,
    Connections,
    proxy_for,
    read_body,
)
from kanport.facts import Fact, Param, fact
from kanport.files import open_regular
from kanport.kanboard.faults import Fault, NoAnswer
from kanport.network import Deadline, shown_size


class Transport:
    """An open way to the server. Safe to use from several threads; close it after use."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Make ready; no connection is made yet. Raises ConfigInvalid for a broken CA file."""
        self._settings = settings
        self._clock = clock
        self._headers = httpx.Headers(_headers(settings))
        self._url: httpx.URL | None = None
        times = settings.timeouts
        self._times = {
            "connect": times.connect,
            "read": times.read,
            "write": times.write,
            "pool": times.pool,
        }
        try:
            self._http = Connections(tls_context(settings), proxy_for(settings.url))
        except (ImportError, ValueError, httpx.InvalidURL) as error:
            # The text of these may hold the credentials of the proxy.
            raise ConfigInvalid(
                "the proxy that the environment names cannot be used",
                hint="look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY: http:// and https:// proxies "
                "work. NO_PROXY names the hosts that need none",
            ) from error

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def post(self, body: bytes) -> str | NoAnswer:
        """Send one request; return the text of its response, or why there is none."""
        limit = self._settings.answer_limit
        deadline = Deadline(self._settings.timeouts.total, clock=self._clock)
        try:
            # Made here, where it is known what to do about one that cannot be used.
            self._url = self._url or httpx.URL(self._settings.url)
            with self._http.exchange(
                self._url, body, self._headers, times=self._times, deadline=deadline
            ) as response:
                verdict = judge_status(
                    response.status_code,
                    url=self._settings.url,
                    location=response.headers.get("location"),
                    retry_after=response.headers.get("retry-after"),
                    token_from=self._settings.token_from,
                    auth_header=self._settings.auth_header,
                )
                if verdict is not None:
                    return verdict
                content = read_body(response, limit, deadline)
        except AnswerTooLarge:
            why = fact("answer-too-large", limit=shown_size(limit))
            return NoAnswer(why, fault=Fault.ANSWER_TOO_LARGE)
        except AnswerBroken as broken:
            return NoAnswer(broken.why, fault=Fault.NOT_JSON)
        except (httpx.InvalidURL, UnicodeError):
            # A host that is no name; the latter comes from Python's own look-up.
            return NoAnswer(fact("request-failed", case="url"), sent=False, fault=Fault.REQUEST)
        except httpx.HTTPError as error:
            return _fault_of(error, self._settings, overdue=deadline.over)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return NoAnswer(fact("answer-broken", case="encoding"), fault=Fault.NOT_JSON)


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Return the rules for verifying the server: the system's CAs and, if named, a private one.

    Where nothing on the way uses TLS, the CAs, which take as long to load as a small plan takes to
    make, are not loaded, and nobody is trusted.
    """
    addresses = (settings.url, proxy_for(settings.url) or "")
    if settings.ca_file is not None or any(one.lower().startswith("https:") for one in addresses):
        context = ssl.create_default_context()
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ca_file is not None:
        try:
            open_regular(settings.ca_file).close()
            context.load_verify_locations(cafile=settings.ca_file)
        except (ssl.SSLError, OSError) as error:
            raise ConfigInvalid(
                f"the certificate file {settings.ca_file} cannot be used",
                hint="it must hold the certificate of the authority (CA) in PEM form: text that "
                "begins with -----BEGIN CERTIFICATE-----",
            ) from error
    return context


def _headers(settings: Settings) -> dict[str, str]:
    secret = base64.b64encode(f"jsonrpc:{settings.token.get_secret_value()}".encode()).decode()
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": ACCEPT_ENCODING,
        "Content-Type": "application/json",
        "User-Agent": f"kanport/{__version__}",
    }
    if settings.auth_header:
        return {**headers, settings.auth_header: secret}
    return {**headers, "Authorization": f"Basic {secret}"}


def _fault_of(error: httpx.HTTPError, settings: Settings, *, overdue: bool) -> NoAnswer:
    place = urlsplit(settings.url).netloc
    times = settings.timeouts
    match error:
        case httpx.ConnectTimeout():
            return _not_connected("slow", place=place, seconds=times.connect)
        case httpx.PoolTimeout():
            return _not_connected("none-free")
        case httpx.ConnectError():
            return _connect_fault(error, place)
        case httpx.ProxyError():
            return NoAnswer(fact("proxy-failed"), sent=False, fault=Fault.PROXY)
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol():
            return NoAnswer(fact("request-failed"), sent=False, fault=Fault.REQUEST)
        case httpx.TimeoutException() if overdue:
            why = fact("no-answer-in-time", case="in-all", seconds=times.total)
            return NoAnswer(why, fault=Fault.TIMEOUT)
        case httpx.TimeoutException():
            waited = times.write if isinstance(error, httpx.WriteTimeout) else times.read
            return NoAnswer(fact("no-answer-in-time", seconds=waited), fault=Fault.TIMEOUT)
    return NoAnswer(fact("connection-ended"), fault=Fault.RESET)


def _connect_fault(error: httpx.ConnectError, place: str) -> NoAnswer:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return _tls_fault(cause, place)
        if isinstance(cause, socket.gaierror):
            return _not_connected("unknown-host", place=place)
        if isinstance(cause, ConnectionRefusedError):
            return _not_connected("refused", place=place)
    return _not_connected("", place=place)


def _not_connected(case: str, **params: Param) -> NoAnswer:
    return NoAnswer(fact("no-connection", case=case, **params), sent=False, fault=Fault.CONNECT)


def _tls_fault(error: ssl.SSLError, place: str) -> NoAnswer:
    if not isinstance(error, ssl.SSLCertVerificationError):
        why = fact("tls-failed", case="no-tls", place=place)
        return NoAnswer(why, sent=False, fault=Fault.TLS)
    # The numbers are those of X509_V_ERR_… in OpenSSL.
    case = {10: "expired", 62: "other-name", 64: "other-name"}.get(error.verify_code, "")
    why = fact("tls-failed", case=case, place=place, problem=error.verify_message.rstrip("."))
    return NoAnswer(why, sent=False, fault=Fault.TLS)


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


# --- what an HTTP status means for the calls of a request. No I/O ---------------------------------

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
