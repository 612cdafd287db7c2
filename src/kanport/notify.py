"""Send notices of how a run ended, to a webhook and by email, never with a secret.

A failed notice does not change the run; Kanport reports it as a failed delivery.
"""

import contextlib
import json
import smtplib
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from kanport import __version__
from kanport.config.address import is_loopback
from kanport.config.secrets import Email, Notify, SettingSecret, Webhook, When, read_reference
from kanport.errors import KanportError
from kanport.exchange import Connections, proxy_for
from kanport.monitoring import RunSummary
from kanport.network import BoundedSocket, Deadline, open_socket, shown_size, within
from kanport.records import dataclass
from kanport.report.escape import escape_control


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one notice: the channel, to whom, and why it failed; None if it went out."""

    channel: str
    to: str
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the delivery as in the status file."""
        return {
            "channel": self.channel,
            "to": self.to,
            "sent": self.problem is None,
            "problem": self.problem,
        }


class NotSent(Exception):
    """A notice did not go out; the message says why, and holds no secret."""


@dataclass(frozen=True)
class DeliveryContext:
    """Where secrets are, and which connections are safe."""

    environ: Mapping[str, str]
    base: Path
    ca_file: Path | None = None
    allow_http: bool = False


def wanted(on: When, ending: RunSummary) -> bool:
    """Return whether a notice of this run is wanted: of failures, of changes, or always."""
    if on == "always" or not ending.succeeded:
        return True
    return on == "change" and ending.changed > 0


def send_notices(
    notify: Notify, ending: RunSummary, context: DeliveryContext
) -> Iterator[Delivery]:
    """Send the notices that are wanted of a run, and yield each delivery; raise nothing."""
    hook, email = notify.webhook, notify.email
    if hook is not None and wanted(hook.on or notify.on, ending):
        yield _attempt("webhook", _host_of(hook), lambda: post(_ready(hook, context), ending))
    if email is not None and wanted(email.on or notify.on, ending):
        password = email.password

        def mail() -> None:
            secret = _secret(password, "password", context) if password else None
            send_mail(email, secret, ending, ca_file=context.ca_file)

        yield _attempt("email", ", ".join(email.to), mail)


def _attempt(channel: str, to: str, send: Callable[[], None]) -> Delivery:
    try:
        send()
    except NotSent as problem:
        return Delivery(channel, to, str(problem))
    except KanportError as problem:
        return Delivery(channel, to, problem.message)
    except Exception as bug:
        # A run that did its work must not end with a bug of its notice, whose words may hold
        # anything.
        return Delivery(channel, to, f"a bug in Kanport: {type(bug).__name__}")
    return Delivery(channel, to)


@dataclass(frozen=True)
class ReadyHook:
    """A webhook with its secrets at hand; neither shows in a repr."""

    url: SecretStr
    token: SecretStr | None
    timeout: float
    ca_file: Path | None


def _ready(hook: Webhook, context: DeliveryContext) -> ReadyHook:
    url = hook.url
    address = SecretStr(url) if isinstance(url, str) else _secret(url, "URL", context)
    parts = urlsplit(address.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotSent("the URL of the webhook is none: it must begin with https://")
    if parts.scheme == "http" and not context.allow_http and not is_loopback(parts.hostname):
        raise NotSent("the URL of the webhook is not encrypted: use https://, or set allow_http")
    token = _secret(hook.token, "token", context) if hook.token else None
    return ReadyHook(address, token, float(hook.timeout), context.ca_file)


def _host_of(hook: Webhook) -> str:
    # The whole URL of a webhook usually suffices to post to it, so show only the host.
    if not isinstance(hook.url, str):
        return "the URL that is set"
    return urlsplit(hook.url).hostname or "the URL that is set"


def _secret(reference: SettingSecret, what: str, context: DeliveryContext) -> SecretStr:
    return read_reference(reference, what, environ=context.environ, base=context.base)


# --- what a notice says: a subject, a text, and the same for programs. Pure, no I/O ---------------

FORMAT = "kanport-notice/1"
_SUBJECT = 150


def subject(ending: RunSummary) -> str:
    """Return the outcome in one line, for the screen of a phone."""
    if ending.succeeded:
        what = f"{ending.changed} changed" if ending.changed else "nothing to change"
    else:
        what = f"{ending.result} (exit code {ending.exit_code})"
    line = escape_control(f"Kanport {ending.mapping}: {what}")
    return line if len(line) <= _SUBJECT else f"{line[: _SUBJECT - 1]}…"


def text(ending: RunSummary) -> str:
    """Return the notice as text: what happened, how much, why, and where to look."""
    return "\n".join(escape_control(line) for line in _lines(ending)) + "\n"


def payload(ending: RunSummary) -> dict[str, Any]:
    """Return the notice for programs; chat services show `text`."""
    return {
        "format": FORMAT,
        "text": f"{subject(ending)}\n{escape_control(ending.message)}",
        "kanport": ending.kanport,
        "mapping": ending.mapping,
        "mapping_path": ending.mapping_path,
        "server": ending.server,
    } | ending.to_dict()


def _lines(ending: RunSummary) -> Iterator[str]:
    yield ending.message
    if ending.hint:
        yield f"What to do: {ending.hint}"
    yield ""
    yield f"mapping    {ending.mapping} ({ending.mapping_path})"
    yield f"server     {ending.server or 'not known'}"
    yield f"run        {ending.run_id}, {ending.command}"
    yield f"time       {ending.started_at} to {ending.finished_at}, {ending.seconds:.1f} s"
    yield f"exit code  {ending.exit_code}: {ending.result}"
    if ending.changes:
        yield ""
        yield "Planned:"
        for action, number in sorted(ending.changes.items()):
            yield f"  {number:>6}  {action}"
    if ending.tally is not None:
        yield "Outcome:"
        for word, number in ending.tally.items():
            yield f"  {number:>6}  {word.replace('_', ' ')}"
    if ending.guards:
        yield ""
        yield "Safety checks that stopped it, before anything was written:"
        for name, message in ending.guards:
            yield f"  {name}: {message}"
    if ending.first_findings:
        total = sum(n for severity, n in ending.findings.items() if severity != "info")
        yield ""
        yield f"Findings to look at, {total} in all:"
        for line in ending.first_findings:
            yield f"  {line}"
    if ending.kept:
        yield ""
        for what, path in ending.kept.items():
            yield f"{what:<9}  {path}"


# --- post a notice as JSON; each attempt ends in the seconds of `timeout`, whatever comes ---------

# Seconds to wait before the second and last attempt.
_PAUSE = 2.0


def post(
    hook: ReadyHook, ending: RunSummary, *, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Post the notice; where the receiver is not there or busy, once more after a moment.

    Raises NotSent, which never holds the URL: whoever knows it can mostly post to it.
    """
    problem = _post_once(hook, ending)
    if problem is not None and problem.again:
        sleep(_PAUSE)
        problem = _post_once(hook, ending)
    if problem is not None:
        raise NotSent(problem.why)


class _Problem:
    def __init__(self, why: str, *, again: bool) -> None:
        self.why, self.again = why, again


def _post_once(hook: ReadyHook, ending: RunSummary) -> _Problem | None:
    headers = {"Content-Type": "application/json", "User-Agent": f"kanport/{__version__}"}
    if hook.token is not None:
        headers["Authorization"] = f"Bearer {hook.token.get_secret_value()}"
    url = hook.url.get_secret_value()
    try:
        context = ssl.create_default_context(cafile=hook.ca_file)
        times = dict.fromkeys(("connect", "read", "write", "pool"), hook.timeout)
        body = json.dumps(payload(ending), ensure_ascii=False, separators=(",", ":"))
        with (
            Connections(context, proxy_for(url)) as connections,
            # What the receiver has to say is not read: its status is all that counts.
            connections.exchange(
                url,
                body.encode(errors="backslashreplace"),
                headers,
                times=times,
                deadline=Deadline(hook.timeout),
            ) as answer,
        ):
            pass
    except httpx.TimeoutException:
        return _Problem(f"no answer in {hook.timeout:g} seconds", again=False)
    except httpx.InvalidURL:
        return _Problem("its URL is broken", again=False)
    except httpx.TransportError as problem:
        return _Problem(_why(problem), again=True)
    except (OSError, ValueError, ImportError) as problem:
        return _Problem(f"it cannot be used: {type(problem).__name__}", again=False)
    if answer.is_success:
        return None
    return _Problem(f"it answered HTTP {answer.status_code}", again=answer.status_code >= 500)


def _why(problem: Exception) -> str:
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate was refused: {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            return f"it cannot be reached: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return f"it cannot be reached: {type(problem).__name__}"


# --- send a notice by email. Only this module uses smtplib ----------------------------------------

# What a mail server may say in all, and the seconds to find out our own name.
_MOST_BYTES = 1024 * 1024
_LOOK_UP = 5.0
# The code of a greeting (RFC 5321, 4.2.2).
_READY = 220
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def send_mail(
    email: Email, password: SecretStr | None, ending: RunSummary, *, ca_file: Path | None = None
) -> None:
    """Send the notice to all receivers at once.

    Raises NotSent where it went to none, or only to some; a login is never sent in clear to another
    machine.
    """
    if password is not None and email.security == "none" and not is_loopback(email.host):
        raise NotSent(f"{email.host} would get the password in clear: set security to starttls")
    refused: dict[str, tuple[int, bytes]] = {}
    deadline = Deadline(float(email.timeout))
    server: _Server | None = None
    try:
        server = _Server(email, ca_file, deadline)
        try:
            server.open()
            if email.security == "starttls":
                server.starttls(context=server.wrapping)
            if password is not None:
                server.login(email.username or "", password.get_secret_value())
            refused = server.send_message(message(email, ending))
            # The mail is on its way by now, whatever the server has to say at the end.
            with contextlib.suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()
    except smtplib.SMTPNotSupportedError:
        raise NotSent(
            f"{email.host} does not offer {_missing(email)}; set security to tls or none"
        ) from None
    except smtplib.SMTPAuthenticationError as problem:
        raise NotSent(f"{email.host} refused the login ({problem.smtp_code})") from None
    except smtplib.SMTPRecipientsRefused as problem:
        codes = ", ".join(f"{to} ({answer[0]})" for to, answer in problem.recipients.items())
        raise NotSent(f"{email.host} refused the receivers: {codes}") from None
    except smtplib.SMTPResponseException as problem:
        raise NotSent(f"{email.host} refused the message ({problem.smtp_code})") from None
    except ssl.SSLCertVerificationError as problem:
        raise NotSent(
            f"the certificate of {email.host} was refused: {problem.verify_message}"
        ) from None
    except TimeoutError:
        raise NotSent(f"no answer from {email.host} in {email.timeout:g} seconds") from None
    except (smtplib.SMTPException, OSError, ValueError) as problem:
        # smtplib makes "disconnected" of whatever ends a connection.
        if deadline.over:
            raise NotSent(f"no answer from {email.host} in {email.timeout:g} seconds") from None
        if server is not None and server.exceeded:
            raise NotSent(
                f"{email.host} cannot be used: it sent more than {shown_size(_MOST_BYTES)}"
            ) from None
        why = getattr(problem, "strerror", None) or type(problem).__name__
        raise NotSent(f"{email.host} cannot be used: {why}") from None
    if refused:
        raise NotSent(f"{email.host} refused some of the receivers: {', '.join(refused)}")


def message(email: Email, ending: RunSummary) -> EmailMessage:
    """Make the message; what people wrote is in its subject and text only, made safe to show."""
    made = EmailMessage(policy=SMTP)
    made["From"] = email.from_
    made["To"] = ", ".join(email.to)
    made["Subject"] = subject(ending)
    made["Date"] = formatdate()
    made["Message-ID"] = make_msgid(domain=email.from_.rpartition("@")[2])
    # RFC 3834: nobody's holiday answer is to come back.
    made["Auto-Submitted"] = "auto-generated"
    made["X-Kanport-Run"] = ending.run_id
    made["X-Kanport-Exit-Code"] = str(ending.exit_code)
    made.set_content(text(ending))
    return made


class _Server(smtplib.SMTP):
    """A connection to a mail server that ends in the seconds of `timeout`, and has a size."""

    def __init__(self, email: Email, ca_file: Path | None, deadline: Deadline) -> None:
        context = ssl.create_default_context(cafile=ca_file)
        self._address = email.host, email.port or _PORTS[email.security]
        self._deadline = deadline
        self._context = context if email.security == "tls" else None
        self._bounded: BoundedSocket | None = None
        # What smtplib needs of a context, for sockets that are bounded.
        self.wrapping = cast(ssl.SSLContext, _Wrapping(context, email.host))
        super().__init__(local_hostname=_own_name(deadline), timeout=float(email.timeout))

    def open(self) -> None:
        """Connect; raises OSError and SMTPException."""
        code, text = self.connect(*self._address)
        if code != _READY:
            raise smtplib.SMTPConnectError(code, text)

    @property
    def exceeded(self) -> bool:
        """Whether the server said more than it may."""
        return isinstance(self._bounded, BoundedSocket) and self._bounded.exceeded

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        # smtplib has no public way to give it a socket. tests/hostile fails where this is not used.
        connected = open_socket(host, port, each=timeout, deadline=self._deadline)
        bounded = BoundedSocket(connected, self._deadline, silence=timeout, most=_MOST_BYTES)
        if self._context is not None:
            try:
                bounded = bounded.over_tls(self._context, host)
            except BaseException:
                bounded.close()
                raise
        self._bounded = bounded
        return bounded


class _Wrapping:
    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        self._context = context
        self._host = host

    def wrap_socket(self, connected: BoundedSocket, *, server_hostname: str) -> BoundedSocket:
        return connected.over_tls(self._context, self._host)


def _own_name(deadline: Deadline) -> str:
    """Return what this machine calls itself to mail servers, as smtplib does it."""
    try:
        name = within(deadline.cut(_LOOK_UP), socket.getfqdn, what="looking up our own name")
    except TimeoutError:
        name = ""
    return name if "." in name else "[127.0.0.1]"


def _missing(email: Email) -> str:
    return "STARTTLS" if email.security == "starttls" else "what the notice needs"
