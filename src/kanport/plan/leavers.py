"""How far somebody who is in no source has come on the way out. Pure: all times are given."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from kanport.findings import Finding
from kanport.mapping.missing_spec import Span, Steps
from kanport.memory import Absence, Memory
from kanport.plan.places import listed

_DONE = {"disable": "disabled", "remove": "removed"}


def is_due(absence: Absence, steps: Steps, now: str) -> bool:
    """Whether somebody has been missing for as long as the mapping wants.

    The run that is being planned counts. Of runs and days, whichever is reached first does.
    """
    return not steps.waits or any(_passed(span, absence, now) for span in steps.waits)


def is_removable(absence: Absence, steps: Steps, now: str) -> bool:
    """Whether somebody whom Kanport disabled has been so, and missing, for as long as is wanted."""
    day = removal_day(absence, steps)
    return day is not None and _time(now) >= day


def removal_day(absence: Absence, steps: Steps) -> datetime | None:
    """Give when somebody whom Kanport disabled is to be removed; None where nobody is."""
    if steps.remove_after is None or absence.disabled_at is None:
        return None
    last = max(_time(absence.disabled_at), _time(absence.since))
    return last + timedelta(days=steps.remove_after.number)


def waiting_finding(absence: Absence, steps: Steps, *, active: bool) -> Finding:
    """Say of somebody that they are missing, and when what will happen to them.

    Of whoever is disabled already (`active` is False), only the access can end.
    """
    when = " or ".join(_when(span, absence) for span in steps.waits)
    first = ", whichever is first" if len(steps.waits) > 1 else ""
    what = _DONE[steps.then] if active or steps.then == "remove" else "their access ends"
    return Finding(
        "leaver-waiting",
        f"{absence.username!r} is in no source since {absence.since[:10]}; {what} {when}{first}",
        value=absence.username,
    )


def removal_findings(absences: Iterable[Absence], steps: Steps) -> Iterator[Finding]:
    """Say once that people are going to be removed, and who is the first; else nothing."""
    dated = [(day, one.username) for one in absences if (day := removal_day(one, steps))]
    if not dated:
        return
    day, username = min(dated)
    count = "1 user" if len(dated) == 1 else f"{len(dated)} users"
    yield Finding(
        "leaver-removal",
        f"{count} whom Kanport disabled: {username!r} is the next to be removed, on or after"
        f" {day:%Y-%m-%d}",
        hint="whoever is named by a source again before is enabled instead",
    )


def ahead_findings(memory: Memory, now: str) -> Iterator[Finding]:
    """Say that the clock is behind what the ledger has counted; else nothing."""
    if now < memory.counted_at:
        yield Finding(
            "ledger-ahead",
            f"the ledger has counted a plan of {memory.counted_at}, and now it is {now}; until"
            " then no run counts for people who are missing",
            hint="is the clock of this machine right? If it was wrong before, move the ledger away"
            " to start a new one",
        )


def new_ledger_findings(usernames: Iterable[str]) -> Iterator[Finding]:
    """Say that nothing is known of who disabled these users, as the ledger is new; else nothing."""
    names = sorted(usernames)
    if not names:
        return
    users, them = (
        ("1 user is", "this user") if len(names) == 1 else (f"{len(names)} users are", "them")
    )
    yield Finding(
        "ledger-new",
        f"{users} in no source and disabled, and the ledger is new: Kanport cannot know whether it"
        f" disabled {them}, so they stay disabled when a source names them again: {listed(names)}",
        hint="enable by hand whoever comes back; whom Kanport disables from now on, it enables"
        " again",
    )


def _passed(span: Span, absence: Absence, now: str) -> bool:
    if span.unit == "run":
        return absence.runs >= span.number
    return _time(now) - _time(absence.since) >= timedelta(days=span.number)


def _when(span: Span, absence: Absence) -> str:
    if span.unit == "day":
        return f"on or after {_time(absence.since) + timedelta(days=span.number):%Y-%m-%d}"
    left = max(span.number - absence.runs, 1)
    return f"after {left} more run{'' if left == 1 else 's'}"


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
