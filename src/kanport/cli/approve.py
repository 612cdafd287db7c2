"""`kanport approve`: approve exactly one plan."""

import re
from datetime import timedelta
from pathlib import Path

import click

from kanport.cli.options import Command, OutputFile, common_options
from kanport.cli.output import Output

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def _span(ctx: click.Context, parameter: click.Parameter, value: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,2})([hdw])", value)
    if found is None:
        raise click.BadParameter("use hours, days or weeks, such as 12h, 7d or 2w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@click.command("approve", cls=Command)
@click.argument("plan_path", metavar="PLAN.json", type=click.Path(path_type=Path))
@click.option("--by", required=True, metavar="NAME", help="Your name.")
@click.option("--note", required=True, metavar="TEXT", help="Reason, for example a ticket.")
@click.option(
    "--expires",
    callback=_span,
    default="7d",
    show_default=True,
    metavar="SPAN",
    help="Time until the approval expires, in hours, days or weeks.",
)
@click.option(
    "-o",
    "--output",
    "approval_path",
    type=OutputFile(),
    metavar="FILE",
    help="File for the approval (default: PLAN.approval.json beside the plan).",
)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    plan_path: Path,
    by: str,
    note: str,
    expires: timedelta,
    approval_path: Path | None,
) -> None:
    """Approve exactly one plan, for apply --require-approval.

    The approval is a separate file that holds the digest of the plan and its server. It does not
    fit a plan that was edited, or made again with another result. `kanport apply
    --require-approval` changes nothing without it. The journal and the reports show the approval.

    With KANPORT_APPROVAL_KEY or KANPORT_APPROVAL_KEY_FILE, Kanport signs the approval
    (HMAC-SHA256), and apply accepts it only with the same key. Without a key, everybody who can
    write the file can approve.

    \b
    Example:
      kanport report plan.json
      kanport approve plan.json --by "Ada Lovelace" --note "Ticket 4711" --expires 2d
      kanport apply plan.json --require-approval
    """
    from kanport import api
    from kanport.errors import UsageError
    from kanport.messages import counted
    from kanport.report.escape import escape_name

    output = Output(ctx)
    if not by.strip() or not note.strip():
        raise UsageError("an approval needs a name and a note", hint="fill in both --by and --note")
    approval_path = approval_path or api.approval_beside(plan_path)
    approval = api.approve_plan(
        plan_path, by=by.strip(), note=note.strip(), lasts=expires, path=approval_path
    )
    output.data(
        f"{escape_name(approval.by)} approves {counted(approval.changes, 'change', 'changes')} on"
        f" {escape_name(approval.server)} until {approval.expires_at}; digest of the plan:"
        f" {approval.plan}"
    )
    output.note(f"The approval is in {approval_path}.")
    if approval.signature is None:
        output.note(
            "The approval is not signed: everybody who can write that file can approve. To sign"
            " approvals, set KANPORT_APPROVAL_KEY_FILE."
        )
