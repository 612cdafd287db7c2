"""Commands that make, explain or approve a plan and write nothing to the server.

`validate`, `plan`, `explain`, `approve`, and `undo`, which plans how to undo a run.
"""

import re
import shlex
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.context import full_again, typed_again, typed_options
from kanport.cli.options import (
    ALLOW,
    DETAIL,
    FORMAT,
    FULL,
    MAPPING,
    MASK,
    ONLY,
    REPORT_FORMAT,
    SOURCE_TIMEOUT,
    STATE,
    WAIT,
    Command,
    OutputFile,
    common_options,
    is_special,
    moved_mapping_option,
    output_option,
    server_options,
    table_option,
    with_options,
)
from kanport.cli.output import Output, wrote
from kanport.files import STDOUT

if TYPE_CHECKING:
    from kanport.api import Plan, Written

PLAN_OUTPUT = output_option(
    "paths",
    "Save the plan for `kanport apply` (.json), or a report of it (.html, .pdf, .xlsx, .csv, .md,"
    " .txt, .xml for JUnit, .sarif).",
    metavar="PLAN.json",
)


@click.command("validate", cls=Command)
@MAPPING
@output_option(
    "report_paths",
    "Also write a report to this file: .xml (JUnit), .sarif, .html, .xlsx, .csv, .pdf, .md,"
    " .txt or .json.",
)
@click.option(
    "--suggest",
    "suggesting",
    is_flag=True,
    help="Print the lines to add to the mapping for values that it does not know.",
)
@click.option(
    "--annotate",
    "annotated_path",
    type=OutputFile(),
    metavar="OUT.xlsx",
    help="Also write a copy of the list as a workbook, with each finding at its cell.",
)
@click.option(
    "--rejects",
    "rejects_path",
    type=OutputFile(),
    metavar="OUT",
    help="Also write the rows that Kanport leaves out, as they were, with a column of reasons (.csv"
    " for a CSV file, .xlsx for a workbook).",
)
@table_option("findings", "rows")
@MASK
@SOURCE_TIMEOUT
@REPORT_FORMAT
@with_options(*DETAIL)
@common_options
@click.pass_context
def validate_command(
    ctx: click.Context,
    /,
    mapping: Path,
    report_paths: tuple[Path, ...],
    suggesting: bool,
    annotated_path: Path | None,
    rejects_path: Path | None,
    table: str | None,
    masked: bool,
    form: str,
) -> None:
    """Check a mapping and its data, without the Kanboard server.

    Kanport shows all errors, warnings and notes at once, each with its file, row and column.
    `kanport plan` checks what needs the server, for example whether a project exists.

    For CI pipelines, -o writes JUnit XML and SARIF, and --format github prints annotations.

    For the people who keep the list, --annotate writes a copy of it as a workbook, with each bad
    cell marked and explained, and --rejects the rows that Kanport leaves out. When the rows are
    corrected, the same mapping reads them.

    \b
    Examples:
      kanport validate mappings/staff-matrix-excel.yaml
      kanport validate mappings/staff-matrix-excel.yaml --annotate staff-checked.xlsx
      kanport validate mappings/users-csv.yaml --rejects people-to-correct.csv
      kanport validate mappings/users-csv.yaml --suggest
      kanport validate mappings/users-csv.yaml --format json > findings.json
      kanport validate mappings/users-csv.yaml --format github -o junit.xml -o kanport.sarif
    """
    from kanport import api
    from kanport.cli.progress import read_inputs
    from kanport.errors import SourceInvalid, UsageError
    from kanport.files import check_target

    output = Output(ctx, form, masked=masked, table=table, paths=report_paths)
    lists = [path for path in (annotated_path, rejects_path) if path is not None]
    if masked and lists:
        raise UsageError(
            "--annotate and --rejects write the list with its names",
            hint="leave out --mask, or leave out --annotate and --rejects",
        )
    for path in (*report_paths, *lists):
        check_target(path, inputs=[mapping])
    if lists:
        api.check_lists(mapping, annotated_path, rejects_path)
    try:
        inputs = read_inputs(ctx, mapping, output)
    except SourceInvalid as problem:
        if annotated_path is not None:
            written = api.annotate_broken(mapping, problem.findings, annotated_path)
            _say_written(ctx, written, "cell marked", "cells marked")
        raise
    for path in (*report_paths, *lists):
        check_target(path, inputs=inputs.files)
    view = api.view_of(inputs, mask=masked)
    output.write(view)
    if suggesting:
        from kanport.cli.context import echo

        text = api.suggest(inputs)
        click.echo(text, nl=False)
        if not text:
            nothing = "The mapping knows all values; there is nothing to add."
            echo(ctx, "note", nothing, nothing)
    else:
        output.show(view, full_command=full_again(ctx))
    if annotated_path is not None:
        written = api.annotate(inputs, annotated_path)
        _say_written(ctx, written, "cell marked", "cells marked")
    if rejects_path is not None:
        written = api.rejects(inputs, rejects_path)
        _say_written(ctx, written, "row left out", "rows left out")
        if not written:
            from kanport.cli.context import echo

            text = f"No row has an error, so Kanport did not write {rejects_path}."
            echo(ctx, "note", text, text)
    ctx.exit(inputs.exit_code)


def _say_written(ctx: click.Context, written: "tuple[Written, ...]", one: str, many: str) -> None:
    """Print on stderr which files were written, and what a copy lacks."""
    from kanport.cli.context import echo
    from kanport.messages import counted, listed

    for file in written:
        if file.path is None:
            text = f"Kanport cannot open the list of {file.source}, so there is no copy of it."
            echo(ctx, "note", text, text)
            continue
        text = f"Wrote {file.path}: {counted(file.count, one, many)}."
        if file.lost:
            text += f" The copy lacks the {listed(file.lost)} of the workbook."
        echo(ctx, "note", text, text)


# --- kanport plan ---------------------------------------------------------------------------------


@click.command("plan", cls=Command)
@MAPPING
@PLAN_OUTPUT
@click.option("--check", is_flag=True, help="Exit with 10 if changes are pending.")
@ALLOW
@ONLY
@MASK
@FORMAT
@STATE
@server_options
@with_options(*DETAIL)
@common_options
@click.pass_context
def plan_command(
    ctx: click.Context,
    /,
    mapping: Path,
    paths: tuple[Path, ...],
    check: bool,
    allowed: dict[str, int],
    only: tuple[str, ...],
    masked: bool,
    form: str,
) -> None:
    """Show what would change; write nothing to the server.

    Kanport reads the sources of MAPPING and the server, and compares them.

    A file of -o that ends in .json is the plan itself, and `-o -` prints it, as --format json does.
    Other endings are reports of it. --mask changes reports only, never the plan. The plan and each
    of its reports record what --allow overrides.

    \b
    Examples:
      kanport plan mappings/users-csv.yaml
      kanport plan mappings/users-csv.yaml -o plan.json -o plan.html
      kanport plan mappings/users-csv.yaml -o plan.json --allow disable=40
      kanport plan mappings/memberships-csv.yaml --only project:WEB -o part.json
      kanport plan mappings/users-csv.yaml --check --quiet || echo "changes or a problem"
    """
    from kanport import api
    from kanport.cli.context import invocation_of
    from kanport.cli.progress import plan_inputs, read_inputs
    from kanport.errors import Exit, UsageError

    form, plan_paths, output = plan_output(ctx, paths, form, masked=masked)
    if masked and form == "json":
        raise UsageError(
            "--mask cannot change the plan itself, because apply needs the real names",
            hint="save the plan with -o, then run: kanport report PLAN.json --mask --format json",
        )
    check_targets(paths, plan_paths, [mapping])
    inputs = read_inputs(ctx, mapping, output)
    check_targets(paths, plan_paths, inputs.files)
    settings = invocation_of(ctx).settings()
    with api.connect(settings, read_only=True, warn=output.warn) as server:
        plan = plan_inputs(ctx, inputs, server, output, allowed, only)
    steps = () if masked else _next_steps(ctx, next(iter(plan_paths), None), plan)
    deliver(ctx, output, plan, plan_paths, steps)
    code = plan.exit_code
    if check and plan.changes and code is not Exit.GUARD:
        code = Exit.PENDING
    ctx.exit(code)


def plan_output(
    ctx: click.Context, paths: tuple[Path, ...], form: str, *, masked: bool = False
) -> tuple[str, tuple[Path, ...], Output]:
    """Return the format of stdout, the files for the plan itself, and the output with its reports.

    Raise UsageError for an ending that is of neither, or where two things would go to stdout.
    """
    from kanport.errors import UsageError

    if STDOUT in paths and form not in ("text", "json"):
        raise UsageError(
            f"-o - prints the plan and --format {form} a report, both on stdout",
            hint="name a file for one of them with -o",
        )
    form = "json" if STDOUT in paths else form
    files = [path for path in paths if path != STDOUT]
    # Before plans had reports beside them, a name without an ending was one of a plan.
    plans = tuple(p for p in files if p.suffix.lower() in (".json", "") or is_special(p))
    reports = [path for path in files if path not in plans]
    return form, plans, Output(ctx, form, masked=masked, paths=reports)


def check_targets(
    paths: Iterable[Path], plan_paths: tuple[Path, ...], inputs: Sequence[Path]
) -> None:
    """Raise UsageError for a file that must not be written; a plan may replace a plan."""
    from kanport.files import ArtifactKind, check_target

    for path in paths:
        check_target(path, inputs=inputs, over=ArtifactKind.PLAN if path in plan_paths else None)


def deliver(
    ctx: click.Context,
    output: Output,
    plan: "Plan",
    plan_paths: tuple[Path, ...],
    steps: tuple[str, ...],
) -> None:
    """Save a plan, write its reports, show it, and say what stops it."""
    from kanport import api
    from kanport.report.escape import json_safe

    for path in plan_paths:
        api.save(plan, path)
    output.write(api.view_of(plan, mask=output.masked))
    if output.form == "json":
        output.data(json_safe(api.dump_plan(plan)))
    else:
        full_command, files = full_again(ctx), {}
        if plan_paths:
            full_command = shlex.join(["kanport", "report", str(plan_paths[0])])
            files = {"Plan file": str(plan_paths[0])}
        view = api.view_of(plan, mask=output.masked, next_steps=steps)
        output.show(view, full_command=full_command, files=files)
    for path in plan_paths:
        output.note_unless_shown(wrote(path, "plan"))
    for path in plan_paths if plan.changes and not plan.blocked_by else ():
        if (journal := api.journal_beside(path)).exists():
            output.warn(
                f"{journal} is the journal of an earlier plan in {path}, so apply needs another"
                " name for the new one: --journal FILE"
            )
    output.say_what_stops(plan)


def _next_steps(ctx: click.Context, plan_path: Path | None, plan: "Plan") -> tuple[str, ...]:
    from kanport import api
    from kanport.cli.runs import steps_to_apply, unused, unused_plan

    if not plan.changes:
        return ()
    if plan.blocked_by:
        return overriding_steps(ctx, plan)
    if plan_path is None:
        return (typed_again(ctx, "-o", unused_plan("plan.json")),)
    if not api.random_passwords(plan):
        return steps_to_apply(ctx, plan_path, plan)
    passwords = str(unused(Path("new-passwords.csv")))
    # They are lost after the run, so the advice must come before it.
    return (
        *steps_to_apply(ctx, plan_path, plan, "--passwords-to", passwords),
        "Without --passwords-to, the random passwords of new users are lost.",
    )


def overriding_steps(ctx: click.Context, plan: "Plan") -> tuple[str, ...]:
    """Return what to do about a plan that safety checks stop."""
    if plan.overriding is None:
        return ("Resolve what stops the plan, then plan again.",)
    allowed = {**ctx.params["allowed"], **plan.overriding}
    pairs = [("--allow", f"{key}={number}") for key, number in allowed.items()]
    line = typed_again(ctx, *chain.from_iterable(pairs), but=["allowed"])
    return (f"If this is correct: {line}",)


def collect_line(ctx: click.Context, folder: str) -> str:
    """Return the complete command that collects a review again, on the server of a call."""
    from kanport.cli.review import collect_command
    from kanport.cli.runs import unused_plan

    options = [*typed_options(ctx, collect_command), "-o", unused_plan("plan.json")]
    return shlex.join(["kanport", "review", "collect", folder, *options])


def plan_line(ctx: click.Context, mapping: Path | str, only: Iterable[str] = ()) -> str:
    """Return the complete command that plans again on the server of a call, or a part of it."""
    from kanport.cli.runs import unused_plan

    options = typed_options(ctx, plan_command)
    options += chain.from_iterable(("--only", part) for part in only)
    options += ["-o", unused_plan("plan.json")]
    return shlex.join(["kanport", "plan", str(mapping), *options])


# --- kanport explain ------------------------------------------------------------------------------


@click.command("explain", cls=Command)
@MAPPING
@click.argument("who", metavar="[WHO]", required=False)
@click.option("--project", metavar="NAME", help="Explain a project instead of a user.")
@click.option(
    "--offline",
    is_flag=True,
    help="Do not connect to the server: show only the rows and their values.",
)
@FULL
@FORMAT
@STATE
@server_options
@common_options
@click.pass_context
def explain_command(
    ctx: click.Context,
    /,
    mapping: Path,
    who: str | None,
    project: str | None,
    offline: bool,
    form: str,
) -> None:
    """Explain one user or project: rows, rules, changes and reasons.

    Kanport shows what would change and why, or why nothing would change: each row that names the
    user, each rule step by step, the values of the sources and the values on the server.

    WHO is a username, an email address or a stable id. The command writes nothing and never shows
    secret columns.

    \b
    Examples:
      kanport explain mappings/users-csv.yaml anna.schmidt
      kanport explain mappings/users-csv.yaml anna.schmidt@nordlicht.example --format json
      kanport explain mappings/memberships-csv.yaml --project WEB
      kanport explain mappings/users-csv.yaml anna.schmidt --offline
    """
    from kanport import api
    from kanport.cli.context import invocation_of
    from kanport.cli.output import show_report
    from kanport.cli.progress import Following, read_inputs
    from kanport.errors import UsageError

    if (who is None) == (project is None):
        raise UsageError(
            "name either a user, or a project with --project",
            hint="kanport explain MAPPING ada, or kanport explain MAPPING --project ALPHA",
        )
    output = Output(ctx, form)
    inputs = read_inputs(ctx, mapping, output)
    if offline:
        report = api.explain(inputs, who=who or "", project=project)
    else:
        settings = invocation_of(ctx).settings()
        with api.connect(settings, read_only=True, warn=output.warn) as server:
            following = Following(ctx, output)
            report = api.explain(inputs, server, who=who or "", project=project, progress=following)
    show_report(output, report, full_command=full_again(ctx))


# --- kanport approve ------------------------------------------------------------------------------

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def _span(ctx: click.Context, parameter: click.Parameter, value: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,2})([hdw])", value)
    if found is None:
        raise click.BadParameter("use a number from 1 to 999 and h, d or w, such as 12h, 7d or 2w")
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
@output_option(
    "approval_paths",
    "File for the approval (default: PLAN.approval.json beside the plan).",
    endings=(".json",),
)
@common_options
@click.pass_context
def approve_command(
    ctx: click.Context,
    /,
    plan_path: Path,
    by: str,
    note: str,
    expires: timedelta,
    approval_paths: tuple[Path, ...],
) -> None:
    """Approve exactly one plan, for apply --require-approval.

    The approval is a separate file that holds the digest of the plan and its server. It is not
    valid for a plan that was edited, or for a new plan with other changes. `kanport apply
    --require-approval` changes nothing without it. The journal and the reports show the approval.

    If the mapping requires several approvers (`approval`), each of them runs this command on the
    same plan, from their own user account; the file holds all approvals.

    With KANPORT_APPROVAL_KEY or KANPORT_APPROVAL_KEY_FILE, Kanport signs the approval
    (HMAC-SHA256), and apply accepts it only with the same key. Without a key, anyone who can
    write the file can approve.

    \b
    Examples:
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
    approval_paths = approval_paths or (api.approval_beside(plan_path),)
    given = api.approve_plan(
        plan_path, by=by.strip(), note=note.strip(), lasts=expires, paths=approval_paths
    )
    approval = given.approval
    if STDOUT not in approval_paths:
        output.data(
            f"{escape_name(approval.by)} approves {counted(approval.changes, 'change', 'changes')}"
            f" on {escape_name(approval.server)} until {approval.expires_at}; digest of the plan:"
            f" {approval.plan}"
        )
    for path in approval_paths:
        if path != STDOUT:
            output.note(wrote(path, "approval"))
    if approval.others:
        names = ", ".join(escape_name(one.by) for one in approval.others)
        output.note(f"The file also holds the approval of {names}.")
    if given.replaced:
        names = ", ".join(escape_name(one.by) for one in given.replaced)
        text = f"this replaces the approval by {names}"
        if given.approvers > 1:
            who = escape_name(approval.recorded_by.rpartition("@")[0] or approval.recorded_by)
            output.warn(
                f"{text}: both come from the user account {who}. A second approver needs an"
                " account of their own"
            )
        else:
            output.note(f"{text[:1].upper()}{text[1:]}.")
    if given.approvers > 1:
        output.note(f"{len(approval.all)} of {given.approvers} approvals.")
    if not approval.changes:
        output.note("The plan has no changes, so apply needs no approval for it.")
    if given.run:
        output.warn(f"this plan was carried out by run {given.run}; apply refuses it")
    if approval.signature is None:
        output.note(
            "The approval is not signed: anyone who can write that file can approve. To sign"
            " approvals, set KANPORT_APPROVAL_KEY_FILE."
        )


# --- kanport undo ---------------------------------------------------------------------------------


@click.command("undo", cls=Command)
@click.argument("journal", metavar="JOURNAL", type=click.Path(path_type=Path))
@PLAN_OUTPUT
@click.option(
    "--remove-created",
    "remove_at_most",
    type=click.IntRange(min=1),
    metavar="NUMBER",
    help="Remove the users and groups that the run created; without it, Kanport disables the users"
    " and keeps the groups. NUMBER is the maximum number of users.",
)
@moved_mapping_option("Undo leaves its protected users alone.")
@WAIT
@FORMAT
@server_options
@with_options(*DETAIL)
@common_options
@click.pass_context
def undo_command(
    ctx: click.Context,
    /,
    journal: Path,
    paths: tuple[Path, ...],
    remove_at_most: int | None,
    mapping_path: Path | None,
    wait: float,
    form: str,
) -> None:
    """Make the plan that undoes a run, as far as Kanboard's API allows.

    The command writes nothing to the server: read the plan, then run `kanport apply`.

    The plan restores the old values, grants the access that the run revoked, revokes the access
    that it granted, and disables users that it created. It undoes only changes of that run, and
    only if nobody changed the value since. Errors name what Kanport cannot undo (exit code 3).
    Warnings name what it undoes only in part, for example users that it disables instead of
    removing (exit code 0).

    --remove-created needs the maximum number of users, because removing a user cannot be undone:
    more than that stops the plan with a safety check (exit code 4). Kanboard deletes private
    projects with a removed user, so Kanport only disables a user with a private project or with
    later changes.

    \b
    Examples:
      kanport undo plan.journal.jsonl -o back.json
      kanport apply back.json
      kanport undo plan.journal.jsonl -o back.json --remove-created 12
    """
    from kanport import api
    from kanport.cli.context import invocation_of
    from kanport.cli.progress import Following

    _, plan_paths, output = plan_output(ctx, paths, form)
    invocation = invocation_of(ctx)
    recorded = api.load_journal(journal)
    check_targets(paths, plan_paths, [journal, *api.files_of_plan(recorded.plan)])
    settings = invocation.settings()
    with api.connect(settings, read_only=True, warn=output.warn) as server:
        plan = api.undo(
            journal,
            server,
            mapping=mapping_path,
            remove_created=remove_at_most,
            state=invocation.state,
            wait=wait,
            caller=api.Caller(f"kanport undo {journal}", invocation.run_id),
            progress=Following(ctx, output),
        )
    deliver(ctx, output, plan, plan_paths, _undo_steps(ctx, next(iter(plan_paths), None), plan))
    ctx.exit(plan.exit_code)


def _undo_steps(ctx: click.Context, plan_path: Path | None, plan: "Plan") -> tuple[str, ...]:
    from kanport.cli.runs import steps_to_apply, unused_plan

    if not plan.changes or plan.blocked_by:
        return ()
    if plan_path is None:
        return (typed_again(ctx, "-o", unused_plan("back.json")),)
    return steps_to_apply(ctx, plan_path, plan)
