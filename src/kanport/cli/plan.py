"""`kanport plan`: show what would change."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.options import (
    ALLOW,
    FORMAT,
    MAPPING,
    MASK,
    STATE,
    Command,
    OutputFile,
    common_options,
    server_options,
)
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.api import Plan


@click.command("plan", cls=Command)
@MAPPING
@click.option(
    "-o",
    "--output",
    "plan_path",
    type=OutputFile(),
    metavar="PLAN.json",
    help="Save the plan for `kanport apply`.",
)
@click.option("--check", is_flag=True, help="Exit with 10 if changes are pending.")
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
) -> None:
    """Show what would change; write nothing to the server.

    Kanport reads the sources of MAPPING and the server, and compares them.

    --format json prints the plan itself, as -o saves it. --mask changes reports only, never the
    plan. The plan and each of its reports record what --allow overrides.

    \b
    Example:
      kanport plan mappings/users-csv.yaml
      kanport plan mappings/users-csv.yaml -o plan.json
      kanport plan mappings/users-csv.yaml -o plan.json --allow disable=40
      kanport plan mappings/users-csv.yaml --check --quiet || echo "changes or a problem"
    """
    from kanport import api
    from kanport.cli import planning
    from kanport.cli.invocation import invocation_of
    from kanport.errors import Exit, UsageError
    from kanport.files import Kind, check_target
    from kanport.report.escape import json_safe

    if masked and form == "json":
        raise UsageError(
            "--mask cannot change the plan itself, because apply needs the real names",
            hint="save the plan with -o, then run: kanport report PLAN.json --mask --format json",
        )
    output = Output(ctx, form, masked=masked)
    if plan_path is not None:
        check_target(plan_path, inputs=[mapping], over=Kind.PLAN)
    inputs = planning.read(ctx, mapping, output)
    if plan_path is not None:
        check_target(plan_path, inputs=inputs.files, over=Kind.PLAN)
    settings = invocation_of(ctx).settings()
    with api.connect(settings, read_only=True, warn=output.warn) as server:
        plan = planning.plan(ctx, inputs, server, output, allowed)
    if plan_path is not None:
        api.save(plan, plan_path)
    if form == "json":
        output.data(json_safe(api.dump_plan(plan)))
    else:
        steps = () if masked else _next_steps(plan_path, plan)
        output.show(api.view_of(plan, mask=masked, next_steps=steps))
    if plan_path is not None:
        output.note(f"The plan is in {plan_path}.")
    code = plan.exit_code
    if check and plan.changes and code is not Exit.GUARD:
        code = Exit.PENDING
    ctx.exit(code)


def _next_steps(plan_path: Path | None, plan: "Plan") -> tuple[str, ...]:
    from kanport.api import random_passwords

    if not plan.changes or plan.blocked_by:
        return ()
    step = f"kanport apply {plan_path}"
    if plan_path is None:
        step = "Save the plan with -o plan.json, then run: kanport apply plan.json"
    if random_passwords(plan):
        # They are lost after the run, so the advice must come before it.
        return (step, "Without --passwords-to FILE, the random passwords of new users are lost.")
    return (step,)
