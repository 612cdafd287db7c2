"""`kanport sync`: plan, guards, apply and verify in one."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanport.cli.alone import WAIT, alone
from kanport.cli.options import (
    ALLOW,
    FORMAT,
    MAPPING,
    STATE,
    OutputFile,
    common_options,
    server_options,
    writing_options,
)
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.cli.record import Record
    from kanport.errors import Exit


@click.command("sync")
@MAPPING
@STATE
@click.option(
    "--status",
    type=OutputFile(),
    metavar="FILE",
    help="Replace this JSON file after each run, for monitoring.  [env: KANPORT_STATUS]",
)
@click.option(
    "--prometheus",
    type=OutputFile(),
    metavar="FILE",
    help="The same as metrics, for the textfile collector (.prom).  [env: KANPORT_PROMETHEUS]",
)
@ALLOW
@WAIT
@FORMAT
@writing_options
@server_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    mapping: Path,
    allowed: dict[str, int],
    wait: float,
    form: str,
    passwords_to: Path | None,
    discard_passwords: bool,
    **flags: Any,
) -> None:
    """Plan, check the guards, apply and verify, without asking: for cron.

    The plan and the journal of each run that changes something are kept in the state folder. What
    an earlier run did that was cut off is found out first, and the rest planned anew. After
    the run both sides are read again: exit 0 means that nothing was left to do. Away from a
    terminal (or with --quiet) nothing at all is printed where nothing is to be changed and nothing
    has to be looked at.

    A run that takes longer than --deadline ends as with Ctrl-C, so that a server or directory that
    hangs does not hold the lock for ever.

    However the run ends, --status and --prometheus say so to monitoring, and the configuration
    (notify) can have it told by e-mail or to a webhook.

    \b
    Example:
      kanport sync mappings/users-csv.yaml
      kanport sync /etc/kanport/nightly.yaml --state /var/lib/kanport
      kanport sync nightly.yaml --deadline 2h
      kanport sync nightly.yaml --allow disable=40 --allow shrink:people=400
      kanport sync nightly.yaml --status /var/lib/kanport/status.json --profile staging
    """
    from kanport.cli.deadline import SYNC_DEADLINE, ending_in_time
    from kanport.cli.record import recorded

    output = Output(ctx, form)
    with (
        recorded(ctx, "sync", mapping, output, **flags) as record,
        ending_in_time(ctx, SYNC_DEADLINE, **flags),
    ):
        keeping = passwords_to, discard_passwords
        ctx.exit(_sync(ctx, mapping, allowed, wait, output, keeping, record, flags))


def _sync(
    ctx: click.Context,
    mapping: Path,
    allowed: dict[str, int],
    wait: float,
    output: Output,
    keeping: tuple[Path | None, bool],
    record: "Record",
    flags: dict[str, Any],
) -> "Exit":
    from kanport import pipeline
    from kanport.cli import planning, running
    from kanport.errors import Exit
    from kanport.kanboard.client import Client
    from kanport.plan.plan_file import write_plan
    from kanport.report import view

    passwords_to, discard_passwords = keeping
    state = planning.state_from(**flags)
    ledger = pipeline.ledger_beside(mapping, state)
    settings, options = planning.settings_and_options(**flags)
    record.server = settings.url
    with (
        Client.open(settings, warn=output.warn) as client,
        alone(ctx, settings, ledger, mapping, wait, **flags) as killed,
    ):
        cut_off = pipeline.runs_cut_off(state, mapping, client.url, warn=lambda text: None)
        own = [path for path, _ in cut_off]
        pipeline.wait_for_killed_runs(client, killed, state, but=own)
        running.settle_runs_cut_off(client, output, state, mapping)
        inputs = planning.inputs_or_report(mapping, output, ctx, state)
        record.read(len(inputs.desired.users), len(inputs.desired.memberships))
        plan = planning.plan_or_report(inputs, client, output, ctx, allowed)
        record.planned(plan)
        if not plan.changes and planning.exit_for_plan(plan) is not Exit.GUARD:
            told = view.of_plan(plan)
            record.message = told.headline
            output.show_news(told)
            code = planning.exit_for_plan(plan)
            code = running.remembered(plan, None, output, code, mapping)
            return running.remembered_as_good(plan, output, code, mapping)
        stem = pipeline.state_stem(state, plan, record.run_id)
        plan_path = stem.with_name(f"{stem.name}.plan.json")
        write_plan(plan_path, plan)
        record.kept("plan", plan_path)
        if planning.exit_for_plan(plan) is Exit.GUARD:
            output.show(view.of_plan(plan))
        pipeline.check_guards(plan)
        journal_path = stem.with_name(f"{stem.name}.journal.jsonl")
        how = pipeline.Execution(
            journal_path,
            pipeline.passwords_for(plan, mapping),
            passwords_to,
            options,
            mapping_path=mapping,
            discard_passwords=discard_passwords,
        )
        if how.given_passwords:
            # The sources were read once more, which takes its time.
            how = replace(how, checked=pipeline.check_fresh(plan, client, mapping))
        record.kept("journal", journal_path)
        code = running.run_and_report(
            plan,
            client,
            output,
            how,
            mapping,
            record,
        )
        if code in (Exit.OK, Exit.PARTIAL):
            code = running.verified(inputs, client, output, code, record, now=plan.created_at)
            code = running.remembered_as_good(plan, output, code, mapping)
    return code
