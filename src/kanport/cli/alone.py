"""One run at a time, for the commands that write to a server or to a ledger."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

WAIT = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Wait so long for another run on the same server or ledger to end; by default not at all.",
)


def alone(
    ctx: click.Context, url: str, ledger: Path | None, about: Path, wait: float, /, **flags: Any
) -> AbstractContextManager[None]:
    """Hold the locks of a server and of a ledger while a block runs; see `pipeline.alone`.

    `about` is what the command was called with, and `flags` its options.
    """
    from kanport import pipeline
    from kanport.cli.configured import layers_of
    from kanport.config.catalogue import STATE

    return pipeline.alone(
        url,
        ledger,
        state=layers_of(ctx, **flags).take(STATE).value,
        command=f"kanport {ctx.info_name} {about}",
        wait=wait,
    )
