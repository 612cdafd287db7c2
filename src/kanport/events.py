"""The events of the log, by stable names, and the ids of runs. Pure, no I/O.

Programs that read logs go by these names: one never changes its meaning.
"""

import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any

from kanport.records import dataclass

# Without a handler nothing is logged: Python's last resort would print warnings on stderr.
logging.getLogger("kanport").addHandler(logging.NullHandler())

EVENTS: dict[str, str] = {
    # A run from its beginning to its end.
    "run.started": "A run begins: command, mapping.",
    "sources.read": "The sources are read: users, memberships.",
    "plan.made": "The plan is made: changes, and how many of each action.",
    "guard.tripped": "A safety check stops the plan: guard.",
    "finding": "A row needs a look: code, severity, place.",
    "change.settled": "What became of a change: change, action, user, project, status, reason.",
    "run.settled": "What a run did that was cut off is found out: cut_off, its id, and tally.",
    "run.verified": "Both sides were read again: left, the number of changes still needed.",
    "run.ended": "A run ends: exit_code, result, seconds, and the tally where there is one.",
    "status.written": "A status file was written: path.",
    "status.failed": "A status file could not be written: path.",
    "notice.sent": "Kanport sent a notice: channel, to.",
    "notice.failed": "Kanport could not send a notice: channel, to.",
    # What is also said in words.
    "note": "Something about the run.",
    "warning": "Something that must not be overlooked.",
    "error": "What stopped the command: exit_code, details, hint.",
    "bug": "Kanport itself is wrong: type, module, line.",
    # The server and the directory.
    "server.request": "A request was answered or not: procedure, calls, seconds, fault.",
    "server.retry": "A call is asked again: procedure, wait.",
    "server.unlisted": "The server cannot list all users, or all members of a group.",
    "directory.connected": "A directory is open: source, url, tls, login, dn.",
    "directory.refused": "A directory refused: source, url.",
    "directory.search": "A search was answered: base, scope, entries, result.",
    # Everything that has no name of its own.
    "log": "Something else; message says what.",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its stable name, its fields (plain values, never a secret), and words."""

    event: str
    message: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [self.event, *(f"{name}={_plain(value)}" for name, value in self.fields.items())]
        return " ".join([*parts, self.message] if self.message else parts)


def _plain(value: Any) -> str:
    if isinstance(value, str) and " " not in value:
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def log_event(
    logger: logging.Logger,
    event: str,
    message: str = "",
    *,
    level: int = logging.INFO,
    **fields: Any,
) -> None:
    """Log an event by its stable name; `fields` are plain values, and never a secret.

    A field without a value (None) is left out.
    """
    if event not in EVENTS:
        raise KeyError(f"the event {event!r} is not in the catalogue")
    if logger.isEnabledFor(level):
        # The message may hold anything that people write, and so is no template.
        given = {name: value for name, value in fields.items() if value is not None}
        logger.log(level, "%s", Event(event, message, given))


def new_run_id() -> str:
    """Return a new id of a run; ids sort by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
