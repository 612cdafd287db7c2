"""`kanport apply`: apply exactly one plan."""

import sys
from pathlib import Path

import click

from kanport.cli.options import (
    FORMAT,
    WAIT,
    YES,
    Command,
    OutputFile,
    approval_options,
    common_options,
    server_options,
    writing_options,
)
from kanport.cli.output import Output
from kanport.cli.resume import resume_command


@click.command("apply", cls=Command)
@click.argument("plan_path", metavar="PLAN.json", type=click.Path(path_type=Path))
@YES
@click.option(
    "--journal",
    "journal_path",
    type=OutputFile(),
    metavar="FILE",
    help="Journal of the run (default: PLAN.journal.jsonl beside the plan).",
)
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path),
    help="Where the mapping is now, if it moved. Kanport needs it for passwords from a source and"
    " for the ledger.",
)
@approval_options
@WAIT
@FORMAT
@writing_options
@server_options
@common_options
@click.pass_context
def command(
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
    Example:
      kanport apply plan.json
      kanport apply plan.json --yes --journal run.jsonl --passwords-to new-passwords.csv
      kanport apply plan.json --yes --require-approval
    """
    from kanport import api
    from kanport.cli import asking
    from kanport.cli.deadline import ending_in_time
    from kanport.cli.following import Following
    from kanport.cli.invocation import invocation_of
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
            details=[resume_command(ctx, journal, recorded, passwords_to=passwords_to)],
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
            following.passwords_to = passwords_to = asking.where_passwords_go(
                plan, {}, passwords_to, discard=discard_passwords
            )
            _confirm(plan_path, len(plan.changes), settings.url)
            # The answer may have taken hours.
            ready.check_again()
        result = ready.run(passwords_to=passwords_to, should_stop=following.should_stop)
        if result.run is None:
            output.show(api.view_of(result))
    ctx.exit(result.exit_code)


def _confirm(plan_path: Path, count: int, url: str) -> None:
    from kanport.cli.asking import confirm
    from kanport.errors import UsageError
    from kanport.messages import counted

    if not sys.stdin.isatty():
        raise UsageError(
            "apply needs your confirmation, but there is no terminal; nothing was written",
            hint=f"read the plan (kanport report {plan_path}), then add --yes",
        )
    confirm(f"Make {counted(count, 'change', 'changes')} on {url}?")
