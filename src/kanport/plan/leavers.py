"""How far somebody who is in no source has come on the way out. Pure: all times are given."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from kanport.facts import Fact, fact
from kanport.findings import Finding, found
from kanport.mapping.missing_spec import Span, Steps
from kanport.memory import Absence, Memory
from kanport.plan.model import PlanBecause
from kanport.plan.parts import sorted_names
from kanport.plan.withheld import cause


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
    return found(
        "leaver-waiting",
        case=steps.then if active or steps.then == "remove" else "access",
        value=absence.username,
        username=absence.username,
        since=absence.since[:10],
        when=_due(absence, steps),
    )


def waiting_cause(absence: Absence, steps: Steps) -> PlanBecause:
    """Return that it is not time yet for what happens to somebody who is missing."""
    return cause("waiting-period", since=absence.since[:10], when=_due(absence, steps))


def removal_cause(absence: Absence, steps: Steps) -> PlanBecause | None:
    """Return that somebody whom Kanport disabled is removed later; None where nobody is."""
    day = removal_day(absence, steps)
    return cause("waiting-period", case="removal", day=f"{day:%Y-%m-%d}") if day else None


def _due(absence: Absence, steps: Steps) -> Fact:
    when = [_when(span, absence) for span in steps.waits]
    return when[0] if len(when) == 1 else fact("due", case="first", one=when[0], other=when[1])


def removal_findings(absences: Iterable[Absence], steps: Steps) -> Iterator[Finding]:
    """Say once that people are going to be removed, and who is the first; else nothing."""
    dated = [(day, one.username) for one in absences if (day := removal_day(one, steps))]
    if not dated:
        return
    day, username = min(dated)
    yield found("leaver-removal", count=len(dated), username=username, day=f"{day:%Y-%m-%d}")


def ahead_findings(memory: Memory, now: str) -> Iterator[Finding]:
    """Say that the clock is behind what the ledger has counted; else nothing."""
    if now < memory.counted_at:
        yield found("ledger-ahead", counted_at=memory.counted_at, now=now)


def new_ledger_findings(usernames: Iterable[str]) -> Iterator[Finding]:
    """Say that nothing is known of who disabled these users, as the ledger is new; else nothing."""
    if names := sorted_names(usernames):
        yield found("ledger-new", count=len(names), usernames=names)


def _passed(span: Span, absence: Absence, now: str) -> bool:
    if span.unit == "run":
        return absence.runs >= span.number
    return _time(now) - _time(absence.since) >= timedelta(days=span.number)


def _when(span: Span, absence: Absence) -> Fact:
    if span.unit == "day":
        day = _time(absence.since) + timedelta(days=span.number)
        return fact("due", case="day", day=f"{day:%Y-%m-%d}")
    return fact("due", case="runs", runs=max(span.number - absence.runs, 1))


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
