"""`kanport doctor`: check connectivity, versions, permissions and limits."""

from pathlib import Path

import click

from kanport.cli.options import Command, common_options, server_options
from kanport.cli.output import Output


@click.command("doctor", cls=Command)
@click.argument("mapping", required=False, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format of the output on stdout.",
)
@server_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, mapping: Path | None, form: str) -> None:
    """Check connectivity, versions, permissions and limits.

    With MAPPING, doctor also checks its sources. The command writes nothing.

    Each check prints one line: ok, warning or problem, and how to fix it. doctor makes all checks,
    even after a problem. The exit code is 0 without a problem, 6 for a wrong configuration, 7 if
    the server or a source is not reachable, 5 for invalid source data.

    \b
    Example:
      kanport doctor
      kanport doctor mappings/users-csv.yaml
      kanport doctor mappings/users-csv.yaml --format json > doctor.json
    """
    import os
    from datetime import UTC, datetime

    from kanport import api
    from kanport.cli.invocation import invocation_of
    from kanport.cli.planning import server_is_named

    output = Output(ctx, form)
    invocation = invocation_of(ctx)
    checks: list[api.Check] = []
    for check in api.examine(
        mapping,
        invocation.settings if server_is_named(ctx) else None,
        environ=os.environ,
        now=datetime.now(UTC),
        request_timeout=invocation.request_timeout,
    ):
        if form == "text":
            output.data("\n".join(api.check_lines(check, after=checks[-1] if checks else None)))
        checks.append(check)
    code = api.exit_for_checks(checks)
    if form == "json":
        output.data(api.checks_as_json(checks, code))
    ctx.exit(code)
