"""Sockets to directories, with TLS where it is asked for; nothing falls back to less."""

import socket
import ssl
from urllib.parse import unquote, urlsplit

from kanport import network
from kanport.network import Deadline, Overdue, TooLarge
from kanport.sources.ldap import tls


class Refused(Exception):
    """A server refused to let us in; the text says how. `final`: asking another is no use."""

    def __init__(self, message: str, *, hint: str | None = None, final: bool = False) -> None:
        super().__init__(message)
        self.hint = hint
        self.final = final


def open_socket(
    url: str, timeout: float, context: ssl.SSLContext | None, deadline: Deadline
) -> socket.socket:
    """Open a socket to a server, with TLS for ldaps://; try every address of its name.

    `timeout` bounds each step, the look-up of the name as well, and `deadline` all of them. Raises
    Refused.
    """
    parts = urlsplit(url)
    try:
        if parts.scheme == "ldapi":
            path = unquote(parts.netloc + parts.path) or "/run/slapd/ldapi"
            return _local(path, deadline.cut(timeout))
        port = parts.port or (636 if parts.scheme == "ldaps" else 389)
        host = parts.hostname or ""
        connected = network.open_socket(host, port, each=timeout, deadline=deadline)
    except (OSError, UnicodeError) as wrong:
        raise Refused(f"it does not answer: {words(wrong)}") from wrong
    if parts.scheme == "ldaps":
        assert context is not None  # noqa: S101 - for the type checker
        return _encrypted(connected, context, host, timeout, deadline)
    return connected


def _encrypted(
    connected: socket.socket,
    context: ssl.SSLContext,
    host: str,
    timeout: float,
    deadline: Deadline,
) -> ssl.SSLSocket:
    try:
        connected.settimeout(deadline.cut(timeout))
        return context.wrap_socket(connected, server_hostname=host)
    except (OSError, ValueError) as wrong:
        connected.close()
        reason, hint = tls.explain(wrong)
        raise Refused(reason, hint=hint) from wrong


def words(error: BaseException) -> str:
    """Say what went wrong with a connection."""
    if isinstance(error, Overdue | TooLarge):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _local(path: str, timeout: float) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX)
    try:
        connected.settimeout(timeout)
        connected.connect(path)
    except BaseException:
        connected.close()
        raise
    return connected
