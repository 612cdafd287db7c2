"""Every use case of Kanport, as functions and context managers. The command line uses nothing else.

Nothing here prints, asks or exits. What is wrong with single rows is in `findings` of what comes
back; what stops a use case is raised (`kanport.errors`), and each error has the exit code of the
command line. A callback, `progress`, gets the events of `kanport.results` as they arise.

`import kanport` gives what most callers need: `read`, `connect`, `plan`, `apply`, `sync`, `resume`,
`undo`, `verify` and `render`, with the values that they take and return.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self, overload

from kanport import __version__
from kanport.apply.executor import Options
from kanport.apply.journal import Recorded, load_journal
from kanport.approval import approval_key, approved_for, load_approval
from kanport.config import Layers, Settings, settings_of
from kanport.errors import ConfigInvalid, Exit, GuardTripped, LockHeld, UsageError
from kanport.events import new_run_id, tell
from kanport.facts import Fact, fact
from kanport.kanboard.client import Client
from kanport.messages import counted
from kanport.network import LONGEST_EXCHANGE
from kanport.outcome import Approved, Outcome, Run
from kanport.pipeline.alone import alone, wait_for_killed_runs
from kanport.pipeline.checking import check_fresh, check_resumable, ledger_of, protected_now
from kanport.pipeline.cut_off import runs_cut_off, settle_run
from kanport.pipeline.inputs import Inputs, read_inputs
from kanport.pipeline.keeping import load_plan_or_journal, state_stem
from kanport.pipeline.ledgers import ledger_beside
from kanport.pipeline.planning import check_guards, passwords_for, plan_inputs, utc_now
from kanport.pipeline.running import (
    Execution,
    apply_plan,
    plan_undo,
    remember,
    remember_good,
    resume_run,
    verify_plan,
)
from kanport.plan.guards.allowances import NotAllowable, parse_allowed
from kanport.plan.model import Plan
from kanport.plan.plan_file import load_plan, plan_digest, write_plan
from kanport.proof import write_report
from kanport.proof.drawing import drawn_with_proof
from kanport.report import view as views
from kanport.report.formats import FORMATS, format_of
from kanport.report.mask import Mask, masked_findings
from kanport.report.parts import View
from kanport.results import (
    Compared,
    OnProgress,
    PlanMade,
    Reporter,
    Result,
    RunEnded,
    Settled,
    SourcesRead,
    Stage,
    Verification,
    ignore,
    never,
    random_passwords,
)

__all__ = [
    "Application",
    "Caller",
    "FilePath",
    "Inputs",
    "Options",
    "PasswordsInDanger",
    "Plan",
    "Ready",
    "Result",
    "Resumption",
    "RunCutOff",
    "Server",
    "Verification",
    "allowance",
    "apply",
    "approval_beside",
    "connect",
    "load",
    "plan",
    "read",
    "render",
    "resume",
    "save",
    "sync",
    "undo",
    "verify",
    "view_of",
]

logger = logging.getLogger(__name__)

FilePath = str | os.PathLike[str]
NOTHING_ALLOWED: Mapping[str, int] = MappingProxyType({})


# --- inputs ---------------------------------------------------------------------------------------


def read(
    mapping: FilePath,
    *,
    state: FilePath | None = None,
    request_timeout: float = LONGEST_EXCHANGE,
    progress: OnProgress = ignore,
) -> Inputs:
    """Read a mapping and all its sources; talk to no server.

    Args:
        mapping: the mapping file.
        state: the state folder, which may hold the ledger; default: KANPORT_STATE, else `kanport`
            in the state folder of the user.
        request_timeout: the most seconds that one exchange with a directory takes.
        progress: a callback for events (`kanport.results`).

    Returns:
        The inputs, with `desired` (what the sources ask for) and `findings` (what is wrong with
        rows and values).

    Raises:
        ConfigInvalid: the mapping is invalid.
        SourceInvalid: a source cannot be used at all; `findings` says why.
        Unreachable: a source cannot be read.
    """
    report = _reporter(progress)
    with report.stage(Stage.SOURCES):
        inputs = read_inputs(
            Path(mapping), request_timeout=request_timeout, state=state_folder_of(state)
        )
    report(SourcesRead(len(inputs.desired.users), len(inputs.desired.memberships)))
    return inputs


# --- the server -----------------------------------------------------------------------------------


class Server:
    """A connection to one Kanboard server; use it in a `with` block."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self.settings = settings
        self.client = client

    @property
    def url(self) -> str:
        """The URL of the server's API."""
        return self.client.url

    def close(self) -> None:
        """Close all connections."""
        self.client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def connect(
    url: str | Settings | None = None,
    *,
    token: str | None = None,
    token_file: FilePath | None = None,
    ca_file: FilePath | None = None,
    allow_http: bool = False,
    auth_header: str | None = None,
    timeout: float | None = None,
    request_timeout: float | None = None,
    batch_size: int | None = None,
    read_only: bool = False,
    warn: Callable[[str], None] = logger.warning,
) -> Server:
    """Return a connection to a Kanboard server, for a `with` block; nothing is sent yet.

    What is not given comes from the environment: KANPORT_URL, KANPORT_TOKEN or KANPORT_TOKEN_FILE,
    KANPORT_CA_FILE and so on. `kanport.toml` is not read.

    Args:
        url: the server, with or without `/jsonrpc.php`; or settings (`kanport.config`).
        token: the application token, from Kanboard's settings page, under API.
        token_file: a file with the token, which only its owner can read.
        ca_file: certificates of a private authority, in PEM.
        allow_http: whether to send the token over plain http:// to another machine.
        auth_header: the header for the credentials, for servers that lose the usual one.
        timeout: seconds that the server may be silent.
        request_timeout: the most seconds that one request takes.
        batch_size: calls in one request; default: as many as the server answers in a second.
        read_only: whether to refuse every procedure that writes.
        warn: a callback for a sentence about a connection that is not safe.

    Raises:
        ConfigInvalid: the server or the token is missing, or a setting is invalid.
    """
    if isinstance(url, Settings):
        return Server(url, Client.open(url, read_only=read_only, warn=warn))
    environ = dict(os.environ)
    if token is not None:
        if token_file is not None:
            raise ConfigInvalid("token and token_file are both given; give one of them")
        environ.pop("KANPORT_TOKEN_FILE", None)
        environ["KANPORT_TOKEN"] = token
    flags = {
        "url": url,
        "token_file": token_file,
        "ca_file": ca_file,
        "allow_http": allow_http,
        "auth_header": auth_header,
        "timeout": timeout,
        "request_timeout": request_timeout,
        "batch_size": batch_size,
    }
    settings = settings_of(Layers(flags, environ))
    if token is not None:
        settings = replace(settings, token_from="the token given to connect")  # noqa: S106
    return connect(settings, read_only=read_only, warn=warn)


# --- plans ----------------------------------------------------------------------------------------


def plan(
    inputs: Inputs,
    server: Server,
    *,
    allow: Mapping[str, int] = NOTHING_ALLOWED,
    progress: OnProgress = ignore,
) -> Plan:
    """Read the server and make the plan; send no procedure that writes.

    Args:
        inputs: what `read` returned.
        server: what `connect` returned.
        allow: safety checks to override for this plan, each up to a number: `{"disable": 40}`.
        progress: a callback for events (`kanport.results`).

    Returns:
        The plan, with `changes`, `findings`, `withheld`, `guards`, `blocked_by` and `exit_code`.

    Raises:
        SourceInvalid: errors in the source data, and the mapping does not skip invalid rows.
        ConfigInvalid: the ledger cannot be used.
        Unreachable: the server cannot be read.
        UsageError: `allow` names no safety check.
    """
    allowed = allowance(f"{name}={number}" for name, number in allow.items())
    report = _reporter(progress)
    with report.stage(Stage.SERVER):
        made = plan_inputs(inputs, server.client, allowed=allowed)
    report(PlanMade(made))
    return made


def allowance(texts: Iterable[str]) -> dict[str, int]:
    """Return what texts such as `disable=40` allow; raise UsageError for one that means nothing."""
    try:
        return parse_allowed(texts)
    except NotAllowable as problem:
        raise UsageError(str(problem)) from None


def load(path: FilePath) -> Plan | Result:
    """Return the plan of a file, or the run that a journal records.

    Raises:
        UsageError: the file is neither, or was changed since it was written.
        ConfigInvalid: the key that signs approvals cannot be used.
    """
    found, run = load_plan_or_journal(Path(path))
    if run is None:
        return found
    kept = load_journal(Path(path)).terms.passwords_to
    return Result(found, run, Path(path), passwords_to=(kept,) if kept is not None else ())


def save(plan: Plan, path: FilePath) -> None:
    """Write a plan to a file, for its owner alone; raise UsageError where it cannot be written."""
    write_plan(Path(path), plan)


# --- carrying out ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs Kanport: the command that other runs are told of, and the id of the run."""

    command: str = "kanport, called from Python"
    run_id: str = field(default_factory=new_run_id)


def apply(
    plan: Plan | FilePath,
    server: Server,
    *,
    journal: FilePath | None = None,
    mapping: FilePath | None = None,
    passwords_to: FilePath | None = None,
    approval: FilePath | None = None,
    require_approval: bool = False,
    options: Options | None = None,
    state: FilePath | None = None,
    wait: float = 0.0,
    progress: OnProgress = ignore,
    should_stop: Callable[[], bool] = never,
) -> Result:
    """Carry out exactly this plan, or refuse if the server has changed since.

    Args:
        plan: the plan, or its file.
        server: what `connect` returned.
        journal: the record of the run, a new file; default: beside the file of the plan
            (`PLAN.journal.jsonl`), else in the state folder.
        mapping: where the mapping is now, if not where the plan says.
        passwords_to: a new file for the random passwords of new users; without one they are lost.
        approval: the file with the approval, which is then required; default: beside the plan.
        require_approval: whether to refuse a plan that nobody has approved.
        options: the number of connections, calls a second, and failures to accept.
        state: the state folder, as of `read`.
        wait: seconds to wait for another run on the same server or ledger.
        progress: a callback for events (`kanport.results`).
        should_stop: is asked before each batch; True ends the run there.

    Returns:
        The result, with `outcomes`, `tally` and `exit_code`.

    Raises:
        GuardTripped: a safety check stops the plan, or the approval is missing.
        PlanStale: the server, the mapping or a source has changed since the plan was made.
        LockHeld: another run is at work.
        UsageError: the plan was changed, or the journal or another file cannot be written.
        Unreachable: the server cannot be read; nothing was written.
    """
    application = Application(
        plan,
        journal=journal,
        mapping=mapping,
        passwords_to=passwords_to,
        approval=approval,
        require_approval=require_approval,
        options=options,
        state=state,
        progress=progress,
    )
    with application.on(server, wait=wait) as ready:
        return ready.run(should_stop=should_stop)


class RunCutOff(UsageError):
    """A run of this very plan was cut off; `resume` finishes it. `journal` is its record."""

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

    def check_again(self) -> None:
        """Check the plan once more, after a question that may have stood for hours."""
        self._how = self._check()

    def run(
        self, *, passwords_to: Path | None = None, should_stop: Callable[[], bool] = never
    ) -> Result:
        """Carry out the changes and write the ledger; `passwords_to` is as for `apply`."""
        how = replace(self._how, passwords_to=passwords_to or self._how.passwords_to)
        result = _carried_out(self.plan, how, self._carry_out, self._report, should_stop)
        if self._new_run is None:
            return result
        return _remembered_as_good(result, self._new_run, how.mapping_path, self._report)


class Application:
    """A plan to carry out, checked as far as that needs no server.

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
        options: Options | None = None,
        state: FilePath | None = None,
        caller: Caller | None = None,
        progress: OnProgress = ignore,
    ) -> None:
        self._report = _reporter(progress)
        self._caller = caller or Caller()
        self._state = state_folder_of(state)
        self._mapping = _path(mapping)
        self._passwords_to = _path(passwords_to)
        self._options = options
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
        self._required = require_approval or approval is not None
        self._approval = _path(approval) or (approval_beside(path) if path is not None else None)
        self._approved = self._look_at_approval()
        if journal is not None:
            self.journal = Path(journal)
        elif path is not None:
            self.journal = path.with_name(f"{path.stem}.journal.jsonl")
        else:
            stem = state_stem(self._state, self.plan, self._caller.run_id)
            self.journal = stem.with_name(f"{stem.name}.journal.jsonl")
        if self.plan.changes:
            # Nobody should be asked for what cannot be done anyway.
            _refuse_journal(self.journal, self.plan)
            if self._passwords_to is not None:
                refuse_existing(
                    self._passwords_to, "what an earlier run may have written", "--passwords-to"
                )

    @contextmanager
    def on(self, server: Server, *, wait: float = 0.0) -> Iterator[Ready]:
        """Lock the server and the ledger, and check the plan against the server.

        Raises LockHeld, PlanStale, GuardTripped and Unreachable.
        """
        client = server.client
        with alone(
            server.url,
            ledger_of(self.plan, self._mapping),
            state=self._state,
            command=self._caller.command,
            token=server.settings.token,
            journal=self.journal,
            wait=wait,
        ) as killed:
            with self._report.stage(Stage.SERVER):
                wait_for_killed_runs(client, killed, self._state)
                checked = check_fresh(self.plan, client, self._mapping)
            how = Execution(
                self.journal,
                passwords_for(self.plan, self._mapping),
                self._passwords_to,
                _options(self._options, server),
                approved=self._approved,
                approval_path=self._approval if self._required else None,
                mapping_path=self._mapping,
                checked=checked,
            )

            def check() -> Execution:
                approved = self._look_at_approval()
                with self._report.stage(Stage.SERVER_AGAIN):
                    again = check_fresh(self.plan, client, self._mapping)
                return replace(how, approved=approved, checked=again)

            yield Ready(
                self.plan,
                frozenset(),
                how,
                check,
                lambda how: apply_plan(self.plan, client, how, run_id=self._caller.run_id),
                self._report,
                self._caller.run_id,
            )

    def _look_at_approval(self) -> Approved | None:
        return approval_of(self.plan, self._approval, self._report, required=self._required)


def resume(
    journal: FilePath,
    server: Server,
    *,
    mapping: FilePath | None = None,
    passwords_to: FilePath | None = None,
    discard_passwords: bool = False,
    approval: FilePath | None = None,
    require_approval: bool = False,
    options: Options | None = None,
    state: FilePath | None = None,
    wait: float = 0.0,
    progress: OnProgress = ignore,
    should_stop: Callable[[], bool] = never,
) -> Result:
    """Finish the run of a journal that was cut off, and return what became of all of its plan.

    Kanport reads everything that has no outcome: what is as the plan wants it was done, what is as
    it was before is carried out now, and the rest is skipped. A run that is finished is returned as
    it is.

    Args:
        journal: the record of the run.
        server: what `connect` returned.
        mapping: where the mapping is now, if not where the plan says.
        passwords_to: a new file for the random passwords of new users; needed where the run keeps
            them in a file, unless `discard_passwords` says that nobody needs them.
        discard_passwords: whether random passwords may be lost that the run kept in a file so far.
        approval: the file with the approval, which is then required.
        require_approval: whether to refuse a plan that nobody has approved.
        options: the number of connections, calls a second, and failures to accept.
        state: the state folder, as of `read`.
        wait: seconds to wait for another run on the same server or ledger.
        progress: a callback for events (`kanport.results`).
        should_stop: is asked before each batch; True ends the run there.

    Raises:
        GuardTripped: a safety check stops the rest, or the approval is missing.
        PlanStale: the journal is of another server, or the mapping or a source has changed.
        LockHeld: another run is at work.
        UsageError: the file is no journal, or passwords would be lost.
        Unreachable: the server cannot be read.
    """
    resumption = Resumption(
        journal,
        mapping=mapping,
        passwords_to=passwords_to,
        discard_passwords=discard_passwords,
        approval=approval,
        require_approval=require_approval,
        options=options,
        state=state,
        progress=progress,
    )
    with resumption.on(server, wait=wait) as ready:
        if isinstance(ready, Result):
            return ready
        return ready.run(should_stop=should_stop)


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


class Resumption:
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
        options: Options | None = None,
        state: FilePath | None = None,
        caller: Caller | None = None,
        progress: OnProgress = ignore,
    ) -> None:
        self._report = _reporter(progress)
        self._caller = caller or Caller()
        self._state = state_folder_of(state)
        self._mapping = _path(mapping)
        self._passwords_to = _path(passwords_to)
        self._options = options
        self._named = _path(approval)
        self._wanted = require_approval or approval is not None
        self.journal = Path(journal)
        self.recorded = load_journal(self.journal)
        self._approved: Approved | None = None
        if not self.recorded.finished:
            check_guards(self.recorded.plan)
            self._approved = self._look_at_approval()
            _refuse_to_lose_passwords(self.recorded, self._passwords_to, discard_passwords)

    @contextmanager
    def on(self, server: Server, *, wait: float = 0.0) -> Iterator[Ready | Result]:
        """Lock the server and the ledger, and check what is left against the server.

        Gives the result where nothing is left to do. Raises LockHeld, PlanStale, GuardTripped and
        Unreachable.
        """
        client = server.client
        with alone(
            server.url,
            ledger_of(self.recorded.plan, self._mapping),
            state=self._state,
            command=self._caller.command,
            token=server.settings.token,
            journal=self.journal,
            wait=wait,
        ) as killed:
            # The run may have come further while another one was waited for.
            recorded = self.recorded = load_journal(self.journal)
            kept = recorded.terms.passwords_to
            if recorded.finished:
                files = (kept,) if kept is not None else ()
                yield Result(recorded.plan, recorded.run, self.journal, passwords_to=files)
                return
            with self._report.stage(Stage.SERVER):
                wait_for_killed_runs(client, killed, self._state, but=[self.journal])
                check_resumable(recorded, client, self._mapping)
            how = Execution(
                self.journal,
                passwords_for(recorded.plan, self._mapping),
                self._passwords_to,
                _options(self._options, server),
                approved=self._approved,
                approval_path=self._approval if self._wanted else None,
                mapping_path=self._mapping,
                kept_in=kept,
            )

            def check() -> Execution:
                return replace(how, approved=self._approved and self._look_at_approval())

            yield Ready(
                recorded.plan,
                frozenset(recorded.settled),
                how,
                check,
                lambda how: resume_run(recorded, client, how),
                self._report,
            )

    @property
    def _approval(self) -> Path:
        if self._named is not None:
            return self._named
        if self.recorded.terms.approval is not None:
            return self.recorded.terms.approval
        # The journal of plan.json is plan.journal.jsonl, by default.
        stem = self.journal.name.removesuffix(".jsonl").removesuffix(".journal")
        return approval_beside(self.journal.with_name(f"{stem}.json"))

    def _look_at_approval(self) -> Approved | None:
        """Return the approval where apply would want one, or did when the run began."""
        if not self._wanted and self.recorded.terms.approval is None:
            return None
        return approval_of(self.recorded.plan, self._approval, self._report, required=True)


def sync(
    mapping: FilePath,
    *,
    url: str | None = None,
    token: str | None = None,
    server: Server | None = None,
    allow: Mapping[str, int] = NOTHING_ALLOWED,
    state: FilePath | None = None,
    passwords_to: FilePath | None = None,
    options: Options | None = None,
    wait: float = 0.0,
    caller: Caller | None = None,
    progress: OnProgress = ignore,
    should_stop: Callable[[], bool] = never,
) -> Result:
    """Plan, check, carry out and verify, as the nightly run does.

    Locks the server and the ledger, finds out what an earlier run did that was cut off, keeps plan
    and journal in the state folder, writes the ledger, and reads both sides again after the run.

    Args:
        mapping: the mapping file.
        url: the server; default: KANPORT_URL.
        token: the application token; default: KANPORT_TOKEN or KANPORT_TOKEN_FILE.
        server: what `connect` returned, instead of `url` and `token`.
        allow: safety checks to override for this run, each up to a number: `{"disable": 40}`.
        state: the state folder, as of `read`.
        passwords_to: a new file for the random passwords of new users; without one they are lost.
        options: the number of connections, calls a second, and failures to accept.
        wait: seconds to wait for another run on the same server or ledger.
        caller: the command that other runs are told of, and the id of the run.
        progress: a callback for events (`kanport.results`).
        should_stop: is asked before each batch; True ends the run there.

    Returns:
        The result, with `changes`, `findings`, `outcomes`, `tally` and `exit_code`. `needed` are
        the changes that are still needed after the run.

    Raises:
        GuardTripped: a safety check stops the plan; nothing was written.
        SourceInvalid: errors in the source data, and the mapping does not skip invalid rows.
        ConfigInvalid: the mapping, the ledger or the settings are invalid.
        Unreachable: the server or a source cannot be read.
        LockHeld: another run is at work.
        UsageError: the state folder or another file cannot be written.
    """
    path, folder = Path(mapping), state_folder_of(state)
    caller = caller or Caller(f"kanport sync {path}, called from Python")
    allowed = allowance(f"{name}={number}" for name, number in allow.items())
    report = _reporter(progress)
    ledger = ledger_beside(path, folder)
    with ExitStack() as stack:
        if server is None:
            server = stack.enter_context(connect(url, token=token))
        client = server.client
        killed = stack.enter_context(
            alone(
                server.url,
                ledger,
                state=folder,
                command=caller.command,
                token=server.settings.token,
                wait=wait,
            )
        )
        own = [one for one, _ in runs_cut_off(folder, path, client.url, warn=lambda left_out: None)]
        wait_for_killed_runs(client, killed, folder, but=own)
        _settle_runs_cut_off(client, report, folder, path)
        inputs = read(
            path, state=folder, request_timeout=server.settings.timeouts.total, progress=report
        )
        with report.stage(Stage.SERVER):
            made = plan_inputs(inputs, client, allowed=allowed)
        stem = plan_file = None
        if made.changes or made.blocked_by:
            stem = state_stem(folder, made, caller.run_id)
            plan_file = stem.with_name(f"{stem.name}.plan.json")
            write_plan(plan_file, made)
        report(PlanMade(made, plan_file))
        check_guards(made)
        if stem is None:
            result = _nothing_to_do(made, path, report)
        else:
            how = Execution(
                stem.with_name(f"{stem.name}.journal.jsonl"),
                passwords_for(made, path),
                _path(passwords_to),
                _options(options, server),
                mapping_path=path,
            )
            if how.given_passwords:
                # The sources were read once more, which takes its time.
                how = replace(how, checked=check_fresh(made, client, path))
            result = _carried_out(
                made,
                how,
                lambda how: apply_plan(made, client, how, run_id=caller.run_id),
                report,
                should_stop,
            )
            result = replace(result, plan_file=plan_file)
            if result.exit_code in (Exit.OK, Exit.PARTIAL):
                result = _compared(result, inputs, client, report)
        return _remembered_as_good(result, caller.run_id, path, report)


# --- afterwards -----------------------------------------------------------------------------------


def undo(
    journal: FilePath,
    server: Server,
    *,
    mapping: FilePath | None = None,
    remove_created: int | None = None,
    state: FilePath | None = None,
    wait: float = 0.0,
    caller: Caller | None = None,
    progress: OnProgress = ignore,
) -> Plan:
    """Return the plan that takes a run back as far as Kanboard's API allows; write nothing.

    Only what the run itself did is taken back, and only where the server still has it as the run
    left it. What cannot be taken back is in `findings`.

    Args:
        journal: the record of the run.
        server: what `connect` returned.
        mapping: where the mapping is now, if not where the plan says; it says who is protected.
        remove_created: remove the users that the run created, at most so many, instead of
            disabling them.
        state: the state folder, as of `read`.
        wait: seconds to wait for another run on the same server.
        caller: the command that other runs are told of.
        progress: a callback for events (`kanport.results`).

    Raises:
        UsageError: the file is no journal.
        PlanStale: the run was on another server.
        LockHeld: another run is at work.
        Unreachable: the server cannot be read.
    """
    path, folder = Path(journal), state_folder_of(state)
    report = _reporter(progress)
    recorded = load_journal(path)
    protect = protected_now(recorded.plan, _path(mapping))
    if protect is None:
        report.notice(fact("protect-unreadable", mapping=recorded.plan.mapping.path))
    if not recorded.ended:
        report.notice(fact("undo-cut-off"))
    caller = caller or Caller()
    with (
        alone(
            server.url,
            None,
            state=folder,
            command=caller.command,
            token=server.settings.token,
            wait=wait,
        ) as killed,
        report.stage(Stage.SERVER),
    ):
        wait_for_killed_runs(server.client, killed, folder, also=[path])
        # The run may have come further while it was waited for.
        made = plan_undo(
            load_journal(path),
            server.client,
            protect=protect or (),
            remove_at_most=remove_created,
        )
    report(PlanMade(made))
    return made


def verify(
    plan: Plan | Result | FilePath, server: Server, *, progress: OnProgress = ignore
) -> Verification:
    """Compare the server with a plan, change by change; only read.

    Args:
        plan: the plan, what became of it, or the file of a plan or journal.
        server: what `connect` returned.
        progress: a callback for events (`kanport.results`).

    Raises:
        PlanStale: the plan is for another server.
        UsageError: the file is neither plan nor journal.
        Unreachable: the server cannot be read.
    """
    found = plan if isinstance(plan, Plan | Result) else load(plan)
    wanted, run = (found.plan, found.run) if isinstance(found, Result) else (found, None)
    report = _reporter(progress)
    with report.stage(Stage.VERIFICATION):
        verdicts = verify_plan(wanted, server.client)
    return Verification(wanted, verdicts, utc_now(), run)


# --- reports --------------------------------------------------------------------------------------

Reported = Inputs | Plan | Result | Verification


@overload
def render(
    what: Reported,
    path: FilePath,
    *,
    format: str | None = None,
    table: str | None = None,
    mask: bool = False,
) -> None: ...


@overload
def render(
    what: Reported,
    path: None = None,
    *,
    format: str | None = None,
    table: str | None = None,
    mask: bool = False,
) -> str: ...


def render(
    what: Reported,
    path: FilePath | None = None,
    *,
    format: str | None = None,
    table: str | None = None,
    mask: bool = False,
) -> str | None:
    """Write a report to a file, or return it as text.

    Args:
        what: inputs, a plan, the result of a run, or a verification.
        path: the file; its ending says the format. Without one, the report is returned.
        format: text, markdown, json, html, csv, junit, sarif, github, or excel for a file; default:
            by the ending of the file, else text.
        table: the table that a CSV file holds: changes, findings, access or rows.
        mask: whether to put pseudonyms in place of names, logins and email addresses.

    Raises:
        UsageError: the format is unknown or has no text, or the file cannot be written.
    """
    target = _path(path)
    if format is None:
        form = format_of(target) if target is not None else FORMATS["text"]
    elif format in FORMATS:
        form = FORMATS[format]
    else:
        raise UsageError(f'"{format}" is no format', hint=f"use one of {', '.join(FORMATS)}")
    shown = view_of(what, mask=mask)
    if target is not None:
        write_report(target, shown, form, table=table, masked=mask)
        return None
    if form.binary:
        raise UsageError(f"a report in the format {form.name} needs a file", hint="name a path")
    content, _ = drawn_with_proof(shown, form, table=table, masked=mask)
    return content.decode("utf-8")


def view_of(what: Reported, *, mask: bool = False, next_steps: tuple[str, ...] = ()) -> View:
    """Return the view that every format is drawn from; `next_steps` are shown at its end."""
    if isinstance(what, Inputs):
        sources, findings = what.source_refs, what.findings
        if mask:
            sources, findings = masked_findings(sources, findings)
        return views.of_validation(
            what.mapping_ref,
            sources,
            findings,
            users=len(what.desired.users),
            memberships=len(what.desired.memberships),
            version=__version__,
        )
    if isinstance(what, Plan):
        return views.of_plan(Mask(what).plan if mask else what, next_steps=next_steps)
    plan, run = what.plan, what.run
    masked = Mask(plan) if mask else None
    if masked is not None:
        plan, run = masked.plan, run and masked.run(run)
    if isinstance(what, Verification):
        verdicts = what.verdicts if masked is None else masked.verdicts(what.verdicts)
        return views.of_verification(plan, verdicts, run=run, looked_at=what.verified_at)
    if run is None:
        return views.of_plan(plan, next_steps=next_steps)
    return views.of_run(plan, run, next_steps=next_steps)


# --- approvals ------------------------------------------------------------------------------------


def approval_beside(plan_path: Path) -> Path:
    """Return where the approval of a plan is by default.

    >>> str(approval_beside(Path("plan.json")))
    'plan.approval.json'
    """
    return plan_path.with_name(f"{plan_path.stem}.approval.json")


def approval_of(
    plan: Plan, path: Path | None, report: Reporter, *, required: bool
) -> Approved | None:
    """Return the approval that a run records; raise GuardTripped if one is required and missing."""
    if path is None:
        if required:
            raise GuardTripped(
                "there is no approval of this plan; nothing was written",
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
            why = "; ".join((problem.message, *problem.details))
            report.notice(fact("approval-ignored", approval=str(path), why=why))
            return None
        if isinstance(problem, GuardTripped):
            raise
        raise GuardTripped(
            f"there is no approval of this plan; nothing was written: {problem.message}",
            details=problem.details,
            hint="look at the plan, then: kanport approve PLAN.json --by NAME --note TEXT",
        ) from problem


# --- the inside of runs ---------------------------------------------------------------------------


def state_folder_of(state: FilePath | None) -> Path | None:
    """Return the state folder that is named, else that of KANPORT_STATE; None for the default."""
    return _path(state) or _path(os.environ.get("KANPORT_STATE") or None)


def refuse_existing(path: Path, what: str, option: str) -> None:
    """Raise UsageError for a file that must be new."""
    if os.path.lexists(path):
        raise UsageError(
            f"{path} exists already: it is {what}",
            hint=f"name another file with {option}, or move that one away",
        )


def _path(path: FilePath | None) -> Path | None:
    return None if path is None else Path(path)


def _reporter(progress: OnProgress) -> Reporter:
    return progress if isinstance(progress, Reporter) else Reporter(progress)


def _options(options: Options | None, server: Server) -> Options:
    return options if options is not None else Options(batch_size=server.settings.batch_size)


def _refuse_journal(path: Path, plan: Plan) -> None:
    """Refuse to write over a journal; RunCutOff is raised for that of a run to resume."""
    if not os.path.lexists(path):
        return
    try:
        recorded = load_journal(path)
    except UsageError:
        recorded = None
    if recorded is None or recorded.plan.digest != plan.digest:
        refuse_existing(path, "the journal of an earlier run", "--journal")
        return
    if recorded.finished:
        raise UsageError(
            f"this plan was carried out by run {recorded.run.id}, and nothing is left to do"
            f" ({path}); nothing was written",
            hint=f"kanport report {path} shows the run; to change more, make a new plan",
        )
    tally = recorded.run.tally()
    raise RunCutOff(
        f"a run of this plan was cut off: {tally.done + tally.already} of its {tally.planned}"
        f" changes are made ({path}); nothing was written",
        journal=path,
        recorded=recorded,
    )


def _refuse_to_lose_passwords(recorded: Recorded, passwords_to: Path | None, discard: bool) -> None:
    if passwords_to is not None and os.path.lexists(passwords_to):
        raise PasswordsInDanger(
            f"{passwords_to} exists already; it may hold the passwords of an earlier run",
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


def _carried_out(
    plan: Plan,
    how: Execution,
    carry_out: Callable[[Execution], Run],
    report: Reporter,
    should_stop: Callable[[], bool],
) -> Result:
    """Carry out a plan or the rest of it, and write the ledger."""
    if not plan.changes:
        return _nothing_to_do(plan, how.mapping_path, report)
    changes = {change.id: change for change in plan.changes}

    def settled(outcome: Outcome) -> None:
        change = changes[outcome.change_id]
        tell(
            logger,
            "change.settled",
            change=change.id,
            action=str(change.action),
            **{name: value for name, value in change.subject if value is not None},
            status=str(outcome.status),
            reason=outcome.reason,
        )
        report(Settled(change, outcome))

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


def _nothing_to_do(plan: Plan, mapping: Path | None, report: Reporter) -> Result:
    remembered = _remembered(plan, None, mapping, report)
    return Result(plan, remembered=remembered, notices=tuple(report.notices))


def _remembered(plan: Plan, run: Run | None, mapping: Path | None, report: Reporter) -> bool:
    try:
        remember(plan, run, mapping_path=mapping)
    except ConfigInvalid as problem:
        report.notice(_unwritten("run", problem))
        return False
    return True


def _remembered_as_good(
    result: Result, run_id: str, mapping: Path | None, report: Reporter
) -> Result:
    """Write into the ledger that nothing is left to do, if that is so."""
    if result.exit_code is not Exit.OK:
        return result
    try:
        remember_good(result.plan, run_id=run_id, mapping_path=mapping)
    except ConfigInvalid as problem:
        report.notice(_unwritten("good", problem))
        return replace(result, remembered=False, notices=tuple(report.notices))
    return result


def _unwritten(case: str, problem: ConfigInvalid) -> Fact:
    return fact("ledger-unwritten", case=case, why=problem.message, hint=problem.hint or "")


def _compared(result: Result, inputs: Inputs, client: Client, report: Reporter) -> Result:
    """Read the server once more and plan again; nothing should be left to do.

    For those who are missing it is the same run, so the second plan has the time of the first.
    """
    with report.stage(Stage.VERIFICATION):
        left = plan_inputs(inputs, client, now=lambda: result.plan.created_at)
    tell(logger, "run.verified", left=len(left.changes))
    report(Compared(left.changes))
    return replace(result, needed=left.changes)


def _settle_runs_cut_off(
    client: Client, report: Reporter, state: Path | None, mapping: Path
) -> None:
    """Find out what earlier runs of a mapping did that were cut off, and report each, once."""
    for path, recorded in runs_cut_off(state, mapping, client.url, warn=report.notice):
        try:
            run = settle_run(recorded, client, Execution(path), mapping)
        except (UsageError, LockHeld) as problem:
            report.notice(fact("run-not-settled", why=problem.message))
            continue
        tally = run.tally()
        tell(logger, "run.settled", cut_off=run.id, tally=tally.to_dict())
        report.notice(
            fact(
                "run-settled",
                run=run.id,
                made=tally.done + tally.already,
                planned=tally.planned,
                journal=str(path),
            )
        )
