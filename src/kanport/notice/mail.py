"""Sending a notice by e-mail. The one place that knows smtplib."""

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid
from pathlib import Path

from pydantic import SecretStr

from kanport.config import is_loopback
from kanport.config.spec import Email
from kanport.ending import Ending
from kanport.notice import NotSent
from kanport.notice.words import subject, text

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
    try:
        with _connect(email, ca_file) as server:
            if password is not None:
                server.login(email.username or "", password.get_secret_value())
            refused = server.send_message(message(email, ending))
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
    except (smtplib.SMTPException, OSError) as problem:
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


def _connect(email: Email, ca_file: Path | None) -> smtplib.SMTP:
    port, timeout = email.port or _PORTS[email.security], float(email.timeout)
    context = ssl.create_default_context(cafile=ca_file)
    if email.security == "tls":
        return smtplib.SMTP_SSL(email.host, port, timeout=timeout, context=context)
    server = smtplib.SMTP(email.host, port, timeout=timeout)
    if email.security == "starttls":
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
    return server


def _missing(email: Email) -> str:
    return "STARTTLS" if email.security == "starttls" else "what the notice needs"
