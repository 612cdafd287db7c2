"""`kanport explain`: show the rows, rules, changes and reasons of one user or project."""

from pathlib import Path

import click

from kanport.cli.options import FORMAT, MAPPING, STATE, Command, common_options, server_options
from kanport.cli.output import Output


@click.command("explain", cls=Command)
@MAPPING
@click.argument("who", metavar="[WHO]", required=False)
@click.option("--project", metavar="NAME", help="Explain a project instead of a user.")
@click.option(
    "--offline",
    is_flag=True,
    help="Do not connect to the server: show only the rows and their values.",
)
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
    """Explain one user or project: rows, rules, changes and reasons.

    Kanport shows what would change and why, or why nothing would change: each row that names the
    user, each rule step by step, the values of the sources and the values on the server.

    WHO is a username, an email address or a stable id. The command writes nothing and never shows
    secret columns.

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
            "name either a user, or a project with --project",
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
