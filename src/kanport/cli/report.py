"""`kanport report`: tell a plan or a run to a person."""

from pathlib import Path

import click

from kanport.cli.options import FORMAT, OutputFile, common_options
from kanport.cli.output import Output


@click.command("report")
@click.argument("path", metavar="PLAN-or-JOURNAL", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "report_paths",
    type=OutputFile(),
    multiple=True,
    metavar="FILE",
    help="Write it to a file, .md or .json; may be given several times.",
)
@FORMAT
@common_options
@click.pass_context
def command(ctx: click.Context, /, path: Path, report_paths: tuple[Path, ...], form: str) -> None:
    """Tell a saved plan, or a run from its journal, on stdout or as files.

    \b
    Example:
      kanport report plan.json
      kanport report plan.journal.jsonl -o run.md -o run.json
    """
    from kanport.files import check_target
    from kanport.pipeline import load_plan_or_journal
    from kanport.proof import write_report
    from kanport.report import view
    from kanport.report.formats import format_of

    output = Output(ctx, form)
    formats = [format_of(report_path) for report_path in report_paths]
    for report_path in report_paths:
        check_target(report_path, inputs=[path])
    plan, run = load_plan_or_journal(path)
    told = view.of_plan(plan) if run is None else view.of_run(plan, run)
    for report_path, report_format in zip(report_paths, formats, strict=True):
        write_report(report_path, told, report_format)
        output.note(f"The report is in {report_path}.")
    if not report_paths:
        output.show(told)
