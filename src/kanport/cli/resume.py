"""`kanport resume`: finish a run that was cut off."""

from pathlib import Path
from typing import Any

import click

from kanport.cli.alone import WAIT, alone
from kanport.cli.options import FORMAT, common_options, server_options, writing_options
from kanport.cli.output import Output


@click.command("resume")
@click.argument("journal_path", metavar="JOURNAL", type=click.Path(path_type=Path))
@click.option(
    "--mapping",
    "mapping_path",
    type=click.Path(path_type=Path),
    help="Where the mapping lies now, for a plan that takes passwords from a source.",
)
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
    mapping_path: Path | None,
    wait: float,
    form: str,
    passwords_to: Path | None,
    **server: Any,
) -> None:
    """Finish the run of JOURNAL that was cut off, by whatever it was.

    What has an outcome is left alone. Everything else is looked at first: what is as the plan
    wants it was done, what is as it was before is carried out now, and the rest is skipped. A run
    that is finished already is told once more, and its journal stays as it is.

    \b
    Example:
      kanport resume plan.journal.jsonl
      kanport resume plan.journal.jsonl --passwords-to more-passwords.csv
    """
    from kanport import pipeline
    from kanport.apply.journal import load_journal
    from kanport.cli import planning, running
    from kanport.cli.deadline import ending_in_time
    from kanport.kanboard.client import Client

    output = Output(ctx, form)
    recorded = load_journal(journal_path)
    settings, options = planning.settings_and_options(**server)
    ledger = pipeline.ledger_of(recorded.plan, mapping_path)
    with (
        ending_in_time(ctx, **server),
        Client.open(settings, warn=output.warn) as client,
        alone(ctx, client.url, ledger, journal_path, wait),
    ):
        # The run may have come further while another one was waited for.
        recorded = load_journal(journal_path)
        if recorded.finished:
            output.note("The run was finished already; nothing is sent, and its journal stays.")
            passwords_to = None
        passwords = pipeline.passwords_for(recorded.plan, mapping_path)
        code = running.report_on(
            recorded.plan,
            output,
            pipeline.Execution(journal_path, passwords, passwords_to, options),
            lambda how: pipeline.resume_run(recorded, client, how),
            mapping_path,
        )
    ctx.exit(code)
