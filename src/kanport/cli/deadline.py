"""The deadline of a run: after this time Kanport ends the run as Ctrl-C does."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import click

from kanport.cli.invocation import invocation_of

SYNC_DEADLINE = 24 * 3600.0


class OutOfTime(KeyboardInterrupt):
    """The run has used up the time of --deadline; the message says so."""


@contextmanager
def ending_in_time(ctx: click.Context, default: float = 0.0) -> Iterator[None]:
    """Interrupt the block at --deadline, and let no request continue for long after it.

    `default` is in seconds and applies without a setting; 0 means no deadline. Raise ConfigInvalid
    for an invalid time.
    """
    from kanport.config.settings import DEADLINE
    from kanport.network import run_until

    given = invocation_of(ctx).layers().take(DEADLINE).value
    seconds = default if given is None else given
    if not seconds:
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise OutOfTime(reached(seconds))

    main = threading.main_thread()
    # Only in the main thread the signal ends a wait and runs the handler.
    timer = threading.Timer(seconds, lambda: signal.pthread_kill(main.ident or 0, signal.SIGALRM))
    timer.daemon = True
    before = signal.signal(signal.SIGALRM, end)
    timer.start()
    try:
        with run_until(seconds):
            yield
    finally:
        timer.cancel()
        signal.signal(signal.SIGALRM, before)


def reached(seconds: float) -> str:
    """Return the message for a run that reached its deadline."""
    return (
        f"The run took longer than its deadline ({seconds:g} s). Kanport stopped it and sent"
        " nothing more."
    )
