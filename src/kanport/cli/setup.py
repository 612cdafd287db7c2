"""Commands to begin with: `init`, `doctor`, `adopt`, `export` and `schema`."""

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanport.cli.options import (
    MAPPING,
    STATE,
    TEXT_OR_JSON,
    WAIT,
    Command,
    common_options,
    output_option,
    server_options,
    yes_option,
)
from kanport.cli.output import Output
from kanport.files import STDOUT

if TYPE_CHECKING:
    from kanport.api import Adoption, DirectoryKind


class DelimiterChoice(click.Choice[str]):
    """A character between fields; a tab is written as a backslash and a t."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        """Name the choices as they are typed, without Python's escapes."""
        return f'"{value}" is none of {" ".join(self.choices)}'


@click.command("init", cls=Command)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--encoding", metavar="NAME", help="Encoding of a CSV file that is not UTF-8, such as cp1252."
)
@click.option(
    "--sheet", metavar="NAME", help="Sheet of the Excel file (default: the first visible one)."
)
@click.option(
    "--header-row",
    type=click.IntRange(min=1),
    metavar="ROW",
    help="Row that contains the headers (default: found in the first ten rows).",
)
@click.option(
    "--delimiter",
    type=DelimiterChoice([",", ";", "\\t", "|"]),
    metavar="CHAR",
    help="Character between the fields of a CSV file: a comma, a semicolon, | or \\t for a tab"
    " (default: detected).",
)
@click.option("--ldap", "url", metavar="URL", help="URL of an LDAP directory, instead of a file.")
@click.option("--base", metavar="DN", help="Entry below which the directory keeps its users.")
@click.option(
    "--kind",
    type=click.Choice(["active-directory", "ad-lds", "freeipa", "389-ds", "openldap"]),
    help="Product of the directory server (default: ask the server, without a login).",
)
@click.option("--bind-dn", metavar="DN", help="Account that Kanport uses to read the directory.")
@click.option(
    "--ca-file",
    metavar="FILE",
    help="PEM file with the certificates to trust, relative to the mapping (default: those of the"
    " system).",
)
@output_option(
    "targets",
    "Mapping to write. Kanport does not overwrite an existing file.",
    endings=(".yaml", ".yml"),
    default=("mapping.yaml",),
    show_default=True,
)
@common_options
@click.pass_context
def init_command(
    ctx: click.Context,
    /,
    file: Path | None,
    encoding: str | None,
    sheet: str | None,
    header_row: int | None,
    delimiter: str | None,
    url: str | None,
    base: str | None,
    kind: "DirectoryKind | None",
    bind_dn: str | None,
    ca_file: str | None,
    targets: tuple[Path, ...],
) -> None:
    """Write a first mapping for a CSV or Excel file, or for a directory.

    For a file, Kanport recognizes the username, the name and other fields by their headers. The
    mapping lists the columns that Kanport did not recognize.

    For a directory, Kanport asks the server for its product, without a login. The mapping then
    uses the ids and the account locks of that product. With --kind, Kanport does not connect.

    \b
    Examples:
      kanport init staff.csv
      kanport init access.xlsx --sheet Projects -o access.yaml
      kanport init --ldap ldaps://ldap.example.org --base ou=people,dc=example,dc=org
    """
    from kanport import api
    from kanport.errors import UsageError
    from kanport.files import write_file

    output = Output(ctx, "text")
    if (file is None) == (url is None):
        raise UsageError(
            "name either a file, or a directory with --ldap", hint="kanport init staff.csv"
        )
    if url is not None and base is None:
        raise UsageError("a directory needs --base", hint="--base ou=people,dc=example,dc=org")
    for target in targets:
        if target.exists():
            raise UsageError(
                f"{target} exists already", hint="name another file with -o, or move that one away"
            )
    of_files = {"encoding": encoding, "sheet": sheet, "header-row": header_row}
    of_files["delimiter"] = delimiter
    of_directories = {"base": base, "kind": kind, "bind-dn": bind_dn, "ca-file": ca_file}
    for option, value in (of_directories if url is None else of_files).items():
        if value is not None:
            what = "a file" if url is None else "a directory"
            raise UsageError(f"--{option} means nothing for {what}", hint=f"leave out --{option}")
    for target in targets:
        named = Path("mapping.yaml") if target == STDOUT else target
        if url is not None:
            text, found, why = api.mapping_for_directory(
                url, base or "", named, kind=kind, bind_dn=bind_dn, ca_file=ca_file
            )
            notes = [f"The directory is {found.name}."] if found.name else []
            if why:
                notes = [
                    f"Kanport does not know the product of the directory ({why}). The mapping fits"
                    " OpenLDAP, 389 Directory Server and FreeIPA. For another product, use --kind."
                ]
        else:
            assert file is not None  # noqa: S101 - one of the two is given
            draft = api.mapping_for_file(
                file,
                named,
                encoding=encoding,
                sheet=sheet,
                header_row=header_row,
                delimiter="\t" if delimiter == "\\t" else delimiter,  # type: ignore[arg-type]
            )
            text, notes = draft.text, [f"- {decision}" for decision in draft.decisions]
        write_file(target, text, mode=0o644)
        for note in notes if target == targets[0] else ():
            output.note(note)
        if target != STDOUT:
            command = shlex.join(["kanport", "validate", str(target)])
            output.note(f"Wrote {target}: mapping. Read it, then run: {command}")


# --- kanport doctor -------------------------------------------------------------------------------


@click.command("doctor", cls=Command)
@click.argument("mapping", required=False, type=click.Path(path_type=Path))
@TEXT_OR_JSON
@server_options
@common_options
@click.pass_context
def doctor_command(ctx: click.Context, /, mapping: Path | None, form: str) -> None:
    """Check connectivity, versions, permissions and limits.

    With MAPPING, doctor also checks its sources. The command writes nothing.

    Each check prints ok, warning or problem, with details and how to fix it. doctor makes all of
    them, even after a problem. The exit code is 0 without a problem, 6 for a wrong configuration, 7
    if the server or a source is not reachable, 5 for invalid source data.

    \b
    Examples:
      kanport doctor
      kanport doctor mappings/users-csv.yaml
      kanport doctor mappings/users-csv.yaml --format json > doctor.json
    """
    import os
    from datetime import UTC, datetime

    from kanport import api
    from kanport.cli.context import invocation_of
    from kanport.cli.progress import server_is_named

    output = Output(ctx, form)
    invocation = invocation_of(ctx)
    checks: list[api.Check] = []
    for check in api.examine(
        mapping,
        invocation.settings if server_is_named(ctx) else None,
        environ=os.environ,
        now=datetime.now(UTC),
        request_timeout=invocation.request_timeout,
    ):
        if form == "text":
            output.data("\n".join(api.check_lines(check, after=checks[-1] if checks else None)))
        checks.append(check)
    code = api.exit_for_checks(checks)
    if form == "json":
        output.data(api.checks_as_json(checks, code))
    ctx.exit(code)


# --- kanport adopt --------------------------------------------------------------------------------


@click.command("adopt", cls=Command)
@MAPPING
@click.option(
    "--users",
    "users",
    multiple=True,
    metavar="PATTERN",
    help='Adopt users by username, such as "ext-*", even if no source names them. Can be repeated.',
)
@click.option(
    "--memberships",
    "memberships",
    multiple=True,
    metavar="PATTERN",
    help="Adopt the memberships of projects by name, identifier or id (#3). Can be repeated.",
)
@yes_option("Without a terminal and without --yes, adopt only lists what it would record.")
@WAIT
@STATE
@server_options
@common_options
@click.pass_context
def adopt_command(
    ctx: click.Context,
    /,
    mapping: Path,
    users: tuple[str, ...],
    memberships: tuple[str, ...],
    yes: bool,
    wait: float,
) -> None:
    """Let Kanport manage what is on the server already.

    With `managed: ledger` and `memberships_managed: ledger`, Kanport disables and revokes only
    what it created or adopted. adopt records existing users and memberships in the ledger. It
    writes nothing to the server.

    Without --users and --memberships, adopt takes the users and memberships that are both in the
    sources of MAPPING and on the server. It never adopts protected accounts.

    \b
    Examples:
      kanport adopt mappings/openldap.yaml
      kanport adopt mappings/openldap.yaml --yes
      kanport adopt mappings/openldap.yaml --users "ext-*" --memberships ALPHA --yes
    """
    from kanport import api
    from kanport.cli.context import invocation_of
    from kanport.cli.output import confirm
    from kanport.cli.progress import Following, read_inputs

    output = Output(ctx)
    inputs = read_inputs(ctx, mapping, output)
    api.ledger_needed(inputs)
    invocation = invocation_of(ctx)
    settings = invocation.settings()
    with (
        api.connect(settings, read_only=True, warn=output.warn) as server,
        api.adopting(
            inputs,
            server,
            users=users,
            memberships=memberships,
            state=invocation.state,
            wait=wait,
            command=f"kanport adopt {mapping}",
            progress=Following(ctx, output),
        ) as adoptable,
    ):
        found = adoptable.found
        named = bool(users or memberships)
        output.data(_summary(found, server.url, adoptable.ledger, named=named))
        for text in found.by_number:
            output.note(
                f"No project has the name or identifier {text}, so Kanport takes it for an id."
            )
        spec = inputs.mapping.spec
        if "ledger" not in (spec.users and spec.users.managed, spec.memberships_managed):
            output.note(
                "The mapping manages nothing by its ledger, so adopting changes nothing now. It"
                " matters with managed: ledger or memberships_managed: ledger."
            )
        if any(finding.severity == "error" for finding in inputs.findings):
            output.warn("adopt ignores rows that have an error; kanport validate shows them")
        if not found.users and not found.memberships:
            return
        if not yes and not sys.stdin.isatty():
            output.note("Nothing was recorded. To record without a question, add --yes.")
            return
        if not yes:
            confirm(
                "Manage these users and memberships from now on?", no="Kanport recorded nothing"
            )
        adoptable.adopt()
        output.note(f"Recorded in {adoptable.ledger}.")


def _summary(found: "Adoption", url: str, ledger: Path, *, named: bool) -> str:
    from kanport.report.escape import escape_name

    lines = [
        f"To adopt from {url} into {ledger}:"
        f" {_counted(len(found.users), len(found.memberships))}. Managed already"
        f"{', of those that you name' if named else ''}:"
        f" {_counted(found.managed_users, found.managed_memberships)}."
    ]
    lines += [f"  user        {escape_name(user.username)} (#{user.id})" for user in found.users]
    lines += [
        f"  membership  {escape_name(user.username)} in {escape_name(project.label)}"
        for user, project in found.memberships
    ]
    return "\n".join(lines)


def _counted(users: int, memberships: int) -> str:
    one, two = "" if users == 1 else "s", "" if memberships == 1 else "s"
    return f"{users} user{one} and {memberships} membership{two}"


# --- kanport export -------------------------------------------------------------------------------

# Maximum number of lossy values that are listed one by one.
_MOST_LISTED = 50


@click.command("export", cls=Command)
@output_option(
    "targets",
    "Excel file (.xlsx), YAML file (.yaml), or folder for CSV files.",
    endings=("", ".xlsx", ".yaml", ".yml"),
    folder=True,
    required=True,
)
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write a mapping that reads the export.",
)
@server_options
@common_options
@click.pass_context
def export_command(
    ctx: click.Context, /, targets: tuple[Path, ...], mapping_path: Path | None
) -> None:
    """Write users, groups, projects and access as CSV, Excel or YAML.

    The tables are users, groups, group_members, projects and memberships. A membership is the
    access of a user to a project. A column says whether it is direct or may come from a group. An
    export never contains passwords, hashes or tokens. `-o -` prints YAML.

    \b
    Examples:
      kanport export -o kanboard.xlsx
      kanport export -o kanboard/ --mapping kanboard.yaml
    """
    from kanport import api
    from kanport.cli.context import invocation_of
    from kanport.cli.progress import Following
    from kanport.errors import UsageError

    output = Output(ctx, "text")
    if mapping_path is not None:
        api.check_new_mapping(mapping_path)
        if targets[0] == STDOUT:
            raise UsageError(
                "a mapping cannot read standard output", hint="name a file with -o before `-o -`"
            )
    settings = invocation_of(ctx).settings()
    with api.connect(settings, warn=output.warn) as server:
        exported = api.export(
            server, *targets, mapping=mapping_path, progress=Following(ctx, output)
        )
    counts = ", ".join(rows_of(name, number) for name, number in exported.rows.items())
    for target in targets:
        output.note(f"Wrote {'stdout' if target == STDOUT else target}: {counts}.")
    for line in exported.lossy[:_MOST_LISTED]:
        output.warn(line)
    if len(exported.lossy) > _MOST_LISTED:
        output.warn(f"{len(exported.lossy) - _MOST_LISTED} more values read back differently")
    if mapping_path is not None:
        output.note(f"Wrote {mapping_path}: mapping that reads the export.")


def rows_of(table: str, number: int) -> str:
    """Return the number of rows of a table, in words.

    >>> rows_of("group_members", 1), rows_of("users", 2)
    ('1 group member', '2 users')
    """
    words = table.replace("_", " ")
    return f"{number} {words.removesuffix('s') if number == 1 else words}"


# --- kanport schema -------------------------------------------------------------------------------


@click.command("schema", cls=Command)
@click.argument("mappings", metavar="[MAPPING]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--plan", "of_plan", is_flag=True, help="Print the schema of the plan file.")
@click.option("--report", "of_report", is_flag=True, help="Print the schema of a JSON report.")
@click.option("--check", is_flag=True, help="Check each MAPPING instead; read no sources.")
@common_options
@click.pass_context
def schema_command(
    ctx: click.Context, /, mappings: tuple[Path, ...], of_plan: bool, of_report: bool, check: bool
) -> None:
    """Print the JSON Schema of the mapping, the plan or the report.

    Editors complete and check a mapping with its schema. Save the schema beside the mapping, and
    put this line at the top of the mapping:

    \b
      # yaml-language-server: $schema=kanport-mapping.schema.json

    With --check, Kanport prints all mistakes of the mappings and exits with 6 if there are any. The
    pre-commit hook kanport-mapping does this.

    \b
    Examples:
      kanport schema > kanport-mapping.schema.json
      kanport schema --plan > kanport-plan.schema.json
      kanport schema --report > kanport-report.schema.json
      kanport schema --check mappings/users-csv.yaml mappings/openldap.yaml
    """
    from kanport import api
    from kanport.cli.output import show_error
    from kanport.errors import ConfigInvalid, Exit, UsageError

    if of_plan and of_report:
        raise UsageError("--plan and --report contradict each other", hint="use one of them")
    of = "plan" if of_plan else "report" if of_report else "mapping"
    if check is not bool(mappings) or (check and (of_plan or of_report)):
        raise UsageError(
            "name a mapping after --check",
            hint="kanport schema --check mapping.yaml",
        )
    code = Exit.OK
    for mapping in mappings:
        try:
            api.check_mapping(mapping)
        except ConfigInvalid as problem:
            show_error(problem, ctx)
            code = Exit.CONFIG
    if not check:
        Output(ctx).data(json.dumps(api.schema(of), indent=2, ensure_ascii=False))
    ctx.exit(code)


# --- kanport completion ---------------------------------------------------------------------------


@click.command("completion", cls=Command)
@click.argument("shell", metavar="SHELL", type=click.Choice(["bash", "zsh", "fish"]))
@common_options
@click.pass_context
def completion_command(ctx: click.Context, /, shell: str) -> None:
    """Print the script that completes commands and options in a shell.

    \b
    Examples:
      kanport completion bash > ~/.local/share/bash-completion/completions/kanport
      kanport completion zsh > ~/.zfunc/_kanport
      kanport completion fish > ~/.config/fish/completions/kanport.fish
    """
    from click.shell_completion import get_completion_class

    made_by = get_completion_class(shell)
    assert made_by is not None  # noqa: S101 - click knows these shells
    script = made_by(ctx.find_root().command, {}, "kanport", "_KANPORT_COMPLETE")
    # Not `source()`, which runs bash to ask for its version.
    Output(ctx).data(script.source_template % script.source_vars())
