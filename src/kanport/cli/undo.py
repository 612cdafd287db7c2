"""`kanport undo`: make the plan that takes a run back."""

from pathlib import Path
from typing import Any

import click

from kanport.cli.alone import WAIT, alone, state_of
from kanport.cli.options import FORMAT, OutputFile, common_options, server_options
from kanport.cli.output import Output


@click.command("undo")
@click.argument("journal", metavar="JOURNAL", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "plan_path",
    type=OutputFile(),
    metavar="PLAN.json",
    help="Save the plan, for `kanport apply`.",
)
@click.option(
    "--remove-created",
    "remove_at_most",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="Remove the users whom the run created, at most so many, instead of disabling them.",
)
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path),
    help="Where the mapping lies now; whom it protects is left alone.",
)
@WAIT
@FORMAT
@server_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    journal: Path,
    plan_path: Path | None,
    remove_at_most: int | None,
    mapping_path: Path | None,
    wait: float,
    form: str,
    **server: Any,
) -> None:
    """Make the plan that takes a run back as far as Kanboard's API allows.

    It writes nothing to the server: look at the plan, then carry it out with `kanport apply`.

    Old values come back, access is given and taken again, created users are disabled. Only what the
    run itself did is taken back, and only where the server still has it as the run left it.
    Whatever cannot be taken back is a finding; the exit code is 3 then.

    --remove-created needs a number because removing somebody deletes every private project they
    have a part in; whoever is in one, or was changed since, is disabled all the same.

    \b
    Example:
      kanport undo plan.journal.jsonl -o back.json
      kanport apply back.json
      kanport undo plan.journal.jsonl -o back.json --remove-created 12
    """
    from kanport import pipeline
    from kanport.apply.journal import load_journal
    from kanport.cli import planning
    from kanport.files import Kind, check_target
    from kanport.kanboard.client import Client
    from kanport.plan.plan_file import dump_plan, write_plan
    from kanport.report import view
    from kanport.report.visible import json_safe

    output = Output(ctx, form)
    recorded = load_journal(journal)
    if plan_path is not None:
        inputs = [journal, *pipeline.files_of_plan(recorded.plan)]
        check_target(plan_path, inputs=inputs, over=Kind.PLAN)
    protect = pipeline.protected_now(recorded.plan, mapping_path)
    if protect is None:
        output.warn(
            f"the mapping {recorded.plan.mapping.path} cannot be read; protected are the accounts"
            " that it protected when the run was planned (--mapping says where it is now)"
        )
    if not recorded.ended:
        output.warn("the run was cut off; what it may have sent is looked up on the server")
    settings = planning.settings_from(**server)
    with (
        Client.open(settings, read_only=True, warn=output.warn) as client,
        alone(ctx, settings, None, journal, wait) as killed,
        output.working("Reading the server"),
    ):
        pipeline.wait_for_killed_runs(client, killed, state_of(ctx), also=[journal])
        # The run may have come further while it was waited for.
        recorded = load_journal(journal)
        plan = pipeline.plan_undo(
            recorded, client, protect=protect or (), remove_at_most=remove_at_most
        )
    if plan_path is not None:
        write_plan(plan_path, plan)
    if form == "json":
        output.data(json_safe(dump_plan(plan)))
    else:
        steps = (f"kanport apply {plan_path}",) if plan_path is not None and plan.changes else ()
        output.show(view.of_plan(plan, next_steps=steps))
    if plan_path is not None:
        output.note(f"The plan is in {plan_path}.")
    ctx.exit(planning.exit_for_plan(plan))
