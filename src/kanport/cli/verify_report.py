"""`kanport verify-report`: does a report belong to a plan, and is it as it was made."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.options import common_options
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.api import Checks

_WORDS = {True: "yes", False: "NO", None: "not looked at"}


@click.command("verify-report")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--plan",
    "plan_path",
    type=click.Path(path_type=Path),
    metavar="PLAN.json",
    help="The plan that the report is about: the report is made anew from it and compared.",
)
@click.option(
    "--journal",
    "journal_path",
    type=click.Path(path_type=Path),
    metavar="JOURNAL",
    help="The journal of the run that the report is about; likewise.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="What stdout gets.",
)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    path: Path,
    plan_path: Path | None,
    journal_path: Path | None,
    form: str,
) -> None:
    """Show whether the report in FILE is as it was made, and belongs to a plan or a run.

    Every report carries a digest of itself; that of a CSV file stands in FILE.proof.json beside
    it. This shows every change by somebody who does not compute the digest anew. With --plan or
    --journal the report is made once more and compared byte for byte: then nothing needs to be
    trusted but the plan or the journal.

    The exit code is 0 where all that could be looked at holds, and 3 where something does not.

    \b
    Example:
      kanport verify-report plan.html
      kanport verify-report run.xlsx --journal plan.journal.jsonl
    """
    from kanport import api
    from kanport.errors import Exit

    output = Output(ctx, form)
    checks = api.check_report_file(path, plan_path=plan_path, journal_path=journal_path)
    output.data(_as_json(checks) if form == "json" else _as_text(path, checks))
    if plan_path is None and journal_path is None:
        output.note("With --plan or --journal it is made anew and compared, which shows more.")
    ctx.exit(Exit.OK if checks.hold else Exit.PARTIAL)


def _as_text(path: Path, checks: "Checks") -> str:
    from kanport.report.visible import visible

    lines = [f"{one.what}: {_WORDS[one.holds]}: {visible(one.why)}" for one in checks.checked]
    end = "holds" if checks.hold else "does NOT hold"
    return "\n".join([*lines, f"{visible(str(path))} {end}"])


def _as_json(checks: "Checks") -> str:
    proof = checks.proof
    told = {
        "format": "kanport-report-check/1",
        "holds": checks.hold,
        "checked": [
            {"what": one.what, "holds": one.holds, "why": one.why} for one in checks.checked
        ],
        "proof": json.loads(proof.to_json()) if proof is not None else None,
    }
    return json.dumps(told, indent=2)
