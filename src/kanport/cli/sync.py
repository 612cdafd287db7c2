"""`kanport sync`: plan, guards, apply and verify in one."""

from pathlib import Path
from typing import Any

import click

from kanport.cli.options import FORMAT, MAPPING, common_options, server_options, writing_options
from kanport.cli.output import Output


@click.command("sync")
@MAPPING
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="KANPORT_STATE",
    metavar="DIR",
    help="Where plans and journals go.  [env: KANPORT_STATE; default: kanport in the state folder"
    " of the user]",
)
@FORMAT
@writing_options
@server_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    mapping: Path,
    state: Path | None,
    form: str,
    passwords_to: Path | None,
    **server: Any,
) -> None:
    """Plan, check the guards, apply and verify, without asking: for cron.

    The plan and the journal of each run that changes something are kept in the state folder. After
    the run both sides are read again: exit 0 means that nothing was left to do. With --quiet
    nothing at all is printed where nothing is to be changed and nothing has to be looked at.

    \b
    Example:
      kanport sync mappings/users-csv.yaml
      KANPORT_STATE=/var/lib/kanport kanport --quiet sync /etc/kanport/nightly.yaml
    """
    from kanport import pipeline
    from kanport.cli import planning, running
    from kanport.errors import Exit
    from kanport.kanboard.client import Client
    from kanport.plan.plan_file import write_plan
    from kanport.report import view

    output = Output(ctx, form)
    inputs = planning.inputs_or_report(mapping, output, ctx)
    settings, options = planning.settings_and_options(**server)
    with Client.open(settings, warn=output.warn) as client:
        plan = planning.plan_or_report(inputs, client, output, ctx)
        if not plan.changes:
            output.show_news(view.of_plan(plan))
            code = planning.exit_for_plan(plan)
            ctx.exit(running.remembered(plan, None, output, code, mapping))
        stem = pipeline.state_stem(state, plan)
        write_plan(stem.with_name(f"{stem.name}.plan.json"), plan)
        if planning.exit_for_plan(plan) is Exit.GUARD:
            output.show(view.of_plan(plan))
        pipeline.check_guards(plan)
        code = running.run_and_report(
            plan,
            client,
            output,
            pipeline.Execution(
                stem.with_name(f"{stem.name}.journal.jsonl"),
                pipeline.passwords_for(plan, mapping),
                passwords_to,
                options,
            ),
            mapping,
        )
        if code in (Exit.OK, Exit.PARTIAL):
            code = running.verified(inputs, client, output, code)
    ctx.exit(code)
