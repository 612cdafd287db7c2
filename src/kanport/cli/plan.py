"""`kanport plan`: show what would change."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanport.cli.options import (
    ALLOW,
    FORMAT,
    MAPPING,
    MASK,
    STATE,
    OutputFile,
    common_options,
    server_options,
)
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.plan.model import Plan


@click.command("plan")
@MAPPING
@click.option(
    "-o",
    "--output",
    "plan_path",
    type=OutputFile(),
    metavar="PLAN.json",
    help="Save the plan, for `kanport apply`.",
)
@click.option("--check", is_flag=True, help="Exit with 10 where changes are pending.")
@ALLOW
@MASK
@FORMAT
@STATE
@server_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    mapping: Path,
    plan_path: Path | None,
    check: bool,
    allowed: dict[str, int],
    masked: bool,
    form: str,
    **server: Any,
) -> None:
    """Read both sides and show what would change; writes nothing to the server.

    With --format json stdout gets the plan itself, as -o saves it; --mask is for what people read,
    never for the plan. What --allow says is a part of
    the plan, and stands in each of its reports.

    \b
    Example:
      kanport plan mappings/users-csv.yaml
      kanport plan mappings/users-csv.yaml -o plan.json
      kanport plan mappings/users-csv.yaml -o plan.json --allow disable=40
      kanport plan mappings/users-csv.yaml --check --quiet || echo "pending, or worse"
    """
    from kanport.cli import planning
    from kanport.errors import Exit, UsageError
    from kanport.files import Kind, check_target
    from kanport.kanboard.client import Client
    from kanport.plan.plan_file import dump_plan, write_plan
    from kanport.report import view
    from kanport.report.visible import json_safe

    if masked and form == "json":
        raise UsageError(
            "the plan itself cannot have pseudonyms, as it is there to be carried out",
            hint="save it with -o, then: kanport report PLAN.json --mask --format json",
        )
    output = Output(ctx, form, masked=masked)
    if plan_path is not None:
        check_target(plan_path, inputs=[mapping], over=Kind.PLAN)
    inputs = planning.inputs_or_report(mapping, output, ctx, planning.state_from(**server))
    if plan_path is not None:
        check_target(plan_path, inputs=inputs.files, over=Kind.PLAN)
    settings = planning.settings_from(**server)
    with Client.open(settings, read_only=True, warn=output.warn) as client:
        plan = planning.plan_or_report(inputs, client, output, ctx, allowed)
    if plan_path is not None:
        write_plan(plan_path, plan)
    if form == "json":
        output.data(json_safe(dump_plan(plan)))
    elif masked:
        from kanport.report.mask import Mask

        output.show(view.of_plan(Mask(plan).plan))
    else:
        output.show(view.of_plan(plan, next_steps=_next_steps(plan_path, plan)))
    if plan_path is not None:
        output.note(f"The plan is in {plan_path}.")
    code = planning.exit_for_plan(plan)
    if check and plan.changes and code is not Exit.GUARD:
        code = Exit.PENDING
    ctx.exit(code)


def _next_steps(plan_path: Path | None, plan: "Plan") -> tuple[str, ...]:
    if not plan.changes or plan.blocked_by:
        return ()
    step = f"kanport apply {plan_path}"
    if plan_path is None:
        step = "Save the plan with -o plan.json, then: kanport apply plan.json"
    if any(change.new.random_password for change in plan.changes):
        # They are gone after the run, so this has to be told before it.
        return (step, "With --passwords-to FILE random passwords are kept, else nobody has them.")
    return (step,)
