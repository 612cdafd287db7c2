"""One request to the server's API, one response or the reason why there is none.

Certificates are verified, no redirect is followed, no credential comes from anywhere but the
settings, each exchange has a deadline and a size (`kanport.exchange`), and whatever goes wrong
becomes one of a small closed set of faults.
"""

import base64
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from kanport import __version__
from kanport.config import Settings
from kanport.errors import ConfigInvalid
from kanport.exchange import (
    ACCEPT_ENCODING,
    AnswerBroken,
    AnswerTooLarge,
    Connections,
    proxy_for,
    read_body,
)
from kanport.files import open_regular
from kanport.kanboard.faults import Fault, NoAnswer
from kanport.kanboard.status import judge_status
from kanport.network import Deadline, shown_size


class Transport:
    """An open way to the server. Safe to use from several threads; close it after use."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Make ready; no connection is made yet. Raises ConfigInvalid for a broken CA file."""
        self._settings = settings
        self._clock = clock
        self._headers = _headers(settings)
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
                "The proxy that the environment names cannot be used.",
                hint="Look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY: http:// and https:// proxies "
                "work. NO_PROXY names the hosts that need none.",
            ) from error

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def post(self, body: bytes) -> str | NoAnswer:
        """Send one request and give the text of its response, or why there is none."""
        limit = self._settings.answer_limit
        deadline = Deadline(self._settings.timeouts.total, clock=self._clock)
        try:
            with self._http.exchange(
                self._settings.url, body, self._headers, times=self._times, deadline=deadline
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
            return NoAnswer(
                f"the answer is larger than {shown_size(limit)}", fault=Fault.ANSWER_TOO_LARGE
            )
        except AnswerBroken as broken:
            return NoAnswer(str(broken), fault=Fault.NOT_JSON)
        except (httpx.InvalidURL, UnicodeError):
            # A host that is no name; the latter comes from Python's own look-up.
            return NoAnswer("the URL cannot be used", sent=False, fault=Fault.REQUEST)
        except httpx.HTTPError as error:
            return _fault_of(error, self._settings, overdue=deadline.over)
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError:
            return NoAnswer("the answer is not text in UTF-8", fault=Fault.NOT_JSON)


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Give the rules for verifying the server: the system's CAs and, if named, a private one."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ca_file is not None:
        try:
            open_regular(settings.ca_file).close()
            context.load_verify_locations(cafile=settings.ca_file)
        except (ssl.SSLError, OSError) as error:
            raise ConfigInvalid(
                f"The certificate file {settings.ca_file} cannot be used.",
                hint="It must hold the certificate of the authority (CA) in PEM form: text that "
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
            return NoAnswer(
                f"no connection to {place} within {times.connect:g} s",
                sent=False,
                fault=Fault.CONNECT,
                hint="Is the host right, and does a firewall let you through?",
            )
        case httpx.PoolTimeout():
            return NoAnswer("no connection got free in time", sent=False, fault=Fault.CONNECT)
        case httpx.ConnectError():
            return _connect_fault(error, place)
        case httpx.ProxyError():
            return NoAnswer(
                "the proxy on the way refused",
                sent=False,
                fault=Fault.PROXY,
                hint="Look at HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.",
            )
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol():
            return NoAnswer("the request could not be written", sent=False, fault=Fault.REQUEST)
        case httpx.TimeoutException() if overdue:
            return NoAnswer(
                f"the answer took longer than {times.total:g} s in all",
                fault=Fault.TIMEOUT,
                hint="Where the server needs so long, raise --request-timeout.",
            )
        case httpx.TimeoutException():
            waited = times.write if isinstance(error, httpx.WriteTimeout) else times.read
            return NoAnswer(f"no answer within {waited:g} s", fault=Fault.TIMEOUT)
    return NoAnswer("the connection ended before the answer did", fault=Fault.RESET)


def _connect_fault(error: httpx.ConnectError, place: str) -> NoAnswer:
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLError):
            return _tls_fault(cause, place)
        if isinstance(cause, socket.gaierror):
            return NoAnswer(
                f"there is no host of the name in {place}",
                sent=False,
                fault=Fault.CONNECT,
                hint="Is the name in the URL right?",
            )
        if isinstance(cause, ConnectionRefusedError):
            return NoAnswer(
                f"nothing listens on {place}",
                sent=False,
                fault=Fault.CONNECT,
                hint="Is the server running, and is the port in the URL right?",
            )
    return NoAnswer(f"no connection to {place}", sent=False, fault=Fault.CONNECT)


def _tls_fault(error: ssl.SSLError, place: str) -> NoAnswer:
    if isinstance(error, ssl.SSLCertVerificationError):
        hints = {
            10: "The certificate has expired: the server needs a new one.",
            62: "Use the name that the certificate is for.",
            64: "Use the name that the certificate is for.",
        }
        return NoAnswer(
            f"the certificate of {place} is not valid: {error.verify_message.rstrip('.')}",
            sent=False,
            fault=Fault.TLS,
            hint=hints.get(
                error.verify_code,
                "Where a private authority (CA) signed it, name that one's certificate with "
                "--ca-file. Kanport never goes on without a valid certificate.",
            ),
        )
    return NoAnswer(
        f"{place} does not speak TLS as it should",
        sent=False,
        fault=Fault.TLS,
        hint="Is it an https:// server, and is the port right?",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
