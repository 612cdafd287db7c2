"""`kanport validate`: check a mapping and its data."""

from pathlib import Path

import click

from kanport.cli.options import FORMAT, MAPPING, common_options
from kanport.cli.output import Output


@click.command("validate")
@MAPPING
@FORMAT
@common_options
@click.pass_context
def command(ctx: click.Context, /, mapping: Path, form: str) -> None:
    """Check MAPPING and the data that it names; talks to no server.

    All findings are shown in one go, each with its place. What only a server can tell (whether a
    project exists) is checked by `kanport plan`.

    \b
    Example:
      kanport validate mappings/staff-matrix-excel.yaml
      kanport validate mappings/users-csv.yaml --format json > findings.json
    """
    from kanport.cli.planning import exit_for_findings, inputs_or_report

    output = Output(ctx, form)
    inputs = inputs_or_report(mapping, output, ctx)
    from kanport.report import view

    output.show(
        view.of_validation(
            inputs.mapping_ref,
            inputs.source_refs,
            inputs.findings,
            users=len(inputs.desired.users),
            memberships=len(inputs.desired.memberships),
        )
    )
    ctx.exit(exit_for_findings(inputs.findings, aborts=inputs.aborts))
