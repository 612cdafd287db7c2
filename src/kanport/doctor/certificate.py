"""What a server's certificate says: for whom, from whom, until when."""

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from kanport.config import Settings
from kanport.doctor.checks import Check, counted, fine, warning
from kanport.kanboard.transport import tls_context
from kanport.network import Deadline, open_socket

_SOON_DAYS = 21


def look_at(settings: Settings) -> tuple[str, dict[str, Any]]:
    """Give the version of TLS and the certificate of the server, as `ssl` gives it.

    Raises OSError (ssl.SSLError is one) where there is no connection or no valid certificate.
    """
    parts = urlsplit(settings.url)
    host, port = parts.hostname or "", parts.port or 443
    context = tls_context(settings)
    # The handshake counts as one operation of the socket, and so ends in time as well.
    connect = settings.timeouts.connect
    with (
        open_socket(host, port, each=connect, deadline=Deadline(settings.timeouts.total)) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        return secure.version() or "TLS", dict(secure.getpeercert() or {})


def certificate_check(
    about: str, version: str, certificate: Mapping[str, Any], *, now: datetime
) -> Check:
    """Judge a certificate that was found valid: it may end soon."""
    text = f"{version.replace('TLSv', 'TLS ')}, with a valid certificate"
    issuer = _name(certificate.get("issuer", ()))
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind != "email"]
    if names:
        text += f" for {', '.join(names[:3])}{' and others' if len(names) > 3 else ''}"
    if issuer:
        text += f" from {issuer}"
    if "notAfter" not in certificate:
        return fine(about, text)
    end = datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), UTC)
    days = (end - now).days
    text += f", until {end:%Y-%m-%d}"
    if days < _SOON_DAYS:
        return warning(
            about, f"{text}: in {counted(days, 'day')}", hint="renew the certificate in time"
        )
    return fine(about, text)


def _name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    named = dict(pair for part in parts for pair in part)
    found = [named[key] for key in ("organizationName", "commonName") if named.get(key)]
    return " / ".join(found)
