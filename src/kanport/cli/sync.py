"""`kanport sync`: plan, check, apply and verify in one."""

from pathlib import Path

import click

from kanport.cli.options import (
    ALLOW,
    FORMAT,
    MAPPING,
    MONITORING,
    STATE,
    WAIT,
    Command,
    common_options,
    server_options,
    with_options,
    writing_options,
)
from kanport.cli.output import Output


@click.command("sync", cls=Command)
@MAPPING
@STATE
@with_options(*MONITORING)
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
) -> None:
    """Plan, check, apply and verify in one, unattended.

    sync asks nothing, so cron can run it. After the run, Kanport reads the sources and the server
    again: exit code 0 means that nothing is left to do. The state folder keeps the plan and the
    journal of each run that changes something. If an earlier run was interrupted, sync first finds
    out what it did, and then plans the rest.

    Without a terminal, or with --quiet, sync prints nothing if there are no changes and no
    warnings.

    --deadline interrupts a run that takes too long, so that a server that hangs does not hold the
    lock.

    --status and --prometheus report every outcome to monitoring. The section notify of
    kanport.toml sends it by email or to a webhook.

    \b
    Example:
      kanport sync mappings/users-csv.yaml
      kanport sync /etc/kanport/nightly.yaml --state /var/lib/kanport
      kanport sync nightly.yaml --deadline 2h
      kanport sync nightly.yaml --allow disable=40 --allow shrink:people=400
      kanport sync nightly.yaml --status /var/lib/kanport/status.json --profile staging
    """
    from kanport import api
    from kanport.cli.deadline import SYNC_DEADLINE, ending_in_time
    from kanport.cli.following import Following, ended_by_signals
    from kanport.cli.invocation import invocation_of
    from kanport.cli.planning import findings_shown

    output = Output(ctx, form)
    invocation = invocation_of(ctx)
    with (
        api.monitored(
            "sync",
            mapping,
            invocation.layers,
            without_file=invocation.layers_without_file(),
            run_id=invocation.run_id,
            warn=output.warn,
        ) as record,
        ended_by_signals(),
        ending_in_time(ctx, SYNC_DEADLINE),
    ):
        following = Following(
            ctx,
            output,
            record=record,
            passwords_to=passwords_to,
            discard_passwords=discard_passwords,
        )
        settings = invocation.settings()
        record.server = settings.url
        with (
            api.connect(settings, warn=output.warn) as server,
            findings_shown(ctx, mapping, output, following),
            following.interruptible(),
        ):
            result = api.sync(
                mapping,
                server=server,
                allow=allowed,
                state=invocation.state,
                passwords_to=passwords_to,
                options=invocation.options(settings),
                wait=wait,
                caller=api.Caller(f"kanport sync {mapping}", invocation.run_id),
                progress=following,
                should_stop=following.should_stop,
            )
        record.exit_code = result.exit_code
    ctx.exit(record.exit_code)
