"""`kanport validate`: check a mapping and its data."""

from pathlib import Path

import click

from kanport.cli.options import (
    MAPPING,
    MASK,
    REQUEST_TIMEOUT,
    TABLE,
    OutputFile,
    common_options,
    format_option,
)
from kanport.cli.output import Output


@click.command("validate")
@MAPPING
@click.option(
    "-o",
    "--output",
    "report_paths",
    type=OutputFile(),
    multiple=True,
    metavar="FILE",
    help="Write it to a file as well: .xml (JUnit), .sarif, .html, .xlsx, .csv, .md, .txt or .json;"
    " may be given several times.",
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
    """Check MAPPING and the data that it names; talks to no server.

    All findings are shown in one go, each with its place. What only a server can tell (whether a
    project exists) is checked by `kanport plan`. In a pipeline, JUnit XML and SARIF show the
    findings where its tests and its code scanning are shown, and --format github as annotations.

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
