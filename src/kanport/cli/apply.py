"""`kanport apply`: carry out one plan."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanport.cli.alone import WAIT, alone
from kanport.cli.options import (
    FORMAT,
    OutputFile,
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
@click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
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
@click.option(
    "--require-approval",
    is_flag=True,
    help="Refuse (exit 4) without an approval of this very plan; see kanport approve.",
)
@click.option(
    "--approval",
    "approval_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The approval, which is then required; by default PLAN.approval.json beside the plan.",
)
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
    from kanport.cli.deadline import ending_in_time
    from kanport.kanboard.client import Client
    from kanport.plan.plan_file import load_plan

    output = Output(ctx, form)
    plan = load_plan(plan_path)
    pipeline.check_guards(plan)
    approved = _approval_of(
        plan, approval_path, plan_path, output, required=require_approval or bool(approval_path)
    )
    journal_path = journal_path or plan_path.with_name(f"{plan_path.stem}.journal.jsonl")
    if plan.changes:
        # Nobody should be asked for what cannot be done anyway.
        _refuse_existing(journal_path, "the journal of an earlier run", "--journal")
        if passwords_to is not None:
            _refuse_existing(passwords_to, "what an earlier run may have written", "--passwords-to")
    settings, options = planning.settings_and_options(**server)
    ledger = pipeline.ledger_of(plan, mapping_path)
    with (
        ending_in_time(ctx, **server),
        Client.open(settings, warn=output.warn) as client,
        alone(ctx, client.url, ledger, plan_path, wait),
    ):
        with output.working("Reading the server"):
            pipeline.check_fresh(plan, client)
        passwords = pipeline.passwords_for(plan, mapping_path)
        if plan.changes and not yes:
            _confirm(output, plan_path, len(plan.changes), settings.url)
        code = running.run_and_report(
            plan,
            client,
            output,
            pipeline.Execution(journal_path, passwords, passwords_to, options, approved=approved),
            mapping_path,
        )
        code = running.remembered_as_good(plan, output, code, mapping_path)
    ctx.exit(code)


def _approval_of(
    plan: "Plan", named: Path | None, plan_path: Path, output: Output, *, required: bool
) -> "Approved | None":
    """Give the approval that the run records; refuse where one is required and none holds."""
    from kanport.approval import approval_key, approved_for, load_approval
    from kanport.cli.approve import approval_beside
    from kanport.errors import GuardTripped, UsageError
    from kanport.pipeline import utc_now

    path = named or approval_beside(plan_path)
    if not required and not path.exists():
        return None
    try:
        approval = load_approval(path)
        return approved_for(approval, plan, now=utc_now(), key=approval_key(os.environ))
    except (GuardTripped, UsageError) as problem:
        if not required:
            reasons = "; ".join((problem.message, *problem.details))
            output.warn(f"{path} counts for nothing: {reasons}")
            return None
        if isinstance(problem, GuardTripped):
            raise
        raise GuardTripped(
            f"there is no approval of this plan; nothing was written: {problem.message}",
            details=problem.details,
            hint=f"look at the plan, then: kanport approve {plan_path} --by NAME --note TEXT",
        ) from problem


def _refuse_existing(path: Path, what: str, option: str) -> None:
    from kanport.errors import UsageError

    if os.path.lexists(path):
        raise UsageError(
            f"{path} exists already: it is {what}",
            hint=f"name another file with {option}, or move that one away",
        )


def _confirm(output: Output, plan_path: Path, count: int, url: str) -> None:
    from kanport.errors import Interrupted, UsageError

    if not sys.stdin.isatty():
        raise UsageError(
            "there is no terminal to ask on; nothing was written",
            hint=f"look at the plan (kanport report {plan_path}), then add --yes",
        )
    changes = "1 change" if count == 1 else f"{count} changes"
    if not click.confirm(f"Carry out {changes} on {url}?", err=True):
        raise Interrupted("not confirmed; nothing was written")
