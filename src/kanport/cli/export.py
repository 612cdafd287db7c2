"""`kanport export`: write the content of the server to files that Kanport can read."""

from pathlib import Path

import click

from kanport.cli.options import Command, common_options, server_options
from kanport.cli.output import Output

# Maximum number of lossy values that are listed one by one.
_SHOWN = 50


@click.command("export", cls=Command)
@click.option(
    "-o",
    "--output",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Excel file (.xlsx), YAML file (.yaml), or folder for CSV files.",
)
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write a mapping that reads the export.",
)
@server_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, target: Path, mapping_path: Path | None) -> None:
    """Write users, groups, projects and access as CSV, Excel or YAML.

    The tables are users, groups, group_members, projects and memberships. A membership is the
    access of a user to a project. A column says whether it is direct or may come from a group. An
    export never contains passwords, hashes or tokens.

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
    for line in exported.lossy[:_SHOWN]:
        output.warn(line)
    if len(exported.lossy) > _SHOWN:
        output.warn(f"{len(exported.lossy) - _SHOWN} more values read back differently")
    if mapping_path is not None:
        output.note(f"The mapping that reads the export is in {mapping_path}.")


def counted(table: str, number: int) -> str:
    """Return the number of rows of a table, in words.

    >>> counted("group_members", 1), counted("users", 2)
    ('1 group member', '2 users')
    """
    words = table.replace("_", " ")
    return f"{number} {words.removesuffix('s') if number == 1 else words}"
