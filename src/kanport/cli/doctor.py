"""`kanport doctor`: can it reach everything, with what versions, rights and limits."""

from pathlib import Path
from typing import Any

import click

from kanport.cli.options import common_options, server_options
from kanport.cli.output import Output


@click.command("doctor")
@click.argument("mapping", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What stdout gets.",
)
@server_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, mapping: Path | None, form: str, **server: Any) -> None:
    """Look whether Kanport can reach the server and, with MAPPING, its sources; writes nothing.

    Each check is one line: ok, warning or problem, with what to do. After a problem the other
    checks are made all the same. The exit code is 0 where there is no problem, otherwise that of
    the worst: 6 for what is set up wrongly, 7 for what cannot be reached, 5 for source data.

    \b
    Example:
      kanport doctor
      kanport doctor mappings/users-csv.yaml
      kanport doctor mappings/users-csv.yaml --format json > doctor.json
    """
    import os
    from datetime import UTC, datetime

    from kanport.cli.configured import request_timeout_of
    from kanport.cli.planning import server_is_named, settings_from
    from kanport.doctor import Check, examine, exit_for
    from kanport.doctor.told import as_json, lines

    output = Output(ctx, form)
    named = server_is_named(**server)
    checks: list[Check] = []
    for check in examine(
        mapping,
        (lambda: settings_from(**server)) if named else None,
        environ=os.environ,
        now=datetime.now(UTC),
        request_timeout=request_timeout_of(ctx),
    ):
        if form == "text":
            output.data("\n".join(lines(check, after=checks[-1] if checks else None)))
        checks.append(check)
    code = exit_for(checks)
    if form == "json":
        output.data(as_json(checks, code))
    ctx.exit(code)
