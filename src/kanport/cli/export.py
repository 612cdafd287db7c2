"""`kanport export`: what the server holds, in files that Kanport reads back."""

from pathlib import Path
from typing import Any

import click

from kanport.cli.options import common_options, server_options
from kanport.cli.output import Output

# How many values that do not come back are told one by one.
_TOLD = 50


@click.command("export")
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A workbook (.xlsx), a YAML file (.yaml), or a folder for CSV files.",
)
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a mapping as well that reads the export back.",
)
@server_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, target: Path, mapping_path: Path | None, **server: Any) -> None:
    """Write down users, groups, projects and who has access to them.

    The tables are users, groups, group_members, projects and memberships. A membership is the
    access that somebody has; whether it is direct or may come through a group stands beside it. No
    password, hash or token is in an export.

    \b
    Example:
      kanport export -o kanboard.xlsx
      kanport export -o kanboard/ --mapping kanboard.yaml
    """
    from kanport.cli import planning
    from kanport.errors import UsageError
    from kanport.export.files import write_tables
    from kanport.export.mapping import mapping_for
    from kanport.files import Kind, write_file
    from kanport.kanboard.client import Client
    from kanport.pipeline.carried import not_carried
    from kanport.pipeline.exporting import read_listings

    output = Output(ctx, "text")
    if mapping_path is not None and mapping_path.exists():
        raise UsageError(
            f"{mapping_path} exists already", hint="name another file, or move that one away"
        )
    settings = planning.settings_from(**server)
    with (
        Client.open(settings, warn=output.warn) as client,
        output.working("Reading the server"),
    ):
        tables = read_listings(client)
    write_tables(target, tables.values())
    if mapping_path is not None:
        text = mapping_for(target, mapping_path.parent, tables)
        write_file(mapping_path, text, mode=0o644, over=Kind.MAPPING)
    counts = ", ".join(counted(name, len(table.rows)) for name, table in tables.items())
    output.note(f"Written to {target}: {counts}.")
    lost = not_carried(tables)
    for line in lost[:_TOLD]:
        output.warn(line)
    if len(lost) > _TOLD:
        output.warn(f"{len(lost) - _TOLD} more values are not read back as they are")
    if mapping_path is not None:
        output.note(f"The mapping that reads it back is in {mapping_path}.")


def counted(table: str, number: int) -> str:
    """Say how many rows a table has.

    >>> counted("group_members", 1), counted("users", 2)
    ('1 group member', '2 users')
    """
    words = table.replace("_", " ")
    return f"{number} {words.removesuffix('s') if number == 1 else words}"
