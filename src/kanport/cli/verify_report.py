"""`kanport verify-report`: does a report belong to a plan, and is it as it was made."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.options import common_options
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.outcome import Run
    from kanport.plan.model import Plan
    from kanport.proof import Checks
    from kanport.proof.check import Redraw

_MAX_BYTES = 512 * 1024 * 1024
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
    from kanport.errors import Exit, UsageError
    from kanport.files import read_file
    from kanport.proof import beside, check_report

    output = Output(ctx, form)
    plan, run = _belonging(plan_path, journal_path)
    try:
        content = read_file(path, most=_MAX_BYTES)
        sidecar = read_file(beside(path), most=_MAX_BYTES) if beside(path).exists() else None
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}") from problem
    redraw = _redraw(plan, run) if plan is not None else None
    checks = check_report(content, sidecar=sidecar, plan=plan, run=run, redraw=redraw)
    output.data(_as_json(checks) if form == "json" else _as_text(path, checks))
    if plan is None:
        output.note("With --plan or --journal it is made anew and compared, which shows more.")
    ctx.exit(Exit.OK if checks.hold else Exit.PARTIAL)


def _belonging(
    plan_path: Path | None, journal_path: Path | None
) -> "tuple[Plan | None, Run | None]":
    from kanport.errors import UsageError
    from kanport.pipeline import load_plan_or_journal
    from kanport.plan.plan_file import load_plan

    plan = load_plan(plan_path) if plan_path is not None else None
    if journal_path is None:
        return plan, None
    told, run = load_plan_or_journal(journal_path)
    if run is None:
        raise UsageError(f"{journal_path} is a plan and no journal", hint="name it with --plan")
    if plan is not None and plan.digest != told.digest:
        raise UsageError(
            f"{journal_path} is the journal of another plan than {plan_path}",
            hint="give the two that belong together, or one of them",
        )
    return plan or told, run


def _redraw(plan: "Plan", run: "Run | None") -> "Redraw":
    from kanport.proof import Proof, drawn_with_proof
    from kanport.report import view
    from kanport.report.formats import FORMATS
    from kanport.report.mask import Mask

    def redraw(proof: Proof) -> bytes:
        form = FORMATS.get(proof.report)
        if form is None:
            return b""
        steps = proof.next_steps
        mask = Mask(plan) if proof.masked else None
        shown = plan if mask is None else mask.plan
        if proof.kind == "run" and run is not None:
            # Whoever made the report may have had the key, and whoever checks it may not.
            run_shown = _as_told(run if mask is None else mask.run(run), proof.signature)
            told = view.of_run(shown, run_shown, next_steps=steps)
        else:
            told = view.of_plan(shown, next_steps=steps)
        return drawn_with_proof(told, form, table=proof.table, masked=proof.masked)[0]

    return redraw


def _as_told(run: "Run", signature: str) -> "Run":
    from kanport.outcome import Signature

    if run.approved is None or signature not in set(Signature):
        return run
    return replace(run, approved=replace(run.approved, signature=Signature(signature)))


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
