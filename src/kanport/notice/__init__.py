"""Send notices of how a run ended, to a webhook and by email, never with a secret.

A failed notice does not change the run; Kanport reports it as a failed delivery.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from kanport.config import is_loopback
from kanport.config.secrets import read_reference
from kanport.config.spec import Notify, Reference, Webhook, When
from kanport.ending import Ending
from kanport.errors import KanportError


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one notice: the channel, to whom, and why it failed; None if it went out."""

    channel: str
    to: str
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give the delivery as the status file holds it."""
        return {
            "channel": self.channel,
            "to": self.to,
            "sent": self.problem is None,
            "problem": self.problem,
        }


class NotSent(Exception):
    """A notice did not go out; the message says why, and holds no secret."""


@dataclass(frozen=True)
class Surroundings:
    """What sending needs to know: where secrets stand, and which connections are safe."""

    environ: Mapping[str, str]
    base: Path
    ca_file: Path | None = None
    allow_http: bool = False


def wanted(on: When, ending: Ending) -> bool:
    """Tell whether somebody wants to hear of a run: of failures, of changes too, or of all."""
    if on == "always" or not ending.succeeded:
        return True
    return on == "change" and ending.changed > 0


def send_notices(notify: Notify, ending: Ending, surroundings: Surroundings) -> Iterator[Delivery]:
    """Send the notices that are wanted of a run, and give what became of each; raises nothing."""
    from kanport.notice.mail import send_mail
    from kanport.notice.webhook import post

    hook, email = notify.webhook, notify.email
    if hook is not None and wanted(hook.on or notify.on, ending):
        yield _attempt("webhook", _host_of(hook), lambda: post(_ready(hook, surroundings), ending))
    if email is not None and wanted(email.on or notify.on, ending):
        password = email.password

        def mail() -> None:
            secret = _secret(password, "password", surroundings) if password else None
            send_mail(email, secret, ending, ca_file=surroundings.ca_file)

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


def _ready(hook: Webhook, surroundings: Surroundings) -> ReadyHook:
    url = hook.url
    address = SecretStr(url) if isinstance(url, str) else _secret(url, "URL", surroundings)
    parts = urlsplit(address.get_secret_value())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotSent("the URL of the webhook is none: it must begin with https://")
    if parts.scheme == "http" and not surroundings.allow_http and not is_loopback(parts.hostname):
        raise NotSent("the URL of the webhook is not encrypted: use https://, or set allow_http")
    token = _secret(hook.token, "token", surroundings) if hook.token else None
    return ReadyHook(address, token, float(hook.timeout), surroundings.ca_file)


def _host_of(hook: Webhook) -> str:
    # The whole URL of a webhook usually suffices to post to it, so show only the host.
    if not isinstance(hook.url, str):
        return "the URL that is set"
    return urlsplit(hook.url).hostname or "the URL that is set"


def _secret(reference: Reference, what: str, surroundings: Surroundings) -> SecretStr:
    return read_reference(reference, what, environ=surroundings.environ, base=surroundings.base)
