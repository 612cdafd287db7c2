"""Commands that write to the server: `apply`, `sync` and `resume`."""

import os
import re
import shlex
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.context import invocation_of, typed_options, value_of
from kanport.cli.options import (
    ALLOW,
    DETAIL,
    FORMAT,
    MAPPING,
    MONITORING,
    ONLY,
    STATE,
    WAIT,
    Command,
    OutputFile,
    approval_options,
    common_options,
    moved_mapping_option,
    server_options,
    with_options,
    writing_options,
    yes_option,
)
from kanport.cli.output import Output
from kanport.errors import UsageError

if TYPE_CHECKING:
    from kanport.api import PasswordsInDanger, Plan, Ready, Recorded


@click.command("apply", cls=Command)
@click.argument("plan_path", metavar="PLAN.json", type=click.Path(path_type=Path))
@yes_option("Without a terminal, apply requires it.")
@click.option(
    "--journal",
    "journal_path",
    type=OutputFile(),
    metavar="FILE",
    help="Journal of the run (default: PLAN.journal.jsonl beside the plan).",
)
@moved_mapping_option("Kanport needs it for passwords from a source and for the ledger.")
@approval_options
@WAIT
@FORMAT
@writing_options
@server_options
@with_options(*DETAIL)
@common_options
@click.pass_context
def apply_command(
    ctx: click.Context,
    /,
    plan_path: Path,
    yes: bool,
    journal_path: Path | None,
    mapping_path: Path | None,
    require_approval: bool,
    approval_path: Path | None,
    wait: float,
    form: str,
    passwords_to: Path | None,
    discard_passwords: bool,
) -> None:
    """Apply exactly one plan, or refuse if the server changed.

    Kanport reads back everything that it writes. The journal records the outcome of each change;
    `kanport report` makes a report of it.

    \b
    Examples:
      kanport apply plan.json
      kanport apply plan.json --yes --journal run.jsonl --passwords-to new-passwords.csv
      kanport apply plan.json --yes --require-approval
    """
    from kanport import api
    from kanport.cli.context import ending_in_time, invocation_of
    from kanport.cli.output import where_passwords_go
    from kanport.cli.progress import Following
    from kanport.errors import UsageError

    output = Output(ctx, form)
    invocation = invocation_of(ctx)
    following = Following(
        ctx, output, passwords_to=passwords_to, discard_passwords=discard_passwords
    )
    try:
        application = api.Application(
            plan_path,
            journal=journal_path,
            mapping=mapping_path,
            passwords_to=passwords_to,
            approval=approval_path,
            require_approval=require_approval,
            caller=api.Caller(f"kanport apply {plan_path}", invocation.run_id),
            progress=following,
        )
    except api.RunCutOff as problem:
        journal, recorded = problem.journal, problem.recorded
        raise UsageError(
            problem.message,
            details=[resume_line(ctx, journal, recorded, passwords_to=passwords_to)],
            hint="finish that run with the command above",
        ) from problem
    plan = application.plan
    settings = invocation.settings()
    options = invocation.options(settings)
    with (
        ending_in_time(ctx),
        api.connect(settings, warn=output.warn) as server,
        application.on(server, options=options, state=invocation.state, wait=wait) as ready,
        following.interruptible(),
    ):
        if plan.changes and not yes:
            following.passwords_to = passwords_to = where_passwords_go(
                plan, {}, passwords_to, discard=discard_passwords
            )
            _confirm(plan_path, plan, ready, settings.url, output)
            # The answer may have taken hours.
            ready.check_again()
        result = ready.run(passwords_to=passwords_to, should_stop=following.should_stop)
        if result.run is None:
            output.show(api.view_of(result))
            output.note("The plan has no changes, so Kanport did not compare it with the server.")
    ctx.exit(result.exit_code)


def _confirm(plan_path: Path, plan: "Plan", ready: "Ready", url: str, output: Output) -> None:
    from kanport.cli.output import confirm
    from kanport.errors import UsageError
    from kanport.messages import counted

    if not sys.stdin.isatty():
        raise UsageError(
            "apply needs your confirmation, but there is no terminal; nothing was written",
            hint=f"read the plan (kanport report {plan_path}), then add --yes",
        )
    output.show_question(plan, ready)
    confirm(f"Make {counted(len(plan.changes), 'change', 'changes')} on {url}?")


# --- kanport sync ---------------------------------------------------------------------------------


@click.command("sync", cls=Command)
@MAPPING
@STATE
@with_options(*MONITORING)
@ALLOW
@ONLY
@WAIT
@FORMAT
@writing_options
@server_options
@with_options(*DETAIL)
@common_options
@click.pass_context
def sync_command(
    ctx: click.Context,
    /,
    mapping: Path,
    allowed: dict[str, int],
    only: tuple[str, ...],
    wait: float,
    form: str,
    passwords_to: Path | None,
    discard_passwords: bool,
) -> None:
    """Plan, check, apply and verify in one command, unattended.

    sync asks nothing, so cron can run it. After the run, Kanport reads the sources and the server
    again: exit code 0 means that nothing is left to do. The state folder keeps the plan and the
    journal of each run that changes something. If an earlier run was interrupted, sync first finds
    out what it did, and then plans the rest.

    Without a terminal, or with --quiet, sync prints nothing if there are no changes and no
    warnings.

    --passwords-to names a new file for each run with changes, so put the date in its name:
    --passwords-to "new-$(date +%F).csv" (in a crontab, write % as \\%).

    --deadline interrupts a run that takes too long, so that a server that hangs does not hold the
    lock.

    --status and --prometheus report every outcome to monitoring. The section notify of
    kanport.toml sends it by email or to a webhook.

    \b
    Examples:
      kanport sync mappings/users-csv.yaml
      kanport sync /etc/kanport/nightly.yaml --state /var/lib/kanport
      kanport sync nightly.yaml --deadline 2h
      kanport sync nightly.yaml --allow disable=40 --allow shrink:people=400
      kanport sync nightly.yaml --status /var/lib/kanport/status.json --profile staging
    """
    from kanport import api
    from kanport.cli.context import SYNC_DEADLINE, ending_in_time, invocation_of
    from kanport.cli.progress import Following, ended_by_signals, findings_shown

    output = Output(ctx, form)
    invocation = invocation_of(ctx)
    with (
        api.monitored(
            "sync",
            mapping,
            invocation.layers,
            without_file=invocation.layers_without_file(),
            run_id=invocation.run_id,
            warn=output.warn,
        ) as record,
        ended_by_signals(),
        ending_in_time(ctx, SYNC_DEADLINE),
    ):
        following = Following(
            ctx,
            output,
            record=record,
            passwords_to=passwords_to,
            discard_passwords=discard_passwords,
        )
        settings = invocation.settings()
        record.server = settings.url
        with (
            api.connect(settings, warn=output.warn) as server,
            findings_shown(ctx, mapping, output, following),
            following.interruptible(),
        ):
            result = api.sync(
                mapping,
                server=server,
                allow=allowed,
                only=only,
                state=invocation.state,
                passwords_to=passwords_to,
                options=invocation.options(settings),
                wait=wait,
                caller=api.Caller(f"kanport sync {mapping}", invocation.run_id),
                progress=following,
                should_stop=following.should_stop,
            )
        record.exit_code = result.exit_code
    ctx.exit(record.exit_code)


# --- kanport resume -------------------------------------------------------------------------------


@click.command("resume", cls=Command)
@click.argument("journal_path", metavar="JOURNAL", type=click.Path(path_type=Path))
@yes_option("Without a terminal, resume does not ask.")
@moved_mapping_option(
    "Kanport needs it for passwords from a source, protected accounts and the ledger."
)
@approval_options
@WAIT
@FORMAT
@writing_options
@server_options
@with_options(*DETAIL)
@common_options
@click.pass_context
def resume_command(
    ctx: click.Context,
    /,
    journal_path: Path,
    yes: bool,
    mapping_path: Path | None,
    require_approval: bool,
    approval_path: Path | None,
    wait: float,
    form: str,
    passwords_to: Path | None,
    discard_passwords: bool,
) -> None:
    """Finish an interrupted run.

    Kanport repeats the safety checks and checks the approval, as apply does. It leaves changes
    alone that have an outcome in JOURNAL, and reads all others on the server. If a change is there
    already, Kanport records it as made. If the old value is there, Kanport makes the change now.
    Otherwise it skips the change.

    If the run is finished already, Kanport shows its report and does not change the journal.

    \b
    Examples:
      kanport resume plan.journal.jsonl
      kanport resume plan.journal.jsonl --yes --passwords-to more-passwords.csv
    """
    from kanport import api
    from kanport.cli.context import ending_in_time
    from kanport.cli.output import confirm, where_passwords_go
    from kanport.cli.progress import Following
    from kanport.messages import counted

    output = Output(ctx, form)
    invocation = invocation_of(ctx)
    following = Following(
        ctx, output, passwords_to=passwords_to, discard_passwords=discard_passwords
    )
    try:
        resumption = api.Resumption(
            journal_path,
            mapping=mapping_path,
            passwords_to=passwords_to,
            discard_passwords=discard_passwords,
            approval=approval_path,
            require_approval=require_approval,
            caller=api.Caller(f"kanport resume {journal_path}", invocation.run_id),
            progress=following,
        )
    except api.PasswordsInDanger as problem:
        raise _with_command(problem, ctx, journal_path, passwords_to) from problem
    settings = invocation.settings()
    options = invocation.options(settings)
    with (
        ending_in_time(ctx),
        api.connect(settings, warn=output.warn) as server,
        resumption.on(server, options=options, state=invocation.state, wait=wait) as ready,
        following.interruptible(),
    ):
        if isinstance(ready, api.Result):
            output.show(api.view_of(ready))
            output.note(
                "Nothing is left to do: this run is finished already. Kanport sent nothing and did"
                f" not change the journal ({journal_path})."
            )
            ctx.exit(ready.exit_code)
        following.plan = ready.plan
        if not yes and sys.stdin.isatty():
            following.passwords_to = passwords_to = where_passwords_go(
                ready.plan, ready.settled, passwords_to, discard=discard_passwords
            )
            output.show_question(ready.plan, ready)
            left = counted(len(ready.plan.changes) - len(ready.settled), "change", "changes")
            confirm(f"Finish the run on {settings.url}? {left} left.")
            ready.check_again()
        result = ready.run(passwords_to=passwords_to, should_stop=following.should_stop)
    ctx.exit(result.exit_code)


def _with_command(
    problem: "PasswordsInDanger", ctx: click.Context, journal: Path, passwords_to: Path | None
) -> UsageError:
    """Return the problem with the complete command that avoids it."""
    from kanport.cli.output import people

    recorded = problem.recorded
    if passwords_to is not None:
        return UsageError(
            problem.message,
            details=[resume_line(ctx, journal, recorded, passwords_to=passwords_to)],
            hint="name another file with --passwords-to, as in the command above",
        )
    return UsageError(
        f"the run writes the random passwords of new users to {recorded.terms.passwords_to}."
        f" Without --passwords-to, those of {people(problem.names)} are lost; nothing was written",
        details=[resume_line(ctx, journal, recorded)],
        hint="use the command above, or --discard-passwords if nobody needs the passwords",
    )


# --- the command that finishes a run --------------------------------------------------------------


def steps_to_apply(
    ctx: click.Context, plan_path: Path, plan: "Plan", *more: str
) -> tuple[str, ...]:
    """Return the complete commands that apply a plan on the server of a call.

    They approve it first if its mapping requires that. No command names a file that is there.
    """
    from kanport.api import journal_beside

    options = typed_options(ctx, apply_command, but=_NEW_EACH_TIME)
    if os.path.lexists(journal_beside(plan_path)):
        options += ["--journal", str(journal_beside(Path(unused_plan(plan_path))))]
    line = shlex.join(["kanport", "apply", str(plan_path), *options, *more])
    if plan.approval is None:
        return (line,)
    approve = shlex.join(["kanport", "approve", str(plan_path), "--by", "NAME", "--note", "TEXT"])
    number = plan.approval.approvers
    who = "" if number == 1 else f" by {number} people with accounts of their own"
    return (f"Approval{who}: {approve}", f"Then: {line}")


def unused_plan(path: Path | str) -> str:
    """Return the name of a plan beside which no run left a journal: plan.json, plan-2.json."""
    from kanport.api import journal_beside

    path = Path(path)
    number, free = 1, path
    while os.path.lexists(journal_beside(free)):
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return str(free)


_NEW_EACH_TIME = ("journal_path", "yes", "wait", "passwords_to", "discard_passwords")


def resume_line(
    ctx: click.Context,
    journal_path: Path,
    recorded: "Recorded | None",
    *,
    passwords_to: Path | None = None,
    plan: "Plan | None" = None,
) -> str:
    """Return the complete command that finishes a run.

    It repeats the options of `ctx` that concern the rest of the run. `recorded` is the content of
    the journal, None if only `plan` is known. If the run keeps random passwords, the command names
    a new file beside `passwords_to`, or beside the file that the journal names.
    """
    from kanport.api import random_passwords

    parts = ["kanport", "resume", str(journal_path)]
    parts += typed_options(ctx, resume_command, but=_NEW_EACH_TIME)
    if recorded is not None:
        plan = recorded.plan
        passwords_to = passwords_to or recorded.terms.passwords_to
    settled: Collection[str] = recorded.settled if recorded is not None else ()
    if passwords_to is not None and plan is not None and random_passwords(plan, settled):
        parts += ["--passwords-to", str(unused(passwords_to))]
    state = value_of(ctx, "state")
    prefix = f"KANPORT_STATE={shlex.quote(str(state))} " if state is not None else ""
    return prefix + shlex.join(parts)


def unused(path: Path) -> Path:
    """Return an unused name beside a file: `new.csv`, `new-2.csv`, `new-3.csv`.

    The name is relative if the file is below the current folder.
    """
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    stem = re.sub(r"-\d{1,4}$", "", path.stem)
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{stem}-{number}{path.suffix}")
    return free
