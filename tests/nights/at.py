"""`kanport` at another time: at.py MOMENT LARGEST ARGUMENTS.

The clock says MOMENT (RFC 3339) at the start and goes on from there. LARGEST is how many bytes a
file may have, as on a disk that fills up; 0 is no limit.
"""

import datetime as calendar
import importlib
import resource
import sys
import time
from collections.abc import Callable

# Whoever asks for the time of day; the test looks whether anybody else did.
ASKING = (
    *("kanport.events", "kanport.monitoring"),
    *("kanport.pipeline.state_dir", "kanport.sources"),
)


def set_clock(moment: str) -> None:
    """Let it be this moment now, for everybody who asks."""
    real: Callable[[], float] = time.time
    ahead = calendar.datetime.fromisoformat(moment).timestamp() - real()

    class Datetime(calendar.datetime):
        @classmethod
        def now(cls, tz: calendar.tzinfo | None = None) -> "Datetime":
            return cls.fromtimestamp(real() + ahead, tz)

    for name in ASKING:
        importlib.import_module(name).datetime = Datetime  # type: ignore[attr-defined]
    time.time = lambda: real() + ahead
    # Of later versions of Python, `logging` asks for this one.
    time.time_ns = lambda: int((real() + ahead) * 1_000_000_000)


def main() -> None:
    """Set the clock and the limit, and do what `kanport` does."""
    moment, largest, *arguments = sys.argv[1:]
    set_clock(moment)
    if int(largest):
        # A file of bytecode that is cut off would break every later run.
        sys.dont_write_bytecode = True
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(largest), resource.RLIM_INFINITY))
    sys.argv[1:] = arguments
    from kanport.apply import concurrency
    from kanport.cli import main as kanport
    from kanport.kanboard import client

    # A test would only sit out the waits between two tries.
    concurrency.FIRST_PAUSE = client.FIRST_WAIT = 0.05
    kanport()


if __name__ == "__main__":
    main()
