"""Apply and resume: the use cases around a run, from the lock to the ledger.

A plan or a journal is checked in two steps: first as far as that needs no server (`Application`,
`Resumption`), then with the locks held and the server at hand (`Ready`). `kanport.pipeline.run`
does what is inside. Approvals beside plans are made and checked here.
"""

import logging
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kanport import __version__
from kanport.apply.concurrency import Options
from kanport.apply.journal import Recorded, load_journal
from kanport.apply.passwords import check_new_passwords
from kanport.approval import (
    Approval,
    approval_key,
    approve,
    approved_for,
    by_planner,
    load_approval,
    write_approval,
)
from kanport.errors import ConfigInvalid, Exit, GuardTripped, LockHeld, UsageError
from kanport.events import log_event, new_run_id
from kanport.facts import Fact, fact
from kanport.files import ArtifactKind, check_target
from kanport.kanboard.client import Client
from kanport.ledger import record_good
from kanport.lock import LockHolder
from kanport.messages import counted
from kanport.outcome import Approved, Outcome, Run
from kanport.pipeline.inputs import Inputs, files_of_plan
from kanport.pipeline.planning import check_guards, passwords_for, plan_inputs
from kanport.pipeline.results import (
    FilePath,
    OnProgress,
    RemainingChanges,
    Reporter,
    Result,
    RunEnded,
    Settled,
    Stage,
    ignore,
    never,
    path_of,
    random_passwords,
    reporter_of,
)
from kanport.pipeline.run import (
    Execution,
    apply_plan,
    check_fresh,
    check_resumable,
    ledger_of,
    remember,
    resume_run,
)
from kanport.pipeline.run_locks import run_lock, wait_for_killed_runs
from kanport.pipeline.state_dir import (
    current_actor,
    journal_beside,
    state_stem,
    utc_now,
    utc_text,
)
from kanport.plan.ledger_update import good_run_of
from kanport.plan.model import Plan
from kanport.plan.partial import Only
from kanport.plan.plan_file import load_plan, plan_digest
from kanport.records import dataclass

logger = logging.getLogger(__name__)


# --- approvals ------------------------------------------------------------------------------------


def approval_beside(plan_path: Path) -> Path:
    """Return where the approval of a plan is by default.

    >>> str(approval_beside(Path("plan.json")))
    'plan.approval.json'
    """
    return plan_path.with_name(f"{plan_path.stem}.approval.json")


def approval_of(
    plan: Plan,
    path: Path | None,
    report: Reporter,
    *,
    required: bool,
    plan_path: Path | None = None,
) -> Approved | None:
    """Return the approval that a run records; raise GuardTripped if one is required and missing.

    `plan_path` is the file of the plan, for the hint.
    """
    if path is None:
        if required:
            raise GuardTripped(
                "this plan is not approved; nothing was written",
                hint="name the file of the approval",
            )
        return None
    if not required and not path.exists():
        return None
    try:
        approval = load_approval(path)
        return approved_for(approval, plan, now=utc_now(), key=approval_key(os.environ))
    except (GuardTripped, UsageError) as problem:
        if not required:
            # What stops a run is no matter here: only why the approval does not count.
            why = "; ".join(problem.details) or problem.message
            report.notice(fact("approval-ignored", approval=str(path), why=why))
            return None
        message = problem.message
        if not isinstance(problem, GuardTripped):
            message = f"this plan is not approved ({message}); nothing was written"
        raise GuardTripped(
            message,
            details=problem.details,
            hint=f"look at the plan, then: {_approve_line(plan_path, path)}",
        ) from problem


def _approve_line(plan_path: Path | None, path: Path) -> str:
    """Return the command that approves a plan, in the file where a run looks for the approval."""
    known = plan_path is not None and plan_path.exists()
    line = ["kanport", "approve", str(plan_path) if known else "PLAN.json"]
    line += ["--by", "NAME", "--note", "TEXT"]
    if plan_path is None or not known or path != approval_beside(plan_path):
        line += ["-o", str(path)]
    return shlex.join(line)


@dataclass(frozen=True, slots=True)
class GivenApproval:
    """An approval that was written, and what became of others in its file.

    `replaced` are approvals of the same plan that it replaces, `approvers` is how many people must
    approve the plan, and `run` the id of a run that carried out the plan already, or empty.
    """

    approval: Approval
    replaced: tuple[Approval, ...] = ()
    approvers: int = 1
    run: str = ""


def approve_plan(
    plan_path: Path, *, by: str, note: str, lasts: timedelta, paths: Sequence[Path] = ()
) -> GivenApproval:
    """Write the approval of exactly the plan of a file, signed if a key is set, to `paths`.

    Approvals of the plan that the file has already stay in it, if the mapping requires several.

    Raises GuardTripped for a plan that a safety check stops, ConfigInvalid for a key that cannot be
    used, and UsageError.
    """
    plan = load_plan(plan_path)
    paths = paths or (approval_beside(plan_path),)
    for path in paths:
        check_target(path, inputs=[plan_path, *files_of_plan(plan)], over=ArtifactKind.APPROVAL)
    check_guards(plan, so="nobody can approve it")
    now = datetime.now(UTC).replace(microsecond=0)
    approvers = plan.approval.approvers if plan.approval is not None else 1
    before = _approvals_in(paths, plan, needed=approvers > 1)
    approval = approve(
        plan,
        by=by,
        note=note,
        approved_at=utc_text(now),
        expires_at=utc_text(now + lasts),
        recorded_by=current_actor(),
        version=__version__,
        key=approval_key(os.environ),
        others=before if approvers > 1 else (),
    )
    if why := list(by_planner(approval, plan)):
        raise GuardTripped(
            "this approval would not be valid, so Kanport did not write it", details=why
        )
    for path in paths:
        write_approval(path, approval)
    kept = {one.digest for one in approval.others}
    return GivenApproval(
        approval,
        tuple(one for one in before if one.digest not in kept),
        approvers,
        _run_of(plan, journal_beside(plan_path)),
    )


def _approvals_in(paths: Sequence[Path], plan: Plan, *, needed: bool) -> tuple[Approval, ...]:
    """Return the approvals of a plan in the first of these files that exists.

    Raise UsageError for a file that is no approval, if they are `needed`.
    """
    for path in paths:
        if path.is_file():
            try:
                return tuple(one for one in load_approval(path).all if one.plan == plan.digest)
            except UsageError:
                if needed:
                    raise
                break
    return ()


def _run_of(plan: Plan, journal: Path) -> str:
    """Return the id of the run of a plan that a journal records; empty for no or another run."""
    try:
        recorded = load_journal(journal)
    except UsageError:
        return ""
    return recorded.run.id if recorded.finished and recorded.plan.digest == plan.digest else ""


# --- apply and resume -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs Kanport: the command, as other runs report it, and the id of the run."""

    command: str = "kanport, called from Python"
    run_id: str = field(default_factory=new_run_id)


class RunCutOff(UsageError):
    """A run of this plan was interrupted; `resume` finishes it. `journal` is its journal."""

    def __init__(self, message: str, *, journal: Path, recorded: Recorded) -> None:
        super().__init__(message, hint="resume the run of this journal")
        self.journal = journal
        self.recorded = recorded


@dataclass(slots=True)
class Ready:
    """A run before its first change: the lock is held, and every check has passed.

    `plan` is the plan, `settled` the ids of changes that an earlier part of the run settled.
    """

    plan: Plan
    settled: frozenset[str]
    _how: Execution
    _check: Callable[[], Execution]
    _carry_out: Callable[[Execution], Run]
    _report: Reporter
    # Of a new run, which the ledger takes for a good one if nothing is left to do.
    _new_run: str | None = None

    @property
    def approved(self) -> Approved | None:
        """The approval that the run has."""
        return self._how.approved

    def check_again(self) -> None:
        """Check the plan once more, after a question that may have stood for hours."""
        self._how = self._check()

    def run(
        self, *, passwords_to: Path | None = None, should_stop: Callable[[], bool] = never
    ) -> Result:
        """Carry out the changes and write the ledger; `passwords_to` is as for `apply`."""
        how = replace(self._how, passwords_to=passwords_to or self._how.passwords_to)
        result = carry_out_and_record(self.plan, how, self._carry_out, self._report, should_stop)
        if self._new_run is None:
            return result
        return remembered_as_good(result, self._new_run, how.mapping_path, self._report)


class _Prepared:
    """A run to begin or to finish, checked as far as that needs no server."""

    def __init__(
        self,
        mapping: FilePath | None,
        passwords_to: FilePath | None,
        caller: Caller | None,
        progress: OnProgress,
    ) -> None:
        self._report = reporter_of(progress)
        self._caller = caller or Caller()
        self._mapping = path_of(mapping)
        self._passwords_to = path_of(passwords_to)

    def _run_lock(
        self, server: Client, plan: Plan, journal: Path, *, state: Path | None, wait: float
    ) -> AbstractContextManager[tuple[LockHolder, ...]]:
        """Lock the server and the ledger; yield the holders of the locks that were killed."""
        return run_lock(
            server.url,
            ledger_of(plan, self._mapping),
            state=state,
            command=self._caller.command,
            token=server.settings.token,
            journal=journal,
            wait=wait,
        )

    def _execution(
        self, server: Client, plan: Plan, journal: Path, options: Options | None, **more: Any
    ) -> Execution:
        return Execution(
            journal,
            passwords_for(plan, self._mapping),
            self._passwords_to,
            options_for(options, server),
            mapping_path=self._mapping,
            **more,
        )


class Application(_Prepared):
    """A plan to apply, checked as far as that needs no server.

    The arguments are those of `apply`. Raises GuardTripped, UsageError and RunCutOff.
    """

    def __init__(
        self,
        plan: Plan | FilePath,
        *,
        journal: FilePath | None = None,
        mapping: FilePath | None = None,
        passwords_to: FilePath | None = None,
        approval: FilePath | None = None,
        require_approval: bool = False,
        caller: Caller | None = None,
        progress: OnProgress = ignore,
    ) -> None:
        super().__init__(mapping, passwords_to, caller, progress)
        if isinstance(plan, Plan):
            path = None
            if plan.digest != plan_digest(plan):
                raise UsageError(
                    "the plan was changed after it was made",
                    hint="a plan is applied as it was made, or not at all",
                )
            self.plan = plan
        else:
            path = Path(plan)
            self.plan = load_plan(path)
        check_guards(self.plan)
        by_mapping = self.plan.approval is not None and bool(self.plan.changes)
        self._required = require_approval or approval is not None or by_mapping
        self._approval = path_of(approval) or (approval_beside(path) if path is not None else None)
        self._plan_path = path
        self.journal: Path | None = path_of(journal)
        if journal is None and path is not None:
            self.journal = journal_beside(path)
        # Nobody should be asked for what cannot be done anyway, and be it an approval.
        if self.plan.changes and self.journal is not None:
            _refuse_journal(self.journal, self.plan)
        self._approved = self._look_at_approval()
        if self.plan.changes and self._passwords_to is not None:
            check_new_passwords(self._passwords_to)

    @contextmanager
    def on(
        self,
        server: Client,
        *,
        options: Options | None = None,
        state: FilePath | None = None,
        wait: float = 0.0,
    ) -> Iterator[Ready]:
        """Lock the server and the ledger, and check the plan against the server.

        Raises LockHeld, PlanStale, GuardTripped and Unreachable.
        """
        folder = path_of(state)
        journal = self.journal
        if journal is None:
            stem = state_stem(folder, self.plan, self._caller.run_id)
            journal = stem.with_name(f"{stem.name}.journal.jsonl")
        with self._run_lock(server, self.plan, journal, state=folder, wait=wait) as killed:
            with self._report.stage(Stage.SERVER):
                wait_for_killed_runs(server, killed, folder)
                checked = check_fresh(self.plan, server, self._mapping)
            how = self._execution(
                server,
                self.plan,
                journal,
                options,
                approved=self._approved,
                approval_path=self._approval if self._required else None,
                checked=checked,
            )

            def check() -> Execution:
                approved = self._look_at_approval()
                with self._report.stage(Stage.SERVER_AGAIN):
                    again = check_fresh(self.plan, server, self._mapping)
                return replace(how, approved=approved, checked=again)

            yield Ready(
                self.plan,
                frozenset(),
                how,
                check,
                lambda how: apply_plan(self.plan, server, how, run_id=self._caller.run_id),
                self._report,
                self._caller.run_id,
            )

    def _look_at_approval(self) -> Approved | None:
        return approval_of(
            self.plan,
            self._approval,
            self._report,
            required=self._required,
            plan_path=self._plan_path,
        )


class PasswordsInDanger(UsageError):
    """A resumed run would lose random passwords, or write them over others.

    `recorded` is what the journal says, `names` the users whose passwords would be lost.
    """

    def __init__(
        self, message: str, *, recorded: Recorded, names: tuple[str, ...] = (), hint: str
    ) -> None:
        super().__init__(message, hint=hint)
        self.recorded = recorded
        self.names = names


class Resumption(_Prepared):
    """A run to finish, checked as far as that needs no server; the arguments are those of `resume`.

    Raises GuardTripped, UsageError and PasswordsInDanger.
    """

    def __init__(
        self,
        journal: FilePath,
        *,
        mapping: FilePath | None = None,
        passwords_to: FilePath | None = None,
        discard_passwords: bool = False,
        approval: FilePath | None = None,
        require_approval: bool = False,
        caller: Caller | None = None,
        progress: OnProgress = ignore,
    ) -> None:
        super().__init__(mapping, passwords_to, caller, progress)
        self._named = path_of(approval)
        self.journal = Path(journal)
        self.recorded = load_journal(self.journal)
        by_mapping = self.recorded.plan.approval is not None
        self._required = require_approval or approval is not None or by_mapping
        self._approved: Approved | None = None
        if not self.recorded.finished:
            check_guards(self.recorded.plan)
            self._approved = self._look_at_approval()
            _refuse_to_lose_passwords(self.recorded, self._passwords_to, discard_passwords)

    @contextmanager
    def on(
        self,
        server: Client,
        *,
        options: Options | None = None,
        state: FilePath | None = None,
        wait: float = 0.0,
    ) -> Iterator[Ready | Result]:
        """Lock the server and the ledger, and check what is left against the server.

        Yields the result where nothing is left to do. Raises LockHeld, PlanStale, GuardTripped and
        Unreachable.
        """
        folder = path_of(state)
        plan = self.recorded.plan
        with self._run_lock(server, plan, self.journal, state=folder, wait=wait) as killed:
            # The run may have come further while another one was waited for.
            recorded = self.recorded = load_journal(self.journal)
            kept = recorded.terms.passwords_to
            if recorded.finished:
                files = (kept,) if kept is not None else ()
                yield Result(recorded.plan, recorded.run, self.journal, passwords_to=files)
                return
            with self._report.stage(Stage.SERVER):
                wait_for_killed_runs(server, killed, folder, but=[self.journal])
                check_resumable(recorded, server, self._mapping)
            how = self._execution(
                server,
                recorded.plan,
                self.journal,
                options,
                approved=self._approved,
                approval_path=self._approval if self._required else None,
                kept_in=kept,
            )

            def check() -> Execution:
                return replace(how, approved=self._approved and self._look_at_approval())

            yield Ready(
                recorded.plan,
                frozenset(recorded.settled),
                how,
                check,
                lambda how: resume_run(recorded, server, how),
                self._report,
            )

    @property
    def _approval(self) -> Path:
        if self._named is not None:
            return self._named
        if self.recorded.terms.approval is not None:
            return self.recorded.terms.approval
        return approval_beside(self._plan_path)

    @property
    def _plan_path(self) -> Path:
        # The journal of plan.json is plan.journal.jsonl, by default.
        stem = self.journal.name.removesuffix(".jsonl").removesuffix(".journal")
        return self.journal.with_name(f"{stem}.json")

    def _look_at_approval(self) -> Approved | None:
        """Return the approval if apply would need one, or needed one when the run began."""
        if not self._required and self.recorded.terms.approval is None:
            return None
        return approval_of(
            self.recorded.plan,
            self._approval,
            self._report,
            required=True,
            plan_path=self._plan_path,
        )


# --- the inside of runs ---------------------------------------------------------------------------


def options_for(options: Options | None, server: Client) -> Options:
    """Return how to apply a plan; by default as the settings of the server say."""
    return options if options is not None else Options(batch_size=server.settings.batch_size)


def _refuse_journal(path: Path, plan: Plan) -> None:
    """Raise UsageError if a journal exists; RunCutOff for that of an interrupted run."""
    if not os.path.lexists(path):
        return
    try:
        recorded = load_journal(path)
    except UsageError:
        recorded = None
    if recorded is None or recorded.plan.digest != plan.digest:
        raise UsageError(
            f"{path} exists already: it is the journal of an earlier run; nothing was written",
            hint="name another file with --journal, or move that one away",
        )
    if recorded.finished:
        raise UsageError(
            f"this plan was carried out by run {recorded.run.id}, and nothing is left to do"
            f" ({path}); nothing was written",
            hint=f"kanport report {path} shows the run; to change more, make a new plan",
        )
    tally = recorded.run.tally()
    if recorded.running:
        raise LockHeld(
            f"a run of this plan is still running: {tally.done + tally.already} of its"
            f" {tally.planned} changes are made ({path}); nothing was written",
            hint="wait until it has ended",
        )
    raise RunCutOff(
        f"a run of this plan was cut off: {tally.done + tally.already} of its {tally.planned}"
        f" changes are made ({path}); nothing was written",
        journal=path,
        recorded=recorded,
    )


def _refuse_to_lose_passwords(recorded: Recorded, passwords_to: Path | None, discard: bool) -> None:
    if passwords_to is not None and os.path.lexists(passwords_to):
        raise PasswordsInDanger(
            f"{passwords_to} exists already; it may hold the passwords of an earlier run;"
            " nothing was written",
            recorded=recorded,
            hint="name another file for the passwords",
        )
    kept = recorded.terms.passwords_to
    names = random_passwords(recorded.plan, recorded.settled)
    if kept is None or passwords_to is not None or discard or not names:
        return
    raise PasswordsInDanger(
        f"the run keeps the random passwords of new users in {kept}; without a new file, those of"
        f" {counted(len(names), 'new user', 'new users')} would be lost; nothing was written",
        recorded=recorded,
        names=names,
        hint="name a new file for the passwords, or say that nobody needs them",
    )


def carry_out_and_record(
    plan: Plan,
    how: Execution,
    carry_out: Callable[[Execution], Run],
    report: Reporter,
    should_stop: Callable[[], bool],
) -> Result:
    """Apply a plan or the rest of it, and write the ledger."""
    if not plan.changes:
        return nothing_to_do(plan, how.mapping_path, report)
    changes = {change.id: change for change in plan.changes}

    def settled(outcome: Outcome) -> None:
        change = changes[outcome.change_id]
        subject: dict[str, Any] = {
            "username": change.username,
            "project": change.project,
            "group": change.group,
        }
        log_event(
            logger,
            "change.settled",
            change=change.id,
            action=str(change.action),
            **{name: value for name, value in subject.items() if value is not None},
            status=str(outcome.status),
            reason=outcome.reason,
            code=None if outcome.why is None else outcome.why.code,
        )
        report(Settled(change, outcome))

    if how.passwords_to is not None:
        check_new_passwords(how.passwords_to)
    with report.stage(Stage.CHANGES, len(plan.changes), how.journal_path):
        run = carry_out(replace(how, on_outcome=settled, should_stop=should_stop))
    result = Result(
        plan,
        run,
        how.journal_path,
        passwords_to=tuple(path for path in (how.passwords_to, how.kept_in) if path is not None),
        remembered=_remembered(plan, run, how.mapping_path, report),
    )
    result = replace(result, notices=tuple(report.notices))
    report(RunEnded(result))
    return result


def nothing_to_do(plan: Plan, mapping: Path | None, report: Reporter) -> Result:
    """Record a plan without changes in the ledger."""
    remembered = _remembered(plan, None, mapping, report)
    return Result(plan, remembered=remembered, notices=tuple(report.notices))


def _remembered(plan: Plan, run: Run | None, mapping: Path | None, report: Reporter) -> bool:
    try:
        remember(plan, run, mapping_path=mapping)
    except ConfigInvalid as problem:
        report.notice(_unwritten("run", problem))
        return False
    return True


def remembered_as_good(
    result: Result, run_id: str, mapping: Path | None, report: Reporter
) -> Result:
    """Record in the ledger that nothing is left to do, if that is so."""
    plan = result.plan
    if result.exit_code is not Exit.OK or plan.partial is not None:
        return result
    path = ledger_of(plan, mapping)
    if path is None or not plan.sources:
        return result
    try:
        now = utc_now()
        record_good(path, plan.server.url, good_run_of(plan, run_id=run_id, now=now))
    except ConfigInvalid as problem:
        report.notice(_unwritten("good", problem))
        return replace(result, remembered=False, notices=tuple(report.notices))
    return result


def _unwritten(case: str, problem: ConfigInvalid) -> Fact:
    return fact("ledger-unwritten", case=case, why=problem.why, hint=problem.hint or "")


def compared(
    result: Result, inputs: Inputs, client: Client, report: Reporter, only: Only | None = None
) -> Result:
    """Read the server again and plan again; nothing should be left to do.

    The second plan has the time of the first: no waiting time passes between the two.
    """
    with report.stage(Stage.VERIFICATION):
        left = plan_inputs(inputs, client, only=only, now=lambda: result.plan.created_at)
    log_event(logger, "run.verified", left=len(left.changes))
    report(RemainingChanges(left.changes))
    return replace(result, needed=left.changes)
