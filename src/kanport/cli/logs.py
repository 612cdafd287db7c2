"""What `--verbose` shows: the log of a run on stderr, a line for each event."""

import logging
from collections.abc import Callable

from kanport.report.visible import escaped

LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class _OneLine(logging.Formatter):
    """Puts each event on one line in which every character can be seen."""

    def format(self, record: logging.LogRecord) -> str:
        return escaped(super().format(record))


def start_log(verbosity: int) -> Callable[[], None]:
    """Log to stderr what is done, and from a verbosity of 2 on each request; gives what ends it.

    Only Kanport's own events are shown: libraries log headers, which hold credentials.
    """
    logger = logging.getLogger("kanport")
    handler = logging.StreamHandler()
    handler.setFormatter(
        _OneLine("%(asctime)s %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S%z")
    )
    before = logger.level
    logger.setLevel(LEVELS[min(verbosity, len(LEVELS) - 1)])
    logger.addHandler(handler)

    def stop() -> None:
        logger.removeHandler(handler)
        logger.setLevel(before)

    return stop
