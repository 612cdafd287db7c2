"""The result of a check: one line, how to fix a problem, and the lines and JSON of all checks.

The check of a certificate is here because servers and directories both need it.
"""

import json
import ssl
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from kanport.config.settings import Settings
from kanport.errors import Exit, KanportError, SourceInvalid
from kanport.findings import Finding, Severity
from kanport.kanboard.transport import tls_context
from kanport.messages import counted
from kanport.network import Deadline, open_socket
from kanport.records import dataclass
from kanport.report.escape import escape_control, json_safe
from kanport.report.sentences import SEVERITIES

_MOST_FINDINGS = 10


class CheckStatus(StrEnum):
    """How a check ended. A warning needs a decision; a problem stops plan and apply."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its subject, its result, how to fix a problem, and more lines.

    `code` is the exit code for a problem.
    """

    about: str
    level: CheckStatus
    text: str
    hint: str | None = None
    details: tuple[str, ...] = ()
    code: Exit = Exit.OK

    def to_dict(self) -> dict[str, Any]:
        """Return the check for JSON, without empty parts."""
        parts: dict[str, Any] = {
            "about": self.about,
            "level": str(self.level),
            "text": self.text,
        }
        if self.hint is not None:
            parts["hint"] = self.hint
        if self.details:
            parts["details"] = list(self.details)
        return parts


def fine(about: str, text: str, *, details: Iterable[str] = ()) -> Check:
    """Return a passed check."""
    return Check(about, CheckStatus.OK, text, details=tuple(details))


def warning(
    about: str, text: str, *, hint: str | None = None, details: Iterable[str] = ()
) -> Check:
    """Return a check with a warning."""
    return Check(about, CheckStatus.WARNING, text, hint, tuple(details))


def problem(
    about: str, text: str, code: Exit, *, hint: str | None = None, details: Iterable[str] = ()
) -> Check:
    """Return a check with a problem."""
    return Check(about, CheckStatus.PROBLEM, text, hint, tuple(details), code)


def failed(about: str, error: KanportError) -> Check:
    """Return the check that failed with an error."""
    details = error.details
    if isinstance(error, SourceInvalid):
        details += finding_lines(
            finding for finding in error.findings if finding.severity is Severity.ERROR
        )
    return problem(about, error.message, error.exit_code, hint=error.hint, details=details)


def finding_lines(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Return one line for each of the first findings."""
    found = list(findings)
    lines = [
        f"{finding.origin or ''}  {SEVERITIES[finding.severity].one}  {finding.message}".lstrip()
        for finding in found[:_MOST_FINDINGS]
    ]
    more = len(found) - _MOST_FINDINGS
    return (*lines, f"and {more} more") if more > 0 else tuple(lines)


# Problems that you can fix yourself come before those that need somebody else.
_WORST = (Exit.BUG, Exit.CONFIG, Exit.UNREACHABLE, Exit.SOURCE)


def exit_for(checks: Iterable[Check]) -> Exit:
    """Return the exit code for all checks: that of the worst problem, or 0."""
    codes = {check.code for check in checks if check.level is CheckStatus.PROBLEM}
    return next((code for code in _WORST if code in codes), max(codes, default=Exit.OK))


# --- check the certificate of a server: names, issuer and end of validity -------------------------

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


# --- render checks as lines of text or as JSON ----------------------------------------------------

FORMAT = "kanport-doctor/1"
_WIDTH = max(len(level) for level in CheckStatus)


def lines(check: Check, *, after: Check | None) -> list[str]:
    """Return the lines of one check, with a title if its subject differs from `after`."""
    found = []
    if after is None or after.about != check.about:
        title = check.about[:1].upper() + check.about[1:]
        found += ["", title] if after is not None else [title]
    indent = " " * (_WIDTH + 4)
    found.append(f"  {check.level:<{_WIDTH}}  {check.text}")
    for detail in check.details:
        found += [f"{indent}  {line}" for line in detail.splitlines()]
    if check.hint:
        found.append(f"{indent}hint: {check.hint}")
    return [escape_control(line) for line in found]


def as_json(checks: Sequence[Check], code: Exit) -> str:
    """Return all checks as JSON, with the exit code and their numbers by level."""
    report = {
        "format": FORMAT,
        "exit_code": int(code),
        "summary": {level: sum(check.level is level for check in checks) for level in CheckStatus},
        "checks": [check.to_dict() for check in checks],
    }
    return json_safe(json.dumps(report, indent=2, ensure_ascii=False))
