"""`kanport explain`: one person or one project, and why they are as they are."""

from pathlib import Path

import click

from kanport.cli.options import FORMAT, MAPPING, STATE, common_options, server_options
from kanport.cli.output import Output


@click.command("explain")
@MAPPING
@click.argument("who", metavar="[WHO]", required=False)
@click.option("--project", metavar="NAME", help="Explain a project instead of a person.")
@click.option("--offline", is_flag=True, help="Ask no server: only rows and what they ask for.")
@FORMAT
@STATE
@server_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    mapping: Path,
    who: str | None,
    project: str | None,
    offline: bool,
    form: str,
) -> None:
    """Say of one person what would change and why, or why nothing would.

    It shows all rows that name them, each rule with its values step by step, what the sources ask
    for and what the server has.

    WHO is a username, an e-mail address or a stable id. Nothing is written; secret columns are
    never shown.

    \b
    Example:
      kanport explain mappings/users-csv.yaml ada
      kanport explain mappings/users-csv.yaml ada@example.org --format json
      kanport explain mappings/memberships-csv.yaml --project WEBSHOP
      kanport explain mappings/users-csv.yaml ada --offline
      kanport explain mappings/memberships-csv.yaml --project '#3'
    """
    from kanport import api
    from kanport.cli import planning
    from kanport.cli.documents import show_document
    from kanport.cli.following import Following
    from kanport.cli.invocation import invocation_of
    from kanport.errors import UsageError

    if (who is None) == (project is None):
        raise UsageError(
            "name one person, or one project with --project",
            hint="kanport explain MAPPING ada, or kanport explain MAPPING --project ALPHA",
        )
    output = Output(ctx, form)
    inputs = planning.read(ctx, mapping, output)
    if offline:
        paper = api.explain(inputs, who=who or "", project=project)
    else:
        settings = invocation_of(ctx).settings()
        with api.connect(settings, read_only=True, warn=output.warn) as server:
            following = Following(ctx, output)
            paper = api.explain(inputs, server, who=who or "", project=project, progress=following)
    show_document(output, paper)
