"""Send a notice by email. Only this module uses smtplib."""

import contextlib
import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any, cast

from pydantic import SecretStr

from kanport.config import is_loopback
from kanport.config.spec import Email
from kanport.ending import Ending
from kanport.network import BoundedSocket, Deadline, open_socket, shown_size, within
from kanport.notice import NotSent
from kanport.notice.words import subject, text

# What a mail server may say in all, and the seconds to find out our own name.
_MOST_BYTES = 1024 * 1024
_LOOK_UP = 5.0
# The code of a greeting (RFC 5321, 4.2.2).
_READY = 220
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def send_mail(
    email: Email, password: SecretStr | None, ending: Ending, *, ca_file: Path | None = None
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


def message(email: Email, ending: Ending) -> EmailMessage:
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
