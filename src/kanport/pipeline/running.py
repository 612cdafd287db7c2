"""Carrying a plan out, finishing it, taking it back, and looking whether it holds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from kanport import __version__
from kanport.apply.concurrency import Options
from kanport.apply.executor import Executor
from kanport.apply.journal import Journal, Recorded, Terms, journal_digest
from kanport.apply.passwords import Passwords
from kanport.apply.undo import people_to_read, projects_to_read, undo_plan
from kanport.apply.verify import verify
from kanport.apply.watch import Watch
from kanport.errors import UsageError
from kanport.kanboard.client import Client
from kanport.kanboard.current import read_current
from kanport.ledger import record, record_good
from kanport.outcome import Approved, Outcome, Run, Verdict
from kanport.pipeline.checking import Checked, check_resumable, ledger_of, watch_for
from kanport.pipeline.planning import check_server, utc_now, who_runs
from kanport.plan.ledger_update import good_run_of, ledger_update
from kanport.plan.model import Plan


@dataclass(frozen=True)
class Execution:
    """How a plan is carried out, for the first time or to its end.

    The journal is written as it goes. Random passwords go to `passwords_to` where that is given.
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
    by: str = field(default_factory=who_runs)
    approved: Approved | None = None
    approval_path: Path | None = None
    mapping_path: Path | None = None
    checked: Checked | None = None
    discard_passwords: bool = False
    kept_in: Path | None = None

    @property
    def terms(self) -> Terms:
        """What the run is begun, or gone on with, under."""
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
    """Carry out a plan whose guards hold and which is fresh, and return what became of it.

    Raises UsageError, before a journal is written, for a client that only reads.
    """
    client.check_may_write()
    watch = watch_for(plan, client, how.checked or Checked(), how.mapping_path)
    with Journal(
        how.journal_path, now=how.now, by=how.by, approved=how.approved, terms=how.terms
    ) as journal:
        run = how.executor(client, journal, watch).run(plan, run_id=run_id, version=__version__)
    return _proven(run, how, by=how.by, approved=how.approved)


def resume_run(recorded: Recorded, client: Client, how: Execution) -> Run:
    """Finish a run that was cut off, and return what became of all of its plan.

    Of one that is finished already nothing is written. Raises as `check_resumable`.
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
    plan = undo_plan(
        recorded,
        current,
        protect=protect,
        remove_at_most=remove_at_most,
        created_at=now(),
        version=__version__,
    )
    return plan.model_copy(update={"made_by": who_runs()})


def verify_plan(plan: Plan, client: Client) -> tuple[Verdict, ...]:
    """Say of each change of a plan whether the server is as the plan wants it; only reads.

    Raises PlanStale where the plan is for another server.
    """
    check_server(plan, client)
    return verify(plan, client)


def remember(
    plan: Plan,
    run: Run | None,
    *,
    mapping_path: Path | None = None,
    now: Callable[[], str] = utc_now,
) -> None:
    """Record in the ledger what a plan and a run of it teach; None where there was nothing to do.

    The ledger lies where the plan says, beside the mapping (`mapping_path`, else where the plan
    says). Nothing is done where the mapping names none. Raises ConfigInvalid where the ledger
    cannot be written; what the run did stays done.
    """
    path = ledger_of(plan, mapping_path)
    if path is not None:
        record(path, plan.server.url, ledger_update(plan, run), now=now())


def remember_good(
    plan: Plan,
    *,
    run_id: str,
    mapping_path: Path | None = None,
    now: Callable[[], str] = utc_now,
) -> None:
    """Record in the ledger that nothing was left to do, and what the sources looked like.

    Nothing is done for a plan that was made from no source. Raises as `remember`.
    """
    path = ledger_of(plan, mapping_path)
    if path is not None and plan.sources:
        record_good(path, plan.server.url, good_run_of(plan, run_id=run_id, now=now()))
