"""Every use case of Kanport, as functions and context managers. The command line uses nothing else.

Nothing here prints, asks or exits. What is wrong with single rows is in `findings` of what comes
back; what stops a use case is raised (`kanport.errors`), and each error has the exit code of the
command line. A callback, `progress`, gets the events as they arise: `Started`, `Ended`,
`SourcesRead`, `PlanMade`, `Settled`, `RunEnded`, `RemainingChanges` and `Notice`.

`import kanport` gives what most callers need: `read`, `connect`, `plan`, `apply`, `sync`, `resume`,
`undo`, `verify` and `render`, with the values that they take and return.
"""

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from kanport.config.file import Layers
from kanport.config.settings import Settings, settings_of
from kanport.errors import ConfigInvalid, Exit, GuardTripped, UsageError
from kanport.facts import fact
from kanport.findings import Finding
from kanport.kanboard.client import Client
from kanport.mapping import load_mapping
from kanport.mapping.spec import mapping_schema
from kanport.network import LONGEST_EXCHANGE
from kanport.outcome import Run
from kanport.pipeline.inputs import Inputs, files_named, files_of_plan, read_inputs
from kanport.pipeline.planning import check_guards, passwords_for, plan_inputs
from kanport.pipeline.reports import (
    Reported,
    ShortReport,
    check_report_file,
    compare_files,
    explain,
    load_plan_or_journal,
    view_of,
    view_of_findings,
)
from kanport.pipeline.results import (
    Ended,
    FilePath,
    Notice,
    OnProgress,
    PlanMade,
    Progress,
    RemainingChanges,
    Result,
    RunEnded,
    Settled,
    SourcesRead,
    Stage,
    Started,
    Verification,
    ignore,
    never,
    path_of,
    random_passwords,
    reporter_of,
)
from kanport.pipeline.state_dir import (
    journal_beside,
    ledger_of_mapping,
    state_folder,
    state_stem,
    utc_now,
)
from kanport.plan.guards.allowances import NotAllowable, parse_allowed
from kanport.plan.model import Plan
from kanport.plan.partial import parse_only
from kanport.plan.plan_file import dump_plan, plan_schema, write_plan
from kanport.report import FORMATS, format_of

if TYPE_CHECKING:
    from kanport.access.lists import AccessLists
    from kanport.access.snapshot import Snapshot, is_snapshot, load_snapshot
    from kanport.annotate import Written
    from kanport.apply.concurrency import Options
    from kanport.apply.journal import Recorded, load_journal
    from kanport.apply.passwords import check_new_passwords
    from kanport.doctor import examine
    from kanport.doctor.checks import Check
    from kanport.doctor.checks import as_json as checks_as_json
    from kanport.doctor.checks import exit_for as exit_for_checks
    from kanport.doctor.checks import lines as check_lines
    from kanport.init import DirectoryKind
    from kanport.pipeline.access import access_report, compare_access, history, read_access
    from kanport.pipeline.apply import (
        Application,
        Caller,
        GivenApproval,
        PasswordsInDanger,
        Ready,
        Resumption,
        RunCutOff,
        approval_beside,
        approve_plan,
    )
    from kanport.pipeline.evidence import pack as pack_evidence
    from kanport.pipeline.evidence import write_evidence
    from kanport.pipeline.evidence_check import Evidence
    from kanport.pipeline.evidence_check import check as check_evidence
    from kanport.pipeline.monitored import RunReporter, monitored
    from kanport.pipeline.review import (
        By,
        ReviewResult,
        ReviewStatus,
        StartedReview,
        close_review,
        collect_review,
        review_status,
        start_review,
    )
    from kanport.pipeline.setup import (
        Adoptable,
        Exported,
        adopting,
        check_new_mapping,
        export,
        ledger_needed,
        mapping_for_directory,
        mapping_for_file,
    )
    from kanport.plan.ownership import Adoption
    from kanport.report.proof import Checks, drawn_with_proof, write_report

__all__ = [
    "AccessLists",
    "Adoptable",
    "Adoption",
    "Application",
    "By",
    "Caller",
    "Check",
    "Checks",
    "Client",
    "DirectoryKind",
    "Ended",
    "Evidence",
    "Exported",
    "FilePath",
    "GivenApproval",
    "Inputs",
    "Notice",
    "OnProgress",
    "Options",
    "PasswordsInDanger",
    "Plan",
    "PlanMade",
    "Progress",
    "Ready",
    "Recorded",
    "RemainingChanges",
    "Result",
    "Resumption",
    "ReviewResult",
    "ReviewStatus",
    "Run",
    "RunCutOff",
    "RunEnded",
    "RunReporter",
    "Settled",
    "ShortReport",
    "Snapshot",
    "SourcesRead",
    "Stage",
    "Started",
    "StartedReview",
    "Verification",
    "Written",
    "access_report",
    "adopting",
    "allowance",
    "apply",
    "approval_beside",
    "approve_plan",
    "check_evidence",
    "check_lines",
    "check_mapping",
    "check_new_mapping",
    "check_new_passwords",
    "check_report_file",
    "checks_as_json",
    "close_review",
    "collect_review",
    "compare_access",
    "compare_files",
    "connect",
    "drawn_with_proof",
    "dump_plan",
    "examine",
    "exit_for_checks",
    "explain",
    "export",
    "files_named",
    "files_of_plan",
    "history",
    "is_snapshot",
    "journal_beside",
    "ledger_needed",
    "load",
    "load_journal",
    "load_snapshot",
    "mapping_for_directory",
    "mapping_for_file",
    "monitored",
    "pack_evidence",
    "parse_only",
    "plan",
    "random_passwords",
    "read",
    "read_access",
    "render",
    "resume",
    "review_status",
    "save",
    "schema",
    "start_review",
    "state_folder",
    "sync",
    "undo",
    "verify",
    "view_of",
    "view_of_findings",
    "write_evidence",
    "write_report",
]

# What a command or two needs, and where it is: loading it all takes longer than a small plan.
_ELSEWHERE: Mapping[str, str] = {
    "AccessLists": "kanport.access.lists:AccessLists",
    "Snapshot": "kanport.access.snapshot:Snapshot",
    "is_snapshot": "kanport.access.snapshot:is_snapshot",
    "load_snapshot": "kanport.access.snapshot:load_snapshot",
    "access_report": "kanport.pipeline.access:access_report",
    "compare_access": "kanport.pipeline.access:compare_access",
    "history": "kanport.pipeline.access:history",
    "read_access": "kanport.pipeline.access:read_access",
    "Written": "kanport.annotate:Written",
    "Application": "kanport.pipeline.apply:Application",
    "Caller": "kanport.pipeline.apply:Caller",
    "GivenApproval": "kanport.pipeline.apply:GivenApproval",
    "PasswordsInDanger": "kanport.pipeline.apply:PasswordsInDanger",
    "Ready": "kanport.pipeline.apply:Ready",
    "Resumption": "kanport.pipeline.apply:Resumption",
    "RunCutOff": "kanport.pipeline.apply:RunCutOff",
    "approval_beside": "kanport.pipeline.apply:approval_beside",
    "approve_plan": "kanport.pipeline.apply:approve_plan",
    "RunReporter": "kanport.pipeline.monitored:RunReporter",
    "monitored": "kanport.pipeline.monitored:monitored",
    "Options": "kanport.apply.concurrency:Options",
    "Recorded": "kanport.apply.journal:Recorded",
    "load_journal": "kanport.apply.journal:load_journal",
    "check_new_passwords": "kanport.apply.passwords:check_new_passwords",
    "examine": "kanport.doctor:examine",
    "Check": "kanport.doctor.checks:Check",
    "check_lines": "kanport.doctor.checks:lines",
    "checks_as_json": "kanport.doctor.checks:as_json",
    "exit_for_checks": "kanport.doctor.checks:exit_for",
    "DirectoryKind": "kanport.init:DirectoryKind",
    "Evidence": "kanport.pipeline.evidence_check:Evidence",
    "check_evidence": "kanport.pipeline.evidence_check:check",
    "pack_evidence": "kanport.pipeline.evidence:pack",
    "write_evidence": "kanport.pipeline.evidence:write_evidence",
    "By": "kanport.pipeline.review:By",
    "ReviewResult": "kanport.pipeline.review:ReviewResult",
    "StartedReview": "kanport.pipeline.review:StartedReview",
    "ReviewStatus": "kanport.pipeline.review:ReviewStatus",
    "close_review": "kanport.pipeline.review:close_review",
    "collect_review": "kanport.pipeline.review:collect_review",
    "review_status": "kanport.pipeline.review:review_status",
    "start_review": "kanport.pipeline.review:start_review",
    "Adoptable": "kanport.pipeline.setup:Adoptable",
    "Exported": "kanport.pipeline.setup:Exported",
    "adopting": "kanport.pipeline.setup:adopting",
    "check_new_mapping": "kanport.pipeline.setup:check_new_mapping",
    "export": "kanport.pipeline.setup:export",
    "ledger_needed": "kanport.pipeline.setup:ledger_needed",
    "mapping_for_directory": "kanport.pipeline.setup:mapping_for_directory",
    "mapping_for_file": "kanport.pipeline.setup:mapping_for_file",
    "Adoption": "kanport.plan.ownership:Adoption",
    "Checks": "kanport.report.proof:Checks",
    "drawn_with_proof": "kanport.report.proof:drawn_with_proof",
    "write_report": "kanport.report.proof:write_report",
}


def _load(name: str) -> Any:
    if name not in _ELSEWHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, what = _ELSEWHERE[name].partition(":")
    return getattr(import_module(module), what)


if not TYPE_CHECKING:  # Type checkers know the names, and tell a wrong one.
    __getattr__ = _load

logger = logging.getLogger(__name__)

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
        progress: a callback for events (`kanport.api`).

    Returns:
        The inputs, with `desired` (what the sources ask for) and `findings` (what is wrong with
        rows and values).

    Raises:
        ConfigInvalid: the mapping is invalid.
        SourceInvalid: a source cannot be used at all; `findings` says why.
        Unreachable: a source cannot be read.
    """
    report = reporter_of(progress)
    with report.stage(Stage.SOURCES):
        inputs = read_inputs(Path(mapping), request_timeout=request_timeout, state=path_of(state))
    report(SourcesRead(inputs))
    return inputs


# --- the server -----------------------------------------------------------------------------------


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
) -> Client:
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
        return Client.open(url, read_only=read_only, warn=warn)
    if token is not None and token_file is not None:
        raise ConfigInvalid("token and token_file are both given; give one of them")
    flags = {
        "url": url,
        "token": token,
        "token_file": token_file,
        "ca_file": ca_file,
        "allow_http": allow_http,
        "auth_header": auth_header,
        "timeout": timeout,
        "request_timeout": request_timeout,
        "batch_size": batch_size,
    }
    settings = settings_of(Layers(flags, dict(os.environ)))
    return connect(settings, read_only=read_only, warn=warn)


# --- plans ----------------------------------------------------------------------------------------


def plan(
    inputs: Inputs,
    server: Client,
    *,
    allow: Mapping[str, int] = NOTHING_ALLOWED,
    only: Iterable[str] = (),
    progress: OnProgress = ignore,
) -> Plan:
    """Read the server and make the plan; send no procedure that writes.

    Args:
        inputs: what `read` returned.
        server: what `connect` returned.
        allow: safety checks to override for this plan, each up to a number: `{"disable": 40}`.
        only: a part of the plan: `user:PATTERN`, `project:PATTERN` or an action.
        progress: a callback for events (`kanport.api`).

    Returns:
        The plan, with `changes`, `findings`, `withheld`, `guards`, `blocked_by` and `exit_code`.

    Raises:
        SourceInvalid: errors in the source data, and the mapping does not skip invalid rows.
        ConfigInvalid: the ledger cannot be used.
        Unreachable: the server cannot be read.
        UsageError: `allow` names no safety check, or `only` nothing that Kanport knows.
    """
    selected = parse_only(only)
    allowed = allowance(f"{name}={number}" for name, number in allow.items())
    report = reporter_of(progress)
    with report.stage(Stage.SERVER):
        made = plan_inputs(inputs, server, allowed=allowed, only=selected)
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
    from kanport.apply.journal import load_journal

    kept = load_journal(Path(path)).terms.passwords_to
    return Result(found, run, Path(path), passwords_to=(kept,) if kept is not None else ())


def annotate(inputs: Inputs, path: FilePath) -> "tuple[Written, ...]":
    """Write a copy of each list that was read, with its findings at their cells.

    Raise UsageError if the file cannot be written, or is no .xlsx file.
    """
    from kanport.annotate import write_annotated

    return write_annotated(inputs.mapping, inputs.findings, Path(path))


def annotate_broken(
    mapping: FilePath, findings: Iterable[Finding], path: FilePath
) -> "tuple[Written, ...]":
    """Write a copy of each list with the findings of a SourceInvalid, as `annotate`."""
    from kanport.annotate import write_annotated

    return write_annotated(load_mapping(Path(mapping)), findings, Path(path))


def check_lists(mapping: FilePath, annotated: Path | None, rejected: Path | None) -> None:
    """Check the names of the files for `annotate` and `rejects` before the sources are read.

    Raise UsageError for a wrong ending, and ConfigInvalid for an invalid mapping.
    """
    from kanport.annotate import check_lists as check

    check(load_mapping(Path(mapping)), annotated, rejected)


def rejects(inputs: Inputs, path: FilePath) -> "tuple[Written, ...]":
    """Write the rows of each list that are left out, as they were, with a column of reasons.

    Raise UsageError if the file cannot be written, or has not the type of the list.
    """
    from kanport.annotate import write_rejects

    return write_rejects(inputs.mapping, inputs.tables, inputs.findings, Path(path))


def suggest(inputs: Inputs) -> str:
    """Return the lines to add to a mapping for the values that it does not know; "" for none."""
    from kanport.suggest import lines_of, unknown_values

    found = unknown_values(inputs.mapping, inputs.tables, inputs.findings)
    return "".join(f"{line}\n" for line in lines_of(found))


def save(plan: Plan, path: FilePath) -> None:
    """Write a plan to a file, for its owner alone; raise UsageError where it cannot be written."""
    write_plan(Path(path), plan)


# --- carrying out ---------------------------------------------------------------------------------


def apply(
    plan: Plan | FilePath,
    server: Client,
    *,
    journal: FilePath | None = None,
    mapping: FilePath | None = None,
    passwords_to: FilePath | None = None,
    approval: FilePath | None = None,
    require_approval: bool = False,
    options: "Options | None" = None,
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
        progress: a callback for events (`kanport.api`).
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
    from kanport.pipeline.apply import Application

    application = Application(
        plan,
        journal=journal,
        mapping=mapping,
        passwords_to=passwords_to,
        approval=approval,
        require_approval=require_approval,
        progress=progress,
    )
    with application.on(server, options=options, state=state, wait=wait) as ready:
        return ready.run(should_stop=should_stop)


def resume(
    journal: FilePath,
    server: Client,
    *,
    mapping: FilePath | None = None,
    passwords_to: FilePath | None = None,
    discard_passwords: bool = False,
    approval: FilePath | None = None,
    require_approval: bool = False,
    options: "Options | None" = None,
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
        progress: a callback for events (`kanport.api`).
        should_stop: is asked before each batch; True ends the run there.

    Raises:
        GuardTripped: a safety check stops the rest, or the approval is missing.
        PlanStale: the journal is of another server, or the mapping or a source has changed.
        LockHeld: another run is at work.
        UsageError: the file is no journal, or passwords would be lost.
        Unreachable: the server cannot be read.
    """
    from kanport.pipeline.apply import Resumption

    resumption = Resumption(
        journal,
        mapping=mapping,
        passwords_to=passwords_to,
        discard_passwords=discard_passwords,
        approval=approval,
        require_approval=require_approval,
        progress=progress,
    )
    with resumption.on(server, options=options, state=state, wait=wait) as ready:
        if isinstance(ready, Result):
            return ready
        return ready.run(should_stop=should_stop)


def sync(
    mapping: FilePath,
    *,
    url: str | None = None,
    token: str | None = None,
    server: Client | None = None,
    allow: Mapping[str, int] = NOTHING_ALLOWED,
    only: Iterable[str] = (),
    state: FilePath | None = None,
    passwords_to: FilePath | None = None,
    options: "Options | None" = None,
    wait: float = 0.0,
    caller: "Caller | None" = None,
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
        only: a part of the plan, as of `plan`.
        state: the state folder, as of `read`.
        passwords_to: a new file for the random passwords of new users; without one they are lost.
        options: the number of connections, calls a second, and failures to accept.
        wait: seconds to wait for another run on the same server or ledger.
        caller: the command, as other runs report it, and the id of the run.
        progress: a callback for events (`kanport.api`).
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
    from kanport.pipeline.apply import (
        Caller,
        carry_out_and_record,
        compared,
        nothing_to_do,
        options_for,
        remembered_as_good,
    )
    from kanport.pipeline.run import (
        Execution,
        apply_plan,
        check_fresh,
        interrupted_runs,
        settle_interrupted_runs,
    )
    from kanport.pipeline.run_locks import run_lock, wait_for_killed_runs

    path, folder = Path(mapping), path_of(state)
    caller = caller or Caller(f"kanport sync {path}, called from Python")
    allowed = allowance(f"{name}={number}" for name, number in allow.items())
    selected = parse_only(only)
    report = reporter_of(progress)
    ledger = ledger_of_mapping(load_mapping(path).spec, path, folder)
    with ExitStack() as stack:
        if server is None:
            server = stack.enter_context(connect(url, token=token))
        killed = stack.enter_context(
            run_lock(
                server.url,
                ledger,
                state=folder,
                command=caller.command,
                token=server.settings.token,
                wait=wait,
            )
        )
        own = [
            one for one, _ in interrupted_runs(folder, path, server.url, warn=lambda left_out: None)
        ]
        wait_for_killed_runs(server, killed, folder, but=own)
        settle_interrupted_runs(server, report, folder, path)
        inputs = read(
            path, state=folder, request_timeout=server.settings.timeouts.total, progress=report
        )
        with report.stage(Stage.SERVER):
            made = plan_inputs(inputs, server, allowed=allowed, only=selected)
        stem = plan_file = None
        if made.changes or made.blocked_by:
            stem = state_stem(folder, made, caller.run_id)
            plan_file = stem.with_name(f"{stem.name}.plan.json")
            write_plan(plan_file, made)
        report(PlanMade(made, plan_file))
        check_guards(made, saved=False)
        if made.changes and made.approval is not None:
            raise GuardTripped(
                "the mapping requires an approval, so sync cannot apply this plan; nothing was"
                " written",
                hint=f"look at the plan, then: kanport approve {plan_file} --by NAME --note TEXT;"
                f" and kanport apply {plan_file}",
            )
        if stem is None:
            result = nothing_to_do(made, path, report)
        else:
            how = Execution(
                stem.with_name(f"{stem.name}.journal.jsonl"),
                passwords_for(made, path),
                path_of(passwords_to),
                options_for(options, server),
                mapping_path=path,
            )
            if how.given_passwords:
                # The sources were read once more, which takes its time.
                how = replace(how, checked=check_fresh(made, server, path))
            result = carry_out_and_record(
                made,
                how,
                lambda how: apply_plan(made, server, how, run_id=caller.run_id),
                report,
                should_stop,
            )
            result = replace(result, plan_file=plan_file)
            if result.exit_code in (Exit.OK, Exit.PARTIAL):
                result = compared(result, inputs, server, report, selected)
        return remembered_as_good(result, caller.run_id, path, report)


# --- afterwards -----------------------------------------------------------------------------------


def undo(
    journal: FilePath,
    server: Client,
    *,
    mapping: FilePath | None = None,
    remove_created: int | None = None,
    state: FilePath | None = None,
    wait: float = 0.0,
    caller: "Caller | None" = None,
    progress: OnProgress = ignore,
) -> Plan:
    """Return the plan that undoes a run as far as Kanboard's API allows; write nothing.

    Only what the run itself did is undone, and only where the server still has it as the run
    left it. What cannot be undone is in `findings`.

    Args:
        journal: the record of the run.
        server: what `connect` returned.
        mapping: where the mapping is now, if not where the plan says; it says who is protected.
        remove_created: remove the users that the run created, at most so many, instead of
            disabling them.
        state: the state folder, as of `read`.
        wait: seconds to wait for another run on the same server.
        caller: the command, as other runs report it.
        progress: a callback for events (`kanport.api`).

    Raises:
        UsageError: the file is no journal.
        PlanStale: the run was on another server.
        LockHeld: another run is at work.
        Unreachable: the server cannot be read.
    """
    from kanport.apply.journal import load_journal
    from kanport.pipeline.apply import Caller
    from kanport.pipeline.run import plan_undo, protected_now
    from kanport.pipeline.run_locks import run_lock, wait_for_killed_runs

    path, folder = Path(journal), path_of(state)
    report = reporter_of(progress)
    recorded = load_journal(path)
    protect = protected_now(recorded.plan, path_of(mapping))
    if protect is None:
        report.notice(fact("protect-unreadable", mapping=recorded.plan.mapping.path))
    if not recorded.ended:
        report.notice(fact("undo-cut-off"))
    caller = caller or Caller()
    with (
        run_lock(
            server.url,
            None,
            state=folder,
            command=caller.command,
            token=server.settings.token,
            wait=wait,
        ) as killed,
        report.stage(Stage.SERVER),
    ):
        wait_for_killed_runs(server, killed, folder, also=[path])
        # The run may have come further while it was waited for.
        made = plan_undo(
            load_journal(path),
            server,
            protect=protect or (),
            remove_at_most=remove_created,
        )
    report(PlanMade(made))
    return made


def verify(
    plan: Plan | Result | FilePath, server: Client, *, progress: OnProgress = ignore
) -> Verification:
    """Compare the server with a plan, change by change; only read.

    Args:
        plan: the plan, what became of it, or the file of a plan or journal.
        server: what `connect` returned.
        progress: a callback for events (`kanport.api`).

    Raises:
        PlanStale: the plan is for another server.
        UsageError: the file is neither plan nor journal.
        Unreachable: the server cannot be read.
    """
    from kanport.pipeline.run import verify_plan

    found = plan if isinstance(plan, Plan | Result) else load(plan)
    wanted, run = (found.plan, found.run) if isinstance(found, Result) else (found, None)
    report = reporter_of(progress)
    with report.stage(Stage.VERIFICATION):
        verdicts = verify_plan(wanted, server, run)
    return Verification(wanted, verdicts, utc_now(), run)


# --- reports --------------------------------------------------------------------------------------


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
    target = path_of(path)
    if format is None:
        form = format_of(target) if target is not None else FORMATS["text"]
    elif format in FORMATS:
        form = FORMATS[format]
    else:
        raise UsageError(f'"{format}" is not a format', hint=f"use one of {', '.join(FORMATS)}")
    from kanport.report.proof import drawn_with_proof, write_report

    shown = view_of(what, mask=mask)
    if target is not None:
        write_report(target, shown, form, table=table, masked=mask)
        return None
    if form.binary:
        raise UsageError(f"a report in the format {form.name} needs a file", hint="name a path")
    content, _ = drawn_with_proof(shown, form, table=table, masked=mask)
    return content.decode("utf-8")


def check_mapping(mapping: FilePath) -> None:
    """Check a mapping without reading its sources; raise ConfigInvalid with all its mistakes."""
    load_mapping(Path(mapping))


def schema(of: str = "mapping") -> dict[str, Any]:
    """Return the JSON Schema of the mapping, the plan or the report."""
    from kanport.report.json_file import report_schema

    made: dict[str, Any] = {
        "mapping": mapping_schema,
        "plan": plan_schema,
        "report": report_schema,
    }[of]()
    return made
