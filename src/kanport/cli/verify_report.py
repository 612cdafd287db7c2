"""`kanport verify-report`: check that a report is unchanged and belongs to a plan or run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.options import Command, common_options
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.api import Checks

_WORDS = {True: "yes", False: "NO", None: "not checked"}


@click.command("verify-report", cls=Command)
@click.argument("path", metavar="REPORT", type=click.Path(path_type=Path))
@click.option(
    "--plan",
    "plan_path",
    type=click.Path(path_type=Path),
    metavar="PLAN.json",
    help="Plan of the report. Kanport renders the report again from it and compares.",
)
@click.option(
    "--journal",
    "journal_path",
    type=click.Path(path_type=Path),
    metavar="JOURNAL",
    help="Journal of the run of the report. Kanport renders the report again and compares.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format of the output on stdout.",
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
    """Check that a report is unchanged and belongs to a plan or run.

    Every report contains its own digest; a CSV file has it in REPORT.proof.json beside it. The
    digest shows every edit, unless somebody computed a new digest. With --plan or --journal,
    Kanport renders the report again and compares it byte for byte. Then you need to trust only the
    plan or the journal.

    The exit code is 0 if every check passed, and 3 if one failed.

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
        output.note("To compare the whole report byte for byte, add --plan or --journal.")
    ctx.exit(Exit.OK if checks.hold else Exit.PARTIAL)


def _as_text(path: Path, checks: "Checks") -> str:
    from kanport.report.escape import escape_name

    lines = [f"{one.what}: {_WORDS[one.holds]}: {escape_name(one.why)}" for one in checks.checked]
    end = "is valid" if checks.hold else "is NOT valid"
    return "\n".join([*lines, f"{escape_name(str(path))} {end}"])


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
