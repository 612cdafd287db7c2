"""`kanport export`: what the server holds, in files that Kanport reads back."""

from pathlib import Path

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
def command(ctx: click.Context, /, target: Path, mapping_path: Path | None) -> None:
    """Write down users, groups, projects and who has access to them.

    The tables are users, groups, group_members, projects and memberships. A membership is the
    access that somebody has; whether it is direct or may come through a group stands beside it. No
    password, hash or token is in an export.

    \b
    Example:
      kanport export -o kanboard.xlsx
      kanport export -o kanboard/ --mapping kanboard.yaml
    """
    from kanport import api
    from kanport.cli.following import Following
    from kanport.cli.invocation import invocation_of

    output = Output(ctx, "text")
    if mapping_path is not None:
        api.check_new_mapping(mapping_path)
    settings = invocation_of(ctx).settings()
    with api.connect(settings, warn=output.warn) as server:
        exported = api.export(server, target, mapping=mapping_path, progress=Following(ctx, output))
    counts = ", ".join(counted(name, number) for name, number in exported.rows.items())
    output.note(f"Written to {target}: {counts}.")
    for line in exported.lossy[:_TOLD]:
        output.warn(line)
    if len(exported.lossy) > _TOLD:
        output.warn(f"{len(exported.lossy) - _TOLD} more values are not read back as they are")
    if mapping_path is not None:
        output.note(f"The mapping that reads it back is in {mapping_path}.")


def counted(table: str, number: int) -> str:
    """Say how many rows a table has.

    >>> counted("group_members", 1), counted("users", 2)
    ('1 group member', '2 users')
    """
    words = table.replace("_", " ")
    return f"{number} {words.removesuffix('s') if number == 1 else words}"
