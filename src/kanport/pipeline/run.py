"""One run of a plan: checked right before the first write, executed, undone and verified.

`kanport.pipeline.apply` holds the locks around it. Runs that were interrupted are settled here as
well: what they did is found out and recorded before the next run plans, because otherwise nobody
would manage the users that they created, and nobody would re-enable those that they disabled.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field, replace
from functools import cache
from pathlib import Path

from pydantic import SecretStr

from kanport import __version__
from kanport.apply.concurrency import Options
from kanport.apply.executor import Executor
from kanport.apply.journal import (
    Journal,
    JournalBroken,
    Recorded,
    Terms,
    journal_digest,
    load_journal,
)
from kanport.apply.passwords import Passwords
from kanport.apply.undo import people_to_read, projects_to_read, undo_plan
from kanport.apply.verify import Watch, verify
from kanport.config.address import canonical_url
from kanport.errors import ConfigInvalid, LockHeld, PlanStale, UsageError
from kanport.events import log_event
from kanport.facts import Fact, fact
from kanport.kanboard.client import Client
from kanport.kanboard.reader import read_current
from kanport.ledger import recall, record
from kanport.mapping import load_mapping
from kanport.memory import NOTHING
from kanport.model import AppRole, CurrentState
from kanport.outcome import Approved, Outcome, Run, Status, VerifyResult
from kanport.pipeline.planning import check_guards, check_server, made_again, stopped_by
from kanport.pipeline.results import Reporter
from kanport.pipeline.state_dir import current_actor, has_end, state_folder, utc_now
from kanport.plan.change import Action, Change
from kanport.plan.guards import judge_again
from kanport.plan.ledger_update import ledger_update
from kanport.plan.matching import private_projects
from kanport.plan.model import Plan, blocking
from kanport.plan.staleness import (
    changed_since,
    differences,
    people_of,
    reads_groups,
    renamed_since,
)
from kanport.records import dataclass

logger = logging.getLogger(__name__)


# How many differences a stale plan is refused with; they can be as many as its changes.
_MOST_DIFFERENCES = 10


@dataclass(frozen=True, slots=True)
class ServerCheck:
    """What checking a plan showed: who is an administrator, and what has another name by now."""

    admins: frozenset[int] = frozenset()
    renamed: dict[str, Fact] = field(default_factory=dict)


def check_fresh(plan: Plan, client: Client, mapping_path: Path | None = None) -> ServerCheck:
    """Check right before the first write that a plan may still be applied.

    The server must be as the plan says, and the guards that depend on it must still hold, with the
    accounts that the mapping protects now (`mapping_path`, else where the plan says). Raises
    PlanStale, with the differences, and GuardTripped.
    """
    check_server(plan, client)
    current = _read(plan, client)
    moved = differences(plan, current)
    if moved:
        shown = [each.text for each in moved[:_MOST_DIFFERENCES]]
        more = len(moved) - _MOST_DIFFERENCES
        raise PlanStale(
            "the server has changed since the plan was made; nothing was written",
            details=[*shown, f"and {more} more"] if more > 0 else shown,
            hint=f"make a new plan: {made_again(plan)}",
        )
    _judge(plan, plan.changes, current, mapping_path, client.url)
    return ServerCheck(_admins(current))


def check_resumable(
    recorded: Recorded, client: Client, mapping_path: Path | None = None
) -> ServerCheck:
    """Check before a run continues that the rest of its plan may still be applied.

    Refuses a plan that its guards stop, as apply does. The run skips what somebody else has changed
    since. Raises PlanStale for another server, and GuardTripped.
    """
    plan = recorded.plan
    check_server(plan, client)
    check_guards(plan)
    current = _read(plan, client)
    moved = changed_since(plan, current)
    left = tuple(c for c in plan.changes if c.id not in recorded.settled and c.id not in moved)
    _judge(plan, left, current, mapping_path, client.url)
    return ServerCheck(_admins(current), renamed_since(plan, current))


def watch_for(
    plan: Plan, client: Client, checked: ServerCheck, mapping_path: Path | None = None
) -> Watch:
    """Return the check of changes that may lock people out, right before they are made."""
    # Most runs check nothing again, and begin sooner without this.
    people = cache(lambda: people_of(plan))

    def read() -> CurrentState:
        usernames, user_ids = people()
        removing = any(change.action is Action.USER_REMOVE for change in plan.changes)
        return read_current(
            client,
            choose_projects=lambda projects: private_projects(projects) if removing else (),
            with_groups=False,
            usernames=usernames,
            user_ids=user_ids,
        )

    return Watch(plan, read, protected_now(plan, mapping_path) or (), checked.admins)


def protected_now(plan: Plan, mapping_path: Path | None = None) -> tuple[str, ...] | None:
    """Return the patterns of accounts that the mapping of a plan protects now.

    The mapping is read from `mapping_path`, else from where the plan says; None stands for one that
    cannot be read there. Raises ConfigInvalid where the one of `mapping_path` cannot.
    """
    try:
        return load_mapping(mapping_path or Path(plan.mapping.path)).spec.protect
    except ConfigInvalid:
        if mapping_path is not None:
            raise
        return None


def ledger_of(plan: Plan, mapping_path: Path | None = None) -> Path | None:
    """Return where the ledger of a plan is; None where its mapping names none."""
    if plan.mapping.ledger is None:
        return None
    return (mapping_path or Path(plan.mapping.path)).parent / plan.mapping.ledger


def _read(plan: Plan, client: Client) -> CurrentState:
    touched = {change.project_id for change in plan.changes}
    # Shares are of the projects that the plan was made with.
    touched.update(access.project_id for access in plan.access or ())
    removing = any(change.action is Action.USER_REMOVE for change in plan.changes)
    usernames, user_ids = people_of(plan)
    return read_current(
        client,
        choose_projects=lambda projects: (
            {project.id for project in projects if project.id in touched}
            | (private_projects(projects) if removing else frozenset())
        ),
        with_groups=reads_groups(plan),
        usernames=usernames,
        user_ids=user_ids,
    )


def _judge(
    plan: Plan,
    changes: tuple[Change, ...],
    current: CurrentState,
    mapping_path: Path | None,
    url: str,
) -> None:
    ledger = ledger_of(plan, mapping_path)
    verdicts = judge_again(
        changes,
        current,
        plan,
        protect=protected_now(plan, mapping_path) or (),
        memory=recall(ledger, url) if ledger is not None else NOTHING,
        at=utc_now(),
    )
    # What stopped the plan from the beginning is for `check_guards` to say.
    known = {verdict.guard for verdict in plan.blocked_by}
    stopping = [verdict for verdict in blocking(verdicts) if verdict.guard not in known]
    if stopping:
        raise stopped_by(stopping)


def _admins(current: CurrentState) -> frozenset[int]:
    return frozenset(user.id for user in current.users if user.role == AppRole.ADMIN)


# --- the run --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Execution:
    """How to apply a plan, or the rest of it.

    Random passwords go to `passwords_to` if that is given.
    `by` is the user and the machine that run it; `approved` is the approval that a new run has.
    `approval_path` is the file of an approval without which the run may not go on either.
    `mapping_path` is where the mapping is now, if not where the plan says. `checked` is what
    checking the plan right before showed. `discard_passwords` says that random passwords that no
    file keeps are not missed; `kept_in` is the file that has those of the run so far.
    """

    journal_path: Path
    given_passwords: Mapping[str, SecretStr] | None = None
    passwords_to: Path | None = None
    options: Options | None = None
    now: Callable[[], str] = utc_now
    on_outcome: Callable[[Outcome], None] = lambda outcome: None
    should_stop: Callable[[], bool] = lambda: False
    by: str = field(default_factory=current_actor)
    approved: Approved | None = None
    approval_path: Path | None = None
    mapping_path: Path | None = None
    checked: ServerCheck | None = None
    discard_passwords: bool = False
    kept_in: Path | None = None

    @property
    def terms(self) -> Terms:
        """The terms under which the run begins or continues."""
        return Terms(self.approval_path, self.passwords_to)

    def executor(self, client: Client, journal: Journal, watch: Watch | None = None) -> Executor:
        """Return the executor that writes this journal."""
        return Executor(
            client,
            journal,
            passwords=Passwords(self.given_passwords, file=self.passwords_to),
            options=self.options,
            on_outcome=self.on_outcome,
            should_stop=self.should_stop,
            watch=watch,
        )


def apply_plan(plan: Plan, client: Client, how: Execution, *, run_id: str) -> Run:
    """Apply a plan that passed its checks, and return the run.

    Raises UsageError, before a journal is written, for a client that only reads.
    """
    client.check_may_write()
    watch = watch_for(plan, client, how.checked or ServerCheck(), how.mapping_path)
    with Journal(
        how.journal_path, now=how.now, by=how.by, approved=how.approved, terms=how.terms
    ) as journal:
        run = how.executor(client, journal, watch).run(plan, run_id=run_id, version=__version__)
    return _proven(run, how, by=how.by, approved=how.approved)


def resume_run(recorded: Recorded, client: Client, how: Execution) -> Run:
    """Finish an interrupted run, and return the whole run.

    Writes nothing if it is finished already. Raises as `check_resumable`.
    """
    check_server(recorded.plan, client)
    if recorded.finished:
        return recorded.run
    client.check_may_write()
    checked = check_resumable(recorded, client, how.mapping_path)
    watch = watch_for(recorded.plan, client, checked, how.mapping_path)
    with Journal(
        how.journal_path,
        now=how.now,
        by=how.by,
        resume=True,
        approved=how.approved,
        terms=how.terms,
    ) as journal:
        run = how.executor(client, journal, watch).resume(recorded, checked.renamed)
    return _proven(run, how, by=recorded.run.by, approved=recorded.run.approved)


def _proven(run: Run, how: Execution, *, by: str, approved: Approved | None) -> Run:
    try:
        digest = journal_digest(how.journal_path)
    except UsageError:
        # The disk that stopped the run may not give the journal back either.
        digest = ""
    return replace(run, by=by, approved=approved, journal_sha256=digest)


def plan_undo(
    recorded: Recorded,
    client: Client,
    *,
    protect: Iterable[str] = (),
    remove_at_most: int | None = None,
    now: Callable[[], str] = utc_now,
) -> Plan:
    """Read the server and make the plan that takes a run back; see `kanport.apply.undo`.

    Sends no procedure that writes. Raises PlanStale where the run was on another server.
    """
    check_server(recorded.plan, client)
    usernames, user_ids = people_to_read(recorded)
    current = read_current(
        client,
        choose_projects=lambda projects: projects_to_read(
            recorded.plan, projects, removing=remove_at_most is not None
        ),
        usernames=usernames,
        user_ids=user_ids,
    )
    return undo_plan(
        recorded,
        current,
        protect=protect,
        remove_at_most=remove_at_most,
        created_at=now(),
        version=__version__,
        made_by=current_actor(),
    )


def verify_plan(plan: Plan, client: Client, run: Run | None = None) -> tuple[VerifyResult, ...]:
    """Compare the server with a plan, change by change; only read.

    Of what differs, the verdict says whether `run` says itself that it did not make it: then nobody
    has changed it since. Raises PlanStale where the plan is for another server.
    """
    check_server(plan, client)
    verdicts = verify(plan, client)
    if run is None:
        return verdicts
    not_made = {
        outcome.change_id: "unanswered" if outcome.unknown else _NOT_MADE[outcome.status]
        for outcome in run.outcomes
        if outcome.status in _NOT_MADE
    }
    return tuple(
        replace(one, actual=fact("not-made-by-run", case=case, found=one.actual))
        if one.actual is not None and (case := not_made.get(one.change_id)) is not None
        else one
        for one in verdicts
    )


_NOT_MADE = {
    Status.NOT_ATTEMPTED: "not-started",
    Status.SKIPPED: "skipped",
    Status.FAILED: "failed",
}


def remember(
    plan: Plan,
    run: Run | None,
    *,
    mapping_path: Path | None = None,
    now: Callable[[], str] = utc_now,
) -> None:
    """Record a plan and its run in the ledger; `run` is None if there were no changes.

    The mapping is at `mapping_path`, else where the plan says. Does nothing if it keeps no ledger.
    Raises ConfigInvalid if the ledger cannot be written; the run stays as it is.
    """
    path = ledger_of(plan, mapping_path)
    if path is not None:
        record(path, plan.server.url, ledger_update(plan, run), now=now())


# --- interrupted runs -----------------------------------------------------------------------------


def interrupted_runs(
    state: Path | None, mapping_path: Path, url: str, *, warn: Callable[[Fact], None]
) -> Iterator[tuple[Path, Recorded]]:
    """Yield the journals of a mapping on this server (the URL of its API) that have no end.

    They are in the state folder, and the oldest comes first. Journals older than the last entry of
    the ledger are left out. `warn` gets each file with the name of a journal that is none.
    """
    for path in sorted(state_folder(state).glob("*.journal.jsonl")):
        if has_end(path):
            continue
        try:
            recorded = load_journal(path)
        except UsageError as problem:
            warn(fact("journal-unreadable", journal=str(path), why=problem.why))
            continue
        plan = recorded.plan
        same = Path(plan.mapping.path).absolute() == mapping_path.absolute()
        if recorded.ended or not same or canonical_url(plan.server.url) != canonical_url(url):
            continue
        ledger = ledger_of(plan, mapping_path)
        if ledger is None or plan.created_at >= recall(ledger, url).counted_at:
            yield path, recorded


def settle_interrupted_runs(
    client: Client, report: Reporter, state: Path | None, mapping: Path
) -> None:
    """Find out how far interrupted runs of a mapping came, report it, and write it into the ledger.

    Sends no procedure that writes; each journal then has an end. Raises Unreachable if the server
    is lost, and ConfigInvalid as `remember`.
    """
    for path, recorded in interrupted_runs(state, mapping, client.url, warn=report.notice):
        how = Execution(path)
        try:
            with Journal(path, now=how.now, by=how.by, resume=True) as journal:
                run = how.executor(client, journal).inspect(recorded)
                tally = run.tally()
                remember(recorded.plan, run, mapping_path=mapping, now=how.now)
                # Last of all: the next run repeats what failed before.
                journal.end(tally, stopped=run.stopped)
        except JournalBroken as problem:
            report.notice(fact("run-not-settled", why=UsageError(str(problem)).why))
        except (UsageError, LockHeld) as problem:
            report.notice(fact("run-not-settled", why=problem.why))
        else:
            log_event(logger, "run.settled", cut_off=run.id, tally=tally.to_dict())
            report.notice(
                fact(
                    "run-settled",
                    run=run.id,
                    made=tally.done + tally.already,
                    planned=tally.planned,
                    journal=str(path),
                )
            )
