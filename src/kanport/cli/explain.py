"""`kanport explain`: one person or one project, and why they are as they are."""

from pathlib import Path
from typing import Any

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
    **server: Any,
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
    from kanport.cli import planning
    from kanport.cli.documents import show_document
    from kanport.errors import UsageError
    from kanport.explain import Known, explain_person, explain_project
    from kanport.explain.told import as_dict, document_of
    from kanport.kanboard.client import Client
    from kanport.ledger import recall
    from kanport.memory import NOTHING
    from kanport.pipeline import plan_and_state

    if (who is None) == (project is None):
        raise UsageError(
            "name one person, or one project with --project",
            hint="kanport explain MAPPING ada, or kanport explain MAPPING --project ALPHA",
        )
    output = Output(ctx, form)
    inputs = planning.inputs_or_report(mapping, output, ctx, planning.state_from(**server))
    plan, current, memory = None, None, NOTHING
    if not offline:
        settings = planning.settings_from(**server)
        with (
            Client.open(settings, read_only=True, warn=output.warn) as client,
            output.working("Reading the server"),
        ):
            plan, current = plan_and_state(inputs, client)
            if inputs.ledger is not None:
                memory = recall(inputs.ledger, client.url)
    known = Known(
        inputs.mapping, inputs.tables, inputs.desired, inputs.findings, plan, current, memory
    )
    if project is not None:
        told = explain_project(known, project)
    else:
        told = explain_person(known, who or "")
    show_document(output, document_of(told), lambda: as_dict(told))
