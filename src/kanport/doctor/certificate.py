"""Check the certificate of a server: names, issuer and end of validity."""

import ssl
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from kanport.config.settings import Settings
from kanport.doctor.checks import Check, counted, fine, warning
from kanport.kanboard.transport import tls_context
from kanport.network import Deadline, open_socket

_SOON_DAYS = 21


def look_at(settings: Settings) -> tuple[str, dict[str, Any]]:
    """Return the TLS version and the certificate of the server, as `ssl` returns it.

    Raise OSError (ssl.SSLError is one) without a connection or a valid certificate.
    """
    parts = urlsplit(settings.url)
    host, port = parts.hostname or "", parts.port or 443
    context = tls_context(settings)
    # The handshake counts as one operation of the socket, so the timeout applies to it.
    connect = settings.timeouts.connect
    with (
        open_socket(host, port, each=connect, deadline=Deadline(settings.timeouts.total)) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        return secure.version() or "TLS", dict(secure.getpeercert() or {})


def certificate_check(
    about: str, version: str, certificate: Mapping[str, Any], *, now: datetime
) -> Check:
    """Return the check of a valid certificate; warn if it expires soon."""
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
    text += f", valid until {end:%Y-%m-%d}"
    if days < _SOON_DAYS:
        return warning(
            about, f"{text} ({counted(days, 'day')} left)", hint="renew the certificate in time"
        )
    return fine(about, text)


def _name(parts: tuple[tuple[tuple[str, str], ...], ...]) -> str:
    named = dict(pair for part in parts for pair in part)
    found = [named[key] for key in ("organizationName", "commonName") if named.get(key)]
    return " / ".join(found)
