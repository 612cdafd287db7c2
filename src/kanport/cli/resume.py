"""`kanport resume`: finish a run that was cut off; and the command that others print for it."""

import os
import re
import shlex
import sys
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanport.cli.alone import WAIT, alone, state_of
from kanport.cli.options import (
    FORMAT,
    YES,
    approval_options,
    common_options,
    server_options,
    writing_options,
)
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.apply.journal import Recorded
    from kanport.outcome import Approved
    from kanport.plan.model import Plan


@click.command("resume")
@click.argument("journal_path", metavar="JOURNAL", type=click.Path(path_type=Path))
@YES
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path),
    help="Where the mapping is now, for passwords from a source, protected accounts and the"
    " ledger.",
)
@approval_options
@WAIT
@FORMAT
@writing_options
@server_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    journal_path: Path,
    yes: bool,
    mapping_path: Path | None,
    require_approval: bool,
    approval_path: Path | None,
    wait: float,
    form: str,
    passwords_to: Path | None,
    discard_passwords: bool,
    **server: Any,
) -> None:
    """Finish the run of JOURNAL that was cut off, whatever the reason.

    Kanport checks the plan as apply does: its guards and its approval, against the server as it is
    now. What has an outcome is left alone. Kanport reads everything else first: what is as the plan
    wants it was done, what is as it was before is carried out now, and the rest is skipped.

    A run that is finished is reported again, and its journal stays as it is.

    \b
    Example:
      kanport resume plan.journal.jsonl
      kanport resume plan.journal.jsonl --yes --passwords-to more-passwords.csv
    """
    from kanport import pipeline
    from kanport.apply.journal import load_journal
    from kanport.cli import planning, running
    from kanport.cli.deadline import ending_in_time
    from kanport.kanboard.client import Client

    output = Output(ctx, form)
    recorded = load_journal(journal_path)
    approved: Approved | None = None
    if not recorded.finished:
        pipeline.check_guards(recorded.plan)
        approved = _approval(recorded, journal_path, approval_path, require_approval, output)
        _refuse_to_lose_passwords(ctx, recorded, journal_path, passwords_to, discard_passwords)
    settings, options = planning.settings_and_options(**server)
    ledger = pipeline.ledger_of(recorded.plan, mapping_path)
    with (
        ending_in_time(ctx, **server),
        Client.open(settings, warn=output.warn) as client,
        alone(ctx, settings, ledger, journal_path, wait, journal=journal_path) as killed,
    ):
        # The run may have come further while another one was waited for.
        recorded = load_journal(journal_path)
        if recorded.finished:
            ctx.exit(running.report_finished(recorded, journal_path, output))
        with output.working("Reading the server"):
            pipeline.wait_for_killed_runs(client, killed, state_of(ctx), but=[journal_path])
            pipeline.check_resumable(recorded, client, mapping_path)
        passwords = pipeline.passwords_for(recorded.plan, mapping_path)
        if not yes and sys.stdin.isatty():
            passwords_to = running.where_passwords_go(
                recorded.plan, recorded.settled, passwords_to, discard=discard_passwords
            )
            _confirm(_left(recorded), settings.url)
            approved = approved and _approval(
                recorded, journal_path, approval_path, require_approval, output
            )
        code = running.report_on(
            recorded.plan,
            output,
            pipeline.Execution(
                journal_path,
                passwords,
                passwords_to,
                options,
                approved=approved,
                approval_path=_approval_path(recorded, journal_path, approval_path)
                if require_approval or approval_path
                else None,
                mapping_path=mapping_path,
                discard_passwords=discard_passwords,
                kept_in=recorded.terms.passwords_to,
            ),
            lambda how: pipeline.resume_run(recorded, client, how),
            mapping_path,
        )
    ctx.exit(code)


def _confirm(count: int, url: str) -> None:
    from kanport.errors import Declined

    changes = "1 change" if count == 1 else f"{count} changes"
    if not click.confirm(f"Finish the run, with {changes} left on {url}?", err=True):
        raise Declined("You answered no; Kanport changed nothing.")


def _left(recorded: "Recorded") -> int:
    return sum(change.id not in recorded.settled for change in recorded.plan.changes)


def _approval_path(recorded: "Recorded", journal_path: Path, named: Path | None) -> Path:
    from kanport.cli.approve import approval_beside

    if named is not None:
        return named
    if recorded.terms.approval is not None:
        return recorded.terms.approval
    # The journal of plan.json is plan.journal.jsonl, by default.
    stem = journal_path.name.removesuffix(".jsonl").removesuffix(".journal")
    return approval_beside(journal_path.with_name(f"{stem}.json"))


def _approval(
    recorded: "Recorded", journal_path: Path, named: Path | None, required: bool, output: Output
) -> "Approved | None":
    """Ask for the approval where apply would, or did when the run began."""
    from kanport.cli.approve import approval_of

    required = required or named is not None or recorded.terms.approval is not None
    path = _approval_path(recorded, journal_path, named)
    return approval_of(recorded.plan, path, output, required=required) if required else None


# --- what to type ---------------------------------------------------------------------------------

_NEVER_REPEATED = frozenset(
    {"journal_path", "yes", "wait", "form", "passwords_to", "discard_passwords"}
    | {"quiet", "verbose", "color", "debug", "log_format", "log_file"}
)


def resume_command(
    ctx: click.Context,
    journal_path: Path,
    recorded: "Recorded | None",
    *,
    passwords_to: Path | None = None,
    plan: "Plan | None" = None,
) -> str:
    """Return the complete command that finishes a run.

    It has the options that the command of `ctx` was called with, as far as they concern the rest of
    the run. `recorded` is what the journal says, None where only `plan` is known. Where random
    passwords are to be kept, it names a new file beside `passwords_to`, or beside the one that the
    journal names.
    """
    from kanport.cli.running import random_passwords

    parts = ["kanport", "resume", str(journal_path)]
    wanted = {parameter.name: parameter for parameter in command.params}
    for parameter in ctx.command.params:
        name = parameter.name or ""
        given = ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
        if name in _NEVER_REPEATED or name not in wanted or not given:
            continue
        parts += _typed(parameter, _value(ctx, parameter))
    if recorded is not None:
        plan = recorded.plan
        passwords_to = passwords_to or recorded.terms.passwords_to
    settled: Collection[str] = recorded.settled if recorded is not None else ()
    if passwords_to is not None and plan is not None and random_passwords(plan, settled):
        parts += ["--passwords-to", str(_free(passwords_to))]
    state = ctx.params.get("state")
    prefix = f"KANPORT_STATE={shlex.quote(str(state))} " if state is not None else ""
    return prefix + shlex.join(parts)


def _value(ctx: click.Context, parameter: click.Parameter) -> Any:
    # Options that every command has are kept with the root.
    kept: dict[str, Any] = ctx.find_root().obj or {}
    name = parameter.name or ""
    return ctx.params.get(name, kept.get(name))


def _typed(parameter: click.Parameter, value: Any) -> list[str]:
    option = max(parameter.opts, key=len)
    if isinstance(parameter, click.Option) and parameter.is_flag:
        return [option] if value else []
    return [option, f"{value:g}" if isinstance(value, float) else str(value)]


def _free(path: Path) -> Path:
    """Return a name beside a file that is free: `new.csv`, `new-2.csv`, `new-3.csv`.

    It is relative where the file is below the current folder.
    """
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    stem = re.sub(r"-\d{1,4}$", "", path.stem)
    number, free = 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{stem}-{number}{path.suffix}")
    return free


def _refuse_to_lose_passwords(
    ctx: click.Context,
    recorded: "Recorded",
    journal_path: Path,
    passwords_to: Path | None,
    discard: bool,
) -> None:
    from kanport.cli.running import people, random_passwords
    from kanport.errors import UsageError

    if passwords_to is not None and os.path.lexists(passwords_to):
        raise UsageError(
            f"{passwords_to} exists already; it may hold the passwords of an earlier run",
            details=[resume_command(ctx, journal_path, recorded, passwords_to=passwords_to)],
            hint="name another file with --passwords-to, as in this command",
        )
    kept = recorded.terms.passwords_to
    names = random_passwords(recorded.plan, recorded.settled)
    if kept is None or passwords_to is not None or discard or not names:
        return
    raise UsageError(
        f"the run keeps the random passwords of new users in {kept}; without --passwords-to, those"
        f" of {people(names)} would be lost; nothing was written",
        details=[resume_command(ctx, journal_path, recorded)],
        hint="use this command, or --discard-passwords where nobody needs the passwords",
    )
