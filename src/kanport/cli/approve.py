"""`kanport approve`: say that a plan may be carried out."""

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.options import OutputFile, common_options
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.outcome import Approved
    from kanport.plan.model import Plan

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def _span(ctx: click.Context, parameter: click.Parameter, value: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,2})([hdw])", value)
    if found is None:
        raise click.BadParameter("give hours, days or weeks, such as 12h, 7d or 2w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def approval_beside(plan_path: Path) -> Path:
    """Give where the approval of a plan is looked for, and written, by default."""
    return plan_path.with_name(f"{plan_path.stem}.approval.json")


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
    from kanport import __version__, pipeline
    from kanport.approval import approval_key, approve, write_approval
    from kanport.errors import UsageError
    from kanport.files import Kind, check_target
    from kanport.plan.plan_file import load_plan
    from kanport.report.visible import visible

    output = Output(ctx)
    if not by.strip() or not note.strip():
        raise UsageError("an approval needs a name and a note", hint="give both --by and --note")
    approval_path = approval_path or approval_beside(plan_path)
    check_target(approval_path, inputs=[plan_path], over=Kind.APPROVAL)
    plan = load_plan(plan_path)
    check_target(approval_path, inputs=pipeline.files_of_plan(plan), over=Kind.APPROVAL)
    pipeline.check_guards(plan)
    key = approval_key(os.environ)
    now = datetime.now(UTC).replace(microsecond=0)
    approval = approve(
        plan,
        by=by.strip(),
        note=note.strip(),
        approved_at=_text(now),
        expires_at=_text(now + expires),
        recorded_by=pipeline.who_runs(),
        version=__version__,
        key=key,
    )
    write_approval(approval_path, approval)
    changes = "1 change" if approval.changes == 1 else f"{approval.changes} changes"
    output.data(
        f"{visible(approval.by)} approves {changes} on {visible(approval.server)}"
        f" until {approval.expires_at}; digest of the plan: {approval.plan}"
    )
    output.note(f"The approval is in {approval_path}.")
    if key is None:
        output.note(
            "It is not signed, so whoever can write that file can approve;"
            " KANPORT_APPROVAL_KEY_FILE names a key to sign with."
        )


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def approval_of(plan: "Plan", path: Path, output: Output, *, required: bool) -> "Approved | None":
    """Return the approval that the run records; refuse where one is required and none holds."""
    from kanport.approval import approval_key, approved_for, load_approval
    from kanport.errors import GuardTripped, UsageError
    from kanport.pipeline import utc_now

    if not required and not path.exists():
        return None
    try:
        approval = load_approval(path)
        return approved_for(approval, plan, now=utc_now(), key=approval_key(os.environ))
    except (GuardTripped, UsageError) as problem:
        if not required:
            reasons = "; ".join((problem.message, *problem.details))
            output.warn(f"{path} counts for nothing: {reasons}")
            return None
        if isinstance(problem, GuardTripped):
            raise
        raise GuardTripped(
            f"there is no approval of this plan; nothing was written: {problem.message}",
            details=problem.details,
            hint="look at the plan, then: kanport approve PLAN.json --by NAME --note TEXT",
        ) from problem
