"""One run at a time, for the commands that write to a server or to a ledger."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kanport.config import Settings
    from kanport.lock import Holder

WAIT = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0,
    metavar="SECONDS",
    help="Wait so long for another run on the same server or ledger to end; by default not at all.",
)


def alone(
    ctx: click.Context,
    settings: "Settings",
    ledger: Path | None,
    about: Path,
    wait: float,
    /,
    *,
    journal: Path | None = None,
    **flags: Any,
) -> "AbstractContextManager[tuple[Holder, ...]]":
    """Hold the locks of a server and of a ledger while a block runs; see `pipeline.alone`.

    `about` is what the command was called with, `journal` what it writes, and `flags` its options.
    """
    from kanport import pipeline

    return pipeline.alone(
        settings.url,
        ledger,
        state=state_of(ctx, **flags),
        command=f"kanport {ctx.info_name} {about}",
        token=settings.token,
        journal=journal,
        wait=wait,
    )


def state_of(ctx: click.Context, /, **flags: Any) -> Path | None:
    """Return the state folder that is set; None where none is."""
    from kanport.cli.configured import layers_of
    from kanport.config.catalogue import STATE

    state: Path | None = layers_of(ctx, **flags).take(STATE).value
    return state
