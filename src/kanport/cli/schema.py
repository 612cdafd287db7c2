"""`kanport schema`: the JSON Schema of the files that Kanport reads and writes."""

import json

import click

from kanport.cli.options import Command, common_options
from kanport.cli.output import Output


@click.command("schema", cls=Command)
@click.option("--plan", "of", flag_value="plan", help="Print the schema of the plan file.")
@click.option("--report", "of", flag_value="report", help="Print the schema of a JSON report.")
@common_options
@click.pass_context
def command(ctx: click.Context, /, of: str | None) -> None:
    """Print the JSON Schema of the mapping, the plan or the report.

    Editors complete and check a mapping with its schema. Save the schema beside the mapping, and
    put this line at the top of the mapping:

    \b
      # yaml-language-server: $schema=kanport-mapping.schema.json

    \b
    Example:
      kanport schema > kanport-mapping.schema.json
      kanport schema --plan > kanport-plan.schema.json
      kanport schema --report > kanport-report.schema.json
    """
    from kanport.api import schema

    Output(ctx).data(json.dumps(schema(of or "mapping"), indent=2, ensure_ascii=False))
