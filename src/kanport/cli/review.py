"""`kanport review`: start an access review, see how far it is, make its plan, and close it."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanport.cli.context import typed_again
from kanport.cli.options import (
    ALLOW,
    DETAIL,
    FORMAT,
    TEXT_OR_JSON,
    Command,
    common_options,
    output_option,
    server_options,
    with_options,
)
from kanport.cli.output import Output
from kanport.cli.plans import PLAN_OUTPUT, check_targets, deliver, plan_output

if TYPE_CHECKING:
    from kanport.api import By

FOLDER = click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))


class Day(click.DateTime):
    """A date, such as 2026-12-31."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the time at which the day begins; fail with an example of a date."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!r} is not a date such as 2026-12-31", param, ctx)


class InOrder(click.Group):
    """A group whose `--help` lists the commands in the order of use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands as they were added."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with the whole first sentence of its help."""
        lines = [(name, one.get_short_help_str(1_000)) for name, one in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(lines)


@click.group("review", cls=InOrder)
@common_options
def review_command() -> None:
    """Let managers review existing access, and plan what they decide.

    Each reviewer gets a workbook and decides for each row. Kanport checks the workbooks and makes
    an ordinary plan of the decisions, for approve, apply, undo and reports.

    \b
    Examples:
      kanport review start mapping.yaml -o review/ --until 2026-12-31
      kanport review status review/
      kanport review collect review/ -o plan.json
      kanport review close review/ plan.journal.jsonl -o result.html
    """


@review_command.command("start", cls=Command)
@click.argument("mapping", metavar="[MAPPING]", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="New folder for the review: workbooks, snapshot and review.json.",
)
@click.option(
    "--by",
    type=click.Choice(["manager", "owner"]),
    default="manager",
    show_default=True,
    help="Who reviews a project: its managers, or its owner.",
)
@click.option(
    "--reviewers",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="LIST",
    help="Instead of --by: a CSV or Excel list with the columns project and reviewer.",
)
@click.option(
    "--otherwise",
    metavar="LOGIN",
    help="Who reviews what nobody else can: projects without a reviewer, and reviewers themselves.",
)
@click.option(
    "--project",
    "projects",
    multiple=True,
    metavar="PATTERN",
    help="Review only projects whose identifier or name matches. Can be repeated.",
)
@click.option(
    "--until",
    type=Day(),
    metavar="DATE",
    help="Last day for the answers (default: in 14 days).",
)
@click.option(
    "--name", metavar="NAME", help="Name of the review (default: the name of the folder)."
)
@click.option(
    "--allow-self", "about_self", is_flag=True, help="Let reviewers decide about themselves, too."
)
@server_options
@common_options
@click.pass_context
def start_command(
    ctx: click.Context,
    /,
    mapping: Path | None,
    folder: Path,
    by: "By",
    reviewers: Path | None,
    otherwise: str | None,
    projects: tuple[str, ...],
    until: datetime | None,
    name: str | None,
    about_self: bool,
) -> None:
    """Write a workbook for each reviewer, with the access to their projects.

    With a mapping, the workbooks say who is in no source and who breaks a rule of separation, and
    the plan obeys the mapping's limits and protected accounts. Private and closed projects are left
    out. The command only reads the server.

    \b
    Examples:
      kanport review start -o review/
      kanport review start mapping.yaml -o review/ --until 2026-12-31 --otherwise it-security
      kanport review start -o review/ --reviewers owners.xlsx --project "FIN*"
    """
    from kanport import api
    from kanport.cli.context import invocation_of
    from kanport.cli.progress import Following, read_inputs
    from kanport.messages import counted, listed

    output = Output(ctx)
    inputs = read_inputs(ctx, mapping, output) if mapping is not None else None
    with api.connect(invocation_of(ctx).settings(), read_only=True, warn=output.warn) as server:
        started = api.start_review(
            server,
            folder,
            inputs=inputs,
            by=by,
            reviewers=reviewers,
            otherwise=otherwise,
            projects=projects,
            until=f"{until:%Y-%m-%d}" if until is not None else None,
            name=name,
            about_self=about_self,
            progress=Following(ctx, output),
        )
    for workbook in started.review.workbooks:
        rows = counted(workbook.rows, "row", "rows")
        output.data(f"{folder / workbook.file}: {workbook.reviewer}, {rows}")
    output.note(
        f"The review of {counted(len(started.rows), 'row', 'rows')} in"
        f" {counted(len(started.review.reviewers), 'project', 'projects')} ends on"
        f" {started.review.until}. Send each workbook to its reviewer. When they are back in"
        f" the folder {folder}, run: kanport review collect {folder} -o plan.json"
    )
    if started.left_out:
        left_out = counted(
            len(started.left_out), "private or closed project", "private or closed projects"
        )
        output.note(f"Not reviewed: {left_out}.")
    if started.unassigned:
        rows = counted(len(started.unassigned), "row has", "rows have")
        labels = listed(list(dict.fromkeys(row.project.label for row in started.unassigned)))
        output.warn(
            f"{rows} no reviewer, because the project has none, or none but the user: {labels};"
            " name somebody with --otherwise"
        )


@review_command.command("status", cls=Command)
@FOLDER
@output_option(
    "report_paths", "Write the status to this file: .html, .md, .txt, .csv, .xlsx or .json."
)
@FORMAT
@with_options(*DETAIL)
@common_options
@click.pass_context
def status_command(
    ctx: click.Context, /, folder: Path, report_paths: tuple[Path, ...], form: str
) -> None:
    """Show what is decided, open and overdue, and what is wrong in the workbooks.

    The exit code is 0 if everything is decided, and 3 otherwise. The command needs no server.

    \b
    Example:
      kanport review status review/
    """
    from kanport import api
    from kanport.cli.output import show_report
    from kanport.cli.plans import collect_line
    from kanport.errors import Exit

    output = Output(ctx, form)
    status = api.review_status(folder)
    complete = status.exit_code is Exit.OK
    show_report(
        output,
        status.report,
        report_paths,
        full_command=typed_again(ctx, "--full"),
        next_step=collect_line(ctx, str(folder)) if complete else "",
    )
    ctx.exit(status.exit_code)


@review_command.command("collect", cls=Command)
@FOLDER
@PLAN_OUTPUT
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path),
    metavar="MAPPING",
    help="Mapping whose limits and rules hold (default: the one of review start).",
)
@click.option(
    "--skip-invalid",
    is_flag=True,
    help="Leave rows open that are invalid or that changed on the server; plan the others.",
)
@ALLOW
@FORMAT
@server_options
@with_options(*DETAIL)
@common_options
@click.pass_context
def collect_command(
    ctx: click.Context,
    /,
    folder: Path,
    paths: tuple[Path, ...],
    mapping_path: Path | None,
    skip_invalid: bool,
    allowed: dict[str, int],
    form: str,
) -> None:
    """Check the workbooks, and make the plan of what the reviewers decided.

    Kanport reports everything that is wrong at once, each with its cell: unknown words, changed
    names, rows of somebody else, decisions that contradict each other, and access that has changed
    on the server since the review started. It then plans nothing (exit code 5), unless you use
    --skip-invalid (exit code 3 if it left rows out). A row that is missing or empty changes nothing
    and is not an error; `kanport review status` counts it.

    \b
    Examples:
      kanport review collect review/ -o plan.json -o plan.html
      kanport approve plan.json --by "Ada Lovelace" --note "Review 2026"
      kanport apply plan.json --require-approval
    """
    from kanport import api
    from kanport.cli.context import invocation_of
    from kanport.cli.progress import Following
    from kanport.cli.runs import steps_to_apply

    form, plan_paths, output = plan_output(ctx, paths, form)
    check_targets(paths, plan_paths, [mapping_path] if mapping_path is not None else [])
    settings = invocation_of(ctx).settings()
    with api.connect(settings, read_only=True, warn=output.warn) as server:
        plan = api.collect_review(
            folder,
            server,
            mapping=mapping_path,
            allowed=allowed,
            skip_invalid=skip_invalid,
            progress=Following(ctx, output),
        )
    check_targets(paths, plan_paths, api.files_of_plan(plan))
    ready = bool(plan_paths and plan.changes and not plan.blocked_by)
    steps = steps_to_apply(ctx, plan_paths[0], plan) if ready else ()
    deliver(ctx, output, plan, plan_paths, steps)
    ctx.exit(plan.exit_code)


@review_command.command("close", cls=Command)
@FOLDER
@click.argument("journals", metavar="[JOURNAL]...", nargs=-1, type=click.Path(path_type=Path))
@output_option(
    "report_paths", "Write the result to this file: .html, .md, .txt, .csv, .xlsx or .json."
)
@TEXT_OR_JSON
@server_options
@with_options(*DETAIL)
@common_options
@click.pass_context
def close_command(
    ctx: click.Context,
    /,
    folder: Path,
    journals: tuple[Path, ...],
    report_paths: tuple[Path, ...],
    form: str,
) -> None:
    """Compare the decisions with the server, and write the result of the review.

    The result says of each row whether the access was kept, revoked or changed (and the server
    shows it), is not as decided, or is open. It is also kept in FOLDER/result.json. The command
    only reads the server. The exit code is 0 if everything is decided and done, and 3 otherwise.

    \b
    Examples:
      kanport review close review/ plan.journal.jsonl -o result.html
      kanport evidence plan.journal.jsonl -o run.zip --attach review/result.json
    """
    from kanport import api
    from kanport.cli.context import invocation_of
    from kanport.cli.output import show_report
    from kanport.cli.progress import Following

    output = Output(ctx, form)
    with api.connect(invocation_of(ctx).settings(), read_only=True, warn=output.warn) as server:
        result = api.close_review(
            folder, server, journals=journals, progress=Following(ctx, output)
        )
    show_report(output, result.report, report_paths, full_command=typed_again(ctx, "--full"))
    ctx.exit(result.exit_code)
