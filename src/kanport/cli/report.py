"""`kanport report`: render a plan or a run."""

from pathlib import Path

import click

from kanport.cli.options import MASK, TABLE, Command, OutputFile, common_options, format_option
from kanport.cli.output import Output


@click.command("report", cls=Command)
@click.argument("path", metavar="PLAN-or-JOURNAL", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "report_paths",
    type=OutputFile(),
    multiple=True,
    metavar="FILE",
    help="File to write. Its extension selects the format, such as .html, .xlsx, .md or .json."
    " Can be repeated.",
)
@click.option(
    "--compare",
    "old_path",
    type=click.Path(path_type=Path),
    metavar="OLD",
    help="Compare this plan or journal with PLAN-or-JOURNAL.",
)
@TABLE
@MASK
@format_option("csv", "junit", "sarif", "github")
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    path: Path,
    report_paths: tuple[Path, ...],
    old_path: Path | None,
    table: str | None,
    masked: bool,
    form: str,
) -> None:
    """Render a plan or a run as HTML, Excel, Markdown, JSON, CSV or text.

    Without -o, the report goes to stdout.

    A CSV file holds one table: the changes, the findings, the access before and after, or the
    result of each input row. If a spreadsheet program would read a text as a formula, Kanport puts
    an apostrophe before it.

    --mask uses pseudonyms for users, the same ones in every report of one plan. Projects, groups,
    roles, files and the server keep their names.

    \b
    Example:
      kanport report plan.json
      kanport report plan.json -o plan.html
      kanport report plan.journal.jsonl -o run.html -o run.json
      kanport report --compare yesterday.json today.json
      kanport report --compare plan.json plan.journal.jsonl
    """
    from kanport import api
    from kanport.errors import UsageError
    from kanport.files import check_target

    if old_path is not None:
        if masked:
            raise UsageError(
                "--mask does not work with --compare: each plan has its own pseudonyms",
                hint="leave out --mask or --compare",
            )
        _compare(Output(ctx, form), old_path, path, report_paths)
        return
    output = Output(ctx, form, masked=masked, table=table, paths=report_paths)
    for report_path in report_paths:
        check_target(report_path, inputs=[path])
    found = api.load(path)
    plan = found.plan if isinstance(found, api.Result) else found
    for report_path in report_paths:
        check_target(report_path, inputs=api.files_of_plan(plan))
    view = api.view_of(found, mask=masked)
    if report_paths:
        output.write(view)
    else:
        output.show(view)


def _compare(output: Output, old_path: Path, new_path: Path, paths: tuple[Path, ...]) -> None:
    from kanport import api
    from kanport.cli.documents import show_document
    from kanport.files import check_target

    for path in paths:
        check_target(path, inputs=[old_path, new_path])
    paper, plans = api.compare_files(old_path, new_path)
    for path in paths:
        check_target(path, inputs=[file for plan in plans for file in api.files_of_plan(plan)])
    show_document(output, paper, paths)
