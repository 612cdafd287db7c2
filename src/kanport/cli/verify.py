"""`kanport verify`: compare the server with a plan."""

from pathlib import Path

import click

from kanport.cli.options import FORMAT, MASK, Command, common_options, server_options
from kanport.cli.output import Output


@click.command("verify", cls=Command)
@click.argument("path", metavar="PLAN-or-JOURNAL", type=click.Path(path_type=Path))
@MASK
@FORMAT
@server_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, path: Path, masked: bool, form: str) -> None:
    """Compare the server with a plan, change by change.

    With a journal, Kanport compares the server with the plan of that run. The command only reads.

    The exit code is 0 if everything matches, 3 if something differs, 7 if Kanport cannot read the
    server, and 9 if the plan is for another server.

    \b
    Example:
      kanport verify plan.json
      kanport verify plan.journal.jsonl --format markdown > verified.md
    """
    from kanport import api
    from kanport.cli.following import Following
    from kanport.cli.invocation import invocation_of

    output = Output(ctx, form, masked=masked)
    found = api.load(path)
    settings = invocation_of(ctx).settings()
    with api.connect(settings, read_only=True, warn=output.warn) as server:
        verification = api.verify(found, server, progress=Following(ctx, output))
    output.show(api.view_of(verification, mask=masked))
    ctx.exit(verification.exit_code)
