"""`kanport verify`: is the server as a plan wanted it."""

from pathlib import Path
from typing import Any

import click

from kanport.cli.options import FORMAT, MASK, common_options, server_options
from kanport.cli.output import Output


@click.command("verify")
@click.argument("path", metavar="PLAN-or-JOURNAL", type=click.Path(path_type=Path))
@MASK
@FORMAT
@server_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, path: Path, masked: bool, form: str, **server: Any) -> None:
    """Say item by item whether the server is as a plan, or the plan of a journal, wanted it.

    It only reads. The exit code is 0 where everything is as planned, 3 where something is not, 7
    where the server cannot be read, and 9 where the plan is for another server.

    \b
    Example:
      kanport verify plan.json
      kanport verify plan.journal.jsonl --format markdown > verified.md
    """
    from kanport import pipeline
    from kanport.cli import planning
    from kanport.errors import Exit
    from kanport.kanboard.client import Client
    from kanport.report import view

    output = Output(ctx, form, masked=masked)
    plan, run = pipeline.load_plan_or_journal(path)
    settings = planning.settings_from(**server)
    with (
        Client.open(settings, read_only=True, warn=output.warn) as client,
        output.working("Verifying"),
    ):
        verdicts = pipeline.verify_plan(plan, client)
    if masked:
        from kanport.report.mask import Mask

        mask = Mask(plan)
        plan, run, verdicts = mask.plan, run and mask.run(run), mask.verdicts(verdicts)
    told = view.of_verification(plan, verdicts, run=run, looked_at=pipeline.utc_now())
    output.show(told)
    ctx.exit(Exit.OK if told.verified is not None and told.verified.complete else Exit.PARTIAL)
