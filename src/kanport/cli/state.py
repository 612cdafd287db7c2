"""`kanport state` and `kanport history`: who has access now, and the runs of a state folder."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.context import full_again, invocation_of
from kanport.cli.options import (
    DETAIL,
    STATE,
    Command,
    common_options,
    configuration_options,
    format_option,
    output_option,
    server_options,
    with_options,
)
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.api import AccessLists

JOURNALS = click.option(
    "--journal",
    "journal_paths",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="JOURNAL",
    help="Journal of `kanport apply`, which is beside its plan and not in the state folder. Can be"
    " repeated.",
)
DOCUMENT_FORMAT = format_option("text", "json", "markdown", "html", "csv")
_ENDINGS = (".txt", ".md", ".json", ".html", ".csv", ".xlsx")


@click.command("state", cls=Command)
@click.argument(
    "path", metavar="[MAPPING-or-SNAPSHOT]", required=False, type=click.Path(path_type=Path)
)
@output_option(
    "report_paths",
    "File to write: a report (.html, .xlsx, .md, .csv, .txt), or the snapshot (.json); with"
    " --compare, the comparison.",
    endings=_ENDINGS,
)
@click.option(
    "--compare",
    "old_path",
    type=click.Path(path_type=Path),
    metavar="OLD.json",
    help="Compare this older snapshot with a newer one, or with the server as it is now.",
)
@click.option(
    "--table",
    metavar="LIST",
    help="List to write as CSV (default: access), such as no-two-factor, no-manager or, with a"
    " mapping, orphans. An unknown name is an error that names all lists.",
)
@JOURNALS
@DOCUMENT_FORMAT
@STATE
@with_options(*DETAIL)
@server_options
@common_options
@click.pass_context
def state_command(
    ctx: click.Context,
    /,
    path: Path | None,
    report_paths: tuple[Path, ...],
    old_path: Path | None,
    table: str | None,
    journal_paths: tuple[Path, ...],
    form: str,
) -> None:
    """Show who has which access now; compare two points in time.

    The command only reads.

    Kanport lists administrators, managers, users without two-factor authentication, disabled users
    with memberships, users without access, projects without a manager or with one person, custom
    roles, and access through groups. With a mapping, it also lists users whom no source names, and
    people of the sources who have no account.

    A .json file is a snapshot with a digest, without passwords or tokens. `kanport state
    SNAPSHOT.json` renders it again, without a server.

    --compare shows who gained and lost what since a snapshot. The journals in the state folder, and
    those of --journal, say which of it Kanport's runs did. The rest is not explained: it was done
    outside Kanport, or by a run whose journal is elsewhere.

    \b
    Examples:
      kanport state
      kanport state mapping.yaml -o access.html -o access.xlsx
      kanport state -o 2026-03-31.json
      kanport state --table orphans mapping.yaml -o orphans.csv
      kanport state --compare 2026-03-31.json
      kanport state --compare 2026-03-31.json 2026-06-30.json -o quarter.html
    """
    from kanport import api
    from kanport.cli.output import show_report
    from kanport.errors import UsageError
    from kanport.files import check_not_read

    output = Output(ctx, form)
    if journal_paths and old_path is None:
        raise UsageError("--journal requires --compare", hint="leave out --journal")
    old = api.load_snapshot(old_path) if old_path is not None else None
    for report_path in report_paths:
        check_not_read(report_path, [one for one in (old_path, path) if one is not None])
    lists = _lists(ctx, output, path)
    if old is None:
        report, table = api.access_report(lists), table or "access"
    else:
        report = api.compare_access(old, lists.snapshot, invocation_of(ctx).state, journal_paths)
    again = full_again(ctx)
    show_report(output, report, report_paths, table=table, full_command=again)


def _lists(ctx: click.Context, output: Output, path: Path | None) -> "AccessLists":
    """Read a snapshot, or the server with the sources of a mapping."""
    from kanport import api
    from kanport.cli.progress import Following, read_inputs

    if path is not None and api.is_snapshot(path):
        return api.AccessLists(api.load_snapshot(path))
    inputs = read_inputs(ctx, path, output) if path is not None else None
    settings = invocation_of(ctx).settings()
    with api.connect(settings, read_only=True, warn=output.warn) as server:
        return api.read_access(server, inputs, progress=Following(ctx, output))


# --- kanport history ------------------------------------------------------------------------------


@click.command("history", cls=Command)
@output_option(
    "report_paths",
    "File to write: .html with charts, .xlsx, .md, .csv, .txt or .json.",
    endings=_ENDINGS,
)
@JOURNALS
@DOCUMENT_FORMAT
@STATE
@with_options(*DETAIL)
@configuration_options
@common_options
@click.pass_context
def history_command(
    ctx: click.Context,
    /,
    report_paths: tuple[Path, ...],
    journal_paths: tuple[Path, ...],
    form: str,
) -> None:
    """List the runs of a state folder and how they ended.

    `kanport sync` keeps its journals there; `kanport apply` keeps its journal beside the plan, so
    name it with --journal. Plans that a safety check stopped are listed too. The command talks to
    no server.

    \b
    Examples:
      kanport history
      kanport history --state /var/lib/kanport -o history.html
    """
    from kanport import api
    from kanport.cli.output import show_report

    output = Output(ctx, form)
    report = api.history(invocation_of(ctx).state, journal_paths)
    show_report(output, report, report_paths, full_command=full_again(ctx))
