"""`kanport sync`: plan, guards, apply and verify in one."""

from pathlib import Path

import click

from kanport.cli.options import (
    ALLOW,
    FORMAT,
    MAPPING,
    MONITORING,
    STATE,
    WAIT,
    common_options,
    server_options,
    with_options,
    writing_options,
)
from kanport.cli.output import Output


@click.command("sync")
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
