"""`kanport validate`: check a mapping and its data."""

from pathlib import Path

import click

from kanport.cli.options import (
    MAPPING,
    MASK,
    REQUEST_TIMEOUT,
    TABLE,
    Command,
    OutputFile,
    common_options,
    format_option,
)
from kanport.cli.output import Output


@click.command("validate", cls=Command)
@MAPPING
@click.option(
    "-o",
    "--output",
    "report_paths",
    type=OutputFile(),
    multiple=True,
    metavar="FILE",
    help="Also write a report to this file: .xml (JUnit), .sarif, .html, .xlsx, .csv, .md, .txt or"
    " .json. Can be repeated.",
)
@TABLE
@MASK
@REQUEST_TIMEOUT
@format_option("csv", "junit", "sarif", "github")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    mapping: Path,
    report_paths: tuple[Path, ...],
    table: str | None,
    masked: bool,
    form: str,
) -> None:
    """Check a mapping and its data, without a server.

    Kanport shows all errors, warnings and notes at once, each with its file, row and column.
    `kanport plan` checks what needs the server, for example whether a project exists.

    For CI pipelines, -o writes JUnit XML and SARIF, and --format github prints annotations.

    \b
    Example:
      kanport validate mappings/staff-matrix-excel.yaml
      kanport validate mappings/users-csv.yaml --format json > findings.json
      kanport validate mappings/users-csv.yaml --format github -o junit.xml -o kanport.sarif
    """
    from kanport import api
    from kanport.cli import planning
    from kanport.files import check_target

    output = Output(ctx, form, masked=masked, table=table, paths=report_paths)
    for report_path in report_paths:
        check_target(report_path, inputs=[mapping])
    inputs = planning.read(ctx, mapping, output)
    for report_path in report_paths:
        check_target(report_path, inputs=inputs.files)
    output.show(api.view_of(inputs, mask=masked))
    ctx.exit(inputs.exit_code)
