"""`kanport undo`: make the plan that undoes a run."""

from pathlib import Path

import click

from kanport.cli.options import FORMAT, WAIT, Command, OutputFile, common_options, server_options
from kanport.cli.output import Output


@click.command("undo", cls=Command)
@click.argument("journal", metavar="JOURNAL", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "plan_path",
    type=OutputFile(),
    metavar="PLAN.json",
    help="Save the plan for `kanport apply`.",
)
@click.option(
    "--remove-created",
    "remove_at_most",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="Remove the users that the run created, up to this number, instead of disabling them.",
)
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path),
    help="Where the mapping is now, if it moved. Undo leaves its protected users alone.",
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
) -> None:
    """Make the plan that undoes a run, as far as Kanboard's API allows.

    The command writes nothing to the server: read the plan, then run `kanport apply`.

    The plan restores the old values, grants and revokes access again, and disables users that the
    run created. It undoes only changes of that run, and only if nobody changed the value since. A
    warning names everything that Kanport cannot undo; the exit code is then 3.

    --remove-created needs a number, because Kanboard deletes every private project that a removed
    user takes part in. Kanport disables, instead of removing, a user with a private project or
    with later changes.

    \b
    Example:
      kanport undo plan.journal.jsonl -o back.json
      kanport apply back.json
      kanport undo plan.journal.jsonl -o back.json --remove-created 12
    """
    from kanport import api
    from kanport.cli.following import Following
    from kanport.cli.invocation import invocation_of
    from kanport.files import Kind, check_target
    from kanport.report.escape import json_safe

    output = Output(ctx, form)
    invocation = invocation_of(ctx)
    recorded = api.load_journal(journal)
    if plan_path is not None:
        inputs = [journal, *api.files_of_plan(recorded.plan)]
        check_target(plan_path, inputs=inputs, over=Kind.PLAN)
    settings = invocation.settings()
    with api.connect(settings, read_only=True, warn=output.warn) as server:
        plan = api.undo(
            journal,
            server,
            mapping=mapping_path,
            remove_created=remove_at_most,
            state=invocation.state,
            wait=wait,
            caller=api.Caller(f"kanport undo {journal}", invocation.run_id),
            progress=Following(ctx, output),
        )
    if plan_path is not None:
        api.save(plan, plan_path)
    if form == "json":
        output.data(json_safe(api.dump_plan(plan)))
    else:
        steps = (f"kanport apply {plan_path}",) if plan_path is not None and plan.changes else ()
        output.show(api.view_of(plan, next_steps=steps))
    if plan_path is not None:
        output.note(f"The plan is in {plan_path}.")
    ctx.exit(plan.exit_code)
