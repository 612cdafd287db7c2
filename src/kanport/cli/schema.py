"""`kanport schema`: the JSON Schema of the files that Kanport reads and writes."""

import json

import click


@click.command("schema")
@click.option("--plan", "of_plan", is_flag=True, help="The schema of the plan file instead.")
def command(*, of_plan: bool) -> None:
    """Print the JSON Schema of the mapping, for completion and checks in an editor.

    Put it beside the mapping, and this line at the top of the mapping:

    \b
      # yaml-language-server: $schema=kanport-mapping.schema.json

    \b
    Example:
      kanport schema > kanport-mapping.schema.json
      kanport schema --plan > kanport-plan.schema.json
    """
    if of_plan:
        from kanport.plan.plan_file import plan_schema

        schema = plan_schema()
    else:
        from kanport.mapping.json_schema import mapping_schema

        schema = mapping_schema()
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
