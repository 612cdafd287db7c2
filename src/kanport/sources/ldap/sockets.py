"""Sockets to directories, with TLS where it is asked for; nothing falls back to less.

The chain and the name of a certificate are always checked.
"""

import socket
import ssl
from pathlib import Path
from urllib.parse import unquote, urlsplit

from kanport import network
from kanport.errors import ConfigInvalid
from kanport.files import open_regular
from kanport.mapping.ldap import LdapSource
from kanport.network import Deadline, Overdue, TooLarge

# --- TLS ------------------------------------------------------------------------------------------


_REASONS = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is self-signed, and not among those that are trusted",
    19: "its certificate comes from an authority that is not trusted",
    20: "its certificate comes from an authority that is not trusted",
    21: "its certificate comes from an authority that is not trusted",
    23: "its certificate has been revoked",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
_HINTS = {
    18: "if this is the right server, name its certificate in ca_file",
    19: "name the certificate of the authority in ca_file",
    20: "name the certificate of the authority in ca_file",
    21: "name the certificate of the authority in ca_file",
    62: "use the name in url that stands in the certificate",
    64: "use the name in url that stands in the certificate",
}


def make_context(spec: LdapSource, base: Path) -> ssl.SSLContext:
    """Make what TLS needs: the certificates to trust, and our own.

    Files are relative to `base`. Raises ConfigInvalid where one cannot be used.
    """
    ca_file = base / spec.ca_file if spec.ca_file else None
    try:
        if ca_file is not None:
            open_regular(ca_file).close()
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as wrong:
        raise ConfigInvalid(
            f"ca_file {spec.ca_file} cannot be used: {_words(wrong)}",
            hint="it must be a readable file with certificates in PEM",
        ) from wrong
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Said here although they are the defaults: everything depends on them.
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    if spec.client_cert:
        key = base / spec.client_key if spec.client_key else None
        try:
            for file in filter(None, (base / spec.client_cert, key)):
                open_regular(file).close()
            # A password is never asked for on the terminal: nobody would answer at night.
            context.load_cert_chain(base / spec.client_cert, key, password=lambda: b"")
        except (OSError, ssl.SSLError, ValueError) as wrong:
            raise ConfigInvalid(
                f"client_cert {spec.client_cert} cannot be used: {_words(wrong)}",
                hint="it must be PEM, with the key that belongs to it, without a password",
            ) from wrong
    return context


def explain_tls(error: BaseException) -> tuple[str, str | None]:
    """Return in plain words why TLS failed, and what can be done."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        reason = _REASONS.get(code, "its certificate cannot be verified")
        return f"{reason} ({error.verify_message.rstrip('.')})", _HINTS.get(code)
    return f"TLS failed: {_words(error)}", None


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


# --- sockets --------------------------------------------------------------------------------------


class LoginRefused(Exception):
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
        raise LoginRefused(f"it does not answer: {words(wrong)}") from wrong
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
        reason, hint = explain_tls(wrong)
        raise LoginRefused(reason, hint=hint) from wrong


def words(error: BaseException) -> str:
    """Return what went wrong with a connection."""
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
