"""`kanport approve`: say that a plan may be carried out."""

import re
from datetime import timedelta
from pathlib import Path

import click

from kanport.cli.options import OutputFile, common_options
from kanport.cli.output import Output

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def _span(ctx: click.Context, parameter: click.Parameter, value: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,2})([hdw])", value)
    if found is None:
        raise click.BadParameter("give hours, days or weeks, such as 12h, 7d or 2w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@click.command("approve")
@click.argument("plan_path", metavar="PLAN.json", type=click.Path(path_type=Path))
@click.option("--by", required=True, metavar="NAME", help="Who approves.")
@click.option("--note", required=True, metavar="TEXT", help="Why; a ticket, for example.")
@click.option(
    "--expires",
    callback=_span,
    default="7d",
    show_default=True,
    metavar="SPAN",
    help="How long it holds: hours, days or weeks.",
)
@click.option(
    "-o",
    "--output",
    "approval_path",
    type=OutputFile(),
    metavar="FILE",
    help="Where to write it; by default PLAN.approval.json beside the plan.",
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
    """Approve exactly the plan in PLAN.json, for its server and for a time.

    The approval is a file of its own, bound to the digest of the plan: it does not hold for a plan
    that was changed or made anew with another result. `kanport apply --require-approval` carries
    out nothing without one, and the journal and the reports of the run show it.

    With KANPORT_APPROVAL_KEY or KANPORT_APPROVAL_KEY_FILE it is signed (HMAC-SHA256), and apply
    takes it only with the same key. Without a key, whoever can write the file can approve.

    \b
    Example:
      kanport report plan.json
      kanport approve plan.json --by "Ada Lovelace" --note "Ticket 4711" --expires 2d
      kanport apply plan.json --require-approval
    """
    from kanport import api
    from kanport.errors import UsageError
    from kanport.messages import counted
    from kanport.report.visible import visible

    output = Output(ctx)
    if not by.strip() or not note.strip():
        raise UsageError("an approval needs a name and a note", hint="give both --by and --note")
    approval_path = approval_path or api.approval_beside(plan_path)
    approval = api.approve_plan(
        plan_path, by=by.strip(), note=note.strip(), lasts=expires, path=approval_path
    )
    output.data(
        f"{visible(approval.by)} approves {counted(approval.changes, 'change', 'changes')} on"
        f" {visible(approval.server)} until {approval.expires_at}; digest of the plan:"
        f" {approval.plan}"
    )
    output.note(f"The approval is in {approval_path}.")
    if approval.signature is None:
        output.note(
            "It is not signed, so whoever can write that file can approve;"
            " KANPORT_APPROVAL_KEY_FILE names a key to sign with."
        )
