"""Commands that report: `report`, `verify`, `verify-report` and `evidence`."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanport.cli.context import full_again
from kanport.cli.options import (
    DETAIL,
    FORMAT,
    MASK,
    REPORT_FORMAT,
    SUMMARY,
    TEXT_OR_JSON,
    Command,
    common_options,
    output_option,
    server_options,
    setting,
    table_option,
    with_options,
)
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.api import Checks, Evidence


@click.command("report", cls=Command)
@click.argument("path", metavar="PLAN-or-JOURNAL", type=click.Path(path_type=Path))
@output_option(
    "report_paths",
    "File to write. Its extension selects the format, such as .html, .xlsx, .md or .json.",
)
@click.option(
    "--compare",
    "old_path",
    type=click.Path(path_type=Path),
    metavar="OLD",
    help="Compare this plan or journal with PLAN-or-JOURNAL.",
)
@table_option("changes", "findings", "access", "rows", "withheld", "open")
@MASK
@REPORT_FORMAT
@with_options(setting("--full", is_flag=True, help="Print everything (the default)."), SUMMARY)
@common_options
@click.pass_context
def report_command(
    ctx: click.Context,
    /,
    path: Path,
    report_paths: tuple[Path, ...],
    old_path: Path | None,
    table: str | None,
    masked: bool,
    form: str,
) -> None:
    """Render a plan or a run as a report: HTML, PDF, Excel and others.

    -o writes HTML, PDF, Excel, Markdown, JSON, CSV, text, JUnit XML (.xml) or SARIF, by the ending
    of the file. --format github prints GitHub annotations. Without -o, the report goes to stdout.

    JUnit XML and GitHub annotations cover findings, safety checks and changes that were not made.
    SARIF holds the findings only.

    A CSV file holds one table (--table): the changes, the findings, the access before and after,
    the result of each input row, the withheld removals, or the removals that are still open. If a
    spreadsheet program would read a text as a formula, Kanport puts an apostrophe before it.

    --mask uses pseudonyms for users, the same ones in every report of one plan. Projects, groups,
    roles, files and the server keep their names.

    \b
    Examples:
      kanport report plan.json
      kanport report plan.json -o plan.html
      kanport report plan.journal.jsonl -o run.html -o run.json
      kanport report --compare yesterday.json today.json
      kanport report --compare plan.json plan.journal.jsonl
    """
    from kanport import api
    from kanport.errors import UsageError
    from kanport.files import STDOUT, check_target

    if old_path is not None:
        if masked:
            raise UsageError(
                "--mask does not work with --compare: each plan has its own pseudonyms",
                hint="leave out --mask or --compare",
            )
        if table is not None:
            raise UsageError(
                "--table does not work with --compare: a comparison has no tables",
                hint="leave out --table or --compare",
            )
        _compare(Output(ctx, form), old_path, path, report_paths)
        return
    output = Output(ctx, form, masked=masked, table=table, paths=report_paths, full=True)
    for report_path in report_paths:
        check_target(report_path, inputs=[path])
    found = api.load(path)
    plan = found.plan if isinstance(found, api.Result) else found
    for report_path in report_paths:
        check_target(report_path, inputs=api.files_of_plan(plan))
    view = api.view_of(found, mask=masked)
    output.write(view)
    if not report_paths or STDOUT in report_paths:
        output.show(view)


def _compare(output: Output, old_path: Path, new_path: Path, paths: tuple[Path, ...]) -> None:
    from kanport import api
    from kanport.cli.output import show_report
    from kanport.files import check_target

    for path in paths:
        check_target(path, inputs=[old_path, new_path])
    report, plans = api.compare_files(old_path, new_path)
    for path in paths:
        check_target(path, inputs=[file for plan in plans for file in api.files_of_plan(plan)])
    show_report(output, report, paths)


# --- kanport verify -------------------------------------------------------------------------------


@click.command("verify", cls=Command)
@click.argument("path", metavar="PLAN-or-JOURNAL", type=click.Path(path_type=Path))
@MASK
@FORMAT
@server_options
@with_options(*DETAIL)
@common_options
@click.pass_context
def verify_command(ctx: click.Context, /, path: Path, masked: bool, form: str) -> None:
    """Compare the server with a plan, change by change.

    With a journal, Kanport compares the server with the plan of that run. The command only reads.

    The exit code is 0 if everything matches, 3 if something differs, 7 if Kanport cannot read the
    server, and 9 if the plan is for another server.

    \b
    Examples:
      kanport verify plan.json
      kanport verify plan.journal.jsonl --format markdown > verified.md
    """
    from kanport import api
    from kanport.cli.context import invocation_of
    from kanport.cli.progress import Following

    output = Output(ctx, form, masked=masked)
    found = api.load(path)
    settings = invocation_of(ctx).settings()
    with api.connect(settings, read_only=True, warn=output.warn) as server:
        verification = api.verify(found, server, progress=Following(ctx, output))
    output.show(api.view_of(verification, mask=masked), full_command=full_again(ctx))
    ctx.exit(verification.exit_code)


# --- kanport verify-report ------------------------------------------------------------------------

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
@TEXT_OR_JSON
@common_options
@click.pass_context
def verify_report_command(
    ctx: click.Context,
    /,
    path: Path,
    plan_path: Path | None,
    journal_path: Path | None,
    form: str,
) -> None:
    """Check that a report is unchanged and belongs to a plan or run.

    Every report contains its own digest; CSV, JUnit and SARIF files have it in REPORT.proof.json
    beside them. The digest shows every edit, unless somebody computed a new digest. With --plan or
    --journal, Kanport renders the report again and compares it byte for byte. Then you need to
    trust only the plan or the journal.

    The exit code is 0 if every check passed, and 3 if one failed.

    \b
    Examples:
      kanport verify-report plan.html
      kanport verify-report run.xlsx --journal plan.journal.jsonl
    """
    from kanport import api
    from kanport.errors import Exit

    output = Output(ctx, form)
    checks = api.check_report_file(path, plan_path=plan_path, journal_path=journal_path)
    output.data(_as_json(checks) if form == "json" else _as_text(path, checks))
    if checks.hold and plan_path is None and journal_path is None:
        output.note("To compare the whole report byte for byte, add --plan or --journal.")
    ctx.exit(Exit.OK if checks.hold else Exit.PARTIAL)


def _as_text(path: Path, checks: "Checks") -> str:
    from kanport.report.escape import escape_name

    lines = [f"{one.what}: {_WORDS[one.holds]}, {escape_name(one.why)}" for one in checks.checked]
    end = "is valid" if checks.hold else "is NOT valid"
    return "\n".join([*lines, f"{escape_name(str(path))} {end}"])


def _as_json(checks: "Checks") -> str:
    proof = checks.proof
    told = {
        "format": "kanport-report-check/1",
        **_checks(checks),
        "proof": json.loads(proof.to_json()) if proof is not None else None,
    }
    return json.dumps(told, indent=2)


def _checks(checks: "Checks") -> dict[str, Any]:
    checked = [{"what": one.what, "holds": one.holds, "why": one.why} for one in checks.checked]
    return {"holds": checks.hold, "checked": checked}


# --- kanport evidence -----------------------------------------------------------------------------


@click.command("evidence", cls=Command)
@click.argument("journal", metavar="[JOURNAL]", required=False, type=click.Path(path_type=Path))
@output_option("package_paths", "Package to write (.zip).", endings=(".zip",), stdout=False)
@click.option(
    "--before",
    "before_path",
    type=click.Path(path_type=Path),
    metavar="SNAPSHOT.json",
    help="Snapshot of the access before the run (kanport state).",
)
@click.option(
    "--after",
    "after_path",
    type=click.Path(path_type=Path),
    metavar="SNAPSHOT.json",
    help="Snapshot of the access after the run.",
)
@click.option(
    "--sources",
    is_flag=True,
    help="Include the mapping and the source files, but none with a column of passwords.",
)
@click.option(
    "--attach",
    "attachments",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Include another file, such as the result of a review. Can be repeated.",
)
@click.option(
    "--sign",
    "sign_with",
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="Sign the package with this SSH key, such as ~/.ssh/id_ed25519.",
)
@click.option(
    "--verify",
    "verified",
    type=click.Path(path_type=Path),
    metavar="PACKAGE.zip",
    help="Check this package instead of making one.",
)
@click.option(
    "--signers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Allowed signers as ssh-keygen reads them; --verify then requires one of them.",
)
@TEXT_OR_JSON
@common_options
@click.pass_context
def evidence_command(
    ctx: click.Context,
    /,
    journal: Path | None,
    package_paths: tuple[Path, ...],
    before_path: Path | None,
    after_path: Path | None,
    sources: bool,
    attachments: tuple[Path, ...],
    sign_with: Path | None,
    verified: Path | None,
    signers: Path | None,
    form: str,
) -> None:
    """Pack the evidence of a run into one file, or check such a package.

    The package holds the plan, the approvals, the journal, the reports, snapshots and source files
    that you name, and the SHA-256 of each file. --sign adds an SSH signature, which auditors can
    check without Kanport. With KANPORT_APPROVAL_KEY or KANPORT_APPROVAL_KEY_FILE, Kanport also adds
    an HMAC.

    --verify checks digests, signatures and whether all parts belong to one run, and says what
    this proves and what it does not. The exit code is 0 if every check passed, and 3 if one failed.

    \b
    Examples:
      kanport evidence plan.journal.jsonl -o run.zip --sign ~/.ssh/id_ed25519
      kanport evidence --verify run.zip --signers allowed_signers
    """
    from kanport import api
    from kanport.errors import Exit, UsageError
    from kanport.files import check_target

    output = Output(ctx, form)
    if verified is not None:
        making = (journal, package_paths, before_path, after_path, sources, attachments, sign_with)
        if any(making):
            raise UsageError(
                "--verify cannot be combined with options that make a package",
                hint="leave out the rest",
            )
        evidence = api.check_evidence(verified, signers=signers)
        output.data(
            _evidence_as_json(evidence) if form == "json" else _evidence(verified, evidence)
        )
        ctx.exit(Exit.OK if evidence.checks.hold else Exit.PARTIAL)
    if signers is not None:
        raise UsageError("--signers requires --verify", hint="leave out --signers")
    if journal is None:
        raise UsageError(
            "name the journal of the run to pack",
            hint="kanport evidence JOURNAL -o run.zip, or kanport evidence --verify PACKAGE.zip",
        )
    if not package_paths:
        line = shlex.join(["kanport", "evidence", str(journal), "-o", "run.zip"])
        raise UsageError("name the package to write with -o", hint=line)
    read = [one for one in (journal, before_path, after_path, sign_with) if one is not None]
    for path in package_paths:
        check_target(path, inputs=[*read, *attachments])
        # It may be signed, and the only proof of a run.
        if path.exists():
            raise UsageError(
                f"{path} exists already", hint="name another file with -o, or move that one away"
            )
    content = api.pack_evidence(
        journal,
        before=before_path,
        after=after_path,
        with_sources=sources,
        attachments=attachments,
        sign_with=sign_with,
        left_out=lambda path: output.note(
            f"{path} is not in the package: it has a column of passwords."
        ),
    )
    for path in package_paths:
        api.write_evidence(path, content)
        output.note(f"Wrote {path}: evidence. Check it with: kanport evidence --verify {path}")
    if sign_with is None:
        output.note(
            "The package has no SSH signature: anyone who changes a file can also change the"
            " digests. To sign it, use --sign KEY."
        )


def _evidence(path: Path, evidence: "Evidence") -> str:
    from kanport.report.escape import escape_name

    lines = [_as_text(path, evidence.checks)]
    if not evidence.proves:
        return "\n".join([*lines, "", *evidence.leaves_open])
    for title, items in (
        ("Completeness:", evidence.manifest.get("completeness", ())),
        ("This proves:", evidence.proves),
        ("This does not prove:", evidence.leaves_open),
    ):
        lines += ["", title, *(f"- {escape_name(item)}" for item in items)] if items else []
    return "\n".join(lines)


def _evidence_as_json(evidence: "Evidence") -> str:
    parts = {
        "format": "kanport-evidence-check/1",
        **_checks(evidence.checks),
        "proves": evidence.proves,
        "does_not_prove": evidence.leaves_open,
        "manifest": evidence.manifest,
    }
    return json.dumps(parts, indent=2)
