"""`kanport apply`: carry out one plan."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from kanport.cli.options import (
    FORMAT,
    OutputFile,
    common_options,
    server_options,
    writing_options,
)
from kanport.cli.output import Output


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
    """
    from kanport import pipeline
    from kanport.cli import planning, running
    from kanport.kanboard.client import Client
    from kanport.plan.plan_file import load_plan

    output = Output(ctx, form)
    plan = load_plan(plan_path)
    pipeline.check_guards(plan)
    journal_path = journal_path or plan_path.with_name(f"{plan_path.stem}.journal.jsonl")
    if plan.changes:
        # Nobody should be asked for what cannot be done anyway.
        _refuse_existing(journal_path, "the journal of an earlier run", "--journal")
        if passwords_to is not None:
            _refuse_existing(passwords_to, "what an earlier run may have written", "--passwords-to")
    settings, options = planning.settings_and_options(**server)
    with Client.open(settings, warn=output.warn) as client:
        with output.working("Reading the server"):
            pipeline.check_fresh(plan, client)
        passwords = pipeline.passwords_for(plan, mapping_path)
        if plan.changes and not yes:
            _confirm(output, plan_path, len(plan.changes), settings.url)
        code = running.run_and_report(
            plan,
            client,
            output,
            pipeline.Execution(journal_path, passwords, passwords_to, options),
            mapping_path,
        )
    ctx.exit(code)


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
