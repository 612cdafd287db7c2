"""`kanport apply`: carry out one plan."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanport.cli.alone import WAIT, alone, state_of
from kanport.cli.options import (
    FORMAT,
    YES,
    OutputFile,
    approval_options,
    common_options,
    server_options,
    writing_options,
)
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.outcome import Approved
    from kanport.plan.model import Plan


@click.command("apply")
@click.argument("plan_path", metavar="PLAN.json", type=click.Path(path_type=Path))
@YES
@click.option(
    "--journal",
    "journal_path",
    type=OutputFile(),
    metavar="FILE",
    help="The record of the run; by default PLAN.journal.jsonl beside the plan.",
)
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path),
    help="Where the mapping lies now, for passwords from a source and for the ledger.",
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
    **server: Any,
) -> None:
    """Do exactly what PLAN.json says, or refuse if the server has moved since.

    Everything written is read back. The journal says what became of each change; `kanport report`
    tells it to a person.

    \b
    Example:
      kanport apply plan.json
      kanport apply plan.json --yes --journal run.jsonl --passwords-to new-passwords.csv
      kanport apply plan.json --yes --require-approval
    """
    from kanport import pipeline
    from kanport.cli import planning, running
    from kanport.cli.approve import approval_beside, approval_of
    from kanport.cli.deadline import ending_in_time
    from kanport.kanboard.client import Client
    from kanport.plan.plan_file import load_plan

    output = Output(ctx, form)
    plan = load_plan(plan_path)
    pipeline.check_guards(plan)
    required = require_approval or approval_path is not None

    approval_at = approval_path or approval_beside(plan_path)

    def approval() -> "Approved | None":
        return approval_of(plan, approval_at, output, required=required)

    approved = approval()
    journal_path = journal_path or plan_path.with_name(f"{plan_path.stem}.journal.jsonl")
    if plan.changes:
        # Nobody should be asked for what cannot be done anyway.
        _refuse_journal(ctx, journal_path, plan, passwords_to)
        if passwords_to is not None:
            _refuse_existing(passwords_to, "what an earlier run may have written", "--passwords-to")
    settings, options = planning.settings_and_options(**server)
    ledger = pipeline.ledger_of(plan, mapping_path)
    with (
        ending_in_time(ctx, **server),
        Client.open(settings, warn=output.warn) as client,
        alone(ctx, settings, ledger, plan_path, wait, journal=journal_path) as killed,
    ):
        with output.working("Reading the server"):
            pipeline.wait_for_killed_runs(client, killed, state_of(ctx))
            checked = pipeline.check_fresh(plan, client, mapping_path)
        passwords = pipeline.passwords_for(plan, mapping_path)
        if plan.changes and not yes:
            passwords_to = running.where_passwords_go(
                plan, {}, passwords_to, discard=discard_passwords
            )
            _confirm(output, plan_path, len(plan.changes), settings.url)
            # The question may have stood for hours.
            approved = approval()
            with output.working("Reading the server again"):
                checked = pipeline.check_fresh(plan, client, mapping_path)
        code = running.run_and_report(
            plan,
            client,
            output,
            pipeline.Execution(
                journal_path,
                passwords,
                passwords_to,
                options,
                approved=approved,
                approval_path=approval_at if required else None,
                mapping_path=mapping_path,
                checked=checked,
                discard_passwords=discard_passwords,
            ),
            mapping_path,
        )
        code = running.remembered_as_good(plan, output, code, mapping_path)
    ctx.exit(code)


def _refuse_journal(
    ctx: click.Context, path: Path, plan: "Plan", passwords_to: Path | None
) -> None:
    """Refuse to write over a journal; where it is that of this very plan, say how to go on."""
    from kanport.apply.journal import load_journal
    from kanport.cli.resume import resume_command
    from kanport.errors import UsageError

    if not os.path.lexists(path):
        return
    try:
        recorded = load_journal(path)
    except UsageError:
        recorded = None
    if recorded is None or recorded.plan.digest != plan.digest:
        _refuse_existing(path, "the journal of an earlier run", "--journal")
        return
    if recorded.finished:
        raise UsageError(
            f"this plan was carried out by run {recorded.run.id}, and nothing is left to do"
            f" ({path}); nothing was written",
            hint=f"kanport report {path} shows the run; to change more, make a new plan",
        )
    tally = recorded.run.tally()
    raise UsageError(
        f"a run of this plan was cut off: {tally.done + tally.already} of its {tally.planned}"
        f" changes are made ({path}); nothing was written",
        details=[resume_command(ctx, path, recorded, passwords_to=passwords_to)],
        hint="this command finishes the run",
    )


def _refuse_existing(path: Path, what: str, option: str) -> None:
    from kanport.errors import UsageError

    if os.path.lexists(path):
        raise UsageError(
            f"{path} exists already: it is {what}",
            hint=f"name another file with {option}, or move that one away",
        )


def _confirm(output: Output, plan_path: Path, count: int, url: str) -> None:
    from kanport.errors import Declined, UsageError

    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask on; nothing was written",
            hint=f"look at the plan (kanport report {plan_path}), then add --yes",
        )
    changes = "1 change" if count == 1 else f"{count} changes"
    if not click.confirm(f"Carry out {changes} on {url}?", err=True):
        raise Declined("You answered no; Kanport changed nothing.")
